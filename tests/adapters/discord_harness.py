"""A loopback Discord, the adapter connected to it, and people, as the conformance suite asks."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.commands import COMMANDS, parse
from bot.domain import Channel as DomainChannel
from bot.domain import (
    ChannelState,
    CommandEvent,
    Person,
    Place,
    Post,
    Profile,
    Reply,
    Signal,
    VoteEvent,
)
from bot.platforms.discord import Discord, Pace
from bot.ports import ChatPlatform, FindOutcome, Inbound, Sent, Suggest, Suggestion
from tests.adapters.counterpart import Answer, Capabilities, Fault, Held, RecordingInbound, until
from tests.adapters.loopback_discord import server as loopback
from tests.adapters.loopback_discord.people import Asked, People
from tests.adapters.loopback_discord.reading import Reading
from tests.adapters.loopback_discord.world import TEXT, THREAD, Channel, Guild, Message, User

MARKS = {Signal.LIKE: "👍", Signal.DISLIKE: "👎", Signal.SAVE: "🔖"}
HASTE = Pace(
    start=30.0,
    send=30.0,
    answer=20.0,
    retry=0.05,
    longest_retry=0.2,
    refused=0.2,
    ready=0.03,
    identify=0.0,
    gap=0.02,
)


def contract_path() -> Path:
    """Return the official contract beside the checkout; required where CI is set."""
    path = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "discord_openapi.json"
    if not path.is_file():
        reason = f"no contract at {path}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@asynccontextmanager
async def loopback_discord() -> AsyncIterator[loopback.LoopbackDiscord]:
    """Run a loopback Discord; at the end nothing may have been against the contract."""
    server = loopback.LoopbackDiscord(contract_path())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    troubles = server.troubles + server.gateway.troubles
    assert not troubles, troubles


def adapter(server: loopback.LoopbackDiscord, **changes: Any) -> Discord:
    """Return an adapter that would connect to the server."""
    given = {"api_url": server.api_url, "pace": HASTE, **changes}
    return Discord(server.token, **given)


async def knows_servers(platform: Discord, server: loopback.LoopbackDiscord) -> None:
    """Wait until an adapter that is connected was told of every server."""

    def known() -> bool:
        found = platform._client
        if found is None or not platform.health().ok:
            return True  # not connected: nothing is told
        held = [found.get_guild(guild.id) for guild in server.guilds.values() if not guild.removed]
        return all(guild is not None and not guild.unavailable for guild in held)

    await until(known, "word of the servers")


class WholeInbound:
    """All of ``bot.ports.Inbound`` over a core that knows commands and votes only."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.subscribed: dict[str, DomainChannel] = {}
        self.moves: list[tuple[Place, ChannelState | None, str]] = []
        self.gaps = 0
        self.suggestions: dict[Suggest, tuple[Suggestion, ...]] = {}
        self.suggested: list[tuple[Suggest, str]] = []

    async def command(self, event: CommandEvent) -> Reply:
        return await self.inner.command(event)

    async def vote(self, event: VoteEvent) -> Reply:
        return await self.inner.vote(event)

    async def suggest(
        self, place: Place, person: Person, what: Suggest, text: str
    ) -> tuple[Suggestion, ...]:
        self.suggested.append((what, text))
        return self.suggestions.get(what, ())

    async def channel(self, place: Place) -> DomainChannel | None:
        return self.subscribed.get(place.address)

    async def moved(self, place: Place, state: ChannelState | None, reason: str) -> None:
        self.moves.append((place, state, reason))
        if (known := self.subscribed.get(place.address)) is not None:
            changed = replace(known, name=place.name or known.name)
            if state is not None:
                changed = replace(changed, state=state, state_reason=reason)
            self.subscribed[place.address] = changed

    async def reconnected(self, platform: str) -> None:
        assert platform == "discord"
        self.gaps += 1


class DiscordHarness:
    """The suite's view of one loopback Discord."""

    capabilities = Capabilities(faults=frozenset(Fault))

    def __init__(self, server: loopback.LoopbackDiscord) -> None:
        self.server = server
        self.folk = People(server)
        self.ada, self.ben = server.user("ada"), server.user("ben")
        self.people = (str(self.ada.id), str(self.ben.id))
        self.guild: Guild = server.guild()
        self.platform: Discord | None = None
        self.number = 0

    async def connect(self, inbound: Inbound) -> ChatPlatform:
        self.platform = adapter(self.server)
        await self.platform.start(WholeInbound(inbound))
        await knows_servers(self.platform, self.server)
        return self.platform

    async def channel(self) -> str:
        self.number += 1
        channel = await self.server.channel(self.guild, f"papers-{self.number}")
        return f"{self.guild.id}/{channel.id}"

    def room(self, address: str) -> Channel:
        found = self.server.find_channel(int(address.partition("/")[2]))
        assert found is not None
        return found

    def user(self, person: str) -> User:
        return self.server.users[int(person)]

    def message(self, address: str, remote_id: str) -> Message:
        thread, _, number = remote_id.rpartition("/")
        room = self.server.find_channel(int(thread)) if thread else self.room(address)
        assert room is not None
        found = self.server.message(room, int(number))
        assert found is not None
        return found

    async def held(self, address: str) -> Sequence[Held]:
        channel = self.room(address)
        rooms = [channel]
        rooms += [t for t in self.guild.threads.values() if t.parent is channel]
        found = [(m.id, m) for room in rooms for m in room.messages if not m.ephemeral]
        return [held(message) for _, message in sorted(found, key=lambda pair: pair[0])]

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
        emoji = MARKS[signal] if number is None else f"{number}\ufe0f\u20e3"
        message = self.message(address, remote_id)
        await self.server.react(message, self.user(person), emoji, on=on)

    async def press(
        self, address: str, remote_id: str, person: str, signal: Signal, number: int
    ) -> Answer:
        message, user = self.message(address, remote_id), self.user(person)
        for part in parts(message):
            if part["type"] == 2 and (part.get("emoji") or {}).get("name") == MARKS[signal]:
                return answer(await self.folk.press(message, user, part["custom_id"]))
            if part["type"] == 3 and MARKS[signal] in part["placeholder"]:
                (value,) = [
                    o["value"] for o in part["options"] if o["label"].startswith(f"{number}. ")
                ]
                return answer(await self.folk.pick(message, user, part["custom_id"], value))
        raise AssertionError(f"nothing to press for {signal}")

    async def command(self, address: str, person: str, text: str) -> Answer:
        name, options = typed(text)
        asked = await self.folk.slash(self.room(address), self.user(person), name, options)
        return answer(asked)

    async def inject(self, fault: Fault, address: str) -> None:
        path = f"/channels/{self.room(address).id}/messages$"
        faults = {
            Fault.LOSE_ANSWER: loopback.Fault(path, accept=True),
            Fault.UNREACHABLE: loopback.Fault(path),
            Fault.RATE_LIMIT: loopback.Fault(
                path,
                status=429,
                body={"message": "slow", "retry_after": 0.2, "global": False, "code": 0},
                headers={"Via": "1.1 loopback", "Retry-After": "1"},
            ),
        }
        if fault is Fault.REJECT:
            self.room(address).denied.add("send_messages")
        else:
            self.server.faults.append(faults[fault])

    async def heal(self, address: str) -> None:
        self.server.faults.clear()
        self.room(address).denied.clear()


@dataclass(slots=True)
class Stage:
    """A loopback Discord with a server, a channel, a person, and an adapter that serves them."""

    server: loopback.LoopbackDiscord
    folk: People
    guild: Guild
    channel: Channel
    ada: User
    core: RecordingInbound
    inbound: WholeInbound
    platform: Discord

    @property
    def address(self) -> str:
        return f"{self.guild.id}/{self.channel.id}"

    async def sent(self, post: Post, key: str, *, parent: str | None = None) -> str:
        outcome = await self.platform.send(self.address, post, key, parent=parent)
        assert isinstance(outcome, Sent), outcome
        return outcome.remote_id

    async def find(self, key: str) -> FindOutcome:
        since = datetime.now(UTC) - timedelta(minutes=5)
        return await self.platform.find(self.address, key, since=since)

    def subscribe(self, channel: Channel | None = None, **settings: Any) -> DomainChannel:
        """Have the core hold a subscription of a channel."""
        where = channel or self.channel
        guild = where.guild.id if where.guild else "@me"
        name = f"#{where.name}" if where.guild else "you"
        held = DomainChannel(1, "discord", f"{guild}/{where.id}", name, Profile())
        self.inbound.subscribed[held.address] = replace(held, **settings)
        return self.inbound.subscribed[held.address]


@asynccontextmanager
async def stage(
    prepare: Callable[[loopback.LoopbackDiscord], None] = lambda _: None,
    *,
    kind: int = TEXT,
    **changes: Any,
) -> AsyncIterator[Stage]:
    """Connect an adapter to a new loopback Discord; ``prepare`` it before that."""
    async with loopback_discord() as server:
        folk, guild = People(server), server.guild()
        channel = await server.channel(guild, kind=kind)
        prepare(server)
        core = RecordingInbound()
        inbound, platform = WholeInbound(core), adapter(server, **changes)
        await platform.start(inbound)
        try:
            await knows_servers(platform, server)
            ada = server.user("ada")
            yield Stage(server, folk, guild, channel, ada, core, inbound, platform)
        finally:
            await platform.stop()


def parts(message: Message) -> list[Mapping[str, Any]]:
    """Return the buttons and menus under a message, in order."""
    return [part for row in message.told()["components"] for part in row["components"]]


def held(message: Message) -> Held:
    """Return a message as its readers see it."""
    reading = Reading(message.body)
    in_thread = message.channel.kind == THREAD
    number = f"{message.channel.id}/{message.id}" if in_thread else str(message.id)
    return Held(
        remote_id=number,
        text=reading.text,
        links=tuple(reading.links),
        pings=tuple(reading.pings),
        parent=str(message.channel.id) if in_thread else None,
    )


def answer(asked: Asked) -> Answer:
    """Return what a person reads after asking."""
    message = asked.last
    return Answer(Reading(message.body).text, everyone=not message.ephemeral)


def typed(text: str) -> tuple[str, dict[str, str | int]]:
    """Return the native command and options that stand for a text after ``/papers``."""

    parse(text)  # only what the grammar reads has a native form
    specs = {spec.name: spec for spec in COMMANDS}
    for count in (2, 1):
        name = " ".join(text.split()[:count])
        if name in specs:
            rest = text.split(maxsplit=count)[count:]
            return name, {specs[name].arguments[0].name: rest[0]} if rest else {}
    raise AssertionError(f"no native command for {text!r}")
