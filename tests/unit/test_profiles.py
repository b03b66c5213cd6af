"""The written form of a profile."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import profiles
from bot.domain import PaperwireError, Profile

WRITTEN = (
    'low-resource translation, morphology, -"image generation", author:"Jane Roe", '
    "cat:cs.CL, 2106.09685"
)


def test_every_kind_of_item_is_read() -> None:
    assert profiles.parse(WRITTEN) == Profile(
        terms=("low-resource translation", "morphology"),
        muted_terms=("image generation",),
        authors=("Jane Roe",),
        categories=("cs.CL",),
        seeds=("2106.09685",),
    )


def test_new_lines_separate_like_commas_and_order_is_kept() -> None:
    profile = profiles.parse("speech\n\nmorphology,\r\nparsing")
    assert profile.terms == ("speech", "morphology", "parsing")


def test_authors_and_categories_can_be_muted() -> None:
    profile = profiles.parse('-author:"Jane Roe", -cat:cs.CV')
    assert profile == Profile(muted_authors=("Jane Roe",), muted_categories=("cs.CV",))


def test_repeats_are_dropped_without_case_and_the_first_spelling_stays() -> None:
    assert profiles.parse("BERT, bert, Bert").terms == ("BERT",)


def test_of_an_item_followed_and_muted_the_later_counts() -> None:
    assert profiles.parse("speech, -speech") == Profile(muted_terms=("speech",))
    assert profiles.parse("-speech, speech") == Profile(terms=("speech",))


@pytest.mark.parametrize(
    "text",
    [
        '-"image generation"',
        "-“image generation”",
        "-„image generation“",
        "-«image generation»",
        "−“image generation”",
        '- "image generation"',
        "–image generation",
        '-"image generation',
        "-image generation.",
    ],
)
def test_a_mute_may_be_typed_in_many_ways(text: str) -> None:
    assert profiles.parse(text) == Profile(muted_terms=("image generation",))


@pytest.mark.parametrize("term", ["low-resource", "low–resource", "graph—text", "e‑mail", "C++"])
def test_dashes_and_signs_inside_words_are_kept(term: str) -> None:
    assert profiles.parse(term).terms == (term,)


def test_a_pasted_list_with_dashes_is_followed_not_muted() -> None:
    assert profiles.parse("- speech\n- morphology").terms == ("speech", "morphology")
    assert profiles.parse("• speech\n• morphology").terms == ("speech", "morphology")


def test_commas_inside_quotes_do_not_separate() -> None:
    assert profiles.parse('"red, green", author:"Roe, Jane"') == Profile(
        terms=("red, green",), authors=("Roe, Jane",)
    )


def test_a_quote_that_never_closes_ends_at_the_next_comma() -> None:
    assert profiles.parse('"image generation, morphology').terms == (
        "image generation",
        "morphology",
    )
    assert profiles.parse('"speech, "machine translation"').terms == (
        "speech",
        "machine translation",
    )


def test_forgotten_commas_are_seen_before_a_mute_a_prefix_or_a_quote() -> None:
    profile = profiles.parse('translation -vision author:"Jane Roe" cat:cs.CL "speech act"')
    assert profile == Profile(
        terms=("translation", "speech act"),
        muted_terms=("vision",),
        authors=("Jane Roe",),
        categories=("cs.CL",),
    )


def test_quotes_take_a_text_literally() -> None:
    profile = profiles.parse('"2106.09685", "author:x", "-y", "cs.CL"')
    assert profile == Profile(terms=("2106.09685", "author:x", "-y", "cs.CL"))


@pytest.mark.parametrize(
    "text",
    [
        "2106.09685",
        "2106.09685v2",
        "arXiv:2106.09685",
        "https://arxiv.org/abs/2106.09685v1",
        "https://arxiv.org/pdf/2106.09685",
        "https://huggingface.co/papers/2106.09685",
        "paper:2106.09685",
    ],
)
def test_a_seed_is_its_arxiv_id_without_version(text: str) -> None:
    assert profiles.parse(text).seeds == ("2106.09685",)


def test_seeds_may_be_old_ids_and_dois_and_need_no_commas() -> None:
    assert profiles.parse("hep-th/9901001").seeds == ("hep-th/9901001",)
    assert profiles.parse("https://doi.org/10.1000/abc.1").seeds == ("10.1000/abc.1",)
    assert profiles.parse("2106.09685 1706.03762").seeds == ("2106.09685", "1706.03762")


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("cat:CS.cl", "cs.CL"),
        ("category: stat.ML", "stat.ML"),
        ("cat:hep-th", "hep-th"),
        ("cat:cs.*", "cs.*"),
        ("cat:cs", "cs.*"),
        ("cs.LG", "cs.LG"),
        ("quant-ph", "quant-ph"),
        ("cat:cond-mat.mtrl-sci", "cond-mat.mtrl-sci"),
    ],
)
def test_categories_are_written_as_arxiv_writes_them(text: str, category: str) -> None:
    assert profiles.parse(text) == Profile(categories=(category,))


def test_an_unknown_category_is_kept_with_a_warning_that_names_the_nearest() -> None:
    profile, changes = profiles.add(Profile(), "cat:sc.CL, cat:cs.ZZ, cat:neuroscience, cat:cs.CL")
    assert profile.categories == ("sc.CL", "cs.ZZ", "neuroscience", "cs.CL")
    assert changes.notes == profiles.warn(profile)
    assert [note.split(" ")[0] for note in changes.notes] == [
        "cat:sc.CL",
        "cat:cs.ZZ",
        "cat:neuroscience",
    ]
    assert changes.notes[0].endswith("The nearest is cat:cs.CL.")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("speech, cat:c5.1!", ["cat:c5.1!", "cs.CL"]),
        ("autor:Jane", ["autor:Jane", "did you mean author:"]),
        ("speech, ***", ["***", "nothing to look for"]),
        ("-", ["item -", "nothing to look for"]),
        ("author:", ["author:", "nothing to look for"]),
        ("-2106.09685", ["-2106.09685", "cannot be muted"]),
        ("https://example.org/x", ["https://example.org/x", "arXiv id"]),
        ("paper:lora", ["paper:lora", "arXiv id"]),
        ("x" * 121, ["xxx...", "at most 120 characters, not 121"]),
        (",".join(f"term {n}" for n in range(201)), ["at most 200 items", "Remove"]),
        ("x" * 30_001, ["30,001 characters", "30,000"]),
    ],
)
def test_what_cannot_be_meant_is_refused_with_item_and_reason(text: str, parts: list[str]) -> None:
    with pytest.raises(PaperwireError) as caught:
        profiles.parse(text)
    for part in parts:
        assert part in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_colon_in_a_term_is_no_prefix() -> None:
    assert profiles.parse("RNA:DNA hybrids").terms == ("RNA:DNA hybrids",)


def test_invisible_characters_are_dropped_but_joiners_that_spell_words() -> None:
    text = "\u202espeech\u200b\x00, \ud800x, می\u200cخواهم"
    assert profiles.parse(text).terms == ("speech", "x", "می\u200cخواهم")


def test_the_written_form_is_canonical() -> None:
    assert profiles.format(profiles.parse(WRITTEN)) == WRITTEN
    assert profiles.format(Profile()) == ""


def test_a_doi_with_separators_is_written_in_quotes() -> None:
    profile = Profile(seeds=("10.1002/a,b;c",))
    assert profiles.format(profile) == 'doi:"10.1002/a,b;c"'
    assert profiles.parse(profiles.format(profile)) == profile


def test_adding_says_what_is_new_what_was_there_and_what_it_turned_around() -> None:
    profile, changes = profiles.add(
        Profile(terms=("Speech",), muted_terms=("vision",)), "speech, vision, parsing"
    )
    assert profile == Profile(terms=("Speech", "vision", "parsing"))
    assert changes.added == ("vision", "parsing")
    assert changes.removed == ("-vision",)
    assert changes.notes == ("Speech was already there.",)


def test_adding_past_the_limit_is_refused() -> None:
    full = Profile(terms=tuple(f"t{n}" for n in range(200)))
    with pytest.raises(PaperwireError, match="at most 200 items"):
        profiles.add(full, "one more")
    assert len(profiles.add(full, "-t7")[0].terms) == 199


def test_adding_or_removing_nothing_says_so() -> None:
    assert profiles.add(Profile(), " , ")[1].notes[0].startswith("Nothing to add")
    assert profiles.remove(Profile(), "")[1].notes[0].startswith("Nothing to remove")


def test_removing_goes_by_written_form_or_by_bare_text() -> None:
    before = profiles.parse(WRITTEN)
    assert profiles.remove(before, WRITTEN)[0] == Profile()
    after, changes = profiles.remove(before, "Jane roe, IMAGE generation, 2106.09685v3")
    assert after == Profile(terms=("low-resource translation", "morphology"), categories=("cs.CL",))
    assert changes.removed == ('author:"Jane Roe"', '-"image generation"', "2106.09685")


def test_removing_a_mute_leaves_the_author_of_that_name() -> None:
    before = Profile(authors=("Bell",), muted_terms=("Bell",))
    assert profiles.remove(before, "-bell")[0] == Profile(authors=("Bell",))


def test_removing_what_is_not_there_names_the_nearest() -> None:
    profile, changes = profiles.remove(Profile(terms=("morphology",)), "morphologie, quark")
    assert profile.terms == ("morphology",)
    assert changes.removed == ()
    assert changes.notes == (
        "morphologie is not in the profile. The nearest is morphology.",
        "quark is not in the profile.",
    )


def test_removing_many_unknown_items_is_summed_up() -> None:
    _, changes = profiles.remove(Profile(), ", ".join(f"t{n}" for n in range(9)))
    assert changes.notes[-1] == "4 more were not in the profile."


def test_describe_has_a_line_for_each_kind_and_an_example_when_empty() -> None:
    assert profiles.describe(profiles.parse(WRITTEN)) == (
        "Follows: low-resource translation, morphology",
        "Mutes: image generation",
        "Authors: Jane Roe",
        "Categories: cs.CL",
        "Papers to learn from: 2106.09685",
    )
    assert "Add for example" in profiles.describe(Profile())[0]


def _read_or_refuse(text: str) -> Profile | None:
    try:
        return profiles.parse(text)
    except PaperwireError as error:
        refusal = str(error)
    assert 10 < len(refusal) < 300
    return None


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple({unicodedata.normalize("NFKC", v).casefold(): v for v in values}.values())


_words = st.text(
    st.characters(
        exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"), exclude_characters='"“”„‟«»＂'
    ),
    max_size=30,
).map(lambda text: unicodedata.normalize("NFC", " ".join(text.split()))).filter(
    lambda text: any(c.isalnum() for c in text)
) | st.sampled_from(
    ["2106.09685", "-x", "author:y", "a, b", "cat:z", "cs.CL", "end.", "x -y", "https://z", "• q"]
)
_lists = st.lists(_words, max_size=6).map(_unique)


@given(
    terms=_lists,
    authors=_lists,
    muted=_lists,
    categories=st.sets(st.sampled_from(["cs.CL", "stat.*", "hep-th", "foo.bar"])),
    seeds=st.sets(st.sampled_from(["2106.09685", "hep-th/9901001", "10.1000/x,y"])),
)
def test_what_is_written_is_read_back(
    terms: tuple[str, ...],
    authors: tuple[str, ...],
    muted: tuple[str, ...],
    categories: set[str],
    seeds: set[str],
) -> None:
    keys = {unicodedata.normalize("NFKC", term).casefold() for term in terms}
    profile = Profile(
        terms=terms,
        muted_terms=tuple(
            m for m in muted if unicodedata.normalize("NFKC", m).casefold() not in keys
        ),
        authors=authors,
        categories=tuple(sorted(categories)),
        seeds=tuple(sorted(seeds)),
    )
    assert profiles.parse(profiles.format(profile)) == profile


@given(st.text(alphabet=st.sampled_from("ab1. ,;:-–\"“”\n'*/") | st.characters(), max_size=80))
def test_any_text_is_read_or_refused_and_what_is_read_is_stable(text: str) -> None:
    profile = _read_or_refuse(text)
    if profile is None:
        return
    assert profiles.parse(profiles.format(profile)) == profile
    assert profiles.add(Profile(), text)[0] == profile
    assert profiles.remove(profile, profiles.format(profile))[0] == Profile()


@pytest.mark.parametrize(
    "unit", ["a", " ", ",", '"', "-", ' "', "a\n", " -a", "author:", "a:b ", "\u0315\u0300", "* "]
)
def test_a_megabyte_is_answered_at_once(unit: str) -> None:
    started = time.process_time()
    for size in (1_000_000, 29_000):
        _read_or_refuse((unit * size)[:size])
    assert time.process_time() - started < 20  # of work, not of waiting
