"""What ``doctor`` says about the installation itself: its packages, its back-ups, its pulse."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot import pulse
from bot.domain import PaperwireError

if TYPE_CHECKING:
    from bot.cli.checks import Check
    from bot.cli.desk import Desk


def find_ranking() -> Path:
    """Return the folder that ``import ranking`` takes; raises PaperwireError if it is not ours.

    A distribution named ``ranking`` claims the same import name. It is not ours, and where it
    comes first nothing works.
    """
    import bot

    ours = Path(bot.__file__).resolve().parent.parent / "ranking"
    spec = importlib.util.find_spec("ranking")
    found = Path(spec.origin).resolve() if spec is not None and spec.origin else None
    if found is None:
        raise PaperwireError(
            f"The package ranking is missing beside {ours.parent / 'bot'}. "
            "Install Paperwire again: pip install --force-reinstall paperwire"
        )
    if found.parent != ours:
        raise PaperwireError(
            f"Python finds another 'ranking' first ({found}); Paperwire's own is {ours}. "
            "If it is the unrelated distribution of that name, remove it: pip uninstall ranking. "
            "Otherwise take its folder out of PYTHONPATH, or start elsewhere."
        )
    return ours


def check_packages(desk: Desk) -> Iterator[Check]:  # noqa: ARG001  every check is given the desk
    """Say where the packages come from (bot.cli.checks)."""
    from bot import __version__
    from bot.cli.checks import Check

    yield Check("packages", ok=True, words=f"Paperwire {__version__}, from {find_ranking().parent}")


def check_backups(desk: Desk) -> Iterator[Check]:
    """Say how old the newest back-up is (bot.cli.checks)."""
    from bot.cli.checks import Check
    from bot.cli.desk import now
    from bot.services.backup import rotated

    wanted, folder = desk.settings.backup, desk.settings.backup_folder
    if not wanted.enabled:
        yield Check("back-ups", ok=True, words="left to you (backup.enabled is false)")
        return
    found = rotated(folder)
    if not found:
        words = f"none yet in {folder}; 'paperwire run' makes one every {wanted.every_hours} h"
        yield Check("back-ups", ok=True, words=words, next_step="paperwire backup")
        return
    age = now() - found[-1][0]
    words = f"{len(found)} in {folder}, the newest {max(0, round(age / timedelta(hours=1)))} h old"
    if age <= 2 * timedelta(hours=wanted.every_hours):
        yield Check("back-ups", ok=True, words=words)
        return
    try:
        pulse.feel(desk.settings.home, now())
    except PaperwireError:
        yield Check("back-ups", ok=True, words=f"{words}; Paperwire is not running")
    else:
        # Running, and still not made: the log says why.
        yield Check("back-ups", ok=False, words=words, next_step="paperwire backup")
