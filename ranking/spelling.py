"""A typed word that no paper has, and what was probably meant (Damerau 1964, Norvig 2007)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ranking.text import stems

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SHORTEST, SHORTEST_TWICE = 5, 9  # letters of a word that may hold one mistake, and two
SURE = 3  # first letters that are taken to be right where there are two mistakes
LONGEST = 24


class Vocabulary(Protocol):
    """The terms that papers hold."""

    def frequencies(self, terms: Sequence[str]) -> Mapping[str, int]:
        """Return how many papers hold each of these terms; terms that none holds are left out."""
        ...

    def beginning(self, prefix: str, shortest: int, longest: int) -> Sequence[tuple[str, int]]:
        """Return (term, papers) for the terms of such a beginning and length."""
        ...


@dataclass(frozen=True, slots=True)
class Correction:
    """The term to search, and a way of writing it that was near; empty where none was tried."""

    stem: str
    word: str = ""


def correct(word: str, stem: str, vocabulary: Vocabulary) -> Correction | None:
    """Return what was meant by a word that no paper has, or None where nothing is near.

    One mistake (a letter too many, too few, another, or two swapped) is looked for first, then
    two mistakes behind the first letters. Words with digits are names and stay.
    """
    plain = word.isascii() and word.isalpha() and len(word) <= LONGEST
    if not plain or len(word) < SHORTEST:
        return None
    near = sorted(set(edits(word)))
    stemmed = stems_of(near)
    known = vocabulary.frequencies(sorted(set(stemmed)))
    found = [
        (known[term], candidate, term)
        for candidate, term in zip(near, stemmed, strict=True)
        if term in known
    ]
    if found:
        # People get the first letter right more often than any other.
        _, meant, term = min(
            found, key=lambda one: (one[1][0] != word[0], -one[0], len(one[1]), one[1])
        )
        return Correction(term, meant)
    if len(word) < SHORTEST_TWICE:
        return None
    further = [
        (distance, -papers, term)
        for term, papers in vocabulary.beginning(stem[:SURE], len(stem) - 2, len(stem) + 2)
        # A word of a single paper may be a mistake itself; most others differ at first sight.
        if papers > 1 and len(set(stem) ^ set(term)) <= 4
        if (distance := _distance(stem, term, 2)) <= 2
    ]
    return Correction(min(further)[2]) if further else None


def edits(word: str) -> Iterator[str]:
    """Yield every string one mistake away, of small Latin letters."""
    for i in range(len(word) + 1):
        left, right = word[:i], word[i:]
        if right:
            yield left + right[1:]
            for letter in LETTERS:
                yield left + letter + right[1:]
        if len(right) > 1:
            yield left + right[1] + right[0] + right[2:]
        for letter in LETTERS:
            yield left + letter + right


def stems_of(near: Sequence[str]) -> list[str]:
    """Return the stem of each word; a word that is no term (a stop word) stays as it is."""
    return [(stems(word) or [word])[0] for word in near]


def _distance(left: str, right: str, most: int) -> int:
    """Return the number of mistakes between two words, ``most + 1`` where there are more."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
