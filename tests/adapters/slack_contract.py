"""Slack's published contract, applied to every request that reaches the loopback Slack."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

CONTRACTS = Path(__file__).resolve().parents[3] / "shared" / "contracts"

# The archived specification is of 2021; Slack documents these since.
NEWER_ARGUMENTS: dict[str, dict[str, str]] = {
    "chat.postMessage": {"metadata": "string", "team_id": "string"},
    "chat.update": {"metadata": "string"},
    "chat.postEphemeral": {"unfurl_links": "boolean", "unfurl_media": "boolean"},
    "conversations.history": {"include_all_metadata": "boolean"},
    "conversations.replies": {"include_all_metadata": "boolean"},
    "users.conversations": {"team_id": "string"},
    "reactions.get": {"team_id": "string"},
}
NEWER_METHODS: dict[str, tuple[set[str], dict[str, str]]] = {  # required, all
    "apps.connections.open": (set(), {}),
    "files.getUploadURLExternal": (
        {"filename", "length"},
        {"filename": "string", "length": "integer", "alt_txt": "string", "snippet_type": "string"},
    ),
    "files.completeUploadExternal": (
        {"files"},
        {
            "files": "string",
            "channel_id": "string",
            "channels": "string",
            "initial_comment": "string",
            "thread_ts": "string",
            "blocks": "string",
        },
    ),
}
# Documented as required, though the archived specification does not say so.
ALSO_REQUIRED = {
    "conversations.history": {"channel"},
    "conversations.replies": {"channel", "ts"},
    "conversations.info": {"channel"},
    "users.info": {"user"},
    "reactions.get": {"channel", "timestamp"},
    "views.update": {"view"},
}
MESSAGE_LIMIT = 13_200
TEXT_LIMIT = 40_000
_OBJECTS = {"blocks", "metadata", "view", "files", "attachments"}  # JSON, or a string of it


@cache
def _load(name: str) -> Any:
    path = CONTRACTS / name
    if not path.is_file():
        if os.environ.get("CI"):
            raise FileNotFoundError(path)
        return None
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _validator(definition: str) -> Any:
    from jsonschema import Draft7Validator

    schema = _load("blockkit_from_slack_types.schema.json")
    if schema is None:
        return None
    return Draft7Validator({**schema, "$ref": f"#/definitions/{definition}"})


def schema_errors(value: object, definition: str) -> Iterator[str]:
    """Yield what the Block Kit schema says against a value."""
    validator = _validator(definition)
    if validator is not None:
        for error in validator.iter_errors(value):
            where = "/".join(str(part) for part in error.absolute_path)
            yield f"{definition} {where}: {error.message[:300]}"


def argument_errors(method: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield unknown, missing and wrongly typed arguments of a Web API call."""
    spec = _load("slack_web_openapi_v2_without_examples.json")
    if spec is None:
        return
    if method in NEWER_METHODS:
        required, kinds = NEWER_METHODS[method]
    else:
        paths = spec["paths"].get(f"/{method}")
        if paths is None:
            yield f"{method}: there is no such method"
            return
        parameters = next(iter(paths.values()))["parameters"]
        kinds = {one["name"]: one["type"] for one in parameters}
        kinds |= NEWER_ARGUMENTS.get(method, {})
        required = {one["name"] for one in parameters if one.get("required")} - {"token"}
    required = required | ALSO_REQUIRED.get(method, set())
    yield from (f"{method}: {name} is required" for name in sorted(required - arguments.keys()))
    for name, value in arguments.items():
        if name == "token":
            continue
        if name not in kinds:
            yield f"{method}: there is no argument {name}"
        elif not _has_type(name, value, kinds[name]):
            yield f"{method}: {name} is no {kinds[name]}: {value!r}"


def _has_type(name: str, value: object, kind: str) -> bool:
    if name in _OBJECTS:
        return isinstance(value, list | dict | str)
    if kind == "boolean":
        return value in (True, False, "0", "1", "true", "false", "True", "False")
    if kind in {"integer", "number"}:
        try:
            float(str(value))
        except ValueError:
            return False
        return kind == "number" or str(value).lstrip("-").isdigit()
    return isinstance(value, str)


def message_errors(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a message's text, blocks and metadata."""
    text = message.get("text")
    blocks = message.get("blocks") or []
    if not text and not blocks:
        yield "a message needs text or blocks (no_text)"
    if not text:
        yield "a message without text cannot be read aloud or notified"
    if len(text or "") > TEXT_LIMIT:
        yield "the text is too long"
    if len(blocks) > 50:
        yield f"{len(blocks)} blocks in a message"
    misshapen = list(schema_errors(blocks, "Blocks"))
    yield from misshapen or block_errors(blocks)
    size = sum(len(one) for one in texts(blocks))
    if size > MESSAGE_LIMIT:
        yield f"{size} characters in a message's blocks (msg_blocks_too_long)"
    metadata = message.get("metadata")
    if metadata is not None and (
        not isinstance(metadata.get("event_type"), str)
        or not isinstance(metadata.get("event_payload"), dict)
    ):
        yield "metadata needs event_type and event_payload"


def view_errors(view: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a modal or a home page."""
    misshapen = list(schema_errors(view, "HomeView" if view.get("type") == "home" else "ModalView"))
    if misshapen:
        yield from misshapen
        return
    if len(view.get("blocks") or ()) > 100:
        yield "more than 100 blocks in a view"
    for part in ("title", "submit", "close"):
        if part in view and len(view[part]["text"]) > 24:
            yield f"a view's {part} has more than 24 characters"
    if len(view.get("private_metadata", "")) > 3000:
        yield "private_metadata has more than 3,000 characters"
    has_input = any(one.get("type") == "input" for one in view.get("blocks") or ())
    if view.get("type") == "modal" and has_input and "submit" not in view:
        yield "a modal with inputs needs submit"
    yield from block_errors(view.get("blocks") or [], view=True)


def block_errors(blocks: list[dict[str, Any]], *, view: bool = False) -> Iterator[str]:
    """Yield each limit that a block exceeds; the schema knows none."""
    ids = [one["block_id"] for one in blocks if "block_id" in one]
    if len(ids) != len(set(ids)):
        yield "a block_id occurs twice"
    for block in blocks:
        kind = block.get("type")
        if len(block.get("block_id", "")) > 255:
            yield "a block_id has more than 255 characters"
        if kind == "input" and not view:
            yield "an input in a message"
        if kind in {"section", "header"}:
            yield from _text(block.get("text"), 3000 if kind == "section" else 150, f"a {kind}")
        if kind == "context":
            elements = block.get("elements") or []
            if not 1 <= len(elements) <= 10:
                yield f"{len(elements)} elements in a context"
            for element in elements:
                yield from _text(element, 3000, "a context")
        if kind == "actions":
            yield from _actions(block)
        if kind == "image" and not 1 <= len(block.get("alt_text", "")) <= 2000:
            yield "an image needs alt_text of at most 2,000 characters"
        if kind == "input":
            yield from _text(block.get("label"), 2000, "a label")
            yield from _element(block["element"])


def _actions(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 25:
        yield f"{len(elements)} elements in actions"
    names = [one.get("action_id") for one in elements]
    if len(names) != len(set(names)):
        yield f"an action_id occurs twice in a block: {names}"
    for element in elements:
        yield from _element(element)


def _element(element: Mapping[str, Any]) -> Iterator[str]:
    if len(element.get("action_id", "")) > 255:
        yield "an action_id has more than 255 characters"
    if element.get("type") == "button":
        yield from _text(element.get("text"), 75, "a button")
        if len(element.get("value", "")) > 2000:
            yield "a button's value has more than 2,000 characters"
        if "value" in element and not element["value"]:
            yield "a button's value is empty"
        if len(element.get("accessibility_label", "")) > 75:
            yield "an accessibility_label has more than 75 characters"
    options = element.get("options") or []
    if len(options) > (10 if element.get("type") in {"checkboxes", "radio_buttons"} else 100):
        yield "too many options"
    for option in options:
        yield from _text(option.get("text"), 75, "an option")
        if len(option.get("value", "")) > 75:
            yield "an option's value has more than 75 characters"
    for chosen in [element.get("initial_option"), *(element.get("initial_options") or ())]:
        if chosen is not None and options and chosen not in options:
            yield "an initial option is none of the options"
    if len(element.get("initial_value", "")) > element.get("max_length", 3000):
        yield "an initial value is longer than the field"


def _text(text: Mapping[str, Any] | None, limit: int, where: str) -> Iterator[str]:
    said = (text or {}).get("text", "")
    size = len(said.encode("utf-16-le")) // 2
    if not 1 <= size <= limit:
        yield f"{where} has {size} characters, of 1 to {limit}"


def texts(value: object) -> Iterator[str]:
    """Yield every text object's text."""
    if isinstance(value, dict):
        if value.get("type") in {"mrkdwn", "plain_text"} and isinstance(value.get("text"), str):
            yield value["text"]
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
