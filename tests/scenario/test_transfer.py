"""Export, import and forget: what goes out comes in, and what is damaged changes nothing."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import profiles
from bot.domain import Channel, Entry, PaperwireError, Person, Signal, Via
from bot.services.ingest import repair
from bot.services.transfer import Imported, export, restore
from bot.store import Store, channels, feedback, papers
from bot.store.feedback import Ballot
from tests.command_line import CommandLine
from tests.scenario.room import given_a_digest
from tests.scenario.wire import MONDAY, Wire, at

NOW = at(MONDAY, 12)


@pytest.fixture
async def exported(wire: Wire) -> dict[str, Any]:
    """Return the export of a channel with a digest, votes of two people and a saved paper."""
    await given_a_digest(wire, threshold=0, size=3)
    await wire.say("desk", 'profile add -"image generation", author:"Jane Roe"')
    await wire.say("desk", "like 1")
    await wire.say("desk", "save 2")
    await wire.say("desk", "dislike 1", person="bo")
    await wire.say("desk", "like 3", person="bo")
    await wire.say("desk", "like 3", person="bo")  # taken back
    return json.loads(json.dumps(export(wire.store)))  # type: ignore[no-any-return]  # as in a file


def test_an_export_has_the_documented_shape_and_no_persons_name(exported: dict[str, Any]) -> None:
    [channel] = exported["channels"]
    assert exported["format"] == 1
    assert set(channel) == {
        "platform", "address", "name", "profile", "timezone", "schedule", "size", "threshold",
        "sources", "layout", "mode", "you_missed", "quiet_note", "explore",
        "prefer_source_summary", "state", "votes", "saved",
    }  # fmt: skip
    assert set(exported["papers"][0]) == {
        "paper", "arxiv_id", "doi", "title", "abstract", "authors", "categories", "url", "published"
    }  # fmt: skip
    assert set(channel["votes"][0]) == {"paper", "person", "signal", "active", "changed_at"}
    assert len(channel["saved"]) == 1
    assert "ada" not in json.dumps(exported)


def test_what_was_exported_comes_in_whole_elsewhere(exported: dict[str, Any]) -> None:
    elsewhere = Store(None)
    done = restore(elsewhere, exported, NOW)
    assert done == Imported(1, 3, 4)
    again = json.loads(json.dumps(export(elsewhere)))
    assert again == exported
    elsewhere.close()


def test_what_is_already_there_stays_as_it_is(wire: Wire, exported: dict[str, Any]) -> None:
    before = list(wire.store.connection().iterdump())
    exported["channels"][0]["size"] = 9
    assert restore(wire.store, exported, NOW) == Imported(0, 0, 0)
    assert list(wire.store.connection().iterdump()) == before


def test_imported_papers_are_never_announced(exported: dict[str, Any]) -> None:
    elsewhere = Store(None)
    restore(elsewhere, exported, NOW)
    with elsewhere.read() as connection:
        assert papers.count(connection) == 3
        assert connection.execute("SELECT count(*) FROM appearances").fetchone()[0] == 0
    elsewhere.close()


def damaged(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], Any]:
    def run(data: dict[str, Any]) -> Any:
        data = copy.deepcopy(data)
        change(data)
        return data

    return run


DAMAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda data: [data],
    "nothing": lambda data: None,
    "another format": damaged(lambda d: d.update(format=2)),
    "channels no list": damaged(lambda d: d.update(channels={"a": 1})),
    "a channel no object": damaged(lambda d: d.update(channels=[1])),
    "a channel without a platform": damaged(lambda d: d["channels"][0].pop("platform")),
    "a size of text": damaged(lambda d: d["channels"][0].update(size="many")),
    "no size": damaged(lambda d: d["channels"][0].pop("size")),
    "a size past all bounds": damaged(lambda d: d["channels"][0].update(size=10**30)),
    "a threshold below nought": damaged(lambda d: d["channels"][0].update(threshold=-1)),
    "an unknown layout": damaged(lambda d: d["channels"][0].update(layout="grid")),
    "an unknown state": damaged(lambda d: d["channels"][0].update(state="lost")),
    "a wrong time zone": damaged(lambda d: d["channels"][0].update(timezone="Mars/Olympus")),
    "a wrong schedule": damaged(lambda d: d["channels"][0].update(schedule="0 9 * * 1")),
    "a wrong profile": damaged(lambda d: d["channels"][0].update(profile="author:")),
    "sources of text": damaged(lambda d: d["channels"][0].update(sources="arxiv")),
    "a vote on no paper": damaged(lambda d: d["channels"][0]["votes"][0].update(paper="1234.56")),
    "an unknown signal": damaged(lambda d: d["channels"][0]["votes"][0].update(signal="shrug")),
    "a vote without a time": damaged(lambda d: d["channels"][0]["votes"][0].pop("changed_at")),
    "a time without a zone": damaged(
        lambda d: d["channels"][0]["votes"][0].update(changed_at="2026-06-15T09:00:00")
    ),
    "votes no list": damaged(lambda d: d["channels"][0].update(votes=7)),
    "a paper without a title": damaged(lambda d: d["papers"][0].pop("title")),
    "a paper with a list for a link": damaged(lambda d: d["papers"][0].update(url=["x"])),
    "a paper with a number for a doi": damaged(lambda d: d["papers"][0].update(doi=7)),
    "authors of text": damaged(lambda d: d["papers"][0].update(authors="Ada")),
    "a date that is none": damaged(lambda d: d["papers"][0].update(published="June")),
    "half a character": damaged(lambda d: d["papers"][0].update(title="\ud800")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_export_is_refused_in_a_sentence_and_changes_nothing(
    exported: dict[str, Any], damage: Callable[[dict[str, Any]], Any]
) -> None:
    elsewhere = Store(None)
    before = list(elsewhere.connection().iterdump())
    with pytest.raises(PaperwireError) as caught:
        restore(elsewhere, damage(exported), NOW)
    assert "\n" not in str(caught.value)
    assert list(elsewhere.connection().iterdump()) == before
    elsewhere.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["format", "channels", "papers", "votes", "paper", "title", "size"]),
            inner,
        )
    ),
    max_leaves=12,
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=JSON, where=st.sampled_from(["papers", "channels"]), data=st.data())
def test_any_value_anywhere_is_taken_or_refused_and_never_a_crash(
    exported: dict[str, Any], value: Any, where: str, data: st.DataObject
) -> None:
    changed = copy.deepcopy(exported)
    target = changed[where][0]
    key = data.draw(st.sampled_from(sorted(target)))
    target[key] = value
    elsewhere = Store(None)
    with contextlib.closing(elsewhere), contextlib.suppress(PaperwireError):
        restore(elsewhere, changed, NOW)


# --- persons ------------------------------------------------------------------------------------


ASKED_BY_MAIL = (
    "INSERT INTO subscribers (address, handle, wish, key, asked_at, asked, state, attempts, error)"
    " VALUES ('a@b.example', 'h', '', 'k', '2026-06-15T09:00:00Z', 1, 'sent', 1, '')"
)


def votes_of(store: Store, person: str) -> list[Signal]:
    with store.read() as connection:
        key = feedback.person_key(connection, "terminal", person)
        rows = [row for c in channels.every(connection) for row in feedback.every(connection, c.id)]
    return sorted(row.signal for row in rows if row.person == key)


async def test_with_the_key_a_person_is_known_elsewhere_and_without_it_not(
    wire: Wire, exported: dict[str, Any]
) -> None:
    assert "person_key" not in exported
    moved = export(wire.store, with_person_key=True)
    assert {**exported, "person_key": moved["person_key"]} == json.loads(json.dumps(moved))
    for data, mine in ((exported, []), (moved, [Signal.LIKE, Signal.SAVE])):
        elsewhere = Store(None)
        done = restore(elsewhere, data, NOW)
        assert done == Imported(1, 3, 4, owned=bool(mine))
        assert votes_of(elsewhere, "ada") == mine
        with elsewhere.write() as connection:
            key = feedback.key_of(connection, Person("terminal", "ada"))
            assert sum(feedback.forget(connection, key, NOW).values()) == len(mine)
        assert votes_of(elsewhere, "ada") == []
        elsewhere.close()


async def test_the_key_is_taken_once_and_not_where_people_are_known_by_another(
    wire: Wire, exported: dict[str, Any]
) -> None:
    moved = export(wire.store, with_person_key=True)
    again = restore(wire.store, moved, NOW)
    assert again == Imported(0, 0, 0, owned=True)
    elsewhere = Store(None)
    restore(elsewhere, exported, NOW)
    before = list(elsewhere.connection().iterdump())
    with pytest.raises(PaperwireError, match="empty home"):
        restore(elsewhere, moved, NOW)
    assert list(elsewhere.connection().iterdump()) == before
    elsewhere.close()


@pytest.mark.parametrize(
    "trace",
    [
        "INSERT INTO meta VALUES ('forgotten:abc', '2026-06-15T09:00:00Z')",
        ASKED_BY_MAIL,
    ],
    ids=["someone asked to be forgotten", "someone was sent a mail"],
)
async def test_whoever_is_known_by_the_present_key_keeps_it(
    wire: Wire, exported: dict[str, Any], trace: str
) -> None:
    moved = export(wire.store, with_person_key=True)
    elsewhere = Store(None)
    with elsewhere.write() as connection:
        connection.execute(trace)
    with pytest.raises(PaperwireError, match="people are known here"):
        restore(elsewhere, moved, NOW)
    assert restore(elsewhere, exported, NOW).votes == 4
    elsewhere.close()


@pytest.mark.parametrize("key", ["", "abc", "g" * 64, "a" * 63, "A" * 64, 7, ["a" * 64]])
def test_a_damaged_key_is_refused(exported: dict[str, Any], key: object) -> None:
    elsewhere = Store(None)
    with pytest.raises(PaperwireError, match="'person_key' is damaged"):
        restore(elsewhere, {**exported, "person_key": key}, NOW)
    elsewhere.close()


async def test_an_older_export_does_not_bring_a_forgotten_persons_votes_back(
    wire: Wire, exported: dict[str, Any]
) -> None:
    wire.now = NOW
    await wire.say("desk", "forget-me yes")
    assert restore(wire.store, exported, NOW).votes == 0
    assert votes_of(wire.store, "ada") == []
    # What was said after that day is said.
    with wire.store.read() as connection:
        ada = feedback.person_key(connection, "terminal", "ada")
    mine = [vote for vote in exported["channels"][0]["votes"] if vote["person"] == ada]
    mine[0]["changed_at"] = "2026-06-16T09:00:00+00:00"
    assert restore(wire.store, exported, NOW).votes == 1


def test_the_key_leaves_only_when_asked_for_and_in_a_file_of_ones_own(
    paperwire: CommandLine, exported: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "wire.json"
    path.write_text(json.dumps(exported))
    ran = paperwire("import", path)
    assert "--with-person-key is the way to move" in ran.err
    store = Store(paperwire.home / "paperwire.db")
    with store.read() as connection:
        key = feedback.secret(connection)
    store.close()
    assert key not in paperwire("export").out
    target = tmp_path / "moved.json"
    target.write_text("there before, for everyone to read")
    target.chmod(0o644)
    ran = paperwire("export", "--with-person-key", "--output", target)
    assert key not in ran.out + ran.err
    assert "Keep it as secret as a password" in ran.err
    assert json.loads(target.read_text())["person_key"] == key
    assert target.stat().st_mode & 0o777 == 0o600
    ran = paperwire("import", target)
    assert "known here by its key" in ran.out
    assert "format json" in paperwire.refused(
        "export", "--with-person-key", "--format", "ris", status=2
    )


# --- through the command ------------------------------------------------------------------------


def test_export_and_import_through_the_command(
    paperwire: CommandLine, exported: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "wire.json"
    path.write_text(json.dumps(exported))
    ran = paperwire("import", path)
    assert (ran.status, ran.out) == (0, "Added 1 channels, 3 papers and 4 votes.\n")
    assert paperwire("export").json == exported
    assert paperwire("export", "--channel", "desk").json == exported
    written = paperwire("export", "--output", tmp_path / "again.json")
    assert written.out.endswith("again.json: 1 channels, 3 papers.\n")
    assert json.loads((tmp_path / "again.json").read_text()) == exported


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "no Paperwire export"),
        (b'{"format": 1, "papers": [{"title": "\\ud800", "paper": "p1"}]}', "cannot be stored"),
    ],
    ids=["empty", "cut", "no text", "deep", "another", "half a character"],
)
def test_a_file_that_is_no_export_is_refused(
    paperwire: CommandLine, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "wire.json"
    path.write_bytes(content)
    assert words in paperwire.refused("import", path)


def test_a_file_that_is_not_there_or_cannot_be_written_is_told(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    assert "No such file" in paperwire.refused("import", tmp_path / "missing.json")
    assert "Is a directory" in paperwire.refused("import", tmp_path)
    target = tmp_path / "missing" / "wire.json"
    assert "cannot be written" in paperwire.refused("export", "--output", target)


async def test_forget_takes_a_persons_votes_and_asks_first(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    store = Store(paperwire.home / "paperwire.db")
    with store.write() as connection:
        channel = channels.insert(
            connection,
            Channel(0, "slack", "C1", "desk", profiles.parse("speech")),
            private=False,
            now=NOW,
        )
        entry = Entry("A Study", arxiv_id="2606.00001")
        papers.store_entry(connection, entry, repair(entry), now=NOW, listed_on=None)
        key = feedback.key_of(connection, Person("slack", "U1"))
        for signal in (Signal.LIKE, Signal.SAVE):
            feedback.set_signal(
                connection, Ballot(channel.id, 1, key), signal, on=True, via=Via.BUTTON, now=NOW
            )
    store.close()
    refused = paperwire("forget", "slack", "U1", typed="n\n")
    assert refused.status == 130
    done = paperwire("forget", "slack", "U1", typed="y\n")
    assert "Forgotten: 1 like, 1 save." in done.out
    assert "nothing was stored" in paperwire("forget", "slack", "U1", "--yes").out
