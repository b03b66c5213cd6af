"""From votes to evidence: who counts how much, how votes age, and which of them cancel out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ranking.document import Document

HALF_LIFE_DAYS = 240.0
STRONGEST = 2.0  # a save
SEEDED = "\0profile"  # the profile's own seed papers speak with one voice, like a person's votes


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's signal: like +1, dislike -1, save +2, submitted +1; ``age_days`` from now."""

    document: Document
    person: str
    value: float
    age_days: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A paper and how much the channel likes it: a signed weight, 1 for a lone fresh like."""

    document: Document
    weight: float


def weigh(votes: Sequence[Vote], seeds: Sequence[Document] = ()) -> tuple[Evidence, ...]:
    """Return the channel's net evidence for each paper, by id; papers that cancel out are left out.

    A person's signals on one paper add up (the strongest of each sign), so that a like and a
    dislike of the same person are silence. With ``p`` persons each has one ``p``-th of the say
    however much they vote, so that one voter among ten moves a tenth. A vote weighs half after
    ``HALF_LIFE_DAYS``. The order in which votes were cast does not matter.
    """
    liked: dict[tuple[str, str], float] = defaultdict(float)
    disliked: dict[tuple[str, str], float] = defaultdict(float)
    documents: dict[str, Document] = {}
    said = [*votes, *(Vote(seed, SEEDED, 1.0) for seed in seeds)]
    for vote in said:
        value = max(-STRONGEST, min(STRONGEST, vote.value))
        aged = value * 0.5 ** (max(0.0, vote.age_days) / HALF_LIFE_DAYS)
        key = (vote.person, vote.document.id)
        documents[vote.document.id] = vote.document
        if value > 0:
            liked[key] = max(liked[key], aged)
        else:
            disliked[key] = min(disliked[key], aged)
    net = {key: liked[key] + disliked[key] for key in sorted({*liked, *disliked})}
    net = {key: value for key, value in net.items() if abs(value) > 1e-9}
    spoken: dict[str, float] = defaultdict(float)
    for (person, _), value in net.items():
        spoken[person] += abs(value)
    share = sum(spoken.values()) / len(spoken) if spoken else 0.0
    weights: dict[str, float] = defaultdict(float)
    for (person, paper), value in net.items():
        weights[paper] += value * share / spoken[person]
    return tuple(
        Evidence(documents[paper], weight)
        for paper, weight in sorted(weights.items())
        if abs(weight) > 1e-9
    )
