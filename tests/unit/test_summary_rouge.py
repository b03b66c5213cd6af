"""ROUGE as the reference implementation computes it.

The expected stems and scores were computed with rouge-score 0.1.2 and NLTK's Porter stemmer.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.evaluate import rouge

STEMS = {
    "caresses": "caress", "ponies": "poni", "ties": "tie", "feed": "feed", "agreed": "agre",
    "plastered": "plaster", "sing": "sing", "conflated": "conflat", "sized": "size",
    "hopping": "hop", "falling": "fall", "filing": "file", "happy": "happi", "enjoy": "enjoy",
    "relational": "relat", "rational": "ration", "digitizer": "digit", "radically": "radic",
    "vilely": "vile", "analogously": "analog", "predication": "predic", "feudalism": "feudal",
    "hopefulness": "hope", "sensitivity": "sensit", "sensibility": "sensibl", "formative": "form",
    "electricity": "electr", "goodness": "good", "airliner": "airlin", "replacement": "replac",
    "adoption": "adopt", "homologous": "homolog", "effective": "effect", "bowdlerize": "bowdler",
    "rate": "rate", "cease": "ceas", "controlling": "control", "rolling": "roll", "skies": "sky",
    "dying": "die", "news": "news", "died": "die", "cries": "cri", "analogy": "analog",
    "fully": "fulli", "yearly": "yearli",
}  # fmt: skip

SCORES = [
    (
        "We propose a small method for ranking papers by interest.",
        "We propose a method that ranks papers by interest.",
        (0.842105, 0.588235, 0.842105),
    ),
    ("A cat sat on the mat.", "The mat sat on a cat.", (1.0, 0.6, 0.333333)),
    (
        "Networks learn faster with noisy labels, and noisy labels are cheap.",
        "Noisy labels, noisy labels, noisy labels.",
        (0.470588, 0.266667, 0.470588),
    ),
    (
        "State-of-the-art results (93.5%) on ImageNet-1k.",
        "We reach 93.5 % on imagenet 1K: state of the art.",
        (0.857143, 0.736842, 0.47619),
    ),
    ("Élan vital of naïve Bayes", "naive bayes élan", (0.444444, 0.0, 0.222222)),
    ("one", "one", (1.0, 0.0, 1.0)),
    ("one two", "three four", (0.0, 0.0, 0.0)),
    ("α β γ", "α β γ", (0.0, 0.0, 0.0)),
    ("", "words here", (0.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(("word", "stem"), STEMS.items())
def test_stem_is_that_of_the_reference_implementation(word: str, stem: str) -> None:
    assert rouge.stem(word) == stem


@pytest.mark.parametrize(("reference", "candidate", "expected"), SCORES)
def test_score_is_that_of_the_reference_implementation(
    reference: str, candidate: str, expected: tuple[float, float, float]
) -> None:
    got = rouge.score(rouge.tokens(reference), rouge.tokens(candidate))
    assert tuple(got) == pytest.approx(expected, abs=1e-6)


def test_short_words_are_not_stemmed() -> None:
    assert rouge.tokens("Its bus was used by us") == ["its", "bus", "was", "use", "by", "us"]


def test_best_reference_is_the_one_with_the_highest_rouge_1() -> None:
    near, far = rouge.tokens("papers we rank daily"), rouge.tokens("we rank")
    candidate = rouge.tokens("we rank papers daily")
    assert rouge.best([far, near], candidate) == rouge.score(near, candidate)
    assert rouge.best([], candidate) == (0.0, 0.0, 0.0)


@given(st.text(max_size=80), st.text(max_size=80))
def test_score_is_symmetric_and_between_nought_and_one(left: str, right: str) -> None:
    one, two = rouge.tokens(left), rouge.tokens(right)
    assert rouge.score(one, two) == pytest.approx(rouge.score(two, one))
    assert all(0 <= value <= 1 for value in rouge.score(one, two))
