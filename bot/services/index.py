"""The stored postings as a collection to search, with what changed since they were written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from bot.store import Store
from bot.store import search as table
from ranking.postings import (
    CHUNK,
    NONE,
    Postings,
    Text,
    gather,
    merge,
    pack,
    pack_lengths,
    unpack,
    unpack_lengths,
)
from ranking.reading import encode

WRITE_AT = 2_000  # changes searched from memory before a search itself writes postings


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What does not change between two changes of the papers: lengths, and the changed papers."""

    version: tuple[int, int]
    lengths: NDArray[np.uint16]
    hidden: NDArray[np.int64]
    changed: frozenset[int]  # the hidden papers once more
    fresh: Mapping[str, Postings]


_snapshots: WeakKeyDictionary[Store, Snapshot] = WeakKeyDictionary()
_lock = Lock()
_reading = Lock()  # one search reads what changed, the others wait for what it makes
_writing = Lock()


class StoredCollection:
    """The papers of a store within one read transaction; see ``ranking.search.Collection``.

    With ``upto`` it is the collection as it was when that paper was the newest, so that a second
    page goes on where the first ended.
    """

    def __init__(
        self, store: Store, connection: sqlite3.Connection, upto: int | None = None
    ) -> None:
        self._connection = connection
        self._snapshot = _snapshot(store, connection)
        self._size = len(self._snapshot.lengths)
        if upto is not None:
            self._size = max(0, min(self._size, upto + 1))
        self.lengths = self._snapshot.lengths[: self._size]

    def postings(self, terms: Sequence[str]) -> Mapping[str, Postings]:
        """Return the postings of the terms that any paper holds."""
        stored = table.postings(self._connection, terms)
        found = {}
        for term in terms:
            one = merge(
                unpack(stored.get(term, [])),
                self._snapshot.fresh.get(term, NONE),
                self._snapshot.hidden,
            )
            within = int(np.searchsorted(one.papers, self._size))
            if within:
                found[term] = Postings(one.papers[:within], one.counts[:within])
        return found

    def frequencies(self, terms: Sequence[str]) -> Mapping[str, int]:
        """Return how many papers hold each term; a changed paper may count twice."""
        found = table.frequencies(self._connection, terms)
        for term in terms:
            fresh = self._snapshot.fresh.get(term)
            if fresh is not None:
                found[term] = found.get(term, 0) + len(fresh)
        return found

    def beginning(self, prefix: str, shortest: int, longest: int) -> Sequence[tuple[str, int]]:
        """Return (term, papers) for the terms of such a beginning and length."""
        found = dict(table.beginning(self._connection, prefix, shortest, longest))
        for term, fresh in self._snapshot.fresh.items():
            if term.startswith(prefix) and shortest <= len(term) <= longest:
                found[term] = found.get(term, 0) + len(fresh)
        return sorted(found.items())

    def texts(self, papers: Sequence[int]) -> Sequence[Text]:
        """Return the texts of these papers in the given order."""
        found = {text.paper: text for text in _texts(table.texts(self._connection, papers))}
        return [found[paper] for paper in papers if paper in found]

    def words(self, papers: Sequence[int]) -> Sequence[bytes]:
        """Return the words of these papers in the given order, as ``ranking.reading.encode``."""
        found = table.words(self._connection, papers)
        # Those of a changed paper are still the old ones; a database of before has none at all.
        lacking = set(papers) - found.keys() | set(papers) & self._snapshot.changed
        for text in self.texts(sorted(lacking)):
            found[text.paper] = encode(text.title, text.abstract)
        return [found[paper] for paper in papers]


def refresh(store: Store) -> int:
    """Write the postings of every changed paper; return how many changes they now have.

    A chunk is read and taken to words outside the write lock. Where its papers changed meanwhile,
    or another process was faster, the chunk stays in the log for the next time.
    """
    with store.read() as connection:
        chunks = sorted({paper // CHUNK for paper in table.changed(connection)})
    return sum(_write_chunk(store, chunk) for chunk in chunks)


def _write_chunk(store: Store, chunk: int) -> int:
    first, end = chunk * CHUNK, (chunk + 1) * CHUNK
    with store.read() as connection:
        log = table.changed_between(connection, first, end)
        texts = list(_texts(table.texts_between(connection, first, end)))
        worded = table.worded_between(connection, first, end)
    lists, lengths = gather(texts)
    blobs = {term: pack(found, chunk) for term, found in lists.items()}
    stale = worded - lengths.keys() | {paper for _, paper in log}
    words = {
        text.paper: encode(text.title, text.abstract)
        for text in texts
        if text.paper in stale or text.paper not in worded
    }
    with store.write() as connection:
        if table.changed_between(connection, first, end) != log:
            return 0
        table.replace_chunk(connection, chunk, blobs, pack_lengths(lengths, chunk))
        table.replace_words(connection, stale - words.keys(), words)
        table.forget_changes(connection, [stamp for stamp, _ in log])
    return len(log)


def refresh_if_due(store: Store) -> None:
    """Write postings where so much changed that searching it from memory would be slow.

    A database that is being written by someone else, or cannot be, is searched as it is; so is
    one whose postings another search is just writing.
    """
    with store.read() as connection:
        due = table.version(connection)[1] >= WRITE_AT
    if due and _writing.acquire(blocking=False):
        try:
            with suppress(sqlite3.OperationalError):
                refresh(store)
        finally:
            _writing.release()


def _snapshot(store: Store, connection: sqlite3.Connection) -> Snapshot:
    version = table.version(connection)
    known = _known(store, version)
    if known is not None:
        return known
    with _reading:
        return _known(store, version) or _read_snapshot(store, connection, version)


def _known(store: Store, version: tuple[int, int]) -> Snapshot | None:
    with _lock:
        known = _snapshots.get(store)
    return known if known is not None and known.version == version else None


def _read_snapshot(
    store: Store, connection: sqlite3.Connection, version: tuple[int, int]
) -> Snapshot:
    hidden = table.changed(connection)
    fresh, fresh_lengths = gather(_texts(table.texts(connection, hidden)))
    stored = table.lengths(connection)
    size = max([(stored[-1][0] + 1) * CHUNK if stored else 0, *(paper + 1 for paper in hidden)])
    lengths = unpack_lengths(stored, size)
    lengths[hidden] = 0
    for paper, length in fresh_lengths.items():
        lengths[paper] = length
    made = Snapshot(version, lengths, np.array(hidden, np.int64), frozenset(hidden), fresh)
    with _lock:
        _snapshots[store] = made
    return made


def _texts(rows: Iterable[sqlite3.Row]) -> Iterable[Text]:
    for row in rows:
        yield Text(
            paper=row["id"],
            title=row["title"],
            abstract=row["abstract"],
            authors=tuple(json.loads(row["authors"])),
            categories=tuple(json.loads(row["categories"])),
        )
