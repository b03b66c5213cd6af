"""What a handful of candidate papers say of a query and of one another, read all at once."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import numpy as np

from ranking.reading import TITLE_WEIGHT, Read, code

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SATURATION = 1.5  # occurrences of a pair after which more of them add little
SENTENCE_WORDS = 20.0  # a sentence twice as long counts as holding less of the query


def likeness(read: Read) -> Floats:
    """Return (n, n) cosines between papers: TF-IDF with the weights of these n papers alone.

    A word that only one of them has says nothing of their likeness and stays out.
    """
    from scipy.sparse import csr_matrix

    n = read.papers
    codes, column = np.unique(read.codes, return_inverse=True)
    width = max(1, len(codes))
    weight = np.where(read.in_title, float(TITLE_WEIGHT), 1.0)
    counts = np.bincount(read.paper * width + column, weight, minlength=n * width)
    places = np.flatnonzero(counts)
    held_by = np.bincount(places % width, minlength=width)
    places = places[held_by[places % width] >= 2]
    row, column = np.divmod(places, width)
    rarity = np.log(1.0 + (n - held_by + 0.5) / (held_by + 0.5))
    values = (1.0 + np.log(counts[places])) * rarity[column]
    norms = np.sqrt(np.bincount(row, values * values, minlength=n))
    values = (values / norms[row]).astype(np.float32)
    ends = np.searchsorted(row, np.arange(n + 1))
    rows = csr_matrix((values, column, ends), shape=(n, width))
    # Sparse on purpose: a dense product would start threads, which wait for one another where
    # the machine is busy, and is no faster on rows that are nine tenths empty.
    return np.asarray((rows @ rows.T).toarray(), np.float32)


def sentence_scores(read: Read, idf: Mapping[str, float]) -> Floats:
    """Return (n,) how much of the query the best sentence of each paper holds."""
    scores = np.zeros(read.papers, np.float32)
    asked = {code(stem): weight for stem, weight in idf.items()}
    wanted = np.array(sorted(asked), np.uint32)
    weights = np.array([asked[one] for one in wanted.tolist()])
    hits = np.flatnonzero(np.isin(read.codes, wanted))
    if not len(hits):
        return scores
    # Each word counts once in a sentence.
    term = np.searchsorted(wanted, read.codes[hits])
    once = np.unique(read.sentence[hits] * len(wanted) + term)
    sentence, at = np.unique(once // len(wanted), return_inverse=True)
    held = np.bincount(at, weights[once % len(wanted)])
    every, lengths = np.unique(read.sentence, return_counts=True)
    long = lengths[np.searchsorted(every, sentence)]
    np.maximum.at(
        scores,
        read.paper_of(sentence),
        (held / np.sqrt(1.0 + long / SENTENCE_WORDS)).astype(np.float32),
    )
    return scores


def pair_scores(
    read: Read, pairs: AbstractSet[tuple[str, str]], idf: Mapping[str, float]
) -> Floats:
    """Return (n,) how often, and how tellingly, query words stand side by side as in the query."""
    scores = np.zeros(read.papers, np.float32)
    left, right = read.codes[:-1], read.codes[1:]
    joined = read.sentence[:-1] == read.sentence[1:]
    for first, second in sorted(pairs):
        places = np.flatnonzero((left == code(first)) & (right == code(second)) & joined)
        if len(places):
            counts = np.bincount(read.paper[places], minlength=read.papers)
            weight = (idf.get(first, 0.0) + idf.get(second, 0.0)) / 2
            scores += (weight * counts / (counts + SATURATION)).astype(np.float32)
    return scores
