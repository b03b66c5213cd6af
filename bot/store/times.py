"""Times as the database holds them: ISO 8601 in UTC, so that text order is time order."""

from __future__ import annotations

from datetime import UTC, date, datetime


def to_text(moment: datetime) -> str:
    """Write an aware time; microseconds always, so that texts compare as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def to_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def to_time_or_none(text: str | None) -> datetime | None:
    return None if text is None else to_time(text)


def to_date_or_none(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def day_or_none(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
