"""The audit in CI: findings fail it, a database that cannot be asked is said and does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "audit.py"
# Stands in for pip-audit: it answers what it is told.
TOLD = """#!{python}
import json, sys
assert sys.argv[1:3] == ["--vulnerability-service", "pypi"] and "--require-hashes" in sys.argv
said = json.load(open({told!r}))
sys.stdout.write(said["out"])
sys.stderr.write(said["err"])
sys.exit(said["status"])
"""


def answer(*packages: dict[str, Any], status: int = 0) -> dict[str, Any]:
    return {"out": json.dumps({"dependencies": packages}), "err": "", "status": status}


SOUND = {"name": "aiohttp", "version": "3.14", "vulns": []}
WEAK = {
    "name": "lxml",
    "version": "6.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["6.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
UNKNOWN = {"name": "numpy", "skip_reason": "Dependency not found"}
UNREACHABLE = {"out": "", "err": "Traceback\nConnectionError: no route to host\n", "status": 1}


def run(tool: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, tool, "requirements.txt"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def audit(folder: Path, told: dict[str, Any]) -> tuple[int, str]:
    """Run the audit; return its status and what it printed."""
    answers = folder / "answers.json"
    answers.write_text(json.dumps(told))
    tool = folder / "pip-audit"
    tool.write_text(TOLD.format(python=sys.executable, told=str(answers)))
    tool.chmod(0o755)
    ran = run(tool)
    assert ran.stderr == ""
    return ran.returncode, ran.stdout


def test_without_findings_it_says_how_many_were_audited(tmp_path: Path) -> None:
    status, out = audit(tmp_path, answer(SOUND, UNKNOWN))
    assert status == 0
    assert out == (
        "pip-audit: 1 packages audited, 0 with a known weakness, 1 not known there (numpy)\n"
    )


def test_a_finding_fails_it_and_names_the_package_and_the_way_out(tmp_path: Path) -> None:
    status, out = audit(tmp_path, answer(SOUND, WEAK, status=1))
    assert status == 1
    assert "lxml 6.0 has PYSEC-1, fixed in 6.1\n" in out
    assert "lxml 6.0 has PYSEC-2, fixed in no version yet\n" in out


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (UNREACHABLE, "ConnectionError: no route to host"),
        (answer(UNKNOWN), "the index answers, and knows none of the 1 packages"),
        ({"out": "[]", "err": "", "status": 3}, "it ended with status 3"),
        (answer(), "the index answers, and knows none of the 0 packages"),
    ],
    ids=["unreachable", "knows nothing", "another shape", "no packages"],
)
def test_where_nobody_can_be_asked_it_says_so_and_fails_nothing(
    tmp_path: Path, told: dict[str, Any], reason: str
) -> None:
    assert audit(tmp_path, told) == (0, f"pip-audit: not run: {reason}\n")


def test_a_tool_that_is_not_there_is_said(tmp_path: Path) -> None:
    ran = run(tmp_path / "missing")
    assert ran.returncode == 0
    assert "cannot be run (No such file or directory)" in ran.stdout
