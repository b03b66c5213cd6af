"""Keeping a secret: a file of its own that only its owner reads, named in the settings file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from bot.domain import PaperwireError
from bot.settings.fields import list_settings
from bot.settings.loading import FILE_NAME, SECRETS_DIR
from bot.settings.showing import commented_toml

FOLDER = "secrets"  # in the home folder
PRIVATE = 0o600


def write_settings_file(path: Path) -> None:
    """Write a new settings file, for its owner only. Raises PaperwireError."""
    _write(path, commented_toml())


def keep_secret(home: Path, name: str, value: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Write the secret setting ``name`` (``slack.bot_token``) to a file of mode 600; return it.

    In the folder of PAPERWIRE_SECRETS_DIR where that is set and writable, which is read without
    being named; else in the home folder's ``secrets``, and the settings file is made to name it,
    being written first where there is none. Raises PaperwireError when something cannot be written.
    """
    variable = next(s.variable for s in list_settings() if s.name == name and s.secret)
    named = environ.get(SECRETS_DIR, "").strip()
    if named and os.access(Path(named).expanduser(), os.W_OK):
        path = Path(named).expanduser() / variable.lower()
        _write(path, f"{value}\n")
        return path
    path = home / FOLDER / variable.lower()
    _write(path, f"{value}\n")
    settings = home / FILE_NAME
    if not settings.exists():
        write_settings_file(settings)
    text = settings.read_text(encoding="utf-8")
    section, key = name.split(".")
    _write(settings, _name_file(text, section, key, f"{FOLDER}/{path.name}"))
    return path


def _name_file(text: str, section: str, key: str, file_name: str) -> str:
    """Return a settings file's text with ``key_file`` in its section, and nothing else changed."""
    line = f'{key}_file = "{file_name}"'
    head = re.search(rf"^\[{section}\][^\n]*(?:\n|\Z)", text, re.MULTILINE)
    if head is None:
        return f"{text.rstrip()}\n\n[{section}]\n{line}\n"
    following = re.compile(r"^#?\[", re.MULTILINE).search(text, head.end())
    end = following.start() if following else len(text)
    body = text[head.end() : end]
    old = re.compile(rf"^#? *{key}_file *=.*$", re.MULTILINE)
    # Ours may stand there already; the commented example comes next; else right below the head.
    found = sorted(old.finditer(body), key=lambda match: match[0].startswith("#"))
    start, stop, line = (*found[0].span(), line) if found else (0, 0, f"{line}\n")
    before = text[: head.end()].rstrip("\n")
    return f"{before}\n{body[:start]}{line}{body[stop:]}{text[end:]}"


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole; at no moment can others read it."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        number = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        partial.replace(path)
    except OSError as error:
        raise PaperwireError(
            f"{path} cannot be written ({error.strerror or error}). "
            "Make the folder writable, or choose another with --home or PAPERWIRE_HOME."
        ) from error
