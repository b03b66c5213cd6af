"""Fitting a channel's interest and scoring papers by it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.calibrate import USUAL, calibrate, match
from ranking.document import Document
from ranking.interest import Interest, Model, Vote, fit
from ranking.vectors import Space, Vectors

WORDS = {
    "graph": "graph node edge message passing network spectral community link embedding",
    "speech": "speech acoustic phoneme speaker audio recognition voice waveform prosody accent",
    "protein": "protein folding residue sequence structure binding enzyme ligand docking mutation",
    "robot": "robot grasp manipulation gripper policy demonstration arm locomotion tactile motor",
    "vision": "image segmentation detection pixel scene camera depth texture contour photo",
}
COMMON = "method data results model study approach propose show large new problem evaluation"


def corpus(count: int = 150, seed: int = 7) -> list[Document]:
    draw = random.Random(seed)
    names = sorted(WORDS)
    made = []
    for i in range(count):
        topic = names[i % len(names)]
        own, common = WORDS[topic].split(), COMMON.split()
        text = " ".join(draw.choice(own if draw.random() < 0.5 else common) for _ in range(60))
        title = " ".join(draw.sample(own, 4))
        made.append(
            Document(f"{topic}{i:03}", title, text, (f"Ann {topic.title()}",), (f"cs.{topic}",))
        )
    return made


PAPERS = corpus()
SPACE = Space.fit(PAPERS, dimensions=20)
WORLD = SPACE.transform(PAPERS)
NEW = corpus(50, seed=8)
TODAY = SPACE.transform(NEW)


def model(*votes: Vote, **interest: tuple[str, ...]) -> Model:
    return fit(SPACE, Interest(votes=votes, **interest), WORLD)


def ranked(fitted: Model, papers: Vectors = TODAY) -> list[str]:
    values = fitted.score(papers).values
    ids = [paper.id for paper in papers.documents]
    return [ids[i] for i in sorted(range(len(ids)), key=lambda i: (-values[i], ids[i]))]


def of_topic(topic: str, count: int, start: int = 0) -> list[Document]:
    return [paper for paper in PAPERS if paper.id.startswith(topic)][start : start + count]


def likes(topic: str, count: int, person: str = "ann") -> list[Vote]:
    return [Vote(paper, person, 1.0) for paper in of_topic(topic, count)]


def hits(fitted: Model, topic: str) -> int:
    return sum(paper.startswith(topic) for paper in ranked(fitted)[:10])


def test_written_terms_alone_rank_their_topic_first() -> None:
    assert hits(model(terms=("protein folding",)), "protein") >= 9


def test_likes_alone_rank_their_topic_first() -> None:
    assert hits(model(*likes("robot", 3)), "robot") >= 9


def test_seeds_alone_rank_their_topic_first() -> None:
    seeded = fit(SPACE, Interest(seeds=tuple(of_topic("speech", 2))), WORLD)
    assert hits(seeded, "speech") >= 9


def test_many_likes_outweigh_the_written_profile() -> None:
    few = model(*likes("robot", 1), terms=("speech acoustic",))
    many = model(*likes("robot", 25), terms=("speech acoustic",))
    assert hits(many, "robot") > hits(few, "robot")


def test_two_written_topics_are_both_served() -> None:
    both = model(terms=("protein folding", "robot grasp"))
    top = ranked(both)[:16]
    assert sum(paper.startswith("protein") for paper in top) >= 4
    assert sum(paper.startswith("robot") for paper in top) >= 4


def test_dislikes_alone_push_their_topic_down() -> None:
    disliked = model(*(Vote(paper, "ann", -1.0) for paper in of_topic("vision", 4)))
    assert not any(paper.startswith("vision") for paper in ranked(disliked)[:10])


def test_a_dislike_lowers_papers_like_it() -> None:
    before = model(*likes("robot", 2), terms=("speech acoustic",))
    speech = [Vote(paper, "ann", -1.0) for paper in of_topic("speech", 6)]
    after = model(*likes("robot", 2), *speech, terms=("speech acoustic",))
    assert hits(after, "speech") <= hits(before, "speech")


def test_without_any_interest_papers_with_upvotes_come_first() -> None:
    papers = [Document(p.id, p.title, p.abstract, upvotes=n) for n, p in enumerate(NEW[:5])]
    same = [Document(p.id, NEW[0].title, NEW[0].abstract, upvotes=p.upvotes) for p in papers]
    assert np.argmax(model().score(same).values) == 4
    assert np.isfinite(model().score(papers).values).all()


def test_scores_are_standardised_against_the_background_not_the_day() -> None:
    fitted = model(*likes("graph", 5), terms=("graph node",))
    voted = {paper.id for paper in of_topic("graph", 5)}
    values = fitted.score([paper for paper in PAPERS if paper.id not in voted]).values
    assert values.mean() == pytest.approx(0.0, abs=1e-6)
    assert values.std() == pytest.approx(1.0, abs=1e-6)
    alone = fitted.score(NEW[:1])
    among = fitted.score(NEW)
    assert alone.values[0] == among.values[0]
    assert alone.match[0] == among.match[0]


def test_a_match_rises_with_the_score_from_0_to_100() -> None:
    fitted = model(terms=("protein folding",))
    scores = fitted.score(TODAY)
    order = np.argsort(scores.values)
    assert (np.diff(scores.match[order]) >= 0).all()
    assert scores.match.min() >= 0
    assert scores.match.max() <= 100
    assert scores.match.dtype == np.int64


def test_a_match_is_calibrated_on_enough_feedback() -> None:
    rng = np.random.RandomState(0)
    scores = rng.normal(2.5, 1.0, 400)
    liked = rng.uniform(size=400) < 1 / (1 + np.exp(-(scores - 2.5)))
    curve = calibrate(scores, liked)
    assert curve.middle == pytest.approx(2.5, abs=0.3)
    assert match(np.array([2.5]), curve)[0] == pytest.approx(50, abs=8)
    votes = [*likes("robot", 12), *(Vote(p, "ann", -1.0) for p in of_topic("speech", 12))]
    assert model(*likes("robot", 12)).curve == USUAL
    assert model(*votes).curve != USUAL


def test_a_followed_author_and_category_add_their_part() -> None:
    plain = model(terms=("protein folding",)).score(NEW).values
    author = model(terms=("protein folding",), authors=("A. Robot",)).score(NEW).values
    category = model(terms=("protein folding",), categories=("cs.vision",)).score(NEW).values
    for i, paper in enumerate(NEW):
        assert (author[i] - plain[i] > 2) == paper.id.startswith("robot")
        assert (category[i] - plain[i] > 0.5) == paper.id.startswith("vision")


def test_taking_a_vote_back_restores_the_former_ranking_exactly() -> None:
    votes = [*likes("graph", 4), Vote(of_topic("robot", 1)[0], "bob", -1.0)]
    before = model(*votes, terms=("graph node",))
    between = model(*votes, Vote(of_topic("vision", 1)[0], "eve", 1.0), terms=("graph node",))
    again = model(*votes, terms=("graph node",))
    assert (before.score(TODAY).values == again.score(TODAY).values).all()
    assert (before.score(TODAY).values != between.score(TODAY).values).any()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 149), st.sampled_from("abc"), st.sampled_from([1.0, 2.0, -1.0])),
        max_size=12,
    ),
    st.randoms(),
)
def test_the_order_of_votes_does_not_change_a_bit(
    cast: list[tuple[int, str, float]], draw: random.Random
) -> None:
    votes = [Vote(PAPERS[i], person, value) for i, person, value in cast]
    mixed = list(votes)
    draw.shuffle(mixed)
    one, other = model(*votes, terms=("graph",)), model(*mixed, terms=("graph",))
    assert (one.score(TODAY).values == other.score(TODAY).values).all()
    assert np.isfinite(one.score(TODAY).values).all()


def test_one_voter_among_ten_cannot_turn_the_ranking() -> None:
    nine = [Vote(paper, f"p{i}", 1.0) for i, paper in enumerate(of_topic("graph", 9))]
    loud = [Vote(paper, "loud", 2.0) for paper in of_topic("speech", 30)]
    assert hits(model(*nine, *loud), "graph") >= 8


def test_votes_that_contradict_each_other_are_silence() -> None:
    paper = of_topic("graph", 1)[0]
    torn = model(Vote(paper, "ann", 1.0), Vote(paper, "bob", -1.0), terms=("robot",))
    assert (torn.score(TODAY).values == model(terms=("robot",)).score(TODAY).values).all()


@pytest.mark.parametrize(
    "terms",
    [
        ("the of and",),
        ("",),
        ("   ",),
        ("%%% --- ...",),
        ("机器翻译", "машинный перевод", "ترجمة"),
        ("\\alpha{}$$\\",),
        ("zzzunknownword",),
    ],
)
def test_any_profile_gives_finite_scores(terms: tuple[str, ...]) -> None:
    for votes in ([], likes("graph", 2)):
        scores = model(*votes, terms=terms).score([*NEW, Document("x", "", "")])
        assert np.isfinite(scores.values).all()
        assert ((scores.match >= 0) & (scores.match <= 100)).all()


def test_ten_thousand_terms_are_ranked_by() -> None:
    many = tuple(f"robot term{i}" for i in range(10_000))
    assert np.isfinite(model(terms=many).score(TODAY).values).all()


def test_papers_in_another_script_find_each_other() -> None:
    chinese = Document("zh1", "低资源机器翻译", "我们研究机器翻译的方法")
    close = Document("zh2", "机器翻译", "神经机器翻译")
    liked = model(Vote(chinese, "ann", 1.0)).score([close, *NEW]).values
    assert liked.argmax() == 0


def test_empty_abstracts_and_titles_are_scored() -> None:
    blank = [Document("a", "", ""), Document("b", "protein", "")]
    scores = model(Vote(blank[0], "ann", 1.0), terms=("protein",)).score(blank)
    assert np.isfinite(scores.values).all()
    assert scores.values[1] > scores.values[0]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_corpus_of_one_paper_can_be_ranked(count: int) -> None:
    papers = PAPERS[:count]
    space = Space.fit(papers)
    interest = Interest(terms=("graph",), votes=tuple(Vote(p, "ann", 1.0) for p in papers))
    for background in (papers, ()):
        scores = fit(space, interest, background).score([*papers, NEW[0], Document("x", "")])
        assert np.isfinite(scores.values).all()


def test_no_papers_to_score_is_no_trouble() -> None:
    assert len(model(terms=("graph",)).score([]).values) == 0
    assert len(model(*likes("graph", 2)).score([]).values) == 0


def test_strange_votes_are_bounded() -> None:
    paper = of_topic("graph", 1)[0]
    wild = model(Vote(paper, "ann", 1e9, -50.0), Vote(of_topic("robot", 1)[0], "ann", -1e9))
    assert np.isfinite(wild.score(TODAY).values).all()
