"""Summaries: the abstract's own words, readable, bounded, never a link, whatever comes in."""

from __future__ import annotations

import re
import time
from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ranking import summary
from ranking.summary import summarise

ABSTRACT = (
    "Sorting letters by hand is slow. Earlier machines read only printed addresses. "
    "In this paper, we propose PostNet (a small network), which reads handwritten addresses "
    "from a single photograph. Experiments on three cities show that it errs half as often. "
    "Code is available at https://example.org/postnet."
)
TITLE = "PostNet: Reading Handwritten Addresses"


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", normalize("NFKC", text).casefold())


def assert_fit_to_show(text: str) -> None:
    assert "://" not in text
    assert "www." not in text.lower()
    assert len(text) <= 450
    assert text == " ".join(text.split())
    assert text.isprintable()


def test_summary_is_the_sentence_that_says_what_is_new() -> None:
    text = summarise(ABSTRACT, TITLE)
    assert text.startswith("We propose PostNet")
    assert text.endswith(".")


def test_opening_phrase_and_parentheses_are_trimmed() -> None:
    text = summarise(ABSTRACT, TITLE)
    assert "In this paper" not in text
    assert "(" not in text


def test_summary_needs_no_title() -> None:
    assert summarise(ABSTRACT).startswith("We propose PostNet")


def test_words_of_the_title_are_never_added() -> None:
    text = summarise(ABSTRACT, "Zebra crossings considered: an unrelated title")
    assert set(words(text)) <= set(words(ABSTRACT))


def test_same_abstract_gives_the_same_summary() -> None:
    assert len({summarise(ABSTRACT, TITLE) for _ in range(3)}) == 1


def test_latex_is_made_readable() -> None:
    text = summarise(r"We show that \emph{sorting} takes $O(n \log n)$ steps for all $\alpha > 0$.")
    assert "\\" not in text
    assert "$" not in text
    assert "α" in text
    assert "sorting" in text.lower()


def test_very_short_sentence_takes_a_second_one() -> None:
    text = summarise("We study rust. It eats the steel of bridges along the sea within ten years.")
    assert text.startswith("We study rust.")
    assert "bridges" in text


def test_repeated_sentence_is_not_said_twice() -> None:
    assert summarise("We sort letters. We sort letters.") == "We sort letters."


@pytest.mark.parametrize(
    ("abstract", "wanted"),
    [
        (
            "BACKGROUND: Sleep is short. CONCLUSIONS: Longer sleep halves the errors of nurses.",
            {"longer", "sleep", "errors"},
        ),
        ("OBJECTIVE To determine whether tea keeps nurses awake at night.", {"tea", "nurses"}),
    ],
)
def test_structured_abstract_loses_its_labels(abstract: str, wanted: set[str]) -> None:
    text = summarise(abstract)
    assert not re.match(r"[A-Z]{4,}", text)
    assert wanted <= set(words(text))


@pytest.mark.parametrize(
    "link",
    [
        "https://example.org/a?b=c#d",
        "http://example.org",
        "www.example.org/page",
        "github.com/someone/thing",
        "example.github.io",
        "quizmaster.com",
        r"\url{https://example.org/tool}",
        "HTTPS://EXAMPLE.ORG",
        "ftp://files.example.org/x",
        "slack://open?team=1",
        "[here](https://example.org/x)",
        "<https://example.org>",
    ],
)
@pytest.mark.parametrize(
    "frame", ["We propose a sorter, see {}, for letters and parcels.", "{}", "We propose it. {} We"]
)
def test_no_link_survives(link: str, frame: str) -> None:
    text = summarise(frame.format(link), "A sorter")
    assert_fit_to_show(text)
    assert not re.search(r"example|quizmaster|github|url\b", text, re.IGNORECASE)


def test_sentence_with_a_link_is_left_to_others() -> None:
    text = summarise("We release our code at https://example.org/x today. Letters are sorted fast.")
    assert text == "Letters are sorted fast."


@pytest.mark.parametrize("abstract", ["", " ", "\n\n", "\t", "\x00\x01", "\u200b\ufeff"])
def test_no_abstract_has_no_summary(abstract: str) -> None:
    assert summarise(abstract, "A title") == ""


@pytest.mark.parametrize(
    ("abstract", "expected"),
    [
        ("Withdrawn", "Withdrawn."),
        ("withdrawn.", "Withdrawn."),
        ("本文提出一种快速的排序方法。实验表明它很有效。", None),
        ("Мы предлагаем новый метод сортировки писем. Он быстрее старого.", None),
        ("نقترح طريقة جديدة لفرز الرسائل. إنها أسرع.", None),
        ("$x^2 + y^2 = z^2$", None),
        ("$$\\sum_{i=1}^n i$$ \\[ \\int f \\]", None),
        ("∀x ∃y (x < y) ∧ ¬(y < x)", None),
        ("(only in parentheses)", None),
        ("In this paper,", None),
        ("BACKGROUND:", None),
        ("We propose\x00 a\x07 sorter\x1b[31m for\u202e letters.", None),
        ("WE PROPOSE A SORTER FOR LETTERS.", None),
        ("- - - We propose a sorter", None),
    ],
)
def test_odd_abstract_gets_a_summary(abstract: str, expected: str | None) -> None:
    text = summarise(abstract)
    assert_fit_to_show(text)
    assert text
    assert expected in {None, text}


def test_abstract_of_20_000_words_is_answered_in_time() -> None:
    sentence = "We propose a sorter for letters and parcels that came in number {} this year. "
    started = time.process_time()
    text = summarise("".join(sentence.format(number) for number in range(1400)))
    assert text.startswith("We propose a sorter")
    endless = summarise("word " * 20_000)
    assert time.process_time() - started < 20  # of work, not of waiting
    assert_fit_to_show(text)
    assert_fit_to_show(endless)
    assert endless.endswith("…")


def test_one_endless_word_is_cut() -> None:
    text = summarise("x" * 100_000)
    assert_fit_to_show(text)
    assert text.endswith("…")


@given(st.text(max_size=400), st.text(max_size=60))
@example("a:// b", "")
@example("x://\u200by", "")
@example("www.\u00adx", "")
def test_any_text_gets_a_presentable_summary(abstract: str, title: str) -> None:
    assert_fit_to_show(summarise(abstract, title))


PIECES = st.sampled_from([
    "We propose a sorter for letters. ", "In this paper, ", "however, ", "we show that ",
    "it works ", "(as shown) ", ", which is new, ", "; ", ": ", "e.g. ", "et al. ", "3.5% ",
    "Fig. 2 ", "This paper ", "by sorting ", "and we ", '"quoted" ', "don't ", "co-occur ",
    "T5-base ", "However ", "[12] ", "results demonstrate ", ". ", "? ",
])  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=30))
def test_summary_is_made_of_the_abstracts_words_in_their_order(abstract: str, title: str) -> None:
    left = iter(words(abstract))
    assert all(word in left for word in words(summarise(abstract, title)))


def test_weights_in_the_package_are_small_and_say_where_they_come_from() -> None:
    from importlib.resources import files

    text = files("ranking").joinpath("data/summary.txt").read_text("utf-8")
    assert len(text.encode()) < 300_000
    assert "paperwire train summary" in text
    assert "ROUGE-1/2/L" in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "do not begin"),
        ("something else\n", "do not begin"),
        (f"{summary.HEADER}\n[words]\nbias\tmany\n", "line 3"),
        (f"{summary.HEADER}\nexpected\t20\n", "lack"),
        (f"{summary.HEADER}\n[words]\n[pairs]\n[readings]\n[vocabulary]\nword\t1\n", "lack"),
    ],
)
def test_damaged_weights_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(summary.WeightsError, match=reason):
        summary.parse_model(text)


def test_weights_survive_writing_and_reading() -> None:
    model = summary.default_model()
    assert summary.parse_model(summary.written_model(model, ["a remark"])) == model


def test_every_weight_belongs_to_a_measured_feature() -> None:
    from ranking.summary_reading import Stems, read

    abstract = read(ABSTRACT, TITLE, Stems())
    table = summary.candidate_table(abstract, summary.default_model())
    assert len(set(table.names)) == len(table.names)
    assert set(summary.default_model().readings) <= set(table.names)
