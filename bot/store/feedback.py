"""Feedback as state: one row for each (channel, paper, person, signal), switched on or off."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import Feedback, Person, Signal, Via
from bot.store.times import to_text, to_time

_FORGOTTEN = "forgotten:"  # in meta, followed by the person's keyed hash


def person_key(connection: sqlite3.Connection, platform: str, person_id: str) -> str:
    """Return the keyed hash under which a person is stored: 32 hexadecimal digits."""
    words = f"{platform}:{person_id}".encode()
    return hmac.new(bytes.fromhex(secret(connection)), words, hashlib.sha256).hexdigest()[:32]


def secret(connection: sqlite3.Connection) -> str:
    """Return the key of the keyed hashes: 64 hexadecimal digits, as secret as a password."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'person_key'").fetchone()
    return str(row["value"])


def take_secret(connection: sqlite3.Connection, key: str) -> bool:
    """Hash people with another installation's key from now on; return whether that is now so.

    It is not where anyone is known by the present one: who voted or shared a paper, asked to be
    forgotten, or was sent a mail, whose links are signed with what follows from it.
    """
    if key == secret(connection):
        return True
    known = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM feedback) OR EXISTS (SELECT 1 FROM submissions)"
        " OR EXISTS (SELECT 1 FROM subscribers)"
        " OR EXISTS (SELECT 1 FROM meta WHERE key >= ?1 AND key < ?1 || char(1114111))",
        (_FORGOTTEN,),
    ).fetchone()
    if known[0]:
        return False
    connection.execute("UPDATE meta SET value = ? WHERE key = 'person_key'", (key,))
    return True


def key_of(connection: sqlite3.Connection, person: Person) -> str:
    """Return the keyed hash of a person who said or did something."""
    return person_key(connection, person.platform, person.id)


@dataclass(frozen=True, slots=True)
class Ballot:
    """Whose say on which paper in which channel; ``person`` is the keyed hash."""

    channel_id: int
    paper_id: int
    person: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A paper that a person shared with a channel; ``person`` is the keyed hash."""

    channel_id: int
    arxiv_id: str
    person: str


def set_signal(
    connection: sqlite3.Connection,
    ballot: Ballot,
    signal: Signal,
    *,
    on: bool,
    via: Via,
    now: datetime,
) -> bool:
    """Switch a signal on or off; return whether that changed anything."""
    whose = (ballot.channel_id, ballot.paper_id, ballot.person, signal)
    if on:
        done = connection.execute(
            "INSERT INTO feedback VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE"
            " SET active = 1, changed_at = excluded.changed_at, via = excluded.via"
            " WHERE active = 0",
            (*whose, to_text(now), via),
        )
    else:
        done = connection.execute(
            "UPDATE feedback SET active = 0, changed_at = ? WHERE channel_id = ? AND paper_id = ?"
            " AND person = ? AND signal = ? AND active = 1",
            (to_text(now), *whose),
        )
    return done.rowcount > 0


def signals(connection: sqlite3.Connection, ballot: Ballot) -> frozenset[Signal]:
    """Return what stands for one person on one paper."""
    rows = connection.execute(
        "SELECT signal FROM feedback WHERE channel_id = ? AND paper_id = ? AND person = ?"
        " AND active = 1",
        (ballot.channel_id, ballot.paper_id, ballot.person),
    )
    return frozenset(Signal(row["signal"]) for row in rows)


def active(connection: sqlite3.Connection, channel_id: int) -> tuple[Feedback, ...]:
    """Return all that stands in a channel, in one fixed order."""
    rows = connection.execute(
        "SELECT * FROM feedback WHERE channel_id = ? AND active = 1"
        " ORDER BY paper_id, person, signal",
        (channel_id,),
    )
    return tuple(_row_to_feedback(row) for row in rows)


def every(connection: sqlite3.Connection, channel_id: int) -> tuple[Feedback, ...]:
    """Return all that was ever said in a channel, switched off or not, in one fixed order."""
    rows = connection.execute(
        "SELECT * FROM feedback WHERE channel_id = ? ORDER BY paper_id, person, signal",
        (channel_id,),
    )
    return tuple(_row_to_feedback(row) for row in rows)


def given(
    connection: sqlite3.Connection, channel_id: int, paper_ids: Sequence[int], via: Via
) -> dict[tuple[int, str, Signal], tuple[bool, str]]:
    """Return of each (paper, person, signal) given in one way whether it stands, and since when."""
    rows = connection.execute(
        "SELECT paper_id, person, signal, active, changed_at FROM feedback WHERE channel_id = ?"
        " AND via = ? AND paper_id IN (SELECT value FROM json_each(?))",
        (channel_id, via, json.dumps(list(paper_ids))),
    )
    return {
        (row["paper_id"], row["person"], Signal(row["signal"])): (
            bool(row["active"]),
            row["changed_at"],
        )
        for row in rows
    }


def on_paper(connection: sqlite3.Connection, channel_id: int, paper_id: int) -> dict[Signal, int]:
    """Count the people behind each signal on one paper of a channel."""
    rows = connection.execute(
        "SELECT signal, count(*) AS people FROM feedback WHERE channel_id = ? AND paper_id = ?"
        " AND active = 1 GROUP BY signal",
        (channel_id, paper_id),
    )
    return {Signal(row["signal"]): int(row["people"]) for row in rows}


def saved(connection: sqlite3.Connection, channel_id: int, person: str) -> tuple[int, ...]:
    """Return the papers that a person saved in a channel, the newest first."""
    rows = connection.execute(
        "SELECT paper_id FROM feedback WHERE channel_id = ? AND person = ? AND signal = 'save'"
        " AND active = 1 ORDER BY changed_at DESC, paper_id DESC",
        (channel_id, person),
    )
    return tuple(row["paper_id"] for row in rows)


def forget(connection: sqlite3.Connection, person: str, now: datetime) -> dict[Signal, int]:
    """Delete everything a person ever signalled; return how many rows went, by signal.

    The moment is kept, so that reactions which still stand on older posts are not read back.
    """
    rows = connection.execute(
        "SELECT signal, count(*) AS rows FROM feedback WHERE person = ? GROUP BY signal", (person,)
    )
    gone = {Signal(row["signal"]): int(row["rows"]) for row in rows}
    connection.execute("DELETE FROM feedback WHERE person = ?", (person,))
    connection.execute("DELETE FROM submissions WHERE person = ?", (person,))
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"{_FORGOTTEN}{person}", to_text(now))
    )
    return gone


def forgotten_at(connection: sqlite3.Connection, person: str) -> datetime | None:
    """Return when a person was forgotten, or None."""
    row = connection.execute(
        "SELECT value FROM meta WHERE key = ?", (f"{_FORGOTTEN}{person}",)
    ).fetchone()
    return None if row is None else to_time(row["value"])


def submit(connection: sqlite3.Connection, submission: Submission, now: datetime) -> None:
    """Remember a paper that is to be posted once it is known."""
    connection.execute(
        "INSERT OR IGNORE INTO submissions VALUES (?, ?, ?, ?)",
        (submission.channel_id, submission.arxiv_id, submission.person, to_text(now)),
    )


def found_submissions(connection: sqlite3.Connection) -> tuple[tuple[Submission, int], ...]:
    """Return the submissions whose papers are stored by now, each with the paper's number."""
    rows = connection.execute(
        "SELECT s.channel_id, s.arxiv_id, s.person, p.id FROM submissions s"
        " JOIN papers p ON p.arxiv_id = s.arxiv_id ORDER BY s.asked_at, s.arxiv_id"
    )
    return tuple(
        (Submission(row["channel_id"], row["arxiv_id"], row["person"]), row["id"]) for row in rows
    )


def close_submission(connection: sqlite3.Connection, submission: Submission) -> None:
    """Forget a submission that was dealt with."""
    connection.execute(
        "DELETE FROM submissions WHERE channel_id = ? AND arxiv_id = ?",
        (submission.channel_id, submission.arxiv_id),
    )


def first_seen(connection: sqlite3.Connection, event_id: str, now: datetime) -> bool:
    """Claim an event; False when it was handed in before. An empty id is always new."""
    if not event_id:
        return True
    done = connection.execute(
        "INSERT OR IGNORE INTO events VALUES (?, ?)", (event_id, to_text(now))
    )
    return done.rowcount > 0


def forget_events(connection: sqlite3.Connection, before: datetime) -> int:
    """Drop claimed events that no platform will repeat any more; return how many."""
    return connection.execute("DELETE FROM events WHERE seen_at < ?", (to_text(before),)).rowcount


def restore(connection: sqlite3.Connection, rows: Sequence[Feedback]) -> int:
    """Write feedback as it was exported; rows already there stay. Return how many were added."""
    before = connection.total_changes
    connection.executemany(
        "INSERT OR IGNORE INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                row.channel_id,
                row.paper_id,
                row.person,
                row.signal,
                int(row.active),
                to_text(row.changed_at),
                row.via,
            )
            for row in rows
        ],
    )
    return connection.total_changes - before


def _row_to_feedback(row: sqlite3.Row) -> Feedback:
    return Feedback(
        channel_id=row["channel_id"],
        paper_id=row["paper_id"],
        person=row["person"],
        signal=Signal(row["signal"]),
        active=bool(row["active"]),
        changed_at=to_time(row["changed_at"]),
        via=Via(row["via"]),
    )
