"""The service is killed at every named place, then anywhere: nothing twice, nothing lost.

The long part says what it did; ``FAULTS_SEED=7 FAULTS_KILLS=100`` repeats or shortens it.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.faults import POINTS
from tests.scenario.faults.life import Kill, Life, sweep
from tests.scenario.faults.places import Chat, DiscordChat, MailChat, SlackChat, WebChat
from tests.scenario.faults.service import Nursery

SEED = int(os.environ.get("FAULTS_SEED", "1"))
KILLS = int(os.environ.get("FAULTS_KILLS", "520"))
KILLS_A_LIFE = 26
BETWEEN_CHECKS = 6  # kills, fewer than the days for which reactions are read back


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    one = Nursery(["slack", "discord", "email", "web"])
    await one.open()
    yield one
    await one.close()


async def test_a_kill_at_every_named_place_posts_nothing_twice_and_loses_nothing(
    tmp_path: Path, nursery: Nursery
) -> None:
    async with Life(tmp_path, nursery, [SlackChat(), WebChat()], seed=1) as life:
        # A first day in peace gives people something to vote on.
        await life.next_day()
        await life.settle()
        for number, kill in enumerate(sweep(), 1):
            await life.next_day()
            if not await life.suffer(kill):  # a slow machine: once more, on another day
                await life.next_day()
                await life.suffer(kill)
            if number % BETWEEN_CHECKS == 0:
                await life.settle()
        await life.next_day()
        await life.settle()
        counted = life.check()
    assert set(life.kills) == set(POINTS)
    assert counted["sent"] > 20
    assert counted["votes"] > 5


def _draw(dice: random.Random) -> Kill:
    """Choose how the next service ends."""
    chance = dice.random()
    if chance < 0.45:
        point = dice.choice(POINTS)
        return Kill(point, turn=dice.choice([1, 1, 1, 2, 3]), seconds=4)
    if chance < 0.7:
        return Kill(accepted=dice.randint(1, 4), seconds=4)
    return Kill(seconds=dice.uniform(0.05, 2.0))


@pytest.mark.soak
async def test_kills_anywhere_over_all_platforms_post_nothing_twice_and_lose_nothing(
    tmp_path: Path, nursery: Nursery
) -> None:
    begun = time.monotonic()
    kills, missed, counted = Counter[str](), Counter[str](), Counter[str]()
    lives = 0
    while kills.total() < KILLS:
        seed = SEED * 1000 + lives
        home = tmp_path / f"life-{lives}"
        home.mkdir()
        chats: list[Chat] = [SlackChat(), DiscordChat(), MailChat(), WebChat()]
        async with Life(home, nursery, chats, seed=seed) as life:
            await life.next_day()
            await life.settle()
            for number in range(1, KILLS_A_LIFE + 1):
                if number == 1 or life.dice.random() < 0.7:
                    await life.next_day(papers=life.dice.randint(1, 3))
                await life.suffer(_draw(life.dice), spoil=life.dice.random() < 0.4)
                if number % BETWEEN_CHECKS == 0:
                    await life.settle()
                    life.check()
            await life.next_day()
            await life.settle()
            counted.update(life.check())
        kills.update(life.kills)
        missed.update(life.missed)
        lives += 1
        print(
            f"life {lives} seed {seed}: {kills.total()} kills, {dict(counted)},"
            f" {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    print(f"kills as meant {dict(kills)}; places not reached, killed anyway {dict(missed)}")
    assert kills.total() >= KILLS
