"""The terminal passes the conformance suite, and people can talk to it."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from bot.domain import Layout, PaperwireError, Post, PostKind, Reply, Signal
from bot.platforms.journal import Journal, journal_path
from bot.platforms.terminal import Terminal
from bot.ports import (
    ChatPlatform,
    Inbound,
    Sent,
    Standing,
)
from tests.adapters.conformance import PlatformConformance
from tests.adapters.counterpart import (
    Answer,
    Capabilities,
    Fault,
    Held,
    RecordingInbound,
    make_card,
    paper,
    single,
    words,
)
from tests.adapters.terminal_window import (
    LINKED,
    Window,
    drawn,
    fail,
    half_write_then_fail,
    stripped,
    typed,
)

pytestmark = pytest.mark.usefixtures("plain_surroundings")

_MARKS = {Signal.LIKE: "+", Signal.DISLIKE: "-", Signal.SAVE: "🔖"}


class TerminalHarness:
    """The folder of journals is the counterpart; other processes read and write it too."""

    capabilities = Capabilities(faults=frozenset(Fault) - {Fault.RATE_LIMIT})
    people = ("ada", "ben")

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = monkeypatch
        self.window = Window()
        self.terminal: Terminal | None = None
        self.channels = 0

    async def connect(self, inbound: Inbound) -> ChatPlatform:
        self.terminal = Terminal(self.folder, stream=self.window, width=100)
        await self.terminal.start(inbound)
        return self.terminal

    async def channel(self) -> str:
        self.channels += 1
        return f"#channel {self.channels}"

    async def held(self, address: str) -> Sequence[Held]:
        return [
            Held(
                remote_id=posted.remote_id,
                text=stripped(shown := drawn(posted.post)),
                links=tuple(link for link in LINKED.findall(shown) if link)
                + tuple(re.findall(r"https?://\S+|www\.\S+", stripped(shown))),
                parent=posted.parent,
            )
            for posted in Journal(journal_path(self.folder, address)).posts()
        ]

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
        assert self.terminal is not None
        await self.terminal.react(address, remote_id, person, signal, on, number)

    async def press(
        self, address: str, remote_id: str, person: str, signal: Signal, number: int
    ) -> Answer:
        return await self._type(address, person, f"{_MARKS[signal]}{number}")

    async def command(self, address: str, person: str, text: str) -> Answer:
        return await self._type(address, person, f"/papers {text}")

    async def _type(self, address: str, person: str, line: str) -> Answer:
        assert self.terminal is not None
        before = len(self.window.getvalue())
        held = len(await self.held(address))
        await self.terminal.chat(address, person, typed(line))
        shown = stripped(self.window.getvalue()[before:])
        return Answer(shown, everyone=len(await self.held(address)) > held)

    async def inject(self, fault: Fault, address: str) -> None:
        path = journal_path(self.folder, address)
        if fault is Fault.LOSE_ANSWER:
            self.patch.setattr("os.fsync", fail(errno.EIO))
        elif fault is Fault.UNREACHABLE:
            self.patch.setattr("os.write", half_write_then_fail(errno.ENOSPC))
        elif fault is Fault.REJECT:
            path.mkdir(parents=True)

    async def heal(self, address: str) -> None:
        self.patch.undo()
        path = journal_path(self.folder, address)
        if path.is_dir():
            path.rmdir()


class TestTerminal(PlatformConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[TerminalHarness]:
        with pytest.MonkeyPatch.context() as patch:
            yield TerminalHarness(tmp_path / "terminal", patch)


# --- people at the terminal ----------------------------------------------------------------------


@pytest.fixture
async def talking() -> AsyncIterator[tuple[Terminal, RecordingInbound, io.StringIO]]:
    stream = io.StringIO()
    terminal = Terminal(stream=stream, width=80)
    inbound = RecordingInbound()
    await terminal.start(inbound)
    yield terminal, inbound, stream
    await terminal.stop()


Talk = tuple[Terminal, RecordingInbound, io.StringIO]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("/papers search x y", "search x y"),
        ("  /papers   search x  ", "search x"),
        ("/PAPERS help", "help"),
        ("/papers", ""),
        ("search /papers", "search /papers"),
        ("/papersearch", "/papersearch"),
    ],
)
async def test_commands_may_be_typed_with_or_without_their_name(
    talking: Talk, line: str, text: str
) -> None:
    terminal, inbound, _ = talking
    await terminal.chat("nlp", "ada", typed("", line))
    assert [event.text for event in inbound.commands] == [text]


async def test_chat_ends_where_it_is_told_to(talking: Talk) -> None:
    terminal, inbound, _ = talking
    await terminal.chat("nlp", "ada", typed("help", "/quit", "status"))
    assert [event.text for event in inbound.commands] == ["help"]


async def test_typed_votes_mean_the_newest_paper_of_that_number(talking: Talk) -> None:
    terminal, inbound, stream = talking
    await terminal.send("nlp", paper(1), "old")
    await terminal.send("nlp", paper(1), "new")
    await terminal.chat("nlp", "ada", typed("+1", "+ 1", "👎 1", "🔖1"))
    assert [(v.remote_id, v.signal, v.on, v.number) for v in inbound.votes] == [
        ("2.new", Signal.LIKE, True, None),
        ("2.new", Signal.LIKE, False, None),
        ("2.new", Signal.DISLIKE, True, None),
        ("2.new", Signal.SAVE, True, None),
    ]
    assert len({v.event_id for v in inbound.votes}) == 4
    await terminal.chat("nlp", "ada", typed("+7"))
    assert len(inbound.votes) == 4
    assert "There is no paper 7 here" in words(stream.getvalue())


async def test_a_vote_while_nobody_listens_is_kept_for_later() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream=stream)
    await terminal.send("nlp", single(make_card(1), make_card(2)), "k1")
    await terminal.vote("nlp", "ada", Signal.LIKE, 2)
    assert await terminal.standing("nlp", "1.k1") == (Standing("ada", Signal.LIKE, 2),)
    assert "Noted" in stream.getvalue()


async def test_typing_at_a_terminal_that_is_not_connected_is_an_error() -> None:
    with pytest.raises(PaperwireError, match="not connected"):
        await Terminal(stream=io.StringIO()).say("nlp", "ada", "help")


async def test_a_reaction_to_an_unknown_message_is_an_error(talking: Talk) -> None:
    with pytest.raises(PaperwireError, match="no message '9'"):
        await talking[0].react("nlp", "9", "ada", Signal.LIKE)


async def test_an_operators_error_is_shown_in_its_own_words(talking: Talk) -> None:
    terminal, inbound, stream = talking
    inbound.failure = PaperwireError("the database is read-only; run: paperwire doctor")
    reply = await terminal.say("nlp", "ada", "status")
    assert not reply.ok
    assert "paperwire doctor" in words(stream.getvalue())


async def test_chat_goes_on_when_the_history_cannot_be_written(tmp_path: Path) -> None:
    stream = io.StringIO()
    terminal = Terminal(tmp_path, stream=stream)
    inbound = RecordingInbound()
    inbound.reply = Reply("For all.", ephemeral=False)
    await terminal.start(inbound)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", fail(errno.EIO))
        await terminal.chat("nlp", "ada", typed("status", "+1", "status"))
    await terminal.stop()
    assert len(inbound.commands) == 2
    assert words(stream.getvalue()).count("For all.") == 2
    assert "There is no paper 1" in words(stream.getvalue())
    assert os.strerror(errno.EIO) in stream.getvalue()


async def test_the_newest_digest_can_be_shown_again(tmp_path: Path) -> None:
    before = Terminal(tmp_path, stream=io.StringIO())
    for day in (1, 2):
        await before.send("nlp", Post(PostKind.HEADER, f"Day {day}"), f"h{day}")
        await before.send("nlp", paper(day), f"p{day}", parent="1.h1")
    stream = io.StringIO()
    again = Terminal(tmp_path, stream=stream)
    assert await again.show("nlp") == 2
    assert "Day 2" in stream.getvalue()
    assert "Day 1" not in stream.getvalue()
    assert await again.show("nlp", 3) == 3
    assert await again.show("elsewhere") == 0


def test_one_terminal_may_serve_one_loop_after_another() -> None:
    terminal = Terminal(stream=io.StringIO())

    async def both(day: int) -> list[object]:
        await terminal.start(RecordingInbound())
        sends = (terminal.send("nlp", paper(n), f"{day}-{n}") for n in (1, 2))
        return list(await asyncio.gather(*sends))

    assert asyncio.run(both(1)) == [Sent("1.1-1"), Sent("2.1-2")]
    assert asyncio.run(both(2)) == [Sent("3.2-1"), Sent("4.2-2")]


def test_its_layout_is_the_thread() -> None:
    assert Terminal.default_layout is Layout.THREAD
