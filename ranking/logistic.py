"""Logistic regression on a few hundred papers, exact and repeatable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MOST_STEPS = 25


def kernel_logistic(
    gram: Array, positive: NDArray[np.bool_], mass: Array, *, strength: float = 1.0
) -> Array:
    """Return dual weights (n,) of a weighted, L2-regularised logistic regression.

    ``gram`` (n, n) holds the inner products, ``mass`` (n,) what each row counts in the loss;
    ``strength`` is C. The intercept is a constant feature, regularised like the others, and left
    out of what is returned. Newton's method on the dual form (Zhu and Hastie 2005).
    """
    n = len(positive)
    kernel = gram + 1.0
    target = positive.astype(np.float64)
    loss = np.maximum(mass * strength, 1e-9)
    alpha = np.zeros(n)
    score = np.zeros(n)
    for _ in range(MOST_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(score, -30, 30)))
        curve = np.maximum(loss * probability * (1.0 - probability), 1e-9)
        goal = score + loss * (target - probability) / curve
        root = np.sqrt(curve)
        inner = root[:, None] * kernel * root[None, :]
        inner.flat[:: n + 1] += 1.0
        new = root * np.linalg.solve(inner, root * goal)
        moved = float(np.abs(new - alpha).max())
        alpha = new
        score = kernel @ alpha
        if moved < 1e-7 * max(1.0, float(np.abs(alpha).max())):
            break
    return alpha
