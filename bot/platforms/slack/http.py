"""Signed HTTP: Slack's events, commands and presses on an aiohttp server of our own."""

from __future__ import annotations

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp

# What the manifest names is /slack/events; Bolt tells events, commands and presses apart itself.
PATH = "/slack/{kind:[a-z_-]+}"
HEALTH_PATH = "/healthz"
LARGEST_BODY = 4 * 1024 * 1024  # bytes; a press sends the whole message along


def build_server(app: AsyncApp, *, events: bool = True) -> web.Application:
    """Return the web application; Bolt verifies each signature and answers 401 to a bad one.

    Without ``events`` (Socket Mode brings them) only the pages for installing are there.
    """

    async def post(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    async def install(request: web.Request) -> web.Response:
        flow = app.oauth_flow
        if flow is None:
            raise web.HTTPNotFound
        asked = await to_bolt_request(request)
        if request.path == flow.install_path:
            return await to_aiohttp_response(await flow.handle_installation(asked))
        return await to_aiohttp_response(await flow.handle_callback(asked))

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    server = web.Application(client_max_size=LARGEST_BODY)
    server.router.add_get(HEALTH_PATH, health)
    if events:
        server.router.add_post(PATH, post)
    if app.oauth_flow is not None:
        server.router.add_get(app.oauth_flow.install_path, install)
        server.router.add_get(app.oauth_flow.redirect_uri_path, install)
    return server


class Server:
    """The listening side; ``port`` 0 takes a free one."""

    def __init__(self, app: AsyncApp, host: str, port: int, *, events: bool = True) -> None:
        self._runner = web.AppRunner(build_server(app, events=events), access_log=None)
        self._host = host
        self._port = port

    async def start(self) -> None:
        """Listen. Raises OSError where the address is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def stop(self) -> None:
        """Answer what is in hand, then close."""
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._runner.addresses[0][1])
