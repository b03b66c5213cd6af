"""One session with Discord: discord.py's sharded client, hardened, and its events handed on."""

from __future__ import annotations

import asyncio
import logging
import sys
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.platforms.discord.attempts import make_trace
from bot.platforms.discord.buttons import DYNAMIC_ITEMS
from bot.platforms.discord.commands import SETUP, Tree, add_commands, sync
from bot.platforms.discord.guilds import Guilds
from bot.platforms.discord.places import THREAD_TYPES
from bot.platforms.discord.votes import Votes

if TYPE_CHECKING:
    from bot.platforms.discord.answers import Answers
    from bot.platforms.discord.forms import Forms
    from bot.platforms.discord.rights import Rights
    from bot.ports import Inbound

logger = logging.getLogger(__name__)

# Without these a session cannot begin at all; better to begin anew than to wait for ever.
_VITAL = frozenset({"READY", "RESUMED"})
_LARGEST_BACKOFF = 5  # a power of two, in seconds, between a shard's tries to reconnect
_LONGEST_WAIT = 30.0  # seconds for a rate limit inside one request; longer ones are told to us


def needed_intents() -> discord.Intents:
    """Return guilds, guild messages and guild reactions (1537): none is privileged."""
    return discord.Intents(guilds=True, guild_messages=True, guild_reactions=True)


def aim(api_url: str) -> None:
    """Point discord.py, all of it in this process, at an API."""
    Route.BASE = api_url.rstrip("/")
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # we never speak


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds."""

    start: float = 15.0  # that start waits for the first connection
    send: float = 60.0  # one send, with discord.py's own waits
    finish: float = 20.0  # for the sends in hand when stopped
    answer: float = 1.5  # before an interaction is deferred
    retry: float = 1.0  # before the first new session; doubles
    longest_retry: float = 30.0  # while no session begins
    longest_pause: float = 120.0  # between sessions that begin and break: they are numbered
    refused: float = 300.0  # before a refused token is tried again
    stable: float = 60.0  # a session that lived so long starts the doubling anew
    ready: float = 2.0  # without a further server, before a shard counts as ready
    identify: float = 5.0  # between two sessions of one bucket, as Discord asks
    heartbeat: float = 60.0  # without a sign of life before a socket counts as dead
    gap: float = 1.0  # in which several gaps become one


class SessionsUsedUpError(Exception):
    """Discord allows no more sessions for now."""

    def __init__(self, after: float) -> None:
        self.after = after
        super().__init__(f"no sessions left; more in {after:.0f} s")


@dataclass(slots=True)
class Turns:
    """When each bucket of shards may begin its next session; outlives a client."""

    interval: float
    concurrency: int = 1
    _next: dict[int, float] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, shard_id: int) -> None:
        """Wait for this shard's turn."""
        bucket = shard_id % max(1, self.concurrency)
        loop = asyncio.get_running_loop()
        async with self._lock:
            wait = max(0.0, self._next.get(bucket, 0.0) - loop.time())
            self._next[bucket] = loop.time() + wait + self.interval
        await asyncio.sleep(wait)


class WireClient(discord.AutoShardedClient):
    """Lives from one login to the end of its connection; the supervisor then makes another."""

    answers: Answers
    forms: Forms
    rights: Rights

    def __init__(
        self,
        inbound: Inbound,
        *,
        pace: Pace,
        turns: Turns,
        gateway_url: str | None,
        shards: int | None,
        noticed_gap: Callable[[], None],
    ) -> None:
        super().__init__(
            intents=needed_intents(),
            shard_count=shards,
            allowed_mentions=discord.AllowedMentions.none(),
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            guild_ready_timeout=pace.ready,
            heartbeat_timeout=pace.heartbeat,
            max_ratelimit_timeout=_LONGEST_WAIT,
            http_trace=make_trace(),
        )
        self.threads: dict[int, int] = {}  # thread: the channel it belongs to; 0: its own place
        self.kinds: dict[int, int] = {}  # channel: its type, where the gateway has not told
        self.all_ready = asyncio.Event()
        self.sync_error = ""
        self.setup_id: int | None = None  # of the command whose users may manage
        self._turns = turns
        self._gateway_url = gateway_url
        self._asked_shards = shards
        self._noticed_gap = noticed_gap
        self._votes = Votes(self, inbound)
        self._guilds = Guilds(self, inbound)
        self._in_order: weakref.WeakValueDictionary[int, asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )
        self.tree = Tree(self)
        add_commands(self.tree)
        self._guard_parsers()

    def _guard_parsers(self) -> None:
        # discord.py ends the whole connection when it cannot read one event. Its table of
        # parsers is the only place where one event can fail alone.
        parsers = self._connection.parsers
        for name, parse in list(parsers.items()):
            if name not in _VITAL:
                parsers[name] = _guarded(name, parse)

    # --- a session begins

    async def setup_hook(self) -> None:
        """Learn where the gateway is and how many shards there should be (discord.Client)."""
        self.add_dynamic_items(*DYNAMIC_ITEMS)
        shards, url, limits = await self.http.get_bot_gateway()
        # discord.py would fall back to Discord's own address after an invalid session.
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self._gateway_url or url)
        self.shard_count = self._asked_shards or shards
        self._turns.concurrency = limits.get("max_concurrency", 1)
        if limits.get("remaining", self.shard_count) < 1:
            raise SessionsUsedUpError(limits.get("reset_after", 60_000) / 1000)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002  the turns know
        """Wait for the shard's turn, as Discord's own limits say (discord.Client)."""
        await self._turns.take(shard_id or 0)

    async def sync_commands(self) -> None:
        """Bring Discord's commands up to ours; a trouble is kept for the operator."""
        try:
            changed, ids = await sync(self.tree)
            if changed:
                logger.info("the commands on Discord were brought up to date")
            self.setup_id = ids.get(SETUP)
            self.sync_error = ""
        except Exception as error:  # the bot serves on with the commands there are
            logger.exception("the commands could not be brought up to date on Discord")
            self.sync_error = f"the commands could not be brought up to date: {error}"

    async def on_ready(self) -> None:
        self.all_ready.set()

    async def on_shard_connect(self, shard_id: int) -> None:
        shard = self.get_shard(shard_id)
        if shard is None:
            return
        # Neither is to be had in public. A gateway that was set is meant for resuming too,
        # whatever address READY gives for that; and after an outage nobody should wait for the
        # quarter of an hour to which discord.py's pauses grow.
        parent = shard._parent  # noqa: SLF001
        parent._backoff._max = _LARGEST_BACKOFF  # noqa: SLF001
        if self._gateway_url is not None:
            parent.ws.gateway = yarl.URL(self._gateway_url)

    async def on_shard_ready(self, _: int) -> None:
        # A new session, not a resumed one: what happened before it is not told.
        self._noticed_gap()

    async def on_error(self, event_method: str, /, *_: object, **__: object) -> None:
        trouble = sys.exception()  # discord.py calls this while it handles it
        logger.error("an event could not be handled: %s", event_method, exc_info=trouble)

    # --- what people do

    async def on_interaction(self, interaction: Interaction) -> None:
        if interaction.type is discord.InteractionType.modal_submit:
            await self.forms.submit(interaction)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        await self._one_by_one(event.message_id, lambda: self._votes.reacted(event, on=True))

    async def on_raw_reaction_remove(self, event: discord.RawReactionActionEvent) -> None:
        await self._one_by_one(event.message_id, lambda: self._votes.reacted(event, on=False))

    async def on_raw_reaction_clear(self, _: discord.RawReactionClearEvent) -> None:
        self._noticed_gap()  # whose reactions went is not told: they are read back

    async def on_raw_reaction_clear_emoji(self, _: discord.RawReactionClearEmojiEvent) -> None:
        self._noticed_gap()

    async def _one_by_one(self, message_id: int, deed: Callable[[], Awaitable[None]]) -> None:
        """Take up what happens to one message in the order in which it came."""
        lock = self._in_order.setdefault(message_id, asyncio.Lock())
        async with lock:
            await deed()

    # --- what servers do

    async def on_raw_app_command_permissions_update(
        self, event: discord.RawAppCommandPermissionsUpdateEvent
    ) -> None:
        self.rights.forget(event.guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        await self._guilds.look_over(guild)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self._guilds.look_over(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self._guilds.left(guild)

    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        await self._guilds.look_at(channel)

    async def on_guild_channel_update(
        self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        await self._guilds.channel_changed(before, after)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._guilds.deleted(channel.guild.id, channel.id)

    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        await self._guilds.deleted(event.guild_id, event.thread_id)

    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        await self._guilds.role_changed(before, after)


Interaction: TypeAlias = discord.Interaction[WireClient]


_THREADS = frozenset(kind.value for kind in THREAD_TYPES)
_LARGEST_UPLOAD = 10 * 2**20


def _complete(data: object) -> None:
    """Fill in what discord.py cannot do without and an interaction may come without."""
    if not isinstance(data, dict):
        return
    data.setdefault("version", 1)
    data.setdefault("attachment_size_limit", _LARGEST_UPLOAD)
    if not data.get("channel") and data.get("channel_id"):
        kind = (
            discord.ChannelType.text if data.get("guild_id") else discord.ChannelType.private
        ).value
        data["channel"] = {"id": data["channel_id"], "type": kind}
    channel = data.get("channel")
    if isinstance(channel, dict):
        channel.setdefault("name", "")
        channel.setdefault("position", 0)
        if channel.get("type") in _THREADS:
            filled = {"parent_id": "0", "owner_id": "0", "message_count": 0, "member_count": 0}
            archive = {
                "archived": False,
                "auto_archive_duration": 1440,
                "archive_timestamp": "2015-01-01T00:00:00+00:00",
            }
            for key, value in filled.items():
                channel.setdefault(key, value)
            channel["thread_metadata"] = archive | (channel.get("thread_metadata") or {})


def _guarded(name: str, parse: Callable[[object], None]) -> Callable[[object], None]:
    def run(data: object) -> None:
        try:
            if name == "INTERACTION_CREATE":
                _complete(data)
            parse(data)
        except Exception:  # whatever was wrong with it, it was one event
            logger.exception("a %s event from Discord could not be read; it is left out", name)

    return run
