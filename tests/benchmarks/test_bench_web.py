"""How long the page's server takes at 100,000 papers. Run: make bench."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.services.plan import plan_channel
from bot.services.search import refresh
from bot.store import Store, channels
from bot.store.times import to_text
from ranking.repair import title_key
from tests.adapters.web_wire import Browser, WebWire, at

PAPERS = 100_000
DAYS = 45
CHANNELS = 200
BUDGET = 0.100  # seconds
LAST = date(2026, 6, 19)
PAGES = (
    "/", "/trending", "/trending?period=month", "/wire/channel-1", "/channels/1",
    "/channels/1?month=2026-06", "/channels/1/trending", "/channels/1/profile",
    "/channels/1/status", "/papers/2606.00007", "/operations", "/operations/listings/40",
    "/search", "/search?q=translation", "/channels/1/feed.atom", "/api/papers",
    "/api/digests?channel=1",
)  # fmt: skip

pytestmark = pytest.mark.benchmark


def draw(rng: random.Random, vocabulary: list[str]) -> list[str]:
    """Draw words as a language has them: the few frequent ones most of the time."""
    weights = [1 / (place + 3) for place in range(len(vocabulary))]
    return rng.choices(vocabulary, weights, k=400_000)


def stock(store: Store, rng: random.Random) -> None:
    """Write papers, listings and years of digests directly as rows."""
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    vocabulary = sorted(
        {"".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(40_000)}
    )
    rng.shuffle(vocabulary)
    vocabulary[5:5] = ["translation", "language", "model", "robot", "speech"]
    drawn = draw(rng, vocabulary)
    now = to_text(datetime(2026, 6, 1, tzinfo=UTC))
    with store.write() as connection:
        for listing in range(1, DAYS + 1):
            day = (LAST - timedelta(days=DAYS - listing)).isoformat()
            connection.execute(
                "INSERT INTO listings VALUES (?, 'arxiv', 'x', ?, ?, ?, 'ok', '', ?, ?, 0, ?, 0)",
                (listing, day, f"{day}T06:00:00.000000+00:00", str(listing), 2222, 2222, 2222),
            )
        for number in range(1, PAPERS + 1):
            listing = 1 + (number * DAYS - 1) // PAPERS
            day = (LAST - timedelta(days=DAYS - listing)).isoformat()
            start = rng.randrange(len(drawn) - 200)
            title = " ".join(drawn[start : start + 9]).title()
            abstract = " ".join(drawn[start + 9 : start + 170])
            connection.execute(
                "INSERT INTO papers (id, arxiv_id, title_key, author_key, title, abstract,"
                " raw_title, raw_abstract, authors, author_count, categories, upvotes,"
                " first_seen_at, first_listed_on, changed_at)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    number, f"2606.{number:05}", title_key(title), "a", title, abstract, title,
                    abstract, json.dumps(["Ada Example", "Ben Example"]), 2, '["cs.CL"]',
                    max(0, int(rng.gauss(2, 8))), now, day, now,
                ),
            )  # fmt: skip
            connection.execute(
                "INSERT INTO appearances VALUES (?, ?, 'arxiv', ?, ?, 'new', 1, ?)",
                (number, number, listing, day, f"{day}T06:00:00.000000+00:00"),
            )
            connection.execute(
                "INSERT INTO paper_versions VALUES (?, 1, ?, ?, ?, ?, ?)",
                (number, title, abstract, title, abstract, now),
            )


async def history(wire: WebWire) -> None:
    """Give every channel a history of digests, and the first one votes."""
    for number in range(1, CHANNELS + 1):
        wire.subscribe(f"channel {number}", "translation, speech" if number % 2 else "robot")
    post = json.dumps({"kind": "paper", "headline": "x", "lines": [], "footer": "", "cards": [{
        "number": 1, "handle": "2606.00001", "title": "T", "url": None, "authors": "A", "date": "",
        "summary": "s", "reason": "r", "match": 60}]})  # fmt: skip
    parts = json.dumps([[f"term {i}", "written", 0.1] for i in range(15)])
    with wire.store.write() as connection:
        message = 0
        for channel in range(1, CHANNELS + 1):
            for day in range(60):
                slot = (LAST - timedelta(days=60 - day)).isoformat()
                digest = connection.execute(
                    "INSERT INTO digests (channel_id, slot, kind, planned_at, upto, considered,"
                    " chosen, quiet, note) VALUES (?, ?, 'daily', ?, ?, 500, 5, 0, '')",
                    (channel, f"{slot}T09:00", f"{slot}T09:00:00.000000+00:00", PAPERS - 2_000),
                ).lastrowid
                for place in range(5):
                    message += 1
                    connection.execute(
                        "INSERT INTO messages (id, channel_id, digest_id, sequence, key, post,"
                        " state, attempts, created_at, sent_at, remote_id)"
                        " VALUES (?, ?, ?, ?, ?, ?, 'sent', 1, ?, ?, ?)",
                        (message, channel, digest, place, f"k{message}", post, f"{slot}T09:00",
                         f"{slot}T09:00:00.000000+00:00", f"r{message}"),
                    )  # fmt: skip
                    connection.execute(
                        "INSERT INTO deliveries (channel_id, paper_id, digest_id, message_id,"
                        " number, score, match, reason, parts, label)"
                        " VALUES (?, ?, ?, ?, 1, 1.5, 60, 'r', ?, '')",
                        (channel, 1 + (channel * 7 + day * 5 + place) % 90_000, digest, message,
                         parts),
                    )  # fmt: skip
        for paper in range(8, 300, 3):
            connection.execute(
                "INSERT INTO feedback VALUES (1, ?, ?, 'like', 1, ?, 'button')",
                (paper, "p" * 32, "2026-06-18T09:00:00.000000+00:00"),
            )


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[WebWire]:
    opened = WebWire(tmp_path, now=at(LAST, 6))
    await opened.open()
    stock(opened.store, random.Random(7))
    refresh(opened.store)
    await history(opened)
    opened.now = at(LAST, 10)
    with opened.store.read() as connection:
        first = channels.channel(connection, 1)
    assert first is not None
    assert plan_channel(opened.store, opened.rankers.current(), first, opened.now)
    await opened.courier.settle()
    yield opened
    await opened.close()


async def test_bench_first_paint(wire: WebWire, capsys: pytest.CaptureFixture[str]) -> None:
    paints: dict[str, list[float]] = {}
    wholes: dict[str, list[float]] = {}
    async with Browser(wire.page.url) as browser:
        for _ in range(7):
            for path in PAGES:
                started = time.perf_counter()
                async with browser.session.get(f"{browser.base}{path}") as answer:
                    # A page that is sent in two is painted when its first part is there.
                    assert await answer.content.readany()
                    paints.setdefault(path, []).append(time.perf_counter() - started)
                    await answer.read()
                    wholes.setdefault(path, []).append(time.perf_counter() - started)
                    assert answer.status == 200
    with capsys.disabled():
        print(f"\n{PAPERS:,} papers, {CHANNELS} channels, {len(wholes['/'])} rounds; in ms")
        print("  first paint: first, median, worst of the others; whole page: first, median")
        for path, taken in paints.items():
            figures = (taken[0], statistics.median(taken), max(taken[1:]), wholes[path][0])
            row = [*figures, statistics.median(wholes[path])]
            print("  " + "".join(f"{figure * 1000:8.1f}" for figure in row) + f"  {path}")
    slow = {path for path, taken in paints.items() if statistics.median(taken) > BUDGET}
    assert not slow
