"""The search box's grammar: what is understood, and that nothing typed can break it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ranking.query import LONGEST, Query, parse


def test_words_phrases_and_exclusions_part_ways() -> None:
    query = parse('sparse "mixture of experts" -survey -"case study" routing')
    assert query.find.words == ("sparse", "routing")
    assert query.find.phrases == ("mixture of experts",)
    assert query.without.words == ("survey",)
    assert query.without.phrases == ("case study",)
    assert query.notes == ()


def test_filters_are_read_in_any_case_and_order() -> None:
    query = parse('CAT:cs.CL,cs.LG author:"Ada Lovelace" Source:huggingface posted: for:here tea')
    assert query.find.categories == ("cs.CL", "cs.LG")
    assert query.find.authors == ("Ada Lovelace",)
    assert query.find.sources == ("huggingface",)
    assert (query.posted, query.saved, query.personal) == (True, None, True)
    assert query.find.words == ("tea",)


def test_filters_can_be_excluded() -> None:
    query = parse("-author:lovelace -cat:math -source:feed -posted: -saved:")
    assert query.without.authors == ("lovelace",)
    assert query.without.categories == ("math",)
    assert query.without.sources == ("feed",)
    assert (query.posted, query.saved) == (False, False)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("date:2026-05..2026-06", date(2026, 5, 1), date(2026, 6, 30)),
        ("date:2026-02", date(2026, 2, 1), date(2026, 2, 28)),
        ("date:2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("date:2026-05-03", date(2026, 5, 3), date(2026, 5, 3)),
        ("date:2026-05-03..", date(2026, 5, 3), None),
        ("date:..2026-05", None, date(2026, 5, 31)),
        ("date:2026-06..2026-05", date(2026, 5, 1), date(2026, 6, 30)),
    ],
)
def test_dates_cover_whole_months_and_years(
    typed: str, first: date | None, last: date | None
) -> None:
    query = parse(typed)
    assert (query.published_from, query.published_to) == (first, last)
    assert query.notes == ()


@pytest.mark.parametrize(
    ("typed", "days"), [("7d", 7), ("2w", 14), ("3months", 90), ("1y", 365), ("0d", 0)]
)
def test_since_counts_back(typed: str, days: int) -> None:
    assert parse(f"since:{typed}").listed_days == days


def test_since_takes_a_day() -> None:
    assert parse("since:2026-05-02").listed_from == date(2026, 5, 2)


@pytest.mark.parametrize(
    "typed",
    [
        "2605.01234",
        "2605.01234v3",
        "arXiv:2605.01234",
        "arxiv: 2605.01234v1",
        "https://arxiv.org/abs/2605.01234v2",
        "http://www.arxiv.org/pdf/2605.01234.pdf",
        "https://huggingface.co/papers/2605.01234",
        "<https://arxiv.org/html/2605.01234>",
    ],
)
def test_a_pasted_identifier_or_link_names_the_paper(typed: str) -> None:
    query = parse(typed)
    assert query.arxiv_ids == ("2605.01234",)
    assert not any(character.isalnum() for character in query.plain)


def test_old_identifiers_are_known() -> None:
    assert parse("hep-th/9901001 math.GT/0309136").arxiv_ids == (
        "hep-th/9901001",
        "math.GT/0309136",
    )


@pytest.mark.parametrize("typed", ["1234.5678", "3.14159", "10.1000.12345", "2613.01234"])
def test_numbers_are_no_identifiers(typed: str) -> None:
    assert parse(typed).arxiv_ids == ()


@pytest.mark.parametrize(
    ("typed", "said", "words"),
    [
        ("date:soon", "not a date", ("soon",)),
        ("date:2026-13", "not a date", ("2026-13",)),
        ("since:ages", "not a time", ("ages",)),
        ("for:everyone", "for:here", ("everyone",)),
        ("posted:nowhere", "posted:", ("posted:nowhere",)),
        ("year:2026", "not a filter", ("year:2026",)),
        ('tiny "open models', "quotation mark", ("tiny", "open", "models")),
    ],
)
def test_what_does_not_parse_is_searched_as_words_and_said(
    typed: str, said: str, words: tuple[str, ...]
) -> None:
    query = parse(typed)
    assert any(said in note for note in query.notes)
    assert query.find.words == words


def test_an_empty_filter_is_left_aside_and_the_next_one_still_counts() -> None:
    query = parse("author: cat:cs.CL")
    assert query.find.authors == ()
    assert query.find.categories == ("cs.CL",)
    assert "author:" in query.notes[0]


def test_curly_quotes_are_quotes() -> None:
    assert parse("“deep learning”").find.phrases == ("deep learning",)


def test_hyphens_inside_words_and_negative_numbers_exclude_nothing() -> None:
    query = parse("BERT-based -5 degrees - --")
    assert query.without.words == ()
    assert query.find.words[:2] == ("BERT-based", "-5")


def test_a_very_long_text_is_cut_and_said() -> None:
    query = parse("word " * 2_000)
    assert len(query.text) <= LONGEST
    assert "first 1,000 characters" in query.notes[0]


def test_a_title_with_a_colon_is_no_filter() -> None:
    assert parse("Tea: a study of leaves").notes == ()


PIECES = st.sampled_from(
    ['"', "-", "author:", "cat:", "date:", "since:", "posted:", "..", "(", ")", "NEAR(", "AND",
     "c++", "α", "\x00", "\ud800", " ", "2026-05", "7d", "arxiv.org/abs/", "2605.01234", "*", "^"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(PIECES).map("".join), st.lists(PIECES).map(" ".join)))
@example("")
@example('-"')
@example("author:-cat:")
@example("x" * 10_000)
def test_nothing_typed_can_raise(typed: str) -> None:
    query = parse(typed)
    assert isinstance(query, Query)
    assert all(word.strip() == word and word for word in query.find.words)


@given(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=8))
def test_plain_words_come_back_as_they_were(typed: list[str]) -> None:
    assert list(parse(" ".join(typed)).find.words) == typed
