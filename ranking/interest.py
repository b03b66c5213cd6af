"""A channel's interest and the model fitted from it: every score is a sum of named parts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.document import Document
from ranking.evidence import Evidence, Vote, weigh
from ranking.follow import names_author, names_category
from ranking.logistic import kernel_logistic
from ranking.text import terms as text_terms
from ranking.vectors import Space, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Interest", "Model", "Scores", "Vote", "fit"]

FADE = 2.0  # likes after which the written profile weighs half
AUTHOR_BONUS = 3.0  # in standard deviations of the background
CATEGORY_BONUS = 1.0
UPVOTE_BONUS = 0.12  # for each natural logarithm of one plus the upvotes
TRAINED_ON = 250  # unlabelled papers that stand for the rest of the world
MIDDLE, SLOPE = 1.6, 1.3  # the score that means a match of 50, and how fast a match grows there


@dataclass(frozen=True, slots=True)
class Interest:
    """What a channel wants: written terms, follows and mutes, seed papers, and its votes."""

    terms: tuple[str, ...] = ()
    muted_terms: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    muted_categories: tuple[str, ...] = ()
    seeds: tuple[Document, ...] = ()
    votes: tuple[Vote, ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """``values``: (n,) float64 in standard deviations of the background; ``match``: (n,) 0..100."""

    values: NDArray[np.float64]
    match: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights over the four kinds of features; a paper's score is the sum of four products."""

    tfidf: NDArray[np.float64]  # (t,)
    bm25: NDArray[np.float64]  # (t,)
    svd: NDArray[np.float64]  # (d,)
    whitened: NDArray[np.float64]  # (d,)

    @staticmethod
    def zeros(space: Space) -> Linear:
        wide, low = space.columns, space.dimensions
        return Linear(np.zeros(wide), np.zeros(wide), np.zeros(low), np.zeros(low))

    def score(self, vectors: Vectors) -> NDArray[np.float64]:
        return np.asarray(
            vectors.tfidf @ self.tfidf
            + vectors.bm25 @ self.bm25
            + vectors.svd @ self.svd
            + vectors.whitened @ self.whitened,
            dtype=np.float64,
        )

    def scaled(self, factor: float) -> Linear:
        return Linear(
            self.tfidf * factor, self.bm25 * factor, self.svd * factor, self.whitened * factor
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted interest. The same interest, space and background give the same model."""

    space: Space
    interest: Interest
    written: Linear
    learned: Linear
    liked: tuple[Evidence, ...]
    liked_svd: NDArray[np.float64]  # (likes, d), already times what each like is worth
    centrality: NDArray[np.float64]  # (d,), zero unless the interest is empty
    offset: float

    def score(self, papers: Sequence[Document] | Vectors) -> Scores:
        """Return scores and matches, one for each paper in the given order."""
        vectors = papers if isinstance(papers, Vectors) else self.space.transform(papers)
        values = (
            self.written.score(vectors)
            + self.learned.score(vectors)
            + vectors.svd @ (self.liked_svd.sum(axis=0) + self.centrality)
            + np.array([self.follows(document) for document in vectors.documents])
            + self.offset
        )
        return Scores(values, match(values))

    def follows(self, document: Document) -> float:
        """Return what followed authors and categories and upvotes add to the paper's score."""
        return sum(value for _, _, value in self.bonuses(document))

    def bonuses(self, document: Document) -> list[tuple[str, str, float]]:
        """Return (name, kind, value) of each part that does not come from the paper's words."""
        found: list[tuple[str, str, float]] = []
        for author in self.interest.authors:
            if names_author(author, document.authors):
                found.append((author, "author", AUTHOR_BONUS))
                break
        for category in self.interest.categories:
            if names_category(category, document.categories):
                found.append((category, "category", CATEGORY_BONUS))
                break
        if document.upvotes:
            found.append(
                (
                    f"{document.upvotes} upvotes",
                    "upvotes",
                    UPVOTE_BONUS * math.log1p(max(0, document.upvotes)),
                )
            )
        return found


def match(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return scores as a match of 0 to 100."""
    return np.rint(100.0 / (1.0 + np.exp(-SLOPE * (values - MIDDLE)))).astype(np.int64)


def fit(
    space: Space,
    interest: Interest,
    background: Vectors | Sequence[Document],
    *,
    seed: int = 0,
) -> Model:
    """Fit a channel's model from its interest.

    ``background`` are papers nobody voted on, the same for every channel: they stand for the rest
    of the world in training, and scores are standardised against them. Never raises on content:
    an empty interest ranks by upvotes and closeness to the background's centre.
    """
    world = background if isinstance(background, Vectors) else space.transform(tuple(background))
    evidence = weigh(interest.votes, interest.seeds)
    liked = tuple(e for e in evidence if e.weight > 0)
    likes = sum(min(1.0, e.weight) for e in liked)
    written, written_shift = _written(space, interest.terms, world)
    has_words = bool(np.any(written.tfidf))
    fade = FADE / (FADE + likes) if liked else 1.0
    learned, liked_svd, learned_shift = _learned(space, evidence, world, seed)
    centrality = np.zeros(space.dimensions)
    if not has_words and not evidence and len(world):
        centrality = world.svd.mean(axis=0, dtype=np.float64)
    written = written.scaled(fade)
    offset = written_shift * fade + learned_shift
    raw = (
        written.score(world)
        + learned.score(world)
        + world.svd @ (liked_svd.sum(axis=0) + centrality)
        + offset
    )
    mean, spread = _standard(raw)
    return Model(
        space=space,
        interest=interest,
        written=written.scaled(1 / spread),
        learned=learned.scaled(1 / spread),
        liked=liked,
        liked_svd=liked_svd / spread,
        centrality=centrality / spread,
        offset=(offset - mean) / spread,
    )


def _standard(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and spread; values that do not vary are left as they are."""
    if len(values) < 2:
        return 0.0, 1.0
    spread = float(values.std())
    return float(values.mean()), spread if spread > 1e-9 else 1.0


def _written(space: Space, written: Sequence[str], world: Vectors) -> tuple[Linear, float]:
    counts: Counter[str] = Counter()
    for text in written:
        counts.update(text_terms(text))
    linear = Linear.zeros(space)
    weights: dict[int, float] = {}
    for term in sorted(counts):
        column = space.column(term)
        if column is not None:
            weights[column] = weights.get(column, 0.0) + counts[term]
    if not weights:
        return linear, 0.0
    columns = np.array(sorted(weights))
    tf = np.array([weights[c] for c in columns.tolist()])
    idf = np.array([space.weight(c) for c in columns.tolist()])
    tfidf = (1 + np.log(tf)) * idf
    linear.tfidf[columns] = tfidf / np.sqrt(tfidf @ tfidf)
    linear.bm25[columns] = tf
    covered = columns < len(space.basis)
    low = linear.tfidf[columns[covered]] @ space.basis[columns[covered]]
    if len(space.basis):
        linear.svd[:] = low / max(float(np.sqrt(low @ low)), 1e-9)
    shift = 0.0
    for values, feature in (
        (linear.tfidf, world.tfidf),
        (linear.bm25, world.bm25),
        (linear.svd, world.svd),
    ):
        mean, spread = _standard(np.asarray(feature @ values, dtype=np.float64))
        np.divide(values, spread, out=values)
        shift -= mean / spread
    return linear, shift


def _learned(
    space: Space, evidence: Sequence[Evidence], world: Vectors, seed: int
) -> tuple[Linear, NDArray[np.float64], float]:
    linear = Linear.zeros(space)
    liked_svd = np.zeros((0, space.dimensions))
    if not evidence:
        return linear, liked_svd, 0.0
    voted = space.transform([e.document for e in evidence])
    weight = np.array([e.weight for e in evidence])
    shift = 0.0
    positive = weight > 0
    if positive.any():
        share = weight[positive] / weight[positive].sum()
        liked_svd = voted.svd[positive] * share[:, None]
        mean, spread = _standard(world.svd @ liked_svd.sum(axis=0))
        liked_svd = liked_svd / spread
        shift -= mean / spread
    known = {e.document.id for e in evidence}
    others = [i for i, d in enumerate(world.documents) if d.id not in known]
    picked = np.random.RandomState(seed).permutation(len(others))[:TRAINED_ON]
    rest = world.take([others[i] for i in np.sort(picked)])
    y = np.concatenate([positive, np.zeros(len(rest), dtype=bool)])
    mass = np.zeros(len(y))
    n_likes = max(1.0, float(positive.sum()))
    for group in (np.flatnonzero(positive), np.flatnonzero(~positive)):
        if len(group):
            mass[group] = np.abs(weight[group]) / np.abs(weight[group]).sum() * n_likes
    if len(rest):
        mass[len(weight) :] = n_likes / len(rest)
    if positive.any() and (len(rest) or (~positive).any()):
        from scipy.sparse import vstack

        wide = vstack([voted.tfidf, rest.tfidf], format="csr")
        gram = np.asarray((wide @ wide.T).todense(), dtype=np.float64)
        alpha = kernel_logistic(gram, y, mass)
        linear.tfidf[:] = wide.T @ alpha
        low = np.concatenate([voted.whitened, rest.whitened]).astype(np.float64)
        alpha = kernel_logistic(low @ low.T, y, mass)
        linear.whitened[:] = low.T @ alpha
    else:
        linear.tfidf[:] = voted.tfidf.T @ (weight / np.abs(weight).sum())
    for values, feature in ((linear.tfidf, world.tfidf), (linear.whitened, world.whitened)):
        mean, spread = _standard(np.asarray(feature @ values, dtype=np.float64))
        np.divide(values, spread, out=values)
        shift -= mean / spread
    return linear, liked_svd, shift
