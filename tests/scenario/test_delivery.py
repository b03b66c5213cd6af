"""Delivery under what a platform answers at once, under one hand-held clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.domain import (
    ChannelState,
    Layout,
    MessageState,
    Post,
    PostKind,
)
from bot.ports import (
    Rejected,
    Retry,
    SendOutcome,
    Sent,
)
from bot.services.deliver import (
    FIRST_PAUSE,
    GIVE_UP_AFTER,
    LONGEST_PAUSE,
    UNREACHABLE_PAUSE,
    Courier,
    Settled,
)
from tests.scenario.scripted import (
    NINE,
    TUESDAY,
    Scripted,
    entries,
    messages,
    now_of,
    plan,
    serve,
    settle,
    states,
)
from tests.scenario.wire import Wire, at

# --- the usual case -----------------------------------------------------------------------------


async def test_a_digest_goes_out_in_order_with_its_header_as_the_parent(wire: Wire) -> None:
    [desk] = plan(wire, "desk", layout=Layout.THREAD)
    platform = Scripted()
    serve(wire, platform)
    assert await settle(wire) == Settled(sent=3)
    kinds = [sending.post.kind for sending in platform.sends]
    assert kinds == [PostKind.HEADER, PostKind.PAPER, PostKind.PAPER]
    assert [sending.parent for sending in platform.sends] == [None, "r1", "r1"]
    assert [message.remote_id for message in messages(wire, desk)] == ["r1", "r2", "r3"]
    assert await settle(wire) == Settled()


async def test_cards_have_no_parent(wire: Wire) -> None:
    plan(wire, "desk", layout=Layout.CARDS)
    platform = Scripted()
    serve(wire, platform)
    await settle(wire)
    assert [sending.parent for sending in platform.sends] == [None, None, None]


async def test_every_post_has_a_key_of_its_own_that_fits_a_nonce(wire: Wire) -> None:
    plan(wire, "desk", "other")
    platform = Scripted()
    serve(wire, platform)
    await settle(wire)
    keys = [sending.key for sending in platform.sends]
    assert len(set(keys)) == len(keys) == 6
    assert all(len(key) <= 25 and key.isalnum() for key in keys)


async def test_messages_of_a_platform_that_is_not_running_wait_for_it(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    wire.courier = Courier(wire.store, {}, lambda: wire.now)
    assert await settle(wire) == Settled()
    assert states(wire, desk) == ["pending", "pending", "pending"]


# --- retry --------------------------------------------------------------------------------------


async def test_a_retry_is_not_sent_before_the_platforms_moment(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Retry("rate limited", after=30))
    serve(wire, platform)
    assert await settle(wire) == Settled(waiting=1)
    assert messages(wire, desk)[0].error == "rate limited"
    assert await settle(wire, timedelta(seconds=29)) == Settled()
    assert len(platform.sends) == 1
    assert await settle(wire, timedelta(seconds=1)) == Settled(sent=3)
    assert platform.sends[0].key == platform.sends[1].key
    assert messages(wire, desk)[0].error == ""


async def test_pauses_between_retries_grow_to_a_bound(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(*[Retry("busy")] * 14)
    serve(wire, platform)
    pauses = []
    for _ in range(14):
        before = wire.now
        await settle(wire)
        due = messages(wire, desk)[0].not_before
        assert due is not None
        pauses.append(due - before)
        wire.now = due
    assert pauses[:4] == [FIRST_PAUSE * 2**n for n in range(4)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert await settle(wire) == Settled(sent=3)


async def test_after_a_day_of_retries_a_message_is_given_up_with_the_reason(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Retry("busy"), Retry("still busy"))
    serve(wire, platform)
    await settle(wire)
    result = await settle(wire, GIVE_UP_AFTER)
    first = messages(wire, desk)[0]
    assert result == Settled(sent=2, abandoned=1)
    assert first.state is MessageState.ABANDONED
    assert first.error == "given up after 2 tries: still busy"


async def test_a_message_that_waited_out_a_long_stop_is_tried_before_it_is_given_up(
    wire: Wire,
) -> None:
    plan(wire, "desk")
    serve(wire, Scripted())
    assert await settle(wire, GIVE_UP_AFTER * 3) == Settled(sent=3)


# --- rejected -----------------------------------------------------------------------------------


async def test_a_rejected_message_is_closed_with_the_reason_and_the_next_go_on(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Sent("r1"), Rejected("invalid_blocks"))
    serve(wire, platform)
    assert await settle(wire) == Settled(sent=2, abandoned=1)
    assert states(wire, desk) == ["sent", "abandoned", "sent"]
    assert messages(wire, desk)[1].error == "invalid_blocks"
    assert now_of(wire, desk).state is ChannelState.ACTIVE


async def test_papers_of_a_rejected_header_are_posted_without_a_parent(wire: Wire) -> None:
    plan(wire, "desk")
    platform = Scripted(Rejected("too long"))
    serve(wire, platform)
    await settle(wire)
    assert [sending.parent for sending in platform.sends] == [None, None, None]


async def test_an_unreachable_channel_keeps_its_messages_and_comes_back_by_itself(
    wire: Wire,
) -> None:
    [desk, other] = plan(wire, "desk", "other")
    gone = Rejected("missing access", ChannelState.UNREACHABLE)
    platform = Scripted()

    async def send(address: str, post: Post, key: str, *, parent: str | None = None) -> SendOutcome:
        if address == "desk" and wire.now < NINE + UNREACHABLE_PAUSE:
            return gone
        return await Scripted.send(platform, address, post, key, parent=parent)

    platform.send = send  # type: ignore[method-assign]  # this test's own script
    serve(wire, platform)
    assert await settle(wire) == Settled(sent=3, waiting=1)
    assert now_of(wire, desk).state is ChannelState.UNREACHABLE
    assert now_of(wire, desk).state_reason == "missing access"
    assert now_of(wire, other).state is ChannelState.ACTIVE
    assert await settle(wire, UNREACHABLE_PAUSE - timedelta(seconds=1)) == Settled()
    assert await settle(wire, timedelta(seconds=1)) == Settled(sent=3)
    assert now_of(wire, desk).state is ChannelState.ACTIVE
    assert now_of(wire, desk).state_reason == ""


async def test_an_unreachable_channel_is_planned_for_and_given_up_a_day_later(wire: Wire) -> None:
    [desk] = plan(wire, "desk", papers=1)
    gone = Rejected("missing access", ChannelState.UNREACHABLE)
    platform = Scripted(*[gone] * 4)
    serve(wire, platform)
    await settle(wire)
    wire.now = at(TUESDAY, 9)
    wire.read(entries(1, start=50), TUESDAY)
    assert len(wire.plan()) == 1
    result = await settle(wire)
    assert result == Settled(abandoned=2, waiting=1)
    assert states(wire, desk) == ["abandoned", "abandoned", "pending", "pending"]
    assert messages(wire, desk)[0].error == "given up after 2 tries: missing access"


async def test_what_is_overdue_after_a_long_stop_is_not_given_up_at_one_busy_answer(
    wire: Wire,
) -> None:
    [desk] = plan(wire, "desk", papers=1)
    busy = Retry("slow down", after=1.0)
    serve(wire, Scripted(busy, Sent("r1"), busy, busy))
    wire.now = at(TUESDAY, 12)
    for _ in range(3):
        await settle(wire, timedelta(minutes=1))
    assert states(wire, desk) == ["sent", "abandoned"]
    assert messages(wire, desk)[1].error == "given up after 2 tries: slow down"


async def test_a_channel_that_was_left_drops_what_waits_and_says_why(wire: Wire) -> None:
    [desk, other] = plan(wire, "desk", "other")
    platform = Scripted(Rejected("the bot was removed", ChannelState.LEFT))
    serve(wire, platform, at_once=1)
    result = await settle(wire)
    assert result == Settled(sent=3, abandoned=1)
    assert states(wire, desk) == ["abandoned", "abandoned", "abandoned"]
    assert {m.error for m in messages(wire, desk)} == {"the bot was removed"}
    assert now_of(wire, desk).state is ChannelState.LEFT
    assert states(wire, other) == ["sent", "sent", "sent"]
    assert wire.plan() == ()


async def test_a_persons_pause_outlives_the_platforms_troubles(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Rejected("missing access", ChannelState.UNREACHABLE))
    serve(wire, platform)
    await wire.say("desk", "pause")
    await settle(wire)
    assert now_of(wire, desk).state is ChannelState.PAUSED
    await settle(wire, UNREACHABLE_PAUSE)
    assert now_of(wire, desk).state is ChannelState.PAUSED


async def test_what_people_say_while_a_post_is_under_way_stands(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Rejected("missing access", ChannelState.UNREACHABLE))
    platform.hold = asyncio.Event()
    serve(wire, platform)
    sending = asyncio.ensure_future(settle(wire))
    await platform.held.wait()
    await wire.say("desk", "unsubscribe")
    platform.hold.set()
    await sending
    assert now_of(wire, desk).state is ChannelState.LEFT
    await settle(wire, UNREACHABLE_PAUSE)
    assert states(wire, desk) == ["abandoned", "abandoned", "abandoned"]
    assert len(platform.sends) == 1


async def test_a_post_under_way_while_a_channel_unsubscribes_is_known_as_sent(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Sent("r1"))
    platform.hold = asyncio.Event()
    serve(wire, platform)
    sending = asyncio.ensure_future(settle(wire))
    await platform.held.wait()
    await wire.say("desk", "unsubscribe")
    platform.hold.set()
    await sending
    assert states(wire, desk) == ["sent", "abandoned", "abandoned"]
    assert now_of(wire, desk).state is ChannelState.LEFT
