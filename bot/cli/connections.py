"""What ``doctor`` asks of the chats that are set up: the tokens, and what the bot may do there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bot.cli.desk import Desk

if TYPE_CHECKING:
    from pydantic import SecretStr

    from bot.cli.checks import Check
    from bot.ports import Health


def check_slack(desk: Desk) -> Iterator[Check]:
    """Ask Slack for our identity and scopes, where it is set up (bot.cli.checks)."""
    given = desk.settings.slack
    if not given.bot_token:
        return
    from bot.platforms.slack import check

    found = asyncio.run(
        check(
            api_url=given.api_url,
            bot_token=_reveal(given.bot_token),
            app_token=_reveal(given.app_token),
        )
    )
    yield from _told("slack", found, "paperwire init slack, then restart")


def check_discord(desk: Desk) -> Iterator[Check]:
    """Ask Discord for our identity and permissions, where it is set up (bot.cli.checks)."""
    given = desk.settings.discord
    if not given.enabled:
        return
    from bot.platforms.discord.check import check
    from bot.store import channels

    with desk.store.read() as connection:
        places = [
            channel.place
            for channel in channels.every(connection, serving=True)
            if channel.platform == "discord"
        ]
    found = asyncio.run(check(token=_reveal(given.token), api_url=given.api_url, channels=places))
    yield from _told("discord", found, "paperwire init discord, then restart")


def check_email(desk: Desk) -> Iterator[Check]:
    """Log in at the mail server, where it is set up (bot.cli.checks)."""
    if not desk.settings.email.enabled:
        return
    from bot.parts import mail_server
    from bot.platforms.email import check

    found = asyncio.run(check(mail_server(desk.settings), desk.settings.email.public_url or ""))
    yield from _told("email", found, "mend the email settings, then restart")


def _told(name: str, found: Sequence[Health], remedy: str) -> Iterator[Check]:
    from bot.cli.checks import Check

    for health in found:
        # What is well needs no details; what is not needs all of them.
        words = health.words if health.ok else "; ".join((health.words, *health.details))
        yield Check(name, ok=health.ok, words=words, next_step="" if health.ok else remedy)


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
