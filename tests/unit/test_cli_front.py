"""The front door: help without weight, refusals in one sentence, and terminals of every kind."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bot.cli.main import COMMANDS, GROUPS
from bot.domain import PaperwireError
from bot.store import Store, database
from tests.command_line import CommandLine

HEAVY = ("sklearn", "scipy", "numpy", "aiohttp", "pydantic", "lxml", "feedparser", "sqlite3",
         "sqlite_utils", "apscheduler", "slack_bolt", "discord", "rich")  # fmt: skip


def run(
    *arguments: str, home: Path, environ: dict[str, str] | None = None, typed: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a process of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PAPERWIRE_")}
    return subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", *arguments],
        env={**inherited, "PAPERWIRE_HOME": str(home), **(environ or {})},
        input=typed,
        capture_output=True,
        check=False,
        timeout=120,
    )


# --- help ---------------------------------------------------------------------------------------


def test_help_names_every_command_once(paperwire: CommandLine) -> None:
    ran = paperwire("--help")
    grouped = [name for _, names in GROUPS for name in names]
    assert ran.status == 0
    assert sorted(grouped) == sorted(COMMANDS)
    assert all(f"  {name} " in ran.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(paperwire: CommandLine, name: str) -> None:
    ran = paperwire(name, "--help")
    assert ran.status == 0
    assert ran.out.startswith(f"Usage: paperwire {name}")
    assert not paperwire.home.exists()


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from bot.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(','.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stderr.strip().split(",")}
    assert loaded & set(HEAVY) == set()
    assert "ranking" not in loaded


def test_without_a_command_the_help_is_shown_and_the_status_is_two(paperwire: CommandLine) -> None:
    ran = paperwire()
    assert ran.status == 2
    assert "First steps" in ran.err


def test_the_version_is_told(paperwire: CommandLine) -> None:
    from bot import __version__

    assert paperwire("--version").out == f"paperwire, version {__version__}\n"


# --- refusals -----------------------------------------------------------------------------------


def test_an_unknown_command_is_refused_with_the_nearest(paperwire: CommandLine) -> None:
    said = paperwire.refused("dmeo", status=2)
    assert "No such command 'dmeo'. Did you mean 'demo'?" in said


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("ingest",), "PATH"),
        (("search",), "QUERY"),
        (("search", "x", "--limit", "0"), "--limit"),
        (("outbox", "--state", "lost"), "lost"),
        (("run", "--no-fetch"), "--once"),
        (("backfill", "--since", "2026-06-02", "--until", "2026-06-01"), "is after"),
        (("plan", "--nonsense"), "--nonsense"),
    ],
)
def test_a_wrong_use_is_refused_with_status_two(
    paperwire: CommandLine, arguments: tuple[str, ...], word: str
) -> None:
    said = paperwire.refused(*arguments, status=2)
    assert word in said
    assert "--help" in said


@pytest.mark.parametrize("command", ["plan", "doctor", "search x", "outbox", "export", "run"])
def test_a_setting_that_is_none_is_named_with_its_file(
    paperwire: CommandLine, command: str
) -> None:
    paperwire.home.mkdir()
    (paperwire.home / "paperwire.toml").write_text("[fetch]\ntimeout = 5\n")
    ran = paperwire(*command.split())
    assert ran.status == 1
    said = ran.err or ran.out
    assert "paperwire.toml: there is no setting fetch.timeout" in said


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("PAPERWIRE_FETSH__ATTEMPTS", "3", "Did you mean PAPERWIRE_FETCH__ATTEMPTS?"),
        ("PAPERWIRE_DEFAULTS__TIMEZONE", "Mars/Olympus", "there is no such time zone"),
        ("PAPERWIRE_DEFAULTS__SCHEDULE", "0 9 * * 1", "weekday numbers"),
        ("PAPERWIRE_FETCH__ATTEMPTS", "many", "whole number"),
    ],
)
def test_a_wrong_variable_is_told_in_a_sentence(
    paperwire: CommandLine, variable: str, value: str, words: str
) -> None:
    paperwire.monkeypatch.setenv(variable, value)
    assert words in paperwire.refused("run", "--once", "--no-fetch")


def test_a_home_that_cannot_be_made_is_told_in_a_sentence(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "home"
    for command in ("outbox", "init", "chat", "run"):
        said = paperwire.refused("--home", home, command)
        assert str(home) in said


def test_a_file_in_the_homes_place_is_told_in_a_sentence(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in paperwire.refused("--home", tmp_path / "file", "outbox", status=2)


def test_a_database_that_another_process_holds_is_told_in_a_sentence(
    paperwire: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paperwire("outbox")
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    sample = tmp_path / "2026-06-15.json"
    sample.write_text("[]")
    holder = sqlite3.connect(paperwire.home / "paperwire.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    said = paperwire.refused("ingest", sample)
    holder.close()
    assert "held by another process" in said
    assert "paperwire doctor" in said
    assert paperwire("ingest", sample).status == 0


def test_a_damaged_database_is_told_in_a_sentence(paperwire: CommandLine) -> None:
    paperwire("outbox")
    path = paperwire.home / "paperwire.db"
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    body = bytearray(path.read_bytes())
    body[4096:] = b"\xff" * (len(body) - 4096)
    path.write_bytes(bytes(body))
    said = paperwire.refused("search", "x")
    assert "paperwire doctor" in said or "cannot be used" in said
    ran = paperwire("doctor", "--json")
    assert ran.status == 1
    assert not ran.json["ok"]


def test_a_full_disk_is_told_in_a_sentence(paperwire: CommandLine) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    said = paperwire.refused("export", "--output", "/dev/full")
    assert "No space left" in said


def test_a_newer_database_is_refused_by_every_command(paperwire: CommandLine) -> None:
    store = Store(paperwire.home / "paperwire.db")
    with store.write() as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('paperwire', '9999_from_tomorrow', '')"
        )
    store.close()
    for command in ("outbox", "export", "chat"):
        assert "newer Paperwire" in paperwire.refused(command)


def test_ctrl_c_ends_with_status_130_and_nothing_more(
    paperwire: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.demo.play", interrupt)
    ran = paperwire("demo")
    assert (ran.status, ran.out, ran.err.strip()) == (130, "", "")


@pytest.mark.parametrize(
    ("trouble", "status", "words"),
    [
        (BrokenPipeError(), 0, ""),
        (OSError(28, "No space left on device", "wire.db"), 1, "No space left on device: wire.db."),
        (sqlite3.OperationalError("database is locked"), 1, "held by another process"),
        (sqlite3.DatabaseError("disk image is malformed"), 1, "disk image is malformed"),
        (click.FileError("wire.json", "it is torn"), 1, "it is torn"),
        (click.Abort(), 130, ""),
        (PaperwireError("It is late. Go to bed."), 1, "It is late. Go to bed."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_trouble_anywhere_is_a_sentence_and_a_status(
    paperwire: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Exception,
    status: int,
    words: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr("bot.demo.play", fail)
    ran = paperwire("demo")
    assert ran.status == status
    assert words in ran.err
    assert ran.err.strip() == "" or ran.err.startswith("paperwire: ")


def test_a_bug_is_not_hidden(paperwire: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.demo.play", fail)
    with pytest.raises(ZeroDivisionError):
        paperwire("demo")


# --- terminals of every kind --------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_any_encoding_shows_what_it_can(tmp_path: Path, encoding: str) -> None:
    environ = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    ran = run("chat", "subscribe", "grapheme", environ=environ, home=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert b"Subscribed" in ran.stdout
    help_ = run("chat", "help", environ=environ, home=tmp_path)
    assert help_.returncode == 0, help_.stderr
    assert b"Traceback" not in help_.stderr


def test_typed_bytes_that_are_no_text_are_no_trouble(tmp_path: Path) -> None:
    ran = run("chat", home=tmp_path, typed=b"subscribe \xff\xfe graphs\nstatus\n")
    assert ran.returncode == 0, ran.stderr
    assert b"Status of desk" in ran.stdout


def test_a_file_whose_name_is_no_text_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "listings"
    folder.mkdir()
    name = os.fsdecode(b"\xff 2026-06-15.json")
    try:
        (folder / name).write_text("[]")
    except OSError:
        pytest.skip("this file system takes only names that are text")
    ran = run("ingest", "--json", str(folder), home=tmp_path / "home")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["outcome"] == "empty"


def test_a_reader_that_has_had_enough_is_no_trouble(tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PAPERWIRE_")}
    program = f"{sys.executable} -c 'from bot.cli import main; main()'"
    for command in ("export", "init --help", "chat help"):
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {program} {command} | true"],
            env={**environ, "PAPERWIRE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stderr == ""
        assert done.returncode in {0, 1}  # rich ends with 1 where it is the one that writes


def test_no_colour_where_none_is_wanted(tmp_path: Path) -> None:
    script = Path("/usr/bin/script")
    if not script.exists():
        pytest.skip("there is no script(1) to make a terminal with")
    program = f"{sys.executable} -c 'from bot.cli import main; main()' doctor"
    seen = {}
    for wanted in ("", "1"):
        environ = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        done = subprocess.run(
            [script, "-qec", program, "/dev/null"],
            env={**environ, "PAPERWIRE_HOME": str(tmp_path), "NO_COLOR": wanted, "TERM": "xterm"},
            capture_output=True,
            check=False,
            timeout=60,
        )
        seen[wanted] = b"\x1b[3" in done.stdout
    assert seen == {"": True, "1": False}
