"""Run by test_bench_ranking in processes of its own, so that memory and cores are its own too.

    ranking_worker.py channels STREAM FIRST LAST     ranks a day for these channels
    ranking_worker.py fit STREAM PAPERS OUT          fits and saves a space
    ranking_worker.py load FILE                      loads a saved space

Each prints one line of JSON.
"""

from __future__ import annotations

import gzip
import json
import random
import resource
import sys
import time
from pathlib import Path

import numpy as np

from ranking.document import Document
from ranking.interest import Interest, Vote, fit
from ranking.vectors import Space

DAY = 1_500
VOTES = 50


def read_stream(path: Path) -> list[Document]:
    """Read the recorded papers."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Document(row["id"], row["title"], row["abstract"]) for row in rows]


def make_interest(papers: list[Document], channel: int) -> Interest:
    """Make a channel: two terms out of a title, and votes of five persons, 3 in 5 likes."""
    mixed = np.random.RandomState(channel)
    picked = mixed.choice(len(papers), VOTES, replace=False).tolist()
    words = papers[picked[0]].title.split()
    return Interest(
        terms=(" ".join(words[:3]), " ".join(words[-2:])),
        votes=tuple(
            Vote(papers[i], f"person{n % 5}", 1.0 if n % 5 < 3 else -1.0, float(n))
            for n, i in enumerate(picked)
        ),
    )


def rank_channels(path: Path, first: int, last: int) -> dict[str, float]:
    """Fit and score channels ``first`` to ``last`` over one day."""
    papers = read_stream(path)
    space = Space.bundled()
    world, today = space.transform(papers[::14][:1_000]), space.transform(papers[-DAY:])
    voted = papers[:2_000]
    fit(space, make_interest(voted, 0), world).score(today)
    started, cpu = time.perf_counter(), time.process_time()
    for channel in range(first, last):
        fit(space, make_interest(voted, channel), world).score(today)
    return {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}


def fit_space(path: Path, count: int, out: Path) -> dict[str, float]:
    """Fit a space on ``count`` papers: the recorded ones, halves of them put together anew."""
    recorded = read_stream(path)
    draw = random.Random(0)
    papers = []
    for i in range(count):
        one, other = recorded[i % len(recorded)], draw.choice(recorded)
        half = one.abstract[: len(one.abstract) // 2] + other.abstract[len(other.abstract) // 2 :]
        papers.append(Document(str(i), one.title, half))
    started = time.perf_counter()
    space = Space.fit(papers)
    fitted = time.perf_counter()
    space.save(out)
    return {
        "seconds": fitted - started,
        "save": time.perf_counter() - fitted,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "terms": float(len(space.vocabulary)),
        "file_mb": out.stat().st_size / 1e6,
    }


def load_space(path: Path) -> dict[str, float]:
    """Load a saved space and transform a handful of papers."""
    started = time.perf_counter()
    space = Space.load(path)
    loaded = time.perf_counter() - started
    space.transform([Document(str(i), f"graph learning {i}") for i in range(20)])
    with Path("/proc/self/statm").open() as file:
        resident = int(file.read().split()[1]) * resource.getpagesize() / 1e6
    return {"seconds": loaded, "resident_mb": resident}


if __name__ == "__main__":
    task, where, *rest = sys.argv[1:]
    if task == "channels":
        told = rank_channels(Path(where), int(rest[0]), int(rest[1]))
    elif task == "fit":
        told = fit_space(Path(where), int(rest[0]), Path(rest[1]))
    else:
        told = load_space(Path(where))
    sys.stdout.write(json.dumps(told) + "\n")
