"""The sentence splitter: what ends a sentence in an abstract, and what only looks like it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.sentences import split_sentences

# One "|" stands where a sentence ends.
CASES = {
    "plain": "We rank papers.|It is fast!|Is it right?|Yes.",
    "et al with year": "As shown by Moreno et al. 2019 the bound holds.|We tighten it.",
    "et al at the end": "This follows Moreno et al.|We extend it.",
    "e.g. and i.e.": "Many tasks, e.g. Sorting or search, are local, i.e. O(1) each.|Others wait.",
    "figures and equations": "See Fig. 3, Eq. (2), Sec. IV and Tab. A.|It holds.",
    "numbers": "The error falls to 3.5 at p = .05 and v. 2.0 of it.|All is well.",
    "no and number": "Sample no. 5 is lost.|Is it?|The answer is no.|We go on.",
    "initials": "The test of J. R. Miller is old.|B. Lee made it new.",
    "a letter at the end": "We give vitamin C.|We then wait.",
    "country": "Most U.S. Cities grow.|Few shrink in the U.K.|We ask why.",
    "versus": "We compare Trees vs. Forests.|Trees win.",
    "et cetera": "Trees, bushes, etc. are green.|Roses, violets, etc.|The rest is not.",
    "quotes": "They call it “deep.”|We say \"shallow.\"|Both hold.",
    "brackets": "It holds (as shown above).|(See the appendix.)|We end.",
    "ellipsis": "It grows... and grows...|Then it stops.",
    "question and exclamation": "Really?!|We think so.",
    "address": "Code: https://example.org/a.b/c.html.|We hope it helps.",
    "decimals in brackets": "It is better (p < .001) than chance (0.5).|We stop.",
    "formula": "Let $x. Y$ be a word.|Then $f(x) = 1. 5$ holds.",
    "formula at the start": "This is known.|$k$-means is not.",
    "list in brackets": "We (1) cut text, (2) rank it.|(3) We post it.",
    "numbered list": "1. Cut the text.|2. Rank it.|3. Post it.",
    "lower-case name": "We sequence it.|mRNA is stable.|k-NN is not.",
    "glued": "We cut text, as main.We/b does.|It is done.",
    "file and version": "The file main.py runs on Python 3.11 only.|No other does.",
    "label": "BACKGROUND: Sleep matters.|METHODS: We asked 10 people.",
    "doctor": "Dr. Lee and Prof. Kim agree.|We do too.",
    "resp and approx": "It takes 3 (resp. Four) steps, approx. Ten seconds.|Then it ends.",
    "degree": "She holds a Ph.D. in physics.|He has an M.D.|We have none.",
    "semicolon": "One; two; three.|Four: five.",
    "chinese": "我们提出一种方法。|它很快！|对吗？",
    "no end": "A title without a full stop",
}  # fmt: skip


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES.keys())
def test_sentence_ends_where_a_reader_would_end_it(marked: str) -> None:
    separator = "" if "。" in marked else " "
    assert split_sentences(marked.replace("|", separator)) == marked.split("|")


def test_text_glued_to_the_next_sentence_is_cut_before_a_clear_start() -> None:
    assert split_sentences("We cut text.We rank it.") == ["We cut text.", "We rank it."]
    assert split_sentences("See a.We/b and e.g.Net here.") == ["See a.We/b and e.g.Net here."]


def test_blank_line_ends_a_sentence_without_a_full_stop() -> None:
    assert split_sentences("A heading\n\nThe text\ngoes on.") == ["A heading", "The text goes on."]


@pytest.mark.parametrize("break_", ["\n\n", "\n \n", " \n\n\n"])
def test_blank_line_inside_a_running_sentence_does_not_end_it(break_: str) -> None:
    assert split_sentences(f"We build the{break_}Sampler of{break_}images.") == [
        "We build the Sampler of images."
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "\t\r\n"])
def test_blank_text_has_no_sentences(text: str) -> None:
    assert split_sentences(text) == []


@given(st.text(alphabet=st.sampled_from("abAB. ,;!?()[]$\\\"'\n1…。éWe"), max_size=200))
def test_nothing_but_white_space_is_lost(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence == " ".join(sentence.split()) and sentence for sentence in sentences)


@given(st.text(max_size=300))
def test_any_text_is_split_without_complaint(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "unit", [".", "a.", "A. ", "$", "$a ", "\\(", "(", "x" * 50, "e.g. ", "\n\n", "1. "]
)
def test_long_repetition_takes_no_more_than_a_moment(unit: str) -> None:
    started = time.process_time()
    split_sentences(unit * (100_000 // len(unit)))
    assert time.process_time() - started < 20  # of work, not of waiting
