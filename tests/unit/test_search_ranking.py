"""Ranking over posting lists: what comes first, what is left out, and that it never raises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.features import likeness, pair_scores, sentence_scores
from ranking.postings import (
    CHUNK,
    MemoryCollection,
    Postings,
    Text,
    category_terms,
    gather,
    merge,
    pack,
    pack_lengths,
    unpack,
    unpack_lengths,
)
from ranking.query import parse
from ranking.reading import encode, holding_phrase, together
from ranking.search import CANDIDATES, Found, find, lean, similar
from ranking.spelling import correct

PAPERS = (
    Text(
        1, "Bees find flowers by scent", "A field study of honey bees.", ("Ada Byron",), ("q-bio",)
    ),
    Text(2, "Bees and colour", "Bees see ultraviolet light. Flowers use it.", ("Bo Byron",), ()),
    Text(3, "Routing packets", "Ants inspire a routing protocol for networks.", (), ("cs.NI",)),
    Text(4, "Ants on the march", "Trails of scent guide ants. No bees here.", ("Cy Young",), ()),
    Text(5, "Neural networks for weather", "Networks of neurons forecast rain.", (), ("cs.LG",)),
    Text(6, "Weather", "Rain gauges measure rain. Neural data of networks.", (), ("cs", "physics")),
)


@pytest.fixture(scope="module")
def collection() -> MemoryCollection:
    return MemoryCollection(PAPERS)


def ask(collection: MemoryCollection, typed: str) -> Found:
    return find(collection, parse(typed))


def test_a_word_of_the_title_counts_for_more(collection: MemoryCollection) -> None:
    assert ask(collection, "weather").papers[0] == 6
    assert ask(collection, "bees").papers[-1] == 4


def test_endings_do_not_matter(collection: MemoryCollection) -> None:
    assert set(ask(collection, "network").papers) == {3, 5, 6}


def test_any_word_is_enough_and_total_counts_all(collection: MemoryCollection) -> None:
    found = ask(collection, "ants weather")
    assert set(found.papers) == {3, 4, 5, 6}
    assert (found.total, found.exact) == (4, True)


def test_a_phrase_must_stand_as_it_is(collection: MemoryCollection) -> None:
    assert ask(collection, '"neural networks"').papers == (5,)
    assert set(ask(collection, "neural networks").papers) == {3, 5, 6}


def test_a_phrase_does_not_run_on_into_the_next_sentence(collection: MemoryCollection) -> None:
    assert ask(collection, '"light flowers"').papers == ()


def test_exclusions_leave_papers_out(collection: MemoryCollection) -> None:
    assert set(ask(collection, "bees -flowers").papers) == {4}
    assert 5 not in ask(collection, 'networks -"neural networks"').papers


def test_authors_are_found_by_last_name_initial_or_all_words(collection: MemoryCollection) -> None:
    assert set(ask(collection, "author:byron").papers) == {1, 2}
    assert ask(collection, 'author:"Byron, A."').papers == (1,)
    assert ask(collection, 'author:"A. Byron"').papers == (1,)
    assert ask(collection, "bees -author:byron").papers == (4,)


def test_a_category_holds_what_lies_under_it(collection: MemoryCollection) -> None:
    assert set(ask(collection, "cat:cs").papers) == {3, 5, 6}
    assert ask(collection, "cat:cs.LG").papers == (5,)
    assert set(ask(collection, "cat:cs.LG cat:q-bio").papers) == {1, 5}
    assert set(ask(collection, "networks -cat:cs.NI").papers) == {5, 6}


def test_filters_alone_list_the_newest_first(collection: MemoryCollection) -> None:
    assert ask(collection, "cat:cs").papers == (6, 5, 3)


def test_a_mask_narrows_the_search(collection: MemoryCollection) -> None:
    allowed = np.zeros(len(collection.lengths), np.bool_)
    allowed[[2, 4]] = True
    assert set(find(collection, parse("bees"), allowed=allowed).papers) == {2, 4}


@pytest.mark.parametrize("typed", ["weahter", "weater", "weatherr", "wwather"])
def test_a_typo_is_mended_and_said(collection: MemoryCollection, typed: str) -> None:
    found = ask(collection, typed)
    assert set(found.papers) == {5, 6}
    assert found.notes == (f"No paper has “{typed}”; searched for “weather” instead.",)


def test_two_mistakes_in_a_long_word_are_mended() -> None:
    texts = [Text(1, "Ultraviolet", "Light."), Text(2, "Ultraviolet", "Again.")]
    found = find(MemoryCollection(texts), parse("ultrvioelt"))
    assert set(found.papers) == {1, 2}
    assert found.notes == ("No paper has “ultrvioelt”; searched for “ultraviolet” instead.",)


def test_a_word_that_some_paper_has_is_never_corrected() -> None:
    collection = MemoryCollection([Text(1, "Form"), Text(2, "From farm to fork"), Text(3, "Farm")])
    assert find(collection, parse("form")).papers == (1,)


@pytest.mark.parametrize("word", ["gpt4o", "bee", "bess", "ωmega", "x" * 40])
def test_names_short_words_and_other_scripts_are_not_corrected(word: str) -> None:
    assert correct(word, word, MemoryCollection([Text(1, "gpt40 bees omega")])) is None


@pytest.mark.parametrize("typed", ["", "the of and", "(((", "\x00", "-bees", '""'])
def test_without_a_word_to_search_nothing_or_the_rest_is_found(
    collection: MemoryCollection, typed: str
) -> None:
    expected = (6, 5, 3) if typed == "-bees" else ()
    assert ask(collection, typed).papers == expected


def test_other_scripts_are_found() -> None:
    collection = MemoryCollection(
        [Text(1, "机器学习模型"), Text(2, "Обучение сетей"), Text(3, "α-β")]
    )
    assert find(collection, parse("学习")).papers == (1,)
    assert find(collection, parse("обучение")).papers == (2,)
    assert find(collection, parse("α")).papers == (3,)


def test_equal_papers_stand_in_the_order_of_their_numbers() -> None:
    collection = MemoryCollection([Text(n, "Same words") for n in (9, 3, 7, 5, 1)])
    assert find(collection, parse("same words")).papers == (1, 3, 5, 7, 9)


def test_pages_below_the_candidates_follow_without_repeats() -> None:
    texts = [Text(n, f"Bees {'x' * (n % 7)}", "honey " * (n % 5)) for n in range(3 * CANDIDATES)]
    found = find(MemoryCollection(texts), parse("bees honey"), depth=len(texts))
    assert len(set(found.papers)) == len(found.papers) == found.total == len(texts)
    assert list(found.scores) == sorted(found.scores, reverse=True)
    short = find(MemoryCollection(texts), parse("bees honey"), depth=10)
    assert short.papers == found.papers[:10]


def test_similar_papers_leave_the_paper_itself_out(collection: MemoryCollection) -> None:
    found = similar(collection, PAPERS[0], depth=2)
    assert found.papers[0] == 2
    assert 1 not in found.papers


def test_nothing_is_similar_to_a_paper_without_words(collection: MemoryCollection) -> None:
    assert similar(collection, Text(99, "…")).papers == ()


@pytest.mark.parametrize("texts", [[], [Text(1, "")], [Text(1, "...", "!!!")], [Text(7, "bees")]])
def test_tiny_collections_answer(texts: list[Text]) -> None:
    found = find(MemoryCollection(texts), parse("bees flowers"))
    assert found.papers == tuple(text.paper for text in texts if "bees" in text.title)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=6))
def test_no_query_and_no_paper_can_raise(typed: str, titles: list[str]) -> None:
    texts = [Text(n, title, title[::-1]) for n, title in enumerate(titles)]
    found = find(MemoryCollection(texts), parse(typed))
    assert len(found.papers) == len(found.scores) <= len(texts)
    assert all(np.isfinite(found.scores))


def test_an_abstract_of_twenty_thousand_words_is_one_paper_among_others() -> None:
    collection = MemoryCollection(
        [Text(1, "Long", "bees honey " * 10_000), Text(2, "Bees", "honey")]
    )
    assert set(find(collection, parse("bees honey")).papers) == {1, 2}


def test_ten_thousand_characters_are_answered(collection: MemoryCollection) -> None:
    assert ask(collection, "bees " * 2_000).papers


# --- the parts ----------------------------------------------------------------------------------


def test_packed_postings_come_back() -> None:
    start = 3 * CHUNK
    given_ = Postings(
        np.array([start, start + 5, start + CHUNK - 1]), np.array([1, 255, 3], np.uint8)
    )
    back = unpack([(3, pack(given_, 3))])
    assert back.papers.tolist() == given_.papers.tolist()
    assert back.counts.tolist() == [1, 255, 3]
    assert len(unpack([])) == 0


def test_packed_lengths_come_back_and_gaps_stay_empty() -> None:
    row = unpack_lengths([(1, pack_lengths({CHUNK + 2: 70_000, CHUNK + 4: 9}, 1))], 2 * CHUNK)
    assert (row[CHUNK + 2], row[CHUNK + 4], row[CHUNK + 3], row[0]) == (65_535, 9, 0, 0)


def test_merging_hides_changed_papers_and_puts_fresh_ones_in_order() -> None:
    stored = Postings(np.array([1, 4, 8]), np.array([1, 1, 1], np.uint8))
    fresh = Postings(np.array([4, 6]), np.array([7, 2], np.uint8))
    merged = merge(stored, fresh, np.array([4, 8]))
    assert merged.papers.tolist() == [1, 4, 6]
    assert merged.counts.tolist() == [1, 7, 2]


def test_counts_too_large_for_a_byte_are_capped() -> None:
    lists, _ = gather([Text(1, "bee " * 400)])
    assert lists["bee"].counts.tolist() == [255]


def test_an_archive_is_filed_under_itself_once() -> None:
    assert category_terms("cs.CL") == ("cat:cs.cl", "cat:cs")
    assert category_terms("hep-th") == ("cat:hep-th",)


@given(st.text(alphabet="ab ABé.?!-_$1\n\\", max_size=80))
def test_plain_and_other_letters_come_to_the_same_words(text: str) -> None:
    # A Greek letter at the end sends the text the slower way.
    plain, other = (together([encode("", one)]) for one in (text, f"{text} ω"))
    assert plain.codes.tolist() == other.codes[:-1].tolist()


def test_a_phrase_is_found_within_one_sentence_of_one_paper() -> None:
    texts = [("red bees", "Honey"), ("", "Red. Bees"), ("x", "Big red bees fly"), ("", "")]
    read = together([encode(*text) for text in texts])
    assert holding_phrase(read, ("red", "bee")).tolist() == [True, False, True, False]
    assert holding_phrase(read, ("honei", "red")).tolist() == [False] * 4  # not across papers
    assert holding_phrase(read, ()).tolist() == [True] * 4
    assert holding_phrase(together([]), ("bee",)).tolist() == []


def test_the_best_sentence_counts_each_word_once_and_shorter_is_better() -> None:
    read = together(
        [encode("x1", "Bees bees bees."), encode("x1", "Bees. Then much more of it all.")]
    )
    one, two = sentence_scores(read, {"bee": 1.0})
    assert 0 < one < two


def test_pairs_count_only_side_by_side_and_in_order() -> None:
    read = together([encode("honey bees", ""), encode("bees honey", ""), encode("honey", "bees")])
    scores = pair_scores(read, {("honey", "bee")}, {"honey": 1.0, "bee": 1.0})
    assert scores[0] > 0
    assert scores[1:].tolist() == [0, 0]


def test_likeness_is_one_for_equal_papers_and_words_of_one_paper_say_nothing() -> None:
    texts = ["bees honey", "bees honey", "rain gauge", "rain lonely"]
    cosines = likeness(together([encode(text, "") for text in texts]))
    assert cosines[0, 1] == pytest.approx(1.0)
    assert cosines[2, 3] == pytest.approx(1.0)
    assert cosines[0, 2] == 0


def test_a_candidate_like_the_best_ones_rises_above_a_lonely_one() -> None:
    scores = np.array([1.0, 0.9, 0.8, 0.5, 0.5, 0.4], np.float32)
    cosines = np.eye(6, dtype=np.float32)
    cosines[0:4, 0:4] = 1.0
    leaned = lean(scores, cosines)
    assert leaned[3] > leaned[4]
