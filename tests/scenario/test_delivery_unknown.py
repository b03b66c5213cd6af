"""Delivery where no answer came: unknown posts, crashes, stops, several at work; clock changes."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.domain import (
    DigestKind,
    MessageState,
    Post,
    Signal,
)
from bot.ports import (
    Absent,
    CannotTell,
    FindOutcome,
    Found,
    Rejected,
    SendOutcome,
    Sent,
    Unknown,
)
from bot.services.deliver import (
    ASK_AFTER,
    ASKED_FOR,
    CLOCK_SLACK,
    GIVE_UP_AFTER,
    Courier,
    Settled,
)
from bot.services.plan import propose, write
from bot.store import Store, channels, digests, outbox
from tests.scenario.scripted import (
    NINE,
    TUESDAY,
    Scripted,
    entries,
    messages,
    plan,
    serve,
    settle,
    states,
)
from tests.scenario.wire import MONDAY, Wire, api_entry, at

# --- unknown ------------------------------------------------------------------------------------

NOT_KNOWN = [Unknown("no answer in time"), ConnectionResetError("reset"), ValueError("a bug")]


@pytest.mark.parametrize("trouble", NOT_KNOWN, ids=["timeout", "exception", "bug"])
async def test_an_unknown_post_that_is_there_is_not_sent_again(
    wire: Wire, trouble: SendOutcome | BaseException
) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(trouble)
    platform.found = [Found("r-found")]
    serve(wire, platform)
    assert await settle(wire) == Settled(waiting=1)
    assert states(wire, desk) == ["unknown", "pending", "pending"]
    assert platform.asked == []
    assert await settle(wire, ASK_AFTER) == Settled(sent=3)
    key = platform.sends[0].key
    assert platform.asked == [("desk", key, NINE - CLOCK_SLACK)]
    assert [sending.key for sending in platform.sends].count(key) == 1
    assert [sending.parent for sending in platform.sends] == [None, "r-found", "r-found"]


async def test_an_unknown_post_that_is_provably_absent_is_sent_again_once(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Unknown("no answer in time"))
    serve(wire, platform)
    await settle(wire)
    assert await settle(wire, ASK_AFTER) == Settled(sent=3)
    assert len(platform.sends) == 4
    assert platform.sends[0].key == platform.sends[1].key
    assert states(wire, desk) == ["sent", "sent", "sent"]


async def test_a_platform_that_cannot_tell_is_asked_again_and_nothing_is_sent(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Unknown("no answer in time"))
    platform.found = [CannotTell("history is limited", after=60), OSError("down"), Found("r9")]
    serve(wire, platform)
    await settle(wire)
    assert await settle(wire, ASK_AFTER) == Settled(waiting=1)
    assert messages(wire, desk)[0].error == "history is limited"
    assert await settle(wire, timedelta(seconds=59)) == Settled()
    assert await settle(wire, timedelta(seconds=1)) == Settled(waiting=1)
    assert messages(wire, desk)[0].error == "the platform could not be asked"
    assert len(platform.sends) == 1
    assert await settle(wire, timedelta(seconds=30)) == Settled(sent=3)


async def test_a_post_that_stays_unknown_for_a_day_is_given_up_and_holds_nothing_up(
    wire: Wire,
) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted(Unknown("no answer in time"))
    platform.found = [CannotTell("history is limited")] * 2
    serve(wire, platform)
    await settle(wire)
    await settle(wire, ASK_AFTER)
    assert await settle(wire, GIVE_UP_AFTER) == Settled(sent=2, abandoned=1)
    first = messages(wire, desk)[0]
    assert first.state is MessageState.ABANDONED
    assert first.error == "given up; it may have arrived: history is limited"
    assert len(platform.sends) == 3


async def test_a_platform_that_swallows_a_post_for_a_day_is_not_tried_for_ever(wire: Wire) -> None:
    [desk] = plan(wire, "desk", papers=1)
    platform = Scripted(*[Unknown("no answer in time")] * 2)
    serve(wire, platform)
    await settle(wire)
    await settle(wire, ASK_AFTER)
    assert await settle(wire, GIVE_UP_AFTER) == Settled(sent=1, abandoned=1)
    first = messages(wire, desk)[0]
    assert first.error == "given up after 2 tries: it did not arrive"


async def test_after_a_long_stop_a_platform_that_cannot_tell_is_given_an_hour_to_answer(
    wire: Wire,
) -> None:
    [desk] = plan(wire, "desk", papers=1)
    with wire.store.write() as connection:
        outbox.claim(connection, desk.id, wire.now)
    wire.now += GIVE_UP_AFTER * 2
    platform = Scripted()
    platform.found = [CannotTell("not connected yet"), CannotTell("still not", after=3600)]
    courier = serve(wire, platform)
    await courier.recover()
    assert await settle(wire) == Settled(waiting=1)
    assert await settle(wire, timedelta(seconds=30)) == Settled(waiting=1)
    assert await settle(wire, ASKED_FOR) == Settled(sent=2)
    assert states(wire, desk) == ["sent", "sent"]


async def test_an_operator_may_have_a_given_up_message_sent_again_days_later(wire: Wire) -> None:
    [desk] = plan(wire, "desk", papers=1)
    platform = Scripted(Rejected("invalid_blocks"))
    serve(wire, platform)
    assert await settle(wire) == Settled(sent=1, abandoned=1)
    wire.now += GIVE_UP_AFTER * 3
    with wire.store.write() as connection:
        outbox.reopen(connection, messages(wire, desk)[0].id, wire.now, "asked for again")
    assert await settle(wire) == Settled(sent=1)
    assert len(platform.asked) == 1
    assert states(wire, desk) == ["sent", "sent"]


# --- a crash ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "sends", "remote_id"),
    [(Found("r-found"), 1, "r-found"), (Absent(), 2, "r2")],
    ids=["found", "absent"],
)
async def test_after_a_crash_in_the_middle_of_a_post_it_is_there_exactly_once(
    wire: Wire, found: FindOutcome, sends: int, remote_id: str
) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted()
    platform.hold = asyncio.Event()
    crashing = asyncio.ensure_future(serve(wire, platform).settle())
    await platform.held.wait()
    crashing.cancel()
    await asyncio.gather(crashing, return_exceptions=True)
    assert states(wire, desk) == ["sending", "pending", "pending"]
    await wire.close()

    await wire.open()
    assert states(wire, desk) == ["unknown", "pending", "pending"]
    assert messages(wire, desk)[0].error == "the process ended while this was being sent"
    platform.hold, platform.found = None, [found]
    serve(wire, platform)
    assert await settle(wire, timedelta(minutes=1)) == Settled(sent=3)
    key = platform.sends[0].key
    assert [sending.key for sending in platform.sends].count(key) == sends
    assert messages(wire, desk)[0].remote_id == remote_id


async def test_after_a_crash_a_platform_that_cannot_tell_gets_nothing_twice(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    with wire.store.write() as connection:
        outbox.claim(connection, desk.id, wire.now)
    platform = Scripted()
    platform.found = [CannotTell("no history")]
    courier = serve(wire, platform)
    assert await courier.recover() == 1
    assert await settle(wire) == Settled(waiting=1)
    assert platform.sends == []


async def test_without_a_restart_a_message_in_flight_is_left_alone(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    with wire.store.write() as connection:
        outbox.claim(connection, desk.id, wire.now)
    platform = Scripted()
    serve(wire, platform)
    assert await settle(wire) == Settled()
    assert platform.sends == []


# --- stopping and running side by side ----------------------------------------------------------


async def test_a_stop_finishes_the_post_in_hand_and_takes_up_no_other(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    platform = Scripted()
    platform.hold = asyncio.Event()
    courier = serve(wire, platform)
    running = asyncio.ensure_future(courier.settle())
    await platform.held.wait()
    courier.stop()
    platform.hold.set()
    assert await running == Settled(sent=1)
    assert states(wire, desk) == ["sent", "pending", "pending"]


async def test_a_channel_that_hangs_holds_up_no_other_and_is_not_served_twice(wire: Wire) -> None:
    plan(wire, "desk", "other")
    platform = Scripted()
    stuck, done = asyncio.Event(), asyncio.Event()

    async def send(address: str, post: Post, key: str, *, parent: str | None = None) -> SendOutcome:
        if address == "desk":
            await stuck.wait()
        outcome = await Scripted.send(platform, address, post, key, parent=parent)
        if len(platform.sends) == 3:
            done.set()
        return outcome

    platform.send = send  # type: ignore[method-assign]  # this test's own script
    courier = serve(wire, platform)
    first = asyncio.ensure_future(courier.settle())
    await done.wait()
    assert {sending.address for sending in platform.sends} == {"other"}
    second = await courier.settle()
    stuck.set()
    assert second.sent + (await first).sent == 6
    assert len(platform.sends) == len({sending.key for sending in platform.sends}) == 6


async def test_only_so_many_channels_are_served_at_once(wire: Wire) -> None:
    plan(wire, *(f"desk-{n}" for n in range(6)), papers=1)
    running = most = 0
    platform = Scripted()

    async def send(address: str, post: Post, key: str, *, parent: str | None = None) -> SendOutcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return Sent(key)

    platform.send = send  # type: ignore[method-assign]  # this test's own script
    serve(wire, platform, at_once=2)
    assert await settle(wire) == Settled(sent=12)
    assert most == 2


async def test_two_couriers_on_one_database_send_nothing_twice(wire: Wire) -> None:
    plan(wire, "desk", "other")
    platform = Scripted()
    second = Store(wire.folder / "wire.db")
    couriers = [
        Courier(store, {"terminal": platform}, lambda: wire.now) for store in (wire.store, second)
    ]
    for _ in range(3):
        await asyncio.gather(*(courier.settle() for courier in couriers))
    second.close()
    keys = [sending.key for sending in platform.sends]
    assert len(keys) == len(set(keys)) == 6


# --- planning meets the calendar ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "day", "posted_at"),
    [
        ("02:30", date(2026, 3, 29), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),  # skipped
        ("02:30", date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # repeated
    ],
    ids=["spring", "autumn"],
)
async def test_a_slot_at_a_clock_change_posts_once_from_listing_to_post(
    wire: Wire, clock: str, day: date, posted_at: datetime
) -> None:
    wire.now = at(day - timedelta(days=1), 12)
    wire.subscribe(
        "desk", "study", threshold=0, timezone="Europe/Berlin", schedule=f"daily {clock}"
    )
    wire.read(entries(1), day)
    platform = Scripted()
    serve(wire, platform)
    moment, end, posted = at(day - timedelta(days=1), 12), at(day, 12), []
    while moment < end:
        wire.now = moment
        posted += [(planned.digest.slot, moment) for planned in wire.plan()]
        await wire.courier.settle()
        moment += timedelta(minutes=10)
    assert posted == [(f"{day}T02:30", posted_at)]
    assert len(platform.sends) == 2


async def test_a_channel_whose_settings_have_gone_bad_stops_no_other(wire: Wire) -> None:
    first = wire.subscribe("broken", "study", threshold=0)
    second = wire.subscribe("desk", "study", threshold=0)
    wire.read(entries(1), MONDAY)
    with wire.store.write() as connection:
        channels.update(connection, replace(first, timezone="Mars/Olympus"))
    wire.now = NINE
    [planned] = wire.plan()
    assert planned.digest.channel_id == second.id


async def test_a_paper_that_is_shared_while_its_digest_is_planned_is_posted_once(
    wire: Wire,
) -> None:
    desk = wire.subscribe("desk", "study", threshold=0)
    wire.read(entries(1), MONDAY)
    wire.now = NINE
    ranker = wire.rankers.current()
    proposal = propose(wire.store, ranker, desk, wire.now, slot="2026-06-15T09:00")
    await wire.say("desk", "submit 2606.00001")
    with pytest.raises(sqlite3.IntegrityError):
        write(wire.store, proposal, wire.now)
    [planned] = wire.plan()
    assert planned.digest.chosen == 0
    with wire.store.read() as connection:
        kinds = [digest.kind for digest in digests.every(connection, desk.id)]
    assert kinds == [DigestKind.SHARED, DigestKind.DAILY]


async def test_seeds_that_are_not_known_yet_do_not_hinder_a_digest(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    with wire.store.write() as connection:
        channels.update(
            connection,
            replace(desk, profile=replace(desk.profile, seeds=("2106.09685", "10.1000/one"))),
        )
    wire.now = at(TUESDAY, 9)
    other = api_entry("2606.00050", "A study of bees", "Bees dance. We film them and count turns.")
    wire.read([other], TUESDAY)
    [planned] = wire.plan()
    assert planned.digest.chosen == 1


async def test_a_vote_on_a_post_whose_paper_is_known_only_here_counts_here(wire: Wire) -> None:
    plan(wire, "desk", "other", papers=1)
    serve(wire, Scripted())
    await settle(wire)
    reply = await wire.vote("desk", "r1", Signal.LIKE)
    assert not reply.ok  # the header
    theirs = await wire.vote("nowhere", "r2", Signal.LIKE)
    assert not theirs.ok


async def test_a_digest_kind_of_its_own_does_not_take_the_slot_of_another(wire: Wire) -> None:
    [desk] = plan(wire, "desk")
    wire.now = at(MONDAY, 10)
    reply = await wire.say("desk", "submit 2606.00001")
    assert "posted here before" in reply.headline
    with wire.store.read() as connection:
        kinds = [digest.kind for digest in digests.every(connection, desk.id)]
    assert kinds == [DigestKind.DAILY]
