"""Scores that are weights times features, so that each can be taken apart again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.vectors import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights of a paper's TF-IDF (t,) and of its SVD (d,)."""

    tfidf: Array
    svd: Array

    def score(self, vectors: Vectors) -> Array:
        """Return (n,) scores."""
        return np.asarray(vectors.tfidf @ self.tfidf + vectors.svd @ self.svd, dtype=np.float64)

    def scaled(self, factor: float) -> Linear:
        return Linear(self.tfidf * factor, self.svd * factor)


@dataclass(frozen=True, slots=True)
class World:
    """The background, and which of its papers nobody voted on: only those set the standard."""

    vectors: Vectors
    unvoted: NDArray[np.bool_]

    def standard(self, values: Array) -> tuple[float, float]:
        """Return mean and spread of the background's scores; what does not vary is left so."""
        typical = values[self.unvoted]
        if len(typical) < 2:
            return 0.0, 1.0
        spread = float(typical.std())
        return float(typical.mean()), spread if spread > 1e-9 else 1.0

    def add(self, values: Array, total: Array, share: float = 1.0) -> tuple[Array, float, float]:
        """Return the total with these values standardised, what that shifts by, and the spread."""
        mean, spread = self.standard(values)
        return total + (values - mean) * (share / spread), -share * mean / spread, spread
