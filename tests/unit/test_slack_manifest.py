"""The manifest is valid by Slack's own schema and asks for what the code uses, no more."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from bot.platforms.slack.scopes import SCOPES

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT.parent / "shared" / "contracts"
NEEDED_BY_EVENT = {
    "app_mention": "app_mentions:read",
    "message.im": "im:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "channel_archive": "channels:read",
    "group_archive": "groups:read",
    "member_joined_channel": "channels:read",
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    text = (ROOT / "deploy" / "slack-manifest.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def test_it_is_valid_by_the_official_schema(manifest: dict[str, Any]) -> None:
    path = CONTRACTS / "slack_manifest.schema.1.0.0.json"
    if not path.is_file():
        assert not os.environ.get("CI"), path
        pytest.skip(f"no contracts at {CONTRACTS}")
    schema = json.loads(path.read_text(encoding="utf-8"))
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in _walk(schema, manifest)]
    assert errors == []
    broken = {**manifest, "display_information": {}}
    assert list(_walk(schema, broken)), "the schema refuses nothing"


def _walk(schema: dict[str, Any], value: object) -> list[Any]:
    return list(Draft7Validator(schema).iter_errors(value))


def test_it_asks_for_the_scopes_that_are_used_and_no_more(manifest: dict[str, Any]) -> None:
    asked = manifest["oauth_config"]["scopes"]["bot"]
    assert sorted(asked) == sorted(SCOPES)
    assert "user" not in manifest["oauth_config"]["scopes"]


def test_every_event_has_its_scope_and_its_listener(manifest: dict[str, Any]) -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for path in (ROOT / "bot" / "platforms" / "slack").glob("*.py")
    ]
    code = "\n".join(sources)
    for event in manifest["settings"]["event_subscriptions"]["bot_events"]:
        assert NEEDED_BY_EVENT.get(event, "commands") in SCOPES
        kind, _, what = event.partition("_")
        listened = f'"{event.partition(".")[0]}"' in code
        moved = kind in {"channel", "group"} and f'"{what}"' in code
        assert listened or moved, event


def test_every_callback_has_its_listener(manifest: dict[str, Any]) -> None:
    from bot.platforms.slack.shortcuts import SEARCH, SHARE

    assert {one["callback_id"] for one in manifest["features"]["shortcuts"]} == {SEARCH, SHARE}


def test_a_commands_hint_is_of_the_grammar(manifest: dict[str, Any]) -> None:
    from bot.commands import parse

    (command,) = manifest["features"]["slash_commands"]
    assert command["command"] == "/papers"
    for hint in command["usage_hint"].split("|"):
        parse(hint)
