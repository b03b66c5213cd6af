"""Socket Mode: the SDK's client, with what it lacks when Slack is away for longer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import structlog
from slack_bolt.adapter.socket_mode.async_base_handler import AsyncBaseSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import (
    run_async_bolt_app,
    send_async_response,
)
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.platforms.slack.outcomes import TOKEN_ERRORS, TROUBLES, name, read_refusal

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 60.0
REFUSED_PAUSE = 300.0  # seconds between tries with a token that Slack refused
REMEMBERED = 2000  # envelopes


class PatientClient(SocketModeClient):
    """The SDK's client, which asks for a new address until it gets one, ever less often."""

    pause = 0.0

    async def issue_new_wss_url(self) -> str:
        """Return an address to connect to; waits while Slack gives none."""
        # Waiting here keeps the SDK from asking again every few seconds, for ever.
        while not self.closed:
            try:
                url: str = await super().issue_new_wss_url()
            except TROUBLES as trouble:
                await asyncio.sleep(self._next_pause(trouble))
            else:
                self.pause = 0.0
                return url
        raise ConnectionError("the connection is closed")

    def _next_pause(self, trouble: BaseException) -> float:
        refused = isinstance(trouble, SlackApiError) and read_refusal(trouble).error in TOKEN_ERRORS
        if self.pause == 0.0:
            log.error(
                "slack_socket_refused" if refused else "slack_unreachable",
                reason=name(trouble)[:300],
                next_step="paperwire doctor --slack",
            )
        first = max(0.05, float(self.ping_interval) / 5)
        self.pause = REFUSED_PAUSE if refused else min(LONGEST_PAUSE, self.pause * 2 or first)
        return self.pause * random.uniform(0.8, 1.2)  # noqa: S311  spreads clients, hides nothing


class Socket(AsyncBaseSocketModeHandler):
    """The connection: opened in the background, kept open, its envelopes handed to Bolt."""

    def __init__(
        self,
        app: AsyncApp,
        web_client: AsyncWebClient,
        app_token: str,
        connected: Callable[[], Awaitable[None]],
        *,
        ping_interval: float = 5.0,
    ) -> None:
        self.app = app
        quiet = logging.getLogger(f"{__name__}.sdk")
        quiet.setLevel(logging.CRITICAL)  # it tells each failed try with a trace; we tell once
        self._bolt = app
        self._client = PatientClient(
            app_token,
            logger=quiet,
            web_client=web_client,
            ping_interval=ping_interval,
        )
        self.client = self._client
        self._client.socket_mode_request_listeners.append(self.handle)
        self._connected = connected
        self._watch: asyncio.Task[None] | None = None
        self._done: OrderedDict[str, bool] = OrderedDict()  # False: in hand

    def begin(self) -> None:
        """Connect in the background, and go on doing so."""
        self._watch = asyncio.create_task(self._keep_open())

    async def end(self) -> None:
        """Close; no envelope is taken any more."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        tasks = (
            self._client.message_processor,
            self._client.current_session_monitor,
            self._client.message_receiver,
        )
        await self._client.close()  # type: ignore[no-untyped-call]  # the SDK has no hints there
        # The SDK cancels its tasks and does not wait for their end.
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)

    async def is_open(self) -> bool:
        """Whether a session stands now."""
        return bool(await self._client.is_connected())

    async def _keep_open(self) -> None:
        connecting = asyncio.create_task(self._client.connect())  # type: ignore[no-untyped-call]  # as above
        session: object = None
        lost = False
        try:
            while True:
                if await self.is_open():
                    if session is not self._client.current_session:
                        session = self._client.current_session
                        log.info("slack_connected")
                        lost = False
                        await self._connected()
                else:
                    # An address serves one try; the SDK would try the same one for ever.
                    self._client.wss_uri = None
                    if session is not None and not lost:
                        log.warning("slack_connection_lost")
                        lost = True
                await asyncio.sleep(min(1.0, float(self._client.ping_interval) / 2))
        finally:
            # The SDK takes a cancellation that comes as an error for one more failed try; only a
            # closed client does not try again.
            self._client.closed = True
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        """Hand one envelope to Bolt and acknowledge it once that is done.

        What cannot be done now is not acknowledged, so that Slack sends it again.
        """
        done = self._done.get(req.envelope_id)
        if done is False:
            return  # the first of the same acknowledges it
        if done is None:
            self._done[req.envelope_id] = False
            response = BoltResponse(status=500)
            started = time.time()
            try:
                response = await run_async_bolt_app(self._bolt, req)
            finally:
                if response.status == 200:
                    self._done[req.envelope_id] = True
                else:
                    del self._done[req.envelope_id]
                while len(self._done) > REMEMBERED:
                    self._done.popitem(last=False)
            await send_async_response(client, req, response, started)
            return
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
