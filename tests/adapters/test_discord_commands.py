"""Commands on Discord: native, synced, deferred, paged, and on a message."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from bot.commands import COMMANDS, parse
from bot.domain import Reply
from tests.adapters.counterpart import make_card, paper, single, until, words
from tests.adapters.discord_harness import HASTE, Stage, answer, parts, stage
from tests.adapters.loopback_discord.reading import Reading
from tests.adapters.loopback_discord.world import BITS, EVERYONE

MANAGER = EVERYONE | BITS["manage_channels"]


async def test_every_command_of_the_table_can_be_typed() -> None:
    samples: dict[str, str | int] = {
        "query": "vowels", "items": "vowels", "interests": "vowels", "paper": "3", "page": 2,
        "link": "2106.09685", "count": 4, "when": "weekdays 09:00", "command": "search",
        "timezone": "Europe/Berlin", "schedule": "daily 10:00", "size": 3, "threshold": 60,
        "sources": "arxiv",
    }  # fmt: skip
    async with stage() as scene:
        for spec in COMMANDS:
            options = {
                a.name: samples.get(a.name, a.choices[0] if a.choices else "x")
                for a in spec.arguments
            }
            for given in ({}, options):
                if not given and any(a.required for a in spec.arguments):
                    continue
                await scene.folk.slash(scene.channel, scene.ada, spec.name, given)
                event = scene.core.commands[-1]
                assert event.text.startswith(spec.name)
                parse(event.text)


async def test_options_come_in_as_settings() -> None:
    async with stage() as scene:
        options: dict[str, str | int] = {
            "interests": "morphology",
            "schedule": "weekdays 09:00",
            "timezone": "Europe/Berlin",
            "size": 3,
        }
        await scene.folk.slash(scene.channel, scene.ada, "subscribe", options)
        text = scene.core.commands[-1].text
        assert (
            text == 'subscribe morphology schedule="weekdays 09:00" timezone=Europe/Berlin size=3'
        )


async def test_commands_are_synced_once_and_again_only_when_changed() -> None:
    put = ("PUT", "/applications/{application_id}/commands")
    async with stage() as scene:
        await until(lambda: scene.server.count(*put) == 1, "the first sync")
        names = {command["name"] for command in scene.server.commands}
        assert names == {"papers", "papers-setup", "Why this paper?"}
        for change in (False, True):
            await scene.platform.stop()
            if change:
                scene.server.commands[0]["options"][0]["description"] = "Something older"
            await scene.platform.start(scene.inbound)
            await until(lambda: synced(scene), "a look")
            assert scene.server.count(*put) == (2 if change else 1)


def synced(scene: Stage) -> bool:
    """Whether the adapter has compared its commands with Discord's."""
    client = scene.platform._client
    return client is not None and client.setup_id is not None


async def test_commands_that_cannot_be_asked_for_are_told() -> None:
    from tests.adapters.loopback_discord.server import Fault, LoopbackDiscord

    def lack(server: LoopbackDiscord) -> None:
        body = {"code": 0, "message": "404: Not Found"}
        server.faults.append(Fault("/commands$", method="GET", status=404, body=body))

    async with stage(lack) as scene:
        await until(lambda: len(scene.server.commands) == 3, "commands")


async def test_a_failed_sync_is_told_and_the_bot_serves_on() -> None:
    from tests.adapters.loopback_discord.server import Fault, LoopbackDiscord

    def refuse(server: LoopbackDiscord) -> None:
        body = {"code": 50035, "message": "Invalid Form Body"}
        server.faults.append(Fault("/commands$", method="PUT", status=400, body=body))

    async with stage(refuse) as scene:
        await until(lambda: not scene.platform.health().ok, "the trouble")
        assert "commands" in " ".join(scene.platform.health().details)
        await scene.sent(paper(), "k1")


async def test_a_slow_answer_is_deferred_and_still_comes() -> None:
    async with stage(pace=replace(HASTE, answer=0.05)) as scene:
        _slow(scene, Reply("Took a while."))
        asked = await scene.folk.slash(scene.channel, scene.ada, "preview")
        assert asked.deferred == ""
        assert "Took a while." in answer(asked).text
        assert not answer(asked).everyone


async def test_a_slow_answer_for_all_is_for_all() -> None:
    async with stage(pace=replace(HASTE, answer=0.05)) as scene:
        _slow(scene, Reply("For all.", ephemeral=False))
        asked = await scene.folk.slash(scene.channel, scene.ada, "status")
        await until(lambda: len(asked.shown) == 2, "the shared answer")
        assert "For all." in answer(asked).text
        assert answer(asked).everyone


@pytest.mark.parametrize("patience", [0.05, 20.0])
async def test_a_response_that_is_accepted_without_words_is_given(patience: float) -> None:
    async with stage(pace=replace(HASTE, answer=patience)) as scene:
        scene.server.tells_responses = False
        _slow(scene, Reply("Here it is.", more="saved 2"))
        asked = await scene.folk.slash(scene.channel, scene.ada, "saved")
        assert "Here it is." in answer(asked).text
        (button,) = parts(asked.last)
        turned = await scene.folk.press(asked.last, scene.ada, button["custom_id"])
        assert turned.last is asked.last
        form = await scene.folk.slash(scene.channel, scene.ada, "profile edit", permissions=MANAGER)
        assert form.form is not None


def _slow(scene: Stage, reply: Reply) -> asyncio.Event:
    """Have the core take longer than the adapter waits in these tests; tell when it is done."""
    done = asyncio.Event()

    async def command(_: Any) -> Reply:
        await asyncio.sleep(0.2)
        done.set()
        return reply

    scene.core.command = command  # type: ignore[method-assign]
    return done


async def test_an_expired_interaction_is_still_carried_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        (message,) = scene.channel.messages
        scene.server.interaction_seconds = 0.0
        custom_id = parts(message)[0]["custom_id"]
        with caplog.at_level(logging.WARNING):
            await scene.folk.slash(scene.channel, scene.ada, "pause", wait=False)
            await scene.folk.press(message, scene.ada, custom_id, wait=False)
            await until(lambda: caplog.text.count("could not be shown") >= 2, "two warnings")
        assert [event.text for event in scene.core.commands] == ["pause"]
        assert len(scene.core.votes) == 1
        scene.server.interaction_seconds = 60.0
        await scene.folk.slash(scene.channel, scene.ada, "help")


async def test_an_expired_interaction_that_was_deferred_is_still_carried_out() -> None:
    async with stage(pace=replace(HASTE, answer=0.05)) as scene:
        scene.server.interaction_seconds = 0.0
        done = _slow(scene, Reply("Too late."))
        await scene.folk.slash(scene.channel, scene.ada, "preview", wait=False)
        await done.wait()
        scene.server.interaction_seconds = 60.0
        await scene.folk.slash(scene.channel, scene.ada, "help")


async def test_a_command_that_discord_remembers_differently_is_to_be_typed_again() -> None:
    async with stage() as scene:
        await until(lambda: bool(scene.server.commands), "commands")
        (papers,) = [c for c in scene.server.commands if c["name"] == "papers"]
        papers["options"].append({"type": 1, "name": "older", "description": "x", "options": []})
        asked = await scene.folk.slash(scene.channel, scene.ada, "older")
        assert "type it again" in answer(asked).text


async def test_results_are_paged_in_place() -> None:
    async with stage() as scene:
        more = "search vowels page:2"
        scene.core.reply = Reply("7 papers", cards=(make_card(1),), more=more)
        asked = await scene.folk.slash(scene.channel, scene.ada, "search", {"query": "vowels"})
        (button,) = parts(asked.last)
        scene.core.reply = Reply("7 papers, 6 to 7", cards=(make_card(6),), back="search vowels")
        turned = await scene.folk.press(asked.last, scene.ada, button["custom_id"])
        assert scene.core.commands[-1].text == more
        assert turned.last is asked.last
        assert "Counting Vowels Part 6" in words(Reading(turned.last.body).text)
        assert "Part 1" not in Reading(turned.last.body).text
        (back,) = parts(turned.last)
        await scene.folk.press(turned.last, scene.ada, back["custom_id"])
        assert scene.core.commands[-1].text == "search vowels"


async def test_a_long_search_can_be_paged_until_a_restart_and_says_so_then() -> None:
    async with stage() as scene:
        more = f"search {'vowel ' * 40} page:2"
        scene.core.reply = Reply("7 papers", more=more)
        asked = await scene.folk.slash(scene.channel, scene.ada, "search", {"query": "vowel " * 40})
        (button,) = parts(asked.last)
        scene.core.reply = Reply("The second page")
        await scene.folk.press(asked.last, scene.ada, button["custom_id"])
        assert scene.core.commands[-1].text == more
        scene.core.reply = Reply("7 papers", more=more)
        asked = await scene.folk.slash(scene.channel, scene.ada, "search", {"query": "vowel " * 40})
        (button,) = parts(asked.last)
        await scene.platform.stop()
        await scene.platform.start(scene.inbound)
        late = await scene.folk.press(asked.last, scene.ada, button["custom_id"])
        assert "ask again" in answer(late).text


async def test_a_slow_page_replaces_the_one_before_all_the_same() -> None:
    async with stage(pace=replace(HASTE, answer=0.05)) as scene:
        scene.core.reply = Reply("Page one", more="saved 2")
        asked = await scene.folk.slash(scene.channel, scene.ada, "saved")
        _slow(scene, Reply("Page two"))
        (button,) = parts(asked.last)
        turned = await scene.folk.press(asked.last, scene.ada, button["custom_id"])
        assert turned.last is asked.last
        assert "Page two" in Reading(turned.last.body).text


async def test_a_picture_comes_with_its_description() -> None:
    async with stage() as scene:
        png = b"\x89PNG\r\n\x1a\n" + bytes(100)
        scene.core.reply = Reply("Interests", image=png, image_alt="Bars: vowels 3, echoes 1")
        asked = await scene.folk.slash(scene.channel, scene.ada, "profile show")
        message = asked.last
        assert list(message.files.values()) == [png]
        (attachment,) = message.body["attachments"]
        assert attachment["description"] == "Bars: vowels 3, echoes 1"
        assert message.body["embeds"][0]["image"]["url"] == f"attachment://{attachment['filename']}"


async def test_a_very_long_reply_is_cut_and_shown() -> None:
    async with stage() as scene:
        scene.core.reply = Reply("Long", lines=tuple(f"line {n} " + "x" * 300 for n in range(60)))
        asked = await scene.folk.slash(scene.channel, scene.ada, "help")
        assert "line 1 " in answer(asked).text
        assert "…" in answer(asked).text


# --- the command on a message -------------------------------------------------------------------

WHY = "Why this paper?"


async def test_why_can_be_asked_of_a_message() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        await scene.folk.point_at(scene.channel.messages[0], scene.ada, WHY)
        assert scene.core.commands[-1].text == f"why {make_card().handle}"


async def test_why_of_someones_message_takes_the_link_in_it() -> None:
    async with stage() as scene:
        link = {"content": "Look: https://arxiv.org/abs/2106.09685v2 !"}
        message = await scene.server.add_message(scene.channel, scene.ada, link)
        await scene.folk.point_at(message, scene.ada, WHY)
        assert scene.core.commands[-1].text == "why 2106.09685"


async def test_why_of_a_message_without_or_with_several_papers_says_what_to_do() -> None:
    async with stage() as scene:
        await scene.sent(single(make_card(1), make_card(2)), "k1")
        asked = await scene.folk.point_at(scene.channel.messages[0], scene.ada, WHY)
        assert "several papers" in answer(asked).text
        message = await scene.server.add_message(scene.channel, scene.ada, {"content": "hello"})
        asked = await scene.folk.point_at(message, scene.ada, WHY)
        assert "no paper" in answer(asked).text
        assert scene.core.commands == []
