"""A platform that answers from a script, and short ways to plan for it and to look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain import (
    Channel,
    Layout,
    Message,
    MessageState,
    Post,
)
from bot.ports import (
    Absent,
    ChatPlatform,
    FindOutcome,
    Inbound,
    SendOutcome,
    Sent,
    Standing,
)
from bot.services.deliver import (
    Courier,
    Settled,
)
from bot.store import channels, outbox
from tests.scenario.wire import MONDAY, Wire, api_entry, at

TUESDAY = MONDAY + timedelta(days=1)
NINE = at(MONDAY, 9)


@dataclass(frozen=True, slots=True)
class Sending:
    """One call of ``send`` as it arrived."""

    address: str
    post: Post
    key: str
    parent: str | None


class Scripted:
    """A platform that answers from a script and, past its end, takes everything."""

    name = "terminal"
    default_layout = Layout.THREAD

    def __init__(self, *answers: SendOutcome | BaseException) -> None:
        self.answers = list(answers)
        self.found: list[FindOutcome | BaseException] = []
        self.sends: list[Sending] = []
        self.asked: list[tuple[str, str, datetime]] = []
        self.hold: asyncio.Event | None = None  # until it is set no send comes back
        self.held = asyncio.Event()

    async def start(self, inbound: Inbound) -> None: ...

    async def stop(self) -> None: ...

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        self.sends.append(Sending(address, post, key, parent))
        if self.hold is not None:
            self.held.set()
            await self.hold.wait()
        answer = self.answers.pop(0) if self.answers else Sent(f"r{len(self.sends)}")
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def find(self, address: str, key: str, *, since: datetime) -> FindOutcome:
        self.asked.append((address, key, since))
        answer = self.found.pop(0) if self.found else Absent()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        return None

    def headlines(self) -> list[str]:
        return [sending.post.headline for sending in self.sends]


def entries(count: int = 2, start: int = 1) -> list[dict[str, Any]]:
    words = ("compass", "harbour")
    return [
        api_entry(
            f"2606.{n:05}",
            f"Study number {n} of {words[n % 2]}",
            f"We study {words[n % 2]} questions number {n}. The answers are new.",
        )
        for n in range(start, start + count)
    ]


def plan(wire: Wire, *names: str, papers: int = 2, **settings: Any) -> list[Channel]:
    """Subscribe channels that take everything and plan Monday's digest for each."""
    served = [wire.subscribe(name, "study", threshold=0, **settings) for name in names]
    wire.read(entries(papers), MONDAY)
    wire.now = NINE
    assert len(wire.plan()) == len(names)
    return served


def serve(wire: Wire, platform: ChatPlatform, **options: Any) -> Courier:
    wire.courier = Courier(wire.store, {"terminal": platform}, lambda: wire.now, **options)
    return wire.courier


async def settle(wire: Wire, after: timedelta = timedelta(0)) -> Settled:
    wire.now += after
    return await wire.courier.settle()


def messages(wire: Wire, channel: Channel) -> list[Message]:
    with wire.store.read() as connection:
        found = outbox.traces(connection, list(MessageState), 100)
    ordered = sorted((trace.message for trace in found), key=lambda m: m.id)
    return [message for message in ordered if message.channel_id == channel.id]


def states(wire: Wire, channel: Channel) -> list[str]:
    return [str(message.state) for message in messages(wire, channel)]


def now_of(wire: Wire, channel: Channel) -> Channel:
    with wire.store.read() as connection:
        found = channels.channel(connection, channel.id)
    assert found is not None
    return found
