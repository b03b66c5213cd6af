"""A paper shared between a back-up and its restore is not posted a second time."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain import MessageState, Signal
from bot.ports import Absent, CannotTell, FindOutcome, Found
from bot.services import answer, backup
from bot.services.deliver import CLOCK_SLACK
from bot.store import outbox
from bot.store.gap import LOOK_BACK
from tests.scenario.scripted import Scripted
from tests.scenario.wire import MONDAY, Wire, api_entry, at

TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)
FRIDAY = MONDAY + timedelta(days=4)
PAPERS = [
    api_entry("2606.00100", "Speech in kitchens", "Speech recognition falters in loud kitchens."),
    api_entry("2606.00101", "Graphs of roads", "Roads are graphs, and graphs are slow."),
]


class Keeping(Scripted):
    """A platform without memory for keys when it is sent to, but with a history to be read."""

    can_tell = True

    async def find(self, address: str, key: str, *, since: datetime) -> FindOutcome:
        self.asked.append((address, key, since))
        if not self.can_tell:
            return CannotTell("the history cannot be read")
        held = [number for number, one in enumerate(self.sends, 1) if one.key == key]
        return Found(f"r{held[0]}") if held else Absent()

    def titles(self) -> list[str]:
        return [card.title for one in self.sends for card in one.post.cards]


async def restored(wire: Wire, copy: Path, platform: Keeping, **how: bool) -> None:
    await wire.close()
    backup.restore(wire.folder / "wire.db", copy, wire.now, **how)
    await wire.open(platform)


async def share(wire: Wire, which: str) -> str:
    reply = await wire.say("ears", f"submit {which}")
    answer.share_found(wire.store, wire.rankers, wire.now)
    for _ in range(4):  # what was asked for is sent, or not, at the next turn
        await wire.courier.settle()
    return "\n".join((reply.headline, *reply.lines))


@pytest.fixture
async def platform(wire: Wire, tmp_path: Path) -> Keeping:
    """A channel whose slot is on Fridays, backed up on Monday; on Tuesday a paper is shared."""
    wire.subscribe("ears", "speech recognition", schedule="fri 09:00")
    wire.read(PAPERS, MONDAY)
    keeping = Keeping()
    await wire.close()
    await wire.open(keeping)
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    wire.now = at(TUESDAY, 9)
    await share(wire, "2606.00101")
    assert keeping.titles() == ["Graphs of roads"]
    wire.now = at(WEDNESDAY, 9)
    return keeping


async def test_shared_in_the_gap_and_asked_for_again_is_found_and_not_posted(
    wire: Wire, tmp_path: Path, platform: Keeping
) -> None:
    await restored(wire, tmp_path / "copy.db", platform)
    assert "Sharing: Graphs of roads" in await share(wire, "2606.00101")
    assert platform.titles() == ["Graphs of roads"]
    assert {since for _, _, since in platform.asked} == {at(MONDAY, 6) - CLOCK_SLACK}
    with wire.store.read() as connection:
        assert outbox.counts(connection) == {MessageState.SENT: len(platform.sends)}
    # The post of the gap takes votes again.
    reply = await wire.vote("ears", f"r{len(platform.sends)}", Signal.LIKE)
    assert reply.headline.startswith("Liked: Graphs of roads")


async def test_without_the_gap_the_same_restore_would_share_it_twice(
    wire: Wire, tmp_path: Path, platform: Keeping
) -> None:
    """The scenario above has teeth: told that nothing was posted since, it posts again."""
    await restored(wire, tmp_path / "copy.db", platform, nothing_posted_since=True)
    await share(wire, "2606.00101")
    assert platform.titles() == ["Graphs of roads"] * 2


async def test_what_was_not_shared_in_the_gap_is_shared_after_it(
    wire: Wire, tmp_path: Path, platform: Keeping
) -> None:
    await restored(wire, tmp_path / "copy.db", platform)
    await share(wire, "2606.00100")
    assert platform.titles() == ["Graphs of roads", "Speech in kitchens"]


async def test_a_wish_that_the_back_up_holds_open_is_not_granted_twice(
    wire: Wire, tmp_path: Path
) -> None:
    platform = Keeping()
    wire.subscribe("ears", "speech recognition", schedule="fri 09:00")
    await wire.close()
    await wire.open(platform)
    assert "new to me" in await share(wire, "2606.00101")
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    for start in (at(TUESDAY, 9), at(WEDNESDAY, 9)):
        wire.now = start
        wire.read(PAPERS, MONDAY)
        answer.share_found(wire.store, wire.rankers, wire.now)
        for _ in range(4):
            await wire.courier.settle()
        assert platform.titles() == ["Graphs of roads"]
        await restored(wire, tmp_path / "copy.db", platform)


async def test_where_the_history_cannot_be_read_it_waits(
    wire: Wire, tmp_path: Path, platform: Keeping
) -> None:
    platform.can_tell = False
    await restored(wire, tmp_path / "copy.db", platform)
    await share(wire, "2606.00101")
    assert platform.titles() == ["Graphs of roads"]
    with wire.store.read() as connection:
        assert outbox.counts(connection)[MessageState.UNKNOWN] == len(platform.sends)


async def test_a_paper_that_a_slot_of_the_gap_may_have_posted_is_noted_and_not_shared(
    wire: Wire, tmp_path: Path, platform: Keeping
) -> None:
    wire.now = at(FRIDAY, 9)
    wire.plan()
    await wire.courier.settle()
    assert "Speech in kitchens" in platform.titles()
    wire.now = at(FRIDAY, 12)
    await restored(wire, tmp_path / "copy.db", platform)
    said = await share(wire, "2606.00100")
    assert "Noted as an example, not posted: Speech in kitchens" in said
    assert "it may have been posted already" in said
    assert platform.titles().count("Speech in kitchens") == 1


async def test_two_weeks_after_a_restore_nothing_is_asked(
    wire: Wire, tmp_path: Path, platform: Keeping
) -> None:
    await restored(wire, tmp_path / "copy.db", platform)
    wire.now += LOOK_BACK + timedelta(minutes=1)
    await share(wire, "2606.00100")
    assert platform.asked == []
    assert "Speech in kitchens" in platform.titles()
