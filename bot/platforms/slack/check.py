"""What ``paperwire doctor --slack`` asks of Slack: tokens, and granted against needed scopes."""

from __future__ import annotations

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.platforms.slack.outcomes import TROUBLES, error_of, name
from bot.platforms.slack.scopes import APP_SCOPE, OPTIONAL, SCOPES
from bot.platforms.slack.workspaces import TIMEOUT, ask_identity
from bot.ports import Health

INSTALL_AGAIN = "install the app again from its manifest (deploy/slack-manifest.yaml)"


async def check(
    *, api_url: str, bot_token: str | None, app_token: str | None = None
) -> tuple[Health, ...]:
    """Ask Slack who we are and what we may do; one Health for each thing looked at.

    Never raises for what Slack or the net does.
    """
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        found: list[Health] = []
        if bot_token:
            found += await _check_bot(_client(api_url, bot_token, session))
        if app_token:
            found.append(await _check_app(_client(api_url, app_token, session), app_token))
    return tuple(found) or (Health(ok=False, words="Slack: no token is set (slack.bot_token)"),)


def _client(api_url: str, token: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=api_url, session=session, retry_handlers=[])


async def _check_bot(client: AsyncWebClient) -> list[Health]:
    try:
        who = await ask_identity(client)
    except TROUBLES as trouble:
        return [Health(ok=False, words=_refused("slack.bot_token", trouble))]
    named = who.team_name or who.team_id or "a workspace"
    found = [Health(ok=True, words=f"Slack: connected to {named} as {who.bot_user_id or '?'}")]
    if who.scopes is None:
        found.append(Health(ok=True, words="Slack did not say which scopes are granted"))
        return found
    missing = sorted(SCOPES.keys() - who.scopes)
    needless = sorted(who.scopes - SCOPES.keys())
    details = [
        f"missing {scope}: to {SCOPES[scope]}{' (works without)' if scope in OPTIONAL else ''}"
        for scope in missing
    ]
    details += [f"not needed: {scope}" for scope in needless]
    if missing:
        words = f"Slack: {len(missing)} of {len(SCOPES)} scopes are missing; {INSTALL_AGAIN}"
    else:
        words = f"Slack: all {len(SCOPES)} scopes are granted"
    ok = not set(missing) - OPTIONAL
    return [*found, Health(ok=ok, words=words, details=tuple(details))]


async def _check_app(client: AsyncWebClient, token: str) -> Health:
    try:
        answer = await client.apps_connections_open(app_token=token)
    except TROUBLES as trouble:
        return Health(ok=False, words=_refused("slack.app_token", trouble))
    data = answer.data if isinstance(answer.data, dict) else {}
    if not data.get("url"):
        return Health(ok=False, words="Slack: Socket Mode gave no address to connect to")
    return Health(ok=True, words="Slack: Socket Mode can connect")


def _refused(setting: str, trouble: BaseException) -> str:
    if not isinstance(trouble, SlackApiError):
        return f"Slack cannot be reached ({name(trouble)[:200]}); see slack.api_url"
    word = error_of(trouble) or "an error without a name"
    if word == "missing_scope":
        return f"Slack refuses {setting}: it needs the scope {APP_SCOPE}"
    return f"Slack refuses {setting}: {word}; make a new one, or {INSTALL_AGAIN}"
