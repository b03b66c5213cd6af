"""What the documents take from the code, so that it cannot rot.

That is the reference in deploy/README.md and the sample digest in README.md. ``make docs``
rewrites both; tests fail when the files say something else than the code.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import click

BEGIN = "<!-- made by make docs: begin -->"
END = "<!-- made by make docs: end -->"
SAMPLE = "━━ Papers for language-lab · Tue 6 Oct"  # the digest that README.md shows
SAMPLE_MARK = "A digest, as a person sees it:\n\n```text\n"


def reference() -> str:
    """Return the settings, the commands and the /papers grammar as Markdown."""
    return "\n".join([*_settings(), "", *_commands(), "", *_papers(), ""])


def rewrite(text: str) -> str:
    """Return a document with the part between the marks made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}{END}{after}"


def rewrite_digest(text: str) -> str:
    """Return README.md with its sample digest made anew: what the demonstration prints of it."""
    from bot.demo import play

    printed = io.StringIO()
    play(brief=False, stream=printed)
    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith(SAMPLE))
    first = next(i for i in range(start, len(lines)) if lines[i].startswith(" 1  "))
    last = next(i for i in range(first, len(lines)) if lines[i].startswith("    match "))
    # The head without its list of titles, then the first paper.
    shown = [*lines[start : start + 2], "", *lines[first : last + 1]]
    head, _, rest = text.partition(SAMPLE_MARK)
    _, _, after = rest.partition("\n```\n")
    return f"{head}{SAMPLE_MARK}{chr(10).join(shown)}\n```\n{after}"


def _settings() -> Iterator[str]:
    from bot.settings import describe

    yield "## Every setting"
    yield ""
    yield "In `paperwire.toml`, or as the variable, which wins. Every secret may also be a file:"
    yield "`slack.bot_token_file`, `PAPERWIRE_SLACK__BOT_TOKEN_FILE`, or a file named after the"
    yield "variable in lower case in the folder `PAPERWIRE_SECRETS_DIR`. `PAPERWIRE_HOME` is where"
    yield "the settings file and the database live."
    yield ""
    yield "| setting | variable | value | default | what it does |"
    yield "|---|---|---|---|---|"
    for row in describe():
        default = f"`{_cell(row.default)}`" if row.default else ""
        words = (row.type, default, row.description)
        yield f"| `{row.name}` | `{row.variable}` | " + " | ".join(map(_cell, words)) + " |"


def _commands() -> Iterator[str]:
    from bot.cli.main import COMMANDS, GROUPS, front

    yield "## Every command"
    yield ""
    yield "`paperwire COMMAND --help` tells the options and the JSON shapes."
    yield ""
    yield "| command | what it does |"
    yield "|---|---|"
    context = click.Context(front, info_name="paperwire")
    for _, names in GROUPS:
        for name in names:
            command = front.get_command(context, name)
            if not isinstance(command, click.Group) or command.invoke_without_command:
                yield f"| `paperwire {name}` | {_cell(COMMANDS[name][1])} |"
            if isinstance(command, click.Group):
                for below in sorted(command.commands):
                    words = command.commands[below].get_short_help_str(200)
                    yield f"| `paperwire {name} {below}` | {_cell(words)} |"


def _papers() -> Iterator[str]:
    from bot.commands import COMMANDS

    yield "## Every /papers command"
    yield ""
    yield "| command | what it does | who may |"
    yield "|---|---|---|"
    for spec in COMMANDS:
        who = "managers, if the policy says so" if spec.needs_management else "everyone"
        yield f"| `{_cell(spec.usage)}` | {_cell(spec.description)} | {who} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    from bot.logs import configure

    configure("error")
    for document, renew in zip(map(Path, sys.argv[1:]), (rewrite, rewrite_digest), strict=False):
        document.write_text(renew(document.read_text(encoding="utf-8")), encoding="utf-8")
