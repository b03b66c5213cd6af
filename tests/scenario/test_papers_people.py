"""Who may do what, channels apart, events twice, suggestions, and whatever people type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.commands import needs_management, parse
from bot.commands.table import COMMANDS
from bot.domain import (
    ChannelState,
    CommandEvent,
    MessageState,
    Person,
    Place,
    Reply,
    Signal,
    VoteEvent,
)
from bot.ports import Suggest
from bot.services.inbox import NOT_HERE, ONLY_READS, WENT_WRONG
from bot.store import Store, feedback, outbox
from tests.scenario.room import given_a_digest, now_of, text_of
from tests.scenario.wire import MONDAY, Wire, at

# --- rights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", COMMANDS, ids=lambda spec: spec.name)
async def test_who_may_not_manage_reads_and_votes_and_changes_nothing(
    wire: Wire, spec: Any
) -> None:
    channel = await given_a_digest(wire)
    text = spec.examples[0].removeprefix("/papers ")
    if spec.name in {"schedule", "settings"}:  # shown to everyone, changed by managers
        shown = await wire.say("desk", spec.name, manages=False)
        assert shown.ok
        text = spec.examples[-1].removeprefix("/papers ")
    reply = await wire.say("desk", text, manages=False)
    refused = reply.headline == "Only people who manage this channel may change that."
    assert refused == spec.needs_management
    assert now_of(wire, channel) == channel


# --- forget-me ----------------------------------------------------------------------------------


async def test_forget_me_asks_first_and_then_takes_everything_of_the_person(wire: Wire) -> None:
    channel = await given_a_digest(wire, threshold=0, size=3)
    for text in ("like 1", "save 1", "save 2"):
        await wire.say("desk", text)
    await wire.say("desk", "like 1", person="bo")
    asked = await wire.say("desk", "forget-me")
    assert "forget-me yes" in text_of(asked)
    done = await wire.say("desk", "forget-me yes")
    assert done.headline == "Forgotten: 1 like, 2 save."
    with wire.store.read() as connection:
        [left] = feedback.every(connection, channel.id)
    assert left.signal is Signal.LIKE
    assert (await wire.say("desk", "forget-me yes")).headline == "Forgotten: nothing was stored."


# --- channels apart -----------------------------------------------------------------------------


async def test_two_channels_know_nothing_of_each_other(wire: Wire) -> None:
    desk = await given_a_digest(wire, "desk")
    other = wire.subscribe("other", "graph network")
    await wire.say("desk", "like 1")
    await wire.say("desk", "save 1")
    await wire.say("desk", "settings size=9")
    assert now_of(wire, other) == other
    assert "nothing here yet" in (await wire.say("other", "saved")).headline
    assert not (await wire.say("other", "why 1")).ok
    assert "Nothing learned yet" in text_of(await wire.say("other", "profile"))
    with wire.store.read() as connection:
        assert feedback.active(connection, other.id) == ()
        assert len(feedback.active(connection, desk.id)) == 2


async def test_one_address_on_two_platforms_is_two_channels(wire: Wire) -> None:
    wire.subscribe("desk", "speech")
    event = CommandEvent(Place("slack", "desk"), Person("slack", "ada"), "status")
    assert await wire.inbox.command(event) == NOT_HERE


# --- events, moves and suggestions --------------------------------------------------------------


async def test_a_command_delivered_twice_is_carried_out_once(wire: Wire) -> None:
    channel = await given_a_digest(wire)
    event = CommandEvent(Place("terminal", "desk"), Person("terminal", "ada"), "like 1", "e1")
    first, second = [await wire.inbox.command(event) for _ in range(2)]
    assert first.headline.startswith("Liked")
    assert second == Reply("I am on it already.")
    with wire.store.read() as connection:
        assert len(feedback.active(connection, channel.id)) == 1


class Killed(BaseException):
    """Ends a command as a crash does: nothing after it runs."""


@pytest.mark.parametrize("text", ["like 1", "more 1", "profile add graphs", "submit 2607.00001"])
async def test_a_command_that_a_crash_cut_off_is_carried_out_when_it_comes_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    channel = await given_a_digest(wire)
    event = CommandEvent(Place("terminal", "desk"), Person("terminal", "ada"), text, "e1")
    before = list(wire.store.connection().iterdump())

    def die(name: str) -> None:
        if name == "in_command":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("bot.services.inbox.faults.reach", die)
        with pytest.raises(Killed):
            await wire.inbox.command(event)
    assert list(wire.store.connection().iterdump()) == before
    first, second = [await wire.inbox.command(event) for _ in range(2)]
    assert first.ok
    assert first.headline != second.headline == "I am on it already."
    assert list(wire.store.connection().iterdump()) != before
    if text == "like 1":
        with wire.store.read() as connection:
            assert len(feedback.active(connection, channel.id)) == 1


async def test_a_question_that_a_crash_cut_off_is_answered_when_it_comes_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    await given_a_digest(wire)
    event = CommandEvent(Place("terminal", "desk"), Person("terminal", "ada"), "why 1", "e1")

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("bot.services.answer.why", die)
        with pytest.raises(Killed):
            await wire.inbox.command(event)
    first, second = [await wire.inbox.command(event) for _ in range(2)]
    assert first.headline.startswith("Posted on ")
    assert second.headline == "I am on it already."


async def test_what_only_reads_changes_nothing(wire: Wire) -> None:
    await given_a_digest(wire)
    before = list(wire.store.connection().iterdump())
    texts = ("help", "preview", "profile", "saved", "schedule", "settings", "status", "why 1")
    for text in (*texts, "search graphs"):
        assert isinstance(parse(text), ONLY_READS)
        assert not needs_management(parse(text))
        await wire.say("desk", text)
    assert list(wire.store.connection().iterdump()) == before


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (ChannelState.UNREACHABLE, ChannelState.UNREACHABLE),
        (ChannelState.LEFT, ChannelState.LEFT),
        (None, ChannelState.ACTIVE),
    ],
)
async def test_the_platforms_word_on_a_place_is_followed(
    wire: Wire, said: ChannelState | None, state: ChannelState
) -> None:
    channel = wire.subscribe("desk", "speech")
    await wire.inbox.moved(Place("terminal", "desk", "renamed"), said, "the platform said so")
    found = now_of(wire, channel)
    assert (found.name, found.state) == ("renamed", state)
    await wire.inbox.moved(Place("terminal", "desk"), ChannelState.ACTIVE, "")
    assert now_of(wire, channel).state is ChannelState.ACTIVE
    await wire.inbox.moved(Place("terminal", "unheard of"), said, "")


@pytest.mark.parametrize("command", ["pause", "unsubscribe"])
async def test_a_persons_word_outlives_the_platforms(wire: Wire, command: str) -> None:
    channel = wire.subscribe("desk", "speech")
    await wire.say("desk", command)
    before = now_of(wire, channel)
    for said in (ChannelState.UNREACHABLE, ChannelState.ACTIVE, ChannelState.LEFT):
        await wire.inbox.moved(Place("terminal", "desk"), said, "the platform said so")
    assert now_of(wire, channel).state is before.state


async def test_suggestions_are_of_this_place_only(wire: Wire) -> None:
    await given_a_digest(wire)
    await wire.say("desk", "save 1")
    ada, desk = Person("terminal", "ada"), Place("terminal", "desk")

    async def ask(what: Suggest, text: str, place: Place = desk) -> list[str]:
        found = await wire.inbox.suggest(place, ada, what, text)
        assert len(found) <= 25
        return [one.value for one in found]

    assert await ask(Suggest.PAPER, "") == ["2606.00001"]
    assert await ask(Suggest.PAPER, "study of gr") == ["2606.00002"]
    assert await ask(Suggest.SAVED, "speech") == ["2606.00001"]
    assert await ask(Suggest.SAVED, "nothing such") == []
    assert await ask(Suggest.PROFILE_ITEM, "SPEECH") == ["speech recognition"]
    assert await ask(Suggest.TIMEZONE, "berl") == ["Europe/Berlin"]
    assert "Europe/Berlin" in await ask(Suggest.TIMEZONE, "Europe/Berlim")
    assert await ask(Suggest.QUERY, "") == []
    assert await ask(Suggest.QUERY, "a study of sp") == ["A study of speech 1"]
    elsewhere = Place("terminal", "other")
    for what in (Suggest.PAPER, Suggest.SAVED, Suggest.PROFILE_ITEM):
        assert await ask(what, "", elsewhere) == []


# --- whatever people type -----------------------------------------------------------------------

WORDS = st.sampled_from([name for spec in COMMANDS for name in (spec.name, *spec.aliases)])
# Lone surrogates come too: JSON can carry them.
TEXTS = st.text(st.characters() | st.sampled_from(["\ud800", "\x00", '"', ","]), max_size=60)


@pytest.fixture(scope="module")
def stage() -> Any:
    """Return an inbox on a store in memory that a whole module may spoil."""
    from bot.platforms.terminal import Terminal
    from bot.services.inbox import Inbox
    from bot.services.manage import Defaults
    from bot.services.ranker import Rankers

    store = Store(None)
    moment = at(MONDAY, 9)
    inbox = Inbox(
        store,
        Rankers(store),
        lambda: moment,
        defaults=Defaults(sources=("huggingface",)),
        layouts={"terminal": Terminal.default_layout},
    )
    yield inbox
    store.close()


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(word=WORDS, text=TEXTS, given_name=st.text(max_size=10))
def test_any_text_gets_a_reply_and_never_an_exception(
    stage: Any, word: str, text: str, given_name: str
) -> None:
    person = Person("terminal", given_name)
    for typed in (text, f"{word} {text}", f"subscribe {text}"):
        for place in (Place("terminal", given_name, name=given_name), Place("terminal", "desk")):
            reply, _ = stage._command(CommandEvent(place, person, typed))
            assert isinstance(reply, Reply)
            assert reply.headline
            assert reply != WENT_WRONG


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    text=st.text(max_size=40),
    number=st.none() | st.integers(),
    on=st.none() | st.booleans(),
    what=st.sampled_from(Suggest),
)
async def test_any_vote_gets_a_reply_and_any_beginning_gets_suggestions(
    wire_of_votes: Wire, text: str, number: int | None, on: bool | None, what: Suggest
) -> None:
    place, person = Place("terminal", "desk"), Person("terminal", text)
    for remote_id in (text, "1"):
        event = VoteEvent(place, person, remote_id, Signal.LIKE, on, number, event_id=text)
        reply = await wire_of_votes.inbox.vote(event)
        assert isinstance(reply, Reply)
        assert reply != WENT_WRONG
    found = await wire_of_votes.inbox.suggest(place, person, what, text)
    assert len(found) <= 25


@pytest.fixture
async def wire_of_votes(wire: Wire) -> Wire:
    await given_a_digest(wire)
    return wire


async def test_a_trouble_of_the_stores_is_told_in_a_sentence(wire: Wire) -> None:
    await given_a_digest(wire)
    with wire.store.write() as connection:
        connection.execute("ALTER TABLE feedback RENAME TO gone")
    reply = await wire.say("desk", "like 1")
    assert reply == Reply("That went wrong on my side; the operator's log says how.", ok=False)
    voted = await wire.vote("desk", (await wire.terminal.posts("desk"))[1].remote_id, Signal.LIKE)
    assert voted == reply
    with wire.store.read() as connection:
        assert outbox.counts(connection) == {MessageState.SENT: 2}
