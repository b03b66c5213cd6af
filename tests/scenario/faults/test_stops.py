"""SIGTERM in the middle of a post: the real service ends well, and the post is there once."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.slack_world import Fault, rate_limited
from tests.scenario.faults.life import Life
from tests.scenario.faults.places import SlackChat, WebChat
from tests.scenario.faults.service import Nursery

HELD = 1.0  # seconds that an answer takes, in which the service is told to stop


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    one = Nursery(["slack", "web"])
    await one.open()
    yield one
    await one.close()


async def until(reached: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.005)


def outbox(home: Path) -> list[str]:
    """Return the states of Slack's messages of the last digest, in order."""
    with closing(sqlite3.connect(home / "paperwire.db")) as connection:
        rows = connection.execute(
            "SELECT m.state FROM messages m JOIN channels c ON c.id = m.channel_id"
            " WHERE c.platform = 'slack' AND m.digest_id = (SELECT max(n.digest_id)"
            " FROM messages n WHERE n.channel_id = c.id) ORDER BY m.id"
        )
        return [state for (state,) in rows]


# What becomes of the post in hand, and what the stopped service says of it.
FATES = {
    "accepted, and told so late": (Fault(accept=True, hang=HELD, truly=True), "sent"),
    "accepted, and the answer lost": (Fault(accept=True, hang=HELD, drop=True), "unknown"),
    "lost on the way": (Fault(hang=HELD, drop=True), "unknown"),
    "accepted, and answered 502": (Fault(502, "bad gateway", accept=True, hang=HELD), "unknown"),
    "to be tried again": (rate_limited(1), "pending"),
}


QUICK = {"accepted, and told so late", "lost on the way"}


@pytest.mark.parametrize(
    "fate",
    [pytest.param(fate, marks=() if fate in QUICK else pytest.mark.soak) for fate in FATES],
)
async def test_sigterm_in_the_middle_of_a_post_loses_nothing_and_posts_nothing_twice(
    fate: str, tmp_path: Path, nursery: Nursery
) -> None:
    fault, state = FATES[fate]
    slack = SlackChat()
    async with Life(tmp_path, nursery, [slack, WebChat()], seed=4) as life:
        await life.next_day()
        await life.settle()
        held = len(slack.accepted())
        await life.next_day()
        faults = slack.slack.room_faults[slack.room.id]
        faults.append(fault)
        pid = await life._start("")
        await until(lambda: not faults, "the post")
        begun = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        while (code := await nursery.ended(pid)) is None:
            assert time.monotonic() - begun < 25, life._tail()
            await asyncio.sleep(0.01)
        assert code == 0, life._tail()
        assert len(slack.accepted()) == held + fault.accept
        first, *others = outbox(tmp_path)
        assert first == state
        assert set(others) == {"pending"}
        await life.settle()
        counted = life.check()
    assert counted["sent"] >= 8
    assert "abandoned" not in counted
