"""The written profile as a score of its own: it stands alone until there are votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.linear import Linear, standard
from ranking.text import terms as text_terms
from ranking.vectors import K1, Space, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranking.vectors import Sparse

    Array = NDArray[np.float64]

# Shares of the parts, each in standard deviations of the background.
COSINE, BM25, TOPIC, PHRASE, EXPANSION = 0.5, 1.5, 1.0, 0.75, 1.0
PAIR = 0.3  # a pair of words under BM25, whose words already count
EXPANDED_FROM = 15  # best matching background papers that lend their topic


@dataclass(frozen=True, slots=True)
class Written:
    """``phrases`` (t, p) says how much of each written term a paper holds, 1 for all of it.

    The score is the linear part, and ``phrase_weight`` for the term that is held best: a channel
    of two topics is not asked for papers on both.
    """

    linear: Linear
    phrases: Sparse
    phrase_weight: float
    shift: float

    def score(self, vectors: Vectors) -> Array:
        """Return (n,) scores."""
        best, _ = self.best_phrase(vectors)
        return self.linear.score(vectors) + self.phrase_weight * best + self.shift

    def best_phrase(self, vectors: Vectors) -> tuple[Array, NDArray[np.intp]]:
        """Return how much of its best held term each paper holds, and which term that is."""
        best = np.zeros(len(vectors))
        which = np.zeros(len(vectors), dtype=np.intp)
        if not self.phrase_weight:
            return best, which
        held = (vectors.bm25 @ self.phrases).tocsr()
        rows = np.repeat(np.arange(len(vectors)), np.diff(held.indptr))
        # Per row the greatest value comes last, and of equal ones the first written.
        order = np.lexsort((-held.indices, held.data, rows))
        best[rows[order]] = held.data[order]
        which[rows[order]] = held.indices[order]
        return best, which

    def scaled(self, factor: float) -> Written:
        return Written(
            self.linear.scaled(factor),
            self.phrases,
            self.phrase_weight * factor,
            self.shift * factor,
        )


def read_profile(
    space: Space, written: Sequence[str], world: Vectors, *, expansion: float = 1.0
) -> tuple[Written, Array] | None:
    """Return the written terms as a score in standard deviations of ``world``, and its scores.

    None where there is no word to go by.

    TF-IDF cosine, SVD cosine, BM25, the best held term, and the topic of the background papers
    that match best (pseudo-relevance feedback, Rocchio 1971), weighed by ``expansion``.
    """
    from scipy.sparse import csc_matrix

    counts: Counter[int] = Counter()
    pairs: set[int] = set()
    held: list[tuple[list[int], float]] = []
    for text in written:
        columns: list[int] = []
        for term in text_terms(text):
            column = space.column(term)
            if column is not None:
                columns.append(column)
                if " " in term:
                    pairs.add(column)
        counts.update(columns)
        unique = sorted(set(columns))
        held.append((unique, (K1 + 1.0) * sum(space.weight(c) for c in unique)))
    if not counts:
        return None
    wide = np.array(sorted(counts))
    tf = np.array([counts[c] for c in wide.tolist()], dtype=np.float64)
    idf = np.array([space.weight(c) for c in wide.tolist()])
    linear = Linear.zeros(space)
    tfidf = (1.0 + np.log(tf)) * idf
    linear.tfidf[wide] = tfidf / np.sqrt(tfidf @ tfidf)
    linear.bm25[wide] = tf * np.array([PAIR if c in pairs else 1.0 for c in wide.tolist()])
    covered = wide[wide < len(space.basis)]
    low = linear.tfidf[covered] @ space.basis[covered].astype(np.float64)
    linear.svd[:] = low / max(float(np.sqrt(low @ low)), 1e-9)
    phrases = csc_matrix(
        (
            np.array([1.0 / whole for columns, whole in held for _ in columns]),
            np.array([c for columns, _ in held for c in columns], dtype=np.int64),
            np.cumsum([0] + [len(columns) for columns, _ in held]),
        ),
        shape=(space.columns, len(held)),
    ).tocsr()
    shift = 0.0
    for weights, feature, share in (
        (linear.tfidf, world.tfidf, COSINE),
        (linear.bm25, world.bm25, BM25),
        (linear.svd, world.svd, TOPIC),
    ):
        mean, spread = standard(np.asarray(feature @ weights, dtype=np.float64))
        np.multiply(weights, share / spread, out=weights)
        shift -= share * mean / spread
    found = Written(linear, phrases, 1.0, 0.0)
    mean, spread = standard(found.best_phrase(world)[0])
    found = Written(linear, phrases, PHRASE / spread, shift - PHRASE * mean / spread)
    scores = found.score(world)
    if expansion > 0 and len(world) >= 2 * EXPANDED_FROM:
        found, scores = _expanded(found, scores, world, expansion * EXPANSION)
    _, spread = standard(scores)
    return found.scaled(1.0 / spread), scores / spread


def _expanded(found: Written, scores: Array, world: Vectors, share: float) -> tuple[Written, Array]:
    top = np.argsort(-scores, kind="stable")[:EXPANDED_FROM]
    weight = np.maximum(scores[top], 0.0)
    if not weight.any():
        return found, scores
    centre = (weight / weight.sum()) @ world.svd[top].astype(np.float64)
    close = world.svd @ centre
    mean, spread = standard(close)
    linear = Linear(
        found.linear.tfidf, found.linear.bm25, found.linear.svd + centre * (share / spread)
    )
    shift = found.shift - share * mean / spread
    expanded = Written(linear, found.phrases, found.phrase_weight, shift)
    return expanded, scores + (close - mean) * (share / spread)
