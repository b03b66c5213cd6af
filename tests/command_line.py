"""The ``paperwire`` command inside the test's own process: its status and what it printed."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """How one call ended. No trouble is ever more than a sentence on standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value that was printed."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        """The JSON values that were printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class CommandLine:
    """Calls ``paperwire`` with a home folder of its own."""

    home: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str | Path, typed: str = "") -> Ran:
        """Run it with ``typed`` on standard input; it never ends with a traceback."""
        self.monkeypatch.setattr(sys, "argv", ["paperwire", *map(str, arguments)])
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        self.capsys.readouterr()
        try:
            main()
        except SystemExit as ended:
            status = ended.code
        assert isinstance(status, int)
        captured = self.capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Ran(status, captured.out, captured.err)

    def refused(self, *arguments: str | Path, status: int = 1, typed: str = "") -> str:
        """Run it, expect a refusal in one line on standard error, and return that line."""
        ran = self(*arguments, typed=typed)
        assert ran.status == status, ran
        assert ran.err.startswith("paperwire: "), ran
        assert ran.err.count("\n") == 1, ran
        return ran.err.removeprefix("paperwire: ").rstrip("\n")


@pytest.fixture
def paperwire(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    """Return the command with an empty home; logs are as they were afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    for name in os.environ:
        if name.startswith("PAPERWIRE_"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("PAPERWIRE_HOME", str(home))
    yield CommandLine(home, capsys, monkeypatch)
    structlog.reset_defaults()
    root.handlers[:], root.level = before
