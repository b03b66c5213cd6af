"""Slack's mrkdwn from plain text: nothing that comes from outside can act in it.

Slack reads ``& < >`` as entities, ``<...>`` as links and mentions, and ``* _ ~ ` : >`` as styles,
emoji and quotes. The first three have escapes; between the others and what they would act on goes
a zero-width space. Lengths are counted as Slack's own clients do, in UTF-16 units, after escaping.
"""

from __future__ import annotations

import re

from bot.render import safe_url

BREAK = "\u200b"  # a zero-width space
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_STYLES = "*~`"
_LINE_START = re.compile(r"^(?=>)", re.MULTILINE)
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_EMOJI = re.compile(r":(?=[a-z0-9_+'-]{1,100}:)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s<>|]+")
_TRAILING = ".,;:!?)]}'\"…"


def units(text: str) -> int:
    """Return a text's length as Slack counts it: in UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text)


def fit(text: str, limit: int) -> str:
    """Return text that is not markup cut to ``limit`` units, with an ``…`` where it was cut."""
    if units(text) <= limit:
        return text
    kept: list[str] = []
    room = limit - 1
    for char in text:
        room -= units(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def escape(text: str, limit: int = 3000) -> str:
    """Return plain text as mrkdwn that shows just this text, in at most ``limit`` units."""
    # The escaped text is never shorter than the text, so the cut is found by halving.
    if len(text) <= limit:
        whole = _neutral(text)
        if units(whole) <= limit:
            return whole
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if units(_neutral(text[:middle])) < limit:
            low = middle
        else:
            high = middle - 1
    return _neutral(text[:low].rstrip()) + "…"


def link(url: str | None, label: str, limit: int = 3000) -> str:
    """Return a link with a label, or the escaped label alone where the address is none."""
    safe = safe_url(url)
    if safe is None:
        return escape(label, limit)
    address = _entities(safe)
    room = limit - units(address) - 3
    if room < 10:
        return escape(label, limit)
    return f"<{address}|{escape(label, room)}>"


def bold(markup: str) -> str:
    """Return mrkdwn in bold; what holds an asterisk of its own would end it too soon."""
    return markup if "*" in markup or not markup else f"*{markup}*"


def line(text: str, limit: int = 3000) -> str:
    """Return one of our own lines as mrkdwn: escaped, and its http addresses made links."""
    parts: list[str] = []
    at = 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(_TRAILING)
        if safe_url(address) is None:
            continue
        parts += (_neutral(text[at : found.start()]), f"<{_entities(address)}>")
        at = found.start() + len(address)
    parts.append(_neutral(text[at:]))
    whole = "".join(parts)
    return whole if units(whole) <= limit else escape(text, limit)


def _neutral(text: str) -> str:
    text = _LINE_START.sub(BREAK, text)
    text = _EMOJI.sub(f":{BREAK}", text)
    text = _UNDERSCORE.sub(f"_{BREAK}", text)
    for style in _STYLES:
        text = text.replace(style, f"{style}{BREAK}")
    return _entities(text)


def _entities(text: str) -> str:
    return "".join(_ENTITIES.get(char, char) for char in text)
