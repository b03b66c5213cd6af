"""What Slack makes of our messages, as HTML: the blocks and the mrkdwn that we send."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from bot.domain import Post
from bot.platforms.slack.blocks import post_message

_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>|<(https?://[^|>]+)>")
_BOLD = re.compile(r"(?<![\w*])\*(?!\u200b)([^*\n]+)\*(?![\w*])")


def draw_thread(posts: Sequence[tuple[Post, str]], draw_message: Any) -> str:
    """Return a digest's thread as it is opened: the parent card, then one reply per paper.

    ``posts`` are posts with their keys; ``draw_message`` puts name and time around one.
    """
    drawn = [
        draw_message("".join(map(_block, post_message(post, key).blocks))) for post, key in posts
    ]
    under = f'<p class="replies">{len(drawn) - 1} replies</p>' if len(drawn) > 1 else ""
    return "".join((drawn[0], under, *drawn[1:]))


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"<h2>{html.escape(block['text']['text'])}</h2>"
        case "section":
            return f'<p class="section">{_text(block["text"])}</p>'
        case "context":
            return f'<p class="context">{"  ".join(map(_text, block["elements"]))}</p>'
        case "actions":
            buttons = (
                f'<span class="button">{html.escape(one["text"]["text"])}</span>'
                for one in block["elements"]
            )
            return f'<div class="row actions">{"".join(buttons)}</div>'
        case "divider":
            return "<hr>"
    raise ValueError(f"no drawing of a Slack block {block['type']!r}")


def _text(text: dict[str, Any]) -> str:
    if text["type"] == "plain_text":
        return html.escape(text["text"])
    # Its &, < and > are entities already, so that what is left of < and > is markup.
    linked = _BOLD.sub(r"<b>\1</b>", text["text"])
    return _LINK.sub(
        lambda found: f'<a href="{found[1] or found[3]}">{found[2] or found[3]}</a>', linked
    )
