"""What the documents take from the code, so that it cannot rot.

That is the reference in deploy/README.md and the sample digest in README.md. ``make docs``
rewrites both; tests fail when the files say something else than the code.
"""

from __future__ import annotations

import ast
import inspect
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

BEGIN = "<!-- made by make docs: begin -->"
END = "<!-- made by make docs: end -->"
SAMPLE = "━━ Papers for language-lab · Tue 6 Oct"  # the digest that README.md shows
SAMPLE_MARK = "A digest, as a person sees it:\n\n```text\n"


def reference() -> str:
    """Return the settings, the commands, the /papers grammar and the metrics as Markdown."""
    return "\n".join([*_settings(), "", *_commands(), "", *_papers(), "", *_metrics(), ""])


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


def _metrics() -> Iterator[str]:
    yield "## Every metric"
    yield ""
    yield "At `/metrics` of `watch.metrics_port`, in Prometheus' text format. A metric that has"
    yield "nothing to tell yet has only its head there."
    yield ""
    yield "| metric | type | labels | what it tells |"
    yield "|---|---|---|---|"
    for metric in list_metrics():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {metric.type} | {labels} | {_cell(metric.about)} |"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is declared."""

    name: str
    type: str
    labels: tuple[str, ...]
    about: str


def list_metrics() -> tuple[Metric, ...]:
    """Return every metric that bot.services.metrics declares, in its order.

    A family is declared as (name, type, what it tells, samples). That is read from the source, as
    samples and with them their labels come from the database, which may hold none.
    """
    from bot.services import metrics

    found: list[Metric] = []
    walked = ast.walk(ast.parse(inspect.getsource(metrics)))
    tuples = [node for node in walked if isinstance(node, ast.Tuple) and len(node.elts) == 4]
    for node in sorted(tuples, key=lambda node: node.lineno):
        head = [one.value for one in node.elts[:3] if isinstance(one, ast.Constant)]
        if len(head) == 3 and str(head[0]).startswith("paperwire_"):
            name, kind, about = map(str, head)
            found.append(Metric(name, kind, _labels(node.elts[3]), about))
    return tuple(found)


def _labels(samples: ast.expr) -> tuple[str, ...]:
    keys = [
        str(key.value)
        for node in ast.walk(samples)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    ]
    return tuple(dict.fromkeys(keys))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    from bot.logs import configure

    configure("error")
    for document, renew in zip(map(Path, sys.argv[1:]), (rewrite, rewrite_digest), strict=False):
        document.write_text(renew(document.read_text(encoding="utf-8")), encoding="utf-8")
