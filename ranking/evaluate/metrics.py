"""Metrics of one ranking: each takes relevance or gains in ranked order, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ndcg(gains: NDArray[np.float64], depth: int = 10) -> float:
    """Return normalised discounted cumulative gain at ``depth``, gains as they are (linear)."""
    discount = 1.0 / np.log2(np.arange(2, depth + 2))
    top = gains[:depth]
    ideal = np.sort(gains)[::-1][:depth]
    best = float(ideal @ discount[: len(ideal)])
    return float(top @ discount[: len(top)]) / best if best > 0 else 0.0


def average_precision(relevant: NDArray[np.bool_]) -> float:
    """Return the mean, over relevant papers, of the precision at their ranks."""
    hits = np.flatnonzero(relevant)
    if not len(hits):
        return 0.0
    return float(np.mean(np.arange(1, len(hits) + 1) / (hits + 1)))


def recall(relevant: NDArray[np.bool_], depth: int = 20) -> float:
    """Return the share of the relevant papers that stand in the first ``depth``."""
    total = int(relevant.sum())
    return float(relevant[:depth].sum()) / total if total else 0.0


def auc(relevant: NDArray[np.bool_]) -> float:
    """Return the chance that a relevant paper stands before another; 0.5 without both kinds."""
    hits = np.flatnonzero(relevant)
    others = len(relevant) - len(hits)
    if not len(hits) or not others:
        return 0.5
    before = hits - np.arange(len(hits))
    return float(1.0 - before.sum() / (len(hits) * others))
