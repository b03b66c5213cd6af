"""Where a paper is, and why: ``where``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from bot.cli.desk import Desk, now, print_json
from bot.domain import Channel, Message

if TYPE_CHECKING:
    from bot.domain import Digest
    from bot.services.where import Outlook, Tracked, Whereabouts

SHOWN = 10  # of the papers that a digest passed over


@click.command("where")
@click.argument("paper", required=False)
@click.option("--channel", help="Only this channel, by number, name or address.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def where_command(desk: Desk, paper: str | None, channel: str | None, as_json: bool) -> None:
    """Say where PAPER is in every channel, and why; PAPER is an arXiv id, a DOI, a link or p123.

    In each channel it is posted, waiting, abandoned, passed_over (with the step and its reason),
    next_digest (not decided yet) or not_a_candidate (with the reason). With --channel alone: how
    that channel stands, what waits there, and what its last digest passed over and why.

    \b
    paperwire where 2106.09685
    paperwire where p17 --channel desk
    paperwire where --channel desk

    \b
    --json with PAPER prints {"paper", "title", "url", "first_seen_at", "came": [{"source",
    "listed_on", "announce", "fresh"}], "channels": [{"channel": {"id", "platform", "address",
    "name", "state"}, "where", "words", "digest": {"id", "slot", "kind"}, "message": {"id",
    "state", "attempts", "not_before", "sent_at", "remote_id", "error", "ahead"}, "number",
    "score", "match", "reason", "step", "short_by", "threshold"}]}; what does not apply is null.
    --json without PAPER prints {"channel", "words", "last": {"id", "slot", "kind", "considered",
    "chosen"}, "coming", "waiting": [MESSAGE], "abandoned": [MESSAGE], "passed": [{"paper",
    "title", "match", "step", "short_by", "words"}]}.
    """
    from bot.services import where

    if paper is None and channel is None:
        raise click.UsageError("Name a paper, or a channel with --channel, or both.")
    only = None if channel is None else desk.channel(channel)
    if paper is not None:
        found = where.find_paper(desk.store, paper)
        tracked = where.track(desk.store, found, now(), only=only)
        if as_json:
            print_json(_tracked_json(tracked))
        else:
            _tell_tracked(tracked)
    elif only is not None:
        outlook = where.look_ahead(desk.store, only, now())
        if as_json:
            print_json(_outlook_json(outlook))
        else:
            _tell_outlook(outlook)


# --- a paper ------------------------------------------------------------------------------------


def _tell_tracked(tracked: Tracked) -> None:
    paper = tracked.paper
    click.echo(f"{paper.handle}  {_line(paper.title)}")
    for one in tracked.came:
        day = f", listed on {one.listed_on}" if one.listed_on else ""
        click.echo(f"  came from {one.source}{day}{'' if one.fresh else ', not to be announced'}")
    for there in tracked.whereabouts:
        click.echo(f"{_name(there.channel)}: {_line(there.words)}")
        if there.message is not None and there.delivery is not None:
            click.echo(f"    {_message_line(there.message)}")
            match = there.delivery.match
            shown = "" if match is None else f", match {match} (threshold now {_limit(there)})"
            click.echo(f"    score {there.delivery.score:+.2f}{shown}: {there.delivery.reason}")
        elif there.passed is not None and there.passed.match is not None:
            click.echo(f"    match {there.passed.match}, threshold now {_limit(there)}")
    if not tracked.whereabouts:
        click.echo("Nobody is subscribed yet. Try: paperwire chat, then: subscribe morphology")


def _tracked_json(tracked: Tracked) -> dict[str, Any]:
    paper = tracked.paper
    return {
        "paper": paper.handle,
        "title": paper.title,
        "url": paper.url,
        "first_seen_at": paper.first_seen_at.isoformat(),
        "came": [
            {
                "source": one.source,
                "listed_on": one.listed_on.isoformat() if one.listed_on else None,
                "announce": one.announce,
                "fresh": one.fresh,
            }
            for one in tracked.came
        ],
        "channels": [_whereabouts_json(there) for there in tracked.whereabouts],
    }


def _whereabouts_json(there: Whereabouts) -> dict[str, Any]:
    delivery, drop, message = there.delivery, there.passed, there.message
    match = delivery.match if delivery else drop.match if drop else None
    return {
        "channel": _channel_json(there.channel),
        "where": str(there.standing),
        "words": there.words,
        "digest": _digest_json(there.digest),
        "message": None
        if message is None
        else {**_message_json(message), "sent_at": _text(there.sent_at), "ahead": there.ahead},
        "number": delivery.number if delivery else None,
        "score": delivery.score if delivery else None,
        "match": match,
        "reason": delivery.reason if delivery else drop.words if drop else None,
        "step": drop.step if drop else None,
        "short_by": drop.short_by if drop else None,
        "threshold": _limit(there),
    }


def _limit(there: Whereabouts) -> int:
    return there.channel.threshold


# --- a channel ----------------------------------------------------------------------------------


def _tell_outlook(outlook: Outlook) -> None:
    click.echo(f"{_name(outlook.channel)}: {_line(outlook.words)}")
    last = outlook.last
    if last is None:
        click.echo("No digest yet.")
    else:
        click.echo(
            f"Last digest {last.slot[:16].replace('T', ' ')}: {last.chosen} of {last.considered} "
            f"papers{f' ({last.note})' if last.note else ''}"
        )
    click.echo(f"The next digest looks at {outlook.coming} papers so far.")
    for title, messages in (("Waiting", outlook.waiting), ("Given up last", outlook.abandoned)):
        if messages:
            click.echo(f"{title}:")
        for message in messages:
            click.echo(f"  {_message_line(message)}: {_line(message.post.headline)}")
    if outlook.passed:
        steps = ", ".join(f"{count} {step}" for step, count in outlook.steps)
        click.echo(f"The last digest passed over {len(outlook.passed)} papers ({steps}):")
    for paper, drop in outlook.passed[:SHOWN]:
        match = "  -" if drop.match is None else f"{drop.match:>3}"
        click.echo(
            f"  {match}  {paper.handle}  {_line(paper.title)}\n       {drop.step}: {drop.words}"
        )
    if len(outlook.passed) > SHOWN:
        click.echo(f"  and {len(outlook.passed) - SHOWN} more; --json lists them all")


def _outlook_json(outlook: Outlook) -> dict[str, Any]:
    last = outlook.last
    counts = {} if last is None else {"considered": last.considered, "chosen": last.chosen}
    return {
        "channel": _channel_json(outlook.channel),
        "words": outlook.words,
        "last": None if last is None else {**(_digest_json(last) or {}), **counts},
        "coming": outlook.coming,
        "waiting": [_message_json(message) for message in outlook.waiting],
        "abandoned": [_message_json(message) for message in outlook.abandoned],
        "passed": [
            {
                "paper": paper.handle,
                "title": paper.title,
                "match": drop.match,
                "step": drop.step,
                "short_by": drop.short_by,
                "words": drop.words,
            }
            for paper, drop in outlook.passed
        ],
    }


# --- both ---------------------------------------------------------------------------------------


def _message_line(message: Message) -> str:
    remote = f", on the platform as {message.remote_id}" if message.remote_id else ""
    tries = f"{message.attempts} attempt{'' if message.attempts == 1 else 's'}"
    error = f", last error: {_line(message.error)}" if message.error else ""
    return f"message {message.id}, {message.state}, {tries}{remote}{error}"


def _message_json(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "state": str(message.state),
        "attempts": message.attempts,
        "not_before": _text(message.not_before),
        "remote_id": message.remote_id,
        "error": message.error,
    }


def _channel_json(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "platform": channel.platform,
        "address": channel.address,
        "name": channel.name,
        "state": str(channel.state),
    }


def _digest_json(digest: Digest | None) -> dict[str, Any] | None:
    if digest is None:
        return None
    return {"id": digest.id, "slot": digest.slot, "kind": str(digest.kind)}


def _name(channel: Channel) -> str:
    return f"{channel.platform}:{channel.name or channel.address}"


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _line(text: str) -> str:
    from bot.render import plain_text

    return plain_text(text, 400)
