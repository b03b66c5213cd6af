"""The connection to Discord: begun, lost, refused, resumed, and never the end of the bot."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from bot.domain import Reply
from bot.platforms.discord import Discord
from bot.platforms.discord.client import WireClient
from bot.ports import CannotTell, Retry, Sent
from tests.adapters.counterpart import RecordingInbound, paper, until, words
from tests.adapters.discord_harness import (
    HASTE,
    Stage,
    WholeInbound,
    adapter,
    answer,
    loopback_discord,
    stage,
)
from tests.adapters.loopback_discord.people import People
from tests.adapters.loopback_discord.server import Fault, LoopbackDiscord


async def answers(scene: Stage) -> None:
    """Assert that commands are answered now."""
    scene.core.reply = Reply("Here I am.")
    asked = await scene.folk.slash(scene.channel, scene.ada, "help")
    assert "Here I am." in words(answer(asked).text)


async def test_only_unprivileged_intents_are_asked_for() -> None:
    async with stage() as scene:
        (session,) = scene.server.gateway.sessions.values()
        assert session.intents == 1537


async def test_start_with_discord_down_comes_up_by_itself() -> None:
    async with loopback_discord() as server:
        guild = server.guild()
        channel = await server.channel(guild)
        platform = adapter(server, pace=replace(HASTE, start=0.1))
        await server.stop()
        await platform.start(WholeInbound(RecordingInbound()))
        try:
            address = f"{guild.id}/{channel.id}"
            outcome = await platform.send(address, paper(), "k1")
            assert isinstance(outcome, Retry)
            assert not platform.health().ok
            await server.start()
            await until(lambda: platform.health().ok, "the connection")
            assert isinstance(await platform.send(address, paper(), "k1"), Sent)
        finally:
            await platform.stop()


async def test_a_login_that_hangs_is_begun_anew() -> None:
    def hang(server: LoopbackDiscord) -> None:
        server.faults.append(Fault("/users/@me$", method="GET", hang=True))

    async with stage(hang, pace=replace(HASTE, send=0.5)) as scene:
        await until(lambda: scene.platform.health().ok, "the connection")
        await answers(scene)


async def test_a_mistake_of_ours_does_not_end_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    live, calls = Discord._live, []

    async def stumble(self: Discord, inbound: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a mistake")
        return await live(self, inbound)  # type: ignore[arg-type]

    monkeypatch.setattr(Discord, "_live", stumble)
    async with stage() as scene:
        await answers(scene)


async def test_posts_are_sent_while_only_the_gateway_is_down() -> None:
    def close_gateway(server: LoopbackDiscord) -> None:
        server.gateway.open = False

    async with stage(close_gateway, pace=replace(HASTE, start=0.2)) as scene:
        await until(lambda: scene.platform._usable, "the login")
        await scene.sent(paper(), "k1")
        assert not scene.platform.health().ok


@pytest.mark.parametrize(
    "event",
    [
        {"op": 0, "t": "INTERACTION_CREATE", "s": 90, "d": {"id": "x"}},
        {"op": 0, "t": "GUILD_CREATE", "s": 90, "d": {"channels": 3}},
        {"op": 0, "t": "MESSAGE_REACTION_ADD", "s": 90, "d": {"emoji": None}},
        {"op": 0, "t": "CHANNEL_UPDATE", "s": 90, "d": []},
        {"op": 0, "t": "NEWS_OF_TOMORROW", "s": 90, "d": {}},
    ],
)
async def test_a_malformed_event_is_left_out_and_the_connection_stays(event: object) -> None:
    async with stage() as scene:
        await scene.server.gateway.tell_text(json.dumps(event))
        await answers(scene)
        assert len(scene.server.gateway.identified) == 1


@pytest.mark.parametrize("frame", ["not json", "[]", '{"op": 10, "d": null}', "null"])
async def test_a_malformed_frame_costs_a_new_session_and_no_more(frame: str) -> None:
    async with stage() as scene:
        await scene.server.gateway.tell_text(frame)
        await until(lambda: len(scene.server.gateway.identified) > 1, "a new session")
        await until(lambda: scene.platform.health().ok, "the connection")
        await answers(scene)
        await until(lambda: scene.inbound.gaps >= 2, "reactions to be read back")


async def test_a_close_with_4000_is_resumed_and_misses_nothing() -> None:
    async with stage() as scene:
        remote_id = await scene.sent(paper(), "k1")
        message = scene.server.message(scene.channel, int(remote_id))
        assert message is not None
        await until(lambda: scene.inbound.gaps == 1, "the first reading back")
        await scene.server.gateway.close_all(4000)
        await scene.server.react(message, scene.ada, "👍", on=True)
        await scene.core.until_votes(1)
        assert scene.core.votes[0].remote_id == remote_id
        assert scene.server.gateway.resumed
        assert len(scene.server.gateway.identified) == 1
        assert scene.inbound.gaps == 1
        await answers(scene)


async def test_a_cut_connection_is_resumed() -> None:
    async with stage() as scene:
        await scene.server.gateway.cut_all()
        await until(lambda: bool(scene.server.gateway.resumed), "a resumed session")
        await answers(scene)


async def test_a_request_to_reconnect_is_followed() -> None:
    async with stage() as scene:
        await scene.server.gateway.tell_text('{"op": 7, "d": null}')
        await until(lambda: bool(scene.server.gateway.resumed), "a resumed session")
        await answers(scene)


async def test_a_dead_socket_is_noticed_and_replaced() -> None:
    async with stage(pace=replace(HASTE, heartbeat=0.4)) as scene:
        scene.server.gateway.mute_all()
        await until(lambda: bool(scene.server.gateway.resumed), "a resumed session")
        await answers(scene)


@pytest.mark.parametrize("resumable", [True, False])
async def test_an_invalid_session_is_followed_by_another(resumable: bool) -> None:
    async with stage() as scene:
        await until(lambda: scene.inbound.gaps == 1, "the first reading back")
        await scene.server.gateway.invalidate(resumable=resumable)
        if resumable:
            await until(lambda: bool(scene.server.gateway.resumed), "a resumed session")
        else:
            await until(lambda: scene.inbound.gaps == 2, "reactions to be read back")
            assert len(scene.server.gateway.identified) == 2
        await answers(scene)


async def test_a_resume_that_is_refused_becomes_a_new_session() -> None:
    async with stage() as scene:
        scene.server.invalid_sessions = 1
        await scene.server.gateway.close_all(4000)
        await until(lambda: len(scene.server.gateway.identified) == 2, "a new session")
        await until(lambda: scene.inbound.gaps == 2, "reactions to be read back")
        await answers(scene)


async def test_a_refused_token_is_told_and_tried_again_slowly() -> None:
    async with loopback_discord() as server:
        platform = Discord(
            "wrong", api_url=server.api_url, pace=replace(HASTE, start=0.1, refused=1.0)
        )
        await platform.start(WholeInbound(RecordingInbound()))
        try:
            await until(lambda: "discord.token" in platform.health().words, "words on the token")
            assert server.count("GET", "/users/@me") <= 2
            platform._token = server.token  # the operator's setting, put right
            await until(lambda: platform.health().ok, "the connection")
        finally:
            await platform.stop()


@pytest.mark.parametrize("code", [4004, 4014, 4013])
async def test_a_gateway_that_refuses_us_for_now_is_tried_again(code: int) -> None:
    def refuse(server: LoopbackDiscord) -> None:
        server.close_on_identify = [code]

    async with stage(refuse) as scene:
        await until(lambda: scene.platform.health().ok, "the connection")
        await answers(scene)


async def test_used_up_sessions_are_waited_for() -> None:
    def use_up(server: LoopbackDiscord) -> None:
        server.sessions_left = 0

    async with stage(use_up, pace=replace(HASTE, start=0.3)) as scene:
        told = "no sessions left"
        await until(lambda: told in scene.platform.health().words, "words on it")
        assert scene.server.gateway.identified == []


async def test_the_gateway_setting_wins_over_what_the_api_says() -> None:
    async with loopback_discord() as api, loopback_discord() as elsewhere:
        guild = elsewhere.guild()
        channel = await elsewhere.channel(guild)
        elsewhere.token, elsewhere.application_id, elsewhere.me = (
            api.token,
            api.application_id,
            api.me,
        )
        folk = People(elsewhere)
        People(api).asked = folk.asked  # answers go to the API, whatever the gateway
        platform = adapter(api, gateway_url=elsewhere.gateway_url)
        core = RecordingInbound()
        await platform.start(WholeInbound(core))
        try:
            assert api.gateway.identified == []
            for invalid in (False, True):
                if invalid:
                    await elsewhere.gateway.invalidate(resumable=False)
                    await until(lambda: len(elsewhere.gateway.identified) == 2, "a new session")
                elsewhere.commands = api.commands
                ada = elsewhere.user("ada")
                await folk.slash(channel, ada, "help", wait=False)
                wanted = 2 if invalid else 1
                await until(lambda wanted=wanted: len(core.commands) == wanted, "the command")
        finally:
            await platform.stop()


@pytest.mark.parametrize("given", [True, False])
async def test_a_resume_goes_where_the_setting_or_else_ready_says(given: bool) -> None:
    async with loopback_discord() as server:
        if given:
            server.resume_url = "ws://127.0.0.1:9/nowhere"
        url = server.gateway_url if given else None
        platform = adapter(server, gateway_url=url)
        await platform.start(WholeInbound(RecordingInbound()))
        try:
            await server.gateway.close_all(4000)
            await until(lambda: bool(server.gateway.resumed), "a resumed session")
        finally:
            await platform.stop()


async def test_an_outage_of_everything_is_survived() -> None:
    async with stage() as scene:
        await scene.server.stop()
        assert isinstance(await scene.platform.send(scene.address, paper(), "k1"), Retry)
        await scene.server.start()
        begun = len(scene.server.gateway.identified) + len(scene.server.gateway.resumed)
        gateway = scene.server.gateway
        await until(lambda: len(gateway.identified) + len(gateway.resumed) > begun, "a session")
        await scene.sent(paper(), "k1")
        await answers(scene)


async def test_no_outage_makes_a_shard_wait_for_long() -> None:
    async with stage() as scene:
        client = scene.platform._client
        assert client is not None
        backoff = client.shards[0]._parent._backoff
        assert max(backoff.delay() for _ in range(200)) <= 32


async def test_bytes_that_are_no_message_cost_a_new_session_and_no_more() -> None:
    async with stage() as scene:
        for socket in list(scene.server.gateway._sockets):
            await socket.socket.send_bytes(b"\x00garbage\x00\x00\xff\xff")
        await until(lambda: len(scene.server.gateway.identified) > 1, "a new session")
        await until(lambda: scene.platform.health().ok, "the connection")
        await answers(scene)


async def test_shards_begin_one_after_another_as_the_gateway_asks() -> None:
    def ask(server: LoopbackDiscord) -> None:
        server.shards, server.max_concurrency = 3, 1
        server.gateway.identify_interval = 0.05

    async with stage(ask, pace=replace(HASTE, identify=0.6)) as scene:
        assert scene.server.gateway.identified == [(0, 3), (1, 3), (2, 3)]
        assert scene.platform.health().ok


async def test_two_shards_serve_their_own_servers() -> None:
    def shard(server: LoopbackDiscord) -> None:
        server.shards = 2

    async with stage(shard) as scene:
        guilds = [scene.server.guild(f"server {n}", shard=n, of=2) for n in (0, 1)]
        for guild in guilds:
            await scene.server.invite(guild)
            channel = await scene.server.channel(guild)
            scene.core.reply = Reply(f"In {guild.name}.")
            asked = await scene.folk.slash(channel, scene.ada, "help")
            assert f"In {guild.name}." in words(answer(asked).text)
            assert scene.core.commands[-1].place.address == f"{guild.id}/{channel.id}"
        assert {shard for shard, _ in scene.server.gateway.identified} == {0, 1}
        assert "2 shards" in scene.platform.health().words


async def test_a_set_number_of_shards_is_used() -> None:
    async with stage(shards=2) as scene:
        assert sorted(scene.server.gateway.identified) == [(0, 2), (1, 2)]


async def test_heartbeats_are_sent() -> None:
    def often(server: LoopbackDiscord) -> None:
        server.gateway.heartbeat_ms = 50

    async with stage(often) as scene:
        await until(lambda: scene.server.gateway.beats >= 4, "heartbeats")


async def test_stop_while_connecting_is_quick_and_quiet() -> None:
    async with loopback_discord() as server:
        server.gateway.open = False
        platform = adapter(server, pace=replace(HASTE, start=0.05))
        await platform.start(WholeInbound(RecordingInbound()))
        async with asyncio.timeout(25):
            await platform.stop()


async def test_a_stop_that_takes_long_leaves_no_connection_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[bool] = []
    close = WireClient.close

    async def dawdle(self: WireClient) -> None:
        await asyncio.sleep(1.2)  # longer than it takes until tasks are cancelled once more
        await close(self)
        closed.append(self.is_closed())

    monkeypatch.setattr(WireClient, "close", dawdle)
    async with stage() as scene:
        await scene.platform.stop()
        assert closed == [True]


async def test_stop_waits_for_what_the_core_is_doing_and_for_the_reply() -> None:
    async with stage() as scene:
        begun: list[str] = []
        done: list[str] = []
        go = asyncio.Event()

        async def command(_: object) -> Reply:
            begun.append("command")
            await go.wait()
            done.append("command")
            return Reply("Done before the end.")

        async def vote(_: object) -> Reply:
            begun.append("vote")
            await go.wait()
            done.append("vote")
            return Reply("Noted.")

        await scene.sent(paper(), "k1")
        scene.core.command, scene.core.vote = command, vote  # type: ignore[method-assign, assignment]
        await scene.server.react(scene.channel.messages[0], scene.ada, "👍", on=True)
        asked = await scene.folk.slash(scene.channel, scene.ada, "help", wait=False)
        await until(lambda: len(begun) == 2, "both to begin")
        stopping = asyncio.create_task(scene.platform.stop())
        await asyncio.wait([stopping], timeout=0.1)
        assert not stopping.done()
        go.set()
        await stopping
        assert sorted(done) == ["command", "vote"]
        assert "Done before the end." in answer(asked).text


async def test_what_comes_in_while_stopping_is_to_be_tried_again() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        assert scene.platform._gate is not None
        scene.platform._gate.close()
        asked = await scene.folk.slash(scene.channel, scene.ada, "help")
        assert "try again" in answer(asked).text
        await scene.folk.complete(scene.channel, scene.ada, "search", "query", "x")
        await scene.server.change(scene.channel)
        await scene.server.react(scene.channel.messages[0], scene.ada, "👍", on=True)
        await scene.folk.slash(scene.channel, scene.ada, "help")
        assert scene.core.commands == []
        assert scene.core.votes == []


async def test_an_adapter_can_be_started_again() -> None:
    async with stage() as scene:
        await scene.platform.stop()
        assert isinstance(await scene.find("k1"), CannotTell)
        assert not scene.platform.health().ok
        await scene.platform.start(scene.inbound)
        await scene.sent(paper(), "k1")


async def test_a_core_that_fails_to_read_back_is_asked_again() -> None:
    async with stage() as scene:
        await until(lambda: scene.inbound.gaps == 1, "the first reading back")

        async def fail(_: str) -> None:
            scene.inbound.gaps += 1
            raise RuntimeError("no store")

        scene.inbound.reconnected = fail  # type: ignore[method-assign]
        for wanted in (2, 3):
            await scene.server.gateway.invalidate(resumable=False)
            await until(lambda wanted=wanted: scene.inbound.gaps == wanted, "a reading back")
