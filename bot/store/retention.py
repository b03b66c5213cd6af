"""What may go after a while, in parts so small that nobody waits long for the write lock.

A row goes only where nothing that must stay leans on it: whatever is asked for here, posted
papers, votes, saved papers and what was set aside after a restore are not touched.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from datetime import datetime

from bot.store import passed, tallies
from bot.store.times import to_text

# These are deleted with references unchecked (Store.write_unchecked), because not every column that
# refers to them has an index: so the queries name each table that does, and a test counts those.
REFER_TO_LISTINGS = ("appearances", "quarantine")
REFER_TO_PAPERS = ("appearances", "deliveries", "feedback", "paper_versions", "set_aside")
LISTINGS_AT_ONCE = 200
PAPERS_AT_ONCE = 200
QUARANTINED_AT_ONCE = 500


def prune_quarantine(connection: sqlite3.Connection, before: datetime) -> int:
    """Drop some quarantined entries of listings received before a moment; return how many."""
    return connection.execute(
        "DELETE FROM quarantine WHERE id IN (SELECT q.id FROM quarantine q"
        " JOIN listings l ON l.id = q.listing_id WHERE l.received_at < ? LIMIT ?)",
        (to_text(before), QUARANTINED_AT_ONCE),
    ).rowcount


def prune_listings(connection: sqlite3.Connection, before: datetime) -> int:
    """Drop some listings received before a moment that brought no paper; return how many.

    Of each source and day the newest that holds most stays: by it a later reading is judged.
    """
    rows = connection.execute(
        "SELECT l.id, l.source, l.outcome, l.quarantined FROM listings l WHERE l.received_at < ?"
        " AND EXISTS (SELECT 1 FROM listings n WHERE n.source = l.source"
        " AND n.listed_on IS l.listed_on AND n.id > l.id AND n.parsed >= l.parsed)"
        " AND l.id NOT IN (SELECT listing_id FROM appearances)"
        " AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.listing_id = l.id)"
        " ORDER BY l.id LIMIT ?",
        (to_text(before), LISTINGS_AT_ONCE),
    ).fetchall()
    for row in rows:
        connection.execute("DELETE FROM listings WHERE id = ?", (row["id"],))
        tallies.count(connection, "listings", row["source"], row["outcome"])
        if row["quarantined"]:
            tallies.count(connection, "quarantined", row["source"], by=row["quarantined"])
    return len(rows)


def prune_papers(
    connection: sqlite3.Connection, before: datetime, *, keep: Collection[int], every: int
) -> int:
    """Drop some papers that came before a moment and that no channel has to do with.

    Kept are those that were posted or are to be, that anyone voted on or saved, that were set
    aside after a restore or are in the line of a channel's last digest, those of ``keep``, and
    each whose number ``every`` divides. Returns how many went.
    """
    rows = connection.execute(
        "SELECT p.id, p.arxiv_id FROM papers p WHERE p.first_seen_at < :before"
        " AND p.changed_at < :before AND p.id % :every <> 0"
        " AND p.id NOT IN (SELECT value FROM json_each(:keep))"
        " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.paper_id = p.id)"
        " AND p.id NOT IN (SELECT paper_id FROM feedback)"
        " AND NOT EXISTS (SELECT 1 FROM set_aside s WHERE s.paper_id = p.id)"
        " AND NOT EXISTS (SELECT 1 FROM submissions s WHERE s.arxiv_id = p.arxiv_id)"
        " ORDER BY p.id LIMIT :limit",
        {
            "before": to_text(before),
            "every": every,
            "keep": json.dumps(sorted({*keep, *passed.in_line(connection)})),
            "limit": PAPERS_AT_ONCE,
        },
    ).fetchall()
    for statement in (
        "DELETE FROM appearances WHERE paper_id = ?",
        "DELETE FROM paper_versions WHERE paper_id = ?",
        "DELETE FROM papers WHERE id = ?",
    ):
        connection.executemany(statement, [(row["id"],) for row in rows])
    # Or it would be looked up again.
    named = [(row["arxiv_id"],) for row in rows if row["arxiv_id"]]
    connection.executemany("DELETE FROM wanted WHERE arxiv_id = ?", named)
    return len(rows)


def prune_details(connection: sqlite3.Connection, before: datetime) -> int:
    """Drop why papers were not posted by digests planned before a moment; return how many digests.

    What was set aside after a restore stays, and so do the lines of each channel's last digest.
    """
    return connection.execute(
        f"DELETE FROM passed_over WHERE digest_id NOT IN ({passed.LAST_DIGESTS})"
        " AND digest_id IN (SELECT id FROM digests WHERE planned_at < ?)",
        (to_text(before),),
    ).rowcount
