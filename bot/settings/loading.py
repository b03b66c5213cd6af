"""Settings from the file, the environment and secret files, with the origin of each value.

Later places win: the defaults, ``paperwire.toml`` in the home folder, the environment, the
secrets folder. In the file and in the environment a secret may be named by a file that holds it,
``bot_token_file`` for ``bot_token``; the file then wins over a value in the same place.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_origin

from pydantic import ValidationError

from bot.domain import PaperwireError
from bot.settings.fields import PREFIX, Setting, list_feed_fields, list_settings
from bot.settings.model import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FILE_NAME = "paperwire.toml"
HOME = "PAPERWIRE_HOME"
SECRETS_DIR = "PAPERWIRE_SECRETS_DIR"
_FILE_SUFFIX = "_file"
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as it was given, and how to speak of the place where it stands."""

    value: object
    place: str
    remedy: str


_Values = dict[str, _Given]


def load(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check all settings.

    ``home`` overrides ``PAPERWIRE_HOME``; without either it is the user's data folder. Raises
    PaperwireError that names the place, the setting, what is wrong and what to do.
    """
    folder = find_home(home, environ)
    values = _read_file(folder)
    values |= _read_environment(folder, environ)
    values |= _read_secrets(environ)
    return _check(folder, values)


def find_home(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the settings file and the database, whether or not it exists."""
    if home is not None:
        return home.expanduser().absolute()
    if named := environ.get(HOME, "").strip():
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("paperwire", appauthor=False)


# --- the file -----------------------------------------------------------------------------------


def _read_file(home: Path) -> _Values:
    path = home / FILE_NAME
    text = _read_text(path, f"The settings file {path}", missing_ok=True)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        lines = text.split("\n")
        end = f"at line {len(lines)}, column {len(lines[-1]) + 1}"
        said = str(error).replace("at end of document", end)
        raise PaperwireError(
            f"The settings file {path} is not valid TOML: {said}. Correct that place; texts need "
            "quotes, and every key stands once."
        ) from None
    except RecursionError:
        raise PaperwireError(
            f"The settings file {path} is nested too deeply. Write a fresh one: paperwire init"
        ) from None
    values: _Values = {}
    for setting, value, is_file in _walk(path, data):
        place = f"{path}: {setting.name}{_FILE_SUFFIX if is_file else ''}"
        remedy = "Correct it there, or delete the line"
        # The secret files come first, and win.
        if setting.name not in values:
            held = _read_secret(home, str(value), place) if is_file else value
            values[setting.name] = _Given(held, place, remedy)
    return values


def _walk(path: Path, data: Mapping[str, object]) -> Iterator[tuple[Setting, object, bool]]:
    """Yield the settings of the file, secret files first; raise at a key that is none."""
    known = {setting.name: setting for setting in list_settings()}
    sections = {setting.section for setting in known.values() if setting.section}
    found: list[tuple[Setting, object, bool]] = []
    for section, table in data.items():
        if section in known:
            found.append((known[section], table, False))
            continue
        if section not in sections:
            raise _unknown_in_file(path, section, known)
        if not isinstance(table, dict):
            raise PaperwireError(
                f"{path}: {section} is a section. Write [{section}] on a line of its own and its "
                "settings below."
            )
        for key, value in table.items():
            name = f"{section}.{key}"
            base = known.get(name.removesuffix(_FILE_SUFFIX))
            if name in known:
                found.append((known[name], value, False))
            elif base is not None and base.secret:
                found.append((base, value, True))
            else:
                raise _unknown_in_file(path, name, known)
    yield from sorted(found, key=lambda row: not row[2])


def _unknown_in_file(path: Path, name: str, known: Mapping[str, Setting]) -> PaperwireError:
    names = {**known, **{setting.section: setting for setting in known.values()}}
    names.pop("", None)
    tails = [full for full in known if full.endswith(f".{name}")]
    near = tails[:1] or difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if tails:
        section, key = near[0].split(".")
        hint = f"It belongs below the line [{section}], as {key}."
    elif near:
        hint = f"Did you mean {near[0]}?"
    else:
        hint = "Remove it; every setting there is stands in the file that paperwire init writes."
    return PaperwireError(f"{path}: there is no setting {name}. {hint}")


# --- the environment and the secrets folder -----------------------------------------------------


def _read_environment(home: Path, environ: Mapping[str, str]) -> _Values:
    known = {setting.variable: setting for setting in list_settings()}
    values: _Values = {}
    from_files: _Values = {}
    for variable, text in sorted(environ.items()):
        name = variable.upper()
        if not name.startswith(PREFIX) or name in {HOME, SECRETS_DIR}:
            continue
        setting = known.get(name)
        base = known.get(name.removesuffix(_FILE_SUFFIX.upper()))
        if setting is None and (base is None or not base.secret):
            raise _unknown_variable(variable, known)
        if not text.strip():
            continue  # compose files pass an unset variable on as an empty one
        remedy = "Correct the variable, or unset it"
        if setting is not None:
            values[setting.name] = _Given(_split_list(setting, text, variable), variable, remedy)
        elif base is not None:
            from_files[base.name] = _Given(_read_secret(home, text, variable), variable, remedy)
    return values | from_files


def _unknown_variable(variable: str, known: Mapping[str, Setting]) -> PaperwireError:
    names = [*known, HOME, SECRETS_DIR, *(f"{v}_FILE" for v, s in known.items() if s.secret)]
    near = difflib.get_close_matches(variable.upper(), names, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]}?" if near else "Unset it."
    return PaperwireError(f"{variable}: there is no such setting. {hint}")


def _split_list(setting: Setting, text: str, variable: str) -> object:
    """Return a variable's value; a list is written as JSON or with commas between."""
    if get_origin(setting.field.annotation) is not tuple:
        return text
    if setting.key != "feeds" and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        example = '[{"name": "my-journal", "url": "https://example.org/feed.xml"}]'
        raise PaperwireError(
            f"{variable} is not valid JSON. Write a list, for example: "
            f"{example if setting.key == 'feeds' else 'a,b'}"
        ) from None


def _read_secrets(environ: Mapping[str, str]) -> _Values:
    """Read ``paperwire_slack__bot_token`` and its like from the folder of secret files."""
    folder_name = environ.get(SECRETS_DIR, "").strip()
    if not folder_name:
        return {}
    folder = Path(folder_name).expanduser()
    known = {setting.variable: setting for setting in list_settings() if setting.secret}
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise PaperwireError(
            f"{SECRETS_DIR}={folder_name} cannot be read: {_reason(error)}. Name a folder with "
            "files such as paperwire_slack__bot_token, or unset the variable."
        ) from None
    values: _Values = {}
    for path in paths:
        name = path.name.upper()
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"Did you mean {near[0].lower()}?" if near else "Remove it from the folder."
            raise PaperwireError(f"The secret file {path} belongs to no secret setting. {hint}")
        place = f"The secret file {path}"
        text = _read_secret(folder, str(path), place)
        values[known[name].name] = _Given(text, place, "Correct or remove the file")
    return values


def _read_secret(base: Path, name: str, place: str) -> str:
    """Return a secret file's text; a relative name is taken from ``base``."""
    path = base / Path(name).expanduser()
    text = _read_text(path, f"{place}: the file {path}").strip()
    if not text:
        raise PaperwireError(f"{place}: the file {path} is empty. Write the secret into it.")
    return text


def _read_text(path: Path, subject: str, *, missing_ok: bool = False) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise PaperwireError(f"{subject} is over 1 MB, so it is hardly what is meant.")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        if missing_ok:
            return ""
        reason = "it is not there"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"line {line} is not UTF-8 text"
    except (OSError, ValueError) as error:
        reason = _reason(error)
    raise PaperwireError(f"{subject} cannot be read: {reason}. Check the path and its rights.")


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    said = said or str(error)
    return said[:1].lower() + said[1:]


# --- checking -----------------------------------------------------------------------------------


def _check(home: Path, values: _Values) -> Settings:
    data: dict[str, object] = {"home": home}
    tables: dict[str, dict[str, object]] = {}
    for setting in list_settings():
        given = values.get(setting.name)
        if given is None:
            continue
        if setting.section:
            tables.setdefault(setting.section, {})[setting.key] = given.value
        else:
            data[setting.key] = given.value
    try:
        return Settings.model_validate({**data, **tables})
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        message = _explain(wrong[0], values)
        more = f" (And {len(wrong) - 1} more.)" if len(wrong) > 1 else ""
        # The original may quote a secret in its context.
        raise PaperwireError(message + more) from None


_LIKE_A_SECRET = re.compile(r"(?!https?:|wss?:)(?=\S*\d)\S{12,}")


def _explain(error: ErrorDetails, values: _Values) -> str:
    """Return one wrong value as a sentence: place, value unless secret, reason, next step."""
    reason = _say_reason(error)
    setting, inside = _locate(error["loc"])
    given = values.get(setting.name) if setting else None
    if setting is None or given is None:
        # The fault lies between the settings of a section.
        section = str(error["loc"][0])
        places = [g.place for name, g in values.items() if name.startswith(f"{section}.")]
        return f"The settings of {section} do not fit together: {reason}. See {', '.join(places)}."
    value = "" if setting.secret else f" = {_show_given(error['input'])}"
    example = f" (for example {_show(setting.field.examples[0])})" if setting.field.examples else ""
    default = setting.field.get_default()
    if default is not None and default not in ((), ""):
        fallback = f" for the default, {_show(default)}"
    else:
        fallback = ""
    problem = f"{given.place}{inside}{value} cannot be used: {reason}{example}"
    return f"{problem}{'' if problem.endswith('?') else '.'} {given.remedy}{fallback}."


def _locate(location: tuple[int | str, ...]) -> tuple[Setting | None, str]:
    """Return the setting of an error's location, and the path inside its value."""
    known = {setting.name: setting for setting in list_settings()}
    for length in (2, 1):
        name = ".".join(map(str, location[:length]))
        if name in known:
            rest = location[length:]
            inside = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in rest)
            return known[name], inside
    return None, ""


def _say_reason(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    key = str(error["loc"][-1])
    reasons = {
        "bool_parsing": "it is true or false",
        "bool_type": "it is true or false",
        "int_parsing": "it is a whole number",
        "int_type": "it is a whole number",
        "int_from_float": "it is a whole number",
        "float_parsing": "it is a number",
        "float_type": "it is a number",
        "string_type": "it is a text in quotes",
        "tuple_type": "it is a list",
        "missing": f"{key} is missing",
        "greater_than_equal": f"it is at least {context.get('ge')}",
        "less_than_equal": f"it is at most {context.get('le')}",
        "literal_error": f"it is {context.get('expected')}",
        "enum": f"it is {context.get('expected')}",
        "string_pattern_mismatch": f"it has another form than asked for ({_describe(key)})",
        "string_too_short": "it is empty",
        "string_too_long": f"it has at most {context.get('max_length')} characters",
        "too_short": "it is empty",
        "too_long": f"it has at most {context.get('max_length')} entries",
    }
    if error["type"] == "extra_forbidden":
        names = [setting.key for setting in list_feed_fields()]
        near = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        return f"there is no setting {key}; {hint}"
    said = error["msg"].removeprefix("Value error, ")
    return reasons.get(error["type"], said[:1].lower() + said[1:])


def _describe(key: str) -> str:
    described = {s.key: s.field.description or "" for s in (*list_settings(), *list_feed_fields())}
    said = described.get(key, "")
    return said[:1].lower() + said[1:]


def _show_given(value: object) -> str:
    # A token that was put into the wrong place would go into a log, or into a question to others.
    if isinstance(value, str) and _LIKE_A_SECRET.fullmatch(value):
        return f"a text of {len(value)} characters that may be a secret"
    return _show(value)


def _show(value: object) -> str:
    try:
        shown = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        shown = str(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
