"""Discord: the gateway with shards, digests as embeds, native commands, votes by button."""

from bot.platforms.discord.adapter import API_URL, Discord
from bot.platforms.discord.client import Pace

__all__ = ["API_URL", "Discord", "Pace"]
