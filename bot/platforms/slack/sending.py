"""Posting to Slack once, asking for a post by its key, and reading the reactions that stand."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain import ChannelState, PaperwireError, Post
from bot.platforms.slack.blocks import EVENT_TYPE, JsonObject, key_of, post_message
from bot.platforms.slack.outcomes import NO_THREAD, RETRY_AFTER, TROUBLES, error_of, judge, name
from bot.platforms.slack.reactions import Vote, plain_name
from bot.platforms.slack.workspaces import (
    Identity,
    NotInstalledError,
    Workspace,
    Workspaces,
    split_address,
)
from bot.ports import (
    Absent,
    CannotTell,
    FindOutcome,
    Found,
    Rejected,
    Retry,
    SendOutcome,
    Sent,
    Standing,
    Unknown,
)

log = structlog.get_logger(__name__)

THREAD_REACH = timedelta(hours=30)  # a reply is never sent longer than this after its parent
PAGE = 200
MOST_PAGES = 60
REMEMBERED = 2000  # channels and threads

_BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
_BAD_METADATA = frozenset(
    {
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
    }
)

Pages = Callable[..., Awaitable[AsyncSlackResponse]]


class Pace:
    """Lets one post at a time into a channel, ``seconds`` apart; other channels do not wait."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turns: OrderedDict[str, tuple[asyncio.Lock, float]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for the channel's turn."""
        loop = asyncio.get_running_loop()
        lock, _ = self._turns.get(address, (asyncio.Lock(), 0.0))
        self._turns.setdefault(address, (lock, 0.0))
        async with lock:
            await asyncio.sleep(self._turns.get(address, (lock, 0.0))[1] - loop.time())
            try:
                yield
            finally:
                self._turns[address] = (lock, loop.time() + self._seconds)
                self._turns.move_to_end(address)
                while len(self._turns) > REMEMBERED:
                    oldest = next(iter(self._turns))
                    if self._turns[oldest][0].locked():
                        break
                    del self._turns[oldest]


class Sender:
    """The outgoing side of the adapter."""

    def __init__(self, workspaces: Workspaces, votes: Mapping[str, Vote], pace: float) -> None:
        self._workspaces = workspaces
        self._votes = votes
        self._pace = Pace(pace)
        self._parents: OrderedDict[str, str] = OrderedDict()  # a channel's last thread

    async def send(self, address: str, post: Post, key: str, parent: str | None) -> SendOutcome:
        """Post once (bot.ports.ChatPlatform)."""
        team, channel = split_address(address)
        try:
            workspace = await self._workspaces.workspace(team)
        except NotInstalledError as trouble:
            return Rejected(str(trouble), ChannelState.UNREACHABLE)
        except Exception as trouble:  # noqa: BLE001  whatever the store raised, nothing was sent
            return Retry(f"the installation could not be read: {name(trouble)}", after=RETRY_AFTER)
        message = post_message(post, key)
        arguments: dict[str, Any] = {
            "channel": channel,
            "text": message.text,
            "blocks": list(message.blocks),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if parent is not None:
            arguments["thread_ts"] = parent
            self._parents[address] = parent
            self._parents.move_to_end(address)
            if len(self._parents) > REMEMBERED:
                self._parents.popitem(last=False)
        async with self._pace.turn(address):
            return await self._post(workspace, arguments)

    async def _post(self, workspace: Workspace, arguments: dict[str, Any]) -> SendOutcome:
        try:
            answer = await workspace.post.chat_postMessage(**arguments)
        except TROUBLES as trouble:
            simpler = _simplify(arguments, error_of(trouble))
            if simpler is not None:
                log.warning("slack_simplified", error=error_of(trouble))
                return await self._post(workspace, simpler)
            self._workspaces.tell_once(workspace.team_id, trouble)
            return judge(trouble)
        data = answer.data if isinstance(answer.data, dict) else {}
        ts = data.get("ts") or (data.get("message") or {}).get("ts")
        if not ts:
            return Unknown("Slack took the message and did not say what it calls it")
        self._workspaces.welcome(workspace.team_id)
        return Sent(str(ts))

    async def find(self, address: str, key: str, since: datetime) -> FindOutcome:
        """Look for a key in the channel's history and threads (bot.ports.ChatPlatform).

        A thread's replies are not in the history, so the threads are read whose parent is ours.
        """
        team, channel = split_address(address)
        try:
            workspace = await self._workspaces.workspace(team)
            search = _Search(workspace, channel, key, since.timestamp(), await workspace.who())
            return await search.run(self._parents.get(address))
        except (PaperwireError, *TROUBLES) as trouble:
            self._workspaces.tell_once(team, trouble)
            verdict = judge(trouble)
            after = verdict.after if isinstance(verdict, Retry) else 0.0
            return CannotTell(f"the history cannot be read: {name(trouble)}", max(30.0, after))

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        """Return the votes that stand as reactions on a message (bot.ports.ChatPlatform)."""
        team, channel = split_address(address)
        try:
            workspace = await self._workspaces.workspace(team)
            us = (await workspace.who()).bot_user_id
            answer = await workspace.read.reactions_get(
                channel=channel, timestamp=remote_id, full=True
            )
        except (PaperwireError, *TROUBLES) as trouble:
            self._workspaces.tell_once(team, trouble)
            return None
        data = answer.data if isinstance(answer.data, dict) else {}
        message = data.get("message")
        if not isinstance(message, dict):
            return None
        return self.read_standing(message, us)

    def read_standing(self, message: JsonObject, us: str) -> tuple[Standing, ...] | None:
        """Read a message's reactions; None where Slack did not name everyone who reacted."""
        found: dict[Standing, None] = {}
        for reaction in message.get("reactions") or ():
            vote = self._votes.get(plain_name(str(reaction.get("name", ""))))
            if vote is None:
                continue
            users = reaction.get("users") or ()
            if len(users) < int(reaction.get("count") or 0):
                return None
            for user in users:
                if user != us:
                    found[Standing(str(user), vote.signal, vote.number)] = None
        return tuple(found)


class _Search:
    """One search for one key; every page is looked at, or the answer is that we cannot tell."""

    def __init__(
        self, workspace: Workspace, channel: str, key: str, oldest: float, us: Identity
    ) -> None:
        self._client = workspace.read
        self._channel = channel
        self._key = key
        self._oldest = oldest
        self._us = us
        self._pages = 0
        self._threads: dict[str, None] = {}
        self._unmarked = False

    async def run(self, likely: str | None) -> FindOutcome:  # noqa: PLR0911  each place once
        """Search the time since, then the threads, the likeliest first."""
        if (found := await self._history(self._oldest, None)) is not None:
            return Found(found)
        for parent in dict.fromkeys((*([likely] if likely else ()), *self._threads)):
            if (found := await self._thread(parent)) is not None:
                return Found(found)
        read = {likely, *self._threads}
        reach = self._oldest - THREAD_REACH.total_seconds()
        if (found := await self._history(reach, self._oldest)) is not None:
            return Found(found)
        for parent in [parent for parent in self._threads if parent not in read]:
            if (found := await self._thread(parent)) is not None:
                return Found(found)
        if self._pages >= MOST_PAGES:
            return CannotTell(f"the channel has more than {MOST_PAGES * PAGE} messages to look at")
        if self._unmarked:
            return CannotTell("a message of ours there carries no key", 300.0)
        return Absent()

    async def _history(self, oldest: float, latest: float | None) -> str | None:
        window = {"oldest": f"{oldest:.6f}", "inclusive": True}
        if latest is not None:
            window["latest"] = f"{latest:.6f}"
        async for message in self._walk(self._client.conversations_history, window, by_time=True):
            if (found := self._look(message)) is not None:
                return found
            if self._is_ours(message) and _has_new_replies(message, self._oldest):
                self._threads[str(message["ts"])] = None
        return None

    async def _thread(self, parent: str) -> str | None:
        window = {"ts": parent, "oldest": f"{self._oldest:.6f}", "inclusive": True}
        try:
            async for message in self._walk(self._client.conversations_replies, window):
                if (found := self._look(message)) is not None:
                    return found
        except TROUBLES as trouble:
            if error_of(trouble) != "thread_not_found":
                raise
        return None

    async def _walk(
        self, method: Pages, window: dict[str, Any], *, by_time: bool = False
    ) -> AsyncIterator[JsonObject]:
        cursor = ""
        while self._pages < MOST_PAGES:
            self._pages += 1
            asked = {**window, **({"cursor": cursor} if cursor else {})}
            answer = await method(
                channel=self._channel, limit=PAGE, include_all_metadata=True, **asked
            )
            data = answer.data if isinstance(answer.data, dict) else {}
            messages = [one for one in data.get("messages") or () if one.get("ts")]
            for message in messages:
                yield message
            cursor = str((data.get("response_metadata") or {}).get("next_cursor") or "")
            if cursor:
                continue
            if not data.get("has_more"):
                return
            if not by_time or not messages:
                self._pages = MOST_PAGES  # more is there, and no way to it
                return
            window = {**window, "latest": min(str(m["ts"]) for m in messages), "inclusive": False}

    def _look(self, message: JsonObject) -> str | None:
        key = key_of(message)
        if key == self._key:
            return str(message["ts"])
        if key is None and self._is_ours(message) and float(message["ts"]) >= self._oldest:
            self._unmarked = True
        return None

    def _is_ours(self, message: JsonObject) -> bool:
        if message.get("subtype") not in {None, "bot_message", "thread_broadcast"}:
            return False
        user, bot = message.get("user"), message.get("bot_id")
        return bool((user and user == self._us.bot_user_id) or (bot and bot == self._us.bot_id))


def _has_new_replies(message: JsonObject, oldest: float) -> bool:
    """Whether a thread can hold a reply since ``oldest``; what is not told may be so."""
    if message.get("reply_count") == 0:
        return False
    latest = message.get("latest_reply")
    return latest is None or float(latest) >= oldest


def _simplify(arguments: dict[str, Any], error: str) -> dict[str, Any] | None:
    """Return what may be taken where this was refused, so that the paper itself arrives."""
    for errors, part in (
        (_BAD_BLOCKS, "blocks"),
        (_BAD_METADATA, "metadata"),
        (NO_THREAD, "thread_ts"),
    ):
        if error in errors and part in arguments:
            return {key: value for key, value in arguments.items() if key != part}
    return None
