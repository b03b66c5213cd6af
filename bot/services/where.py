"""Where a paper is, and why: for every channel, from the listing that brought it to the post."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain import (
    Channel,
    ChannelState,
    Delivery,
    Digest,
    Message,
    MessageState,
    Mode,
    Paper,
    PaperwireError,
)
from bot.identify import arxiv_id, doi
from bot.render import count_words
from bot.schedule import check_timezone, due_slot, next_slot
from bot.schedule import parse as parse_schedule
from bot.services.plan import FIRST_LOOK_DAYS, Pool, first_look, looked_upto
from bot.store import Store, channels, digests, listings, outbox, window
from bot.store import papers as paper_rows
from bot.store import passed as passed_rows
from bot.store.passed import Passed
from bot.views import Appearance

GIVEN_UP_SHOWN = 20
_CANDIDATES = frozenset({"new", "cross"})


class Standing(StrEnum):
    """How far a paper came in a channel; together these are all there is."""

    POSTED = "posted"
    WAITING = "waiting"  # a message is to be sent, or to be settled
    ABANDONED = "abandoned"
    PASSED_OVER = "passed_over"
    NEXT_DIGEST = "next_digest"  # the channel's next digest looks at it
    NOT_A_CANDIDATE = "not_a_candidate"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A paper in one channel. ``words`` is the whole answer in a sentence, without a full stop.

    ``ahead`` counts the open messages of the channel that go out before this one.
    """

    channel: Channel
    standing: Standing
    words: str
    digest: Digest | None = None
    delivery: Delivery | None = None
    message: Message | None = None
    sent_at: datetime | None = None
    ahead: int = 0
    passed: Passed | None = None


@dataclass(frozen=True, slots=True)
class Tracked:
    """A paper, where it came from, and its whereabouts in every channel."""

    paper: Paper
    came: tuple[Appearance, ...]
    whereabouts: tuple[Whereabouts, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """One channel: its state and next digest in words, what waits, what was passed over last.

    ``coming`` counts the papers that its next digest looks at, were it planned now.
    """

    channel: Channel
    words: str
    last: Digest | None
    waiting: tuple[Message, ...]
    abandoned: tuple[Message, ...]
    coming: int
    passed: tuple[tuple[Paper, Passed], ...]

    @property
    def steps(self) -> tuple[tuple[str, int], ...]:
        """At which step how many papers fell out, the most first."""
        return tuple(Counter(drop.step for _, drop in self.passed).most_common())


def find_paper(store: Store, text: str) -> Paper:
    """Return the paper that an arXiv id, a DOI, a link or ``p123`` names.

    Raises PaperwireError with the next step where none is stored.
    """
    known = arxiv_id(text)
    handle = known[0] if known else doi(text) or text.strip()
    with store.read() as connection:
        found = paper_rows.paper_by_handle(connection, handle)
        wanted = listings.asked_for(connection, handle)
    if found is not None:
        return found
    if wanted is None:
        raise PaperwireError(
            f"No paper {text!r} is stored. Find it by its title with: paperwire search WORDS"
        )
    asked = f"{handle} was asked for on {_moment(wanted.asked_at)} and is not here yet"
    if wanted.answer:
        raise PaperwireError(f"{asked}: {wanted.answer}. Ask again with: /papers submit {handle}")
    raise PaperwireError(
        f"{asked}; it was looked up {wanted.tries} times and is again from "
        f"{_moment(wanted.not_before)} on. See why with: paperwire doctor"
    )


def track(store: Store, paper: Paper, now: datetime, *, only: Channel | None = None) -> Tracked:
    """Say where a paper is in every channel, or in one."""
    with store.read() as connection:
        chosen = channels.every(connection) if only is None else (only,)
        came = window.appearances(connection, paper.id)
        found = tuple(whereabouts(connection, one, paper, came, now) for one in chosen)
    return Tracked(paper, came, found)


def whereabouts(
    connection: sqlite3.Connection,
    channel: Channel,
    paper: Paper,
    came: tuple[Appearance, ...],
    now: datetime,
) -> Whereabouts:
    """Say where a paper is in one channel; ``came`` is where it came from."""
    delivery = outbox.delivery(connection, channel.id, paper.id)
    if delivery is not None:
        return _delivered(connection, channel, delivery, now)
    passed = digests.passed_over(connection, channel.id, paper.id)
    if passed is not None:
        digest, drop = passed
        match = "" if drop.match is None else f"a match of {drop.match}: "
        return Whereabouts(
            channel,
            Standing.PASSED_OVER,
            f"passed over by the digest of {_slot(digest.slot)}, step {drop.step}, "
            f"{match}{drop.words}",
            digest=digest,
            passed=drop,
        )
    standing, words = _undecided(connection, channel, came, paper, now)
    return Whereabouts(channel, standing, words)


def look_ahead(store: Store, channel: Channel, now: datetime) -> Outlook:
    """Say how one channel stands and what its last digest left out, the nearest first."""
    with store.read() as connection:
        last = digests.last(connection, channel.id)
        dropped = passed_rows.of_digest(connection, last.id) if last else ()
        papers = {
            paper.id: paper
            for paper in paper_rows.papers(connection, [drop.paper_id for drop in dropped])
        }
        ordered = sorted(dropped, key=lambda drop: (-(drop.match or 0), drop.paper_id))
        upto, after = digests.head(connection), looked_upto(connection, channel, now)
        coming = Pool().fresh(connection, channel, after=after, upto=upto)
        return Outlook(
            channel,
            _state(connection, channel, now),
            last,
            outbox.waiting(connection, channel.id),
            window.failed_messages(connection, channel.id, GIVEN_UP_SHOWN),
            len(coming) if channel.mode is not Mode.TRENDING else 0,
            tuple((papers[drop.paper_id], drop) for drop in ordered if drop.paper_id in papers),
        )


def _delivered(
    connection: sqlite3.Connection, channel: Channel, delivery: Delivery, now: datetime
) -> Whereabouts:
    message = outbox.message(connection, delivery.message_id)
    digest = digests.digest(connection, delivery.digest_id)
    assert message is not None  # noqa: S101  the schema promises both
    assert digest is not None  # noqa: S101  the schema promises both
    sent_at = outbox.sent_at(connection, message.id)
    of = f"number {delivery.number} of the {digest.kind} digest of {_slot(digest.slot)}"
    open_ones = outbox.waiting(connection, channel.id)
    ahead = sum(one.id < message.id for one in open_ones)
    match message.state:
        case MessageState.SENT:
            standing = Standing.POSTED
            words = f"posted on {_moment(sent_at)} as {of}"
        case MessageState.ABANDONED:
            standing = Standing.ABANDONED
            words = f"given up, it was {of}: {message.error or 'no reason was kept'}"
        case state:
            standing = Standing.WAITING
            doing = {
                MessageState.PENDING: "waits to be sent",
                MessageState.SENDING: "is being sent",
                MessageState.UNKNOWN: "may be there: the platform is to be asked",
            }[state]
            words = f"{doing}, {of}"
            if message.not_before is not None and message.not_before > now:
                words += f", not before {_moment(message.not_before)}"
            if ahead:
                words += f", after {count_words(ahead, 'earlier open message')}"
            if message.error:
                words += f" ({message.error})"
    return Whereabouts(
        channel,
        standing,
        words,
        digest=digest,
        delivery=delivery,
        message=message,
        sent_at=sent_at,
        ahead=ahead if standing is Standing.WAITING else 0,
    )


def _undecided(
    connection: sqlite3.Connection,
    channel: Channel,
    came: tuple[Appearance, ...],
    paper: Paper,
    now: datetime,
) -> tuple[Standing, str]:
    """Say of a paper without a decision in a channel whether there will be one."""
    never = Standing.NOT_A_CANDIDATE
    if channel.state is ChannelState.LEFT:
        return never, f"the channel left ({channel.state_reason or 'no reason was kept'})"
    if channel.mode is Mode.TRENDING:
        return never, (
            "the channel posts trending papers only, and this one was not among the most upvoted"
        )
    chance = digests.first_chance(connection, channel, paper.id)
    if chance is None:
        return never, why_no_candidate(channel, came)
    if chance <= looked_upto(connection, channel, now):
        return never, _too_late(connection, channel, chance, now)
    if channel.state is ChannelState.PAUSED:
        return Standing.NEXT_DIGEST, (
            f"the channel is paused ({channel.state_reason}); the first digest after "
            "/papers resume looks at it"
        )
    return Standing.NEXT_DIGEST, f"the next digest looks at it, {_next(connection, channel, now)}"


def _too_late(connection: sqlite3.Connection, channel: Channel, chance: int, now: datetime) -> str:
    digest = digests.first_looking(connection, channel.id, chance)
    if digest is None or chance <= first_look(connection, channel, now):
        return (
            f"it came before the channel subscribed on {_moment(channel.created_at)} "
            f"(a first digest looks back {FIRST_LOOK_DAYS} days)"
        )
    return (
        f"the digest of {_slot(digest.slot)} had its turn and kept no line of it: its sources were "
        "others then, or the line is older than retention.details_days"
    )


def why_no_candidate(channel: Channel, came: tuple[Appearance, ...]) -> str:
    """Say why no digest of a channel can ever look at a paper that came in these ways."""
    if not came:
        return "no listing brought it: it was looked up by its id, or imported"
    wanted = {name.partition(":")[0] for name in channel.sources}
    here = [one for one in came if not wanted or one.source in wanted]
    if not here:
        names = ", ".join(sorted({one.source for one in came}))
        return f"it came from {names}, and this channel reads {', '.join(channel.sources)}"
    announced = [one for one in here if one.announce in _CANDIDATES]
    if not announced:
        return "it came as a replacement of an earlier version, which no digest announces"
    if not any(one.fresh for one in announced):
        return "it came by back-fill or by a look-up, which no digest announces"
    # What is left: the source is read, but only some of its categories.
    return f"it is in none of the categories that this channel reads: {', '.join(channel.sources)}"


def sentence(words: str) -> str:
    """Return words as a sentence of their own."""
    return f"{words[:1].upper()}{words[1:]}."


def _state(connection: sqlite3.Connection, channel: Channel, now: datetime) -> str:
    reason = f" ({channel.state_reason})" if channel.state_reason else ""
    match channel.state:
        case ChannelState.LEFT:
            return f"left{reason}: no digest comes"
        case ChannelState.PAUSED:
            return f"paused{reason}: no digest comes before /papers resume"
        case ChannelState.UNREACHABLE:
            return (
                f"unreachable{reason}: digests are planned, {_next(connection, channel, now)}, and "
                "wait until the platform lets the bot in again"
            )
        case ChannelState.ACTIVE:
            return f"active: the next digest is {_next(connection, channel, now)}"


def _next(connection: sqlite3.Connection, channel: Channel, now: datetime) -> str:
    schedule, zone = parse_schedule(channel.schedule), check_timezone(channel.timezone)
    last = digests.last(connection, channel.id)
    due = due_slot(
        schedule, zone, last.slot if last else None, now, since=channel.scheduled_at or now
    )
    if due is not None:
        return f"due since {_slot(due.slot)} {zone.key}, planned as soon as Paperwire runs"
    return f"{_slot(next_slot(schedule, zone, now)[0])} {zone.key}"


def _slot(slot: str) -> str:
    return slot[:16].replace("T", " ")


def _moment(moment: datetime | None) -> str:
    return "an unknown day" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
