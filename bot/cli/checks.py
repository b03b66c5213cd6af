"""What ``doctor`` looks at, each with a sentence and the next command."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot.cli.desk import Desk, now
from bot.domain import ChannelState, MessageState, PaperwireError

ASKED_LATELY = timedelta(days=2)
STALE_AFTER = timedelta(days=4)  # longer than any weekend with a holiday


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; ``next_step`` is a command or a deed, empty when nothing is to do."""

    name: str
    ok: bool
    words: str
    next_step: str = ""


def examine(desk: Desk) -> list[Check]:
    """Look at everything; a trouble in one place does not hide the others."""
    from bot.cli.connections import check_discord, check_slack
    from bot.cli.installation import check_backups, check_packages

    checks: list[Check] = []
    for look in (
        check_packages,
        _settings,
        _database,
        check_backups,
        _sources,
        _channels,
        _outbox,
        _platforms,
        check_slack,
        check_discord,
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
    from bot.store import papers

    with desk.store.write() as connection:
        count = papers.count(connection)
        healthy = connection.execute("PRAGMA quick_check").fetchone()[0]
    path = desk.settings.database_path
    if healthy != "ok":
        yield Check(
            "database",
            ok=False,
            words=f"{path} is damaged: {healthy}",
            next_step="paperwire restore FILE, with a file of the folder backups",
        )
        return
    yield Check("database", ok=True, words=f"{path}, {count} papers, writable")


def _sources(desk: Desk) -> Iterator[Check]:
    from bot.store import listings

    with desk.store.read() as connection:
        cursors = listings.cursors(connection)
        latest = listings.latest(connection, 1)
        quarantined = listings.quarantined(connection, 1)
    # A day that is not asked for any more needs nobody; of the others the newest says it all.
    asked = [c for c in cursors if c.fetched_at and now() - c.fetched_at < ASKED_LATELY]
    failing = {cursor.source: cursor for cursor in asked if cursor.failures}
    for cursor in failing.values():
        since = cursor.succeeded_at.date() if cursor.succeeded_at else "never"
        yield Check(
            f"source {cursor.source}",
            ok=False,
            words=f"{cursor.url}: {cursor.error} ({cursor.failures} tries, last good {since})",
            next_step="check the address and the network, then: paperwire run --once",
        )
    if not latest:
        yield Check(
            "sources",
            ok=True,
            words="no listing was read yet",
            next_step="paperwire run --once, or read a file: paperwire ingest PATH",
        )
    elif not failing:
        received = latest[0]["received_at"][:16].replace("T", " ")
        yield Check("sources", ok=True, words=f"last listing {received} ({latest[0]['source']})")
    if quarantined:
        row = quarantined[0]
        words = (
            f"last: {row['source']}, entry {row['position']} of {row['location']}: {row['reason']}"
        )
        yield Check("quarantine", ok=True, words=words)


def _channels(desk: Desk) -> Iterator[Check]:
    from bot.schedule import check_timezone, next_slot, parse
    from bot.store import channels

    with desk.store.read() as connection:
        every = channels.every(connection)
    serving = [channel for channel in every if channel.state is not ChannelState.LEFT]
    if not serving:
        yield Check(
            "channels",
            ok=True,
            words="nobody is subscribed yet",
            next_step="paperwire chat, then: subscribe low-resource translation",
        )
    for channel in serving:
        name = f"channel {channel.platform}:{channel.name}"
        if channel.state is ChannelState.UNREACHABLE:
            yield Check(
                name,
                ok=False,
                words=f"unreachable: {channel.state_reason}",
                next_step="give the bot access again; it goes on by itself",
            )
        elif channel.state is ChannelState.PAUSED:
            yield Check(name, ok=True, words="paused; /papers resume starts it again")
        else:
            slot, _ = next_slot(parse(channel.schedule), check_timezone(channel.timezone), now())
            yield Check(
                name, ok=True, words=f"next digest {slot.replace('T', ' ')} {channel.timezone}"
            )


def _outbox(desk: Desk) -> Iterator[Check]:
    from bot.store import outbox

    with desk.store.read() as connection:
        counts = outbox.counts(connection)
        recent = outbox.traces(connection, [MessageState.ABANDONED], 1)
    waiting = counts.get(MessageState.PENDING, 0) + counts.get(MessageState.UNKNOWN, 0)
    sent = counts.get(MessageState.SENT, 0)
    words = f"{sent} sent, {waiting} waiting, {counts.get(MessageState.ABANDONED, 0)} abandoned"
    fresh = [t for t in recent if t.created_at and now() - t.created_at < STALE_AFTER]
    if fresh:
        words += f"; last abandoned: {fresh[0].message.error}"
    yield Check(
        "outbox",
        ok=not fresh,
        words=words,
        next_step="paperwire outbox" if fresh or waiting else "",
    )


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
