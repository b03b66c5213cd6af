"""Run by test_bench_sizing in a process of its own, so that memory and processor are its own too.

    sizing_worker.py STREAM HOME CHANNELS

Reads the stream's papers but the last day's, backs them up, then lets one morning come: a day's
papers, a digest for every channel, delivered to the terminal. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import profiles
from bot.domain import Channel, Signal, Via
from bot.logs import configure
from bot.platforms.terminal import Terminal
from bot.ports import Request
from bot.services import backup
from bot.services.deliver import Courier
from bot.services.index import refresh
from bot.services.ingest import ingest
from bot.services.plan import plan_due
from bot.services.ranker import Rankers
from bot.sources.json_lines import JsonLines
from bot.store import Store, channels, feedback
from bot.store.feedback import Ballot
from bot.world import bundled_world

DAY = 1_000  # papers
VOTES = 50  # of each channel, by five persons
MORNING = datetime(2026, 6, 15, 9, tzinfo=UTC)


def measure(stream: Path, home: Path, count: int) -> dict[str, float]:
    """Return seconds, processor seconds, megabytes and counts."""
    told: dict[str, float] = {}
    with gzip.open(stream) as opened:
        lines = opened.read().splitlines(keepends=True)
    store = Store(home / "paperwire.db")

    def read(some: list[bytes], now: datetime) -> None:
        body = b"".join(some)
        listing = JsonLines().parse(body, Request("stream", None))
        ingest(store, listing, body, location=f"stream:{len(some)}", now=now)
        refresh(store)

    read(lines[:-DAY], MORNING - timedelta(days=30))
    store.close()
    told["papers"] = len(lines) - DAY
    database = home / "paperwire.db"
    told["disk_mb"] = database.stat().st_size / 1e6
    told["backup_s"] = _timed(lambda: backup.back_up(database, home / "copy.db", MORNING))[0]
    store = Store(database)
    rankers = Rankers(store, bundled_world())
    _subscribe(store, lines, count)
    read(lines[-DAY:], MORNING - timedelta(hours=1))
    ranker = rankers.current()
    told["plan_s"], told["plan_cpu_s"] = _timed(lambda: plan_due(store, ranker, MORNING))
    told["send_s"], told["send_cpu_s"] = _timed(lambda: asyncio.run(_deliver(store, home)))
    with store.read() as connection:
        told["posts"] = connection.execute("SELECT count(*) FROM messages").fetchone()[0]
        told["digests"] = connection.execute("SELECT count(*) FROM digests").fetchone()[0]
    store.close()
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return told


def _subscribe(store: Store, lines: list[bytes], count: int) -> None:
    """Make channels, each with words out of a title and votes on papers all over the stream."""
    with store.write() as connection:
        for number in range(count):
            title = json.loads(lines[(number * 97) % len(lines)])["title"].split()
            words = f"{' '.join(title[:3])}, {' '.join(title[-2:])}".replace(":", " ")
            channel = channels.insert(
                connection,
                Channel(0, "terminal", f"c{number}", f"c{number}", profiles.parse(words)),
                private=False,
                now=MORNING - timedelta(days=1),
            )
            for vote in range(VOTES):
                feedback.set_signal(
                    connection,
                    Ballot(channel.id, (number * 131 + vote * 173) % 10_000 + 1, f"p{vote % 5}"),
                    Signal.LIKE if vote % 5 < 3 else Signal.DISLIKE,
                    on=True,
                    via=Via.COMMAND,
                    now=MORNING - timedelta(days=vote + 1),
                )


async def _deliver(store: Store, home: Path) -> None:
    terminal = Terminal(home / "terminal", stream=io.StringIO())
    courier = Courier(store, {"terminal": terminal}, lambda: MORNING)
    while (await courier.settle()).sent:
        pass


def _timed(deed: Callable[[], object]) -> tuple[float, float]:
    started, cpu = time.perf_counter(), time.process_time()
    deed()
    return time.perf_counter() - started, time.process_time() - cpu


if __name__ == "__main__":
    configure("error")
    told = measure(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(told) + "\n")
