"""The form for a channel's settings, and App Home."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bot.domain import Channel, ChannelState, Layout, PaperwireError, Profile, Reply
from tests.adapters.counterpart import make_card, until
from tests.adapters.slack_fixtures import Stage, action_ids, by_socket, seen, stage
from tests.adapters.slack_place import find_button
from tests.adapters.slack_world import Json, refused

__all__ = ["by_socket", "stage"]


def channel(address: str, **changes: Any) -> Channel:
    made = Channel(
        id=1,
        platform="slack",
        address=address,
        name="#papers",
        profile=Profile(terms=("vowel harmony",), muted_terms=("image generation",)),
        timezone="Europe/Berlin",
    )
    return dataclasses.replace(made, **changes)


async def form(stage: Stage, **changes: Any) -> Json:
    """Open the form of the stage's channel from the answer to /papers settings."""
    stage.core.channels[stage.address] = channel(stage.address, **changes)
    answer = await stage.type("settings")
    button = find_button(answer["blocks"], "edit")
    await stage.slack.press(stage.room, answer, "UADA", button, ephemeral=True)
    await until(lambda: bool(stage.slack.views), "the form")
    (view,) = stage.slack.views.values()
    return view


def filled(view: Json, **changes: str) -> Json:
    """Return the form's state as Slack sends it in, with some fields changed."""
    values: Json = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        name, element = block["block_id"], block["element"]
        if element["type"] == "checkboxes":
            chosen = element.get("initial_options", [])
            if "on" in changes:
                chosen = [one for one in element["options"] if one["value"] == changes["on"]]
            value: Json = {"type": "checkboxes", "selected_options": chosen}
        elif element["type"].endswith("_select"):
            written = changes.get(name, element["initial_option"]["value"])
            option = {"value": written, "text": {"type": "plain_text", "text": written}}
            value = {"type": element["type"], "selected_option": option}
        else:
            value = {"type": element["type"], "value": element.get("initial_value")}
            if name in changes:
                value["value"] = changes[name] or None
        values[name] = {element["action_id"]: value}
    return values


# --- the form -----------------------------------------------------------------------------------


async def test_the_form_shows_what_the_channel_has(stage: Stage) -> None:
    view = await form(stage, layout=Layout.CARDS, explore=True, size=7)
    state = filled(view)
    assert state["profile"]["value"]["value"] == 'vowel harmony, -"image generation"'
    assert state["timezone"]["timezone"]["selected_option"]["value"] == "Europe/Berlin"
    assert state["layout"]["value"]["selected_option"]["value"] == "cards"
    assert state["size"]["value"]["value"] == "7"
    assert [one["value"] for one in state["switches"]["value"]["selected_options"]] == [
        "quiet",
        "explore",
    ]
    assert "#papers" in seen(view)


async def test_the_form_opens_at_a_word(stage: Stage) -> None:
    stage.core.channels[stage.address] = channel(stage.address)
    await stage.slack.type_command(stage.room, "UADA", "Edit settings")
    await until(lambda: bool(stage.slack.views), "the form")
    assert stage.core.texts() == []


async def test_only_what_was_changed_is_changed(stage: Stage) -> None:
    view = await form(stage)
    answer = await stage.slack.submit("UADA", view, filled(view, size="9", on="explore"))
    assert answer["response_action"] == "update"
    assert "Saved." in seen(answer["view"])
    _, settings, schedule = stage.core.texts()
    assert settings == 'settings size="9" quiet="off" explore="on"'
    assert schedule == "schedule"


async def test_the_profile_is_set_by_its_written_form(stage: Stage) -> None:
    view = await form(stage)
    written = 'vowel harmony,\nmorphology, author:"Jane Roe"'
    await stage.slack.submit("UADA", view, filled(view, profile=written))
    assert f"profile set {written}" in stage.core.texts()
    assert not any(text.startswith("settings ") for text in stage.core.texts())


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("size", "900", "from 1 to 20"),
        ("size", "many", "from 1 to 20"),
        ("threshold", "-1", "from 0 to 100"),
        ("schedule", "every blue moon", ""),
        ("schedule", "", "cannot be empty"),
        ("timezone", "Europe/Atlantis", ""),
        ("profile", "", "At least one interest"),
        ("profile", 'author:""', ""),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field(
    by_socket: Stage, field: str, value: str, said: str
) -> None:
    stage = by_socket
    view = await form(stage)
    before = len(stage.core.texts())
    answer = await stage.slack.submit("UADA", view, filled(view, **{field: value}))
    assert answer["response_action"] == "errors"
    assert list(answer["errors"]) == [field]
    assert said in answer["errors"][field]
    assert 0 < len(answer["errors"][field]) <= 150
    assert len(stage.core.texts()) == before, "something was changed all the same"


async def test_several_mistakes_are_told_at_once(by_socket: Stage) -> None:
    view = await form(by_socket)
    wrong = filled(view, size="0", threshold="101", schedule="never ever")
    answer = await by_socket.slack.submit("UADA", view, wrong)
    assert set(answer["errors"]) == {"size", "threshold", "schedule"}


async def test_what_the_core_refuses_is_said_beside_the_field(by_socket: Stage) -> None:
    stage = by_socket
    view = await form(stage)
    stage.core.replies = {"settings sources": Reply("There is no source 'x' here.", ok=False)}
    answer = await stage.slack.submit("UADA", view, filled(view, sources="x", size="9"))
    assert answer["errors"] == {"sources": "There is no source 'x' here."}
    assert not any("size" in text for text in stage.core.texts())


async def test_a_trending_channel_may_keep_an_empty_profile(by_socket: Stage) -> None:
    view = await form(by_socket, profile=Profile())
    answer = await by_socket.slack.submit("UADA", view, filled(view, size="3"))
    assert answer["response_action"] == "update"


async def test_a_very_long_profile_is_not_cut_by_the_form(by_socket: Stage) -> None:
    terms = tuple(f"interest number {n} with several words" for n in range(200))
    view = await form(by_socket, profile=Profile(terms=terms))
    answer = await by_socket.slack.submit("UADA", view, filled(view, size="3"))
    assert answer["response_action"] == "update"
    assert not any(text.startswith("profile") for text in by_socket.core.texts())


async def test_time_zones_are_suggested(stage: Stage) -> None:
    view = await form(stage)
    payload = stage.slack._interaction("UADA", "block_suggestion") | {
        "action_id": "timezone",
        "block_id": "timezone",
        "value": "berl",
        "view": view,
        "container": {"type": "view", "view_id": view["id"]},
    }
    answer = await stage.slack.deliver("interactive", payload)
    assert answer is not None
    assert [one["value"] for one in answer["options"]] == ["Europe/Berlin"]


async def test_without_a_subscription_there_is_no_form(by_socket: Stage) -> None:
    stage = by_socket
    answer = await stage.type("settings")
    button = find_button(answer["blocks"], "edit")
    url_id = await stage.slack.press(stage.room, answer, "UADA", button, ephemeral=True)
    assert "no subscription" in seen(await stage.answered(url_id))
    assert stage.slack.views == {}


async def test_who_may_not_manage_gets_no_form(by_socket: Stage) -> None:
    stage = by_socket
    stage.core.channels[stage.address] = channel(stage.address)
    stage.slack.user("UADMIN", is_admin=True)
    await stage.restart(policy="managers")
    answer = await stage.type("settings", "UADMIN")
    button = find_button(answer["blocks"], "edit")
    url_id = await stage.slack.press(stage.room, answer, "UBEN", button, ephemeral=True)
    assert "Only people who manage" in seen(await stage.answered(url_id))
    assert stage.slack.views == {}


async def test_a_form_that_slack_does_not_open_names_the_commands(by_socket: Stage) -> None:
    stage = by_socket
    stage.core.channels[stage.address] = channel(stage.address)
    stage.slack.faults["views.open"].append(refused("unknown_method"))
    answer = await stage.type("profile")
    button = find_button(answer["blocks"], "edit")
    url_id = await stage.slack.press(stage.room, answer, "UADA", button, ephemeral=True)
    assert "/papers settings" in seen(await stage.answered(url_id))


# --- App Home -----------------------------------------------------------------------------------


async def home(stage: Stage, user: str = "UADA") -> Json:
    stage.slack.homes.clear()
    event = {"type": "app_home_opened", "user": user, "channel": "D1", "tab": "home"}
    assert await stage.slack.event(event)
    await until(lambda: user in stage.slack.homes, "the home page")
    return stage.slack.homes[user]


async def test_home_shows_the_channels_their_schedule_and_what_was_saved(stage: Stage) -> None:
    stage.core.channels[stage.address] = channel(stage.address)
    stage.slack.room("silent").people.add("UADA")
    stage.core.replies = {
        "schedule": Reply("Up to 5 papers weekdays 09:00; next on 2026-06-16 at 09:00."),
        "saved": Reply("2 saved papers", cards=(make_card(1), make_card(2))),
    }
    view = await home(stage)
    text = seen(view)
    for shown in ("#papers", "next on 2026-06-16 at 09:00", "Counting Vowels Part 2"):
        assert shown in text
    assert "silent" not in text
    assert "home.preview" in action_ids(view)


async def test_a_private_channel_is_at_home_only_for_its_members(stage: Stage) -> None:
    secret = stage.slack.room("secret", private=True)
    secret.people.add("UBEN")
    address = f"T0001/{secret.id}"
    stage.core.channels[address] = channel(address, name="#secret")
    assert "secret" not in seen(await home(stage, "UADA"))
    assert "secret" in seen(await home(stage, "UBEN"))


async def test_homes_buttons_act_in_their_channel(stage: Stage) -> None:
    stage.core.channels[stage.address] = channel(stage.address)
    stage.core.replies = {
        "preview": Reply("The next digest would be", cards=(make_card(1),)),
        "why": Reply("Because"),
    }
    view = await home(stage)
    await stage.slack.press_in_view("UADA", view, find_button(view["blocks"], "home.preview"))
    await until(lambda: bool(stage.slack.views), "the preview")
    (shown,) = stage.slack.views.values()
    assert "Counting Vowels Part 1" in seen(shown)
    await stage.slack.press_in_view("UADA", shown, find_button(shown["blocks"], "detail"))
    await until(lambda: stage.core.texts()[-1] == "why 2606.00001", "the reasons")
    assert {event.place.address for event in stage.core.core.commands} == {stage.address}
    await stage.slack.press_in_view("UADA", view, find_button(view["blocks"], "edit"))
    await until(lambda: len(stage.slack.views) == 2, "the form")
    form_ = list(stage.slack.views.values())[-1]
    await stage.slack.submit("UADA", form_, filled(form_, size="2"))
    assert 'settings size="2"' in stage.core.texts()


async def test_home_says_when_a_channel_cannot_be_reached(by_socket: Stage) -> None:
    stage = by_socket
    stage.core.channels[stage.address] = channel(
        stage.address, state=ChannelState.UNREACHABLE, state_reason="the channel is archived"
    )
    assert "the channel is archived" in seen(await home(stage))


async def test_home_without_channels_says_how_to_begin(by_socket: Stage) -> None:
    view = await home(by_socket)
    assert "/papers subscribe" in seen(view)
    assert "None of your channels" in seen(view)
    by_socket.slack.faults["users.conversations"].append(refused("unknown_method"))
    await by_socket.slack.press_in_view("UADA", view, find_button(view["blocks"], "home.refresh"))
    await until(
        lambda: "does not list" in seen(by_socket.slack.homes["UADA"]), "the page without a list"
    )


async def test_many_channels_fit_at_home(by_socket: Stage) -> None:
    stage = by_socket
    for number in range(40):
        room = stage.slack.room(f"room-{number}")
        room.people.add("UADA")
        address = f"T0001/{room.id}"
        stage.core.channels[address] = channel(address, name=f"#room-{number}", id=number)
    stage.core.replies = {"saved": Reply("Saved", cards=tuple(make_card(n) for n in range(1, 11)))}
    view = await home(stage)
    assert "and 28 more" in seen(view)


async def test_a_failing_core_leaves_home_working(by_socket: Stage) -> None:
    stage = by_socket
    stage.core.channels[stage.address] = channel(stage.address)
    stage.core.core.failure = PaperwireError("The disk is full.")
    assert "The disk is full." in seen(await home(stage))
