"""From scores to a digest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.document import Document
from ranking.follow import names_author, names_category, speaks_of
from ranking.interest import Interest, Model, fit
from ranking.select import Selection, select
from ranking.vectors import Space

FIELDS = (
    "speech recognition acoustic",
    "speech synthesis prosody",
    "speech diarization speaker",
    "graph learning nodes",
    "robot arm control",
    "ocean salt tides",
    "soil moisture maps",
    "bird song census",
)


def paper(number: int) -> Document:
    field = FIELDS[number % len(FIELDS)]
    extra = " ".join(f"w{number * 7 + i}" for i in range(12))
    return Document(
        f"{number:03}",
        f"{field} {number}",
        f"{field} {field} {extra}",
        (f"A{number} B",),
        ("cs.X",),
    )


PAPERS = [paper(i) for i in range(80)]
SPACE = Space.fit(PAPERS, dimensions=12)
WORLD = SPACE.transform(PAPERS)


def speech(**more: tuple[str, ...]) -> Model:
    return fit(SPACE, Interest(terms=("speech recognition",), **more), WORLD)


def steps(selection: Selection) -> dict[str, str]:
    return {drop.id: drop.step for drop in selection.dropped}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 79), max_size=30),
    st.integers(0, 8),
    st.integers(0, 100),
    st.lists(st.integers(0, 79), max_size=5),
    st.booleans(),
)
def test_every_paper_is_in_exactly_one_of_both(
    numbers: list[int], size: int, threshold: int, seen: list[int], explore: bool
) -> None:
    today = [PAPERS[i] for i in dict.fromkeys(numbers)]
    model = speech(muted_terms=("robot",))
    selection = select(
        model,
        today,
        size=size,
        threshold=threshold,
        seen=[PAPERS[i] for i in seen],
        explore=explore,
    )
    told = [c.id for c in selection.chosen] + [d.id for d in selection.dropped]
    assert sorted(told) == sorted(p.id for p in today)
    assert len(selection.chosen) <= size
    assert all(drop.words and drop.short_by >= 0 for drop in selection.dropped)
    for choice in selection.chosen:
        assert choice.match >= threshold or choice.label == "exploration"


def test_muted_terms_authors_and_categories_fall_out_first() -> None:
    model = speech(muted_terms=("speaker diarization", "graph learning"), muted_authors=("A0 B",))
    found = steps(select(model, PAPERS[:8], size=8, threshold=0))
    assert found["000"] == "muted"
    assert found["003"] == "muted"
    assert "002" not in found
    everything = steps(select(speech(muted_categories=("cs",)), PAPERS[:4], size=4, threshold=0))
    assert set(everything.values()) == {"muted"}


def test_what_was_seen_is_not_shown_again() -> None:
    renamed = Document("new", PAPERS[0].title.upper(), "")
    reworded = Document("other", "Another title", PAPERS[1].abstract + " " + PAPERS[1].title)
    selection = select(
        speech(), [renamed, reworded, PAPERS[2]], size=3, threshold=0, seen=PAPERS[:2]
    )
    assert steps(selection) == {"new": "duplicate", "other": "duplicate"}
    assert [c.id for c in selection.chosen] == ["002"]


def test_of_two_that_are_nearly_the_same_the_better_stays() -> None:
    twin = Document("twin", PAPERS[0].title, PAPERS[0].abstract)
    selection = select(speech(), [twin, PAPERS[0]], size=2, threshold=0)
    assert [c.id for c in selection.chosen] == ["000"]
    assert steps(selection) == {"twin": "duplicate"}


def test_below_the_threshold_the_shortfall_is_told_in_points() -> None:
    selection = select(speech(), PAPERS[:8], size=8, threshold=101)
    assert not selection.chosen
    for drop in selection.dropped:
        assert drop.step == "threshold"
        assert drop.short_by == 101 - drop.match
        assert str(drop.match) in drop.words


def test_a_digest_is_not_one_topic_over_and_over() -> None:
    base = "speech recognition acoustic"
    same = [Document(f"s{i}", f"{base} v{i}", f"{base} x{i} y{i} z{i}") for i in range(6)]
    other = Document("other", "speech recognition of children", "speech in classrooms and play")
    model = fit(SPACE, Interest(terms=("speech",)), WORLD)
    papers = [*same, other]
    ranked = select(model, papers, size=7, threshold=0)
    chosen = select(model, papers, size=3, threshold=0)
    assert len(chosen.chosen) == 3
    assert {c.id for c in ranked.chosen} | set(steps(ranked)) == {p.id for p in papers}


def test_the_digest_is_best_first_and_ties_go_by_id() -> None:
    model = fit(SPACE, Interest(), WORLD)
    blank = [Document(name, "", "") for name in "dbca"]
    selection = select(model, blank, size=2, threshold=0)
    assert [c.id for c in selection.chosen] == ["a", "b"]
    scores = [c.score for c in select(speech(), PAPERS[:10], size=5, threshold=0).chosen]
    assert scores == sorted(scores, reverse=True)


def test_exploration_takes_the_last_place_and_is_labelled() -> None:
    model = speech()
    matches = sorted(model.score(PAPERS[:16]).match.tolist(), reverse=True)
    threshold = matches[4] + 1
    selection = select(model, PAPERS[:16], size=3, threshold=threshold, explore=True)
    labels = [c.label for c in selection.chosen]
    assert labels.count("exploration") <= 1
    assert labels[:-1] == [""] * (len(labels) - 1)
    plain = select(model, PAPERS[:16], size=3, threshold=threshold)
    assert all(c.label == "" for c in plain.chosen)


def test_no_papers_and_no_places() -> None:
    assert select(speech(), [], size=5, threshold=50) == Selection((), ())
    assert not select(speech(), PAPERS[:3], size=0, threshold=0).chosen


@pytest.mark.parametrize(
    ("wanted", "author", "same"),
    [
        ("Yann LeCun", "Yann LeCun", True),
        ("Y. LeCun", "Yann LeCun", True),
        ("LeCun, Yann", "Yann André LeCun", True),
        ("LeCun", "Yann LeCun", True),
        ("Jürgen Schmidhuber", "Jurgen Schmidhuber", True),
        ("Wei Li", "Xin Li", False),
        ("Yann LeCun", "Yann Lee", False),
        ("", "Yann LeCun", False),
        ("Anna Li", "Andrea Li", False),
    ],
)
def test_authors_agree_by_last_name_and_initials(wanted: str, author: str, same: bool) -> None:
    assert names_author(wanted, ["Somebody Else", author]) is same


def test_a_category_holds_those_under_it() -> None:
    assert names_category("cs", ["cs.CL"])
    assert names_category("cs.*", ["cs.CL"])
    assert names_category("CS.cl", ["cs.CL"])
    assert not names_category("cs.C", ["cs.CL"])
    assert not names_category("", ["cs.CL"])


def test_a_muted_term_is_meant_whole_whatever_its_ending() -> None:
    document = Document("a", "Speaker models", "We train large language models.")
    assert speaks_of("large language model", document)
    assert speaks_of("SPEAKER", document)
    assert not speaks_of("language large", document)
    assert not speaks_of("models train", Document("b", "models", "train"))
    assert not speaks_of("the", document)


def test_exploration_is_the_paper_whose_match_is_nearest_to_a_coin_toss() -> None:
    model = speech()
    matches = {p.id: int(m) for p, m in zip(PAPERS, model.score(PAPERS).match, strict=True)}
    threshold = 90
    selection = select(model, PAPERS, size=1, threshold=threshold, explore=True)
    explored = selection.chosen[-1]
    assert explored.label == "exploration"
    below = [m for m in matches.values() if threshold / 2 <= m < threshold]
    assert abs(explored.match - 50) == min(abs(m - 50) for m in below)
