"""What became of a request to Slack: sent, not sent, refused, or not to be known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.domain import ChannelState
from bot.ports import Rejected, Retry, SendOutcome, Unknown

RETRY_AFTER = 30.0  # seconds, where Slack says "later" and not when
LONGEST_RETRY = 3600.0

TOKEN_ERRORS = frozenset(
    {
        "account_inactive",
        "access_denied",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
# The parent is gone, or never was one.
NO_THREAD = frozenset({"cannot_reply_to_message", "message_not_found", "thread_not_found"})
_GONE = {"channel_not_found": "the channel was deleted, or the app was removed from it"}
_CLOSED = {
    "is_archived": "the channel is archived",
    "not_in_channel": "the app is not in the channel; invite it with /invite",
    "restricted_action": "the workspace does not let the app post here",
    "restricted_action_non_threadable_channel": "threads are not allowed here",
    "restricted_action_read_only_channel": "the channel is read-only",
    "restricted_action_thread_only_channel": "only replies are allowed here",
    "messages_tab_disabled": "the app's messages tab is off",
}
_NOT_NOW = frozenset(
    {"ratelimited", "rate_limited", "message_limit_exceeded", "request_timeout", "upgrade_required"}
)
# Slack says of these that a part of the deed may have been done.
_IN_DOUBT = frozenset({"fatal_error", "internal_error", "service_unavailable"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer: Slack's word for it, the HTTP status, and when to come again (seconds)."""

    error: str
    status: int
    retry_after: float | None = None
    needed: str = ""

    @property
    def words(self) -> str:
        """What an operator reads."""
        scope = f" (needs the scope {self.needed})" if self.needed else ""
        return f"Slack answered {self.error or f'HTTP {self.status}'}{scope}"


def read_refusal(error: SlackApiError) -> Refusal:
    """Read the SDK's error, whatever kind of answer it was made from."""
    response = error.response
    data = getattr(response, "data", None)
    data = data if isinstance(data, dict) else {}
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    headers = getattr(response, "headers", None) or {}
    said = next((v for k, v in headers.items() if str(k).lower() == "retry-after"), None)
    try:
        after = None if said is None else min(LONGEST_RETRY, max(0.0, float(said)))
    except (TypeError, ValueError):
        after = None
    return Refusal(
        str(data.get("error") or ""),
        status if isinstance(status, int) else 0,
        after,
        str(data.get("needed") or ""),
    )


def judge(error: BaseException) -> SendOutcome:
    """Return what an error says of a post: only what provably did not arrive is ``Retry``."""
    if isinstance(error, SlackApiError):
        return _judge_refusal(read_refusal(error))
    if isinstance(error, aiohttp.ConnectionTimeoutError | aiohttp.ClientConnectorError):
        return Retry(f"Slack could not be reached: {name(error)}")
    if isinstance(error, aiohttp.InvalidURL):
        return Retry(f"slack.api_url is no address: {name(error)}", after=RETRY_AFTER)
    return Unknown(f"no answer from Slack: {name(error)}")


def _judge_refusal(refusal: Refusal) -> SendOutcome:
    error = refusal.error
    if refusal.status == 429 or error in _NOT_NOW:
        after = RETRY_AFTER if refusal.retry_after is None else refusal.retry_after
        return Retry(refusal.words, after=max(1.0, after))
    if error in TOKEN_ERRORS:
        return Rejected(refusal.words, ChannelState.UNREACHABLE)
    if error in _GONE:
        return Rejected(_GONE[error], ChannelState.LEFT)
    if error in _CLOSED:
        return Rejected(_CLOSED[error], ChannelState.UNREACHABLE)
    if error in _IN_DOUBT or refusal.status >= 500 or not error:
        return Unknown(refusal.words)
    return Rejected(refusal.words)


# What the SDK raises for the net, and for answers that are no Slack answers.
TROUBLES = (
    SlackClientError,
    aiohttp.ClientError,
    asyncio.TimeoutError,
    OSError,
    ValueError,
    AttributeError,  # the SDK stumbles over an answer in plain text
)


def name(error: BaseException) -> str:
    """Return an error in words; some have none of their own."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def error_of(error: BaseException) -> str:
    """Return Slack's word for an error, such as ``missing_scope``; empty where it has none."""
    return read_refusal(error).error if isinstance(error, SlackApiError) else ""
