"""E-mail as a chat platform: one mail a digest, votes and farewells by signed links.

The package is named after what it does; ``import email`` is the standard library everywhere.
"""

from bot.platforms.email.adapter import Email
from bot.platforms.email.check import check
from bot.platforms.email.links import PREFIX, routes
from bot.platforms.email.operator import OperatorMail
from bot.platforms.email.smtp import Server

__all__ = ["PREFIX", "Email", "OperatorMail", "Server", "check", "routes"]
