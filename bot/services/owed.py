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


@dataclass(slots=True)
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
        bare = Place(place.platform, place.address)
        if len(self._debts) < MOST:
            self._debts.setdefault((bare, remote_id), _Debt(self._clock()))

    async def settle(self) -> None:
        """Read what is due; what cannot be read is tried again, ever less often."""
        for (place, remote_id), debt in list(self._debts.items()):
            if debt.due > self._clock():
                continue
            try:
                done = await self._read(place, remote_id)
            except Exception:
                log.exception("votes_still_owed", platform=place.platform)
                done = False
            debt.tries += 1
            debt.due = self._clock() + FIRST_PAUSE * 2 ** (debt.tries - 1)
            if done or debt.tries == TRIES:
                del self._debts[place, remote_id]

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
