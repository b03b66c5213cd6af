"""Three sources on loopback under the real service: one falls sick, the others go on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from bot import profiles
from bot.app import App
from bot.domain import Channel, Paper
from bot.ports import Request
from bot.services.alerts import troubles
from bot.services.gather import Asked
from bot.services.ingest import Ingested, ingest
from bot.settings import load
from bot.sources.huggingface import HuggingFace
from bot.sources.limits import FetchLimits, Pace
from bot.store import channels, digests, listings, metrics, papers
from tests.adapters.loopback_source import Answer, LoopbackSource, page
from tests.scenario.wire import api_entry

MONDAY = date(2026, 6, 15)
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAILY, BLOG, JOURNAL = "/api/daily_papers", "/blog.xml", "/journal.xml"
SOURCES = {"huggingface": DAILY, "blog": BLOG, "journal": JOURNAL}
QUICK = FetchLimits(total_seconds=60, max_bytes=200_000, attempts=1)


def daily(*numbers: int) -> bytes:
    return json.dumps(
        [api_entry(f"2606.{n:05}", f"Daily study {n}", f"We count {n} boats.") for n in numbers]
    ).encode()


def item(title: str, link: str, *, author: str = "Ada Example", more: str = "") -> str:
    return (
        f"<item><title>{escape(title)}</title><link>{escape(link)}</link>"
        f"<author>{escape(author)}</author><description>About {escape(title)}.</description>"
        f"{more}</item>"
    )


def rss(*items: str) -> bytes:
    text = f"<rss version='2.0'><channel><title>t</title>{''.join(items)}</channel></rss>"
    return text.encode()


def feed(name: str, *numbers: int) -> bytes:
    return rss(*(item(f"{name} study {n}", f"https://{name}.example.org/{n}") for n in numbers))


@dataclass
class Ward:
    """A service, its sources, and a clock held by hand."""

    app: App
    source: LoopbackSource

    def __post_init__(self) -> None:
        self.now = NOON

    async def poll(self) -> dict[str, Asked]:
        """Ask every source once, as the service does, ten minutes apart."""
        asked: dict[str, Asked] = {}
        for polled in self.app.sources:
            for one in await self.app.gatherer.poll(polled.source, [self.now.date()]):
                asked[polled.source.name] = one
        self.now += timedelta(minutes=10)
        return asked

    def read(self, connection_papers: int = 100) -> tuple[Paper, ...]:
        with self.app.store.read() as connection:
            return papers.recent(connection, connection_papers)

    def titles(self) -> set[str]:
        return {paper.title for paper in self.read()}

    def count(self) -> int:
        with self.app.store.read() as connection:
            return papers.count(connection)

    def ingest(self, body: bytes) -> Ingested:
        """Ingest one answer of the daily listing, by hand."""
        source = HuggingFace()
        listing = source.parse(body, Request("", self.now.date()))
        return ingest(self.app.store, listing, body, location="by hand", now=self.now)

    def told(self) -> dict[str, str]:
        """Return what the operator is told."""
        return troubles(self.app.store, self.now)

    def error(self, name: str) -> str:
        with self.app.store.read() as connection:
            [state] = [one for one in metrics.sources(connection) if one.name == name]
        return state.error

    def quarantined(self) -> list[str]:
        with self.app.store.read() as connection:
            return [row["reason"] for row in listings.quarantined(connection, 100)]

    def subscribe(self, **settings: object) -> Channel:
        channel = Channel(0, "terminal", "desk", "desk", profiles.parse("study"), threshold=0)
        with self.app.store.write() as connection:
            return channels.insert(
                connection,
                replace(channel, **settings),  # type: ignore[arg-type]  # field names, checked by replace
                private=False,
                now=self.now - timedelta(days=1),
            )

    def posted(self, channel: Channel) -> list[str]:
        with self.app.store.read() as connection:
            return [paper.title for paper in digests.posted(connection, channel.id, 100)]

    def fall_sick(self, name: str, *answers: Answer) -> None:
        self.source.add(SOURCES[name], *answers)


@asynccontextmanager
async def ward(home: Path, limits: FetchLimits = QUICK) -> AsyncIterator[Ward]:
    """Open a service with a daily listing and two feeds, all of them well."""
    async with LoopbackSource() as source:
        source.add(DAILY, page(daily(1, 2)))
        for name in ("blog", "journal"):
            source.add(SOURCES[name], page(feed(name, 1, 2), content_type="text/xml"))
        feeds = [
            {"name": name, "url": source.url(SOURCES[name]), "allow_private": True}
            for name in ("blog", "journal")
        ]
        settings = load(
            home,
            {
                "PAPERWIRE_HUGGINGFACE__BASE_URL": source.url(),
                "PAPERWIRE_ARXIV__ENABLED": "false",
                "PAPERWIRE_BACKUP__ENABLED": "false",
                "PAPERWIRE_FEEDS": json.dumps(feeds),
            },
        )
        held: list[Ward] = []
        async with App(settings, lambda: held[0].now if held else NOON) as app:
            app.fetcher._limits = limits
            app.fetcher._limiter._default = Pace(seconds=0.0, connections=2)
            held.append(Ward(app, source))
            yield held[0]
