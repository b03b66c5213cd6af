"""What a space is worth by the papers it was fitted on, beside the one that ships."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ranking.evaluate.collection import read_collection
from ranking.evaluate.few_shot import measure
from ranking.evaluate.peers import Prepared
from ranking.vectors import Space

COUNTS = (200, 500, 1_000, 2_000, 4_000)


def run(
    folder: Path,
    *,
    counts: Sequence[int] = COUNTS,
    seeds: int = 3,
    mixed: bool = False,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Rank a collection with spaces fitted on its first papers only, and with the bundled one.

    ``counts`` are numbers of papers; with ``mixed`` they are drawn at random instead of being the
    first. The pools to rank stay whole. Returns ``{"collection", "results": {"bundled" or count:
    {k: {metric: mean}}}}``, the whole collection last.
    """
    collection = read_collection(Path(folder))
    documents = collection.documents
    order = np.arange(len(documents))
    if mixed:
        order = np.random.RandomState(0).permutation(len(documents))
    results: dict[str, Any] = {}
    sizes = [0, *(count for count in sorted(counts) if count < len(documents)), len(documents)]
    for size in sizes:
        space = Space.fit([documents[i] for i in order[:size]]) if size else Space.bundled()
        prepared = Prepared(collection, space=space)
        found = measure(collection, methods=["paperwire"], seeds=seeds, prepared=prepared)
        results[str(size) if size else "bundled"] = found["results"]["paperwire"]
        if progress:
            progress(f"space of {size or 'the package'}")
    return {"collection": collection.name, "results": results}


def render(result: dict[str, Any]) -> str:
    """Return the result's MAP as a table of text."""
    rows = result["results"]
    shots = sorted({int(k) for row in rows.values() for k in row})
    lines = [
        f"{result['collection']}: MAP by the papers that the space was fitted on",
        "papers".ljust(10) + "".join(f"k = {k}".rjust(9) for k in shots),
    ]
    for name, row in rows.items():
        values = "".join(f"{row[str(k)]['map']:9.3f}" if str(k) in row else " " * 9 for k in shots)
        lines.append(name.ljust(10) + values)
    return "\n".join(lines)
