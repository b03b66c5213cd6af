"""What the tests of fetching share: a clock that only sleeping moves, and a short way to get."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from bot.ports import FetchFailed, FetchOutcome, Request, Trouble
from bot.sources.fetch import Fetcher
from bot.sources.limits import FetchLimits

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
QUICK = FetchLimits(total_seconds=60, connect_seconds=30, max_bytes=100_000)


class FakeTime:
    """A monotonic clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def utc(self) -> datetime:
        return NOW + timedelta(seconds=self.now - 1000.0)


class NamesResolver(AbstractResolver):
    """Resolves names from a table, each time to the next address in its row."""

    def __init__(self, delay: float = 0, **names: list[str]) -> None:
        self.names = names
        self.delay = delay

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.sleep(self.delay)
        row = self.names.get(host.split(".", maxsplit=1)[0])
        if not row:
            raise OSError(f"no such name: {host}")
        address = row.pop(0) if len(row) > 1 else row[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
        ]

    async def close(self) -> None: ...


def make_fetcher(fake_time: FakeTime, limits: FetchLimits = QUICK, **options: Any) -> Fetcher:
    options.setdefault("allow_private", True)
    return Fetcher(
        limits,
        now=fake_time.utc,
        monotonic=fake_time.monotonic,
        sleep=fake_time.sleep,
        **options,
    )


async def get(
    fake_time: FakeTime,
    url: str,
    limits: FetchLimits = QUICK,
    **options: Any,
) -> FetchOutcome:
    async with make_fetcher(fake_time, limits, **options) as fetcher:
        return await fetcher.get(Request(url))


def failed(outcome: FetchOutcome, trouble: Trouble) -> FetchFailed:
    assert isinstance(outcome, FetchFailed), outcome
    assert outcome.trouble is trouble, outcome
    return outcome
