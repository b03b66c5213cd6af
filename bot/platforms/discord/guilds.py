"""What becomes of servers and their channels: renamed, closed to us, deleted, left, back."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import discord

from bot.domain import ChannelState
from bot.platforms.discord.places import place
from bot.ports import Inbound

if TYPE_CHECKING:
    from bot.platforms.discord.client import WireClient

logger = logging.getLogger(__name__)

NEEDED = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "embed_links": "Embed Links",
    "read_message_history": "Read Message History",
}
_REMOVED = "the bot was removed from the server"
_DELETED = "the channel was deleted"
_BACK = ""

Messageable = (
    discord.TextChannel,
    discord.ForumChannel,
    discord.VoiceChannel,
    discord.StageChannel,
    discord.Thread,
)


def permissions(
    channel: discord.abc.GuildChannel | discord.Thread,
) -> discord.Permissions | None:
    """Return what we may do in a channel, as far as the gateway told; None where it did not."""
    guild = channel.guild
    if guild.me is None or guild.default_role is None:
        return None
    try:
        return channel.permissions_for(guild.me)
    except discord.ClientException:  # a thread whose channel is not known
        return None


def missing_permissions(channel: discord.abc.GuildChannel | discord.Thread) -> tuple[str, ...]:
    """Return the permissions, in Discord's words, that a digest needs here and the bot lacks."""
    allowed = permissions(channel)
    if allowed is None:
        return ()
    needed = dict(NEEDED)
    if isinstance(channel, discord.Thread):
        del needed["send_messages"]
        needed["send_messages_in_threads"] = "Send Messages in Threads"
    return tuple(words for name, words in needed.items() if not getattr(allowed, name))


class Guilds:
    """Tells the core what becomes of the places that it serves."""

    def __init__(self, client: WireClient, inbound: Inbound) -> None:
        self._client = client
        self._inbound = inbound

    async def look_over(self, guild: discord.Guild) -> None:
        """Follow what a server's channels were renamed to, and which of them are back."""
        for channel in (*guild.channels, *guild.threads):
            await self.look_at(channel)

    async def look_at(
        self, channel: discord.abc.GuildChannel | discord.Thread, *, changed: bool = False
    ) -> None:
        """Compare one channel with what the core holds of it; new ones are no news.

        A lack of permissions is taken from the gateway only where it tells that they ``changed``;
        else the next send finds it out, and has Discord's own word for it.
        """
        if not isinstance(channel, Messageable):
            return
        where = place(channel.guild.id, channel.id, channel.name)
        known = await self._inbound.channel(where)
        if known is None:
            return
        missing = missing_permissions(channel)
        if missing and changed:
            reason = f"the bot lacks permissions here: {', '.join(missing)}"
            if known.state is not ChannelState.UNREACHABLE or known.state_reason != reason:
                await self._inbound.moved(where, ChannelState.UNREACHABLE, reason)
        elif known.state is ChannelState.LEFT or (
            known.state is ChannelState.UNREACHABLE and not missing
        ):
            await self._inbound.moved(where, ChannelState.ACTIVE, _BACK)
        elif known.name != where.name:
            await self._inbound.moved(where, None, "renamed")

    async def channel_changed(
        self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        """A channel has another name, or other permissions."""
        changed = missing_permissions(before) != missing_permissions(after)
        await self.look_at(after, changed=changed)

    async def role_changed(self, before: discord.Role, after: discord.Role) -> None:
        """A role of ours may have changed what we may do, everywhere in its server."""
        me = after.guild.me
        if before.permissions != after.permissions and (me is None or after in me.roles):
            for channel in self._served(after.guild):
                await self.look_at(channel, changed=True)

    async def left(self, guild: discord.Guild) -> None:
        """The bot was removed: nothing of this server can be reached any more."""
        for channel in self._served(guild):
            await self._gone(guild.id, channel.id, _REMOVED)

    async def deleted(self, guild_id: int, channel_id: int) -> None:
        """A channel or thread is gone for good."""
        self._client.threads.pop(channel_id, None)
        await self._gone(guild_id, channel_id, _DELETED)

    async def _gone(self, guild_id: int, channel_id: int, reason: str) -> None:
        where = place(guild_id, channel_id, "")
        if await self._inbound.channel(where) is not None:
            await self._inbound.moved(where, ChannelState.LEFT, reason)

    @staticmethod
    def _served(guild: discord.Guild) -> Iterable[discord.abc.GuildChannel | discord.Thread]:
        return (c for c in (*guild.channels, *guild.threads) if isinstance(c, Messageable))
