"""Planning a digest: what a channel would get, and writing it as rows before anything is sent."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import structlog

from bot import faults, render
from bot.domain import Card, Channel, Delivery, Digest, DigestKind, Feedback, Mode, Paper, Post
from bot.ports import nobody
from bot.schedule import check_timezone, due_slot
from bot.schedule import parse as parse_schedule
from bot.services.choose import Chooser, Pick
from bot.services.ranker import Ranker, interest
from bot.store import Store, channels, digests, gap, outbox
from bot.store import papers as paper_rows
from bot.store import passed as passed_rows
from bot.store.passed import Passed

log = structlog.get_logger(__name__)

FIRST_LOOK_DAYS = 3  # how far back a new channel's first digest looks
SETTLED_DAYS = 2  # days after which a listing's upvotes have mostly come in
TRENDING_DAYS = 7
MISSED_SIZE = 3
SEEN_PAPERS = 300  # posted papers that near-duplicates are looked for among


@dataclass(frozen=True, slots=True)
class Proposal:
    """A digest that is not written yet: what would be posted, and what not and why."""

    channel: Channel
    slot: str
    kind: DigestKind
    considered: int
    picks: tuple[Pick, ...]
    passed: tuple[Passed, ...]
    upto: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """A digest as written: its row and the posts in order; ``posts`` is empty in silence."""

    digest: Digest
    proposal: Proposal
    posts: tuple[Post, ...]


class Pool:
    """The papers that came in between two appearances, read once for all channels that ask."""

    def __init__(self) -> None:
        self._papers: dict[tuple[tuple[str, ...], int, int], tuple[Paper, ...]] = {}

    def fresh(
        self, connection: sqlite3.Connection, channel: Channel, *, after: int, upto: int
    ) -> list[Paper]:
        """Return what a channel has not been given of what came in (after, upto]."""
        key = (channel.sources, after, upto)
        if key not in self._papers:
            self._papers[key] = digests.fresh_papers(
                connection, channel.sources, after=after, upto=upto
            )
        given = digests.delivered(connection, channel.id)
        return [paper for paper in self._papers[key] if paper.id not in given]


def looked_upto(connection: sqlite3.Connection, channel: Channel, now: datetime) -> int:
    """Return the appearance up to which a channel's digests have looked."""
    looked = digests.looked_upto(connection, channel.id)
    return first_look(connection, channel, now) if looked is None else looked


def first_look(connection: sqlite3.Connection, channel: Channel, now: datetime) -> int:
    """Return the appearance after which a channel's first digest begins to look."""
    looked = (channel.created_at or now) - timedelta(days=FIRST_LOOK_DAYS)
    return digests.head_before(connection, looked)


def plan_due(
    store: Store,
    ranker: Ranker,
    now: datetime,
    *,
    told: Callable[[Planned], None] = nobody,
    between: Callable[[], None] = lambda: None,
) -> tuple[Planned, ...]:
    """Plan every digest whose slot has come; each channel in its own transaction.

    A channel that cannot be planned is logged and tried at the next call; the others go on.
    ``told`` hears of each digest as soon as it is written; ``between`` is called before each
    channel and may wait. What is returned does not tell what was passed over.
    """
    with store.read() as connection:
        serving = channels.every(connection, serving=True)
    pool = Pool()
    written: list[Planned] = []
    for channel in serving:
        between()
        try:
            planned = plan_channel(store, ranker, channel, now, pool=pool)
        except Exception:
            log.exception("plan_failed", channel=channel.name, platform=channel.platform)
            continue
        for one in planned:
            told(one)
            # What a thousand channels passed over is in the store, and too much to hold besides.
            written.append(replace(one, proposal=replace(one.proposal, passed=())))
    return tuple(written)


def plan_channel(
    store: Store, ranker: Ranker, channel: Channel, now: datetime, *, pool: Pool | None = None
) -> tuple[Planned, ...]:
    """Plan what is due for one channel: nothing, its digest, or also the weekly "you missed"."""
    with store.read() as connection:
        last = digests.last(connection, channel.id)
    due = due_slot(
        parse_schedule(channel.schedule),
        check_timezone(channel.timezone),
        last.slot if last else None,
        now,
        since=channel.scheduled_at or now,
    )
    if due is None:
        return ()
    notes: tuple[str, ...] = ()
    if due.missed and last is not None:
        since = date.fromisoformat(last.slot[:10]) + timedelta(days=1)
        notes = (render.catch_up_note(due.missed, since),)
    daily = propose(store, ranker, channel, now, slot=due.slot, notes=notes, pool=pool)
    proposals = [daily]
    if channel.you_missed and _first_of_week(last, due.slot):
        proposals.append(propose_missed(store, ranker, channel, now, daily))
    # One transaction, so that no crash can leave the one without the other.
    with store.write():
        written = [write(store, proposal, now) for proposal in proposals]
    return tuple(planned for planned in written if planned is not None)


def propose(
    store: Store,
    ranker: Ranker,
    channel: Channel,
    now: datetime,
    *,
    slot: str,
    notes: tuple[str, ...] = (),
    feedback: Sequence[Feedback] | None = None,
    pool: Pool | None = None,
) -> Proposal:
    """Choose the papers of a channel's digest for a slot; writes nothing.

    ``feedback`` stands in for the votes in the store: what would it be without them?
    """
    with store.read() as connection:
        upto = digests.head(connection)
        after = looked_upto(connection, channel, now)
        papers = (pool or Pool()).fresh(connection, channel, after=after, upto=upto)
        places = _trending_places(channel)
        rising = _rising(connection, channel, slot) if places else ()
        posted = digests.posted(connection, channel.id, SEEN_PAPERS)
        wants = interest(connection, channel, now, feedback=feedback)
    chooser = Chooser(ranker, channel, wants, posted)
    trending = chooser.by_upvotes(rising, places, label="trending")
    picks: list[Pick] = []
    passed: list[Passed] = []
    if channel.mode is not Mode.TRENDING:
        taken = {pick.paper.id for pick in trending}
        picks, passed = chooser.by_interest(
            [paper for paper in papers if paper.id not in taken], channel.size - len(trending)
        )
    picks = [replace(pick, number=number) for number, pick in enumerate([*picks, *trending], 1)]
    return Proposal(
        channel=channel,
        slot=slot,
        kind=DigestKind.DAILY,
        considered=len({paper.id for paper in papers} | {pick.paper.id for pick in picks}),
        picks=tuple(picks),
        passed=tuple(passed),
        upto=upto,
        notes=notes,
    )


def propose_missed(
    store: Store, ranker: Ranker, channel: Channel, now: datetime, beside: Proposal
) -> Proposal:
    """Choose what drew most attention in the last seven listing days and never came here."""
    taken = {pick.paper.id for pick in beside.picks}
    with store.read() as connection:
        rising = [p for p in _rising(connection, channel, beside.slot) if p.id not in taken]
        posted = digests.posted(connection, channel.id, SEEN_PAPERS)
        wants = interest(connection, channel, now)
    chooser = Chooser(ranker, channel, wants, posted)
    picks = chooser.by_upvotes(rising, MISSED_SIZE, label="you missed")
    return Proposal(
        channel, beside.slot, DigestKind.MISSED, len(rising), tuple(picks), (), beside.upto
    )


def propose_more(
    store: Store, ranker: Ranker, channel: Channel, now: datetime, count: int
) -> Proposal:
    """Choose the best of what the last digest passed over."""
    with store.read() as connection:
        upto = digests.looked_upto(connection, channel.id) or 0
        numbers = passed_rows.runners_up(connection, channel.id, count)
        papers = paper_rows.papers(connection, numbers)
        wants = interest(connection, channel, now)
    picks = Chooser(ranker, channel, wants, ()).in_order(papers)
    slot = _instant_slot(channel, now)
    return Proposal(channel, slot, DigestKind.MORE, len(picks), tuple(picks), (), upto)


def propose_shared(
    store: Store, ranker: Ranker, channel: Channel, now: datetime, paper: Paper
) -> Proposal:
    """Make a digest of one paper that a member shared."""
    with store.read() as connection:
        upto = digests.looked_upto(connection, channel.id) or 0
        wants = interest(connection, channel, now)
    pick = Chooser(ranker, channel, wants, ()).in_order([paper])[0]
    shared = replace(pick, label="shared", reason="a member of this channel shared it")
    return Proposal(channel, _instant_slot(channel, now), DigestKind.SHARED, 1, (shared,), (), upto)


def write(store: Store, proposal: Proposal, now: datetime) -> Planned | None:
    """Write a digest with its messages and deliveries; None when its slot is already taken.

    Raises sqlite3.IntegrityError, having written nothing, when a paper was posted meanwhile.
    """
    channel = proposal.channel
    if proposal.kind is not DigestKind.DAILY and not proposal.picks:
        return None
    with store.write() as connection:
        silent = not proposal.picks and (
            not channel.quiet_note or digests.was_quiet(connection, channel.id)
        )
        digest = Digest(
            id=0,
            channel_id=channel.id,
            slot=proposal.slot,
            kind=proposal.kind,
            planned_at=now,
            considered=proposal.considered,
            chosen=len(proposal.picks),
            note="; ".join(proposal.notes),
        )
        digest_id = digests.insert(connection, digest, upto=proposal.upto, quiet=not proposal.picks)
        if digest_id is None:
            return None
        posts = () if silent else to_posts(proposal)
        _write_posts(connection, proposal, digest_id, posts, now)
        if proposal.kind is DigestKind.SHARED:
            gap.doubt_digest(connection, digest_id, now)
        passed_rows.insert(connection, digest_id, proposal.passed)
        faults.reach("in_plan")
    faults.reach("after_plan")
    return Planned(replace(digest, id=digest_id), proposal, posts)


def to_posts(proposal: Proposal) -> tuple[Post, ...]:
    """Lay a proposal out as the posts its channel would get."""
    return render.digest_posts(
        proposal.channel.layout,
        channel_name=proposal.channel.name,
        day=render.day_words(date.fromisoformat(proposal.slot[:10])),
        considered=proposal.considered,
        cards=[to_card(pick) for pick in proposal.picks],
        notes=proposal.notes,
        kind=proposal.kind,
    )


def to_card(pick: Pick) -> Card:
    """Return a pick as any platform shows it."""
    return render.card(
        pick.paper,
        number=pick.number,
        summary=pick.summary,
        reason=pick.reason,
        match=pick.match,
        label=pick.label,
        summary_label=pick.summary_label,
    )


def message_key(channel: Channel, named: str, kind: DigestKind, sequence: int) -> str:
    """Return the key a post travels with: 24 characters, the same however often it is planned.

    ``named`` tells digests of one kind apart: the slot, or the paper that was shared.
    """
    words = f"{channel.platform}\0{channel.address}\0{named}\0{kind}\0{sequence}"
    digest = hashlib.sha256(words.encode()).digest()[:15]
    return base64.b32encode(digest).decode().lower()


def _write_posts(
    connection: sqlite3.Connection,
    proposal: Proposal,
    digest_id: int,
    posts: Sequence[Post],
    now: datetime,
) -> None:
    by_number = {pick.number: pick for pick in proposal.picks}
    named = proposal.slot
    if proposal.kind is DigestKind.SHARED:
        # A paper is shared once, whenever that is: after a restore the post is found again.
        paper = proposal.picks[0].paper
        named = paper.arxiv_id or paper.doi or paper.url or paper.title
    for sequence, post in enumerate(posts):
        message_id = outbox.insert_message(
            connection,
            channel_id=proposal.channel.id,
            digest_id=digest_id,
            sequence=sequence,
            key=message_key(proposal.channel, named, proposal.kind, sequence),
            post=post,
            now=now,
        )
        for card in post.cards:
            pick = by_number[card.number]
            outbox.insert_delivery(
                connection,
                Delivery(
                    id=0,
                    channel_id=proposal.channel.id,
                    paper_id=pick.paper.id,
                    digest_id=digest_id,
                    message_id=message_id,
                    number=pick.number,
                    score=pick.score,
                    match=pick.match,
                    reason=pick.reason,
                    parts=pick.parts,
                    label=pick.label,
                ),
            )


def _rising(connection: sqlite3.Connection, channel: Channel, slot: str) -> tuple[Paper, ...]:
    today = date.fromisoformat(slot[:10])
    return digests.voted_up(
        connection,
        channel,
        first=today - timedelta(days=TRENDING_DAYS),
        last=today - timedelta(days=SETTLED_DAYS),
        limit=channel.size * 4,
    )


def _trending_places(channel: Channel) -> int:
    if channel.mode is Mode.TRENDING:
        return channel.size
    return max(1, channel.size // 3) if channel.mode is Mode.BOTH else 0


def _instant_slot(channel: Channel, now: datetime) -> str:
    # What a person asks for has no slot of the schedule; the moment of asking makes it unique.
    return now.astimezone(check_timezone(channel.timezone)).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _first_of_week(last: Digest | None, slot: str) -> bool:
    # With the first digest of an ISO week, so that it looks back over one whole week.
    if last is None:
        return False
    before, here = (date.fromisoformat(text[:10]) for text in (last.slot, slot))
    return before.isocalendar()[:2] != here.isocalendar()[:2]
