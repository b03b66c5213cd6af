"""What can be measured of an abstract's words, sentences and readings.

Three small matrices, one row per distinct word, per adjacent pair of words and per reading. They
are the input of the linear models in :mod:`ranking.summary`, and of nothing else.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking.summary_cues import CUE_PLACE, CUES, HINTS, OPENINGS, STOP_WORDS
from ranking.summary_reading import TOKEN, Abstract

Matrix = NDArray[np.float64]

_CUT_OPENINGS = ("lead", "that")
_CUT_ENDINGS = ("which", "ing", "and", "clause", "comma", "semicolon", "colon")
_KNOTS = (8, 12, 16, 20, 24, 28, 34, 42)
_NEIGHBOURS = ("makes", "studies", "finds", "we", "but", "results", "detail")
_FIRSTS = ("we", "makes", "studies", "finds", "this paper", "here")
_OTHER_CUES = ("studies", "finds", "but", "results")
_NEVER = 1000.0
_MOST_COLUMNS = 240
_CUE_NAMES = [name for name, _ in CUES]


class Table:
    """A matrix under construction: named columns, each with ``rows`` values."""

    __slots__ = ("_values", "names", "rows")

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.names: list[str] = []
        self._values = np.empty((_MOST_COLUMNS, rows))

    def add(self, name: str, column: ArrayLike) -> None:
        """Append a column; one value stands for all rows."""
        self._values[len(self.names)] = column
        self.names.append(name)

    def extend(self, names: Sequence[str], columns: Matrix) -> None:
        """Append several columns, given as a matrix of ``rows`` rows."""
        first = len(self.names)
        self._values[first : first + len(names)] = columns.T
        self.names.extend(names)

    def matrix(self) -> Matrix:
        """Return the columns side by side."""
        return self._values[: len(self.names)].T


def sigmoid(values: Matrix) -> Matrix:
    """Return chances for log-odds."""
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))


def cue_matrix(abstract: Abstract) -> Matrix:
    """Return sentences × cues, 1 where the cue stands in the sentence."""
    lines = [sentence.lower() for sentence in abstract.sentences]
    text = "\n".join(lines)  # one pass over all sentences for each cue
    begins = list(accumulate((len(line) + 1 for line in lines[:-1]), initial=0))
    out = np.zeros((len(lines), len(CUES)))
    for place, (name, pattern) in enumerate(CUES):
        if pattern.pattern.startswith("^"):
            out[:, place] = [pattern.match(line) is not None for line in lines]
        elif any(hint in text for hint in HINTS.get(name, ("",))):
            for match in pattern.finditer(text):
                out[bisect(begins, match.start()) - 1, place] = 1.0
    return out


def _marks(size: int, places: frozenset[int]) -> Matrix:
    out = np.zeros(size)
    out[list(places)] = 1.0
    return out


def _stops(abstract: Abstract) -> Matrix:
    return np.array([raw in STOP_WORDS for raw in abstract.raw], dtype=float)


# --- words and pairs of words: how likely is a summary to use them? -----------------------------


def word_table(abstract: Abstract, idf: Matrix, prior: Matrix, cues: Matrix) -> Table:
    """Return one row for each of ``abstract.stems``, which ``idf`` and ``prior`` follow.

    ``idf`` is 0 for words the training part does not know; ``prior`` is a log-odds ratio.
    """
    size, total = len(abstract.stems), len(abstract.ids)
    member = np.zeros((total, size))
    count = np.zeros(size)
    first = np.full(size, float(total))
    for index, numbers in enumerate(abstract.ids):
        member[index, numbers] = 1.0
        for number in numbers:
            count[number] += 1
            first[number] = min(first[number], index)

    titled = _marks(size, abstract.titled)
    near = _marks(size, frozenset(n for pair in abstract.title_pairs for n in pair if n < size))
    stop = _stops(abstract)
    content = 1 - stop
    in_cue = {name: _within(member, cues, name) for name in ("makes", *_OTHER_CUES)}
    makes = in_cue["makes"]
    after = _distance_after_cue(abstract, cues)
    just, soon = np.exp(-after / 4), np.exp(-after / 12)
    we = np.flatnonzero(cues[:, CUE_PLACE["we"]] + cues[:, CUE_PLACE["this paper"]])
    log_count = np.log(np.maximum(count, 1))
    table = Table(size)
    table.add("bias", 1.0)
    table.add("titled", titled)
    table.add("titled content", titled * content)
    table.add("titled count", titled * log_count)
    table.add("near title", near)
    table.add("name", _marks(size, abstract.names))
    table.add("no title", not abstract.title_size)
    table.add("count", log_count)
    table.add("sentences", member.sum(axis=0) / max(total, 3))
    table.add("first place", first / max(total, 1))
    table.add("late only", first > 0.6 * total)
    table.add("first sentence", member[0])
    table.add("first sentence content", member[0] * content)
    table.add("last sentence", member[-1])
    table.add("idf", idf * content)
    table.add("unknown", idf == 0)
    table.add("prior", prior)
    table.add("prior titled", prior * titled)
    table.add("prior in makes", prior * makes)
    table.add("stop", stop)
    table.add("number", [raw.isdigit() for raw in abstract.raw])
    table.add("length", [min(len(raw), 14) / 14 for raw in abstract.raw])
    table.add("in makes", makes)
    table.add("in makes content", makes * content)
    table.add("in makes titled", makes * titled)
    for name in _OTHER_CUES:
        table.add(f"in {name}", in_cue[name])
    table.add("in first we", member[we[0]] if len(we) else 0.0)
    table.add("just after cue", just)
    table.add("just after cue content", just * content)
    table.add("soon after cue", soon)
    table.add("soon after cue titled", soon * titled)
    return table


def _within(member: Matrix, cues: Matrix, name: str) -> Matrix:
    """Mark the words of the sentences with a cue."""
    marks: Matrix = member[cues[:, CUE_PLACE[name]] > 0].max(axis=0, initial=0.0)
    return marks


def _distance_after_cue(abstract: Abstract, cues: Matrix) -> Matrix:
    """Return how soon after "we propose", "we show" each word first comes, in words."""
    distance = np.full(len(abstract.stems), _NEVER)
    for index, sentence in enumerate(abstract.sentences):
        if not cues[index, :3].any():
            continue
        line = sentence.lower()
        ends = [match.end() for _, pattern in CUES[:3] if (match := pattern.search(line))]
        before = len(TOKEN.findall(line[: min(ends)]))
        for steps, number in enumerate(abstract.ids[index][before:]):
            distance[number] = min(distance[number], steps)
    return distance


def pair_table(abstract: Abstract, odds: Matrix) -> Table:
    """Return one row for each adjacent pair of ``abstract.tidied``, by its words' log-odds."""
    left, right = abstract.tidied[:-1], abstract.tidied[1:]
    _, inverse, counts = np.unique(
        left * (len(abstract.stems) + 1) + right, return_inverse=True, return_counts=True
    )
    stop = _stops(abstract)
    titled = _marks(len(abstract.stems), abstract.titled)
    chances = sigmoid(odds)
    table = Table(len(left))
    table.add("bias", 1.0)
    table.add("left", odds[left])
    table.add("right", odds[right])
    table.add("least", np.minimum(odds[left], odds[right]))
    table.add("product", chances[left] * chances[right])
    pairs = zip(left.tolist(), right.tolist(), strict=True)
    table.add("title pair", [pair in abstract.title_pairs for pair in pairs])
    table.add("both titled", titled[left] * titled[right])
    table.add("stop left", stop[left])
    table.add("stop right", stop[right])
    table.add("both stop", stop[left] * stop[right])
    table.add("repeated", np.log(counts[inverse]))
    return table


# --- sentences ------------------------------------------------------------------------------------


def sentence_table(abstract: Abstract, idf: Matrix, cues: Matrix) -> Table:
    """Return one row for each sentence; ``idf`` follows ``abstract.stems``."""
    table = Table(len(abstract.sentences))
    counts = np.zeros((table.rows, len(abstract.stems)))
    for index, numbers in enumerate(abstract.ids):
        for number in numbers:
            counts[index, number] += 1
    content = 1 - _stops(abstract)
    weights = idf * content
    _add_places(table, abstract)
    _add_similarities(table, counts * weights)
    _add_title(table, abstract, counts > 0, content, weights)
    _add_cues(table, cues)
    return table


def _add_places(table: Table, abstract: Abstract) -> None:
    total = table.rows
    place = np.arange(total, dtype=float)
    relative = place / max(total - 1, 1)
    lengths = np.array([len(numbers) for numbers in abstract.ids], dtype=float)
    table.add("place", relative)
    table.add("place reciprocal", 1 / (place + 1))
    table.add("first", place == 0)
    table.add("second", place == 1)
    table.add("third", place == 2)
    table.add("last", place == total - 1)
    table.add("last but one", place == total - 2)
    table.add("middle", np.abs(relative - 0.5))
    table.add("sentence length", np.minimum(lengths, 60) / 25)
    table.add("short sentence", lengths < 10)
    table.add("long sentence", lengths > 35)


def _add_similarities(table: Table, vectors: Matrix) -> None:
    """Add cosines with the whole, with all the others, and with single sentences."""
    units = vectors / (np.sqrt((vectors * vectors).sum(axis=1)) + 1e-9)[:, None]
    whole = units.sum(axis=0)
    rest = whole[None, :] - units
    similar = units @ units.T
    np.fill_diagonal(similar, 0.0)
    table.add("centroid", units @ whole / (math.sqrt(whole @ whole) + 1e-9))
    table.add("left out", (units * rest).sum(axis=1) / (np.sqrt((rest * rest).sum(axis=1)) + 1e-9))
    table.add("closest", similar.max(axis=1))
    table.add("mean similarity", similar.sum(axis=1) / max(table.rows - 1, 1))
    table.add("degree", table.rows * similar.sum(axis=1) / (similar.sum() + 1e-9))
    table.add("to next", np.append(np.diagonal(similar, 1), 0.0))
    table.add("to previous", np.append(0.0, np.diagonal(similar, 1)))
    table.add("to first", similar[:, 0])


def _add_title(
    table: Table, abstract: Abstract, present: NDArray[np.bool_], content: Matrix, weights: Matrix
) -> None:
    titled = _marks(len(content), abstract.titled)
    shared = present @ (titled * content)
    pairs = np.array(
        [sum(pair in abstract.title_pairs for pair in pairwise(one)) for one in abstract.ids]
    )
    table.add("title recall", shared / max(float(titled @ content), 1.0))
    table.add(
        "title recall weighed", present @ (titled * weights) / max(float(titled @ weights), 1e-9)
    )
    table.add("title precision", shared / np.maximum(present @ content, 1.0))
    table.add("title words", np.minimum(shared, 6) / 6)
    table.add("most title words", (shared == shared.max()) & (shared > 0))
    table.add("title pairs", np.minimum(pairs, 5) / 5)


def _add_cues(table: Table, cues: Matrix) -> None:
    table.extend(_CUE_NAMES, cues)
    for name in _NEIGHBOURS:
        column = cues[:, CUE_PLACE[name]]
        table.add(f"next {name}", np.append(column[1:], 0.0))
        table.add(f"previous {name}", np.append(0.0, column[:-1]))
    place = np.arange(table.rows)
    for name in _FIRSTS:
        found = np.flatnonzero(cues[:, CUE_PLACE[name]])
        where = int(found[0]) if len(found) else -1
        table.add(f"first {name}", place == where)
        table.add(f"before first {name}", place < where)
        table.add(f"after first {name}", (place == where + 1) & (where >= 0))


# --- readings -------------------------------------------------------------------------------------


def reading_table(abstract: Abstract, words: Matrix, pairs: Matrix, expected: float) -> Table:
    """Return one row for each of ``abstract.candidates``.

    ``words`` and ``pairs`` are the chances that a summary of ``expected`` tokens uses a stem and
    an adjacent pair of ``abstract.tidied``.
    """
    table = Table(len(abstract.candidates))
    start = np.array([one.start for one in abstract.candidates])
    stop = np.array([one.stop for one in abstract.candidates])
    size = (stop - start).astype(float)
    _add_expectations(table, abstract, (start, stop), (words, pairs), expected)
    _add_title_inside(table, abstract, start, stop)
    for knot in _KNOTS:
        table.add(f"over {knot} words", np.minimum(np.maximum(size - knot, 0), 40) / 10)
    table.add("log size", np.log(size))
    spans = [one.span for one in abstract.candidates]
    lengths = np.array([len(one.words) for one in abstract.candidates], dtype=float)
    for name in _CUT_OPENINGS:
        table.add(f"opening {name}", [span.opening == name for span in spans])
    for name in _CUT_ENDINGS:
        table.add(f"ending {name}", [span.ending == name for span in spans])
    table.add("kept", np.array([span.stop - span.start for span in spans]) / lengths)
    table.add("cut tail", np.minimum(lengths - np.array([span.stop for span in spans]), 40) / 20)
    heads = [
        " ".join(one.words[one.span.start : one.span.start + 6]).lower()
        for one in abstract.candidates
    ]
    for name, pattern in OPENINGS:
        table.add(name, [pattern.match(head) is not None for head in heads])
    return table


def _add_expectations(
    table: Table,
    abstract: Abstract,
    bounds: tuple[NDArray[np.int64], NDArray[np.int64]],
    chances: tuple[Matrix, Matrix],
    expected: float,
) -> None:
    """Add the ROUGE to hope for, by the chances of the words inside."""
    start, stop = bounds
    words, pairs = chances
    size = (stop - start).astype(float)
    summed = np.append(0.0, np.cumsum(words[abstract.tidied]))
    paired = np.append(0.0, np.cumsum(pairs))
    mass = summed[stop] - summed[start]
    pair_mass = paired[np.maximum(stop - 1, start)] - paired[start]
    one = 2 * mass / (size + expected)
    two = 2 * pair_mass / np.maximum(size + expected - 2, 1)
    both = one + two
    table.add("expected rouge 1", one)
    table.add("expected rouge 2", two)
    table.add("expected both", both)
    table.add("mean chance", mass / size)
    table.add("mean pair chance", pair_mass / np.maximum(size - 1, 1))
    table.add("share of chances", mass / max(float(words.sum()), 1e-9))
    table.add("below best expected", both - both.max())
    table.add("best expected", both >= both.max())
    own = np.array([reading.sentence for reading in abstract.candidates])
    whole = np.zeros(len(abstract.sentences))
    full = np.array(
        [not (one.span.opening or one.span.ending) for one in abstract.candidates], dtype=bool
    )
    whole[own[full]] = both[full]
    table.add("against whole sentence", both - whole[own])
    rank = (whole[None, :] > whole[:, None]).sum(axis=1)
    table.add("rank of sentence", 1.0 / (1 + rank[own]))
    tail = np.maximum(stop - 5, start)
    head = np.minimum(start + 8, stop)
    table.add("last words", (summed[stop] - summed[tail]) / (stop - tail))
    table.add("first words", (summed[head] - summed[start]) / (head - start))


def _add_title_inside(
    table: Table, abstract: Abstract, start: NDArray[np.int64], stop: NDArray[np.int64]
) -> None:
    size = stop - start
    titled = _marks(len(abstract.stems), abstract.titled) * (1 - _stops(abstract))
    hits = np.append(0.0, np.cumsum(titled[abstract.tidied]))
    inside = hits[stop] - hits[start]
    ids = abstract.tidied.tolist()
    pairs = np.append(0.0, np.cumsum([pair in abstract.title_pairs for pair in pairwise(ids)]))
    paired = pairs[np.maximum(stop - 1, start)] - pairs[start]
    table.add("title words inside", np.minimum(inside, 6) / 6)
    table.add("title words a word", inside / size)
    table.add("title covered", np.minimum(inside / max(float(titled.sum()), 1.0), 1.5))
    table.add("title rouge 1", 2 * inside / (size + max(abstract.title_size, 1)))
    table.add("title rouge 2", 2 * paired / (size + max(len(abstract.title_pairs), 1)))
