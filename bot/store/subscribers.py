"""Who asked for digests by mail, who confirmed, and the question that stands between the two."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from bot.domain import MessageState, Place, Post
from bot.render import post_from_json
from bot.store.times import to_text, to_time, to_time_or_none


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One address. ``key`` names the last question sent to it, ``asked`` counts those in a row."""

    address: str
    handle: str
    confirmed_at: datetime | None
    wish: str
    key: str
    asked_at: datetime
    asked: int
    state: MessageState
    attempts: int


def secret(connection: sqlite3.Connection) -> bytes:
    """Return the key that signs links in mails: 32 bytes, the same as long as the database is."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'person_key'").fetchone()
    return hmac.digest(bytes.fromhex(row["value"]), b"links in mails", hashlib.sha256)


def at(connection: sqlite3.Connection, address: str) -> Subscriber | None:
    """Return the subscriber with this address, or None."""
    row = connection.execute("SELECT * FROM subscribers WHERE address = ?", (address,)).fetchone()
    return None if row is None else _row_to_subscriber(row)


def by_handle(connection: sqlite3.Connection, handle: str) -> Subscriber | None:
    """Return the subscriber that a handle stands for, or None."""
    row = connection.execute("SELECT * FROM subscribers WHERE handle = ?", (handle,)).fetchone()
    return None if row is None else _row_to_subscriber(row)


def ask(connection: sqlite3.Connection, one: Subscriber) -> None:
    """Write down that a question is to be sent; a confirmation that stands is left alone."""
    connection.execute(
        "INSERT INTO subscribers (address, handle, wish, key, asked_at, asked, state, attempts,"
        " error) VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, '') ON CONFLICT (address) DO UPDATE SET"
        " wish = excluded.wish, key = excluded.key, asked_at = excluded.asked_at,"
        " asked = excluded.asked, state = 'pending', attempts = 0, not_before = NULL, error = ''",
        (one.address, one.handle, one.wish, one.key, to_text(one.asked_at), one.asked),
    )


def count_asked(connection: sqlite3.Connection, since: datetime) -> int:
    """Count the addresses that were asked since a moment."""
    row = connection.execute(
        "SELECT count(*) AS asked FROM subscribers WHERE asked_at >= ?", (to_text(since),)
    ).fetchone()
    return int(row["asked"])


def claim(connection: sqlite3.Connection, now: datetime, limit: int) -> tuple[Subscriber, ...]:
    """Mark the questions that are due as being sent, and return them in the order of asking."""
    rows = connection.execute(
        "SELECT * FROM subscribers WHERE state = 'pending'"
        " AND (not_before IS NULL OR not_before <= ?) ORDER BY asked_at, address LIMIT ?",
        (to_text(now), limit),
    ).fetchall()
    connection.executemany(
        "UPDATE subscribers SET state = 'sending', attempts = attempts + 1 WHERE address = ?",
        [(row["address"],) for row in rows],
    )
    return tuple(_row_to_subscriber(row) for row in rows)


def recover(connection: sqlite3.Connection) -> int:
    """At a start: a question in flight may have arrived and is not sent again."""
    return connection.execute(
        "UPDATE subscribers SET state = 'abandoned',"
        " error = 'the process ended while this was being sent; it may have arrived'"
        " WHERE state = 'sending'"
    ).rowcount


def settle(
    connection: sqlite3.Connection,
    *,
    address: str,
    key: str,
    state: MessageState,
    not_before: datetime | None = None,
    error: str = "",
) -> None:
    """Record what became of a question, unless a newer one has taken its place."""
    connection.execute(
        "UPDATE subscribers SET state = ?, not_before = ?, error = ? WHERE address = ? AND key = ?",
        (state, None if not_before is None else to_text(not_before), error, address, key),
    )


def confirm(connection: sqlite3.Connection, address: str, now: datetime) -> None:
    """The owner of an address said yes; the question in hand is answered."""
    connection.execute(
        "UPDATE subscribers SET confirmed_at = ?, asked = 0, state = 'sent', error = ''"
        " WHERE address = ?",
        (to_text(now), address),
    )


def withdraw(connection: sqlite3.Connection, address: str) -> None:
    """The owner of an address said no: a question that waits is dropped as well."""
    connection.execute(
        "UPDATE subscribers SET confirmed_at = NULL, key = '', state = 'abandoned',"
        " error = 'unsubscribed' WHERE address = ?",
        (address,),
    )


def forget_unconfirmed(connection: sqlite3.Connection, before: datetime) -> int:
    """Delete addresses that never said yes and have no channel; return how many."""
    return connection.execute(
        "DELETE FROM subscribers WHERE confirmed_at IS NULL AND asked_at < ?"
        " AND address NOT IN (SELECT address FROM channels WHERE platform = 'email')",
        (to_text(before),),
    ).rowcount


def written(connection: sqlite3.Connection, place: Place, key: str) -> Post | None:
    """Return what a message to a place said, by its key; None where there was none."""
    row = connection.execute(
        "SELECT m.post FROM messages m JOIN channels c ON c.id = m.channel_id"
        " WHERE m.key = ? AND c.platform = ? AND c.address = ?",
        (key, place.platform, place.address),
    ).fetchone()
    return None if row is None else post_from_json(row["post"])


def carried(
    connection: sqlite3.Connection, place: Place, key: str, number: int
) -> tuple[int, int] | None:
    """Return the channel and the paper that a message's number means, or None."""
    row = connection.execute(
        "SELECT d.channel_id, d.paper_id FROM messages m JOIN channels c ON c.id = m.channel_id"
        " JOIN deliveries d ON d.message_id = m.id"
        " WHERE m.key = ? AND c.platform = ? AND c.address = ? AND d.number = ?",
        (key, place.platform, place.address, number),
    ).fetchone()
    return None if row is None else (int(row["channel_id"]), int(row["paper_id"]))


def open_message(connection: sqlite3.Connection, place: Place, key: str) -> int | None:
    """Return the number of a message that was given to the platform and never came to be sent."""
    row = connection.execute(
        "SELECT m.id FROM messages m JOIN channels c ON c.id = m.channel_id WHERE m.key = ?"
        " AND c.platform = ? AND c.address = ? AND m.state IN ('unknown', 'abandoned')"
        " AND m.attempts > 0",
        (key, place.platform, place.address),
    ).fetchone()
    return None if row is None else int(row["id"])


def _row_to_subscriber(row: sqlite3.Row) -> Subscriber:
    return Subscriber(
        address=row["address"],
        handle=row["handle"],
        confirmed_at=to_time_or_none(row["confirmed_at"]),
        wish=row["wish"],
        key=row["key"],
        asked_at=to_time(row["asked_at"]),
        asked=row["asked"],
        state=MessageState(row["state"]),
        attempts=row["attempts"],
    )
