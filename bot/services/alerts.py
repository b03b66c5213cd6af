"""Telling the operator of troubles: once when one begins, once when it is over.

They go to a channel of the operator's own and never to one that gets digests.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.domain import ChannelState, Place, Post, PostKind
from bot.ports import Rejected, Retry, SendOutcome
from bot.render import clip
from bot.store import Store, channels, metrics

log = structlog.get_logger(__name__)

FAILURES = 3  # in a row, before a source is in trouble
STUCK_AFTER = timedelta(hours=1)
GIVEN_UP_WITHIN = timedelta(hours=24)
MOST = 20  # troubles in one message


def troubles(store: Store, now: datetime) -> dict[str, str]:
    """Return what is wrong now: by a name that stays while it lasts, a sentence with what to do."""
    found: dict[str, str] = {}
    with store.read() as connection:
        for source in metrics.sources(connection):
            if source.failures >= FAILURES:
                found[f"source {source.name}"] = (
                    f"The source {source.name} failed {source.failures} times in a row "
                    f"({clip(source.error, 200)}). See: paperwire doctor"
                )
        for queue in metrics.queues(connection):
            if now - queue.oldest >= STUCK_AFTER:
                found[f"queue {queue.platform} {queue.channel}"] = (
                    f"{queue.messages} posts to {queue.channel} ({queue.platform}) wait since "
                    f"{queue.oldest:%Y-%m-%d %H:%M} UTC. See: paperwire outbox"
                )
        for channel, (count, reason) in metrics.abandoned_since(
            connection, now - GIVEN_UP_WITHIN
        ).items():
            found[f"abandoned {channel}"] = (
                f"{count} posts to {channel} were given up ({clip(reason, 200)}). "
                "See: paperwire outbox"
            )
        for channel, reason in metrics.unreachable(connection).items():
            found[f"unreachable {channel}"] = (
                f"{channel} cannot be reached ({clip(reason, 200)}). See: paperwire doctor"
            )
    return found


def place_of(where: str) -> Place:
    """Return the place that ``watch.alert_channel`` names, a platform and an address."""
    name, _, address = where.partition(":")
    return Place(name, address)


def has_readers(store: Store, place: Place) -> bool:
    """Tell whether a place gets digests: there troubles are never told."""
    if place.platform == "email":
        place = replace(place, address=place.address.lower())  # as readers' addresses are kept
    with store.read() as connection:
        channel = channels.at(connection, place)
    return channel is not None and channel.state is not ChannelState.LEFT


class Teller(Protocol):
    """What can carry a notice to the operator: every chat platform, and mail."""

    async def send(self, address: str, post: Post, key: str) -> SendOutcome:
        """Send one notice, as ``bot.ports.ChatPlatform.send`` does."""
        ...


class Alerts:
    """Compares what is wrong with what was told, and tells the difference."""

    def __init__(self, store: Store, tellers: Mapping[str, Teller], where: str) -> None:
        """``where`` is a platform and an address, as ``slack:T012AB3CD/C045EF6GH``."""
        self._store = store
        self._tellers = tellers
        self._place = place_of(where)

    async def tell(self, now: datetime) -> int:
        """Tell what began and what is over; return how many of both. Never raises for a send."""
        teller = self._tellers.get(self._place.platform)
        if teller is None:
            log.error("alert_channel_not_connected", platform=self._place.platform)
            return 0
        if await asyncio.to_thread(has_readers, self._store, self._place):
            log.error("alert_channel_has_readers", address=self._place.address)
            return 0
        told, wrong = await asyncio.to_thread(self._compare, now)
        begun = {name: words for name, words in wrong.items() if name not in told}
        over = {name: words for name, words in told.items() if name not in wrong}
        if not begun and not over:
            return 0
        lines = [*begun.values(), *(f"Over: {words}" for words in over.values())]
        rest = len(lines) - MOST
        post = Post(
            PostKind.NOTICE,
            f"{len(begun)} new, {len(over)} over: what Paperwire's operator should know",
            (*lines[:MOST], *((f"and {rest} more",) if rest > 0 else ())),
        )
        key = hashlib.sha256("\0".join([now.isoformat(), *lines]).encode()).hexdigest()[:24]
        try:
            outcome = await teller.send(self._place.address, post, key)
        except Exception as error:  # noqa: BLE001  the trouble is in the log in any case
            outcome = Retry(f"{type(error).__name__}: {error}")
        if isinstance(outcome, Retry):
            log.warning("alert_not_told", reason=outcome.reason)
            return 0
        if isinstance(outcome, Rejected):
            log.error("alert_refused", reason=outcome.reason)
        # Sent, refused for good, or perhaps there: it is not told a second time.
        kept = {name: told.get(name, words) for name, words in wrong.items()}
        await asyncio.to_thread(self._keep, kept)
        log.info("alert", begun=sorted(begun), over=sorted(over), outcome=type(outcome).__name__)
        return len(begun) + len(over)

    def _compare(self, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
        with self._store.read() as connection:
            text = metrics.told_alerts(connection)
        told = {str(name): str(words) for name, words in json.loads(text or "{}").items()}
        return told, troubles(self._store, now)

    def _keep(self, told: Mapping[str, str]) -> None:
        with self._store.write() as connection:
            metrics.keep_alerts(connection, json.dumps(told))
