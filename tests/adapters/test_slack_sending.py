"""Digests in Slack: how they look, how fast they go, and what becomes of a post that is lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.domain import ChannelState
from bot.platforms.slack import Slack
from bot.ports import Absent, CannotTell, FindOutcome, Found, Rejected, Retry, Sent, Unknown
from tests.adapters.counterpart import header, let_pass, make_card, paper, single, until, words
from tests.adapters.slack_fixtures import Stage, action_ids, by_socket, seen
from tests.adapters.slack_place import SlackHarness, WholeInbound
from tests.adapters.slack_world import Fault, rate_limited, refused

__all__ = ["by_socket"]


async def find(stage: Stage, key: str, ago: timedelta = timedelta(minutes=5)) -> FindOutcome:
    return await stage.adapter.find(stage.address, key, since=datetime.now(UTC) - ago)


async def sent(stage: Stage, number: int, parent: str | None = None) -> str:
    outcome = await stage.adapter.send(stage.address, paper(number), f"k{number}", parent=parent)
    assert isinstance(outcome, Sent), outcome
    return outcome.remote_id


# --- looks --------------------------------------------------------------------------------------


async def test_a_post_has_text_for_screen_readers_and_unfurls_nothing(by_socket: Stage) -> None:
    await sent(by_socket, 1)
    (call,) = by_socket.slack.called("chat.postMessage")
    card = make_card(1)
    for shown in (card.title, card.authors, card.summary, card.reason, "match 87"):
        assert shown in words(call.arguments["text"])
    assert call.arguments["unfurl_links"] is False
    assert call.arguments["unfurl_media"] is False
    assert call.arguments["metadata"]["event_payload"] == {"key": "k1"}


async def test_a_paper_has_its_buttons_and_they_can_be_read_aloud(by_socket: Stage) -> None:
    await sent(by_socket, 1)
    (message,) = by_socket.room.messages
    assert action_ids(message) == ["vote.like", "vote.dislike", "vote.save", "why"]
    buttons = message["blocks"][-1]["elements"]
    assert all("Counting Vowels" in button["accessibility_label"] for button in buttons)


async def test_the_parent_card_has_the_date_the_counts_and_the_titles(by_socket: Stage) -> None:
    await by_socket.adapter.send(by_socket.address, header(), "k0")
    (message,) = by_socket.room.messages
    assert message["blocks"][0]["type"] == "header"
    text = seen(message)
    for shown in ("Fri 12 Jun 2026", "2 of 31", "1. Counting Vowels Part 1", "2. Counting"):
        assert shown in text


async def test_a_single_has_the_buttons_of_each_paper(by_socket: Stage) -> None:
    post = single(*(make_card(n) for n in range(1, 6)))
    await by_socket.adapter.send(by_socket.address, post, "k1")
    (message,) = by_socket.room.messages
    assert action_ids(message).count("vote.like") == 5


# --- pace ---------------------------------------------------------------------------------------


async def test_a_channel_gets_one_post_a_second_and_others_do_not_wait() -> None:
    place = SlackHarness()
    await place.open()
    connection = place.connection(pace_seconds=1000)
    place.adapter = Slack(connection)
    await place.adapter.start(WholeInbound())
    rooms = [place.room(await place.channel()) for _ in range(2)]
    sending = [
        asyncio.create_task(place.adapter.send(f"T0001/{room.id}", paper(n), f"{room.id}{n}"))
        for room in rooms
        for n in (1, 2, 3)
    ]
    for count in (1, 2, 3):
        wanted = [count, count]
        await until(
            lambda wanted=wanted: [len(room.messages) for room in rooms] == wanted,
            "each one's turn",
        )
        await until(lambda count=count: sum(s.done() for s in sending) == 2 * count, "the answers")
        let_pass(900)
        await asyncio.wait([s for s in sending if not s.done()] or sending, timeout=0.05)
        assert [len(room.messages) for room in rooms] == wanted
        let_pass(100)
    for one in sending:
        assert isinstance(await one, Sent)
    await place.close()


async def test_two_rate_limits_are_two_refusals_with_their_time(by_socket: Stage) -> None:
    faults = by_socket.slack.faults["chat.postMessage"]
    faults.extend([rate_limited(7), Fault(429, "slow down"), rate_limited(0)])
    outcomes = [await by_socket.adapter.send(by_socket.address, paper(), "k") for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Retry] * 3
    assert [outcome.after for outcome in outcomes if isinstance(outcome, Retry)] == [7, 30, 1]
    assert len(by_socket.slack.called("chat.postMessage")) == 3, "the SDK repeated a post"
    await sent(by_socket, 1)
    assert len(by_socket.room.messages) == 1


# --- doubt --------------------------------------------------------------------------------------


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_post_in_doubt_is_found_or_provably_absent(
    by_socket: Stage, accepted: bool
) -> None:
    by_socket.slack.faults["chat.postMessage"].append(
        Fault(500, {"ok": False, "error": "fatal_error"}, accept=accepted)
    )
    outcome = await by_socket.adapter.send(by_socket.address, paper(), "k1")
    assert isinstance(outcome, Unknown)
    assert len(by_socket.slack.called("chat.postMessage")) == 1
    found = await find(by_socket, "k1")
    assert isinstance(found, Found) if accepted else found == Absent()


async def test_a_timeout_after_acceptance_is_unknown_and_found(
    by_socket: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_socket.slack.faults["chat.postMessage"].append(Fault(accept=True, hang=600))
    session = by_socket.adapter._workspaces.session
    with monkeypatch.context() as patched:
        patched.setattr(session, "_timeout", aiohttp.ClientTimeout(total=60))
        sending = asyncio.create_task(by_socket.adapter.send(by_socket.address, paper(), "k1"))
        await until(lambda: bool(by_socket.room.messages), "the post")
        let_pass(61)
        outcome = await sending
    assert isinstance(outcome, Unknown)
    assert await find(by_socket, "k1") == Found(by_socket.room.messages[0]["ts"])


async def test_a_reply_is_found_in_the_thread_of_an_old_parent(by_socket: Stage) -> None:
    stage = by_socket
    parent = await sent(stage, 1)
    await sent(stage, 2, parent)
    reply = await sent(stage, 3, parent)
    # The parent came long before the reply was tried, and the adapter that sent it is gone.
    old = f"{float(parent) - 20 * 3600:.6f}"
    for message in stage.room.messages:
        message.update({k: old for k in ("ts", "thread_ts") if message.get(k) == parent})
    await stage.restart()
    assert await find(stage, "k3") == Found(reply)
    assert await find(stage, "k4") == Absent()


async def test_a_key_is_found_behind_many_pages(by_socket: Stage) -> None:
    stage = by_socket
    first = await sent(stage, 1)
    for _ in range(30):
        ts = stage.slack.timestamp()
        stage.room.messages.append({"type": "message", "user": "UADA", "text": "hm", "ts": ts})
    stage.slack.history_page = 7
    assert await find(stage, "k1") == Found(first)
    assert await find(stage, "k2") == Absent()


async def test_a_channel_too_busy_to_search_cannot_be_told(by_socket: Stage) -> None:
    stage = by_socket
    for _ in range(70):
        ts = stage.slack.timestamp()
        stage.room.messages.append({"type": "message", "user": "UADA", "text": "hm", "ts": ts})
    stage.slack.history_page = 1
    assert isinstance(await find(stage, "k1"), CannotTell)


async def test_where_metadata_is_not_kept_the_key_is_in_the_blocks(by_socket: Stage) -> None:
    stage = by_socket
    ts = await sent(stage, 1)
    del stage.room.messages[0]["metadata"]
    assert await find(stage, "k1") == Found(ts)
    assert await find(stage, "k2") == Absent()


async def test_a_message_of_ours_without_any_key_leaves_doubt(by_socket: Stage) -> None:
    stage = by_socket
    ts = stage.slack.timestamp()
    bare = {"type": "message", "user": stage.slack.bot_user, "text": "hm", "ts": ts}
    stage.room.messages.append(bare)
    assert isinstance(await find(stage, "k1"), CannotTell)
    bare["subtype"] = "channel_join"
    assert await find(stage, "k1") == Absent()


@pytest.mark.parametrize("error", ["missing_scope", "unknown_method", "internal_error"])
async def test_a_history_that_cannot_be_read_tells_nothing(by_socket: Stage, error: str) -> None:
    by_socket.slack.faults["conversations.history"].append(refused(error))
    outcome = await find(by_socket, "k1")
    assert isinstance(outcome, CannotTell)
    assert error in outcome.reason


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("is_archived", ChannelState.UNREACHABLE),
        ("not_in_channel", ChannelState.UNREACHABLE),
        ("restricted_action", ChannelState.UNREACHABLE),
        ("token_revoked", ChannelState.UNREACHABLE),
        ("account_inactive", ChannelState.UNREACHABLE),
        ("missing_scope", ChannelState.UNREACHABLE),
        ("channel_not_found", ChannelState.LEFT),
        ("msg_too_long", None),
        ("invalid_arguments", None),
    ],
)
async def test_a_refusal_says_what_it_means_for_the_channel(
    by_socket: Stage, error: str, state: ChannelState | None
) -> None:
    by_socket.slack.faults["chat.postMessage"].append(refused(error, needed="chat:write"))
    outcome = await by_socket.adapter.send(by_socket.address, paper(), "k1")
    assert isinstance(outcome, Rejected)
    assert outcome.channel_state is state
    assert outcome.reason
    await sent(by_socket, 1)


async def test_the_operator_is_told_once_of_a_revoked_token(by_socket: Stage) -> None:
    stage = by_socket
    other = stage.slack.room()
    stage.slack.tokens.clear()
    with capture_logs() as logs:
        for address in (stage.address, f"T0001/{other.id}", stage.address):
            outcome = await stage.adapter.send(address, paper(), "k1")
            assert isinstance(outcome, Rejected)
            assert "invalid_auth" in outcome.reason
    told = [entry for entry in logs if entry["log_level"] == "error"]
    assert len(told) == 1
    assert told[0]["error"] == "invalid_auth"
    assert "doctor" in told[0]["next_step"]


@pytest.mark.parametrize(
    ("error", "left_out"),
    [
        ("invalid_blocks", "blocks"),
        ("msg_blocks_too_long", "blocks"),
        ("metadata_too_large", "metadata"),
    ],
)
async def test_what_a_service_does_not_take_is_left_out(
    by_socket: Stage, error: str, left_out: str
) -> None:
    by_socket.slack.faults["chat.postMessage"].append(refused(error))
    ts = await sent(by_socket, 1)
    (message,) = by_socket.room.messages
    assert left_out not in message
    assert await find(by_socket, "k1") == Found(ts)


async def test_a_paper_whose_parent_was_deleted_is_posted_by_itself(by_socket: Stage) -> None:
    parent = await sent(by_socket, 1)
    by_socket.room.messages.clear()
    await sent(by_socket, 2, parent)
    (message,) = by_socket.room.messages
    assert "thread_ts" not in message


async def test_the_address_may_be_a_bare_channel(by_socket: Stage) -> None:
    outcome = await by_socket.adapter.send(by_socket.room.id, paper(), "k1")
    assert isinstance(outcome, Sent)
