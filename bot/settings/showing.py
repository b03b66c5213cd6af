"""The settings as text: the file to start from, and a row for each in the documentation."""

from __future__ import annotations

import json
import textwrap
import types
from dataclasses import dataclass
from enum import EnumType
from typing import Literal, Union, get_args, get_origin

from pydantic import SecretStr

from bot.settings.fields import Setting, list_feed_fields, list_sections, list_settings
from bot.settings.model import Feed

_HEAD = """\
# Settings of Paperwire. Every setting is here with its default; to change one, remove the # before
# it. A variable of the environment wins over this file, for example PAPERWIRE_WEB__PORT=9000.
# Keep secrets out of it: name a file that holds them, as in slack.bot_token_file.
# After a change: paperwire doctor
"""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting for the documentation; ``default`` is empty where there is none."""

    name: str
    variable: str
    type: str
    default: str
    description: str


def commented_toml() -> str:
    """Return the text of a new settings file: all there is, explained, and nothing changed."""
    blocks = [_HEAD]
    settings = list_settings()
    for section, model in list_sections():
        lines = [*_comment(model.__doc__ or ""), f"[{section}]"]
        for setting in settings:
            if setting.section == section:
                lines += _lines(setting)
        blocks.append("\n".join(lines) + "\n")
    lines = [*_comment(f"{Feed.__doc__} Repeat this part for each."), "#[[feeds]]"]
    for setting in list_feed_fields():
        lines += _lines(setting)
    blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def describe() -> tuple[SettingRow, ...]:
    """Return every setting, in the order of the file, for the documentation."""
    return tuple(
        SettingRow(
            name=setting.name,
            variable=setting.variable,
            type=_say_type(setting),
            default=_write_default(setting),
            description=setting.field.description or (Feed.__doc__ or "").rstrip("."),
        )
        for setting in list_settings()
    )


def _lines(setting: Setting) -> list[str]:
    kind = _say_type(setting)
    lines = _comment(f"{setting.field.description} ({kind}).")
    written = _write_default(setting)
    if not written:
        example = setting.field.examples[0] if setting.field.examples else "..."
        written = json.dumps(example, ensure_ascii=False)
    lines.append(f"#{setting.key} = {written}")
    if setting.secret:
        path = f"/run/secrets/{setting.variable.lower()}"
        lines.append(f"#{setting.key}_file = {json.dumps(path)}")
    return lines


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, width=96, initial_indent="# ", subsequent_indent="# ")


def _write_default(setting: Setting) -> str:
    """Return the default as TOML, which for these types is written as JSON is; empty for none."""
    if setting.field.is_required():
        return ""
    default = setting.field.get_default()
    return "" if default is None else json.dumps(default, ensure_ascii=False)


def _say_type(setting: Setting) -> str:
    kind = setting.field.annotation
    if get_origin(kind) in {Union, types.UnionType}:
        kind = next(part for part in get_args(kind) if part is not type(None))
    words = {bool: "true or false", int: "a whole number", float: "a number", SecretStr: "secret"}
    if get_origin(kind) is Literal:
        said = _alternatives([str(choice) for choice in get_args(kind)])
    elif isinstance(kind, EnumType):
        said = _alternatives([str(choice) for choice in kind])
    elif get_origin(kind) is tuple:
        said = "a list"
    else:
        said = words.get(kind, "text") if isinstance(kind, type) else "text"
    low, high = _bounds(setting)
    return f"{said} from {low:g} to {high:g}" if low is not None and high is not None else said


def _alternatives(choices: list[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _bounds(setting: Setting) -> tuple[float | None, float | None]:
    low = next((m.ge for m in setting.field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in setting.field.metadata if hasattr(m, "le")), None)
    return low, high
