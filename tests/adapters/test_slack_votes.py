"""Votes in Slack by reactions and buttons, and who may change a channel's settings."""

from __future__ import annotations

import pytest

from bot.domain import Reply, Signal
from bot.ports import Sent
from tests.adapters.counterpart import make_card, paper, single, until
from tests.adapters.slack_fixtures import Stage, action_ids, by_socket, seen, stage
from tests.adapters.slack_place import find_button
from tests.adapters.slack_world import Fault, Json

__all__ = ["by_socket", "stage"]


# --- votes --------------------------------------------------------------------------------------


async def posted(stage: Stage) -> Json:
    outcome = await stage.adapter.send(stage.address, paper(), "k1")
    assert isinstance(outcome, Sent)
    return stage.room.messages[-1]


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("+1", Signal.LIKE),
        ("thumbsup", Signal.LIKE),
        ("+1::skin-tone-4", Signal.LIKE),
        ("-1::skin-tone-2", Signal.DISLIKE),
        ("thumbsdown", Signal.DISLIKE),
        ("bookmark", Signal.SAVE),
    ],
)
async def test_aliases_and_skin_tones_are_votes(
    by_socket: Stage, name: str, signal: Signal
) -> None:
    message = await posted(by_socket)
    await by_socket.slack.react(by_socket.room, message["ts"], "UADA", name, on=True)
    assert by_socket.core.core.votes[-1].signal is signal
    (stands,) = await by_socket.adapter.standing(by_socket.address, message["ts"]) or ()
    assert (stands.person_id, stands.signal) == ("UADA", signal)


async def test_a_vote_stands_while_another_of_its_emoji_does(by_socket: Stage) -> None:
    stage = by_socket
    message = await posted(stage)
    for name, on in (("+1", True), ("+1::skin-tone-3", True), ("+1", False)):
        await stage.slack.react(stage.room, message["ts"], "UADA", name, on=on)
    assert [vote.on for vote in stage.core.core.votes] == [True, True]
    await stage.slack.react(stage.room, message["ts"], "UADA", "+1::skin-tone-3", on=False)
    assert stage.core.core.votes[-1].on is False


async def test_other_emoji_can_be_votes(by_socket: Stage) -> None:
    stage = by_socket
    await stage.restart(like=(":heart:",), dislike=("yawning_face",), save=("Pushpin",))
    message = await posted(stage)
    for name in ("heart", "+1", "yawning_face", "pushpin"):
        await stage.slack.react(stage.room, message["ts"], "UADA", name, on=True)
    assert [vote.signal for vote in stage.core.core.votes] == [
        Signal.LIKE,
        Signal.DISLIKE,
        Signal.SAVE,
    ]


async def test_a_button_shows_its_state_and_toggles_where_it_is_shown(stage: Stage) -> None:
    message = await posted(stage)
    stage.core.core.vote_reply = Reply(
        "Liked: Counting", ("👍 2",), signals=(Signal.LIKE,), counts=((Signal.LIKE, 2),)
    )
    like = find_button(message["blocks"], "vote.like")
    url_id = await stage.slack.press(stage.room, message, "UADA", like)
    panel = await stage.answered(url_id)
    assert panel["replace_original"] is False
    assert "thread_ts" not in panel
    on = find_button(panel["blocks"], "vote.like")
    assert on["style"] == "primary"
    assert "✓" in on["text"]["text"]
    assert "style" not in find_button(panel["blocks"], "vote.save")
    await until(
        lambda: find_button(message["blocks"], "vote.like")["text"]["text"] == "👍 2",
        "the count in the message",
    )
    assert message["metadata"]["event_payload"] == {"key": "k1"}
    stage.core.core.vote_reply = Reply("Like taken back: Counting")
    url_id = await stage.slack.press(stage.room, panel, "UADA", on, ephemeral=True)
    off = await stage.answered(url_id)
    assert off["replace_original"] is True
    assert "style" not in find_button(off["blocks"], "vote.like")
    first, second = stage.core.core.votes
    assert first.remote_id == second.remote_id == message["ts"]
    assert (first.on, second.on) == (None, None)


async def test_a_refused_vote_says_why(stage: Stage) -> None:
    message = await posted(stage)
    stage.core.core.vote_reply = Reply("That message carries no paper of mine.", ok=False)
    like = find_button(message["blocks"], "vote.like")
    url_id = await stage.slack.press(stage.room, message, "UADA", like)
    assert "carries no paper" in seen(await stage.answered(url_id))


async def test_why_is_answered_for_the_one_who_asked(stage: Stage) -> None:
    message = await posted(stage)
    url_id = await stage.slack.press(
        stage.room, message, "UADA", find_button(message["blocks"], "why")
    )
    answer = await stage.answered(url_id)
    assert answer["response_type"] == "ephemeral"
    assert stage.core.texts() == ["why 2606.00001"]


async def test_what_is_pressed_in_a_thread_is_answered_there(stage: Stage) -> None:
    parent = await posted(stage)
    outcome = await stage.adapter.send(stage.address, paper(2), "k2", parent=parent["ts"])
    assert isinstance(outcome, Sent)
    reply = stage.room.messages[-1]
    like = find_button(reply["blocks"], "vote.like")
    url_id = await stage.slack.press(stage.room, reply, "UADA", like)
    panel = await stage.answered(url_id)
    assert (panel["thread_ts"], panel["replace_original"]) == (parent["ts"], False)


async def test_a_single_of_twenty_papers_has_a_voting_panel_for_each(stage: Stage) -> None:
    cards = [make_card(n) for n in range(1, 21)]
    outcome = await stage.adapter.send(stage.address, single(*cards), "k1")
    assert isinstance(outcome, Sent)
    (message,) = stage.room.messages
    text = seen(message)
    assert all(card.title in text for card in cards)
    button = find_button(message["blocks"], "panel", 17)
    url_id = await stage.slack.press(stage.room, message, "UADA", button)
    panel = await stage.answered(url_id)
    save = find_button(panel["blocks"], "vote.save", 17)
    await stage.slack.press(stage.room, panel, "UADA", save, ephemeral=True)
    (vote,) = stage.core.core.votes
    assert (vote.remote_id, vote.number, vote.signal) == (message["ts"], 17, Signal.SAVE)


async def test_reactions_that_are_not_all_named_cannot_be_read(by_socket: Stage) -> None:
    message = await posted(by_socket)
    message["reactions"] = [{"name": "+1", "users": ["UADA"], "count": 60}]
    assert await by_socket.adapter.standing(by_socket.address, message["ts"]) is None


async def test_a_press_that_means_nothing_is_acknowledged(stage: Stage) -> None:
    message = await posted(stage)
    for action in ("someone_elses", "vote.nonsense", "vote.like", "detail"):
        element = {"type": "button", "action_id": action, "value": "?"}
        await stage.slack.press(stage.room, message, "UADA", element)
    assert stage.core.core.votes == []


# --- rights -------------------------------------------------------------------------------------


async def test_members_may_manage_unless_the_policy_says_otherwise(stage: Stage) -> None:
    await stage.type("pause")
    assert stage.core.core.commands[-1].person.may_manage
    assert stage.slack.called("users.info") == []


@pytest.mark.parametrize(
    ("user", "may"),
    [("UADA", False), ("UADMIN", True), ("UOWNER", True), ("UCREATOR", True), ("ULISTED", True)],
)
async def test_managers_are_admins_the_creator_and_those_listed(
    by_socket: Stage, user: str, may: bool
) -> None:
    stage = by_socket
    stage.slack.user("UADMIN", is_admin=True)
    stage.slack.user("UOWNER", is_owner=True)
    stage.slack.user("UCREATOR")
    await stage.restart(policy="managers", managers=("slack:ULISTED",))
    await stage.type("pause", user)
    assert stage.core.core.commands[-1].person.may_manage is may


async def test_who_cannot_be_looked_up_may_not_manage(by_socket: Stage) -> None:
    stage = by_socket
    stage.slack.user("UADMIN", is_admin=True)
    stage.slack.faults["users.info"].append(Fault(500, "broken"))
    stage.slack.faults["users.info"].append(Fault(500, "broken"))
    await stage.restart(policy="managers")
    await stage.type("pause", "UADMIN")
    assert not stage.core.core.commands[-1].person.may_manage
    await stage.type("pause", "UADMIN")
    assert stage.core.core.commands[-1].person.may_manage


async def test_only_those_who_may_edit_are_offered_the_form(by_socket: Stage) -> None:
    stage = by_socket
    assert "edit" in action_ids(await stage.type("settings"))
    assert "edit" in action_ids(await stage.type("profile"))
    assert action_ids(await stage.type("status")) == []
    await stage.restart(policy="managers")
    assert action_ids(await stage.type("settings")) == []


async def test_moves_of_a_channel_are_told(stage: Stage) -> None:
    room = stage.room.id
    for event in (
        {"type": "channel_rename", "channel": {"id": room, "name": "reading", "created": 1}},
        {"type": "channel_archive", "channel": room, "user": "UADA"},
        {"type": "channel_unarchive", "channel": room, "user": "UADA"},
        {"type": "group_left", "channel": room},
        {"type": "member_joined_channel", "user": "UBOT", "channel": room, "channel_type": "C"},
        {"type": "member_left_channel", "user": "UBOT", "channel": room, "channel_type": "C"},
        {"type": "channel_deleted", "channel": room},
    ):
        assert await stage.slack.event(dict(event))
    told = [(place.name, state and state.value) for place, state, _ in stage.core.moves]
    assert told == [
        ("#reading", None),
        ("", "unreachable"),
        ("", "active"),
        ("", "left"),
        ("", "active"),
        ("", "left"),
        ("", "left"),
    ]
    assert {place.address for place, _, _ in stage.core.moves} == {stage.address}
    assert all(reason for _, state, reason in stage.core.moves if state and state.value != "active")
