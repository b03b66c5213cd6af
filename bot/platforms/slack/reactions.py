"""Which emoji is which vote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain import Signal

LIKE_NAMES = ("+1", "thumbsup")
DISLIKE_NAMES = ("-1", "thumbsdown")
SAVE_NAMES = ("bookmark",)
_NUMBERS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "keycap_ten",
)  # fmt: skip
_SKIN_TONE = "::skin-tone-"


@dataclass(frozen=True, slots=True)
class Vote:
    """What a reaction means; ``number`` where it names a paper of a message."""

    signal: Signal
    number: int | None = None


def read_reactions(
    like: Iterable[str] = LIKE_NAMES,
    dislike: Iterable[str] = DISLIKE_NAMES,
    save: Iterable[str] = SAVE_NAMES,
) -> Mapping[str, Vote]:
    """Return what each reaction's name means; the numbers like a paper of a ``single``."""
    meanings = {name: Vote(Signal.LIKE, n) for n, name in enumerate(_NUMBERS, 1)}
    for names, signal in ((like, Signal.LIKE), (dislike, Signal.DISLIKE), (save, Signal.SAVE)):
        meanings.update({name.strip().strip(":").casefold(): Vote(signal) for name in names})
    return meanings


def plain_name(name: str) -> str:
    """Return a reaction's name without its skin tone: ``+1::skin-tone-3`` is ``+1``."""
    return name.partition(_SKIN_TONE)[0].strip(":").casefold()
