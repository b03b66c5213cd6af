"""A small server for machines that look after the service: health, readiness and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot.domain import PaperwireError

TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Told:
    """What is asked for at each request: why not ready (or nothing), and the metrics."""

    not_ready: Callable[[], Awaitable[str]]
    metrics: Callable[[], Awaitable[str]]


class WatchServer:
    """Serves ``/health``, ``/ready`` and ``/metrics``; port 0 takes a free one."""

    def __init__(self, told: Told, host: str, port: int) -> None:
        self._told, self._host, self._port = told, host, port
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it does."""
        return int(self._runner.addresses[0][1]) if self._runner else 0

    async def start(self) -> None:
        """Listen. Raises PaperwireError where the port is taken."""
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise PaperwireError(
                f"The metrics cannot listen on {self._host}:{self._port} "
                f"({error.strerror or error}). Choose another port: watch.metrics_port"
            ) from error
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        # That this is answered at all says that the event loop turns.
        return web.Response(text="alive\n")

    async def _ready(self, _: web.Request) -> web.Response:
        reason = await self._told.not_ready()
        return web.Response(text=f"{reason or 'ready'}\n", status=503 if reason else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        body = (await self._told.metrics()).encode()
        return web.Response(body=body, headers={"Content-Type": TEXT})
