"""Reactions that could not be recorded when they came: what stands is read back later.

That a store was locked for a while, or a post not recorded yet, must cost nobody a vote. What is
owed is held in memory: after a new start a platform's reactions are all read back in any case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.domain import Channel, Message, Place
from bot.ports import ChatPlatform, Clock
from bot.services.react import read_back_one
from bot.store import Store, channels, outbox

log = structlog.get_logger(__name__)

MOST = 10_000  # messages
FIRST_PAUSE = timedelta(seconds=15)
TRIES = 9  # the pause doubles after each: more than an hour in all


@dataclass(frozen=True, slots=True)
class _Debt:
    due: datetime
    tries: int = 0


class Owed:
    """The messages whose reactions are still to be read."""

    def __init__(self, store: Store, platforms: Mapping[str, ChatPlatform], clock: Clock) -> None:
        self._store = store
        self._platforms = platforms
        self._clock = clock
        self._debts: dict[tuple[Place, str], _Debt] = {}

    def __len__(self) -> int:
        return len(self._debts)

    def note(self, place: Place, remote_id: str) -> None:
        """Have the reactions on a message read at the next ``settle``."""
        message = (Place(place.platform, place.address), remote_id)
        if len(self._debts) >= MOST and message not in self._debts:
            log.error("too_many_votes_owed", platform=place.platform)
            return
        self._debts.setdefault(message, _Debt(self._clock()))

    async def settle(self) -> None:
        """Read what is due; what cannot be read is tried again, ever less often."""
        now = self._clock()
        for message in [message for message, debt in self._debts.items() if debt.due <= now]:
            # Taken out first: what cannot be recorded while it is read is owed anew.
            tries = self._debts.pop(message).tries + 1
            try:
                done = await self._read(*message)
            except Exception:
                # Whatever the store or the platform raised: it is tried again.
                log.exception("votes_still_owed", platform=message[0].platform)
                done = False
            if not done and tries < TRIES:
                due = self._clock() + FIRST_PAUSE * 2 ** (tries - 1)
                self._debts.setdefault(message, _Debt(due, tries))

    async def _read(self, place: Place, remote_id: str) -> bool:
        """Tell whether nothing more is to be done about a message."""

        def look() -> tuple[Channel | None, Message | None, bool]:
            with self._store.read() as connection:
                channel = channels.at(connection, place)
                if channel is None:
                    return None, None, False
                message = outbox.sent_message(connection, channel.id, remote_id)
                return channel, message, outbox.is_posting(connection, channel.id)

        channel, message, posting = await asyncio.to_thread(look)
        platform = self._platforms.get(place.platform)
        if channel is None or platform is None:
            return True
        if message is None:
            return not posting  # then it is none of ours
        changed = await read_back_one(self._store, platform, channel, message, self._clock())
        if changed:
            log.info("read_back", channel=channel.name, changed=changed)
        return changed is not None
