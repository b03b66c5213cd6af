"""The demonstration in a browser: nine days are there, the tenth arrives while one looks."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
import time as clock_time
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import click

from bot.demo.rooms import ROOMS, Room, opinion
from bot.domain import CommandEvent, PaperwireError, Person, Place, VoteEvent
from bot.platforms.web import WebPage
from bot.services.deliver import Courier
from bot.services.gather import store_listing
from bot.services.inbox import Inbox
from bot.services.index import refresh
from bot.services.manage import Defaults
from bot.services.plan import plan_due
from bot.services.ranker import Rankers
from bot.services.window import StoreWindow
from bot.sources import sample_source
from bot.store import Store, channels, outbox
from bot.store import papers as paper_rows
from bot.world import bundled_world

FETCHED, DIGEST, REACTED = time(7, 0), time(9, 0), time(12, 30)
PORT = 8765
LIVE_AFTER = 15.0  # seconds until the last day's digests arrive
TURN = 0.5


class WebDemo:
    """The wire with the web page as its platform, in a folder of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self._now = datetime.combine(sample_source.days()[0], time(6), UTC)
        self._running_since: float | None = None
        self._store = Store(folder / "paperwire.db")
        rankers = Rankers(self._store, bundled_world())
        self._rankers = rankers
        self.page = WebPage(
            folder / "web", StoreWindow(self._store, rankers), port=port, clock=self._clock
        )
        self._inbox = Inbox(
            self._store,
            rankers,
            self._clock,
            defaults=Defaults(size=3, threshold=40),
            layouts={self.page.name: self.page.default_layout},
        )
        self._courier = Courier(self._store, {self.page.name: self.page}, self._clock)

    async def open(self) -> None:
        """Serve the page, with all days but the last."""
        await self.page.start(self._inbox)
        for room in ROOMS:
            await self._inbox.command(
                CommandEvent(
                    self._place(room),
                    Person(self.page.name, "founder"),
                    f"subscribe {room.interests}",
                )
            )
        for day in sample_source.days()[:-1]:
            await self._day(day)
            await self._react()
        await asyncio.to_thread(refresh, self._store)
        self._running_since = clock_time.monotonic()

    async def serve(self, stop: asyncio.Event, live_after: float = LIVE_AFTER) -> None:
        """Let the last day arrive, and answer, until ``stop`` is set."""
        loop = asyncio.get_running_loop()
        due: float | None = loop.time() + live_after
        while not stop.is_set():
            if due is not None and loop.time() >= due:
                await self._day(sample_source.days()[-1])
                due = None
            await self._courier.settle()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), TURN)

    async def close(self) -> None:
        """Stop serving."""
        await self.page.stop()
        self._store.close()

    def _clock(self) -> datetime:
        if self._running_since is None:
            return self._now
        return self._now + timedelta(seconds=clock_time.monotonic() - self._running_since)

    def _place(self, room: Room) -> Place:
        return Place(self.page.name, room.name, name=room.name)

    def _set_clock(self, moment: datetime) -> None:
        self._now = moment
        if self._running_since is not None:
            self._running_since = clock_time.monotonic()

    async def _day(self, day: date) -> None:
        self._set_clock(datetime.combine(day, FETCHED, UTC))
        source = sample_source.Sample()
        [request] = source.requests([day])
        body = sample_source.read(day)
        store_listing(
            self._store,
            source.parse(body, request),
            body,
            where=request.url,
            now=self._clock(),
        )
        self._set_clock(datetime.combine(day, DIGEST, UTC))
        await asyncio.to_thread(
            lambda: plan_due(self._store, self._rankers.current(), self._clock())
        )
        await self._courier.settle()

    async def _react(self) -> None:
        self._set_clock(datetime.combine(self._now.date(), REACTED, UTC))
        for room in ROOMS:
            with self._store.read() as connection:
                channel = channels.at(connection, self._place(room))
                sent = outbox.recent_sent(
                    connection, channel.id if channel else 0, self._now - timedelta(hours=6)
                )
                texts = {
                    card.handle: paper_rows.paper_by_handle(connection, card.handle)
                    for message in sent
                    for card in message.post.cards
                }
            for message in sent:
                for card in message.post.cards:
                    paper = texts[card.handle]
                    text = f"{card.title} {paper.abstract if paper else ''}".casefold()
                    for reader in room.readers:
                        signal_ = opinion(reader, text)
                        if signal_ is not None:
                            await self._inbox.vote(
                                VoteEvent(
                                    self._place(room),
                                    Person(self.page.name, reader.name),
                                    message.remote_id or "",
                                    signal_,
                                    on=True,
                                )
                            )


async def _serve(folder: Path, port: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers here
            loop.add_signal_handler(number, stop.set)
    demo = WebDemo(folder, PORT if port is None else port)
    click.echo("Playing nine days of the bundled sample ...")
    try:
        await demo.open()
    except PaperwireError:
        if port is not None:
            raise
        # Somebody else is on the usual port; any other will do for a demonstration.
        demo = WebDemo(folder / "again", 0)
        await demo.open()
    try:
        click.echo(f"Open {demo.page.url}  (the papers are real, the readers are simulated)")
        click.echo(f"The tenth day's digests arrive in {LIVE_AFTER:.0f} seconds. Ctrl-C ends it.")
        sys.stdout.flush()
        await demo.serve(stop)
    finally:
        await demo.close()


def serve(port: int | None = None) -> None:
    """Serve the demonstration until interrupted, in a folder that is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="paperwire-demo-"))
    try:
        asyncio.run(_serve(folder, port))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
