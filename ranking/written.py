"""The written profile as a score of its own: it stands alone until there are votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.linear import Linear, World
from ranking.text import terms as text_terms
from ranking.vectors import K1, Space, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranking.vectors import Sparse

    Array = NDArray[np.float64]

# Shares of the parts, each in standard deviations of the background.
COSINE, BM25, TOPIC, PHRASE, EXPANSION = 0.5, 2.5, 1.0, 1.0, 1.0
PAIR = 0.05  # a pair of words under BM25, whose words already count
EXPANDED_FROM = 15  # best matching background papers that lend their topic


@dataclass(frozen=True, slots=True)
class Written:
    """A score over the ``m`` columns of the written words, and their topic.

    ``bm25`` (m,) weighs the words; ``phrases`` (m, p) says how much of each written term a paper
    holds, 1 for all of it, and ``phrase_weight`` counts for the term that is held best: a channel
    of two topics is not asked for papers on both.
    """

    linear: Linear
    columns: NDArray[np.int64]
    bm25: Array
    phrases: Sparse
    phrase_weight: float
    shift: float

    def lexical(self, vectors: Vectors) -> Array:
        """Return (n,): the score without its linear part and without the shift."""
        words = vectors.bm25[:, self.columns]
        held, _ = self._held(words)
        return np.asarray(words @ self.bm25 + self.phrase_weight * held, dtype=np.float64)

    def best_phrase(self, vectors: Vectors) -> tuple[Array, NDArray[np.intp]]:
        """Return how much of its best held term each paper holds, and which term that is."""
        return self._held(vectors.bm25[:, self.columns])

    def _held(self, words: Sparse) -> tuple[Array, NDArray[np.intp]]:
        held = (words @ self.phrases).tocsr()
        best = np.zeros(held.shape[0])
        which = np.zeros(held.shape[0], dtype=np.intp)
        rows = np.repeat(np.arange(held.shape[0]), np.diff(held.indptr))
        # Per row the greatest value comes last, and of equal ones the first written.
        order = np.lexsort((-held.indices, held.data, rows))
        best[rows[order]] = held.data[order]
        which[rows[order]] = held.indices[order]
        return best, which

    def scaled(self, factor: float) -> Written:
        return Written(
            self.linear.scaled(factor),
            self.columns,
            self.bm25 * factor,
            self.phrases,
            self.phrase_weight * factor,
            self.shift * factor,
        )


def read_profile(
    space: Space, written: Sequence[str], world: World, *, expansion: float = 1.0
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
        known: list[int] = []
        for term in text_terms(text):
            column = space.column(term)
            if column is not None:
                known.append(column)
                if " " in term:
                    pairs.add(column)
        counts.update(known)
        unique = sorted(set(known))
        held.append((unique, (K1 + 1.0) * sum(space.weight(c) for c in unique)))
    if not counts:
        return None
    columns = np.array(sorted(counts), dtype=np.int64)
    tf = np.array([counts[c] for c in columns.tolist()], dtype=np.float64)
    idf = np.array([space.weight(c) for c in columns.tolist()])
    cosine = (1.0 + np.log(tf)) * idf
    cosine /= np.sqrt(cosine @ cosine)
    bm25 = tf * np.array([PAIR if c in pairs else 1.0 for c in columns.tolist()])
    covered = columns < len(space.basis)
    topic = cosine[covered] @ space.basis[columns[covered]].astype(np.float64)
    phrases = csc_matrix(
        (
            np.array([1.0 / whole for unique, whole in held for _ in unique]),
            np.searchsorted(columns, [c for unique, _ in held for c in unique]),
            np.cumsum([0] + [len(unique) for unique, _ in held]),
        ),
        shape=(len(columns), len(held)),
    ).tocsr()
    found = Written(Linear(np.zeros(space.columns), topic), columns, bm25, phrases, 1.0, 0.0)
    found.linear.tfidf[columns] = cosine
    scores = np.zeros(len(world.vectors))
    shift = 0.0
    words = world.vectors.bm25[:, columns]
    spreads: list[float] = []
    for values, share in (
        (world.vectors.tfidf @ found.linear.tfidf, COSINE),
        (world.vectors.svd @ topic, TOPIC),
        (words @ bm25, BM25),
        (found.best_phrase(world.vectors)[0], PHRASE),
    ):
        scores, moved, spread = world.add(np.asarray(values, dtype=np.float64), scores, share)
        shift += moved
        spreads.append(share / spread)
    topic = topic * spreads[1]
    if expansion > 0 and len(world.vectors) >= 2 * EXPANDED_FROM:
        centre = _best_topic(scores, world)
        scores, moved, spread = world.add(world.vectors.svd @ centre, scores, expansion * EXPANSION)
        shift += moved
        topic = topic + centre * (expansion * EXPANSION / spread)
    _, spread = world.standard(scores)
    found.linear.tfidf[columns] *= spreads[0]
    whole = Written(
        Linear(found.linear.tfidf, topic), columns, bm25 * spreads[2], phrases, spreads[3], shift
    )
    return whole.scaled(1.0 / spread), scores / spread


def _best_topic(scores: Array, world: World) -> Array:
    """Return the (d,) mean direction of the best scored papers, each by its score."""
    free = np.where(world.unvoted, scores, -np.inf)
    top = np.argsort(-free, kind="stable")[:EXPANDED_FROM]
    weight = np.maximum(free[top], 0.0)
    centre = weight @ world.vectors.svd[top] / max(float(weight.sum()), 1e-9)
    return np.asarray(centre, dtype=np.float64)
