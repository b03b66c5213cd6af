"""Who is looking at a channel right now, and what has to reach them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bot.platforms.journal import Posted

MOST = 200  # windows at once; a browser holds one for each tab
BEHIND = 100  # posts that a window may lag behind before it has to ask again


class Hub:
    """Hands each new post of an address to every window that listens to it."""

    def __init__(self) -> None:
        self._listening: dict[str, set[asyncio.Queue[Posted | None]]] = {}
        self.closed = False

    @property
    def count(self) -> int:
        return sum(len(queues) for queues in self._listening.values())

    @contextmanager
    def listen(self, address: str) -> Iterator[asyncio.Queue[Posted | None]]:
        """Yield a queue of what is posted from now on; None ends it."""
        queue: asyncio.Queue[Posted | None] = asyncio.Queue(BEHIND)
        listeners = self._listening.setdefault(address, set())
        listeners.add(queue)
        try:
            yield queue
        finally:
            listeners.discard(queue)
            if not listeners and self._listening.get(address) is listeners:
                del self._listening[address]

    def publish(self, address: str, posted: Posted) -> None:
        """Tell the windows of an address; one that is too slow is ended and comes back."""
        for queue in tuple(self._listening.get(address, ())):
            try:
                queue.put_nowait(posted)
            except asyncio.QueueFull:
                _end(queue)

    def close(self) -> None:
        """End every window."""
        self.closed = True
        for queues in tuple(self._listening.values()):
            for queue in tuple(queues):
                _end(queue)


def _end(queue: asyncio.Queue[Posted | None]) -> None:
    with suppress(asyncio.QueueEmpty):
        if queue.full():
            queue.get_nowait()
    with suppress(asyncio.QueueFull):
        queue.put_nowait(None)
