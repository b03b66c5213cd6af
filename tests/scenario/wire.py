"""A wire on files, driven by hand under one clock, for scenario tests."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from bot import profiles
from bot.domain import Channel, CommandEvent, Person, Place, Post, Reply, Signal, VoteEvent
from bot.platforms.terminal import Terminal
from bot.ports import ChatPlatform, Request
from bot.services.deliver import Courier, Settled
from bot.services.inbox import Inbox
from bot.services.ingest import Ingested, ingest
from bot.services.manage import Defaults
from bot.services.plan import Planned, plan_due
from bot.services.ranker import Rankers
from bot.sources.huggingface import HuggingFace
from bot.store import Store, channels
from bot.world import bundled_world

MONDAY = date(2026, 6, 15)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a moment of a day in UTC."""
    return datetime.combine(day, time(hour, minute), UTC)


def api_entry(arxiv_id: str, title: str, abstract: str, **facts: Any) -> dict[str, Any]:
    """Return one entry in the Daily Papers API's shape."""
    paper = {
        "id": arxiv_id,
        "title": title,
        "summary": abstract,
        "authors": [{"name": name} for name in facts.pop("authors", ["Ada Example"])],
        "publishedAt": "2026-06-14T00:00:00.000Z",
        "upvotes": facts.pop("upvotes", 0),
        **facts,
    }
    return {"paper": paper, "title": title, "publishedAt": paper["publishedAt"]}


@dataclass
class Wire:
    """Store, platform and courier under one hand-held clock."""

    folder: Path
    now: datetime
    store: Store = field(init=False)
    terminal: Terminal = field(init=False)
    inbox: Inbox = field(init=False)
    courier: Courier = field(init=False)
    rankers: Rankers = field(init=False)
    screen: io.StringIO = field(default_factory=io.StringIO)

    async def open(self, platform: ChatPlatform | None = None) -> None:
        """Start, or start again on the same files."""
        self.store = Store(self.folder / "wire.db")
        self.terminal = Terminal(self.folder / "terminal", stream=self.screen, width=100)
        self.rankers = Rankers(self.store, bundled_world())
        self.inbox = Inbox(
            self.store,
            self.rankers,
            lambda: self.now,
            defaults=Defaults(sources=("huggingface",)),
            layouts={"terminal": self.terminal.default_layout},
        )
        await self.terminal.start(self.inbox)
        self.courier = Courier(
            self.store, {"terminal": platform or self.terminal}, lambda: self.now
        )
        await self.courier.recover()

    async def close(self) -> None:
        await self.terminal.stop()
        self.store.close()

    def read(self, entries: Sequence[dict[str, Any]] | bytes, day: date) -> Ingested:
        """Ingest one day of the Daily Papers API."""
        body = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
        source = HuggingFace()
        listing = source.parse(body, Request(source.url, day=day))
        return ingest(self.store, listing, body, location=f"{day}.json", now=self.now)

    def subscribe(self, name: str, interests: str, **settings: Any) -> Channel:
        channel = Channel(
            id=0, platform="terminal", address=name, name=name, profile=profiles.parse(interests)
        )
        with self.store.write() as connection:
            return channels.insert(
                connection, replace(channel, **settings), private=False, now=self.now
            )

    def plan(self) -> tuple[Planned, ...]:
        return plan_due(self.store, self.rankers.current(), self.now)

    async def step(self, when: datetime) -> Settled:
        """Move the clock, plan what is due and send it."""
        self.now = when
        self.plan()
        return await self.courier.settle()

    async def say(
        self, name: str, text: str, *, person: str = "ada", manages: bool = True
    ) -> Reply:
        """Type a command in a channel."""
        place = Place("terminal", name, name=name)
        return await self.inbox.command(
            CommandEvent(place, Person("terminal", person, may_manage=manages), text)
        )

    async def vote(
        self,
        name: str,
        remote_id: str,
        signal: Signal,
        *,
        person: str = "ada",
        on: bool | None = True,
        event_id: str = "",
        number: int | None = None,
    ) -> Reply:
        event = VoteEvent(
            Place("terminal", name),
            Person("terminal", person),
            remote_id,
            signal,
            on,
            number=number,
            event_id=event_id,
        )
        return await self.inbox.vote(event)

    async def posts(self, name: str) -> list[Post]:
        """Return what the channel really holds."""
        return [posted.post for posted in await self.terminal.posts(name)]

    async def titles(self, name: str) -> list[str]:
        """Return the titles posted, in order."""
        return [card.title for post in await self.posts(name) for card in post.cards]


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    opened = Wire(tmp_path, at(MONDAY, 6))
    await opened.open()
    yield opened
    await opened.close()
