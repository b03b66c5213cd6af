"""What a person sees of a Slack message: mrkdwn applied, entities undone, links and pings found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_CONTROL = re.compile(r"<([^<>\n]*)>")
_EMOJI = re.compile(r":([a-z0-9_+'-]+):", re.IGNORECASE)
_BARE = re.compile(r"(?:https?://|www\.)[^\s<>|]+|\b[\w-]+\.(?:com|org|net|io|ai)/\S*")
_STYLES = [
    re.compile(rf"(?<![\w{mark}]){mark}(?![\s\u200b{mark}])([^\n]*?)(?<![\s\u200b]){mark}(?![\w{mark}])")
    for mark in (r"\*", "_", "~", "`")
]  # fmt: skip


@dataclass(slots=True)
class Seen:
    """What was read so far."""

    words: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.words)


def read_message(message: dict[str, Any]) -> Seen:
    """Read a message as its readers do: the blocks where there are any, else the text."""
    seen = Seen()
    if not message.get("blocks"):
        _mrkdwn(message.get("text") or "", seen, verbatim=False)
        return seen
    for block in message["blocks"]:
        _block(block, seen)
    said = Seen()
    _mrkdwn(message.get("text") or "", said, verbatim=True)
    seen.pings += said.pings  # the text of a notification must not call anyone either
    return seen


def _block(block: dict[str, Any], seen: Seen) -> None:
    for text in _text_objects(block):
        if text.get("type") == "mrkdwn":
            _mrkdwn(text["text"], seen, verbatim=text.get("verbatim", False))
        else:
            said = text["text"]
            seen.words.append(_EMOJI.sub("☺", said) if text.get("emoji") else said)
    if block.get("type") == "image":
        seen.words.append(block["alt_text"])


def _text_objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") in {"mrkdwn", "plain_text"} and isinstance(value.get("text"), str):
            yield value
            return
        for inner in value.values():
            yield from _text_objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _text_objects(inner)


def _mrkdwn(text: str, seen: Seen, *, verbatim: bool) -> None:
    shown: list[str] = []
    at = 0
    for found in _CONTROL.finditer(text):
        shown.append(_plain(text[at : found.start()], seen, verbatim=verbatim))
        shown.append(_control(found[1], seen))
        at = found.end()
    shown.append(_plain(text[at:], seen, verbatim=verbatim))
    whole = "".join(shown)
    for style in _STYLES:
        whole = style.sub(r"\1", whole)
    lines = [line.removeprefix("&gt;").removeprefix(">") for line in whole.split("\n")]
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        lines = [line.replace(entity, char) for line in lines]
    seen.words.append("\n".join(lines))


def _control(inside: str, seen: Seen) -> str:
    target, _, label = inside.partition("|")
    if target.startswith(("!", "@", "#")):
        seen.pings.append(target)
        return label or target
    seen.links.append(target.replace("&amp;", "&"))
    return label or target


def _plain(text: str, seen: Seen, *, verbatim: bool) -> str:
    if not verbatim:
        seen.links += _BARE.findall(text)
    return _EMOJI.sub("☺", text)
