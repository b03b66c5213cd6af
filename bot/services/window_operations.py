"""What operators look at and do: sources, listings on their way, the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain import MessageState
from bot.ports import Health
from bot.store import Store, outbox, window
from bot.store import operations as rows
from bot.store import papers as paper_rows
from bot.views import ListingView, Operations, Viewer, Way

LISTINGS = 30
QUARANTINED = 30
OUTBOX = 100
STEPS = ("muted", "duplicate", "threshold", "diversity", "size")
GIVEN_UP = "given up by an operator"


def operations(store: Store, viewer: Viewer, health: Sequence[tuple[str, Health]]) -> Operations:
    """Gather the operations page; ``health`` is what ``doctor`` found."""
    with store.read() as connection:
        counts = rows.outbox_counts(connection, private=viewer.private)
        sources = rows.sources(connection)
        papers = paper_rows.count(connection)
        return Operations(
            sources=sources,
            listings=rows.listing_rows(connection, LISTINGS),
            quarantined=rows.quarantined(connection, QUARANTINED),
            counts=tuple((state, counts.get(state, 0)) for state in MessageState),
            outbox=rows.outbox_rows(connection, OUTBOX, private=viewer.private),
            health=tuple(health),
            papers=papers,
            hidden_channels=0 if viewer.private else window.count_private(connection),
        )


def listing(store: Store, viewer: Viewer, listing_id: int) -> ListingView | None:
    """Gather one listing's way from its source to the channels."""
    with store.read() as connection:
        found = rows.listing_row(connection, listing_id)
        if found is None:
            return None
        passed = rows.ways_passed(connection, found, private=viewer.private)
        chosen = rows.ways_chosen(connection, found, private=viewer.private)
        ways = []
        for channel_id in sorted({*passed, *chosen}):
            seen = window.channel_row(connection, channel_id, private=viewer.private)
            if seen is None:
                continue
            steps = passed.get(channel_id, {})
            posted, sent = chosen.get(channel_id, (0, 0))
            known = tuple((step, steps.get(step, 0)) for step in STEPS)
            ways.append(Way(seen[0], sum(steps.values()) + posted, known, posted, sent))
        return ListingView(
            listing=found,
            papers=rows.brought(connection, found),
            quarantined=rows.quarantined(connection, QUARANTINED, listing_id=listing_id),
            ways=tuple(ways),
        )


def retry(store: Store, viewer: Viewer, message_id: int, now: datetime) -> str:
    """Have a message sent again; one that may have arrived is asked for first.

    What was tried before is marked unknown, so that the platform is asked for the key and only
    what is provably absent is posted again.
    """
    with store.write() as connection:
        message = rows.message_of(connection, message_id, private=viewer.private)
        if message is None:
            return "There is no such message."
        if message.state in {MessageState.SENT, MessageState.SENDING}:
            return f"Message {message.id} is {message.state}; there is nothing to retry."
        tried = message.attempts > 0 and message.state is not MessageState.PENDING
        if tried:
            outbox.reopen(connection, message.id, now, "retried by an operator")
            return f"Message {message.id} is looked up on its platform, and sent if it is absent."
        outbox.mark_pending(connection, message.id, None, "retried by an operator")
        return f"Message {message.id} is sent now."


def abandon(store: Store, viewer: Viewer, message_id: int) -> str:
    """Give up a message that was not sent; its row says so."""
    with store.write() as connection:
        message = rows.message_of(connection, message_id, private=viewer.private)
        if message is None:
            return "There is no such message."
        if message.state in {MessageState.SENT, MessageState.SENDING, MessageState.ABANDONED}:
            return f"Message {message.id} is {message.state}; it cannot be given up."
        outbox.mark_abandoned(connection, message.id, GIVEN_UP)
        return f"Message {message.id} is given up."
