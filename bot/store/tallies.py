"""Counts that only grow and outlive their rows: what Prometheus calls counters."""

from __future__ import annotations

import json
import sqlite3

_PREFIX = "tally:"  # in meta, followed by the names as a JSON array


def count(connection: sqlite3.Connection, *names: str, by: int = 1) -> None:
    """Add to a count; its names go from the general to the particular."""
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE"
        " SET value = CAST(value AS INTEGER) + CAST(excluded.value AS INTEGER)",
        (f"{_PREFIX}{json.dumps(names, ensure_ascii=False)}", str(by)),
    )


def counted(connection: sqlite3.Connection, kind: str) -> dict[tuple[str, ...], int]:
    """Return the counts whose first name is ``kind``, by the names after it, in order."""
    rows = connection.execute(
        "SELECT key, value FROM meta WHERE key >= ? AND key < ? ORDER BY key",
        (_PREFIX, f"{_PREFIX}\U0010ffff"),
    )
    found: dict[tuple[str, ...], int] = {}
    for row in rows:
        first, *rest = json.loads(row["key"].removeprefix(_PREFIX))
        if first == kind:
            found[tuple(str(name) for name in rest)] = int(row["value"])
    return found
