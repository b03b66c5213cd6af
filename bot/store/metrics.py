"""What the operator watches, counted: sources, listings, papers, posts, votes, channels."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from bot.store import tallies
from bot.store.times import to_text, to_time, to_time_or_none

LAST_SENT = 1000  # posts whose lag is measured


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source over all its addresses; ``failures`` in a row at its worst address."""

    name: str
    failures: int
    failing_since: datetime | None
    error: str
    succeeded_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """A channel's open messages."""

    channel: str
    platform: str
    messages: int
    oldest: datetime


def listings(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Count the listings ever read by source and outcome, those that were dropped since as well."""
    rows = connection.execute(
        "SELECT source, outcome, count(*) AS n FROM listings GROUP BY source, outcome"
    )
    found = Counter({(row["source"], row["outcome"]): int(row["n"]) for row in rows})
    for (source, outcome), gone in tallies.counted(connection, "listings").items():
        found[source, outcome] += gone
    return dict(found)


def quarantined(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the entries that could ever not be used, by source."""
    rows = connection.execute("SELECT source, sum(quarantined) AS n FROM listings GROUP BY source")
    found = Counter({row["source"]: int(row["n"]) for row in rows})
    for (source,), gone in tallies.counted(connection, "quarantined").items():
        found[source] += gone
    return dict(found)


def errors(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Count what went wrong in asking sources, by source and kind."""
    return {
        (source, kind): count
        for (source, kind), count in tallies.counted(connection, "errors").items()
    }


def papers(connection: sqlite3.Connection) -> int:
    """Count papers."""
    return int(connection.execute("SELECT count(*) FROM papers").fetchone()[0])


def posts(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Count messages by platform and state."""
    rows = connection.execute(
        "SELECT c.platform, m.state, count(*) AS n FROM messages m"
        " JOIN channels c ON c.id = m.channel_id GROUP BY c.platform, m.state"
    )
    return {(row["platform"], row["state"]): int(row["n"]) for row in rows}


def votes(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the votes that stand, by signal."""
    rows = connection.execute(
        "SELECT signal, count(*) AS n FROM feedback WHERE active = 1 GROUP BY signal"
    )
    return {row["signal"]: int(row["n"]) for row in rows}


def channels(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Count channels by platform and state."""
    rows = connection.execute(
        "SELECT platform, state, count(*) AS n FROM channels GROUP BY platform, state"
    )
    return {(row["platform"], row["state"]): int(row["n"]) for row in rows}


def sources(connection: sqlite3.Connection) -> tuple[SourceState, ...]:
    """Return every source that was ever asked, by name."""
    rows = connection.execute(
        "SELECT source, max(failures) AS failures, max(succeeded_at) AS succeeded_at,"
        " max(CASE WHEN failures > 0 THEN error END) AS error,"
        " min(CASE WHEN failures > 0 THEN coalesce(succeeded_at, fetched_at) END) AS since"
        " FROM cursors GROUP BY source ORDER BY source"
    )
    return tuple(
        SourceState(
            row["source"],
            int(row["failures"]),
            to_time_or_none(row["since"]),
            row["error"] or "",
            to_time_or_none(row["succeeded_at"]),
        )
        for row in rows
    )


def queues(connection: sqlite3.Connection) -> tuple[OpenQueue, ...]:
    """Return the channels that have open messages."""
    rows = connection.execute(
        "SELECT c.name, c.platform, count(*) AS n, min(m.created_at) AS oldest FROM messages m"
        " JOIN channels c ON c.id = m.channel_id"
        " WHERE m.state IN ('pending', 'sending', 'unknown') GROUP BY c.id ORDER BY c.id"
    )
    return tuple(
        OpenQueue(row["name"], row["platform"], int(row["n"]), to_time(row["oldest"]))
        for row in rows
    )


def lags(connection: sqlite3.Connection) -> tuple[float, ...]:
    """Return how long the last posts took from plan to platform, in seconds, sorted."""
    rows = connection.execute(
        "SELECT created_at, sent_at FROM messages WHERE state = 'sent' AND sent_at IS NOT NULL"
        " ORDER BY id DESC LIMIT ?",
        (LAST_SENT,),
    )
    return tuple(
        sorted(
            (to_time(row["sent_at"]) - to_time(row["created_at"])).total_seconds() for row in rows
        )
    )


def abandoned_since(connection: sqlite3.Connection, since: datetime) -> dict[str, tuple[int, str]]:
    """Count by channel the messages planned since then that were given up, with the last reason."""
    rows = connection.execute(
        "SELECT c.name, c.platform, count(*) AS n, m.error, max(m.id) FROM messages m"
        " JOIN channels c ON c.id = m.channel_id"
        " WHERE m.state = 'abandoned' AND m.created_at >= ? AND c.state <> 'left'"
        " GROUP BY c.id ORDER BY c.id",
        (to_text(since),),
    )
    return {f"{row['platform']} {row['name']}": (int(row["n"]), row["error"]) for row in rows}


def unreachable(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the channels that cannot be reached, with the reason."""
    rows = connection.execute(
        "SELECT name, platform, state_reason FROM channels WHERE state = 'unreachable' ORDER BY id"
    )
    return {f"{row['platform']} {row['name']}": row["state_reason"] for row in rows}


def told_alerts(connection: sqlite3.Connection) -> str:
    """Return what was kept of the troubles that were told, or nothing."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'alerts'").fetchone()
    return "" if row is None else str(row["value"])


def keep_alerts(connection: sqlite3.Connection, told: str) -> None:
    """Keep which troubles were told."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('alerts', ?)", (told,))
