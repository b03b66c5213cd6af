"""Back-ups: made while the database is in use, proved before they count, restored with care."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from bot.domain import Channel, Digest, DigestKind, PaperwireError
from bot.schedule import check_timezone, due_slot
from bot.schedule import parse as parse_schedule
from bot.store import Store, channels, digests, gap, snapshot

log = structlog.get_logger(__name__)

_ROTATED = re.compile(r"paperwire-(\d{8}T\d{6}Z)\.db")
_STAMP = "%Y%m%dT%H%M%SZ"
_SIDE_FILES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Made:
    """A back-up that was proved whole."""

    path: Path
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. ``replaced`` is where the former database went, None without one."""

    made_at: datetime
    replaced: Path | None
    rows: dict[str, int]  # by table, as the back-up had them
    doubted: int  # open messages that are asked for before they are sent
    channels: tuple[str, ...]  # whose last slot counts as done


def name_at(now: datetime) -> str:
    """Return the file name of a back-up that takes part in the rotation."""
    return f"paperwire-{now.astimezone(UTC):{_STAMP}}.db"


def back_up(database: Path, target: Path, now: datetime) -> Made:
    """Copy a database that may be in use to ``target``, which appears whole or not at all.

    Raises PaperwireError when there is nothing to copy, the copy is damaged, or ``target`` is
    already there or cannot be written.
    """
    if not database.is_file():
        raise PaperwireError(
            f"There is no database {database} to back up. "
            "Name the home folder with --home or PAPERWIRE_HOME."
        )
    if target.exists():
        raise PaperwireError(f"{target} is already there. Name another file.")
    with _telling(f"The back-up {target} cannot be made"), _growing(target) as partial:
        snapshot.copy_into(database, partial, now)
        _prove(partial, f"The database {database}")
    return Made(target, target.stat().st_size)


def rotate(
    database: Path, folder: Path, now: datetime, *, every: timedelta, keep: int
) -> Made | None:
    """Back up when the newest back-up is older than ``every``, then drop all but ``keep``.

    Returns None when none is due. Only files of our own naming are ever dropped.
    """
    moments = [moment for moment, _ in rotated(folder)]
    if moments and now - moments[-1] < every:
        return None
    made = back_up(database, folder / name_at(now), now)
    for _, path in rotated(folder)[:-keep]:
        path.unlink(missing_ok=True)
    log.info("backed_up", path=str(made.path), bytes=made.size)
    return made


def rotated(folder: Path) -> list[tuple[datetime, Path]]:
    """Return the rotating back-ups of a folder, the oldest first."""
    return sorted(
        (datetime.strptime(named[1], _STAMP).replace(tzinfo=UTC), path)
        for path in folder.glob("paperwire-*.db")
        if (named := _ROTATED.fullmatch(path.name))
    )


def back_up_before_upgrade(database: Path, folder: Path, now: datetime) -> Made | None:
    """Keep the database as it was before its migrations; None when there are none to run."""
    if not database.is_file():
        return None
    with _telling(f"The database {database} cannot be read"):
        standing = snapshot.standing(database)
    if not standing.applied or not standing.pending or standing.newer:
        return None
    name = f"before-{standing.pending[0]}-{now.astimezone(UTC):{_STAMP}}.db"
    made = back_up(database, folder / name, now)
    log.info("backed_up_before_upgrade", path=str(made.path), migrations=standing.pending)
    return made


def restore(
    database: Path, backup: Path, now: datetime, *, nothing_posted_since: bool = False
) -> Restored:
    """Put a back-up in the place of the database; nothing may be using it.

    The former database is kept beside it. What may have been posted since the back-up was made
    is not posted again, unless ``nothing_posted_since``. Raises PaperwireError, having changed
    nothing, for a file that is no whole back-up or is newer than this program.
    """
    made_at = _check_backup(backup) or now
    with _telling(f"{backup} cannot be restored"), _growing(database, replacing=True) as fresh:
        shutil.copyfile(backup, fresh)
        rows = snapshot.count_rows(fresh)
        doubted, named = _settle(fresh, made_at, now, nothing_posted_since=nothing_posted_since)
        _prove(fresh, f"The back-up {backup}")
        replaced = _set_aside(database, now)
    return Restored(made_at, replaced, rows, doubted, named)


def _check_backup(backup: Path) -> datetime | None:
    if not backup.is_file():
        raise PaperwireError(f"There is no back-up {backup}. Name a file that exists.")
    try:
        standing = snapshot.standing(backup)
        fault = snapshot.find_fault(backup)
    except sqlite3.Error as error:
        raise PaperwireError(
            f"{backup} is no whole SQLite database ({error}). Name another back-up."
        ) from error
    if fault:
        raise PaperwireError(f"{backup} is damaged: {fault}. Name another back-up.")
    if standing.newer:
        raise PaperwireError(
            f"{backup} was made by a newer Paperwire (it has {standing.newer[-1]}). "
            "Upgrade Paperwire first, or name an older back-up."
        )
    if not standing.applied:
        raise PaperwireError(f"{backup} is no database of Paperwire's. Name another file.")
    return snapshot.made_at(backup)


def _settle(
    path: Path, made_at: datetime, now: datetime, *, nothing_posted_since: bool
) -> tuple[int, tuple[str, ...]]:
    store = Store(path)
    try:
        with store.write() as connection:
            if nothing_posted_since:
                return 0, ()
            doubted = gap.doubt_open_messages(connection)
            serving = channels.every(connection, serving=True)
            missed = gap.Gap(made_at, now, ())
            gap.set_runners_up_aside(connection, missed)
            numbers: list[int] = []
            names: list[str] = []
            for channel in serving:
                number = _close_slot(connection, channel, missed)
                if number is not None:
                    numbers.append(number)
                    names.append(f"{channel.platform}:{channel.name or channel.address}")
            missed = replace(missed, digests=tuple(numbers))
            gap.set_recent_aside(connection, missed)
            gap.remember(connection, missed)
            return doubted, tuple(names)
    finally:
        store.close()
        snapshot.fold_log(path)


def _close_slot(connection: sqlite3.Connection, channel: Channel, missed: gap.Gap) -> int | None:
    """Take the last slot up to the restore as done, where one came; return its digest."""
    last = digests.last(connection, channel.id)
    due = due_slot(
        parse_schedule(channel.schedule),
        check_timezone(channel.timezone),
        last.slot if last else None,
        missed.until,
        since=channel.scheduled_at or missed.since,
    )
    if due is None:
        return None
    note = f"not planned: restored from a back-up of {missed.since:%Y-%m-%d %H:%M} UTC"
    digest = Digest(
        0, channel.id, due.slot, DigestKind.DAILY, missed.until, considered=0, chosen=0, note=note
    )
    return digests.insert(connection, digest, upto=digests.head(connection), quiet=False)


def _set_aside(database: Path, now: datetime) -> Path | None:
    """Keep the former database under another name; it stays in place until it is replaced."""
    if not database.exists():
        return None
    aside = database.with_name(f"{database.name}.replaced-{now.astimezone(UTC):{_STAMP}}")
    try:
        snapshot.fold_log(database)
    except sqlite3.Error as error:
        # Damaged: that may be why it is replaced. It is kept as it is, with its log.
        log.warning("log_not_folded", path=str(database), error=str(error))
    for suffix in _SIDE_FILES:
        side = database.with_name(database.name + suffix)
        if side.exists():
            # A log left beside the new file would be replayed into it.
            side.rename(aside.with_name(aside.name + suffix))
    try:
        os.link(database, aside)
    except OSError:  # a file system without hard links
        database.rename(aside)
    return aside


def _prove(path: Path, subject: str) -> None:
    fault = snapshot.find_fault(path)
    if fault:
        raise PaperwireError(
            f"{subject} is damaged: {fault}. Restore a back-up that is whole: "
            "paperwire restore FILE"
        )


@contextmanager
def _growing(target: Path, *, replacing: bool = False) -> Iterator[Path]:
    """Yield a private empty file that takes ``target``'s name when the block ends well."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _drop(partial)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield partial
        _flush(partial)
        if not replacing and target.exists():
            raise PaperwireError(f"{target} is already there. Name another file.")
        partial.replace(target)
        _flush(target.parent)
    finally:
        _drop(partial)


def _drop(path: Path) -> None:
    for suffix in ("", *_SIDE_FILES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _flush(path: Path) -> None:
    if os.name != "posix" and path.is_dir():  # folders cannot be opened there
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _telling(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PaperwireError(
            f"{what} ({said}). Check that there is room and that the folder is writable."
        ) from error
