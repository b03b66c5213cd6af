"""The machine lets us down: a full disk, a held or read-only database, clocks, no descriptors.

Whatever could not be written is written later; nothing is posted twice and the rest goes on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.domain import MessageState, Post
from bot.logs import configure
from bot.ports import Found, SendOutcome
from bot.services.plan import plan_due
from bot.store import Store, database, digests
from tests.adapters.loopback_source import page
from tests.scenario.scripted import Scripted, entries, plan, serve, settle, states
from tests.scenario.sickbay import daily, ward
from tests.scenario.wire import MONDAY, Wire, at


@pytest.fixture(autouse=True)
def logs_as_they_run(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    configure("info")
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


@contextmanager
def full_disk(room: int = 0) -> Iterator[None]:
    """Let no file of this process grow beyond ``room`` bytes: what a full disk does to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Felled(Scripted):
    """A platform during whose first send the machine fails."""

    def __init__(self, fell: Any) -> None:
        super().__init__()
        self.fell = fell

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        outcome = await super().send(address, post, key, parent=parent)
        if len(self.sends) == 1:
            self.fell()
        return outcome

    def once_each(self, posts: int) -> bool:
        times = Counter(sending.key for sending in self.sends)
        return len(times) == posts and set(times.values()) == {1}


# --- the disk -----------------------------------------------------------------------------------


async def test_on_a_full_disk_nothing_is_sent_that_could_not_be_recorded(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted()
    serve(wire, platform)
    with full_disk():
        await settle(wire)
    assert platform.sends == []
    assert states(wire, desk) == ["pending"] * 3
    await settle(wire, timedelta(minutes=1))
    assert states(wire, desk) == ["sent"] * 3
    assert len(platform.sends) == 3


async def test_a_disk_that_fills_during_a_post_costs_no_channel_and_posts_nothing_twice(
    wire: Wire,
) -> None:
    desk, lab = plan(wire, "desk", "lab")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    platform = Felled(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1])))
    serve(wire, platform)
    try:
        await settle(wire)
        # Whichever is served first fills the disk; the other may not even have begun.
        assert MessageState.SENDING in (states(wire, desk)[0], states(wire, lab)[0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    for _ in range(3):
        await settle(wire, timedelta(minutes=1))
    assert states(wire, desk) == states(wire, lab) == ["sent"] * 3
    assert platform.once_each(6)


async def test_a_listing_that_found_the_disk_full_is_read_again(wire: Wire) -> None:
    with full_disk(), pytest.raises(sqlite3.Error):
        wire.read(entries(), MONDAY)
    assert wire.read(entries(), MONDAY).new == 2


async def test_a_log_that_cannot_be_written_undoes_nothing(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted()
    serve(wire, platform)
    with Path("/dev/full").open("w") as full:  # noqa: ASYNC230  a device answers at once
        monkeypatch.setattr("sys.stderr", full)
        await settle(wire)
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    assert states(wire, desk) == ["sent"] * 3


# --- the database -------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)


async def test_a_database_that_others_hold_is_waited_for_and_then_tried_again(
    impatient: None, wire: Wire
) -> None:
    [desk] = plan(wire, "desk")
    other = sqlite3.connect(wire.folder / "wire.db", isolation_level=None)
    platform = Felled(lambda: other.execute("BEGIN IMMEDIATE"))
    serve(wire, platform)
    await settle(wire)
    assert states(wire, desk)[0] == MessageState.SENDING
    await settle(wire)  # still held
    other.execute("ROLLBACK")
    other.close()
    await settle(wire, timedelta(minutes=1))
    assert states(wire, desk) == ["sent"] * 3
    assert platform.once_each(3)


async def test_a_database_that_becomes_read_only_stops_posting_and_nothing_else(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted()
    serve(wire, platform)
    real = Store.connection

    def read_only(store: Store) -> sqlite3.Connection:
        connection = real(store)
        connection.execute("PRAGMA query_only = ON")
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(Store, "connection", read_only)
        await settle(wire)
        assert (await wire.say("desk", "help")).ok is True
        assert (await wire.say("desk", "pause")).ok is False
    assert platform.sends == []

    def writable(store: Store) -> sqlite3.Connection:
        connection = real(store)
        connection.execute("PRAGMA query_only = OFF")
        return connection

    monkeypatch.setattr(Store, "connection", writable)
    await settle(wire)
    assert states(wire, desk) == ["sent"] * 3


async def test_after_a_crash_what_was_told_and_not_recorded_is_asked_for(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    platform = Felled(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1])))
    serve(wire, platform)
    try:
        await settle(wire)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    platform.found = [Found("r1")]
    await serve(wire, platform).recover()
    await settle(wire)
    assert states(wire, desk) == ["sent"] * 3
    assert platform.once_each(3)


# --- clocks -------------------------------------------------------------------------------------


def slots(wire: Wire) -> list[str]:
    with wire.store.read() as connection:
        found = digests.posted(connection, 1, 50)
        rows = connection.execute("SELECT slot FROM digests ORDER BY id").fetchall()
    assert len({paper.id for paper in found}) == len(found)
    return [row["slot"] for row in rows]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
async def test_a_clock_set_back_and_forward_plans_no_slot_twice(wire: Wire, zone: str) -> None:
    wire.subscribe("desk", "study", threshold=0, timezone=zone, schedule="daily 12:00")
    wire.read(entries(4), MONDAY)
    serve(wire, Scripted())
    begun = at(MONDAY + timedelta(days=1), 10, 30)
    wire.now = begun
    assert wire.plan()
    before = slots(wire)
    for hours in (-30, 2, -1, 30, -24, 25, 24 * 365, -24 * 365, 24 * 366):
        wire.now = begun + timedelta(hours=hours)
        plan_due(wire.store, wire.rankers.current(), wire.now)
        await settle(wire)
    planned = slots(wire)
    assert planned[: len(before)] == before
    assert len(planned) == len(set(planned))
    # A year that was jumped over is one digest and not three hundred.
    assert len(planned) <= len(before) + 4


async def test_a_retry_does_not_wait_for_a_day_that_was_set_back(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    serve(wire, Scripted())
    wire.now -= timedelta(minutes=10)
    await settle(wire)
    assert states(wire, desk) == ["sent"] * 3


# --- descriptors --------------------------------------------------------------------------------


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
async def one_thread() -> None:
    """Let all work beside the loop be of one thread, whose connection is soon open for good."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))


@pytest.mark.usefixtures("one_thread")
async def test_without_file_descriptors_posts_wait_and_then_go_once(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    serve(wire, wire.terminal)
    await wire.courier.settle()  # the thread has opened its connection
    wire.now += timedelta(days=1)
    wire.read(entries(2, start=10), MONDAY + timedelta(days=1))
    assert wire.plan()
    with no_descriptors():
        done = await wire.courier.settle()
    assert done.sent == 0
    for _ in range(3):
        await settle(wire, timedelta(minutes=16))
    assert set(states(wire, desk)) == {"sent"}
    titles = await wire.titles("desk")
    assert len(titles) == len(set(titles))
    assert len(await wire.posts("desk")) == len(states(wire, desk)) > 3


@pytest.mark.usefixtures("one_thread")
async def test_without_file_descriptors_sources_are_asked_again_later(tmp_path: Path) -> None:
    async with ward(tmp_path) as well:
        await well.poll()  # the thread has opened its connection
        well.fall_sick("huggingface", page(daily(7)))
        before = len(well.source.requests)
        with no_descriptors():
            asked = await well.poll()
        assert len(asked) == 3
        for one in asked.values():
            assert one.ingested is None
            assert "Too many open files" in one.words
        assert len(well.source.requests) == before
        asked = await well.poll()
        assert len(asked) == 3
        assert "Daily study 7" in well.titles()
        assert well.told() == {}
