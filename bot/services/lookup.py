"""Papers that someone named and no listing brought: asked for by id at the source."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from bot.domain import Outcome
from bot.ports import Clock, Request, Source
from bot.services.gather import Asked, Gatherer
from bot.store import Store, listings

AT_ONCE = 100
AGAIN_AFTER = timedelta(hours=1)
UNKNOWN = "the source knows no paper by this id"


class ById(Source, Protocol):
    """A source that can be asked for papers by id."""

    def lookup(self, ids: Sequence[str]) -> Sequence[Request]:
        """Return the GETs for these papers."""
        ...


async def look_up(store: Store, gatherer: Gatherer, source: ById, clock: Clock) -> int:
    """Ask for what is wanted and due; return how many papers were found.

    A paper that an answer leaves out does not exist, and is not asked for again; one that could
    not be asked for is tried again later.
    """

    def wanted() -> tuple[str, ...]:
        with store.read() as connection:
            return listings.wanted(connection, clock(), AT_ONCE)

    ids = await asyncio.to_thread(wanted)
    if not ids:
        return 0
    answered = True
    for request in source.lookup(ids):
        async for asked in gatherer.ask(source, request, fresh=False):
            answered = answered and _is_answer(asked)

    def close() -> int:
        now = clock()
        with store.write() as connection:
            missing = [one for one in ids if one in listings.wanted(connection, now, AT_ONCE)]
            for arxiv_id in missing:
                listings.answer_wanted(
                    connection,
                    arxiv_id,
                    not_before=now + AGAIN_AFTER,
                    answer=UNKNOWN if answered else "",
                )
        return len(ids) - len(missing)

    return await asyncio.to_thread(close)


def _is_answer(asked: Asked) -> bool:
    # A page that says "down for repairs" leaves every paper out and says nothing of any.
    settled = {Outcome.OK, Outcome.EMPTY, Outcome.UNCHANGED}
    return asked.ingested is not None and asked.ingested.outcome in settled
