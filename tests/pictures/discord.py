"""What Discord makes of our messages, as HTML: the embeds, the components and the markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from typing import Any

from bot.domain import Post
from bot.platforms.discord.buttons import post_view
from bot.platforms.discord.looks import post_look

_BOLD = re.compile(r"(?<!\\)\*\*(.+?)(?<!\\)\*\*")
_LINK = re.compile(r"(?<!\\)\[((?:[^\]\\]|\\.)+)\]\((https?://[^)]+)\)")
_ESCAPED = re.compile(r"\\([^A-Za-z0-9\s])")
_BUTTON, _MENU = 2, 3


def draw_cards(posts: Sequence[tuple[Post, str]], draw_message: Callable[[str], str]) -> str:
    """Return a digest in a channel: a header, then one message per paper, with what is pressed.

    ``posts`` are posts with their keys; ``draw_message`` puts name and time around one.
    """
    return "".join(draw_message(_message(post, key)) for post, key in posts)


def _message(post: Post, key: str) -> str:
    look = post_look(post)
    content = f"<p>{_markdown(look.content)}</p>" if look.content else ""
    embeds = "".join(_embed(dict(embed.to_dict())) for embed in look.embeds)
    rows: list[dict[str, Any]] = post_view(post, key).to_components()
    return content + embeds + "".join(map(_row, rows))


def _embed(embed: dict[str, Any]) -> str:
    title = _markdown(embed.get("title", ""))
    if embed.get("url"):
        title = f'<a href="{html.escape(embed["url"])}">{title}</a>'
    parts = [f"<h2>{title}</h2>"] if title else []
    if embed.get("description"):
        parts.append(f"<p>{_markdown(embed['description'])}</p>")
    if embed.get("fields"):
        fields = (
            f'<div class="{"" if one.get("inline") else "wide"}"><b>{_markdown(one["name"])}</b>'
            f"<p>{_markdown(one['value'])}</p></div>"
            for one in embed["fields"]
        )
        parts.append(f'<div class="fields">{"".join(fields)}</div>')
    if embed.get("footer"):
        parts.append(f'<p class="footer">{html.escape(embed["footer"]["text"])}</p>')
    colour = f"#{embed.get('color', 0x888888):06x}"
    return f'<div class="embed" style="border-left-color:{colour}">{"".join(parts)}</div>'


def _row(row: dict[str, Any]) -> str:
    return f'<div class="row">{"".join(map(_component, row["components"]))}</div>'


def _component(one: dict[str, Any]) -> str:
    if one["type"] == _MENU:
        return f'<span class="menu">{html.escape(one["placeholder"])}</span>'
    if one["type"] != _BUTTON:
        raise ValueError(f"no drawing of a Discord component of type {one['type']}")
    words = (one.get("emoji", {}).get("name", ""), one.get("label", ""))
    return f'<span class="button">{html.escape(" ".join(filter(None, words)))}</span>'


def _markdown(text: str) -> str:
    marked = _LINK.sub(r'<a href="\2">\1</a>', html.escape(text, quote=False))
    return _ESCAPED.sub(r"\1", _BOLD.sub(r"<b>\1</b>", marked))
