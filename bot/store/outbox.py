"""Messages and deliveries: rows before they are posts, claimed in order, each with its outcome."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import Delivery, Message, MessageState, Part, Place, Post
from bot.render import post_from_json, post_to_json
from bot.store.times import to_text, to_time_or_none

_MESSAGE = (
    "SELECT m.*, c.name AS channel_name, c.platform,"
    " (SELECT p.remote_id FROM messages p WHERE p.digest_id = m.digest_id AND p.sequence = 0"
    " AND p.id <> m.id) AS parent_remote_id"
    " FROM messages m JOIN channels c ON c.id = m.channel_id"
)

MOST_NUMBERS = 1_000  # papers in a digest, and many more than any holds


@dataclass(frozen=True, slots=True)
class Trace:
    """One message as an operator sees it."""

    message: Message
    channel_name: str
    platform: str
    created_at: datetime | None
    sent_at: datetime | None


def insert_message(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    digest_id: int,
    sequence: int,
    key: str,
    post: Post,
    now: datetime,
) -> int:
    """Write a message as a row; nothing is sent that is not one."""
    cursor = connection.execute(
        "INSERT INTO messages (channel_id, digest_id, sequence, key, post, state, created_at)"
        " VALUES (?, ?, ?, ?, ?, 'pending', ?)",
        (channel_id, digest_id, sequence, key, post_to_json(post), to_text(now)),
    )
    return int(cursor.lastrowid or 0)


def insert_delivery(connection: sqlite3.Connection, delivery: Delivery) -> None:
    """Write a delivery; its own number is ignored. A second of one paper is an IntegrityError."""
    connection.execute(
        "INSERT INTO deliveries (channel_id, paper_id, digest_id, message_id, number, score,"
        " match, reason, parts, label) VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            delivery.channel_id,
            delivery.paper_id,
            delivery.digest_id,
            delivery.message_id,
            delivery.number,
            delivery.score,
            delivery.match,
            delivery.reason,
            json.dumps([(part.name, part.kind, part.value) for part in delivery.parts]),
            delivery.label,
        ),
    )


def recover(connection: sqlite3.Connection) -> int:
    """At a start: what was being sent when the process ended may or may not have arrived."""
    return connection.execute(
        "UPDATE messages SET state = 'unknown',"
        " error = 'the process ended while this was being sent' WHERE state = 'sending'"
    ).rowcount


def waiting_channels(connection: sqlite3.Connection) -> tuple[int, ...]:
    """Return the channels that have messages to send or to settle."""
    rows = connection.execute(
        "SELECT channel_id FROM messages WHERE state = 'pending'"
        " UNION SELECT channel_id FROM messages WHERE state = 'unknown' ORDER BY channel_id"
    )
    return tuple(row["channel_id"] for row in rows)


def claim(connection: sqlite3.Connection, channel_id: int, now: datetime) -> Message | None:
    """Return the channel's next message if it is due: to be sent, or (unknown) to be settled.

    A pending message is marked as being sent. While one message of a channel is open, no later
    one is returned, so that posts keep their order.
    """
    row = connection.execute(
        f"{_MESSAGE} WHERE m.id = (SELECT min(id) FROM ("
        " SELECT min(id) AS id FROM messages WHERE channel_id = :c AND state = 'pending' UNION"
        " SELECT min(id) AS id FROM messages WHERE channel_id = :c AND state = 'sending' UNION"
        " SELECT min(id) AS id FROM messages WHERE channel_id = :c AND state = 'unknown'))",
        {"c": channel_id},
    ).fetchone()
    if row is None or row["state"] == MessageState.SENDING:
        return None
    if row["not_before"] is not None and row["not_before"] > to_text(now):
        return None
    if row["state"] == MessageState.PENDING:
        connection.execute(
            "UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = ?"
            " WHERE id = ?",
            (to_text(now), row["id"]),
        )
    return row_to_message(row)


def mark_sent(
    connection: sqlite3.Connection, message_id: int, remote_id: str, now: datetime
) -> None:
    """The platform has it."""
    connection.execute(
        "UPDATE messages SET state = 'sent', remote_id = ?, sent_at = ?, error = '' WHERE id = ?",
        (remote_id, to_text(now), message_id),
    )


def mark_pending(
    connection: sqlite3.Connection, message_id: int, not_before: datetime | None, error: str
) -> None:
    """It is provably not there; send it again, not before a moment."""
    connection.execute(
        "UPDATE messages SET state = 'pending', not_before = ?, error = ? WHERE id = ?",
        (None if not_before is None else to_text(not_before), error, message_id),
    )


def mark_unknown(
    connection: sqlite3.Connection, message_id: int, not_before: datetime, error: str
) -> None:
    """It may or may not be there; ask the platform, not before a moment."""
    connection.execute(
        "UPDATE messages SET state = 'unknown', not_before = ?, error = ? WHERE id = ?",
        (to_text(not_before), error, message_id),
    )


def reopen(connection: sqlite3.Connection, message_id: int, now: datetime, error: str) -> None:
    """Take an abandoned message up again. It may have arrived: the platform is asked first."""
    connection.execute(
        "UPDATE messages SET state = 'unknown', attempts = 0, not_before = ?, error = ?"
        " WHERE id = ?",
        (to_text(now), error, message_id),
    )


def mark_abandoned(connection: sqlite3.Connection, message_id: int, error: str) -> None:
    """It will not be sent; the line says why."""
    connection.execute(
        "UPDATE messages SET state = 'abandoned', error = ? WHERE id = ?", (error, message_id)
    )


def abandon_channel(connection: sqlite3.Connection, channel_id: int, error: str) -> int:
    """Close all of a channel's open messages with the reason; return how many."""
    return connection.execute(
        "UPDATE messages SET state = 'abandoned', error = ? WHERE channel_id = ?"
        " AND state IN ('pending', 'sending', 'unknown')",
        (error, channel_id),
    ).rowcount


def claimed_at(connection: sqlite3.Connection, message_id: int) -> datetime | None:
    """Return when a message was last given to its platform."""
    row = connection.execute(
        "SELECT claimed_at FROM messages WHERE id = ?", (message_id,)
    ).fetchone()
    return None if row is None else to_time_or_none(row["claimed_at"])


def sent_at(connection: sqlite3.Connection, message_id: int) -> datetime | None:
    """Return when a message was posted."""
    row = connection.execute("SELECT sent_at FROM messages WHERE id = ?", (message_id,)).fetchone()
    return None if row is None else to_time_or_none(row["sent_at"])


def created_at(connection: sqlite3.Connection, message_id: int) -> datetime | None:
    """Return when a message was planned."""
    row = connection.execute(
        "SELECT created_at FROM messages WHERE id = ?", (message_id,)
    ).fetchone()
    return None if row is None else to_time_or_none(row["created_at"])


def message(connection: sqlite3.Connection, message_id: int) -> Message | None:
    """Return one message, or None."""
    row = connection.execute(f"{_MESSAGE} WHERE m.id = ?", (message_id,)).fetchone()
    return None if row is None else row_to_message(row)


def voted_delivery(
    connection: sqlite3.Connection, place: Place, remote_id: str, number: int | None
) -> Delivery | None:
    """Return the one paper that a reaction on a message means, or None."""
    if number is not None and not 0 < number <= MOST_NUMBERS:
        return None
    rows = connection.execute(
        "SELECT d.* FROM messages m JOIN channels c ON c.id = m.channel_id"
        " JOIN deliveries d ON d.message_id = m.id"
        " WHERE c.platform = ? AND c.address = ? AND m.remote_id = ?"
        " AND (? IS NULL OR d.number = ?)"
        " ORDER BY d.number LIMIT 2",
        (place.platform, place.address, remote_id, number, number),
    ).fetchall()
    # Without a number a message of several papers names none of them.
    return _row_to_delivery(rows[0]) if len(rows) == 1 else None


def sent_message(connection: sqlite3.Connection, channel_id: int, remote_id: str) -> Message | None:
    """Return the sent message that a platform knows by an id, or None."""
    row = connection.execute(
        f"{_MESSAGE} WHERE m.channel_id = ? AND m.remote_id = ? AND m.state = 'sent'",
        (channel_id, remote_id),
    ).fetchone()
    return None if row is None else row_to_message(row)


def is_posting(connection: sqlite3.Connection, channel_id: int) -> bool:
    """Tell whether a message is on its way, so that it may be there and not be recorded yet."""
    return bool(
        connection.execute(
            "SELECT EXISTS (SELECT 1 FROM messages WHERE channel_id = ?"
            " AND state IN ('sending', 'unknown'))",
            (channel_id,),
        ).fetchone()[0]
    )


def delivery(connection: sqlite3.Connection, channel_id: int, paper_id: int) -> Delivery | None:
    """Return how a paper came to a channel, or None."""
    row = connection.execute(
        "SELECT * FROM deliveries WHERE channel_id = ? AND paper_id = ?", (channel_id, paper_id)
    ).fetchone()
    return None if row is None else _row_to_delivery(row)


def digest_deliveries(connection: sqlite3.Connection, digest_id: int) -> tuple[Delivery, ...]:
    """Return a digest's papers by number."""
    rows = connection.execute(
        "SELECT * FROM deliveries WHERE digest_id = ? ORDER BY number", (digest_id,)
    )
    return tuple(_row_to_delivery(row) for row in rows)


def recent_sent(
    connection: sqlite3.Connection, channel_id: int, since: datetime
) -> tuple[Message, ...]:
    """Return the channel's sent messages that carry papers, to read their reactions back."""
    rows = connection.execute(
        f"{_MESSAGE} WHERE m.channel_id = ? AND m.state = 'sent' AND m.sent_at >= ?"
        " AND EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = m.id) ORDER BY m.id",
        (channel_id, to_text(since)),
    )
    return tuple(row_to_message(row) for row in rows)


def message_deliveries(connection: sqlite3.Connection, message_id: int) -> tuple[Delivery, ...]:
    """Return the papers that a message carries."""
    rows = connection.execute(
        "SELECT * FROM deliveries WHERE message_id = ? ORDER BY number", (message_id,)
    )
    return tuple(_row_to_delivery(row) for row in rows)


def waiting(connection: sqlite3.Connection, channel_id: int) -> tuple[Message, ...]:
    """Return a channel's open messages in order."""
    rows = connection.execute(
        f"{_MESSAGE} WHERE m.channel_id = ? AND m.state IN ('pending', 'sending', 'unknown')"
        " ORDER BY m.id",
        (channel_id,),
    )
    return tuple(row_to_message(row) for row in rows)


def counts(connection: sqlite3.Connection) -> dict[MessageState, int]:
    """Count messages by state."""
    rows = connection.execute("SELECT state, count(*) AS messages FROM messages GROUP BY state")
    return {MessageState(row["state"]): int(row["messages"]) for row in rows}


def traces(
    connection: sqlite3.Connection, states: Sequence[MessageState], limit: int
) -> tuple[Trace, ...]:
    """Return messages in any of these states, the newest first."""
    marks = ",".join("?" * len(states))
    rows = connection.execute(
        f"{_MESSAGE} WHERE m.state IN ({marks}) ORDER BY m.id DESC LIMIT ?",
        (*states, limit),
    )
    return tuple(
        Trace(
            message=row_to_message(row),
            channel_name=row["channel_name"],
            platform=row["platform"],
            created_at=to_time_or_none(row["created_at"]),
            sent_at=to_time_or_none(row["sent_at"]),
        )
        for row in rows
    )


def row_to_message(row: sqlite3.Row) -> Message:
    """Make a Message of a row of ``messages`` with its parent's remote id."""
    return Message(
        id=row["id"],
        channel_id=row["channel_id"],
        digest_id=row["digest_id"],
        sequence=row["sequence"],
        key=row["key"],
        post=post_from_json(row["post"]),
        state=MessageState(row["state"]),
        attempts=row["attempts"],
        not_before=to_time_or_none(row["not_before"]),
        remote_id=row["remote_id"],
        parent_remote_id=row["parent_remote_id"],
        error=row["error"],
    )


def _row_to_delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(
        id=row["id"],
        channel_id=row["channel_id"],
        paper_id=row["paper_id"],
        digest_id=row["digest_id"],
        message_id=row["message_id"],
        number=row["number"],
        score=row["score"],
        match=row["match"],
        reason=row["reason"],
        parts=tuple(Part(name, kind, value) for name, kind, value in json.loads(row["parts"])),
        label=row["label"],
    )
