"""Logistic regression on a few hundred papers, exact and repeatable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MOST_STEPS = 20


def kernel_logistic(
    gram: Array, positive: NDArray[np.bool_], mass: Array, *, held_out: int = 0
) -> tuple[Array, Array]:
    """Return dual weights (n,) of a weighted, L2-regularised logistic regression, and scores.

    ``gram`` (n, n) holds the inner products, ``mass`` (n,) what each row counts in the loss. The
    intercept is a constant feature, regularised like the others, and no part of the weights.
    Newton's method on the dual form (Zhu and Hastie 2005). The scores (n,) are those of the rows,
    intercept included; the first ``held_out`` of them as if the row had been left out (the
    leave-one-out formula of the last least-squares step).
    """
    from scipy.linalg.lapack import dpotrf, dpotrs

    n = len(positive)
    kernel = gram + 1.0
    target = positive.astype(np.float64)
    loss = np.maximum(mass, 1e-9)
    alpha = np.zeros(n)
    score = np.zeros(n)
    goal, root, factor = score, score, kernel
    for _ in range(MOST_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(score, -30, 30)))
        curve = np.maximum(loss * probability * (1.0 - probability), 1e-9)
        goal = score + loss * (target - probability) / curve
        root = np.sqrt(curve)
        inner = root[:, None] * kernel * root
        inner.flat[:: n + 1] += 1.0
        # The identity has been added to a Gram matrix: it is always positive definite.
        factor, _ = dpotrf(inner, lower=1, overwrite_a=1)
        new = root * dpotrs(factor, root * goal, lower=1)[0]
        moved = float(np.abs(new - alpha).max())
        alpha = new
        score = kernel @ alpha
        if moved < 1e-4 * max(1.0, float(np.abs(alpha).max())):
            break
    if held_out:
        units = np.eye(n, held_out)
        inverse = np.diagonal(dpotrs(factor, units, lower=1)[0][:held_out])
        score[:held_out] = goal[:held_out] - alpha[:held_out] / (root[:held_out] ** 2 * inverse)
    return alpha, score
