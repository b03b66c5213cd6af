"""The database as a file: a consistent copy of one in use, what a copy holds, how old it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.store.times import to_text, to_time_or_none

BUSY_SECONDS = 30.0
TABLES = ("papers", "listings", "channels", "digests", "messages", "deliveries", "feedback")
_MADE_AT = "backed_up_at"  # in the table meta of a copy
_LAST_DEEDS = (
    "SELECT max(received_at) FROM listings",
    "SELECT max(planned_at) FROM digests",
    "SELECT max(coalesce(sent_at, claimed_at, created_at)) FROM messages",
    "SELECT max(changed_at) FROM feedback",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Which migrations a file has, which it lacks, and which of its own we do not know."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    newer: tuple[str, ...]


def copy_into(source: Path, target: Path, now: datetime) -> None:
    """Write a compact copy of a database that may be in use; ``target`` is empty or not there.

    The copy is one moment of the source and remembers ``now``. Raises sqlite3.Error.
    """
    with _open(source) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    with _open(target, write=True) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MADE_AT, to_text(now)))


def find_fault(path: Path) -> str:
    """Return what is wrong inside a database file, or an empty text. Raises sqlite3.Error."""
    with _open(path) as connection:
        said = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        if said != "ok":
            return said
        loose = connection.execute("PRAGMA foreign_key_check").fetchone()
        return "" if loose is None else f"a row of {loose[0]} belongs to no row of {loose[2]}"


def standing(path: Path) -> Standing:
    """Compare a database file with this program; changes nothing. Raises sqlite3.Error."""
    from sqlite_utils import Database

    from bot.store.schema import migrations

    steps = migrations()
    known = [step.name for step in steps._migrations]  # noqa: SLF001  the library lists no names
    with _open(path) as connection:
        db = Database(connection, execute_plugins=False)
        applied = tuple(step.name for step in steps.applied(db))
    return Standing(
        applied,
        tuple(name for name in known if name not in applied),
        tuple(name for name in applied if name not in known),
    )


def made_at(path: Path) -> datetime | None:
    """Return the moment a copy shows: when it was made, else its last deed; None if it has none."""
    with _open(path) as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (_MADE_AT,)).fetchone()
        if row is not None:
            return to_time_or_none(row[0])
        deeds = [connection.execute(sql).fetchone()[0] for sql in _LAST_DEEDS]
    return to_time_or_none(max((deed for deed in deeds if deed is not None), default=None))


def count_rows(path: Path) -> dict[str, int]:
    """Count the rows of the tables that a person would miss."""
    with _open(path) as connection:
        return {
            table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in TABLES
        }


def fold_log(path: Path) -> None:
    """Write what stands in the write-ahead log into the file itself. Raises sqlite3.Error."""
    with _open(path, write=True) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _open(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    # Never made by opening: a mistyped name must not become an empty database.
    uri = f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}"
    with closing(
        sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    ) as connection:
        connection.row_factory = sqlite3.Row
        yield connection
