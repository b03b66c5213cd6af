"""Slack as a chat platform: Bolt over Socket Mode or signed HTTP, and the Web API to post."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncCallableAuthorize
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError

from bot.domain import Layout, PaperwireError, Post
from bot.platforms.slack.actions import Actions
from bot.platforms.slack.desk import Desk
from bot.platforms.slack.form import Form
from bot.platforms.slack.home import Home
from bot.platforms.slack.http import Server
from bot.platforms.slack.listeners import Listeners
from bot.platforms.slack.oauth import OAuth
from bot.platforms.slack.outcomes import TROUBLES, name
from bot.platforms.slack.people import PLATFORM, People
from bot.platforms.slack.reactions import (
    DISLIKE_NAMES,
    LIKE_NAMES,
    SAVE_NAMES,
    read_reactions,
)
from bot.platforms.slack.sending import Sender
from bot.platforms.slack.shortcuts import Shortcuts
from bot.platforms.slack.socket import Socket
from bot.platforms.slack.workspaces import NotInstalledError, Workspaces
from bot.ports import CannotTell, FindOutcome, Inbound, Retry, SendOutcome, Standing

log = structlog.get_logger(__name__)

STOPPED = "the Slack connection is stopped"
LAST_ANSWERS = 5.0  # seconds that answers in hand get at a stop
LONGEST_PAUSE = 60.0


class NotReadyError(Exception):
    """Slack cannot be asked who we are, so that an event has to come again."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How Slack reaches us: an app token is Socket Mode, a signing secret is signed HTTP.

    Where both are set, ``http`` decides. With ``oauth``, ``bot_token`` is not needed.
    """

    api_url: str = "https://slack.com/api/"
    bot_token: str | None = field(default=None, repr=False)
    app_token: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    http: bool = False
    host: str = "127.0.0.1"
    port: int = 3000
    oauth: OAuth | None = None
    ping_seconds: float = 5.0
    pace_seconds: float = 1.0  # between two posts to one channel


class Slack:
    """All Slack workspaces this process serves; addresses are ``T.../C...``."""

    name = PLATFORM
    default_layout = Layout.THREAD

    def __init__(
        self,
        connection: Connection,
        *,
        policy: Literal["members", "managers"] = "members",
        managers: Iterable[str] = (),
        like: Iterable[str] = LIKE_NAMES,
        dislike: Iterable[str] = DISLIKE_NAMES,
        save: Iterable[str] = SAVE_NAMES,
    ) -> None:
        """Nothing is asked of Slack before ``start``. Raises PaperwireError for missing tokens.

        ``managers`` are user ids, also as ``slack:U...``; the last three are reaction names.
        """
        self._connection = connection
        self._by_http = connection.http or not connection.app_token
        if self._by_http and not connection.signing_secret:
            raise PaperwireError(
                "Slack needs slack.app_token (Socket Mode) or slack.signing_secret (signed HTTP)"
            )
        oauth = connection.oauth
        installations = oauth.installations if oauth else None
        self._workspaces = Workspaces(connection.api_url, connection.bot_token, installations)
        self._people = People(self._workspaces, policy, managers)
        self._votes = read_reactions(like, dislike, save)
        self._sender = Sender(self._workspaces, self._votes, connection.pace_seconds)
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._desk: Desk | None = None
        self._socket: Socket | None = None
        self._server: Server | None = None
        self._greeting: asyncio.Task[None] | None = None

    # --- coming and going

    async def start(self, inbound: Inbound) -> None:
        """Connect in the background, or listen (bot.ports.ChatPlatform).

        Raises PaperwireError where the HTTP address cannot be listened on.
        """
        await self._workspaces.open()
        self._desk = Desk(inbound, self._workspaces, self._people)
        app = self._build_app(self._desk)
        if self._by_http or self._connection.oauth:
            await self._listen(app)
        if self._by_http:
            self._greeting = asyncio.create_task(self._greet(self._desk))
        else:
            self._socket = Socket(
                app,
                self._workspaces.client(self._connection.app_token),
                self._connection.app_token or "",
                self._desk.reconnected,
                ping_interval=self._connection.ping_seconds,
            )
            self._socket.begin()

    async def _listen(self, app: AsyncApp) -> None:
        connection = self._connection
        # A secret that is not set would make every signature good: then no event comes by HTTP.
        self._server = Server(app, connection.host, connection.port, events=self._by_http)
        try:
            await self._server.start()
        except OSError as trouble:
            await self.stop()
            raise PaperwireError(
                f"Slack cannot be listened to on {connection.host}:{connection.port} ({trouble}); "
                "change slack.http_host or slack.http_port"
            ) from trouble
        log.info("slack_listening", host=connection.host, port=self._server.port)

    async def stop(self) -> None:
        """Finish the request in hand, then close (bot.ports.ChatPlatform)."""
        desk, self._desk = self._desk, None
        if self._greeting is not None:
            self._greeting.cancel()
            await asyncio.gather(self._greeting, return_exceptions=True)
        if self._socket is not None:
            await self._socket.end()
        if self._server is not None:
            await self._server.stop()
        if desk is not None:
            await desk.settle(LAST_ANSWERS)
        await self._idle.wait()
        self._socket = self._server = self._greeting = None
        await self._workspaces.close()

    @property
    def port(self) -> int:
        """The port that is listened on in HTTP mode."""
        if self._server is None:
            raise PaperwireError("Slack is not connected by HTTP")
        return self._server.port

    async def _greet(self, desk: Desk) -> None:
        """By HTTP nothing says "connected": once Slack answers, the reactions are read back."""
        pause = 1.0
        while not self._workspaces.several:
            try:
                await (await self._workspaces.workspace("")).who()
                break
            except (PaperwireError, *TROUBLES) as trouble:
                self._workspaces.tell_once("", trouble)
                log.warning("slack_unreachable", reason=name(trouble)[:300])
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        await desk.reconnected()

    def _build_app(self, desk: Desk) -> AsyncApp:
        quiet = logging.getLogger("bot.platforms.slack.bolt")
        quiet.setLevel(logging.ERROR)  # it warns of every event that nobody listens to
        oauth = self._connection.oauth

        async def authorize(
            enterprise_id: str | None, team_id: str | None
        ) -> AuthorizeResult | None:
            return await self._authorize(enterprise_id, team_id)

        app = AsyncApp(
            name="paperwire",
            logger=quiet,
            client=self._workspaces.client(None if oauth else self._connection.bot_token),
            signing_secret=self._connection.signing_secret or "",
            # Given as the SDK's own class, it may stand beside the OAuth flow.
            authorize=AsyncCallableAuthorize(logger=quiet, func=authorize),  # type: ignore[arg-type]
            oauth_settings=oauth.settings(self._connection.api_url) if oauth else None,
            # A vote is acknowledged when it is recorded, so that a lost one comes again.
            process_before_response=True,
        )
        form = Form(desk)
        for part in (
            Listeners(desk, self._votes, form.open),
            Actions(desk),
            form,
            Home(desk),
            Shortcuts(desk),
        ):
            part.register(app)
        anything = re.compile("")
        app.event(anything)(_pass_over)
        app.action(anything)(_acknowledge)
        app.view(anything)(_acknowledge)
        app.shortcut(anything)(_acknowledge)
        return app

    async def _authorize(
        self, enterprise_id: str | None, team_id: str | None
    ) -> AuthorizeResult | None:
        """Say who we are where an event comes from; Bolt drops our own events by it."""
        try:
            workspace = await self._workspaces.workspace(team_id or "")
            who = await workspace.who()
        except NotInstalledError:
            return None
        except SlackApiError as trouble:
            # Bolt acknowledges an event that it cannot authorize; this one must come again.
            self._workspaces.tell_once(team_id or "", trouble)
            raise NotReadyError(name(trouble)) from trouble
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id or who.team_id,
            bot_user_id=who.bot_user_id or None,
            bot_id=who.bot_id or None,
            bot_token=workspace.post.token,
        )

    # --- sending

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        """Post once (bot.ports.ChatPlatform)."""
        if self._desk is None:
            return Retry(STOPPED, after=5.0)
        with self._holding():
            return await self._sender.send(address, post, key, parent)

    async def find(self, address: str, key: str, *, since: datetime) -> FindOutcome:
        """Look a key up in the channel's history and threads (bot.ports.ChatPlatform)."""
        if self._desk is None:
            return CannotTell(STOPPED)
        with self._holding():
            return await self._sender.find(address, key, since)

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        """Return the reactions that stand on a message (bot.ports.ChatPlatform)."""
        if self._desk is None:
            return None
        with self._holding():
            return await self._sender.standing(address, remote_id)

    @contextlib.contextmanager
    def _holding(self) -> Iterator[None]:
        """Keep ``stop`` waiting while a request is in hand."""
        self._in_hand += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if self._in_hand == 0:
                self._idle.set()


async def _pass_over() -> None:
    """Take an event of no interest; what is not acknowledged would come again."""


async def _acknowledge(ack: AsyncAck) -> None:
    """Take a press of no meaning, such as on a link."""
    await ack()
