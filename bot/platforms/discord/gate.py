"""The way to the core, with a door: once closed nothing new goes in, and what is in comes out.

The core works in threads, which a cancelled task leaves behind; whoever stops the platform closes
the store next, so every call that was begun is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from bot.domain import Channel, ChannelState, CommandEvent, Person, Place, Reply, VoteEvent
from bot.ports import Inbound, Suggest, Suggestion

T = TypeVar("T")

CLOSED = Reply("I am being restarted; please try again in a minute.", ok=False)


class Gate:
    """Implements ``bot.ports.Inbound`` over another one."""

    def __init__(self, inner: Inbound) -> None:
        self._inner = inner
        self._open = True
        self._inside: set[asyncio.Task[object]] = set()

    def close(self) -> None:
        """Let nothing more in."""
        self._open = False

    async def settle(self, within: float) -> None:
        """Wait until all that went in has come out, at most ``within`` seconds."""
        if self._inside:
            await asyncio.wait(set(self._inside), timeout=within)

    async def command(self, event: CommandEvent) -> Reply:
        """See bot.ports.Inbound; an event id that was not let in was not seen."""
        return await self._pass(self._inner.command(event)) if self._open else CLOSED

    async def vote(self, event: VoteEvent) -> Reply:
        """See bot.ports.Inbound; reactions not let in are read back on the next start."""
        return await self._pass(self._inner.vote(event)) if self._open else CLOSED

    async def suggest(
        self, place: Place, person: Person, what: Suggest, text: str
    ) -> tuple[Suggestion, ...]:
        """See bot.ports.Inbound."""
        if not self._open:
            return ()
        return await self._pass(self._inner.suggest(place, person, what, text))

    async def channel(self, place: Place) -> Channel | None:
        """See bot.ports.Inbound."""
        return await self._pass(self._inner.channel(place)) if self._open else None

    async def moved(self, place: Place, state: ChannelState | None, reason: str) -> None:
        """See bot.ports.Inbound."""
        if self._open:
            await self._pass(self._inner.moved(place, state, reason))

    async def reconnected(self, platform: str) -> None:
        """See bot.ports.Inbound."""
        if self._open:
            await self._pass(self._inner.reconnected(platform))

    async def _pass(self, call: Coroutine[None, None, T]) -> T:
        task = asyncio.create_task(call)
        self._inside.add(task)
        task.add_done_callback(self._inside.discard)
        return await asyncio.shield(task)
