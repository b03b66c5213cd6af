"""Papers in: ``ingest`` reads saved files, ``backfill`` fetches the past."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.desk import Desk, now, print_json
from bot.domain import Listing, Outcome, PaperwireError

if TYPE_CHECKING:
    from bot.services.ingest import Ingested

USELESS = frozenset({Outcome.BROKEN, Outcome.REFUSED, Outcome.FAILED})
REJECTS_SHOWN = 5
MOST_BYTES = 512 * 1024 * 1024


@click.command("ingest")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH..."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
@click.pass_obj
def ingest_command(desk: Desk, paths: tuple[Path, ...], as_json: bool) -> None:
    """Read saved listings into the store; folders are read file by file.

    Daily Papers JSON, arXiv RSS, Atom, query and OAI-PMH answers, any RSS or Atom feed, captures of
    the Daily Papers page, and JSON lines, gzipped or not: told apart by their content. A day in
    the file's name (2026-06-15.json) is its listing day where the content names none.

    \b
    --json prints, for each file: source, listed_on, outcome, declared, parsed, quarantined,
    new, updated; and path, note, rejects.
    Outcomes: ok, empty, truncated, stale, unchanged, broken, refused, failed.
    Exit status: 0 when every file could be read, 1 when one was broken, refused or failed.
    """
    files = list(_files(paths))
    store = desk.store
    useless = 0
    watched = sys.stderr.isatty() and not as_json and len(files) > 1
    with click.progressbar(files, label="Reading", file=sys.stderr, hidden=not watched) as progress:
        for path in progress:
            done = _read_file(desk, path)
            useless += done.outcome in USELESS
            if as_json:
                print_json(_as_json(str(path), done))
            else:
                _tell(path.name, done)
    from bot.services.index import refresh

    refresh(store)
    if useless:
        click.get_current_context().exit(1)


@click.command("backfill")
@click.option("--since", metavar="YYYY-MM-DD", help="The first day; without it, the last.")
@click.option("--until", metavar="YYYY-MM-DD", help="The last day; without it, yesterday.")
@click.option(
    "--source",
    type=click.Choice(["huggingface", "arxiv"]),
    default="huggingface",
    show_default=True,
    help="Where to fetch from.",
)
@click.option(
    "--by",
    type=click.Choice(["day", "week", "month", "trending"]),
    default="day",
    show_default=True,
    help="How Hugging Face is asked; trending has no days.",
)
@click.option("--category", "categories", multiple=True, help="An arXiv category; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an answer.")
@click.pass_obj
def backfill_command(
    desk: Desk,
    since: str,
    until: str | None,
    source: str,
    by: str,
    categories: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fetch past listings. They are searched and learned from, and never announced.

    \b
    paperwire backfill --since 2026-06-01 --until 2026-06-30
    paperwire backfill --source arxiv --category cs.CL --since 2026-06-01
    paperwire backfill --by trending
    Exit status: 0 when every day was answered, 1 when one was not.
    """
    last = _day("--until", until) if until else now().date() - timedelta(days=1)
    first = _day("--since", since) if since else last
    if first > last:
        raise click.UsageError(f"--since {first} is after --until {last}.")
    failed = asyncio.run(_backfill(desk, source, by, categories, first, last, as_json))
    if failed:
        click.get_current_context().exit(1)


async def _backfill(
    desk: Desk,
    name: str,
    by: str,
    categories: Sequence[str],
    first: date,
    last: date,
    as_json: bool,
) -> int:
    from bot.parts import build_fetcher
    from bot.ports import Request, Source
    from bot.services.gather import Gatherer
    from bot.services.index import refresh
    from bot.sources.arxiv import ArxivQuery
    from bot.sources.huggingface import By, HuggingFace

    settings = desk.settings
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    source: Source
    requests: Sequence[Request]
    if name == "arxiv":
        query = ArxivQuery(settings.arxiv.api_url, categories or settings.arxiv.categories)
        source, requests = query, query.requests(days)
    else:
        source = HuggingFace(settings.huggingface.base_url, By(by))
        # Listings appear on weekdays; a week or a month is asked for by any of its days.
        requests = source.requests([day for day in days if day.weekday() < 5] or days)
    failed = 0
    fetcher = build_fetcher(settings)
    try:
        gatherer = Gatherer(desk.store, fetcher, now)
        with click.progressbar(
            requests, label="Fetching", file=sys.stderr, hidden=not sys.stderr.isatty() or as_json
        ) as progress:
            for request in progress:
                async for asked in gatherer.ask(source, request, fresh=False):
                    done = asked.ingested
                    if done is None:
                        failed += bool(asked.trouble)
                        click.echo(f"{asked.location}: {asked.words}", err=True)
                        continue
                    failed += done.outcome in USELESS
                    if as_json:
                        print_json(_as_json(asked.location, done))
                    else:
                        _tell(str(done.listed_on or asked.location), done)
    finally:
        await fetcher.close()
    refresh(desk.store)
    return failed


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        # An empty folder stands for itself, so that something is said of it.
        yield from sorted(one for one in path.rglob("*") if one.is_file()) or [path]


def _read_file(desk: Desk, path: Path) -> Ingested:
    from bot.services.gather import store_listing
    from bot.services.ingest import Ingested
    from bot.sources import detect, payload
    from bot.sources.json_lines import JsonLines

    moment = now()
    trouble = ""
    try:
        if path.is_dir():
            trouble = "there is no file in it"
        elif path.stat().st_size > MOST_BYTES:
            trouble = f"it is larger than {MOST_BYTES // 2**20} MB; split it and read the parts"
        else:
            body = payload.unpack(path.read_bytes())
    except OSError as error:
        trouble = error.strerror or str(error)
    if trouble:
        return Ingested("file", str(path), None, Outcome.FAILED, trouble, 0, 0, 0, 0, 0)
    source, reason = detect.sniff(path.name, body[: detect.HEAD_BYTES])
    request = detect.request_for(path.name)
    # A name that is no UTF-8 could neither be stored nor printed.
    where = os.fsencode(path.resolve()).decode(errors="replace")
    if source is None:
        unknown = Listing("file", request.day, 0, (), outcome=Outcome.BROKEN, note=reason)
        return store_listing(desk.store, unknown, body, where=where, now=moment)
    if isinstance(source, JsonLines):
        parts = [
            store_listing(desk.store, listing, body, where=where, now=moment)
            for listing in source.by_day(body, request)
        ]
        return _sum(parts)
    return store_listing(desk.store, source.parse(body, request), body, where=where, now=moment)


def _sum(parts: Sequence[Ingested]) -> Ingested:
    """Tell of a file of many listing days as of one: the worst outcome, the sum of the counts."""
    from bot.services.ingest import summed

    worst = max(parts, key=lambda part: list(Outcome).index(part.outcome))
    outcomes = {part.outcome for part in parts}
    mixed = outcomes == {Outcome.OK, Outcome.UNCHANGED}
    return replace(
        summed(parts, worst),
        outcome=Outcome.OK if mixed else worst.outcome,
        listed_on=parts[0].listed_on if len(parts) == 1 else None,
    )


def _as_json(path: str, done: Ingested) -> dict[str, Any]:
    return {
        "path": path,
        "source": done.source,
        "listed_on": done.listed_on.isoformat() if done.listed_on else None,
        "outcome": str(done.outcome),
        "declared": done.declared,
        "parsed": done.parsed,
        "quarantined": done.quarantined,
        "new": done.new,
        "updated": done.updated,
        "note": done.note,
        "rejects": [
            {"position": one.position, "label": one.label, "reason": one.reason}
            for one in done.rejects
        ],
    }


def _tell(name: str, done: Ingested) -> None:
    useless = done.outcome in USELESS
    line = f"{name}: {done.source}, {done.outcome}"
    if not useless:
        line += f", {done.parsed} papers ({done.new} new, {done.updated} updated)"
    if done.quarantined:
        line += f", {done.quarantined} quarantined"
    if done.note:
        line += f" - {done.note}"
    click.echo(line, err=useless)
    for reject in done.rejects[:REJECTS_SHOWN]:
        entry = f"entry {reject.position}" + (f" ({reject.label})" if reject.label else "")
        click.echo(f"  {done.source}, {entry}: {reject.reason}", err=True)
    if len(done.rejects) > REJECTS_SHOWN:
        left = len(done.rejects) - REJECTS_SHOWN
        click.echo(f"  and {left} more; --json lists them all", err=True)


def _day(option: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a day has no zone
    except ValueError as error:
        raise PaperwireError(f"{option} {text!r} is no day. Write it as {now().date()}.") from error
