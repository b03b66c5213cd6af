"""The web page as a chat platform: channels with a durable history, served on one port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from bot.domain import Layout, PaperwireError, Post
from bot.platforms.journal import RETRY_SECONDS, Posted, send_once
from bot.platforms.web.access import Access, Seal, allowed_hosts, check_reach, load_secret
from bot.platforms.web.api import routes as api_routes
from bot.platforms.web.drawing import Drawing
from bot.platforms.web.feeds import routes as feed_routes
from bot.platforms.web.gate import MIDDLEWARES, add_headers
from bot.platforms.web.pages import routes as page_routes
from bot.platforms.web.site import PLATFORM, SITE, Histories, Site, off_loop
from bot.platforms.web.wire import routes as wire_routes
from bot.ports import (
    Absent,
    CannotTell,
    Clock,
    FindOutcome,
    Found,
    Inbound,
    Retry,
    SendOutcome,
    Sent,
    Standing,
)
from bot.render import guard_post

if TYPE_CHECKING:
    from bot.views import Window

LARGEST_FORM = 64 * 1024
SHUTDOWN_SECONDS = 2.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WebPage:
    """A chat platform in a browser; what was posted is in a folder of journals.

    Votes are buttons and live where all votes do; the page itself keeps no reactions.
    """

    name = PLATFORM
    default_layout = Layout.THREAD

    def __init__(
        self,
        folder: Path | None,
        window: Window,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        password: str = "",
        token: str = "",
        public_url: str = "",
        clock: Clock = _utc_now,
        mounts: Mapping[str, Callable[[], web.Application]] | None = None,
    ) -> None:
        """Keep histories and the session key in ``folder`` (in memory when None).

        Port 0 takes a free one. Raises PaperwireError where the page would be open to others
        without a password or a token.
        """
        access = Access(password, token)
        check_reach(host, access)
        self._folder, self._host, self._port = folder, host, port
        self._window, self._access, self._clock = window, access, clock
        self._public_url = public_url.rstrip("/")
        self._histories = Histories(folder)
        self._mounts = dict(mounts or {})
        self._site: Site | None = None
        self._runner: web.AppRunner | None = None
        self._closed = False
        self._turn = asyncio.Lock()

    @property
    def port(self) -> int:
        """Return the port it listens on, known once it has started."""
        return self._port

    @property
    def url(self) -> str:
        """Return the address to open; the port is known once it has started."""
        if self._public_url:
            return self._public_url
        host = f"[{self._host}]" if ":" in self._host else self._host
        if host in {"0.0.0.0", "[::]"}:  # noqa: S104  # nosec  nothing is bound here, it is told apart
            host = "127.0.0.1"
        return f"http://{host}:{self._port}"

    async def start(self, inbound: Inbound) -> None:
        """Begin to serve (bot.ports.ChatPlatform).

        Raises PaperwireError where the port is taken or the session key cannot be kept.
        """
        self._turn = asyncio.Lock()
        secret = await off_loop(load_secret, self._folder)
        site = Site(
            window=self._window,
            access=self._access,
            seal=Seal(secret, self._access),
            clock=self._clock,
            drawing=await off_loop(Drawing),
            histories=self._histories,
            public_url=self._public_url,
            hosts=allowed_hosts(self._host, self._public_url, self._access),
            inbound=inbound,
        )
        runner = web.AppRunner(
            build(site, self._mounts),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as trouble:
            await runner.cleanup()
            raise PaperwireError(
                f"The web page cannot listen on {self._host}:{self._port} "
                f"({trouble.strerror or trouble}). Choose another port: web.port"
            ) from trouble
        self._port = int(runner.addresses[0][1])
        site.cookie = f"paperwire_{self._port}"  # browsers share cookies between ports
        self._site, self._runner, self._closed = site, runner, False

    async def stop(self) -> None:
        """Finish the post in hand, then take no more (bot.ports.ChatPlatform)."""
        async with self._turn:
            self._closed = True
            site, runner, self._site, self._runner = self._site, self._runner, None, None
        if site is not None:
            site.inbound = None
            site.hub.close()
        if runner is not None:
            await runner.cleanup()

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        """Post once and show it; a repeated key gets the first id (bot.ports.ChatPlatform)."""
        async with self._turn:
            if self._closed:
                return Retry("the web page is closed", after=RETRY_SECONDS)
            safe = guard_post(post)
            journal = self._histories.write(address)
            outcome, fresh = await off_loop(send_once, journal, key, safe, parent)
            if fresh and isinstance(outcome, Sent) and self._site is not None:
                self._site.hub.publish(address, Posted(outcome.remote_id, key, safe, parent))
            return outcome

    async def posts(self, address: str) -> Sequence[Posted]:
        """Return a channel's history, oldest first."""
        return await off_loop(self._histories.of(address).posts)

    async def find(
        self,
        address: str,
        key: str,
        *,
        since: datetime,  # noqa: ARG002 - the history is whole, however far back one asks
    ) -> FindOutcome:
        """Look a key up in the history (bot.ports.ChatPlatform)."""
        try:
            posted = await off_loop(self._histories.of(address).find, key)
        except (PaperwireError, OSError) as trouble:
            return CannotTell(str(trouble))
        return Absent() if posted is None else Found(posted.remote_id)

    async def standing(
        self,
        address: str,  # noqa: ARG002
        remote_id: str,  # noqa: ARG002
    ) -> Sequence[Standing] | None:
        """Return None: a vote on the page is a button and was recorded where it was pressed."""
        return None


def build(
    site: Site, mounts: Mapping[str, Callable[[], web.Application]] | None = None
) -> web.Application:
    """Return the application that serves a site; what is mounted has its own doors."""
    mounts = mounts or {}
    site.mounted = tuple(f"{prefix}/" for prefix in mounts)
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=LARGEST_FORM)
    app[SITE] = site
    for prefix, make in mounts.items():
        app.add_subapp(prefix, make())
    app.on_response_prepare.append(add_headers)
    for routes in (wire_routes, page_routes, feed_routes, api_routes):
        app.add_routes(routes())
    return app
