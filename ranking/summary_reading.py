"""An abstract prepared for summarising: cut, tidied, its words numbered, its readings listed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ranking.compress import Span, spans, tidy, written
from ranking.repair import readable, without_links
from ranking.sentences import split_sentences

TOKEN = re.compile(r"[^\W_]+")

_MOST_SENTENCES = 60
_MOST_CHARACTERS = 200_000
_PARAGRAPHS = re.compile(r"\n\s*\n\s*")
# Stricter than a link: a bare "name.com" too, since chats make links of it.
_ADDRESS = re.compile(
    r"://|\bwww\.|\b[\w-]+\.(?:com|org|net|io|dev|ai|edu|gov|co|me|app|info|xyz|site|page|online"
    r"|cloud|link|ly|gl|cc|tv|uk|de|fr|cn|jp|ch|eu|us|ru|nl)\b(?!\.\w)",
    re.IGNORECASE,
)


class Stems(dict[str, str]):
    """Porter stems, remembered; the stemmer is loaded with the first instance."""

    def __init__(self) -> None:
        super().__init__()
        import Stemmer

        self._stem = Stemmer.Stemmer("porter", 0).stemWord

    def __missing__(self, word: str) -> str:
        stemmed: str = self._stem(word)
        if len(self) < 50_000:
            self[word] = stemmed
        return stemmed


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reading of sentence number ``sentence``: ``span`` of its tidied ``words``.

    ``start`` and ``stop`` bound its tokens among the tidied tokens of the abstract.
    """

    sentence: int
    words: list[str]
    span: Span
    start: int
    stop: int

    @property
    def text(self) -> str:
        """The reading as it is shown."""
        return written(self.words[self.span.start : self.span.stop])


@dataclass(frozen=True, slots=True)
class Abstract:
    """An abstract cut, tidied and indexed: everything the features need, nothing of the model.

    ``ids`` holds the word numbers of each sentence as it stands, ``tidied`` those of the tidied
    sentences one after the other; a number is a place in ``stems``, and ``raw`` has the first
    spelling met. ``titled`` are the numbers of the title's words that the abstract has too,
    ``names`` those before the title's colon; ``title_pairs`` are adjacent words of the title.
    """

    sentences: list[str]
    stems: list[str]
    raw: list[str]
    ids: list[list[int]]
    tidied: NDArray[np.int64]
    candidates: list[Candidate]
    titled: frozenset[int]
    names: frozenset[int]
    title_pairs: frozenset[tuple[int, int]]
    title_size: int


def sentences_of(text: str) -> list[str]:
    """Return the abstract's sentences, LaTeX made readable; those with a link only for want of any.

    Control characters become blanks and invisible ones go. Of a link nothing is left.
    """
    text = text[:_MOST_CHARACTERS]
    if not text.isprintable():
        text = "".join(map(_visible, text))
    text = "\n\n".join(readable(paragraph) for paragraph in _PARAGRAPHS.split(text))
    kept: list[str] = []
    linked: list[str] = []
    for sentence in split_sentences(text):
        bare = without_addresses(sentence)
        (kept if bare == sentence else linked).append(bare)
    return [one for one in kept or linked if any(map(str.isalnum, one))]


def without_addresses(text: str) -> str:
    """Return ``text`` without anything that a chat could turn into a link."""
    if "." not in text and ":" not in text:
        return text
    bare = without_links(text)
    if _ADDRESS.search(bare):
        bare = " ".join(word for word in bare.split() if not _ADDRESS.search(word))
    return bare


def _visible(letter: str) -> str:
    if letter.isprintable() or letter == "\n":
        return letter
    return " " if letter.isspace() or letter < "\xa0" else ""


class _Numbering:
    """Numbers for words, the same for words of one stem, in the order they are met."""

    def __init__(self, stems: Stems) -> None:
        self._stems = stems
        self._of_word: dict[str, int] = {}
        self._of_spelling: dict[str, list[int]] = {}
        self.of_stem: dict[str, int] = {}
        self.raw: list[str] = []

    def number(self, text: str) -> list[int]:
        numbers = []
        lowered = text.lower()
        for token in (lowered,) if lowered.isalnum() else TOKEN.findall(lowered):
            place = self._of_word.get(token)
            if place is None:
                place = self.of_stem.setdefault(self._stems[token], len(self.of_stem))
                self._of_word[token] = place
                if place == len(self.raw):
                    self.raw.append(token)
            numbers.append(place)
        return numbers

    def number_word(self, word: str) -> list[int]:
        numbers = self._of_spelling.get(word)
        if numbers is None:
            numbers = self._of_spelling[word] = self.number(word)
        return numbers


def read(text: str, title: str, stems: Stems) -> Abstract:
    """Prepare an abstract; its first 60 sentences are considered."""
    sentences = sentences_of(text)[:_MOST_SENTENCES]
    numbering = _Numbering(stems)
    ids = [numbering.number(sentence) for sentence in sentences]
    tidied: list[int] = []
    candidates: list[Candidate] = []
    for index, sentence in enumerate(sentences):
        words = tidy(sentence).split()
        offsets = [len(tidied)]
        for word in words:
            tidied += numbering.number_word(word)
            offsets.append(len(tidied))
        for span in spans(words):
            start, stop = offsets[span.start], offsets[span.stop]
            if stop > start:
                candidates.append(Candidate(index, words, span, start, stop))
    size = len(numbering.raw)
    title_ids = numbering.number(title)
    head, colon, _ = title.partition(":")
    names = numbering.number(head) if colon and len(head) < 40 else []
    return Abstract(
        sentences=sentences,
        stems=list(numbering.of_stem)[:size],
        raw=numbering.raw[:size],
        ids=ids,
        tidied=np.array(tidied, dtype=np.int64),
        candidates=candidates,
        titled=frozenset(number for number in title_ids if number < size),
        names=frozenset(number for number in names if number < size),
        title_pairs=frozenset(pairwise(title_ids)),
        title_size=len(set(title_ids)),
    )
