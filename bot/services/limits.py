"""How much one person, and one channel, may ask for at once: buckets of tokens that refill."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import Person, Place

REMEMBERED = 20_000  # buckets; the one that was longest not asked for is forgotten first


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` at once, then one every ``every``."""

    burst: int
    every: timedelta


def rate(burst: int, more: int, span: timedelta) -> Rate:
    """Return the rate of ``burst`` at once and ``more`` in every ``span``."""
    return Rate(burst, span / more)


COMMANDS_A_PERSON = Rate(20, timedelta(seconds=2))
COMMANDS_A_CHANNEL = Rate(120, timedelta(seconds=0.25))
SUBMISSIONS_A_PERSON = Rate(10, timedelta(minutes=6))
SUBMISSIONS_A_CHANNEL = Rate(40, timedelta(minutes=2))


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


class Limits:
    """Buckets in memory: a restart fills them. Votes take none, or one could be lost."""

    def __init__(
        self,
        commands: tuple[Rate, Rate] = (COMMANDS_A_PERSON, COMMANDS_A_CHANNEL),
        submissions: tuple[Rate, Rate] = (SUBMISSIONS_A_PERSON, SUBMISSIONS_A_CHANNEL),
    ) -> None:
        """Each pair is the rate of a person and that of a channel."""
        self._commands = commands
        self._submissions = submissions
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()
        self._guard = threading.Lock()

    def command(self, place: Place, person: Person, now: datetime) -> timedelta:
        """Take a token for a command; return how long to wait, nothing where it was there."""
        return self._take("command", self._commands, place, person, now)

    def submission(self, place: Place, person: Person, now: datetime) -> timedelta:
        """Take a token for sharing a paper; return how long to wait."""
        return self._take("submission", self._submissions, place, person, now)

    def _take(
        self, what: str, rates: tuple[Rate, Rate], place: Place, person: Person, now: datetime
    ) -> timedelta:
        keys = (
            (what, "person", person.platform, person.id),
            (what, "channel", place.platform, place.address),
        )
        with self._guard:
            buckets = [self._bucket(key, rate, now) for key, rate in zip(keys, rates, strict=True)]
            wait = max(
                (1 - bucket.tokens) * rate.every
                for bucket, rate in zip(buckets, rates, strict=True)
            )
            # Who has to wait is not made to wait longer by asking.
            if wait <= timedelta(0):
                for bucket in buckets:
                    bucket.tokens -= 1
            return max(timedelta(0), wait)

    def _bucket(self, key: tuple[str, ...], rate: Rate, now: datetime) -> _Bucket:
        bucket = self._buckets.pop(key, None) or _Bucket(float(rate.burst), now)
        # A clock that was set back refills nothing and takes nothing.
        passed = max(timedelta(0), now - bucket.at)
        bucket.tokens = min(float(rate.burst), bucket.tokens + passed / rate.every)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket


def words(wait: timedelta) -> str:
    """Return a wait as people say it, rounded up."""
    seconds = max(1, -int(-wait.total_seconds() // 1))
    if seconds < 90:
        return f"{seconds} second{'s' if seconds > 1 else ''}"
    return f"{-(-seconds // 60)} minutes"
