"""The items of a written profile: text to items and back."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from bot.domain import PaperwireError
from bot.identify import arxiv_id, doi
from bot.taxonomy import is_known_category, nearest_category, spell_category

MAX_ITEMS = 200
MAX_ITEM_LENGTH = 120
MAX_TEXT_LENGTH = 30_000
EXAMPLE = 'low-resource translation, -"image generation", author:"Jane Roe", cat:cs.CL, 2106.09685'

_PREFIXES = {
    "author": "author",
    "authors": "author",
    "cat": "cat",
    "cats": "cat",
    "category": "cat",
    "categories": "cat",
    "paper": "paper",
    "seed": "paper",
    "arxiv": "paper",
    "doi": "paper",
}
FIELDS = {
    ("term", False): "terms",
    ("term", True): "muted_terms",
    ("author", False): "authors",
    ("author", True): "muted_authors",
    ("cat", False): "categories",
    ("cat", True): "muted_categories",
    ("paper", False): "seeds",
}
_QUOTES = '"“”„‟«»＂'
_DASHES = "-−–—"
_JOINERS = "\u200c\u200d"  # invisible, but part of the spelling in several scripts
_PREFIX = "|".join(sorted(_PREFIXES, key=len, reverse=True))
_GAP = re.compile(r"(?:[\s,，、•]|[;*·](?=\s|$))*")
_HEAD = re.compile(rf"(?P<minus>[{_DASHES}] ?)?(?:(?P<prefix>{_PREFIX}) ?: ?)?", re.IGNORECASE)
_QUOTE = re.compile(rf"[{_QUOTES}\n]")
_OPENING = re.compile(rf"[\s,{_DASHES}:][{_QUOTES}]\w")
# Every alternative starts with a fixed character, so that a search is linear in the text.
_END = re.compile(
    rf"[,\n，、]|;(?=\s|$)| (?=[{_DASHES}]?(?:{_PREFIX}) ?:)| (?=[{_DASHES}][\w{_QUOTES}])"
    rf"| (?=[{_QUOTES}]\S)",
    re.IGNORECASE,
)
_UNKNOWN_PREFIX = re.compile(r"([A-Za-z]{2,12}) ?: ?\S")


@dataclass(frozen=True, slots=True)
class Item:
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of text between separators, before it is known what it means."""

    raw: str
    minus: bool
    prefix: str
    text: str
    quoted: bool


# --- text to items ------------------------------------------------------------------------------


def read_items(text: str) -> Iterator[Item]:
    if len(text) > MAX_TEXT_LENGTH:
        raise PaperwireError(
            f"The profile is too long: {len(text):,} characters, and at most {MAX_TEXT_LENGTH:,} "
            f"are read. Keep the {MAX_ITEMS} items that matter most."
        )
    for token in _tokenize(_tidy(text)):
        for item in _interpret(token):
            if len(item.value) > MAX_ITEM_LENGTH:
                raise _refuse(
                    token,
                    f"an item has at most {MAX_ITEM_LENGTH} characters, not {len(item.value)}",
                )
            yield item


def _tidy(text: str) -> str:
    """Drop invisible characters, fold spaces to one, and strip the dashes of a pasted list."""
    kept = "".join(
        c
        for c in unicodedata.normalize("NFC", text)
        if c.isspace() or c in _JOINERS or unicodedata.category(c) not in {"Cc", "Cf", "Cs"}
    )
    lines = [line for line in (" ".join(line.split()) for line in kept.splitlines()) if line]
    bullets = tuple(f"{dash} " for dash in _DASHES)
    if len(lines) > 1 and all(line.startswith(bullets) for line in lines):
        lines = [line[2:] for line in lines]
    return "\n".join(lines)


def _tokenize(text: str) -> Iterator[_Token]:
    position = 0
    while True:
        position = _match(_GAP, text, position).end()
        if position >= len(text):
            return
        start = position
        head = _match(_HEAD, text, position)
        minus, prefix = bool(head["minus"]), _PREFIXES.get((head["prefix"] or "").casefold(), "")
        position = head.end()
        if position < len(text) and text[position] in _QUOTES:
            close = _find_closing(text, position + 1)
            if close is not None:
                raw = text[start : close + 1]
                yield _Token(raw, minus, prefix, text[position + 1 : close].strip(), quoted=True)
                position = close + 1
                continue
            position += 1
        end = _END.search(text, position)
        stop = end.start() if end else len(text)
        plain = "".join(c for c in text[position:stop] if c not in _QUOTES)
        yield _Token(text[start:stop], minus, prefix, _trim(plain), quoted=False)
        position = max(stop, start + 1)


def _match(pattern: re.Pattern[str], text: str, position: int) -> re.Match[str]:
    """Match a pattern that always matches, if need be the empty text."""
    found = pattern.match(text, position)
    assert found is not None  # noqa: S101 - the two patterns can match nothing at all
    return found


def _find_closing(text: str, position: int) -> int | None:
    """Return where the quote opened before ``position`` closes, or None where it never does."""
    found = _QUOTE.search(text, position)
    if found is None or found[0] == "\n" or _OPENING.match(text, max(position, found.start() - 1)):
        return None
    return found.start()


def _trim(text: str) -> str:
    text = text.strip().rstrip(".!?:; ")
    for opening, closing in ("''", "‘’", "‚‘", "``"):
        if len(text) > 2 and text[0] == opening and text[-1] == closing:
            return text[1:-1].strip()
    return text


# --- the meaning of an item ---------------------------------------------------------------------


def _interpret(token: _Token) -> Iterator[Item]:
    text = token.text
    if not text and token.quoted and not token.prefix:
        return
    if not any(c.isalnum() for c in text):
        raise _refuse(token, "there is nothing to look for")
    if token.prefix == "cat":
        for part in text.split():
            yield Item(FIELDS["cat", token.minus], _read_category(token, part))
    elif token.prefix == "author":
        yield Item(FIELDS["author", token.minus], text)
    elif token.prefix == "paper":
        yield from _read_papers(token, text)
    elif token.quoted:
        yield Item(FIELDS["term", token.minus], text)
    else:
        yield from _read_plain(token, text)


def _read_plain(token: _Token, text: str) -> Iterator[Item]:
    category = spell_category(text) if "." in text or "-" in text else None
    if category is not None and is_known_category(category):
        yield Item(FIELDS["cat", token.minus], category)
    elif "://" in text or all(_find_paper(part) for part in text.split()):
        yield from _read_papers(token, text)
    else:
        unknown = _UNKNOWN_PREFIX.match(text)
        near = unknown and difflib.get_close_matches(
            unknown[1].casefold(), _PREFIXES, n=1, cutoff=0.75
        )
        if unknown and near:
            example = {"author": 'author:"Jane Roe"', "cat": "cat:cs.CL"}.get(
                _PREFIXES[near[0]], "2106.09685"
            )
            raise _refuse(token, f'"{unknown[1]}:" is not known, did you mean {near[0]}:', example)
        yield Item(FIELDS["term", token.minus], text)


def _read_category(token: _Token, text: str) -> str:
    category = spell_category(text.strip(".,;") if len(text) <= MAX_ITEM_LENGTH else "")
    if category is not None:
        return category
    near = nearest_category(text[:MAX_ITEM_LENGTH])
    raise _refuse(
        token, "an arXiv category looks like cs.CL, hep-th or cs.*", f"cat:{near or 'cs.CL'}"
    )


def _read_papers(token: _Token, text: str) -> Iterator[Item]:
    for part in text.split():
        paper = _find_paper(part)
        if paper is None:
            raise _refuse(
                token,
                "a paper is named by its arXiv id, its arXiv or Hugging Face link, or its DOI",
                "2106.09685",
            )
        if token.minus:
            raise _refuse(
                token, "a paper cannot be muted; dislike it, or mute a term", '-"image generation"'
            )
        yield Item("seeds", paper)


def _find_paper(text: str) -> str | None:
    """Return the paper's arXiv id without version, else its DOI, else None."""
    if (found := arxiv_id(text)) is not None:
        return found[0]
    return doi(text)


def _refuse(token: _Token, reason: str, example: str = "") -> PaperwireError:
    item = token.raw if len(token.raw) <= 60 else f"{token.raw[:57]}..."
    return PaperwireError(
        f"The profile item {item} cannot be used: {reason}. For example: {example or EXAMPLE}"
    )


def write_item(item: Item) -> str:
    """Write one item, with quotes where a reader or ``parse`` would take it for something else."""
    kind, muted = next(key for key, field in FIELDS.items() if field == item.field)
    minus = "-" if muted else ""
    prefix = "" if kind in {"term", "paper"} else f"{kind}:"
    plain = f"{minus}{prefix}{item.value}"
    wants_quotes = " " in item.value and (muted or kind == "author")
    if not wants_quotes:
        with suppress(PaperwireError):
            if tuple(read_items(plain)) == (item,):
                return plain
    prefix = "doi:" if kind == "paper" else prefix
    return f'{minus}{prefix}"{item.value}"'


def fold(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold()
