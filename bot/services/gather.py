"""Asking the sources: what is due, one conditional GET after the other, each answer ingested."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

import structlog

from bot import faults
from bot.domain import Listing, Outcome
from bot.ports import (
    Clock,
    Fetch,
    Fetched,
    FetchFailed,
    NotModified,
    Paged,
    Request,
    Source,
    Trouble,
    Validators,
)
from bot.services.index import filling
from bot.services.ingest import Ingested, ingest
from bot.store import Store, listings, tallies
from bot.store.listings import Cursor

log = structlog.get_logger(__name__)

SETTLED_AGAIN = timedelta(hours=20)  # a past day is asked for again after this
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)
# What an answer may turn out to be that must not be taken for the last word on its address.
_WAITED_OUT = frozenset({Outcome.BROKEN, Outcome.REFUSED})
_NOT_SETTLED = _WAITED_OUT | {Outcome.TRUNCATED}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one GET led to: an ingested answer, or the words why there is none.

    ``trouble`` says what the operator should look at; it is empty where all is well.
    """

    location: str
    ingested: Ingested | None
    words: str = ""
    trouble: str = ""


def location(request: Request) -> str:
    """Return a request's whole address, which is also the key of its cursor."""
    return f"{request.url}?{urlencode(request.params)}" if request.params else request.url


def listing_days(today: date, settle_days: int) -> tuple[date, ...]:
    """Return today and the listing days before it whose upvotes still settle, oldest first.

    Listings appear on weekdays; ``settle_days`` counts those.
    """
    days = [today]
    day = today
    while len(days) <= settle_days:
        day -= timedelta(days=1)
        if day.weekday() < 5:
            days.append(day)
    return tuple(reversed(days))


class Gatherer:
    """Asks sources through one fetcher and stores what they answer."""

    def __init__(
        self,
        store: Store,
        fetch: Fetch,
        clock: Clock,
        stored: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``stored`` is awaited after each listing and brings the search index up."""
        self._store = store
        self._fetch = fetch
        self._clock = clock
        self._stored = stored

    async def poll(self, source: Source, days: Sequence[date]) -> tuple[Asked, ...]:
        """Ask for everything of a source that is due; the last of ``days`` is today.

        Today is asked for at every poll, an earlier day once a day, a failing address after a
        pause that grows.
        """
        today = max(days, default=self._clock().date())
        asked: list[Asked] = []
        for request in source.requests(days):
            if await self._is_due(request, today):
                asked += [one async for one in self.ask(source, request)]
        return tuple(asked)

    async def ask(
        self, source: Source, request: Request, *, fresh: bool = True
    ) -> AsyncIterator[Asked]:
        """Make one GET and those of the pages after it; never raises for what a source does."""
        following: Request | None = request
        made: set[Request] = set()
        # A source that forgets which page was asked for would name the same next one for ever.
        while following is not None and following not in made:
            made.add(following)
            asked, body = await self._one(source, following, fresh=fresh)
            yield asked
            if not body or not isinstance(source, Paged):
                return
            following = source.following(body, following)

    async def _is_due(self, request: Request, today: date) -> bool:
        cursor = await asyncio.to_thread(self._cursor, request)
        now = self._clock()
        if cursor is None:
            return True
        if cursor.not_before is not None and cursor.not_before > now:
            return False
        past = request.day is not None and request.day < today
        if not past or cursor.succeeded_at is None or cursor.failures:
            return True
        return now - cursor.succeeded_at >= SETTLED_AGAIN

    async def _one(self, source: Source, request: Request, *, fresh: bool) -> tuple[Asked, bytes]:
        cursor = await asyncio.to_thread(self._cursor, request)
        known = cursor or Cursor(url=location(request), source=source.name)
        faults.reach("before_fetch")
        outcome = await self._fetch.get(
            request, validators=Validators(known.etag or "", known.last_modified or "")
        )
        faults.reach("after_fetch")
        now = self._clock()
        match outcome:
            case NotModified():
                await asyncio.to_thread(self._save, _succeeded(known, now))
                return Asked(known.url, None, "not modified"), b""
            case Fetched(body=body):
                asked = await self._take_in(source, request, body, fresh)
                faults.reach("after_ingest")
                await asyncio.to_thread(self._close, known, outcome, asked, now)
                faults.reach("after_cursor")
                return asked, body
            case FetchFailed(trouble=Trouble.TRUNCATED, body=body) if body:
                # What arrived is kept; the rest is asked for again.
                asked = await self._take_in(source, request, body, fresh, outcome.reason)
                await asyncio.to_thread(
                    self._save, _failed(known, outcome, now), trouble=outcome.trouble
                )
                return asked, b""
            case FetchFailed():
                await asyncio.to_thread(
                    self._save, _failed(known, outcome, now), trouble=outcome.trouble
                )
                log.warning("fetch_failed", source=source.name, reason=outcome.reason)
                return Asked(known.url, None, outcome.reason, outcome.reason), b""

    async def _take_in(
        self, source: Source, request: Request, body: bytes, fresh: bool, cut: str = ""
    ) -> Asked:
        if self._stored is None:
            return await asyncio.to_thread(self._ingest, source, request, body, fresh, cut)
        with filling(self._store):
            asked = await asyncio.to_thread(self._ingest, source, request, body, fresh, cut)
            await self._stored()
        return asked

    def _ingest(
        self, source: Source, request: Request, body: bytes, fresh: bool, cut: str = ""
    ) -> Asked:
        listing = source.parse(body, request)
        if cut and listing.outcome in {Outcome.OK, Outcome.EMPTY}:
            listing = replace(listing, outcome=Outcome.TRUNCATED, note=cut)
        done = store_listing(
            self._store, listing, body, where=location(request), now=self._clock(), fresh=fresh
        )
        word = _trouble(done)
        return Asked(location(request), done, done.note, f"{word}: {done.note}" if word else "")

    def _close(self, cursor: Cursor, fetched: Fetched, asked: Asked, now: datetime) -> None:
        done = asked.ingested
        if done is not None and (word := _trouble(done)):
            # Without validators the next answer comes whole, whatever the source thinks we have.
            pause = now + _pause(cursor.failures + 1)
            self._save(
                replace(
                    cursor,
                    etag=None,
                    last_modified=None,
                    fetched_at=now,
                    not_before=pause if done.outcome in _WAITED_OUT else None,
                    failures=cursor.failures + 1,
                    error=asked.trouble,
                ),
                trouble=word,
            )
            return
        validators = fetched.validators
        self._save(
            replace(
                _succeeded(cursor, now),
                etag=validators.etag or None,
                last_modified=validators.last_modified or None,
            )
        )

    def _cursor(self, request: Request) -> Cursor | None:
        with self._store.read() as connection:
            return listings.cursor(connection, location(request))

    def _save(self, cursor: Cursor, *, trouble: str = "") -> None:
        with self._store.write() as connection:
            listings.save_cursor(connection, cursor)
            if trouble:
                tallies.count(connection, "errors", cursor.source, trouble)


def store_listing(
    store: Store, listing: Listing, body: bytes, *, where: str, now: datetime, fresh: bool = True
) -> Ingested:
    """Ingest a listing and log what became of it: one line a listing, one a rejected entry."""
    done = ingest(store, listing, body, location=where, now=now, fresh=fresh)
    usual = {Outcome.OK, Outcome.EMPTY, Outcome.UNCHANGED}
    write = log.info if done.outcome in usual else log.warning
    write(
        "listing",
        source=done.source,
        listed_on=str(done.listed_on or ""),
        outcome=done.outcome,
        parsed=done.parsed,
        new=done.new,
        updated=done.updated,
        note=done.note,
    )
    for reject in done.rejects:
        log.warning(
            "quarantined",
            source=done.source,
            position=reject.position,
            entry=reject.label,
            reason=reject.reason,
        )
    return done


def _trouble(done: Ingested) -> str:
    """Return a word for what the operator should hear of if it goes on; empty where all is well."""
    if done.outcome in _NOT_SETTLED or (done.outcome is Outcome.STALE and not done.parsed):
        return str(done.outcome)
    # Most of it unreadable: the source has changed its form, and the rest may be chance.
    return "unreadable" if done.quarantined > done.parsed else ""


def _succeeded(cursor: Cursor, now: datetime) -> Cursor:
    return replace(cursor, fetched_at=now, succeeded_at=now, not_before=None, failures=0, error="")


def _failed(cursor: Cursor, failure: FetchFailed, now: datetime) -> Cursor:
    failures = cursor.failures + 1
    asked = timedelta(seconds=failure.retry_after or 0)
    return replace(
        cursor,
        fetched_at=now,
        not_before=now + max(asked, _pause(failures)),
        failures=failures,
        error=failure.reason,
    )


def _pause(failures: int) -> timedelta:
    doubled: timedelta = FIRST_PAUSE * 2 ** min(failures - 1, 12)
    return min(LONGEST_PAUSE, doubled)
