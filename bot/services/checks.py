"""What stands in the store, looked at for an operator: a sentence each, and the next command."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import ChannelState, MessageState, PaperwireError
from bot.schedule import check_timezone, next_slot, parse
from bot.store import Store, channels, listings, outbox, papers

ASKED_LATELY = timedelta(days=2)
STALE_AFTER = timedelta(days=4)  # longer than any weekend with a holiday


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; ``next_step`` is a command or a deed, empty when nothing is to do."""

    name: str
    ok: bool
    words: str
    next_step: str = ""


def check_store(store: Store, now: datetime) -> list[Check]:
    """Look at sources, channels and outbox; a trouble in one place does not hide the others."""
    checks: list[Check] = []
    for look in (check_sources, check_channels, check_outbox):
        try:
            checks += look(store, now)
        except (PaperwireError, sqlite3.Error) as error:
            checks.append(Check(look.__name__.removeprefix("check_"), ok=False, words=str(error)))
    return checks


def check_database(store: Store) -> Iterator[Check]:
    """Say whether the database can be written and is whole."""
    with store.write() as connection:
        count = papers.count(connection)
        healthy = connection.execute("PRAGMA quick_check").fetchone()[0]
    path = store.path
    if healthy != "ok":
        yield Check(
            "database",
            ok=False,
            words=f"{path} is damaged: {healthy}",
            next_step="paperwire restore FILE, with a file of the folder backups",
        )
        return
    yield Check("database", ok=True, words=f"{path}, {count} papers, writable")


def check_sources(store: Store, now: datetime) -> Iterator[Check]:
    """Say which sources fail, and what was quarantined last."""
    with store.read() as connection:
        cursors = listings.cursors(connection)
        latest = listings.latest(connection, 1)
        quarantined = listings.quarantined(connection, 1)
    # A day that is not asked for any more needs nobody; of the others the newest says it all.
    asked = [c for c in cursors if c.fetched_at and now - c.fetched_at < ASKED_LATELY]
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


def check_channels(store: Store, now: datetime) -> Iterator[Check]:
    """Say when each channel gets its next digest, or why not."""
    with store.read() as connection:
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
            slot, _ = next_slot(parse(channel.schedule), check_timezone(channel.timezone), now)
            yield Check(
                name, ok=True, words=f"next digest {slot.replace('T', ' ')} {channel.timezone}"
            )


def check_outbox(store: Store, now: datetime) -> Iterator[Check]:
    """Say what waits and what was given up lately."""
    with store.read() as connection:
        counts = outbox.counts(connection)
        recent = outbox.traces(connection, [MessageState.ABANDONED], 1)
    waiting = counts.get(MessageState.PENDING, 0) + counts.get(MessageState.UNKNOWN, 0)
    sent = counts.get(MessageState.SENT, 0)
    words = f"{sent} sent, {waiting} waiting, {counts.get(MessageState.ABANDONED, 0)} abandoned"
    fresh = [t for t in recent if t.created_at and now - t.created_at < STALE_AFTER]
    if fresh:
        words += f"; last abandoned: {fresh[0].message.error}"
    yield Check(
        "outbox",
        ok=not fresh,
        words=words,
        next_step="paperwire outbox" if fresh or waiting else "",
    )
