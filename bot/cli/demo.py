"""``paperwire demo``."""

from __future__ import annotations

import click


@click.command("demo")
@click.option("--brief", is_flag=True, help="Show of each digest the titles and reasons only.")
def demo_command(brief: bool) -> None:
    """See the whole wire at work on the bundled sample; no token, no network, nothing kept.

    Ten listing days arrive, three channels get their digests, simulated readers react, and the
    last digests are shown beside what they would have been without the reactions.
    """
    from bot.demo import play

    play(brief=brief)
