"""Opening the database: one connection a thread, WAL, writes that take the lock first."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.domain import PaperwireError

BUSY_SECONDS = 30.0


class Store:
    """A SQLite file (or memory) with the schema of this version.

    ``Store(None)`` keeps everything in memory and belongs to the thread that made it.
    Raises PaperwireError where the file cannot be opened, written, or is newer than we are.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._opened_lock = threading.Lock()
        self._in_use = 0  # transactions open now, over all threads
        self._turn = threading.Condition()
        self._write_lock = threading.Lock()
        self._prepare()

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection; SQLite connections do not change threads."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._open()
            self._local.connection = found
        return found

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run one write transaction; nested calls join the outer one.

        The lock is taken at the start (BEGIN IMMEDIATE): a deferred transaction that reads first
        can lose the race for the lock in the middle, and then nothing can be retried.
        Raises RuntimeError inside ``read``, which would take the write back with it.
        """
        connection = self.connection()
        if connection.in_transaction:
            if not getattr(self._local, "writing", False):
                raise RuntimeError("a write transaction cannot begin inside a read")
            yield connection
            return
        with self._using(), self._turn_to_write():
            connection.execute("BEGIN IMMEDIATE")
            self._local.writing = True
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            finally:
                self._local.writing = False

    @contextmanager
    def write_unchecked(self) -> Iterator[sqlite3.Connection]:
        """Run one write transaction in which SQLite does not ask who refers to a deleted row.

        For deletions that have made sure of that: where the referring column has no index, each
        asking reads a whole table. Raises RuntimeError inside another transaction.
        """
        connection = self.connection()
        if connection.in_transaction:
            raise RuntimeError("references cannot be left unchecked inside a transaction")
        connection.execute("PRAGMA foreign_keys = OFF")
        try:
            with self.write():
                yield connection
        finally:
            connection.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Run one read transaction: every query in it sees the same moment."""
        connection = self.connection()
        if connection.in_transaction:
            yield connection
            return
        with self._using():
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        # SQLite lets who waits sleep, ever longer, and look again; our own threads take turns.
        if not self._write_lock.acquire(timeout=BUSY_SECONDS):
            raise sqlite3.OperationalError("database is locked")
        try:
            yield
        finally:
            self._write_lock.release()

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._turn:
            self._in_use += 1
        try:
            yield
        finally:
            with self._turn:
                self._in_use -= 1
                self._turn.notify_all()

    def optimise(self) -> None:
        """Let SQLite refresh what its planner knows, where that has changed."""
        # Outside a write transaction it would not wait for who writes, but fail at once.
        with self.write() as connection:
            connection.execute("PRAGMA analysis_limit = 400")  # rows of an index, not all
            connection.execute("PRAGMA optimize")

    def close(self) -> None:
        """Close every connection; the store is not to be used afterwards.

        Waits for open transactions: SQLite brings the process down when a connection is closed
        while another thread is in the middle of a query on it.
        """
        with self._turn:
            if not self._turn.wait_for(lambda: self._in_use == 0, timeout=BUSY_SECONDS):
                return  # the end of the process closes what is still at work
        with self._opened_lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
        self._local = threading.local()

    def _open(self) -> sqlite3.Connection:
        target = ":memory:" if self.path is None else str(self.path)
        # close() may be called from another thread than the one that opened; nothing else crosses.
        connection = sqlite3.connect(
            target, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
        )
        connection.row_factory = sqlite3.Row
        with self._opened_lock:
            self._opened.append(connection)
        _use_wal(connection)
        for pragma in (
            "synchronous = FULL",  # a post that left must not be forgotten by a power cut
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -32000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _prepare(self) -> None:
        from bot.store.schema import migrate

        try:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # For its owner only: it may hold a workspace's token. SQLite's logs follow suit.
                os.close(os.open(self.path, os.O_CREAT | os.O_RDONLY, 0o600))
                # SQLite would open it for reading, and fail in the middle of the first deed.
                if self.path.exists() and not os.access(self.path, os.W_OK):
                    raise PermissionError("it is not writable")
            migrate(self.connection())
        except PaperwireError:
            self.close()
            raise
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise PaperwireError(
                f"The database {self.path} cannot be used ({error}). "
                "Check that its folder exists and is writable, or set PAPERWIRE_HOME to another."
            ) from error


def _use_wal(connection: sqlite3.Connection) -> None:
    # Whoever switches a new file to WAL needs it alone for a moment, and SQLite does not wait.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
