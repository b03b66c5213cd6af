"""The stored postings as a collection to search, with what changed since they were written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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

WRITE_AT = 5_000  # changes searched from memory before a search itself writes postings
WORTH_WRITING = 200  # changes that the service writes when it has the time


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What does not change between two changes of the papers: lengths, and the changed papers."""

    version: tuple[int, int]
    lengths: NDArray[np.uint16]
    hidden: NDArray[np.int64]
    changed: frozenset[int]  # the hidden papers once more
    fresh: Mapping[str, Postings]
    words: dict[int, bytes]  # of changed papers, as they are asked for


_snapshots: WeakKeyDictionary[Store, Snapshot] = WeakKeyDictionary()
_filled: WeakKeyDictionary[Store, int] = WeakKeyDictionary()  # how many are at it
_lock = Lock()
_reading = Lock()
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
        snapshot = self._snapshot
        # What is written of a changed paper is old; a database of before has none at all.
        found = {paper: snapshot.words[paper] for paper in papers if paper in snapshot.words}
        found |= table.words(
            self._connection, [paper for paper in papers if paper not in snapshot.changed]
        )
        for text in self.texts([paper for paper in papers if paper not in found]):
            found[text.paper] = encode(text.title, text.abstract)
            if text.paper in snapshot.changed:
                snapshot.words[text.paper] = found[text.paper]
        # Who goes by an older snapshot may still name a paper that is gone.
        return [found.get(paper, b"") for paper in papers]


def refresh(store: Store, between: Callable[[], None] = lambda: None) -> int:
    """Write the postings of every changed paper; return how many changes they now have.

    ``between`` is called every few papers, in no write transaction, and may wait.

    A chunk is read and taken to words outside the write lock. Where its papers changed meanwhile,
    or another process was faster, the chunk stays in the log for the next time.
    """
    with store.read() as connection:
        chunks = sorted({paper // CHUNK for paper in table.changed(connection)})
    return sum(_write_chunk(store, chunk, between) for chunk in chunks)


def _write_chunk(store: Store, chunk: int, between: Callable[[], None]) -> int:
    first, end = chunk * CHUNK, (chunk + 1) * CHUNK
    with store.read() as connection:
        log = table.changed_between(connection, first, end)
        texts = list(_texts(table.texts_between(connection, first, end)))
        worded = table.worded_between(connection, first, end)
    lists, lengths = gather(texts, between)
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


def refresh_if_due(
    store: Store, at: int = WRITE_AT, between: Callable[[], None] = lambda: None
) -> None:
    """Write postings where so many changes make searching them from memory slow.

    A database that is being written by someone else, or cannot be, is searched as it is; so is
    one whose postings another search is just writing.
    """
    with store.read() as connection:
        due = table.version(connection)[1] >= at
    if due and _writing.acquire(blocking=False):
        try:
            with suppress(sqlite3.OperationalError):
                refresh(store, between)
        finally:
            _writing.release()


@contextmanager
def filling(store: Store) -> Iterator[None]:
    """Say that papers come in, and that their postings are written before this ends.

    Where many came in at once, searches leave them to that writing and go by what was known
    before; a few are found at once as ever.
    """
    with _lock:
        _filled[store] = _filled.get(store, 0) + 1
    try:
        yield
    finally:
        with _lock:
            _filled[store] -= 1


def _snapshot(store: Store, connection: sqlite3.Connection) -> Snapshot:
    version = table.version(connection)
    known = _known(store)
    if known is not None:
        many = version[0] - known.version[0] > WORTH_WRITING
        if known.version == version or (many and _filled.get(store)):
            return known
    # One search reads what changed. The others meanwhile go by what was known before it, if
    # anything was: papers that came since are not in its lengths, and so are found by nobody.
    if known is None:
        _reading.acquire()
    elif not _reading.acquire(blocking=False):
        return known
    try:
        known = _known(store)
        if known is not None and known.version == version:
            return known
        return _read_snapshot(store, connection, version)
    finally:
        _reading.release()


def _known(store: Store) -> Snapshot | None:
    with _lock:
        return _snapshots.get(store)


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
    made = Snapshot(version, lengths, np.array(hidden, np.int64), frozenset(hidden), fresh, {})
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
