"""JSON that may be hostile, cut or wrong in one place, read element by element."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.sources.payload import UnreadableError, scrub

_MOST = 10**15
_MARK = re.compile(r'["\[\]{}]')
_STRING_END = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class Doubled(dict[str, object]):
    """An object that gives one of its keys twice; which was meant, nobody can tell."""

    key: str = ""


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    doubled = Doubled(plain)
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            doubled.key = key
            break
        seen.add(key)
    return doubled


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else math.inf


def _not_json(_name: str) -> float:
    return math.nan


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_whole, parse_constant=_not_json, strict=False
)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an array: its value, or why it has none. ``cut`` is the document's end."""

    value: object
    raw: str
    trouble: str = ""
    cut: bool = False


def load(text: str) -> object:
    """Return the JSON value of ``text``; raises UnreadableError, and nothing else, if it has none.

    Numbers past 19 digits come back as infinity and ``NaN`` as not-a-number, for the reader of
    that field to refuse; an object with a key given twice comes back as ``Doubled``.
    """
    try:
        value: object = _DECODER.decode(text)
    except RecursionError:
        raise UnreadableError("the JSON is nested too deeply") from None
    except ValueError as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableError(f"the JSON breaks off or is malformed{where}") from None
    return value


def elements(text: str) -> Iterator[Element]:
    """Yield the elements of a JSON array that does not load whole, damaged ones with a reason."""
    position = text.find("[") + 1
    while (start := _skip(text, position)) < len(text) and text[start] != "]":
        end = _element_end(text, start)
        raw = text[start : start + 2000] if end is None else text[start:end]
        if end is None:
            yield Element(None, raw, "the document ends inside this entry", cut=True)
            return
        try:
            yield Element(load(raw), raw)
        except UnreadableError as trouble:
            yield Element(None, raw, str(trouble))
        position = max(end, start + 1)


def closes(text: str) -> bool:
    """Tell whether an array's text reaches its closing bracket."""
    return text.rstrip().endswith("]")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n,\ufeff":
        position += 1
    return position


def _element_end(text: str, start: int) -> int | None:
    """Return where the element that begins at ``start`` ends; None if the text ends first."""
    if text[start] not in '{["':
        match = re.compile(r"[^,\]]*").match(text, start)
        end = match.end() if match else start
        return end if end < len(text) else None
    depth, position = 0, start
    while match := _MARK.search(text, position):
        position = match.end()
        mark = match[0]
        if mark == '"':
            closing = _STRING_END.match(text, position)
            if closing is None:
                return None
            position = closing.end()
        else:
            depth += 1 if mark in "[{" else -1
        if depth <= 0:
            return position
    return None


# --- typed reading of one object; each raises UnreadableError with the name of the field --------


def require_object(value: object, name: str) -> dict[str, object]:
    """Return ``value`` as an object with each key once."""
    if isinstance(value, Doubled):
        raise UnreadableError(f"{name} gives the key {value.key[:40]!r} twice")
    if not isinstance(value, dict):
        raise UnreadableError(f"{name} is {_kind(value)}, not an object")
    return value


def text_in(holder: dict[str, object], key: str) -> str:
    """Return a text field, stripped; empty where it is absent or null."""
    value = holder.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableError(f"{key} is {_kind(value)}, not text")
    return scrub(value).strip()


def count_in(holder: dict[str, object], key: str) -> int | None:
    """Return a field that counts something; None where it is absent or null."""
    value = holder.get(key)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableError(f"{key} is {_kind(value)}, not a whole number")
    if not 0 <= value <= _MOST:
        raise UnreadableError(f"{key} is out of range")
    return value


def list_in(holder: dict[str, object], key: str) -> list[object]:
    """Return a list field; empty where it is absent or null."""
    value = holder.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableError(f"{key} is {_kind(value)}, not a list")
    return value


def texts_in(holder: dict[str, object], key: str) -> tuple[str, ...]:
    """Return a field that is a list of texts, the empty ones left out."""
    texts: list[str] = []
    for value in list_in(holder, key):
        if not isinstance(value, str):
            raise UnreadableError(f"{key} holds {_kind(value)}, not text")
        if bare := scrub(value).strip():
            texts.append(bare)
    return tuple(texts)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number" if math.isfinite(value) else "a number out of range"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
