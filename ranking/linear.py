"""Scores that are weights times features, so that each can be taken apart again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.vectors import Space, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights over the three kinds of features; a score is the sum of three products."""

    tfidf: Array  # (t,)
    bm25: Array  # (t,)
    svd: Array  # (d,)

    @staticmethod
    def zeros(space: Space) -> Linear:
        wide = space.columns
        return Linear(np.zeros(wide), np.zeros(wide), np.zeros(space.dimensions))

    def score(self, vectors: Vectors) -> Array:
        """Return (n,) scores."""
        total = vectors.svd.astype(np.float64) @ self.svd
        for feature, weights in ((vectors.tfidf, self.tfidf), (vectors.bm25, self.bm25)):
            if weights.any():
                total = total + feature @ weights
        return np.asarray(total, dtype=np.float64)

    def scaled(self, factor: float) -> Linear:
        return Linear(self.tfidf * factor, self.bm25 * factor, self.svd * factor)


def standard(values: Array) -> tuple[float, float]:
    """Return mean and spread of a background's scores; what does not vary is left as it is."""
    if len(values) < 2:
        return 0.0, 1.0
    spread = float(values.std())
    return float(values.mean()), spread if spread > 1e-9 else 1.0
