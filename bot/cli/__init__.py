"""The ``paperwire`` command. Subcommands are imported when they are called: --help is instant."""

from bot.cli.main import main

__all__ = ["main"]
