"""The bundled sample: listing days in the API's own shape, to try things without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from bot.domain import Listing, PaperwireError
from bot.ports import Request
from bot.sources.huggingface import read_daily_papers

_DAY_FILE = re.compile(r"\d{4}-\d{2}-\d{2}\.json", re.ASCII)


@cache
def days() -> tuple[date, ...]:
    """Return the sample's listing days, oldest first."""
    names = (one.name for one in _folder().iterdir())
    return tuple(
        sorted(date.fromisoformat(name[:10]) for name in names if _DAY_FILE.fullmatch(name))
    )


def read(day: date) -> bytes:
    """Return one listing day as the API would answer; raises PaperwireError if not bundled."""
    if day not in days():
        span = f"{days()[0]} to {days()[-1]}" if days() else "none"
        raise PaperwireError(f"The bundled sample has no listing for {day}; it has {span}.")
    return _folder().joinpath(f"{day.isoformat()}.json").read_bytes()


def _folder() -> Traversable:
    return files("bot.sources").joinpath("sample")


class Sample:
    """The bundled sample as a source. Its bytes come from ``read``, not from a network."""

    name = "sample"

    def requests(self, days: Sequence[date]) -> Sequence[Request]:
        """Return one request for each day asked for that the sample has; its URL is no address."""
        return [Request(f"sample:{day.isoformat()}", day) for day in days if day in _bundled()]

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read an array of the API's shape."""
        return read_daily_papers(self.name, body, request.day)


def _bundled() -> tuple[date, ...]:
    return days()
