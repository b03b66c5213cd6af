"""Listings: what arrived, when, from where; its quarantine; where each source stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.domain import Announce, Listing, Outcome, Reject
from bot.store.times import day_or_none, to_date_or_none, to_text, to_time, to_time_or_none

RAW_KEPT = 8_000  # characters of a quarantined entry that are kept


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where we stand with one address of a source."""

    url: str
    source: str
    etag: str | None = None
    last_modified: str | None = None
    fetched_at: datetime | None = None
    succeeded_at: datetime | None = None
    not_before: datetime | None = None
    failures: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A paper to be looked up by id; ``answer`` says why it will not be asked for again."""

    asked_at: datetime
    not_before: datetime
    tries: int
    answer: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer turned out to be when it was read."""

    listing_id: int
    outcome: Outcome
    note: str
    parsed: int


def reading(connection: sqlite3.Connection, source: str, sha256: str) -> Reading | None:
    """Return what this very answer was when it was read before, or None."""
    row = connection.execute(
        "SELECT id, outcome, note, parsed FROM listings WHERE source = ? AND sha256 = ?",
        (source, sha256),
    ).fetchone()
    if row is None:
        return None
    return Reading(row["id"], Outcome(row["outcome"]), row["note"], row["parsed"])


def most_parsed(connection: sqlite3.Connection, source: str, location: str, day: date) -> int:
    """Return the most entries that a day ever had at an address."""
    row = connection.execute(
        "SELECT coalesce(max(parsed), 0) FROM listings"
        " WHERE source = ? AND listed_on = ? AND location = ?",
        (source, day.isoformat(), location),
    ).fetchone()
    return int(row[0])


def newest_day(connection: sqlite3.Connection, source: str, before: date) -> date | None:
    """Return the last day before another for which a source brought papers, or None."""
    row = connection.execute(
        "SELECT max(listed_on) FROM listings WHERE source = ? AND listed_on < ? AND parsed > 0",
        (source, before.isoformat()),
    ).fetchone()
    return to_date_or_none(row[0])


def brought_by_another(connection: sqlite3.Connection, arxiv_id: str, source: str) -> bool:
    """Tell whether a paper is known from some other source."""
    row = connection.execute(
        "SELECT 1 FROM papers p JOIN appearances a ON a.paper_id = p.id"
        " WHERE p.arxiv_id = ? AND a.source <> ? LIMIT 1",
        (arxiv_id, source),
    ).fetchone()
    return row is not None


def insert(
    connection: sqlite3.Connection, listing: Listing, *, location: str, sha256: str, now: datetime
) -> int:
    """Write the listing's row and its quarantine; counts of papers follow with ``finish``."""
    cursor = connection.execute(
        "INSERT INTO listings (source, location, listed_on, received_at, sha256, outcome, note,"
        " declared, parsed, quarantined, new, updated) VALUES (?,?,?,?,?,?,?,?,?,?,0,0)",
        (
            listing.source,
            location,
            day_or_none(listing.listed_on),
            to_text(now),
            sha256,
            listing.outcome,
            listing.note,
            listing.declared,
            len(listing.entries),
            len(listing.rejects),
        ),
    )
    listing_id = int(cursor.lastrowid or 0)
    quarantine(connection, listing_id, listing.rejects)
    return listing_id


def known_by_hearsay(connection: sqlite3.Connection, arxiv_id: str, source: str) -> bool:
    """Tell whether a paper is known, and this source never spoke of it."""
    row = connection.execute(
        "SELECT 1 FROM papers p WHERE p.arxiv_id = ? AND NOT EXISTS"
        " (SELECT 1 FROM appearances a WHERE a.paper_id = p.id AND a.source = ?)",
        (arxiv_id, source),
    ).fetchone()
    return row is not None


def renew(connection: sqlite3.Connection, listing_id: int, listing: Listing) -> None:
    """Write anew what a listing held, now that more of it can be read."""
    connection.execute(
        "UPDATE listings SET outcome = ?, note = ?, declared = ?, parsed = ?, quarantined = ?"
        " WHERE id = ?",
        (
            listing.outcome,
            listing.note,
            listing.declared,
            len(listing.entries),
            len(listing.rejects),
            listing_id,
        ),
    )
    connection.execute("DELETE FROM quarantine WHERE listing_id = ?", (listing_id,))
    quarantine(connection, listing_id, listing.rejects)


def quarantine(connection: sqlite3.Connection, listing_id: int, rejects: Sequence[Reject]) -> None:
    """Keep what could not be used, with its reason."""
    connection.executemany(
        "INSERT INTO quarantine (listing_id, position, label, reason, raw) VALUES (?,?,?,?,?)",
        [
            (listing_id, reject.position, reject.label, reject.reason, reject.raw[:RAW_KEPT])
            for reject in rejects
        ],
    )


def finish(
    connection: sqlite3.Connection,
    listing_id: int,
    *,
    outcome: Outcome,
    note: str,
    new: int,
    updated: int,
) -> None:
    """Complete a listing's row once its papers are stored."""
    connection.execute(
        "UPDATE listings SET outcome = ?, note = ?, new = ?, updated = ? WHERE id = ?",
        (outcome, note, new, updated, listing_id),
    )


def appear(
    connection: sqlite3.Connection,
    *,
    paper_id: int,
    source: str,
    listing_id: int,
    listed_on: date | None,
    announce: Announce,
    fresh: bool,
    now: datetime,
) -> None:
    """Record that a source brought a paper; only the first time counts.

    What no digest could announce, a look-up by id or a replacement, gives way to the first
    appearance that one can.
    """
    if fresh and announce in {Announce.NEW, Announce.CROSS}:
        connection.execute(
            "DELETE FROM appearances WHERE paper_id = ? AND source = ?"
            " AND (announce NOT IN ('new', 'cross') OR (fresh = 0 AND listed_on IS NULL))",
            (paper_id, source),
        )
    connection.execute(
        "INSERT OR IGNORE INTO appearances"
        " (paper_id, source, listing_id, listed_on, announce, fresh, seen_at)"
        " VALUES (?,?,?,?,?,?,?)",
        (paper_id, source, listing_id, day_or_none(listed_on), announce, int(fresh), to_text(now)),
    )


def appeared_before(
    connection: sqlite3.Connection, paper_ids: Sequence[int], source: str, day: date
) -> int:
    """Count those of the papers that this source had already brought on an earlier day."""
    total = 0
    for start in range(0, len(paper_ids), 500):
        part = paper_ids[start : start + 500]
        marks = ",".join("?" * len(part))
        total += connection.execute(
            "SELECT count(*) FROM appearances WHERE source = ? AND listed_on < ?"
            f" AND paper_id IN ({marks})",
            (source, day.isoformat(), *part),
        ).fetchone()[0]
    return total


def cursor(connection: sqlite3.Connection, url: str) -> Cursor | None:
    """Return where we stand with an address, or None before its first fetch."""
    row = connection.execute("SELECT * FROM cursors WHERE url = ?", (url,)).fetchone()
    return None if row is None else _row_to_cursor(row)


def cursors(connection: sqlite3.Connection) -> tuple[Cursor, ...]:
    """Return every address that was ever fetched, by source."""
    rows = connection.execute("SELECT * FROM cursors ORDER BY source, url")
    return tuple(_row_to_cursor(row) for row in rows)


def save_cursor(connection: sqlite3.Connection, cursor: Cursor) -> None:
    """Write where we stand with an address."""
    connection.execute(
        "INSERT OR REPLACE INTO cursors (url, source, etag, last_modified, fetched_at,"
        " succeeded_at, not_before, failures, error) VALUES (?,?,?,?,?,?,?,?,?)",
        (
            cursor.url,
            cursor.source,
            cursor.etag,
            cursor.last_modified,
            _text_or_none(cursor.fetched_at),
            _text_or_none(cursor.succeeded_at),
            _text_or_none(cursor.not_before),
            cursor.failures,
            cursor.error,
        ),
    )


def forget_cursors(connection: sqlite3.Connection, before: datetime) -> int:
    """Drop addresses that were last asked before a moment; return how many."""
    return connection.execute(
        "DELETE FROM cursors WHERE fetched_at < ?", (to_text(before),)
    ).rowcount


def latest(connection: sqlite3.Connection, limit: int) -> tuple[sqlite3.Row, ...]:
    """Return the listings received last, newest first, as rows of ``listings``."""
    rows = connection.execute("SELECT * FROM listings ORDER BY id DESC LIMIT ?", (limit,))
    return tuple(rows)


def quarantined(connection: sqlite3.Connection, limit: int) -> tuple[sqlite3.Row, ...]:
    """Return the newest quarantined entries with their listing's source and location."""
    rows = connection.execute(
        "SELECT q.position, q.label, q.reason, l.source, l.location, l.received_at"
        " FROM quarantine q JOIN listings l ON l.id = q.listing_id ORDER BY q.id DESC LIMIT ?",
        (limit,),
    )
    return tuple(rows)


def want(connection: sqlite3.Connection, arxiv_id: str, now: datetime) -> None:
    """Ask for a paper that no listing has brought; asking twice is asking once.

    One that its source did not know when it was last asked is asked for again.
    """
    connection.execute(
        "INSERT INTO wanted (arxiv_id, asked_at, not_before) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET not_before = excluded.not_before, answer = ''"
        " WHERE answer <> ''",
        (arxiv_id, to_text(now), to_text(now)),
    )


def wanted(connection: sqlite3.Connection, now: datetime, limit: int) -> tuple[str, ...]:
    """Return arXiv ids that are due to be looked up and not stored yet."""
    rows = connection.execute(
        "SELECT arxiv_id FROM wanted w WHERE answer = '' AND not_before <= ?"
        " AND NOT EXISTS (SELECT 1 FROM papers p WHERE p.arxiv_id = w.arxiv_id)"
        " ORDER BY asked_at LIMIT ?",
        (to_text(now), limit),
    )
    return tuple(row["arxiv_id"] for row in rows)


def asked_for(connection: sqlite3.Connection, arxiv_id: str) -> Wanted | None:
    """Return how the look-up of a paper stands that someone named, or None."""
    row = connection.execute("SELECT * FROM wanted WHERE arxiv_id = ?", (arxiv_id,)).fetchone()
    if row is None:
        return None
    times = (to_time(row["asked_at"]), to_time(row["not_before"]))
    return Wanted(*times, tries=row["tries"], answer=row["answer"])


def answer_wanted(
    connection: sqlite3.Connection, arxiv_id: str, *, not_before: datetime, answer: str
) -> None:
    """Record a look-up that brought nothing: when to try again, or why not to."""
    connection.execute(
        "UPDATE wanted SET tries = tries + 1, not_before = ?, answer = ? WHERE arxiv_id = ?",
        (to_text(not_before), answer, arxiv_id),
    )


def _row_to_cursor(row: sqlite3.Row) -> Cursor:
    return Cursor(
        url=row["url"],
        source=row["source"],
        etag=row["etag"],
        last_modified=row["last_modified"],
        fetched_at=to_time_or_none(row["fetched_at"]),
        succeeded_at=to_time_or_none(row["succeeded_at"]),
        not_before=to_time_or_none(row["not_before"]),
        failures=row["failures"],
        error=row["error"],
    )


def _text_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)
