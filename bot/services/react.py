"""Votes: a reaction, a button or a command is one row, switched on or off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog

from bot import faults
from bot.domain import Channel, Message, Paper, Reply, Signal, Via, VoteEvent
from bot.ports import ChatPlatform, Standing, nobody
from bot.render import clip, plain_text
from bot.store import Store, channels, feedback, outbox
from bot.store import papers as paper_rows
from bot.store.feedback import Ballot

log = structlog.get_logger(__name__)

# Whether each (paper, person, signal) stood, and since when.
Given = dict[tuple[int, str, Signal], tuple[bool, str]]

READ_BACK_DAYS = 14
OPPOSITE = {Signal.LIKE: Signal.DISLIKE, Signal.DISLIKE: Signal.LIKE}
_DONE = {
    Signal.LIKE: ("Liked", "Like taken back"),
    Signal.DISLIKE: ("Less like this", "Dislike taken back"),
    Signal.SAVE: ("Saved", "No longer saved"),
    Signal.SUBMIT: ("Submitted", "Submission taken back"),
}

NOT_OURS = Reply("That message carries no paper of mine to vote on.", ok=False)
NOT_YET = Reply("That message is only just arriving. Vote once more in a moment.", ok=False)


def vote(store: Store, event: VoteEvent, now: datetime) -> Reply:
    """Record a reaction or a button; an event handed in twice counts once.

    Return ``NOT_YET`` where the message may be one that is being posted and not recorded yet.
    """
    faults.reach("before_vote")
    with store.write() as connection:
        channel = channels.at(connection, event.place)
        delivery = outbox.voted_delivery(connection, event.place, event.remote_id, event.number)
        if channel is None or delivery is None:
            posting = channel is not None and outbox.is_posting(connection, channel.id)
            return NOT_YET if posting else NOT_OURS
        paper = paper_rows.paper(connection, delivery.paper_id)
        if paper is None or not feedback.first_seen(connection, event.event_id, now):
            return Reply("Already noted.")
        ballot = Ballot(channel.id, paper.id, feedback.key_of(connection, event.person))
        standing = feedback.signals(connection, ballot)
        on = event.signal not in standing if event.on is None else event.on
        via = Via.BUTTON if event.on is None else Via.REACTION
        reply = cast(store, paper, ballot, event.signal, on=on, via=via, now=now)
        faults.reach("in_vote")
    faults.reach("after_vote")
    return reply


def cast(
    store: Store, paper: Paper, ballot: Ballot, signal: Signal, *, on: bool, via: Via, now: datetime
) -> Reply:
    """Switch one person's signal on a paper.

    A button or a command that likes takes the same person's dislike back, and the other way
    round; two reactions may stand side by side, and then they cancel out in ranking.
    """
    with store.write() as connection:
        feedback.set_signal(connection, ballot, signal, on=on, via=via, now=now)
        opposite = OPPOSITE.get(signal)
        if on and opposite is not None and via is not Via.REACTION:
            feedback.set_signal(connection, ballot, opposite, on=False, via=via, now=now)
        standing = feedback.signals(connection, ballot)
        tally = feedback.on_paper(connection, ballot.channel_id, paper.id)
    return Reply(
        f"{_DONE[signal][0 if on else 1]}: {clip(plain_text(paper.title, 200), 120)}",
        lines=(_tally(tally),) if tally else (),
        signals=tuple(sorted(standing)),
        counts=tuple((signal, tally[signal]) for signal in Signal if signal in tally),
    )


async def read_back(
    store: Store,
    platform: ChatPlatform,
    channel: Channel,
    now: datetime,
    *,
    unread: Callable[[str], None] = nobody,
) -> int:
    """Bring votes up to the reactions that stand now; return how many rows changed.

    After a gap events are lost in both directions, so what stands is switched on and what a
    reaction gave and no longer stands is switched off. Buttons and commands are left alone.
    ``unread`` is told of each message whose reactions could not be read.
    """

    def recent() -> tuple[Message, ...]:
        with store.read() as connection:
            since = now - timedelta(days=READ_BACK_DAYS)
            return outbox.recent_sent(connection, channel.id, since)

    total = 0
    for message in await asyncio.to_thread(recent):
        changed = None
        try:
            changed = await read_back_one(store, platform, channel, message, now)
        except Exception:
            # The others are read all the same, and this one is told of.
            log.exception("read_back_failed", channel=channel.name)
        if changed is None:
            unread(message.remote_id or "")
        total += changed or 0
    return total


async def read_back_one(
    store: Store, platform: ChatPlatform, channel: Channel, message: Message, now: datetime
) -> int | None:
    """Do that for one sent message; None where its reactions cannot be read."""
    before = await asyncio.to_thread(_given, store, channel, message)
    standing = await platform.standing(channel.address, message.remote_id or "")
    if standing is None:
        return None
    return await asyncio.to_thread(_apply, store, channel, message, standing, before, now)


def _given(store: Store, channel: Channel, message: Message) -> Given:
    with store.read() as connection:
        papers = [one.paper_id for one in outbox.message_deliveries(connection, message.id)]
        return feedback.given(connection, channel.id, papers, Via.REACTION)


def _apply(
    store: Store,
    channel: Channel,
    message: Message,
    standing: Iterable[Standing],
    before: Given,
    now: datetime,
) -> int:
    changed = 0
    with store.write() as connection:
        carried = outbox.message_deliveries(connection, message.id)
        posted = outbox.sent_at(connection, message.id) or now
        for delivery in carried:
            there = {
                (feedback.person_key(connection, channel.platform, s.person_id), s.signal)
                for s in standing
                if s.number == delivery.number or (s.number is None and len(carried) == 1)
            }
            given = feedback.given(connection, channel.id, [delivery.paper_id], Via.REACTION)
            known = {(person, signal) for (_, person, signal), (on, _) in given.items() if on}
            # What people did while the platform was asked is newer than its answer.
            meanwhile = {
                (person, signal)
                for paper_id, person, signal in before.keys() | given.keys()
                if paper_id == delivery.paper_id
                and before.get((paper_id, person, signal)) != given.get((paper_id, person, signal))
            }
            # Whoever asked to be forgotten is, though the reactions are still to be seen.
            there -= {
                (person, signal)
                for person, signal in there - known
                if (since := feedback.forgotten_at(connection, person)) and posted <= since
            }
            for on, pairs in ((True, there - known), (False, known - there)):
                for person, signal in sorted(pairs - meanwhile):
                    ballot = Ballot(channel.id, delivery.paper_id, person)
                    changed += feedback.set_signal(
                        connection, ballot, signal, on=on, via=Via.REACTION, now=now
                    )
        faults.reach("in_read_back")
    faults.reach("after_read_back")
    return changed


def _tally(tally: dict[Signal, int]) -> str:
    words = {Signal.LIKE: "👍", Signal.DISLIKE: "👎", Signal.SAVE: "🔖", Signal.SUBMIT: "submitted"}
    return "  ".join(f"{words[signal]} {tally[signal]}" for signal in Signal if signal in tally)
