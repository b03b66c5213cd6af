"""Few-shot ranking: a few votes and a written profile, and the rest of the pool to rank."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ranking.evaluate.collection import Collection, best_first, draw, read_collection
from ranking.evaluate.metrics import auc, average_precision, ndcg, recall
from ranking.evaluate.peers import METHODS, Prepared, Task

SHOTS = (0, 1, 5, 10)
METRICS = ("ndcg@10", "map", "recall@20", "auc")


def run(
    folder: Path,
    *,
    profile: bool = True,
    methods: Sequence[str] | None = None,
    seeds: int = 3,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure the methods on a collection; every method gets the same draws.

    ``profile`` False leaves the written terms out where there are votes. Returns ``{"collection",
    "results": {method: {k: {metric: mean, "profiles": n}}}, "ms_per_profile": {method: ms}}``; a
    mean is over seeds, then over profiles. Raises ``CollectionError`` and ``ValueError``.
    """
    return measure(
        read_collection(Path(folder)),
        profile=profile,
        methods=methods,
        seeds=seeds,
        progress=progress,
    )


def measure(
    collection: Collection,
    *,
    profile: bool = True,
    methods: Sequence[str] | None = None,
    seeds: int = 3,
    shots: Sequence[int] = SHOTS,
    progress: Callable[[str], None] | None = None,
    prepared: Prepared | None = None,
) -> dict[str, Any]:
    """Measure the methods on a collection already read; see ``run``."""
    names = list(METHODS) if methods is None else list(methods)
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        raise ValueError(f"no method {unknown[0]!r}; there are {', '.join(METHODS)}")
    shared = prepared or Prepared(collection)
    results: dict[str, dict[str, dict[str, float]]] = {}
    milliseconds: dict[str, float] = {}
    for name in names:
        method = METHODS[name](shared)
        values: dict[int, dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
        spent, fits = 0.0, 0
        for judged in collection.profiles:
            pool = np.array(collection.pool_rows(judged), dtype=np.intp)
            for k in shots:
                if k == 0 and not judged.terms:
                    continue
                of_seeds: list[list[float]] = []
                for seed in range(1 if k == 0 else seeds):
                    drawn = draw(collection, judged, k, seed)
                    if drawn is None:
                        continue
                    task = Task(
                        f"{judged.id}:{seed}",
                        judged.terms if profile or k == 0 else (),
                        drawn.likes,
                        drawn.dislikes,
                        drawn.rest,
                        pool,
                    )
                    started = time.perf_counter()
                    scores = method(task)
                    spent += time.perf_counter() - started
                    fits += 1
                    order = best_first(scores, drawn.rest, len(collection.documents))
                    relevant = drawn.relevant[order]
                    of_seeds.append(
                        [
                            ndcg(drawn.gains[order]),
                            average_precision(relevant),
                            recall(relevant),
                            auc(relevant),
                        ]
                    )
                if of_seeds:
                    for i, metric in enumerate(METRICS):
                        values[k][metric].append([row[i] for row in of_seeds])
            if progress:
                progress(f"{name}: {judged.id}")
        results[name] = {
            str(k): {
                **{
                    metric: round(_mean([_mean(seeds_) for seeds_ in values[k][metric]]), 4)
                    for metric in METRICS
                },
                "profiles": len(values[k][METRICS[0]]),
            }
            for k in shots
            if k in values
        }
        milliseconds[name] = round(1000 * spent / max(1, fits), 3)
    return {"collection": collection.name, "results": results, "ms_per_profile": milliseconds}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def render(result: dict[str, Any]) -> str:
    """Return the result as a table of text, a block for each number of votes."""
    lines = [f"{result['collection']}: few-shot ranking"]
    shots = sorted({int(k) for of in result["results"].values() for k in of})
    width = max(len(name) for name in result["results"])
    for k in shots:
        lines += ["", f"k = {k}".ljust(width + 2) + "".join(m.rjust(11) for m in METRICS)]
        for name, of in result["results"].items():
            row = of.get(str(k))
            if row:
                lines.append(
                    f"  {name}".ljust(width + 2) + "".join(f"{row[m]:11.3f}" for m in METRICS)
                )
        count = max(of[str(k)]["profiles"] for of in result["results"].values() if str(k) in of)
        lines.append(f"  {count} profiles")
    lines += ["", "milliseconds to fit and rank one profile"]
    for name, spent in result["ms_per_profile"].items():
        lines.append(f"  {name}".ljust(width + 2) + f"{spent:11.1f}")
    return "\n".join(lines)
