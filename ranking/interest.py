"""A channel's interest and the model fitted from it: every score is a sum of named parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ranking.calibrate import USUAL, Curve, calibrate, match
from ranking.document import Document
from ranking.evidence import Vote, weigh
from ranking.follow import names_author, names_category
from ranking.learned import Learned, learn
from ranking.linear import Linear, World
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

    ``linear`` is all that is linear in a paper's features, of the written and the learned part and
    of ``centrality`` (d,), which is zero unless the interest has neither words nor votes.
    """

    space: Space
    interest: Interest
    written: Written | None
    learned: Learned | None
    linear: Linear
    centrality: NDArray[np.float64]
    offset: float
    curve: Curve = USUAL

    def score(self, papers: Sequence[Document] | Vectors) -> Scores:
        """Return scores and matches, one for each paper in the given order."""
        vectors = papers if isinstance(papers, Vectors) else self.space.transform(papers)
        values = self.words(vectors) + self._bonus(vectors.documents)
        # What differs only by the order of summing is one score, so that ties go by id.
        values = np.round(values, 9)
        return Scores(values, match(values, self.curve))

    def words(self, vectors: Vectors) -> NDArray[np.float64]:
        """Return (n,): what the papers' words are worth, follows and upvotes left aside."""
        total = self.linear.score(vectors) + self.offset
        if self.written:
            total += self.written.lexical(vectors)
        if self.learned:
            total += self.learned.likeness(vectors)
        # A paper without a word to go by is at most an average one.
        wordless = np.diff(vectors.tfidf.indptr) == 0
        total[wordless] = np.minimum(total[wordless], 0.0)
        return total

    def _bonus(self, documents: Sequence[Document]) -> NDArray[np.float64]:
        if self.interest.authors or self.interest.categories:
            return np.array([sum(bonus[2] for bonus in self.bonuses(d)) for d in documents])
        upvotes = np.array([d.upvotes or 0 for d in documents], dtype=np.float64)
        return UPVOTE_BONUS * np.log1p(np.maximum(upvotes, 0.0))

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
    vectors = background if isinstance(background, Vectors) else space.transform(background)
    evidence = weigh(interest.votes, interest.seeds)
    voted = space.transform([e.document for e in evidence])
    telling = np.flatnonzero(np.diff(voted.tfidf.indptr))
    if len(telling) < len(evidence):
        # A paper without a word teaches nothing.
        evidence, voted = tuple(evidence[i] for i in telling), voted.take(telling)
    voted_on = {e.document.id for e in evidence}
    world = World(vectors, np.array([d.id not in voted_on for d in vectors.documents], dtype=bool))
    likes = sum(min(1.0, e.weight) for e in evidence if e.weight > 0)
    profile = read_profile(space, interest.terms, world, expansion=1.0 / (1.0 + likes))
    taught = learn(evidence, voted, world, seed) if evidence else None
    fade = FADE / math.sqrt(1.0 + likes) if taught else 1.0
    centrality = np.zeros(space.dimensions)
    scores = np.zeros(len(vectors))
    if profile:
        scores += fade * profile[1]
    if taught:
        scores += taught[1]
    if not profile and not taught and len(vectors):
        centrality = vectors.svd.mean(axis=0)
        scores = vectors.svd @ centrality
    mean, spread = world.standard(scores)
    model = _assembled(
        space,
        interest,
        profile[0].scaled(fade / spread) if profile else None,
        taught[0].scaled(1.0 / spread) if taught else None,
        centrality / spread,
        -mean / spread,
    )
    return _calibrated(model, voted)


def _assembled(
    space: Space,
    interest: Interest,
    written: Written | None,
    learned: Learned | None,
    centrality: NDArray[np.float64],
    offset: float,
) -> Model:
    tfidf, svd = np.zeros(space.columns), centrality
    for part in (written, learned):
        if part:
            tfidf = tfidf + part.linear.tfidf if tfidf.any() else part.linear.tfidf
            svd = svd + part.linear.svd
            offset += part.shift
    return Model(
        space=space,
        interest=interest,
        written=written,
        learned=learned,
        linear=Linear(tfidf, svd),
        centrality=centrality,
        offset=offset,
    )


def _calibrated(model: Model, voted: Vectors) -> Model:
    """Return the model with its match fitted to its votes, where they are enough."""
    learned = model.learned
    if learned is None or not learned.voted:
        return model
    scores = learned.held_out + model.offset - learned.shift
    if model.written:
        rows = voted.take(learned.voted)
        scores = scores + model.written.linear.score(rows) + model.written.lexical(rows)
    return replace(model, curve=calibrate(scores, learned.voted_for))
