"""The time of a summary, beside TextRank on the same abstracts in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ranking.evaluate import summary
from ranking.summary import summarise

pytestmark = pytest.mark.benchmark


def test_summary_takes_at_most_3_ms(shared_data: Path) -> None:
    papers = summary.load(shared_data / "summary" / "dev.jsonl.gz")
    methods: dict[str, Callable[[summary.Paper], str]] = {
        "paperwire": lambda paper: summarise(paper.abstract, paper.title),
        "paperwire, no title": lambda paper: summarise(paper.abstract),
        "textrank": summary.textrank,
    }
    median = {}
    for name, method in methods.items():
        method(papers[0])  # weights are read at first use
        spent = [_best_of_three(method, paper) for paper in papers]
        median[name] = statistics.median(spent)
        worst = statistics.quantiles(spent, n=100)[94]
        print(f"\n{name:<20} median {median[name]:.2f} ms, p95 {worst:.2f} ms an abstract", end="")
    print()
    assert set(median) == set(methods)


def _best_of_three(method: Callable[[summary.Paper], str], paper: summary.Paper) -> float:
    """Return milliseconds; the best of three, since the machine may have other work."""
    spent = []
    for _ in range(3):
        started = time.perf_counter()
        method(paper)
        spent.append(1000 * (time.perf_counter() - started))
    return min(spent)
