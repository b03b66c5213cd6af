"""What doctor asks of Discord."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from bot.domain import Place
from bot.platforms.discord.check import PERMISSIONS, check, invite_link, needed_permissions
from bot.platforms.discord.guilds import NEEDED
from tests.adapters.discord_harness import loopback_discord
from tests.adapters.loopback_discord.world import BITS


def test_the_invite_link_asks_for_exactly_what_is_needed() -> None:
    query = parse_qs(urlsplit(invite_link(77)).query)
    assert query["client_id"] == ["77"]
    assert query["scope"] == ["bot applications.commands"]
    wanted = sum(BITS[name] for name in PERMISSIONS)
    assert query["permissions"] == [str(wanted)]
    assert needed_permissions().value == wanted
    assert NEEDED.keys() <= PERMISSIONS.keys()


async def test_all_is_well_where_all_is_well() -> None:
    async with loopback_discord() as server:
        guild = server.guild()
        channel = await server.channel(guild)
        thread = await server.add_thread(channel, "reading group", server.user("ada"))
        direct = server.direct_channel(server.user("ben"))
        places = [
            Place("discord", f"{guild.id}/{channel.id}", "#papers"),
            Place("discord", f"{guild.id}/{thread.id}", "#reading group"),
            Place("discord", f"@me/{direct.id}", "you"),
        ]
        found = await check(token=server.token, api_url=server.api_url, channels=places)
        assert [health for health in found if not health.ok] == []
        assert len(found) == 5
        assert "oauth2/authorize" in " ".join(found[0].details)


@pytest.mark.parametrize(
    ("denied", "ok", "words"),
    [
        ("embed_links", False, "missing Embed Links"),
        ("add_reactions", True, "works without"),
        ("view_channel", False, "cannot be reached"),
    ],
)
async def test_a_missing_permission_is_named(denied: str, ok: bool, words: str) -> None:
    async with loopback_discord() as server:
        guild = server.guild()
        channel = await server.channel(guild)
        channel.denied.add(denied)
        place = Place("discord", f"{guild.id}/{channel.id}", "#papers")
        *_, health = await check(token=server.token, api_url=server.api_url, channels=[place])
        assert health.ok is ok
        assert words in " ".join((health.words, *health.details))


async def test_a_server_that_was_left_is_named() -> None:
    async with loopback_discord() as server:
        guild = server.guild()
        channel = await server.channel(guild)
        guild.removed = True
        places = [Place("discord", f"{guild.id}/{channel.id}", "#papers"), Place("discord", "x")]
        *_, gone, wrong = await check(token=server.token, api_url=server.api_url, channels=places)
        assert not gone.ok
        assert "#papers cannot be reached" in gone.words
        assert not wrong.ok


async def test_sessions_that_are_used_up_are_told() -> None:
    async with loopback_discord() as server:
        server.sessions_left = 0
        found = await check(token=server.token, api_url=server.api_url)
        assert not found[-1].ok


@pytest.mark.parametrize(
    ("token", "words"), [(None, "no token is set"), ("wrong", "does not accept discord.token")]
)
async def test_a_token_that_does_not_work_is_told(token: str | None, words: str) -> None:
    async with loopback_discord() as server:
        (health,) = await check(token=token, api_url=server.api_url)
        assert not health.ok
        assert words in health.words


async def test_a_discord_that_does_not_answer_is_told() -> None:
    async with loopback_discord() as server:
        await server.stop()
        (health,) = await check(token="any", api_url=server.api_url)
        assert not health.ok
        assert "discord.api_url" in health.words
