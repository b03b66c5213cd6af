"""Discord as a chat platform: one supervised connection, restarted whatever ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Coroutine, Sequence
from datetime import datetime

import discord

from bot.domain import ChannelState, Layout, Post, PostKind
from bot.platforms.discord.answers import Answers
from bot.platforms.discord.attempts import NOT_CONNECTED, TROUBLES
from bot.platforms.discord.client import Pace, SessionsUsedUpError, Turns, WireClient, aim
from bot.platforms.discord.forms import Forms
from bot.platforms.discord.gate import Gate
from bot.platforms.discord.history import find_key, read_standing
from bot.platforms.discord.places import (
    PLATFORM,
    MessageRef,
    read_address,
    read_message_ref,
)
from bot.platforms.discord.posting import crosspost, deliver, offer_numbers
from bot.platforms.discord.rights import Rights
from bot.ports import (
    CannotTell,
    FindOutcome,
    Health,
    Inbound,
    Rejected,
    Retry,
    SendOutcome,
    Sent,
    Standing,
)

logger = logging.getLogger(__name__)

API_URL = "https://discord.com/api/v10"
_REFUSED = frozenset({4004, 4010, 4011, 4012, 4013, 4014})  # a person has to change something
_CLOSING = 5.0  # seconds for a polite farewell


class Discord:
    """A chat platform on Discord, or on any server that speaks as Discord does."""

    name = PLATFORM
    default_layout = Layout.CARDS

    def __init__(
        self,
        token: str,
        *,
        api_url: str = API_URL,
        gateway_url: str | None = None,
        shards: int | None = None,
        manager_role: str = "",
        managers: Collection[str] = (),
        crosspost: bool = False,
        pace: Pace | None = None,
    ) -> None:
        """Connect with ``token`` once started.

        Without ``gateway_url`` the API says where the gateway is, without ``shards`` how many.
        People with ``manager_role`` (a role's name or id) and those in ``managers`` (by id) may
        manage beside those of whom the server says so (see ``rights``). ``crosspost`` publishes
        what is posted in announcement channels. The API's address holds for all of discord.py in
        this process.
        """
        self._token = token
        self._api_url = api_url
        self._gateway_url = gateway_url
        self._shards = shards
        self._rights = Rights(manager_role, managers)
        self._crosspost = crosspost
        self._pace = pace or Pace()
        self._turns = Turns(self._pace.identify)
        self._client: WireClient | None = None
        self._usable = False  # logged in: posts can be sent, whether or not events come in
        self._closed = True
        self._trouble = ""
        self._running: asyncio.Task[None] | None = None
        self._gap = asyncio.Event()
        self._ready = asyncio.Event()
        self._gate: Gate | None = None
        self._in_hand: set[asyncio.Task[SendOutcome]] = set()
        self._beside: set[asyncio.Task[None]] = set()

    # --- coming and going

    async def start(self, inbound: Inbound) -> None:
        """Connect; return once events come in, or once that takes long (bot.ports.ChatPlatform)."""
        aim(self._api_url)
        self._closed = False
        self._gap, self._ready = asyncio.Event(), asyncio.Event()
        self._turns = Turns(self._pace.identify)
        self._gate = Gate(inbound)
        self._running = asyncio.create_task(self._supervise(self._gate), name="discord")
        self._do_beside(self._report_gaps(self._gate))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), self._pace.start)

    async def stop(self) -> None:
        """Finish the posts and answers in hand, then close (bot.ports.ChatPlatform)."""
        self._closed = True
        if self._gate is not None:
            self._gate.close()
        answering = self._client.answers.answering if self._client is not None else ()
        if in_hand := {*self._in_hand, *answering}:
            # One that takes longer is cut off; a post counts as unknown and is looked up later.
            await asyncio.wait(in_hand, timeout=self._pace.finish)
        running = (self._running,) if self._running is not None else ()
        tasks: tuple[asyncio.Task[None] | asyncio.Task[SendOutcome], ...] = (
            *self._in_hand,
            *self._beside,
            *running,
        )
        await _end(tasks)
        self._running = self._client = None
        if self._gate is not None:
            await self._gate.settle(self._pace.finish)
            self._gate = None

    def health(self) -> Health:
        """Say how the connection stands."""
        client = self._client
        if self._closed:
            return Health(ok=False, words="Discord is not started")
        if client is None or not client.all_ready.is_set():
            return Health(ok=False, words=f"Discord: connecting; {self._trouble or 'just begun'}")
        quiet = [str(number) for number, shard in client.shards.items() if shard.is_closed()]
        details = tuple(filter(None, (client.sync_error,)))
        if quiet:
            return Health(False, f"Discord: reconnecting shard {', '.join(quiet)}", details)
        words = f"Discord: {len(client.shards)} shards, {len(client.guilds)} servers"
        return Health(not details, words, details)

    async def _supervise(self, inbound: Inbound) -> None:
        loop = asyncio.get_running_loop()
        pause = self._pace.retry
        while not self._closed:
            begun = loop.time()
            wait, connected = None, False
            try:
                wait, connected = await self._live(inbound)
            except Exception:  # nothing at all ends the bot but a stop
                logger.exception("a session with Discord broke; another one is begun")
            if connected and loop.time() - begun > self._pace.stable:
                pause = self._pace.retry
            await asyncio.sleep(pause if wait is None else wait)
            longest = self._pace.longest_pause if connected else self._pace.longest_retry
            pause = min(2 * pause, longest)

    async def _live(self, inbound: Inbound) -> tuple[float | None, bool]:
        """Live through one session; return how long to wait where that is known, and whether
        the gateway was reached."""
        wait: float | None = None
        client = WireClient(
            inbound,
            pace=self._pace,
            turns=self._turns,
            gateway_url=self._gateway_url,
            shards=self._shards,
            noticed_gap=self._gap.set,
        )
        self._rights.forget()  # what servers chose while nobody listened was not told
        client.rights = self._rights
        client.answers = Answers(inbound, self._rights, patience=self._pace.answer)
        client.forms = Forms(inbound, client.answers)
        self._client = client
        watcher = asyncio.create_task(self._watch(client))
        try:
            async with asyncio.timeout(self._pace.send):
                await client.login(self._token)
            self._usable = True
            self._do_beside(client.sync_commands())
            await client.connect()
            self._trouble = "the connection ended"
        except discord.LoginFailure:
            wait = self._pace.refused
            self._note("Discord does not accept the token; check discord.token")
        except SessionsUsedUpError as error:
            wait = error.after
            self._note(str(error))
        except discord.ConnectionClosed as error:
            wait = self._pace.refused if error.code in _REFUSED else None
            self._note(f"the gateway closed with {error.code}")
        except discord.PrivilegedIntentsRequired:
            wait = self._pace.refused
            self._note("the gateway refused the intents, though none is privileged")
        except Exception as error:  # whatever ended this session, the next one begins
            if isinstance(error, TROUBLES):
                self._note(f"{type(error).__name__}: {error}")
            else:
                logger.exception("the connection to Discord broke; it is made anew")
                self._trouble = f"{type(error).__name__}: {error}"
        finally:
            self._usable = False
            watcher.cancel()
            await _close(client)
        return wait, client.all_ready.is_set()

    async def _watch(self, client: WireClient) -> None:
        await client.all_ready.wait()
        self._trouble = ""
        self._ready.set()

    async def _report_gaps(self, inbound: Inbound) -> None:
        """Tell the core that events may be missing; several gaps at once are one."""
        while True:
            await self._gap.wait()
            await asyncio.sleep(self._pace.gap)
            self._gap.clear()
            try:
                await inbound.reconnected(self.name)
            except Exception:  # the next gap must still be reported
                logger.exception("the core could not read reactions back")

    def _note(self, trouble: str) -> None:
        self._trouble = trouble
        logger.error("not connected to Discord: %s", trouble)

    # --- posts

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        """Post once; Discord drops a repeated key for minutes (bot.ports.ChatPlatform)."""
        client, where = self._client, read_address(address)
        if where is None:
            words = f"{address!r} is no address on Discord (SERVER/CHANNEL)"
            return Rejected(words, ChannelState.UNREACHABLE)
        if self._closed or client is None or not self._usable:
            return Retry(self._trouble or NOT_CONNECTED, after=self._pace.retry)
        above = read_message_ref(parent) if parent else None
        task = asyncio.create_task(
            deliver(client, where, post, key, above, patience=self._pace.send)
        )
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)
        outcome = await asyncio.shield(task)
        if isinstance(outcome, Sent) and (ref := read_message_ref(outcome.remote_id)):
            if post.kind is PostKind.SINGLE:
                room = ref.thread_id or where.channel_id
                self._do_beside(offer_numbers(client, room, ref.message_id, len(post.cards)))
            if self._crosspost and ref.thread_id is None:
                self._do_beside(crosspost(client, where, ref.message_id))
        return outcome

    async def find(self, address: str, key: str, *, since: datetime) -> FindOutcome:
        """Read the history back for a key (bot.ports.ChatPlatform)."""
        client, where = self._client, read_address(address)
        if where is None:
            return CannotTell(f"{address!r} is no address on Discord")
        if self._closed or client is None or not self._usable:
            return CannotTell(self._trouble or NOT_CONNECTED)
        try:
            async with asyncio.timeout(self._pace.send):
                return await find_key(client, where, key, since=since)
        except TROUBLES as error:
            return CannotTell(f"the history cannot be read: {error}")

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        """Read the reactions on a message (bot.ports.ChatPlatform)."""
        client, where, ref = self._client, read_address(address), read_message_ref(remote_id)
        if where is None or ref is None or client is None or self._closed or not self._usable:
            return None
        try:
            return await read_standing(client, _room(where.channel_id, ref), ref.message_id)
        except TROUBLES as error:
            logger.info("the reactions on a message cannot be read: %s", error)
            return None

    def _do_beside(self, deed: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(deed)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


def _room(channel_id: int, ref: MessageRef) -> int:
    return ref.thread_id or channel_id


async def _close(client: WireClient) -> None:
    """Close to the end, however often that is cancelled: else its connections stay open."""
    closing = asyncio.create_task(_say_farewell(client))
    cancelled = False
    while not closing.done():
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def _say_farewell(client: WireClient) -> None:
    try:
        async with asyncio.timeout(_CLOSING):
            await client.close()
    except Exception as error:  # noqa: BLE001  it is on its way out, whatever it says
        logger.debug("a session did not end cleanly: %s", error)
        await client.http.close()  # the farewell did not come so far


async def _end(tasks: Collection[asyncio.Task[None] | asyncio.Task[SendOutcome]]) -> None:
    """Cancel tasks until they are done.

    Once is not enough: up to Python 3.11, ``asyncio.wait_for`` drops a cancellation that comes in
    the moment in which what it waits for ends, and discord.py connects inside one.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.5)
    await asyncio.gather(*tasks, return_exceptions=True)
