"""What is known of a request on its way: whether it left, and whether its answer is in doubt.

discord.py repeats a request after most server errors, and then only the nonce, for as long as it is
remembered, keeps a post single. Here nothing is repeated that may have arrived: such a send ends
as unknown, and the history is asked before anything is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
import discord

from bot.domain import ChannelState
from bot.ports import Rejected, Retry, SendOutcome, Unknown

_NOT_TAKEN = 503  # the one server error that says the request was not taken up
_current: ContextVar[Attempt | None] = ContextVar("discord_attempt", default=None)

# What Discord and the network do; anything else is a mistake of ours or of the library.
TROUBLES = (discord.DiscordException, aiohttp.ClientError, OSError, asyncio.TimeoutError)

NOT_CONNECTED = "not connected to Discord"
_PAUSE = 5.0
_LONG_PAUSE = 300.0

_GONE = {
    10003: "the channel was deleted",
    10004: "the server is gone, or the bot was removed from it",
}
_CLOSED = {
    50001: "the bot cannot see this channel (missing access)",
    50007: "this person takes no direct messages from the bot",
    50013: "the bot lacks a permission here",
}


@dataclass(slots=True)
class Attempt:
    """One send, over all its requests. ``keyed`` tells that Discord can tell a repeat apart."""

    keyed: bool = True
    out: bool = False  # a request has left and its answer is awaited
    doubtful: bool = False

    @property
    def may_have_arrived(self) -> bool:
        return self.out or self.doubtful

    def forget(self) -> None:
        """Leave out what was asked so far: no harm comes of doing that twice."""
        self.out = self.doubtful = False


class AnswerInDoubtError(Exception):
    """A request got an answer, or none, that does not tell whether it worked."""


@contextmanager
def attempt() -> Iterator[Attempt]:
    """Watch the requests made inside; only for changes, reads need no watching."""
    watched = Attempt()
    token = _current.set(watched)
    try:
        yield watched
    finally:
        _current.reset(token)


def make_trace() -> aiohttp.TraceConfig:
    """Return the trace that keeps attempts up to date; give it to every client."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_left)
    trace.on_request_end.append(_answered)
    trace.on_request_exception.append(_broke)
    return trace


async def _left(
    _: aiohttp.ClientSession, __: SimpleNamespace, ___: aiohttp.TraceRequestHeadersSentParams
) -> None:
    if (watched := _current.get()) is not None:
        watched.out = True


async def _answered(
    _: aiohttp.ClientSession, __: SimpleNamespace, answer: aiohttp.TraceRequestEndParams
) -> None:
    if (watched := _current.get()) is None:
        return
    watched.out = False
    status = answer.response.status
    # Accepted is not told yet: discord.py may sit out a rate limit before it tells us.
    if answer.method != "GET" and 200 <= status < 300:
        watched.doubtful = True
    if status >= 500 and not (status == _NOT_TAKEN and watched.keyed):
        watched.doubtful = True
        answer.response.close()
        raise AnswerInDoubtError(f"Discord answered {status}")


async def _broke(
    _: aiohttp.ClientSession, __: SimpleNamespace, broken: aiohttp.TraceRequestExceptionParams
) -> None:
    if (watched := _current.get()) is None or not watched.out:
        return
    watched.out, watched.doubtful = False, True
    if isinstance(broken.exception, Exception):  # and no cancellation: that goes its own way
        raise AnswerInDoubtError("the connection broke before an answer came")


def judge(error: Exception, watched: Attempt) -> SendOutcome:
    """Return what became of a send that failed."""
    if watched.may_have_arrived:
        return Unknown(_words(error))
    if isinstance(error, discord.RateLimited):
        return Retry("rate limited", after=error.retry_after)
    if isinstance(error, discord.HTTPException):
        return _judge_answer(error)
    if isinstance(error, AnswerInDoubtError | aiohttp.ClientError | OSError):
        return Retry(f"{NOT_CONNECTED}: {_words(error)}", after=_PAUSE)
    # Discord took the post and our reading of its answer failed, or we never built it.
    return Unknown(_words(error))


def _judge_answer(error: discord.HTTPException) -> SendOutcome:
    words = _words(error)
    if error.code in _GONE:
        return Rejected(_GONE[error.code], ChannelState.LEFT)
    if error.code in _CLOSED:
        return Rejected(_CLOSED[error.code], ChannelState.UNREACHABLE)
    if error.status in {401, 429}:
        # A 429 that discord.py does not wait out holds the whole address off, as 401 should us.
        return Retry(words, after=_retry_after(error))
    if error.status >= 500 or error.status == 408:
        return Retry(words, after=_PAUSE)
    if error.status in {403, 404}:
        return Rejected(words, ChannelState.UNREACHABLE)
    return Rejected(words)


def _retry_after(error: discord.HTTPException) -> float:
    try:
        return max(_PAUSE, float(error.response.headers.get("Retry-After", "")))
    except (ValueError, AttributeError):
        return _LONG_PAUSE


def _words(error: Exception) -> str:
    if isinstance(error, discord.HTTPException):
        told = " ".join(error.text.split())[:300]
        return (
            f"Discord answered {error.status}"
            + (f" ({error.code})" if error.code else "")
            + (f": {told}" if told else "")
        )
    told = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {told}" if told else type(error).__name__
