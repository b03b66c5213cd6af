"""Asking Discord what is there: a message by its key, and the reactions that stand on one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import discord

from bot.domain import Signal
from bot.platforms.discord.buttons import key_in, spell_key
from bot.platforms.discord.guilds import permissions
from bot.platforms.discord.places import Address, MessageRef
from bot.platforms.discord.votes import reaction_names, read_emoji
from bot.ports import Absent, CannotTell, FindOutcome, Found, Standing

if TYPE_CHECKING:
    from bot.platforms.discord.client import WireClient

PAGE = 100
PAGES = 50  # of a history that are read; a channel busier than that cannot be told
ARCHIVED = 50
_NO_THREADS = frozenset({400, 404, 405, 501})  # this kind of channel, or server, has none
_CLOCKS = timedelta(minutes=2)  # by which Discord's clock and ours may differ


async def find_key(
    client: WireClient, address: Address, key: str, *, since: datetime
) -> FindOutcome:
    """Look for the message with this key, in the channel and in our threads of it.

    Raises discord.HTTPException and what the network raises.
    """
    me = client.user.id if client.user is not None else 0
    after = discord.utils.time_snowflake(since - _CLOCKS)
    channel = client.get_channel(address.channel_id)
    if not _readable(channel):
        # Discord would answer with an empty history, which proves nothing.
        return CannotTell("the bot may not read this channel's history", after=300.0)
    forum = isinstance(channel, discord.ForumChannel)
    async for thread_id in _rooms(client, address, me, forum=forum):
        found = await _find_in(client, thread_id or address.channel_id, key, me, after)
        if found is None:
            return CannotTell("the channel's history is too long to read back")
        if found and thread_id is not None:
            client.threads[thread_id] = address.channel_id
        if found:
            return Found(str(MessageRef(found, thread_id)))
    return Absent()


async def _rooms(
    client: WireClient, address: Address, me: int, *, forum: bool
) -> AsyncIterator[int | None]:
    """Yield where our messages can be: the channel itself (None), then our threads, newest first.

    A forum has no messages of its own.
    """
    if not forum:
        yield None
    if address.guild_id is not None:
        for thread_id in sorted(await _our_threads(client, address, me), reverse=True):
            yield thread_id


def _readable(channel: object) -> bool:
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return True  # not known here: asking will tell
    allowed = permissions(channel)
    # Permissions under which we could not have posted are not the true ones: asking will tell.
    return allowed is None or not allowed.view_channel or allowed.read_message_history


async def _find_in(
    client: WireClient, channel_id: int, key: str, me: int, after: int
) -> int | None:
    """Return the message's id, 0 where it is not there, None where that cannot be told."""
    before: int | None = None
    try:
        for _ in range(PAGES):
            page = await client.http.logs_from(channel_id, PAGE, before=before)
            for message in page:
                if int(message["author"]["id"]) == me and key in _keys(message):
                    return int(message["id"])
            oldest = min((int(message["id"]) for message in page), default=0)
            if len(page) < PAGE or oldest <= after:
                return 0
            if before is not None and oldest >= before:
                return None  # the same page again: this history cannot be turned
            before = oldest
    except discord.NotFound:
        return 0  # no channel, no message
    return None


def _keys(message: Mapping[str, object]) -> Iterable[str]:
    nonce = message.get("nonce")
    if nonce is not None:
        yield str(nonce)
    for custom_id in _custom_ids(message.get("components")):
        if spelt := key_in(custom_id):
            yield from _spellings(spelt)


def _spellings(spelt: str) -> Iterable[str]:
    from urllib.parse import unquote

    key = unquote(spelt)
    if spell_key(key) == spelt:
        yield key


def _custom_ids(components: object) -> Iterable[str]:
    for item in components if isinstance(components, list) else ():
        if isinstance(item, Mapping):
            if isinstance(custom_id := item.get("custom_id"), str):
                yield custom_id
            yield from _custom_ids(item.get("components"))


async def active_threads(client: WireClient, address: Address, *, owner: int) -> list[int]:
    """Return the open threads of a channel that ``owner`` started."""
    if address.guild_id is None:
        return []
    listed = await client.http.get_active_threads(address.guild_id)
    return _of(listed.get("threads", ()), address, owner)


async def _our_threads(client: WireClient, address: Address, me: int) -> set[int]:
    threads: set[int] = set()
    for archived in (False, True):
        try:
            if archived:
                listed = await client.http.get_public_archived_threads(
                    address.channel_id, limit=ARCHIVED
                )
                threads |= set(_of(listed.get("threads", ()), address, me))
            else:
                threads |= set(await active_threads(client, address, owner=me))
        except discord.HTTPException as error:
            if error.status not in _NO_THREADS:
                raise
    return threads


def _of(threads: Iterable[Mapping[str, object]], address: Address, owner: int) -> list[int]:
    return [
        int(str(thread["id"]))
        for thread in threads
        if str(thread.get("parent_id")) == str(address.channel_id)
        and str(thread.get("owner_id")) == str(owner)
    ]


# --- reactions ----------------------------------------------------------------------------------


async def read_standing(
    client: WireClient, channel_id: int, message_id: int
) -> tuple[Standing, ...]:
    """Return the votes that stand on a message as reactions.

    Raises discord.HTTPException and what the network raises.
    """
    message = await client.http.get_message(channel_id, message_id)
    standing: dict[Standing, None] = {}
    for name, bursts in reaction_names(message):
        meant = read_emoji(name)
        if meant is None:
            continue
        kinds = (discord.ReactionType.normal, discord.ReactionType.burst)[: 2 if bursts else 1]
        for kind in kinds:
            async for person_id in _reacted(client, channel_id, message_id, name, kind):
                signal, number = meant
                standing[Standing(person_id, Signal(signal), number)] = None
    return tuple(standing)


async def _reacted(
    client: WireClient, channel_id: int, message_id: int, name: str, kind: discord.ReactionType
) -> AsyncIterator[str]:
    after: int | None = None
    while True:
        page = await client.http.get_reaction_users(
            channel_id, message_id, name, PAGE, after, type=kind.value
        )
        for user in page:
            if not user.get("bot", False):
                yield str(user["id"])
        if len(page) < PAGE:
            return
        after = int(page[-1]["id"])
