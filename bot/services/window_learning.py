"""What a channel's model knows, as the page shows it: terms, precision, the map, what-ifs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from bot import profiles
from bot.domain import Channel, Digest, Feedback, Mode, Paper, Profile, Signal
from bot.services.choose import Chooser, Pick
from bot.services.ranker import Ranker, Rankers, interest, to_document
from bot.store import Store, digests, feedback, outbox, window
from bot.store import papers as paper_rows
from bot.store import passed as passed_rows
from bot.store.passed import Passed
from bot.views import Effect, Precision, ProfileView, Rank, Rerun, Spot, Term

if TYPE_CHECKING:
    from ranking.interest import Interest, Model
    from ranking.vectors import Vectors

TERMS = 24
COMPARED_TERMS = 100_000
MOVED_TERMS = 5
SPOTS = 300
DIGESTS = 60
VOTES = 6  # of which the effect is shown
SEEN_PAPERS = 300
KEPT_MODELS = 32
KEPT_LISTINGS = 16
TRENDING_ONLY = (
    "This channel posts trending papers only; to use interests: /papers settings mode=interests"
)
LEAST = 0.005  # a weight that moved by less did not move


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_Terms = tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class _Listing:
    """The last listing a channel's digest looked at, and what was posted of it."""

    slot: str
    papers: tuple[Paper, ...]
    posted: dict[int, tuple[int, int | None]]  # paper: number and match
    seen: tuple[Paper, ...]


class Kept(Generic[K, V]):
    """The newest values of what is costly to make, by what they were made of."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return what is kept, or make it; two at once may both make it."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


class Learning:
    """Fits models for looking at; the same interest is fitted once."""

    def __init__(self, store: Store, rankers: Rankers) -> None:
        self._store = store
        self._rankers = rankers
        self._models: Kept[tuple[Ranker, Interest], Model] = Kept(KEPT_MODELS)
        self._terms: Kept[tuple[Ranker, Interest], _Terms] = Kept(KEPT_MODELS)
        self._listings: Kept[int, _Listing] = Kept(KEPT_LISTINGS)
        self._ranker: tuple[int, Ranker] | None = None

    def profile(self, channel: Channel, now: datetime) -> ProfileView:
        """Gather a channel's profile page."""
        from ranking.explain import terms

        ranker = self._current()
        wants = self._wants(channel, now)
        model = self._model(ranker, wants)
        written = {term.casefold() for term in channel.profile.terms}
        muted = {term.casefold() for term in channel.profile.muted_terms}
        rows = tuple(
            Term(
                name,
                by_hand,
                learned,
                "written"
                if name.casefold() in written
                else ("muted" if name.casefold() in muted else ""),
            )
            for name, by_hand, learned in self._terms.get(
                (ranker, wants), lambda: terms(model, TERMS)
            )
            if abs(by_hand + learned) > LEAST
        )
        with self._store.read() as connection:
            precision: tuple[Precision, ...] = window.precision(connection, channel.id, DIGESTS)
            posted = digests.posted(connection, channel.id, SPOTS)
            votes = feedback.active(connection, channel.id)
            voted = paper_rows.papers(
                connection, dict.fromkeys(row.paper_id for row in votes[-SPOTS:])
            )
        notes = profiles.warn(channel.profile)
        if channel.mode is Mode.TRENDING:
            notes = (TRENDING_ONLY, *notes)
        return ProfileView(
            items=profiles.items(channel.profile),
            terms=rows,
            precision=precision,
            spots=_spots(ranker, [*posted, *voted], votes),
            notes=notes,
        )

    def rerun(self, channel: Channel, before: Profile | None, now: datetime) -> Rerun | None:
        """Rank the channel's last listing as things stand; compare as ``Window.rerun`` says."""
        listing = self._listing(channel)
        if listing is None:
            return None
        ranker = self._current()
        picks, passed = self._choose(ranker, channel, self._wants(channel, now), listing)
        earlier = listing.posted
        if before is not None:
            other = replace(channel, profile=before)
            old, _ = self._choose(ranker, other, self._wants(other, now), listing)
            earlier = {pick.paper.id: (pick.number, pick.match) for pick in old}
        return Rerun(listing.slot, len(listing.papers), _compare(picks, passed, earlier, listing))

    def effects(
        self, channel: Channel, paper_id: int, person: str, now: datetime
    ) -> tuple[Effect, ...]:
        """Take each vote on a paper out in turn and tell what that changes."""
        with self._store.read() as connection:
            rows = feedback.active(connection, channel.id)
            mine = window.votes_on(connection, channel.id, paper_id, VOTES)
            paper = paper_rows.paper(connection, paper_id)
        if paper is None or not mine:
            return ()
        ranker = self._current()
        listing = self._listing(channel)
        wants = self._wants(channel, now)
        found = []
        for vote in mine:
            without = self._wants(channel, now, [row for row in rows if row != vote])
            effect = self._effect(ranker, channel, paper, vote, wants, without, listing)
            found.append(replace(effect, mine=vote.person == person))
        return tuple(sorted(found, key=lambda effect: not effect.mine))

    def _effect(
        self,
        ranker: Ranker,
        channel: Channel,
        paper: Paper,
        vote: Feedback,
        wants: Interest,
        without: Interest,
        listing: _Listing | None,
    ) -> Effect:
        from ranking.explain import terms

        now_model, then_model = self._model(ranker, wants), self._model(ranker, without)
        document = to_document(paper)
        heavier: dict[str, float] = {}
        # Both are asked for the same names, those of everything that was voted on.
        named = replace(then_model, interest=wants)
        for model, sign in ((now_model, 1.0), (named, -1.0)):
            for name, by_hand, learned in terms(model, COMPARED_TERMS):
                heavier[name] = heavier.get(name, 0.0) + sign * (by_hand + learned)
        moved = sorted(heavier.items(), key=lambda row: (-abs(row[1]), row[0]))
        places: tuple[Rank, ...] = ()
        if listing is not None:
            picks, passed = self._choose(ranker, channel, wants, listing)
            old, _ = self._choose(ranker, channel, without, listing)
            earlier = {pick.paper.id: (pick.number, pick.match) for pick in old}
            places = tuple(
                rank
                for rank in _compare(picks, passed, earlier, listing)
                if rank.number != rank.before
            )
        return Effect(
            signal=vote.signal,
            mine=False,
            match=int(now_model.score([document]).match[0]),
            match_without=int(then_model.score([document]).match[0]),
            terms=tuple((n, v) for n, v in moved[:MOVED_TERMS] if abs(v) > LEAST),
            moved=places,
        )

    def _wants(
        self, channel: Channel, now: datetime, rows: Sequence[Feedback] | None = None
    ) -> Interest:
        # To the hour: a vote's age changes its weight too little to fit the same model again.
        hour = now.replace(minute=0, second=0, microsecond=0)
        with self._store.read() as connection:
            return interest(connection, channel, hour, feedback=rows)

    def _model(self, ranker: Ranker, wants: Interest) -> Model:
        return self._models.get((ranker, wants), lambda: ranker.model(wants))

    def _current(self) -> Ranker:
        """Return the ranker; its background changes only when the store has doubled."""
        with self._store.read() as connection:
            size = paper_rows.count(connection).bit_length()
        kept = self._ranker
        if kept is None or kept[0] != size:
            kept = self._ranker = (size, self._rankers.current())
        return kept[1]

    def _listing(self, channel: Channel) -> _Listing | None:
        with self._store.read() as connection:
            last = window.last_considered(connection, channel.id)
        if last is None:
            return None
        return self._listings.get(last.id, lambda: self._read_listing(last))

    def _read_listing(self, last: Digest) -> _Listing:
        with self._store.read() as connection:
            deliveries = outbox.digest_deliveries(connection, last.id)
            posted = {
                one.paper_id: (one.number, one.match)
                for one in deliveries
                if one.label in {"", "exploration"}
            }
            passed = [one.paper_id for one in passed_rows.of_digest(connection, last.id)]
            papers = paper_rows.papers(connection, sorted({*posted, *passed}))
            considered = {one.paper_id for one in deliveries} | set(passed)
            seen = tuple(
                paper
                for paper in digests.posted(connection, last.channel_id, SEEN_PAPERS)
                if paper.id not in considered
            )
        return _Listing(last.slot, papers, posted, seen)

    def _choose(
        self, ranker: Ranker, channel: Channel, wants: Interest, listing: _Listing
    ) -> tuple[list[Pick], list[Passed]]:
        fitted = _Fitted(ranker, self._model(ranker, wants))
        # The votes on these very papers came after the digest: they were news to it.
        own = {str(paper.id) for paper in listing.papers}
        before = replace(wants, votes=tuple(v for v in wants.votes if v.document.id not in own))
        chooser = Chooser(fitted, channel, before, listing.seen)
        return chooser.by_interest(listing.papers, channel.size)


class _Fitted(Ranker):
    """A ranker whose one model is fitted already; it shares the vectors of the one it is of."""

    def __init__(self, ranker: Ranker, fitted: Model) -> None:
        super().__init__(ranker.space, ranker.background)
        self._ranker = ranker
        self._fitted = fitted

    def vectors(self, papers: Sequence[Paper]) -> Vectors:
        return self._ranker.vectors(papers)

    def model(self, interest: Interest) -> Model:  # noqa: ARG002  it was fitted for this one
        return self._fitted


def _compare(
    picks: Sequence[Pick],
    passed: Sequence[Passed],
    earlier: dict[int, tuple[int, int | None]],
    listing: _Listing,
) -> tuple[Rank, ...]:
    nothing: tuple[int | None, int | None] = (None, None)
    ranks = [
        Rank(
            pick.paper.handle,
            pick.paper.title,
            pick.number,
            pick.match,
            *earlier.get(pick.paper.id, nothing),
            words=pick.reason,
        )
        for pick in picks
    ]
    chosen = {pick.paper.id for pick in picks}
    fell = {one.paper_id: one for one in passed}
    titles = {paper.id: paper for paper in listing.papers}
    for paper_id, (number, match) in sorted(earlier.items(), key=lambda row: row[1][0]):
        if paper_id not in chosen and paper_id in titles:
            drop, paper = fell.get(paper_id), titles[paper_id]
            now_match, words = (drop.match, drop.words) if drop else (None, "")
            ranks.append(Rank(paper.handle, paper.title, None, now_match, number, match, words))
    return tuple(ranks)


def _spots(ranker: Ranker, papers: Sequence[Paper], votes: Sequence[Feedback]) -> tuple[Spot, ...]:
    """Place papers by the two directions in which they differ most (PCA of their SVD rows)."""
    import numpy as np

    distinct = list({paper.id: paper for paper in papers}.values())
    if len(distinct) < 3:
        return ()
    said: dict[int, int] = {}
    for vote in votes:
        value = -1 if vote.signal is Signal.DISLIKE else 1
        said[vote.paper_id] = said.get(vote.paper_id, 0) + value
    rows = ranker.space.transform([to_document(paper) for paper in distinct]).svd
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    low = np.zeros((len(distinct), 2))
    for i, direction in enumerate(directions[:2]):
        # The decomposition leaves the sign open; the map must not flip between two looks.
        sign = 1.0 if direction[int(np.argmax(np.abs(direction)))] > 0 else -1.0
        low[:, i] = centred @ (direction * sign)
    width = np.maximum(low.max(axis=0) - low.min(axis=0), 1e-9)
    placed = (low - low.min(axis=0)) / width
    return tuple(
        Spot(
            paper.handle,
            paper.title,
            round(float(x), 4),
            round(float(y), 4),
            (said.get(paper.id, 0) > 0) - (said.get(paper.id, 0) < 0),
        )
        for paper, (x, y) in zip(distinct, placed, strict=True)
    )
