"""A small database of every schema version, as SQL text that never changes once released.

``make schema`` writes the dumps that are missing, so that a new migration is tested from the
version before it. A dump is deleted and made again only while its version was never released.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from bot.store.schema import migrations

FOLDER = Path(__file__).resolve().parents[1] / "data" / "schema"
NOW = "2026-06-15T09:00:00.000000+00:00"

# One row, or a few, of every table of the first version; our own words.
ROWS = f"""
INSERT INTO papers VALUES
 (1, '2606.00100', NULL, 'speech in kitchens', 'ada example', 2, 'Speech in Kitchens',
  'Kitchens are loud.', 'Speech in Kitchens', 'Kitchens are loud.', '["Ada Example"]', 1,
  '["cs.CL"]', 'https://arxiv.org/abs/2606.00100', '2026-06-14', 7, 1, NULL, NULL, NULL, NULL,
  '{NOW}', '2026-06-15', '{NOW}'),
 (2, NULL, '10.1234/graphs', 'graphs of roads', '', 1, 'Graphs of Roads', 'Roads are graphs.',
  'Graphs of Roads', 'Roads are graphs.', '[]', 0, '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, '{NOW}', NULL, '{NOW}');
INSERT INTO paper_versions VALUES (1, 1, 'Speech', 'Loud.', 'Speech', 'Loud.', '{NOW}');
INSERT INTO listings VALUES (1, 'huggingface', 'https://example.org', '2026-06-15', '{NOW}', 'aa',
 'ok', '', 2, 2, 1, 2, 0);
INSERT INTO appearances VALUES (1, 1, 'huggingface', 1, '2026-06-15', 'new', 1, '{NOW}'),
 (2, 2, 'huggingface', 1, '2026-06-15', 'new', 1, '{NOW}');
INSERT INTO quarantine VALUES (1, 1, 3, 'third', 'no title', '<entry/>');
INSERT INTO cursors VALUES ('https://example.org', 'huggingface', NULL, NULL, '{NOW}', '{NOW}',
 NULL, 0, '');
INSERT INTO wanted VALUES ('2606.00999', '{NOW}', '{NOW}', 1, '');
INSERT INTO channels VALUES (1, 'terminal', 'ears', 'ears', 0, 'speech', 'Europe/Berlin',
 'weekdays 09:00', 5, 50, '[]', 'thread', 'interests', 0, 1, 0, 0, 'active', '', '{NOW}', '{NOW}');
INSERT INTO digests VALUES (1, 1, '2026-06-15T09:00', 'daily', '{NOW}', 2, 2, 1, 0, '');
INSERT INTO messages VALUES (1, 1, 1, 0, 'key-0', '{{"kind": "header", "headline": "Papers"}}',
 'sent', 1, '{NOW}', NULL, '{NOW}', '{NOW}', '1.key-0', ''),
 (2, 1, 1, 1, 'key-1', '{{"kind": "paper", "headline": "Speech"}}', 'pending', 0, '{NOW}', NULL,
  NULL, NULL, NULL, '');
INSERT INTO deliveries VALUES (1, 1, 1, 1, 2, 1, 0.5, 80, 'matches', '[]', '');
INSERT INTO passed_over VALUES (1, 2, 20, 'threshold', 30.0, 'below the threshold');
INSERT INTO feedback VALUES (1, 1, 'hash', 'like', 1, '{NOW}', 'reaction');
INSERT INTO submissions VALUES (1, '2606.00999', 'hash', '{NOW}');
INSERT INTO events VALUES ('e1', '{NOW}');
UPDATE meta SET value = '00' WHERE key = 'person_key';
"""


def names() -> list[str]:
    """Return the migrations in order."""
    return [step.name for step in migrations()._migrations]


def build(upto: str, target: str = ":memory:") -> sqlite3.Connection:
    """Make a database that has the migrations up to and with ``upto``, and no rows of ours."""
    connection = sqlite3.connect(target, isolation_level=None)
    _apply(connection, upto)
    return connection


def _apply(connection: sqlite3.Connection, upto: str) -> None:
    known = names()
    following = known[known.index(upto) + 1 :][:1]
    migrations().apply(Database(connection, execute_plugins=False), stop_before=following)


def load(name: str, path: Path) -> None:
    """Make the database file of a dump."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
    finally:
        connection.close()


def write_missing() -> list[Path]:
    """Write the dumps that are not there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names():
        path = FOLDER / f"{name}.sql"
        if not path.exists():
            connection = build(names()[0])
            connection.executescript(ROWS)
            _apply(connection, upto=name)
            connection.execute("UPDATE _sqlite_migrations SET applied_at = ?", (NOW,))
            path.write_text("".join(_dump(connection)), encoding="utf-8")
            connection.close()
            written.append(path)
    return written


def schema(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the statement that made each table, index and trigger, by name, in their order."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    # Full-text search makes tables of its own; the table of migrations is the library's.
    return {name: sql for name, sql in rows if not name.startswith(("titles_fts_", "sqlite_"))}


def rows(connection: sqlite3.Connection) -> dict[str, list[dict[str, object]]]:
    """Return all rows of our ordinary tables, by column."""
    found: dict[str, list[dict[str, object]]] = {}
    for name, sql in schema(connection).items():
        # What fills itself by triggers is no row of ours.
        if sql.startswith("CREATE TABLE") and name != "search_log":
            cursor = connection.execute(f"SELECT * FROM {name}")
            columns = [column[0] for column in cursor.description]
            found[name] = [dict(zip(columns, row, strict=True)) for row in cursor]
    return found


def _dump(connection: sqlite3.Connection) -> Iterator[str]:
    for statement in schema(connection).values():
        yield f"{statement};\n"
    for name, held in rows(connection).items():
        for row in held:
            values = connection.execute(
                f"SELECT {', '.join(['quote(?)'] * len(row))}", tuple(row.values())
            ).fetchone()
            yield f"INSERT INTO {name} ({', '.join(row)})\n VALUES ({', '.join(values)});\n"


if __name__ == "__main__":
    for made in write_missing():
        print(made)
