"""The made-up channels and readers of the demonstration; the papers they see are real."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Signal


@dataclass(frozen=True, slots=True)
class Reader:
    """A made-up reader, who likes papers with one of these words and dislikes others."""

    name: str
    likes: tuple[str, ...]
    dislikes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """A channel of the demonstration, its written interests and its readers."""

    name: str
    interests: str
    readers: tuple[Reader, ...]


ROOMS = (
    Room(
        "language-lab",
        'low-resource translation, morphology, multilingual models, -"image generation"',
        (
            Reader("reader-1", ("subword", "monolingual", "morpholog"), ("pre-train", "pretrain")),
            Reader("reader-2", ("low-resource", "subword", "multilingual"), ("few-shot",)),
        ),
    ),
    Room(
        "robot-club",
        "robot learning, manipulation, reinforcement learning, cat:cs.RO",
        (
            Reader("reader-3", ("grasp", "manipulat", "simulation"), ("atari", "game")),
            Reader("reader-4", ("simulation", "real robot"), ("game", "arcade")),
        ),
    ),
    Room(
        "systems-and-graphs",
        "graph neural networks, distributed training, efficient inference",
        (
            Reader("reader-5", ("memory", "throughput", "gpu"), ("molecul",)),
            Reader("reader-6", ("memory", "parallel"), ("node classification",)),
        ),
    ),
)


def opinion(reader: Reader, text: str) -> Signal | None:
    """Return what a reader thinks of a paper whose case-folded text this is; None: nothing."""
    liked = any(word in text for word in reader.likes)
    disliked = any(word in text for word in reader.dislikes)
    if liked == disliked:
        return None
    return Signal.LIKE if liked else Signal.DISLIKE
