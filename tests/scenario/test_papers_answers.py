"""/papers why, preview, more, settings, schedule, pause and status through the inbox."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import (
    ChannelState,
    CommandEvent,
    Layout,
    Mode,
    Person,
    Place,
    Reply,
)
from bot.store import digests, outbox
from tests.scenario.room import given_a_digest, now_of, papers, text_of
from tests.scenario.wire import MONDAY, Wire, at

TUESDAY = MONDAY + timedelta(days=1)

# --- why, preview, more -------------------------------------------------------------------------


async def test_why_a_posted_paper_was_chosen_with_parts_that_sum_to_the_score(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    reply = await wire.say("desk", "why 1")
    with wire.store.read() as connection:
        delivery = outbox.delivery(connection, channel.id, 1)
    assert delivery is not None
    assert reply.lines[0] == f"Because it {delivery.reason}."
    assert reply.lines[-1] == f"= {delivery.score:+.2f}, a match of {delivery.match}"
    assert sum(part.value for part in delivery.parts) == pytest.approx(delivery.score)


async def test_why_a_paper_was_not_posted_names_the_step_and_how_it_stands_now(
    wire: Wire,
) -> None:
    await given_a_digest(wire)
    reply = await wire.say("desk", "why 2606.00002")
    assert reply.headline == "Not posted on 2026-06-15: A study of graphs 1"
    assert "the threshold is 50" in reply.lines[0]
    assert reply.lines[1].startswith("As things stand now: ")


async def test_why_of_a_muted_paper_says_that_it_was_muted(wire: Wire) -> None:
    wire.subscribe("desk", 'speech recognition, -"graph network"', threshold=0)
    wire.read(papers(), MONDAY)
    await wire.step(at(MONDAY, 9))
    reply = await wire.say("desk", "why 2606.00002")
    assert "mute" in text_of(reply).lower()


async def test_why_of_a_paper_that_no_digest_looked_at_says_so(wire: Wire) -> None:
    await given_a_digest(wire)
    wire.read(papers(start=50), TUESDAY)
    reply = await wire.say("desk", "why 2606.00050")
    assert reply.headline == "Not considered here yet: A study of speech 50"


async def test_votes_here_are_told_with_the_reason(wire: Wire) -> None:
    await given_a_digest(wire)
    await wire.say("desk", "like 1")
    assert "Votes here: 1 like" in (await wire.say("desk", "why 1")).lines


async def test_preview_shows_the_next_digest_and_writes_nothing(wire: Wire) -> None:
    channel = wire.subscribe("desk", "speech recognition")
    wire.read(papers(), MONDAY)
    before = list(wire.store.connection().iterdump())
    reply = await wire.say("desk", "preview")
    assert [card.title for card in reply.cards] == ["A study of speech 1"]
    assert reply.headline == "The next digest would be, now: 1 of 3 new papers"
    assert list(wire.store.connection().iterdump()) == before
    assert now_of(wire, channel) == channel


async def test_an_empty_preview_names_a_threshold_that_would_let_the_nearest_in(
    wire: Wire,
) -> None:
    wire.subscribe("desk", "underwater archaeology", threshold=100)
    wire.read(papers(), MONDAY)
    reply = await wire.say("desk", "preview")
    assert reply.headline == "The next digest would be empty now."
    [line] = [line for line in reply.lines if "threshold=" in line]
    lower = int(line.rsplit("=", 1)[1])
    await wire.say("desk", f"settings threshold={lower}")
    assert (await wire.say("desk", "preview")).cards


async def test_an_empty_preview_does_not_advise_a_threshold_for_what_is_muted(wire: Wire) -> None:
    wire.subscribe("desk", "speech recognition, -languages, -graphs, -robot")
    wire.read(papers(), MONDAY)
    reply = await wire.say("desk", "preview")
    assert reply.headline == "The next digest would be empty now."
    assert "threshold=" not in text_of(reply)


async def test_an_empty_preview_of_nothing_new_counts_nought_papers(wire: Wire) -> None:
    wire.subscribe("desk", "speech recognition")
    reply = await wire.say("desk", "preview")
    assert reply.lines == ("0 new papers read since the last digest.",)


async def test_more_asked_for_twice_at_once_posts_every_paper_once(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    start = threading.Barrier(2)
    said: list[Reply] = []

    def ask() -> None:
        start.wait()
        event = CommandEvent(Place("terminal", "desk"), Person("terminal", "ada"), "more 1")
        said.append(wire.inbox._command(event)[0])

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(reply.ok for reply in said)
    with wire.store.read() as connection:
        total = len(digests.posted(connection, channel.id, 10))
    assert total in {2, 3}


async def test_more_before_any_digest_says_that_there_is_none(wire: Wire) -> None:
    wire.subscribe("desk", "speech recognition")
    assert "nothing more" in (await wire.say("desk", "more")).headline


# --- settings, schedule, pause, status ----------------------------------------------------------


async def test_settings_are_shown_as_they_are_written_and_read_back_the_same(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    shown = await wire.say("desk", "settings")
    again = await wire.say("desk", "settings " + " ".join(shown.lines))
    assert again.ok
    assert replace(now_of(wire, channel), scheduled_at=None) == replace(channel, scheduled_at=None)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("size=7", "size", 7),
        ("threshold=0", "threshold", 0),
        ("layout=single", "layout", Layout.SINGLE),
        ("mode=both", "mode", Mode.BOTH),
        ("sources=huggingface", "sources", ("huggingface",)),
        ("sources=all", "sources", ()),
        ("you-missed=on", "you_missed", True),
        ("quiet=off", "quiet_note", False),
        ("explore=on", "explore", True),
        ("source-summary=on", "prefer_source_summary", True),
        ('schedule="mon,thu 08:15"', "schedule", "mon,thu 08:15"),
        ("timezone=Asia/Kolkata", "timezone", "Asia/Kolkata"),
    ],
)
async def test_each_setting_can_be_changed(
    wire: Wire, text: str, field: str, value: object
) -> None:
    channel = await given_a_digest(wire)
    reply = await wire.say("desk", f"settings {text}")
    assert reply.ok
    assert reply.headline.startswith("Settings updated.")
    assert getattr(now_of(wire, channel), field) == value


@pytest.mark.parametrize(
    "text",
    ["settings size=0", "settings size=99", "settings size=many", "settings threshold=101",
     "settings layout=grid", "settings mode=best", "settings nonsense=1", "settings explore=maybe",
     "settings sources=nowhere", "settings sources=arxiv,nowhere:cs.CL",
     "settings timezone=Mars/Olympus", 'settings schedule="0 9 * * 1"', "schedule 0 9 * * 1",
     "schedule weekly", "schedule weekdays 25:00", "schedule weekdays 09:00 in Nowhere"],
)  # fmt: skip
async def test_a_wrong_setting_is_refused_with_a_reason_and_changes_nothing(
    wire: Wire, text: str
) -> None:
    channel = await given_a_digest(wire)
    reply = await wire.say("desk", text)
    assert not reply.ok
    assert len(reply.headline) > 20
    assert now_of(wire, channel) == channel


async def test_an_unknown_source_is_answered_with_those_there_are(wire: Wire) -> None:
    await given_a_digest(wire)
    reply = await wire.say("desk", "settings sources=nowhere")
    assert "Known: huggingface" in reply.headline


async def test_the_schedule_is_shown_and_changed(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    shown = await wire.say("desk", "schedule")
    assert "every weekday at 09:00 (UTC); next on 2026-06-16 at 09:00" in shown.headline
    changed = await wire.say("desk", "schedule daily 18:30 in Europe/Berlin")
    assert "every day at 18:30 (Europe/Berlin); next on 2026-06-15 at 18:30" in changed.headline
    assert now_of(wire, channel).scheduled_at == wire.now


async def test_a_pause_holds_and_status_and_schedule_say_so(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    await wire.say("desk", "pause")
    assert now_of(wire, channel).state is ChannelState.PAUSED
    assert "Paused" in (await wire.say("desk", "schedule")).headline
    assert "State: paused (paused by a member)" in (await wire.say("desk", "status")).lines
    resumed = await wire.say("desk", "resume")
    assert resumed.headline.startswith("Resumed. Up to 5 papers every weekday")


async def test_status_tells_of_digest_votes_waiting_messages_and_papers(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    fresh = await wire.say("desk", "status")
    assert "Last digest 2026-06-15 09:00: 1 of 3 papers" in fresh.lines
    assert "3 papers known." in fresh.lines
    await wire.say("desk", "like 1")
    await wire.say("desk", "dislike 1", person="bo")
    await wire.say("desk", "submit 2606.00003")
    with wire.store.write() as connection:
        message = outbox.claim(connection, channel.id, wire.now)
        assert message is not None
        outbox.mark_unknown(connection, message.id, wire.now, "no answer\nin time")
    lines = (await wire.say("desk", "status")).lines
    assert "Votes: 👍 1  👎 1, from 2 people" in lines
    [waiting] = [line for line in lines if "waiting" in line]
    assert waiting == "2 messages waiting to be sent, 1 of them being looked up: no answer in time"
    assert "No digest yet." in (await _status_of_a_new_channel(wire)).lines


async def _status_of_a_new_channel(wire: Wire) -> Reply:
    wire.subscribe("new", "graphs")
    return await wire.say("new", "status")
