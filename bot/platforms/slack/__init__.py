"""Slack: digests in Block Kit, votes by reactions and buttons, ``/papers``, a form, App Home.

An address is ``T.../C...``: the workspace and the channel. A message is called by its ``ts``.
"""

from bot.platforms.slack.adapter import Connection, Slack
from bot.platforms.slack.check import check
from bot.platforms.slack.oauth import OAuth

__all__ = ["Connection", "OAuth", "Slack", "check"]
