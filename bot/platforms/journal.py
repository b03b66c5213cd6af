"""A channel's own history: one file of JSON lines, on the disk before anyone is told so.

Several processes may share a file; each reads what the others added. A line torn by a crash was
never acknowledged: it does not count, and the next write removes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.domain import ChannelState, PaperwireError, Post, Signal
from bot.ports import Rejected, Retry, SendOutcome, Sent, Standing, Unknown
from bot.render import post_from_json, post_to_json

try:
    import fcntl
except ImportError:  # a system without it has one process to a folder
    fcntl = None  # type: ignore[assignment]  # the module or nothing: asked for before each use


RETRY_SECONDS = 30.0


class NotWrittenError(OSError):
    """The line is provably not in the journal."""


class UncertainWriteError(OSError):
    """The line was handed to the disk and the disk did not confirm it."""


class DamagedJournalError(PaperwireError):
    """A line in the middle cannot be read, or the file is no file: a person has to look."""


@dataclass(frozen=True, slots=True)
class Posted:
    """One message of the history, in the order it was posted; shared replies have no key."""

    remote_id: str
    key: str
    post: Post
    parent: str | None


@dataclass(frozen=True, slots=True)
class _Reaction:
    remote_id: str
    standing: Standing
    on: bool


def journal_path(folder: Path, address: str) -> Path:
    """Return the file of an address: readable, unique, and inside the folder for any text."""
    slug = re.sub(r"[^a-z0-9_-]+", "-", address.lower()).strip("-")[:40]
    mark = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return folder / f"{slug or 'channel'}-{mark}.jsonl"


def send_once(
    journal: Journal, key: str, post: Post, parent: str | None
) -> tuple[SendOutcome, bool]:
    """Add a message and say how it went in the words of the ports; True where it is a new one."""
    try:
        posted, fresh = journal.post(key, post, parent)
    except DamagedJournalError as trouble:
        return Rejected(str(trouble), ChannelState.UNREACHABLE), False
    except UncertainWriteError as trouble:
        return Unknown(f"the disk did not confirm the post: {trouble}"), False
    except OSError as trouble:
        return Retry(f"the post could not be written: {trouble}", after=RETRY_SECONDS), False
    return Sent(posted.remote_id), fresh


class Journal:
    """The history of one address; with no path it lives as long as the object."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._offset = 0  # bytes read so far, always at a line's end
        self._lines = 0
        self._posts: dict[str, Posted] = {}
        self._by_key: dict[str, Posted] = {}
        self._standing: dict[str, dict[tuple[str, Signal, int | None], Standing]] = {}

    def post(self, key: str, post: Post, parent: str | None) -> tuple[Posted, bool]:
        """Add a message; return it and True, or the first with this key and False.

        Raises NotWrittenError, UncertainWriteError or DamagedJournalError.
        """
        with self._guard, self._open(write=True) as file:
            first = self._by_key.get(key) if key else None
            if first is not None:
                return first, False
            posted = Posted(f"{len(self._posts) + 1}.{key or 'reply'}", key, post, parent)
            self._write(file, posted)
            return posted, True

    def react(self, remote_id: str, standing: Standing, *, on: bool) -> bool:
        """Record a reaction given or taken back; False where that was so already.

        Raises KeyError for an unknown message, and what ``post`` raises.
        """
        with self._guard, self._open(write=True) as file:
            if remote_id not in self._posts:
                raise KeyError(remote_id)
            if (_identity(standing) in self._standing.get(remote_id, {})) == on:
                return False
            self._write(file, _Reaction(remote_id, standing, on))
            return True

    def find(self, key: str) -> Posted | None:
        """Return the message with this key."""
        with self._guard, self._open(write=False):
            return self._by_key.get(key)

    def posts(self) -> tuple[Posted, ...]:
        """Return every message, oldest first."""
        with self._guard, self._open(write=False):
            return tuple(self._posts.values())

    def standing(self, remote_id: str) -> tuple[Standing, ...] | None:
        """Return the reactions that stand on a message; None where there is no such message."""
        with self._guard, self._open(write=False):
            if remote_id not in self._posts:
                return None
            return tuple(self._standing.get(remote_id, {}).values())

    # --- the file

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[int | None]:
        """Lock the file against other processes and read what they added; yield its descriptor."""
        if self._path is None:
            yield None
            return
        try:
            if write:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            else:
                file = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError as trouble:
            if write:
                raise NotWrittenError(trouble.errno, trouble.strerror, str(self._path)) from trouble
            self._forget()
            yield None
            return
        except (IsADirectoryError, NotADirectoryError, FileExistsError) as trouble:
            raise DamagedJournalError(
                f"the history {self._path} cannot be a file "
                f"({trouble.strerror}); move what stands in its place aside"
            ) from trouble
        except OSError as trouble:
            raise NotWrittenError(trouble.errno, trouble.strerror, str(self._path)) from trouble
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
            size = os.fstat(file).st_size
            if size < self._offset:
                self._forget()
            if size > self._offset:
                self._read(file, size)
                if write and self._offset < size:
                    os.ftruncate(file, self._offset)
            yield file
        finally:
            with suppress(OSError):  # what had to be kept is on the disk already
                os.close(file)

    def _read(self, file: int, size: int) -> None:
        added = _read_bytes(file, self._offset, size - self._offset)
        lines = added.split(b"\n")
        for index, line in enumerate(lines[:-1]):
            try:
                record = _from_line(line)
            except (ValueError, TypeError, KeyError, AttributeError, PaperwireError) as trouble:
                if not any(lines[index + 1 :]):
                    return  # the last line, torn
                raise DamagedJournalError(
                    f"line {self._lines + 1} of the history {self._path} cannot be "
                    f"read ({type(trouble).__name__}); remove that line, or move the file aside"
                ) from trouble
            self._apply(record)
            self._offset += len(line) + 1
            self._lines += 1

    def _write(self, file: int | None, record: Posted | _Reaction) -> None:
        line = _to_line(record)
        if file is not None:
            start = os.fstat(file).st_size
            try:
                _write_bytes(file, line)
            except OSError as trouble:
                _or_uncertain(lambda: os.ftruncate(file, start))
                raise NotWrittenError(trouble.errno, trouble.strerror) from trouble
            _or_uncertain(lambda: os.fsync(file))
            if start == 0 and self._path is not None:
                _sync_folder(self._path.parent)
            self._offset = start + len(line)
        self._lines += 1
        self._apply(record)

    def _apply(self, record: Posted | _Reaction | None) -> None:
        if isinstance(record, Posted):
            self._posts[record.remote_id] = record
            if record.key:
                self._by_key.setdefault(record.key, record)
        elif isinstance(record, _Reaction):
            stands = self._standing.setdefault(record.remote_id, {})
            if record.on:
                stands[_identity(record.standing)] = record.standing
            else:
                stands.pop(_identity(record.standing), None)


def _identity(standing: Standing) -> tuple[str, Signal, int | None]:
    return standing.person_id, standing.signal, standing.number


def _to_line(record: Posted | _Reaction) -> bytes:
    stored: dict[str, object]
    if isinstance(record, Posted):
        stored = {
            "event": "post",
            "id": record.remote_id,
            "key": record.key,
            "parent": record.parent,
            "post": json.loads(post_to_json(record.post)),
        }
    else:
        stored = {
            "event": "reaction",
            "id": record.remote_id,
            "person": record.standing.person_id,
            "signal": record.standing.signal.value,
            "number": record.standing.number,
            "on": record.on,
        }
    return json.dumps(stored, separators=(",", ":")).encode("ascii") + b"\n"


def _from_line(line: bytes) -> Posted | _Reaction | None:
    stored = json.loads(line)
    if stored["event"] == "post":
        post = post_from_json(json.dumps(stored["post"]))
        return Posted(stored["id"], stored["key"], post, stored["parent"])
    if stored["event"] == "reaction":
        standing = Standing(stored["person"], Signal(stored["signal"]), stored["number"])
        return _Reaction(stored["id"], standing, stored["on"])
    return None  # written by a later version: not ours to judge


def _read_bytes(file: int, start: int, length: int) -> bytes:
    os.lseek(file, start, os.SEEK_SET)
    parts: list[bytes] = []
    while length > 0 and (part := os.read(file, length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _write_bytes(file: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(file, rest) :]


def _or_uncertain(deed: Callable[[], None]) -> None:
    try:
        deed()
    except OSError as trouble:
        raise UncertainWriteError(trouble.errno, trouble.strerror) from trouble


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its content, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
