"""The tables behind search: postings follow the papers, filters keep tenants apart."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.domain import (
    Channel,
    Delivery,
    Digest,
    DigestKind,
    Post,
    PostKind,
    Profile,
    Signal,
    Via,
)
from bot.services import index
from bot.services.index import StoredCollection, refresh
from bot.store import Store, channels, digests, feedback, outbox
from bot.store import search as table
from bot.store.feedback import Ballot
from bot.store.search import Filter
from ranking.postings import CHUNK, MemoryCollection, Text
from ranking.query import parse
from ranking.search import find

NOW = datetime(2026, 5, 10, 9, tzinfo=UTC)


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store(None)
    yield opened
    opened.close()


def add(store: Store, number: int, title: str, abstract: str = "", **facts: str | None) -> None:
    row = {
        "authors": json.dumps(["Ada Byron"]), "categories": json.dumps(["cs.CL"]),
        "published": None, "first_listed_on": None, "first_seen_at": "2026-05-10T08:00:00Z",
        "arxiv_id": None, **facts,
    }  # fmt: skip
    with store.write() as connection:
        connection.execute(
            "INSERT INTO papers (id, arxiv_id, title_key, author_key, title, abstract, raw_title,"
            " raw_abstract, authors, author_count, categories, published, first_listed_on,"
            " first_seen_at, changed_at) VALUES (?, ?, ?, '', ?, ?, '', '', ?, 1, ?, ?, ?, ?, '')",
            (
                number, row["arxiv_id"], title, title, abstract, row["authors"], row["categories"],
                row["published"], row["first_listed_on"], row["first_seen_at"],
            ),
        )  # fmt: skip


def found(store: Store, typed: str) -> tuple[int, ...]:
    with store.read() as connection:
        return find(StoredCollection(store, connection), parse(typed)).papers


def stored_terms(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return dict(map(tuple, connection.execute("SELECT term, papers FROM search_terms")))


def test_a_new_paper_is_found_at_once_and_still_after_its_postings_are_written(
    store: Store,
) -> None:
    add(store, 1, "Bees")
    assert found(store, "bees") == (1,)
    assert refresh(store) == 1
    add(store, 2, "More bees")
    assert set(found(store, "bees")) == {1, 2}
    refresh(store)
    assert set(found(store, "bees")) == {1, 2}


def test_a_changed_paper_is_found_by_its_new_words_only(store: Store) -> None:
    add(store, 1, "Bees")
    add(store, 2, "Bees too")
    refresh(store)
    with store.write() as connection:
        connection.execute("UPDATE papers SET title = 'Ants' WHERE id = 1")
    for _ in range(2):
        assert found(store, "bees") == (2,)
        assert found(store, "ants") == (1,)
        refresh(store)


def test_a_deleted_paper_is_gone(store: Store) -> None:
    add(store, 1, "Bees")
    add(store, 2, "Ants")
    refresh(store)
    with store.write() as connection:
        connection.execute("DELETE FROM papers WHERE id = 1")
    for _ in range(2):
        assert found(store, "bees") == ()
        refresh(store)
    assert "bee" not in stored_terms(store)


def worded(store: Store) -> set[int]:
    with store.read() as connection:
        return table.worded_between(connection, 0, CHUNK)


def test_phrases_are_looked_for_in_the_words_of_now(store: Store) -> None:
    add(store, 1, "Bees", "Red bees fly.")
    add(store, 2, "Ants", "Red ants bite bees.")
    refresh(store)
    with store.write() as connection:
        connection.execute("UPDATE papers SET abstract = 'Bees, red ones, fly.' WHERE id = 1")
        connection.execute("UPDATE papers SET abstract = 'Red bees bite.' WHERE id = 2")
    assert found(store, '"red bees"') == (2,)
    refresh(store)
    assert found(store, '"red bees"') == (2,)
    with store.write() as connection:
        connection.execute("DELETE FROM papers WHERE id = 2")
    assert found(store, '"red bees"') == ()
    refresh(store)
    assert worded(store) == {1}


def test_papers_whose_words_were_never_written_are_read_and_written_with_their_chunk(
    store: Store,
) -> None:
    add(store, 1, "Bees", "Red bees fly.")
    refresh(store)
    with store.write() as connection:
        connection.execute("DELETE FROM search_words")  # as a database of before 0006 is
    assert found(store, '"red bees"') == (1,)
    add(store, 2, "Ants")
    refresh(store)
    assert worded(store) == {1, 2}


def test_while_one_search_reads_what_changed_others_go_by_what_was_known(store: Store) -> None:
    add(store, 1, "Bees")
    assert found(store, "bees") == (1,)
    add(store, 2, "More bees")
    with index._reading:  # somebody else is at it
        assert found(store, "bees") == (1,)
    assert set(found(store, "bees")) == {1, 2}


def test_postings_written_meanwhile_do_not_disturb_who_goes_by_what_was_known(
    store: Store,
) -> None:
    add(store, 1, "Bees")
    assert found(store, "bees") == (1,)
    add(store, 2, "More bees")
    with store.write() as connection:
        connection.execute("UPDATE papers SET title = 'Ants' WHERE id = 1")
    with index._reading:
        refresh(store)
        assert found(store, "bees") == (1,)
    assert found(store, "bees") == (2,)
    assert found(store, "ants") == (1,)


def test_while_papers_come_in_searches_leave_many_to_the_writing_and_find_a_few_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "WORTH_WRITING", 2)
    add(store, 1, "Bees")
    assert found(store, "bees") == (1,)
    with index.filling(store):
        add(store, 2, "More bees")
        assert set(found(store, "bees")) == {1, 2}
        for number in (3, 4, 5):
            add(store, number, "Still more bees")
        assert set(found(store, "bees")) == {1, 2}
        refresh(store)
    assert set(found(store, "bees")) == {1, 2, 3, 4, 5}


def test_many_papers_that_nobody_is_about_to_write_are_found_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "WORTH_WRITING", 2)
    add(store, 1, "Bees")
    assert found(store, "bees") == (1,)
    with index.filling(store):
        pass
    for number in (2, 3, 4):
        add(store, number, "More bees")
    assert set(found(store, "bees")) == {1, 2, 3, 4}


def test_a_paper_that_is_gone_costs_nobody_who_goes_by_what_was_known_an_answer(
    store: Store,
) -> None:
    add(store, 1, "Bees")
    add(store, 2, "Red bees")
    with store.read() as connection:
        StoredCollection(store, connection)
    with store.write() as connection:
        connection.execute("DELETE FROM papers WHERE id = 2")
    with index._reading:
        assert 1 in found(store, "bees")
        assert found(store, '"red bees"') == ()
    assert found(store, "bees") == (1,)


def test_the_writing_of_postings_pauses_every_few_papers_and_never_with_the_lock(
    store: Store,
) -> None:
    for number in range(1, 131):
        add(store, number, f"Bees {number}")
    pauses: list[bool] = []
    refresh(store, lambda: pauses.append(store.connection().in_transaction))
    assert pauses == [False] * 3
    assert len(found(store, "bees")) == 130


def test_counts_of_papers_stay_right_when_a_chunk_is_written_again(store: Store) -> None:
    add(store, 1, "Bees")
    add(store, CHUNK + 1, "Bees far away")
    refresh(store)
    assert stored_terms(store)["bee"] == 2
    with store.write() as connection:
        connection.execute("UPDATE papers SET abstract = 'Honey.' WHERE id = 1")
    refresh(store)
    assert stored_terms(store)["bee"] == 2
    assert stored_terms(store)["honey"] == 1
    assert set(found(store, "bees")) == {1, CHUNK + 1}


def test_a_change_that_touches_no_word_writes_nothing(store: Store) -> None:
    add(store, 1, "Bees")
    refresh(store)
    with store.write() as connection:
        connection.execute("UPDATE papers SET upvotes = 7 WHERE id = 1")
    assert refresh(store) == 0


def test_a_change_during_the_writing_stays_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = Store(tmp_path / "a.db"), Store(tmp_path / "a.db")
    add(store, 1, "Bees")
    read = table.texts_between

    def change_after_reading(
        connection: sqlite3.Connection, first: int, end: int
    ) -> list[sqlite3.Row]:
        rows = list(read(connection, first, end))
        with other.write() as writing:
            writing.execute("UPDATE papers SET title = 'Ants' WHERE id = 1")
        return rows

    monkeypatch.setattr(table, "texts_between", change_after_reading)
    assert refresh(store) == 0
    monkeypatch.undo()
    assert found(store, "ants") == (1,)
    assert refresh(store) == 2
    assert found(store, "ants") == (1,)
    store.close()
    other.close()


def test_two_stores_on_one_file_see_each_others_papers(tmp_path: Path) -> None:
    here, there = Store(tmp_path / "a.db"), Store(tmp_path / "a.db")
    add(here, 1, "Bees")
    assert found(there, "bees") == (1,)
    add(there, 2, "Bees again")
    refresh(there)
    assert set(found(here, "bees")) == {1, 2}
    here.close()
    there.close()


def test_terms_that_look_like_sql_are_terms(store: Store) -> None:
    add(store, 1, "'); DROP TABLE papers; --")
    assert found(store, "'; DROP TABLE papers; --") == (1,)
    refresh(store)
    with store.read() as connection:
        hostile = ["'", '"', "x' OR 1=1", "\\", "%", "drop"]
        assert table.frequencies(connection, hostile) == {"drop": 1}
        assert list(table.postings(connection, hostile)) == ["drop"]


def test_stored_and_remembered_papers_are_ranked_alike(store: Store) -> None:
    dice = random.Random(5)
    words = [f"{a}{b}{c}" for a in "bdk" for b in "aeio" for c in ("rn", "st", "mp", "ll")]
    texts = []
    for number in (*range(1, 150), *range(CHUNK - 50, CHUNK + 50)):
        title, abstract = (" ".join(dice.choices(words, k=k)) for k in (4, 30))
        texts.append(Text(number, title, f"{abstract}. {title}.", ("Ada Byron",), ("cs.CL",)))
        add(store, number, title, texts[-1].abstract)
        if number == CHUNK:
            refresh(store)  # the rest stays in the log
    memory = MemoryCollection(texts)
    for _ in range(30):
        query = parse(" ".join(dice.choices(words, k=dice.randint(1, 5))))
        with store.read() as connection:
            stored = find(StoredCollection(store, connection), query)
        assert stored == find(memory, query)


# --- filters ------------------------------------------------------------------------------------


def allowed(store: Store, wanted: Filter) -> list[int]:
    with store.read() as connection:
        return sorted(table.allowed(connection, wanted))


def test_days_are_inclusive_and_fall_back_to_when_it_was_listed_or_seen(store: Store) -> None:
    add(store, 1, "A", published="2026-05-01", first_listed_on="2026-05-09")
    add(store, 2, "B", first_listed_on="2026-05-09")
    add(store, 3, "C")
    day = date.fromisoformat
    assert allowed(store, Filter(published_to=day("2026-05-01"))) == [1]
    assert allowed(store, Filter(published_from=day("2026-05-09"))) == [2, 3]
    assert allowed(store, Filter(listed_from=day("2026-05-09"))) == [1, 2, 3]
    assert allowed(store, Filter(listed_from=day("2026-05-10"))) == [3]


@pytest.fixture
def tenants(store: Store) -> Store:
    """Two channels: paper 1 was posted in the first, 2 in the second; both have saves."""
    for number in (1, 2, 3):
        add(store, number, f"Paper {number}")
    with store.write() as connection:
        for number in (1, 2):
            channel = channels.insert(
                connection,
                Channel(0, "terminal", f"place {number}", "", Profile()),
                private=False,
                now=NOW,
            )
            digest = digests.insert(
                connection,
                Digest(0, channel.id, "2026-05-10T09:00", DigestKind.DAILY, NOW, 3, 2),
                upto=0,
                quiet=False,
            )
            # The second message of each channel waits.
            for sequence, paper in enumerate((number, 3)):
                message = outbox.insert_message(
                    connection,
                    channel_id=channel.id,
                    digest_id=digest or 0,
                    sequence=sequence,
                    key=f"{number}.{sequence}",
                    post=Post(PostKind.PAPER, ""),
                    now=NOW,
                )
                outbox.insert_delivery(
                    connection,
                    Delivery(0, channel.id, paper, digest or 0, message, 1, 0.0, None, ""),
                )
        connection.execute("UPDATE messages SET state = 'sent' WHERE sequence = 0")
        for channel_id, paper, person, signal, on in (
            (1, 1, "ada", Signal.SAVE, True),
            (1, 2, "bo", Signal.SAVE, True),
            (1, 3, "ada", Signal.SAVE, True),
            (1, 3, "ada", Signal.SAVE, False),
            (2, 3, "ada", Signal.SAVE, True),
            (1, 2, "ada", Signal.LIKE, True),
        ):
            feedback.set_signal(
                connection,
                Ballot(channel_id, paper, person),
                signal,
                on=on,
                via=Via.COMMAND,
                now=NOW,
            )
    return store


def test_posted_means_posted_in_this_channel(tenants: Store) -> None:
    assert allowed(tenants, Filter(posted=True, channel_id=1)) == [1]
    assert allowed(tenants, Filter(posted=True, channel_id=2)) == [2]
    assert allowed(tenants, Filter(posted=False, channel_id=1)) == [2, 3]


def test_saved_means_saved_by_this_person_in_this_channel(tenants: Store) -> None:
    assert allowed(tenants, Filter(saved=True, channel_id=1, person="ada")) == [1]
    assert allowed(tenants, Filter(saved=True, channel_id=2, person="ada")) == [3]
    assert allowed(tenants, Filter(saved=True, channel_id=1, person="cy")) == []


def test_sources_are_any_of_those_named(store: Store) -> None:
    add(store, 1, "A")
    add(store, 2, "B", categories='["cs.CV"]')
    with store.write() as connection:
        connection.execute(
            "INSERT INTO listings (id, source, location, received_at, sha256, outcome, note,"
            " declared, parsed, quarantined, new, updated) VALUES (1, '', '', '', '', '', '',"
            " 0, 0, 0, 0, 0)"
        )
        connection.executemany(
            "INSERT INTO appearances (paper_id, source, listing_id, announce, fresh, seen_at)"
            " VALUES (?, ?, 1, 'new', 1, '')",
            [(1, "arxiv"), (1, "huggingface"), (2, "arxiv")],
        )
    assert allowed(store, Filter(sources=("huggingface",))) == [1]
    assert allowed(store, Filter(sources=("arxiv:cs.cv", "huggingface"))) == [1, 2]
    assert allowed(store, Filter(sources=("arxiv:cs.CV",))) == [2]
    assert allowed(store, Filter(sources=("arxiv",))) == [1, 2]
    assert allowed(store, Filter(without_sources=("huggingface",))) == [2]


# --- titles -------------------------------------------------------------------------------------


def test_titles_follow_the_papers(store: Store) -> None:
    def titles(match: str) -> list[str]:
        with store.read() as connection:
            return [row["title"] for row in table.titles(connection, match, 10)]

    add(store, 1, "Bees dance")
    assert titles('"bee" *') == ["Bees dance"]
    with store.write() as connection:
        connection.execute("UPDATE papers SET title = 'Ants march' WHERE id = 1")
    assert titles('"bee" *') == []
    assert titles('"ants"') == ["Ants march"]
    with store.write() as connection:
        connection.execute("DELETE FROM papers WHERE id = 1")
    assert titles('"ants"') == []
