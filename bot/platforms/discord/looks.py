"""Posts and replies as Discord's embeds: within every limit, by construction."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import discord

from bot.domain import Card, Post, PostKind, Reply, Signal
from bot.platforms.discord.markdown import escape, fit, link_to
from bot.render import byline, clip, count_words, figures, guard_post, guard_reply

EMBEDS = 10
TOTAL = 6000  # characters over all embeds of a message; links in their own fields do not count
TITLE = 256
DESCRIPTION = 4096
CONTENT = 2000
THREAD_NAME = 100
_SPARE = 150  # for the marks between the parts of a card

_COLOUR = discord.Colour(0x2F6FB3)
_ERROR_COLOUR = discord.Colour(0xC0392B)
_PICTURE = "paperwire.png"
_STANDING = {Signal.LIKE: "👍", Signal.DISLIKE: "👎", Signal.SAVE: "🔖"}


@dataclass(frozen=True, slots=True)
class Look:
    """What one message shows; ``picture`` is a PNG with its description."""

    embeds: tuple[discord.Embed, ...]
    content: str = ""
    picture: bytes = b""
    picture_alt: str = field(default="")

    def file(self) -> discord.File | None:
        """Return the picture as a new attachment: each can be sent once."""
        if not self.picture:
            return None
        alt = clip(self.picture_alt, 1024) or None
        return discord.File(io.BytesIO(self.picture), filename=_PICTURE, description=alt)


def post_look(post: Post) -> Look:
    """Lay out a post."""
    safe = guard_post(post)
    if safe.kind is PostKind.PAPER and safe.cards:
        return Look(tuple(_card_embeds(safe.cards, TOTAL)))
    if safe.kind is PostKind.SINGLE and safe.cards:
        words = (f"**{escape(safe.headline)}**" if safe.headline else "", escape(safe.footer))
        return Look(
            tuple(_card_embeds(safe.cards, TOTAL)), content="\n".join(filter(None, words))[:CONTENT]
        )
    return Look((_head_embed(safe),))


def reply_look(reply: Reply) -> Look:
    """Lay out the answer to a command or a button."""
    safe = guard_reply(reply)
    # An error is told apart by its sign too, not by colour alone.
    sign = "" if safe.ok else "⚠️ "
    blank = "\u200b"  # an empty message is refused
    head = f"**{sign}{fit(safe.headline, 1000)}**" if safe.headline else sign.strip()
    text = _join((head, *_standing_lines(safe), *map(escape, safe.lines)), DESCRIPTION)
    first = discord.Embed(description=text or blank, colour=_COLOUR if safe.ok else _ERROR_COLOUR)
    if safe.image:
        first.set_image(url=f"attachment://{_PICTURE}")
    cards = _card_embeds(safe.cards, TOTAL - len(first), most=EMBEDS - 1)
    return Look((first, *cards), picture=safe.image, picture_alt=safe.image_alt)


def thread_name(post: Post) -> str:
    """Return what a digest's thread is called; names show no markup, so nothing is escaped."""
    return clip(guard_post(post).headline, THREAD_NAME) or "Papers"


def _standing_lines(reply: Reply) -> tuple[str, ...]:
    if not reply.signals:
        return ()
    return (f"You: {'  '.join(_STANDING[s] for s in reply.signals if s in _STANDING)}",)


def _head_embed(post: Post) -> discord.Embed:
    embed = discord.Embed(title=fit(post.headline, TITLE) or "\u200b", colour=_COLOUR)
    # Every line has its share, so that the last title is there however long the first ones are.
    share = (DESCRIPTION - len(post.lines)) // max(1, len(post.lines))
    embed.description = _join((fit(line, share) for line in post.lines), DESCRIPTION) or None
    if post.footer:
        embed.set_footer(text=clip(post.footer, 1000))
    return embed


def _join(lines: Iterable[str], limit: int) -> str:
    """Join the lines that have room; what is left out is said with an ``…``."""
    text = ""
    for line in lines:
        if len(text) + len(line) + 3 > limit:
            return f"{text}\n…"
        text = f"{text}\n{line}" if text else line
    return text.rstrip()


# --- cards --------------------------------------------------------------------------------------


def _card_embeds(
    cards: Sequence[Card], total: int, *, most: int = EMBEDS
) -> Iterable[discord.Embed]:
    """Yield at most ``most`` embeds of ``total`` characters in all; several cards share one
    only where there are more cards than embeds."""
    if not cards:
        return
    room = total // len(cards) - 1
    if len(cards) <= most:
        for card in cards:
            yield _card_embed(card, min(room, DESCRIPTION))
        return
    each = -(-len(cards) // most)
    for start in range(0, len(cards), each):
        blocks = [_card_block(card, room - 2) for card in cards[start : start + each]]
        yield discord.Embed(description="\n\n".join(blocks), colour=_COLOUR)


def _card_embed(card: Card, room: int) -> discord.Embed:
    title = fit(_title(card), min(TITLE, room // 3))
    footer = clip(" · ".join((*figures(card), *filter(None, (card.label,)))), 200)
    left = room - len(title) - len(footer) - _SPARE
    embed = discord.Embed(title=title, url=card.url, colour=_COLOUR)
    embed.description = "\n".join(_body(card, left)) or None
    if footer:
        embed.set_footer(text=footer)
    return embed


def _card_block(card: Card, room: int) -> str:
    title = _title(card)
    third = max(room // 3, 60)
    wide = max(room * 2 // 3, third)
    named = link_to(title, card.url, wide) if card.url else fit(title, third)
    counted = " · ".join((*figures(card), *filter(None, (card.label,))))
    lines = [f"**{named}**"]
    for part in (card.reason and f"Why: {card.reason}", counted, byline(card), card.summary):
        left = room - sum(map(len, lines)) - len(lines)
        if part and left > 40:
            lines.append(fit(part, left))
    return "\n".join(lines)


def _title(card: Card) -> str:
    return f"{card.number}. {card.title}"


def _body(card: Card, room: int) -> Iterable[str]:
    code = _code_line(card, room // 3)
    room -= len(code)
    reason = fit(card.reason, max(room // 3, 40)) if card.reason else ""
    names = fit(byline(card), max(room // 4, 40)) if byline(card) else ""
    said_by = f" ({escape(card.summary_label)})" if card.summary and card.summary_label else ""
    left = room - len(reason) - len(names) - len(said_by)
    if names:
        yield names
    if card.summary and left > 20:
        yield fit(card.summary, left) + said_by
    if reason:
        yield f"**Why:** {reason}"
    if code:
        yield code


def _code_line(card: Card, room: int) -> str:
    if not card.code_url:
        return ""
    stars = f" · {count_words(card.code_stars, 'star')}" if card.code_stars else ""
    named = link_to("Code", card.code_url, room)
    return named + stars if named.startswith("[") else ""
