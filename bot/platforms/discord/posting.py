"""How a post reaches its channel: as a message, in a thread of its header, or as a forum post."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import discord
from discord.http import Route, handle_message_parameters

from bot.domain import Post, PostKind
from bot.platforms.discord.attempts import TROUBLES, AnswerInDoubtError, Attempt, attempt, judge
from bot.platforms.discord.buttons import post_view
from bot.platforms.discord.history import active_threads
from bot.platforms.discord.looks import post_look, thread_name
from bot.platforms.discord.places import Address, MessageRef
from bot.platforms.discord.votes import KEYCAPS
from bot.ports import Rejected, SendOutcome, Sent

if TYPE_CHECKING:
    from bot.platforms.discord.client import WireClient

logger = logging.getLogger(__name__)

_FORUMS = (discord.ChannelType.forum, discord.ChannelType.media)
_THREAD_EXISTS = 160004
_NO_THREAD_HERE = frozenset({10003, 10008, 50001, 50013, 50024, 50083, 160005, 160006})
_NEEDS_TAG = 1 << 4  # a forum's flag


async def deliver(
    client: WireClient,
    address: Address,
    post: Post,
    key: str,
    parent: MessageRef | None,
    *,
    patience: float,
) -> SendOutcome:
    """Post once; ``patience`` is in seconds over all that takes. Never raises."""
    forum = isinstance(client.get_channel(address.channel_id), discord.ForumChannel)
    with attempt() as watched:
        try:
            async with asyncio.timeout(patience):
                if forum or await _is_forum(client, address):
                    ref = await _post_in_forum(client, address, post, key, parent, watched)
                elif parent is not None:
                    ref = await _post_in_thread(client, address, post, key, parent, watched)
                else:
                    ref = MessageRef(await _post(client, address.channel_id, post, key))
        except Exception as error:  # judged: only what we know decides what is sent again
            outcome = judge(error, watched)
            if isinstance(outcome, Rejected) or not isinstance(
                error, (AnswerInDoubtError, *TROUBLES)
            ):
                logger.warning("a post was not accepted by Discord: %s", outcome, exc_info=error)
            return outcome
    return Sent(str(ref))


async def _post(client: WireClient, channel_id: int, post: Post, key: str) -> int:
    look = post_look(post)
    channel = client.get_partial_messageable(channel_id)
    message = await channel.send(
        content=look.content or None, embeds=look.embeds, view=post_view(post, key), nonce=key
    )
    return message.id


# --- threads ------------------------------------------------------------------------------------


async def _post_in_thread(
    client: WireClient,
    address: Address,
    post: Post,
    key: str,
    parent: MessageRef,
    watched: Attempt,
) -> MessageRef:
    thread_id = parent.thread_id or parent.message_id
    try:
        if thread_id not in client.threads:
            try:
                await _start_thread(client, address, parent.message_id)
            finally:
                watched.forget()  # a thread that is started twice is one thread
        client.threads[thread_id] = address.channel_id
        return MessageRef(await _post(client, thread_id, post, key), thread_id)
    except discord.HTTPException as error:
        if error.code not in _NO_THREAD_HERE or watched.may_have_arrived:
            raise
        # Threads are not to be had here, or this one is gone: the paper still comes.
        logger.warning("no thread under a digest: %s", error)
        return MessageRef(await _post(client, address.channel_id, post, key))


async def _start_thread(client: WireClient, address: Address, message_id: int) -> None:
    """Start the thread under a header; one that is there already is fine."""
    try:
        header = await client.http.get_message(address.channel_id, message_id)
        embeds = header.get("embeds") or [{}]
        name = discord.utils.remove_markdown(embeds[0].get("title") or "") or "Papers"
        await client.http.start_thread_with_message(
            address.channel_id, message_id, name=name[:100], auto_archive_duration=10080
        )
    except discord.HTTPException as error:
        if error.code != _THREAD_EXISTS:
            raise


# --- forums -------------------------------------------------------------------------------------


async def _is_forum(client: WireClient, address: Address) -> bool:
    """Ask what kind of channel this is, where the gateway has not told yet."""
    if address.guild_id is None or client.get_channel(address.channel_id) is not None:
        return False
    if address.channel_id not in client.kinds:
        try:
            found = await client.http.get_channel(address.channel_id)
        except discord.HTTPException:
            return False  # the post itself will say what is wrong
        client.kinds[address.channel_id] = found["type"]
    return client.kinds[address.channel_id] in {kind.value for kind in _FORUMS}


async def _post_in_forum(
    client: WireClient,
    address: Address,
    post: Post,
    key: str,
    parent: MessageRef | None,
    watched: Attempt,
) -> MessageRef:
    thread_id = (parent.thread_id or parent.message_id) if parent is not None else None
    if thread_id is None and post.kind is PostKind.PAPER:
        # Messages of a channel go out in order, so the newest post is this paper's digest.
        thread_id = await _newest_thread(client, address)
        watched.forget()
    if thread_id is not None:
        client.threads[thread_id] = address.channel_id
        try:
            return MessageRef(await _post(client, thread_id, post, key), thread_id)
        except discord.HTTPException as error:
            if error.code not in _NO_THREAD_HERE or watched.may_have_arrived:
                raise
            logger.warning("a digest's forum post is gone: %s", error)
    watched.keyed = False  # no nonce here
    created = await _create_forum_post(client, address, post, key)
    client.threads[created] = address.channel_id
    return MessageRef(created, created)


async def _newest_thread(client: WireClient, address: Address) -> int | None:
    me = client.user.id if client.user is not None else 0
    threads = await active_threads(client, address, owner=me)
    return max(threads, default=None)


async def _create_forum_post(client: WireClient, address: Address, post: Post, key: str) -> int:
    forum = await client.http.get_channel(address.channel_id)
    flags, tags = forum.get("flags", 0), forum.get("available_tags") or []
    look = post_look(post)
    applied = [tag["id"] for tag in tags[:1]] if isinstance(tags, list) else []
    with handle_message_parameters(
        content=look.content or None,
        embeds=look.embeds,
        view=post_view(post, key),
        allowed_mentions=discord.AllowedMentions.none(),
        channel_payload={
            "name": thread_name(post),
            "auto_archive_duration": 10080,
            **({"applied_tags": applied} if isinstance(flags, int) and flags & _NEEDS_TAG else {}),
        },
    ) as params:
        # As the contract has it: discord.py's own call adds a query that the contract lacks.
        route = Route("POST", "/channels/{channel_id}/threads", channel_id=address.channel_id)
        created = await client.http.request(route, json=params.payload)
    return int(created["id"])


# --- what may follow a post ---------------------------------------------------------------------


async def offer_numbers(client: WireClient, channel_id: int, message_id: int, count: int) -> None:
    """Put the number reactions of a ``single`` under it, so that a vote is one tap."""
    try:
        for keycap in KEYCAPS[:count]:
            await client.http.add_reaction(channel_id, message_id, keycap)
    except TROUBLES as error:
        logger.info("no number reactions under a digest: %s", error)  # menus are there too


async def crosspost(client: WireClient, address: Address, message_id: int) -> None:
    """Publish a post of an announcement channel to the channels that follow it."""
    channel = client.get_channel(address.channel_id)
    if not isinstance(channel, discord.TextChannel) or not channel.is_news():
        return
    try:
        await client.http.publish_message(address.channel_id, message_id)
    except TROUBLES as error:  # ten an hour are allowed; the post itself is there
        logger.info("a post was not published to following channels: %s", error)
