"""/papers help, subscribe, profile and votes through the inbox: answers and what they change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.commands.table import COMMANDS
from bot.domain import (
    ChannelState,
    DigestKind,
    Layout,
    Mode,
    Place,
    Signal,
)
from bot.services.inbox import NOT_HERE
from bot.store import channels, digests, feedback, listings
from tests.scenario.room import given_a_digest, now_of, papers, text_of
from tests.scenario.wire import MONDAY, Wire, api_entry, at

TUESDAY = MONDAY + timedelta(days=1)

# --- help and before a subscription -------------------------------------------------------------


async def test_help_names_every_command_and_help_of_each_shows_how_it_is_written(
    wire: Wire,
) -> None:
    whole = text_of(await wire.say("desk", "help"))
    for spec in COMMANDS:
        reply = await wire.say("desk", f"help {spec.name}")
        assert reply.ok
        assert spec.usage.split()[1] in whole
        assert spec.usage in text_of(reply)


async def test_help_for_what_is_no_command_is_an_error_that_shows_the_way(wire: Wire) -> None:
    reply = await wire.say("desk", "help nonsense")
    assert not reply.ok
    assert "nonsense" in reply.headline


@pytest.mark.parametrize(
    "text",
    ["profile", "preview", "more", "why 1", "like 1", "dislike 1", "save 1", "saved", "status",
     "submit 2606.00001", "schedule", "settings", "pause", "resume", "unsubscribe",
     "profile add x", "profile remove x", "profile set x", "settings size=3"],
)  # fmt: skip
async def test_before_a_subscription_a_command_says_how_to_begin(wire: Wire, text: str) -> None:
    assert await wire.say("nobody-home", text) == NOT_HERE


async def test_search_and_help_work_anywhere(wire: Wire) -> None:
    await given_a_digest(wire)
    found = await wire.say("nobody-home", "search graph network")
    assert found.ok
    assert [card.title for card in found.cards][:1] == ["A study of graphs 1"]
    assert (await wire.say("nobody-home", "forget-me")).ok


# --- subscribe, unsubscribe ---------------------------------------------------------------------


async def test_subscribe_says_when_and_what_and_takes_settings_along(wire: Wire) -> None:
    reply = await wire.say(
        "desk",
        'subscribe speech, -"image generation" at weekdays 08:30 in Europe/Berlin top 3'
        " layout=cards",
    )
    with wire.store.read() as connection:
        channel = channels.at(connection, Place("terminal", "desk"))
    assert channel is not None
    assert (channel.schedule, channel.timezone, channel.size) == (
        "weekdays 08:30",
        "Europe/Berlin",
        3,
    )
    assert channel.layout is Layout.CARDS
    assert channel.profile.muted_terms == ("image generation",)
    assert "Up to 3 papers every weekday at 08:30 (Europe/Berlin)" in reply.headline
    assert "2026-06-15 at 08:30" in reply.headline


async def test_subscribe_without_interests_gives_what_is_trending(wire: Wire) -> None:
    reply = await wire.say("desk", "subscribe")
    with wire.store.read() as connection:
        [channel] = channels.every(connection)
    assert channel.mode is Mode.TRENDING
    assert "No interests written: the most upvoted papers are posted." in reply.lines


async def test_subscribing_twice_adds_interests_and_keeps_the_settings(wire: Wire) -> None:
    await wire.say("desk", "subscribe speech top 3")
    reply = await wire.say("desk", "subscribe graphs")
    with wire.store.read() as connection:
        [channel] = channels.every(connection)
    assert reply.headline.startswith("Already subscribed")
    assert channel.profile.terms == ("speech", "graphs")
    assert channel.size == 3


async def test_a_subscription_in_a_time_zone_that_is_none_changes_nothing(wire: Wire) -> None:
    reply = await wire.say("desk", "subscribe speech in Europe/Berlim")
    assert not reply.ok
    assert "Europe/Berlin" in text_of(reply)
    with wire.store.read() as connection:
        assert channels.every(connection) == ()


async def test_unsubscribe_says_what_is_dropped_and_the_way_back(wire: Wire) -> None:
    channel = wire.subscribe("desk", "speech recognition")
    wire.read(papers(), MONDAY)
    wire.now = at(MONDAY, 9)
    wire.plan()
    reply = await wire.say("desk", "unsubscribe")
    assert reply.lines == (
        "2 messages not sent yet will not be.",
        "Interests and votes are kept. To come back: /papers subscribe",
    )
    assert now_of(wire, channel).state is ChannelState.LEFT
    assert await wire.say("desk", "status") == NOT_HERE


# --- the profile --------------------------------------------------------------------------------


async def test_the_profile_is_shown_added_to_taken_from_and_replaced(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    added = await wire.say("desk", 'profile add graphs, -games, author:"Jane Roe", cat:cs.CL')
    removed = await wire.say("desk", "profile remove graphs")
    shown = await wire.say("desk", "profile")
    assert added.ok
    assert removed.ok
    assert now_of(wire, channel).profile.authors == ("Jane Roe",)
    assert 'Written: speech recognition, -games, author:"Jane Roe", cat:cs.CL' in shown.lines
    assert "Nothing learned yet" in text_of(shown)
    replaced = await wire.say("desk", "profile set robots")
    assert replaced.ok
    assert now_of(wire, channel).profile.terms == ("robots",)


async def test_removing_what_is_not_there_says_so(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    reply = await wire.say("desk", "profile remove quantum")
    assert "quantum" in text_of(reply)
    assert now_of(wire, channel).profile.terms == ("speech recognition",)


async def test_what_votes_have_taught_is_shown_in_the_profile(wire: Wire) -> None:
    await given_a_digest(wire, threshold=0, size=3)
    await wire.say("desk", "like 2606.00003")
    await wire.say("desk", "dislike 2606.00002", person="bo")
    shown = text_of(await wire.say("desk", "profile"))
    assert "Learned from votes:" in shown
    assert "Learned to avoid:" in shown


async def test_interests_in_a_channel_of_trending_papers_say_how_they_come_to_count(
    wire: Wire,
) -> None:
    wire.subscribe("desk", "", mode=Mode.TRENDING)
    reply = await wire.say("desk", "profile add graphs")
    assert "/papers settings mode=interests" in text_of(reply)


async def test_an_unknown_seed_is_wanted_and_a_known_one_is_not(wire: Wire) -> None:
    await given_a_digest(wire)
    await wire.say("desk", "profile add 2106.09685, 2606.00001")
    with wire.store.read() as connection:
        assert listings.wanted(connection, wire.now, 10) == ("2106.09685",)


# --- votes and saved papers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "ref",
    ["1", "#1", "2606.00001", "2606.00001v2", "https://arxiv.org/abs/2606.00001", "p1",
     "https://huggingface.co/papers/2606.00001", "<https://arxiv.org/abs/2606.00001|a link>"],
)  # fmt: skip
async def test_a_paper_may_be_named_in_every_way(wire: Wire, ref: str) -> None:
    await given_a_digest(wire)
    reply = await wire.say("desk", f"like {ref}")
    assert reply.ok
    assert reply.headline == "Liked: A study of speech 1"
    assert reply.signals == (Signal.LIKE,)


async def test_the_same_vote_again_takes_it_back_and_the_opposite_replaces_it(wire: Wire) -> None:
    await given_a_digest(wire)
    said = [await wire.say("desk", text) for text in ("like 1", "like 1", "like 1", "dislike 1")]
    assert [reply.headline.split(":")[0] for reply in said] == [
        "Liked",
        "Like taken back",
        "Liked",
        "Less like this",
    ]
    assert said[-1].signals == (Signal.DISLIKE,)


@pytest.mark.parametrize("ref", ["7", "2606.99999", "p999", "https://arxiv.org/abs/2101.00001"])
@pytest.mark.parametrize("command", ["like", "dislike", "save", "why"])
async def test_a_paper_that_is_not_known_is_named_with_the_next_step(
    wire: Wire, command: str, ref: str
) -> None:
    await given_a_digest(wire)
    reply = await wire.say("desk", f"{command} {ref}")
    assert not reply.ok
    assert "submit" in reply.headline or "Name a paper" in reply.headline


async def test_numbers_mean_the_last_digest_that_held_papers(wire: Wire) -> None:
    await given_a_digest(wire)
    wire.now = at(TUESDAY, 9)
    wire.plan()  # a quiet day
    reply = await wire.say("desk", "why 1")
    assert reply.headline == "Posted on 2026-06-15: A study of speech 1"


async def test_saved_papers_are_ones_own_and_come_in_pages(wire: Wire) -> None:
    wire.subscribe("desk", "study", threshold=0, size=20)
    entries = [
        api_entry(f"2606.{n:05}", f"Study {n}", f"We study {n} things. It is new.")
        for n in range(1, 13)
    ]
    wire.read(entries, MONDAY)
    empty = await wire.say("desk", "saved")
    assert "nothing here yet" in empty.headline
    for n in range(1, 13):
        wire.now += timedelta(minutes=1)
        await wire.say("desk", f"save 2606.{n:05}")
    first, second, third = [await wire.say("desk", f"saved {page}") for page in (1, 2, 3)]
    assert first.headline == "12 saved papers"
    assert [card.title for card in first.cards][:2] == ["Study 12", "Study 11"]
    assert (first.back, first.more) == ("", "saved 2")
    assert [card.number for card in second.cards] == [11, 12]
    assert (second.back, second.more) == ("saved 1", "")
    assert not third.ok
    assert "nothing here yet" in (await wire.say("desk", "saved", person="bo")).headline


async def test_a_submitted_paper_is_posted_and_counts_as_liked(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    reply = await wire.say("desk", "submit 2606.00003")
    again = await wire.say("desk", "submit 2606.00003", person="bo")
    await wire.courier.settle()
    assert reply.headline == "Sharing: A study of robots 1"
    assert "posted here before" in again.headline
    assert await wire.titles("desk") == ["A study of speech 1", "A study of robots 1"]
    with wire.store.read() as connection:
        votes = feedback.active(connection, channel.id)
        kinds = [digest.kind for digest in digests.every(connection, channel.id)]
    assert {vote.signal for vote in votes} == {Signal.SUBMIT}
    assert len(votes) == 2
    assert kinds == [DigestKind.DAILY, DigestKind.SHARED]
    assert "Shared: a member of this channel shared it." in text_of(await wire.say("desk", "why 1"))


async def test_what_cannot_be_looked_up_is_refused_with_an_example(wire: Wire) -> None:
    await given_a_digest(wire)
    reply = await wire.say("desk", "submit 10.1000/unknown")
    assert not reply.ok
    assert "/papers submit 2106.09685" in reply.headline
