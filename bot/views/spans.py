"""Days, ISO weeks and months, as one walks through them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """A day, an ISO week or a month; ``first`` is its first day."""

    period: Period
    first: date

    @property
    def last(self) -> date:
        """Return its last day."""
        if self.period is Period.DAY:
            return self.first
        if self.period is Period.WEEK:
            return self.first + timedelta(days=6)
        return (self.first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)

    @property
    def text(self) -> str:
        """Return ``2026-06-12``, ``2026-W24`` or ``2026-06``."""
        if self.period is Period.DAY:
            return self.first.isoformat()
        if self.period is Period.WEEK:
            year, week, _ = self.first.isocalendar()
            return f"{year:04}-W{week:02}"
        return self.first.isoformat()[:7]


def span_of(period: Period, day: date) -> Span:
    """Return the span of a kind that a day lies in."""
    if period is Period.WEEK:
        # The first week of year 1 began before the calendar does.
        back = min(day.weekday(), (day - date.min).days)
        return Span(period, day - timedelta(days=back))
    return Span(period, day.replace(day=1) if period is Period.MONTH else day)


def read_span(period: Period, text: str) -> Span | None:
    """Read what ``Span.text`` writes; None where it is none."""
    try:
        if period is Period.WEEK:
            year, week = text.split("-W")
            return Span(period, date.fromisocalendar(int(year), int(week), 1))
        return span_of(period, date.fromisoformat(f"{text}-01" if period is Period.MONTH else text))
    except ValueError:
        return None
