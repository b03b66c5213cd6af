"""Interactions answered: within Discord's three seconds, to one person, and always with words."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING

import discord

from bot.domain import CommandEvent, PaperwireError, Person, Reply, Signal, VoteEvent
from bot.platforms.discord.attempts import TROUBLES
from bot.platforms.discord.buttons import reply_view
from bot.platforms.discord.looks import reply_look
from bot.platforms.discord.places import PLATFORM, Spot, locate
from bot.platforms.discord.rights import Rights
from bot.ports import Inbound, Suggest, Suggestion

if TYPE_CHECKING:
    from bot.platforms.discord.client import Interaction

logger = logging.getLogger(__name__)

PATIENCE = 1.5  # seconds for an answer at once; Discord gives three, and the way takes some
_PAGE_TEXT = 85
_PAGES_KEPT = 500
_SHORT = "~"  # begins what stands for a page's command that is too long for a button

FAILED = Reply("That went wrong here. The log has the details.", ok=False)
NOWHERE = Reply("Discord did not say where this was; please try it in a text channel.", ok=False)
ANSWERED = Reply("Answered below, for everyone.")
OUTDATED = Reply("This page is from before a restart; please ask again.", ok=False)


class Answers:
    """Hands what people do to the core, and the core's replies to the people."""

    def __init__(self, inbound: Inbound, rights: Rights, *, patience: float = PATIENCE) -> None:
        self._inbound = inbound
        self._rights = rights
        self._patience = patience
        self._long: OrderedDict[str, str] = OrderedDict()
        self._numbered = 0
        self.answering: set[asyncio.Task[None]] = set()  # people who wait for a reply

    async def command(
        self, interaction: Interaction, text: str, *, turn_page: bool = False
    ) -> None:
        """Carry out the text after /papers and show the reply; a page replaces the one before."""
        if not text:
            await self._show(interaction, OUTDATED, text)
            return
        await self._answer(interaction, self._commanded(interaction, text), text, turn_page)

    async def vote(self, interaction: Interaction, signal: Signal, number: int | None) -> None:
        """Switch a vote by button; the person sees what stands now."""
        await self._answer(interaction, self._voted(interaction, signal, number), "", False)

    async def say(self, interaction: Interaction, reply: Reply) -> None:
        """Show words of our own."""
        await self._show(interaction, reply, "")

    async def answer(self, interaction: Interaction, asked: Awaitable[Reply]) -> None:
        """Show what was asked for, deferred where it takes long."""
        await self._answer(interaction, _waited(asked), "", False)

    async def run(self, interaction: Interaction, text: str, step: str = "") -> Reply:
        """Carry out a command and show nothing; ``step`` tells several of one form apart."""
        return await self._guarded(self._commanded(interaction, text, step))

    async def suggest(
        self, interaction: Interaction, what: Suggest, text: str
    ) -> tuple[Suggestion, ...]:
        """Return what the person may be about to type; nothing where that takes too long."""
        spot = await self.spot(interaction)
        if spot is None:
            return ()
        who = Person(PLATFORM, str(interaction.user.id), may_manage=False)
        try:
            async with asyncio.timeout(self._patience):
                return await self._inbound.suggest(spot.place, who, what, text)
        except TimeoutError:
            return ()  # by then the next letter has been typed

    async def spot(self, interaction: Interaction) -> Spot | None:
        """Return where an interaction happened, or None where Discord does not say."""
        if interaction.channel_id is None:
            return None
        return await locate(interaction.client, interaction.guild_id, interaction.channel_id)

    async def may_manage(self, interaction: Interaction) -> bool:
        """Whether the person may change what the channel gets."""
        return await self._rights.may_manage(interaction)

    def long_command(self, text: str) -> str:
        """Return the command a page button stands for; empty where it was forgotten."""
        return self._long.get(text, "") if text.startswith(_SHORT) else text

    # --- the core

    async def _commanded(self, interaction: Interaction, text: str, step: str = "") -> Reply:
        spot = await self.spot(interaction)
        if spot is None:
            return NOWHERE
        return await self._inbound.command(
            CommandEvent(
                place=spot.place,
                person=await self._rights.person(interaction),
                text=text,
                event_id=f"{interaction.id}{step}",
            )
        )

    async def _voted(self, interaction: Interaction, signal: Signal, number: int | None) -> Reply:
        spot = await self.spot(interaction)
        if spot is None or interaction.message is None:
            return NOWHERE
        return await self._inbound.vote(
            VoteEvent(
                place=spot.place,
                person=Person(PLATFORM, str(interaction.user.id), may_manage=False),
                remote_id=spot.remote_id(interaction.message.id),
                signal=signal,
                on=None,
                number=number,
                event_id=str(interaction.id),
            )
        )

    async def _guarded(self, asked: Awaitable[Reply]) -> Reply:
        """Return the core's reply; a person is never left without one."""
        try:
            return await asked
        except PaperwireError as trouble:
            return Reply(str(trouble), ok=False)
        except Exception:  # whatever broke, the next command must still be answered
            logger.exception("the core failed on what a person did on Discord")
            return FAILED

    # --- Discord

    async def _answer(
        self, interaction: Interaction, asked: Coroutine[None, None, Reply], text: str, turn: bool
    ) -> None:
        """Answer in a task of its own, which a stop can wait for."""
        task = asyncio.create_task(self._answer_in_time(interaction, asked, text, turn))
        self.answering.add(task)
        task.add_done_callback(self.answering.discard)
        await task

    async def _answer_in_time(
        self, interaction: Interaction, asked: Coroutine[None, None, Reply], text: str, turn: bool
    ) -> None:
        task = asyncio.create_task(self._guarded(asked))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if not done:
            with suppress(*TROUBLES):  # an expired interaction: the deed is done all the same
                later = {} if turn else {"ephemeral": True, "thinking": True}
                await respond(interaction, interaction.response.defer(**later))
        await self._show(interaction, await task, text, turn=turn)

    async def _show(
        self, interaction: Interaction, reply: Reply, text: str, *, turn: bool = False
    ) -> None:
        try:
            await self._deliver(interaction, reply, text, turn)
        except TROUBLES as trouble:
            # Nobody waits any longer, or nothing gets through: what was asked for is done.
            logger.warning("a reply could not be shown on Discord: %s", trouble)

    async def _deliver(self, interaction: Interaction, reply: Reply, text: str, turn: bool) -> None:
        look = reply_look(reply)
        view = self._view(reply, text)
        deferred = interaction.response.is_done()
        if turn and deferred:
            await interaction.edit_original_response(embeds=look.embeds, view=view)
        elif turn:
            changed = interaction.response.edit_message(embeds=look.embeds, view=view)
            await respond(interaction, changed)
        elif not deferred:
            shown = interaction.response.send_message(
                embeds=look.embeds,
                ephemeral=reply.ephemeral,
                view=discord.utils.MISSING if view is None else view,
                file=look.file() or discord.utils.MISSING,
            )
            await respond(interaction, shown)
        elif reply.ephemeral:
            file = look.file()
            await interaction.edit_original_response(
                embeds=look.embeds, view=view, attachments=[] if file is None else [file]
            )
        else:
            # The deferral was to one person; the answer is for all.
            private = reply_look(ANSWERED)
            await interaction.edit_original_response(embeds=private.embeds)
            await interaction.followup.send(
                embeds=look.embeds,
                view=discord.utils.MISSING if view is None else view,
                file=look.file() or discord.utils.MISSING,
            )

    def _view(self, reply: Reply, text: str) -> discord.ui.View | None:
        editable = text == "profile show"
        back, more = self._shorten(reply.back), self._shorten(reply.more)
        return reply_view(reply, back=back, more=more, editable=editable)

    def _shorten(self, text: str) -> str:
        if len(text) <= _PAGE_TEXT and not text.startswith(_SHORT):
            return text
        self._numbered += 1
        short = f"{_SHORT}{self._numbered}"
        self._long[short] = text
        while len(self._long) > _PAGES_KEPT:
            self._long.popitem(last=False)
        return short


async def respond(interaction: Interaction, deed: Awaitable[object]) -> None:
    """Give the first response; an acceptance that discord.py cannot read is one all the same.

    Raises what discord.py and the network raise for a response that was not accepted.
    """
    try:
        await deed
    except (LookupError, TypeError, ValueError):
        if not interaction.response.is_done():
            raise
        logger.debug("the answer to a response could not be read", exc_info=True)


async def _waited(asked: Awaitable[Reply]) -> Reply:
    return await asked
