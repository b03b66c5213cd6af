"""What the web page shows, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bot.domain import (
    Card,
    Channel,
    Delivery,
    Digest,
    Message,
    MessageState,
    Paper,
    Person,
    Signal,
)
from bot.ports import Health
from bot.views.spans import Span


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. Without ``private`` no trace of a private channel is in any answer."""

    person: Person
    private: bool = False


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
