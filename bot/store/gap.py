"""After a restore: what may have been posted since the back-up was made is not posted again.

The channel's own history knows which papers those were and the restored rows do not. So a slot of
that time counts as done, and the papers that it may have posted are passed over, with a line that
says so. What comes later is planned as ever.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.store import passed
from bot.store.times import day_or_none, to_text, to_time

LOOK_BACK = timedelta(days=14)  # "trending" and "you missed" look back a week
ONE_READING = timedelta(hours=1)  # within which a listing's further pages come

# The papers that were set aside in a channel. Binds the channel's id.
SET_ASIDE = (
    "SELECT s.paper_id FROM meta m JOIN json_each(m.value, '$.all') j"
    " JOIN digests g ON g.id = j.value JOIN set_aside s ON s.digest_id = g.id"
    " WHERE m.key = 'gap' AND g.channel_id = ?"
)
# For a query with p.id: the paper was not set aside here. Binds the channel's id.
NOT_SET_ASIDE = (
    "NOT EXISTS (SELECT 1 FROM set_aside s JOIN digests g ON g.id = s.digest_id"
    " WHERE s.paper_id = p.id AND g.channel_id = ?)"
)


@dataclass(frozen=True, slots=True)
class Gap:
    """The time that the restored rows know nothing of, and the digests that stand for it."""

    since: datetime
    until: datetime
    digests: tuple[int, ...]

    @property
    def words(self) -> str:
        return (
            "it may have been posted already: a back-up of"
            f" {self.since:%d %b %Y %H:%M} UTC was restored, which does not know"
        )


def doubt_open_messages(connection: sqlite3.Connection) -> int:
    """Make every open message one to be asked for before it is sent; return how many."""
    return connection.execute(
        "UPDATE messages SET state = 'unknown', not_before = NULL,"
        " claimed_at = coalesce(claimed_at, created_at),"
        " error = 'restored from a back-up; it may have been sent since'"
        " WHERE state IN ('pending', 'sending', 'unknown')"
    ).rowcount


def doubt_digest(connection: sqlite3.Connection, digest_id: int, now: datetime) -> int:
    """Have a new digest's messages asked for before they are sent; return how many.

    That is for posts whose keys would be the same had they been planned in the gap. Two weeks
    after a restore nothing is asked any more: histories grow too long to be read back.
    """
    gap = recall(connection)
    if gap is None or now - gap.until > LOOK_BACK:
        return 0
    return connection.execute(
        "UPDATE messages SET state = 'unknown', claimed_at = ?, error = ? WHERE digest_id = ?",
        (to_text(gap.since), gap.words, digest_id),
    ).rowcount


def set_aside_words(connection: sqlite3.Connection, channel_id: int, paper_id: int) -> str:
    """Return why a paper is passed over in a channel after a restore; empty where it is not."""
    row = connection.execute(
        "SELECT s.words FROM set_aside s JOIN digests g ON g.id = s.digest_id"
        " WHERE s.paper_id = ? AND g.channel_id = ? LIMIT 1",
        (paper_id, channel_id),
    ).fetchone()
    return "" if row is None else str(row["words"])


def set_runners_up_aside(connection: sqlite3.Connection, gap: Gap) -> None:
    """What the last digests passed over may have been asked for with ``/papers more``."""
    for (digest_id,) in connection.execute(passed.LAST_DIGESTS).fetchall():
        over = passed.of_digest(connection, digest_id)
        connection.executemany(
            "INSERT OR REPLACE INTO set_aside SELECT ?, id, ? FROM papers WHERE id = ?",
            [(digest_id, gap.words, one.paper_id) for one in over],
        )
        connection.execute("DELETE FROM passed_over WHERE digest_id = ?", (digest_id,))


def set_recent_aside(connection: sqlite3.Connection, gap: Gap) -> int:
    """Pass the papers of the last two weeks over in the gap's digests; return how many rows."""
    total = 0
    for digest_id in gap.digests:
        total += connection.execute(
            "INSERT OR IGNORE INTO set_aside"
            " SELECT g.id, a.paper_id, ? FROM digests g JOIN appearances a"
            " WHERE g.id = ? AND (a.seen_at >= ? OR a.id > coalesce((SELECT max(upto) FROM digests"
            " WHERE channel_id = g.channel_id AND kind = 'daily' AND id < g.id), 0))"
            " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.channel_id = g.channel_id"
            " AND d.paper_id = a.paper_id)",
            (gap.words, digest_id, to_text(gap.since - LOOK_BACK)),
        ).rowcount
    return total


def remember(connection: sqlite3.Connection, gap: Gap) -> None:
    """Keep the gap for the listings that are still to be read again."""
    row = connection.execute("SELECT json_extract(value, '$.all') FROM meta WHERE key = 'gap'")
    before = row.fetchone()
    value = {
        "since": to_text(gap.since),
        "until": to_text(gap.until),
        "digests": list(gap.digests),
        # A restore may follow another; what the first set aside stays so.
        "all": sorted({*gap.digests, *(json.loads(before[0]) if before else ())}),
    }
    connection.execute("DELETE FROM meta WHERE key = 'backed_up_at'")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('gap', ?)", (json.dumps(value),))


def recall(connection: sqlite3.Connection) -> Gap | None:
    """Return the gap of the last restore, or None."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'gap'").fetchone()
    if row is None:
        return None
    value = json.loads(row["value"])
    return Gap(to_time(value["since"]), to_time(value["until"]), tuple(value["digests"]))


def set_listing_aside(
    connection: sqlite3.Connection,
    *,
    listing_id: int,
    source: str,
    listed_on: date | None,
    paper_ids: Sequence[int],
    now: datetime,
) -> int:
    """Pass a listing's papers over if it may have been read in the gap; return how many rows.

    That is the first reading after the restore of a day up to it, or of a feed without days.
    """
    gap = recall(connection)
    if gap is None or (listed_on is not None and listed_on > gap.until.date()):
        return 0
    earlier = connection.execute(
        "SELECT 1 FROM listings WHERE source = ? AND listed_on IS ? AND id < ?"
        " AND received_at >= ? AND received_at <= ? LIMIT 1",
        (
            source,
            day_or_none(listed_on),
            listing_id,
            to_text(gap.until),
            to_text(now - ONE_READING),
        ),
    ).fetchone()
    if earlier is not None:
        return 0
    rows = [(digest_id, paper_id, gap.words) for digest_id in gap.digests for paper_id in paper_ids]
    before = connection.total_changes
    connection.executemany(
        "INSERT OR IGNORE INTO set_aside SELECT g.id, n.paper_id, n.words FROM"
        " (SELECT ? AS digest_id, ? AS paper_id, ? AS words) n"
        " JOIN digests g ON g.id = n.digest_id WHERE NOT EXISTS (SELECT 1 FROM deliveries d"
        " WHERE d.channel_id = g.channel_id AND d.paper_id = n.paper_id)",
        rows,
    )
    return connection.total_changes - before
