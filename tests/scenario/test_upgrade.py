"""Upgrades: from a database of every version before, with nothing lost; downgrades are refused."""

from __future__ import annotations

import asyncio
import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlite_utils import Database

from bot.app import App
from bot.cli.main import front
from bot.domain import MessageState, PaperwireError, Post, PostKind
from bot.platforms.terminal import Terminal
from bot.ports import Sent
from bot.services.backup import back_up_before_upgrade
from bot.settings import load
from bot.store import Store, outbox, passed, schema, snapshot
from bot.store.passed import Passed
from tests.store import schema_dumps

EVERY = schema_dumps.names()
NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(front, ["--home", str(home), *words])


def refusal(home: Path, *words: str) -> str:
    """Return the one sentence a command ends with."""
    with pytest.raises(PaperwireError) as caught:
        CliRunner().invoke(
            front,
            ["--home", str(home), *words],
            standalone_mode=False,
            catch_exceptions=False,
        )
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.fixture
def later_version(monkeypatch: pytest.MonkeyPatch) -> str:
    """Make this program one migration newer than it is."""
    present = schema.migrations

    def migrations() -> object:
        steps = present()

        @steps(name="9999_later")
        def later(db: Database) -> None:
            db.conn.execute("CREATE TABLE later (a TEXT) STRICT")

        return steps

    monkeypatch.setattr(schema, "migrations", migrations)
    return "9999_later"


@pytest.mark.parametrize("version", EVERY)
def test_every_version_has_its_dump_and_its_migrations_were_not_edited_since(version: str) -> None:
    path = schema_dumps.FOLDER / f"{version}.sql"
    assert path.is_file(), "run: make schema, and add the file"
    with closing(schema_dumps.build(version)) as made, closing(sqlite3.connect(":memory:")) as kept:
        kept.executescript(path.read_text(encoding="utf-8"))
        assert schema_dumps.schema(made) == schema_dumps.schema(kept), (
            f"{version} differs from what was released: add a migration, never change one"
        )


@pytest.mark.parametrize("version", EVERY)
def test_a_database_of_that_version_comes_up_with_every_row(version: str, tmp_path: Path) -> None:
    path = tmp_path / "paperwire.db"
    schema_dumps.load(version, path)
    with closing(sqlite3.connect(path)) as old:
        before = schema_dumps.rows(old)
    Store(path).close()
    with (
        closing(sqlite3.connect(path)) as upgraded,
        closing(schema_dumps.build(EVERY[-1])) as fresh,
    ):
        after = schema_dumps.rows(upgraded)
        assert schema_dumps.schema(upgraded).keys() == schema_dumps.schema(fresh).keys()
        found = upgraded.execute("SELECT rowid FROM titles_fts WHERE titles_fts MATCH 'roads'")
        assert found.fetchall() == [(2,)]
        upgraded.row_factory = sqlite3.Row
        assert passed.of_digest(upgraded, 1) == (
            Passed(2, 20, "threshold", 30.0, "below the threshold"),
        )
    applied = [row["name"] for row in after.pop("_sqlite_migrations")]
    assert applied == EVERY
    before.pop("_sqlite_migrations")
    before.pop("passed_over")  # it is in another form since, and was asked for above
    for table, held in before.items():
        for old_row, row in zip(held, after[table], strict=True):
            assert {name: row[name] for name in old_row} == old_row
    assert snapshot.find_fault(path) == ""


# What an older version left behind, and whether the platform has the message already.
LEFT_BEHIND = {
    "planned": ("state = 'pending'", False),
    "failed once": ("state = 'pending', attempts = 1, not_before = '{past}'", False),
    "claimed by a process that died, and not sent": (
        "state = 'sending', attempts = 1, claimed_at = '{past}'",
        False,
    ),
    "claimed by a process that died, and sent": (
        "state = 'sending', attempts = 1, claimed_at = '{past}'",
        True,
    ),
    "of unknown fate, and there": (
        "state = 'unknown', attempts = 1, claimed_at = '{past}', not_before = '{past}'",
        True,
    ),
}


@pytest.mark.parametrize("left", LEFT_BEHIND)
@pytest.mark.parametrize("version", EVERY)
def test_the_service_delivers_exactly_once_what_an_older_version_left_pending(
    version: str, left: str, tmp_path: Path
) -> None:
    path = tmp_path / "paperwire.db"
    schema_dumps.load(version, path)
    how, there = LEFT_BEHIND[left]
    with closing(sqlite3.connect(path)) as old:
        old.execute(f"UPDATE messages SET {how.format(past=schema_dumps.NOW)} WHERE id = 2")
        old.commit()
    screen = Terminal(tmp_path / "terminal", stream=io.StringIO())
    if there:
        sent = asyncio.run(screen.send("ears", Post(PostKind.PAPER, "Speech"), "key-1"))
        assert isinstance(sent, Sent)
    settings = load(
        tmp_path,
        {"PAPERWIRE_HUGGINGFACE__ENABLED": "false", "PAPERWIRE_ARXIV__ENABLED": "false"},
    )

    async def live() -> dict[MessageState, int]:
        # Late enough after a start for a platform to be asked what became of a message.
        moments = iter([NOW + timedelta(seconds=30 * step) for step in range(200)])
        async with App(settings, lambda: next(moments)) as app:
            for _ in range(3):
                await app.once(fetch=False)
            with app.store.read() as connection:
                return outbox.counts(connection)

    assert asyncio.run(live()) == {MessageState.SENT: 2}
    assert asyncio.run(live()) == {MessageState.SENT: 2}
    again = Terminal(tmp_path / "terminal", stream=io.StringIO())
    assert [posted.key for posted in asyncio.run(again.posts("ears"))] == ["key-1"]
    kept = [one.name for one in (tmp_path / "backups").iterdir()]
    assert any("before" in name for name in kept) == (version != EVERY[-1])
    with closing(sqlite3.connect(path)) as upgraded:
        rows = upgraded.execute("SELECT paper_id, message_id FROM deliveries").fetchall()
        assert rows == [(1, 2)]
        assert upgraded.execute("SELECT signal, active FROM feedback").fetchall() == [("like", 1)]


def test_check_says_what_is_lacking_and_changes_nothing(tmp_path: Path, later_version: str) -> None:
    schema_dumps.load(EVERY[-1], tmp_path / "paperwire.db")
    before = (tmp_path / "paperwire.db").read_bytes()
    said = refusal(tmp_path, "migrate", "--check")
    assert said == (
        f"{tmp_path}/paperwire.db lacks 9999_later. Stop Paperwire, then: paperwire migrate"
    )
    assert (tmp_path / "paperwire.db").read_bytes() == before


def test_migrate_keeps_the_database_as_it_was(tmp_path: Path, later_version: str) -> None:
    schema_dumps.load(EVERY[-1], tmp_path / "paperwire.db")
    done = run(tmp_path, "migrate")
    assert done.exit_code == 0
    assert done.output.startswith(f"Applied 9999_later to {tmp_path}/paperwire.db\n")
    [kept] = (tmp_path / "backups").iterdir()
    assert f"As it was: {kept}\n" in done.output
    assert snapshot.standing(kept).pending == ("9999_later",)
    again = run(tmp_path, "migrate", "--check")
    assert again.exit_code == 0
    assert again.output == f"{tmp_path}/paperwire.db is up to date (9999_later).\n"


def test_without_a_database_there_is_nothing_to_migrate(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", "--check")
    assert done.exit_code == 0
    assert "There is no database" in done.output
    assert not (tmp_path / "paperwire.db").exists()


def test_the_service_backs_up_before_it_upgrades(tmp_path: Path, later_version: str) -> None:
    schema_dumps.load(EVERY[-1], tmp_path / "paperwire.db")
    (tmp_path / "paperwire.toml").write_text(
        "[huggingface]\nenabled = false\n[arxiv]\nenabled = false\n"
    )

    async def start_and_stop() -> None:
        async with App(load(tmp_path, {}), lambda: NOW):
            pass

    asyncio.run(start_and_stop())
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [
        "before-9999_later-20260615T090000Z.db"
    ]
    asyncio.run(start_and_stop())
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_a_database_that_needs_nothing_is_not_copied(tmp_path: Path) -> None:
    Store(tmp_path / "paperwire.db").close()
    assert back_up_before_upgrade(tmp_path / "paperwire.db", tmp_path / "kept", NOW) is None
    assert back_up_before_upgrade(tmp_path / "none.db", tmp_path / "kept", NOW) is None


@pytest.mark.parametrize(
    "words", [("migrate",), ("migrate", "--check"), ("run", "--once", "--no-fetch"), ("outbox",)]
)
def test_a_downgrade_is_refused_with_a_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "paperwire.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('paperwire', '9999_later', '')"
        )
        newer.commit()
    before = path.read_bytes()
    said = refusal(tmp_path, *words)
    assert "newer Paperwire (it has 9999_later)" in said
    assert path.read_bytes() == before


def test_a_back_up_of_a_newer_version_is_not_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later_version: str
) -> None:
    Store(tmp_path / "copy.db").close()
    monkeypatch.undo()
    said = refusal(tmp_path, "restore", str(tmp_path / "copy.db"))
    assert said.startswith(f"{tmp_path}/copy.db was made by a newer Paperwire")
    assert not (tmp_path / "paperwire.db").exists()


def test_an_old_back_up_is_brought_up_when_restored(tmp_path: Path) -> None:
    schema_dumps.load(EVERY[0], tmp_path / "old.db")
    done = run(tmp_path, "restore", str(tmp_path / "old.db"))
    assert done.exit_code == 0, done.output
    rows = "papers 2, listings 1, channels 1, digests 1, messages 2, deliveries 1, feedback 1"
    assert rows in done.output
    assert "terminal:ears: what may have been posted since is not posted again." in done.output
    assert snapshot.standing(tmp_path / "paperwire.db").pending == ()
