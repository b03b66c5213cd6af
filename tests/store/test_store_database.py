"""Opening the database: migrations, refusals in one sentence, transactions and threads."""

from __future__ import annotations

import multiprocessing
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bot.domain import PaperwireError
from bot.store import Store
from bot.store.schema import migrations


def _refusal(path: Path) -> str:
    with pytest.raises(PaperwireError) as caught:
        Store(path)
    said = str(caught.value)
    assert "\n" not in said
    return said


def _tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    finally:
        connection.close()


def test_an_empty_file_gets_every_table_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "wire.db"
    Store(path).close()
    assert {"papers", "messages", "deliveries", "feedback", "quarantine"} <= _tables(path)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "wire.db"
    Store(path).close()
    before = _dump(path)
    Store(path).close()
    assert _dump(path) == before


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_migrations_are_named_in_their_order() -> None:
    names = [step.name for step in migrations()._migrations]
    assert names == sorted(names)
    assert names[0] == "0001_wire"


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "wire.db"
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " VALUES ('paperwire', '9999_from_tomorrow', '')"
    )
    connection.commit()
    connection.close()
    before = _dump(path)
    said = _refusal(path)
    assert "9999_from_tomorrow" in said
    assert "Upgrade Paperwire" in said
    assert _dump(path) == before


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "wire.db"
    path.write_text("These are my notes, not a database. " * 50)
    said = _refusal(path)
    assert str(path) in said
    assert "PAPERWIRE_HOME" in said
    assert path.read_text().startswith("These are my notes")


def test_a_folder_in_the_databases_place_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "wire.db"
    path.mkdir()
    assert str(path) in _refusal(path)


def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "PAPERWIRE_HOME" in _refusal(tmp_path / "file" / "wire.db")


def test_a_read_only_database_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wire.db"
    Store(path).close()
    # File modes bind nobody who runs as root, so the system's answer is given here.
    monkeypatch.setattr("bot.store.database.os.access", lambda *_: False)
    assert "it is not writable" in _refusal(path)


def _open_and_close(path: str, start: object, answers: object) -> None:
    start.wait()  # type: ignore[attr-defined]  # a barrier of multiprocessing
    try:
        Store(Path(path)).close()
        answers.put("")  # type: ignore[attr-defined]  # a queue of multiprocessing
    except PaperwireError as error:
        answers.put(str(error))  # type: ignore[attr-defined]  # as above


def test_several_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(3), context.Queue()
    path = str(tmp_path / "wire.db")
    running = [
        context.Process(target=_open_and_close, args=(path, start, answers)) for _ in range(3)
    ]
    for process in running:
        process.start()
    said = [answers.get(timeout=60) for _ in running]
    for process in running:
        process.join()
    assert said == ["", "", ""]


def test_what_fails_inside_a_write_is_undone_whole() -> None:
    store = Store(None)

    def fail() -> None:
        with store.write() as connection:
            connection.execute("INSERT INTO meta VALUES ('a', '1')")
            with store.write() as inner:
                inner.execute("INSERT INTO meta VALUES ('b', '2')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as connection:
        keys = [row["key"] for row in connection.execute("SELECT key FROM meta")]
    store.close()
    assert keys == ["person_key"]


def test_a_write_inside_a_read_is_refused_and_not_silently_lost() -> None:
    store = Store(None)
    with pytest.raises(RuntimeError), store.read(), store.write() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', '1')")
    with store.write() as connection, store.read():
        connection.execute("INSERT INTO meta VALUES ('b', '2')")
    with store.read() as connection:
        keys = [row["key"] for row in connection.execute("SELECT key FROM meta ORDER BY key")]
    store.close()
    assert keys == ["b", "person_key"]


def test_statistics_are_renewed_only_when_nobody_else_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "paperwire.db")
    other = sqlite3.connect(
        tmp_path / "paperwire.db", isolation_level=None, check_same_thread=False
    )
    with store.write() as connection:
        connection.executemany(
            "INSERT INTO events VALUES (?, '2026-06-15')", [(f"e{n}",) for n in range(500)]
        )
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, other.rollback).start()
    store.optimise()
    assert not other.in_transaction  # it was waited for
    other.close()
    store.close()


def test_a_read_sees_one_moment_while_another_thread_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "wire.db")

    def write() -> None:
        with store.write() as connection:
            connection.execute("INSERT INTO meta VALUES ('a', '1')")

    def count() -> int:
        return int(store.connection().execute("SELECT count(*) FROM meta").fetchone()[0])

    with store.read():
        before = count()
        other = threading.Thread(target=write)
        other.start()
        other.join()
        during = count()
    after = count()
    store.close()
    assert (before, during, after) == (1, 1, 2)


def test_each_thread_has_its_own_connection_and_close_ends_them_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "wire.db")
    found: list[sqlite3.Connection] = [store.connection()]
    thread = threading.Thread(target=lambda: found.append(store.connection()))
    thread.start()
    thread.join()
    store.close()
    assert found[0] is not found[1]
    for connection in found:
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")


def test_times_are_written_so_that_text_order_is_time_order() -> None:
    from datetime import UTC, datetime, timedelta, timezone

    from bot.store.times import to_text, to_time

    berlin = timezone(timedelta(hours=2))
    earlier = datetime(2026, 6, 15, 8, 59, 59, 999999, berlin)
    later = datetime(2026, 6, 15, 7, 0, tzinfo=UTC)
    assert to_text(earlier) < to_text(later)
    assert to_time(to_text(earlier)) == earlier


def test_what_was_written_outlives_a_power_cut(tmp_path: Path) -> None:
    # The tests themselves do not wait for the disk, so another process is asked.
    ask = (
        "import sys; from pathlib import Path; from bot.store import Store;"
        "connection = Store(Path(sys.argv[1])).connection();"
        "print(*(connection.execute(f'PRAGMA {name}').fetchone()[0]"
        " for name in ('synchronous', 'journal_mode')))"
    )
    command = [sys.executable, "-c", ask, str(tmp_path / "wire.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["2", "wal"]  # 2: full
