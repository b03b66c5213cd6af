"""Finding papers by words: every posting is scored, the best few hundred are read and re-ranked.

The first pass is BM25F (Robertson, Zaragoza and Taylor 2004) over all papers. The second reads
the best candidates, adds what the best sentence and pairs of neighbouring words say, and leans on
the likeness among the candidates: to the best few (Rocchio 1971) and to the nearest neighbours
(Diaz 2005). Word weights there come from the candidates alone, so nothing is fitted beforehand.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ranking.features import likeness, pair_scores, sentence_scores
from ranking.follow import names_author
from ranking.postings import NONE, Postings, Text, author_terms, category_terms
from ranking.query import Query
from ranking.reading import encode, holding_phrase, together
from ranking.spelling import Correction, Vocabulary, correct
from ranking.text import fold, stems, surface, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

K1, B = 1.8, 0.75
CANDIDATES = 150
SENTENCE = 0.25  # what the best sentence weighs beside the whole paper
PAIR = 0.1  # what pairs of neighbouring query words weigh
TRUSTED, TOWARDS = 3, 0.5  # the best few, and what likeness to them weighs
NEIGHBOURS, BORROWED = 4, 0.3
MOST_TERMS = 128  # distinct query terms
MOST_READ = 500  # papers read to see whether a phrase really stands in them
SIMILAR_TERMS = 30


class Collection(Vocabulary, Protocol):
    """Where posting lists and texts come from: a database, or memory."""

    @property
    def lengths(self) -> NDArray[np.uint16]:
        """(m,) weighted words by paper number; 0 where there is no paper."""
        ...

    def postings(self, terms: Sequence[str]) -> Mapping[str, Postings]:
        """Return the postings of the terms that any paper holds."""
        ...

    def texts(self, papers: Sequence[int]) -> Sequence[Text]:
        """Return the texts of these papers in the given order."""
        ...

    def words(self, papers: Sequence[int]) -> Sequence[bytes]:
        """Return the words of these papers in the given order, as ``encode`` writes them."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Matches, best first. ``exact`` is False where ``total`` is only an estimate.

    ``terms`` are the stems that were searched, for highlighting.
    """

    papers: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    total: int = 0
    exact: bool = True
    terms: frozenset[str] = field(default=frozenset())
    notes: tuple[str, ...] = ()


def find(
    collection: Collection,
    query: Query,
    *,
    allowed: NDArray[np.bool_] | None = None,
    depth: int = CANDIDATES,
) -> Found:
    """Return the best ``depth`` papers for a query; ties go to the smaller number.

    ``allowed`` is a mask by paper number for filters that postings do not know. A query without
    words that could be searched finds every paper that its filters let through, newest first.
    """
    pairs, weights, notes = _spelled(collection, query)
    phrases = [stems(phrase) for phrase in query.find.phrases]
    lists = collection.postings(_needed(query, weights))
    mask = _mask(collection, query, phrases, lists, allowed)
    if weights:
        scores = bm25(collection.lengths, lists, weights)
        scores[~mask] = 0.0
        matches = np.flatnonzero(scores > 0)
    else:
        scores = np.zeros(len(mask), np.float32)
        matches = np.flatnonzero(mask)[::-1] if query.filtered else np.zeros(0, np.int64)
    top = _best(scores, matches, max(depth, MOST_READ)) if weights else matches
    top, read, total, exact = _read(collection, query, phrases, top, matches, depth)
    values = scores[top]
    if weights:
        stored = int(np.count_nonzero(collection.lengths))
        idf = {term: _idf(stored, lists.get(term, NONE)) for term in weights}
        head = rerank(values[: len(read)], read, pairs, idf)
        order = np.argsort(-head, kind="stable")
        # What was not read again stays below what was.
        rest = values[len(head) :]
        rest *= np.float32(head.min() / rest[0]) if len(rest) else np.float32(1)
        values = np.concatenate((head[order], rest))
        top = np.concatenate((top[: len(head)][order], top[len(head) :]))
    return Found(
        papers=tuple(int(paper) for paper in top[:depth]),
        scores=tuple(float(value) for value in values[:depth]),
        total=total,
        exact=exact,
        terms=frozenset(weights),
        notes=notes,
    )


def similar(collection: Collection, text: Text, *, depth: int = 10) -> Found:
    """Return the papers most like one: its weightiest terms, then the cosine of whole papers."""
    counts = Counter(stems(text.title) * 2 + stems(text.abstract))
    lists = collection.postings(sorted(counts))
    stored = int(np.count_nonzero(collection.lengths))
    weighed = {
        term: (1.0 + math.log(count)) * _idf(stored, lists[term])
        for term, count in counts.items()
        if term in lists
    }
    chosen = sorted(weighed, key=lambda term: (-weighed[term], term))[:SIMILAR_TERMS]
    weights = {term: 1.0 + math.log(counts[term]) for term in chosen}
    scores = bm25(collection.lengths, lists, weights)
    if text.paper < len(scores):
        scores[text.paper] = 0.0
    matches = np.flatnonzero(scores > 0)
    top = _best(scores, matches, max(depth, CANDIDATES // 2))
    if not len(top):
        return Found()
    every = (encode(text.title, text.abstract), *collection.words(top.tolist()))
    cosines = likeness(together(every))[0, 1:]
    first = scores[top]
    values = np.round(first / first.max() + cosines, 5)
    order = np.lexsort((top, -values))[:depth]
    return Found(
        papers=tuple(int(paper) for paper in top[order]),
        scores=tuple(float(value) for value in values[order]),
        total=len(matches),
        terms=frozenset(chosen),
    )


def bm25(
    lengths: NDArray[np.uint16], lists: Mapping[str, Postings], weights: Mapping[str, float]
) -> Floats:
    """Return (m,) scores by paper number; the title's words count as ``TITLE_WEIGHT`` words."""
    scores = np.zeros(len(lengths), np.float32)
    present = lengths[lengths > 0]
    mean = float(present.mean(dtype=np.float64)) if len(present) else 1.0
    stored = len(present)
    for term in sorted(weights):
        found = lists.get(term, NONE)
        counts = found.counts.astype(np.float32)
        norms = lengths[found.papers].astype(np.float32)
        norms *= np.float32(K1 * B / mean)
        norms += np.float32(K1 * (1.0 - B))
        norms += counts
        counts *= np.float32(weights[term] * _idf(stored, found))
        counts /= norms
        scores[found.papers] += counts
    return scores


def rerank(
    scores: Floats,
    encoded: Sequence[bytes],
    pairs: Iterable[tuple[str, str]],
    idf: Mapping[str, float],
) -> Floats:
    """Return (n,) new scores for n candidates with these (n,) scores of the first pass.

    ``encoded`` are the candidates' words. Each part is divided by its largest value, so that the
    weights mean the same for any query.
    """
    read = together(encoded)
    values = (
        _of_largest(scores)
        + SENTENCE * _of_largest(sentence_scores(read, idf))
        + PAIR * _of_largest(pair_scores(read, set(pairs), idf))
    )
    return lean(values, likeness(read))


def lean(values: Floats, cosines: Floats) -> Floats:
    """Move (n,) scores towards those of like candidates, given their (n, n) cosines.

    First towards the likeness to the few best (Rocchio 1971, pseudo-relevance feedback), then each
    borrows a share from its nearest neighbours.
    """
    n = len(values)
    if n <= NEIGHBOURS:
        return values
    best = np.argsort(-values, kind="stable")[:TRUSTED]
    background = np.partition(values, max(0, n - 51))[max(0, n - 51)]
    values = values + TOWARDS * _of_largest(cosines[:, best] @ (values[best] - background))
    nearest = cosines.copy()
    np.fill_diagonal(nearest, 0.0)
    least = np.partition(nearest, n - NEIGHBOURS, axis=1)[:, n - NEIGHBOURS]
    nearest[nearest < least[:, None]] = 0.0
    total = nearest.sum(axis=1)
    total[total == 0] = 1.0
    borrowed = (nearest * values).sum(axis=1) / total
    # Products of equal rows may differ in the last bits; equal papers must stay equal.
    return np.asarray(np.round((1.0 - BORROWED) * values + BORROWED * borrowed, 5), np.float32)


def _of_largest(values: Floats) -> Floats:
    largest = values.max(initial=0.0)
    return np.asarray(values / largest if largest > 0 else values, np.float32)


def _idf(stored: int, found: Postings) -> float:
    return math.log(1.0 + (stored - len(found) + 0.5) / (len(found) + 0.5))


def _spelled(
    collection: Collection, query: Query
) -> tuple[list[tuple[str, str]], dict[str, float], tuple[str, ...]]:
    """Return neighbouring stems, how often each stem was asked for, and notes on corrections."""
    typed = words(query.plain)
    stemmed = stems(query.plain)
    known = collection.frequencies(sorted(set(stemmed)))
    notes: list[str] = []
    replaced: dict[str, str] = {}
    for word, stem in zip(typed, stemmed, strict=True):
        if stem in known or stem in replaced or len(replaced) >= 8:
            continue
        better = correct(word, stem, collection)
        replaced[stem] = better.stem if better else stem
        if better:
            written = _written(collection, better)
            notes.append(f"No paper has “{word}”; searched for “{written}” instead.")
    final = [replaced.get(stem, stem) for stem in stemmed]
    asked = Counter(final)
    # Of a very long query, the words that say most: repeated ones and rare ones that exist.
    kept = sorted(asked, key=lambda stem: (stem not in known, -_worth(stem, asked, known), stem))
    kept = kept[:MOST_TERMS]
    return (
        list(pairwise(final)),
        {stem: math.sqrt(asked[stem]) for stem in kept},
        tuple(notes),
    )


def _written(collection: Collection, correction: Correction) -> str:
    """Return a corrected word as the papers write it."""
    holding = collection.postings([correction.stem]).get(correction.stem, NONE).papers[:5]
    written = ""
    for text in collection.texts(holding.tolist()):
        whole = f"{text.title}. {text.abstract}"
        if correction.word in words(whole):
            return correction.word
        written = written or surface(whole).get(correction.stem, "")
    return written or correction.word or correction.stem


def _worth(stem: str, asked: Mapping[str, int], known: Mapping[str, int]) -> float:
    return math.sqrt(asked[stem]) / math.log(2.0 + known.get(stem, 0))


def _needed(query: Query, weights: Mapping[str, float]) -> list[str]:
    needed = set(weights)
    for text in (*query.find.phrases, *query.without.phrases, *query.without.words):
        needed.update(stems(text))
    for author in (*query.find.authors, *query.without.authors):
        needed.update(author_terms(author))
    for category in (*query.find.categories, *query.without.categories):
        needed.update(category_terms(category)[:1])
    return sorted(needed)


def _mask(
    collection: Collection,
    query: Query,
    phrases: Sequence[Sequence[str]],
    lists: Mapping[str, Postings],
    allowed: NDArray[np.bool_] | None,
) -> NDArray[np.bool_]:
    mask = collection.lengths > 0
    if allowed is not None:
        mask &= allowed[: len(mask)]

    def holding(terms: Iterable[str]) -> NDArray[np.bool_]:
        every = np.ones(len(mask), np.bool_)
        for term in terms:
            one = np.zeros(len(mask), np.bool_)
            one[lists.get(term, NONE).papers] = True
            every &= one
        return every

    for phrase in phrases:
        mask &= holding(phrase)
    for author in query.find.authors:
        mask &= holding(author_terms(author))
    if query.find.categories:
        any_of = np.zeros(len(mask), np.bool_)
        for category in query.find.categories:
            any_of |= holding(category_terms(category)[:1])
        mask &= any_of
    for category in query.without.categories:
        mask &= ~holding(category_terms(category)[:1])
    for word in query.without.words:
        if stems(word):
            mask &= ~holding(stems(word))
    return mask


def _best(scores: Floats, matches: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    """Return the best ``depth`` of the matches, ties by number."""
    values = scores[matches]
    if len(matches) > depth:
        least = np.partition(values, len(values) - depth)[len(values) - depth]
        keep = values >= least
        matches, values = matches[keep], values[keep]
    return matches[np.lexsort((matches, -values))][:depth]


def _read(
    collection: Collection,
    query: Query,
    phrases: Sequence[Sequence[str]],
    top: NDArray[np.int64],
    matches: NDArray[np.int64],
    depth: int,
) -> tuple[NDArray[np.int64], list[bytes], int, bool]:
    """Read the candidates and drop those that only seemed to hold a phrase or a name.

    Return the papers left, the words of the first ``CANDIDATES``, the total and whether it is
    exact; it is estimated where enough papers were found before all had been read.
    """
    without = [stems(phrase) for phrase in query.without.phrases]
    names = bool(query.find.authors or query.without.authors)
    if not (phrases or any(without) or names):
        return top, list(collection.words(top[:CANDIDATES].tolist())), len(matches), True
    kept: list[int] = []
    encoded: list[bytes] = []
    seen = 0
    bound, enough = max(MOST_READ, depth), max(CANDIDATES, depth)
    while seen < min(len(top), bound) and len(kept) < enough:
        part = top[seen : min(seen + CANDIDATES, bound)].tolist()
        seen += len(part)
        if names:
            part = [text.paper for text in collection.texts(part) if _is_theirs(text, query)]
        words = collection.words(part)
        read = together(words)
        held = np.ones(len(part), np.bool_)
        for phrase in phrases:
            held &= holding_phrase(read, phrase)
        for phrase in filter(None, without):
            held &= ~holding_phrase(read, phrase)
        places = np.flatnonzero(held).tolist()
        kept += [part[i] for i in places]
        encoded += [words[i] for i in places]
    total = round(len(matches) * len(kept) / seen) if seen else 0
    return np.array(kept, np.int64), encoded[:CANDIDATES], total, seen >= len(matches)


def _is_theirs(text: Text, query: Query) -> bool:
    return all(_is_by(text, name) for name in query.find.authors) and not any(
        _is_by(text, name) for name in query.without.authors
    )


def _is_by(text: Text, name: str) -> bool:
    asked = fold(name).split()
    return names_author(name, text.authors) or any(
        set(asked) <= set(fold(author).replace("-", " ").split()) for author in text.authors
    )
