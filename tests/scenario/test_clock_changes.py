"""Both clock changes of the year, north and south, through the service: one digest a slot.

Each case lives through the day before the change, the day itself and the day after it, and the
service is started anew in the middle of the change, where a slot is easiest to lose or to repeat.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot import profiles
from bot.app import App
from bot.domain import Channel, MessageState
from bot.ports import Request
from bot.services.ingest import ingest
from bot.settings import Settings, load
from bot.sources.huggingface import HuggingFace
from bot.store import Store, channels, digests, outbox
from tests.scenario.scripted import Scripted
from tests.scenario.wire import api_entry

DAY = timedelta(days=1)
STEP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of clocks, a slot that it skips or repeats, and when that is to be posted."""

    zone: str
    clock: str
    day: date
    posted: str  # UTC


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CHANGES = (
    # Skipped: at the first instant after the gap.
    Change("Europe/Berlin", "02:30", date(2026, 3, 29), "2026-03-29T01:00"),
    Change("America/New_York", "02:30", date(2026, 3, 8), "2026-03-08T07:00"),
    Change("Australia/Sydney", "02:30", date(2026, 10, 4), "2026-10-03T16:00"),
    Change("Australia/Lord_Howe", "02:10", date(2026, 10, 4), "2026-10-03T15:30"),
    # Repeated: the first time only.
    Change("Europe/Berlin", "02:30", date(2026, 10, 25), "2026-10-25T00:30"),
    Change("America/New_York", "01:30", date(2026, 11, 1), "2026-11-01T05:30"),
    Change("Australia/Sydney", "02:30", date(2026, 4, 5), "2026-04-04T15:30"),
    Change("Australia/Lord_Howe", "01:40", date(2026, 4, 5), "2026-04-04T14:40"),
    # Untouched slots of such days, before and after the change.
    Change("Europe/Berlin", "00:10", date(2026, 10, 25), "2026-10-24T22:10"),
    Change("America/New_York", "09:00", date(2026, 3, 8), "2026-03-08T13:00"),
    Change("Australia/Sydney", "09:00", date(2026, 4, 5), "2026-04-04T23:00"),
)
SETTINGS = {
    "PAPERWIRE_HUGGINGFACE__ENABLED": "false",
    "PAPERWIRE_ARXIV__ENABLED": "false",
    "PAPERWIRE_BACKUP__ENABLED": "false",
}


@dataclass
class House:
    """A home, the clock on its wall, and a platform that remembers what it was sent."""

    settings: Settings
    now: datetime
    platform: Scripted

    def subscribe(self, change: Change) -> None:
        channel = Channel(
            0,
            "terminal",
            "desk",
            "desk",
            profiles.parse("study"),
            threshold=0,
            timezone=change.zone,
            schedule=f"daily {change.clock}",
        )
        with closing(Store(self.settings.database_path)) as store, store.write() as connection:
            channels.insert(connection, channel, private=False, now=self.now)

    def list_a_paper(self, word: str) -> None:
        entry = api_entry(f"2601.{len(word):05}", f"The {word} study", f"We study a {word}.")
        body = json.dumps([entry]).encode()
        listing = HuggingFace().parse(body, Request("", self.now.date()))
        with closing(Store(self.settings.database_path)) as store:
            assert ingest(store, listing, body, location=word, now=self.now).new == 1

    def live(self, until: datetime) -> None:
        """Start a service, let it do its rounds up to a moment, and stop it."""

        async def live() -> None:
            async with App(self.settings, lambda: self.now) as app:
                app.platforms["terminal"] = self.platform
                while self.now < until:
                    await app.plan()
                    await asyncio.gather(*app._tasks.values())  # what it set going
                    await app.deliver()
                    self.now += STEP

        asyncio.run(live())

    def planned(self) -> list[tuple[str, datetime]]:
        with closing(Store(self.settings.database_path)) as store, store.read() as connection:
            return [(one.slot, one.planned_at) for one in digests.every(connection, 1)]

    def states(self) -> dict[MessageState, int]:
        with closing(Store(self.settings.database_path)) as store, store.read() as connection:
            return outbox.counts(connection)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(load(tmp_path, SETTINGS), datetime.min.replace(tzinfo=UTC), Scripted())


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: f"{one.zone} {one.day} {one.clock}")
def test_a_digest_on_the_day_of_a_clock_change_goes_out_exactly_once(
    change: Change, house: House
) -> None:
    moment = utc(change.posted)
    house.now = moment - DAY - timedelta(hours=7)
    house.subscribe(change)
    house.list_a_paper("compass")
    house.live(until=moment - timedelta(hours=3))
    assert len(house.platform.sends) == 2
    house.list_a_paper("anvil")
    while house.now < moment + timedelta(hours=3):
        house.live(until=house.now + timedelta(minutes=30))
    assert len(house.platform.sends) == 4
    house.list_a_paper("glaciers")
    house.live(until=moment + DAY + timedelta(hours=5))
    slots = house.planned()
    assert [slot for slot, _ in slots] == [
        f"{day}T{change.clock}" for day in (change.day - DAY, change.day, change.day + DAY)
    ]
    assert slots[1][1] == moment
    assert house.states() == {MessageState.SENT: 6}
    keys = [sending.key for sending in house.platform.sends]
    assert len(keys) == len(set(keys)) == 6
    titles = [card.title for sending in house.platform.sends for card in sending.post.cards]
    assert titles == ["The compass study", "The anvil study", "The glaciers study"]


@pytest.mark.parametrize("change", CHANGES[:8], ids=lambda one: f"{one.zone} {one.day}")
def test_a_digest_missed_over_the_clock_change_is_made_up_for_once(
    change: Change, house: House
) -> None:
    moment = utc(change.posted)
    house.now = moment - timedelta(hours=5)
    house.subscribe(change)
    house.list_a_paper("compass")
    house.now = moment + timedelta(hours=6)  # down all night
    house.live(until=house.now + timedelta(hours=2))
    # The machine's clock is set back over the change, and goes on.
    house.now = moment - timedelta(hours=2)
    house.live(until=moment + timedelta(hours=9))
    assert [slot for slot, _ in house.planned()] == [f"{change.day}T{change.clock}"]
    assert len(house.platform.sends) == 2
