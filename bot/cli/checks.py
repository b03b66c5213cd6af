"""What ``doctor`` looks at, each with a sentence and the next command."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from bot.cli.desk import Desk, now
from bot.domain import PaperwireError
from bot.services.checks import Check, check_database, check_store

__all__ = ["Check", "examine"]


def examine(desk: Desk) -> list[Check]:
    """Look at everything; a trouble in one place does not hide the others."""
    from bot.cli.connections import check_discord, check_email, check_slack
    from bot.cli.installation import check_backups, check_packages

    checks: list[Check] = []
    for look in (
        check_packages,
        _settings,
        _database,
        check_backups,
        _store,
        _platforms,
        check_slack,
        check_discord,
        check_email,
        _alerts,
    ):
        try:
            checks += look(desk)
        except (PaperwireError, sqlite3.Error) as error:
            checks.append(
                Check(look.__name__.removeprefix("check_").strip("_"), ok=False, words=str(error))
            )
            if look in {_settings, _database}:
                break
    return checks


def _settings(desk: Desk) -> Iterator[Check]:
    from bot.parts import channel_defaults
    from bot.settings import FILE_NAME

    settings = desk.settings
    channel_defaults(settings)
    path = settings.home / FILE_NAME
    if path.is_file():
        yield Check("settings", ok=True, words=str(path))
    else:
        words = f"built-in defaults; there is no {path}"
        yield Check("settings", ok=True, words=words, next_step="paperwire init")


def _database(desk: Desk) -> Iterator[Check]:
    return check_database(desk.store)


def _store(desk: Desk) -> Iterator[Check]:
    yield from check_store(desk.store, now())


def _platforms(desk: Desk) -> Iterator[Check]:
    from bot.parts import platform_names

    names = platform_names(desk.settings)
    if names == ("terminal",):
        yield Check(
            "platforms",
            ok=True,
            words="terminal only",
            next_step="paperwire init slack, or: paperwire init discord",
        )
    else:
        yield Check("platforms", ok=True, words=", ".join(names) or "none")


def _alerts(desk: Desk) -> Iterator[Check]:
    from bot.parts import build_tellers, platform_names
    from bot.services.alerts import has_readers, place_of

    where = desk.settings.watch.alert_channel
    if not where:
        words = "told to nobody; the log and this command say them"
        yield Check("alerts", ok=True, words=words, next_step="set watch.alert_channel")
        return
    place = place_of(where)
    build_tellers(desk.settings, {}, now)
    if place.platform not in platform_names(desk.settings):
        step = f"set {place.platform} up, or name another watch.alert_channel"
        yield Check("alerts", ok=False, words=f"{where}: not connected", next_step=step)
    elif has_readers(desk.store, place):
        step = "name a place of your own that gets no digests: watch.alert_channel"
        words = f"{where} gets digests, and troubles are not told to readers"
        yield Check("alerts", ok=False, words=words, next_step=step)
    else:
        yield Check("alerts", ok=True, words=where)
