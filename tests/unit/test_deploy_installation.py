"""What ``doctor`` says of the installation: whose ``ranking`` is imported, how old back-ups are."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot import pulse
from bot.cli.installation import find_ranking
from bot.cli.main import front
from bot.domain import PaperwireError

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "from bot.cli import main; main()"


def start(*words: str, before: Path) -> subprocess.CompletedProcess[str]:
    """Run the command with a folder that comes first on Python's path."""
    return subprocess.run(
        [sys.executable, "-c", ENTRY, *words],
        env={"PYTHONPATH": f"{before}:{ROOT}", "HOME": str(before)},
        cwd=before,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_our_own_ranking_is_found() -> None:
    assert find_ranking() == ROOT / "ranking"


@pytest.mark.parametrize("name", ["ranking.py", "ranking/__init__.py"])
def test_another_ranking_that_comes_first_is_refused_in_one_sentence(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise SystemExit('the other one was run')\n")
    done = start("outbox", before=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"paperwire: Python finds another 'ranking' first ({tmp_path}")
    assert str(ROOT / "ranking") in done.stderr
    assert "pip uninstall ranking" in done.stderr


def test_help_and_version_need_no_ranking(tmp_path: Path) -> None:
    (tmp_path / "ranking.py").write_text("raise SystemExit('the other one was run')\n")
    assert start("--help", before=tmp_path).returncode == 0
    assert start("--version", before=tmp_path).returncode == 0


def doctor(home: Path) -> str:
    return CliRunner().invoke(front, ["--home", str(home), "doctor"]).output


def line(output: str, name: str) -> str:
    [found] = [one for one in output.splitlines() if one[4:].startswith(f"{name}:")]
    return found


def test_doctor_says_how_old_the_newest_back_up_is(tmp_path: Path) -> None:
    assert "back-ups: none yet" in line(doctor(tmp_path), "back-ups")
    made = CliRunner().invoke(front, ["--home", str(tmp_path), "backup"])
    assert made.exit_code == 0, made.output
    assert line(doctor(tmp_path), "back-ups") == (
        f"ok  back-ups: 1 in {tmp_path}/backups, the newest 0 h old"
    )


def test_back_ups_that_a_running_copy_fails_to_make_are_a_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    old = datetime.now(UTC) - timedelta(days=5)
    (folder / f"paperwire-{old:%Y%m%dT%H%M%SZ}.db").touch()
    assert line(doctor(tmp_path), "back-ups") == (
        f"ok  back-ups: 1 in {folder}, the newest 120 h old; Paperwire is not running"
    )
    pulse.beat(tmp_path)
    told = doctor(tmp_path)
    assert line(told, "back-ups") == f"!!  back-ups: 1 in {folder}, the newest 120 h old"
    assert "next: paperwire backup" in told


def test_back_ups_switched_off_are_left_to_the_operator(tmp_path: Path) -> None:
    (tmp_path / "paperwire.toml").write_text("[backup]\nenabled = false\n")
    assert "left to you" in line(doctor(tmp_path), "back-ups")


def test_a_pulse_that_stands_still_is_told_from_none(tmp_path: Path) -> None:
    with pytest.raises(PaperwireError, match=r"does not run on .*\. Start it: paperwire run$"):
        pulse.feel(tmp_path, datetime.now(UTC))
    pulse.beat(tmp_path)
    assert pulse.feel(tmp_path, datetime.now(UTC)) == f"Paperwire runs on {tmp_path}"
    late = datetime.now(UTC) + timedelta(minutes=5)
    with pytest.raises(PaperwireError, match=r"last sign of life (299|300) s ago"):
        pulse.feel(tmp_path, late)
    pulse.end(tmp_path)
    pulse.end(tmp_path)
    with pytest.raises(PaperwireError, match="does not run"):
        pulse.feel(tmp_path, datetime.now(UTC))
