"""``paperwire demo``."""

from __future__ import annotations

import click


@click.command("demo")
@click.option("--brief", is_flag=True, help="Show of each digest the titles and reasons only.")
@click.option("--web", is_flag=True, help="Show it in a browser, on this machine only.")
@click.option("--port", type=click.IntRange(0, 65535), help="With --web: the port to listen on.")
def demo_command(brief: bool, web: bool, port: int | None) -> None:
    """See the whole wire at work on the bundled sample; no token, no network, nothing kept.

    Ten listing days arrive, three channels get their digests, simulated readers react, and the
    last digests are shown beside what they would have been without the reactions. With --web the
    same goes on in a web page, where the votes and commands are yours.
    """
    if web:
        from bot.demo.page import serve

        serve(port)
        return
    if port is not None:
        raise click.UsageError("--port goes with --web.")
    from bot.demo import play

    play(brief=brief)
