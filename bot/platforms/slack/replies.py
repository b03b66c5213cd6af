"""Answers as Block Kit: for a message that one person sees, for a thread, for a modal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, ImageBlock
from slack_sdk.models.blocks.basic_components import SlackFile

from bot.domain import Card, Reply
from bot.platforms.slack.blocks import (
    FULL_BUTTONS,
    KEY_BLOCK,
    MESSAGE_BUDGET,
    SECTION_LIMIT,
    TEXT_LIMIT,
    Message,
    button,
    card_rows,
    section,
    sections,
    size_of,
)
from bot.platforms.slack.mrkdwn import bold, escape, line
from bot.render import card_as_text, guard_reply

SAY = "say."  # a button whose value is a command; the answer comes beside
PAGE = "page."  # a button whose value is a command; the answer takes the message's place
DETAIL = "detail"  # a button that shows one of the papers alone
EDIT = "edit"  # a button that opens the form
NOT_INSIDE = Reply(
    "Slack does not list you in that channel any more, so its papers are not shown here.",
    lines=("Refresh the page, or type the command in the channel.",),
    ok=False,
)
ADDRESS_LIMIT = 2000  # of a button's value
SHOWN_LIMIT = 400  # of one that stands under every paper
WARNING = "⚠️"


@dataclass(frozen=True, slots=True)
class Shown:
    """One card of an answer: the command that made it, and which it was."""

    handle: str
    command: str

    def write(self) -> str:
        """Return the value of a button; the command is left out where it has no room."""
        value = json.dumps({"h": self.handle, "c": self.command}, ensure_ascii=False)
        if len(value) > SHOWN_LIMIT:
            value = json.dumps({"h": self.handle, "c": ""})
        return value


def read_shown(value: str) -> Shown | None:
    """Read a button's value back; None where it is none of ours."""
    try:
        said = json.loads(value)
        return Shown(str(said["h"]), str(said["c"]))
    except (ValueError, KeyError, TypeError):
        return None


def reply_message(
    reply: Reply,
    *,
    command: str = "",
    editable: bool = False,
    image_id: str = "",
    placed: bool = True,
) -> Message:
    """Lay an answer out. ``command`` is what was asked, for the buttons that ask it again.

    ``editable`` adds the button that opens the form, ``image_id`` is an uploaded file's; not
    ``placed`` is an answer outside of any channel, where nothing can be saved or posted.
    """
    blocks = reply_blocks(
        reply, command=command, editable=editable, image_id=image_id, placed=placed
    )
    laid = [block.to_dict() for block in blocks]
    laid[0]["block_id"] = KEY_BLOCK  # ours, and no part of a digest
    return Message(reply_text(reply), tuple(laid))


def reply_text(reply: Reply) -> str:
    """Return an answer as plain text in mrkdwn: for notifications and screen readers."""
    safe = guard_reply(reply)
    said = "\n".join(
        (
            _headline(safe),
            *safe.lines,
            *(card_as_text(card) for card in safe.cards),
            *((safe.image_alt,) if safe.image else ()),
        )
    )
    return escape(said if said.strip() else "Paperwire", TEXT_LIMIT)


def reply_blocks(
    reply: Reply,
    *,
    command: str = "",
    editable: bool = False,
    image_id: str = "",
    placed: bool = True,
    budget: int = MESSAGE_BUDGET,
) -> list[Block]:
    """Return an answer's blocks, at least one, within ``budget``."""
    safe = guard_reply(reply)
    head = bold(escape(_headline(safe), SECTION_LIMIT - 10))
    blocks: list[Block] = [section(head)] if head or not safe.lines else []
    room = budget - size_of(blocks) - 1500 - 350 * len(safe.cards)
    blocks += sections((line(one, SECTION_LIMIT - 10) for one in safe.lines), max(1000, room))
    if safe.image and image_id:
        alt = (safe.image_alt or _headline(safe) or "Image")[:2000]
        blocks.append(ImageBlock(slack_file=SlackFile(id=image_id), alt_text=alt))
    elif safe.image and safe.image_alt:
        blocks.append(section(escape(safe.image_alt)))
    last = _last_row(safe, editable=editable)
    if safe.cards:
        many = not placed or len(safe.cards) > FULL_BUTTONS
        rows = [list(_card_buttons(card, command, many=many)) for card in safe.cards]
        left = budget - size_of(blocks) - 800
        blocks += card_rows(safe.cards, rows, left)
    if last:
        blocks.append(ActionsBlock(elements=last))
    return blocks


def _headline(reply: Reply) -> str:
    return reply.headline if reply.ok else f"{WARNING} {reply.headline}"


def _card_buttons(card: Card, command: str, *, many: bool) -> Iterator[ButtonElement]:
    if not card.handle:
        return
    shown = Shown(card.handle, command).write()
    yield button("Details", DETAIL, shown, f"Details: {card.title}")
    if not many:
        words = f"Save for me: {card.title}"
        yield button("🔖 Save", f"{SAY}save", f"save {card.handle}", words)
        yield button("Post here", f"{SAY}submit", f"submit {card.handle}", f"Post: {card.title}")


def _last_row(reply: Reply, *, editable: bool) -> list[ButtonElement]:
    row: list[ButtonElement] = []
    for words, action, command in (
        ("‹ Back", f"{PAGE}back", reply.back),
        ("More ›", f"{PAGE}more", reply.more),
    ):
        if command and len(command) <= ADDRESS_LIMIT:
            row.append(button(words, action, command))
    if editable:
        row.append(button("Edit", EDIT))
    return row


def detail_blocks(card: Card, why: Reply | None) -> list[Block]:
    """Return one paper in full, for a modal: with the reasons where there are any."""
    blocks = card_rows((card,), [list(_card_buttons(card, "", many=False))[1:]], MESSAGE_BUDGET)
    if why is not None:
        blocks += reply_blocks(why, budget=MESSAGE_BUDGET - size_of(blocks))
    return blocks
