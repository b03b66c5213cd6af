"""One fetcher for all sources: polite, bounded, conditional GETs that answer in values."""

from __future__ import annotations

import asyncio
import random
import time
import urllib.request
import zlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from bot import __version__
from bot.ports import (
    NO_VALIDATORS,
    Clock,
    Fetched,
    FetchFailed,
    FetchOutcome,
    NotModified,
    Request,
    Trouble,
    Validators,
)
from bot.sources.addresses import is_loopback, open_public_socket, resolves_inside
from bot.sources.limits import (
    FetchLimits,
    HeldOff,
    HostLimiter,
    Monotonic,
    Pace,
    Sleep,
    group_of,
    read_exhausted_limit,
    read_retry_after,
)
from bot.sources.trouble import explain, inside, place_of, say_status
from bot.sources.unpack import ENCODINGS, Unpacked

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRYABLE = frozenset({429, 500, 502, 503, 504})
_ERROR_BODY_BYTES = 64 * 1024


def user_agent(url: str = "", contact: str = "") -> str:
    """Return how we introduce ourselves: the name, the version, where to read and to write."""
    about = "; ".join(
        " ".join(part.split()) for part in (f"+{url}" if url else "", contact) if part
    )
    return f"Paperwire/{__version__}" + (f" ({about})" if about else "")


class Fetcher:
    """Makes the GETs of every source; one for each process, so that the limits hold over all.

    ``groups`` maps ``host:port`` or ``host`` to a limiter group beside the built-in one of arXiv;
    ``paces`` changes the pace of a group. A host that is not among ``trusted_hosts`` (the same two
    written forms) is reached on public addresses only, unless ``allow_private``. With ``use_proxy``
    the proxy variables of the environment are honoured, never for this machine itself; ``.netrc``
    is never read. Behind a proxy the proxy resolves names, so there the address check only knows
    what this machine can resolve too.
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        agent: str | None = None,
        groups: Mapping[str, str] | None = None,
        paces: Mapping[str, Pace] | None = None,
        trusted_hosts: Collection[str] = (),
        allow_private: bool = False,
        use_proxy: bool = True,
        seed: int = 0,
        now: Clock | None = None,
        monotonic: Monotonic = time.monotonic,
        sleep: Sleep | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._limits = limits or FetchLimits()
        self._agent = agent or user_agent()
        self._groups = dict(groups or {})
        self._trusted = frozenset(trusted_hosts)
        self._allow_private = allow_private
        self._use_proxy = use_proxy
        self._random = random.Random(seed)  # noqa: S311 - spreads retries, keeps no secret
        self._now = now or (lambda: datetime.now(UTC))
        self._sleep: Sleep = sleep or asyncio.sleep
        self._limiter = HostLimiter(paces, monotonic=monotonic, sleep=self._sleep)
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; a later ``get`` opens new ones."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def get(
        self, request: Request, *, validators: Validators = NO_VALIDATORS
    ) -> FetchOutcome:
        """Make one GET, with retries where they can help; never raises for what the net does."""
        url = _read_url(request.url)
        if isinstance(url, FetchFailed):
            return url
        if request.params:
            url = url.extend_query(request.params)
        attempt = 1
        while True:
            outcome = await self._attempt(url, validators)
            if not isinstance(outcome, FetchFailed) or not _is_worth_retrying(outcome):
                return outcome
            asked = outcome.retry_after
            if attempt >= self._limits.attempts or (asked or 0) > self._limits.patience_seconds:
                tries = f" ({attempt} attempts)" if attempt > 1 else ""
                return replace(outcome, reason=outcome.reason + tries)
            if not asked:
                # Where the source named a time, its lane is held until then.
                await self._sleep(self._backoff(attempt))
            attempt += 1

    def _backoff(self, attempt: int) -> float:
        longest = self._limits.backoff_seconds * 2.0 ** (attempt - 1)
        return min(longest * self._random.uniform(0.5, 1.0), self._limits.patience_seconds)

    async def _attempt(self, url: URL, validators: Validators) -> FetchOutcome:
        """Follow one GET through its redirects; every hop takes a turn and is checked again."""
        loop = asyncio.get_running_loop()
        left = self._limits.total_seconds
        for _ in range(self._limits.max_redirects + 1):
            group = group_of(url.host or "", url.port, self._groups)
            try:
                async with self._limiter.turn(group, patience=self._limits.patience_seconds):
                    started = loop.time()
                    async with asyncio.timeout(left):
                        outcome = await self._exchange(url, validators, group)
                    left -= loop.time() - started
            except HeldOff as held:
                reason = f"{place_of(url)} asked not to be called for another {held.seconds:.0f} s"
                return FetchFailed(Trouble.HELD, reason, retry_after=held.seconds)
            except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
                return explain(error, url, self._limits)
            if not isinstance(outcome, URL):
                return outcome
            url = outcome
        reason = f"{place_of(url)}: more than {self._limits.max_redirects} redirects"
        return FetchFailed(Trouble.REDIRECT, reason)

    async def _exchange(self, url: URL, validators: Validators, group: str) -> FetchOutcome | URL:
        """Send one request and read its answer; a redirect is returned as the next address."""
        proxy = self._proxy_for(url)
        guarded = not (self._allow_private or self._is_trusted(url))
        if guarded and proxy is not None and await resolves_inside(url.host or "", self._resolver):
            return inside(url)
        headers = {}
        if validators.etag:
            headers["If-None-Match"] = validators.etag
        if validators.last_modified:
            headers["If-Modified-Since"] = validators.last_modified
        session = self._session(guarded=guarded and proxy is None)
        async with session.get(url, headers=headers, allow_redirects=False, proxy=proxy) as answer:
            wait = self._heed(answer, group)
            if answer.status in _REDIRECTS and "Location" in answer.headers:
                return _follow(url, answer.headers["Location"])
            if answer.status == HTTPStatus.NOT_MODIFIED and headers:
                return NotModified(_merge(_read_validators(answer), validators))
            if answer.status == HTTPStatus.OK:
                return await self._read(answer, url)
            return FetchFailed(
                Trouble.STATUS,
                f"{place_of(url)} answered {say_status(answer.status)}",
                status=answer.status,
                retry_after=wait,
                body=await _read_beginning(answer),
            )

    def _heed(self, answer: aiohttp.ClientResponse, group: str) -> float | None:
        """Hold the group's lane for as long as the answer asks; return those seconds."""
        wait = None
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500:
            wait = read_retry_after(answer.headers.get("Retry-After"), self._now())
        exhausted = read_exhausted_limit(answer.headers)
        if exhausted is not None:
            wait = max(wait or 0.0, exhausted)
        if wait:
            self._limiter.hold(group, wait)
        return wait

    async def _read(self, answer: aiohttp.ClientResponse, url: URL) -> Fetched | FetchFailed:
        limit = self._limits.max_bytes
        place = place_of(url)
        encoding = _read_encoding(answer)
        if encoding not in ENCODINGS:
            reason = f"{place} sent its answer packed as {encoding!r}, which we did not ask for"
            return FetchFailed(Trouble.ENCODING, reason, status=answer.status)
        unpacked = Unpacked(encoding, limit)
        cut = False
        try:
            async for chunk in answer.content.iter_any():
                unpacked.feed(chunk)
                if unpacked.is_over:
                    reason = f"{place} sent more than {limit:,} bytes"
                    return FetchFailed(Trouble.TOO_LARGE, reason, status=answer.status)
        except (aiohttp.ClientError, ConnectionError):
            cut = True
        except zlib.error as error:
            reason = f"{place} sent an answer that cannot be unpacked: {error}"
            return FetchFailed(Trouble.ENCODING, reason, status=answer.status)
        body = bytes(unpacked.body)
        if cut or not unpacked.is_complete:
            reason = f"the answer of {place} ended early, after {len(body):,} bytes"
            return FetchFailed(Trouble.TRUNCATED, reason, status=answer.status, body=body)
        content_type = answer.headers.get("Content-Type", "")
        return Fetched(body, str(url.with_user(None)), _read_validators(answer), content_type)

    def _session(self, *, guarded: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(guarded)
        if session is None or session.closed:
            # A new connection for each request, since one that was kept can be gone by the next.
            connector = aiohttp.TCPConnector(
                limit=0,
                force_close=True,
                use_dns_cache=False,
                resolver=self._resolver,
                socket_factory=open_public_socket if guarded else None,
            )
            session = self._sessions[guarded] = aiohttp.ClientSession(
                connector=connector,
                connector_owner=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._agent, "Accept-Encoding": "gzip"},
                timeout=aiohttp.ClientTimeout(total=None, connect=self._limits.connect_seconds),
                # Unpacked here instead, piece by piece, so that a small answer cannot fill memory.
                auto_decompress=False,
                trust_env=False,
                middlewares=(_send_once,),
            )
        return session

    def _is_trusted(self, url: URL) -> bool:
        return url.host in self._trusted or f"{url.host}:{url.port}" in self._trusted

    def _proxy_for(self, url: URL) -> str | None:
        host = url.host or ""
        if not self._use_proxy or is_loopback(host):
            return None
        proxies = urllib.request.getproxies_environment()
        proxy = proxies.get(url.scheme) or proxies.get("all")
        if not proxy or urllib.request.proxy_bypass(f"{host}:{url.port}"):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


async def _send_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Turn a dropped connection into an error that aiohttp leaves alone.

    It would send the GET again at once by itself, outside the limiter's turn.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error) or type(error).__name__) from error


def _read_url(text: str) -> URL | FetchFailed:
    try:
        url = URL(text.strip())
    except ValueError as error:
        return FetchFailed(Trouble.ADDRESS, f"{text!r} is not a web address: {error}")
    if url.scheme not in {"http", "https"} or not url.host:
        reason = f"{text!r} is not a web address (http:// or https://)"
        return FetchFailed(Trouble.ADDRESS, reason)
    return url.with_fragment(None)


def _follow(url: URL, location: str) -> URL | FetchFailed:
    """Return where a redirect leads, or why we do not go there."""
    place = place_of(url)
    try:
        named = URL(location)
        # A name and password in a redirect are not ours to hand over.
        target = url.join(named.with_user(None) if named.absolute else named).with_fragment(None)
    except ValueError:
        return FetchFailed(Trouble.REDIRECT, f"{place} redirects to something that is no link")
    if target.scheme not in {"http", "https"} or not target.host:
        reason = f"{place} redirects to a link that is neither http nor https"
        return FetchFailed(Trouble.REDIRECT, reason)
    if url.scheme == "https" and target.scheme == "http" and not is_loopback(target.host):
        reason = f"{place} redirects from https down to http"
        return FetchFailed(Trouble.REDIRECT, reason)
    return target


def _is_worth_retrying(failed: FetchFailed) -> bool:
    passing = {Trouble.CONNECTION, Trouble.TIMEOUT, Trouble.TRUNCATED}
    return failed.trouble in passing or (
        failed.trouble is Trouble.STATUS and failed.status in _RETRYABLE
    )


def _read_validators(answer: aiohttp.ClientResponse) -> Validators:
    def read(name: str) -> str:
        value = answer.headers.get(name, "")
        # It is sent back one day, so only what may stand in a header is kept.
        return value if value.isascii() and value.isprintable() and len(value) <= 512 else ""

    return Validators(etag=read("ETag"), last_modified=read("Last-Modified"))


def _merge(fresh: Validators, known: Validators) -> Validators:
    return Validators(fresh.etag or known.etag, fresh.last_modified or known.last_modified)


def _read_encoding(answer: aiohttp.ClientResponse) -> str:
    return answer.headers.get("Content-Encoding", "").strip().lower()


async def _read_beginning(answer: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes with which a source explains its refusal, as far as they come."""
    encoding = _read_encoding(answer)
    if not 400 <= answer.status < 500 or encoding not in ENCODINGS:
        return b""
    unpacked = Unpacked(encoding, _ERROR_BODY_BYTES)
    try:
        async for chunk in answer.content.iter_any():
            unpacked.feed(chunk)
            if unpacked.is_over:
                break
    except (aiohttp.ClientError, ConnectionError, zlib.error):
        pass
    return bytes(unpacked.body[:_ERROR_BODY_BYTES])
