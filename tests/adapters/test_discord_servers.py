"""What Discord's servers do to the bot: invite, remove, rename, close, delete, and back."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain import ChannelState
from bot.ports import Found
from tests.adapters.counterpart import paper, until
from tests.adapters.discord_harness import Stage, stage
from tests.adapters.loopback_discord.gateway import GUILDS
from tests.adapters.loopback_discord.world import BITS, EVERYONE, Guild


def moves(scene: Stage) -> list[tuple[str, ChannelState | None, str]]:
    return [(place.address, state, reason) for place, state, reason in scene.inbound.moves]


async def moved(scene: Stage, count: int = 1) -> tuple[str, ChannelState | None, str]:
    await until(lambda: len(scene.inbound.moves) >= count, f"{count} moves")
    return moves(scene)[-1]


async def test_a_removed_bot_leaves_its_channels_and_comes_back_to_them() -> None:
    async with stage() as scene:
        scene.subscribe()
        other = scene.server.guild("Another server")
        await scene.server.invite(other)
        elsewhere = await scene.server.channel(other)
        scene.subscribe(elsewhere)
        await scene.server.remove(scene.guild)
        address, state, reason = await moved(scene)
        assert (address, state) == (scene.address, ChannelState.LEFT)
        assert "removed" in reason
        await scene.platform.send(f"{other.id}/{elsewhere.id}", paper(), "k1")
        assert len(elsewhere.messages) == 1
        await scene.server.invite(scene.guild)
        assert await moved(scene, 2) == (scene.address, ChannelState.ACTIVE, "")
        assert len(moves(scene)) == 2


async def test_an_outage_of_a_server_is_no_farewell() -> None:
    async with stage() as scene:
        scene.subscribe()
        gone = {"id": str(scene.guild.id), "unavailable": True}
        await scene.server.gateway.tell(
            "GUILD_DELETE", gone, guild_id=scene.guild.id, intent=GUILDS
        )
        await scene.server.invite(scene.guild)
        await scene.folk.slash(scene.channel, scene.ada, "help")
        assert moves(scene) == []


async def test_a_deleted_channel_is_left_and_its_neighbours_are_not() -> None:
    async with stage() as scene:
        scene.subscribe()
        neighbour = await scene.server.channel(scene.guild, "neighbour")
        scene.subscribe(neighbour)
        await scene.server.delete(scene.channel)
        address, state, reason = await moved(scene)
        assert (address, state) == (scene.address, ChannelState.LEFT)
        assert "deleted" in reason
        assert len(moves(scene)) == 1


async def test_a_deleted_thread_with_a_subscription_is_left() -> None:
    async with stage() as scene:
        thread = await scene.server.add_thread(scene.channel, "reading group", scene.ada)
        scene.subscribe(thread)
        await scene.server.delete(thread)
        address, state, _ = await moved(scene)
        assert (address, state) == (f"{scene.guild.id}/{thread.id}", ChannelState.LEFT)


async def test_permissions_lost_and_found_are_followed() -> None:
    async with stage() as scene:
        scene.subscribe()
        scene.channel.denied |= {"send_messages", "embed_links"}
        await scene.server.change(scene.channel)
        address, state, reason = await moved(scene)
        assert (address, state) == (scene.address, ChannelState.UNREACHABLE)
        assert "Send Messages, Embed Links" in reason
        scene.channel.denied.clear()
        await scene.server.change(scene.channel)
        assert await moved(scene, 2) == (scene.address, ChannelState.ACTIVE, "")


async def test_permissions_of_a_role_are_followed() -> None:
    async with stage() as scene:
        scene.subscribe()
        role = scene.guild.told_roles()[0]
        for permissions, wanted in (
            (EVERYONE - BITS["send_messages"], ChannelState.UNREACHABLE),
            (EVERYONE, ChannelState.ACTIVE),
        ):
            changed = {**role, "permissions": str(permissions)}
            data = {"guild_id": str(scene.guild.id), "role": changed}
            before = len(moves(scene))
            await scene.server.gateway.tell("GUILD_ROLE_UPDATE", data, guild_id=scene.guild.id)
            _, state, _ = await moved(scene, before + 1)
            assert state is wanted


async def test_a_new_name_is_told_to_the_core() -> None:
    async with stage() as scene:
        scene.subscribe()
        scene.channel.name = "fresh-papers"
        await scene.server.change(scene.channel)
        await moved(scene)
        ((place, state, _),) = scene.inbound.moves
        assert (place.name, state) == ("#fresh-papers", None)


async def test_what_changed_while_away_is_found_on_connecting() -> None:
    async with stage() as scene:
        states = (ChannelState.UNREACHABLE, ChannelState.LEFT, ChannelState.PAUSED)
        found = [await scene.server.channel(scene.guild, f"was-{state}") for state in states]
        for channel, state in zip(found, states, strict=True):
            scene.subscribe(channel, state=state)
        scene.subscribe()
        await scene.platform.stop()
        scene.channel.name = "another-name"
        await scene.platform.start(scene.inbound)
        await moved(scene, 3)
        assert {(address, state) for address, state, _ in moves(scene)} == {
            (f"{scene.guild.id}/{found[0].id}", ChannelState.ACTIVE),
            (f"{scene.guild.id}/{found[1].id}", ChannelState.ACTIVE),
            (scene.address, None),
        }


async def test_a_channel_that_is_still_closed_is_not_told_to_be_back() -> None:
    async with stage() as scene:
        scene.subscribe(state=ChannelState.UNREACHABLE)
        scene.channel.denied.add("send_messages")
        await scene.platform.stop()
        await scene.platform.start(scene.inbound)
        await scene.folk.slash(scene.channel, scene.ada, "help")
        assert moves(scene) == []


@pytest.mark.parametrize("roles", [True, False])
async def test_a_gateway_that_tells_nothing_of_permissions_closes_no_channel(
    roles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as scene:
        full = Guild.created

        def bare(guild: Guild) -> Any:
            told = full(guild)
            told["roles"] = [{**r, "permissions": "0"} for r in told["roles"]] if roles else []
            return {**told, "members": told["members"] if roles else []}

        monkeypatch.setattr(Guild, "created", bare)
        scene.subscribe(state=ChannelState.LEFT)
        await scene.platform.stop()
        await scene.platform.start(scene.inbound)
        ref = await scene.sent(paper(), "k1")
        assert await scene.find("k1") == Found(ref)
        assert [state for _, state, _ in moves(scene)] == [ChannelState.ACTIVE]


@pytest.mark.parametrize("event", ["GUILD_CREATE", "CHANNEL_UPDATE"])
async def test_channels_without_a_subscription_are_no_news(event: str) -> None:
    async with stage() as scene:
        if event == "GUILD_CREATE":
            await scene.server.invite(scene.server.guild("Another server"))
        else:
            await scene.server.change(scene.channel)
        await scene.folk.slash(scene.channel, scene.ada, "help")
        assert moves(scene) == []
