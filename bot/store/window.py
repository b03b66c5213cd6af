"""What the web page reads: rows gathered for looking at, private channels left out where asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime

from bot.domain import Channel, Delivery, Digest, Feedback, Message, Paper, Place, Signal
from bot.store import channels, digests, feedback, outbox
from bot.store.papers import papers, row_to_paper
from bot.store.times import to_date_or_none, to_time, to_time_or_none
from bot.views import Appearance, Precision, Version

VISIBLE = "(c.private = 0 OR :private)"
_OPEN = "('pending', 'sending', 'unknown')"
MESSAGE = (
    "SELECT m.*, (SELECT p.remote_id FROM messages p WHERE p.digest_id = m.digest_id"
    " AND p.sequence = 0 AND p.id <> m.id) AS parent_remote_id"
    " FROM messages m JOIN channels c ON c.id = m.channel_id"
)


# --- channels -----------------------------------------------------------------------------------


def channel_rows(
    connection: sqlite3.Connection, *, private: bool, limit: int
) -> tuple[tuple[Channel, bool], ...]:
    """Return channels and whether each is private: the active first, of them the page's own."""
    rows = connection.execute(
        f"SELECT c.* FROM channels c WHERE {VISIBLE} ORDER BY c.state <> 'active',"
        " c.state = 'left', c.platform <> 'web', c.id LIMIT :limit",
        {"private": private, "limit": limit},
    )
    return tuple((channels.row_to_channel(row), bool(row["private"])) for row in rows)


def channel_row(
    connection: sqlite3.Connection, channel_id: int, *, private: bool
) -> tuple[Channel, bool] | None:
    """Return one channel and whether it is private; None where it may not be seen."""
    row = connection.execute(
        f"SELECT c.* FROM channels c WHERE c.id = :id AND {VISIBLE}",
        {"id": channel_id, "private": private},
    ).fetchone()
    return None if row is None else (channels.row_to_channel(row), bool(row["private"]))


def is_private(connection: sqlite3.Connection, place: Place) -> bool:
    """Tell whether a place is a private channel; one that is not known is none."""
    row = connection.execute(
        "SELECT private FROM channels WHERE platform = ? AND address = ?",
        (place.platform, place.address),
    ).fetchone()
    return bool(row and row["private"])


def count_private(connection: sqlite3.Connection) -> int:
    """Count the private channels."""
    return int(connection.execute("SELECT count(*) FROM channels WHERE private").fetchone()[0])


def count_of(connection: sqlite3.Connection, channel_id: int) -> tuple[int, int]:
    """Return how many digests and how many papers a channel was given."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM digests WHERE channel_id = ?1),"
        " (SELECT count(*) FROM deliveries WHERE channel_id = ?1)",
        (channel_id,),
    ).fetchone()
    return int(row[0]), int(row[1])


def open_messages(connection: sqlite3.Connection, channel_id: int) -> tuple[int, str]:
    """Return how many messages of a channel are open, and the newest trouble among them."""
    row = connection.execute(
        f"SELECT count(*), max(CASE WHEN error <> '' THEN id END) FROM messages"
        f" WHERE channel_id = ? AND state IN {_OPEN}",
        (channel_id,),
    ).fetchone()
    if row[1] is None:
        return int(row[0]), ""
    found = connection.execute("SELECT error FROM messages WHERE id = ?", (row[1],)).fetchone()
    return int(row[0]), str(found["error"])


def failed_messages(
    connection: sqlite3.Connection, channel_id: int, limit: int
) -> tuple[Message, ...]:
    """Return the newest messages of a channel that were given up."""
    rows = connection.execute(
        f"{MESSAGE} WHERE m.channel_id = ? AND m.state = 'abandoned' ORDER BY m.id DESC LIMIT ?",
        (channel_id, limit),
    )
    return tuple(outbox.row_to_message(row) for row in rows)


# --- digests ------------------------------------------------------------------------------------


def last_day(connection: sqlite3.Connection, channel_id: int) -> date | None:
    """Return the day of a channel's newest digest."""
    row = connection.execute(
        "SELECT max(slot) FROM digests WHERE channel_id = ?", (channel_id,)
    ).fetchone()
    return None if row[0] is None else date.fromisoformat(row[0][:10])


def digests_between(
    connection: sqlite3.Connection, channel_id: int, first: date, last: date
) -> tuple[Digest, ...]:
    """Return a channel's digests with slots on these days, the newest first."""
    rows = connection.execute(
        "SELECT id FROM digests WHERE channel_id = ? AND slot >= ? AND slot < ?"
        " ORDER BY slot DESC, id DESC",
        (channel_id, first.isoformat(), f"{last.isoformat()}~"),
    )
    found = (digests.digest(connection, row["id"]) for row in rows.fetchall())
    return tuple(one for one in found if one is not None)


def neighbours(
    connection: sqlite3.Connection, channel_id: int, first: date, last: date
) -> tuple[date | None, date | None]:
    """Return the nearest days with a digest before and after these days."""
    row = connection.execute(
        "SELECT (SELECT max(slot) FROM digests WHERE channel_id = ?1 AND slot < ?2),"
        " (SELECT min(slot) FROM digests WHERE channel_id = ?1 AND slot > ?3)",
        (channel_id, first.isoformat(), f"{last.isoformat()}~"),
    ).fetchone()
    earlier, later = (None if text is None else date.fromisoformat(text[:10]) for text in row)
    return earlier, later


def digests_before(
    connection: sqlite3.Connection,
    before: int | None,
    limit: int,
    *,
    private: bool,
    channel_id: int | None,
    filled: bool,
) -> tuple[tuple[Channel, Digest], ...]:
    """Return digests by number, the newest first, each with its channel."""
    rows = connection.execute(
        "SELECT g.id AS digest_id, c.* FROM digests g JOIN channels c ON c.id = g.channel_id"
        f" WHERE {VISIBLE} AND (:before IS NULL OR g.id < :before)"
        " AND (:channel IS NULL OR g.channel_id = :channel) AND (g.chosen > 0 OR NOT :filled)"
        " ORDER BY g.id DESC LIMIT :limit",
        {
            "private": private,
            "before": before,
            "channel": channel_id,
            "filled": filled,
            "limit": limit,
        },
    )
    found = [
        (channels.row_to_channel(row), digests.digest(connection, row["digest_id"]))
        for row in rows.fetchall()
    ]
    return tuple((channel, digest) for channel, digest in found if digest is not None)


def digest_messages(connection: sqlite3.Connection, digest_id: int) -> tuple[Message, ...]:
    """Return a digest's messages in order."""
    rows = connection.execute(f"{MESSAGE} WHERE m.digest_id = ? ORDER BY m.sequence", (digest_id,))
    return tuple(outbox.row_to_message(row) for row in rows)


def last_considered(connection: sqlite3.Connection, channel_id: int) -> Digest | None:
    """Return the channel's newest daily digest that looked at papers."""
    row = connection.execute(
        "SELECT id FROM digests WHERE channel_id = ? AND kind = 'daily' AND considered > 0"
        " ORDER BY id DESC LIMIT 1",
        (channel_id,),
    ).fetchone()
    return None if row is None else digests.digest(connection, row["id"])


# --- votes --------------------------------------------------------------------------------------


def tallies(
    connection: sqlite3.Connection, channel_id: int, papers: Sequence[int], person: str
) -> dict[int, tuple[frozenset[Signal], dict[Signal, int]]]:
    """Return for each paper what stands of a person, and of how many people each signal."""
    found: dict[int, tuple[frozenset[Signal], dict[Signal, int]]] = {}
    for start in range(0, len(papers), 500):
        part = papers[start : start + 500]
        marks = ",".join("?" * len(part))
        rows = connection.execute(
            "SELECT paper_id, signal, count(*) AS people, max(person = ?) AS mine FROM feedback"
            f" WHERE channel_id = ? AND active = 1 AND paper_id IN ({marks})"
            " GROUP BY paper_id, signal",
            (person, channel_id, *part),
        )
        for row in rows:
            mine, tally = found.get(row["paper_id"], (frozenset(), {}))
            signal = Signal(row["signal"])
            tally[signal] = int(row["people"])
            found[row["paper_id"]] = (mine | {signal} if row["mine"] else mine, tally)
    return found


def carried(
    connection: sqlite3.Connection, channel_id: int, remote_ids: Sequence[str]
) -> dict[tuple[str, int], int]:
    """Return the papers that messages carry, by (remote id, number)."""
    found: dict[tuple[str, int], int] = {}
    for remote_id in remote_ids:
        rows = connection.execute(
            "SELECT d.number, d.paper_id FROM messages m JOIN deliveries d ON d.message_id = m.id"
            " WHERE m.channel_id = ? AND m.remote_id = ?",
            (channel_id, remote_id),
        )
        for row in rows:
            found[remote_id, row["number"]] = row["paper_id"]
    return found


def precision(connection: sqlite3.Connection, channel_id: int, limit: int) -> tuple[Precision, ...]:
    """Return how each digest's papers were judged, the oldest of the newest ``limit`` first.

    A paper counts as liked where more people are for it than against it.
    """
    rows = connection.execute(
        "SELECT digest_id, count(*) AS posted, sum(pro + con > 0) AS voted, sum(pro > con) AS liked"
        " FROM (SELECT d.digest_id, d.paper_id,"
        " coalesce(sum(f.signal <> 'dislike'), 0) AS pro,"
        " coalesce(sum(f.signal = 'dislike'), 0) AS con"
        " FROM deliveries d LEFT JOIN feedback f ON f.channel_id = d.channel_id"
        " AND f.paper_id = d.paper_id AND f.active = 1 WHERE d.channel_id = ?"
        " GROUP BY d.id) GROUP BY digest_id ORDER BY digest_id DESC LIMIT ?",
        (channel_id, limit),
    ).fetchall()
    found = []
    for row in reversed(rows):
        digest = digests.digest(connection, row["digest_id"])
        if digest is not None:
            found.append(Precision(digest, row["liked"], row["voted"], row["posted"]))
    return tuple(found)


def votes_on(
    connection: sqlite3.Connection, channel_id: int, paper_id: int, limit: int
) -> tuple[Feedback, ...]:
    """Return what stands on one paper, the newest first."""
    standing = [row for row in feedback.active(connection, channel_id) if row.paper_id == paper_id]
    standing.sort(key=lambda row: (row.changed_at, row.person, row.signal), reverse=True)
    return tuple(standing[:limit])


# --- papers -------------------------------------------------------------------------------------


def newest_day(connection: sqlite3.Connection) -> date | None:
    """Return the newest day that any listing is of."""
    row = connection.execute("SELECT max(listed_on) FROM appearances").fetchone()
    return to_date_or_none(row[0])


def rising(
    connection: sqlite3.Connection,
    sources: Sequence[str],
    first: date,
    last: date,
    limit: int,
) -> tuple[Paper, ...]:
    """Return the most upvoted papers that these sources (none: any) listed on these days."""
    names = sorted({name.partition(":")[0] for name in sources})
    within = ""
    if names:
        marks = ",".join("?" * len(names))
        within = (
            " AND EXISTS (SELECT 1 FROM appearances a WHERE a.paper_id = p.id"
            f" AND a.source IN ({marks}))"
        )
    rows = connection.execute(
        "SELECT p.id FROM papers p WHERE p.first_listed_on >= ? AND p.first_listed_on <= ?"
        f" AND p.upvotes > 0{within} ORDER BY p.upvotes DESC, p.id LIMIT ?",
        (first.isoformat(), last.isoformat(), *names, limit),
    ).fetchall()
    return papers(connection, [row["id"] for row in rows])


def papers_before(
    connection: sqlite3.Connection,
    before: int | None,
    limit: int,
    *,
    day: date | None,
    source: str,
) -> tuple[Paper, ...]:
    """Return papers by number, the newest first, of a listing day or a source where given."""
    where = ["(:before IS NULL OR p.id < :before)"]
    if day is not None:
        where.append("p.id IN (SELECT paper_id FROM appearances WHERE listed_on = :day)")
    if source:
        where.append(
            "EXISTS (SELECT 1 FROM appearances a WHERE a.paper_id = p.id AND a.source = :source)"
        )
    rows = connection.execute(
        f"SELECT p.* FROM papers p WHERE {' AND '.join(where)} ORDER BY p.id DESC LIMIT :limit",
        {
            "before": before,
            "day": None if day is None else day.isoformat(),
            "source": source,
            "limit": limit,
        },
    )
    return tuple(row_to_paper(row) for row in rows)


def versions(connection: sqlite3.Connection, paper_id: int) -> tuple[Version, ...]:
    """Return a paper's versions, the newest first."""
    rows = connection.execute(
        "SELECT * FROM paper_versions WHERE paper_id = ? ORDER BY version DESC", (paper_id,)
    )
    return tuple(
        Version(row["version"], row["title"], row["abstract"], to_time(row["seen_at"]))
        for row in rows
    )


def appearances(connection: sqlite3.Connection, paper_id: int) -> tuple[Appearance, ...]:
    """Return where a paper came from, in order."""
    rows = connection.execute(
        "SELECT * FROM appearances WHERE paper_id = ? ORDER BY id", (paper_id,)
    )
    return tuple(
        Appearance(
            row["source"],
            to_date_or_none(row["listed_on"]),
            row["announce"],
            row["listing_id"],
            bool(row["fresh"]),
        )
        for row in rows
    )


def postings(
    connection: sqlite3.Connection, paper_id: int, *, private: bool
) -> tuple[tuple[Channel, Digest, Delivery, Message, datetime | None], ...]:
    """Return how a paper came to each channel."""
    rows = connection.execute(
        "SELECT d.channel_id, d.message_id, m.sent_at FROM deliveries d"
        " JOIN channels c ON c.id = d.channel_id JOIN messages m ON m.id = d.message_id"
        f" WHERE d.paper_id = :paper AND {VISIBLE} ORDER BY d.id",
        {"paper": paper_id, "private": private},
    ).fetchall()
    found = []
    for row in rows:
        channel = channels.channel(connection, row["channel_id"])
        delivery = outbox.delivery(connection, row["channel_id"], paper_id)
        message = outbox.message(connection, row["message_id"])
        digest = digests.digest(connection, delivery.digest_id) if delivery else None
        if channel and delivery and message and digest:
            found.append((channel, digest, delivery, message, to_time_or_none(row["sent_at"])))
    return tuple(found)
