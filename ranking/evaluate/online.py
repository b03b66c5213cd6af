"""Online ranking: post the best of each day, and learn only from what was posted."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ranking.evaluate.collection import Collection, Judged, best_first, read_collection
from ranking.evaluate.peers import METHODS, Prepared, Task

SIZE = 5  # papers a day
SHORTEST_DAY = 20  # papers; a shorter one is joined with the next
DAY = 60  # papers to a day where the times are too coarse to be days
MOST_DAYS = 60  # of each profile; longer histories have longer days
MEMORY = 200  # newest likes and dislikes each that a method may know


def run(
    folder: Path,
    *,
    methods: Sequence[str] | None = None,
    size: int = SIZE,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Replay a collection in time order, for every profile and method.

    Each day the method ranks that day's papers and posts ``size`` of them; a posted paper that
    the profile likes becomes a like, another a dislike; nothing else is ever told. Returns
    ``{"collection", "size", "profiles", "results": {method: {"hits", "precision"}},
    "ms_per_day": {method: ms}}``, where ``hits`` is the share of the hits that an oracle, posting
    as many a day, would have had, averaged over profiles. Raises ``CollectionError`` and
    ``ValueError``.
    """
    return measure(read_collection(Path(folder)), methods=methods, size=size, progress=progress)


def measure(
    collection: Collection,
    *,
    methods: Sequence[str] | None = None,
    size: int = SIZE,
    progress: Callable[[str], None] | None = None,
    prepared: Prepared | None = None,
) -> dict[str, Any]:
    """Replay a collection already read; see ``run``."""
    names = list(METHODS) if methods is None else list(methods)
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        raise ValueError(f"no method {unknown[0]!r}; there are {', '.join(METHODS)}")
    shared = prepared or Prepared(collection)
    replays = {judged.id: days(collection, judged) for judged in collection.profiles}
    results: dict[str, dict[str, float]] = {}
    milliseconds: dict[str, float] = {}
    counted = 0
    for name in names:
        method = METHODS[name](shared)
        shares: list[float] = []
        precisions: list[float] = []
        spent, ranked = 0.0, 0
        for judged in collection.profiles:
            of_days = replays[judged.id]
            liked = np.array([d.id in judged.liked for d in collection.documents])
            best = sum(min(size, int(liked[day].sum())) for day in of_days)
            if not best:
                continue
            likes, dislikes = _seed(collection, judged), list[int]()
            hits = posted = 0
            for number, day in enumerate(of_days):
                task = Task(
                    f"{judged.id}:{number}",
                    judged.terms,
                    tuple(likes[-MEMORY:]),
                    tuple(dislikes[-MEMORY:]),
                    day,
                    np.concatenate(of_days[: number + 1]),
                )
                started = time.perf_counter()
                scores = method(task)
                spent += time.perf_counter() - started
                ranked += 1
                order = best_first(scores, day, len(collection.documents))
                for i in day[order[:size]].tolist():
                    posted += 1
                    if liked[i]:
                        hits += 1
                        likes.append(i)
                    else:
                        dislikes.append(i)
            shares.append(hits / best)
            precisions.append(hits / posted)
            if progress:
                progress(f"{name}: {judged.id}")
        counted = len(shares)
        results[name] = {
            "hits": round(sum(shares) / max(1, counted), 4),
            "precision": round(sum(precisions) / max(1, counted), 4),
        }
        milliseconds[name] = round(1000 * spent / max(1, ranked), 3)
    return {
        "collection": collection.name,
        "size": size,
        "profiles": counted,
        "results": results,
        "ms_per_day": milliseconds,
    }


def _seed(collection: Collection, judged: Judged) -> list[int]:
    return [i for i, d in enumerate(collection.documents) if d.id == judged.seed]


def days(collection: Collection, judged: Judged) -> list[np.ndarray[Any, np.dtype[np.intp]]]:
    """Return the pool in time order, cut into days; papers without a time come last.

    Dates are days of their own. Years and running numbers are too coarse for that: within one
    time the order is a fixed shuffle, and days of equal length are cut.
    """
    pool = collection.pool_rows(judged)
    mixed = np.random.RandomState(zlib.crc32(judged.id.encode())).permutation(len(pool))
    times = {row: collection.times[row] for row in pool}
    ordered = sorted(
        (pool[i] for i in mixed),
        key=lambda row: (times[row] is None, *_sortable(times[row])),
    )
    dated = [isinstance(times[row], str) for row in ordered]
    pieces: list[list[int]] = []
    if ordered and all(dated):
        for _, group in groupby(ordered, key=lambda row: str(times[row])[:10]):
            if pieces and len(pieces[-1]) < SHORTEST_DAY:
                pieces[-1].extend(group)
            else:
                pieces.append(list(group))
    else:
        length = max(DAY, -(-len(ordered) // MOST_DAYS))
        pieces = [ordered[i : i + length] for i in range(0, len(ordered), length)]
    return [np.array(piece, dtype=np.intp) for piece in pieces]


def _sortable(value: str | float | None) -> tuple[float, str]:
    if isinstance(value, str):
        return 0.0, value
    return (0.0 if value is None else value), ""


def render(result: dict[str, Any]) -> str:
    """Return the result as a table of text."""
    width = max(len(name) for name in result["results"]) + 2
    lines = [
        f"{result['collection']}: {result['size']} posts a day, {result['profiles']} profiles",
        "",
        " " * width + "hits of the oracle's".rjust(22) + "precision".rjust(12) + "ms/day".rjust(10),
    ]
    for name, row in result["results"].items():
        spent = result["ms_per_day"][name]
        lines.append(
            name.ljust(width) + f"{row['hits']:22.3f}{row['precision']:12.3f}{spent:10.1f}"
        )
    return "\n".join(lines)
