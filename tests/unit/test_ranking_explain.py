"""Reasons: the parts of a score, and the sentence made from them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.document import Document
from ranking.explain import explain, terms
from ranking.interest import Interest, Model, Vote, fit
from ranking.vectors import Space

THEMES = {
    "translation": "low resource translation of languages with rich morphology and few texts",
    "robotics": "robot grasping of unknown objects with tactile sensors and learned policies",
    "proteins": "protein folding and structure prediction from sequences of residues",
}


def paper(name: str, theme: str, **more: object) -> Document:
    title = f"{theme.title()} report {name}"
    upvotes = more.get("upvotes")
    return Document(
        id=f"{theme}{name}",
        title=title,
        abstract=f"{THEMES[theme]} {THEMES[theme]} case{name} and trial{int(name) % 5}",
        authors=("Mara Feld",) if theme == "robotics" else ("Jo Lind",),
        categories=("cs.RO",) if theme == "robotics" else ("cs.CL",),
        upvotes=upvotes if isinstance(upvotes, int) else None,
    )


PAPERS = [paper(str(i), theme) for i in range(20) for theme in THEMES]
SPACE = Space.fit(PAPERS, dimensions=10)
WORLD = SPACE.transform(PAPERS)


def model(interest: Interest) -> Model:
    return fit(SPACE, interest, WORLD)


FULL = Interest(
    terms=("low-resource translation", "morphology"),
    authors=("M. Feld",),
    categories=("cs.CL",),
    votes=tuple(
        Vote(paper(str(30 + i), theme), f"p{i % 3}", 1.0 if theme != "proteins" else -1.0)
        for i in range(6)
        for theme in THEMES
    ),
)


@pytest.mark.parametrize(
    "interest",
    [
        Interest(),
        Interest(terms=FULL.terms),
        Interest(votes=FULL.votes),
        Interest(votes=FULL.votes[:1], categories=("cs",)),
        Interest(votes=tuple(v for v in FULL.votes if v.value < 0)),
        FULL,
    ],
)
def test_the_parts_sum_to_the_score(interest: Interest) -> None:
    fitted = model(interest)
    papers = [*PAPERS[:9], paper("90", "robotics", upvotes=12), Document("x", "", "")]
    scores = fitted.score(papers)
    for i, document in enumerate(papers):
        told = explain(fitted, document)
        assert sum(part.value for part in told.parts) == pytest.approx(told.score, abs=1e-6)
        assert told.score == pytest.approx(float(scores.values[i]), abs=1e-9)
        assert told.match == scores.match[i]


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=80), st.text(max_size=200), st.integers(-3, 500))
def test_the_parts_of_any_paper_sum_to_its_score(title: str, abstract: str, upvotes: int) -> None:
    told = explain(model(FULL), Document("any", title, abstract, upvotes=upvotes))
    assert sum(part.value for part in told.parts) == pytest.approx(told.score, abs=1e-6)
    assert told.sentence


def test_the_baseline_is_what_no_paper_earns() -> None:
    fitted = model(FULL)
    baselines = [
        part.value
        for document in PAPERS[:6]
        for part in explain(fitted, document).parts
        if part.kind == "baseline"
    ]
    assert len(baselines) == 6
    assert max(baselines) - min(baselines) < 1e-5


def test_the_sentence_names_terms_and_the_liked_paper() -> None:
    liked = paper("31", "translation")
    fitted = model(Interest(terms=("low-resource translation",), votes=(Vote(liked, "ann", 1.0),)))
    sentence = explain(fitted, paper("77", "translation")).sentence
    assert sentence.startswith('matches "low-resource translation"')
    assert sentence.endswith(f"close to the liked “{liked.title}”")


def test_a_followed_author_and_upvotes_are_parts_by_name() -> None:
    fitted = model(Interest(authors=("Mara Feld",), categories=("cs.RO",)))
    told = explain(fitted, paper("5", "robotics", upvotes=1))
    kinds = {part.kind: part.name for part in told.parts}
    assert kinds["author"] == "Mara Feld"
    assert kinds["category"] == "cs.RO"
    assert kinds["upvotes"] == "1 upvote"
    assert "by Mara Feld" in told.sentence


def test_without_interests_the_sentence_says_so() -> None:
    assert "no interests are set" in explain(model(Interest()), PAPERS[0]).sentence


def test_a_profile_of_stop_words_says_what_is_missing() -> None:
    told = explain(model(Interest(terms=("of the and",))), PAPERS[0])
    assert "no word of the written interests" in told.sentence


def test_a_disliked_topic_is_a_part_below_zero() -> None:
    told = explain(model(Interest(votes=FULL.votes)), paper("50", "proteins"))
    learned = [part for part in told.parts if part.kind == "learned"]
    assert sum(part.value for part in learned) < 0


def test_terms_show_what_votes_moved() -> None:
    before = model(Interest(terms=("morphology",)))
    votes = (Vote(paper("31", "robotics"), "ann", 1.0),)
    after = model(Interest(terms=("morphology",), votes=votes))
    assert [row[0] for row in terms(before, 3)] == ["morphology"]
    assert terms(before, 3)[0][2] == 0.0
    moved = {name: learned for name, _, learned in terms(after, 40)}
    assert moved["robotics"] > 0.2
    assert len(terms(after, 5)) == 5


def test_terms_of_nothing_are_none() -> None:
    assert terms(model(Interest()), 5) == ()
