"""A source on loopback that answers as we tell it, well or badly, and remembers who asked."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web
from yarl import URL


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. The functions below make the usual ones."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0  # bytes that Content-Length promises and that never come
    piece: int = 0  # send so many bytes at a time, 0: all at once
    pause: float = 0.0  # seconds before the headers and before each piece
    reset: bool = False  # drop the connection without an answer
    again: bytes = b""  # what follows the body, over and over, made as it is sent
    times: int = 0  # how often it follows; -1: until the reader has had enough


def page(
    body: bytes,
    *,
    content_type: str = "application/json",
    etag: str = "",
    last_modified: str = "",
    packed: bool = False,
) -> Answer:
    """Answer 200 with a body, or 304 to a request that names the same validator."""
    headers = {"Content-Type": content_type}
    if etag:
        headers["ETag"] = etag
    if last_modified:
        headers["Last-Modified"] = last_modified
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Answer(body=gzip.compress(body) if packed else body, headers=headers)


def refusal(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer an error status; underscores in header names stand for dashes."""
    return Answer(
        body=body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def redirect(to: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": to})


def truncated(body: bytes, missing: int = 100) -> Answer:
    """Promise more bytes than there are, send what there is and hang up."""
    return Answer(body=body, missing=missing)


def dripping(body: bytes, *, piece: int = 1, pause: float = 0.02) -> Answer:
    """Send a body in small pieces with a pause before each."""
    return Answer(body=body, piece=piece, pause=pause)


def gzip_bomb(size: int) -> Answer:
    """Answer a small packed body that unpacks to ``size`` zero bytes."""
    return Answer(
        body=gzip.compress(bytes(size), compresslevel=9), headers={"Content-Encoding": "gzip"}
    )


def vast(size: int, again: bytes = b" " * 65_536) -> Answer:
    """Answer so many bytes, announced as such, which never are in memory together."""
    return Answer(again=again, times=size // len(again))


def endless(body: bytes, again: bytes, *, pause: float = 0.0) -> Answer:
    """Answer a body that goes on and on, with a pause before each further piece."""
    return Answer(body=body, again=again, times=-1, pause=pause, piece=len(again))


def hang_up() -> Answer:
    """Close the connection instead of answering."""
    return Answer(reset=True)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived. ``at`` is on the monotonic clock, in seconds."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float


@dataclass(slots=True)
class _Route:
    query: Mapping[str, str]
    answers: list[Answer]


class LoopbackSource:
    """Serves added answers on 127.0.0.1; each path gives its answers in turn, the last for ever.

    A query in an added path makes it answer only requests that carry at least these parameters.
    What was not added is 404. Use it as ``async with LoopbackSource() as source``.
    """

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.most_at_once = 0
        self.sent = 0  # bytes of bodies, as far as the readers took them
        self._routes: dict[str, list[_Route]] = {}
        self._running = 0
        self._runner: web.ServerRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(
            web.Server(self._handle, access_log=None), shutdown_timeout=0.05
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner:
            await self._runner.cleanup()

    @property
    def host(self) -> str:
        """``host:port``, as the fetcher's settings write it."""
        return f"127.0.0.1:{self._port}"

    def url(self, path: str = "") -> str:
        return f"http://{self.host}{path}"

    def add(self, path: str, *answers: Answer) -> None:
        """Answer this path so; adding the same path and query again replaces its answers."""
        url = URL(path)
        query = dict(url.query)
        routes = self._routes.setdefault(url.path, [])
        routes[:] = [route for route in routes if route.query != query]
        routes.append(_Route(query, list(answers)))

    def asked(self, path: str) -> list[Seen]:
        """Return the requests for one path, in order."""
        return [seen for seen in self.requests if seen.path == path]

    def _next_answer(self, path: str, query: Mapping[str, str]) -> Answer:
        fitting = [
            route
            for route in self._routes.get(path, [])
            if all(query.get(name) == value for name, value in route.query.items())
        ]
        if not fitting:
            return Answer(status=404, body=b"nothing here")
        route = max(fitting, key=lambda route: len(route.query))
        return route.answers.pop(0) if len(route.answers) > 1 else route.answers[0]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = Seen(request.path, dict(request.query), dict(request.headers), time.monotonic())
        self.requests.append(seen)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            return await self._send(request, self._next_answer(seen.path, seen.query))
        finally:
            self._running -= 1

    async def _send(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        if answer.pause:
            await asyncio.sleep(answer.pause)
        if answer.reset:
            _hang_up(request)
            return web.Response()
        if _is_current(request, answer):
            kept = {k: v for k, v in answer.headers.items() if k in {"ETag", "Last-Modified"}}
            return web.Response(status=304, headers=kept)
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        if answer.times >= 0:
            length = len(answer.body) + answer.times * len(answer.again) + answer.missing
            response.content_length = length
        await response.prepare(request)
        piece = answer.piece or len(answer.body) or 1
        for start in range(0, len(answer.body), piece):
            if answer.pause:
                await asyncio.sleep(answer.pause)
            await response.write(answer.body[start : start + piece])
            self.sent += piece
        count = 0
        while count != answer.times:
            if answer.pause:
                await asyncio.sleep(answer.pause)
            await response.write(answer.again)
            self.sent += len(answer.again)
            count += 1
        if answer.missing:
            _hang_up(request)
            return response
        await response.write_eof()
        return response


def _is_current(request: web.BaseRequest, answer: Answer) -> bool:
    etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    if answer.status != 200:
        return False
    if etag and "If-None-Match" in request.headers:
        return request.headers["If-None-Match"] == etag
    return bool(modified) and request.headers.get("If-Modified-Since") == modified


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport:
        request.transport.close()
