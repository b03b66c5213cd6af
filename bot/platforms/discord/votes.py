"""Reactions as votes: as they come, and as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import discord

from bot.domain import Person, Signal, VoteEvent
from bot.platforms.discord.places import PLATFORM, locate
from bot.ports import Inbound

if TYPE_CHECKING:
    from bot.platforms.discord.client import WireClient

_SIGNALS = {"👍": Signal.LIKE, "👎": Signal.DISLIKE, "🔖": Signal.SAVE}
KEYCAPS = (*(f"{digit}\ufe0f\u20e3" for digit in range(1, 10)), "🔟")
_NUMBERS = {
    **{keycap.replace("\ufe0f", ""): n for n, keycap in enumerate(KEYCAPS, 1)},
}
_TONES = "".join(chr(code) for code in range(0x1F3FB, 0x1F400))
_PLAIN = str.maketrans("", "", _TONES + "\ufe0f")


def read_emoji(name: str | None) -> tuple[Signal, int | None] | None:
    """Return what a reaction means: a signal, or a like of paper so-and-so; None for no vote.

    Skin tones and the invisible marks that clients add make no difference.
    """
    plain = (name or "").translate(_PLAIN)
    if plain in _SIGNALS:
        return _SIGNALS[plain], None
    if plain in _NUMBERS:
        return Signal.LIKE, _NUMBERS[plain]
    return None


class Votes:
    """Hands reactions to the core."""

    def __init__(self, client: WireClient, inbound: Inbound) -> None:
        self._client = client
        self._inbound = inbound

    async def reacted(self, event: discord.RawReactionActionEvent, *, on: bool) -> None:
        """Hand in a reaction that a person gave or took back."""
        meant = read_emoji(event.emoji.name) if event.emoji.id is None else None
        me = self._client.user.id if self._client.user is not None else 0
        if meant is None or event.user_id == me or (event.member and event.member.bot):
            return
        if event.message_author_id not in {None, me}:
            return  # told only of reactions that are added; the core knows our messages anyway
        spot = await locate(self._client, event.guild_id, event.channel_id)
        signal, number = meant
        await self._inbound.vote(
            VoteEvent(
                place=spot.place,
                person=Person(PLATFORM, str(event.user_id), may_manage=False),
                remote_id=spot.remote_id(event.message_id),
                signal=signal,
                on=on,
                number=number,
            )
        )


def reaction_names(message: Mapping[str, object]) -> list[tuple[str, bool]]:
    """Return the emoji on a message that are votes, and whether each also has burst reactions."""
    names: list[tuple[str, bool]] = []
    reactions = message.get("reactions")
    for reaction in reactions if isinstance(reactions, list) else ():
        emoji = reaction.get("emoji") or {}
        if emoji.get("id") is None and read_emoji(emoji.get("name")) is not None:
            bursts = (reaction.get("count_details") or {}).get("burst", 0)
            names.append((emoji["name"], bool(bursts)))
    return names
