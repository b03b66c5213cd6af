"""Discord from the invite to a learned digest, over a restart, on two shards."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain import ChannelState, MessageState, Reply, Signal
from bot.ports import Request
from bot.services.deliver import Courier
from bot.services.inbox import Inbox
from bot.services.ingest import ingest
from bot.services.manage import Defaults
from bot.services.pictures import add_profile_picture, add_status_picture
from bot.services.plan import plan_due
from bot.services.ranker import Rankers
from bot.services.react import read_back
from bot.sources.huggingface import HuggingFace
from bot.store import Store, channels, feedback, outbox
from bot.world import bundled_world
from tests.adapters.counterpart import until
from tests.adapters.discord_harness import adapter, answer, loopback_discord, parts
from tests.adapters.loopback_discord import world
from tests.adapters.loopback_discord.people import People
from tests.adapters.loopback_discord.reading import Reading
from tests.adapters.loopback_discord.server import Fault, LoopbackDiscord
from tests.adapters.loopback_discord.world import BITS, EVERYONE, Channel, Guild, Message
from tests.scenario.wire import MONDAY, api_entry, at

TUESDAY = MONDAY + timedelta(days=1)
MANAGER = EVERYONE | BITS["manage_channels"]
TOPICS = {
    "Speech recognition": (
        "A speech recognition model is trained on many languages. Word error rates fall.",
        "Beamforming helps speech recognition in loud kitchens without transcripts.",
    ),
    "Graph network": (
        "A graph network keeps node features apart over many layers of message passing.",
        "A graph network forecasts traffic on roads that were closed during training.",
    ),
    "Robot grasping": (
        "A robot arm learns grasping from images and succeeds on objects it never saw.",
        "Tactile skin lets a robot choose the force of grasping soft fruit.",
    ),
}


def a_day(number: int) -> list[dict[str, Any]]:
    """Return one paper on each topic."""
    return [
        api_entry(f"2606.{number}000{index}", f"{topic} study {number}", texts[number - 1])
        for index, (topic, texts) in enumerate(TOPICS.items(), 1)
    ]


class Newsroom:
    """Store, services and the Discord adapter, as the application puts them together."""

    def __init__(self, folder: Path, server: LoopbackDiscord) -> None:
        self.folder = folder
        self.server = server
        self.folk = People(server)
        self.now = at(MONDAY, 6)
        self.gaps = 0

    async def open(self) -> None:
        self.store = Store(self.folder / "wire.db")
        self.rankers = Rankers(self.store, bundled_world())
        self.platform = adapter(self.server)
        inbox = Inbox(
            self.store,
            self.rankers,
            lambda: self.now,
            defaults=Defaults(schedule="daily 09:00", sources=("huggingface",)),
            layouts={"discord": self.platform.default_layout},
            missed=lambda _: self._missed(),
        )
        self.courier = Courier(self.store, {"discord": self.platform}, lambda: self.now)
        await self.courier.recover()
        await self.platform.start(inbox)

    def _missed(self) -> None:
        self.gaps += 1

    async def close(self) -> None:
        await self.platform.stop()
        self.store.close()

    def read(self, entries: Sequence[dict[str, Any]], day: date) -> None:
        source = HuggingFace()
        body = json.dumps(entries).encode()
        listing = source.parse(body, Request(source.url, day=day))
        ingest(self.store, listing, body, location=f"{day}.json", now=self.now)

    async def step(self, when: datetime) -> None:
        """Move the clock, plan what is due and send it."""
        self.now = when
        plan_due(self.store, self.rankers.current(), self.now)
        await self.courier.settle()

    async def catch_up(self) -> int:
        """Read reactions back, as the application does after a gap."""
        with self.store.read() as connection:
            every = channels.every(connection)
        return sum([await read_back(self.store, self.platform, one, self.now) for one in every])

    def states(self) -> dict[str, tuple[ChannelState, str]]:
        with self.store.read() as connection:
            return {c.address: (c.state, c.state_reason) for c in channels.every(connection)}

    def signals(self) -> list[Signal]:
        with self.store.read() as connection:
            every = channels.every(connection)
            return sorted(row.signal for c in every for row in feedback.active(connection, c.id))


@pytest.fixture
async def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Newsroom]:
    async with loopback_discord() as server:
        server.shards = 2
        newsroom = Newsroom(tmp_path, server)

        def moment() -> float:
            return newsroom.now.timestamp()

        monkeypatch.setattr(world, "now", moment)
        await newsroom.open()
        yield newsroom
        await newsroom.close()


async def invited(room: Newsroom, shard: int) -> tuple[Guild, Channel]:
    guild = room.server.guild(f"server {shard}", shard=shard, of=2)
    await room.server.invite(guild)
    return guild, await room.server.channel(guild, f"papers-{shard}")


def papers(channel: Channel) -> list[Message]:
    return [m for m in channel.messages if m.body["embeds"][0].get("url")]


def titles(channel: Channel) -> list[str]:
    shown = [message.body["embeds"][0]["title"] for message in papers(channel)]
    return [title.partition(". ")[2] for title in shown]


def match(channel: Channel, title: str) -> int:
    """Return the match that a paper's card shows."""
    (embed,) = [
        m.body["embeds"][0] for m in papers(channel) if m.body["embeds"][0]["title"].endswith(title)
    ]
    return int(re.findall(r"match (\d+)", embed["footer"]["text"])[0])


async def test_from_the_invite_to_a_learned_digest_over_a_restart(room: Newsroom) -> None:
    (_, first), (_, second) = await invited(room, 0), await invited(room, 1)
    ada, ben = room.server.user("ada"), room.server.user("ben")
    everything: dict[str, str | int] = {"interests": "study", "threshold": 0, "size": 3}

    # Only those who manage the channel begin and end things there.
    refused = await room.folk.slash(first, ben, "subscribe", everything)
    assert "Only people who manage" in answer(refused).text
    for channel in (first, second):
        asked = await room.folk.slash(channel, ada, "subscribe", everything, permissions=MANAGER)
        assert "Subscribed." in answer(asked).text

    room.read(a_day(1), MONDAY)
    await room.step(at(MONDAY, 9))
    for channel in (first, second):
        assert sorted(titles(channel)) == sorted(f"{topic} study 1" for topic in TOPICS)
        header, *_ = channel.messages
        assert f"Papers for #{channel.name}" in Reading(header.body).text

    # Votes in the first server: a button, a reaction, and one taken back.
    by_topic = dict(zip(titles(first), papers(first), strict=True))
    robots, graphs = by_topic["Robot grasping study 1"], by_topic["Graph network study 1"]
    speech = by_topic["Speech recognition study 1"]
    liked = await room.folk.press(robots, ada, parts(robots)[0]["custom_id"])
    assert "Liked: Robot grasping study 1" in answer(liked).text
    await room.server.react(graphs, ben, "👎", on=True)
    await room.server.react(speech, ben, "👍", on=True)
    await room.server.react(speech, ben, "👍", on=False)
    await until(lambda: room.signals() == [Signal.DISLIKE, Signal.LIKE], "two votes")

    # A restart; meanwhile someone changes a mind and someone else votes.
    await room.close()
    await room.server.react(graphs, ben, "👎", on=False)
    await room.server.react(graphs, ada, "👎", on=True)
    await room.server.react(robots, ben, "👍", on=True)
    await room.open()
    await until(lambda: room.gaps > 0, "a reading back")
    await room.catch_up()
    assert room.signals() == [Signal.DISLIKE, Signal.LIKE, Signal.LIKE]

    # The next digest knows of the votes in the first server, and in the second of none.
    room.now = at(TUESDAY, 6)
    room.read(a_day(2), TUESDAY)
    await room.step(at(TUESDAY, 9))
    assert titles(first)[3] == "Robot grasping study 2"
    assert sorted(titles(second)[3:]) == sorted(titles(first)[3:])
    assert match(first, "Robot grasping study 2") > match(second, "Robot grasping study 2")
    assert match(first, "Graph network study 2") < match(second, "Graph network study 2")

    # Old buttons still work, and why says what was learned.
    why = await room.folk.press(robots, ben, parts(robots)[3]["custom_id"])
    assert "Robot grasping study 1" in answer(why).text
    saved = await room.folk.press(robots, ben, parts(robots)[2]["custom_id"])
    assert "🔖" in answer(saved).text
    listed = await room.folk.slash(first, ben, "saved")
    assert "Robot grasping study 1" in Reading(listed.last.body).text


async def test_profile_and_status_can_be_seen_as_pictures(room: Newsroom) -> None:
    _, channel = await invited(room, 0)
    ada = room.server.user("ada")
    options: dict[str, str | int] = {"interests": "study", "threshold": 0, "size": 3}
    await room.folk.slash(channel, ada, "subscribe", options, permissions=MANAGER)
    for day, number in ((MONDAY, 1), (TUESDAY, 2)):
        room.now = at(day, 6)
        room.read(a_day(number), day)
        await room.step(at(day, 9))
        newest = papers(channel)[-3:]
        for message, button in zip(newest[:2], (0, 1), strict=True):
            await room.folk.press(message, ada, parts(message)[button]["custom_id"])
    with room.store.read() as connection:
        (held,) = channels.every(connection)
    said = Reply("Interests")
    profile = add_profile_picture(room.store, room.rankers, held, said, room.now)
    assert profile.image.startswith(b"\x89PNG")
    assert "learned" in profile.image_alt
    status = add_status_picture(room.store, held, said)
    assert status.image.startswith(b"\x89PNG")
    assert "2026-06-15 1 of 2, 2026-06-16 1 of 2" in status.image_alt


async def test_nothing_is_posted_twice_over_a_lost_answer_and_a_restart(room: Newsroom) -> None:
    _, channel = await invited(room, 1)
    ada = room.server.user("ada")
    options: dict[str, str | int] = {"interests": "study", "threshold": 0, "size": 3}
    await room.folk.slash(channel, ada, "subscribe", options, permissions=MANAGER)
    room.read(a_day(1), MONDAY)
    path = f"/channels/{channel.id}/messages$"
    room.server.faults.append(Fault(path, accept=True))
    await room.step(at(MONDAY, 9))
    with room.store.read() as connection:
        assert outbox.counts(connection)[MessageState.UNKNOWN] == 1
    await room.close()
    room.server.nonce_seconds = 0  # the restart took longer than Discord remembers a nonce
    await room.open()
    for minutes in (1, 2, 3):
        await room.step(at(MONDAY, 9, minutes))
    assert len(channel.messages) == 4
    assert len(set(titles(channel))) == 3
    with room.store.read() as connection:
        assert outbox.counts(connection) == {MessageState.SENT: 4}


async def test_a_lost_permission_holds_one_channel_and_the_digest_comes_when_it_is_back(
    room: Newsroom,
) -> None:
    (guild, first), (_, second) = await invited(room, 0), await invited(room, 1)
    ada = room.server.user("ada")
    options: dict[str, str | int] = {"interests": "study", "threshold": 0, "size": 3}
    for channel in (first, second):
        await room.folk.slash(channel, ada, "subscribe", options, permissions=MANAGER)
    room.read(a_day(1), MONDAY)
    first.denied.add("send_messages")
    await room.step(at(MONDAY, 9))
    address = f"{guild.id}/{first.id}"
    state, reason = room.states()[address]
    assert state is ChannelState.UNREACHABLE
    assert "permission" in reason
    assert len(second.messages) == 4
    first.denied.clear()
    await room.server.change(first)
    await until(lambda: room.states()[address][0] is ChannelState.ACTIVE, "the channel's return")
    await room.step(at(MONDAY, 10))
    assert len(first.messages) == 4


async def test_a_removed_bot_that_is_invited_again_goes_on(room: Newsroom) -> None:
    guild, channel = await invited(room, 1)
    ada = room.server.user("ada")
    options: dict[str, str | int] = {"interests": "study", "threshold": 0, "size": 3}
    await room.folk.slash(channel, ada, "subscribe", options, permissions=MANAGER)
    address = f"{guild.id}/{channel.id}"
    await room.server.remove(guild)
    await until(lambda: room.states()[address][0] is ChannelState.LEFT, "the farewell")
    await room.server.invite(guild)
    await until(lambda: room.states()[address][0] is ChannelState.ACTIVE, "the return")
    room.now = at(TUESDAY, 6)
    room.read(a_day(2), TUESDAY)
    await room.step(at(TUESDAY, 9))
    assert len(papers(channel)) == 3
