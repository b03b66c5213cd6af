"""What people type in Slack and what they read for it: commands, pages, mentions, shortcuts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.domain import PaperwireError, Reply
from tests.adapters.counterpart import make_card, until
from tests.adapters.loopback_slack_wire import elements
from tests.adapters.slack_fixtures import Stage, action_ids, seen, stage
from tests.adapters.slack_place import find_button
from tests.adapters.slack_world import Json, rate_limited, refused

__all__ = ["stage"]


async def modal(stage: Stage, count: int = 1) -> Json:
    await until(lambda: len(stage.slack.views) >= count, "a modal")
    return list(stage.slack.views.values())[-1]


async def settled(stage: Stage, word: str) -> Json:
    """Wait until the newest modal shows a word."""
    await until(
        lambda: any(word in seen(view) for view in stage.slack.views.values()), f"{word} in a modal"
    )
    return list(stage.slack.views.values())[-1]


# --- commands -----------------------------------------------------------------------------------


async def test_a_slow_command_is_acknowledged_at_once_and_answered_later(stage: Stage) -> None:
    go = asyncio.Event()
    core = stage.core.core

    async def slow(event: Any) -> Reply:
        await go.wait()
        return Reply("Done at last.")

    core.command = slow  # type: ignore[method-assign]
    url_id = await stage.slack.type_command(stage.room, "UADA", "search slow")
    assert stage.slack.responses[url_id] == []
    go.set()
    assert "Done at last." in seen(await stage.answered(url_id))
    assert stage.slack.late == []


async def test_an_expired_response_url_is_answered_by_a_message_for_one(stage: Stage) -> None:
    url = stage.slack.response_url()
    stage.slack.expired.add(url.rpartition("/")[2])
    await stage.slack.type_command(stage.room, "UADA", "status", url)
    await until(lambda: bool(stage.slack.ephemeral), "an ephemeral message")
    (message,) = stage.slack.ephemeral
    assert (message["user"], message["channel"]) == ("UADA", stage.room.id)
    assert "Understood." in seen(message)


async def test_an_answer_for_all_is_not_sent_twice_where_its_fate_is_unknown(stage: Stage) -> None:
    stage.core.core.reply = Reply("For all.", ephemeral=False)
    url = stage.slack.response_url()
    url_id = url.rpartition("/")[2]
    stage.slack.losing.add(url_id)
    await stage.slack.type_command(stage.room, "UADA", "status", url)
    await stage.answered(url_id)
    await stage.type("help")
    assert stage.room.messages == []
    assert len(stage.slack.responses[url_id]) == 1


async def test_an_answer_waits_where_slack_asks_for_it(stage: Stage) -> None:
    url = stage.slack.response_url()
    stage.slack.expired.add(url.rpartition("/")[2])
    stage.slack.faults["chat.postEphemeral"].append(rate_limited(1))
    await stage.slack.type_command(stage.room, "UADA", "status", url)
    await until(lambda: bool(stage.slack.ephemeral), "the answer")


async def test_an_answer_for_all_that_provably_failed_is_posted(stage: Stage) -> None:
    stage.core.core.reply = Reply("For all.", ephemeral=False)
    nowhere = stage.slack.response_url().replace(f":{stage.slack.port}/", ":1/")
    await stage.slack.type_command(stage.room, "UADA", "status", nowhere)
    await until(lambda: len(stage.room.messages) == 1, "the answer in the channel")


async def test_subscribing_brings_the_persons_time_zone(stage: Stage) -> None:
    stage.slack.user("UCAI", tz="Asia/Tokyo")
    await stage.type("subscribe vowels", "UCAI")
    await stage.type("status", "UCAI")
    subscribed, status = stage.core.core.commands
    assert subscribed.place.timezone == "Asia/Tokyo"
    assert status.place.timezone is None
    assert subscribed.place.name == "#papers"
    assert not subscribed.place.private


async def test_subscribing_where_it_is_no_member_says_how_to_invite_it(stage: Stage) -> None:
    assert "/invite" not in seen(await stage.type("subscribe vowels"))
    stage.room.member = False
    assert "/invite @Paperwire" in seen(await stage.type("subscribe vowels"))


async def test_a_private_channel_is_known_as_one_and_by_its_name(stage: Stage) -> None:
    stage.room.private = True
    await stage.type("status")
    place = stage.core.core.commands[-1].place
    assert (place.name, place.private, place.address) == ("#papers", True, stage.address)


async def test_a_private_channel_that_a_service_names_is_still_private(stage: Stage) -> None:
    stage.room.private = True
    stage.slack.hides_private_names = False
    await stage.type("subscribe vowels")
    place = stage.core.core.commands[-1].place
    assert (place.name, place.private) == ("#papers", True)


async def test_a_private_channel_that_cannot_be_looked_up_is_still_private(stage: Stage) -> None:
    stage.room.private = True
    stage.slack.faults["conversations.info"].append(refused("missing_scope", needed="groups:read"))
    await stage.type("status")
    assert stage.core.core.commands[-1].place.private


async def test_an_operators_error_is_told_in_its_own_words(stage: Stage) -> None:
    stage.core.core.failure = PaperwireError("The disk is full; run: paperwire doctor")
    assert "paperwire doctor" in seen(await stage.type("status"))


async def test_long_help_fits_and_keeps_its_lines(stage: Stage) -> None:
    from bot.commands import help_text

    head, *lines = help_text().splitlines()
    stage.core.core.reply = Reply(head, tuple(lines))
    shown = seen(await stage.type("help"))
    assert "/papers forget-me yes" in shown
    assert "/papers subscribe INTERESTS" in shown


async def test_a_very_long_answer_is_cut_and_not_refused(stage: Stage) -> None:
    line = "&<>*_ " * 200
    cards = tuple(make_card(n, title=line, summary=line, authors=line) for n in range(1, 21))
    stage.core.core.reply = Reply(line, tuple([line] * 60), cards, more="search x page:2")
    answer = await stage.type(f"search {'x' * 3000}")
    assert len(answer["blocks"]) <= 50


# --- pages, details, sharing --------------------------------------------------------------------


async def search(stage: Stage) -> tuple[str, Json]:
    stage.core.replies = {
        "search vowels page:2": Reply("3 papers", cards=(make_card(3),), back="search vowels"),
        "search vowels": Reply(
            "3 papers", cards=(make_card(1), make_card(2)), more="search vowels page:2"
        ),
        "why": Reply("Posted on Monday", ("Because it matches “vowels”.",)),
        "submit": Reply("Sharing: Counting Vowels"),
    }
    url_id = await stage.slack.type_command(stage.room, "UADA", "search vowels")
    return url_id, await stage.answered(url_id)


async def test_a_search_has_pages_that_take_each_others_place(stage: Stage) -> None:
    _, answer = await search(stage)
    more = find_button(answer["blocks"], "page.more")
    url_id = await stage.slack.press(stage.room, answer, "UADA", more, ephemeral=True)
    second = await stage.answered(url_id)
    assert second["replace_original"] is True
    assert "Counting Vowels Part 3" in seen(second)
    assert "page.more" not in action_ids(second)
    back = find_button(second["blocks"], "page.back")
    url_id = await stage.slack.press(stage.room, second, "UADA", back, ephemeral=True)
    assert "Counting Vowels Part 1" in seen(await stage.answered(url_id))
    assert stage.core.texts() == ["search vowels", "search vowels page:2", "search vowels"]


async def test_a_paper_found_has_a_detail_view_with_its_reasons(stage: Stage) -> None:
    _, answer = await search(stage)
    details = [e for e in elements(answer["blocks"]) if e["action_id"] == "detail"]
    assert len(details) == 2
    await stage.slack.press(stage.room, answer, "UADA", details[1], ephemeral=True)
    view = await settled(stage, "Because it matches")
    assert "Counting Vowels Part 2" in seen(view)
    assert "Part 1" not in seen(view)
    assert stage.core.texts()[-1] == "why 2606.00002"


async def test_a_paper_found_can_be_posted_here_also_from_its_detail_view(stage: Stage) -> None:
    _, answer = await search(stage)
    post = find_button(answer["blocks"], "say.submit")
    assert post["text"]["text"] == "Post here"
    url_id = await stage.slack.press(stage.room, answer, "UADA", post, ephemeral=True)
    assert "Sharing" in seen(await stage.answered(url_id))
    detail = find_button(answer["blocks"], "detail")
    await stage.slack.press(stage.room, answer, "UADA", detail, ephemeral=True)
    view = await settled(stage, "Because it matches")
    await stage.slack.press_in_view("UADA", view, find_button(view["blocks"], "say.submit"))
    await settled(stage, "Sharing")
    assert stage.core.texts().count("submit 2606.00001") == 2
    assert stage.core.core.commands[-1].place.address == stage.address


async def test_without_modals_the_details_come_as_a_message(stage: Stage) -> None:
    _, answer = await search(stage)
    stage.slack.faults["views.open"].append(refused("unknown_method"))
    detail = find_button(answer["blocks"], "detail")
    url_id = await stage.slack.press(stage.room, answer, "UADA", detail, ephemeral=True)
    assert "Because it matches" in seen(await stage.answered(url_id))


async def test_a_picture_is_uploaded_and_shown_with_its_description(stage: Stage) -> None:
    image = b"\x89PNG\r\n\x1a\n" + b"0" * 50
    stage.core.core.reply = Reply("How it went", image=image, image_alt="A line that rises")
    answer = await stage.type("status")
    (upload_id,) = stage.slack.uploads
    assert stage.slack.uploads[upload_id] == {"length": len(image), "data": image, "done": True}
    (block,) = [one for one in answer["blocks"] if one["type"] == "image"]
    assert block["slack_file"] == {"id": upload_id}
    assert block["alt_text"] == "A line that rises"


async def test_a_picture_that_cannot_be_uploaded_leaves_its_description(stage: Stage) -> None:
    stage.slack.scopes.discard("files:write")
    stage.core.core.reply = Reply("How it went", image=b"png", image_alt="A line that rises")
    answer = await stage.type("status")
    assert "A line that rises" in seen(answer)
    assert stage.slack.uploads == {}


# --- talk ---------------------------------------------------------------------------------------


def said(stage: Stage, text: str, **more: str) -> Json:
    ts = stage.slack.timestamp()
    message = {"type": "message", "user": "UADA", "text": text, "ts": ts}
    stage.room.messages.append(message)
    return {**message, "type": "app_mention", "channel": stage.room.id, **more}


async def test_a_mention_is_answered_in_its_thread_for_all(stage: Stage) -> None:
    mention = said(stage, "<@UBOT> why 3")
    await stage.slack.event(mention)
    await until(lambda: len(stage.room.messages) == 2, "an answer")
    answer = stage.room.messages[-1]
    assert answer["thread_ts"] == mention["ts"]
    assert stage.core.texts() == ["why 3"]
    assert stage.core.core.commands[-1].event_id


@pytest.mark.parametrize("text", ["saved", "forget-me", "like 1"])
async def test_a_personal_answer_to_a_mention_is_for_one(stage: Stage, text: str) -> None:
    await stage.slack.event(said(stage, f"<@UBOT> {text}"))
    await until(lambda: bool(stage.slack.ephemeral), "an ephemeral answer")
    assert len(stage.room.messages) == 1


async def test_a_direct_message_is_a_command(stage: Stage) -> None:
    from tests.adapters.slack_world import Room

    stage.slack.rooms["D1"] = Room("D1", "")
    event = {"type": "message", "channel_type": "im", "channel": "D1", "user": "UADA"}
    await stage.slack.event({**event, "text": "search vowels", "ts": stage.slack.timestamp()})
    await until(lambda: bool(stage.slack.rooms["D1"].messages), "an answer")
    (message,) = stage.slack.rooms["D1"].messages
    assert "thread_ts" not in message
    await stage.slack.event({**event, "bot_id": "B9", "text": "x", "ts": "1.1"})
    assert stage.core.texts() == ["search vowels"]
    assert stage.core.core.commands[0].place.private


async def test_a_shortcut_shares_the_paper_that_a_message_links_to(stage: Stage) -> None:
    payload = stage.slack._interaction("UADA", "message_action") | {
        "callback_id": "share_paper",
        "message": {
            "ts": "1.2",
            "text": "see <https://example.org/x> and <https://arxiv.org/abs/2606.00001|it>",
        },
        "message_ts": "1.2",
        "channel": {"id": stage.room.id, "name": "papers"},
        "response_url": stage.slack.response_url(),
    }
    await stage.slack.deliver("interactive", payload)
    await until(lambda: bool(stage.core.texts()), "the command")
    assert stage.core.texts() == ["submit https://arxiv.org/abs/2606.00001"]
    none = payload | {"message": {"ts": "1.2", "text": "no link"}}
    await stage.slack.deliver("interactive", none)
    url_id = str(payload["response_url"]).rpartition("/")[2]
    assert "no link" in seen(await stage.answered(url_id, 2))


async def test_a_shortcut_searches_from_anywhere(stage: Stage) -> None:
    stage.core.replies = {
        "search": Reply("1 paper", cards=(make_card(1),), more="search vowels page:2")
    }
    payload = stage.slack._interaction("UADA", "shortcut") | {"callback_id": "search_papers"}
    await stage.slack.deliver("interactive", payload)
    view = await modal(stage)
    answer = await stage.slack.submit("UADA", view, {"query": {"query": {"value": "vowels"}}})
    assert answer["response_action"] == "update"
    found = stage.slack.views[view["id"]]
    assert "Counting Vowels Part 1" in seen(found)
    assert "say.submit" not in action_ids(found)
    await stage.slack.press_in_view("UADA", found, find_button(found["blocks"], "page.more"))
    await until(lambda: stage.core.texts()[-1] == "search vowels page:2", "the next page")
