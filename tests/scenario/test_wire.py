"""The line from listing to learned digest, on real stores and the real terminal channel."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain import ChannelState, DigestKind, Layout, MessageState, Mode, Outcome, Signal
from bot.store import channels, digests, feedback, outbox
from tests.scenario.wire import MONDAY, Wire, api_entry, at

TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)

SPEECH = (
    (
        "We train a speech recognition model on many languages. Word error rates fall on every one "
        "of them. The acoustic encoder is shared between the languages."
    ),
    (
        "Far-field microphones hear echoes. Our beamformer helps speech recognition in loud "
        "kitchens, "
        "and needs no transcripts of the rooms."
    ),
    (
        "Stuttering breaks most speech recognition systems. A decoder with a skip state follows "
        "repeated syllables and keeps its latency."
    ),
    (
        "Children's voices differ from adults'. Pitch warping adapts speech recognition to "
        "them with "
        "an hour of recordings."
    ),
)
GRAPHS = (
    (
        "Message passing on graphs smooths node features. We propose a graph network whose layers "
        "keep them apart. Node classification improves on sparse graphs."
    ),
    (
        "Molecules are graphs with bonds as edges. A graph network predicts their energies "
        "and obeys "
        "rotations of space."
    ),
    (
        "Road maps change by the hour. Our graph network forecasts traffic on edges that "
        "were closed "
        "during training."
    ),
    (
        "Recommender graphs have few links for new users. Edge dropping trains a graph "
        "network that "
        "needs no history."
    ),
)
ROBOTS = (
    (
        "A robot arm learns to grasp objects from images. We collect grasping trials and train a "
        "policy. The gripper succeeds on objects it never saw."
    ),
    (
        "Soft fruit bruises. Tactile skin lets a robot choose the force of grasping before "
        "contact, "
        "and berries survive the harvest."
    ),
    (
        "Cluttered bins hide what is wanted. A robot plans pushes first and grasping second, which "
        "halves the number of attempts."
    ),
    (
        "Two arms lift what one cannot. Robot grasping with both hands is learned from human video "
        "without labels."
    ),
)


def a_day(start: int, **facts: Any) -> list[dict[str, Any]]:
    """Return three papers on three topics; ids count on from ``start``, a hundred a day."""
    which = start // 100 - 1
    return [
        api_entry(f"2606.{start:05}", f"Speech recognition study {start}", SPEECH[which], **facts),
        api_entry(f"2606.{start + 1:05}", f"Graph network study {start}", GRAPHS[which], **facts),
        api_entry(f"2606.{start + 2:05}", f"Robot grasping study {start}", ROBOTS[which], **facts),
    ]


async def test_a_channel_gets_the_papers_of_its_interests_and_not_the_others(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.subscribe("arms", "robot grasping")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    assert await wire.titles("ears") == ["Speech recognition study 100"]
    assert await wire.titles("arms") == ["Robot grasping study 100"]


async def test_every_card_carries_link_authors_date_summary_and_reason(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100, authors=["Ada Example", "Bo Sample"]), MONDAY)
    await wire.step(at(MONDAY, 9))
    [card] = [card for post in await wire.posts("ears") for card in post.cards]
    assert card.url == "https://arxiv.org/abs/2606.00100"
    assert card.authors == "Ada Example and Bo Sample"
    assert card.date == "14 Jun 2026"
    assert card.summary in SPEECH[0]
    assert "speech recognition" in card.reason
    assert card.match is not None
    assert card.match >= 50


async def test_planning_twice_in_a_slot_plans_once(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    wire.now = at(MONDAY, 9)
    assert len(wire.plan()) == 1
    assert wire.plan() == ()
    wire.now = at(MONDAY, 23)
    assert wire.plan() == ()


async def test_a_paper_is_posted_once_even_when_another_source_brings_it_later(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    again = [*a_day(100)[:1], *a_day(200)]
    wire.now = at(TUESDAY, 6)
    wire.read(again, TUESDAY)
    await wire.step(at(TUESDAY, 9))
    assert await wire.titles("ears") == [
        "Speech recognition study 100",
        "Speech recognition study 200",
    ]


async def test_reactions_change_the_next_digest_and_taking_them_back_restores_it(
    wire: Wire,
) -> None:
    channel = wire.subscribe("all", "study", threshold=0, size=3)
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    posted = {
        p.post.cards[0].title: p.remote_id for p in await wire.terminal.posts("all") if p.post.cards
    }
    wire.now = at(TUESDAY, 6)
    wire.read(a_day(200), TUESDAY)

    def order() -> list[str]:
        from bot.services.plan import propose

        proposal = propose(
            wire.store, wire.rankers.current(), channel, wire.now, slot="2026-06-16T09:00"
        )
        return [pick.paper.title for pick in proposal.picks]

    before = order()
    robots, graphs = posted["Robot grasping study 100"], posted["Graph network study 100"]
    await wire.vote("all", robots, Signal.LIKE)
    await wire.vote("all", graphs, Signal.DISLIKE)
    liked = order()
    assert liked[0] == "Robot grasping study 200"
    assert liked[-1] == "Graph network study 200"
    await wire.vote("all", robots, Signal.LIKE, on=False)
    await wire.vote("all", graphs, Signal.DISLIKE, on=False)
    assert order() == before


async def test_reaction_removed_then_added_again_counts_once(wire: Wire) -> None:
    channel = wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    remote_id = (await wire.terminal.posts("ears"))[1].remote_id
    for on in (True, True, False, True):
        await wire.vote("ears", remote_id, Signal.LIKE, on=on)
    with wire.store.read() as connection:
        assert len(feedback.active(connection, channel.id)) == 1


async def test_a_button_event_delivered_twice_toggles_once(wire: Wire) -> None:
    channel = wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    remote_id = (await wire.terminal.posts("ears"))[1].remote_id
    first = await wire.vote("ears", remote_id, Signal.LIKE, on=None, event_id="e1")
    await wire.vote("ears", remote_id, Signal.LIKE, on=None, event_id="e1")
    assert first.signals == (Signal.LIKE,)
    with wire.store.read() as connection:
        assert len(feedback.active(connection, channel.id)) == 1


async def test_a_like_button_takes_the_same_persons_dislike_back(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    remote_id = (await wire.terminal.posts("ears"))[1].remote_id
    await wire.vote("ears", remote_id, Signal.DISLIKE, on=None)
    reply = await wire.vote("ears", remote_id, Signal.LIKE, on=None)
    assert reply.signals == (Signal.LIKE,)


async def test_a_number_reaction_names_its_paper_in_a_single_message(wire: Wire) -> None:
    channel = wire.subscribe("all", "study", threshold=0, size=3, layout=Layout.SINGLE)
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    [posted] = await wire.terminal.posts("all")
    unnamed = await wire.vote("all", posted.remote_id, Signal.LIKE)
    named = await wire.vote("all", posted.remote_id, Signal.LIKE, number=2)
    assert not unnamed.ok
    assert named.ok
    with wire.store.read() as connection:
        [row] = feedback.active(connection, channel.id)
        [second] = [d for d in outbox.message_deliveries(connection, 1) if d.number == 2]
    assert row.paper_id == second.paper_id


async def test_votes_missed_while_away_are_read_back_and_gone_ones_taken_back(wire: Wire) -> None:
    from bot.services.react import read_back

    channel = wire.subscribe("all", "study", threshold=0, size=3)
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    first, second = [p.remote_id for p in await wire.terminal.posts("all")][1:3]
    await wire.terminal.react("all", first, "ada", Signal.LIKE, on=True)
    await wire.vote("all", second, Signal.SAVE, on=None, person="bo")
    await wire.terminal.stop()
    await wire.terminal.react("all", first, "ada", Signal.LIKE, on=False)
    await wire.terminal.react("all", second, "cy", Signal.DISLIKE, on=True)
    changed = await read_back(wire.store, wire.terminal, channel, wire.now)
    with wire.store.read() as connection:
        standing = {row.signal for row in feedback.active(connection, channel.id)}
    assert changed == 2
    assert standing == {Signal.SAVE, Signal.DISLIKE}


async def test_downtime_makes_one_digest_over_the_gap_and_says_so(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    for number in (1, 2, 3):
        day = MONDAY + timedelta(days=number)
        wire.now = at(day, 6)
        wire.read(a_day(100 + 100 * number), day)
    wire.now = at(MONDAY + timedelta(days=3), 10)
    [planned] = wire.plan()
    assert planned.digest.slot == "2026-06-18T09:00"
    assert planned.digest.considered == 9
    assert planned.proposal.notes == ("covers 2 missed digests since Tue 16 Jun",)


async def test_a_quiet_day_is_said_once_at_most(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.subscribe("hush", "speech recognition", quiet_note=False)
    for number in range(3):
        await wire.step(at(MONDAY + timedelta(days=number), 9))
    assert len(await wire.posts("ears")) == 1
    assert await wire.posts("hush") == []
    with wire.store.read() as connection:
        assert [d.slot for d in digests.every(connection, 1)] == [
            "2026-06-15T09:00",
            "2026-06-16T09:00",
            "2026-06-17T09:00",
        ]


async def test_trending_looks_at_settled_votes_and_never_at_todays(wire: Wire) -> None:
    wire.subscribe("hot", "", mode=Mode.TRENDING, size=2)
    wire.read(a_day(100, upvotes=5), MONDAY)
    await wire.step(at(MONDAY, 9))
    # The same day again with the votes that came later: no new paper, other counts.
    wire.now = at(WEDNESDAY, 6)
    later = a_day(100, upvotes=5)
    later[1]["paper"]["upvotes"] = 90
    again = wire.read(later, MONDAY)
    wire.read(a_day(300, upvotes=500), WEDNESDAY)
    await wire.step(at(WEDNESDAY, 9))
    titles = await wire.titles("hot")
    assert (again.new, again.updated) == (0, 1)
    assert titles == ["Graph network study 100", "Speech recognition study 100"]


async def test_once_a_week_what_drew_attention_later_is_shown(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition", you_missed=True)
    wire.read(a_day(100, upvotes=1), MONDAY)
    await wire.step(at(MONDAY, 9))
    popular = a_day(100, upvotes=1)
    popular[2]["paper"]["upvotes"] = 120
    wire.now = at(WEDNESDAY, 6)
    wire.read(popular, MONDAY)
    await wire.step(at(MONDAY + timedelta(days=4), 9))
    assert "Robot grasping study 100" not in await wire.titles("ears")
    await wire.step(at(MONDAY + timedelta(days=7), 9))
    posts = await wire.posts("ears")
    missed = [p for p in posts if p.headline.startswith("You missed")]
    assert len(missed) == 1
    assert "Robot grasping study 100" in await wire.titles("ears")


async def test_back_filled_papers_are_known_and_never_announced(wire: Wire) -> None:
    import json

    from bot.ports import Request
    from bot.services.ingest import ingest
    from bot.sources.huggingface import HuggingFace

    wire.subscribe("ears", "speech recognition")
    body = json.dumps(a_day(100)).encode()
    listing = HuggingFace().parse(body, Request("", day=MONDAY))
    result = ingest(wire.store, listing, body, location="x", now=wire.now, fresh=False)
    await wire.step(at(MONDAY, 9))
    assert result.new == 3
    assert await wire.titles("ears") == []


async def test_a_paused_channel_gets_nothing_and_resumes_with_the_gap(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    await wire.say("ears", "pause")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    assert await wire.posts("ears") == []
    wire.now = at(MONDAY, 12)
    await wire.say("ears", "resume")
    await wire.step(at(MONDAY, 13))
    assert await wire.posts("ears") == []
    await wire.step(at(TUESDAY, 9))
    assert await wire.titles("ears") == ["Speech recognition study 100"]


async def test_a_changed_schedule_owes_nothing_for_earlier_today(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    wire.now = at(MONDAY, 14)
    await wire.say("ears", "schedule daily 10:00")
    assert wire.plan() == ()
    await wire.step(at(TUESDAY, 10))
    with wire.store.read() as connection:
        last = digests.last(connection, 1)
    assert last is not None
    assert last.slot == "2026-06-16T10:00"


async def test_the_same_listing_twice_changes_nothing(wire: Wire) -> None:
    body = a_day(100)
    first = wire.read(body, MONDAY)
    before = list(wire.store.connection().iterdump())
    second = wire.read(body, MONDAY)
    assert (first.outcome, first.new) == (Outcome.OK, 3)
    assert (second.outcome, second.new, second.updated) == (Outcome.UNCHANGED, 0, 0)
    assert list(wire.store.connection().iterdump()) == before


async def test_a_new_day_that_repeats_the_last_one_is_stale(wire: Wire) -> None:
    wire.read(a_day(100), MONDAY)
    repeated = wire.read(a_day(100, upvotes=3), TUESDAY)
    assert repeated.outcome is Outcome.STALE
    assert repeated.new == 0


async def test_two_empty_days_are_two_empty_listings(wire: Wire) -> None:
    saturday = MONDAY + timedelta(days=5)
    outcomes = [
        wire.read(b"[]", saturday).outcome,
        wire.read(b"[]", saturday + timedelta(1)).outcome,
    ]
    assert outcomes == [Outcome.EMPTY, Outcome.EMPTY]


@pytest.mark.parametrize("layout", list(Layout))
async def test_each_layout_carries_every_paper_once(wire: Wire, layout: Layout) -> None:
    wire.subscribe("all", "study", threshold=0, size=3, layout=layout)
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    assert sorted(await wire.titles("all")) == sorted(e["title"] for e in a_day(100))
    with wire.store.read() as connection:
        assert outbox.counts(connection) == {MessageState.SENT: 1 if layout is Layout.SINGLE else 4}


async def test_more_posts_the_next_best_and_says_when_there_is_none(wire: Wire) -> None:
    wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    await wire.step(at(MONDAY, 9))
    reply = await wire.say("ears", "more 1")
    await wire.courier.settle()
    assert reply.ok
    assert len(await wire.titles("ears")) == 2
    wire.now = at(MONDAY, 10)
    await wire.say("ears", "more 5")
    nothing = await wire.say("ears", "more")
    assert "nothing more" in nothing.headline
    with wire.store.read() as connection:
        kinds = [d.kind for d in digests.every(connection, 1)]
    assert kinds == [DigestKind.DAILY, DigestKind.MORE, DigestKind.MORE]


async def test_unsubscribing_drops_what_waits_and_subscribing_again_goes_on(wire: Wire) -> None:
    channel = wire.subscribe("ears", "speech recognition")
    wire.read(a_day(100), MONDAY)
    wire.now = at(MONDAY, 9)
    wire.plan()
    await wire.say("ears", "unsubscribe")
    await wire.courier.settle()
    assert await wire.posts("ears") == []
    wire.now = at(MONDAY, 10)
    await wire.say("ears", "subscribe morphology")
    with wire.store.read() as connection:
        back = channels.channel(connection, channel.id)
        states = outbox.counts(connection)
    assert back is not None
    assert back.state is ChannelState.ACTIVE
    assert back.profile.terms == ("speech recognition", "morphology")
    assert states == {MessageState.ABANDONED: 2}
