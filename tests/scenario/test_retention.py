"""What goes after a while and what stays whatever the settings say."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Announce, Entry, Listing, PaperwireError, Reject
from bot.parts import retention
from bot.services.index import refresh
from bot.services.ingest import ingest
from bot.services.metrics import LoopLag, render
from bot.services.ranker import BACKGROUND, background_papers, background_step
from bot.services.search import search
from bot.services.upkeep import Kept, tidy
from bot.settings import load
from bot.store import Store, feedback, gap, listings, papers
from bot.store.gap import Gap
from bot.store.retention import LISTINGS_AT_ONCE, REFER_TO_LISTINGS, REFER_TO_PAPERS
from tests.scenario.room import given_a_digest
from tests.scenario.room import papers as three_papers
from tests.scenario.wire import MONDAY, Wire, api_entry, at

DAY = timedelta(days=1)
TUESDAY = MONDAY + DAY
# As short as no settings file allows.
NOTHING = Kept(
    events=timedelta(0), details=timedelta(0), listings=timedelta(0), papers=timedelta(0)
)


@pytest.fixture
def every_paper_may_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small stores lose papers as large ones do, where few belong to the background."""
    monkeypatch.setattr("bot.services.upkeep.background_step", lambda connection: 1_000)


def rows(store: Store, table: str) -> int:
    with store.read() as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def dump(store: Store, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    with store.read() as connection:
        return {
            table: [tuple(row) for row in connection.execute(f"SELECT * FROM {table}")]
            for table in tables
        }


def handles(store: Store) -> set[str]:
    with store.read() as connection:
        return {paper.handle for paper in papers.recent(connection, 1_000)}


def sound(store: Store) -> None:
    """Check the tables' references and the titles' index."""
    connection = store.connection()
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.execute("INSERT INTO titles_fts (titles_fts, rank) VALUES ('integrity-check', 1)")
    connection.rollback()


# --- what stays ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("every_paper_may_go")
async def test_posted_voted_saved_and_named_papers_stay_whatever_the_settings_say(
    wire: Wire,
) -> None:
    await given_a_digest(wire)  # posts 1, passes 2 and 3 over
    wire.read(three_papers(11), TUESDAY)
    await wire.say("desk", "profile add 2606.00011")
    await wire.say("desk", "like 2606.00012")
    await wire.say("desk", "save 2606.00013", person="bo")
    await wire.say("desk", "save 2606.00013", person="bo")  # taken back
    wire.read([api_entry("2606.00021", "Nobody's paper", "It is about tides.")], TUESDAY)
    stays = dump(wire.store, "channels", "digests", "messages", "deliveries", "feedback")
    await wire.step(at(MONDAY + timedelta(days=7), 9))
    wire.now += timedelta(days=400)
    tidy(wire.store, wire.now, NOTHING)
    kept = dump(wire.store, *stays)
    for table, before in stays.items():
        assert kept[table][: len(before)] == before, table
    left = handles(wire.store)
    assert {"2606.00001", "2606.00011", "2606.00012", "2606.00013"} <= left
    # What the last digest passed over can still be asked for with /papers more.
    assert "2606.00021" in left
    assert left.isdisjoint({"2606.00002", "2606.00003"})
    sound(wire.store)


@pytest.mark.usefixtures("every_paper_may_go")
async def test_nothing_is_posted_a_second_time_after_everything_else_is_gone(wire: Wire) -> None:
    wire.subscribe("desk", "speech, graphs, robots", threshold=0, size=2)
    wire.read(three_papers(), MONDAY)
    await wire.step(at(MONDAY, 9))
    posted = await wire.titles("desk")
    for day in (1, 7):
        wire.now += timedelta(days=200 * day)
        tidy(wire.store, wire.now, NOTHING)
        wire.read(three_papers(), wire.now.date())  # the source repeats itself
        await wire.step(wire.now + DAY)
    titles = await wire.titles("desk")
    assert len(set(titles)) == len(titles)
    assert set(posted) < set(titles)


async def test_what_a_restore_set_aside_stays_aside(wire: Wire) -> None:
    await given_a_digest(wire)
    wire.read(three_papers(11), TUESDAY)
    await wire.step(at(TUESDAY, 9))
    with wire.store.write() as connection:
        gap.set_runners_up_aside(connection, Gap(wire.now, wire.now, ()))
    before = dump(wire.store, "set_aside")
    assert before["set_aside"]
    wire.now += timedelta(days=4_000)
    tidy(wire.store, wire.now, NOTHING)
    assert dump(wire.store, "set_aside") == before


@pytest.mark.usefixtures("every_paper_may_go")
async def test_by_default_no_paper_and_no_listing_ever_goes(wire: Wire) -> None:
    await given_a_digest(wire)
    before = dump(wire.store, "papers", "listings", "appearances", "quarantine", "feedback")
    wire.now += timedelta(days=4_000)
    tidy(wire.store, wire.now)
    assert dump(wire.store, *before) == before


def test_the_papers_that_scores_are_measured_against_stay(tmp_path: Path) -> None:
    store = Store(tmp_path / "wire.db")
    entries = tuple(Entry(f"Paper {n}", arxiv_id=f"2606.{n:05}") for n in range(1, 4_300))
    for start in range(0, len(entries), 2_000):
        part = entries[start : start + 2_000]
        listing = Listing("arxiv", None, len(part), part)
        ingest(store, listing, str(start).encode(), location="x", now=at(MONDAY, 6))
    with store.read() as connection:
        before = background_papers(connection)
        assert len(before) == BACKGROUND
        assert background_step(connection) == 4
    for _ in range(2):
        tidy(store, at(MONDAY, 6) + 200 * DAY, Kept(papers=90 * DAY))
    assert rows(store, "papers") == 4_299 // 4
    with store.read() as connection:
        assert background_papers(connection) == before
    sound(store)
    store.close()


# --- what goes ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("every_paper_may_go")
async def test_a_dropped_paper_is_gone_from_search_before_and_after_the_next_refresh(
    wire: Wire,
) -> None:
    wire.read(three_papers(), MONDAY)
    refresh(wire.store)
    with wire.store.write() as connection:
        listings.want(connection, "2606.00003", wire.now)

    def hits(query: str) -> list[str]:
        found = search(wire.store, query, channel_id=None, person="x", now=wire.now)
        return [hit.paper.handle for hit in found.hits]

    assert hits("robot arm") == ["2606.00003"]
    later = wire.now + timedelta(days=91)
    wire.now = later
    wire.read(
        [api_entry("2609.00001", "A study of robots now", "A robot arm again.")], later.date()
    )
    assert tidy(wire.store, later, Kept(papers=90 * DAY)) == 3
    assert handles(wire.store) == {"2609.00001"}
    for _ in range(2):
        assert hits("robot arm") == ["2609.00001"]
        assert hits("speech recognition") == []
        refresh(wire.store)
    sound(wire.store)
    with wire.store.read() as connection:
        assert listings.wanted(connection, later, 10) == ()  # it is not looked up again
    # One that comes again is a paper like any other.
    wire.read(three_papers(), later.date())
    assert "2606.00003" in hits("robot arm")


def test_listings_without_papers_go_and_the_last_word_on_each_day_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "wire.db")
    now = at(MONDAY, 6)
    entry = Entry("A Title", arxiv_id="2606.00001", announce=Announce.NEW)
    bad = Reject(2, "x", "no id", "raw")
    count = LISTINGS_AT_ONCE + 5
    for number in range(count):
        moment = now + number * timedelta(minutes=30)
        listing = Listing("arxiv", MONDAY, 2, (replace(entry, upvotes=number),), (bad,))
        ingest(store, listing, str(number).encode(), location="x", now=moment)
    before = counters(store)
    assert f'paperwire_listings_total{{source="arxiv",outcome="ok"}} {count}' in before
    assert f'paperwire_entries_quarantined_total{{source="arxiv"}} {count}' in before
    tidy(store, now + 89 * DAY, Kept(listings=90 * DAY))
    assert rows(store, "listings") == count
    tidy(store, now + 100 * DAY, Kept(listings=90 * DAY))
    assert rows(store, "quarantine") == 0
    with store.read() as connection:
        left = [row["id"] for row in connection.execute("SELECT id FROM listings ORDER BY id")]
    assert left == [1, count]  # the one that brought the paper, and the newest of the day
    assert counters(store) == before
    sound(store)
    store.close()


def counters(store: Store) -> list[str]:
    """Return what Prometheus must never see fall."""
    text = render(store, at(MONDAY, 6), LoopLag())
    return [line for line in text.splitlines() if "_total{" in line]


def test_events_and_details_go_when_the_settings_say(tmp_path: Path) -> None:
    store = Store(tmp_path / "wire.db")
    now = at(MONDAY, 6)
    with store.write() as connection:
        feedback.first_seen(connection, "e1", now)
    tidy(store, now + 8 * DAY, Kept(events=10 * DAY))
    assert rows(store, "events") == 1
    assert tidy(store, now + 11 * DAY, Kept(events=10 * DAY)) == 1
    store.close()


@pytest.mark.parametrize(
    ("table", "known"), [("papers", REFER_TO_PAPERS), ("listings", REFER_TO_LISTINGS)]
)
def test_every_table_that_refers_to_what_is_dropped_is_thought_of(
    table: str, known: tuple[str, ...]
) -> None:
    store = Store(None)
    connection = store.connection()
    names = [
        row["name"]
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    referring = {
        name
        for name in names
        for row in connection.execute("SELECT * FROM pragma_foreign_key_list(?)", (name,))
        if row["table"] == table
    }
    store.close()
    assert referring == set(known)


def test_references_are_checked_again_afterwards_also_after_a_failure(tmp_path: Path) -> None:
    store = Store(tmp_path / "wire.db")
    for error in (None, ValueError("in the middle")):
        with contextlib.suppress(ValueError), store.write_unchecked():
            if error is not None:
                raise error
        with pytest.raises(sqlite3.IntegrityError), store.write() as connection:
            connection.execute("INSERT INTO paper_versions VALUES (77, 1, '', '', '', '', '')")
    with store.read(), pytest.raises(RuntimeError), store.write_unchecked():
        pass
    store.close()


# --- the settings -------------------------------------------------------------------------------


def test_the_settings_are_days_and_nought_is_for_ever(tmp_path: Path) -> None:
    assert retention(load(tmp_path, {})) == Kept(7 * DAY, 90 * DAY, None, None)
    given = {
        "PAPERWIRE_RETENTION__EVENTS_DAYS": "3",
        "PAPERWIRE_RETENTION__DETAILS_DAYS": "0",
        "PAPERWIRE_RETENTION__LISTINGS_DAYS": "120",
        "PAPERWIRE_RETENTION__PAPERS_DAYS": "365",
    }
    assert retention(load(tmp_path, given)) == Kept(3 * DAY, None, 120 * DAY, 365 * DAY)


@pytest.mark.parametrize("name", ["PAPERS_DAYS", "LISTINGS_DAYS"])
def test_papers_and_listings_that_are_still_read_again_cannot_be_dropped(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(PaperwireError, match="at least 90 days, or 0 for ever"):
        load(tmp_path, {f"PAPERWIRE_RETENTION__{name}": "30"})
