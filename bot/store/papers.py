"""Papers: reading them back, finding the one an entry means, writing what an entry changes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.domain import Announce, Entry, Paper
from bot.store.times import day_or_none, to_date_or_none, to_text, to_time

FIRST_PAPER = date(1665, 1, 1)  # the year of the first journals
ISSUES_AHEAD = timedelta(days=730)  # journals date papers by the issue to come
_MANY = 500  # identifiers in one IN list, far below SQLite's bound


@dataclass(frozen=True, slots=True)
class Repaired:
    """An entry's text as it will be shown, and the keys by which sameness is judged."""

    title: str
    abstract: str
    title_key: str
    author_key: str


@dataclass(frozen=True, slots=True)
class Change:
    """What storing one entry did."""

    paper_id: int
    new: bool
    updated: bool


def row_to_paper(row: sqlite3.Row) -> Paper:
    """Make a Paper of a row of ``papers``."""
    return Paper(
        id=row["id"],
        title=row["title"],
        abstract=row["abstract"],
        authors=tuple(json.loads(row["authors"])),
        author_count=row["author_count"],
        arxiv_id=row["arxiv_id"],
        version=row["version"],
        doi=row["doi"],
        url=row["url"],
        published=to_date_or_none(row["published"]),
        categories=tuple(json.loads(row["categories"])),
        upvotes=row["upvotes"],
        comments=row["comments"],
        code_url=row["code_url"],
        code_stars=row["code_stars"],
        project_url=row["project_url"],
        source_summary=row["source_summary"],
        first_seen_at=to_time(row["first_seen_at"]),
        first_listed_on=to_date_or_none(row["first_listed_on"]),
    )


def paper(connection: sqlite3.Connection, paper_id: int) -> Paper | None:
    """Return one paper by its number, or None."""
    row = connection.execute("SELECT * FROM papers WHERE id = ?", (paper_id,)).fetchone()
    return None if row is None else row_to_paper(row)


def papers(connection: sqlite3.Connection, paper_ids: Iterable[int]) -> tuple[Paper, ...]:
    """Return papers in the order of their numbers as given; unknown numbers are left out."""
    wanted = list(paper_ids)
    found: dict[int, Paper] = {}
    for start in range(0, len(wanted), _MANY):
        part = wanted[start : start + _MANY]
        marks = ",".join("?" * len(part))
        for row in connection.execute(f"SELECT * FROM papers WHERE id IN ({marks})", part):
            found[row["id"]] = row_to_paper(row)
    return tuple(found[number] for number in wanted if number in found)


def paper_by_handle(connection: sqlite3.Connection, handle: str) -> Paper | None:
    """Return the paper a person means by an arXiv id, a DOI or ``p123``; or None."""
    number = re.fullmatch(r"[pP](\d{1,15})", handle)
    if number:
        return paper(connection, int(number[1]))
    row = connection.execute(
        "SELECT * FROM papers WHERE arxiv_id = ? OR doi = ?", (handle, handle.lower())
    ).fetchone()
    return None if row is None else row_to_paper(row)


def count(connection: sqlite3.Connection) -> int:
    """Return how many papers there are."""
    return int(connection.execute("SELECT count(*) FROM papers").fetchone()[0])


def newest(connection: sqlite3.Connection) -> int:
    """Return the number of the paper stored last: as many as were ever stored, or 0."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM papers").fetchone()[0])


def recent(connection: sqlite3.Connection, limit: int) -> tuple[Paper, ...]:
    """Return the papers seen last, newest first."""
    rows = connection.execute("SELECT * FROM papers ORDER BY id DESC LIMIT ?", (limit,))
    return tuple(row_to_paper(row) for row in rows)


def newest_before(connection: sqlite3.Connection, count: int) -> int:
    """Return the number after which the newest ``count`` papers lie; 0 where there are fewer."""
    row = connection.execute(
        "SELECT id FROM papers ORDER BY id DESC LIMIT 1 OFFSET ?", (count,)
    ).fetchone()
    return 0 if row is None else int(row["id"])


def after(connection: sqlite3.Connection, paper_id: int, limit: int) -> tuple[Paper, ...]:
    """Return the next papers by number."""
    rows = connection.execute(
        "SELECT * FROM papers WHERE id > ? ORDER BY id LIMIT ?", (paper_id, limit)
    )
    return tuple(row_to_paper(row) for row in rows)


def sample(connection: sqlite3.Connection, limit: int, *, upto: int) -> tuple[Paper, ...]:
    """Return up to ``limit`` papers spread evenly over the first ``upto`` that were stored."""
    step = max(1, upto // max(1, limit))
    rows = connection.execute(
        "SELECT * FROM papers WHERE id <= ? AND id % ? = 0 ORDER BY id LIMIT ?",
        (upto, step, limit),
    )
    return tuple(row_to_paper(row) for row in rows)


def store_entry(
    connection: sqlite3.Connection,
    entry: Entry,
    repaired: Repaired,
    *,
    now: datetime,
    listed_on: date | None,
    first_word: bool = False,
) -> Change:
    """Insert an entry's paper, or update the paper it is already known as.

    ``first_word`` tells that the paper's own archive speaks of it for the first time: its text and
    version replace what others said, whatever version they named.
    """
    entry = _with_date_that_can_be(entry, now)
    row = _find(connection, entry, repaired)
    if row is None:
        return _insert(connection, entry, repaired, now, listed_on)
    updated = _update(connection, row, entry, repaired, now, first_word=first_word)
    return Change(row["id"], new=False, updated=updated)


def _with_date_that_can_be(entry: Entry, now: datetime) -> Entry:
    # A paper of the year 9999 would be the newest for ever.
    day = entry.published
    if day is None or FIRST_PAPER <= day <= now.date() + ISSUES_AHEAD:
        return entry
    return replace(entry, published=None)


def _find(connection: sqlite3.Connection, entry: Entry, repaired: Repaired) -> sqlite3.Row | None:
    row: sqlite3.Row | None
    for column, value in (("arxiv_id", entry.arxiv_id), ("doi", entry.doi)):
        if value is not None:
            row = connection.execute(
                f"SELECT * FROM papers WHERE {column} = ?",
                (value,),
            ).fetchone()
            if row is not None and not _contradicts(row, entry):
                return row
    if not repaired.title_key:
        return None
    rows = connection.execute(
        "SELECT * FROM papers WHERE title_key = ? ORDER BY id", (repaired.title_key,)
    )
    for row in rows:
        same_author = repaired.author_key == row["author_key"]
        if (same_author or not repaired.author_key or not row["author_key"]) and not _contradicts(
            row, entry
        ):
            return row
    return None


def _contradicts(row: sqlite3.Row, entry: Entry) -> bool:
    # Two arXiv ids are two papers. Two DOIs are too, unless an arXiv id says that a preprint and
    # its journal version are one.
    if row["arxiv_id"] and entry.arxiv_id:
        return bool(row["arxiv_id"] != entry.arxiv_id)
    return bool(row["doi"] and entry.doi and row["doi"] != entry.doi)


def _insert(
    connection: sqlite3.Connection,
    entry: Entry,
    repaired: Repaired,
    now: datetime,
    listed_on: date | None,
) -> Change:
    values = {
        "arxiv_id": entry.arxiv_id,
        "doi": entry.doi if not _doi_taken(connection, entry.doi) else None,
        "title_key": repaired.title_key,
        "author_key": repaired.author_key,
        "version": entry.version or 1,
        "title": repaired.title,
        "abstract": repaired.abstract,
        "raw_title": entry.title,
        "raw_abstract": entry.abstract,
        "authors": _json(entry.authors),
        "author_count": entry.author_count or len(entry.authors),
        "categories": _json(entry.categories),
        "url": entry.url,
        "published": day_or_none(entry.published),
        "upvotes": entry.upvotes,
        "comments": entry.comments,
        "code_url": entry.code_url,
        "code_stars": entry.code_stars,
        "project_url": entry.project_url,
        "source_summary": entry.source_summary,
        "first_seen_at": to_text(now),
        "first_listed_on": day_or_none(listed_on),
        "changed_at": to_text(now),
    }
    columns = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    cursor = connection.execute(f"INSERT INTO papers ({columns}) VALUES ({marks})", values)
    paper_id = int(cursor.lastrowid or 0)
    _insert_version(connection, paper_id, values["version"], entry, repaired, now)
    return Change(paper_id, new=True, updated=False)


def _insert_version(
    connection: sqlite3.Connection,
    paper_id: int,
    version: object,
    entry: Entry,
    repaired: Repaired,
    now: datetime,
) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO paper_versions VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            paper_id,
            version,
            repaired.title,
            repaired.abstract,
            entry.title,
            entry.abstract,
            to_text(now),
        ),
    )


def _update(
    connection: sqlite3.Connection,
    row: sqlite3.Row,
    entry: Entry,
    repaired: Repaired,
    now: datetime,
    *,
    first_word: bool,
) -> bool:
    changes = _facts(connection, row, entry)
    changes |= _text(connection, row, entry, repaired, now, first_word=first_word)
    changes = {name: value for name, value in changes.items() if value != row[name]}
    if not changes:
        return False
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    connection.execute(
        f"UPDATE papers SET {assignments}, changed_at = :changed_at WHERE id = :id",
        {**changes, "changed_at": to_text(now), "id": row["id"]},
    )
    return True


def _facts(connection: sqlite3.Connection, row: sqlite3.Row, entry: Entry) -> dict[str, str | int]:
    # Counts and code links move on; identity and provenance are only ever filled in.
    moving = {
        "upvotes": entry.upvotes,
        "comments": entry.comments,
        "code_url": entry.code_url,
        "code_stars": entry.code_stars,
        "project_url": entry.project_url,
        "source_summary": entry.source_summary,
    }
    filled: dict[str, str | int | None] = {
        "arxiv_id": entry.arxiv_id,
        "doi": None if _doi_taken(connection, entry.doi) else entry.doi,
        "published": day_or_none(entry.published),
    }
    # A source that knows the arXiv id knows the better address.
    if entry.arxiv_id and not row["arxiv_id"]:
        moving["url"] = entry.url
    else:
        filled["url"] = entry.url
    if entry.categories and row["categories"] == "[]":
        moving["categories"] = _json(entry.categories)
    changes = {name: value for name, value in moving.items() if value is not None}
    return changes | {
        name: value for name, value in filled.items() if value is not None and row[name] is None
    }


def _text(
    connection: sqlite3.Connection,
    row: sqlite3.Row,
    entry: Entry,
    repaired: Repaired,
    now: datetime,
    *,
    first_word: bool,
) -> dict[str, str | int]:
    replaces = entry.announce in (Announce.REPLACE, Announce.REPLACE_CROSS)
    version = entry.version
    if version is None and replaces and repaired.abstract not in ("", row["abstract"]):
        version = row["version"] + 1
    changes: dict[str, str | int] = {}
    newer = version is not None and version > row["version"]
    if first_word and (repaired.title != row["title"] or newer or version != row["version"]):
        newer, version = True, version or 1
        # What others called a version of it was hearsay.
        connection.execute("DELETE FROM paper_versions WHERE paper_id = ?", (row["id"],))
    if newer and version is not None:
        _insert_version(connection, row["id"], version, entry, repaired, now)
        changes |= {"version": version, "title": repaired.title, "raw_title": entry.title}
        changes |= {"title_key": repaired.title_key}
    if repaired.abstract and (newer or not row["abstract"]):
        changes |= {"abstract": repaired.abstract, "raw_abstract": entry.abstract}
    if entry.authors and (newer or row["authors"] == "[]"):
        changes |= {
            "authors": _json(entry.authors),
            "author_count": entry.author_count or len(entry.authors),
            "author_key": repaired.author_key,
        }
    elif entry.author_count and not row["author_count"]:
        changes |= {"author_count": entry.author_count}
    return changes


def _doi_taken(connection: sqlite3.Connection, doi: str | None) -> bool:
    # A DOI that two arXiv ids claim stays with the first; losing a link beats losing a paper.
    if doi is None:
        return False
    return bool(connection.execute("SELECT 1 FROM papers WHERE doi = ?", (doi,)).fetchone())


def _json(values: Sequence[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)
