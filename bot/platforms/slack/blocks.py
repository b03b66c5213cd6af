"""Posts as Block Kit: within Slack's limits by construction, whatever the text was.

A message holds 50 blocks, a section 3,000 characters and all of it about 13,200. What has many
parts shares one budget, counted over the JSON that is sent, so that no way of counting is missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from bot.domain import Card, Post, PostKind, Signal
from bot.platforms.slack.mrkdwn import bold, escape, fit, link, units
from bot.render import byline, figures, guard_post, post_as_text, visible

JsonObject = dict[str, Any]  # a block as Slack sends and takes it

MESSAGE_BUDGET = 12_500
SECTION_LIMIT = 3000
TEXT_LIMIT = 3500
FULL_BUTTONS = 10  # papers in one message that each have all their buttons
KEY_BLOCK = "paperwire-key:"
EVENT_TYPE = "paperwire_post"

MARKS = {Signal.LIKE: "👍", Signal.DISLIKE: "👎", Signal.SAVE: "🔖"}
SPOKEN = {
    Signal.LIKE: "More like this",
    Signal.DISLIKE: "Less like this",
    Signal.SAVE: "Save for me",
}
VOTE = "vote."  # and the signal: the action of a button
WHY = "why"
PANEL = "panel"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: blocks to look at, text for notifications and screen readers."""

    text: str
    blocks: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """The paper that a button means. ``message`` is set where the button stands elsewhere."""

    number: int
    handle: str
    message: str = ""

    def write(self) -> str:
        """Return the value of a button."""
        return f"{self.number} {self.handle or '-'} {self.message}".rstrip()


def read_target(value: str) -> Target | None:
    """Read a button's value back; None where it is none of ours."""
    number, _, rest = value.partition(" ")
    handle, _, message = rest.partition(" ")
    if not number.isdecimal() or not handle:
        return None
    return Target(int(number), "" if handle == "-" else handle, message)


def post_message(post: Post, key: str) -> Message:
    """Lay a post out as one message; its first block carries the key as its id."""
    safe = guard_post(post)
    if safe.kind is PostKind.PAPER and len(safe.cards) == 1:
        blocks = paper_blocks(safe.cards[0])
    elif safe.cards:
        blocks = _single_blocks(safe)
    else:
        blocks = _header_blocks(safe)
    laid = [block.to_dict() for block in blocks]
    laid[0]["block_id"] = f"{KEY_BLOCK}{key}"
    said = post_as_text(safe)
    return Message(escape(said if said.strip() else "Paperwire", TEXT_LIMIT), tuple(laid))


def key_of(message: JsonObject) -> str | None:
    """Return the key of one of our messages as Slack gives it back, or None.

    It is in the metadata; where a service does not keep that, in the id of the first block.
    """
    metadata = message.get("metadata")
    if isinstance(metadata, dict):
        payload = metadata.get("event_payload")
        if isinstance(payload, dict) and isinstance(payload.get("key"), str):
            return str(payload["key"])
    for block in message.get("blocks") or ():
        block_id = block.get("block_id") if isinstance(block, dict) else None
        if isinstance(block_id, str) and block_id.startswith(KEY_BLOCK):
            return block_id.removeprefix(KEY_BLOCK)
    return None


# --- the three shapes ---------------------------------------------------------------------------


def paper_blocks(card: Card) -> list[Block]:
    """Return the blocks of one paper: title and byline, summary, reason and figures, buttons."""
    blocks: list[Block] = [section(_heading(card, SECTION_LIMIT))]
    if card.summary:
        said_by = f" ({card.summary_label})" if card.summary_label else ""
        blocks.append(section(escape(card.summary + said_by, SECTION_LIMIT)))
    small = _small_print(card, 2500)
    if small:
        blocks.append(context(small))
    blocks.append(ActionsBlock(elements=list(_vote_buttons(card, spoken=True))))
    return blocks


def _header_blocks(post: Post) -> list[Block]:
    blocks: list[Block] = [headline(post.headline)] if post.headline else []
    if post.footer:
        blocks.append(context(escape(post.footer, 1500)))
    blocks += sections((escape(one, 300) for one in post.lines if one), MESSAGE_BUDGET - 3000)
    return blocks or [section(BLANK)]


def _single_blocks(post: Post) -> list[Block]:
    blocks: list[Block] = [headline(post.headline)] if post.headline else []
    if post.footer:
        blocks.append(context(escape(post.footer, 1500)))
    blocks += sections((escape(one, 300) for one in post.lines if one), 1500)
    buttons = _vote_buttons if len(post.cards) <= FULL_BUTTONS else _panel_button
    rows = [list(buttons(card)) for card in post.cards]
    return blocks + card_rows(post.cards, rows, MESSAGE_BUDGET - size_of(blocks))


def card_rows(
    cards: Sequence[Card], buttons: Sequence[list[ButtonElement]], budget: int
) -> list[Block]:
    """Return each paper as one section with its buttons below, all within ``budget``."""
    actions = [ActionsBlock(elements=row) if row else DividerBlock() for row in buttons]
    room = budget - size_of(actions) - 90 * len(cards)
    share = max(80, min(SECTION_LIMIT, room // max(1, len(cards))))
    blocks: list[Block] = []
    for card, row in zip(cards, actions, strict=True):
        blocks += (section(_whole_card(card, share)), row)
    return blocks


def _heading(card: Card, limit: int) -> str:
    label = f" ({card.label})" if card.label else ""
    name = f"{card.number}. {card.title}" if card.number else card.title
    title = bold(link(card.url, name + label, limit * 3 // 4 - 2))
    room = min(600, limit - units(title) - 1)
    known = byline(card)
    return f"{title}\n{escape(known, room)}" if known and room > 20 else title


def _small_print(card: Card, limit: int) -> str:
    code = ""
    if card.code_url:
        stars = f" ★ {card.code_stars:,}" if card.code_stars else ""
        code = link(card.code_url, f"code{stars}", limit // 2)
    known = [*(escape(words) for words in figures(card)), code]
    counted = " · ".join(words for words in known if words)
    room = limit - units(counted) - 10
    reason = f"Why: {escape(card.reason, room)}" if card.reason and room > 20 else ""
    return "\n".join(words for words in (reason, counted) if words)


def _whole_card(card: Card, limit: int) -> str:
    parts = [_heading(card, max(60, limit * 2 // 3))]
    room = limit - units(parts[0]) - 2
    small = _small_print(card, room // 2) if room > 120 else ""
    room -= units(small)
    if card.summary and room > 40:
        said_by = f" ({card.summary_label})" if card.summary_label else ""
        parts.append(escape(card.summary + said_by, room))
    if small:
        parts.append(small)
    whole = "\n".join(parts)
    return whole if units(whole) <= limit else escape(card.title, limit)


# --- parts --------------------------------------------------------------------------------------

BLANK = "\u2800"  # a section must hold something; this shows nothing


def section(text: str) -> SectionBlock:
    """Return a section of mrkdwn that is ours; ``verbatim``: Slack makes no links of its own."""
    return SectionBlock(text=MarkdownTextObject(text=text or BLANK, verbatim=True))


def context(text: str) -> ContextBlock:
    """Return small print of mrkdwn that is ours."""
    return ContextBlock(elements=[MarkdownTextObject(text=text or BLANK, verbatim=True)])


def headline(text: str) -> Block:
    """Return a header; a text with signs that only mrkdwn can escape is a bold line."""
    if any(char in text for char in "&<>") or units(text) > 150:
        return section(bold(escape(text, 500)))
    return HeaderBlock(text=PlainTextObject(text=text, emoji=False))


def sections(lines: Iterable[str], budget: int) -> list[Block]:
    """Return lines of mrkdwn in as few sections as hold them; what exceeds ``budget`` is cut."""
    blocks: list[Block] = []
    held: list[str] = []
    size = total = 0
    for one in lines:
        total += units(one) + 1
        if total > budget:
            held.append("…")
            break
        if held and size + units(one) + 1 > SECTION_LIMIT - 2:
            blocks.append(section("\n".join(held)))
            held, size = [], 0
        held.append(one)
        size += units(one) + 1
    if "".join(held).strip():
        blocks.append(section("\n".join(held)))
    return blocks


def button(words: str, action: str, value: str = "", spoken: str = "") -> ButtonElement:
    """Return a button; ``spoken`` is what a screen reader says in place of a sign."""
    return ButtonElement(
        text=PlainTextObject(text=fit(visible(words), 75), emoji=True),
        action_id=action,
        value=value or None,
        accessibility_label=fit(visible(spoken), 75) if spoken else None,
    )


def _vote_buttons(card: Card, *, spoken: bool = False) -> Iterator[ButtonElement]:
    target = Target(card.number, card.handle).write()
    about = f": {card.title}" if spoken else ""  # in a long message every word has its price
    for signal, mark in MARKS.items():
        yield button(mark, f"{VOTE}{signal}", target, about and f"{SPOKEN[signal]}{about}")
    if card.handle:
        yield button("Why", WHY, target, about and f"Why this paper{about}")


def _panel_button(card: Card) -> Iterator[ButtonElement]:
    yield button("Vote", PANEL, Target(card.number, card.handle).write())


def size_of(blocks: Sequence[Block]) -> int:
    """Return what blocks take of a message's budget: the length of their JSON."""
    laid = [block.to_dict() for block in blocks]
    return len(json.dumps(laid, ensure_ascii=False)) + 40 * len(laid)


# --- votes on a message -------------------------------------------------------------------------


def vote_panel(target: Target, signals: Sequence[Signal], headline_: str) -> list[Block]:
    """Return what one person sees of their own votes on a paper, as switches."""
    row = []
    for signal, mark in MARKS.items():
        on = signal in signals
        words = f"{mark} {SPOKEN[signal]}" + (" ✓" if on else "")
        state = "on, press to take back" if on else "off"
        switch = button(words, f"{VOTE}{signal}", target.write(), f"{SPOKEN[signal]}: {state}")
        if on:
            switch.style = "primary"
        row.append(switch)
    if target.handle:
        row.append(button("Why", WHY, target.write(), "Why this paper"))
    return [section(headline_), ActionsBlock(elements=row)]


def with_counts(
    blocks: Sequence[JsonObject], number: int, counts: Sequence[tuple[Signal, int]]
) -> list[JsonObject] | None:
    """Return a message's blocks with the votes on one paper in its buttons; None: no change."""
    told = {f"{VOTE}{signal}": count for signal, count in counts}
    marks = {f"{VOTE}{signal}": mark for signal, mark in MARKS.items()}
    changed = False
    fresh: list[JsonObject] = json.loads(json.dumps(list(blocks)))
    for block in fresh:
        for element in block.get("elements") or () if block.get("type") == "actions" else ():
            mark = marks.get(element.get("action_id", ""))
            target = read_target(str(element.get("value", "")))
            text = element.get("text")
            if mark is None or target is None or target.number != number or not text:
                continue
            count = told.get(element["action_id"], 0)
            words = f"{mark} {count}" if count else mark
            changed |= text.get("text") != words
            text["text"] = words
    return fresh if changed else None
