"""Where things happen on Discord: addresses, and threads that belong to a channel.

An address is ``GUILD/CHANNEL``, for direct messages ``@me/CHANNEL``, as in Discord's own links.
A message is ``MESSAGE``, in a thread of the addressed channel ``THREAD/MESSAGE``: a thread that we
started belongs to its channel, any other thread is a place of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bot.domain import Place

if TYPE_CHECKING:
    from bot.platforms.discord.client import WireClient

PLATFORM = "discord"
DIRECT = "@me"
PERSONAL = "you"  # what a personal channel is called in its headlines
THREAD_TYPES = (
    discord.ChannelType.news_thread,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
)


@dataclass(frozen=True, slots=True)
class Address:
    """A channel of a server; ``guild_id`` is None for direct messages."""

    guild_id: int | None
    channel_id: int

    def __str__(self) -> str:
        return f"{self.guild_id or DIRECT}/{self.channel_id}"


def read_address(text: str) -> Address | None:
    """Read an address; None where it is none of Discord's."""
    guild, _, channel = text.partition("/")
    if not (_is_snowflake(channel) and (guild == DIRECT or _is_snowflake(guild))):
        return None
    return Address(None if guild == DIRECT else int(guild), int(channel))


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message, and the thread it is in where that is not the addressed channel itself."""

    message_id: int
    thread_id: int | None = None

    def __str__(self) -> str:
        return f"{self.thread_id}/{self.message_id}" if self.thread_id else str(self.message_id)


def read_message_ref(text: str) -> MessageRef | None:
    """Read a remote id; None where it is none of Discord's."""
    thread, apart, message = text.rpartition("/")
    if not _is_snowflake(message) or (apart and not _is_snowflake(thread)):
        return None
    return MessageRef(int(message), int(thread) if thread else None)


def _is_snowflake(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) <= 20


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of ours, and the thread of it in which something happened, if any."""

    place: Place
    thread_id: int | None = None

    def remote_id(self, message_id: int) -> str:
        """Return what a message here is called."""
        return str(MessageRef(message_id, self.thread_id))


def place(guild_id: int | None, channel_id: int, name: str) -> Place:
    """Return the place of a channel."""
    if guild_id is None:
        return Place(PLATFORM, str(Address(None, channel_id)), PERSONAL, private=True)
    return Place(PLATFORM, str(Address(guild_id, channel_id)), f"#{name}" if name else "")


async def locate(client: WireClient, guild_id: int | None, channel_id: int) -> Spot:
    """Return the spot of a channel or thread; asks Discord only for threads not heard of yet."""
    if guild_id is None:
        return Spot(place(None, channel_id, ""))
    guild = client.get_guild(guild_id)
    known = guild.get_channel_or_thread(channel_id) if guild is not None else None
    if isinstance(known, discord.Thread):
        # What we posted in ourselves is known to be ours, whoever started it.
        client.threads.setdefault(known.id, _parent_of(client, known.parent_id, known.owner_id))
    parent_id = client.threads.get(channel_id)
    if known is None and parent_id is None:
        parent_id = await _ask_parent(client, channel_id)
    if parent_id:
        parent = guild.get_channel(parent_id) if guild is not None else None
        return Spot(place(guild_id, parent_id, parent.name if parent else ""), channel_id)
    return Spot(place(guild_id, channel_id, known.name if known else ""))


def _parent_of(client: WireClient, parent_id: int | None, owner_id: int | None) -> int:
    """Return the channel that a thread of ours belongs to; 0 for other people's threads."""
    ours = client.user is not None and owner_id == client.user.id
    return parent_id or 0 if ours else 0


async def _ask_parent(client: WireClient, channel_id: int) -> int:
    try:
        found = await client.http.get_channel(channel_id)
    except discord.HTTPException:
        return 0  # not to be seen now; asked again next time
    owner, parent = (found.get(key) for key in ("owner_id", "parent_id"))
    kind = found.get("type")
    threads = {kind.value for kind in THREAD_TYPES}
    client.threads[channel_id] = (
        _parent_of(client, _number(parent), _number(owner)) if kind in threads else 0
    )
    return client.threads[channel_id]


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, str | int) and _is_snowflake(str(value)) else None
