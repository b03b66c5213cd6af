"""The audit in CI: findings fail it, a database that cannot be asked is said and does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "audit.py"
# Stands in for pip-audit: it answers what it is told, by the database that is asked.
TOLD = """#!{python}
import json, sys, time
assert sys.argv[1] == "--vulnerability-service" and "--require-hashes" in sys.argv
print(sys.argv[1:], file=open({log!r}, "a"))
said = json.load(open({answers!r}))[sys.argv[2]]
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


def audit(folder: Path, **answers: dict[str, Any]) -> tuple[int, str, int]:
    """Run the audit; return its status, what it printed, and how often a database was asked."""
    log, told = folder / "log", folder / "answers.json"
    log.touch()
    told.write_text(json.dumps(answers))
    tool = folder / "pip-audit"
    tool.write_text(TOLD.format(python=sys.executable, log=str(log), answers=str(told)))
    tool.chmod(0o755)
    ran = run(tool)
    assert ran.stderr == ""
    return ran.returncode, ran.stdout, len(log.read_text().splitlines())


def test_without_findings_it_says_how_many_were_audited(tmp_path: Path) -> None:
    status, out, asked = audit(tmp_path, pypi=answer(SOUND, UNKNOWN))
    assert (status, asked) == (0, 1)
    assert out == (
        "pip-audit: 1 packages audited, 0 with a known weakness, 1 not known there (numpy)\n"
    )


def test_a_finding_fails_it_and_names_the_package_and_the_way_out(tmp_path: Path) -> None:
    status, out, _ = audit(tmp_path, pypi=answer(SOUND, WEAK, status=1))
    assert status == 1
    assert "lxml 6.0 has PYSEC-1, fixed in 6.1\n" in out
    assert "lxml 6.0 has PYSEC-2, fixed in no version yet\n" in out


def test_the_second_database_is_asked_where_the_first_knows_nothing(tmp_path: Path) -> None:
    status, out, asked = audit(tmp_path, pypi=answer(UNKNOWN), osv=answer(WEAK, status=1))
    assert (status, asked) == (1, 2)
    assert "not run" not in out


@pytest.mark.parametrize(
    "first",
    [UNREACHABLE, answer(UNKNOWN), {"out": "[]", "err": "", "status": 0}, answer()],
    ids=["unreachable", "knows nothing", "another shape", "no packages"],
)
def test_where_nobody_can_be_asked_it_says_so_and_fails_nothing(
    tmp_path: Path, first: dict[str, Any]
) -> None:
    status, out, asked = audit(tmp_path, pypi=first, osv=UNREACHABLE)
    assert (status, asked) == (0, 2)
    assert out.startswith("pip-audit: not run: pypi: ")
    assert "ConnectionError: no route to host" in out
    assert out.count("\n") == 1


def test_a_tool_that_is_not_there_is_said(tmp_path: Path) -> None:
    ran = run(tmp_path / "missing")
    assert ran.returncode == 0
    assert "cannot be run (No such file or directory)" in ran.stdout
