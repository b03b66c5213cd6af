"""Forms on Discord, and who may do what."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain import ChannelState, Reply
from bot.profiles import parse as parse_profile
from tests.adapters.counterpart import paper, until
from tests.adapters.discord_harness import Stage, answer, parts, stage
from tests.adapters.loopback_discord.people import Asked
from tests.adapters.loopback_discord.server import Fault
from tests.adapters.loopback_discord.world import BITS, EVERYONE, User

MANAGER = EVERYONE | BITS["manage_channels"]


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


async def test_whoever_the_server_lets_use_the_setup_command_may_manage() -> None:
    async with stage() as scene:
        await until(lambda: bool(scene.server.commands), "commands")
        ben = scene.server.user("ben")
        scene.guild.roles |= {71: ("Librarians", 0), 72: ("Readers", 0)}
        await scene.server.invite(scene.guild)

        async def may(user: User, *roles: int) -> bool:
            await scene.folk.slash(scene.channel, user, "pause", roles=roles)
            return scene.core.commands[-1].person.may_manage

        assert not await may(scene.ada, 71)
        allowed = [
            {"id": "71", "type": 1, "permission": True},
            {"id": "72", "type": 1, "permission": False},
            {"id": str(ben.id), "type": 2, "permission": True},
        ]
        await scene.server.choose(scene.guild, "papers-setup", allowed)
        assert await may(scene.ada, 71)
        assert not await may(scene.ada, 72)
        assert not await may(scene.ada)
        assert await may(ben)
        await scene.server.choose(scene.guild, "papers-setup", [])
        assert not await may(scene.ada, 71)
        await scene.server.choose(scene.guild, "papers", allowed)  # using is not managing
        assert not await may(scene.ada, 71)


async def test_a_server_is_asked_once_whom_it_chose() -> None:
    template = "/applications/{application_id}/guilds/{guild_id}/commands/permissions"
    async with stage() as scene:
        await until(lambda: bool(scene.server.commands), "commands")
        for _ in range(3):
            await scene.folk.slash(scene.channel, scene.ada, "status")
        assert scene.server.count("GET", template) == 1


async def test_a_server_that_cannot_be_asked_has_chosen_nobody() -> None:
    async with stage() as scene:
        await until(lambda: bool(scene.server.commands), "commands")
        body = {"code": 0, "message": "oops"}
        fault = Fault("/commands/permissions$", method="GET", status=503, body=body, times=9)
        scene.server.faults.append(fault)
        await scene.folk.slash(scene.channel, scene.ada, "pause")
        assert not scene.core.commands[-1].person.may_manage


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
        for where in (scene.channel, channel):
            await scene.folk.slash(where, scene.ada, "status")
        here, there = (event.place.address for event in scene.core.commands)
        assert (here, there) == (scene.address, f"{other.id}/{channel.id}")
        await scene.platform.send(there, paper(), "k1")
        assert len(channel.messages) == 1
        assert scene.channel.messages == []


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
