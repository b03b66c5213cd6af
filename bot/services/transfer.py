"""Data out and in: channels with profiles, votes and saved papers as one JSON value."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot import profiles
from bot.commands.table import SETTINGS
from bot.domain import (
    Channel,
    ChannelState,
    Entry,
    Feedback,
    Layout,
    Mode,
    Paper,
    PaperwireError,
    Place,
    Signal,
    Via,
)
from bot.identify import arxiv_id as read_arxiv_id
from bot.schedule import check_timezone
from bot.schedule import parse as parse_schedule
from bot.services.ingest import repair
from bot.store import Store, channels, feedback
from bot.store import papers as paper_rows

FORMAT = 1
_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import added; ``owned`` tells whether its people are known by their ids here."""

    channels: int
    papers: int
    votes: int
    owned: bool = False


def export(
    store: Store, only: Sequence[Channel] | None = None, *, with_person_key: bool = False
) -> dict[str, Any]:
    """Return all channels (or these) with what people said there; persons are keyed hashes.

    With the key, and nowhere without it, another installation can tell a person's votes by the
    person's id: so that they can take them back there, and so that anyone can who has the file.
    """
    with store.read() as connection:
        chosen = channels.every(connection) if only is None else tuple(only)
        rows = {channel.id: feedback.every(connection, channel.id) for channel in chosen}
        numbers = sorted({row.paper_id for voted in rows.values() for row in voted})
        papers = {paper.id: paper for paper in paper_rows.papers(connection, numbers)}
        key = {"person_key": feedback.secret(connection)} if with_person_key else {}
    return {
        "format": FORMAT,
        **key,
        "channels": [
            {
                "platform": channel.platform,
                "address": channel.address,
                "name": channel.name,
                "profile": profiles.format(channel.profile),
                "timezone": channel.timezone,
                "schedule": channel.schedule,
                "size": channel.size,
                "threshold": channel.threshold,
                "sources": list(channel.sources),
                "layout": str(channel.layout),
                "mode": str(channel.mode),
                "you_missed": channel.you_missed,
                "quiet_note": channel.quiet_note,
                "explore": channel.explore,
                "prefer_source_summary": channel.prefer_source_summary,
                "state": str(channel.state),
                "votes": [
                    {
                        "paper": papers[row.paper_id].handle,
                        "person": row.person,
                        "signal": str(row.signal),
                        "active": row.active,
                        "changed_at": row.changed_at.isoformat(),
                    }
                    for row in rows[channel.id]
                ],
                "saved": sorted(
                    {
                        papers[row.paper_id].handle
                        for row in rows[channel.id]
                        if row.signal is Signal.SAVE and row.active
                    }
                ),
            }
            for channel in chosen
        ],
        "papers": [_paper_json(paper) for paper in papers.values()],
    }


def restore(store: Store, data: object, now: datetime) -> Imported:
    """Read an export back: channels that are not there yet, and votes that are not.

    Raises PaperwireError naming what is wrong; then nothing was changed.
    """
    try:
        return _restore(store, data, now)
    except (UnicodeError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError) as error:
        raise PaperwireError(
            f"The export holds a value that cannot be stored ({error}). Nothing was changed."
        ) from error


def _restore(store: Store, data: object, now: datetime) -> Imported:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise PaperwireError(
            "This is no Paperwire export of a known format. Make one with: paperwire export"
        )
    with store.write() as connection:
        added = Imported(0, 0, 0, owned=_take_key(connection, data))
        numbers: dict[str, int] = {}
        for row in _rows(data, "papers"):
            entry = _entry(row)
            change = paper_rows.store_entry(
                connection, entry, repair(entry), now=now, listed_on=None
            )
            numbers[_text(row, "paper")] = change.paper_id
            added = replace(added, papers=added.papers + change.new)
        for row in _rows(data, "channels"):
            place = Place(_text(row, "platform"), _text(row, "address"))
            channel = channels.at(connection, place)
            if channel is None:
                channel = channels.insert(connection, _channel(row), private=True, now=now)
                added = replace(added, channels=added.channels + 1)
            votes = [_vote(vote, channel, numbers) for vote in _rows(row, "votes")]
            votes = [vote for vote in votes if not _is_forgotten(connection, vote)]
            added = replace(added, votes=added.votes + feedback.restore(connection, votes))
    return added


def _take_key(connection: sqlite3.Connection, data: Mapping[str, Any]) -> bool:
    key = data.get("person_key")
    if key is None:
        return False
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise PaperwireError("The export's 'person_key' is damaged: 64 hexadecimal digits are due.")
    if not feedback.take_secret(connection, key):
        raise PaperwireError(
            "The export holds the key of its people, and people are known here by another one. "
            "Import it into an empty home (PAPERWIRE_HOME), or take the line person_key out of it: "
            "then the votes count, and nobody can take them back or have them forgotten."
        )
    return True


def _is_forgotten(connection: sqlite3.Connection, vote: Feedback) -> bool:
    # An export that is older than someone's wish to be forgotten must not bring them back.
    since = feedback.forgotten_at(connection, vote.person)
    return since is not None and vote.changed_at <= since


def _paper_json(paper: Paper) -> dict[str, Any]:
    return {
        "paper": paper.handle,
        "arxiv_id": paper.arxiv_id,
        "doi": paper.doi,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "categories": list(paper.categories),
        "url": paper.url,
        "published": paper.published.isoformat() if paper.published else None,
    }


def _entry(row: Mapping[str, Any]) -> Entry:
    from datetime import date

    published = row.get("published")
    known = read_arxiv_id(str(row.get("arxiv_id") or ""))
    try:
        return Entry(
            title=_text(row, "title"),
            abstract=str(row.get("abstract") or ""),
            authors=_names(row, "authors"),
            categories=_names(row, "categories"),
            arxiv_id=known[0] if known else None,
            doi=_text_or_none(row, "doi"),
            url=_text_or_none(row, "url"),
            published=date.fromisoformat(published) if published else None,
        )
    except (TypeError, ValueError) as error:
        raise PaperwireError(
            f"The export's paper {row.get('paper')!r} is damaged: {error}"
        ) from error


def _channel(row: Mapping[str, Any]) -> Channel:
    try:
        return Channel(
            id=0,
            platform=_text(row, "platform"),
            address=_text(row, "address"),
            name=_text(row, "name"),
            profile=profiles.parse(str(row.get("profile") or "")),
            timezone=check_timezone(_text(row, "timezone")).key,
            schedule=parse_schedule(_text(row, "schedule")).text,
            size=_number(row, "size"),
            threshold=_number(row, "threshold"),
            sources=_names(row, "sources"),
            layout=Layout(_text(row, "layout")),
            mode=Mode(_text(row, "mode")),
            you_missed=bool(row.get("you_missed")),
            quiet_note=bool(row.get("quiet_note", True)),
            explore=bool(row.get("explore")),
            prefer_source_summary=bool(row.get("prefer_source_summary")),
            state=ChannelState(_text(row, "state")),
        )
    except (KeyError, TypeError, ValueError) as error:
        name = row.get("name")
        raise PaperwireError(f"The export's channel {name!r} is damaged: {error}") from error


def _vote(row: Mapping[str, Any], channel: Channel, numbers: Mapping[str, int]) -> Feedback:
    try:
        return Feedback(
            channel_id=channel.id,
            paper_id=numbers[_text(row, "paper")],
            person=_text(row, "person"),
            signal=Signal(_text(row, "signal")),
            active=bool(row["active"]),
            changed_at=_moment(row, "changed_at"),
            via=Via.IMPORT,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PaperwireError(
            f"The export's votes in {channel.name!r} are damaged: {error!r}"
        ) from error


def _rows(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = data.get(key) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PaperwireError(f"The export's {key!r} is no list of objects.")
    return rows


def _names(row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = row.get(key) or []
    if not isinstance(names, list):
        raise TypeError(f"{key} is no list")
    return tuple(str(name) for name in names)


def _number(row: Mapping[str, Any], key: str) -> int:
    setting = next(setting for setting in SETTINGS if setting.key == key)
    number = int(row[key])
    if not (setting.minimum or 0) <= number <= (setting.maximum or number):
        raise ValueError(f"{key} is from {setting.minimum} to {setting.maximum}, not {number}")
    return number


def _moment(row: Mapping[str, Any], key: str) -> datetime:
    moment = datetime.fromisoformat(_text(row, key))
    if moment.tzinfo is None:
        raise ValueError(f"{key} has no time zone")
    return moment


def _text_or_none(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value or None


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise PaperwireError(f"The export has an entry without {key!r}: {str(row)[:80]}")
    return value
