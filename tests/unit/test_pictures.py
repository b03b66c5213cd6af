"""Pictures: what they show, in pixels and in words."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta

import pytest
from PIL import Image

from bot.domain import Channel, Digest, DigestKind, Profile, Reply
from bot.services import pictures
from bot.services.pictures import Picture, draw_precision, draw_terms
from bot.views import Precision

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)
CHANNEL = Channel(1, "terminal", "nlp", "nlp", Profile())


def judged(liked: int, voted: int, number: int = 0) -> Precision:
    slot = f"{date(2026, 6, 1) + timedelta(number)}T09:00"
    digest = Digest(number + 1, 1, slot, DigestKind.DAILY, NOW, 30, 5)
    return Precision(digest, liked, voted, 5)


def image(picture: Picture | None) -> Image.Image:
    assert picture is not None
    return Image.open(io.BytesIO(picture.png)).convert("RGB")


def colours(picture: Picture | None) -> set[tuple[int, int, int]]:
    drawn = image(picture)
    counted = drawn.getcolors(maxcolors=drawn.width * drawn.height)
    assert counted is not None
    return {colour for count, colour in counted if count > 200}  # type: ignore[misc]


BLUE, GREEN, RED = (47, 111, 179), (58, 157, 93), (192, 57, 43)


def test_terms_are_bars_of_what_was_written_liked_and_disliked() -> None:
    assert BLUE in colours(draw_terms([("vowels", 1.5, 0.0)]))
    both = colours(draw_terms([("vowels", 1.0, 0.7), ("echoes", 0.0, -0.9)]))
    assert {BLUE, GREEN, RED} <= both


def test_terms_are_told_in_words() -> None:
    picture = draw_terms([("vowels", 1.5, 0.25), ("echoes", 0.0, -0.9)])
    assert picture is not None
    assert "vowels +1.75 (written +1.50, learned +0.25)" in picture.alt
    assert "echoes -0.90 (learned -0.90)" in picture.alt


def test_the_picture_grows_with_the_terms() -> None:
    few = image(draw_terms([("a", 1.0, 0.0)]))
    many = image(draw_terms([(f"term {n}", 2.0 - n / 10, 0.0) for n in range(40)]))
    assert few.width == many.width
    assert few.height < many.height < 800


def test_without_weights_there_is_no_picture() -> None:
    assert draw_terms([]) is None
    assert draw_terms([("a", 0.001, -0.001)]) is None


@pytest.mark.parametrize(
    "name",
    ["$\\frac{1}{2}$", "$x", "\\alpha_1", "低资源翻译", "\x1b[31m", "a" * 500, "🔖", "العربية"],
)
def test_any_term_can_be_drawn(name: str) -> None:
    picture = draw_terms([(name, 1.0, 0.5)] * 12)
    assert picture is not None
    assert len(picture.alt) <= 1000


def test_equal_data_is_equal_bytes() -> None:
    rows = [("vowels", 1.5, 0.25)]
    assert draw_terms(rows) == draw_terms(rows)
    judgements = [judged(1, 2, n) for n in range(4)]
    assert draw_precision(judgements) == draw_precision(judgements)


def test_precision_is_points_and_a_line_through_them() -> None:
    picture = draw_precision([judged(n % 3, 3, n) for n in range(12)])
    assert {BLUE, GREEN} <= colours(picture)
    assert picture is not None
    assert "over the last 5 judged digests" in picture.alt
    assert "2026-06-02 1 of 3" in picture.alt


def test_precision_needs_two_judged_digests() -> None:
    assert draw_precision([]) is None
    assert draw_precision([judged(1, 1), judged(0, 0, 1)]) is None
    assert draw_precision([judged(1, 1), judged(0, 1, 1)]) is not None


def test_a_picture_that_cannot_be_drawn_costs_no_answer() -> None:
    def fail() -> Picture:
        raise RuntimeError("no fonts")

    reply = Reply("Interests", lines=("vowels",))
    assert pictures._illustrate(reply, fail, CHANNEL) == reply


def test_an_answer_gets_its_picture_and_its_words() -> None:
    drawn = pictures._illustrate(Reply("x"), lambda: Picture(b"png", "bars"), CHANNEL)
    assert (drawn.headline, drawn.image, drawn.image_alt) == ("x", b"png", "bars")
    assert pictures._illustrate(Reply("x"), lambda: None, CHANNEL) == Reply("x")
