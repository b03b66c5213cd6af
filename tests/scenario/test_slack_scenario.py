"""Slack from the installation to a digest that has learned, with the real SDK and the real core."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain import Channel, ChannelState, MessageState, Signal
from bot.platforms.slack import Slack
from bot.services.deliver import Courier
from bot.services.inbox import Inbox
from bot.services.manage import Defaults
from bot.services.react import read_back
from bot.store import channels, feedback, outbox
from tests.adapters.counterpart import until
from tests.adapters.loopback_slack_wire import WiredSlack
from tests.adapters.slack_fixtures import action_ids, seen
from tests.adapters.slack_place import SlackHarness, find_button
from tests.adapters.slack_world import Fault, Json, Room, rate_limited
from tests.scenario.test_wire import TUESDAY, a_day
from tests.scenario.wire import MONDAY, Wire, at

SUBSCRIBE = "subscribe study at daily 09:00 in UTC top 3 threshold=0"


@dataclass
class Day:
    """The wire, its Slack adapter, and the loopback with one channel in it."""

    wire: Wire
    place: SlackHarness
    room: Room
    inbox: Inbox = field(init=False)
    courier: Courier = field(init=False)
    gaps: list[str] = field(default_factory=list)

    async def open(self) -> None:
        """Start, or start again on the same files."""
        self.inbox = Inbox(
            self.wire.store,
            self.wire.rankers,
            lambda: self.wire.now,
            defaults=Defaults(sources=("huggingface",)),
            layouts={"slack": Slack.default_layout},
            missed=self.gaps.append,
        )
        await self.place.connect(self.inbox)
        self.courier = Courier(self.wire.store, {"slack": self.slack}, lambda: self.wire.now)
        await self.courier.recover()

    @property
    def slack(self) -> Slack:
        assert self.place.adapter is not None
        return self.place.adapter

    @property
    def loopback(self) -> WiredSlack:
        return self.place.slack

    @property
    def channel(self) -> Channel:
        with self.wire.store.read() as connection:
            (channel,) = channels.every(connection)
        return channel

    async def say(self, text: str, user: str = "UADA") -> Json:
        url_id = await self.loopback.type_command(self.room, user, text)
        await self.place.answer(url_id)
        return self.loopback.responses[url_id][-1]

    async def step(self, when: datetime) -> None:
        """Move the clock, plan what is due, send until nothing more can be sent now."""
        self.wire.now = when
        self.wire.plan()
        await self.courier.settle()

    def posts(self) -> list[Json]:
        return [message for message in self.room.messages if message.get("bot_id")]

    def papers(self) -> list[str]:
        """The titles of the papers posted, in order."""
        texts = [seen(message).split("\n")[0] for message in self.posts()]
        return [
            text.partition(". ")[2].partition(" study ")[0]
            for text in texts
            if text[:1].isdigit() and " study " in text
        ]

    def ts(self, topic: str, day: int) -> str:
        name = f"{topic} study {day}"
        replies = [m for m in self.posts() if m.get("thread_ts") not in {None, m["ts"]}]
        return next(str(m["ts"]) for m in replies if name in seen(m))

    def signals(self) -> list[tuple[Signal, str]]:
        with self.wire.store.read() as connection:
            rows = feedback.active(connection, self.channel.id)
        return [(row.signal, row.via.value) for row in rows]


@pytest.fixture(params=["socket", "http"])
async def day(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Day]:
    wire = Wire(tmp_path, at(MONDAY, 6))
    await wire.open()
    place = SlackHarness(http=request.param == "http")
    await place.open()
    opened = Day(wire, place, place.slack.room("papers", member=False))
    opened.room.people |= set(place.people)
    await opened.open()
    yield opened
    await place.close()
    await wire.close()


async def test_from_install_to_a_digest_that_has_learned(day: Day) -> None:
    # Subscribed before being invited: the answer says what is missing, the digest waits.
    answer = await day.say(SUBSCRIBE)
    assert "Subscribed." in seen(answer)
    assert "/invite @Paperwire" in seen(answer)
    day.wire.read(a_day(100), MONDAY)
    await day.step(at(MONDAY, 9))
    assert day.posts() == []
    assert day.channel.state is ChannelState.UNREACHABLE
    assert "invite" in day.channel.state_reason
    # Invited: the digest comes.
    day.room.member = True
    joined = {"type": "member_joined_channel", "user": "UBOT", "channel": day.room.id}
    assert await day.loopback.event(joined)
    assert day.channel.state is ChannelState.ACTIVE
    await day.step(at(MONDAY, 9, 30))
    head, *papers = day.posts()
    assert len(papers) == 3
    assert "Mon 15 Jun 2026" in seen(head)
    assert {message["thread_ts"] for message in papers} == {head["ts"]}
    assert all(topic in seen(head) for topic in ("Speech", "Graph", "Robot"))
    # Votes: a reaction, a button, and one that is taken back.
    robots, graphs = day.ts("Robot grasping", 100), day.ts("Graph network", 100)
    speech = day.ts("Speech recognition", 100)
    await day.loopback.react(day.room, robots, "UADA", "+1::skin-tone-5", on=True)
    await day.loopback.react(day.room, speech, "UADA", "-1", on=True)
    await day.loopback.react(day.room, speech, "UADA", "-1", on=False)
    message = day.loopback.message(day.room, graphs)
    assert message is not None
    button = find_button(message["blocks"], "vote.dislike")
    url_id = await day.loopback.press(day.room, message, "UBEN", button)
    assert "Less like this" in (await day.place.answer(url_id)).text
    assert sorted(day.signals()) == [(Signal.DISLIKE, "button"), (Signal.LIKE, "reaction")]
    # The next morning the digest has learned.
    day.wire.now = at(TUESDAY, 6)
    day.wire.read(a_day(200), TUESDAY)
    await day.step(at(TUESDAY, 9))
    assert day.papers()[3:] == ["Robot grasping", "Speech recognition", "Graph network"]
    url_id = await day.loopback.press(
        day.room, day.posts()[-3], "UADA", find_button(day.posts()[-3]["blocks"], "why")
    )
    assert "Posted on 2026-06-16" in (await day.place.answer(url_id)).text
    assert "Learned from votes" in seen(await day.say("profile"))


async def test_no_fault_loses_or_repeats_a_paper(day: Day) -> None:
    day.room.member = True
    await day.say(SUBSCRIBE)
    day.wire.read(a_day(100), MONDAY)
    faults = day.loopback.faults["chat.postMessage"]
    faults.extend(
        [
            rate_limited(1),
            rate_limited(2),
            Fault(500, {"ok": False, "error": "internal_error"}, accept=True),
            Fault(500, "oops"),
            Fault(accept=True, drop=True),
            Fault(drop=True),
        ]
    )
    when = at(MONDAY, 9)
    for _ in range(12):
        await day.step(when)
        when += timedelta(minutes=5)
        if day.place.http is False:
            await day.loopback.kill_sockets()
    assert not faults
    assert sorted(day.papers()) == ["Graph network", "Robot grasping", "Speech recognition"]
    assert len(day.posts()) == 4
    with day.wire.store.read() as connection:
        assert outbox.counts(connection) == {MessageState.SENT: 4}


async def test_a_crash_after_the_post_left_does_not_repeat_it(day: Day) -> None:
    day.room.member = True
    await day.say(SUBSCRIBE)
    day.wire.read(a_day(100), MONDAY)
    day.wire.now = at(MONDAY, 9)
    day.wire.plan()
    with day.wire.store.write() as connection:
        message = outbox.claim(connection, day.channel.id, day.wire.now)
    assert message is not None
    await day.slack.send(day.channel.address, message.post, message.key)
    await day.slack.stop()  # and nobody wrote down what became of it
    await day.open()
    await day.step(at(MONDAY, 9, 1))
    assert len(day.posts()) == 4
    assert len({seen(message) for message in day.posts()}) == 4


async def test_votes_given_while_it_was_away_are_read_back(day: Day) -> None:
    day.room.member = True
    await day.say(SUBSCRIBE)
    day.wire.read(a_day(100), MONDAY)
    await day.step(at(MONDAY, 9))
    robots, graphs = day.ts("Robot grasping", 100), day.ts("Graph network", 100)
    await day.loopback.react(day.room, graphs, "UADA", "+1", on=True)
    await day.slack.stop()
    day.loopback.http_target = None
    await until(lambda: not day.loopback.sockets, "the end of the connection")
    await day.loopback.react(day.room, graphs, "UADA", "+1", on=False)
    await day.loopback.react(day.room, robots, "UBEN", "bookmark", on=True)
    before = len(day.gaps)
    await day.open()
    await until(lambda: len(day.gaps) > before, "word of the gap")
    assert await read_back(day.wire.store, day.slack, day.channel, day.wire.now) == 2
    assert day.signals() == [(Signal.SAVE, "reaction")]
    saved = await day.say("saved", "UBEN")
    assert "Robot grasping" in seen(saved)
    assert "nothing" in seen(await day.say("saved", "UADA"))


async def test_searching_sharing_and_editing_reach_the_core(day: Day) -> None:
    day.room.member = True
    await day.say(SUBSCRIBE)
    day.wire.read([*a_day(100), *a_day(200), *a_day(300)], MONDAY)
    answer = await day.say("search study")
    assert "page.more" in action_ids(answer)
    more = find_button(answer["blocks"], "page.more")
    url_id = await day.loopback.press(day.room, answer, "UADA", more, ephemeral=True)
    await day.place.answer(url_id)
    second = day.loopback.responses[url_id][-1]
    assert second["replace_original"] is True
    share = find_button(second["blocks"], "say.submit")
    url_id = await day.loopback.press(day.room, second, "UADA", share, ephemeral=True)
    assert "Sharing" in (await day.place.answer(url_id)).text
    await day.courier.settle()
    assert len(day.papers()) == 1
    settings = await day.say("settings")
    edit = find_button(settings["blocks"], "edit")
    await day.loopback.press(day.room, settings, "UADA", edit, ephemeral=True)
    await until(lambda: bool(day.loopback.views), "the form")
    (form,) = day.loopback.views.values()
    values = {
        "profile": {"value": {"value": "study, morphology"}},
        "size": {"value": {"value": "2"}},
        "sources": {"value": {"value": "nowhere"}},
    }
    answer = await day.loopback.submit("UADA", form, values)
    assert "nowhere" in answer["errors"]["sources"]
    assert day.channel.size == 3
    values["sources"]["value"]["value"] = "all"
    answer = await day.loopback.submit("UADA", form, values)
    assert answer["response_action"] == "update"
    assert (day.channel.size, day.channel.profile.terms) == (2, ("study", "morphology"))
    event = {"type": "app_home_opened", "user": "UADA", "channel": "D1", "tab": "home"}
    await day.loopback.event(event)
    await until(lambda: "UADA" in day.loopback.homes, "the home page")
    assert "next on" in seen(day.loopback.homes["UADA"])
