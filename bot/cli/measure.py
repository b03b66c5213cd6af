"""Measuring: ``backtest`` on a channel's own history, ``evaluate`` and ``train`` on collections."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bot.cli.desk import Desk, print_json
from bot.domain import PaperwireError

FOLDER = click.Path(path_type=Path)


@click.command("backtest")
@click.argument("channel")
@click.option("--size", type=click.IntRange(1, 20), help="Beside it: with this size.")
@click.option("--profile", help="Beside it: with these interests.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def backtest_command(
    desk: Desk, channel: str, size: int | None, profile: str | None, as_json: bool
) -> None:
    """Judge a channel's digests by the votes they got; CHANNEL is a number, a name or an address.

    Each past digest is ranked again as of its own moment, with the votes cast before it, without
    any, and with other settings when given.

    \b
    --json prints {"channel", "digests", "posted", "judged", "liked", "precision",
    "results": {WAY: {"ndcg", "ndcg_low", "ndcg_high", "precision", "precision_low",
    "precision_high"}}}; the intervals are 95 % bootstrap intervals over digests.
    """
    from bot import profiles
    from bot.services.backtest import backtest

    here = desk.channel(channel)
    other = None
    if size is not None or profile is not None:
        other = replace(
            here,
            size=here.size if size is None else size,
            profile=here.profile if profile is None else profiles.parse(profile),
        )
    done = backtest(desk.store, desk.rankers.current(), here, other=other)
    if as_json:
        print_json(
            {
                "channel": done.channel,
                "digests": done.digests,
                "posted": done.posted,
                "judged": done.judged,
                "liked": done.liked,
                "precision": done.precision,
                "results": {
                    row.name: {
                        "ndcg": row.ndcg.mean,
                        "ndcg_low": row.ndcg.low,
                        "ndcg_high": row.ndcg.high,
                        "precision": row.precision.mean,
                        "precision_low": row.precision.low,
                        "precision_high": row.precision.high,
                    }
                    for row in done.rows
                },
            }
        )
        return
    click.echo(
        f"{done.channel}: {done.digests} digests, {done.posted} papers posted, "
        f"{done.judged} voted on, {done.liked} liked"
    )
    if not done.rows:
        click.echo("No digest has a liked paper yet; vote 👍 on some and come back.")
        return
    click.echo(f"precision of what was voted on: {done.precision:.0%}")
    click.echo(f"{'':<20}{'nDCG':>8}  {'95 %':<14}{'precision':>10}  95 %")
    for row in done.rows:
        gain, hit = row.ndcg, row.precision
        click.echo(
            f"{row.name:<20}{gain.mean:>8.3f}  {gain.low:.3f}-{gain.high:.3f}   "
            f"{hit.mean:>10.3f}  {hit.low:.3f}-{hit.high:.3f}"
        )


@click.group("evaluate")
def evaluate_command() -> None:
    """Measure ranking, summaries or search on test collections, beside their peers."""


def _json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


@evaluate_command.command("ranking")
@click.argument("folder", type=FOLDER)
@click.option("--no-profile", is_flag=True, help="Do not use the written profile beside votes.")
@click.option("--method", "methods", multiple=True, help="Only this method; repeatable.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 20))
@_json_option
def evaluate_ranking(
    folder: Path, no_profile: bool, methods: tuple[str, ...], seeds: int, as_json: bool
) -> None:
    """Few-shot ranking on FOLDER with docs.jsonl.gz and profiles.jsonl.gz.

    \b
    --json prints {"collection", "results": {METHOD: {K: {"ndcg@10", "map", "recall@20", "auc",
    "profiles"}}}, "ms_per_profile": {METHOD: N}}; our method is "paperwire".
    """
    from ranking.evaluate import few_shot

    def work() -> dict[str, Any]:
        return few_shot.run(
            folder,
            profile=not no_profile,
            methods=methods or None,
            seeds=seeds,
            progress=_progress,
        )

    _measured(folder, work, few_shot.render, as_json=as_json)


@evaluate_command.command("online")
@click.argument("folder", type=FOLDER)
@_json_option
def evaluate_online(folder: Path, as_json: bool) -> None:
    """Replay FOLDER day by day: post the best, learn only from what was posted."""
    from ranking.evaluate import online

    _measured(
        folder, lambda: online.run(folder, progress=_progress), online.render, as_json=as_json
    )


@evaluate_command.command("hand-over")
@click.argument("folder", type=FOLDER)
@_json_option
def evaluate_hand_over(folder: Path, as_json: bool) -> None:
    """Compare the bundled space with one fitted on FOLDER's first 200, 500, ... papers."""
    from ranking.evaluate import hand_over

    _measured(
        folder, lambda: hand_over.run(folder, progress=_progress), hand_over.render, as_json=as_json
    )


@evaluate_command.command("summary")
@click.argument("file", type=FOLDER)
@_json_option
def evaluate_summary(file: Path, as_json: bool) -> None:
    """Summaries on FILE (.jsonl or .jsonl.gz; source, target, title a line).

    \b
    --json prints {"results": {METHOD: {"rouge1", "rouge2", "rougeL", "words"}},
    "ms_per_abstract": N}; ROUGE from 0 to 100; our method is "paperwire".
    """
    from ranking.evaluate import summary

    _measured(file, lambda: summary.run(file, progress=_progress), summary.render, as_json=as_json)


@evaluate_command.command("search")
@click.argument("folder", type=FOLDER)
@_json_option
def evaluate_search(folder: Path, as_json: bool) -> None:
    """Search on FOLDER with corpus, queries and qrels in BEIR form.

    \b
    --json prints {"results": {METHOD: {"ndcg@10", "recall@100", "mrr@10", "p50_ms", "p95_ms"}}};
    our method is "paperwire".
    """
    from ranking.evaluate import search

    _measured(
        folder, lambda: search.run(folder, progress=_progress), search.render, as_json=as_json
    )


@click.group("train")
def train_command() -> None:
    """Train the bundled models again from data."""


@train_command.command("space")
@click.argument("files", nargs=-1, required=True, type=FOLDER, metavar="FILE...")
@click.option("--output", default=Path("space.npz"), show_default=True, type=FOLDER)
def train_space(files: tuple[Path, ...], output: Path) -> None:
    """Make the background space from JSON-lines FILEs of papers (title, abstract)."""
    from ranking.evaluate import space

    made = _guarded(files[0], lambda: space.train(files, output))
    size = output.stat().st_size / 1e6
    click.echo(f"Wrote {output}: {made.size} papers, {made.dimensions} dimensions, {size:.1f} MB")


@train_command.command("summary")
@click.argument("folder", type=FOLDER)
@click.option("--output", default=Path("summary.txt"), show_default=True, type=FOLDER)
def train_summary(folder: Path, output: Path) -> None:
    """Train the summary model on FOLDER's train.jsonl.gz; dev.jsonl.gz is only reported on."""
    from ranking.evaluate import summary

    report = _guarded(folder, lambda: summary.train(folder, output, progress=_progress))
    click.echo(summary.render(report))
    click.echo(f"Wrote {output}")


def _measured(
    path: Path,
    work: Callable[[], Any],
    render: Callable[[Any], str],
    *,
    as_json: bool,
) -> None:
    result = _guarded(path, work)
    if as_json:
        print_json(result)
    else:
        click.echo(render(result))


def _guarded(path: Path, work: Callable[[], Any]) -> Any:
    """Run it; what is wrong with the data is one sentence that names the file."""
    try:
        return work()
    except (OSError, ValueError, KeyError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        where = "" if str(path) in reason else f"{path}: "
        raise PaperwireError(
            f"{where}{reason.rstrip('.')}. The command's --help tells the form of the files."
        ) from error


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        click.echo(words, err=True)
