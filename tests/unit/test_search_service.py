"""The answer to /papers search: notes, pages, snippets, places, completion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Channel, Entry, Paper, Profile, Signal, Via
from bot.services.ranker import Judge, Rankers
from bot.services.ranker import judge as channel_judge
from bot.services.search import (
    MARKS,
    SNIPPET,
    SearchAnswer,
    complete_title,
    refresh,
    search,
    similar,
    snippet,
)
from bot.store import Store, channels, feedback, papers
from bot.store.feedback import Ballot
from bot.store.papers import Repaired
from ranking.text import stems

_COUNTER = count()
NOW = datetime(2026, 5, 20, 9, tzinfo=UTC)
TITLES = {
    "2605.00001": ("Bees count flowers", "We show that bees count. Flowers were counted too."),
    "2605.00002": ("Counting with sparse circuits", "A circuit that counts, inspired by bees."),
    "2605.00003": ("Programming sensors in C++", "Small devices, little memory."),
    "2605.00004": ("Weather from towers", "Radio towers measure rain. Rain bends signals."),
}


def add(store: Store, arxiv_id: str | None, title: str, abstract: str = "") -> int:
    entry = Entry(title=title, abstract=abstract, arxiv_id=arxiv_id, published=date(2026, 5, 12))
    repaired = Repaired(
        title, abstract, f"{arxiv_id} {title}" if arxiv_id else f"{next(_COUNTER)}", ""
    )
    with store.write() as connection:
        return papers.store_entry(
            connection, entry, repaired, now=NOW, listed_on=date(2026, 5, 13)
        ).paper_id


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    opened = Store(None)
    for arxiv_id, (title, abstract) in TITLES.items():
        add(opened, arxiv_id, title, abstract)
    yield opened
    opened.close()


def ask(
    store: Store,
    typed: str,
    *,
    channel_id: int | None = None,
    person: str | None = None,
    limit: int = 10,
    offset: int = 0,
    upto: int | None = None,
    judge: Judge | None = None,
) -> SearchAnswer:
    return search(
        store, typed, channel_id=channel_id, person=person, now=NOW, limit=limit, offset=offset,
        upto=upto, judge=judge,
    )  # fmt: skip


def handles(answer: SearchAnswer) -> list[str]:
    return [hit.paper.handle for hit in answer.hits]


def test_hits_carry_the_paper_and_a_marked_snippet(store: Store) -> None:
    answer = ask(store, "counting flowers")
    assert handles(answer)[0] == "2605.00001"
    assert "«Flowers» were «counted» too." in answer.hits[0].snippet
    assert answer.total == 2


def test_a_pasted_link_answers_with_that_paper_alone(store: Store) -> None:
    answer = ask(store, "https://arxiv.org/abs/2605.00004v2")
    assert handles(answer) == ["2605.00004"]
    assert (answer.total, answer.notes) == (1, ())


def test_a_pasted_identifier_comes_first_and_the_words_still_count(store: Store) -> None:
    answer = ask(store, "bees 2605.00004")
    assert handles(answer)[0] == "2605.00004"
    assert set(handles(answer)[1:]) == {"2605.00001", "2605.00002"}


def test_an_identifier_that_is_not_stored_is_named(store: Store) -> None:
    assert ask(store, "2605.99999").notes == ("arXiv 2605.99999 is not among the stored papers.",)


def test_what_is_no_word_is_found_as_it_is_written(store: Store) -> None:
    answer = ask(store, "c++")
    assert handles(answer) == ["2605.00003"]
    assert "found where it is written so" in answer.notes[0]


@pytest.mark.parametrize(
    "typed", ["", "   ", "\x00", "of the", "zzzzqqqq", "(((", "posted: -cat:cs"]
)
def test_nothing_found_is_a_sentence(store: Store, typed: str) -> None:
    answer = ask(store, typed)
    assert answer.notes or answer.hits


def test_days_narrow_the_search(store: Store) -> None:
    assert ask(store, "since:7d").total == 4
    assert ask(store, "since:6d").total == 0
    assert ask(store, "bees date:2026-05-12").total == 2
    assert ask(store, "bees date:2026-06").total == 0
    assert ask(store, "since:9999y").total == 4


def test_pages_hold_every_paper_once_though_new_ones_come_in_between() -> None:
    store = Store(None)
    for number in range(23):
        add(store, None, f"Bees number {number}")
    first = ask(store, "bees", limit=5)
    seen = handles(first)
    for page in range(1, 6):
        add(store, None, "Bees bees bees")
        seen += handles(ask(store, "bees", limit=5, offset=5 * page, upto=first.upto))
    assert len(seen) == len(set(seen)) == 23 == first.total
    store.close()


def test_a_new_paper_is_found_at_once() -> None:
    store = Store(None)
    add(store, None, "Bees")
    assert ask(store, "bees").total == 1
    add(store, None, "Bees again")
    assert ask(store, "bees").total == 2
    refresh(store)
    assert ask(store, "bees").total == 2
    store.close()


def test_posted_and_saved_mean_nothing_outside_a_channel(store: Store) -> None:
    for typed in ("bees posted:", "bees saved:"):
        answer = ask(store, typed, person="ada")
        assert answer.total == 2
        assert "left aside" in answer.notes[0]


def test_another_persons_or_channels_saves_are_not_shown() -> None:
    store = Store(None)
    one, two = add(store, "2605.00001", "Bees"), add(store, "2605.00002", "More bees")
    with store.write() as connection:
        here, there = (
            channels.insert(
                connection, Channel(0, "terminal", name, "", Profile()), private=False, now=NOW
            ).id
            for name in ("here", "there")
        )
        for channel_id, paper, person in (
            (here, one, "ada"),
            (there, two, "ada"),
            (here, two, "bo"),
        ):
            feedback.set_signal(
                connection, Ballot(channel_id, paper, person), Signal.SAVE, on=True,
                via=Via.COMMAND, now=NOW,
            )  # fmt: skip
    assert handles(ask(store, "saved:", channel_id=here, person="ada")) == ["2605.00001"]
    assert handles(ask(store, "saved:", channel_id=here, person="bo")) == ["2605.00002"]
    assert handles(ask(store, "saved:", channel_id=there, person="bo")) == []
    assert handles(ask(store, "bees -saved:", channel_id=here, person="ada")) == ["2605.00002"]
    store.close()


def test_for_here_and_nothing_else_asks_the_channel(store: Store) -> None:
    asked: list[int] = []

    def judge(found: Sequence[Paper]) -> list[float]:
        asked.append(len(found))
        return [float("circuits" in paper.title) for paper in found]

    def first(typed: str) -> str:
        answer = search(store, typed, channel_id=1, person=None, now=NOW, judge=judge)
        return answer.hits[0].paper.handle

    assert first("counting bees flowers") == "2605.00001"
    assert asked == []
    assert first("counting bees for:here") == "2605.00002"
    assert asked == [2]


def test_for_here_reads_the_channels_own_profile() -> None:
    store = Store(None)
    for number in range(12):
        add(store, f"2605.1{number:04d}", f"Rain study {number}", "Gauges and towers.")
    add(store, "2605.20000", "Rain and robots", "Robots walk in the rain, robots learn.")
    with store.write() as connection:
        channel = channels.insert(
            connection,
            Channel(0, "terminal", "x", "", Profile(terms=("robots",))),
            private=False,
            now=NOW,
        )
    own = channel_judge(store, Rankers(store), channel, NOW)
    answer = ask(store, "rain study for:here", channel_id=channel.id, limit=20, judge=own)
    plain = ask(store, "rain study", channel_id=channel.id, limit=20)
    assert handles(answer).index("2605.20000") < handles(plain).index("2605.20000")
    assert sorted(handles(answer)) == sorted(handles(plain))
    assert "left aside" in ask(store, "rain for:here").notes[0]
    store.close()


def test_similar_papers_are_others(store: Store) -> None:
    first = ask(store, "bees count flowers").hits[0].paper
    hits = similar(store, first.id, limit=3)
    assert hits[0].paper.handle == "2605.00002"
    assert first.id not in [hit.paper.id for hit in hits]
    assert similar(store, 10_000) == ()


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.integers(-3, 50), st.integers(-3, 50))
def test_nothing_typed_can_raise(typed: str, limit: int, offset: int) -> None:
    shared = _shared()
    answer = ask(shared, typed, limit=limit, offset=offset, channel_id=7, person="x")
    assert len(answer.hits) <= max(0, limit)
    assert complete_title(shared, typed) is not None


_stores: list[Store] = []


def _shared() -> Store:
    # Hypothesis runs in one thread; a store for each example would only cost time.
    if not _stores:
        _stores.append(Store(None))
        add(_stores[0], "2605.00001", "Bees (and “flowers”) NEAR c++", "α-divergence *AND* OR NOT")
    return _stores[0]


# --- snippets -----------------------------------------------------------------------------------


def marked(text: str, words: str) -> str:
    return snippet(text, frozenset(stems(words)))


def test_a_snippet_is_the_part_with_most_of_the_words() -> None:
    text = (
        "Start here. " + "Filler words go on. " * 30 + "Rain bends radio signals. " + "End. " * 60
    )
    found = marked(text, "radio rain")
    assert "«Rain» bends «radio» signals." in found
    assert found.startswith("… ")
    assert found.endswith(" …")
    assert len(found) <= SNIPPET + 20


def test_a_short_text_is_shown_whole() -> None:
    assert marked("Rain falls.", "snow") == "Rain falls."
    assert marked("", "snow") == ""


def test_marks_in_the_text_itself_are_taken_out() -> None:
    assert marked("A «quoted» rain.", "rain") == "A quoted «rain»."


@given(st.text(max_size=600), st.text(max_size=20))
def test_snippets_never_raise_and_marks_pair_up(text: str, words: str) -> None:
    found = marked(text, words)
    assert found.count(MARKS[0]) == found.count(MARKS[1])


def test_a_text_without_spaces_is_cut() -> None:
    assert len(marked("x" * 5_000, "y")) <= SNIPPET + 4


# --- completion ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "handle"),
    [
        ("bee", "2605.00001"),
        ("Bees cou", "2605.00001"),
        ("sparse cir", "2605.00002"),
        ("circuits", "2605.00002"),
        ("flow bee", "2605.00001"),
        ("wea fro tow", "2605.00004"),
        ("weahter", "2605.00004"),
        ("weathre fro", "2605.00004"),
        ("sprase circ", "2605.00002"),
        ("counting wtih spa", "2605.00002"),
        ("programming ", "2605.00003"),
    ],
)
def test_titles_complete_from_beginnings_middles_and_one_typo(
    store: Store, typed: str, handle: str
) -> None:
    assert complete_title(store, typed)[0] == (handle, TITLES[handle][0])


def test_titles_that_begin_as_typed_come_first() -> None:
    store = Store(None)
    add(store, "2605.00001", "Rain in spring")
    add(store, "2605.00002", "Spring rain")
    assert [handle for handle, _ in complete_title(store, "rain")] == ["2605.00001", "2605.00002"]
    assert len(complete_title(store, "rain", 1)) == 1
    store.close()


@pytest.mark.parametrize(
    "typed", ["", " ", "zzzzzz", "qq xx", "zz ", '"', "*", "NEAR(", "x" * 5_000]
)
def test_what_completes_nothing_is_empty(store: Store, typed: str) -> None:
    assert complete_title(store, typed) == ()


def test_a_paper_without_an_arxiv_id_is_named_by_its_number() -> None:
    store = Store(None)
    number = add(store, None, "Nameless")
    assert complete_title(store, "name") == ((f"p{number}", "Nameless"),)
    store.close()
