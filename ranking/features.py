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
    # One number for a word of a paper: sorting plain numbers is the quickest way to count them.
    every = read.paper.astype(np.uint64) << np.uint64(32) | read.codes
    pairs, counts = np.unique(every, return_counts=True)
    in_title = np.searchsorted(pairs, every[read.in_title])
    weight = counts + (TITLE_WEIGHT - 1) * np.bincount(in_title, minlength=len(pairs))
    codes = (pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    shared, held_by = np.unique(codes, return_counts=True)
    shared, held_by = shared[held_by >= 2], held_by[held_by >= 2]
    if not len(shared):
        return np.zeros((n, n), np.float32)
    column = np.minimum(np.searchsorted(shared, codes), len(shared) - 1)
    keep = shared[column] == codes
    column, row = column[keep], (pairs[keep] >> np.uint64(32)).astype(np.int64)
    rarity = np.log(1.0 + (n - held_by + 0.5) / (held_by + 0.5))
    values = (1.0 + np.log(weight[keep])) * rarity[column]
    norms = np.sqrt(np.bincount(row, values * values, minlength=n))
    values = (values / norms[row]).astype(np.float32)
    ends = np.searchsorted(row, np.arange(n + 1))
    rows = csr_matrix((values, column, ends), shape=(n, len(shared)))
    # A sparse side keeps the product in this thread: threads wait for one another where the
    # machine is busy. The other side is dense because writing a sparse result costs more.
    columns = np.zeros((len(shared), n), np.float32)
    columns[column, row] = values
    return np.asarray(rows @ columns, np.float32)


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
