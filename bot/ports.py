"""What the core asks of the outside, as Protocols, and the words in which it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bot.domain import (
    Channel,
    ChannelState,
    CommandEvent,
    Layout,
    Listing,
    Person,
    Place,
    Post,
    Reply,
    Signal,
    VoteEvent,
)

Clock = Callable[[], datetime]


def nobody(*_: object) -> None:
    """Hear of something and do nothing: what stands in where nobody listens."""


# --- sources ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """One GET that a source wants made. ``day`` is the listing day asked for, if any."""

    url: str
    day: date | None = None
    params: tuple[tuple[str, str], ...] = ()


class Source(Protocol):
    """A place that lists papers. Fetching is done elsewhere; ``parse`` is pure and never raises."""

    name: str

    def requests(self, days: Sequence[date]) -> Sequence[Request]:
        """Return the GETs for these listing days; a feed without days has one request in all."""
        ...

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read an answer's bytes; bad entries become rejects, bad bytes an outcome."""
        ...


@runtime_checkable
class Paged(Protocol):
    """A source whose answers may go on in further answers."""

    def following(self, body: bytes, request: Request) -> Request | None:
        """Return the GET for what comes after this answer; None where it was the last."""
        ...


@dataclass(frozen=True, slots=True)
class Validators:
    """What a source gave us to ask "has it changed?" with; empty where it gave nothing."""

    etag: str = ""
    last_modified: str = ""


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer. ``url`` is where it came from after redirects."""

    body: bytes
    url: str
    validators: Validators
    content_type: str


@dataclass(frozen=True, slots=True)
class NotModified:
    """The source says that what we read last is still current."""

    validators: Validators


class Trouble(StrEnum):
    """The kinds of failure that a caller may want to tell apart."""

    ADDRESS = "address"  # not a link that can be asked for, or one that must not be
    CONNECTION = "connection"
    CERTIFICATE = "certificate"
    TIMEOUT = "timeout"
    TRUNCATED = "truncated"  # the answer ended early; ``body`` holds what came
    TOO_LARGE = "too large"
    ENCODING = "encoding"
    STATUS = "status"
    REDIRECT = "redirect"
    HELD = "held"  # not asked, because the source told us to stay away for a while


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """No answer, and why. ``retry_after`` is in seconds, None where nothing was asked of us.

    ``body`` is the beginning of what a refusing source sent (at most 64 KiB), or what came of an
    answer that ended early.
    """

    trouble: Trouble
    reason: str
    status: int | None = None
    retry_after: float | None = None
    body: bytes = b""


FetchOutcome = Fetched | NotModified | FetchFailed


class Fetch(Protocol):
    """Makes the GETs of every source, politely and within bounds."""

    async def get(
        self, request: Request, *, validators: Validators = NO_VALIDATORS
    ) -> FetchOutcome:
        """Make one conditional GET; never raises for what the net does."""
        ...


# --- chat platforms -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform has the message and calls it ``remote_id``."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Provably not sent; try again, not before ``after`` seconds."""

    reason: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused for good. ``channel_state`` tells when the whole channel is meant."""

    reason: str
    channel_state: ChannelState | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left and no answer came: it may or may not be there."""

    reason: str


SendOutcome = Sent | Retry | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class Found:
    remote_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Provably not there: the platform was asked, and the answer reaches back far enough."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    reason: str
    after: float = 30.0


FindOutcome = Found | Absent | CannotTell


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's reaction as it stands on a message now."""

    person_id: str
    signal: Signal
    number: int | None = None


class Suggest(StrEnum):
    """What a person is typing when suggestions are asked for."""

    QUERY = "query"  # a search: titles
    PAPER = "paper"  # a paper known here
    PROFILE_ITEM = "profile-item"  # something that can be removed from the profile
    SAVED = "saved"  # one of the person's saved papers
    TIMEZONE = "timezone"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What is put into the command, and what the person reads."""

    value: str
    label: str


class Inbound(Protocol):
    """Where a platform hands in what people do. All may be called again with the same event."""

    async def command(self, event: CommandEvent) -> Reply:
        """Carry out the text after /papers; troubles come back as a reply with ok=False."""
        ...

    async def vote(self, event: VoteEvent) -> Reply:
        """Record a reaction or a button."""
        ...

    async def suggest(
        self, place: Place, person: Person, what: Suggest, text: str
    ) -> tuple[Suggestion, ...]:
        """Return at most 25 suggestions for what is being typed, the best first."""
        ...

    async def channel(self, place: Place) -> Channel | None:
        """Return the subscription of a place with its settings, to fill a form; or None."""
        ...

    async def moved(self, place: Place, state: ChannelState | None, reason: str) -> None:
        """A place was renamed (state None), became unreachable, was left, or is back (active)."""
        ...

    async def reconnected(self, platform: str) -> None:
        """Events may have been missed: the core reads the standing reactions back."""
        ...


class ChatPlatform(Protocol):
    """One chat service. Every adapter passes ``tests/adapters/conformance.py``."""

    name: str
    default_layout: Layout

    async def start(self, inbound: Inbound) -> None:
        """Connect and begin to hand events in; returns once it can send or is trying to."""
        ...

    async def stop(self) -> None:
        """Finish the request in hand, then close."""
        ...

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        """Post once. A repeat of ``key`` that the platform can tell apart answers with the first.

        ``parent`` is the remote id of the digest's first message where the layout is a thread.
        """
        ...

    async def find(self, address: str, key: str, *, since: datetime) -> FindOutcome:
        """Ask the platform for the message with this key, sent at or after ``since``."""
        ...

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        """Return the reactions that stand on a message now; None where it cannot be read."""
        ...


# --- e-mail -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The one mail that may go to an address before its owner said yes.

    ``handle`` stands for the address in links, ``key`` names this mail; ``wish`` is what was asked
    for, as the text after ``/papers subscribe``.
    """

    address: str
    handle: str
    key: str
    wish: str


class Letterbox(Protocol):
    """Who may be written to, and what they said by following a link in a mail."""

    async def secret(self) -> bytes:
        """Return the key that signs links; the same after every start."""
        ...

    async def handle(self, address: str) -> str | None:
        """Return what stands for an address in links; None for one that may not be written to."""
        ...

    async def address(self, handle: str) -> str | None:
        """Return the address that a handle stands for."""
        ...

    async def ask(self, address: str, wish: str) -> Reply:
        """Have a confirmation mail sent; the answer does not tell who is subscribed already."""
        ...

    async def due(self) -> Sequence[Confirmation]:
        """Claim the confirmation mails that are to be sent now; each is given out once."""
        ...

    async def settled(self, confirmation: Confirmation, outcome: SendOutcome) -> None:
        """Record what became of a confirmation mail."""
        ...

    async def confirm(self, handle: str, key: str) -> Reply:
        """Begin the digests that the mail with this key asked about."""
        ...

    async def unsubscribe(self, address: str) -> Reply:
        """Send nothing more to an address; doing it twice is doing it once."""
        ...

    async def written(self, address: str, key: str) -> Post | None:
        """Return what the mail with this key said."""
        ...

    async def standing(self, address: str, key: str, number: int) -> Sequence[Signal]:
        """Return what its reader said of paper ``number`` of the mail with this key."""
        ...

    async def arrived(self, address: str, key: str, remote_id: str) -> None:
        """Note that a mail is read: it was sent, whatever its server answered."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """What a part says of itself for ``status`` and ``doctor``."""

    ok: bool
    words: str
    details: tuple[str, ...] = field(default=())
