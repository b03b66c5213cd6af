"""Politeness towards the places we read: a pace for each, and what their headers ask of us."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType

from yarl import URL

Monotonic = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

LONGEST_HOLD = 86_400.0


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds on one fetch. Times are in seconds, sizes in bytes after decompression.

    ``total_seconds`` bounds one attempt over all its redirects, waits for a turn not counted;
    ``patience_seconds`` is the longest wait that a source may ask for and still get it.
    """

    total_seconds: float = 60.0
    connect_seconds: float = 10.0
    max_bytes: int = 32 * 1024 * 1024
    max_redirects: int = 5
    attempts: int = 3
    backoff_seconds: float = 2.0
    patience_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """At least ``seconds`` between two requests and at most ``connections`` at a time."""

    seconds: float
    connections: int


# The daily papers API allows 500 requests in 5 minutes; a feed is asked for rarely.
DEFAULT_PACE = Pace(seconds=0.6, connections=2)
# arXiv's terms: one request every three seconds, one connection, over all its endpoints.
PACES: Mapping[str, Pace] = MappingProxyType({"arxiv": Pace(seconds=3.0, connections=1)})


class HeldOff(Exception):  # noqa: N818 - it is no error: the place asked us to come back later
    """The place asked for a wait of ``seconds``, which is longer than we are ready to sit out."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked to wait {seconds:.0f} s")
        self.seconds = seconds


@dataclass(slots=True)
class _Lane:
    pace: Pace
    connections: asyncio.Semaphore
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    not_before: float = float("-inf")
    held_until: float = float("-inf")


class HostLimiter:
    """One lane for each group of hosts; every request, also a redirect's, takes a turn in its lane.

    The pace is kept from the end of a request to the start of the next, so that it also holds as
    the place sees it, whatever the network does to single requests.
    """

    def __init__(
        self,
        paces: Mapping[str, Pace] | None = None,
        *,
        default: Pace = DEFAULT_PACE,
        monotonic: Monotonic,
        sleep: Sleep,
    ) -> None:
        self._paces = {**PACES, **(paces or {})}
        self._default = default
        self._monotonic = monotonic
        self._sleep = sleep
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def turn(self, group: str, *, patience: float) -> AsyncIterator[None]:
        """Wait for this group's turn and hold it; raises HeldOff for a hold beyond ``patience``."""
        lane = self._lane(group)
        async with lane.connections:
            async with lane.gate:
                await self._wait(lane, patience)
                lane.not_before = self._monotonic() + lane.pace.seconds
            try:
                yield
            finally:
                ended = self._monotonic()
                lane.not_before = max(lane.not_before, ended + lane.pace.seconds)

    def hold(self, group: str, seconds: float) -> None:
        """Send nothing more to this group for so many seconds, because it asked for that."""
        lane = self._lane(group)
        lane.held_until = max(lane.held_until, self._monotonic() + min(seconds, LONGEST_HOLD))

    async def _wait(self, lane: _Lane, patience: float) -> None:
        while True:
            now = self._monotonic()
            if lane.held_until - now > patience:
                raise HeldOff(lane.held_until - now)
            wait = max(lane.not_before, lane.held_until) - now
            if wait <= 0:
                return
            await self._sleep(wait)

    def _lane(self, group: str) -> _Lane:
        lane = self._lanes.get(group)
        if lane is None:
            pace = self._paces.get(group, self._default)
            lane = self._lanes[group] = _Lane(pace, asyncio.Semaphore(pace.connections))
        return lane


def group_of(host: str, port: int | None, groups: Mapping[str, str]) -> str:
    """Return the group that shares one lane; ``groups`` maps ``host:port`` or ``host`` to a name.

    arXiv's hosts are always ``arxiv``; any other host is a group of its own.
    """
    named = groups.get(f"{host}:{port}") or groups.get(host)
    if named:
        return named
    if host == "arxiv.org" or host.endswith(".arxiv.org"):
        return "arxiv"
    return host


def host_and_port(url: str) -> str:
    """Return ``host:port`` of a link, the form in which groups and trusted hosts are given."""
    parsed = URL(url)
    return f"{parsed.host}:{parsed.port}"


# --- what headers ask ---------------------------------------------------------------------------


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, at most a day; None if it does not.

    ``value`` is a number of seconds or an HTTP date; ``now`` is aware.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"\d{1,12}(\.\d+)?", value):
        return min(float(value), LONGEST_HOLD)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_HOLD)


def read_exhausted_limit(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a used-up allowance is renewed; None while some of it is left.

    Reads the three forms of the IETF draft that are in use: ``RateLimit: "api";r=0;t=55``,
    ``RateLimit: limit=100, remaining=0, reset=55``, and ``RateLimit-Remaining`` beside
    ``RateLimit-Reset``.
    """
    waits: list[float] = []
    stated = headers.get("RateLimit", "")
    # In the older form commas part the numbers of one policy, in the newer one the policies.
    for policy in [stated] if "remaining" in stated else stated.split(","):
        remaining = _number(r"\b(?:r|remaining)\s*=\s*(\d{1,12})", policy)
        reset = _number(r"\b(?:t|reset)\s*=\s*(\d{1,12})", policy)
        if remaining == 0 and reset is not None:
            waits.append(reset)
    if headers.get("RateLimit-Remaining", "").strip() == "0":
        reset = _number(r"^\s*(\d{1,12})", headers.get("RateLimit-Reset", ""))
        if reset is not None:
            waits.append(reset)
    return min(max(waits), LONGEST_HOLD) if waits else None


def _number(pattern: str, text: str) -> float | None:
    match = re.search(pattern, text)
    return float(match[1]) if match else None
