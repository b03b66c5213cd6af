"""Who counts how much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.document import Document
from ranking.evidence import HALF_LIFE_DAYS, Vote, weigh


def paper(name: str) -> Document:
    return Document(name, f"title {name}")


def weights(*votes: Vote, seeds: tuple[Document, ...] = ()) -> dict[str, float]:
    return {e.document.id: e.weight for e in weigh(votes, seeds)}


def test_a_lone_like_weighs_one_and_a_save_is_worth_two_likes() -> None:
    assert weights(Vote(paper("a"), "ann", 1.0)) == {"a": 1.0}
    both = weights(Vote(paper("a"), "ann", 2.0), Vote(paper("b"), "ann", 1.0))
    assert both["a"] == 2 * both["b"]


def test_like_and_dislike_of_one_person_are_silence() -> None:
    assert weights(Vote(paper("a"), "ann", 1.0), Vote(paper("a"), "ann", -1.0)) == {}


def test_like_and_dislike_of_two_persons_are_silence() -> None:
    assert weights(Vote(paper("a"), "ann", 1.0), Vote(paper("a"), "bob", -1.0)) == {}


def test_liking_twice_counts_once() -> None:
    assert weights(Vote(paper("a"), "ann", 1.0), Vote(paper("a"), "ann", 1.0)) == {"a": 1.0}


@given(st.integers(1, 60))
def test_one_voter_among_ten_has_a_tenth_of_the_say(votes: int) -> None:
    quiet = [Vote(paper(f"q{i}"), f"person{i}", 1.0) for i in range(9)]
    loud = [Vote(paper(f"l{i}"), "loud", 2.0 if i % 2 else -1.0) for i in range(votes)]
    found = weights(*quiet, *loud)
    whole = sum(abs(weight) for weight in found.values())
    theirs = sum(abs(weight) for name, weight in found.items() if name.startswith("l"))
    assert theirs <= whole / 10 + 1e-9


def test_the_profiles_seeds_speak_with_one_voice() -> None:
    found = weights(Vote(paper("a"), "ann", 1.0), seeds=tuple(paper(f"s{i}") for i in range(20)))
    assert found["a"] == pytest.approx(sum(found.values()) / 2)


def test_a_vote_halves_with_its_half_life() -> None:
    found = weights(Vote(paper("a"), "ann", 1.0, HALF_LIFE_DAYS), Vote(paper("b"), "ann", 1.0))
    assert found["a"] == pytest.approx(found["b"] / 2)


@given(st.permutations(range(6)))
def test_the_order_of_votes_does_not_matter(order: list[int]) -> None:
    votes = [
        Vote(paper(f"{i % 4}"), f"p{i % 3}", 1.0 if i % 2 else -1.0, i * 3.0) for i in range(6)
    ]
    assert weigh([votes[i] for i in order]) == weigh(votes)
