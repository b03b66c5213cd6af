"""What operators look at: sources, listings and their way to the channels, the outbox."""

from __future__ import annotations

import sqlite3

from bot.domain import Message
from bot.store import channels, outbox, passed
from bot.store.times import to_date_or_none, to_text, to_time, to_time_or_none
from bot.store.window import MESSAGE, VISIBLE
from bot.views import ListingRow, OutboxRow, Quarantined, SourceRow


def sources(connection: sqlite3.Connection) -> tuple[SourceRow, ...]:
    """Return each source's newest listing beside the state of its fetching."""
    rows = connection.execute(
        "SELECT s.source, l.*, u.fetched_at, u.succeeded_at, u.failures, u.error"
        " FROM (SELECT source FROM listings UNION SELECT source FROM cursors) s"
        " LEFT JOIN listings l ON l.id = (SELECT max(id) FROM listings x WHERE x.source = s.source)"
        " LEFT JOIN (SELECT source, max(fetched_at) AS fetched_at,"
        " max(succeeded_at) AS succeeded_at, max(failures) AS failures, max(error) AS error"
        " FROM cursors GROUP BY source) u ON u.source = s.source ORDER BY s.source"
    )
    return tuple(
        SourceRow(
            source=row[0],
            fetched_at=to_time_or_none(row["fetched_at"]),
            succeeded_at=to_time_or_none(row["succeeded_at"]),
            failures=row["failures"] or 0,
            error=row["error"] or "",
            received_at=to_time_or_none(row["received_at"]),
            listed_on=to_date_or_none(row["listed_on"]),
            outcome=row["outcome"] or "",
            declared=row["declared"] or 0,
            parsed=row["parsed"] or 0,
            quarantined=row["quarantined"] or 0,
            new=row["new"] or 0,
            note=row["note"] or "",
        )
        for row in rows
    )


def listing_rows(connection: sqlite3.Connection, limit: int) -> tuple[ListingRow, ...]:
    """Return the newest listings, the newest first."""
    rows = connection.execute("SELECT * FROM listings ORDER BY id DESC LIMIT ?", (limit,))
    return tuple(_row_to_listing(row) for row in rows)


def listing_row(connection: sqlite3.Connection, listing_id: int) -> ListingRow | None:
    """Return one listing, or None."""
    row = connection.execute("SELECT * FROM listings WHERE id = ?", (listing_id,)).fetchone()
    return None if row is None else _row_to_listing(row)


def quarantined(
    connection: sqlite3.Connection, limit: int, *, listing_id: int | None = None
) -> tuple[Quarantined, ...]:
    """Return the newest entries that could not be used."""
    rows = connection.execute(
        "SELECT q.position, q.label, q.reason, l.source, l.received_at FROM quarantine q"
        " JOIN listings l ON l.id = q.listing_id"
        f" {'' if listing_id is None else 'WHERE q.listing_id = :listing'}"
        " ORDER BY q.id DESC LIMIT :limit",
        {"listing": listing_id, "limit": limit},
    )
    return tuple(
        Quarantined(
            row["position"],
            row["label"],
            row["reason"],
            row["source"],
            to_time(row["received_at"]),
        )
        for row in rows
    )


_BROUGHT = (
    "WITH brought AS (SELECT paper_id FROM appearances"
    " WHERE seen_at = :seen AND listing_id = :listing)"
)


def brought(connection: sqlite3.Connection, listing: ListingRow) -> int:
    """Count the papers that a listing was the first of its source to bring."""
    row = connection.execute(f"{_BROUGHT} SELECT count(*) FROM brought", _of(listing)).fetchone()
    return int(row[0])


def ways_passed(
    connection: sqlite3.Connection, listing: ListingRow, *, private: bool
) -> dict[int, dict[str, int]]:
    """Count a listing's papers that fell out, by channel and by step."""
    papers = {
        row["paper_id"]
        for row in connection.execute(f"{_BROUGHT} SELECT paper_id FROM brought", _of(listing))
    }
    values = {**_of(listing), "private": private}
    fell: set[tuple[int, int, str]] = set()
    packed = connection.execute(
        "SELECT g.channel_id, o.papers, o.why FROM passed_over o"
        " JOIN digests g ON g.id = o.digest_id JOIN channels c ON c.id = g.channel_id"
        f" WHERE o.first <= :last AND o.last >= :first AND {VISIBLE}",
        {**values, "first": min(papers, default=0), "last": max(papers, default=0)},
    )
    for row in packed:
        over = passed.among(row, papers)
        fell |= {(row["channel_id"], one.paper_id, one.step) for one in over}
    aside = connection.execute(
        f"{_BROUGHT} SELECT g.channel_id, s.paper_id FROM brought"
        " JOIN set_aside s ON s.paper_id = brought.paper_id JOIN digests g ON g.id = s.digest_id"
        f" JOIN channels c ON c.id = g.channel_id WHERE {VISIBLE}",
        values,
    )
    fell |= {(row["channel_id"], row["paper_id"], passed.RESTORED) for row in aside}
    found: dict[int, dict[str, int]] = {}
    for channel_id, _, step in sorted(fell):
        steps = found.setdefault(channel_id, {})
        steps[step] = steps.get(step, 0) + 1
    return found


def ways_chosen(
    connection: sqlite3.Connection, listing: ListingRow, *, private: bool
) -> dict[int, tuple[int, int]]:
    """Count a listing's papers that were chosen, and of them the sent ones, by channel."""
    rows = connection.execute(
        f"{_BROUGHT} SELECT d.channel_id, count(*) AS chosen, sum(m.state = 'sent') AS sent"
        " FROM brought JOIN deliveries d ON d.paper_id = brought.paper_id"
        " JOIN messages m ON m.id = d.message_id JOIN channels c ON c.id = d.channel_id"
        f" WHERE {VISIBLE} GROUP BY d.channel_id",
        {**_of(listing), "private": private},
    )
    return {row["channel_id"]: (row["chosen"], row["sent"]) for row in rows}


def _of(listing: ListingRow) -> dict[str, str | int]:
    # The moment is indexed and the listing's number is not.
    return {"seen": to_text(listing.received_at), "listing": listing.id}


def outbox_rows(
    connection: sqlite3.Connection, limit: int, *, private: bool
) -> tuple[OutboxRow, ...]:
    """Return the messages that are not sent, the newest first."""
    rows = connection.execute(
        f"{MESSAGE} WHERE m.state IN ('abandoned', 'pending', 'sending', 'unknown')"
        f" AND {VISIBLE} ORDER BY m.id DESC LIMIT :limit",
        {"private": private, "limit": limit},
    ).fetchall()
    found = []
    for row in rows:
        channel = channels.channel(connection, row["channel_id"])
        if channel is not None:
            message = outbox.row_to_message(row)
            times = (to_time_or_none(row["created_at"]), to_time_or_none(row["sent_at"]))
            found.append(OutboxRow(message, channel, *times))
    return tuple(found)


def outbox_counts(connection: sqlite3.Connection, *, private: bool) -> dict[str, int]:
    """Count messages by state."""
    rows = connection.execute(
        "SELECT g.state, sum(g.messages) AS messages FROM (SELECT state, channel_id,"
        " count(*) AS messages FROM messages GROUP BY state, channel_id) g"
        f" JOIN channels c ON c.id = g.channel_id WHERE {VISIBLE} GROUP BY g.state",
        {"private": private},
    )
    return {row["state"]: int(row["messages"]) for row in rows}


def message_of(connection: sqlite3.Connection, message_id: int, *, private: bool) -> Message | None:
    """Return one message, or None where it may not be seen."""
    row = connection.execute(
        f"{MESSAGE} WHERE m.id = :id AND {VISIBLE}", {"id": message_id, "private": private}
    ).fetchone()
    return None if row is None else outbox.row_to_message(row)


def _row_to_listing(row: sqlite3.Row) -> ListingRow:
    return ListingRow(
        id=row["id"],
        source=row["source"],
        location=row["location"],
        listed_on=to_date_or_none(row["listed_on"]),
        received_at=to_time(row["received_at"]),
        outcome=row["outcome"],
        note=row["note"],
        declared=row["declared"],
        parsed=row["parsed"],
        quarantined=row["quarantined"],
        new=row["new"],
        updated=row["updated"],
    )
