"""The terminal as a chat platform: channels with a durable history, read and typed at a screen."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TextIO, TypeVar

from bot.domain import (
    CommandEvent,
    Layout,
    PaperwireError,
    Person,
    Place,
    Post,
    PostKind,
    Reply,
    Signal,
    VoteEvent,
)
from bot.platforms.journal import RETRY_SECONDS, Journal, Posted, journal_path, send_once
from bot.platforms.terminal_view import Screen
from bot.ports import (
    Absent,
    CannotTell,
    FindOutcome,
    Found,
    Inbound,
    Retry,
    SendOutcome,
    Standing,
)
from bot.render import guard_post, guard_reply

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_COMMAND = re.compile(r"^/papers?(?=\s|$)", re.IGNORECASE)
_VOTE = re.compile(r"(\+|-|👍|👎|🔖)\ufe0f?\s*(\d{1,3})")
_SIGNALS = {
    "+": Signal.LIKE,
    "👍": Signal.LIKE,
    "-": Signal.DISLIKE,
    "👎": Signal.DISLIKE,
    "🔖": Signal.SAVE,
}
_LEAVE = {"/quit", "/exit", "quit", "exit"}


class Terminal:
    """A chat platform on a text stream; what was posted is in a folder of journals."""

    name = "terminal"
    default_layout = Layout.THREAD

    def __init__(
        self,
        folder: Path | None = None,
        *,
        stream: TextIO | None = None,
        width: int | None = None,
    ) -> None:
        """Keep histories in ``folder`` (in memory when None); draw on ``stream`` (stdout).

        ``width`` is in columns, by default the window's own.
        """
        self._folder = folder
        self._screen = Screen(stream or sys.stdout, width=width)
        self._journals: dict[str, Journal] = {}
        self._inbound: Inbound | None = None
        self._closed = False
        self._turn = asyncio.Lock()

    async def start(self, inbound: Inbound) -> None:
        """Begin to hand in what people type (bot.ports.ChatPlatform)."""
        self._turn = asyncio.Lock()
        self._inbound = inbound
        self._closed = False

    async def stop(self) -> None:
        """Finish the post in hand, then take no more (bot.ports.ChatPlatform)."""
        async with self._turn:
            self._closed = True
            self._inbound = None

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        """Post once and show it; a repeated key gets the first id (bot.ports.ChatPlatform)."""
        async with self._turn:
            if self._closed:
                return Retry("the terminal is closed", after=RETRY_SECONDS)
            safe = guard_post(post)
            outcome, fresh = await _off_loop(send_once, self._journal(address), key, safe, parent)
            if fresh:
                self._screen.post(safe)
            return outcome

    async def find(
        self,
        address: str,
        key: str,
        *,
        since: datetime,  # noqa: ARG002 - the history is whole, however far back one asks
    ) -> FindOutcome:
        """Look a key up in the history (bot.ports.ChatPlatform)."""
        try:
            posted = await _off_loop(self._journal(address).find, key)
        except (PaperwireError, OSError) as trouble:
            return CannotTell(str(trouble))
        return Absent() if posted is None else Found(posted.remote_id)

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        """Return the reactions that stand on a message (bot.ports.ChatPlatform)."""
        try:
            return await _off_loop(self._journal(address).standing, remote_id)
        except (PaperwireError, OSError):
            return None

    # --- what people do

    async def posts(self, address: str) -> Sequence[Posted]:
        """Return a channel's history, oldest first."""
        return await _off_loop(self._journal(address).posts)

    async def react(
        self,
        address: str,
        remote_id: str,
        person_id: str,
        signal: Signal,
        on: bool = True,
        number: int | None = None,
    ) -> Reply | None:
        """Give or take back a reaction, as a reader at the terminal would.

        Recorded first, then handed in; None where that was so already or nobody is connected,
        which then finds it with ``standing``. Raises PaperwireError for an unknown message.
        """
        standing = Standing(person_id, signal, number)
        try:
            changed = await _off_loop(self._journal(address).react, remote_id, standing, on=on)
        except KeyError:
            raise PaperwireError(
                f"terminal channel {address!r} has no message {remote_id!r}; "
                "react to one of those that were posted there"
            ) from None
        if not changed or self._inbound is None:
            return None
        event = VoteEvent(
            place=self._place(address),
            person=Person(self.name, person_id),
            remote_id=remote_id,
            signal=signal,
            on=on,
            number=number,
            event_id=uuid.uuid4().hex,
        )
        return await _answer(self._inbound.vote(event))

    async def say(self, address: str, person_id: str, text: str) -> Reply:
        """Type a command, with or without ``/papers``; show the reply and return it.

        A reply meant for everyone joins the channel's history. Raises PaperwireError where no
        core is connected or the history is damaged, OSError where it cannot be written.
        """
        if self._inbound is None:
            raise PaperwireError("the terminal is not connected; start it before typing at it")
        event = CommandEvent(
            place=self._place(address),
            person=Person(self.name, person_id),
            text=_COMMAND.sub("", text.strip(), count=1).strip(),
            event_id=uuid.uuid4().hex,
        )
        reply = await _answer(self._inbound.command(event))
        self._screen.reply(reply)
        if not reply.ephemeral:
            said = guard_reply(reply)
            shared = Post(PostKind.NOTICE, said.headline, said.lines, said.cards)
            await _off_loop(self._journal(address).post, "", shared, None)
        return reply

    async def vote(self, address: str, person_id: str, signal: Signal, number: int) -> Reply:
        """Switch a vote on paper ``number`` of the newest digest; show the reply and return it."""
        posts = await self.posts(address)
        posted = next((p for p in reversed(posts) if p.key and _holds(p.post, number)), None)
        if posted is None:
            reply: Reply | None = Reply(f"There is no paper {number} here to vote on.", ok=False)
        else:
            several = number if posted.post.kind is PostKind.SINGLE else None
            mine = Standing(person_id, signal, several)
            on = mine not in (await self.standing(address, posted.remote_id) or ())
            reply = await self.react(address, posted.remote_id, person_id, signal, on, several)
        shown = reply or Reply("Noted; it counts once Paperwire runs.")
        self._screen.reply(shown)
        return shown

    async def chat(self, address: str, person: str, lines: AsyncIterator[str]) -> None:
        """Answer typed lines until they end or say ``/quit``: commands, and votes like ``+2``."""
        async for line in lines:
            text = line.strip()
            if text.lower() in _LEAVE:
                return
            vote = _VOTE.fullmatch(text)
            try:
                if vote:
                    await self.vote(address, person, _SIGNALS[vote[1]], int(vote[2]))
                elif text:
                    await self.say(address, person, text)
            except (PaperwireError, OSError) as trouble:  # of the history: a person can mend it
                self._screen.reply(Reply(str(trouble), ok=False))

    async def show(self, address: str, last: int | None = None) -> int:
        """Draw the newest digest again, or the ``last`` so many messages; return how many."""
        posts = await self.posts(address)
        if last is None:
            opening = [
                i for i, p in enumerate(posts) if p.key and p.post.kind is not PostKind.PAPER
            ]
            posts = posts[opening[-1] :] if opening else posts
        else:
            posts = posts[max(0, len(posts) - last) :]
        for posted in posts:
            self._screen.post(posted.post)
        return len(posts)

    def _journal(self, address: str) -> Journal:
        journal = self._journals.get(address)
        if journal is None:
            path = None if self._folder is None else journal_path(self._folder, address)
            journal = self._journals[address] = Journal(path)
        return journal

    def _place(self, address: str) -> Place:
        return Place(self.name, address, name=address)


def _holds(post: Post, number: int) -> bool:
    return any(card.number == number for card in post.cards)


async def _answer(asked: Awaitable[Reply]) -> Reply:
    """Return the core's reply; a person is never left without one, nor the screen without us."""
    try:
        return await asked
    except PaperwireError as trouble:
        return Reply(str(trouble), ok=False)
    except Exception:  # whatever broke, the next command must still be answered
        logger.exception("the core failed on what a person did at the terminal")
        return Reply("That went wrong here. The log has the details.", ok=False)


async def _off_loop(deed: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do file work in a thread, so that a slow disk holds up nobody else."""
    return await asyncio.to_thread(deed, *args, **kwargs)
