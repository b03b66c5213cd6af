"""What people press: votes, reasons, pages, details."""

from __future__ import annotations

import re
from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from bot.domain import Card, Place, Reply, Signal, VoteEvent
from bot.platforms.slack.blocks import (
    EVENT_TYPE,
    KEY_BLOCK,
    PANEL,
    VOTE,
    WHY,
    JsonObject,
    Message,
    Target,
    key_of,
    read_target,
    section,
    vote_panel,
    with_counts,
)
from bot.platforms.slack.desk import Asked, Desk, modal, read_place, with_place
from bot.platforms.slack.images import upload_image
from bot.platforms.slack.listeners import team_of
from bot.platforms.slack.mrkdwn import bold, escape, line
from bot.platforms.slack.outcomes import TROUBLES, error_of
from bot.platforms.slack.people import PLATFORM
from bot.platforms.slack.replies import (
    DETAIL,
    PAGE,
    SAY,
    WARNING,
    detail_blocks,
    read_shown,
    reply_message,
)
from bot.platforms.slack.workspaces import split_address
from bot.render import guard_reply

log = structlog.get_logger(__name__)

Body = dict[str, Any]


class Actions:
    """Registered with Bolt; a press is acknowledged when it is recorded."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, app: AsyncApp) -> None:
        """Register every listener of this module."""
        app.block_action(re.compile(re.escape(VOTE)))(self.vote)
        app.block_action(WHY)(self.why)
        app.block_action(PANEL)(self.panel)
        app.block_action(re.compile(re.escape(SAY)))(self.say)
        app.block_action(re.compile(re.escape(PAGE)))(self.page)
        app.block_action(DETAIL)(self.detail)

    async def vote(
        self, ack: AsyncAck, body: Body, action: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Switch a vote; show its state to the person, and the count to all."""
        await ack()
        target = read_target(value_of(action))
        try:
            signal = Signal(str(action.get("action_id", "")).removeprefix(VOTE))
        except ValueError:
            return
        asked = await read_asked(self._desk, body, context)
        pressed_in = message_of(body)
        remote_id = (target.message if target else "") or pressed_in
        if target is None or not remote_id:
            return
        person = await self._desk.people.person(asked.team, asked.user)
        reply = await self._desk.vote(
            VoteEvent(asked.place, person, remote_id, signal, on=None, number=target.number)
        )
        here = Target(target.number, target.handle, remote_id)
        self._desk.spawn(self._show_vote(asked, body, here, reply, beside=remote_id == pressed_in))

    async def _show_vote(
        self, asked: Asked, body: Body, target: Target, reply: Reply, *, beside: bool
    ) -> None:
        if not reply.ok:
            await self._desk.answer(asked, reply_message(reply))
            return
        await self._desk.answer(asked, panel_message(target, reply), replace=not beside)
        if beside and reply.counts:
            await self._show_counts(asked, body.get("message") or {}, target, reply)

    async def _show_counts(
        self, asked: Asked, message: JsonObject, target: Target, reply: Reply
    ) -> None:
        """Put the number of votes into the message's own buttons; a matter of looks alone."""
        blocks = with_counts(message.get("blocks") or (), target.number, reply.counts)
        key = key_of(message)
        if blocks is None or key is None:
            return
        try:
            workspace = await self._desk.workspaces.workspace(asked.team)
            await workspace.post.chat_update(
                channel=asked.channel,
                ts=target.message,
                text=str(message.get("text") or ""),
                blocks=blocks,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
            )
        except TROUBLES as trouble:
            log.info("slack_counts_not_shown", error=error_of(trouble))

    async def panel(
        self, ack: AsyncAck, body: Body, action: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Show the voting buttons of one paper of many."""
        await ack()
        target = read_target(value_of(action))
        if target is None:
            return
        asked = await read_asked(self._desk, body, context)
        here = Target(target.number, target.handle, target.message or message_of(body))
        words = Reply(f"Paper {target.number}")
        self._desk.spawn(self._desk.answer(asked, panel_message(here, words)))

    async def why(
        self, ack: AsyncAck, body: Body, action: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Say why a paper was chosen."""
        await ack()
        target = read_target(value_of(action))
        if target is not None and target.handle:
            asked = await read_asked(self._desk, body, context)
            self._desk.spawn(self._say(asked, f"why {target.handle}"))

    async def say(
        self, ack: AsyncAck, body: Body, action: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Carry out the command that a button stands for; the answer comes beside."""
        await ack()
        asked = await read_asked(self._desk, body, context)
        self._desk.spawn(self._say(asked, value_of(action)))

    async def page(
        self, ack: AsyncAck, body: Body, action: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Turn the page: the answer takes the place of the one before."""
        await ack()
        asked = await read_asked(self._desk, body, context)
        self._desk.spawn(self._say(asked, value_of(action), replace=True))

    async def _say(self, asked: Asked, command: str, *, replace: bool = False) -> None:
        person = await self._desk.people.person(asked.team, asked.user, asked.channel)
        reply = await self._desk.command(asked.place, person, command)
        message = reply_message(
            reply,
            command=command,
            image_id=await upload_image(self._desk.workspaces, asked.team, reply),
            placed=bool(asked.place.address),
        )
        await self._desk.answer(asked, message, everyone=not reply.ephemeral, replace=replace)

    async def detail(
        self, ack: AsyncAck, body: Body, action: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Show one paper of an answer alone, with the reasons."""
        await ack()
        shown = read_shown(value_of(action))
        if shown is not None:
            asked = await read_asked(self._desk, body, context)
            self._desk.spawn(self._detail(asked, shown.handle, shown.command))

    async def _detail(self, asked: Asked, handle: str, command: str) -> None:
        # The press opens a window within 3 s or not at all, so it opens before the answer is there.
        waiting = modal("Paper", [section("Looking …").to_dict()], asked.place)
        on_top = bool(asked.view_id) and not asked.at_home
        view_id = asked.view_id if on_top else await self._desk.open_view(asked, waiting)
        person = await self._desk.people.person(asked.team, asked.user, asked.channel)
        card: Card | None = None
        if command:
            again = await self._desk.command(asked.place, person, command)
            card = next((one for one in guard_reply(again).cards if one.handle == handle), None)
        why = await self._desk.command(asked.place, person, f"why {handle}")
        if card is None:
            message = reply_message(why)
        else:
            blocks = detail_blocks(card, why if why.ok else None)
            laid = tuple(block.to_dict() for block in blocks)
            message = Message(escape(card.title), laid)
        if view_id:
            view = modal("Paper", list(message.blocks), asked.place)
            await self._desk.update_view(asked.team, view_id, view)
        else:
            await self._desk.answer(asked, message)


def panel_message(target: Target, reply: Reply) -> Message:
    """Return what a person sees after a vote: what was done, and the switches as they stand."""
    safe = guard_reply(reply)
    said = "\n".join((bold(escape(safe.headline, 1000)), *(line(one, 500) for one in safe.lines)))
    blocks = [block.to_dict() for block in vote_panel(target, reply.signals, said)]
    blocks[0]["block_id"] = KEY_BLOCK
    return Message(
        escape(safe.headline if safe.ok else f"{WARNING} {safe.headline}"), tuple(blocks)
    )


async def read_asked(desk: Desk, body: Body, context: AsyncBoltContext) -> Asked:
    """Return who pressed where, from any interaction's payload."""
    team = team_of(body, context)
    container = body.get("container") or {}
    view = body.get("view") or {}
    channel = body.get("channel") or {}
    message = body.get("message") or {}
    asked = Asked(
        team=team,
        user=str((body.get("user") or {}).get("id") or ""),
        channel=str(channel.get("id") or container.get("channel_id") or ""),
        place=Place(PLATFORM, ""),
        response_url=str(body.get("response_url") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        thread_ts=str(container.get("thread_ts") or message.get("thread_ts") or ""),
        view_id=str(view.get("id") or ""),
        at_home=view.get("type") == "home",
        ephemeral=bool(container.get("is_ephemeral")),
    )
    place = read_place(view.get("private_metadata")) if view else None
    if place is not None:
        return with_place(asked, place, split_address(place.address)[1])
    if asked.channel:
        named = str(channel.get("name") or "")
        address = await desk.people.address(team, asked.channel)
        # No look-up here: the press is to be acknowledged in 3 s.
        place = Place(PLATFORM, address, name=f"#{named}" if named else "")
        return with_place(asked, place, asked.channel)
    return asked


def message_of(body: Body) -> str:
    """Return the message that a button stands in."""
    container = body.get("container") or {}
    message = body.get("message") or {}
    return str(container.get("message_ts") or message.get("ts") or "")


def value_of(action: JsonObject) -> str:
    """Return what a button or a choice carries."""
    chosen = action.get("selected_option") or {}
    return str(action.get("value") or chosen.get("value") or "")
