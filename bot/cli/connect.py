"""``paperwire init``: the settings file, and the way from nothing to a connected Slack or Discord.

A token is asked for without echo, tried once, and kept in a file that only its owner reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from bot.cli.desk import Desk
from bot.domain import PaperwireError

if TYPE_CHECKING:
    from bot.settings import Settings

TRIES = 3
HELLO = "Paperwire is connected. Subscribe this channel with: /papers subscribe YOUR INTERESTS"
SLACK_APPS = "https://api.slack.com/apps"
DISCORD_APPS = "https://discord.com/developers/applications"


@dataclass(frozen=True, slots=True)
class Tried:
    """What a platform said to a token: ``note`` is for the next steps, such as an id."""

    ok: bool
    words: str
    note: str = ""


@click.group("init", invoke_without_command=True)
@click.option("--force", is_flag=True, help="Replace a settings file that is already there.")
@click.pass_context
def init_command(context: click.Context, force: bool) -> None:
    """Write a settings file with every setting, its meaning and its default.

    'paperwire init slack' and 'paperwire init discord' then walk you through a connection.
    """
    if context.invoked_subcommand is not None:
        return
    from bot.settings import FILE_NAME, find_home
    from bot.settings.secrets import write_settings_file

    desk = context.find_object(Desk)
    assert desk is not None  # noqa: S101  the front door makes it for every command
    path = (desk.home_option or find_home()) / FILE_NAME
    if path.exists() and not force:
        raise PaperwireError(
            f"{path} is already there. Edit it, or replace it with: paperwire init --force"
        )
    write_settings_file(path)
    click.echo(f"Wrote {path}")
    click.echo("Next: connect a chat with 'paperwire init slack' or 'paperwire init discord',")
    click.echo("      check with 'paperwire doctor', start with 'paperwire run'.")


@init_command.command("slack")
@click.pass_obj
def connect_slack(desk: Desk) -> None:
    """Connect a Slack workspace: create the app, keep its two tokens, send a test message."""
    from bot.platforms.slack.scopes import APP_SCOPE, SCOPES

    settings = desk.settings
    _step(1, "Create the app. Open this link and choose your workspace:")
    click.echo(f"   {slack_link()}")
    click.echo("   The app asks for these scopes and no more:")
    for scope, purpose in SCOPES.items():
        click.echo(f"     {scope:<18} to {purpose}")
    _step(2, "On its page 'OAuth & Permissions', install it to your workspace.")
    click.echo("   Copy the 'Bot User OAuth Token' that appears there.")
    bot_token, _ = _ask(
        "   Bot token (xoxb-...)",
        "xoxb-",
        lambda token: _try_slack(settings, bot_token=token),
    )
    _step(3, "On its page 'Basic Information', make an app-level token")
    click.echo(f"   with the scope {APP_SCOPE}.")
    app_token, _ = _ask(
        "   App-level token (xapp-...)",
        "xapp-",
        lambda token: _try_slack(settings, bot_token=None, app_token=token),
    )
    # Both together: one without the other is no valid settings file.
    _keep(settings.home, {"slack.bot_token": bot_token, "slack.app_token": app_token})
    _step(4, "Invite it to a channel: /invite @Paperwire")
    _greet(
        "   Channel id for a test message (C..., at the bottom of 'About'; Enter skips)",
        lambda channel: _post(
            f"{settings.slack.api_url}chat.postMessage",
            f"Bearer {bot_token}",
            {"channel": channel, "text": HELLO},
        ),
    )
    _finish()


@init_command.command("discord")
@click.pass_obj
def connect_discord(desk: Desk) -> None:
    """Connect a Discord bot: create it, keep its token, invite it, send a test message."""
    from bot.platforms.discord.check import PERMISSIONS, invite_link

    settings = desk.settings
    _step(1, f"Create an application at {DISCORD_APPS}")
    _step(2, "On its page 'Bot', press 'Reset Token' and copy what appears.")
    click.echo("   No privileged intent is needed: leave all three switched off.")
    token, application = _ask("   Bot token", "", lambda token: _try_discord(settings, token))
    _keep(settings.home, {"discord.token": token})
    _step(3, "Invite it to your server with this link:")
    click.echo(f"   {invite_link(application)}")
    click.echo("   It asks for these permissions and no more:")
    for name, purpose in PERMISSIONS.values():
        click.echo(f"     {name:<24} to {purpose}")
    _greet(
        "   Channel id for a test message (right-click it, 'Copy Channel ID'; Enter skips)",
        lambda channel: _post(
            f"{settings.discord.api_url}/channels/{channel}/messages",
            f"Bot {token}",
            {"content": HELLO, "allowed_mentions": {"parse": []}},
        ),
    )
    _finish()


def slack_link() -> str:
    """Return the address at which Slack makes our app, with the manifest in it where we have it."""
    manifest = find_manifest()
    if manifest is None:
        return f"{SLACK_APPS}?new_app=1"
    text = manifest.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return f"{SLACK_APPS}?{urlencode({'new_app': 1, 'manifest_yaml': chr(10).join(lines)})}"


def find_manifest() -> Path | None:
    """Return the Slack manifest: installed beside the adapter, or in the checkout's deploy/."""
    import bot

    package = Path(bot.__file__).parent
    places = (
        package / "platforms" / "slack" / "manifest.yaml",
        package.parent / "deploy" / "slack-manifest.yaml",
    )
    return next((place for place in places if place.is_file()), None)


def _step(number: int, words: str) -> None:
    click.echo(f"\n{number}. {words}")


def _ask(
    question: str, start: str, attempt: Callable[[str], Coroutine[None, None, Tried]]
) -> tuple[str, str]:
    """Ask for a token without echo until the platform takes it; return it and the note."""
    for _ in range(TRIES):
        token = click.prompt(question, hide_input=True, default="", show_default=False).strip()
        if not token:
            break
        if not token.startswith(start) or not token.isascii() or len(token.split()) != 1:
            click.echo(f"   That is none: it is one word that begins with {start or 'a letter'}.")
            continue
        tried = asyncio.run(attempt(token))
        click.echo(f"   {tried.words}")
        if tried.ok:
            return token, tried.note
    raise PaperwireError("No token was accepted, so nothing was written. Start again when you can.")


def _keep(home: Path, secrets: dict[str, str]) -> None:
    from bot.settings import load
    from bot.settings.secrets import keep_secret

    for name, value in secrets.items():
        path = keep_secret(home, name, value)
        click.echo(f"   Kept {name} in {path}, which only you can read.")
    load(home)  # raises with a sentence where the settings around them are wrong


def _greet(question: str, post: Callable[[str], Coroutine[None, None, Tried]]) -> None:
    for _ in range(TRIES):
        channel = click.prompt(question, default="", show_default=False).strip()
        if not channel:
            return
        if not channel.isalnum():
            click.echo("   A channel's id has letters and digits only.")
            continue
        sent = asyncio.run(post(channel))
        click.echo(f"   {'The test message is there.' if sent.ok else sent.words}")
        if sent.ok:
            return


def _finish() -> None:
    click.echo("\nNext: paperwire doctor, then paperwire run, and in the channel:")
    click.echo("  /papers subscribe low-resource translation, morphology at weekdays 09:00")


async def _try_slack(
    settings: Settings, *, bot_token: str | None, app_token: str | None = None
) -> Tried:
    from bot.platforms.slack.check import check

    found = await check(api_url=settings.slack.api_url, bot_token=bot_token, app_token=app_token)
    words = [line for health in found for line in (health.words, *health.details)]
    return Tried(all(health.ok for health in found), "\n   ".join(words))


async def _try_discord(settings: Settings, token: str) -> Tried:
    status, answer = await _call(
        "GET", f"{settings.discord.api_url}/applications/@me", f"Bot {token}"
    )
    if status == 0:
        return Tried(ok=False, words=f"Discord cannot be reached ({answer.get('error')}).")
    number = answer.get("id")
    if status != 200 or not isinstance(number, str) or not number.isdigit():
        said = answer.get("message") or f"HTTP {status}"
        return Tried(ok=False, words=f"Discord refuses it: {said}. Reset it and paste the new one.")
    return Tried(ok=True, words=f"Discord: this is {answer.get('name')}.", note=number)


async def _post(url: str, authorization: str, body: dict[str, object]) -> Tried:
    status, answer = await _call("POST", url, authorization, body)
    if status == 0:
        return Tried(ok=False, words=f"It cannot be reached ({answer.get('error')}).")
    if status == 200 and answer.get("ok", True):
        return Tried(ok=True, words="")
    said = answer.get("error") or answer.get("message") or f"HTTP {status}"
    return Tried(ok=False, words=f"Refused: {said}. Is the bot in that channel?")


async def _call(
    method: str, url: str, authorization: str, body: dict[str, object] | None = None
) -> tuple[int, dict[str, object]]:
    """Make one request; return its status (0 without an answer) and its JSON object."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=20)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.request(
                method,
                url,
                json=body,
                headers={"Authorization": authorization},
                # A token goes where it was meant to go.
                allow_redirects=False,
            ) as response,
        ):
            answer = await response.json(content_type=None)
            return response.status, answer if isinstance(answer, dict) else {}
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return 0, {"error": str(error) or type(error).__name__}
