"""A loopback Slack with the real adapter beside it, for the conformance suite and more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.domain import (
    Channel,
    ChannelState,
    CommandEvent,
    Person,
    Place,
    Reply,
    Signal,
    VoteEvent,
)
from bot.platforms.slack import Connection, Slack
from bot.platforms.slack.blocks import Target, read_target
from bot.ports import ChatPlatform, Inbound, Suggest, Suggestion
from tests.adapters.counterpart import Answer, Capabilities, Fault, Held, RecordingInbound, until
from tests.adapters.loopback_slack_wire import ACK_SECONDS, WiredSlack, elements
from tests.adapters.slack_reader import read_message
from tests.adapters.slack_world import (
    APP_TOKEN,
    BOT_TOKEN,
    SIGNING_SECRET,
    Json,
    Room,
    rate_limited,
    refused,
)
from tests.adapters.slack_world import Fault as Spoiled

NAMES = {Signal.LIKE: "+1", Signal.DISLIKE: "-1", Signal.SAVE: "bookmark"}
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "keycap_ten")


class WholeInbound:
    """The core's place with all its doors; what the suite's inbound has goes there."""

    def __init__(self, core: RecordingInbound | None = None) -> None:
        self.core = core or RecordingInbound()
        self.channels: dict[str, Channel] = {}
        self.moves: list[tuple[Place, ChannelState | None, str]] = []
        self.reconnections = 0
        self.replies: dict[str, Reply] = {}  # by the beginning of the command

    async def command(self, event: CommandEvent) -> Reply:
        reply = await self.core.command(event)
        for start, given in self.replies.items():
            if event.text.startswith(start):
                return given
        return reply

    async def vote(self, event: VoteEvent) -> Reply:
        return await self.core.vote(event)

    async def suggest(
        self, place: Place, person: Person, what: Suggest, text: str
    ) -> tuple[Suggestion, ...]:
        return (Suggestion("Europe/Berlin", "Europe/Berlin"),) if text else ()

    async def channel(self, place: Place) -> Channel | None:
        return self.channels.get(place.address)

    async def moved(self, place: Place, state: ChannelState | None, reason: str) -> None:
        self.moves.append((place, state, reason))

    async def reconnected(self, platform: str) -> None:
        self.reconnections += 1

    def texts(self) -> list[str]:
        """The commands that came in."""
        return [event.text for event in self.core.commands]


class SlackHarness:
    """One loopback for one test; it outlives the adapters that connect to it."""

    capabilities = Capabilities(drops_repeats=False)
    people = ("UADA", "UBEN")

    def __init__(self, *, http: bool = False, ping_seconds: float = 20.0, **options: Any) -> None:
        self.slack = WiredSlack()
        self.http = http
        # A busy machine may take long for a ping; only who waits for a new connection hurries.
        self.ping_seconds = ping_seconds
        self.options = options
        self.adapter: Slack | None = None
        self.core: RecordingInbound | None = None
        for person in self.people:
            self.slack.user(person)

    async def open(self) -> None:
        await self.slack.start()

    async def close(self) -> None:
        if self.adapter is not None:
            await self.adapter.stop()
        await self.slack.stop()
        assert self.slack.violations == []
        assert self.slack.late == []

    def connection(self, **changes: Any) -> Connection:
        given: dict[str, Any] = {
            "api_url": self.slack.api_url,
            "bot_token": BOT_TOKEN,
            "app_token": None if self.http else APP_TOKEN,
            "signing_secret": SIGNING_SECRET if self.http else None,
            "port": 0,
            "ping_seconds": self.ping_seconds,
            "pace_seconds": 0.0,
        }
        return Connection(**(given | changes))

    async def connect(self, inbound: Inbound | RecordingInbound) -> ChatPlatform:
        whole = WholeInbound(inbound) if isinstance(inbound, RecordingInbound) else inbound
        self.core = whole.core if isinstance(whole, WholeInbound) else None
        self.adapter = Slack(self.connection(), **self.options)
        await self.adapter.start(whole)
        if self.http:
            self.slack.http_target = f"http://127.0.0.1:{self.adapter.port}/slack/events"
        else:
            await self.slack.connected()
        return self.adapter

    async def channel(self) -> str:
        room = self.slack.room()
        room.people |= set(self.people)
        return f"{self.slack.team_id}/{room.id}"

    def room(self, address: str) -> Room:
        return self.slack.rooms[address.rpartition("/")[2]]

    async def held(self, address: str) -> Sequence[Held]:
        return [_held(message) for message in self.room(address).messages]

    async def react(
        self,
        address: str,
        remote_id: str,
        person: str,
        signal: Signal,
        *,
        on: bool,
        number: int | None = None,
    ) -> None:
        name = NAMES[signal] if number is None else NUMBERS[number - 1]
        # What a core that fails does not take is never acknowledged, however long one waits.
        failing = self.core is not None and self.core.failure is not None
        self.slack.ack_seconds = 0.2 if failing else ACK_SECONDS
        await self.slack.react(self.room(address), remote_id, person, name, on=on)

    async def press(
        self, address: str, remote_id: str, person: str, signal: Signal, number: int
    ) -> Answer:
        room = self.room(address)
        message = self.slack.message(room, remote_id)
        assert message is not None
        button = find_button(message["blocks"], f"vote.{signal}", number)
        url_id = await self.slack.press(room, message, person, button)
        return await self.answer(url_id)

    async def command(self, address: str, person: str, text: str) -> Answer:
        room = self.room(address)
        url_id = await self.slack.type_command(room, person, text)
        answer = await self.answer(url_id)
        if answer.everyone:
            room.messages.append({**self.slack.responses[url_id][0], "ts": self.slack.timestamp()})
        return answer

    async def answer(self, url_id: str, count: int = 1) -> Answer:
        """Wait for the answer at a response_url."""
        answers = self.slack.responses[url_id]
        await until(lambda: len(answers) >= count, "an answer at the response_url")
        everyone = answers[-1].get("response_type") == "in_channel"
        return Answer(read_message(answers[-1]).text, everyone=everyone)

    async def inject(self, fault: Fault, address: str) -> None:
        spoiled = {
            Fault.LOSE_ANSWER: Spoiled(accept=True, drop=True),
            Fault.RATE_LIMIT: rate_limited(1),
            Fault.REJECT: refused("restricted_action"),
            Fault.UNREACHABLE: Spoiled(drop=True),
        }
        self.slack.room_faults[self.room(address).id].append(spoiled[fault])

    async def heal(self, address: str) -> None:
        self.slack.room_faults[self.room(address).id].clear()


def _held(message: Json) -> Held:
    seen = read_message(message)
    return Held(
        remote_id=message["ts"],
        text=seen.text,
        links=tuple(seen.links),
        pings=tuple(seen.pings),
        parent=message.get("thread_ts") if message.get("thread_ts") != message["ts"] else None,
    )


def find_button(blocks: list[Json], action: str, number: int | None = None) -> Json:
    """Return the button of an action, of one paper where several have it."""
    for element in elements(blocks):
        if element.get("action_id") != action:
            continue
        target: Target | None = read_target(element.get("value", ""))
        if number is None or (target is not None and target.number == number):
            return element
    raise AssertionError(f"no button {action} {number or ''}")
