"""Messages and deliveries in the store: order, claims, uniqueness, and what each state means."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain import (
    Channel,
    Delivery,
    Digest,
    DigestKind,
    Entry,
    MessageState,
    Part,
    Place,
    Post,
    PostKind,
    Profile,
)
from bot.services.ingest import repair
from bot.store import Store, channels, digests, outbox, papers

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)
POST = Post(PostKind.NOTICE, "Nothing today")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "wire.db")
    yield opened
    opened.close()


def add_channel(store: Store, name: str = "desk") -> Channel:
    with store.write() as connection:
        return channels.insert(
            connection, Channel(0, "terminal", name, name, Profile()), private=False, now=NOW
        )


def add_digest(store: Store, channel: Channel, slot: str = "2026-06-15T09:00") -> int:
    digest = Digest(0, channel.id, slot, DigestKind.DAILY, NOW, 1, 1)
    with store.write() as connection:
        number = digests.insert(connection, digest, upto=0, quiet=False)
    assert number is not None
    return number


_keys = itertools.count()


def add_messages(store: Store, channel: Channel, count: int, digest_id: int = 0) -> list[int]:
    digest_id = digest_id or add_digest(store, channel)
    with store.write() as connection:
        return [
            outbox.insert_message(
                connection,
                channel_id=channel.id,
                digest_id=digest_id,
                sequence=sequence,
                key=f"key-{next(_keys)}",
                post=POST,
                now=NOW,
            )
            for sequence in range(count)
        ]


def claim(store: Store, channel: Channel, now: datetime = NOW) -> int | None:
    with store.write() as connection:
        message = outbox.claim(connection, channel.id, now)
    return None if message is None else message.id


def state(store: Store, number: int) -> MessageState:
    with store.read() as connection:
        message = outbox.message(connection, number)
    assert message is not None
    return message.state


# --- claims -------------------------------------------------------------------------------------


def test_messages_are_claimed_in_order_and_only_after_the_one_before(store: Store) -> None:
    desk = add_channel(store)
    first, second = add_messages(store, desk, 2)
    assert claim(store, desk) == first
    assert claim(store, desk) is None
    with store.write() as connection:
        outbox.mark_sent(connection, first, "r1", NOW)
    assert claim(store, desk) == second


def test_a_message_that_waits_holds_those_behind_it(store: Store) -> None:
    desk = add_channel(store)
    first, _ = add_messages(store, desk, 2)
    claim(store, desk)
    with store.write() as connection:
        outbox.mark_pending(connection, first, NOW + timedelta(minutes=1), "busy")
    assert claim(store, desk, NOW + timedelta(seconds=59)) is None
    assert claim(store, desk, NOW + timedelta(seconds=60)) == first


def test_an_unknown_message_holds_those_behind_it_until_it_is_settled(store: Store) -> None:
    desk = add_channel(store)
    first, second = add_messages(store, desk, 2)
    claim(store, desk)
    with store.write() as connection:
        outbox.mark_unknown(connection, first, NOW + timedelta(seconds=10), "no answer")
    assert claim(store, desk) is None
    assert claim(store, desk, NOW + timedelta(seconds=10)) == first
    assert state(store, first) is MessageState.UNKNOWN
    with store.write() as connection:
        outbox.mark_abandoned(connection, first, "lost")
    assert claim(store, desk) == second


def test_one_channels_trouble_does_not_hold_another(store: Store) -> None:
    desk, other = add_channel(store), add_channel(store, "other")
    add_messages(store, desk, 1)
    [theirs] = add_messages(store, other, 1)
    claim(store, desk)
    assert claim(store, other) == theirs


def test_a_claim_counts_the_attempt_and_the_moment(store: Store) -> None:
    desk = add_channel(store)
    [number] = add_messages(store, desk, 1)
    for turn in range(1, 4):
        moment = NOW + timedelta(minutes=turn)
        assert claim(store, desk, moment) == number
        with store.write() as connection:
            message = outbox.message(connection, number)
            assert outbox.claimed_at(connection, number) == moment
            outbox.mark_pending(connection, number, None, "again")
        assert message is not None
        assert message.attempts == turn


def test_threads_that_claim_at_once_never_get_one_message_twice(store: Store) -> None:
    desks = [add_channel(store, f"desk-{n}") for n in range(3)]
    wanted = sorted(number for desk in desks for number in add_messages(store, desk, 15))
    taken: list[int] = []
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            start.wait()
            idle = 0
            while idle < 50:
                idle += 1
                for desk in desks:
                    number = claim(store, desk)
                    if number is None:
                        continue
                    idle = 0
                    taken.append(number)
                    with store.write() as connection:
                        outbox.mark_sent(connection, number, f"r{number}", NOW)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(taken) == wanted


def test_what_was_in_flight_is_unknown_after_a_start(store: Store) -> None:
    desk = add_channel(store)
    sent, flying, waiting = add_messages(store, desk, 3)
    claim(store, desk)
    with store.write() as connection:
        outbox.mark_sent(connection, sent, "r", NOW)
    claim(store, desk)
    with store.write() as connection:
        assert outbox.recover(connection) == 1
        assert outbox.recover(connection) == 0
        assert outbox.waiting_channels(connection) == (desk.id,)
    assert [state(store, n) for n in (sent, flying, waiting)] == [
        MessageState.SENT,
        MessageState.UNKNOWN,
        MessageState.PENDING,
    ]


def plan_of(store: Store, run: Callable[[sqlite3.Connection], object]) -> list[str]:
    """Return how SQLite would look up what a function asks for."""
    asked: list[str] = []
    connection = store.connection()
    connection.set_trace_callback(asked.append)
    run(connection)
    connection.set_trace_callback(None)
    queries = [query for query in asked if query.lstrip().startswith("SELECT")]
    return [
        row["detail"]
        for query in queries
        for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")
    ]


def test_open_messages_are_found_by_an_index_of_their_state_and_never_by_reading_all(
    store: Store,
) -> None:
    desk = add_channel(store)
    add_messages(store, desk, 3)
    store.optimise()
    for run in (
        outbox.waiting_channels,
        lambda connection: outbox.claim(connection, desk.id, NOW),
    ):
        details = plan_of(store, run)
        on_messages = [d for d in details if " messages" in d]
        assert on_messages
        assert all("INDEX messages_" in detail for detail in on_messages), details
        assert not [d for d in details if d.startswith("SCAN") and "INDEX" not in d and " m" in d]


@pytest.mark.parametrize("open_state", ["pending", "sending", "unknown"])
def test_each_open_state_has_a_small_index_that_holds_only_its_rows(
    store: Store, open_state: str
) -> None:
    query = (
        f"SELECT id FROM messages INDEXED BY messages_{open_state}"
        f" WHERE channel_id = 1 AND state = '{open_state}' ORDER BY id"
    )
    with store.read() as connection:
        [row] = connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    assert f"INDEX messages_{open_state} (channel_id=?)" in row["detail"]


# --- closing ------------------------------------------------------------------------------------


def test_abandoning_a_channel_closes_what_is_open_and_says_why(store: Store) -> None:
    desk, other = add_channel(store), add_channel(store, "other")
    sent, waiting = add_messages(store, desk, 2)
    [theirs] = add_messages(store, other, 1)
    claim(store, desk)
    with store.write() as connection:
        outbox.mark_sent(connection, sent, "r", NOW)
        assert outbox.abandon_channel(connection, desk.id, "the bot was removed") == 1
        message = outbox.message(connection, waiting)
        assert outbox.counts(connection) == {
            MessageState.SENT: 1,
            MessageState.ABANDONED: 1,
            MessageState.PENDING: 1,
        }
        assert outbox.waiting(connection, desk.id) == ()
        [left] = outbox.waiting(connection, other.id)
    assert message is not None
    assert message.error == "the bot was removed"
    assert left.id == theirs


def test_traces_show_the_newest_first_and_only_the_states_asked_for(store: Store) -> None:
    desk = add_channel(store)
    first, second, third = add_messages(store, desk, 3)
    with store.write() as connection:
        outbox.mark_sent(connection, first, "r1", NOW)
        every = outbox.traces(connection, list(MessageState), 2)
        [sent] = outbox.traces(connection, [MessageState.SENT], 5)
        assert outbox.message(connection, 999) is None
        assert outbox.created_at(connection, 999) is None
        assert outbox.claimed_at(connection, 999) is None
    assert [trace.message.id for trace in every] == [third, second]
    assert (sent.channel_name, sent.platform, sent.sent_at) == ("desk", "terminal", NOW)
    assert sent.created_at == NOW


def test_replies_of_a_digest_name_the_header_as_their_parent(store: Store) -> None:
    desk = add_channel(store)
    header, reply = add_messages(store, desk, 2)
    with store.write() as connection:
        outbox.mark_sent(connection, header, "r-header", NOW)
        first, second = (outbox.message(connection, n) for n in (header, reply))
    assert first is not None
    assert second is not None
    assert (first.parent_remote_id, second.parent_remote_id) == (None, "r-header")


# --- deliveries ---------------------------------------------------------------------------------


def deliver(store: Store, channel: Channel, message_id: int, digest_id: int, number: int) -> None:
    with store.write() as connection:
        entry = Entry(f"Paper {number}", arxiv_id=f"2606.{number:05}")
        change = papers.store_entry(connection, entry, repair(entry), now=NOW, listed_on=None)
        outbox.insert_delivery(
            connection,
            Delivery(
                id=0,
                channel_id=channel.id,
                paper_id=change.paper_id,
                digest_id=digest_id,
                message_id=message_id,
                number=number,
                score=1.5,
                match=70,
                reason="mentions paper",
                parts=(Part("paper", "term", 1.0), Part("rest", "term", 0.5)),
            ),
        )


def test_a_paper_is_never_delivered_twice_to_a_channel(store: Store) -> None:
    desk, other = add_channel(store), add_channel(store, "other")
    first, second = add_digest(store, desk), add_digest(store, desk, "2026-06-16T09:00")
    [one] = add_messages(store, desk, 1, first)
    [two] = add_messages(store, desk, 1, second)
    deliver(store, desk, one, first, 1)
    with pytest.raises(sqlite3.IntegrityError):
        deliver(store, desk, two, second, 1)
    theirs = add_digest(store, other)
    [three] = add_messages(store, other, 1, theirs)
    deliver(store, other, three, theirs, 1)


def test_a_delivery_comes_back_as_it_was_written(store: Store) -> None:
    desk = add_channel(store)
    digest = add_digest(store, desk)
    [message] = add_messages(store, desk, 1, digest)
    deliver(store, desk, message, digest, 1)
    with store.read() as connection:
        found = outbox.delivery(connection, desk.id, 1)
        assert outbox.delivery(connection, desk.id, 2) is None
        assert outbox.digest_deliveries(connection, digest) == (found,)
        assert outbox.message_deliveries(connection, message) == (found,)
    assert found is not None
    assert found.parts == (Part("paper", "term", 1.0), Part("rest", "term", 0.5))
    assert sum(part.value for part in found.parts) == found.score


def test_a_vote_on_a_message_of_several_papers_needs_a_number(store: Store) -> None:
    desk = add_channel(store)
    digest = add_digest(store, desk)
    [message] = add_messages(store, desk, 1, digest)
    for number in (1, 2):
        deliver(store, desk, message, digest, number)
    here, elsewhere = Place("terminal", "desk"), Place("terminal", "other")
    with store.write() as connection:
        outbox.mark_sent(connection, message, "r1", NOW)
        assert outbox.voted_delivery(connection, here, "r1", None) is None
        assert outbox.voted_delivery(connection, here, "r1", 3) is None
        assert outbox.voted_delivery(connection, elsewhere, "r1", 1) is None
        second = outbox.voted_delivery(connection, here, "r1", 2)
        recent = outbox.recent_sent(connection, desk.id, NOW - timedelta(days=1))
        assert outbox.recent_sent(connection, desk.id, NOW + timedelta(days=1)) == ()
    assert second is not None
    assert second.number == 2
    assert [m.id for m in recent] == [message]


# --- digests ------------------------------------------------------------------------------------


def test_a_slot_is_claimed_once_for_each_kind(store: Store) -> None:
    desk = add_channel(store)
    digest = Digest(0, desk.id, "2026-06-15T09:00", DigestKind.DAILY, NOW, 3, 1)
    with store.write() as connection:
        first = digests.insert(connection, digest, upto=7, quiet=False)
        assert digests.insert(connection, digest, upto=7, quiet=False) is None
        missed = replace(digest, kind=DigestKind.MISSED)
        assert digests.insert(connection, missed, upto=9, quiet=False) is not None
        assert digests.looked_upto(connection, desk.id) == 7
        assert digests.last(connection, desk.id) == replace(digest, id=first)
        newest = digests.last(connection, desk.id, None)
        assert digests.digest(connection, 999) is None
    assert newest is not None
    assert newest.kind is DigestKind.MISSED


def test_a_channel_is_found_by_place_and_kept_with_every_setting(store: Store) -> None:
    from bot import profiles
    from bot.domain import ChannelState, Layout, Mode

    full = Channel(
        id=0,
        platform="slack",
        address="C1",
        name="papers — Ünïcode",
        profile=profiles.parse('low-resource translation, -"image generation", cat:cs.CL'),
        timezone="Asia/Kolkata",
        schedule="mon,thu 08:15",
        size=7,
        threshold=33,
        sources=("huggingface", "arxiv:cs.CL"),
        layout=Layout.SINGLE,
        mode=Mode.BOTH,
        you_missed=True,
        quiet_note=False,
        explore=True,
        prefer_source_summary=True,
    )
    with store.write() as connection:
        stored = channels.insert(connection, full, private=True, now=NOW)
        assert channels.at(connection, Place("slack", "C1")) == stored
        assert channels.at(connection, Place("discord", "C1")) is None
        assert channels.channel(connection, 999) is None
        assert stored == replace(full, id=stored.id, created_at=NOW, scheduled_at=NOW)
        changed = replace(stored, size=9, state=ChannelState.PAUSED, state_reason="a person")
        channels.update(connection, changed)
        assert channels.every(connection) == (changed,)
        assert channels.every(connection, serving=True) == ()
        channels.set_state(connection, stored.id, ChannelState.UNREACHABLE, "no answer")
        [serving] = channels.every(connection, serving=True)
    assert serving.state_reason == "no answer"
