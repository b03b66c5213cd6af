"""Numbers for Prometheus, and whether the service is ready, from the store and the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.store import Store, metrics

Sample = tuple[Mapping[str, str], float]

MEASURED = 600  # laps of the event loop that are looked back on
LAP = 0.5  # seconds


class LoopLag:
    """How late the event loop is: each lap should take ``LAP`` seconds and not more."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=MEASURED)

    async def measure(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await asyncio.sleep(LAP)
            self._lags.append(max(0.0, loop.time() - begun - LAP))

    def quantile(self, share: float) -> float:
        """Return a quantile of the last five minutes' lags in seconds; 0 before the first."""
        return _quantile(sorted(self._lags), share)


def render(store: Store, now: datetime, lag: LoopLag) -> str:
    """Return everything in Prometheus' text format, version 0.0.4."""
    with store.read() as connection:
        families = list(_families(connection, now))
    families.append(
        (
            "paperwire_event_loop_lag_seconds",
            "gauge",
            "How late the event loop was in the last five minutes.",
            [({"quantile": text}, lag.quantile(float(text))) for text in ("0.5", "0.99", "1")],
        )
    )
    lines: list[str] = []
    for name, kind, about, samples in families:
        lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{_labels(labels)} {value:.15g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def not_ready(store: Store) -> str:
    """Return why no work can be done now, or nothing."""
    try:
        with store.read() as connection:
            connection.execute("SELECT count(*) FROM meta").fetchone()
    except sqlite3.Error as error:
        return f"the database cannot be read: {error}"
    return ""


def _families(
    connection: sqlite3.Connection, now: datetime
) -> Iterable[tuple[str, str, str, list[Sample]]]:
    yield (
        "paperwire_listings_total",
        "counter",
        "Listings read, by source and outcome.",
        [
            ({"source": source, "outcome": outcome}, count)
            for (source, outcome), count in sorted(metrics.listings(connection).items())
        ],
    )
    yield (
        "paperwire_entries_quarantined_total",
        "counter",
        "Entries of listings that could not be used, by source.",
        [
            ({"source": source}, count)
            for source, count in sorted(metrics.quarantined(connection).items())
        ],
    )
    yield (
        "paperwire_source_errors_total",
        "counter",
        "Requests and answers that went wrong, by source and kind.",
        [
            ({"source": source, "kind": kind}, count)
            for (source, kind), count in sorted(metrics.errors(connection).items())
        ],
    )
    yield "paperwire_papers", "gauge", "Papers stored.", [({}, metrics.papers(connection))]
    yield (
        "paperwire_posts",
        "gauge",
        "Posts by platform and state; abandoned ones carry their reason in the outbox.",
        [
            ({"platform": platform, "state": state}, count)
            for (platform, state), count in sorted(metrics.posts(connection).items())
        ],
    )
    lags = metrics.lags(connection)
    yield (
        "paperwire_post_lag_seconds",
        "gauge",
        "From plan to platform, over the last thousand posts.",
        [({"quantile": text}, _quantile(lags, float(text))) for text in ("0.5", "0.99", "1")],
    )
    queues = metrics.queues(connection)
    oldest = max(((now - queue.oldest).total_seconds() for queue in queues), default=0.0)
    yield (
        "paperwire_queue_age_seconds",
        "gauge",
        "The age of the oldest post that is still to be sent or settled.",
        [({}, max(0.0, oldest))],
    )
    yield (
        "paperwire_votes",
        "gauge",
        "Votes that stand, by signal.",
        [({"signal": signal}, n) for signal, n in sorted(metrics.votes(connection).items())],
    )
    yield (
        "paperwire_channels",
        "gauge",
        "Channels by platform and state.",
        [
            ({"platform": platform, "state": state}, count)
            for (platform, state), count in sorted(metrics.channels(connection).items())
        ],
    )
    sources = metrics.sources(connection)
    yield (
        "paperwire_source_failures",
        "gauge",
        "Failures in a row, by source.",
        [({"source": one.name}, one.failures) for one in sources],
    )
    yield (
        "paperwire_source_last_success_timestamp_seconds",
        "gauge",
        "When a source last answered as it should.",
        [
            ({"source": one.name}, one.succeeded_at.timestamp())
            for one in sources
            if one.succeeded_at is not None
        ],
    )


def _quantile(ordered: Iterable[float], share: float) -> float:
    values = list(ordered)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    told = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{told}}}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
