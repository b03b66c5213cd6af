"""Digests: what a channel's next one looks through, and the row that makes each unique."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime

from bot.domain import Channel, Digest, DigestKind, Paper
from bot.store import passed
from bot.store.gap import NOT_SET_ASIDE, SET_ASIDE
from bot.store.papers import row_to_paper
from bot.store.passed import Passed
from bot.store.times import to_text, to_time


def insert(connection: sqlite3.Connection, digest: Digest, *, upto: int, quiet: bool) -> int | None:
    """Claim (channel, slot, kind) for a digest; None when it is already taken."""
    cursor = connection.execute(
        "INSERT INTO digests (channel_id, slot, kind, planned_at, upto, considered, chosen, quiet,"
        " note) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
        (
            digest.channel_id,
            digest.slot,
            digest.kind,
            to_text(digest.planned_at),
            upto,
            digest.considered,
            digest.chosen,
            int(quiet),
            digest.note,
        ),
    )
    return int(cursor.lastrowid or 0) if cursor.rowcount > 0 else None


def last(
    connection: sqlite3.Connection, channel_id: int, kind: DigestKind | None = DigestKind.DAILY
) -> Digest | None:
    """Return the channel's newest digest of a kind (None: of any), or None."""
    row = connection.execute(
        "SELECT * FROM digests WHERE channel_id = ? AND (? IS NULL OR kind = ?)"
        " ORDER BY id DESC LIMIT 1",
        (channel_id, kind, kind),
    ).fetchone()
    return None if row is None else _row_to_digest(row)


def digest(connection: sqlite3.Connection, digest_id: int) -> Digest | None:
    """Return one digest, or None."""
    row = connection.execute("SELECT * FROM digests WHERE id = ?", (digest_id,)).fetchone()
    return None if row is None else _row_to_digest(row)


def last_with_papers(connection: sqlite3.Connection, channel_id: int) -> Digest | None:
    """Return the channel's newest digest that holds papers: what ``#3`` refers to."""
    row = connection.execute(
        "SELECT * FROM digests WHERE channel_id = ? AND chosen > 0 ORDER BY id DESC LIMIT 1",
        (channel_id,),
    ).fetchone()
    return None if row is None else _row_to_digest(row)


def every(connection: sqlite3.Connection, channel_id: int) -> tuple[Digest, ...]:
    """Return a channel's digests, the oldest first."""
    rows = connection.execute(
        "SELECT * FROM digests WHERE channel_id = ? ORDER BY id", (channel_id,)
    )
    return tuple(_row_to_digest(row) for row in rows)


def was_quiet(connection: sqlite3.Connection, channel_id: int) -> bool:
    """Tell whether the last daily digest already said that nothing came."""
    row = connection.execute(
        "SELECT quiet FROM digests WHERE channel_id = ? AND kind = 'daily'"
        " ORDER BY id DESC LIMIT 1",
        (channel_id,),
    ).fetchone()
    return bool(row and row["quiet"])


def head(connection: sqlite3.Connection) -> int:
    """Return the number of the last appearance so far."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM appearances").fetchone()[0])


def looked_upto(connection: sqlite3.Connection, channel_id: int) -> int | None:
    """Return the last appearance that the channel's digests looked at; None before the first."""
    row = connection.execute(
        "SELECT max(upto) AS upto FROM digests WHERE channel_id = ? AND kind = 'daily'",
        (channel_id,),
    ).fetchone()
    return None if row["upto"] is None else int(row["upto"])


def head_before(connection: sqlite3.Connection, moment: datetime) -> int:
    """Return the last appearance seen before a moment."""
    row = connection.execute(
        "SELECT coalesce(max(id), 0) FROM appearances WHERE seen_at < ?", (to_text(moment),)
    ).fetchone()
    return int(row[0])


def fresh_papers(
    connection: sqlite3.Connection, sources: Sequence[str], *, after: int, upto: int
) -> tuple[Paper, ...]:
    """Return papers that first appeared in these sources (none named: in any) in (after, upto].

    Left out are papers that an earlier digest could have seen there, that came by back-fill, and
    mere replacements.
    """
    here, values = _in_sources(sources, "a")
    earlier, earlier_values = _in_sources(sources, "b")
    rows = connection.execute(
        "SELECT p.* FROM appearances a JOIN papers p ON p.id = a.paper_id"
        " WHERE a.id > ? AND a.id <= ? AND a.fresh = 1"
        f" AND a.announce IN ('new', 'cross') AND {here}"
        " AND NOT EXISTS (SELECT 1 FROM appearances b WHERE b.paper_id = p.id AND b.id <= ?"
        f" AND b.fresh = 1 AND b.announce IN ('new', 'cross') AND {earlier})"
        " GROUP BY p.id ORDER BY p.id",
        (after, upto, *values, after, *earlier_values),
    )
    return tuple(row_to_paper(row) for row in rows)


def first_chance(connection: sqlite3.Connection, channel: Channel, paper_id: int) -> int | None:
    """Return the appearance by which a digest of the channel could first see a paper, or None."""
    here, values = _in_sources(channel.sources, "a")
    row = connection.execute(
        "SELECT min(a.id) FROM appearances a WHERE a.paper_id = ? AND a.fresh = 1"
        f" AND a.announce IN ('new', 'cross') AND {here}",
        (paper_id, *values),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def first_looking(
    connection: sqlite3.Connection, channel_id: int, appearance_id: int
) -> Digest | None:
    """Return the first daily digest of a channel that looked as far as an appearance, or None."""
    row = connection.execute(
        "SELECT * FROM digests WHERE channel_id = ? AND kind = 'daily' AND upto >= ?"
        " ORDER BY id LIMIT 1",
        (channel_id, appearance_id),
    ).fetchone()
    return None if row is None else _row_to_digest(row)


def delivered(connection: sqlite3.Connection, channel_id: int) -> frozenset[int]:
    """Return the numbers of all papers that a channel was ever given, or may have been.

    The latter are those that a restore set aside (bot.store.gap).
    """
    rows = connection.execute(
        f"SELECT paper_id FROM deliveries WHERE channel_id = ? UNION {SET_ASIDE}",
        (channel_id, channel_id),
    )
    return frozenset(row["paper_id"] for row in rows)


def voted_up(
    connection: sqlite3.Connection, channel: Channel, *, first: date, last: date, limit: int
) -> tuple[Paper, ...]:
    """Return papers listed from ``first`` to ``last``, never posted here, by upvotes."""
    sources, values = _in_sources(channel.sources, "a")
    rows = connection.execute(
        "SELECT p.* FROM appearances a JOIN papers p ON p.id = a.paper_id"
        f" WHERE a.listed_on >= ? AND a.listed_on <= ? AND p.upvotes > 0 AND {sources}"
        " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.channel_id = ? AND d.paper_id = p.id)"
        f" AND {NOT_SET_ASIDE} GROUP BY p.id ORDER BY p.upvotes DESC, p.id LIMIT ?",
        (first.isoformat(), last.isoformat(), *values, channel.id, channel.id, limit),
    )
    return tuple(row_to_paper(row) for row in rows)


def posted(connection: sqlite3.Connection, channel_id: int, limit: int) -> tuple[Paper, ...]:
    """Return what the channel was given last, the newest first."""
    rows = connection.execute(
        "SELECT p.* FROM deliveries d JOIN papers p ON p.id = d.paper_id"
        " WHERE d.channel_id = ? ORDER BY d.id DESC LIMIT ?",
        (channel_id, limit),
    )
    return tuple(row_to_paper(row) for row in rows)


def passed_over(
    connection: sqlite3.Connection, channel_id: int, paper_id: int
) -> tuple[Digest, Passed] | None:
    """Return the newest digest that looked at a paper without posting it, and why."""
    found = passed.newest(connection, channel_id, paper_id)
    if found is None:
        return None
    looked = digest(connection, found[0])
    return None if looked is None else (looked, found[1])


def _in_sources(sources: Sequence[str], alias: str) -> tuple[str, tuple[str, ...]]:
    # A channel names sources ("huggingface") or one category of a source ("arxiv:cs.CL").
    if not sources:
        return "1", ()
    tests: list[str] = []
    values: list[str] = []
    for name in sources:
        source, _, category = name.partition(":")
        test = f"{alias}.source = ?"
        values.append(source)
        if category:
            test = (
                f"({test} AND EXISTS (SELECT 1 FROM papers q, json_each(q.categories) j"
                f" WHERE q.id = {alias}.paper_id AND j.value = ?))"
            )
            values.append(category)
        tests.append(test)
    return f"({' OR '.join(tests)})", tuple(values)


def _row_to_digest(row: sqlite3.Row) -> Digest:
    return Digest(
        id=row["id"],
        channel_id=row["channel_id"],
        slot=row["slot"],
        kind=DigestKind(row["kind"]),
        planned_at=to_time(row["planned_at"]),
        considered=row["considered"],
        chosen=row["chosen"],
        note=row["note"],
    )
