"""What people ask for goes before long work of the service's own."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bot.domain import CommandEvent, Reply
from bot.services.plan import plan_due
from bot.store import Store
from tests.scenario.scripted import NINE, entries
from tests.scenario.wire import MONDAY, Wire


async def test_a_plan_waits_while_a_command_is_in_hand(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.subscribe("desk", "study", threshold=0)
    wire.read(entries(), MONDAY)
    wire.now = NINE
    asked, go_on = threading.Event(), threading.Event()

    def slow(event: CommandEvent) -> tuple[Reply, bool]:
        asked.set()
        assert go_on.wait(60)
        return Reply("done"), False

    monkeypatch.setattr(wire.inbox, "_command", slow)
    command = asyncio.create_task(wire.say("desk", "help"))
    assert await asyncio.to_thread(asked.wait, 60)
    waiting = threading.Event()

    def between() -> None:
        waiting.set()
        wire.inbox.let_people_first(60)

    ranker = wire.rankers.current()
    plan = asyncio.create_task(
        asyncio.to_thread(plan_due, wire.store, ranker, NINE, between=between)
    )
    assert await asyncio.to_thread(waiting.wait, 60)
    assert count(wire.store) == 0
    go_on.set()
    assert (await command).headline == "done"
    assert len(await plan) == 1
    assert count(wire.store) == 1


async def test_a_plan_does_not_wait_for_ever(wire: Wire) -> None:
    wire.inbox.let_people_first(60)  # nothing is in hand
    wire.inbox._idle.clear()
    wire.inbox.let_people_first(0.01)


def count(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute("SELECT count(*) FROM digests").fetchone()[0])
