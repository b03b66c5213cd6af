"""What people do while a platform is asked for its reactions is newer than its answer."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from bot.domain import Channel, Place, Reply, Signal
from bot.ports import Found, Sent, Standing, Unknown
from bot.services import react as react_service
from bot.services.deliver import ASK_AFTER
from bot.services.owed import FIRST_PAUSE, TRIES, Owed
from bot.services.react import read_back
from bot.store import feedback
from tests.scenario.scripted import Scripted, plan, serve, settle, states
from tests.scenario.wire import Wire

ADA = Standing("ada", Signal.SAVE)
BEN = Standing("ben", Signal.LIKE)


class Asked(Scripted):
    """A platform that tells what stood when it was asked, after something else happened."""

    def __init__(self, *told: Standing) -> None:
        super().__init__()
        self.told = told
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        if remote_id != "r2":
            return ()
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.told


async def posted(wire: Wire, *told: Standing) -> tuple[Channel, Asked]:
    [desk] = plan(wire, "desk")
    platform = Asked(*told)
    serve(wire, platform)
    await settle(wire)
    return desk, platform


def stands(wire: Wire, desk: Channel) -> set[Signal]:
    with wire.store.read() as connection:
        return {row.signal for row in feedback.active(connection, desk.id)}


async def react(wire: Wire, signal: Signal, *, person: str = "ada", on: bool = True) -> None:
    wire.now += timedelta(seconds=1)
    await wire.vote("desk", "r2", signal, person=person, on=on)


async def test_votes_on_a_post_that_was_in_doubt_count_once_it_is_found(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Asked(BEN)  # given while nobody listened
    platform.answers = [Sent("r1"), Unknown("reset")]
    platform.found = [Found("r2")]
    owed = Owed(wire.store, {"terminal": platform}, lambda: wire.now)
    serve(wire, platform, found=lambda channel, remote_id: owed.note(channel.place, remote_id))
    await settle(wire)
    assert states(wire, desk) == ["sent", "unknown", "pending"]
    await settle(wire, ASK_AFTER)
    assert states(wire, desk) == ["sent", "sent", "sent"]
    await owed.settle()
    assert stands(wire, desk) == {Signal.LIKE}
    assert len(owed) == 0


async def test_reactions_that_cannot_be_read_are_owed_and_read_later(wire: Wire) -> None:
    desk, platform = await posted(wire, BEN)
    owed = Owed(wire.store, {"terminal": platform}, lambda: wire.now)

    async def fail() -> None:
        raise ConnectionError("no")

    platform.meanwhile = fail
    unread = functools.partial(owed.note, desk.place)
    assert await read_back(wire.store, platform, desk, wire.now, unread=unread) == 0
    await owed.settle()
    assert len(owed) == 1
    platform.meanwhile = None
    await owed.settle()  # it is not due
    assert stands(wire, desk) == set()
    wire.now += FIRST_PAUSE
    await owed.settle()
    assert stands(wire, desk) == {Signal.LIKE}
    assert len(owed) == 0


async def test_what_can_never_be_read_is_let_go_and_foreign_messages_at_once(wire: Wire) -> None:
    desk, platform = await posted(wire)
    owed = Owed(wire.store, {"terminal": platform}, lambda: wire.now)
    owed.note(desk.place, "somebody's")
    owed.note(Place("terminal", "elsewhere"), "r2")
    owed.note(Place("slack", desk.address), "r2")
    await owed.settle()
    assert len(owed) == 0

    async def never() -> None:
        raise ConnectionError("no")

    platform.meanwhile = never
    owed.note(desk.place, "r2")
    for _ in range(TRIES):
        assert len(owed) == 1
        await owed.settle()
        wire.now += timedelta(hours=3)
    assert len(owed) == 0


async def test_what_is_owed_anew_while_it_is_read_is_read_once_more(wire: Wire) -> None:
    desk, platform = await posted(wire, BEN)
    owed = Owed(wire.store, {"terminal": platform}, lambda: wire.now)
    owed.note(desk.place, "r2")

    async def again() -> None:
        owed.note(desk.place, "r2")
        platform.meanwhile = None

    platform.meanwhile = again
    await owed.settle()
    assert len(owed) == 1
    await owed.settle()
    assert len(owed) == 0


async def test_a_reaction_that_the_store_could_not_take_is_owed_and_a_button_is_not(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, platform = await posted(wire, BEN)
    owed = Owed(wire.store, {"terminal": platform}, lambda: wire.now)
    wire.inbox._owed = owed.note

    def locked(*_: object) -> Reply:
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr(react_service, "vote", locked)
        assert not (await wire.vote("desk", "r2", Signal.LIKE, person="ben", on=None)).ok
        assert len(owed) == 0
        assert not (await wire.vote("desk", "r2", Signal.LIKE, person="ben")).ok
    assert len(owed) == 1
    await owed.settle()
    assert stands(wire, desk) == {Signal.LIKE}


async def test_a_reaction_that_comes_while_the_platform_answers_is_kept(wire: Wire) -> None:
    desk, platform = await posted(wire, BEN)
    platform.meanwhile = lambda: react(wire, Signal.SAVE)
    assert await read_back(wire.store, platform, desk, wire.now) == 1
    assert stands(wire, desk) == {Signal.SAVE, Signal.LIKE}


async def test_a_reaction_taken_back_while_the_platform_answers_stays_taken_back(
    wire: Wire,
) -> None:
    desk, platform = await posted(wire, ADA)
    await react(wire, Signal.SAVE)
    platform.meanwhile = lambda: react(wire, Signal.SAVE, on=False)
    assert await read_back(wire.store, platform, desk, wire.now) == 0
    assert stands(wire, desk) == set()


@pytest.mark.parametrize("told", [(), (ADA,)], ids=["taken back", "given"])
async def test_what_was_taken_back_and_given_again_meanwhile_stands(
    wire: Wire, told: tuple[Standing, ...]
) -> None:
    desk, platform = await posted(wire, *told)
    await react(wire, Signal.SAVE)

    async def twice() -> None:
        await react(wire, Signal.SAVE, on=False)
        await react(wire, Signal.SAVE)

    platform.meanwhile = twice
    assert await read_back(wire.store, platform, desk, wire.now) == 0
    assert stands(wire, desk) == {Signal.SAVE}


async def test_what_nobody_touched_follows_the_platform_whatever_the_clock_says(
    wire: Wire,
) -> None:
    desk, platform = await posted(wire, BEN)
    wire.now += timedelta(days=3)
    await react(wire, Signal.SAVE)
    wire.now -= timedelta(days=3)  # set back
    assert await read_back(wire.store, platform, desk, wire.now) == 2
    assert stands(wire, desk) == {Signal.LIKE}
