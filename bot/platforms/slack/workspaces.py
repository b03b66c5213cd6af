"""The workspaces the app is installed in: a client and an identity for each.

With a bot token there is one. With OAuth they are read from the installation store, which is
handed in; an address is then ``T.../C...``, and with one token it is written the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import PaperwireError
from bot.platforms.slack.outcomes import TOKEN_ERRORS, error_of, name

log = structlog.get_logger(__name__)

TOKEN_AGE = 300.0  # seconds for which a token read from the store is used again
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)


class NotInstalledError(PaperwireError):
    """A workspace that we have no token for."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in a workspace; what a service does not tell is empty."""

    team_id: str
    bot_user_id: str
    bot_id: str
    scopes: frozenset[str] | None = None
    team_name: str = ""


@dataclass(slots=True)
class Workspace:
    """One workspace: ``post`` never repeats a request by itself, ``read`` may."""

    team_id: str
    post: AsyncWebClient
    read: AsyncWebClient
    fetched_at: float
    identity: Identity | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def who(self) -> Identity:
        """Return who we are here, asked once. Raises what the SDK raises."""
        async with self.asking:
            if self.identity is None:
                try:
                    self.identity = await ask_identity(self.read)
                except SlackApiError as trouble:
                    if error_of(trouble) != "unknown_method":
                        raise
                    self.identity = Identity(self.team_id, "", "")
            return self.identity


class Workspaces:
    """All of them, by team id. Made for one event loop: ``open`` begins, ``close`` ends."""

    def __init__(
        self,
        api_url: str,
        bot_token: str | None,
        installations: AsyncInstallationStore | None,
    ) -> None:
        self._api_url = api_url
        self._bot_token = bot_token
        self._installations = installations
        self._known: dict[str, Workspace] = {}
        self._session: aiohttp.ClientSession | None = None
        self._told: set[tuple[str, str]] = set()

    @property
    def several(self) -> bool:
        """Whether workspaces come and go by OAuth."""
        return self._installations is not None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Return the one HTTP session; PaperwireError where none is open."""
        if self._session is None or self._session.closed:
            raise PaperwireError("the Slack connection is not started")
        return self._session

    async def open(self) -> None:
        """Begin: nothing is asked of Slack yet."""
        if self._session is None or self._session.closed:
            # A connection that Slack closed while it lay idle would leave a post in doubt.
            connector = aiohttp.TCPConnector(limit=100, force_close=True)
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, connector=connector)
        self._known.clear()

    async def close(self) -> None:
        """End; requests in hand are to be finished before."""
        if self._session is not None:
            await self._session.close()
        self._session = None
        self._known.clear()

    async def workspace(self, team_id: str) -> Workspace:
        """Return a workspace, whatever ``team_id`` is where there is but one.

        Raises NotInstalledError where the installation store has no token for it.
        """
        key = team_id if self.several else ""
        known = self._known.get(key)
        if known is not None and not (self.several and monotonic() - known.fetched_at > TOKEN_AGE):
            return known
        token = await self._token(team_id)
        if known is not None and known.post.token == token:
            known.fetched_at = monotonic()
            return known
        fresh = Workspace(
            team_id=team_id,
            post=self.client(token),
            read=self.client(token, patient=True),
            fetched_at=monotonic(),
        )
        self._known[key] = fresh
        return fresh

    async def _token(self, team_id: str) -> str:
        if self._installations is None:
            if not self._bot_token:
                raise NotInstalledError("Slack has no bot token; set slack.bot_token")
            return self._bot_token
        bot = await self._installations.async_find_bot(
            enterprise_id=None, team_id=team_id or None, is_enterprise_install=False
        )
        if bot is None or not bot.bot_token:
            raise NotInstalledError(
                f"the app is not installed in the Slack workspace {team_id or '(unnamed)'}; "
                "open its /slack/install page"
            )
        return bot.bot_token

    def client(self, token: str | None, *, patient: bool = False) -> AsyncWebClient:
        """Return a client. Only a ``patient`` one repeats requests: never use it to post."""
        # The SDK's own default repeats after a broken connection, which can post twice.
        again = [
            AsyncRateLimitErrorRetryHandler(max_retry_count=2),
            AsyncServerErrorRetryHandler(max_retry_count=1),
        ]
        return AsyncWebClient(
            token=token,
            base_url=self._api_url,
            session=self._session,
            retry_handlers=list(again) if patient else [],
        )

    def forget(self, team_id: str) -> None:
        """Read the workspace's token anew when it is next needed."""
        self._known.pop(team_id if self.several else "", None)

    async def uninstalled(self, team_id: str, event: Mapping[str, object]) -> None:
        """Drop a workspace's token where the app, or the bot's own token, was taken away."""
        tokens = event.get("tokens")
        users_only = isinstance(tokens, dict) and not tokens.get("bot")
        if self._installations is not None and team_id and not users_only:
            await self._installations.async_delete_all(enterprise_id=None, team_id=team_id)
        self.forget(team_id)

    def tell_once(self, team_id: str, error: BaseException) -> None:
        """Tell the operator of a token or scope that does not serve, once for each."""
        word = error_of(error)
        if word not in TOKEN_ERRORS:
            return
        if self.several:
            self.forget(team_id)
        if (team_id, word) not in self._told:
            self._told.add((team_id, word))
            log.error(
                "slack_refuses",
                team=team_id,
                error=word,
                reason=name(error)[:300],
                next_step="paperwire doctor --slack",
            )

    def welcome(self, team_id: str) -> None:
        """The workspace works (again): a later refusal is news."""
        self._told = {pair for pair in self._told if pair[0] != team_id}


async def ask_identity(client: AsyncWebClient) -> Identity:
    """Ask Slack who a token is. Raises what the SDK raises."""
    answer = await client.auth_test()
    data = answer.data if isinstance(answer.data, dict) else {}
    headers = {str(k).lower(): str(v) for k, v in (answer.headers or {}).items()}
    granted = headers.get("x-oauth-scopes")
    scopes = None
    if granted is not None:
        scopes = frozenset(one.strip() for one in granted.split(",") if one.strip())
    return Identity(
        team_id=str(data.get("team_id") or ""),
        bot_user_id=str(data.get("user_id") or ""),
        bot_id=str(data.get("bot_id") or ""),
        scopes=scopes,
        team_name=str(data.get("team") or ""),
    )


def split_address(address: str) -> tuple[str, str]:
    """Return the team and the channel of an address; the team is empty in a bare channel id."""
    team, _, channel = address.rpartition("/")
    return team, channel
