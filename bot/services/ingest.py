"""From a parsed listing to stored papers: one transaction a listing, or a part of a long one."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from bot import faults
from bot.domain import Announce, Entry, Listing, Outcome, Reject
from bot.store import Store, gap, listings, papers
from bot.store.listings import Reading
from bot.store.papers import Repaired

PART = 2_500  # entries that are written in one transaction, so that nobody waits long for it
BREATH = 0.11  # seconds between two parts: another process looks for the lock ten times a second
AUTHORITY = "arxiv"  # the source whose word on a paper's version stands above any other's
AHEAD = timedelta(days=2)  # by which a listing's day may be ahead of our clock
FIRST_LISTING = date(1991, 8, 14)  # the day on which arXiv began
LONGEST_SILENCE = timedelta(days=7)  # of a source on its working days


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one listing brought. Counts are of entries; ``new`` and ``updated`` of papers."""

    source: str
    location: str
    listed_on: date | None
    outcome: Outcome
    note: str
    declared: int
    parsed: int
    quarantined: int
    new: int
    updated: int
    rejects: tuple[Reject, ...] = ()


def ingest(
    store: Store,
    listing: Listing,
    body: bytes,
    *,
    location: str,
    now: datetime,
    fresh: bool = True,
) -> Ingested:
    """Store a listing's papers. Reading the same bytes again changes nothing.

    ``fresh`` is False for back-fill: such papers are searched and learned from, never announced.
    A long listing is written in parts of ``PART`` entries; one that a crash left out is written
    when the same bytes are read again.
    """
    digest = _fingerprint(listing, body)
    listing = believe(listing, now)
    repaired = [repair(entry) for entry in listing.entries]
    listing, repaired = part_rivals(listing, repaired)
    parts: list[Ingested] = []
    for start in range(0, max(len(listing.entries), 1), PART):
        if start:
            time.sleep(BREATH)
        part = _ingest_part(
            store,
            _part(listing, start),
            repaired[start : start + PART],
            # The first part has the whole's, so that a short listing is its own only part.
            hashlib.sha256(f"{digest}#{start}".encode()).hexdigest() if start else digest,
            location=location,
            now=now,
            fresh=fresh,
        )
        parts.append(part)
    return _join(parts)


def _ingest_part(
    store: Store,
    listing: Listing,
    repaired: Sequence[Repaired],
    digest: str,
    *,
    location: str,
    now: datetime,
    fresh: bool,
) -> Ingested:
    with store.write() as connection:
        earlier = listings.reading(connection, listing.source, digest)
        if earlier is None:
            listing_id = listings.insert(
                connection, listing, location=location, sha256=digest, now=now
            )
        elif len(listing.entries) > earlier.parsed:
            # The same bytes, and a parser that now reads what was lost then.
            listing_id = earlier.listing_id
            listings.renew(connection, listing_id, listing)
        else:
            return _repeated(listing, location, earlier)
        new = updated = 0
        announced: list[int] = []
        stored: list[int] = []
        for entry, text in zip(listing.entries, repaired, strict=True):
            change = papers.store_entry(
                connection,
                _without_foreign_version(connection, entry, listing.source),
                text,
                now=now,
                listed_on=listing.listed_on,
                first_word=listing.source == AUTHORITY
                and entry.arxiv_id is not None
                and listings.known_by_hearsay(connection, entry.arxiv_id, AUTHORITY),
            )
            stored.append(change.paper_id)
            new += change.new
            updated += change.updated
            if entry.announce is Announce.NEW:
                announced.append(change.paper_id)
            listings.appear(
                connection,
                paper_id=change.paper_id,
                source=listing.source,
                listing_id=listing_id,
                listed_on=listing.listed_on,
                announce=entry.announce,
                fresh=fresh,
                now=now,
            )
        gap.set_listing_aside(
            connection,
            listing_id=listing_id,
            source=listing.source,
            listed_on=listing.listed_on,
            paper_ids=stored,
            now=now,
        )
        outcome, note = _judge(connection, listing, location, announced)
        listings.finish(
            connection, listing_id, outcome=outcome, note=note, new=new, updated=updated
        )
        faults.reach("in_ingest")
    return _told(listing, location, outcome, note, new=new, updated=updated)


def _judge(
    connection: sqlite3.Connection, listing: Listing, location: str, announced: Sequence[int]
) -> tuple[Outcome, str]:
    """Return the outcome and its note, seen beside what the source brought before."""
    outcome, note, day = listing.outcome, listing.note, listing.listed_on
    if day is None:
        return outcome, note
    if outcome is Outcome.OK and announced:
        distinct = sorted(set(announced))
        earlier = listings.appeared_before(connection, distinct, listing.source, day)
        if earlier == len(distinct):
            return (
                Outcome.STALE,
                f"all {earlier} papers were already announced on an earlier day",
            )
    if outcome is Outcome.EMPTY:
        before = listings.most_parsed(connection, listing.source, location, day)
        if before:
            words = f"the day had {before} papers when it was read before, and has none now"
            return Outcome.BROKEN, f"{words}; they are kept"
        last = listings.newest_day(connection, listing.source, day)
        if day.weekday() < 5 and last is not None and day - last > LONGEST_SILENCE:
            return Outcome.STALE, f"no papers, and none known of any day since {last}"
    return outcome, note


def believe(listing: Listing, now: datetime) -> Listing:
    """Return the listing; as today's if it names a day that cannot be.

    Such a day would stand before all others for ever.
    """
    day, today = listing.listed_on, now.date()
    if day is None or FIRST_LISTING <= day <= today + AHEAD:
        return listing
    note = f"{listing.note} Its day, {day}, cannot be: it counts as today's.".strip()
    return replace(listing, listed_on=today, note=note)


def part_rivals(listing: Listing, repaired: Sequence[Repaired]) -> tuple[Listing, list[Repaired]]:
    """Return the listing with only the first of different papers that claim one id.

    The others are rejected with that reason. An id that is listed twice for one paper, by its
    title or its first author, or as two versions, is no such claim.
    """
    first: dict[tuple[str, int | None], tuple[Entry, Repaired]] = {}
    kept: list[Entry] = []
    texts: list[Repaired] = []
    rejects: list[Reject] = []
    for position, entry, text in zip(_positions(listing), listing.entries, repaired, strict=True):
        name = entry.arxiv_id or entry.doi
        if name is not None:
            rival, rival_text = first.setdefault((name, entry.version), (entry, text))
            if _differ(rival_text, text):
                reason = f"the id {name} was given to another paper before it, “{rival.title[:80]}”"
                rejects.append(Reject(position, entry.title[:120], reason, entry.abstract[:2_000]))
                continue
        kept.append(entry)
        texts.append(text)
    if not rejects:
        return listing, list(repaired)
    rejected = (*listing.rejects, *rejects)
    note = listing.note
    if listing.outcome is Outcome.OK:
        note = f"{len(rejected)} of {listing.declared} entries could not be read."
    return replace(listing, entries=tuple(kept), rejects=rejected, note=note), texts


def _positions(listing: Listing) -> Iterator[int]:
    """Yield the place of each entry among all that were declared, from 1."""
    taken = {reject.position for reject in listing.rejects}
    free = (number for number in itertools.count(1) if number not in taken)
    return itertools.islice(free, len(listing.entries))


def _differ(one: Repaired, other: Repaired) -> bool:
    if one.title_key == other.title_key:
        return False
    return one.author_key != other.author_key or not one.author_key


def _without_foreign_version(connection: sqlite3.Connection, entry: Entry, source: str) -> Entry:
    # A blog that links to "v9" of what arXiv lists must not give the paper its own headline.
    if (
        entry.version is None
        or entry.arxiv_id is None
        or source == AUTHORITY
        or not listings.brought_by_another(connection, entry.arxiv_id, source)
    ):
        return entry
    return replace(entry, version=None)


def _part(listing: Listing, start: int) -> Listing:
    """Return the part of a listing that begins at an entry; the rejects are the first part's."""
    if len(listing.entries) <= PART:
        return listing
    entries = listing.entries[start : start + PART]
    if start:
        return replace(listing, declared=len(entries), entries=entries, rejects=())
    others = len(listing.entries) - len(entries)
    return replace(listing, declared=listing.declared - others, entries=entries)


def _join(parts: Sequence[Ingested]) -> Ingested:
    """Return what all parts brought together, with the word of the one that says most."""
    repeats = {Outcome.UNCHANGED, Outcome.STALE}
    return summed(parts, min(parts, key=lambda part: (part.outcome in repeats, part.outcome)))


def summed(parts: Sequence[Ingested], telling: Ingested) -> Ingested:
    """Return ``telling`` with the counts and the rejects of all parts together."""
    return replace(
        telling,
        declared=sum(part.declared for part in parts),
        parsed=sum(part.parsed for part in parts),
        quarantined=sum(part.quarantined for part in parts),
        new=sum(part.new for part in parts),
        updated=sum(part.updated for part in parts),
        rejects=tuple(reject for part in parts for reject in part.rejects),
    )


def repair(entry: Entry) -> Repaired:
    """Make an entry's text readable, and the keys by which the same paper is recognised."""
    from ranking.repair import readable, title_key
    from ranking.repair import repair as mend

    title = readable(mend(entry.title))
    return Repaired(
        title=title,
        abstract=readable(mend(entry.abstract)),
        title_key=title_key(title),
        author_key=_author_key(entry.authors[0]) if entry.authors else "",
    )


@lru_cache(maxsize=4096)
def _author_key(name: str) -> str:
    from ranking.repair import author_key

    return author_key(name)


def _repeated(listing: Listing, location: str, earlier: Reading) -> Ingested:
    if listing.outcome is Outcome.OK:
        note = "; ".join(filter(None, ("read before, nothing changed", listing.note)))
        return _told(listing, location, Outcome.UNCHANGED, note)
    if listing.outcome is Outcome.EMPTY:
        # What it was found to be beside the days before it still holds.
        return _told(listing, location, earlier.outcome, earlier.note)
    return _told(listing, location, listing.outcome, listing.note)


def _told(
    listing: Listing,
    location: str,
    outcome: Outcome,
    note: str,
    *,
    new: int = 0,
    updated: int = 0,
) -> Ingested:
    return Ingested(
        source=listing.source,
        location=location,
        listed_on=listing.listed_on,
        outcome=outcome,
        note=note,
        declared=listing.declared,
        parsed=len(listing.entries),
        quarantined=len(listing.rejects),
        new=new,
        updated=updated,
        rejects=listing.rejects,
    )


def _fingerprint(listing: Listing, body: bytes) -> str:
    # Two empty weekend days have the same bytes and are still two listings.
    day = "" if listing.listed_on is None else listing.listed_on.isoformat()
    return hashlib.sha256(day.encode() + b"\0" + body).hexdigest()
