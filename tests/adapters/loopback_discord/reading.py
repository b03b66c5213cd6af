"""What a person reads: Discord's markdown applied, as its clients do, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = Any

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_MENTION = re.compile(r"<(?:@!?&?|#)\d+>|<a?:\w+:\d+>|<t:-?\d+(?::\w)?>|</[-\w ]+:\d+>|<id:\w+>")
_MASKED = re.compile(r"\[((?:\\.|[^\[\]\\])+)\]\(<?(https?://[^\s<>()]+)>?\)")
_BARE = re.compile(r"<?(https?://[^\s<>]*[^\s<>.,:;\"'\])])>?")
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_STYLES = (
    re.compile(r"\*\*(.+?)\*\*", re.DOTALL),
    re.compile(r"__(.+?)__", re.DOTALL),
    re.compile(r"\*(?!\s)(.+?)(?<!\s)\*", re.DOTALL),
    re.compile(r"(?<!\w)_(.+?)_(?!\w)", re.DOTALL),
    re.compile(r"~~(.+?)~~", re.DOTALL),
    re.compile(r"\|\|(.+?)\|\|", re.DOTALL),
)
_LINE = re.compile(r"^(?:#{1,3} |-# |>>> |> |\s*[-*] )", re.MULTILINE)
_HIDDEN = "\ue000"


class Reading:
    """The text of a message with markup applied, and what could be followed or is called."""

    def __init__(self, message: Json) -> None:
        self.links: list[str] = []
        self.pings: list[str] = []
        self.text = "\n".join(part for part in self._parts(message) if part)
        content = message.get("content") or ""
        allowed = message.get("allowed_mentions")
        if allowed is None or allowed.get("parse"):
            self.pings += re.findall(r"@everyone|@here", content)
            self.pings += re.findall(r"(?<!\\)<@[!&]?\d+>", content)

    def _parts(self, message: Json) -> Iterator[str]:
        yield self._read(message.get("content") or "")
        for embed in message.get("embeds") or ():
            yield (embed.get("author") or {}).get("name", "")
            if embed.get("url"):
                self.links.append(embed["url"])
            yield self._read(embed.get("title") or "", links=False)
            yield self._read(embed.get("description") or "")
            for field in embed.get("fields") or ():
                yield self._read(field["name"], links=False)
                yield self._read(field["value"])
            # A footer shows no markup at all.
            yield (embed.get("footer") or {}).get("text", "")
        for attachment in message.get("attachments") or ():
            yield attachment.get("description") or ""

    def _read(self, text: str, *, links: bool = True) -> str:
        kept: list[str] = []

        def hide(shown: str) -> str:
            kept.append(shown)
            return f"{_HIDDEN}{len(kept) - 1}{_HIDDEN}"

        text = _ESCAPED.sub(lambda m: hide(m[1]), text)
        text = _CODE.sub(lambda m: hide(m[2]), text)
        if links:
            text = _MASKED.sub(lambda m: self._follow(m[2], m[1]), text)
            text = _BARE.sub(lambda m: hide(self._follow(m[1], m[1])), text)
        text = _MENTION.sub(lambda _: hide("(a mention)"), text)
        text = _LINE.sub("", text)
        for _ in range(3):
            for style in _STYLES:
                text = style.sub(r"\1", text)
        while _HIDDEN in text:
            text = re.sub(f"{_HIDDEN}(\\d+){_HIDDEN}", lambda m: kept[int(m[1])], text)
        return text

    def _follow(self, link: str, shown: str) -> str:
        self.links.append(link)
        return shown
