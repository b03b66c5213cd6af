"""Back-ups: made while it runs, proved, rotated; restored without a row lost or a post repeated."""

from __future__ import annotations

import json
import sqlite3
import stat
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.app import App, take_lock
from bot.cli.main import front
from bot.domain import MessageState, PaperwireError
from bot.services import backup
from bot.settings import load
from bot.store import Store, outbox
from tests.scenario.wire import MONDAY, Wire, api_entry, at

TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
ABOUT = (
    "Speech recognition falters in loud kitchens. A beamformer follows the cook through echoes.",
    "Speech recognition for children needs other pitches. An hour of recordings is enough here.",
    "Speech recognition of stutterers repeats syllables. A skip state in the decoder mends that.",
    "Speech recognition on watches drains the cell. We wake the model by the shape of a vowel.",
)


def a_day(number: int, **facts: Any) -> list[dict[str, Any]]:
    """Return one paper on speech recognition; another for every number."""
    return [
        api_entry(
            f"2606.{number + 100:05}", f"Speech recognition, study {number}", ABOUT[number], **facts
        )
    ]


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that holds something of ours."""
    connection = sqlite3.connect(path)
    try:
        names = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'titles_%'"
            )
        ]
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for name in names
        }
    finally:
        connection.close()


async def restored(wire: Wire, copy: Path, **how: bool) -> backup.Restored:
    """Lose everything that came after ``copy``; start again on it at the wire's hour."""
    await wire.close()
    done = backup.restore(wire.folder / "wire.db", copy, wire.now, **how)
    await wire.open()
    return done


async def test_a_restore_brings_every_row_back(wire: Wire, tmp_path: Path) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(0), MONDAY)
    await wire.step(at(MONDAY, 9))
    await wire.say("ears", "like 1")
    database, copy = wire.folder / "wire.db", tmp_path / "copy.db"
    backup.back_up(database, copy, wire.now)
    before = rows(database)
    done = await restored(wire, copy, nothing_posted_since=True)
    after = rows(database)
    stamp = [row for row in after["meta"] if row[0] == "backed_up_at"]
    assert stamp == [("backed_up_at", at(MONDAY, 9).isoformat(timespec="microseconds"))]
    after["meta"] = [row for row in after["meta"] if row[0] != "backed_up_at"]
    assert after == before
    assert done.rows["papers"] == len(before["papers"]) == 1
    assert done.rows["feedback"] == len(before["feedback"]) == 1


async def test_what_was_posted_after_the_back_up_is_not_posted_again(
    wire: Wire, tmp_path: Path
) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(0), MONDAY)
    await wire.step(at(MONDAY, 9))
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    wire.read(a_day(1), TUESDAY)
    await wire.step(at(TUESDAY, 9))
    first = [posted.key for posted in await wire.terminal.posts("ears")]

    wire.now = at(TUESDAY, 12)
    done = await restored(wire, tmp_path / "copy.db")
    assert done.channels == ("terminal:ears",)
    await wire.step(at(TUESDAY, 12))
    wire.read(a_day(1), TUESDAY)  # the source still lists it
    await wire.step(at(TUESDAY, 13))
    wire.read(a_day(2), WEDNESDAY)
    await wire.step(at(WEDNESDAY, 9))
    titles = await wire.titles("ears")
    assert titles == [f"Speech recognition, study {number}" for number in (0, 1, 2)]
    keys = [posted.key for posted in await wire.terminal.posts("ears")]
    assert keys[: len(first)] == first
    assert len(keys) == len(set(keys))


async def test_without_the_gap_the_same_restore_would_repeat_a_post(
    wire: Wire, tmp_path: Path
) -> None:
    """The scenario above has teeth: told that nothing was posted since, it posts again."""
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(0), MONDAY)
    await wire.step(at(MONDAY, 9))
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    wire.read(a_day(1), TUESDAY)
    await wire.step(at(TUESDAY, 9))
    wire.now = at(TUESDAY, 12)
    await restored(wire, tmp_path / "copy.db", nothing_posted_since=True)
    wire.read([*a_day(1), *a_day(2)], WEDNESDAY)
    await wire.step(at(WEDNESDAY, 9))
    assert (await wire.titles("ears")).count("Speech recognition, study 1") == 2


async def test_a_paper_set_aside_by_a_restore_says_so(wire: Wire, tmp_path: Path) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(0), MONDAY)
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    await wire.step(at(MONDAY, 9))
    wire.now = at(MONDAY, 10)
    await restored(wire, tmp_path / "copy.db")
    reply = await wire.say("ears", "why 2606.00100")
    assert "may have been posted already: a back-up of 15 Jun 2026 06:00 UTC" in reply.lines[0]
    assert await wire.titles("ears") == ["Speech recognition, study 0"]
    more = await wire.say("ears", "more")
    await wire.courier.settle()
    assert more.cards == ()
    assert await wire.titles("ears") == ["Speech recognition, study 0"]


async def test_neither_trending_nor_you_missed_brings_a_gap_paper_back(
    wire: Wire, tmp_path: Path
) -> None:
    wire.subscribe("ears", "speech recognition", you_missed=True)
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    wire.read(a_day(0, upvotes=90), MONDAY)
    await wire.step(at(MONDAY, 9))
    wire.now = at(MONDAY, 10)
    await restored(wire, tmp_path / "copy.db")
    wire.read(a_day(0, upvotes=90), MONDAY)
    for days in range(8):
        await wire.step(at(MONDAY + timedelta(days=days), 9, 30))
    assert await wire.titles("ears") == ["Speech recognition, study 0"]


async def test_papers_that_come_later_on_the_day_of_the_restore_are_posted(
    wire: Wire, tmp_path: Path
) -> None:
    wire.subscribe("ears", "speech recognition")
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    wire.read(a_day(0), MONDAY)
    await wire.step(at(MONDAY, 9))
    wire.now = at(MONDAY, 10)
    await restored(wire, tmp_path / "copy.db")
    wire.read(a_day(0), MONDAY)
    wire.now = at(MONDAY, 15)
    wire.read([*a_day(0), *a_day(1)], MONDAY)
    await wire.step(at(TUESDAY, 9))
    titles = await wire.titles("ears")
    assert titles == ["Speech recognition, study 0", "Speech recognition, study 1"]


async def test_a_channel_whose_slot_did_not_come_keeps_its_papers(
    wire: Wire, tmp_path: Path
) -> None:
    wire.subscribe("ears", "speech recognition", schedule="fri 09:00")
    wire.read(a_day(0), MONDAY)
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    wire.now = at(MONDAY, 10)
    done = await restored(wire, tmp_path / "copy.db")
    assert done.channels == ()
    await wire.step(at(MONDAY + timedelta(days=4), 9))
    assert await wire.titles("ears") == ["Speech recognition, study 0"]


async def test_messages_open_in_the_back_up_are_looked_for_before_they_are_sent(
    wire: Wire, tmp_path: Path
) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(0), MONDAY)
    wire.now = at(MONDAY, 9)
    wire.plan()
    backup.back_up(wire.folder / "wire.db", tmp_path / "copy.db", wire.now)
    await wire.courier.settle()
    posts = len(await wire.posts("ears"))
    done = await restored(wire, tmp_path / "copy.db")
    assert done.doubted == posts
    wire.now = at(MONDAY, 10)
    for _ in range(posts):
        await wire.courier.settle()
    assert len(await wire.posts("ears")) == posts
    with wire.store.read() as connection:
        assert outbox.counts(connection) == {MessageState.SENT: posts}


def test_a_copy_made_during_writes_is_one_moment(tmp_path: Path) -> None:
    database = tmp_path / "wire.db"
    store = Store(database)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with store.write() as connection:
                connection.execute("INSERT INTO meta VALUES (?, '')", (f"a{number}",))
                connection.execute("INSERT INTO meta VALUES (?, '')", (f"b{number}",))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            copy = tmp_path / f"copy-{number}.db"
            backup.back_up(database, copy, at(MONDAY, 9))
            keys = {row[0] for row in rows(copy)["meta"]}
            assert {k[1:] for k in keys if k[0] == "a"} == {
                k[1:] for k in keys if k[0] == "b" and k != "backed_up_at"
            }
    finally:
        stop.set()
        writer.join()
        store.close()


def test_a_back_up_is_for_its_owner_only_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    Store(tmp_path / "wire.db").close()
    made = backup.back_up(tmp_path / "wire.db", tmp_path / "kept" / "copy.db", at(MONDAY, 9))
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made.size == made.path.stat().st_size > 0
    assert [path.name for path in made.path.parent.iterdir()] == ["copy.db"]


def test_the_database_itself_is_for_its_owner_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "wire.db")
    with store.write() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_damaged_database_is_not_kept_as_a_back_up(tmp_path: Path) -> None:
    database = tmp_path / "wire.db"
    store = Store(database)
    with store.write() as connection:
        for number in range(2000):
            connection.execute("INSERT INTO events VALUES (?, ?)", (f"e{number}", f"t{number}"))
    store.close()
    body = bytearray(database.read_bytes())
    body[len(body) // 2 : len(body) // 2 + 9000] = b"\xff" * 9000
    database.write_bytes(body)
    with pytest.raises(PaperwireError, match=r"damaged|cannot be made"):
        backup.back_up(database, tmp_path / "kept" / "copy.db", at(MONDAY, 9))
    assert list((tmp_path / "kept").iterdir()) == []


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    Store(tmp_path / "wire.db").close()
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(PaperwireError, match="already there"):
        backup.back_up(tmp_path / "wire.db", tmp_path / "copy.db", at(MONDAY, 9))
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_the_rotation_waits_its_time_and_keeps_the_newest(tmp_path: Path) -> None:
    database, folder = tmp_path / "wire.db", tmp_path / "kept"
    Store(database).close()
    day = timedelta(hours=24)
    made = [
        backup.rotate(database, folder, at(MONDAY, 0) + timedelta(hours=h), every=day, keep=2)
        for h in (0, 1, 23, 24, 48)
    ]
    assert [one is not None for one in made] == [True, False, False, True, True]
    (folder / "before-0002_x-20260101T000000Z.db").write_text("another's")
    backup.rotate(database, folder, at(MONDAY, 0) + 4 * day, every=day, keep=2)
    assert sorted(path.name for path in folder.iterdir()) == [
        "before-0002_x-20260101T000000Z.db",
        "paperwire-20260617T000000Z.db",
        "paperwire-20260619T000000Z.db",
    ]


async def test_the_running_service_makes_back_ups_and_shows_its_pulse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "paperwire.toml").write_text(
        "[huggingface]\nenabled = false\n[arxiv]\nenabled = false\n[backup]\nkeep = 3\n"
    )
    settings = load(tmp_path, {})
    async with App(settings) as app:
        await app.back_up()
        await app.beat()
        quick = CliRunner().invoke(front, ["--home", str(tmp_path), "doctor", "--quick"])
        assert quick.exit_code == 0
        assert quick.output == f"Paperwire runs on {tmp_path}\n"
    [copy] = (tmp_path / "backups").iterdir()
    assert copy.name.startswith("paperwire-2")
    with pytest.raises(PaperwireError, match="does not run"):
        CliRunner().invoke(
            front,
            ["--home", str(tmp_path), "doctor", "--quick"],
            catch_exceptions=False,
            standalone_mode=False,
        )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no back-up"),
        (b"not a database at all, by far" * 100, "no whole SQLite database"),
        (b"", "no database of Paperwire's"),
    ],
)
def test_what_is_no_back_up_is_refused_and_nothing_is_changed(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    Store(tmp_path / "wire.db").close()
    before = (tmp_path / "wire.db").read_bytes()
    if content is not None:
        (tmp_path / "bad.db").write_bytes(content)
    with pytest.raises(PaperwireError, match=says):
        backup.restore(tmp_path / "wire.db", tmp_path / "bad.db", at(MONDAY, 9))
    assert (tmp_path / "wire.db").read_bytes() == before


def test_a_restore_is_refused_while_a_copy_runs(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    Store(settings.database_path).close()
    backup.back_up(settings.database_path, tmp_path / "copy.db", at(MONDAY, 9))
    lock = take_lock(settings)
    try:
        with pytest.raises(PaperwireError, match="already serves"):
            CliRunner().invoke(
                front,
                ["--home", str(tmp_path), "restore", str(tmp_path / "copy.db")],
                catch_exceptions=False,
                standalone_mode=False,
            )
    finally:
        lock.release()


def test_the_replaced_database_is_kept_with_what_its_log_held(tmp_path: Path) -> None:
    database = tmp_path / "paperwire.db"
    Store(database).close()
    backup.back_up(database, tmp_path / "copy.db", at(MONDAY, 9))
    crashed = sqlite3.connect(database, isolation_level=None)
    crashed.execute("INSERT INTO meta VALUES ('late', 'x')")  # still in the log
    runner = CliRunner()
    done = runner.invoke(
        front, ["--home", str(tmp_path), "restore", str(tmp_path / "copy.db"), "--json"]
    )
    crashed.close()
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert ("late", "x") in rows(Path(told["replaced"]))["meta"]
    assert "late" not in {row[0] for row in rows(database)["meta"]}
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
