"""Housekeeping: what no one will ask for again goes, and the database keeps its statistics."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.services.ranker import background_step
from bot.store import Store, channels, feedback, listings, papers, retention

EVENTS_KEPT = timedelta(days=7)
DETAILS_KEPT = timedelta(days=90)
CURSORS_KEPT = timedelta(days=90)
PARTS = 50  # of one kind in one tidying; what is left goes at the next


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long what is kept; None is for ever.

    ``details`` say why papers were not posted. ``papers`` means those that no channel has to do
    with: posted ones, and those that anyone voted on or saved, stay in any case.
    """

    events: timedelta = EVENTS_KEPT
    details: timedelta | None = DETAILS_KEPT
    listings: timedelta | None = None
    papers: timedelta | None = None


def tidy(store: Store, now: datetime, kept: Kept | None = None) -> int:
    """Drop what was kept long enough; return how many rows went."""
    kept = kept or Kept()
    with store.write() as connection:
        gone = feedback.forget_events(connection, now - kept.events)
        gone += listings.forget_cursors(connection, now - CURSORS_KEPT)
        if kept.details is not None:
            gone += retention.prune_details(connection, now - kept.details)
    if kept.listings is not None:
        before = now - kept.listings
        gone += _in_parts(store, lambda c: retention.prune_quarantine(c, before))
        gone += _in_parts(store, lambda c: retention.prune_listings(c, before))
    if kept.papers is not None:
        gone += _drop_papers(store, now - kept.papers)
    store.optimise()
    return gone


def _drop_papers(store: Store, before: datetime) -> int:
    def drop(connection: sqlite3.Connection) -> int:
        # Asked anew for every part: a channel may just have named one.
        seeds = {seed for channel in channels.every(connection) for seed in channel.profile.seeds}
        named = (papers.paper_by_handle(connection, seed) for seed in seeds)
        return retention.prune_papers(
            connection,
            before,
            keep={paper.id for paper in named if paper is not None},
            every=background_step(connection),
        )

    return _in_parts(store, drop)


def _in_parts(store: Store, drop: Callable[[sqlite3.Connection], int]) -> int:
    gone = 0
    for _ in range(PARTS):
        with store.write_unchecked() as connection:
            part = drop(connection)
        gone += part
        if not part:
            break
    return gone
