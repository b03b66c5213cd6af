"""Plain text as Discord shows it literally: escaped, and clipped so that it fits escaped."""

from __future__ import annotations

import re

from bot.render import clip

# A link of ours stays a link; the characters that could act inside one end it.
_LINK = re.compile(r"https?://[^\s<>\\*~|`\[\]]+")
_SPECIAL = re.compile(r"[\\*_~|`<\[\]]")
_LINE_START = re.compile(r"^(\s*)([#>+-])", re.MULTILINE)
_EVERYONE = re.compile(r"@(?=everyone|here)", re.IGNORECASE)


def escape(text: str) -> str:
    """Return text whose markup, mentions, masked links and headings are shown, not applied."""
    parts: list[str] = []
    position = 0
    for link in _LINK.finditer(text):
        parts += (_escape_words(text[position : link.start()]), link[0])
        position = link.end()
    parts.append(_escape_words(text[position:]))
    return _LINE_START.sub(r"\1\\\2", "".join(parts))


def _escape_words(text: str) -> str:
    return _EVERYONE.sub("@\u200b", _SPECIAL.sub(r"\\\g<0>", text))


def fit(text: str, limit: int) -> str:
    """Return the text escaped and at most ``limit`` characters long, clipped where it must be."""
    room = limit
    shown = escape(clip(text, room))
    while len(shown) > limit:
        room -= max(1, (len(shown) - limit) // 2)
        if room < 1:
            return ""
        shown = escape(clip(text, room))
    return shown


def link_to(words: str, url: str, limit: int) -> str:
    """Return words that lead to ``url``; only the words where both have no room in ``limit``."""
    target = url.replace("(", "%28").replace(")", "%29")
    room = limit - len(target) - 4
    return f"[{fit(words, room)}]({target})" if room >= min(20, len(words)) else fit(words, limit)
