"""Shortening a sentence by leaving words out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.compress import spans, tidy, written


def readings(sentence: str) -> set[str]:
    kept = tidy(sentence).split()
    return {written(kept[span.start : span.stop]) for span in spans(kept)}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("In this paper, we sort letters.", "We sort letters."),
        ("However, in this work we sort letters.", "We sort letters."),
        ("We sort, in this paper, letters.", "We sort letters."),
        ("To address this problem we sort letters.", "We sort letters."),
        ("Letters are sorted in this paper.", "Letters are sorted."),
        ("We (the authors) sort letters [1, 2].", "We sort letters."),
        ("It takes O(n) steps and f(x, y) calls.", "It takes O(n) steps and f(x, y) calls."),
        ("We sort (by hand (or foot)) letters.", "We sort letters."),
        ("METHODS: We sort letters.", "We sort letters."),
        ("MATERIALS AND METHODS Ten letters came.", "Ten letters came."),
        ("BERT: a model of letters.", "BERT: a model of letters."),
        ("(2) Letters are sorted.", "Letters are sorted."),
        ("We also sort letters.", "We sort letters."),
        ("mRNA is sorted", "mRNA is sorted."),
        ("k-means sorts letters", "k-means sorts letters."),
        ("on-site sorting helps", "On-site sorting helps."),
        ("Do letters sort themselves?", "Do letters sort themselves?"),
        ("They said “sort it.”", "They said “sort it.”"),
    ],
)
def test_tidy_leaves_what_matters(sentence: str, expected: str) -> None:
    assert written(tidy(sentence).split()) == expected


@pytest.mark.parametrize(
    ("sentence", "shorter"),
    [
        (
            "While letters are easy to sort, we show that parcels need far more care.",
            "We show that parcels need far more care.",
        ),
        (
            "While letters are easy to sort, we show that parcels need far more care.",
            "Parcels need far more care.",
        ),
        (
            "We propose a sorter of letters, which needs no light at all.",
            "We propose a sorter of letters.",
        ),
        (
            "We propose a sorter of letters, achieving half the errors.",
            "We propose a sorter of letters.",
        ),
        (
            "We propose a sorter of letters and show that it errs less.",
            "We propose a sorter of letters.",
        ),
        ("Our sorter is fast and small; it errs less.", "Our sorter is fast and small."),
    ],
)
def test_shorter_reading_is_offered(sentence: str, shorter: str) -> None:
    assert shorter in readings(sentence)


@pytest.mark.parametrize(
    ("sentence", "nonsense"),
    [
        (
            "The sorter of all our letters, which is new, errs.",
            "The sorter of all our letters.",
        ),
        ("We show that one sorts all and that two do not.", "One sorts all and that two do not."),
        ("We sort “all of the letters, which are old” by hand.", "We sort “all of the letters."),
    ],
)
def test_reading_that_is_no_sentence_is_not_offered(sentence: str, nonsense: str) -> None:
    assert nonsense not in readings(sentence)


@given(st.text(max_size=300))
def test_any_text_is_shortened_without_complaint(text: str) -> None:
    kept = tidy(text).split()
    for span in spans(kept):
        assert 0 <= span.start <= span.stop <= len(kept)
        assert len(written(kept[span.start : span.stop]).split()) <= len(kept)
