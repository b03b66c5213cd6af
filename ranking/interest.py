"""A channel's interest and the model fitted from it: every score is a sum of named parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.calibrate import USUAL, Curve, calibrate, match
from ranking.document import Document
from ranking.evidence import Evidence, Vote, weigh
from ranking.follow import names_author, names_category
from ranking.learned import Learned, learn
from ranking.linear import standard
from ranking.vectors import Space, Vectors
from ranking.written import Written, read_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Interest", "Model", "Scores", "Vote", "fit"]

FADE = 1.3  # what the written profile weighs beside one like's worth, over the root of 1 + likes
AUTHOR_BONUS = 3.0  # in standard deviations of the background
CATEGORY_BONUS = 1.0
UPVOTE_BONUS = 0.12  # for each natural logarithm of one plus the upvotes


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
class Model:
    """A fitted interest. The same interest, space and background give the same model.

    ``centrality`` (d,) is zero unless the interest has neither words nor votes.
    """

    space: Space
    interest: Interest
    written: Written | None
    learned: Learned | None
    centrality: NDArray[np.float64]
    offset: float
    curve: Curve = USUAL

    def score(self, papers: Sequence[Document] | Vectors) -> Scores:
        """Return scores and matches, one for each paper in the given order."""
        vectors = papers if isinstance(papers, Vectors) else self.space.transform(papers)
        values = self.words(vectors)
        values += [sum(b[2] for b in self.bonuses(document)) for document in vectors.documents]
        # What differs only by the order of summing is one score, so that ties go by id.
        values = np.round(values, 9)
        return Scores(values, match(values, self.curve))

    def words(self, vectors: Vectors) -> NDArray[np.float64]:
        """Return (n,): what the papers' words are worth, follows and upvotes left aside."""
        total = np.full(len(vectors), self.offset)
        if self.written:
            total += self.written.score(vectors)
        if self.learned:
            total += self.learned.score(vectors)
        if self.centrality.any():
            total += vectors.svd.astype(np.float64) @ self.centrality
        # A paper without a word to go by is at most an average one.
        wordless = np.diff(vectors.tfidf.indptr) == 0
        total[wordless] = np.minimum(total[wordless], 0.0)
        return total

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
        if document.upvotes and document.upvotes > 0:
            name = f"{document.upvotes} upvote{'' if document.upvotes == 1 else 's'}"
            found.append((name, "upvotes", UPVOTE_BONUS * math.log1p(document.upvotes)))
        return found


def fit(
    space: Space,
    interest: Interest,
    background: Vectors | Sequence[Document],
    *,
    seed: int = 0,
) -> Model:
    """Fit a channel's model from its interest.

    ``background`` are papers nobody voted on, the same for every channel: they stand for the rest
    of the world in training, and scores are standardised against them, never against the day's
    papers. Never raises on content: an interest without words and votes ranks by upvotes, follows
    and closeness to the background's centre.
    """
    world = background if isinstance(background, Vectors) else space.transform(tuple(background))
    evidence = _telling(space, weigh(interest.votes, interest.seeds))
    likes = sum(min(1.0, e.weight) for e in evidence if e.weight > 0)
    profile = read_profile(space, interest.terms, world, expansion=1.0 / (1.0 + likes))
    taught = learn(space, evidence, world, seed) if evidence else None
    fade = FADE / math.sqrt(1.0 + likes) if taught else 1.0
    centrality = np.zeros(space.dimensions)
    scores = np.zeros(len(world))
    if profile:
        scores += fade * profile[1]
    if taught:
        scores += taught[1]
    if not profile and not taught and len(world):
        centrality = world.svd.mean(axis=0, dtype=np.float64)
        scores = world.svd.astype(np.float64) @ centrality
    mean, spread = standard(scores)
    model = Model(
        space=space,
        interest=interest,
        written=profile[0].scaled(fade / spread) if profile else None,
        learned=taught[0].scaled(1.0 / spread) if taught else None,
        centrality=centrality / spread,
        offset=-mean / spread,
    )
    return _calibrated(model)


def _telling(space: Space, evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Leave out voted papers that have no word to learn from."""
    words = np.diff(space.transform([e.document for e in evidence]).tfidf.indptr)
    return tuple(e for e, count in zip(evidence, words.tolist(), strict=True) if count)


def _calibrated(model: Model) -> Model:
    """Return the model with its match fitted to its votes, where they are enough."""
    learned = model.learned
    if learned is None or not learned.voted:
        return model
    scores = learned.held_out + model.offset
    if model.written:
        scores = scores + model.written.score(model.space.transform(learned.voted))
    return Model(
        space=model.space,
        interest=model.interest,
        written=model.written,
        learned=learned,
        centrality=model.centrality,
        offset=model.offset,
        curve=calibrate(scores, learned.voted_for),
    )
