"""A reader may be quicker than the record of the post."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime

import pytest

from bot.domain import Reply, Signal, VoteEvent
from bot.services import inbox, react
from bot.services.react import NOT_OURS, NOT_YET
from bot.store import Store, feedback
from tests.scenario.scripted import Scripted, plan, serve
from tests.scenario.wire import Wire


async def held_at_the_first_paper(wire: Wire) -> tuple[Scripted, asyncio.Task[object]]:
    platform = Scripted()
    platform.hold = asyncio.Event()
    courier = serve(wire, platform)
    sending: asyncio.Task[object] = asyncio.create_task(courier.settle())
    await platform.held.wait()  # the header
    platform.held.clear()
    platform.hold.set()
    platform.hold = asyncio.Event()
    await platform.held.wait()
    assert len(platform.sends) == 2
    return platform, sending


async def test_a_vote_before_the_post_is_recorded_waits_for_it(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "LOOK_AGAIN", (0.01,) * 2_000)
    looks: list[Reply] = []
    looked_again = threading.Event()
    look = react.vote

    def watched(store: Store, event: VoteEvent, now: datetime) -> Reply:
        looks.append(look(store, event, now))
        if len(looks) > 1:
            looked_again.set()
        return looks[-1]

    monkeypatch.setattr(react, "vote", watched)
    [desk] = plan(wire, "desk")
    platform, sending = await held_at_the_first_paper(wire)
    voting = asyncio.create_task(wire.vote("desk", "r2", Signal.LIKE))
    assert await asyncio.to_thread(looked_again.wait, 30)
    assert looks[:2] == [NOT_YET, NOT_YET]
    assert platform.hold is not None
    platform.hold.set()
    reply = await voting
    assert reply.signals == (Signal.LIKE,)
    await sending
    with wire.store.read() as connection:
        assert len(feedback.active(connection, desk.id)) == 1


async def test_a_vote_is_asked_for_again_where_the_record_does_not_come(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "LOOK_AGAIN", (0.0,))
    plan(wire, "desk")
    platform, sending = await held_at_the_first_paper(wire)
    assert await wire.vote("desk", "r2", Signal.LIKE) == NOT_YET
    assert platform.hold is not None
    platform.hold.set()
    await sending
    assert await wire.vote("desk", "unheard of", Signal.LIKE) == NOT_OURS
