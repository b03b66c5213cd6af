"""What a person typed into a search box, read forgivingly: nothing here ever raises."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

LONGEST = 1_000  # characters read; the rest is left aside and a note says so
FILTERS = "author:, cat:, date:, since:, source:, saved:, posted:, for:here"

# Every string of characters is a sentence of this grammar: a stray sign is an item of its own.
GRAMMAR = r"""
start: item*
item: MINUS? (flag | filter | phrase | word | stray)
flag: FLAG
filter: FIELD (phrase | word)?
phrase: PHRASE
word: BARE
stray: QUOTE | MINUS

FLAG.3: /(saved|posted):[^\s"]*/i
FIELD.3: /(author|cat|category|date|since|source|for):/i
PHRASE.2: /"[^"]*"/
MINUS.2: /-(?=[^\s\-\d])/
QUOTE: /"/
BARE: /[^\s"]+/

%ignore /\s+/
"""

_ARXIV = re.compile(
    r"(?:(?:https?://)?(?:www\.|export\.)?(?:(?:arxiv|alphaxiv)\.org/[a-z]+/|huggingface\.co/papers/)"
    r"|\barxiv:\s*|(?<![\w./]))"
    r"(\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z][a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d{1,3})?(?:\.pdf)?(?![\w/])",
    re.IGNORECASE,
)
_LOOKS_LIKE_FILTER = re.compile(r"([a-z]+):[^\s/:]", re.IGNORECASE)
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?\Z", re.ASCII)
_AGO = re.compile(r"(\d{1,4})\s*([dwmy])[a-z]*\Z", re.ASCII | re.IGNORECASE)
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_QUOTES = str.maketrans("“”„«»＂", '""""""')
_DASHES = str.maketrans("−–—", "---")


@dataclass(frozen=True, slots=True)
class Terms:
    """Words to find, or, in ``Query.without``, words that must not be there."""

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A search, read. Days are inclusive; ``listed_days`` counts back from now.

    ``saved`` and ``posted`` are None where not asked for and False where asked for the opposite.
    ``notes`` are sentences for the person about what was not understood.
    """

    text: str = ""
    find: Terms = field(default=Terms())
    without: Terms = field(default=Terms())
    arxiv_ids: tuple[str, ...] = ()
    published_from: date | None = None
    published_to: date | None = None
    listed_from: date | None = None
    listed_days: int | None = None
    saved: bool | None = None
    posted: bool | None = None
    personal: bool = False
    notes: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """The words and phrases in the order of their kinds, for scoring."""
        return " ".join((*self.find.words, *self.find.phrases))

    @property
    def filtered(self) -> bool:
        """Whether anything but words narrows the search."""
        return (
            self.stored_filter
            or bool(self.find.authors or self.find.categories)
            or self.without != Terms()
        )

    @property
    def stored_filter(self) -> bool:
        """Whether a filter was asked for that only the store can answer."""
        days = (self.published_from, self.published_to, self.listed_from, self.listed_days)
        return any(value is not None for value in (*days, self.saved, self.posted)) or bool(
            self.find.sources or self.without.sources
        )


def parse(text: str) -> Query:
    """Read a search. What is not understood is searched as plain words, and ``notes`` says so."""
    clean = _clean(text)
    reading = _Reading()
    if len(clean) > LONGEST:
        clean = clean[:LONGEST]
        reading.note(f"Only the first {LONGEST:,} characters were searched.")
    rest = _ARXIV.sub(reading.take_identifier, clean)
    from lark.exceptions import LarkError

    try:
        for item in _grammar().parse(rest).children:
            if not isinstance(item, str):
                reading.take(item)
    except LarkError:
        # The grammar takes every string; should it ever not, the words still are words.
        reading = _Reading(words=rest.split())
        reading.note("The search could not be read, so its words were searched as they stand.")
    return reading.finish(clean)


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)


def _clean(text: str) -> str:
    # Twice the limit is enough to tell that there was more; normalising megabytes is not needed.
    text = unicodedata.normalize("NFC", text[: 2 * LONGEST]).translate(_QUOTES)
    # Control, surrogate and unassigned characters part words; format marks are not seen at all.
    kinds = {char: unicodedata.category(char) for char in set(text)}
    text = "".join(
        " " if kinds[char] in ("Cc", "Cs", "Cn", "Co") else char
        for char in text
        if kinds[char] != "Cf"
    )
    return " ".join(text.split())


class _Reading:
    """A query in the making."""

    def __init__(self, words: list[str] | None = None) -> None:
        self.find: dict[str, list[str]] = {"words": words or []}
        self.without: dict[str, list[str]] = {}
        self.identifiers: list[str] = []
        self.notes: list[str] = []
        self.published: tuple[date | None, date | None] = (None, None)
        self.listed_from: date | None = None
        self.listed_days: int | None = None
        self.flags: dict[str, bool] = {}

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def take_identifier(self, found: re.Match[str]) -> str:
        self.identifiers.append(found[1].lower() if found[1][0].isdigit() else found[1])
        return " "

    def take(self, item: Tree[Token]) -> None:
        *minus, part = item.children
        if isinstance(part, str):
            return
        side = self.without if minus else self.find
        kind = str(part.data)
        if kind == "flag":
            self._take_flag(str(part.children[0]), negated=bool(minus))
        elif kind == "filter":
            self._take_filter(part, side, negated=bool(minus))
        elif kind == "stray":
            if part.children[0] == '"':
                self.note("A quotation mark is not closed; its words were searched as plain words.")
        elif kind == "phrase":
            _add(side, "phrases", str(part.children[0])[1:-1])
        else:
            self._take_word(str(part.children[0]), side)

    def _take_word(self, word: str, side: dict[str, list[str]]) -> None:
        looks = _LOOKS_LIKE_FILTER.match(word)
        if looks and not word.lower().startswith(("http:", "https:")):
            self.note(
                f"“{looks[1]}:” is not a filter, so it was searched as words (filters: {FILTERS})."
            )
        _add(side, "words", word)

    def _take_flag(self, text: str, *, negated: bool) -> None:
        name, _, value = text.partition(":")
        if value.lower() not in ("", "me", "mine", "here", "yes"):
            self.note(f"“{text}” was searched as words; write {name.lower()}: alone.")
            _add(self.find, "words", text)
            return
        self.flags[name.lower()] = not negated

    def _take_filter(self, part: Tree[Token], side: dict[str, list[str]], *, negated: bool) -> None:
        name = str(part.children[0])[:-1].lower()
        value = ""
        if len(part.children) > 1 and not isinstance(part.children[1], str):
            value = str(part.children[1].children[0]).strip('" ')
        if not value:
            self.note(f"“{name}:” has nothing after it and was left aside.")
        elif name == "author":
            _add(side, "authors", value)
        elif name in ("cat", "category"):
            for one in value.split(","):
                _add(side, "categories", one.removesuffix("*").rstrip("."))
        elif name == "source":
            for one in value.split(","):
                _add(side, "sources", one.lower())
        elif negated:
            self.note(f"“-{name}:{value}” cannot be excluded and was left aside.")
        else:
            reader: Callable[[str], bool] = {
                "date": self._read_date,
                "since": self._read_since,
                "for": self._read_for,
            }[name]
            if not reader(value):
                self.note(_ADVICE[name].format(f"{name}:{value}"))
                _add(self.find, "words", value)

    def _read_date(self, value: str) -> bool:
        first, dots, last = value.translate(_DASHES).partition("..")
        since = _day(first, last=False)
        until = _day(last if dots else first, last=True)
        if (first and since is None) or ((last or not dots) and until is None):
            return False
        if since and until and since > until:
            since, until = _day(last, last=False), _day(first, last=True)
        self.published = (since, until)
        return since is not None or until is not None

    def _read_since(self, value: str) -> bool:
        ago = _AGO.match(value)
        if ago:
            self.listed_days = int(ago[1]) * _DAYS[ago[2].lower()]
            return True
        day = _day(value.translate(_DASHES), last=False)
        self.listed_from = day or self.listed_from
        return day is not None

    def _read_for(self, value: str) -> bool:
        self.flags["for"] = value.lower() in ("here", "us", "me")
        return self.flags["for"]

    def finish(self, text: str) -> Query:
        return Query(
            text=text,
            find=_terms(self.find),
            without=_terms(self.without),
            arxiv_ids=tuple(dict.fromkeys(self.identifiers)),
            published_from=self.published[0],
            published_to=self.published[1],
            listed_from=self.listed_from,
            listed_days=self.listed_days,
            saved=self.flags.get("saved"),
            posted=self.flags.get("posted"),
            personal=self.flags.get("for", False),
            notes=tuple(self.notes),
        )


_ADVICE = {
    "date": "“{}” is not a date and was searched as words; write date:2026-05..2026-06.",
    "since": "“{}” is not a time and was searched as words; write since:7d or since:2026-05-01.",
    "for": "“{}” was searched as words; write for:here for this channel's interests.",
}


def _add(side: dict[str, list[str]], kind: str, value: str) -> None:
    if value.strip():
        side.setdefault(kind, []).append(value.strip())


def _terms(side: dict[str, list[str]]) -> Terms:
    def unique(kind: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(side.get(kind, ())))

    return Terms(
        words=tuple(side.get("words", ())),
        phrases=unique("phrases"),
        authors=unique("authors"),
        categories=unique("categories"),
        sources=unique("sources"),
    )


def _day(text: str, *, last: bool) -> date | None:
    """Return the first or last day of a year, a month or a day; None where it is none."""
    found = _DAY.match(text.strip())
    if found is None:
        return None
    year = int(found[1])
    month = int(found[2]) if found[2] else 12 if last else 1
    try:
        day = int(found[3]) if found[3] else calendar.monthrange(year, month)[1] if last else 1
        return date(year, month, day)
    except (ValueError, calendar.IllegalMonthError):
        return None
