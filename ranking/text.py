"""Text to terms: what two papers must share to count as speaking of the same thing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FUNCTION_WORDS = """
    a about above after again against all almost along already also although always am among an and
    another any anyone anything are aren around as at be became because become been before behind
    being below between both but by can cannot could couldn did didn do does doesn doing don done
    down due during each either else et etc even ever every few for found from further had hadn has
    hasn have haven having he hence her here hers herself him himself his how however i if in indeed
    instead into is isn it its itself just least less let like ll made make many may me might mine
    more moreover most mostly much must my myself namely neither never nevertheless no none nor not
    now of off often on once one only onto or other others otherwise our ours ourselves out over own
    per perhaps please rather re s same seem seemed seems several she should shouldn since so some
    still such t than that the their theirs them themselves then there thereby therefore these they
    this those though through throughout thus to together too toward towards un under until up upon
    us ve very via was wasn we well were weren what whatever when where whereas whether which while
    who whole whom whose why will with within without won would wouldn yet you your yours yourself
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())

_COMMAND = re.compile(r"\\(?:[a-zA-Z]+\*?|.)")
_WORD = re.compile(r"[^\W_]+")
# Scripts written without spaces: a run of them says nothing as one word, its pairs do.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
_LONGEST_WORD = 40


def fold(text: str) -> str:
    """Return ``text`` in small letters, without accents and without LaTeX commands."""
    if "\\" in text:
        text = _COMMAND.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
        # Taken apart, Hangul would be letters; put together again it is syllables.
        text = unicodedata.normalize("NFC", text)
    return text.casefold()


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[Sequence[str]], list[str]]:
    import Stemmer

    stem: Callable[[Sequence[str]], list[str]] = Stemmer.Stemmer("english").stemWords
    return stem


def words(text: str) -> list[str]:
    """Return the words of ``text`` in order, folded; hyphens part words, stop words stay out.

    Runs of scripts that are written without spaces come as overlapping pairs of characters.
    """
    return list(_words(fold(text)))


def _words(folded: str) -> Iterator[str]:
    plain = folded.isascii()
    for word in _WORD.findall(folded):
        if word in STOP_WORDS or len(word) > _LONGEST_WORD:
            continue
        if plain or word.isascii() or not _UNSPACED.search(word):
            if len(word) > 1 or not word.isascii():
                yield word
            continue
        for piece in re.split(f"({_UNSPACED.pattern})", word):
            if len(piece) < 2 or not _UNSPACED.match(piece):
                if piece:
                    yield piece
            else:
                yield from (piece[i : i + 2] for i in range(len(piece) - 1))


def stems(text: str) -> list[str]:
    """Return the stemmed words of ``text`` in order (Porter's second algorithm)."""
    return _stemmer()(words(text))


def terms(text: str) -> list[str]:
    """Return the stems of ``text`` and its pairs of neighbouring stems, with repeats."""
    unigrams = stems(text)
    return unigrams + [f"{left} {right}" for left, right in pairwise(unigrams)]


def surface(text: str) -> dict[str, str]:
    """Return for each term of ``text`` the words it stands for there, as a person would read them.

    The first occurrence names the term: ``{"translat": "translation"}``.
    """
    plain = words(text)
    stemmed = _stemmer()(plain)
    names: dict[str, str] = {}
    for word, stem in zip(plain, stemmed, strict=True):
        names.setdefault(stem, word)
    for i in range(len(plain) - 1):
        names.setdefault(f"{stemmed[i]} {stemmed[i + 1]}", f"{plain[i]} {plain[i + 1]}")
    return names
