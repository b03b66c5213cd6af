"""Commands about papers: search, preview, more, why, votes, saved papers, submissions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from bot.commands.model import PaperRef
from bot.domain import (
    Card,
    Channel,
    ChannelState,
    Paper,
    PaperwireError,
    Part,
    Reply,
    Signal,
    Via,
)
from bot.render import card, clip, count_words, plain_text
from bot.schedule import check_timezone, next_slot
from bot.schedule import parse as parse_schedule
from bot.services import plan
from bot.services.choose import Chooser, Pick, summarise
from bot.services.ranker import Rankers, interest, judge
from bot.services.react import cast
from bot.store import Store, digests, feedback, gap, listings, outbox
from bot.store import papers as paper_rows
from bot.store.feedback import Ballot, Submission

FOUND = 5
LAST_PAGE = 100
SAVED_PAGE = 10
MORE = 3
PARTS_SHOWN = 8
# The number after the page is the newest paper that the first page looked at.
_PAGE = re.compile(r"\s+page:(\d{1,4})(?:@(\d{1,15}))?\s*$", re.ASCII)


def search(
    store: Store,
    rankers: Rankers,
    channel: Channel | None,
    person: str,
    query: str,
    now: datetime,
) -> Reply:
    """Answer a search with a page of papers; ``page:2`` at its end asks for the next page."""
    from bot.services.search import search as find

    asked = _PAGE.search(query)
    page = min(int(asked[1]), LAST_PAGE) if asked else 1
    words = _PAGE.sub("", query).strip() if asked else query
    answer = find(
        store,
        words,
        channel_id=channel.id if channel else None,
        person=person,
        now=now,
        limit=FOUND,
        offset=(page - 1) * FOUND,
        upto=int(asked[2]) if asked and asked[2] else None,
        judge=judge(store, rankers, channel, now) if channel else None,
    )
    start = (page - 1) * FOUND
    cards = tuple(
        card(hit.paper, number=number, summary=hit.snippet, reason="", match=None)
        for number, hit in enumerate(answer.hits, start + 1)
    )
    shown = clip(plain_text(words, 200), 80)
    if not cards:
        if page > 1:
            return Reply(f"No more papers for {shown!r}.")
        first, *notes = answer.notes or (f"Nothing found for {shown!r}.",)
        return Reply(first, lines=tuple(notes))
    last = start + len(cards)
    about = "" if answer.exact else "about "
    headline = f"{about}{count_words(answer.total, 'paper')} for {shown!r}"
    return Reply(
        f"{headline[:1].upper()}{headline[1:]}" + (f", {start + 1} to {last}" if page > 1 else ""),
        lines=answer.notes,
        cards=cards,
        back=f"search {words} page:{page - 1}@{answer.upto}" if page > 1 else "",
        more=f"search {words} page:{page + 1}@{answer.upto}" if last < answer.total else "",
    )


def preview(store: Store, rankers: Rankers, channel: Channel, now: datetime) -> Reply:
    """Show what the next digest would be now; nothing is written."""
    slot, _ = next_slot(parse_schedule(channel.schedule), check_timezone(channel.timezone), now)
    proposal = plan.propose(store, rankers.current(), channel, now, slot=slot)
    if not proposal.picks:
        below = [drop for drop in proposal.passed if drop.step == "threshold"]
        nearest = sorted(below, key=lambda p: (-(p.match or 0), p.paper_id))[:1]
        lines = [f"{count_words(proposal.considered, 'new paper')} read since the last digest."]
        if nearest:
            lines.append(
                f"The nearest has a match of {nearest[0].match}, the threshold is "
                f"{channel.threshold}. To lower it: /papers settings threshold="
                f"{max(0, (nearest[0].match or 0) - 5)}"
            )
        return Reply("The next digest would be empty now.", lines=tuple(lines))
    return Reply(
        f"The next digest would be, now: {len(proposal.picks)} of "
        f"{count_words(proposal.considered, 'new paper')}",
        cards=tuple(_cards(proposal.picks)),
    )


def more(
    store: Store, rankers: Rankers, channel: Channel, count: int | None, now: datetime
) -> Reply:
    """Post the next best papers of the last digest."""
    ranker = rankers.current()
    # In one transaction, so that two people who ask at once are not given the same papers.
    with store.write():
        proposal = plan.propose_more(store, ranker, channel, now, count or MORE)
        written = plan.write(store, proposal, now)
    if written is None:
        return Reply("There is nothing more: the last digest left no paper that may be posted.")
    return Reply(f"Posting {count_words(len(proposal.picks), 'more paper')}.")


def why(store: Store, rankers: Rankers, channel: Channel, ref: PaperRef, now: datetime) -> Reply:
    """Say why a paper was posted, or at which step it fell out and by how much."""
    paper = resolve(store, channel, ref)
    with store.read() as connection:
        delivery = outbox.delivery(connection, channel.id, paper.id)
        passed = digests.passed_over(connection, channel.id, paper.id)
        tally = feedback.on_paper(connection, channel.id, paper.id)
        digest = digests.digest(connection, delivery.digest_id) if delivery is not None else None
        wants = interest(connection, channel, now)
    title = clip(plain_text(paper.title, 300), 120)
    if delivery is not None and digest is not None:
        votes = ", ".join(f"{count} {signal}" for signal, count in tally.items())
        return Reply(
            f"Posted on {digest.slot[:10]}: {title}",
            lines=(
                f"Because it {delivery.reason}."
                if delivery.label == ""
                else f"{delivery.label.capitalize()}: {delivery.reason}.",
                *_part_lines(delivery.parts, delivery.score, delivery.match),
                *((f"Votes here: {votes}",) if votes else ()),
            ),
        )
    pick = Chooser(rankers.current(), channel, wants, ()).in_order([paper])[0]
    if passed is not None:
        when, drop = passed
        said = f"Not posted on {when.slot[:10]}: {title}"
        lines = [f"{drop.words[:1].upper()}{drop.words[1:]}."]
    else:
        said = f"Not considered here yet: {title}"
        reasons = "after the last digest, before this channel subscribed"
        lines = [f"It came in {reasons}, or from a source that this channel does not read."]
    lines.append(f"As things stand now: {pick.reason}.")
    return Reply(said, lines=(*lines, *_part_lines(pick.parts, pick.score, pick.match)))


def vote(
    store: Store, channel: Channel, person: str, ref: PaperRef, signal: Signal, now: datetime
) -> Reply:
    """Like, dislike or save a paper by command; the same again takes it back."""
    paper = resolve(store, channel, ref)
    ballot = Ballot(channel.id, paper.id, person)
    with store.write() as connection:
        on = signal not in feedback.signals(connection, ballot)
        return cast(store, paper, ballot, signal, on=on, via=Via.COMMAND, now=now)


def saved(store: Store, channel: Channel, person: str, page: int) -> Reply:
    """List a person's saved papers of this channel, the newest first."""
    with store.read() as connection:
        numbers = feedback.saved(connection, channel.id, person)
        start = (page - 1) * SAVED_PAGE
        papers = paper_rows.papers(connection, numbers[start : start + SAVED_PAGE])
    if not numbers:
        return Reply("You have saved nothing here yet.", lines=("To save: /papers save 1, or 🔖",))
    pages = -(-len(numbers) // SAVED_PAGE)
    if not papers:
        return Reply(f"There are only {count_words(pages, 'page')}.", ok=False)
    lines = (f"Page {page} of {pages}",) if pages > 1 else ()
    return Reply(
        f"{count_words(len(numbers), 'saved paper')}",
        lines=lines,
        cards=tuple(_plain_cards(papers, start)),
        back=f"saved {page - 1}" if page > 1 else "",
        more=f"saved {page + 1}" if page < pages else "",
    )


def submit(
    store: Store, rankers: Rankers, channel: Channel, person: str, ref: PaperRef, now: datetime
) -> Reply:
    """Share a paper: it is posted here, and counts as an example of what is liked."""
    with store.write() as connection:
        paper = _stored(store, channel, ref)
        if paper is None and ref.arxiv_id:
            listings.want(connection, ref.arxiv_id, now)
            feedback.submit(connection, Submission(channel.id, ref.arxiv_id, person), now)
            return Reply(
                f"{ref.arxiv_id} is new to me. I am looking it up and post it here when found."
            )
        if paper is None:
            raise PaperwireError(
                f"{ref.text!r} is not known and cannot be looked up. "
                "Give its arXiv id or link, such as /papers submit 2106.09685"
            )
        return share(store, rankers, channel, person, paper, now)


def share(
    store: Store, rankers: Rankers, channel: Channel, person: str, paper: Paper, now: datetime
) -> Reply:
    """Count a submitted paper as a like and post it, unless it was posted before."""
    cast(
        store,
        paper,
        Ballot(channel.id, paper.id, person),
        Signal.SUBMIT,
        on=True,
        via=Via.COMMAND,
        now=now,
    )
    title = clip(plain_text(paper.title, 300), 120)
    with store.read() as connection:
        if outbox.delivery(connection, channel.id, paper.id) is not None:
            return Reply(f"Noted as an example; it was posted here before: {title}")
        doubt = gap.set_aside_words(connection, channel.id, paper.id)
    if doubt:
        return Reply(f"Noted as an example, not posted: {title}", lines=(f"{doubt}.",))
    proposal = plan.propose_shared(store, rankers.current(), channel, now, paper)
    plan.write(store, proposal, now)
    return Reply(f"Sharing: {title}")


def share_found(store: Store, rankers: Rankers, now: datetime) -> int:
    """Post the submissions that have been found since; return how many."""
    from bot.store import channels

    with store.read() as connection:
        found = feedback.found_submissions(connection)
    for submission, paper_id in found:
        with store.write() as connection:
            channel = channels.channel(connection, submission.channel_id)
            paper = paper_rows.paper(connection, paper_id)
            here = channel is not None and channel.state is not ChannelState.LEFT
            if channel is not None and here and paper is not None:
                share(store, rankers, channel, submission.person, paper, now)
            feedback.close_submission(connection, submission)
    return len(found)


def resolve(store: Store, channel: Channel, ref: PaperRef) -> Paper:
    """Return the paper a person named. Raises PaperwireError when it is not known."""
    paper = _stored(store, channel, ref)
    if paper is not None:
        return paper
    if ref.number is not None:
        raise PaperwireError(
            f"The last digest here has no paper {ref.number}. "
            "Name a paper by its number, its arXiv id or its link."
        )
    raise PaperwireError(
        f"I do not know {ref.text!r} yet. To have it looked up and shared: /papers submit "
        f"{ref.arxiv_id or 'LINK'}"
    )


def _stored(store: Store, channel: Channel, ref: PaperRef) -> Paper | None:
    with store.read() as connection:
        if ref.number is not None:
            last = digests.last_with_papers(connection, channel.id)
            carried = outbox.digest_deliveries(connection, last.id) if last else ()
            number = next((d.paper_id for d in carried if d.number == ref.number), None)
            return None if number is None else paper_rows.paper(connection, number)
        if ref.row is not None:
            return paper_rows.paper(connection, ref.row)
        handle = ref.arxiv_id or ref.doi
        return paper_rows.paper_by_handle(connection, handle) if handle else None


def _cards(picks: Sequence[Pick]) -> list[Card]:
    return [plan.to_card(pick) for pick in picks]


def _plain_cards(papers: Sequence[Paper], start: int) -> list[Card]:
    return [
        card(paper, number=number, summary=summarise(paper)[0], reason="", match=None)
        for number, paper in enumerate(papers, start + 1)
    ]


def _part_lines(parts: Sequence[Part], score: float, match: int | None) -> tuple[str, ...]:
    ordered = sorted(parts, key=lambda part: (-abs(part.value), part.name))
    lines = [f"  {part.value:+.2f}  {part.kind}: {part.name}" for part in ordered[:PARTS_SHOWN]]
    rest = sum(part.value for part in ordered[PARTS_SHOWN:])
    if ordered[PARTS_SHOWN:]:
        lines.append(f"  {rest:+.2f}  {len(ordered) - PARTS_SHOWN} smaller parts")
    total = f"= {score:+.2f}" + (f", a match of {match}" if match is not None else "")
    return (*lines, total)
