"""What the core asks of the outside, as Protocols, and the words in which it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from bot.domain import ChannelState, CommandEvent, Layout, Listing, Post, Reply, Signal, VoteEvent

Clock = Callable[[], datetime]


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


class Inbound(Protocol):
    """Where a platform hands in what people do. Both may be called again with the same event."""

    async def command(self, event: CommandEvent) -> Reply: ...

    async def vote(self, event: VoteEvent) -> Reply: ...


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


@dataclass(frozen=True, slots=True)
class Health:
    """What a part says of itself for ``status`` and ``doctor``."""

    ok: bool
    words: str
    details: tuple[str, ...] = field(default=())
