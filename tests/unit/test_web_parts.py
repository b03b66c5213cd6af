"""The page's small parts: spans of days, plots, words for times, windows that listen."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Digest, DigestKind, Part, Person, Place, Post, PostKind, Reply
from bot.platforms.journal import Posted
from bot.platforms.web.access import Session
from bot.platforms.web.charts import NAMED, bar_of, map_of, precision_of, terms_of
from bot.platforms.web.completing import complete_line
from bot.platforms.web.drawing import ago, moment, signed, slot_words, span_words
from bot.platforms.web.hub import BEHIND, Hub
from bot.platforms.web.site import Histories, Note, Notes
from bot.views import Period, Precision, Span, Spot, Term, read_span, span_of

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)

days = st.dates(min_value=date(1, 1, 8), max_value=date(9999, 11, 30))


# --- spans ---------------------------------------------------------------------------------------


@given(st.sampled_from(Period), days)
def test_a_span_holds_its_day_and_reads_back_what_it_writes(period: Period, day: date) -> None:
    span = span_of(period, day)
    assert span.first <= day <= span.last
    assert read_span(period, span.text) == span
    assert span_of(period, span.last) == span
    assert span_of(period, span.last + timedelta(days=1)).first == span.last + timedelta(days=1)


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (Period.DAY, "2026-02-30"),
        (Period.DAY, ""),
        (Period.WEEK, "2026-W54"),
        (Period.WEEK, "2026-24"),
        (Period.WEEK, "x-Wy"),
        (Period.MONTH, "2026-13"),
        (Period.MONTH, "2026-06-01"),
    ],
)
def test_what_is_no_span_is_none(period: Period, text: str) -> None:
    assert read_span(period, text) is None


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (Span(Period.DAY, date(2026, 6, 12)), "Fri 12 Jun 2026"),
        (Span(Period.WEEK, date(2026, 6, 8)), "8 to 14 Jun 2026"),
        (Span(Period.WEEK, date(2026, 6, 29)), "29 Jun to 5 Jul 2026"),
        (Span(Period.WEEK, date(2025, 12, 29)), "29 Dec 2025 to 4 Jan 2026"),
        (Span(Period.MONTH, date(2026, 6, 1)), "June 2026"),
    ],
)
def test_spans_in_words(span: Span, said: str) -> None:
    assert span_words(span) == said


# --- plots ---------------------------------------------------------------------------------------

parts = st.lists(
    st.builds(
        Part,
        st.text("abc", min_size=1, max_size=5),
        st.sampled_from(["written", "learned", "rest", "baseline"]),
        st.floats(-20, 20).map(lambda value: round(value, 3)),
    ),
    max_size=40,
)


@given(parts)
def test_a_bar_leaves_nothing_out_and_stays_in_its_frame(given_parts: list[Part]) -> None:
    bar = bar_of(given_parts)
    whole = sum(part.value for part in given_parts)
    assert bar.score == pytest.approx(whole, abs=1e-6)
    assert sum(piece.value for piece in bar.pieces) == pytest.approx(whole, abs=1e-6)
    assert len(bar.pieces) <= NAMED + 2
    assert -0.1 <= bar.total <= 100.1
    for piece in bar.pieces:
        assert piece.x >= 0
        assert piece.x + piece.width <= 100.2
        if piece.value > 0:
            assert piece.x >= bar.zero - 0.05
        else:
            assert piece.x + piece.width <= bar.zero + 0.05


def test_a_bars_pieces_do_not_overlap() -> None:
    bar = bar_of([Part("a", "written", 2.0), Part("b", "learned", 1.0), Part("c", "rest", -1.0)])
    spans = sorted((piece.x, piece.x + piece.width) for piece in bar.pieces)
    assert spans == [(0.0, 25.0), (25.0, 75.0), (75.0, 100.0)]
    assert (bar.zero, bar.total) == (25.0, 75.0)


def test_term_weights_of_one_sign_are_stacked_and_others_stand_on_both_sides() -> None:
    one, two = terms_of([Term("a", 1.0, 1.0, ""), Term("b", 1.0, -2.0, "")])
    assert one.zero == two.zero == 50.0
    assert (one.written, one.learned) == ((50.0, 25.0), (75.0, 25.0))
    assert (two.written, two.learned) == ((50.0, 25.0), (0.0, 50.0))
    assert terms_of([]) == ()
    (nothing,) = terms_of([Term("a", 0.0, 0.0, "")])
    assert nothing.written == (0.0, 0.0)


def precision(liked: int, voted: int) -> Precision:
    digest = Digest(1, 1, "2026-06-15T09:00", DigestKind.DAILY, NOW, 9, 5)
    return Precision(digest, liked, voted, 5)


def test_precision_counts_only_digests_that_were_judged() -> None:
    line = precision_of([precision(1, 2), precision(0, 0), precision(2, 2)])
    assert [(dot.x, dot.y) for dot in line.dots] == [(0.0, 80.0), (600.0, 0.0)]
    assert line.path == "0.0,80.0 600.0,40.0"  # 3 of 4 in the mean
    (only,) = precision_of([precision(0, 1)]).dots
    assert (only.x, only.y) == (300, 160.0)
    assert precision_of([]).dots == ()


def test_opinions_lie_on_top_of_the_map() -> None:
    marks = map_of([Spot("a", "A", 0, 0, 1), Spot("b", "B", 1, 1, 0)])
    assert [mark.spot.handle for mark in marks] == ["b", "a"]
    assert (marks[0].x, marks[0].y) == (960.0, 40.0)


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=-40), "now"),
        (timedelta(minutes=5), "in 5 min"),
        (timedelta(minutes=-59), "59 min ago"),
        (timedelta(hours=47), "in 47 h"),
        (timedelta(days=-9), "9 days ago"),
    ],
)
def test_distances_in_words(away: timedelta, said: str) -> None:
    assert ago(NOW + away, NOW) == said


def test_times_slots_and_numbers_in_words() -> None:
    assert ago(None, NOW) == moment(None) == "never"
    assert moment(NOW) == "15 Jun 2026, 09:00 UTC"
    assert slot_words("2026-06-15T09:00") == "Mon 15 Jun 2026, 09:00"
    assert slot_words("nonsense") == "nonsense"
    assert [signed(v) for v in (0.42, -0.42, 0.001, -0.001)] == ["+0.42", "−0.42", "0.00", "0.00"]


# --- windows, notes, histories -------------------------------------------------------------------


def posted(number: int) -> Posted:
    return Posted(f"{number}.k", "k", Post(PostKind.NOTICE, str(number)), None)


async def test_a_window_that_lags_behind_is_ended_and_does_not_hold_the_others_up() -> None:
    hub = Hub()
    with hub.listen("a") as slow, hub.listen("a") as other, hub.listen("b") as elsewhere:
        for number in range(BEHIND + 5):
            hub.publish("a", posted(number))
            if other.qsize():
                assert await other.get() == posted(number)
        seen = [slow.get_nowait() for _ in range(slow.qsize())]
        assert seen[-1] is None
        assert elsewhere.empty()
        assert hub.count == 3
        hub.close()
        assert await asyncio.wait_for(elsewhere.get(), 30) is None
    assert hub.count == 0


def test_a_note_is_for_its_own_session_and_old_ones_go() -> None:
    notes = Notes()
    one, other = Session("a", 1), Session("b", 1)
    number = notes.keep(one, Note(Reply("x")))
    found = notes.find(one, number)
    assert found is not None
    assert found.reply.headline == "x"
    assert notes.find(other, number) is None
    for _ in range(600):
        notes.keep(other, Note(Reply("y")))
    assert notes.find(one, number) is None


def test_looking_at_an_address_keeps_nothing() -> None:
    histories = Histories(None)
    assert histories.of("a").posts() == ()
    assert histories._journals == {}
    histories.write("a").post("k", Post(PostKind.NOTICE, "x"), None)
    assert len(histories.of("a").posts()) == 1


async def test_completion_without_a_core_knows_the_grammar() -> None:
    place, person = Place("web", "a"), Person("web", "b")
    found = await complete_line(None, place, person, "prof")
    assert [one.value for one in found] == ["profile "]
    assert await complete_line(None, place, person, "search attention") == ()
