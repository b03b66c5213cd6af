"""As many papers as a measurement needs, put together from the sentences of recorded ones."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

LENDERS = 4  # papers whose sentences one made paper is put together from
MONTHLY = 99_999  # ids that an arXiv month has room for; a year of them is the most


def made_papers(stream: Path, total: int) -> Iterator[dict[str, object]]:
    """Yield papers put together from sentences of real ones, with some new words in each."""
    with gzip.open(stream, "rt", encoding="utf-8") as file:
        real = [json.loads(line) for line in file]
    dice = random.Random(7)
    split = [re.split(r"(?<=[.!?])\s+", paper["abstract"]) for paper in real]
    for number in range(total):
        lenders = [dice.randrange(len(real)) for _ in range(LENDERS)]
        sentences = [dice.choice(split[lender]) for lender in lenders for _ in range(2)]
        first, second = (real[lender]["title"].split() for lender in lenders[:2])
        new = f"{dice.choice('BDKLMNPRST')}o{dice.randrange(30_000)}net"
        yield {
            "id": f"26{1 + number // MONTHLY:02d}.{1 + number % MONTHLY:05d}",
            "title": " ".join((*first[: 1 + len(first) // 2], new, *second[len(second) // 2 :])),
            "abstract": " ".join((*sentences, f"We call it {new}.")),
            "authors": real[lenders[0]]["authors"],
            "categories": real[lenders[1]]["categories"],
            "listed": real[lenders[0]]["listed"],
        }
