"""Channels at the command line: ``plan``, ``profile``, ``chat`` and ``search``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import click

from bot.cli.desk import Desk, now, print_json
from bot.domain import Channel, ChannelState, PaperwireError

if TYPE_CHECKING:
    from bot.services.plan import Proposal

PASSED_SHOWN = 5


@click.command("plan")
@click.argument("channel", required=False)
@click.option("--write", is_flag=True, help="Plan what is due now as messages to be sent.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def plan_command(desk: Desk, channel: str | None, write: bool, as_json: bool) -> None:
    """Show what each channel would get now, and why; CHANNEL is a number, a name or an address.

    Nothing is written, unless --write plans the digests whose time has come.

    \b
    --json prints {"channels": [{"channel": {"id", "platform", "address", "name"}, "slot",
    "considered", "notes", "chosen": [{"number", "paper", "title", "url", "score", "match",
    "label", "reason", "summary", "parts": [{"name", "kind", "value"}]}],
    "passed": [{"paper", "title", "match", "step", "short_by", "words"}]}]}.
    The values of "parts" sum to "score".
    """
    from bot.schedule import check_timezone, next_slot, parse
    from bot.services import plan
    from bot.store import channels

    if channel is not None:
        serving: tuple[Channel, ...] = (desk.channel(channel),)
        if write and serving[0].state in {ChannelState.PAUSED, ChannelState.LEFT}:
            raise PaperwireError(
                f"Nothing is planned for {serving[0].name}: it is {serving[0].state}. "
                "See what it would get without --write, or start it again in its chat."
            )
    else:
        with desk.store.read() as connection:
            serving = channels.every(connection, serving=True)
    ranker = desk.rankers.current()
    proposals: list[Proposal] = []
    for one in serving:
        if write:
            written = plan.plan_channel(desk.store, ranker, one, now())
            proposals += [planned.proposal for planned in written]
        else:
            slot, _ = next_slot(parse(one.schedule), check_timezone(one.timezone), now())
            proposals.append(plan.propose(desk.store, ranker, one, now(), slot=slot))
    if as_json:
        print_json({"channels": [_proposal_json(desk, proposal) for proposal in proposals]})
        return
    if not serving:
        click.echo("Nobody is subscribed yet. Try: paperwire chat, then: subscribe morphology")
    elif not proposals:
        click.echo("No digest is due now.")
    for proposal in proposals:
        _tell_proposal(desk, proposal)


def _proposal_json(desk: Desk, proposal: Proposal) -> dict[str, Any]:
    from bot.services.plan import to_card
    from bot.store import papers

    channel = proposal.channel
    with desk.store.read() as connection:
        passed = {
            paper.id: paper
            for paper in papers.papers(connection, [drop.paper_id for drop in proposal.passed])
        }
    return {
        "channel": {
            "id": channel.id,
            "platform": channel.platform,
            "address": channel.address,
            "name": channel.name,
        },
        "slot": proposal.slot,
        "considered": proposal.considered,
        "notes": list(proposal.notes),
        "chosen": [
            {
                "number": pick.number,
                "paper": pick.paper.handle,
                "title": pick.paper.title,
                "url": to_card(pick).url,
                "score": pick.score,
                "match": pick.match,
                "label": pick.label,
                "reason": pick.reason,
                "summary": pick.summary,
                "parts": [{"name": p.name, "kind": p.kind, "value": p.value} for p in pick.parts],
            }
            for pick in proposal.picks
        ],
        "passed": [
            {
                "paper": passed[drop.paper_id].handle,
                "title": passed[drop.paper_id].title,
                "match": drop.match,
                "step": drop.step,
                "short_by": drop.short_by,
                "words": drop.words,
            }
            for drop in proposal.passed
        ],
    }


def _tell_proposal(desk: Desk, proposal: Proposal) -> None:
    from bot.platforms.terminal_view import Screen
    from bot.services.plan import to_posts
    from bot.store import papers

    screen = Screen(sys.stdout)
    for post in to_posts(proposal):
        screen.post(post)
    nearest = sorted(proposal.passed, key=lambda p: (-(p.match or 0), p.paper_id))[:PASSED_SHOWN]
    with desk.store.read() as connection:
        titles = {
            paper.id: paper.title
            for paper in papers.papers(connection, [drop.paper_id for drop in nearest])
        }
    if nearest:
        click.echo("Nearest of those not chosen:")
    for drop in nearest:
        click.echo(f"  {drop.match:>3}  {titles[drop.paper_id]}\n       {drop.step}: {drop.words}")
    click.echo()


@click.command("profile")
@click.argument("channel")
@click.option("--set", "new", metavar="PROFILE", help="Replace the interests.")
@click.option("--add", metavar="ITEMS", help="Add interests.")
@click.option("--remove", metavar="ITEMS", help="Remove interests.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def profile_command(
    desk: Desk, channel: str, new: str | None, add: str | None, remove: str | None, as_json: bool
) -> None:
    """Show or change a channel's interests; CHANNEL is a number, a name or an address.

    \b
    paperwire profile desk --add '-"image generation", author:"Jane Roe", cat:cs.CL'
    --json prints {"channel", "profile", "terms": [{"term", "written", "learned"}]}: the written
    form, and the strongest terms with their weights.
    """
    from bot import profiles
    from bot.services import manage
    from bot.services.ranker import interest

    here = desk.channel(channel)
    profile = here.profile
    notes: tuple[str, ...] = ()
    if new is not None:
        profile = profiles.parse(new)
    if add is not None:
        profile, changes = profiles.add(profile, add)
        notes += changes.notes
    if remove is not None:
        profile, changes = profiles.remove(profile, remove)
        notes += changes.notes
    changed = profile != here.profile
    if changed or notes:
        reply = manage.change_profile(desk.store, here, profile, notes, now())
        if not as_json:
            click.echo("\n".join((reply.headline, *reply.lines)))
            return
        here = desk.channel(str(here.id))
    if as_json:
        from ranking.explain import terms

        with desk.store.read() as connection:
            wants = interest(connection, here, now())
        weights = terms(desk.rankers.current().model(wants))
        print_json(
            {
                "channel": here.name,
                "profile": profiles.format(here.profile),
                "terms": [{"term": t, "written": w, "learned": v} for t, w, v in weights],
            }
        )
        return
    reply = manage.show_profile(desk.store, desk.rankers, here, now())
    click.echo("\n".join((reply.headline, *(f"  {line}" for line in reply.lines))))


@click.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100))
@click.option("--offset", default=0, type=click.IntRange(0), help="Skip this many.")
@click.option("--channel", help="Whose posts and votes posted:, saved: and for:here mean.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def search_command(
    desk: Desk, query: tuple[str, ...], limit: int, offset: int, channel: str | None, as_json: bool
) -> None:
    """Search all stored papers, the best first.

    Words, "phrases", -exclusions, author:, cat:, date:2026-05..2026-06, since:7d, source:, an
    arXiv id or link. Put -- before a query that begins with a minus.

    \b
    --json prints {"query", "total", "exact", "notes", "hits": [{"paper", "arxiv_id", "title",
    "authors", "url", "published", "categories", "upvotes", "score", "snippet"}]}.
    """
    from bot.platforms.terminal_view import Screen
    from bot.render import card, count_words
    from bot.services.ranker import judge
    from bot.services.search import search

    here = desk.channel(channel) if channel else None
    answer = search(
        desk.store,
        " ".join(query),
        channel_id=here.id if here else None,
        person=None,
        now=now(),
        limit=limit,
        offset=offset,
        judge=judge(desk.store, desk.rankers, here, now()) if here else None,
    )
    cards = [
        card(hit.paper, number=n, summary=hit.snippet, reason="", match=None)
        for n, hit in enumerate(answer.hits, offset + 1)
    ]
    if as_json:
        hits = [
            {
                "paper": hit.paper.handle,
                "arxiv_id": hit.paper.arxiv_id,
                "title": hit.paper.title,
                "authors": list(hit.paper.authors),
                "url": shown.url,
                "published": hit.paper.published.isoformat() if hit.paper.published else None,
                "categories": list(hit.paper.categories),
                "upvotes": hit.paper.upvotes,
                "score": hit.score,
                "snippet": hit.snippet,
            }
            for hit, shown in zip(answer.hits, cards, strict=True)
        ]
        print_json(
            {
                "query": answer.query,
                "total": answer.total,
                "exact": answer.exact,
                "notes": list(answer.notes),
                "hits": hits,
            }
        )
        return
    from bot.domain import Reply

    about = "" if answer.exact else "about "
    headline = f"{about}{count_words(answer.total, 'paper')}" if cards else "Nothing found."
    Screen(sys.stdout).reply(Reply(headline, lines=answer.notes, cards=tuple(cards)))


@click.command("chat")
@click.argument("words", nargs=-1)
@click.option("--channel", default="desk", show_default=True, help="The terminal channel's name.")
@click.option("--person", default="you", show_default=True, help="Who is typing.")
@click.pass_obj
def chat_command(desk: Desk, words: tuple[str, ...], channel: str, person: str) -> None:
    """Type /papers commands at a terminal channel; with WORDS, carry out that one command.

    \b
    paperwire chat
    paperwire chat subscribe low-resource translation, morphology
    echo "search graph networks" | paperwire chat
    Exit status: 1 when the one command given as WORDS could not be carried out.
    """
    ok = asyncio.run(_chat(desk, channel, person, " ".join(words)))
    if not ok:
        click.get_current_context().exit(1)


async def _chat(desk: Desk, name: str, person: str, command: str) -> bool:
    from bot.app import take_lock
    from bot.parts import build_terminal, channel_defaults
    from bot.services.deliver import Courier
    from bot.services.inbox import Inbox

    terminal = build_terminal(desk.settings)
    courier = Courier(desk.store, {terminal.name: terminal}, now)
    inbox = Inbox(
        desk.store,
        desk.rankers,
        now,
        defaults=channel_defaults(desk.settings),
        layouts={terminal.name: terminal.default_layout},
    )
    await terminal.start(inbox)

    async def settle() -> None:
        try:
            lock = take_lock(desk.settings)
        except PaperwireError:
            return  # a running copy sends what commands leave to send
        try:
            await courier.recover()
            await courier.settle()
        finally:
            lock.release()

    async def lines() -> AsyncIterator[str]:
        while True:
            await settle()
            line = _ask()
            if line is None:
                return
            yield line

    ok = True
    try:
        if command:
            reply = await terminal.say(name, person, command)
            ok = reply.ok
        else:
            if sys.stdin.isatty():
                known = await inbox.channel(_place(name))
                _greet(known)
            await terminal.chat(name, person, lines())
        await settle()
    finally:
        await terminal.stop()
    return ok


def _place(name: str) -> Any:
    from bot.domain import Place

    return Place("terminal", name, name=name)


def _greet(channel: Channel | None) -> None:
    if channel is None or channel.state is ChannelState.LEFT:
        click.echo("Begin with your interests: subscribe low-resource translation, morphology")
    click.echo("Commands work as in chat: help, search WORDS, preview, like 1. Ctrl-D ends.")


def _ask() -> str | None:
    import contextlib
    import signal

    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  gives input() a history and editing
        # Nothing else runs while a person types, so Ctrl-C may end the typing at once; the
        # event loop's own handler would only take note of it and leave input() waiting.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return input("/papers ")
        except EOFError:
            return None
        finally:
            signal.signal(signal.SIGINT, before)
    line = sys.stdin.readline()
    return line.rstrip("\n") if line else None
