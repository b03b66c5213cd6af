"""Typed settings from defaults, ``paperwire.toml``, ``PAPERWIRE_`` variables and secret files.

Importing this costs the start-up of pydantic, so it is done where settings are needed.
"""

from bot.settings.bounds import Limits, Retention
from bot.settings.loading import FILE_NAME, find_home, load
from bot.settings.model import (
    Arxiv,
    Backup,
    Database,
    Defaults,
    Discord,
    Email,
    Feed,
    Fetch,
    HuggingFace,
    Log,
    Rights,
    Sample,
    Settings,
    Slack,
    Terminal,
    Web,
)
from bot.settings.showing import SettingRow, commented_toml, describe
from bot.settings.watch import Watch

__all__ = [
    "FILE_NAME",
    "Arxiv",
    "Backup",
    "Database",
    "Defaults",
    "Discord",
    "Email",
    "Feed",
    "Fetch",
    "HuggingFace",
    "Limits",
    "Log",
    "Retention",
    "Rights",
    "Sample",
    "SettingRow",
    "Settings",
    "Slack",
    "Terminal",
    "Watch",
    "Web",
    "commented_toml",
    "describe",
    "find_home",
    "load",
]
