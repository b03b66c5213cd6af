"""Posting lists: which papers hold a term, and how often; packed into bytes a chunk at a time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.reading import TITLE_WEIGHT, encode
from ranking.text import fold, stems

CHUNK = 8192  # papers to a chunk: offsets fit two bytes, and a chunk is rewritten in a second
_MOST = 255  # a count fits one byte
_FEW = 64
_LONGEST = 65_535
_NAME = re.compile(r"[^\W_]+")
_OFFSET, _COUNT = np.dtype("<u2"), np.dtype("u1")


@dataclass(frozen=True, slots=True)
class Text:
    """What search reads of a paper. ``paper`` is a number of zero or more."""

    paper: int
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Postings:
    """(n,) ascending paper numbers as int64 and (n,) weighted counts as uint8."""

    papers: NDArray[np.int64]
    counts: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.papers)


NONE = Postings(np.zeros(0, np.int64), np.zeros(0, np.uint8))


def author_terms(name: str) -> tuple[str, ...]:
    """Return the terms under which a name is filed: its words of two letters or more."""
    return tuple(f"author:{word}" for word in _NAME.findall(fold(name)) if len(word) > 1)


def category_terms(category: str) -> tuple[str, ...]:
    """Return the terms of a category: itself and, for ``cs.CL``, its archive ``cs``."""
    folded = category.strip().casefold()
    archive = folded.partition(".")[0]
    return tuple(f"cat:{name}" for name in dict.fromkeys((folded, archive)) if name)


def counted(text: Text) -> tuple[Counter[str], int]:
    """Return a paper's terms with weighted counts, and its length in weighted words, at least 1.

    Authors and categories are terms too, but no words.
    """
    title = stems(text.title)
    counts = Counter(stems(text.abstract))
    for stem in title:
        counts[stem] += TITLE_WEIGHT
    length = min(_LONGEST, max(1, counts.total()))
    for name in text.authors:
        counts.update(dict.fromkeys(author_terms(name), 1))
    for category in text.categories:
        counts.update(dict.fromkeys(category_terms(category), 1))
    return counts, length


def gather(
    texts: Iterable[Text], between: Callable[[], None] = lambda: None
) -> tuple[dict[str, Postings], dict[int, int]]:
    """Return the postings of these papers by term, and the papers' lengths.

    ``between`` is called every few papers and may wait.
    """
    lists: dict[str, list[tuple[int, int]]] = {}
    lengths: dict[int, int] = {}
    for number, text in enumerate(sorted(texts, key=lambda text: text.paper)):
        if number % _FEW == 0:
            between()
        counts, lengths[text.paper] = counted(text)
        for term, count in counts.items():
            lists.setdefault(term, []).append((text.paper, min(count, _MOST)))
    made = {}
    for term, pairs in lists.items():
        both = np.array(pairs, dtype=np.int64)
        made[term] = Postings(both[:, 0].copy(), both[:, 1].astype(np.uint8))
    return made, lengths


def pack(postings: Postings, chunk: int) -> bytes:
    """Return one term's postings within a chunk: two bytes an offset, then one byte a count."""
    offsets = (postings.papers - chunk * CHUNK).astype(_OFFSET)
    return offsets.tobytes() + postings.counts.astype(_COUNT).tobytes()


def unpack(blobs: Sequence[tuple[int, bytes]]) -> Postings:
    """Return one term's postings from (chunk, bytes) in ascending order of chunk."""
    if not blobs:
        return NONE
    offsets = [np.frombuffer(blob, _OFFSET, count=len(blob) // 3) for _, blob in blobs]
    counts = [np.frombuffer(blob, _COUNT, offset=2 * (len(blob) // 3)) for _, blob in blobs]
    papers = np.concatenate(offsets).astype(np.int64)
    papers += np.repeat(
        np.array([chunk * CHUNK for chunk, _ in blobs], np.int64), [len(o) for o in offsets]
    )
    return Postings(papers, np.concatenate(counts))


def pack_lengths(lengths: Mapping[int, int], chunk: int) -> bytes:
    """Return the lengths of a chunk's papers, two bytes each, 0 where there is no paper."""
    row = np.zeros(CHUNK, _OFFSET)
    for paper, length in lengths.items():
        row[paper - chunk * CHUNK] = min(length, _LONGEST)
    return row.tobytes()


def unpack_lengths(blobs: Sequence[tuple[int, bytes]], size: int) -> NDArray[np.uint16]:
    """Return (size,) lengths by paper number from (chunk, bytes)."""
    row = np.zeros(size, np.uint16)
    for chunk, blob in blobs:
        part = np.frombuffer(blob, _OFFSET)
        start = chunk * CHUNK
        part = part[: max(0, size - start)]
        row[start : start + len(part)] = part
    return row


def merge(stored: Postings, fresh: Postings, hidden: NDArray[np.int64]) -> Postings:
    """Return ``stored`` without the ``hidden`` papers, and with ``fresh`` ones in their places."""
    papers, counts = stored.papers, stored.counts
    if len(hidden) and len(papers):
        keep = ~np.isin(papers, hidden)
        papers, counts = papers[keep], counts[keep]
    if not len(fresh):
        return Postings(papers, counts)
    papers = np.concatenate((papers, fresh.papers))
    order = np.argsort(papers, kind="stable")
    return Postings(papers[order], np.concatenate((counts, fresh.counts))[order])


class MemoryCollection:
    """Papers whose postings are all in memory: for measurements and for small collections."""

    def __init__(self, texts: Iterable[Text]) -> None:
        self._texts = {text.paper: text for text in texts}
        self._lists, lengths = gather(self._texts.values())
        self.lengths = np.zeros(max(lengths, default=-1) + 1, np.uint16)
        for paper, length in lengths.items():
            self.lengths[paper] = length

    def postings(self, terms: Sequence[str]) -> Mapping[str, Postings]:
        """Return the postings of the terms that any paper holds."""
        return {term: self._lists[term] for term in terms if term in self._lists}

    def frequencies(self, terms: Sequence[str]) -> Mapping[str, int]:
        """Return how many papers hold each term."""
        return {term: len(self._lists[term]) for term in terms if term in self._lists}

    def beginning(self, prefix: str, shortest: int, longest: int) -> Sequence[tuple[str, int]]:
        """Return (term, papers) for the terms of such a beginning and length."""
        return [
            (term, len(found))
            for term, found in sorted(self._lists.items())
            if term.startswith(prefix) and shortest <= len(term) <= longest
        ]

    def texts(self, papers: Sequence[int]) -> Sequence[Text]:
        """Return the texts of these papers in the given order."""
        return [self._texts[paper] for paper in papers]

    def words(self, papers: Sequence[int]) -> Sequence[bytes]:
        """Return the words of these papers in the given order, as ``ranking.reading.encode``."""
        return [encode(text.title, text.abstract) for text in self.texts(papers)]
