"""Whether the database fits this program, and making it fit."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bot.domain import PaperwireError
from bot.store import Store, snapshot
from bot.store.snapshot import Standing


def standing_of(database: Path) -> Standing | None:
    """Compare the database with this program, changing nothing; None where there is none yet.

    Raises PaperwireError when it is newer than the program, or no database of Paperwire's.
    """
    if not database.is_file():
        return None
    try:
        standing = snapshot.standing(database)
    except sqlite3.Error as error:
        raise PaperwireError(
            f"The database {database} cannot be read ({error}). "
            "Restore a back-up: paperwire restore FILE"
        ) from error
    if standing.newer:
        raise PaperwireError(
            f"The database {database} was written by a newer Paperwire (it has "
            f"{standing.newer[-1]}). Install that version again, or go back to a back-up made by "
            "this one: paperwire restore FILE"
        )
    return standing


def bring_up(database: Path) -> None:
    """Apply what is pending. Raises PaperwireError where the file cannot be written."""
    Store(database).close()
