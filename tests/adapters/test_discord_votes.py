"""Votes on Discord: reactions and buttons, as they come and as they stand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.domain import Reply, Signal
from tests.adapters.counterpart import make_card, paper, single, until
from tests.adapters.discord_harness import answer, parts, stage


@pytest.mark.parametrize(
    ("emoji", "meant"),
    [
        ("👍", (Signal.LIKE, None)),
        ("👍🏽", (Signal.LIKE, None)),
        ("👎🏿", (Signal.DISLIKE, None)),
        ("🔖", (Signal.SAVE, None)),
        ("3\ufe0f\u20e3", (Signal.LIKE, 3)),
        ("3\u20e3", (Signal.LIKE, 3)),
        ("🔟", (Signal.LIKE, 10)),
    ],
)
async def test_a_reaction_means_the_same_however_it_is_tinted(
    emoji: str, meant: tuple[Signal, int | None]
) -> None:
    async with stage() as scene:
        ref = await scene.sent(single(*(make_card(n) for n in (1, 2, 3))), "k1")
        (message,) = scene.channel.messages
        await scene.server.react(message, scene.ada, emoji, on=True)
        await scene.core.until_votes(1)
        (vote,) = scene.core.votes
        assert (vote.signal, vote.number) == meant
        standing = await scene.platform.standing(scene.address, ref)
        assert standing is not None
        assert [(s.signal, s.number) for s in standing] == [meant]


async def test_what_is_no_vote_is_left_alone() -> None:
    async with stage() as scene:
        ref = await scene.sent(paper(), "k1")
        (message,) = scene.channel.messages
        other_bot = scene.server.user("another bot", bot=True)
        await scene.server.react(message, scene.ada, "🎉", on=True)
        await scene.server.react(message, other_bot, "👍", on=True)
        await scene.server.react(message, scene.server.me, "👍", on=True)
        await scene.server.react(message, scene.ada, "👎", on=True)
        await scene.core.until_votes(1)
        assert [vote.signal for vote in scene.core.votes] == [Signal.DISLIKE]
        standing = await scene.platform.standing(scene.address, ref)
        assert standing is not None
        assert [s.signal for s in standing] == [Signal.DISLIKE]


async def test_reactions_on_other_peoples_messages_are_left_alone() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        (ours,) = scene.channel.messages
        theirs = await scene.server.add_message(scene.channel, scene.ada, {"content": "hello"})
        await scene.server.react(theirs, scene.ada, "👍", on=True)
        await scene.server.react(ours, scene.ada, "👍", on=True)
        await scene.core.until_votes(1)
        assert [vote.remote_id for vote in scene.core.votes] == [str(ours.id)]


async def test_reactions_come_in_the_order_in_which_they_were_made() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        (message,) = scene.channel.messages
        slow = scene.core.vote

        async def stumble(event: Any) -> Reply:
            await asyncio.sleep(0.02 if len(scene.core.votes) % 2 == 0 else 0)
            return await slow(event)

        scene.core.vote = stumble  # type: ignore[method-assign]
        for on in (True, False, True, False):
            await scene.server.react(message, scene.ada, "👍", on=on)
        await scene.core.until_votes(4)
        assert [vote.on for vote in scene.core.votes] == [True, False, True, False]


async def test_cleared_reactions_are_read_back() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        await until(lambda: scene.inbound.gaps == 1, "the first reading back")
        data = {
            "channel_id": str(scene.channel.id),
            "message_id": str(scene.channel.messages[0].id),
            "guild_id": str(scene.guild.id),
        }
        tell = scene.server.gateway.tell
        await tell("MESSAGE_REACTION_REMOVE_ALL", data, guild_id=scene.guild.id)
        await until(lambda: scene.inbound.gaps == 2, "a reading back")


async def test_many_peoples_reactions_are_read_to_the_last() -> None:
    async with stage() as scene:
        ref = await scene.sent(paper(), "k1")
        (message,) = scene.channel.messages
        crowd = {scene.server.user(f"person {n}").id for n in range(150)}
        message.reactions["👍"] = {number: scene.server.users[number] for number in crowd}
        standing = await scene.platform.standing(scene.address, ref)
        assert standing is not None
        assert {int(s.person_id) for s in standing} == crowd


async def test_buttons_from_before_a_restart_still_vote_and_say_what_stands() -> None:
    async with stage() as scene:
        ref = await scene.sent(paper(), "k1")
        await scene.platform.stop()
        await scene.platform.start(scene.inbound)
        (message,) = scene.channel.messages
        scene.core.vote_reply = Reply("Liked: that paper", signals=(Signal.LIKE, Signal.SAVE))
        asked = await scene.folk.press(message, scene.ada, parts(message)[0]["custom_id"])
        shown = answer(asked)
        assert "👍  🔖" in shown.text
        assert not shown.everyone
        (vote,) = scene.core.votes
        assert (vote.remote_id, vote.on, vote.event_id) == (ref, None, str(asked.id))


async def test_why_under_a_paper_asks_why() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        (message,) = scene.channel.messages
        await scene.folk.press(message, scene.ada, parts(message)[3]["custom_id"])
        assert scene.core.commands[-1].text == f"why {make_card().handle}"
