"""Posts whose fate the network hides, with the real adapters: found out, and there exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bot.domain import Channel, Layout
from bot.platforms.slack import Slack
from bot.ports import ChatPlatform
from bot.services.deliver import ASK_AFTER, Courier
from tests.adapters.counterpart import let_pass, until
from tests.adapters.discord_harness import HASTE, stage
from tests.adapters.loopback_discord.server import LoopbackDiscord
from tests.adapters.slack_place import SlackHarness, WholeInbound
from tests.adapters.waylaid_road import Mishap, Road
from tests.scenario.scripted import NINE, entries, messages, states
from tests.scenario.wire import MONDAY, Wire

PATIENCE = HASTE.send  # seconds; no adapter waits longer for an answer


@dataclass
class Room:
    """A channel on a platform at the end of a road, and the courier that serves it."""

    road: Road
    wire: Wire
    channel: Channel
    courier: Courier
    keys: Callable[[], list[str]]
    """The keys of what the platform holds, in its order."""

    async def settle(self, after: timedelta = timedelta(0)) -> None:
        self.wire.now += after
        await self.courier.settle()

    def states(self) -> list[str]:
        return states(self.wire, self.channel)

    def planned(self) -> list[str]:
        return [message.key for message in messages(self.wire, self.channel)]


def serve(
    wire: Wire, road: Road, platform: ChatPlatform, address: str, keys: Callable[[], list[str]]
) -> Room:
    channel = wire.subscribe(
        "room", "study", platform=platform.name, address=address, threshold=0, layout=Layout.CARDS
    )
    wire.read(entries(2), MONDAY)
    wire.now = NINE
    assert len(wire.plan()) == 1
    courier = Courier(wire.store, {platform.name: platform}, lambda: wire.now)
    return Room(road, wire, channel, courier, keys)


@asynccontextmanager
async def slack(wire: Wire) -> AsyncIterator[Room]:
    place = SlackHarness()
    await place.open()
    async with Road(r"^POST /api/chat\.postMessage ") as road:
        road.upstream = place.slack.port
        connection = place.connection(api_url=f"http://127.0.0.1:{road.port}/api/")
        place.adapter = Slack(connection)
        await place.adapter.start(WholeInbound())
        room = place.slack.room("papers")

        def keys() -> list[str]:
            return [one["metadata"]["event_payload"]["key"] for one in room.messages]

        yield serve(wire, road, place.adapter, f"{place.slack.team_id}/{room.id}", keys)
        await place.close()


@asynccontextmanager
async def discord(wire: Wire) -> AsyncIterator[Room]:
    async with Road(r"^POST /api/v10/channels/\d+/messages ") as road:

        def prepare(server: LoopbackDiscord) -> None:
            road.upstream = server.port

        async with stage(prepare, api_url=f"http://127.0.0.1:{road.port}/api/v10") as scene:

            def keys() -> list[str]:
                held = sorted(scene.channel.messages, key=lambda message: message.id)
                return [message.nonce for message in held if message.nonce]

            yield serve(wire, road, scene.platform, scene.address, keys)


ROOMS = {"slack": slack, "discord": discord}


@pytest.mark.parametrize("which", [0, 1], ids=["header", "paper"])
@pytest.mark.parametrize("mishap", Mishap, ids=lambda one: one.name.lower())
@pytest.mark.parametrize("platform", ROOMS)
async def test_a_post_in_doubt_is_there_exactly_once_in_the_end(
    wire: Wire, platform: str, mishap: Mishap, which: int
) -> None:
    async with ROOMS[platform](wire) as room:
        planned = room.planned()
        assert len(planned) == 3
        room.road.mishaps.extend([None] * which + [mishap])
        settling = asyncio.create_task(room.settle())
        if mishap is Mishap.ANSWER_LATE:
            await until(lambda: len(room.road.passed) > which, "the post")
            let_pass(PATIENCE)
        await settling
        # What was carried out and what never came look alike from here, and are not.
        assert room.states() == ["sent"] * which + ["unknown"] + ["pending"] * (2 - which)
        assert room.keys() == planned[: which + mishap.carried_out]
        for _ in range(2):
            await room.settle(ASK_AFTER)
        assert room.states() == ["sent"] * 3
        assert room.keys() == planned
        # Only what the platform never had was sent once more.
        assert len(room.road.tried) == (3 if mishap.carried_out else 4)
        assert len(room.road.passed) == 3
