"""The demonstration: ten days of the bundled sample through the real wire, under a hand-held clock.

Nothing is special about it but the clock, the readers and the throw-away folder: the same store,
services and terminal channel serve a real installation.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bot.demo.rooms import ROOMS, Room, opinion
from bot.domain import Channel, CommandEvent, Person, Place, Signal
from bot.platforms.terminal import Terminal
from bot.render import clip, day_words, visible
from bot.services.deliver import Courier
from bot.services.gather import store_listing
from bot.services.inbox import Inbox
from bot.services.manage import Defaults
from bot.services.plan import Proposal, plan_due, propose
from bot.services.ranker import Rankers, interest
from bot.sources import sample_source
from bot.store import Store, channels
from bot.store import feedback as feedback_rows
from bot.world import bundled_world

if TYPE_CHECKING:
    from rich.console import Console

FETCHED, DIGEST, REACTED = time(7, 0), time(9, 0), time(12, 30)


class Demo:
    """One run of the demonstration, drawn on a stream."""

    def __init__(self, folder: Path, stream: TextIO, *, brief: bool) -> None:
        self._now = datetime.combine(sample_source.days()[0], time(6), UTC)
        self._brief = brief
        self._stream = stream
        self._store = Store(folder / "paperwire.db")
        self._terminal = Terminal(folder / "terminal", stream=stream)
        # The same channels, seen by nobody: their posts are in the history all the same.
        self._quiet = Terminal(folder / "terminal", stream=io.StringIO())
        self._rankers = Rankers(self._store, bundled_world())
        self._inbox = Inbox(
            self._store,
            self._rankers,
            lambda: self._now,
            defaults=Defaults(size=3, threshold=40),
            layouts={"terminal": self._terminal.default_layout},
        )
        self._votes: dict[str, int] = {}

    async def run(self) -> None:
        """Play the ten days, then compare."""
        await self._terminal.start(self._inbox)
        await self._quiet.start(self._inbox)
        days = sample_source.days()
        self._say(
            "Paperwire, on its bundled sample: ten listing days, three channels, six readers.",
            "The papers are real; the readers and their reactions are simulated.",
        )
        for room in ROOMS:
            await self._subscribe(room)
        for number, day in enumerate(days, 1):
            await self._day(day, number, last=number == len(days))
        self._compare(days[-1])
        self._farewell()
        await self._terminal.stop()
        self._store.close()

    async def _subscribe(self, room: Room) -> None:
        place = Place("terminal", room.name, name=room.name)
        self._say("", f"#{room.name}  /papers subscribe {room.interests}", style="bold")
        reply = await self._inbox.command(
            CommandEvent(place, Person("terminal", "founder"), f"subscribe {room.interests}")
        )
        self._say(f"  {reply.headline}", style="dim")

    async def _day(self, day: date, number: int, *, last: bool) -> None:
        self._now = datetime.combine(day, FETCHED, UTC)
        body = sample_source.read(day)
        source = sample_source.Sample()
        [request] = source.requests([day])
        listing = source.parse(body, request)
        done = store_listing(self._store, listing, body, where=request.url, now=self._now)
        self._rule(f"Day {number}: {day_words(day)}, a listing of {done.parsed} papers")
        self._now = datetime.combine(day, DIGEST, UTC)
        if last:
            # Before it is posted: what would it be if nobody had ever reacted?
            self._last = [self._both_ways(channel) for channel in self._channels()]
        plan_due(self._store, self._rankers.current(), self._now)
        screen = self._quiet if self._brief else self._terminal
        # One channel after the other, so that their digests do not interleave on one screen.
        await Courier(self._store, {"terminal": screen}, lambda: self._now, at_once=1).settle()
        if self._brief:
            await self._headlines()
        self._now = datetime.combine(day, REACTED, UTC)
        if not last:
            await self._react()

    async def _headlines(self) -> None:
        for room in ROOMS:
            posts = [posted.post for posted in await self._terminal.posts(room.name)]
            start = max((n for n, post in enumerate(posts) if not post.cards), default=0)
            self._say(f"#{room.name}", style="bold")
            for post in posts[start:]:
                for card in post.cards:
                    self._say(f"  {card.match:>3}  {clip(visible(card.title), 68)}")
                    self._say(f"       why: {clip(visible(card.reason), 66)}", style="dim")
                if not post.cards and post.headline and start == len(posts) - 1:
                    self._say(f"  {post.headline}", style="dim")

    async def _react(self) -> None:
        said: list[str] = []
        for room in ROOMS:
            history = await self._terminal.posts(room.name)
            fresh = history[self._votes.get(room.name, 0) :]
            self._votes[room.name] = len(history)
            likes = dislikes = 0
            for posted in fresh:
                for card in posted.post.cards:
                    text = f"{card.title} {self._abstract(card.handle)}".casefold()
                    for reader in room.readers:
                        signal = opinion(reader, text)
                        if signal is None:
                            continue
                        likes += signal is Signal.LIKE
                        dislikes += signal is Signal.DISLIKE
                        await self._quiet.react(
                            room.name, posted.remote_id, reader.name, signal, on=True
                        )
            if likes or dislikes:
                said.append(f"#{room.name} 👍 {likes} 👎 {dislikes}")
        if said:
            self._say("Simulated reactions: " + "   ".join(said), style="italic")

    def _abstract(self, handle: str) -> str:
        from bot.store import papers

        with self._store.read() as connection:
            found = papers.paper_by_handle(connection, handle)
        return found.abstract if found else ""

    def _channels(self) -> tuple[Channel, ...]:
        with self._store.read() as connection:
            return channels.every(connection)

    def _both_ways(self, channel: Channel) -> tuple[Channel, Proposal, Proposal]:
        slot = self._now.strftime("%Y-%m-%dT%H:%M")
        ranker = self._rankers.current()
        learned = propose(self._store, ranker, channel, self._now, slot=slot)
        unlearned = propose(self._store, ranker, channel, self._now, slot=slot, feedback=())
        return channel, learned, unlearned

    def _compare(self, day: date) -> None:
        from rich.table import Table

        self._rule(f"What the reactions changed: the digests of {day_words(day)}")
        console = self._console()
        for channel, learned, unlearned in self._last:
            table = Table(title=f"#{channel.name}", title_justify="left", expand=True)
            table.add_column("without the reactions")
            table.add_column("with them", style="bold")
            rows = max(len(learned.picks), len(unlearned.picks), 1)
            for row in range(rows):
                table.add_row(_cell(unlearned, row), _cell(learned, row))
            console.print(table)
            up, down = self._moved(channel)
            self._say(f"  terms that gained: {', '.join(up) or 'none'}")
            self._say(f"  terms that lost:   {', '.join(down) or 'none'}", "")

    def _moved(self, channel: Channel) -> tuple[list[str], list[str]]:
        from ranking.explain import terms

        ranker = self._rankers.current()
        with self._store.read() as connection:
            wants = interest(connection, channel, self._now)
        if not wants.votes:
            return [], []
        weights = terms(ranker.model(wants), 60)
        ordered = sorted(weights, key=lambda row: (-abs(row[2]), row[0]))
        up = [term for term, _, learned in ordered if learned > 0][:6]
        down = [term for term, _, learned in ordered if learned < 0][:6]
        return up, down

    def _farewell(self) -> None:
        with self._store.read() as connection:
            votes = sum(len(feedback_rows.active(connection, c.id)) for c in self._channels())
        us = _command()
        self._rule("That was the whole wire")
        self._say(
            f"{votes} simulated votes; everything above went through the real store, ranking",
            "and delivery, in a folder that is gone now. Three things to try next:",
            "",
            f"  1. Your own channel, here:    {us} chat",
            "     and type there:            subscribe low-resource translation, morphology",
            f"  2. Today's real papers:       {us} run --once",
            "     and then, in the chat:     preview",
            f"  3. Your team's own channel:   {us} init",
            '     and follow README.md, "Connect a channel"',
        )

    def _say(self, *lines: str, style: str = "") -> None:
        from rich.text import Text

        console = self._console()
        for line in lines:
            console.print(Text(line, style=style), soft_wrap=True)

    def _rule(self, words: str) -> None:
        self._say("", f"── {words} " + "─" * max(0, 76 - len(words)), "", style="bold cyan")

    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=self._stream, highlight=False, width=self._width())

    def _width(self) -> int | None:
        return None if self._stream.isatty() else 100


def _command() -> str:
    """Return how this very program is called from where the person stands."""
    called = Path(sys.argv[0])
    if called.name != "paperwire" or shutil.which("paperwire") == str(called.absolute()):
        return "paperwire"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)


def _cell(proposal: Proposal, row: int) -> str:
    picks: Sequence[object] = proposal.picks
    if row >= len(picks):
        return "" if row or picks else "(nothing close enough)"
    pick = proposal.picks[row]
    return f"{pick.match:>3}  {visible(pick.paper.title)}"


def play(stream: TextIO | None = None, *, brief: bool = False) -> None:
    """Run the demonstration in a folder of its own, which is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="paperwire-demo-"))
    try:
        asyncio.run(Demo(folder, stream or sys.stdout, brief=brief).run())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
