"""Channels: who gets digests, with what settings, and in which state."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime

from bot import profiles
from bot.domain import Channel, ChannelState, Layout, Mode, Place
from bot.store.times import to_text, to_time

_COLUMNS = (
    "platform, address, name, private, profile, timezone, schedule, size, threshold, sources,"
    " layout, mode, you_missed, quiet_note, explore, prefer_source_summary, state, state_reason,"
    " created_at, scheduled_at"
)


def insert(
    connection: sqlite3.Connection, channel: Channel, *, private: bool, now: datetime
) -> Channel:
    """Store a new channel and return it with its number."""
    channel = replace(channel, created_at=now, scheduled_at=now)
    values = {**_values(channel), "private": int(private), "created_at": to_text(now)}
    marks = ", ".join(f":{name.strip()}" for name in _COLUMNS.split(","))
    cursor = connection.execute(f"INSERT INTO channels ({_COLUMNS}) VALUES ({marks})", values)
    return replace(channel, id=int(cursor.lastrowid or 0))


def update(connection: sqlite3.Connection, channel: Channel) -> None:
    """Write everything that may change about a channel."""
    values = _values(channel)
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(
        f"UPDATE channels SET {assignments} WHERE id = :id", {**values, "id": channel.id}
    )


def set_state(
    connection: sqlite3.Connection, channel_id: int, state: ChannelState, reason: str
) -> None:
    """Say in which state a channel is, and why."""
    connection.execute(
        "UPDATE channels SET state = ?, state_reason = ? WHERE id = ?", (state, reason, channel_id)
    )


def channel(connection: sqlite3.Connection, channel_id: int) -> Channel | None:
    """Return one channel, or None."""
    row = connection.execute("SELECT * FROM channels WHERE id = ?", (channel_id,)).fetchone()
    return None if row is None else row_to_channel(row)


def at(connection: sqlite3.Connection, place: Place) -> Channel | None:
    """Return the channel of a place, whatever its state, or None."""
    row = connection.execute(
        "SELECT * FROM channels WHERE platform = ? AND address = ?",
        (place.platform, place.address),
    ).fetchone()
    return None if row is None else row_to_channel(row)


def every(connection: sqlite3.Connection, *, serving: bool = False) -> tuple[Channel, ...]:
    """Return all channels, or those that digests are planned for."""
    where = "WHERE state IN ('active', 'unreachable')" if serving else ""
    rows = connection.execute(f"SELECT * FROM channels {where} ORDER BY id")
    return tuple(row_to_channel(row) for row in rows)


def row_to_channel(row: sqlite3.Row) -> Channel:
    """Make a Channel of a row of ``channels``."""
    return Channel(
        id=row["id"],
        platform=row["platform"],
        address=row["address"],
        name=row["name"],
        profile=profiles.parse(row["profile"]),
        timezone=row["timezone"],
        schedule=row["schedule"],
        size=row["size"],
        threshold=row["threshold"],
        sources=tuple(json.loads(row["sources"])),
        layout=Layout(row["layout"]),
        mode=Mode(row["mode"]),
        you_missed=bool(row["you_missed"]),
        quiet_note=bool(row["quiet_note"]),
        explore=bool(row["explore"]),
        prefer_source_summary=bool(row["prefer_source_summary"]),
        state=ChannelState(row["state"]),
        state_reason=row["state_reason"],
        created_at=to_time(row["created_at"]),
        scheduled_at=to_time(row["scheduled_at"]),
    )


def _values(channel: Channel) -> dict[str, str | int]:
    return {
        "platform": channel.platform,
        "address": channel.address,
        "name": channel.name,
        "profile": profiles.format(channel.profile),
        "timezone": channel.timezone,
        "schedule": channel.schedule,
        "size": channel.size,
        "threshold": channel.threshold,
        "sources": json.dumps(list(channel.sources)),
        "layout": channel.layout,
        "mode": channel.mode,
        "you_missed": int(channel.you_missed),
        "quiet_note": int(channel.quiet_note),
        "explore": int(channel.explore),
        "prefer_source_summary": int(channel.prefer_source_summary),
        "state": channel.state,
        "state_reason": channel.state_reason,
        **({} if channel.scheduled_at is None else {"scheduled_at": to_text(channel.scheduled_at)}),
    }
