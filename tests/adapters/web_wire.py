"""A whole wire behind a web page, on the bundled sample and under one clock, for tests."""

from __future__ import annotations

import asyncio
import atexit
import io
import shutil
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import lxml.html

from bot import profiles
from bot.domain import Channel, CommandEvent, Person, Place, Reply, Signal, VoteEvent
from bot.platforms.terminal import Terminal
from bot.platforms.web import WebPage
from bot.ports import Health, Request
from bot.services.deliver import Courier, Settled
from bot.services.inbox import Inbox
from bot.services.ingest import ingest
from bot.services.manage import Defaults
from bot.services.plan import plan_due
from bot.services.ranker import Rankers
from bot.services.window import StoreWindow
from bot.sources import sample_source
from bot.store import Store, channels, outbox
from bot.world import bundled_world

DAYS = sample_source.days()


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a moment of a day in UTC."""
    return datetime.combine(day, time(hour, minute), UTC)


@dataclass
class WebWire:
    """Store, page, inbox and courier; ``now`` is moved by hand."""

    folder: Path
    now: datetime = field(default_factory=lambda: at(DAYS[0], 6))
    store: Store = field(init=False)
    page: WebPage = field(init=False)
    courier: Courier = field(init=False)
    inbox: Inbox = field(init=False)
    rankers: Rankers = field(init=False)
    made: dict[str, Channel] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    async def open(self) -> None:
        """Start, or start again on the same files."""
        self.store = Store(self.folder / "wire.db")
        self.rankers = Rankers(self.store, bundled_world())
        window = StoreWindow(
            self.store, self.rankers, checks=lambda: (("Disk", Health(True, "12 GB are free")),)
        )
        self.page = WebPage(self.folder / "web", window, clock=lambda: self.now, **self.options)
        self.inbox = Inbox(
            self.store,
            self.rankers,
            lambda: self.now,
            defaults=Defaults(sources=("sample",)),
            layouts={"web": self.page.default_layout},
        )
        self.courier = Courier(
            self.store,
            {
                "web": self.page,
                "terminal": Terminal(self.folder / "terminal", stream=io.StringIO()),
            },
            lambda: self.now,
        )
        await self.page.start(self.inbox)
        self.options["port"] = self.page.port
        await self.courier.recover()

    async def close(self) -> None:
        await self.page.stop()
        self.store.close()

    def read(self, day: date) -> None:
        """Ingest one day of the bundled sample."""
        source = sample_source.Sample()
        body = sample_source.read(day)
        listing = source.parse(body, Request(f"sample:{day}", day))
        ingest(self.store, listing, body, location=f"sample:{day}", now=self.now)

    def subscribe(
        self,
        name: str,
        interests: str,
        *,
        platform: str = "web",
        private: bool = False,
        **settings: Any,
    ) -> Channel:
        channel = Channel(
            id=0,
            platform=platform,
            address=name.replace(" ", "-"),
            name=name,
            profile=profiles.parse(interests),
            threshold=settings.pop("threshold", 30),
        )
        with self.store.write() as connection:
            return channels.insert(
                connection, replace(channel, **settings), private=private, now=self.now
            )

    async def step(self, when: datetime) -> Settled:
        """Move the clock, plan what is due and send it."""
        self.now = when
        plan_due(self.store, self.rankers.current(), when)
        return await self.courier.settle()

    async def run(self, days: int) -> None:
        """Let so many days of the sample go by."""
        for day in DAYS[:days]:
            self.now = at(day, 6)
            self.read(day)
            await self.step(at(day, 9, 1))

    async def vote(
        self, channel: Channel, number: int, signal: Signal, person: str = "ada"
    ) -> Reply:
        """Have someone vote on a paper of the newest digest."""
        from bot.store import digests

        with self.store.read() as connection:
            last = digests.last_with_papers(connection, channel.id)
            assert last is not None
            delivery = outbox.digest_deliveries(connection, last.id)[number - 1]
            message = outbox.message(connection, delivery.message_id)
        assert message is not None
        assert message.remote_id is not None
        event = VoteEvent(
            Place(channel.platform, channel.address),
            Person(channel.platform, person),
            message.remote_id,
            signal,
            None,
            number=number,
        )
        return await self.inbox.vote(event)

    async def say(self, channel: Channel, text: str, person: str = "ada") -> Reply:
        place = Place(channel.platform, channel.address, name=channel.name)
        return await self.inbox.command(CommandEvent(place, Person(channel.platform, person), text))


@cache
def _filled(days: int) -> tuple[Path, dict[str, Channel], datetime]:
    """Make the files of a filled wire once for all tests of a process."""
    folder = Path(tempfile.mkdtemp(prefix="web-wire-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    async def make() -> tuple[dict[str, Channel], datetime]:
        wire = WebWire(folder)
        await wire.open()
        made = await fill(wire, days)
        await wire.close()
        return made, wire.now

    # A loop of its own: tests run inside one already.
    with ThreadPoolExecutor(1) as other:
        return folder, *other.submit(asyncio.run, make()).result()


async def open_filled(folder: Path, days: int, **options: Any) -> WebWire:
    """Open a wire on its own copy of the files of a filled one."""
    files, made, now = _filled(days)
    shutil.copytree(files, folder, dirs_exist_ok=True)
    wire = WebWire(folder, now=now, options=options, made=made)
    await wire.open()
    return wire


async def fill(wire: WebWire, days: int = 6) -> dict[str, Channel]:
    """Make three channels with some days of digests and votes."""
    made = {
        "lab": wire.subscribe("language lab", 'language models, translation, -"image generation"'),
        "vision": wire.subscribe("vision", "image segmentation, diffusion", size=4),
        "terminal": wire.subscribe("robots", "robot learning", platform="terminal", size=3),
        "secret": wire.subscribe("board room", "scaling laws", private=True, size=2),
    }
    for i, day in enumerate(DAYS[:days]):
        wire.now = at(day, 6)
        wire.read(day)
        await wire.step(at(day, 9, 1))
        wire.now += timedelta(hours=1)
        await wire.vote(made["lab"], 1, Signal.LIKE)
        await wire.vote(made["lab"], 2, Signal.LIKE if i % 2 else Signal.DISLIKE)
        await wire.vote(made["lab"], 1, Signal.SAVE, person="ben")
        await wire.vote(made["vision"], 1, Signal.DISLIKE if i % 3 else Signal.LIKE)
        await wire.vote(made["secret"], 1, Signal.LIKE)
    return made


class Browser:
    """One person's browser without scripts: keeps cookies, reads forms, sends them."""

    def __init__(self, base: str = "") -> None:
        self.base = base
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.token = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def ask(self, path: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
        """Return status, text and headers; redirects are not followed."""
        async with self.session.get(
            f"{self.base}{path}",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            allow_redirects=False,
        ) as answer:
            return answer.status, await answer.text(), answer.headers

    async def page(self, path: str, status: int = 200) -> lxml.html.HtmlElement:
        """Return a page as it is shown, and remember its form token."""
        async with self.session.get(
            f"{self.base}{path}", headers={"Accept": "text/html"}
        ) as answer:
            text = await answer.text()
            assert answer.status == status, (answer.status, text[:500])
        root = lxml.html.fromstring(text)
        found = root.xpath("//input[@name='token']/@value")
        self.token = found[0] if found else self.token
        return root

    async def post(
        self,
        path: str,
        fields: dict[str, str],
        *,
        fragment: bool = False,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, str]:
        """Send a form with the last page's token; return status, text and where it leads."""
        sent = {**({"X-Paperwire": "fragment"} if fragment else {}), **(headers or {})}
        async with self.session.post(
            f"{self.base}{path}",
            data={"token": self.token, **fields},
            headers=sent,
            allow_redirects=False,
        ) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def log_in(self, password: str) -> str:
        """Log in and return the id under which the page reports this person."""
        await self.page("/login")
        await self.post("/login", {"password": password})
        port = self.base.rsplit(":", 1)[1]
        (cookie,) = [c for c in self.session.cookie_jar if c.key == f"paperwire_{port}"]
        return cookie.value.split(".")[0]


def wire_url(address: str) -> str:
    return f"/wire/{quote(address, safe='')}"
