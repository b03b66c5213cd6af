"""What the web page shows, as values, and the Protocol of whoever gathers them from the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.domain import (
    Card,
    Channel,
    Delivery,
    Digest,
    Message,
    MessageState,
    Paper,
    Person,
    Profile,
    Signal,
)
from bot.ports import Health


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. Without ``private`` no trace of a private channel is in any answer."""

    person: Person
    private: bool = False


# --- days, weeks, months ------------------------------------------------------------------------


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """A day, an ISO week or a month; ``first`` is its first day."""

    period: Period
    first: date

    @property
    def last(self) -> date:
        """Return its last day."""
        if self.period is Period.DAY:
            return self.first
        if self.period is Period.WEEK:
            return self.first + timedelta(days=6)
        return (self.first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)

    @property
    def text(self) -> str:
        """Return ``2026-06-12``, ``2026-W24`` or ``2026-06``."""
        if self.period is Period.DAY:
            return self.first.isoformat()
        if self.period is Period.WEEK:
            year, week, _ = self.first.isocalendar()
            return f"{year:04}-W{week:02}"
        return self.first.isoformat()[:7]


def span_of(period: Period, day: date) -> Span:
    """Return the span of a kind that a day lies in."""
    if period is Period.WEEK:
        # The first week of year 1 began before the calendar does.
        back = min(day.weekday(), (day - date.min).days)
        return Span(period, day - timedelta(days=back))
    return Span(period, day.replace(day=1) if period is Period.MONTH else day)


def read_span(period: Period, text: str) -> Span | None:
    """Read what ``Span.text`` writes; None where it is none."""
    try:
        if period is Period.WEEK:
            year, week = text.split("-W")
            return Span(period, date.fromisocalendar(int(year), int(week), 1))
        return span_of(period, date.fromisoformat(f"{text}-01" if period is Period.MONTH else text))
    except ValueError:
        return None


# --- channels and digests -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel in a list. ``next_at`` is None while it is paused or left."""

    channel: Channel
    private: bool
    next_slot: str
    next_at: datetime | None
    last: Digest | None
    waiting: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands on one paper of a channel: the viewer's own signals, and everyone's counts."""

    paper_id: int | None = None
    mine: frozenset[Signal] = frozenset()
    tally: tuple[tuple[Signal, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PostedCard:
    """A paper as it was posted; ``remote_id`` is None until the platform has it."""

    card: Card
    delivery: Delivery
    remote_id: str | None
    state: MessageState
    marks: Marks


@dataclass(frozen=True, slots=True)
class DigestView:
    digest: Digest
    cards: tuple[PostedCard, ...]


@dataclass(frozen=True, slots=True)
class DigestPage:
    """The digests of a span, newest first, and the nearest spans before and after that have any."""

    span: Span
    digests: tuple[DigestView, ...]
    earlier: Span | None
    later: Span | None
    days: tuple[tuple[date, int], ...]  # days of the span with a digest, and papers posted


@dataclass(frozen=True, slots=True)
class Rising:
    """A much upvoted paper; ``delivery`` tells when the channel got it, None where it did not."""

    card: Card
    paper_id: int
    delivery: Delivery | None
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How a channel stands: what waits, what went wrong, and what it has."""

    row: ChannelRow
    schedule: str
    digests: int
    posted: int
    waiting: tuple[Message, ...]
    failed: tuple[Message, ...]
    votes: tuple[tuple[Signal, int], ...]
    people: int
    settings: tuple[tuple[str, str], ...]


# --- papers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a paper as it was seen."""

    version: int
    title: str
    abstract: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Appearance:
    """Where a paper came from."""

    source: str
    listed_on: date | None
    announce: str
    listing_id: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """How a paper came to one channel."""

    channel: Channel
    digest: Digest
    delivery: Delivery
    message: Message
    sent_at: datetime | None
    marks: Marks


@dataclass(frozen=True, slots=True)
class NotPosted:
    """Why a channel did not get a paper."""

    channel: Channel
    words: str
    match: int | None = None
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class PaperView:
    paper: Paper
    card: Card
    versions: tuple[Version, ...]
    appearances: tuple[Appearance, ...]
    posted: tuple[Posted, ...]
    not_posted: tuple[NotPosted, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One hit of a search. ``snippet`` is in pieces; those marked are the words searched."""

    card: Card
    paper_id: int
    score: float
    snippet: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """``total`` is a lower bound where ``exact`` is False; ``upto`` goes with the next page."""

    query: str
    hits: tuple[Found, ...]
    total: int
    exact: bool
    notes: tuple[str, ...]
    upto: int | None


# --- what is learned ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a channel's model; weights are in standard deviations of the background.

    ``status`` is ``written``, ``muted`` or empty.
    """

    name: str
    written: float
    learned: float
    status: str


@dataclass(frozen=True, slots=True)
class Precision:
    """One digest's say: of the papers that were voted on, how many were liked."""

    digest: Digest
    liked: int
    voted: int
    posted: int


@dataclass(frozen=True, slots=True)
class Spot:
    """One paper on the map; ``x`` and ``y`` are in 0..1."""

    handle: str
    title: str
    x: float
    y: float
    opinion: int  # 1 liked, -1 disliked, 0 neither


@dataclass(frozen=True, slots=True)
class ProfileView:
    """``items`` are the written form's items; ``precision`` is oldest first."""

    items: tuple[str, ...]
    terms: tuple[Term, ...]
    precision: tuple[Precision, ...]
    spots: tuple[Spot, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a paper stands in a listing ranked anew; ``number`` is None where it falls out."""

    handle: str
    title: str
    number: int | None
    match: int | None
    before: int | None
    before_match: int | None
    words: str


@dataclass(frozen=True, slots=True)
class Rerun:
    """What the last listing gives now, beside what another profile or other votes give."""

    slot: str
    considered: int
    places: tuple[Rank, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """What the votes on one paper do: its own match and the terms that moved, with and without."""

    signal: Signal
    mine: bool
    match: int
    match_without: int
    terms: tuple[tuple[str, float], ...]  # term and how much its weight rose
    moved: tuple[Rank, ...]  # papers of the last listing that this vote moves


# --- operations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source: its newest listing and where its fetching stands."""

    source: str
    fetched_at: datetime | None
    succeeded_at: datetime | None
    failures: int
    error: str
    received_at: datetime | None
    listed_on: date | None
    outcome: str
    declared: int
    parsed: int
    quarantined: int
    new: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListingRow:
    id: int
    source: str
    location: str
    listed_on: date | None
    received_at: datetime
    outcome: str
    note: str
    declared: int
    parsed: int
    quarantined: int
    new: int
    updated: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    position: int
    label: str
    reason: str
    source: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Way:
    """One listing's way into one channel; every count is of papers."""

    channel: Channel
    considered: int
    steps: tuple[tuple[str, int], ...]  # muted, duplicate, threshold, diversity, size
    chosen: int
    sent: int


@dataclass(frozen=True, slots=True)
class ListingView:
    listing: ListingRow
    papers: int
    quarantined: tuple[Quarantined, ...]
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message as an operator sees it."""

    message: Message
    channel: Channel
    created_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Operations:
    sources: tuple[SourceRow, ...]
    listings: tuple[ListingRow, ...]
    quarantined: tuple[Quarantined, ...]
    counts: tuple[tuple[MessageState, int], ...]
    outbox: tuple[OutboxRow, ...]
    health: tuple[tuple[str, Health], ...]
    papers: int
    hidden_channels: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a long list; ``next_before`` asks for the rest, None at the end."""

    papers: tuple[Paper, ...] = ()
    digests: tuple[tuple[Channel, DigestView], ...] = ()
    next_before: int | None = None


class Window(Protocol):
    """Gathers what the page shows. Methods are pure reads and block: call them off the loop.

    Channels a viewer may not see are as if they were not there: None, or left out.
    """

    def channels(self, viewer: Viewer, now: datetime, limit: int) -> tuple[ChannelRow, ...]:
        """Return channels: the active ones first, of them the page's own."""
        ...

    def channel(self, viewer: Viewer, channel_id: int, now: datetime) -> ChannelStatus | None:
        """Return how one channel stands."""
        ...

    def at(self, viewer: Viewer, platform: str, address: str) -> Channel | None:
        """Return the channel of an address."""
        ...

    def may_see(self, viewer: Viewer, platform: str, address: str) -> bool:
        """Tell whether an address is no private channel, or one that this viewer may see."""
        ...

    def hidden(self, viewer: Viewer) -> int:
        """Return how many private channels this viewer may not see."""
        ...

    def digests(self, viewer: Viewer, channel_id: int, span: Span | None) -> DigestPage | None:
        """Return the digests of a span, by default the day of the newest."""
        ...

    def marks(
        self, viewer: Viewer, channel_id: int, remote_ids: Sequence[str]
    ) -> dict[tuple[str, int], Marks]:
        """Return what stands on the papers of these messages, by (remote id, number)."""
        ...

    def trending(
        self, viewer: Viewer, channel_id: int | None, last: date, days: int, limit: int
    ) -> tuple[Rising, ...]:
        """Return the most upvoted papers listed in the ``days`` up to ``last``."""
        ...

    def newest_day(self) -> date | None:
        """Return the newest day that any listing is of."""
        ...

    def paper(self, viewer: Viewer, handle: str) -> PaperView | None:
        """Return all that is known of a paper."""
        ...

    def similar(self, paper_id: int, limit: int) -> tuple[Found, ...]:
        """Return the papers most like one."""
        ...

    def effects(
        self, viewer: Viewer, channel_id: int, paper_id: int, now: datetime
    ) -> tuple[Effect, ...]:
        """Return what each vote on a paper of a channel does to its model."""
        ...

    def profile(self, viewer: Viewer, channel_id: int, now: datetime) -> ProfileView | None:
        """Return what a channel wants and has learned."""
        ...

    def rerun(
        self, viewer: Viewer, channel_id: int, before: Profile | None, now: datetime
    ) -> Rerun | None:
        """Rank the last listing with the profile as it is; compare with ``before``.

        Without ``before`` the comparison is with what was posted.
        """
        ...

    def search(
        self,
        viewer: Viewer,
        query: str,
        channel_id: int | None,
        now: datetime,
        *,
        offset: int,
        limit: int,
        upto: int | None,
    ) -> SearchPage:
        """Answer a search; never raises on what was typed."""
        ...

    def operations(self, viewer: Viewer) -> Operations:
        """Return how sources, listings and the outbox stand."""
        ...

    def listing(self, viewer: Viewer, listing_id: int) -> ListingView | None:
        """Return one listing's way to the channels."""
        ...

    def papers_before(
        self, before: int | None, limit: int, *, day: date | None = None, source: str = ""
    ) -> Slice:
        """Return papers by number, newest first."""
        ...

    def digests_before(
        self,
        viewer: Viewer,
        before: int | None,
        limit: int,
        *,
        channel_id: int | None = None,
        filled: bool = False,
    ) -> Slice:
        """Return digests with their papers, newest first; ``filled`` leaves the empty ones out."""
        ...

    def retry(self, viewer: Viewer, message_id: int, now: datetime) -> str:
        """Have a message sent again, or asked for where it may be there; say what was done."""
        ...

    def abandon(self, viewer: Viewer, message_id: int) -> str:
        """Give up a message that was not sent; say what was done."""
        ...
