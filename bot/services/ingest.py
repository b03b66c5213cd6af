"""From a parsed listing to stored papers: one transaction a listing, decided by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache

from bot import faults
from bot.domain import Announce, Entry, Listing, Outcome, Reject
from bot.store import Store, gap, listings, papers
from bot.store.papers import Repaired


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
    """
    digest = _fingerprint(listing, body)
    repaired = [repair(entry) for entry in listing.entries]
    with store.write() as connection:
        if listings.known(connection, listing.source, digest):
            return _repeated(listing, location)
        listing_id = listings.insert(connection, listing, location=location, sha256=digest, now=now)
        new = updated = 0
        announced: list[int] = []
        stored: list[int] = []
        for entry, text in zip(listing.entries, repaired, strict=True):
            change = papers.store_entry(
                connection, entry, text, now=now, listed_on=listing.listed_on
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
        outcome, note = listing.outcome, listing.note
        if outcome is Outcome.OK and listing.listed_on is not None and announced:
            distinct = sorted(set(announced))
            earlier = listings.appeared_before(
                connection, distinct, listing.source, listing.listed_on
            )
            if earlier == len(distinct):
                outcome = Outcome.STALE
                note = f"all {earlier} papers were already announced on an earlier day"
        listings.finish(
            connection, listing_id, outcome=outcome, note=note, new=new, updated=updated
        )
        faults.reach("in_ingest")
    return replace(
        _repeated(listing, location), outcome=outcome, note=note, new=new, updated=updated
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


def _repeated(listing: Listing, location: str) -> Ingested:
    known = listing.outcome is Outcome.OK
    return Ingested(
        source=listing.source,
        location=location,
        listed_on=listing.listed_on,
        outcome=Outcome.UNCHANGED if known else listing.outcome,
        note="read before, nothing changed" if known else listing.note,
        declared=listing.declared,
        parsed=len(listing.entries),
        quarantined=len(listing.rejects),
        new=0,
        updated=0,
        rejects=listing.rejects,
    )


def _fingerprint(listing: Listing, body: bytes) -> str:
    # Two empty weekend days have the same bytes and are still two listings.
    day = "" if listing.listed_on is None else listing.listed_on.isoformat()
    return hashlib.sha256(day.encode() + b"\0" + body).hexdigest()
