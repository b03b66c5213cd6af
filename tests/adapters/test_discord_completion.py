"""What is being typed on Discord is completed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.ports import Suggest, Suggestion
from tests.adapters.discord_harness import HASTE, stage


@pytest.mark.parametrize(
    ("name", "option", "typed", "wanted"),
    [
        ("search", "query", "vow", [Suggest.QUERY]),
        ("profile remove", "items", "mor", [Suggest.PROFILE_ITEM]),
        ("schedule", "timezone", "Berl", [Suggest.TIMEZONE]),
        ("subscribe", "timezone", "Berl", [Suggest.TIMEZONE]),
        ("why", "paper", "vow", [Suggest.PAPER]),
        ("save", "paper", "vow", [Suggest.SAVED, Suggest.PAPER]),
    ],
)
async def test_what_is_being_typed_is_completed(
    name: str, option: str, typed: str, wanted: list[Suggest]
) -> None:
    async with stage() as scene:
        for what in wanted:
            scene.inbound.suggestions[what] = (Suggestion(f"v-{what}", f"Label {what}"),)
        choices = await scene.folk.complete(scene.channel, scene.ada, name, option, typed)
        assert scene.inbound.suggested == [(what, typed) for what in wanted]
        assert choices == [{"name": f"Label {w}", "value": f"v-{w}"} for w in wanted]


async def test_only_the_last_of_several_items_is_completed() -> None:
    async with stage() as scene:
        scene.inbound.suggestions[Suggest.PROFILE_ITEM] = (Suggestion("echoes", "echoes"),)
        choices = await scene.folk.complete(
            scene.channel, scene.ada, "profile remove", "items", "vowels, ec"
        )
        assert scene.inbound.suggested == [(Suggest.PROFILE_ITEM, "ec")]
        assert choices == [{"name": "vowels, echoes", "value": "vowels, echoes"}]


async def test_suggestions_that_discord_would_refuse_are_left_out() -> None:
    async with stage() as scene:
        scene.inbound.suggestions[Suggest.QUERY] = (
            Suggestion("x" * 101, "too long"),
            Suggestion("", "nothing"),
            Suggestion("twice", "y" * 150),
            Suggestion("twice", "again"),
            *(Suggestion(f"n{n}", f"n{n}") for n in range(40)),
        )
        choices = await scene.folk.complete(scene.channel, scene.ada, "search", "query", "x")
        assert len(choices) == 25
        assert choices[0] == {"name": "y" * 100, "value": "twice"}


async def test_suggestions_that_take_too_long_are_none() -> None:
    async with stage(pace=replace(HASTE, answer=0.05)) as scene:
        go = asyncio.Event()

        async def dawdle(*_: Any) -> tuple[Suggestion, ...]:
            await go.wait()
            return (Suggestion("late", "late"),)

        scene.inbound.suggest = dawdle  # type: ignore[method-assign]
        assert await scene.folk.complete(scene.channel, scene.ada, "search", "query", "x") == []
        go.set()


async def test_help_topics_are_completed() -> None:
    async with stage() as scene:
        choices = await scene.folk.complete(
            scene.channel, scene.ada, "help", "command", "profile a"
        )
        assert choices == [{"name": "profile add", "value": "profile add"}]
