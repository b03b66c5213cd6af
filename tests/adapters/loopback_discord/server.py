"""A Discord on the loopback: REST and gateway, held to the official contract, with faults.

It is written from Discord's OpenAPI and documentation, never from what the adapter happens to do:
whatever is against the contract, in a request or in its own answers, is kept in ``troubles``.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.adapters.loopback_discord.contract import load
from tests.adapters.loopback_discord.gateway import GUILD_REACTIONS, GUILDS, Gateway
from tests.adapters.loopback_discord.rest import Rest
from tests.adapters.loopback_discord.world import (
    DIRECT,
    TEXT,
    THREAD,
    Channel,
    Guild,
    Message,
    User,
    snowflake,
)

Json = Any


@dataclass(slots=True)
class Fault:
    """What befalls the next matching requests.

    ``status`` is answered, or None for no answer at all: the connection is cut, or with ``hang``
    left open. ``accept`` carries the request out first.
    """

    path: str
    method: str = "POST"
    status: int | None = None
    accept: bool = False
    hang: bool = False
    body: Json = None
    headers: Mapping[str, str] | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    template: str
    query: Mapping[str, str]
    body: Json
    status: int


class LoopbackDiscord:
    """One Discord for one test; it outlives the adapters that connect to it."""

    def __init__(self, contract: Path) -> None:
        self.contract = load(contract)
        self.token = f"bot-token-{secrets.token_hex(6)}"
        self.application_id = snowflake()
        self.me = User(self.application_id, "paperwire", bot=True)
        self.guilds: dict[int, Guild] = {}
        self.direct: dict[int, Channel] = {}
        self.users: dict[int, User] = {self.me.id: self.me}
        self.commands: list[Json] = []
        self.seen: list[Seen] = []
        self.troubles: list[str] = []
        self.faults: list[Fault] = []
        self.limits: dict[tuple[str, str], tuple[int, float]] = {}
        self.shards = 1
        self.max_concurrency = 16
        self.sessions_left = 1000
        self.resume_url = ""  # what READY tells; empty: the gateway's own
        self.nonce_seconds = 180.0
        self.history_tells_nonce = False  # Discord does not promise it
        self.interaction_seconds = 60.0  # three at Discord; a busy machine takes longer
        self.tells_responses = True  # what became of a response, where that was asked for
        self.invalid_sessions = 0  # so many of the next IDENTIFYs or RESUMEs are refused
        self.close_on_identify: list[int] = []
        self.gateway = Gateway(self)
        self.rest = Rest(self)
        self.stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.port = 0

    # --- coming and going

    async def start(self) -> None:
        """Listen; after a stop again on the same port."""
        self.stopping.clear()
        app = web.Application(client_max_size=30 * 2**20)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        app.router.add_route("*", "/api/v10/{rest:.*}", self.rest.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        self.stopping.set()
        await self.gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gateway"

    # --- the world

    def user(self, name: str, *, bot: bool = False) -> User:
        user = User(snowflake(), name, bot=bot)
        self.users[user.id] = user
        return user

    def guild(self, name: str = "A server", *, shard: int = 0, of: int = 1) -> Guild:
        """Add a server that belongs to a shard, before anyone connects."""
        number = snowflake()
        while (number >> 22) % of != shard:
            number += 1 << 22
        guild = Guild(number, name, self.me)
        self.guilds[guild.id] = guild
        return guild

    async def invite(self, guild: Guild) -> None:
        """Invite the bot to a server, or back to one."""
        self.guilds[guild.id] = guild
        guild.removed = False
        await self.gateway.tell("GUILD_CREATE", guild.created(), guild_id=guild.id, intent=GUILDS)

    def chosen(self, guild: Guild, name: str) -> Json:
        """Return who a server lets use a command."""
        (command,) = [c for c in self.commands if c["name"] == name]
        return {
            "id": command["id"],
            "application_id": str(self.application_id),
            "guild_id": str(guild.id),
            "permissions": guild.chosen[name],
        }

    async def choose(self, guild: Guild, name: str, permissions: list[Json]) -> None:
        """Have a server choose who may use a command, as its owner does in its settings."""
        guild.chosen[name] = permissions
        event = "APPLICATION_COMMAND_PERMISSIONS_UPDATE"
        await self.gateway.tell(event, self.chosen(guild, name), guild_id=guild.id)

    async def remove(self, guild: Guild) -> None:
        """Remove the bot from a server."""
        guild.removed = True
        await self.gateway.tell(
            "GUILD_DELETE", {"id": str(guild.id)}, guild_id=guild.id, intent=GUILDS
        )

    async def channel(self, guild: Guild, name: str = "papers", kind: int = TEXT) -> Channel:
        channel = Channel(snowflake(), kind, guild, name)
        guild.channels[channel.id] = channel
        await self._told(channel, "CHANNEL_CREATE")
        return channel

    async def change(self, channel: Channel) -> None:
        """Tell of a channel's new name or permissions."""
        await self._told(channel, "CHANNEL_UPDATE")

    async def delete(self, channel: Channel) -> None:
        channel.deleted = True
        assert channel.guild is not None
        channel.guild.channels.pop(channel.id, None)
        channel.guild.threads.pop(channel.id, None)
        await self._told(channel, "CHANNEL_DELETE" if channel.parent is None else "THREAD_DELETE")

    async def _told(self, channel: Channel, event: str) -> None:
        assert channel.guild is not None
        await self.gateway.tell(event, channel.told(), guild_id=channel.guild.id, intent=GUILDS)

    def direct_channel(self, user: User) -> Channel:
        """Return the direct messages between a person and the bot."""
        for channel in self.direct.values():
            if channel.recipient is user:
                return channel
        channel = Channel(snowflake(), DIRECT, None, recipient=user)
        self.direct[channel.id] = channel
        return channel

    def find_channel(self, number: int) -> Channel | None:
        if number in self.direct:
            return self.direct[number]
        for guild in self.guilds.values():
            found = guild.channels.get(number) or guild.threads.get(number)
            if found is not None:
                return found
        return None

    async def add_message(
        self, channel: Channel, author: User, body: Json, *, number: int | None = None
    ) -> Message:
        message = Message(number or snowflake(), channel, author, body)
        channel.messages.append(message)
        return message

    async def add_thread(
        self, parent: Channel, name: str, owner: User, *, number: int | None = None
    ) -> Channel:
        guild = parent.guild
        assert guild is not None
        thread = Channel(number or snowflake(), THREAD, guild, name, parent=parent, owner=owner)
        guild.threads[thread.id] = thread
        await self._told(thread, "THREAD_CREATE")
        return thread

    def message(self, channel: Channel, number: int) -> Message | None:
        return next((m for m in channel.messages if m.id == number), None)

    async def react(self, message: Message, user: User, emoji: str, *, on: bool) -> None:
        """Have someone add a reaction or take it back."""
        users = message.reactions.setdefault(emoji, {})
        if on:
            users[user.id] = user
        else:
            users.pop(user.id, None)
        channel, guild = message.channel, message.channel.guild
        data = {
            "user_id": str(user.id),
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if guild is not None:
            data["guild_id"] = str(guild.id)
            if on:
                data["member"] = guild.member(user)
        if on:
            data["message_author_id"] = str(message.author.id)
        await self.gateway.tell(
            f"MESSAGE_REACTION_{'ADD' if on else 'REMOVE'}",
            data,
            guild_id=guild.id if guild else None,
            intent=GUILD_REACTIONS if guild else 1 << 13,
        )

    # --- faults

    def take_fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def take_invalid_session(self) -> bool:
        self.invalid_sessions -= 1
        return self.invalid_sessions >= 0

    def take_close_on_identify(self) -> int | None:
        return self.close_on_identify.pop(0) if self.close_on_identify else None

    def count(self, method: str, template: str) -> int:
        """Return how often an operation was asked for."""
        return sum(seen.method == method and seen.template == template for seen in self.seen)
