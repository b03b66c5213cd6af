"""The other side of a chat platform, as the conformance suite sees it, and its samples."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol

import pytest

from bot.domain import Card, CommandEvent, Post, PostKind, Reply, Signal, VoteEvent
from bot.ports import ChatPlatform, FindOutcome, Inbound, SendOutcome, Sent

PATIENCE = 30.0  # seconds that an event may take to come through on a busy machine


class Fault(Enum):
    """What a counterpart can be told to do to the next send."""

    LOSE_ANSWER = "accepts the message; its answer never arrives"
    RATE_LIMIT = "refuses for now, and says for how long"
    REJECT = "refuses for good"
    UNREACHABLE = "never gets the request"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform has. Switch one off only where the platform itself truly lacks it."""

    threads: bool = True  # messages under a message
    reactions: bool = True  # they can be added, removed and read back
    buttons: bool = True  # something a person presses under a paper
    commands: bool = True
    ephemeral: bool = True  # a reply that only the asking person sees
    drops_repeats: bool = True  # the platform itself knows a repeated key
    can_find: bool = True  # the platform can be asked for a message later
    faults: frozenset[Fault] = field(default=frozenset(Fault))


@dataclass(frozen=True, slots=True)
class Held:
    """One message as the counterpart holds it and its readers see it."""

    remote_id: str
    text: str  # all that can be read, in reading order, escapes undone and styles applied
    links: tuple[str, ...] = ()  # all that could be followed, the counterpart's own linking too
    pings: tuple[str, ...] = ()  # everyone and everything that it would notify
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person reads after a command or a press."""

    text: str
    everyone: bool = False  # whether the others in the channel see it too


class PlatformHarness(Protocol):
    """One counterpart for one test; it outlives the adapters that connect to it."""

    capabilities: Capabilities
    people: tuple[str, str]
    """The ids of two people, as the adapter will report them."""

    async def connect(self, inbound: Inbound) -> ChatPlatform:
        """Start a new adapter against the counterpart; an earlier one was stopped by the suite."""
        ...

    async def channel(self) -> str:
        """Return the address of a new, empty channel in which the adapter may post."""
        ...

    async def held(self, address: str) -> Sequence[Held]:
        """Return what the channel holds for all to see, oldest first, replies in threads too."""
        ...

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
        """Have a person react or take it back; also while no adapter is connected.

        ``number`` is the number reaction that means this paper of a ``single``, with LIKE.
        """
        ...

    async def press(
        self, address: str, remote_id: str, person: str, signal: Signal, number: int
    ) -> Answer:
        """Have a person press the button of a signal under paper ``number`` of a message."""
        ...

    async def command(self, address: str, person: str, text: str) -> Answer:
        """Have a person type ``/papers`` and ``text``; return what they read."""
        ...

    async def inject(self, fault: Fault, address: str) -> None:
        """Do this to the next send to the channel."""
        ...

    async def heal(self, address: str) -> None:
        """End what was injected, used or not."""
        ...


class RecordingInbound:
    """The core's place: remembers what it was handed and answers what it was told to."""

    def __init__(self) -> None:
        self.commands: list[CommandEvent] = []
        self.votes: list[VoteEvent] = []
        self.reply = Reply("Understood.")
        self.vote_reply = Reply("Your vote stands.", signals=(Signal.LIKE,))
        self.failure: Exception | None = None

    async def command(self, event: CommandEvent) -> Reply:
        self.commands.append(event)
        if self.failure is not None:
            raise self.failure
        return self.reply

    async def vote(self, event: VoteEvent) -> Reply:
        self.votes.append(event)
        if self.failure is not None:
            raise self.failure
        return self.vote_reply

    async def until_votes(self, count: int) -> None:
        await until(lambda: len(self.votes) >= count, f"{count} votes; came: {self.votes}")


async def until(reached: Callable[[], bool], what: str) -> None:
    """Wait until something is so, and fail with words where it never is."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not reached():
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


def let_pass(seconds: float) -> None:
    """Have the running loop believe that so much time went by: its timers come due at once.

    A wait is so proved to end, or to be kept until its end, however busy the machine is.
    """
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # of this test's loop


# --- samples ------------------------------------------------------------------------------------


def make_card(number: int = 1, **changes: object) -> Card:
    """A card with everything; its words occur nowhere else in a post."""
    full = Card(
        number=number,
        handle=f"2606.{number:05d}",
        title=f"Counting Vowels Part {number}",
        url=f"https://arxiv.org/abs/2606.{number:05d}",
        authors="Ada Roe, Ben Poe, Cleo Moe and 5 more",
        date="12 Jun 2026",
        summary="Vowels were counted by hand. Most of them were found.",
        reason="matches “vowel harmony”",
        match=87,
        upvotes=4321,
        code_url="https://code.example.org/vowels",
        code_stars=12,
        categories=("cs.CL",),
    )
    return replace(full, **changes)  # type: ignore[arg-type]  # field names, checked by replace


def paper(number: int = 1, **changes: object) -> Post:
    card = make_card(number, **changes)
    return Post(PostKind.PAPER, f"{number}. {card.title}", cards=(card,))


def header(count: int = 2) -> Post:
    titles = tuple(f"{n}. Counting Vowels Part {n}" for n in range(1, count + 1))
    return Post(PostKind.HEADER, "Papers for vowels · Fri 12 Jun 2026", titles, footer="2 of 31")


def single(*cards: Card) -> Post:
    return Post(PostKind.SINGLE, "Papers for vowels · Fri 12 Jun 2026", cards=cards, footer="3 new")


def words(text: str) -> str:
    """Text as a reader takes it in: wrapping undone, invisible separators passed over."""
    return " ".join(text.replace("\u200b", "").replace("\u2060", "").split())


HOSTILE = (
    "Plain start @everyone @here <!channel> <@U1> <@123456789012345678> <#C1> *b* _i_ ~s~ `c` "
    "**x** ||y|| <b>bold</b> <img src=x onerror=a()> &amp; {{7*7}} "
    "[t](https://evil.example/a) <https://evil.example/b|click> www.evil.example/c evil.com/d "
    "\x1b[31m\x1b]8;;https://evil.example/e\x1b\\f\x1b]8;;\x1b\\ \u202egnp \u2066\x07\x9b2J \ud800"
    "\r\nBcc: g\r\n\r\n> quote\n# head"
)
SHOWN_LITERALLY = ("@everyone", "<!channel>", "<@U1>", "*b*", "_i_", "`c`", "**x**", "<b>bold</b>")


def assert_harmless(held: Held) -> None:
    """Nobody is called, nothing foreign can be followed, no character acts on the screen."""
    assert held.pings == ()
    assert not [link for link in held.links if "evil" in link]
    for char in held.text:
        assert char in "\n\t" or unicodedata.category(char) != "Cc", repr(char)
        assert unicodedata.bidirectional(char) not in {
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        }, repr(char)  # fmt: skip


def title(held: Held) -> int:
    """The number of the one sample paper in a message."""
    (found,) = {n for n in range(1, 10) if f"Counting Vowels Part {n}" in words(held.text)}
    return found


def needs(has: bool, what: str) -> None:
    if not has:
        pytest.skip(f"this platform has no {what}")


# --- one test's place ---------------------------------------------------------------------------


@dataclass(slots=True)
class Scene:
    """A channel on a counterpart, the adapter connected to it, and the core that listens."""

    harness: PlatformHarness
    inbound: RecordingInbound
    address: str
    platform: ChatPlatform

    @property
    def can(self) -> Capabilities:
        return self.harness.capabilities

    @property
    def people(self) -> tuple[str, str]:
        return self.harness.people

    async def connect(self) -> None:
        """Start a new adapter in place of one that was stopped."""
        self.platform = await self.harness.connect(self.inbound)

    async def elsewhere(self) -> Scene:
        """Return another channel, served by the same adapter."""
        return replace(self, address=await self.harness.channel())

    async def send(self, post: Post, key: str, *, parent: str | None = None) -> SendOutcome:
        return await self.platform.send(self.address, post, key, parent=parent)

    async def sent(self, post: Post, key: str, *, parent: str | None = None) -> str:
        """Send, expect Sent, return the remote id."""
        outcome = await self.send(post, key, parent=parent)
        assert isinstance(outcome, Sent), outcome
        assert outcome.remote_id
        return outcome.remote_id

    async def held(self) -> list[Held]:
        return list(await self.harness.held(self.address))

    async def find(self, key: str) -> FindOutcome:
        since = datetime.now(UTC) - timedelta(minutes=5)
        return await self.platform.find(self.address, key, since=since)

    async def standing(self, remote_id: str) -> set[tuple[str, Signal, int | None]]:
        stands = await self.platform.standing(self.address, remote_id)
        assert stands is not None
        told = [(one.person_id, one.signal, one.number) for one in stands]
        assert len(told) == len(set(told))
        return set(told)

    async def react(
        self, remote_id: str, person: str, signal: Signal, *, on: bool, number: int | None = None
    ) -> None:
        await self.harness.react(self.address, remote_id, person, signal, on=on, number=number)

    async def press(self, remote_id: str, person: str, signal: Signal, number: int) -> Answer:
        return await self.harness.press(self.address, remote_id, person, signal, number)

    async def command(self, person: str, text: str) -> Answer:
        return await self.harness.command(self.address, person, text)


class SceneConformance:
    """Gives every part of the suite its ``scene``; the adapter's module gives ``harness``."""

    @pytest.fixture
    async def scene(self, harness: PlatformHarness) -> AsyncIterator[Scene]:
        inbound = RecordingInbound()
        platform = await harness.connect(inbound)
        scene = Scene(harness, inbound, await harness.channel(), platform)
        yield scene
        await scene.platform.stop()
