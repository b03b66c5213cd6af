"""Text to terms."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ranking.text import fold, stems, surface, terms, words


def test_hyphens_part_words_and_pairs_join_them_again() -> None:
    assert terms("low-resource translation") == terms("low resource translations")
    assert "low resourc" in terms("low-resource")


def test_accents_and_capitals_do_not_matter() -> None:
    assert fold("Gödel, NAÏVE") == "godel, naive"


def test_latex_commands_are_no_words() -> None:
    assert words(r"\emph{graph} $\alpha$-stable") == ["graph", "stable"]


def test_stop_words_do_not_stand_between_a_pair() -> None:
    assert "translat morpholog" in terms("translation of the morphology")


def test_scripts_without_spaces_come_in_pairs_of_characters() -> None:
    assert words("机器翻译") == ["机器", "器翻", "翻译"]
    assert words("BERT模型") == ["bert", "模型"]


def test_scripts_with_spaces_are_words() -> None:
    assert words("машинный перевод") == ["машинныи", "перевод"]
    assert words("기계 번역") == ["기계", "번역"]


def test_surface_names_a_stem_by_its_first_word() -> None:
    names = surface("Translations of translation models")
    assert names["translat"] == "translations"
    assert names["translat model"] == "translation models"


@given(st.text(max_size=300))
def test_any_text_gives_clean_terms(text: str) -> None:
    assert all(term and term == term.strip() for term in terms(text))
    assert len(stems(text)) == len(words(text))
