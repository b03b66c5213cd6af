"""What the table says to people: help, completion, and commands put together from options."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from bot.commands.model import ArgumentSpec, CommandError, CommandSpec
from bot.commands.table import BY_NAME, COMMANDS, GROUPS, KEYS, NAMES, SETTINGS, TOP_NAMES

_PREFIX = re.compile(r"\s*/?papers\s+", re.IGNORECASE)
_WRITTEN_FORM = (
    "Interests are words or phrases with commas between.",
    '  -"image generation"  mutes a topic: papers on it are left out',
    '  author:"Jane Roe"    follows an author',
    "  cat:cs.CL            follows an arXiv category; cat:cs.* all of them",
    "  2106.09685           a paper, by arXiv id, link or DOI, as an example of what you like",
)


def help_text() -> str:
    """Return the answer to a bare ``/papers help``: how to begin, then a line for each command."""
    lines = [
        "I post the new research papers that match this channel's interests, and learn from",
        "your 👍 and 👎. To begin, tell me what interests you, with commas between:",
        "",
        "  /papers subscribe low-resource translation, morphology",
        "",
        "All commands:",
        *(f"  {spec.usage} - {spec.description}" for spec in map(_shorten_usage, COMMANDS)),
        "",
        "PAPER is a number in the last digest (3), an arXiv id or a link.",
        "For one command with examples: /papers help subscribe",
    ]
    return "\n".join(lines)


def help_for(name: str) -> str:
    """Return what one command (or group, as ``profile``) does, how it is written, and examples.

    Raises CommandError for a name that is no command.
    """
    topic = " ".join(name.casefold().split())
    if topic in GROUPS:
        return "\n\n".join(help_for(n) for n in BY_NAME if n.startswith(f"{topic} "))
    if topic not in NAMES:
        raise CommandError(f'There is no command "{name[:40]}".', "/papers help [COMMAND]")
    spec = BY_NAME[NAMES[topic]]
    lines = [f"{spec.description}.", f"  {spec.usage}"]
    if spec.name in {"subscribe", "profile add", "profile set"}:
        lines += ["", *_WRITTEN_FORM]
    if spec.name in {"subscribe", "settings"}:
        lines += [
            "",
            "Settings are written as key=value, or as: at weekdays 09:00, in Europe/Berlin, top 5",
        ]
        lines += [f"  {setting.example} - {setting.description}" for setting in SETTINGS]
    if spec.examples:
        lines += ["", "For example:", *(f"  {example}" for example in spec.examples)]
    if aliases := [alias for alias in spec.aliases if alias.isascii()]:
        lines += ["", f"Also: {', '.join(aliases)}"]
    return "\n".join(lines)


def _shorten_usage(spec: CommandSpec) -> CommandSpec:
    if spec.name != "subscribe":
        return spec
    return CommandSpec(spec.name, "/papers subscribe INTERESTS", spec.description)


def complete(text: str, cursor: int) -> tuple[str, ...]:
    """Return what the word that ends at the cursor may become, best first; empty for nothing.

    Command words, ``profile`` subcommands, help topics and setting keys with their choices are
    completed; interests, papers and time zones are not.
    """
    typed = text[: max(0, cursor)]
    if re.fullmatch(r"\s*/\w*", typed) and "/papers".startswith(typed.strip().casefold()):
        return ("/papers",)
    typed = _PREFIX.sub("", typed, count=1).lstrip()
    *before, word = re.split(r"\s+", typed.casefold())
    if not before:
        return _starting(TOP_NAMES, word) or _nearest(word)
    return _complete_argument(before[0], before[1:], word)


def _complete_argument(first: str, before: list[str], word: str) -> tuple[str, ...]:
    name = NAMES.get(first, "")
    if name == "settings" or (name == "subscribe" and word):
        return _complete_setting(before, word)
    if before:
        return ()
    subcommands = [n.split()[1] for n in BY_NAME if n.startswith(f"{first} ")]
    choices = {"help": TOP_NAMES, "forget-me": ("yes", "no")}.get(name, ())
    return _starting(subcommands or choices, word)


def _complete_setting(before: list[str], word: str) -> tuple[str, ...]:
    key, equals, value = word.partition("=")
    if equals:
        setting = KEYS.get(key.replace("_", "-"))
        choices = setting.choices if setting else ()
        return tuple(f"{key}={choice}" for choice in _starting(choices, value))
    given = {KEYS[k].key for w in before if (k := w.casefold().partition("=")[0]) in KEYS}
    return _starting([f"{s.key}=" for s in SETTINGS if s.key not in given], word)


def _starting(candidates: tuple[str, ...] | list[str], word: str) -> tuple[str, ...]:
    return tuple(candidate for candidate in candidates if candidate.startswith(word))


def _nearest(word: str) -> tuple[str, ...]:
    names = [name for name in NAMES if " " not in name]
    near = [n for n in names if n.startswith(word)] or difflib.get_close_matches(
        word[:40], names, n=3, cutoff=0.6
    )
    return tuple(dict.fromkeys(NAMES[name].split()[0] for name in near))


def compose(name: str, values: Mapping[str, str | int]) -> str:
    """Write a command from options, so that ``parse`` reads it: for platforms with typed options.

    ``values`` go by the names of the command's arguments; empty ones are left out. Raises
    CommandError for a name that the table does not have.
    """
    if name not in BY_NAME:
        raise CommandError(f'There is no command "{name[:40]}".', "/papers help")
    spec = BY_NAME[name]
    known = {argument.name: argument for argument in spec.arguments}
    for unknown in values.keys() - known.keys():
        raise CommandError(f'{name} has no option "{unknown[:40]}".', spec.usage)
    parts = [name]
    for argument in spec.arguments:
        value = str(values.get(argument.name, "")).strip()
        if value:
            parts.append(_write_argument(argument, value))
    return " ".join(parts)


def _write_argument(argument: ArgumentSpec, value: str) -> str:
    if not argument.lead.endswith("="):
        return f"{argument.lead}{value}"
    plain = re.fullmatch(r"[\w/:.,+-]+", value)
    return f"{argument.lead}{value}" if plain else f'{argument.lead}"{value.replace(chr(34), "")}"'
