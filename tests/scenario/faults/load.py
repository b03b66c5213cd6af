"""The running service under more than it should ever meet, in a process of its own.

``python -m tests.scenario.faults.load storm`` is one hard day: its papers come in, every channel
gets its digest, votes and searches pour in meanwhile. ``month`` is many days one after the other.
Each prints its figures as JSON. The load goes in where every platform hands it in
(``bot.ports.Inbound``), and posts go out to a platform that takes each after a short while.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from bot import app as app_module
from bot import profiles
from bot.app import App
from bot.domain import Channel, CommandEvent, Layout, Person, Place, Post, PostKind, Signal
from bot.domain import VoteEvent as Vote
from bot.ports import Absent, FindOutcome, Inbound, Request, SendOutcome, Sent, Standing
from bot.services.index import filling
from bot.services.ingest import ingest
from bot.settings import load
from bot.sources.json_lines import JsonLines
from bot.store import Store, channels
from tests.benchmarks.made import made_papers

DAY = date(2026, 6, 15)
PLATFORM = "slack"
NETWORK = 0.05  # seconds that a platform takes to accept a post
LAP = 0.01
POSTS = 6  # of a digest: the header and five papers
PEOPLE = 20  # of a channel
# Each person of a channel gives one kind of vote, so that what must stand at the end is plain.
SIGNALS = (Signal.LIKE,) * 10 + (Signal.DISLIKE,) * 5 + (Signal.SAVE,) * 5


@dataclass(frozen=True, slots=True)
class Posted:
    """A post that was accepted, and where."""

    address: str
    remote_id: str
    key: str


@dataclass
class Crowd:
    """A chat platform that accepts everything and remembers the keys."""

    name: str = PLATFORM
    default_layout: Layout = Layout.THREAD
    keys: list[str] = field(default_factory=list)
    papers: list[Posted] = field(default_factory=list)

    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def holds(self, count: int) -> None:
        """Wait until so many posts were accepted."""
        while len(self.keys) < count:
            self.more.clear()
            await self.more.wait()

    async def start(self, inbound: Inbound) -> None: ...

    async def stop(self) -> None: ...

    async def send(
        self,
        address: str,
        post: Post,
        key: str,
        *,
        parent: str | None = None,
    ) -> SendOutcome:
        await asyncio.sleep(NETWORK)
        self.keys.append(key)
        self.more.set()
        remote_id = f"{len(self.keys)}"
        if post.kind is PostKind.PAPER:
            self.papers.append(Posted(address, remote_id, key))
        return Sent(remote_id)

    async def find(self, address: str, key: str, *, since: datetime) -> FindOutcome:
        return Absent()

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        return None


@dataclass
class Service:
    """The service over a new home, a clock that can be set, and what is asked of it."""

    app: App
    crowd: Crowd
    papers: Iterator[dict[str, object]]
    dice: random.Random
    moment: datetime
    since: float = field(default_factory=time.monotonic)
    titles: list[str] = field(default_factory=list)
    stands: dict[tuple[str, str, str, Signal], bool] = field(default_factory=dict)
    busy: set[tuple[str, str, str, Signal]] = field(default_factory=set)
    given: int = 0

    def now(self) -> datetime:
        return self.moment + timedelta(seconds=time.monotonic() - self.since)

    def set_clock(self, moment: datetime) -> None:
        self.moment, self.since = moment, time.monotonic()

    def bring(self, count: int, day: date) -> None:
        """Take in a day's listing of so many papers."""
        rows = [{**row, "listed": day.isoformat()} for row in islice(self.papers, count)]
        self.titles = [str(row["title"]) for row in rows]
        body = "\n".join(map(json.dumps, rows)).encode()
        listing = JsonLines().parse(body, Request("load", day=day))
        ingest(self.app.store, listing, body, location=f"{day}", now=self.now())

    async def poll(self, count: int, day: date) -> None:
        """Do what the service does where a source has news."""
        with filling(self.app.store):
            await asyncio.to_thread(self.bring, count, day)
            await self.app.index()

    def subscribe(self, count: int) -> None:
        """Subscribe channels with interests of their own, for nine o'clock."""
        with self.app.store.write() as connection:
            for number in range(count):
                words = [
                    word
                    for title in self.dice.sample(self.titles, 2)
                    for word in re.findall(r"[a-z]{5,}", title)[:3]
                ]
                channel = Channel(
                    0,
                    PLATFORM,
                    f"T1/C{number}",
                    f"c{number}",
                    profiles.parse(", ".join(words) or "language models"),
                    threshold=0,
                    layout=Layout.THREAD,
                    schedule="daily 09:00",
                    timezone="UTC",
                )
                channels.insert(connection, channel, private=False, now=self.now())

    async def vote(self) -> None:
        """Let somebody vote on a paper that was posted, or take the vote back."""
        one = self.dice.choice(self.crowd.papers)
        person = self.dice.randrange(PEOPLE)
        signal = SIGNALS[person]
        held = (one.address, one.remote_id, f"U{person}", signal)
        if held in self.busy:  # which of two votes at the same moment is the last, nobody knows
            return
        self.busy.add(held)
        on = not self.stands.get(held, False)
        self.given += 1
        place = Place(PLATFORM, one.address)
        who = Person(PLATFORM, f"U{person}")
        await self.app.inbox.vote(
            Vote(place, who, one.remote_id, signal, on, event_id=f"vote{self.given}")
        )
        self.stands[held] = on
        self.busy.discard(held)

    async def search(self) -> None:
        """Let somebody search for some words of a title of today."""
        words = self.dice.choice(self.titles).split()
        start = self.dice.randrange(max(1, len(words) - 3))
        asked = " ".join(words[start : start + self.dice.randint(2, 4)])
        number = self.dice.randrange(10_000)
        place = Place(PLATFORM, f"T1/C{number % 1000}")
        who = Person(PLATFORM, f"U{number}")
        reply = await self.app.inbox.command(CommandEvent(place, who, f"search {asked}"))
        assert reply.ok, reply

    def faults(self, store: Store) -> list[str]:
        """Compare what the store holds, now that all is over, with what was done."""
        wrong = []
        if len(set(self.crowd.keys)) != len(self.crowd.keys):
            wrong.append("a key was sent twice")
        with store.read() as connection:
            counts = dict(
                map(tuple, connection.execute("SELECT state, count(*) FROM messages GROUP BY 1"))
            )
            twice = connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM deliveries GROUP BY channel_id, paper_id"
                " HAVING count(*) > 1)"
            ).fetchone()[0]
            stored = connection.execute(
                "SELECT signal, count(*) FROM feedback WHERE active GROUP BY 1"
            ).fetchall()
        if counts != {"sent": len(self.crowd.keys)}:
            wrong.append(f"{len(self.crowd.keys)} posts were accepted and {counts} are recorded")
        if twice:
            wrong.append(f"{twice} papers were posted twice to a channel")
        expected: dict[str, int] = {}
        for (_, _, _, signal), on in self.stands.items():
            expected[str(signal)] = expected.get(str(signal), 0) + on
        found = dict(map(tuple, stored))
        if found != {signal: n for signal, n in expected.items() if n}:
            wrong.append(f"votes: {expected} were given and {found} stand")
        return wrong


async def _start(home: Path, stream: Path, seed: int) -> Service:
    crowd = Crowd()
    app_module.PLAN_EVERY = timedelta(seconds=2)
    vars(app_module)["build_platforms"] = lambda *_: {PLATFORM: crowd}
    settings = load(
        home,
        {
            "PAPERWIRE_HUGGINGFACE__ENABLED": "false",
            "PAPERWIRE_ARXIV__ENABLED": "false",
            "PAPERWIRE_BACKUP__ENABLED": "false",
        },
    )
    service: Service

    def clock() -> datetime:
        return service.now()

    service = Service(
        App(settings, clock),
        crowd,
        made_papers(stream, 1_000_000),
        random.Random(seed),
        datetime(DAY.year, DAY.month, DAY.day, 8, 0, tzinfo=UTC),
    )
    await service.app.__aenter__()
    return service


async def storm(
    service: Service, *, papers: int, many: int, votes: int, searches: float, seconds: float
) -> dict[str, Any]:
    """Run one hard day: all that it brings within so many seconds."""
    service.titles = [str(row["title"]) for row in islice(service.papers, 100)]
    service.subscribe(many)
    lags: list[float] = []
    waits: dict[str, list[float]] = {"search": [], "vote": []}
    tasks: set[asyncio.Task[None]] = set()
    await service.search()  # it has been up for a while
    service.set_clock(datetime(DAY.year, DAY.month, DAY.day, 8, 59, 57, tzinfo=UTC))
    begun = time.monotonic()
    ended = begun + seconds

    async def measure() -> None:
        while time.monotonic() < ended:
            before = time.monotonic()
            await asyncio.sleep(LAP)
            lags.append(time.monotonic() - before - LAP)

    async def pour(name: str, rate: float, act: Callable[[], Awaitable[None]]) -> None:
        """Start so many a second, however long each takes, and note what each waited."""
        number = 0

        async def once(due: float) -> None:
            await act()
            waits[name].append(time.monotonic() - due)

        while (due := begun + number / rate) < ended:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            number += 1
            if name == "search" or service.crowd.papers:
                task = asyncio.create_task(once(due))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    serving = asyncio.create_task(service.app.serve())
    await asyncio.gather(
        measure(), service.poll(papers, DAY), pour("search", searches, service.search),
        pour("vote", votes / seconds, service.vote),
    )  # fmt: skip
    while tasks:
        await asyncio.wait(tasks)
    async with asyncio.timeout(600):
        await service.crowd.holds(POSTS * many)
    service.app.stop()
    await serving
    figures: dict[str, Any] = {
        "seconds": seconds, "papers": papers, "channels": many,
        "posts": len(service.crowd.keys),
        "posts_late_seconds": round(time.monotonic() - ended, 1),
        "lag_ms": _percentiles(lags),
        "commands": _percentiles([*waits["search"], *waits["vote"]]),
        "resident_mb": _resident(),
    }  # fmt: skip
    for name, spent in waits.items():
        figures[name] = {"count": len(spent), **_percentiles(spent)}
    return figures


async def month(
    service: Service, *, days: int, papers: int, many: int, votes: int, searches: int
) -> dict[str, Any]:
    """Run days one after the other, as fast as they go, and note the memory after each."""
    service.titles = [str(row["title"]) for row in islice(service.papers, 100)]
    service.subscribe(many)
    resident = []
    for number in range(days):
        day = DAY + timedelta(days=number)
        service.set_clock(datetime(day.year, day.month, day.day, 8, 30, tzinfo=UTC))
        await service.poll(papers, day)
        service.set_clock(datetime(day.year, day.month, day.day, 9, 0, tzinfo=UTC))
        await service.app.plan()
        await service.app.deliver()
        for _ in range(votes):
            await service.vote()
        for _ in range(searches):
            await service.search()
        del service.crowd.papers[: -POSTS * many]
        await service.app.upkeep()
        gc.collect()
        resident.append(_resident())
        print(json.dumps({"day": number + 1, "resident_mb": resident[-1]}), flush=True)
    return {"days": days, "papers": papers, "channels": many, "resident_mb": resident}


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        name: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        if ordered
    }


def _resident() -> int:
    """Return the megabytes that this process holds in memory now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


async def _main(asked: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        service = await _start(Path(folder), asked.stream, asked.seed)
        try:
            if asked.what == "storm":
                figures = await storm(
                    service, papers=asked.papers, many=asked.channels, votes=asked.votes,
                    searches=asked.searches, seconds=asked.seconds,
                )  # fmt: skip
            else:
                figures = await month(
                    service, days=asked.days, papers=asked.papers, many=asked.channels,
                    votes=asked.votes, searches=int(asked.searches),
                )  # fmt: skip
        finally:
            await service.app.__aexit__()
        store = Store(service.app.settings.database_path)
        figures["wrong"] = service.faults(store)
        store.close()
    return figures


def main() -> None:
    """Run what is asked for and print its figures as one line of JSON."""
    import logging

    import structlog

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("storm", "month"))
    parser.add_argument("--stream", type=Path, required=True, help="recorded papers, JSON lines")
    parser.add_argument("--papers", type=int, default=2_000, help="of a day")
    parser.add_argument("--channels", type=int, default=1_000)
    parser.add_argument("--votes", type=int, default=50_000, help="in all, or of a day")
    parser.add_argument("--searches", type=float, default=100, help="a second, or of a day")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(json.dumps(asyncio.run(_main(parser.parse_args()))))


if __name__ == "__main__":
    main()
