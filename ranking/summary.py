"""An abstract to one sentence worth reading, made of the abstract's own words."""

from __future__ import annotations

import re

from ranking.sentences import split_sentences

_LINK = re.compile(
    r"\\url\{[^}]*\}|(?:https?|ftp)\s*:\s*//?\S*|\bwww\.\S+|://\S*"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|io|net|edu|gov|dev|ai|cn|cc|app|ly|me)\b(?:/\S*)?",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"\b(?:we|this (?:paper|work|article|study)) (?:\w+ )?"
    r"(?:propose|introduce|present|show|develop|describe|study|investigate|demonstrate|find)s?\b",
    re.IGNORECASE,
)
_LONGEST = 400


def summarise(abstract: str, title: str = "") -> str:
    """Return the abstract's most telling sentence, at most 400 characters; "" for no abstract.

    Only words of the abstract are used, never the title's, and no link survives. No text raises.
    """
    text = "".join(letter if letter.isprintable() else " " for letter in abstract)
    sentences = [" ".join(_LINK.sub(" ", sentence).split()) for sentence in split_sentences(text)]
    sentences = [sentence for sentence in sentences if any(map(str.isalnum, sentence))]
    if not sentences:
        return ""
    named = set(re.findall(r"\w{4,}", title.lower()))

    def score(number: int) -> float:
        sentence = sentences[number]
        words = re.findall(r"\w{4,}", sentence.lower())
        shared = len(named.intersection(words)) / (len(words) + 4)
        size = len(sentence.split())
        return 2 * bool(_CUE.search(sentence)) + 2 * shared + (8 <= size <= 45) - number / 50

    best = sentences[max(range(len(sentences)), key=score)]
    if len(best) > _LONGEST:
        best = best[:_LONGEST].rsplit(" ", 1)[0] + "…"
    return best
