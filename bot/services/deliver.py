"""Sending what is planned: a channel's messages in order, each with its outcome recorded.

A message is claimed in one transaction, sent outside any, and its outcome written in another.
Whatever happens between the two leaves it "sending", which the next start turns into "unknown":
then the platform is asked for the key, and only what is provably absent is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot import faults
from bot.domain import Channel, ChannelState, Layout, Message, MessageState
from bot.ports import (
    Absent,
    ChatPlatform,
    Clock,
    Found,
    Rejected,
    Retry,
    SendOutcome,
    Sent,
    Unknown,
    nobody,
)
from bot.store import Store, channels, outbox

log = structlog.get_logger(__name__)

GIVE_UP_AFTER = timedelta(hours=24)
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)
UNREACHABLE_PAUSE = timedelta(minutes=15)
ASKED_FOR = timedelta(hours=1)  # by this process, before a platform that cannot tell is given up
ASK_AFTER = timedelta(seconds=10)  # a slow platform may still be storing what it was sent
CLOCK_SLACK = timedelta(minutes=5)  # between our clock and a platform's
AT_ONCE = 16  # channels that are served side by side


@dataclass(frozen=True, slots=True)
class Settled:
    """What one pass over the outbox did, in messages."""

    sent: int = 0
    waiting: int = 0
    abandoned: int = 0


class Courier:
    """Carries messages from the outbox to their platforms."""

    def __init__(
        self,
        store: Store,
        platforms: Mapping[str, ChatPlatform],
        clock: Clock,
        *,
        found: Callable[[Channel, str], None] = nobody,
        give_up_after: timedelta = GIVE_UP_AFTER,
        at_once: int = AT_ONCE,
    ) -> None:
        """``found`` hears of each message with papers that was in doubt and is there.

        Votes that came in between were on a message that nobody knew.
        """
        self._store = store
        self._platforms = platforms
        self._clock = clock
        self._found = found
        self._give_up_after = give_up_after
        self._stopping = False
        self._busy: set[int] = set()
        self._asked_since: dict[int, datetime] = {}  # by message, while it stays unknown
        # By channel: what a platform said while the store could not be written.
        self._unrecorded: dict[int, tuple[Channel, Message, SendOutcome, datetime]] = {}
        self._turns = asyncio.Semaphore(at_once)

    def stop(self) -> None:
        """Take up no further message; the ones in hand are finished."""
        self._stopping = True

    async def recover(self) -> int:
        """At a start, before the first pass: what was in flight is unknown now."""

        def run() -> int:
            with self._store.write() as connection:
                return outbox.recover(connection)

        recovered = await asyncio.to_thread(run)
        faults.reach("after_recover")
        return recovered

    async def settle(self) -> Settled:
        """Send and settle everything that is due, channels side by side, each in order."""

        def waiting() -> tuple[int, ...]:
            with self._store.read() as connection:
                return outbox.waiting_channels(connection)

        open_ids = {*await asyncio.to_thread(waiting), *self._unrecorded}
        ids = [number for number in sorted(open_ids) if number not in self._busy]
        results = await asyncio.gather(*(self._serve(number) for number in ids))
        return Settled(
            sum(result.sent for result in results),
            sum(result.waiting for result in results),
            sum(result.abandoned for result in results),
        )

    async def _serve(self, channel_id: int) -> Settled:
        self._busy.add(channel_id)
        sent = abandoned = 0
        try:
            async with self._turns:
                if channel_id in self._unrecorded:
                    await asyncio.to_thread(self._record, *self._unrecorded[channel_id])
                    del self._unrecorded[channel_id]
                while not self._stopping:
                    faults.reach("before_claim")
                    claimed = await asyncio.to_thread(self._claim, channel_id)
                    if claimed is None:
                        break
                    state = await self._carry(*claimed)
                    sent += state is MessageState.SENT
                    abandoned += state is MessageState.ABANDONED
                    if state in {MessageState.PENDING, MessageState.UNKNOWN}:
                        return Settled(sent, 1, abandoned)
        except Exception:
            # A full disk or a held database, most often: the other channels go on.
            log.exception("channel_failed", channel_id=channel_id)
            return Settled(sent, 1, abandoned)
        finally:
            self._busy.discard(channel_id)
        return Settled(sent, 0, abandoned)

    def _claim(self, channel_id: int) -> tuple[Channel, Message, datetime] | None:
        now = self._clock()
        with self._store.write() as connection:
            channel = channels.channel(connection, channel_id)
            # A platform that is not running now keeps its messages for when it does.
            if channel is None or channel.platform not in self._platforms:
                return None
            if channel.state is ChannelState.LEFT:
                outbox.abandon_channel(connection, channel_id, channel.state_reason or "left")
                return None
            message = outbox.claim(connection, channel_id, now)
            if message is None:
                return None
            planned = outbox.created_at(connection, message.id) or now
            faults.reach("in_claim")
            return channel, message, planned

    async def _carry(self, channel: Channel, message: Message, planned: datetime) -> MessageState:
        platform = self._platforms[channel.platform]
        if message.state is MessageState.UNKNOWN:
            return await self._ask(platform, channel, message, planned)
        faults.reach("after_claim")
        parent = message.parent_remote_id if channel.layout is Layout.THREAD else None
        outcome: SendOutcome
        try:
            outcome = await platform.send(channel.address, message.post, message.key, parent=parent)
        except Exception as error:  # noqa: BLE001  an adapter's bug must not pass for "not sent"
            outcome = Unknown(f"{type(error).__name__}: {error}")
        faults.reach("after_send")
        try:
            state = await asyncio.to_thread(self._record, channel, message, outcome, planned)
        except Exception:
            # It stays "sending" in the store, and nothing overtakes it, until this is written.
            self._unrecorded[channel.id] = (channel, message, outcome, planned)
            raise
        faults.reach("after_record")
        return state

    async def _ask(
        self, platform: ChatPlatform, channel: Channel, message: Message, planned: datetime
    ) -> MessageState:
        def claimed_at() -> datetime:
            with self._store.read() as connection:
                return outbox.claimed_at(connection, message.id) or self._clock()

        since = await asyncio.to_thread(claimed_at) - CLOCK_SLACK
        faults.reach("before_ask")
        try:
            found = await platform.find(channel.address, message.key, since=since)
        except Exception as error:  # noqa: BLE001  whatever the adapter raised, we still do not know
            log.warning("find_failed", channel=channel.name, key=message.key, error=str(error))
            found = None

        faults.reach("after_ask")
        asked_since = self._asked_since.setdefault(message.id, self._clock())

        def record() -> MessageState:
            now = self._clock()
            with self._store.write() as connection:
                if isinstance(found, Found):
                    outbox.mark_sent(connection, message.id, found.remote_id, now)
                    faults.reach("in_settle")
                    return MessageState.SENT
                too_late = now - planned >= self._give_up_after
                if isinstance(found, Absent):
                    # After a long stop it is tried once more before it is given up.
                    if too_late and message.attempts > 1:
                        words = f"given up after {message.attempts} tries: it did not arrive"
                        outbox.mark_abandoned(connection, message.id, words)
                        return MessageState.ABANDONED
                    outbox.mark_pending(connection, message.id, None, "was not there; sent again")
                    return MessageState.SENDING
                words, after = (
                    ("the platform could not be asked", 30.0)
                    if found is None
                    else (found.reason, found.after)
                )
                # Nor is it given up after a long stop before the platform could have answered.
                if too_late and now - asked_since >= ASKED_FOR:
                    words = f"given up; it may have arrived: {words}"
                    outbox.mark_abandoned(connection, message.id, words)
                    return MessageState.ABANDONED
                outbox.mark_unknown(
                    connection, message.id, now + timedelta(seconds=max(1.0, after)), words
                )
                return MessageState.UNKNOWN

        state = await asyncio.to_thread(record)
        faults.reach("after_settle")
        if state is not MessageState.UNKNOWN:
            del self._asked_since[message.id]
        log.info("settled", channel=channel.name, key=message.key, state=state)
        if isinstance(found, Found) and message.post.cards:
            self._found(channel, found.remote_id)
        return state

    def _record(
        self, channel: Channel, message: Message, outcome: SendOutcome, planned: datetime
    ) -> MessageState:
        now = self._clock()
        attempts = message.attempts + 1
        with self._store.write() as connection:
            # People may have paused it or said farewell while the post was under way.
            channel = channels.channel(connection, channel.id) or channel
            match outcome:
                case Sent(remote_id):
                    outbox.mark_sent(connection, message.id, remote_id, now)
                    faults.reach("in_record")
                    if channel.state is ChannelState.UNREACHABLE:
                        channels.set_state(connection, channel.id, ChannelState.ACTIVE, "")
                    log.info("sent", channel=channel.name, key=message.key, remote_id=remote_id)
                    return MessageState.SENT
                case Unknown(reason):
                    outbox.mark_unknown(connection, message.id, now + ASK_AFTER, reason)
                    log.warning("unknown", channel=channel.name, key=message.key, reason=reason)
                    return MessageState.UNKNOWN
                case Retry(reason, after):
                    pause = max(timedelta(seconds=after), _pause(attempts))
                case Rejected(reason, channel_state=None):
                    outbox.mark_abandoned(connection, message.id, reason)
                    log.error("rejected", channel=channel.name, key=message.key, reason=reason)
                    return MessageState.ABANDONED
                case Rejected(reason, ChannelState() as state):
                    if state is ChannelState.LEFT or channel.state is ChannelState.ACTIVE:
                        channels.set_state(connection, channel.id, state, reason)
                    log.error("channel_state", channel=channel.name, state=state, reason=reason)
                    if state is ChannelState.LEFT:
                        outbox.abandon_channel(connection, channel.id, reason)
                        return MessageState.ABANDONED
                    pause = UNREACHABLE_PAUSE
            # After a long stop one busy answer is no reason to give up what was never tried before.
            tried = attempts > 1 or not isinstance(outcome, Retry)
            if tried and now - planned >= self._give_up_after:
                words = f"given up after {attempts} tries: {reason}"
                outbox.mark_abandoned(connection, message.id, words)
                log.error("given_up", channel=channel.name, key=message.key, reason=reason)
                return MessageState.ABANDONED
            outbox.mark_pending(connection, message.id, now + pause, reason)
            log.info("will_retry", channel=channel.name, key=message.key, reason=reason)
            return MessageState.PENDING


def _pause(attempts: int) -> timedelta:
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 16)
    return min(LONGEST_PAUSE, doubled)
