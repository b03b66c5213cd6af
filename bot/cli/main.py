"""The command's front door: global options, the list of subcommands, errors as one sentence."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from bot import __version__
from bot.domain import PaperwireError

# name: (module, what --help says). The words stand here so that --help imports nothing else.
COMMANDS = {
    "demo": ("bot.cli.demo", "See the whole wire at work on the bundled sample, in the terminal."),
    "init": ("bot.cli.connect", "Write a settings file to start from; connect Slack or Discord."),
    "run": ("bot.cli.operate", "Serve: fetch, plan, deliver, answer and learn until stopped."),
    "doctor": ("bot.cli.operate", "Say what is wrong, and the next command to run."),
    "outbox": ("bot.cli.operate", "Show what is sent, waiting or given up; retry or abandon it."),
    "where": ("bot.cli.where", "Say where a paper is in every channel, and why."),
    "backup": ("bot.cli.maintain", "Copy the database, also while Paperwire runs."),
    "restore": ("bot.cli.maintain", "Put a back-up in the place of the database."),
    "migrate": ("bot.cli.maintain", "Bring the database up to this version, or say what it lacks."),
    "ingest": ("bot.cli.listings", "Read saved listings: JSON, RSS, Atom, page captures."),
    "backfill": ("bot.cli.listings", "Fetch past listings, to search and learn from."),
    "plan": ("bot.cli.channels", "Show what each channel would get now, and why."),
    "profile": ("bot.cli.channels", "Show or change a channel's interests."),
    "chat": ("bot.cli.channels", "Type /papers commands at the terminal channel."),
    "search": ("bot.cli.channels", "Search all stored papers."),
    "backtest": ("bot.cli.measure", "Judge a channel's digests by the reactions they got."),
    "evaluate": ("bot.cli.measure", "Measure ranking, summaries or search on test collections."),
    "train": ("bot.cli.measure", "Train the bundled models again from data."),
    "export": ("bot.cli.transfer", "Write everything as JSON, or saved papers as BibTeX."),
    "import": ("bot.cli.transfer", "Read an export, or a library (BibTeX, RIS, CSL-JSON)."),
    "forget": ("bot.cli.transfer", "Remove a person's votes and saved papers."),
}
GROUPS = (
    ("First steps", ("demo", "init", "chat", "doctor")),
    ("Every day", ("run", "plan", "search", "profile", "outbox", "where")),
    ("Keep it safe", ("backup", "restore", "migrate")),
    ("Papers in, data out", ("ingest", "backfill", "export", "import", "forget")),
    ("Measure", ("backtest", "evaluate", "train")),
)


class Front(click.Group):
    """A group whose commands live in modules that are imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = COMMANDS.get(cmd_name)
        if found is None:
            return None
        module = importlib.import_module(found[0])
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)  # noqa: S101  a promise to the type checker
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, names in GROUPS:
            with formatter.section(title):
                formatter.write_dl([(name, COMMANDS[name][1]) for name in names])


@click.group(
    cls=Front,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with 'paperwire demo'. Every command explains itself with --help.",
)
@click.version_option(__version__, "-V", "--version", prog_name="paperwire")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="PAPERWIRE_HOME",
    help="Where settings and database live. [env: PAPERWIRE_HOME]",
)
@click.pass_context
def front(context: click.Context, home: Path | None) -> None:
    """Paperwire: a wire service for research papers in the chat where your team already works."""
    from bot.cli.desk import Desk
    from bot.cli.installation import find_ranking
    from bot.logs import configure

    find_ranking()
    # https://no-color.org: set to anything but nothing, it means no colours.
    context.color = False if os.environ.get("NO_COLOR") else None
    # Commands say in their own words what happened; only "run" and errors are logged.
    configure("error")
    context.obj = Desk(home)


def main() -> NoReturn:
    """Run the command line; troubles are one sentence on standard error and exit status 1."""
    # Our products are small: threads of the linear algebra library cost more than they give.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A terminal that cannot show a sign shows a question mark, and no traceback.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # or it is suppressed
    try:
        status = front(prog_name="paperwire", standalone_mode=False)
        sys.stdout.flush()
    except PaperwireError as error:
        _end(f"paperwire: {error}", 1)
    except click.exceptions.NoArgsIsHelpError as error:
        _end(error.format_message(), 2)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "paperwire"
        _end(f"paperwire: {error.format_message()} See '{where} --help'.", 2)
    except click.ClickException as error:
        _end(f"paperwire: {error.format_message()}", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("", 130)
    except BrokenPipeError:
        _leave_quietly()
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _end(f"paperwire: {error.strerror or error}{where}.", 1)
    except Exception as error:
        # Asked by name, because a command that opens no database imports no sqlite3.
        sqlite3 = sys.modules.get("sqlite3")
        if sqlite3 is None or not isinstance(error, sqlite3.Error):
            raise
        _end(f"paperwire: {_about_database(str(error))}", 1)
    sys.exit(status if isinstance(status, int) else 0)


def _about_database(trouble: str) -> str:
    if "locked" in trouble:
        return (
            "The database is held by another process. Try again, or see who runs: paperwire doctor"
        )
    return f"The database cannot be used ({trouble}). Look closer with: paperwire doctor"


def _leave_quietly() -> NoReturn:
    """End well: the reader of our output (head, less) has had enough, which is no error of ours."""
    # What is still held back would be written at the exit, and fail again.
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def _end(words: str, status: int) -> NoReturn:
    click.echo(words, err=True)
    sys.exit(status)
