"""From a channel to its model: the profile and the standing feedback, refitted every time.

Nothing learned is stored, so there are no weights to drift: taking a vote back, replaying a day
and judging another setting are all the same computation on other values.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.domain import Channel, Feedback, Paper, Signal
from bot.store import Store
from bot.store import feedback as feedback_rows
from bot.store import papers as paper_rows
from ranking.document import Document

if TYPE_CHECKING:
    from ranking.interest import Interest, Model
    from ranking.vectors import Space, Vectors

BACKGROUND = 1_000  # papers that stand for the rest of the world
FEW = 400  # stored papers below which the bundled world stands beside them
SHARED = 4  # sets of papers whose vectors are kept at a time
AT_A_TIME = 64  # papers that are read between two pauses
VALUES = {Signal.LIKE: 1.0, Signal.DISLIKE: -1.0, Signal.SAVE: 2.0, Signal.SUBMIT: 1.0}


def to_document(paper: Paper) -> Document:
    """Return a paper as ranking sees it; its id is the stored number in decimal digits."""
    return Document(
        id=str(paper.id),
        title=paper.title,
        abstract=paper.abstract,
        authors=paper.authors,
        categories=paper.categories,
        upvotes=paper.upvotes,
    )


class Ranker:
    """The space and the background that all channels' models share."""

    def __init__(
        self, space: Space, background: Vectors, between: Callable[[], None] = lambda: None
    ) -> None:
        """``between`` is called now and then in long work and may wait."""
        self.space = space
        self.background = background
        self._between = between
        self._lock = threading.Lock()
        self._vectors: OrderedDict[tuple[int, ...], tuple[list[Paper], Vectors]] = OrderedDict()

    def vectors(self, papers: Sequence[Paper]) -> Vectors:
        """Return the papers' vectors; channels that look at the same papers share them."""
        numbers = tuple(paper.id for paper in papers)
        with self._lock:
            known = self._vectors.get(numbers)
        # A paper may have changed since; the same objects are compared at once.
        if known is not None and known[0] == list(papers):
            return known[1]
        documents = [to_document(paper) for paper in papers]
        made = _transform(self.space, documents, self._between)
        with self._lock:
            self._vectors[numbers] = (list(papers), made)
            self._vectors.move_to_end(numbers)
            if len(self._vectors) > SHARED:
                self._vectors.popitem(last=False)
        return made

    def model(self, interest: Interest) -> Model:
        """Fit the model of one interest."""
        from ranking.interest import fit

        return fit(self.space, interest, self.background)


def _transform(space: Space, documents: Sequence[Document], between: Callable[[], None]) -> Vectors:
    # The space remembers each paper that it has read, so that the whole costs little afterwards.
    for start in range(0, len(documents), AT_A_TIME):
        between()
        space.transform(documents[start : start + AT_A_TIME])
    return space.transform(documents)


def background_papers(connection: sqlite3.Connection) -> tuple[Paper, ...]:
    """Return the fixed sample against which scores are standardised.

    It is drawn from the first 2^k papers and so changes only when the store has doubled: a match
    means the same tomorrow, however many papers today brings.
    """
    return paper_rows.sample(connection, BACKGROUND, upto=_first(connection))


def background_step(connection: sqlite3.Connection) -> int:
    """Return the number that divides those of the sample's papers, now and once it is renewed."""
    return max(1, _first(connection) // BACKGROUND)


def _first(connection: sqlite3.Connection) -> int:
    # By the last number and not by a count: papers that were dropped make the store no younger.
    return 1 << max(0, paper_rows.newest(connection).bit_length() - 1)


def interest(
    connection: sqlite3.Connection,
    channel: Channel,
    now: datetime,
    *,
    feedback: Sequence[Feedback] | None = None,
) -> Interest:
    """Gather what a channel wants; ``feedback`` replaces what stands in the store (for replays)."""
    from ranking.interest import Interest, Vote

    rows = feedback_rows.active(connection, channel.id) if feedback is None else feedback
    voted = {
        paper.id: to_document(paper)
        for paper in paper_rows.papers(connection, dict.fromkeys(row.paper_id for row in rows))
    }
    seeds = (paper_rows.paper_by_handle(connection, seed) for seed in channel.profile.seeds)
    profile = channel.profile
    return Interest(
        terms=profile.terms,
        muted_terms=profile.muted_terms,
        authors=profile.authors,
        muted_authors=profile.muted_authors,
        categories=profile.categories,
        muted_categories=profile.muted_categories,
        seeds=tuple(to_document(paper) for paper in seeds if paper is not None),
        votes=tuple(
            Vote(
                document=voted[row.paper_id],
                person=row.person,
                value=VALUES[row.signal],
                age_days=max(0.0, (now - row.changed_at).total_seconds() / 86_400),
            )
            for row in rows
            if row.paper_id in voted
        ),
    )


class Rankers:
    """Hands out the current Ranker; it is made anew only when the background has changed.

    ``world`` are papers that stand beside the stored ones while those are few: against a handful
    of papers nothing can be called unusual. ``own`` reads the space that the installation fitted;
    it is asked at the first use and after ``renew``. ``between`` is called now and then in long
    work and may wait.
    """

    def __init__(
        self,
        store: Store,
        world: Sequence[Document] = (),
        own: Callable[[], Space | None] = lambda: None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._between = between
        self._world = tuple(world)
        self._own = own
        self._space: Space | None = None
        self._fitted_on = 0
        self._lock = threading.Lock()
        self._ranker: Ranker | None = None
        self._made_for: tuple[int, ...] = ()

    @property
    def fitted_on(self) -> int:
        """The number of papers that the own space was fitted on; 0 where there is none."""
        with self._lock:
            self._choose()
            return self._fitted_on

    def renew(self) -> None:
        """Look for an own space again at the next use."""
        with self._lock:
            self._space = self._ranker = None

    def current(self) -> Ranker:
        """Return the ranker for what the store holds now; safe from any thread."""
        with self._store.read() as connection:
            papers = background_papers(connection)
        made_for = tuple(paper.id for paper in papers)
        with self._lock:
            if self._ranker is None or made_for != self._made_for:
                space = self._choose()
                documents = [to_document(paper) for paper in papers]
                if len(documents) < FEW:
                    documents += self._world
                background = space.transform(documents)
                self._ranker = Ranker(space, background, self._between)
                self._made_for = made_for
            return self._ranker

    def _choose(self) -> Space:
        from ranking.hand_over import choose_space
        from ranking.vectors import Space

        if self._space is None:
            own = self._own()
            self._fitted_on = own.size if own else 0
            self._space = choose_space(Space.bundled(), own)
        return self._space


Judge = Callable[[Sequence[Paper]], Sequence[float]]


def judge(store: Store, rankers: Rankers, channel: Channel, now: datetime) -> Judge:
    """Return what scores papers for a channel; nothing is fitted before it is asked."""

    def score(papers: Sequence[Paper]) -> Sequence[float]:
        with store.read() as connection:
            wants = interest(connection, channel, now)
        model = rankers.current().model(wants)
        values: list[float] = model.score([to_document(one) for one in papers]).values.tolist()
        return values

    return score
