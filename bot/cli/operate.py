"""Running it: ``run``, ``doctor`` and ``outbox``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from bot.cli.desk import Desk, now, print_json
from bot.domain import MessageState, PaperwireError

if TYPE_CHECKING:
    from bot.store.outbox import Trace

MESSAGES_SHOWN = 20


@click.command("run")
@click.option("--once", is_flag=True, help="Do what is due a single time, then end.")
@click.option("--no-fetch", is_flag=True, help="With --once: ask no source.")
@click.pass_obj
def run_command(desk: Desk, once: bool, no_fetch: bool) -> None:
    """Fetch listings, plan and send digests, answer commands and learn, until stopped.

    SIGTERM or Ctrl-C ends it after the post in hand. Logs go to standard error.

    \b
    Exit status: 0 after a stop; with --once, 1 when a source or a message failed.
    """
    from bot.logs import configure

    if no_fetch and not once:
        raise click.UsageError("--no-fetch goes with --once.")
    configure(desk.settings.log.level, desk.settings.log.format)
    failed = asyncio.run(_run(desk, once=once, fetch=not no_fetch))
    if failed:
        click.get_current_context().exit(1)


async def _run(desk: Desk, *, once: bool, fetch: bool) -> bool:
    from bot.app import App

    async with App(desk.settings, signals=not once) as app:
        if not once:
            await app.serve()
            return False
        done = await app.once(fetch=fetch)
    for trouble in done.troubles:
        click.echo(trouble, err=True)
    click.echo(
        f"{done.listings} listings read, {done.digests} digests planned, {done.sent} messages sent"
        + (f", {done.waiting} waiting" if done.waiting else "")
        + (f", {done.abandoned} abandoned" if done.abandoned else "")
    )
    return bool(done.troubles or done.abandoned)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quick", is_flag=True, help="Only ask whether a copy runs: for health checks.")
@click.pass_obj
def doctor_command(desk: Desk, as_json: bool, quick: bool) -> None:
    """Check settings, database, sources, channels and outbox; say the next command to run.

    \b
    --json prints {"ok", "checks": [{"name", "ok", "words", "next"}]}.
    Exit status: 0 when all is well, 1 when something needs a person.
    """
    if quick:
        from bot import pulse
        from bot.settings import find_home

        click.echo(pulse.feel(desk.home_option or find_home(), now()))
        return
    from bot.cli.checks import examine

    checks = examine(desk)
    ok = all(check.ok for check in checks)
    if as_json:
        rows = [{"name": c.name, "ok": c.ok, "words": c.words, "next": c.next_step} for c in checks]
        print_json({"ok": ok, "checks": rows})
    else:
        for check in checks:
            mark = click.style("ok  ", fg="green") if check.ok else click.style("!!  ", fg="red")
            click.echo(f"{mark}{check.name}: {check.words}")
            if check.next_step:
                click.echo(f"      next: {check.next_step}")
    if not ok:
        click.get_current_context().exit(1)


@click.command("outbox")
@click.option(
    "--state",
    type=click.Choice([str(state) for state in MessageState]),
    help="Only messages in this state.",
)
@click.option(
    "--retry", "retry_id", type=int, metavar="ID", help="Send an abandoned message again."
)
@click.option("--abandon", "abandon_id", type=int, metavar="ID", help="Give a waiting message up.")
@click.option("--limit", default=MESSAGES_SHOWN, show_default=True, help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def outbox_command(
    desk: Desk,
    state: str | None,
    retry_id: int | None,
    abandon_id: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show messages by state, the newest first; send one again or give one up.

    \b
    --json prints {"counts": {STATE: N}, "messages": [{"id", "channel", "platform", "state",
    "headline", "attempts", "created_at", "sent_at", "not_before", "remote_id", "error"}]}.
    """
    from bot.store import outbox

    if retry_id is not None:
        _retry(desk, retry_id)
    if abandon_id is not None:
        _abandon(desk, abandon_id)
    states = [MessageState(state)] if state else list(MessageState)
    with desk.store.read() as connection:
        counts = outbox.counts(connection)
        traces = outbox.traces(connection, states, limit)
    if as_json:
        print_json(
            {
                "counts": {str(one): counts.get(one, 0) for one in MessageState},
                "messages": [_trace_json(trace) for trace in traces],
            }
        )
        return
    click.echo(", ".join(f"{counts.get(one, 0)} {one}" for one in MessageState))
    for trace in traces:
        message = trace.message
        when = trace.sent_at or trace.created_at
        moment = when.strftime("%Y-%m-%d %H:%M") if when else ""
        line = f"{message.id:>6}  {message.state:<9}  {moment}  {trace.channel_name}: "
        click.echo(line + message.post.headline)
        if message.error:
            click.echo(f"        {message.error}")


def _retry(desk: Desk, message_id: int) -> None:
    from bot.store import outbox

    with desk.store.write() as connection:
        message = outbox.message(connection, message_id)
        if message is None or message.state is not MessageState.ABANDONED:
            raise PaperwireError(
                f"There is no abandoned message {message_id}. "
                "List them with: paperwire outbox --state abandoned"
            )
        outbox.reopen(connection, message_id, now(), "asked for again by the operator")


def _abandon(desk: Desk, message_id: int) -> None:
    from bot.store import outbox

    with desk.store.write() as connection:
        message = outbox.message(connection, message_id)
        waiting = {MessageState.PENDING, MessageState.UNKNOWN}
        if message is None or message.state not in waiting:
            raise PaperwireError(
                f"There is no waiting message {message_id}. "
                "List them with: paperwire outbox --state pending"
            )
        outbox.mark_abandoned(connection, message_id, "given up by the operator")


def _trace_json(trace: Trace) -> dict[str, object]:
    message = trace.message
    return {
        "id": message.id,
        "channel": trace.channel_name,
        "platform": trace.platform,
        "state": str(message.state),
        "headline": message.post.headline,
        "attempts": message.attempts,
        "created_at": trace.created_at.isoformat() if trace.created_at else None,
        "sent_at": trace.sent_at.isoformat() if trace.sent_at else None,
        "not_before": message.not_before.isoformat() if message.not_before else None,
        "remote_id": message.remote_id,
        "error": message.error,
    }
