"""The loopback Slack is as strict as Slack, and its own events are as Slack sends them."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.loopback_slack_wire import WiredSlack
from tests.adapters.slack_contract import (
    CONTRACTS,
    argument_errors,
    message_errors,
    view_errors,
)
from tests.adapters.slack_world import BOT_TOKEN

pytestmark = pytest.mark.skipif(
    not CONTRACTS.is_dir() and not os.environ.get("CI"), reason=f"no contracts at {CONTRACTS}"
)


@pytest.fixture
async def slack() -> AsyncIterator[WiredSlack]:
    opened = WiredSlack()
    await opened.start()
    yield opened
    await opened.stop()


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ([section("x" * 3001)], "3001 characters"),
        ([section("")], "0 characters"),
        ([section("x")] * 51, "51 blocks"),
        ([section("x" * 2900)] * 5, "msg_blocks_too_long"),
        ([{"type": "section", "text": "x"}], "Blocks 0"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "Blocks 0"),
        ([{"type": "actions", "elements": []}], "0 elements"),
        ([{**section("x"), "block_id": "a"}, {**section("y"), "block_id": "a"}], "twice"),
        ([{"type": "input", "element": {"type": "plain_text_input"}}], "Blocks 0"),
    ],
)
def test_blocks_beyond_the_limits_are_breaches(blocks: list[Any], said: str) -> None:
    found = list(message_errors({"text": "x", "blocks": blocks}))
    assert any(said in error for error in found), found


def test_a_message_without_text_is_a_breach() -> None:
    assert list(message_errors({"blocks": [section("x")]}))
    assert list(message_errors({"text": "x", "blocks": [section("x")]})) == []


def test_a_view_with_a_long_title_is_a_breach() -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "x" * 25}, "blocks": []}
    assert any("24" in error for error in view_errors(view))


@pytest.mark.parametrize(
    ("method", "arguments", "said"),
    [
        ("chat.postMessage", {"text": "x"}, "channel is required"),
        ("chat.postMessage", {"channel": "C1", "colour": "red"}, "no argument colour"),
        ("chat.postMessage", {"channel": "C1", "unfurl_links": "maybe"}, "no boolean"),
        ("conversations.history", {"channel": "C1", "limit": "many"}, "no integer"),
        ("chat.shout", {}, "no such method"),
    ],
)
def test_wrong_arguments_are_breaches(method: str, arguments: dict[str, Any], said: str) -> None:
    assert any(said in error for error in argument_errors(method, arguments))


async def test_a_breach_is_remembered_and_refused(slack: WiredSlack) -> None:
    room = slack.room()
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        await client.chat_postMessage(channel=room.id, text="x", blocks=[section("x" * 3001)])
    assert len(slack.violations) == 1
    slack.scopes.clear()
    with pytest.raises(SlackApiError, match="missing_scope"):
        await client.chat_postMessage(channel=room.id, text="x")
    with pytest.raises(SlackApiError, match="unknown_method"):
        await client.api_call("chat.shout")


async def test_its_events_are_shaped_as_slacks(slack: WiredSlack) -> None:
    from jsonschema import Draft7Validator

    path = CONTRACTS / "slack_common_event_wrapper_schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    delivered: list[dict[str, Any]] = []

    async def record(kind: str, payload: dict[str, Any], **_: Any) -> None:
        delivered.append(payload)

    slack.deliver = record  # type: ignore[method-assign,assignment]
    await slack.event({"type": "reaction_added", "user": "U1", "reaction": "+1"})
    assert [error.message for error in Draft7Validator(schema).iter_errors(delivered[0])] == []
