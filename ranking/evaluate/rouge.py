"""ROUGE-1, ROUGE-2 and ROUGE-L as the field computes them: F1 over stemmed tokens.

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004. Tokens, stems and counts are
those of the reference implementation in common use (``rouge-score`` with ``use_stemmer=True``),
so that figures can be set beside published ones. All values are between 0 and 1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, TypeVar

_TOKEN = re.compile(r"[a-z0-9]+")
_VOWELS = frozenset("aeiou")

Item = TypeVar("Item")

_IRREGULAR = {
    "skies": "sky", "sky": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news",
    "innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing",
    "cannings": "canning", "canning": "canning", "howe": "howe", "proceed": "proceed",
    "exceed": "exceed", "succeed": "succeed",
}  # fmt: skip

_STEP_2 = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"),
    ("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"),
    ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"),
    ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
    ("fulli", "ful"),
)  # fmt: skip

_STEP_3 = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""),
    ("ness", ""),
)  # fmt: skip

_STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou",
    "ism", "ate", "iti", "ous", "ive", "ize",
)  # fmt: skip


class Rouge(NamedTuple):
    """F1 of unigrams, bigrams and the longest common subsequence, each between 0 and 1."""

    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815 - the measure's own name, and the key of the report


def tokens(text: str) -> list[str]:
    """Return the lower-case ASCII words and numbers of ``text``, stemmed where over 3 letters."""
    return [stem(word) if len(word) > 3 else word for word in _TOKEN.findall(text.lower())]


def score(reference: Sequence[str], candidate: Sequence[str]) -> Rouge:
    """Compare two token sequences; an empty one scores 0."""
    return Rouge(
        _overlap(Counter(reference), Counter(candidate)),
        _overlap(
            Counter(pairwise(reference)),
            Counter(pairwise(candidate)),
        ),
        _f1(_common_subsequence(reference, candidate), len(reference), len(candidate)),
    )


def best(references: Sequence[Sequence[str]], candidate: Sequence[str]) -> Rouge:
    """Return the score against the reference with the highest ROUGE-1, the first of equals."""
    scores = [score(reference, candidate) for reference in references]
    return max(scores, key=lambda one: one.rouge1, default=Rouge(0.0, 0.0, 0.0))


def _overlap(reference: Counter[Item], candidate: Counter[Item]) -> float:
    return _f1((reference & candidate).total(), reference.total(), candidate.total())


def _f1(shared: int, wanted: int, given: int) -> float:
    return 2 * shared / (wanted + given) if shared else 0.0


def _common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, one row of bits at a time (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for index, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << index
    full = (1 << len(first)) - 1
    row = full
    for token in second:
        match = row & places.get(token, 0)
        row = (row + match | row - match) & full
    return len(first) - row.bit_count()


# --- Porter's stemmer, with the reference implementation's departures ---------------------------


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return Porter's stem (1980) of a lower-case word, with NLTK's additions.

    Those are: some irregular words, words of up to two letters left alone, "-ied" of four letters,
    "y" kept after a vowel, and "-fulli", "-logi", "-alli" handled apart.
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 2:
        return word
    word = _step_1b(_step_1a(word))
    if word.endswith("y") and len(word) > 2 and _is_consonant(word, len(word) - 2):
        word = word[:-1] + "i"
    return _step_5(_step_4(_step_3(_step_2(word))))


def _is_consonant(word: str, index: int) -> bool:
    letter = word[index]
    if letter in _VOWELS:
        return False
    if letter != "y":
        return True
    # A run of y's alternates, from a consonant at the start of the word or after a vowel.
    return index == 0 or not _is_consonant(word, index - 1)


def _measure(word: str) -> int:
    """Count the changes from vowel to consonant: Porter's m."""
    kinds = [_is_consonant(word, index) for index in range(len(word))]
    return sum(not left and right for left, right in pairwise(kinds))


def _has_vowel(word: str) -> bool:
    return any(not _is_consonant(word, index) for index in range(len(word)))


def _ends_double(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _is_consonant(word, len(word) - 1)


def _ends_cvc(word: str) -> bool:
    last = len(word) - 1
    if last == 1:
        return not _is_consonant(word, 0) and _is_consonant(word, 1)
    return (
        last > 1
        and _is_consonant(word, last - 2)
        and not _is_consonant(word, last - 1)
        and _is_consonant(word, last)
        and word[-1] not in "wxy"
    )


def _step_1a(word: str) -> str:
    if word.endswith("ies") and len(word) == 4:
        return word[:-1]
    for suffix, replacement in (("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")):
        if word.endswith(suffix):
            return word[: -len(suffix)] + replacement
    return word


def _step_1b(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        if word.endswith(suffix) and _has_vowel(word[: -len(suffix)]):
            return _mend(word[: -len(suffix)])
    return word


def _mend(word: str) -> str:
    """Restore what "-ed" or "-ing" hid: an e, or a single consonant."""
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if _ends_double(word):
        return word if word[-1] in "lsz" else word[:-1]
    return word + "e" if _measure(word) == 1 and _ends_cvc(word) else word


def _step_2(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]) > 0:
        return _step_2(word[:-4] + "al")
    if word.endswith("logi"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    return _replace_first(word, _STEP_2)


def _step_3(word: str) -> str:
    return _replace_first(word, _STEP_3)


def _replace_first(word: str, rules: tuple[tuple[str, str], ...]) -> str:
    """Apply the first rule whose suffix fits, if what stands before it has measure 1 or more."""
    for suffix, replacement in rules:
        if word.endswith(suffix):
            rest = word[: -len(suffix)]
            return rest + replacement if _measure(rest) > 0 else word
    return word


def _step_4(word: str) -> str:
    for suffix in _STEP_4:
        if word.endswith(suffix):
            rest = word[: -len(suffix)]
            fits = _measure(rest) > 1 and (suffix != "ion" or rest[-1] in "st")
            return rest if fits else word
    return word


def _step_5(word: str) -> str:
    if word.endswith("e"):
        rest = word[:-1]
        size = _measure(rest)
        if size > 1 or (size == 1 and not _ends_cvc(rest)):
            word = rest
    if word.endswith("ll") and _measure(word[:-1]) > 1:
        word = word[:-1]
    return word
