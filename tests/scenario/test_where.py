"""Where a paper is, and why: every way a paper can go has its words, for every channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import Announce, Channel, ChannelState, Layout, MessageState, Mode, PaperwireError
from bot.ports import Rejected, Retry, Unknown
from bot.services.upkeep import tidy
from bot.services.where import Standing, Whereabouts, find_paper, look_ahead, track
from bot.store import channels, listings
from tests.command_line import CommandLine
from tests.scenario.room import given_a_digest
from tests.scenario.room import papers as three_papers
from tests.scenario.scripted import Scripted, plan, serve, settle
from tests.scenario.wire import MONDAY, Wire, at

TUESDAY = MONDAY + timedelta(days=1)


def where(wire: Wire, handle: str, channel: Channel) -> Whereabouts:
    paper = find_paper(wire.store, handle)
    [found] = track(wire.store, paper, wire.now, only=channel).whereabouts
    return found


def change(wire: Wire, channel: Channel, **changes: object) -> Channel:
    changed = replace(channel, **changes)  # type: ignore[arg-type]  # a test's keywords
    with wire.store.write() as connection:
        channels.update(connection, changed)
    return changed


# --- a paper ------------------------------------------------------------------------------------


async def test_a_posted_paper_says_when_in_which_message_and_why(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    found = where(wire, "2606.00001", channel)
    assert found.standing is Standing.POSTED
    assert found.words == (
        "posted on 2026-06-15 09:00 UTC as number 1 of the daily digest of 2026-06-15 09:00"
    )
    assert found.message is not None
    assert found.delivery is not None
    assert found.message.state is MessageState.SENT
    assert found.message.remote_id
    assert found.delivery.reason


async def test_a_paper_passed_over_says_at_which_step_and_by_how_much(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    found = where(wire, "2606.00003", channel)
    assert found.standing is Standing.PASSED_OVER
    assert found.passed is not None
    assert found.passed.step == "threshold"
    assert "by the digest of 2026-06-15 09:00, step threshold" in found.words
    assert found.passed.words in found.words


async def test_a_muted_paper_says_so(wire: Wire) -> None:
    channel = wire.subscribe("desk", 'speech, -"robot arm"', threshold=0)
    wire.read(three_papers(), MONDAY)
    await wire.step(at(MONDAY, 9))
    found = where(wire, "2606.00003", channel)
    assert "step muted" in found.words


async def test_what_waits_says_since_what_behind_what_and_until_when(wire: Wire) -> None:
    [channel] = plan(wire, "desk")
    serve(wire, Scripted(Retry("slow down", after=600)))
    await settle(wire)
    found = [where(wire, name, channel) for name in ("2606.00001", "2606.00002")]
    assert [one.standing for one in found] == [Standing.WAITING] * 2
    assert sorted(one.ahead for one in found) == [1, 2]  # the header goes first
    assert all("waits to be sent" in one.words for one in found)
    assert any("after 1 earlier open message" in one.words for one in found)
    assert any("after 2 earlier open messages" in one.words for one in found)
    outlook = look_ahead(wire.store, channel, wire.now)
    assert [m.state for m in outlook.waiting] == [MessageState.PENDING] * 3
    assert outlook.waiting[0].not_before == wire.now + timedelta(seconds=600)


async def test_an_unknown_send_says_that_the_platform_is_to_be_asked(wire: Wire) -> None:
    [channel] = plan(wire, "desk", papers=1, layout=Layout.SINGLE)
    serve(wire, Scripted(Unknown("no answer came")))
    await settle(wire)
    found = where(wire, "2606.00001", channel)
    assert found.standing is Standing.WAITING
    assert found.words.startswith("may be there: the platform is to be asked, number 1 of the")
    assert "not before 2026-06-15 09:00 UTC" in found.words
    assert found.words.endswith("(no answer came)")


async def test_what_was_given_up_says_why(wire: Wire) -> None:
    [channel] = plan(wire, "desk")
    serve(wire, Scripted(*[Rejected("no rights here")] * 3))
    await settle(wire)
    found = where(wire, "2606.00002", channel)
    assert found.standing is Standing.ABANDONED
    assert "of the daily digest of 2026-06-15 09:00: no rights here" in found.words
    assert found.words.startswith("given up, it was number ")
    outlook = look_ahead(wire.store, channel, wire.now)
    assert {m.error for m in outlook.abandoned} == {"no rights here"}
    assert outlook.waiting == ()


async def test_what_came_after_the_last_digest_waits_for_the_next_slot(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    wire.read(three_papers(11), TUESDAY)
    found = where(wire, "2606.00011", channel)
    assert found.standing is Standing.NEXT_DIGEST
    assert found.words == "the next digest looks at it, 2026-06-16 09:00 UTC"
    assert look_ahead(wire.store, channel, wire.now).coming == 3
    wire.now = at(TUESDAY, 10)
    assert where(wire, "2606.00011", channel).words == (
        "the next digest looks at it, due since 2026-06-16 09:00 UTC, "
        "planned as soon as Paperwire runs"
    )
    paused = change(wire, channel, state=ChannelState.PAUSED, state_reason="paused by a member")
    words = where(wire, "2606.00011", paused).words
    assert "paused (paused by a member)" in words
    assert "resume" in words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": ChannelState.LEFT, "state_reason": "unsubscribed"}, "left (unsubscribed)"),
        ({"mode": Mode.TRENDING}, "posts trending papers only"),
        ({"sources": ("arxiv",)}, "it came from huggingface, and this channel reads arxiv"),
        ({"sources": ("huggingface:cs.CV",)}, "none of the categories"),
    ],
)
async def test_a_channel_that_does_not_want_it_says_why(
    wire: Wire, changes: dict[str, object], words: str
) -> None:
    channel = change(wire, wire.subscribe("desk", "speech"), **changes)
    wire.read(three_papers(), MONDAY)
    found = where(wire, "2606.00001", channel)
    assert found.standing is Standing.NOT_A_CANDIDATE
    assert words in found.words


async def test_what_came_before_the_channel_subscribed_is_said_to(wire: Wire) -> None:
    wire.read(three_papers(), MONDAY)
    wire.now = at(MONDAY + timedelta(days=7), 6)
    channel = wire.subscribe("desk", "speech")
    for _ in range(2):
        found = where(wire, "2606.00001", channel)
        assert found.standing is Standing.NOT_A_CANDIDATE
        assert "before the channel subscribed on 2026-06-22 06:00 UTC" in found.words
        await wire.step(at(MONDAY + timedelta(days=7), 9))  # nor does a digest change that


async def test_a_paper_that_no_digest_announces_says_how_it_came(wire: Wire) -> None:
    channel = wire.subscribe("desk", "speech")
    with wire.store.write():
        for name, announce, fresh in (
            ("2606.00021", Announce.REPLACE, True),
            ("2606.00022", Announce.NEW, False),
        ):
            bring(wire, name, announce, fresh)
    assert "replacement" in where(wire, "2606.00021", channel).words
    assert "back-fill" in where(wire, "2606.00022", channel).words


def bring(wire: Wire, name: str, announce: Announce, fresh: bool) -> None:
    from bot.domain import Entry, Listing
    from bot.services.ingest import ingest

    entry = Entry(f"Title of {name}", "An abstract.", arxiv_id=name, announce=announce)
    listing = Listing("huggingface", None, 1, (entry,))
    ingest(wire.store, listing, name.encode(), location="x", now=wire.now, fresh=fresh)


async def test_a_decision_whose_details_are_gone_is_still_told_of(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    await wire.step(at(TUESDAY, 9))
    wire.now += timedelta(days=91)
    tidy(wire.store, wire.now)
    found = where(wire, "2606.00003", channel)
    assert found.standing is Standing.NOT_A_CANDIDATE
    assert "the digest of 2026-06-15 09:00 had its turn" in found.words


async def test_all_channels_are_answered_for_at_once(wire: Wire) -> None:
    await given_a_digest(wire)
    wire.subscribe("lab", "graphs")
    tracked = track(wire.store, find_paper(wire.store, "2606.00001"), wire.now)
    assert [one.channel.name for one in tracked.whereabouts] == ["desk", "lab"]
    assert [one.source for one in tracked.came] == ["huggingface"]


# --- naming it ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["2606.00001", "arXiv:2606.00001v3", "https://arxiv.org/abs/2606.00001", "p1", " P1 "],
)
def test_a_paper_goes_by_any_of_its_names(wire: Wire, text: str) -> None:
    wire.read(three_papers(), MONDAY)
    assert find_paper(wire.store, text).arxiv_id == "2606.00001"


def test_a_paper_that_is_not_stored_is_answered_with_the_next_step(wire: Wire) -> None:
    for text in ("2606.77777", "p99", "Attention is all you need", ""):
        with pytest.raises(PaperwireError, match="paperwire search"):
            find_paper(wire.store, text)
    with wire.store.write() as connection:
        listings.want(connection, "2606.77777", wire.now)
    with pytest.raises(PaperwireError, match="asked for on 2026-06-15 06:00 UTC"):
        find_paper(wire.store, "2606.77777")
    with wire.store.write() as connection:
        listings.answer_wanted(
            connection, "2606.77777", not_before=wire.now, answer="the source knows no such paper"
        )
    with pytest.raises(PaperwireError, match=r"knows no such paper\. Ask again with"):
        find_paper(wire.store, "2606.77777")


# --- at the command line ------------------------------------------------------------------------


@pytest.fixture
def posted(paperwire: CommandLine, tmp_path: Path, wire: Wire) -> CommandLine:
    paperwire.monkeypatch.setenv("PAPERWIRE_DATABASE__PATH", str(tmp_path / "wire.db"))
    return paperwire


async def test_where_prints_every_channel_in_the_documented_shape(
    wire: Wire, posted: CommandLine
) -> None:
    await given_a_digest(wire)
    wire.subscribe("lab", "graphs", sources=("arxiv",))
    ran = posted("where", "2606.00001", "--json")
    assert ran.status == 0, ran
    assert set(ran.json) == {"paper", "title", "url", "first_seen_at", "came", "channels"}
    desk, lab = ran.json["channels"]
    keys = {
        "channel", "where", "words", "digest", "message", "number", "score", "match", "reason",
        "step", "short_by", "threshold",
    }  # fmt: skip
    assert set(desk) == set(lab) == keys
    assert (desk["where"], lab["where"]) == ("posted", "not_a_candidate")
    assert desk["message"]["state"] == "sent"
    assert desk["message"]["sent_at"] == "2026-06-15T09:00:00+00:00"
    assert desk["digest"] == {"id": 1, "slot": "2026-06-15T09:00", "kind": "daily"}
    assert lab["message"] is None
    text = posted("where", "2606.00001").out
    assert "terminal:desk: posted on 2026-06-15 09:00 UTC" in text
    assert "terminal:lab: it came from huggingface" in text
    assert "sent, 1 attempt, on the platform as " in text
    only = posted("where", "2606.00002", "--channel", "desk").out
    assert "lab" not in only
    assert "step threshold" in only


async def test_where_of_a_channel_tells_its_state_and_what_its_last_digest_left_out(
    wire: Wire, posted: CommandLine
) -> None:
    await given_a_digest(wire)
    wire.read(three_papers(11), TUESDAY)
    ran = posted("where", "--channel", "desk", "--json")
    assert ran.status == 0, ran
    keys = {"channel", "words", "last", "coming", "waiting", "abandoned", "passed"}
    assert set(ran.json) == keys
    assert ran.json["coming"] == 3
    assert ran.json["last"]["chosen"] == 1
    assert {row["step"] for row in ran.json["passed"]} == {"threshold"}
    text = posted("where", "--channel", "desk").out
    assert "terminal:desk: active: the next digest is " in text
    assert "The last digest passed over 2 papers (2 threshold):" in text
    assert "2606.00003" in text


def test_where_without_anything_named_or_known_says_what_to_do(
    posted: CommandLine,
) -> None:
    assert "Name a paper" in posted.refused("where", status=2)
    assert "paperwire search" in posted.refused("where", "2606.00009")
    assert "no channel 'nowhere'" in posted.refused("where", "--channel", "nowhere")
