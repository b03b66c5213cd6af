"""The sign of life of a running copy: a file that is touched while its loop turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain import PaperwireError

EVERY = timedelta(seconds=15)
LATE = timedelta(seconds=90)
_NAME = "paperwire.alive"


def beat(home: Path) -> None:
    """Show that the loop turns; the file's time is the sign."""
    (home / _NAME).touch()


def end(home: Path) -> None:
    """Take the sign away: a stopped copy is told from a stuck one."""
    (home / _NAME).unlink(missing_ok=True)


def feel(home: Path, now: datetime) -> str:
    """Return that a copy runs on this home; raises PaperwireError where none does, or it hangs."""
    path = home / _NAME
    try:
        last = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        raise PaperwireError(f"Paperwire does not run on {home}. Start it: paperwire run") from None
    except OSError as error:
        raise PaperwireError(
            f"{path} cannot be read ({error.strerror or error}). Check the folder's rights."
        ) from error
    age = now - last
    if age > LATE:
        raise PaperwireError(
            f"Paperwire on {home} gave its last sign of life {age.total_seconds():.0f} s ago. "
            "Start it again: paperwire run"
        )
    return f"Paperwire runs on {home}"
