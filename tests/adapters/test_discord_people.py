"""People on Discord: votes, commands, autocomplete, pages, forms, and who may do what."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from bot.commands import COMMANDS, parse
from bot.domain import ChannelState, Reply, Signal
from bot.ports import Suggest, Suggestion
from bot.profiles import parse as parse_profile
from tests.adapters.counterpart import make_card, paper, single, until, words
from tests.adapters.discord_harness import HASTE, Stage, answer, held, parts, stage
from tests.adapters.loopback_discord.people import Asked
from tests.adapters.loopback_discord.reading import Reading
from tests.adapters.loopback_discord.world import BITS, EVERYONE

MANAGER = EVERYONE | BITS["manage_channels"]


# --- votes --------------------------------------------------------------------------------------


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


# --- commands -----------------------------------------------------------------------------------


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
            asked = scene.server.count("GET", put[1])
            await scene.platform.start(scene.inbound)
            await until(lambda asked=asked: scene.server.count("GET", put[1]) > asked, "a look")
            await asyncio.sleep(0.05)
            assert scene.server.count(*put) == (2 if change else 1)


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


@pytest.mark.parametrize("patience", [0.05, 0.5])
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


def _slow(scene: Stage, reply: Reply) -> None:
    async def command(_: Any) -> Reply:
        await asyncio.sleep(0.2)
        return reply

    scene.core.command = command  # type: ignore[method-assign]


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
            await until(lambda: len(caplog.records) >= 2, "two warnings")
        assert [event.text for event in scene.core.commands] == ["pause"]
        assert len(scene.core.votes) == 1
        scene.server.interaction_seconds = 3.0
        await scene.folk.slash(scene.channel, scene.ada, "help")


async def test_an_expired_interaction_that_was_deferred_is_still_carried_out() -> None:
    async with stage(pace=replace(HASTE, answer=0.05)) as scene:
        scene.server.interaction_seconds = 0.0
        _slow(scene, Reply("Too late."))
        await scene.folk.slash(scene.channel, scene.ada, "preview", wait=False)
        await asyncio.sleep(0.4)
        scene.server.interaction_seconds = 3.0
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


# --- autocomplete -------------------------------------------------------------------------------


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

        async def dawdle(*_: Any) -> tuple[Suggestion, ...]:
            await asyncio.sleep(5)
            return (Suggestion("late", "late"),)

        scene.inbound.suggest = dawdle  # type: ignore[method-assign]
        assert await scene.folk.complete(scene.channel, scene.ada, "search", "query", "x") == []


async def test_help_topics_are_completed() -> None:
    async with stage() as scene:
        choices = await scene.folk.complete(
            scene.channel, scene.ada, "help", "command", "profile a"
        )
        assert choices == [{"name": "profile add", "value": "profile add"}]


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


# --- forms --------------------------------------------------------------------------------------


async def fill(scene: Stage, asked: Asked, values: dict[str, str]) -> str:
    return answer(await scene.folk.fill_in(asked, values, permissions=MANAGER)).text


async def test_the_interests_are_edited_in_a_form() -> None:
    async with stage() as scene:
        scene.subscribe(profile=parse_profile('vowels, -"old echoes"'))
        asked = await scene.folk.slash(
            scene.channel, scene.ada, "profile edit", permissions=MANAGER
        )
        (row,) = asked.form["components"]
        assert row["components"][0]["value"] == 'vowels, -"old echoes"'
        await fill(scene, asked, {"interests": "vowels, cat:cs.CL"})
        assert scene.core.commands[-1].text == "profile set vowels, cat:cs.CL"


async def test_a_form_that_was_open_over_a_restart_still_counts() -> None:
    async with stage() as scene:
        scene.subscribe()
        scene.core.reply = Reply("Interests", lines=("vowels",))
        shown = await scene.folk.slash(scene.channel, scene.ada, "profile show")
        (button,) = parts(shown.last)
        asked = await scene.folk.press(
            shown.last, scene.ada, button["custom_id"], permissions=MANAGER
        )
        await scene.platform.stop()
        await scene.platform.start(scene.inbound)
        await fill(scene, asked, {"interests": "echoes"})
        assert scene.core.commands[-1].text == "profile set echoes"


async def test_an_empty_form_changes_nothing() -> None:
    async with stage() as scene:
        scene.subscribe()
        asked = await scene.folk.slash(
            scene.channel, scene.ada, "profile edit", permissions=MANAGER
        )
        assert "Nothing was changed" in await fill(scene, asked, {"interests": "  "})
        assert scene.core.commands == []


@pytest.mark.parametrize("before", [None, ChannelState.LEFT])
async def test_a_channel_is_set_up_in_one_form(before: ChannelState | None) -> None:
    async with stage() as scene:
        if before is not None:
            scene.subscribe(state=before)
        asked = await scene.folk.slash(
            scene.channel, scene.ada, "", root="papers-setup", permissions=MANAGER
        )
        values = {"interests": "vowels", "schedule": "daily 10:00", "timezone": "Asia/Tokyo"}
        await fill(scene, asked, values)
        (event,) = scene.core.commands
        assert event.text == 'subscribe vowels schedule="daily 10:00" timezone=Asia/Tokyo'


async def test_the_setup_form_changes_only_what_was_changed() -> None:
    async with stage() as scene:
        scene.subscribe(profile=parse_profile("vowels"))
        asked = await scene.folk.slash(
            scene.channel, scene.ada, "", root="papers-setup", permissions=MANAGER
        )
        assert "Nothing was changed" in await fill(scene, asked, {})
        await fill(scene, asked, {"size": "7"})
        assert [event.text for event in scene.core.commands] == ["settings size=7"]
        await fill(scene, asked, {"interests": "echoes", "size": "8"})
        changed = scene.core.commands[1:]
        assert [event.text for event in changed] == ["profile set echoes", "settings size=8"]
        assert len({event.event_id for event in changed}) == 2


async def test_forms_are_for_those_who_manage() -> None:
    async with stage() as scene:
        for name, root in (("profile edit", "papers"), ("", "papers-setup")):
            asked = await scene.folk.slash(scene.channel, scene.ada, name, root=root)
            assert asked.form is None
            assert "Only people who manage" in answer(asked).text


# --- rights -------------------------------------------------------------------------------------


async def test_managing_channels_is_managing_here() -> None:
    async with stage() as scene:
        for permissions, may in (
            (EVERYONE, False),
            (MANAGER, True),
            (EVERYONE | 1 << 3, True),  # administrators
        ):
            await scene.folk.slash(scene.channel, scene.ada, "pause", permissions=permissions)
            assert scene.core.commands[-1].person.may_manage is may


@pytest.mark.parametrize("by_id", [False, True])
async def test_a_role_that_the_server_chose_may_manage(by_id: bool) -> None:
    role = 424242
    async with stage(manager_role=str(role) if by_id else "@paper EDITORS") as scene:
        scene.guild.roles[role] = ("Paper editors", 0)
        scene.guild.roles[role + 1] = ("Readers", 0)
        await scene.server.invite(scene.guild)
        for roles, may in (((), False), ((role + 1,), False), ((role,), True)):
            await scene.folk.slash(scene.channel, scene.ada, "pause", roles=roles)
            assert scene.core.commands[-1].person.may_manage is may


async def test_people_named_by_the_operator_may_manage_everywhere() -> None:
    async with stage() as scene:
        await scene.platform.stop()
        from tests.adapters.discord_harness import adapter

        platform = adapter(scene.server, managers=[str(scene.ada.id)])
        await platform.start(scene.inbound)
        await scene.folk.slash(scene.channel, scene.ada, "pause")
        await platform.stop()
        assert scene.core.commands[-1].person.may_manage


async def test_the_setup_command_is_hidden_from_those_who_do_not_manage() -> None:
    async with stage() as scene:
        await until(lambda: bool(scene.server.commands), "commands")
        allowed = {c["name"]: c["default_member_permissions"] for c in scene.server.commands}
        assert allowed["papers-setup"] == str(BITS["manage_channels"])
        assert allowed["papers"] == str(BITS["use_application_commands"])


async def test_direct_messages_are_a_personal_channel() -> None:
    async with stage() as scene:
        direct = scene.server.direct_channel(scene.ada)
        await scene.folk.slash(direct, scene.ada, "subscribe", {"interests": "vowels"})
        (event,) = scene.core.commands
        assert event.person.may_manage
        assert event.place.private
        outcome = await scene.platform.send(event.place.address, paper(), "k1")
        (message,) = direct.messages
        assert outcome.remote_id == str(message.id)  # type: ignore[union-attr]
        asked = await scene.folk.press(message, scene.ada, parts(message)[0]["custom_id"])
        assert answer(asked).text
        (vote,) = scene.core.votes
        assert vote.place.address == event.place.address
        assert vote.remote_id == str(message.id)


async def test_servers_are_apart() -> None:
    async with stage() as scene:
        other = scene.server.guild("Another server")
        await scene.server.invite(other)
        channel = await scene.server.channel(other)
        await scene.folk.slash(scene.channel, scene.ada, "status")
        await scene.folk.slash(channel, scene.ada, "status")
        addresses = [event.place.address for event in scene.core.commands]
        assert addresses == [f"{scene.guild.id}/{scene.channel.id}", f"{other.id}/{channel.id}"]
        assert held_nowhere(scene)


def held_nowhere(scene: Stage) -> bool:
    return not [held(m) for m in scene.channel.messages]


async def test_an_interaction_with_the_least_that_is_promised_is_answered() -> None:
    async with stage() as scene:
        told = scene.folk._told

        def barely(*given: Any) -> Any:
            full = told(*given)
            for key in ("attachment_size_limit", "channel", "guild", "guild_locale", "context"):
                full.pop(key, None)
            return full

        scene.folk._told = barely  # type: ignore[method-assign]
        asked = await scene.folk.slash(scene.channel, scene.ada, "help")
        assert "Understood." in answer(asked).text
        assert scene.core.commands[-1].place.address == scene.address
