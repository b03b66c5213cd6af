"""Logistic regression on a few hundred papers, exact and repeatable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MOST_STEPS = 20


def kernel_logistic(
    gram: Array, positive: NDArray[np.bool_], mass: Array, *, held_out: bool = False
) -> tuple[Array, Array]:
    """Return dual weights (n,) of a weighted, L2-regularised logistic regression, and scores.

    ``gram`` (n, n) holds the inner products, ``mass`` (n,) what each row counts in the loss. The
    intercept is a constant feature, regularised like the others, and left out of the weights.
    Newton's method on the dual form (Zhu and Hastie 2005). The scores (n,) are those of the rows;
    with ``held_out`` each as if its row had been left out (the leave-one-out formula of the last
    least-squares step), without the intercept's part left out.
    """
    n = len(positive)
    kernel = gram + 1.0
    target = positive.astype(np.float64)
    loss = np.maximum(mass, 1e-9)
    alpha = np.zeros(n)
    score = np.zeros(n)
    curve, goal = loss, score
    for _ in range(MOST_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(score, -30, 30)))
        curve = np.maximum(loss * probability * (1.0 - probability), 1e-9)
        goal = score + loss * (target - probability) / curve
        root = np.sqrt(curve)
        new = root * np.linalg.solve(_inner(kernel, root), root * goal)
        moved = float(np.abs(new - alpha).max())
        alpha = new
        score = kernel @ alpha
        if moved < 1e-5 * max(1.0, float(np.abs(alpha).max())):
            break
    if held_out:
        root = np.sqrt(curve)
        inverse = root**2 * np.diag(np.linalg.inv(_inner(kernel, root)))
        score = goal - alpha / inverse
    return alpha, score


def _inner(kernel: Array, root: Array) -> Array:
    inner = root[:, None] * kernel * root[None, :]
    inner.flat[:: len(root) + 1] += 1.0
    return inner
