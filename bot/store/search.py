"""What search reads and writes: postings in chunks, filters, the titles' own index."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

NEWEST = 20_000
LAST = "\U0010ffff"  # sorts behind every letter


@dataclass(frozen=True, slots=True)
class Filter:
    """What only tables can tell. None asks for nothing; days are inclusive.

    ``posted`` is looked up in ``channel_id`` alone, ``saved`` there and for ``person`` alone; where
    those are not given, nothing is asked for.
    """

    published_from: date | None = None
    published_to: date | None = None
    listed_from: date | None = None
    sources: tuple[str, ...] = ()
    without_sources: tuple[str, ...] = ()
    posted: bool | None = None
    saved: bool | None = None
    channel_id: int | None = None
    person: str | None = None


def version(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return two numbers that change whenever a paper or its postings do."""
    row = connection.execute(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'search_log'), 0),"
        " (SELECT count(*) FROM search_log)"
    ).fetchone()
    return int(row[0]), int(row[1])


def changed(connection: sqlite3.Connection) -> list[int]:
    """Return the papers that changed since their postings were written, in order."""
    rows = connection.execute("SELECT DISTINCT paper_id FROM search_log ORDER BY paper_id")
    return [row[0] for row in rows]


def changed_between(connection: sqlite3.Connection, first: int, end: int) -> list[tuple[int, int]]:
    """Return (stamp, paper) of changes to papers from ``first`` up to and without ``end``."""
    rows = connection.execute(
        "SELECT stamp, paper_id FROM search_log WHERE paper_id >= ? AND paper_id < ?"
        " ORDER BY stamp",
        (first, end),
    )
    return [(row[0], row[1]) for row in rows]


def lengths(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
    """Return (chunk, lengths) in order."""
    rows = connection.execute("SELECT chunk, lengths FROM search_chunks ORDER BY chunk")
    return [(row[0], row[1]) for row in rows]


def postings(
    connection: sqlite3.Connection, terms: Sequence[str]
) -> dict[str, list[tuple[int, bytes]]]:
    """Return for each term that is there its (chunk, postings), chunks in order."""
    found: dict[str, list[tuple[int, bytes]]] = {}
    for row in connection.execute(
        "SELECT p.term, p.chunk, p.postings FROM search_chunks AS c"
        " CROSS JOIN json_each(?) AS t"
        " CROSS JOIN search_postings AS p ON p.chunk = c.chunk AND p.term = t.value"
        " ORDER BY c.chunk",
        (json.dumps(list(terms)),),
    ):
        found.setdefault(row[0], []).append((row[1], row[2]))
    return found


def frequencies(connection: sqlite3.Connection, terms: Sequence[str]) -> dict[str, int]:
    """Return how many papers hold each term, as the postings have it."""
    rows = connection.execute(
        "SELECT term, papers FROM search_terms WHERE term IN (SELECT value FROM json_each(?))",
        (json.dumps(list(terms)),),
    )
    return {row[0]: row[1] for row in rows}


def beginning(
    connection: sqlite3.Connection, prefix: str, shortest: int, longest: int
) -> list[tuple[str, int]]:
    """Return (term, papers) for terms of such a beginning and length, in order."""
    rows = connection.execute(
        "SELECT term, papers FROM search_terms WHERE term >= ? AND term < ?"
        " AND length(term) BETWEEN ? AND ? ORDER BY term",
        (prefix, prefix + LAST, shortest, longest),
    )
    return [(row[0], row[1]) for row in rows]


def texts(connection: sqlite3.Connection, papers: Sequence[int]) -> list[sqlite3.Row]:
    """Return id, title, abstract, authors and categories of the papers that are there."""
    return connection.execute(
        "SELECT id, title, abstract, authors, categories FROM papers"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(papers)),),
    ).fetchall()


def words(connection: sqlite3.Connection, papers: Sequence[int]) -> dict[int, bytes]:
    """Return the written words of those papers that have some, by paper."""
    rows = connection.execute(
        "SELECT paper_id, words FROM search_words"
        " WHERE paper_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(papers)),),
    )
    return {row[0]: row[1] for row in rows}


def worded_between(connection: sqlite3.Connection, first: int, end: int) -> set[int]:
    """Return the papers numbered from ``first`` up to and without ``end`` with words written."""
    rows = connection.execute(
        "SELECT paper_id FROM search_words WHERE paper_id >= ? AND paper_id < ?", (first, end)
    )
    return {row[0] for row in rows}


def replace_words(
    connection: sqlite3.Connection, gone: Iterable[int], words: Mapping[int, bytes]
) -> None:
    """Forget the words of the papers that are gone, and write those of others anew."""
    connection.executemany("DELETE FROM search_words WHERE paper_id = ?", ((i,) for i in gone))
    connection.executemany(
        "INSERT OR REPLACE INTO search_words (paper_id, words) VALUES (?, ?)", words.items()
    )


def texts_between(connection: sqlite3.Connection, first: int, end: int) -> Iterator[sqlite3.Row]:
    """Yield the papers numbered from ``first`` up to and without ``end``."""
    return connection.execute(
        "SELECT id, title, abstract, authors, categories FROM papers"
        " WHERE id >= ? AND id < ? ORDER BY id",
        (first, end),
    )


def replace_chunk(
    connection: sqlite3.Connection, chunk: int, blobs: Mapping[str, bytes], lengths: bytes
) -> None:
    """Write a chunk's postings anew and keep the terms' counts of papers right."""
    counts = {
        row[0]: -row[1]
        for row in connection.execute(
            "SELECT term, length(postings) / 3 FROM search_postings WHERE chunk = ?", (chunk,)
        )
    }
    for term, blob in blobs.items():
        counts[term] = counts.get(term, 0) + len(blob) // 3
    connection.execute("DELETE FROM search_postings WHERE chunk = ?", (chunk,))
    connection.executemany(
        "INSERT INTO search_postings (chunk, term, postings) VALUES (?, ?, ?)",
        ((chunk, term, blobs[term]) for term in sorted(blobs)),
    )
    connection.execute(
        "INSERT INTO search_chunks (chunk, lengths) VALUES (?, ?)"
        " ON CONFLICT (chunk) DO UPDATE SET lengths = excluded.lengths",
        (chunk, lengths),
    )
    connection.executemany(
        "INSERT INTO search_terms (term, papers) VALUES (?, ?)"
        " ON CONFLICT (term) DO UPDATE SET papers = papers + excluded.papers",
        sorted((term, count) for term, count in counts.items() if count),
    )
    connection.execute("DELETE FROM search_terms WHERE papers <= 0")


def forget_changes(connection: sqlite3.Connection, stamps: Sequence[int]) -> None:
    """Drop changes from the log, now that the postings have them."""
    connection.execute(
        "DELETE FROM search_log WHERE stamp IN (SELECT value FROM json_each(?))",
        (json.dumps(list(stamps)),),
    )


def allowed(connection: sqlite3.Connection, wanted: Filter) -> list[int]:
    """Return the numbers of the papers that a filter lets through."""
    # Each part is one of the constants below; what was typed is always bound.
    parts = ["SELECT id FROM papers"]
    values: list[str | int] = []

    def add(part: str, *bound: str | int, keep: bool = True) -> None:
        parts.append(f"{'INTERSECT' if keep else 'EXCEPT'} SELECT id FROM ({part})")
        values.extend(bound)

    if wanted.published_from is not None or wanted.published_to is not None:
        first = wanted.published_from.isoformat() if wanted.published_from else ""
        last = wanted.published_to.isoformat() if wanted.published_to else LAST
        add(_PUBLISHED, first, last, first, last, first, last + LAST)
    if wanted.listed_from is not None:
        add(_LISTED, wanted.listed_from.isoformat(), wanted.listed_from.isoformat())
    for keep, sources in ((True, wanted.sources), (False, wanted.without_sources)):
        if sources:
            add(" UNION ALL ".join([_BROUGHT] * len(sources)), *_halves(sources), keep=keep)
    if wanted.posted is not None and wanted.channel_id is not None:
        add(_POSTED, wanted.channel_id, keep=wanted.posted)
    if wanted.saved is not None and wanted.channel_id is not None and wanted.person is not None:
        add(_SAVED, wanted.channel_id, wanted.person, keep=wanted.saved)
    if len(parts) > 1 and parts[1].startswith("INTERSECT"):
        del parts[0]
        parts[0] = parts[0].removeprefix("INTERSECT ")
    row = connection.execute(
        f"SELECT json_group_array(id) FROM ({' '.join(parts)})", values
    ).fetchone()
    found: list[int] = json.loads(row[0])
    return found


_PUBLISHED = (
    "SELECT id FROM papers WHERE published BETWEEN ? AND ? OR published IS NULL AND"
    " (first_listed_on BETWEEN ? AND ?"
    " OR first_listed_on IS NULL AND first_seen_at BETWEEN ? AND ?)"
)
# One branch for each column that may tell the day, so that each can use its index.
_LISTED = (
    "SELECT id FROM papers WHERE first_listed_on >= ? UNION ALL"
    " SELECT id FROM papers WHERE first_listed_on IS NULL AND first_seen_at >= ?"
)
# A source as people name it: "huggingface", or one category of a source as in "arxiv:cs.CL".
_BROUGHT = (
    "SELECT a.paper_id AS id FROM appearances AS a WHERE lower(a.source) = ? AND (? = '' OR EXISTS"
    " (SELECT 1 FROM papers AS p, json_each(p.categories) AS c"
    " WHERE p.id = a.paper_id AND lower(c.value) = ?))"
)
_POSTED = (
    "SELECT d.paper_id AS id FROM deliveries AS d JOIN messages AS m ON m.id = d.message_id"
    " WHERE d.channel_id = ? AND m.state = 'sent'"
)
_SAVED = (
    "SELECT paper_id AS id FROM feedback"
    " WHERE channel_id = ? AND person = ? AND signal = 'save' AND active"
)


def _halves(sources: Sequence[str]) -> Iterator[str]:
    for source in sources:
        name, _, category = source.lower().partition(":")
        yield from (name, category, category)


def literally(connection: sqlite3.Connection, text: str, limit: int) -> list[int]:
    """Return the newest papers whose title, else whose abstract, has these very characters.

    Every text has to be read for this, so only the ``NEWEST`` papers are looked through.
    """
    rows = connection.execute(
        "SELECT id FROM (SELECT id, lower(title) AS title, lower(abstract) AS abstract"
        " FROM papers ORDER BY id DESC LIMIT ?3)"
        " WHERE instr(title, ?1) OR instr(abstract, ?1)"
        " ORDER BY instr(title, ?1) = 0, id DESC LIMIT ?2",
        (text.lower(), limit, NEWEST),
    )
    return [row[0] for row in rows]


def titles(connection: sqlite3.Connection, match: str, limit: int) -> list[sqlite3.Row]:
    """Return id, arxiv_id and title of the newest titles that an FTS5 expression matches.

    The expression is made by the caller of quoted words; what was typed never stands bare in it.
    """
    return connection.execute(
        "SELECT p.id, p.arxiv_id, p.title FROM papers AS p JOIN"
        " (SELECT rowid FROM titles_fts WHERE titles_fts MATCH ? ORDER BY rowid DESC LIMIT ?) AS t"
        " ON p.id = t.rowid ORDER BY p.id DESC",
        (match, limit),
    ).fetchall()


def title_words(connection: sqlite3.Connection, words: Iterable[str]) -> list[str]:
    """Return those of the words that some title has."""
    rows = connection.execute(
        "SELECT w.value FROM json_each(?) AS w WHERE EXISTS"
        " (SELECT 1 FROM titles_vocab AS v WHERE v.term = w.value)",
        (json.dumps(list(words)),),
    )
    return [row[0] for row in rows]


def title_beginnings(connection: sqlite3.Connection, prefixes: Iterable[str]) -> list[str]:
    """Return those of the beginnings with which some word of a title begins."""
    rows = connection.execute(
        "SELECT w.value FROM json_each(?) AS w WHERE EXISTS (SELECT 1 FROM titles_vocab AS v"
        " WHERE v.term >= w.value AND v.term < w.value || char(1114111))",
        (json.dumps(list(prefixes)),),
    )
    return [row[0] for row in rows]
