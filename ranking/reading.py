"""The words of papers in their order, as numbers, and what stands where among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ranking.text import fold, stems

TITLE_WEIGHT = 3  # a word of the title counts as three of the abstract
_TOKEN = re.compile(r"[^\W_]+|[.!?](?=\s)")
_STOP = "\x01"
_STOPS = f".!?{_STOP}"
_SPACES = {n: " " for n in range(128) if not chr(n).isalnum() and chr(n) != _STOP}
_NAME = re.compile(r"[^\W_]+")
_END = 0  # stands for the end of a sentence
_CODE = np.dtype("<u4")
_MOST_SENTENCES = 1 << 12


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """The words of n papers in one row of m: their codes, and whose and which sentence's each is.

    ``sentence`` tells sentences of different papers apart.
    """

    papers: int
    codes: NDArray[np.uint32]
    paper: NDArray[np.int64]
    sentence: NDArray[np.int64]

    @property
    def in_title(self) -> NDArray[np.bool_]:
        """(m,) whether a word is one of a title's."""
        return np.asarray(self.sentence % _MOST_SENTENCES == 0)

    def paper_of(self, sentence: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return whose each of some sentences is."""
        return np.asarray(sentence // _MOST_SENTENCES)


@lru_cache(maxsize=1 << 16)
def word_stems(word: str) -> tuple[str, ...]:
    """Return the stems of one word: none of a stop word, several where a script has no spaces."""
    return tuple(stems(word))


def code(stem: str) -> int:
    """Return a positive number of four bytes for a stem; two of a few thousand hardly share one."""
    return crc32(stem.encode("utf-8", "replace")) or 1


@lru_cache(maxsize=1 << 16)
def _codes(word: str) -> tuple[int, ...]:
    return (_END,) if word in _STOPS else tuple(code(stem) for stem in word_stems(word))


@lru_cache(maxsize=4096)
def encode(title: str, abstract: str) -> bytes:
    """Return the words of a paper in order, four bytes each, those of the title first.

    A zero stands where a sentence ends. The latest few thousand papers are remembered.
    """
    # A title is one sentence, whatever stops it has inside.
    head = chain.from_iterable(map(_codes, _NAME.findall(fold(title))))
    body = chain.from_iterable(map(_codes, _split(fold(abstract))))
    return np.fromiter(chain(head, (_END,), body), _CODE).tobytes()


def together(encoded: Sequence[bytes]) -> Read:
    """Put the words of several papers in one row."""
    codes = np.frombuffer(b"".join(encoded), _CODE)
    sizes = np.array([len(one) // _CODE.itemsize for one in encoded], np.int64)
    paper = np.repeat(np.arange(len(encoded)), sizes)
    ended = np.cumsum(codes == _END)
    # Sentences are counted from each paper's own beginning.
    before = np.concatenate(([0], ended))[np.cumsum(sizes) - sizes]
    within = np.minimum(ended - before[paper], _MOST_SENTENCES - 1)
    words = codes != _END
    return Read(
        papers=len(encoded),
        codes=codes[words],
        paper=paper[words],
        sentence=(paper * _MOST_SENTENCES + within)[words],
    )


def holding_phrase(read: Read, phrase: Sequence[str]) -> NDArray[np.bool_]:
    """Return (n,) whether the stems of a phrase stand side by side in one sentence of a paper."""
    starts = len(read.codes) - len(phrase) + 1
    if not phrase:
        return np.ones(read.papers, np.bool_)
    held = np.zeros(read.papers, np.bool_)
    if starts > 0:
        fits = read.sentence[:starts] == read.sentence[len(phrase) - 1 :]
        for i, stem in enumerate(phrase):
            fits &= read.codes[i : i + starts] == code(stem)
        held[read.paper[:starts][fits]] = True
    return held


def _split(folded: str) -> list[str]:
    """Return words and sentence ends in order; plain ASCII goes a way twice as fast."""
    if not folded.isascii():
        return _TOKEN.findall(folded)
    for stop in (". ", "? ", "! "):
        folded = folded.replace(stop, f" {_STOP} ")
    return folded.translate(_SPACES).split()
