"""The words of the trade: frozen values that every layer speaks; no behaviour needs the world.

Times are aware UTC. A slot is a channel's wall-clock time without offset, ``YYYY-MM-DDTHH:MM``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class PaperwireError(Exception):
    """A trouble told to the operator in one sentence: what failed, why, and the next step."""


# --- papers and listings ------------------------------------------------------------------------


class Announce(StrEnum):
    """How arXiv announces an entry; other sources announce everything as new."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"


@dataclass(frozen=True, slots=True)
class Entry:
    """One paper as one source gave it, text unrepaired, links only from the source's id fields."""

    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    author_count: int | None = None
    arxiv_id: str | None = None
    version: int | None = None
    doi: str | None = None
    url: str | None = None
    published: date | None = None
    categories: tuple[str, ...] = ()
    announce: Announce = Announce.NEW
    upvotes: int | None = None
    comments: int | None = None
    code_url: str | None = None
    code_stars: int | None = None
    project_url: str | None = None
    source_summary: str | None = None
    source_keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """An entry that could not be used: where it stood, what it was called, and why."""

    position: int
    label: str
    reason: str
    raw: str = ""


class Outcome(StrEnum):
    """What became of one listing. The parser says the first five, ingest the others."""

    OK = "ok"
    EMPTY = "empty"  # valid and without papers: a weekend, a holiday
    TRUNCATED = "truncated"  # it ends in the middle, or at the source's own page limit
    BROKEN = "broken"  # not what this source sends: another format, a parser that finds nothing
    REFUSED = "refused"  # the source itself answered with an error message
    STALE = "stale"  # a new day that repeats an earlier batch
    UNCHANGED = "unchanged"  # byte for byte what was already read
    FAILED = "failed"  # nothing could be read: no such file, no answer


@dataclass(frozen=True, slots=True)
class Listing:
    """What a parser made of one answer; never raised away, whatever the bytes were.

    ``declared`` counts the entries the bytes announce, ``entries`` are those that could be read,
    ``rejects`` those that could not.
    """

    source: str
    listed_on: date | None
    declared: int
    entries: tuple[Entry, ...]
    rejects: tuple[Reject, ...] = ()
    outcome: Outcome = Outcome.OK
    note: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper as stored: one row however many sources brought it."""

    id: int
    title: str
    abstract: str
    authors: tuple[str, ...]
    author_count: int
    arxiv_id: str | None
    version: int
    doi: str | None
    url: str | None
    published: date | None
    categories: tuple[str, ...]
    upvotes: int | None
    comments: int | None
    code_url: str | None
    code_stars: int | None
    project_url: str | None
    source_summary: str | None
    first_seen_at: datetime
    first_listed_on: date | None

    @property
    def handle(self) -> str:
        """What a person types to mean this paper: its arXiv id, else ``p`` and its number."""
        return self.arxiv_id or f"p{self.id}"


# --- channels and what they want ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Profile:
    """A channel's written interests; ``bot.profiles`` holds the one written form."""

    terms: tuple[str, ...] = ()
    muted_terms: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    muted_categories: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()


class Layout(StrEnum):
    THREAD = "thread"  # a parent card that lists the titles, one reply for each paper
    CARDS = "cards"  # a header, one message for each paper
    SINGLE = "single"  # one message, numbered


class Mode(StrEnum):
    INTERESTS = "interests"
    TRENDING = "trending"
    BOTH = "both"


class ChannelState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # by a person
    UNREACHABLE = "unreachable"  # by the platform; comes back by itself
    LEFT = "left"  # unsubscribed, or the bot was removed


@dataclass(frozen=True, slots=True)
class Channel:
    """A place that gets digests. ``threshold`` is a match of 0 to 100; ``size`` is in papers."""

    id: int
    platform: str
    address: str
    name: str
    profile: Profile
    timezone: str = "UTC"
    schedule: str = "weekdays 09:00"
    size: int = 5
    threshold: int = 50
    sources: tuple[str, ...] = ()  # empty: every source
    layout: Layout = Layout.THREAD
    mode: Mode = Mode.INTERESTS
    you_missed: bool = False
    quiet_note: bool = True
    explore: bool = False
    prefer_source_summary: bool = False
    state: ChannelState = ChannelState.ACTIVE
    state_reason: str = ""
    created_at: datetime | None = None
    scheduled_at: datetime | None = None  # slots before this schedule was set never count

    @property
    def place(self) -> Place:
        """Where its people speak."""
        return Place(self.platform, self.address, self.name)


# --- digests, messages, deliveries --------------------------------------------------------------


class DigestKind(StrEnum):
    DAILY = "daily"
    MISSED = "missed"  # the weekly "you missed"
    MORE = "more"  # asked for with /papers more
    SHARED = "shared"  # submitted by a member


class PostKind(StrEnum):
    HEADER = "header"
    PAPER = "paper"
    SINGLE = "single"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Card:
    """One paper as any platform shows it. Text is plain: each platform escapes for itself."""

    number: int
    handle: str
    title: str
    url: str | None
    authors: str
    date: str
    summary: str
    reason: str
    match: int | None = None
    label: str = ""  # "trending", "exploration", "you missed"; empty for the usual case
    summary_label: str = ""  # "summary by the source"; empty when it is ours
    upvotes: int | None = None
    comments: int | None = None
    code_url: str | None = None
    code_stars: int | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """One message in neutral form: a header lists titles, a paper has one card, a single all."""

    kind: PostKind
    headline: str
    lines: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()
    footer: str = ""


class MessageState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Message:
    """One post with its own key and state; the row exists before anything is sent.

    ``key`` has at most 25 characters, so that it also serves as a Discord nonce.
    """

    id: int
    channel_id: int
    digest_id: int
    sequence: int
    key: str
    post: Post
    state: MessageState
    attempts: int = 0
    not_before: datetime | None = None
    remote_id: str | None = None
    parent_remote_id: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One named term of a score; a score's parts sum to it."""

    name: str
    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """One paper to one channel, unique, carried by one message."""

    id: int
    channel_id: int
    paper_id: int
    digest_id: int
    message_id: int
    number: int
    score: float
    match: int | None
    reason: str
    parts: tuple[Part, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Digest:
    """What a channel gets for one slot; unique for (channel, slot, kind)."""

    id: int
    channel_id: int
    slot: str
    kind: DigestKind
    planned_at: datetime
    considered: int
    chosen: int
    note: str = ""


# --- feedback -----------------------------------------------------------------------------------


class Signal(StrEnum):
    LIKE = "like"
    DISLIKE = "dislike"
    SAVE = "save"
    SUBMIT = "submit"


class Via(StrEnum):
    """How a signal was given: a reaction's absence takes back only what a reaction gave."""

    REACTION = "reaction"
    BUTTON = "button"
    COMMAND = "command"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Feedback:
    """The state of one person's signal on one paper in one channel."""

    channel_id: int
    paper_id: int
    person: str
    signal: Signal
    active: bool
    changed_at: datetime
    via: Via = Via.REACTION


# --- what people do -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Someone on a platform. ``id`` is the platform's own; the store keeps only a keyed hash."""

    platform: str
    id: str
    may_manage: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was said: a platform's channel, before we know whether we serve it."""

    platform: str
    address: str
    name: str = ""
    private: bool = False
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """The text after ``/papers``, from a person in a place."""

    place: Place
    person: Person
    text: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class VoteEvent:
    """A reaction or a button. ``number`` names the paper where a message holds several."""

    place: Place
    person: Person
    remote_id: str
    signal: Signal
    on: bool | None  # None: toggle
    number: int | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command or a button, in neutral form."""

    headline: str
    lines: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()
    ephemeral: bool = True
    ok: bool = True
    signals: tuple[Signal, ...] = field(default=())  # after a vote: what now stands for the person
    counts: tuple[tuple[Signal, int], ...] = ()  # after a vote: the people behind each signal
    back: str = ""  # the command that shows the page before, where there is one
    more: str = ""  # the command that shows the next page
    image: bytes = b""  # a PNG
    image_alt: str = ""
