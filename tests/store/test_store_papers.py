"""Papers in the store: which entries are one paper, and what a later entry changes about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Announce, Entry, Paper
from bot.services.ingest import repair
from bot.store import Store, papers
from bot.store.papers import Change

NOW = datetime(2026, 6, 15, 6, tzinfo=UTC)
LATER = datetime(2026, 6, 16, 6, tzinfo=UTC)
TITLE = "Counting Morphemes in Seven Languages"


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store(None)
    yield opened
    opened.close()


def put(store: Store, title: str = TITLE, *, now: datetime = NOW, **facts: Any) -> Change:
    entry = Entry(title=title, **facts)
    with store.write() as connection:
        return papers.store_entry(
            connection, entry, repair(entry), now=now, listed_on=date(2026, 6, 15)
        )


def get(store: Store, number: int) -> Paper:
    with store.read() as connection:
        found = papers.paper(connection, number)
    assert found is not None
    return found


def versions(store: Store, number: int) -> list[sqlite3.Row]:
    with store.read() as connection:
        return connection.execute(
            "SELECT * FROM paper_versions WHERE paper_id = ? ORDER BY version", (number,)
        ).fetchall()


def count(store: Store) -> int:
    with store.read() as connection:
        return papers.count(connection)


# --- which entries are one paper ----------------------------------------------------------------


def test_the_same_arxiv_id_is_one_paper_whatever_its_title_has_become(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001")
    again = put(store, "Another Name Altogether", arxiv_id="2606.00001")
    assert again == Change(first.paper_id, new=False, updated=False)


def test_two_arxiv_ids_never_merge_even_with_one_title_and_author(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001", authors=("Ada Example",))
    second = put(store, arxiv_id="2606.00002", authors=("Ada Example",))
    assert second.new
    assert second.paper_id != first.paper_id


def test_two_arxiv_ids_that_claim_one_doi_stay_two_and_the_first_keeps_it(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001", doi="10.1000/one")
    second = put(store, "Something Else", arxiv_id="2606.00002", doi="10.1000/one")
    assert second.new
    assert get(store, first.paper_id).doi == "10.1000/one"
    assert get(store, second.paper_id).doi is None


def test_the_same_doi_is_one_paper_and_the_preprints_id_is_filled_in(store: Store) -> None:
    journal = put(store, doi="10.1000/one", url="https://doi.org/10.1000/one")
    preprint = put(
        store,
        "Another Name",
        doi="10.1000/one",
        arxiv_id="2606.00001",
        url="https://arxiv.org/abs/2606.00001",
    )
    assert preprint.paper_id == journal.paper_id
    found = get(store, journal.paper_id)
    assert found.arxiv_id == "2606.00001"
    assert found.url == "https://arxiv.org/abs/2606.00001"


def test_title_and_first_author_are_one_paper_however_they_are_written(store: Store) -> None:
    first = put(store, authors=("Ada Example", "Bo Sample"))
    again = put(store, "Counting  morphemes in seven languages.", authors=("A. Example",))
    assert again.paper_id == first.paper_id


def test_one_title_by_two_first_authors_is_two_papers(store: Store) -> None:
    first = put(store, "Introduction", authors=("Ada Example",))
    second = put(store, "Introduction", authors=("Cy Specimen",))
    assert second.new
    assert second.paper_id != first.paper_id


def test_a_title_alone_meets_the_paper_of_that_title(store: Store) -> None:
    first = put(store, authors=("Ada Example",), arxiv_id="2606.00001")
    again = put(store)
    assert again.paper_id == first.paper_id


def test_a_title_only_paper_is_identified_later_and_keeps_its_number(store: Store) -> None:
    bare = put(store, abstract="As the page showed it.")
    known = put(
        store,
        arxiv_id="2606.00001",
        authors=("Ada Example", "Bo Sample"),
        url="https://arxiv.org/abs/2606.00001",
        categories=("cs.CL",),
        published=date(2026, 6, 12),
        abstract="As the source has it.",
    )
    assert known == Change(bare.paper_id, new=False, updated=True)
    found = get(store, bare.paper_id)
    assert found.arxiv_id == "2606.00001"
    assert found.authors == ("Ada Example", "Bo Sample")
    assert found.author_count == 2
    assert found.categories == ("cs.CL",)
    assert found.published == date(2026, 6, 12)
    assert found.abstract == "As the page showed it."
    assert count(store) == 1


def test_an_identified_title_does_not_swallow_a_second_id_of_that_title(store: Store) -> None:
    put(store)
    put(store, arxiv_id="2606.00001")
    second = put(store, arxiv_id="2606.00002")
    assert second.new
    assert count(store) == 2


def test_two_dois_of_one_title_are_two_papers_unless_an_arxiv_id_joins_them(store: Store) -> None:
    first = put(store, doi="10.1000/one")
    second = put(store, doi="10.1000/two")
    assert first.paper_id != second.paper_id
    put(store, "Joined", doi="10.1000/three", arxiv_id="2606.00003")
    joined = put(store, "Joined", doi="10.1000/four", arxiv_id="2606.00003")
    assert not joined.new
    assert get(store, joined.paper_id).doi == "10.1000/three"


def test_titles_without_any_letter_are_never_taken_for_each_other(store: Store) -> None:
    first = put(store, "???", url="https://example.org/1")
    second = put(store, "!!!", url="https://example.org/2")
    assert first.paper_id != second.paper_id


# --- what a later entry changes -----------------------------------------------------------------


def test_a_replacement_is_a_new_version_and_both_texts_are_kept(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001", version=1, abstract="Old words.")
    change = put(
        store,
        "A Better Title",
        arxiv_id="2606.00001",
        version=2,
        abstract="New words.",
        announce=Announce.REPLACE,
        now=LATER,
    )
    assert change == Change(first.paper_id, new=False, updated=True)
    found = get(store, first.paper_id)
    assert (found.version, found.title, found.abstract) == (2, "A Better Title", "New words.")
    assert [(row["version"], row["abstract"]) for row in versions(store, first.paper_id)] == [
        (1, "Old words."),
        (2, "New words."),
    ]


def test_a_paper_found_by_its_new_title_after_a_replacement(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001", version=1)
    put(store, "A Better Title", arxiv_id="2606.00001", version=2)
    assert put(store, "A better title").paper_id == first.paper_id


def test_an_older_version_changes_nothing(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001", version=3, abstract="Third.")
    older = put(store, "Its First Name", arxiv_id="2606.00001", version=1, abstract="First.")
    assert older == Change(first.paper_id, new=False, updated=False)
    assert get(store, first.paper_id).abstract == "Third."
    assert len(versions(store, first.paper_id)) == 1


def test_a_replacement_without_a_number_counts_one_up_only_when_its_text_is_new(
    store: Store,
) -> None:
    first = put(store, arxiv_id="2606.00001", version=1, abstract="Old words.")
    same = put(store, arxiv_id="2606.00001", abstract="Old words.", announce=Announce.REPLACE)
    other = put(store, arxiv_id="2606.00001", abstract="New words.", announce=Announce.REPLACE)
    assert (same.updated, other.updated) == (False, True)
    assert get(store, first.paper_id).version == 2


def test_the_text_as_sent_is_kept_beside_the_repaired_one(store: Store) -> None:
    sent = "T\u811aLU on $\\alpha$-trees"
    change = put(store, sent, abstract="Two\nlines &amp; more.", arxiv_id="2606.00001", version=1)
    with store.read() as connection:
        row = connection.execute("SELECT * FROM papers WHERE id = ?", (change.paper_id,)).fetchone()
    assert row["raw_title"] == sent
    assert row["title"] != sent
    assert row["raw_abstract"] == "Two\nlines &amp; more."
    assert row["abstract"] == "Two lines & more."
    [version] = versions(store, change.paper_id)
    assert (version["raw_title"], version["title"]) == (row["raw_title"], row["title"])


def test_counts_and_code_links_move_in_place_and_silence_keeps_them(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001", upvotes=3, comments=1)
    put(
        store,
        arxiv_id="2606.00001",
        upvotes=40,
        comments=0,
        code_url="https://github.com/example/code",
        code_stars=7,
    )
    put(store, arxiv_id="2606.00001")
    found = get(store, first.paper_id)
    assert (found.upvotes, found.comments, found.code_stars) == (40, 0, 7)
    assert found.code_url == "https://github.com/example/code"
    assert len(versions(store, first.paper_id)) == 1


def test_upvotes_may_fall_to_nought(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001", upvotes=3)
    put(store, arxiv_id="2606.00001", upvotes=0)
    assert get(store, first.paper_id).upvotes == 0


def test_where_and_when_a_paper_was_first_seen_stays(store: Store) -> None:
    first = put(store, arxiv_id="2606.00001", published=date(2026, 6, 1))
    put(store, arxiv_id="2606.00001", published=date(2026, 6, 9), upvotes=1, now=LATER)
    found = get(store, first.paper_id)
    assert found.first_seen_at == NOW
    assert found.published == date(2026, 6, 1)
    assert found.first_listed_on == date(2026, 6, 15)


def test_a_known_number_of_authors_without_names_is_kept(store: Store) -> None:
    change = put(store, author_count=12)
    found = get(store, change.paper_id)
    assert (found.authors, found.author_count) == ((), 12)


def test_a_number_of_authors_is_filled_in_and_names_win_over_it(store: Store) -> None:
    bare = put(store)
    put(store, author_count=12)
    assert get(store, bare.paper_id).author_count == 12
    put(store, author_count=3)
    assert get(store, bare.paper_id).author_count == 12
    put(store, authors=("Ada Example", "Bo Sample"))
    put(store, author_count=12)
    assert get(store, bare.paper_id).author_count == 2


# --- reading back -------------------------------------------------------------------------------


def test_papers_come_in_the_order_asked_and_unknown_numbers_are_left_out(store: Store) -> None:
    numbers = [put(store, f"Paper {n}", arxiv_id=f"2606.{n:05}").paper_id for n in range(1, 4)]
    wanted = [numbers[2], 999, numbers[0]]
    with store.read() as connection:
        assert [p.id for p in papers.papers(connection, wanted)] == [numbers[2], numbers[0]]
        many = papers.papers(connection, [*range(5000), numbers[1]])
    assert [p.id for p in many] == [*numbers, numbers[1]]


@pytest.mark.parametrize("handle", ["2606.00001", "10.1000/ONE", "p1", "P1"])
def test_a_handle_names_a_paper(store: Store, handle: str) -> None:
    put(store, arxiv_id="2606.00001", doi="10.1000/one")
    with store.read() as connection:
        found = papers.paper_by_handle(connection, handle)
    assert found is not None
    assert found.id == 1


@pytest.mark.parametrize("handle", ["p2", "p", "p999999999999999", "2606.9", "", "p1 "])
def test_a_handle_of_nothing_names_nothing(store: Store, handle: str) -> None:
    put(store, arxiv_id="2606.00001")
    with store.read() as connection:
        assert papers.paper_by_handle(connection, handle) is None


def test_a_sample_is_spread_over_the_first_papers_and_recent_are_the_last(store: Store) -> None:
    for number in range(1, 41):
        put(store, f"Paper {number}", arxiv_id=f"2606.{number:05}")
    with store.read() as connection:
        spread = [p.id for p in papers.sample(connection, 8, upto=32)]
        assert [p.id for p in papers.recent(connection, 2)] == [40, 39]
    assert spread == [4, 8, 12, 16, 20, 24, 28, 32]


def test_a_paper_is_called_by_its_arxiv_id_else_by_its_number(store: Store) -> None:
    bare = put(store, "No Id")
    known = put(store, "Known", arxiv_id="2606.00001")
    assert get(store, bare.paper_id).handle == f"p{bare.paper_id}"
    assert get(store, known.paper_id).handle == "2606.00001"


# --- by property --------------------------------------------------------------------------------

ENTRIES = st.builds(
    Entry,
    title=st.sampled_from(["One Title", "one  title", "Two", "Three"]),
    abstract=st.sampled_from(["", "Words.", "Other words."]),
    authors=st.sampled_from([(), ("Ada Example",), ("A. Example", "Bo Sample"), ("Cy Specimen",)]),
    arxiv_id=st.sampled_from([None, "2606.00001", "2606.00002"]),
    version=st.sampled_from([None, 1, 2, 3]),
    doi=st.sampled_from([None, "10.1000/one", "10.1000/two"]),
    url=st.sampled_from([None, "https://example.org/a"]),
    announce=st.sampled_from(Announce),
    upvotes=st.sampled_from([None, 0, 5]),
)


@settings(max_examples=200, deadline=None)
@given(entries=st.lists(ENTRIES, max_size=12))
def test_any_entries_in_any_order_keep_the_tables_whole(entries: list[Entry]) -> None:
    store = Store(None)
    try:
        for entry in [*entries, *entries]:
            with store.write() as connection:
                change = papers.store_entry(
                    connection, entry, repair(entry), now=NOW, listed_on=None
                )
                found = papers.paper(connection, change.paper_id)
            assert found is not None
            if entry.arxiv_id:
                assert found.arxiv_id == entry.arxiv_id
        with store.read() as connection:
            rows = connection.execute("SELECT arxiv_id FROM papers").fetchall()
            known = [row["arxiv_id"] for row in rows if row["arxiv_id"]]
            latest = connection.execute(
                "SELECT p.version, max(v.version) AS kept FROM papers p"
                " JOIN paper_versions v ON v.paper_id = p.id GROUP BY p.id"
            ).fetchall()
        assert len(known) == len(set(known))
        assert all(row["version"] == row["kept"] for row in latest)
    finally:
        store.close()
