"""Housekeeping: what no one will ask for again goes, and the database keeps its statistics."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.store import Store, digests, feedback, listings

EVENTS_KEPT = timedelta(days=7)
DETAILS_KEPT = timedelta(days=90)


def tidy(store: Store, now: datetime) -> int:
    """Drop claimed events, old selection details and cursors; return how many rows went."""
    with store.write() as connection:
        gone = feedback.forget_events(connection, now - EVENTS_KEPT)
        gone += digests.prune_passed_over(connection, now - DETAILS_KEPT)
        gone += listings.forget_cursors(connection, now - DETAILS_KEPT)
    store.optimise()
    return gone
