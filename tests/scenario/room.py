"""A channel that has had its first digest, and short ways to look at it."""

from __future__ import annotations

from typing import Any

from bot.domain import (
    Channel,
    Reply,
)
from bot.store import channels
from tests.scenario.wire import MONDAY, Wire, api_entry, at

ABSTRACTS = {
    "speech": "We train a speech recognition model on many languages. Word error rates fall.",
    "graphs": "Message passing on graphs smooths node features. A graph network keeps them apart.",
    "robots": "A robot arm learns to grasp objects from images. The gripper succeeds at once.",
}


def papers(start: int = 1) -> list[dict[str, Any]]:
    return [
        api_entry(f"2606.{n:05}", f"A study of {topic} {start}", text, upvotes=n)
        for n, (topic, text) in enumerate(ABSTRACTS.items(), start)
    ]


async def given_a_digest(wire: Wire, name: str = "desk", **facts: Any) -> Channel:
    """Subscribe to speech, read three papers and post Monday's digest: one paper of three."""
    channel = wire.subscribe(name, "speech recognition", **facts)
    wire.read(papers(), MONDAY)
    await wire.step(at(MONDAY, 9))
    wire.now = at(MONDAY, 10)
    return channel


def now_of(wire: Wire, channel: Channel) -> Channel:
    with wire.store.read() as connection:
        found = channels.channel(connection, channel.id)
    assert found is not None
    return found


def text_of(reply: Reply) -> str:
    return "\n".join((reply.headline, *reply.lines, *(card.title for card in reply.cards)))
