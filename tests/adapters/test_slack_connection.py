"""Slack goes away and comes back, repeats itself, and is not always Slack."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.domain import PaperwireError, Signal
from bot.platforms.slack import Connection, Slack
from bot.ports import Retry, Sent
from tests.adapters.counterpart import RecordingInbound, let_pass, paper, until
from tests.adapters.loopback_slack_wire import ACK_SECONDS
from tests.adapters.slack_fixtures import Stage, by_socket, stage
from tests.adapters.slack_place import SlackHarness, WholeInbound
from tests.adapters.slack_world import BOT_TOKEN, SIGNING_SECRET, Fault, refused

__all__ = ["by_socket", "stage"]


def reaction(stage: Stage, ts: str, name: str = "+1") -> dict[str, object]:
    return {
        "type": "reaction_added",
        "user": "UADA",
        "reaction": name,
        "item_user": stage.slack.bot_user,
        "item": {"type": "message", "channel": stage.room.id, "ts": ts},
    }


async def posted(stage: Stage, number: int = 1) -> str:
    outcome = await stage.adapter.send(stage.address, paper(number), f"k{number}")
    assert isinstance(outcome, Sent)
    return outcome.remote_id


# --- Socket Mode --------------------------------------------------------------------------------


@pytest.fixture
async def hasty() -> AsyncIterator[Stage]:
    """Socket Mode, and an adapter that soon notices that its connection is gone."""
    place = SlackHarness(ping_seconds=1.0)
    await place.open()
    core = WholeInbound()
    await place.connect(core)
    yield Stage(place, core, place.slack.room("papers"))
    await place.close()


async def test_a_killed_socket_comes_back_and_says_so(hasty: Stage) -> None:
    stage = hasty
    await until(lambda: stage.core.reconnections >= 1, "the first connection")
    ts = await posted(stage)
    told = stage.core.reconnections
    await stage.slack.kill_sockets()
    await until(lambda: stage.slack.sockets_opened >= 2, "a second connection")
    await until(lambda: stage.core.reconnections > told, "word of the gap")
    await stage.slack.connected()
    await stage.slack.react(stage.room, ts, "UADA", "+1", on=True)
    assert stage.core.core.votes[-1].signal is Signal.LIKE


async def test_posting_goes_on_while_the_socket_is_gone(by_socket: Stage) -> None:
    stage = by_socket
    stage.slack.sockets_offered = False
    await stage.slack.kill_sockets()
    ids = [await posted(stage, number) for number in (1, 2, 3)]
    assert [message["ts"] for message in stage.room.messages] == ids


async def test_a_disconnect_frame_is_followed_by_a_new_connection(by_socket: Stage) -> None:
    stage = by_socket
    await stage.slack.ask_to_reconnect("warning")
    await until(lambda: stage.slack.sockets_opened >= 2, "a second connection")
    await stage.slack.connected()
    answer = await stage.type("help")
    assert "Understood." in answer["text"]


async def test_an_address_that_fails_is_not_tried_for_ever(hasty: Stage) -> None:
    stage = hasty
    stage.slack.sockets_offered = False
    await stage.slack.kill_sockets()
    before = len(stage.slack.called("apps.connections.open"))
    await until(
        lambda: len(stage.slack.called("apps.connections.open")) >= before + 2, "new addresses"
    )
    stage.slack.sockets_offered = True
    await until(lambda: stage.slack.sockets_opened >= 2, "a connection")


async def test_it_starts_while_slack_is_down_and_connects_when_it_is_up() -> None:
    place = SlackHarness(ping_seconds=1.0)
    await place.open()
    port = place.slack.port
    await place.slack.stop()
    core = WholeInbound()
    place.adapter = Slack(place.connection())
    async with asyncio.timeout(30):
        await place.adapter.start(core)  # though nobody is there to connect to
    outcome = await place.adapter.send("T0001/C1", paper(), "k1")
    assert isinstance(outcome, Retry)
    assert "could not be reached" in outcome.reason
    await place.slack.start(port)
    await place.slack.connected()
    await until(lambda: core.reconnections >= 1, "word of the connection")
    await place.close()


@pytest.mark.parametrize("http", [False, True])
async def test_it_stops_at_once_while_slack_is_down(http: bool) -> None:
    place = SlackHarness(http=http)
    adapter = Slack(place.connection(api_url="http://127.0.0.1:1/api/"))
    await adapter.start(WholeInbound())
    if not http:
        tries = adapter._socket
        assert tries is not None
        await until(lambda: tries._client.pause > 0, "a try that failed")
    async with asyncio.timeout(30):
        await adapter.stop()
    assert isinstance(await adapter.send("T1/C1", paper(), "k1"), Retry)


async def test_a_stop_that_the_connecting_takes_for_a_failure_is_still_a_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connecting = asyncio.Event()

    async def fail(*_: object, **__: object) -> None:
        connecting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # A time-out or a reset at the same moment hides the cancellation.
            raise ConnectionError("reset") from None

    monkeypatch.setattr(aiohttp.ClientSession, "ws_connect", fail)
    place = SlackHarness()
    await place.open()
    adapter = Slack(place.connection())
    await adapter.start(WholeInbound())
    await connecting.wait()
    stopping = asyncio.create_task(adapter.stop())
    ended, _ = await asyncio.wait({stopping}, timeout=3)
    assert ended == {stopping}
    await place.close()


async def test_one_adapter_can_be_started_again(by_socket: Stage) -> None:
    stage = by_socket
    await stage.adapter.stop()
    await stage.adapter.start(stage.core)
    await stage.slack.connected()
    assert "Understood." in (await stage.type("help"))["text"]
    await posted(stage)


async def test_a_refused_app_token_is_not_hammered(hasty: Stage) -> None:
    stage = hasty
    socket = stage.adapter._socket
    assert socket is not None
    stage.slack.app_tokens.clear()
    await stage.slack.kill_sockets()
    before = len(stage.slack.called("apps.connections.open"))
    await until(lambda: socket._client.pause > 0, "a refusal")
    assert socket._client.pause >= 300
    assert len(stage.slack.called("apps.connections.open")) - before <= 2


async def test_an_envelope_that_comes_twice_counts_once(by_socket: Stage) -> None:
    stage = by_socket
    payload = {
        "team_id": "T0001",
        "channel_id": stage.room.id,
        "channel_name": "papers",
        "user_id": "UADA",
        "command": "/papers",
        "text": "more",
        "response_url": stage.slack.response_url(),
        "trigger_id": "1.2.3",
    }
    for _ in range(2):
        await stage.slack.deliver("slash_commands", payload, envelope_id="once")
    await until(lambda: len(stage.core.texts()) >= 1, "the command")
    await stage.type("status")
    assert stage.core.texts() == ["more", "status"]


# --- events -------------------------------------------------------------------------------------


async def test_a_vote_that_could_not_be_recorded_is_sent_again(stage: Stage) -> None:
    ts = await posted(stage)
    stage.slack.retry_delays = (0.3,)
    stage.core.core.failure = RuntimeError("the disk is full")
    asked = asyncio.create_task(stage.slack.event(reaction(stage, ts), event_id="EvFailed"))
    await until(lambda: len(stage.core.core.votes) == 1, "the first try")
    stage.core.core.failure = None
    let_pass(ACK_SECONDS)
    assert await asked
    assert [vote.event_id for vote in stage.core.core.votes] == ["slack:EvFailed"] * 2


async def test_a_repeated_event_has_the_same_id_for_the_core_to_know_it_by(stage: Stage) -> None:
    ts = await posted(stage)
    for _ in range(3):
        assert await stage.slack.event(reaction(stage, ts), event_id="Ev1")
    assert {vote.event_id for vote in stage.core.core.votes} == {"slack:Ev1"}


async def test_a_repeated_mention_is_answered_once(stage: Stage) -> None:
    mention = {
        "type": "app_mention",
        "user": "UADA",
        "text": f"<@{stage.slack.bot_user}> why 1",
        "ts": "1700000000.000100",
        "channel": stage.room.id,
    }
    for _ in range(3):
        assert await stage.slack.event(mention, event_id="EvM")
    assert await stage.slack.event({**mention, "text": "<@UBOT> status"}, event_id="EvN")
    await until(lambda: len(stage.room.messages) == 2, "two answers")
    assert stage.core.texts() == ["why 1", "status"]


async def test_events_of_no_interest_are_acknowledged(stage: Stage) -> None:
    ts = await posted(stage)
    for event in (
        reaction(stage, ts, "tada"),
        {"type": "reaction_added", "user": "UADA", "reaction": "+1", "item": {"type": "file"}},
        {"type": "message", "channel": stage.room.id, "user": "UADA", "text": "hi", "ts": ts},
        {"type": "something_new", "weird": [1, {"a": None}]},
        {"type": "member_joined_channel", "user": "UADA", "channel": stage.room.id},
    ):
        assert await stage.slack.event(dict(event))
    assert stage.core.core.votes == []
    assert stage.core.moves == []


async def test_our_own_reactions_are_no_votes(stage: Stage) -> None:
    ts = await posted(stage)
    await stage.slack.react(stage.room, ts, stage.slack.bot_user, "+1", on=True)
    assert stage.core.core.votes == []
    assert await stage.adapter.standing(stage.address, ts) == ()


# --- signed HTTP --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "age"), [("another secret", 0), (SIGNING_SECRET, 3600), ("", 0)]
)
async def test_a_bad_signature_is_refused_and_does_nothing(secret: str, age: int) -> None:
    place = SlackHarness(http=True)
    await place.open()
    core = WholeInbound()
    await place.connect(core)
    body, content_type = place.slack.encode("slash_commands", {"command": "/papers", "text": "x"})
    headers = place.slack.sign(body, secret, at=int(time.time()) - age)
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            str(place.slack.http_target),
            data=body,
            headers={"Content-Type": content_type, **headers},
        ) as answer,
    ):
        assert answer.status == 401
    assert core.texts() == []
    await place.close()


async def test_slack_can_verify_the_address() -> None:
    place = SlackHarness(http=True)
    await place.open()
    await place.connect(WholeInbound())
    payload = {"type": "url_verification", "token": "t", "challenge": "c-123"}
    answer = await place.slack.deliver("events_api", payload)
    assert "c-123" in json.dumps(answer)
    await place.close()


async def test_an_address_that_is_taken_is_told() -> None:
    place = SlackHarness(http=True)
    await place.open()
    adapter = Slack(place.connection(port=place.slack.port))
    with pytest.raises(PaperwireError, match="http_port"):
        await adapter.start(WholeInbound())
    await place.close()


def test_without_a_way_in_it_says_what_is_missing() -> None:
    with pytest.raises(PaperwireError, match="signing_secret"):
        Slack(Connection(bot_token=BOT_TOKEN))


def test_no_secret_is_in_its_representation() -> None:
    connection = Connection(bot_token="xoxb-1", app_token="xapp-1", signing_secret="hush")
    assert not any(secret in repr(connection) for secret in ("xoxb-1", "xapp-1", "hush"))


# --- an unfamiliar Slack ------------------------------------------------------------------------


async def test_methods_that_a_service_lacks_do_not_stop_the_bot() -> None:
    place = SlackHarness(policy="managers", managers=("slack:UADA",))
    await place.open()
    for method in ("auth.test", "users.info", "conversations.info", "reactions.get"):
        place.slack.faults[method].extend([refused("unknown_method")] * 20)
    place.slack.faults["conversations.history"].extend([refused("unknown_method")] * 20)
    core = RecordingInbound()
    adapter = await place.connect(core)
    address = await place.channel()
    outcome = await adapter.send(address, paper(), "k1")
    assert isinstance(outcome, Sent)
    answer = await place.command(address, "UADA", "subscribe vowels")
    assert "Understood." in answer.text
    await place.react(address, outcome.remote_id, "UADA", Signal.LIKE, on=True)
    assert core.votes[-1].person.id == "UADA"
    assert core.commands[-1].person.may_manage
    await place.close()


async def test_an_answer_that_is_not_json_leaves_a_post_in_doubt(stage: Stage) -> None:
    for fault in (
        Fault(200, "<html>maintenance</html>"),
        Fault(502, "Bad gateway"),
        Fault(200, {"ok": True}),
        Fault(500, {"ok": False, "error": "internal_error"}),
    ):
        stage.slack.faults["chat.postMessage"].append(fault)
        outcome = await stage.adapter.send(stage.address, paper(), "k1")
        assert type(outcome).__name__ == "Unknown", outcome
    assert stage.room.messages == []
