"""Posts to Discord under faults: nothing twice, nothing lost, and the right word for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import ChannelState
from bot.ports import Absent, CannotTell, Found, Rejected, Retry, SendOutcome, Sent, Unknown
from tests.adapters.counterpart import header, let_pass, paper, until
from tests.adapters.discord_harness import HASTE, Stage, stage
from tests.adapters.loopback_discord.rest import MESSAGES
from tests.adapters.loopback_discord.server import Fault
from tests.adapters.loopback_discord.world import FORUM

SLOW = {"message": "slow", "retry_after": 0.3, "code": 0}
VIA = {"Via": "1.1 loopback"}


def fault(scene: Stage, **changes: object) -> None:
    path = f"/channels/{scene.channel.id}/messages$"
    scene.server.faults.append(Fault(path, **changes))  # type: ignore[arg-type]


async def out_of_patience(scene: Stage, key: str, reached: Callable[[], bool]) -> SendOutcome:
    """Send, and let the time for it pass once something is reached."""
    sending = asyncio.create_task(scene.platform.send(scene.address, paper(), key))
    await until(reached, "the request")
    let_pass(scene.platform._pace.send)
    return await sending


async def test_the_key_is_the_nonce_and_repeats_are_to_be_dropped() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "0123456789abcdefghijklmn")
        (seen,) = [s for s in scene.server.seen if (s.method, s.template) == ("POST", MESSAGES)]
        assert seen.body["nonce"] == "0123456789abcdefghijklmn"
        assert seen.body["enforce_nonce"] is True
        assert seen.body["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_429_is_waited_out(everywhere: bool) -> None:
    async with stage() as scene:
        body = {**SLOW, "retry_after": 20.0, "global": everywhere}
        fault(scene, status=429, body=body, headers=VIA)
        other = await scene.server.channel(scene.guild, "other")
        address = f"{scene.guild.id}/{other.id}"
        client = scene.platform._client
        assert client is not None
        first = asyncio.create_task(scene.sent(paper(), "k1"))
        await until(lambda: 429 in [seen.status for seen in scene.server.seen], "the refusal")
        if everywhere:
            await until(lambda: not client.http._global_over.is_set(), "the wait")
        second = asyncio.create_task(scene.platform.send(address, paper(), "k2"))
        if everywhere:
            await asyncio.wait([second], timeout=0.1)
            assert not second.done()
        else:
            await second
        assert not first.done()
        assert len(other.messages) == (0 if everywhere else 1)
        let_pass(20)
        await asyncio.gather(first, second)
        assert len(scene.channel.messages) == len(other.messages) == 1


async def test_a_429_from_before_discord_holds_everything_off() -> None:
    async with stage() as scene:
        fault(scene, status=429, body="error code: 1015", headers={"Retry-After": "77"})
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Retry)
        assert outcome.after == 77
        assert scene.channel.messages == []


async def test_a_long_rate_limit_is_told_and_not_sat_out() -> None:
    async with stage() as scene:
        fault(scene, status=429, body={**SLOW, "retry_after": 400.0, "global": False}, headers=VIA)
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Retry)
        assert outcome.after == 400


async def test_limits_in_headers_are_kept_before_they_bite() -> None:
    async with stage(pace=replace(HASTE, send=10)) as scene:
        scene.server.limits["POST", MESSAGES] = (2, 0.3)
        for number in range(1, 6):
            await scene.sent(paper(number), f"k{number}")
        assert scene.server.rest.rate_limited == 0
        assert len(scene.channel.messages) == 5


async def test_a_limit_sat_out_after_acceptance_is_not_taken_for_nothing_sent() -> None:
    async with stage(pace=replace(HASTE, send=10)) as scene:
        scene.server.limits["POST", MESSAGES] = (1, 28.0)
        outcome = await out_of_patience(scene, "k1", lambda: bool(scene.channel.messages))
        assert isinstance(outcome, Unknown)
        assert isinstance(await scene.find("k1"), Found)
        client = scene.platform._client
        assert client is not None
        limits = client.http._buckets.values()
        outcome = await out_of_patience(
            scene, "k2", lambda: any(limit._pending_requests for limit in limits)
        )
        assert isinstance(outcome, Retry)  # it never left
        assert len(scene.channel.messages) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
@pytest.mark.parametrize("accept", [False, True])
async def test_a_server_error_is_never_answered_by_a_blind_repeat(
    status: int, accept: bool
) -> None:
    async with stage() as scene:
        scene.server.nonce_seconds = 0  # the history alone has to keep the post single
        fault(scene, status=status, body={"message": "oops", "code": 0}, accept=accept)
        assert isinstance(await scene.platform.send(scene.address, paper(), "k1"), Unknown)
        assert scene.server.count("POST", MESSAGES) == 1
        found = await scene.find("k1")
        assert isinstance(found, Found if accept else Absent)
        if not accept:
            await scene.sent(paper(), "k1")
        assert len(scene.channel.messages) == 1


async def test_server_errors_without_end_leave_it_open() -> None:
    async with stage() as scene:
        fault(scene, status=500, body={"message": "oops", "code": 0}, accept=True, times=9)
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Unknown)
        scene.server.faults.clear()
        assert isinstance(await scene.find("k1"), Found)


async def test_a_server_error_that_tells_nothing_leaves_it_open() -> None:
    async with stage() as scene:
        fault(scene, status=520, body="web server returned an unknown error", accept=True)
        assert isinstance(await scene.platform.send(scene.address, paper(), "k1"), Unknown)
        assert isinstance(await scene.find("k1"), Found)


async def test_a_503_is_for_us_to_try_again() -> None:
    async with stage() as scene:
        fault(scene, status=503, body="no upstream")
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Retry)
        assert outcome.after > 0
        await scene.sent(paper(), "k1")
        assert len(scene.channel.messages) == 1


async def test_a_timeout_after_acceptance_is_reconciled_from_the_history() -> None:
    async with stage() as scene:
        fault(scene, accept=True, hang=True)
        outcome = await out_of_patience(scene, "k1", lambda: bool(scene.channel.messages))
        assert isinstance(outcome, Unknown)
        (message,) = scene.channel.messages
        assert await scene.find("k1") == Found(str(message.id))


async def test_a_connection_cut_after_acceptance_is_reconciled_from_the_history() -> None:
    async with stage() as scene:
        fault(scene, accept=True)
        assert isinstance(await scene.platform.send(scene.address, header(), "k1"), Unknown)
        (message,) = scene.channel.messages
        assert await scene.find("k1") == Found(str(message.id))


async def test_a_refused_connection_is_provably_nothing_sent() -> None:
    async with stage() as scene:
        await scene.server.stop()
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Retry)
        assert isinstance(await scene.find("k1"), CannotTell)
        assert await scene.platform.standing(scene.address, "1") is None


async def test_a_nonce_in_the_history_is_enough() -> None:
    async with stage() as scene:
        scene.server.history_tells_nonce = True
        remote_id = await scene.sent(paper(), "k1")
        scene.channel.messages[0].body["components"] = []
        assert await scene.find("k1") == Found(remote_id)


async def test_someone_elses_message_is_never_taken_for_ours() -> None:
    async with stage() as scene:
        scene.server.history_tells_nonce = True
        message = await scene.server.add_message(scene.channel, scene.ada, {"content": "k1"})
        message.nonce = "k1"
        assert await scene.find("k1") == Absent()


async def test_a_long_history_is_read_to_its_end() -> None:
    async with stage() as scene:
        for number in range(230):
            await scene.server.add_message(scene.channel, scene.ada, {"content": str(number)})
        remote_id = await scene.sent(paper(), "k1")
        for number in range(30):
            await scene.server.add_message(scene.channel, scene.ada, {"content": str(number)})
        assert await scene.find("k1") == Found(remote_id)
        assert await scene.find("k2") == Absent()


async def test_a_history_that_cannot_be_turned_is_told() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        for number in range(150):
            await scene.server.add_message(scene.channel, scene.ada, {"content": str(number)})
        page = [message.told() for message in reversed(scene.channel.messages[-100:])]
        path = f"/channels/{scene.channel.id}/messages$"
        scene.server.faults.append(Fault(path, method="GET", status=200, body=page, times=9))
        assert isinstance(await scene.find("k1"), CannotTell)


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_threads_has_none_to_look_in(status: int) -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        for path in ("/threads/active$", "/threads/archived/public$"):
            body = {"code": 0, "message": "not here"}
            fault_ = Fault(path, method="GET", status=status, body=body, times=9)
            scene.server.faults.append(fault_)
        assert await scene.find("k2") == Absent()
        assert isinstance(await scene.find("k1"), Found)


async def test_only_the_history_since_the_send_is_read() -> None:
    async with stage() as scene:
        for number in range(250):
            await scene.server.add_message(scene.channel, scene.ada, {"content": str(number)})
        later = datetime.now(UTC) + timedelta(hours=1)
        assert await scene.platform.find(scene.address, "k1", since=later) == Absent()
        assert scene.server.count("GET", MESSAGES) == 1
        assert await scene.find("k1") == Absent()
        assert scene.server.count("GET", MESSAGES) == 1 + 3


async def test_a_history_that_may_not_be_read_is_not_taken_for_empty() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        scene.channel.denied.add("view_channel")
        assert isinstance(await scene.find("k1"), CannotTell)


@pytest.mark.parametrize("told", [True, False], ids=["told by the gateway", "found by asking"])
async def test_an_empty_answer_without_the_right_to_read_proves_nothing(told: bool) -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        scene.channel.denied.add("read_message_history")
        if told:
            await scene.server.change(scene.channel)
            await scene.folk.slash(scene.channel, scene.ada, "help")
        assert isinstance(await scene.find("k1"), CannotTell)


async def test_a_send_that_hangs_does_not_hold_up_a_stop() -> None:
    async with stage(pace=replace(HASTE, send=30, finish=0.2)) as scene:
        fault(scene, accept=True, hang=True)
        sending = asyncio.create_task(scene.platform.send(scene.address, paper(), "k1"))
        await until(lambda: bool(scene.channel.messages), "the request")
        async with asyncio.timeout(25):  # not the thirty seconds of a send
            await scene.platform.stop()
        (ended,) = await asyncio.gather(sending, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError)  # neither sent nor not sent


@pytest.mark.parametrize(
    ("denied", "words"), [("view_channel", "missing access"), ("send_messages", "permission")]
)
async def test_missing_permissions_make_the_channel_unreachable(denied: str, words: str) -> None:
    async with stage() as scene:
        scene.channel.denied.add(denied)
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Rejected)
        assert outcome.channel_state is ChannelState.UNREACHABLE
        assert words in outcome.reason


async def test_a_deleted_channel_is_left() -> None:
    async with stage() as scene:
        scene.channel.deleted = True
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Rejected)
        assert outcome.channel_state is ChannelState.LEFT


async def test_a_person_who_takes_no_messages_is_unreachable() -> None:
    async with stage() as scene:
        direct = scene.server.direct_channel(scene.ada)
        direct.denied.add("send_messages")
        outcome = await scene.platform.send(f"@me/{direct.id}", paper(), "k1")
        assert isinstance(outcome, Rejected)
        assert outcome.channel_state is ChannelState.UNREACHABLE
        assert "direct messages" in outcome.reason


async def test_a_post_that_discord_refuses_costs_no_channel() -> None:
    async with stage() as scene:
        fault(scene, status=400, body={"code": 50035, "message": "Invalid Form Body"})
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Rejected)
        assert outcome.channel_state is None
        assert "Invalid Form Body" in outcome.reason


async def test_a_token_revoked_meanwhile_loses_no_post() -> None:
    async with stage() as scene:
        fault(scene, status=401, body={"code": 0, "message": "401: Unauthorized"})
        outcome = await scene.platform.send(scene.address, paper(), "k1")
        assert isinstance(outcome, Retry)
        assert outcome.after >= 60  # too many of these are a ban


@pytest.mark.parametrize("address", ["", "nlp", "12", "12/x", "@you/12", "1/2/3", "１/２"])
async def test_an_address_that_is_none_is_rejected(address: str) -> None:
    async with stage() as scene:
        outcome = await scene.platform.send(address, paper(), "k1")
        assert isinstance(outcome, Rejected)
        assert isinstance(
            await scene.platform.find(address, "k1", since=datetime.now(UTC)), CannotTell
        )
        assert await scene.platform.standing(address, "1") is None


# --- posts that make a thread: Discord drops no repeats there ------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, None])
async def test_a_forum_post_in_doubt_is_never_made_twice(status: int | None) -> None:
    async with stage(kind=FORUM) as scene:
        path = f"/channels/{scene.channel.id}/threads$"
        body = {"message": "oops", "code": 0}
        scene.server.faults.append(Fault(path, status=status, accept=True, body=body))
        outcome = await scene.platform.send(scene.address, header(), "k1")
        assert isinstance(outcome, Unknown)
        (thread,) = scene.guild.threads.values()
        assert await scene.find("k1") == Found(f"{thread.id}/{thread.id}")
        assert scene.server.count("POST", "/channels/{channel_id}/threads") == 1


async def test_a_forum_post_that_was_not_made_is_made_later() -> None:
    async with stage(kind=FORUM) as scene:
        path = f"/channels/{scene.channel.id}/threads$"
        scene.server.faults.append(Fault(path, status=502, body={"message": "oops", "code": 0}))
        assert isinstance(await scene.platform.send(scene.address, header(), "k1"), Unknown)
        assert await scene.find("k1") == Absent()
        assert isinstance(await scene.platform.send(scene.address, header(), "k1"), Sent)


async def test_a_thread_is_started_once_whatever_the_answer() -> None:
    async with stage() as scene:
        parent = await scene.sent(header(), "k0")
        path = f"/messages/{parent}/threads$"
        scene.server.faults.append(Fault(path, status=None, accept=True))
        outcome = await scene.platform.send(scene.address, paper(), "k1", parent=parent)
        assert isinstance(outcome, Retry)  # the thread may be there; the paper is not
        ref = await scene.sent(paper(), "k1", parent=parent)
        assert ref.startswith(f"{parent}/")
        assert len(scene.guild.threads) == 1
