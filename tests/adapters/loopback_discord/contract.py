"""Discord's official OpenAPI as a judge of every request and answer, and the limits it lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Json = Any  # what json.loads returns: judged against schemas, never by types
_HERE = "urn:discord"
_COMMAND_NAME = re.compile(r"[-_'\w]{1,32}")


@cache
def load(path: Path) -> Contract:
    """Read the contract once a process."""
    return Contract(json.loads(path.read_text(encoding="utf-8")))


class Contract:
    """Knows every operation; says what is wrong in words, an empty list where nothing is."""

    def __init__(self, spec: Json) -> None:
        self._spec = _loosen(spec)
        resource = Resource.from_contents(self._spec, default_specification=DRAFT202012)
        self._registry = Registry().with_resource(_HERE, resource).crawl()
        self._validators: dict[str, Draft202012Validator] = {}
        templates = sorted(self._spec["paths"], key=lambda path: (path.count("{"), path))
        self._paths = [(_pattern(template), template) for template in templates]

    def template(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """Return the path template of a request and its parameters."""
        for pattern, template in self._paths:
            found = pattern.fullmatch(path)
            if found and method.lower() in self._spec["paths"][template]:
                return template, found.groupdict()
        return None

    def judge_request(
        self, method: str, template: str, query: Mapping[str, str], body: Json
    ) -> list[str]:
        """Return what the contract says against a request."""
        operation = self._spec["paths"][template][method.lower()]
        troubles = [f"no query parameter {name!r}" for name in query.keys() - _query(operation)]
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            at = f"#/paths/{_pointer(template)}/{method.lower()}/requestBody/content"
            troubles += self._judge(f"{at}/application~1json/schema", _as_snowflakes(body))
        elif body is not None:
            troubles.append("takes no body")
        return troubles

    def judge_answer(self, method: str, template: str, status: int, body: Json) -> list[str]:
        """Return what the contract says against an answer: the loopback is held to it too."""
        answers = self._spec["paths"][template][method.lower()]["responses"]
        known = str(status) if str(status) in answers else f"{status // 100}XX"
        if known not in answers:
            return [f"cannot answer {status}"]
        if "$ref" in answers[known]:
            name = answers[known]["$ref"].rpartition("/")[2]
            at = f"#/components/responses/{name}/content/application~1json/schema"
        elif "content" in answers[known]:
            at = f"#/paths/{_pointer(template)}/{method.lower()}/responses/{known}"
            at += "/content/application~1json/schema"
        else:
            return []
        return self._judge(at, body)

    def _judge(self, at: str, value: Json) -> list[str]:
        validator = self._validators.get(at)
        if validator is None:
            validator = Draft202012Validator({"$ref": _HERE + at}, registry=self._registry)
            self._validators[at] = validator
        return [
            f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in validator.iter_errors(value)
        ]


def _loosen(value: Json) -> Json:
    """Read every ``oneOf`` as ``anyOf``: the contract's alternatives overlap in places."""
    if isinstance(value, dict):
        return {("anyOf" if k == "oneOf" else k): _loosen(v) for k, v in value.items()}
    return [_loosen(item) for item in value] if isinstance(value, list) else value


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))


def _pointer(template: str) -> str:
    # Also percent-encoded: a pointer inside an address.
    pointer = template.replace("~", "~0").replace("/", "~1")
    return pointer.replace("{", "%7B").replace("}", "%7D").replace("@", "%40")


def _query(operation: Json) -> set[str]:
    return {p["name"] for p in operation.get("parameters", ()) if p.get("in") == "query"}


def _as_snowflakes(body: Json) -> Json:
    """Read as strings the ids that discord.py sends as numbers and Discord accepts."""
    if not isinstance(body, dict):
        return body
    body = dict(body)
    if isinstance(body.get("recipient_id"), int):
        body["recipient_id"] = str(body["recipient_id"])
    for part in ("data", "message"):
        if isinstance(body.get(part), dict):
            body[part] = _as_snowflakes(body[part])
    if isinstance(body.get("attachments"), list):
        body["attachments"] = [{**a, "id": str(a["id"])} for a in body["attachments"]]
    return body


# --- limits that the contract lacks -------------------------------------------------------------


def judge_message(message: Json) -> list[str]:
    """Return what Discord refuses in a message though the contract allows it."""
    troubles: list[str] = []
    if len(message.get("content") or "") > 2000:
        troubles.append("content: more than 2000 characters")
    embeds = message.get("embeds") or []
    if sum(map(_embed_length, embeds)) > 6000:
        troubles.append("embeds: more than 6000 characters in all")
    for embed in embeds:
        if not any(embed.get(k) for k in ("title", "description", "fields", "image", "footer")):
            troubles.append("embeds: an empty embed")
        if embed.get("url") and not re.fullmatch(r"https?://[^\s/]+\S*", embed["url"]):
            troubles.append(f"embeds: not a well formed URL: {embed['url']}")
    troubles += _judge_components(message.get("components") or [])
    shown = (message.get("content"), embeds, message.get("attachments"), message.get("sticker_ids"))
    if not any(shown):
        troubles.append("an empty message")
    return troubles


def _judge_components(rows: Json) -> Iterable[str]:
    if len(rows) > 5:
        yield "components: more than five rows"
    ids: list[str] = []
    for row in rows:
        parts = row.get("components", ())
        menus = [part for part in parts if part["type"] != 2]
        if len(parts) > 5 or (menus and len(parts) > 1):
            yield "components: too much in one row"
        for part in parts:
            ids.append(part.get("custom_id") or part.get("url") or "")
            if not (part.get("label") or part.get("emoji") or part["type"] != 2):
                yield "components: a button without label and emoji"
            values = [option["value"] for option in part.get("options", ())]
            if len(values) != len(set(values)):
                yield "components: an option twice in one menu"
    if len(ids) != len(set(ids)) or "" in ids:
        yield "components: custom_id missing or used twice"


def _embed_length(embed: Json) -> int:
    parts = [embed.get("title"), embed.get("description")]
    parts += [(embed.get(k) or {}).get(f) for k, f in (("footer", "text"), ("author", "name"))]
    parts += [field[key] for field in embed.get("fields") or () for key in ("name", "value")]
    return sum(len(part or "") for part in parts)


def judge_commands(commands: Json) -> list[str]:
    """Return what Discord refuses in application commands though the contract allows it."""
    troubles: list[str] = []
    names = [(command.get("type", 1), command["name"]) for command in commands]
    if len(names) != len(set(names)):
        troubles.append("a command twice")
    for command in commands:
        if command.get("type", 1) == 1:
            if not command.get("description"):
                troubles.append(f"{command['name']}: no description")
            if _command_length(command) > 4000:
                troubles.append(f"{command['name']}: longer than 4000 characters in all")
            troubles += _judge_options(command)
    return troubles


def _judge_options(command: Json) -> Iterable[str]:
    options = command.get("options") or []
    name = command["name"]
    if not _COMMAND_NAME.fullmatch(name) or name != name.lower():
        yield f"{name}: not a command name"
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        yield f"{name}: required options after optional ones"
    if len({option["name"] for option in options}) != len(options):
        yield f"{name}: an option twice"
    for option in options:
        if option.get("autocomplete") and option.get("choices"):
            yield f"{name}: autocomplete and choices in one option"
        yield from _judge_options(option)


def _command_length(command: Json) -> int:
    choices = command.get("choices") or ()
    return (
        len(command["name"])
        + len(command.get("description") or "")
        + sum(len(str(choice["value"])) + len(choice["name"]) for choice in choices)
        + sum(map(_command_length, command.get("options") or ()))
    )


def judge_form(form: Json) -> list[str]:
    """Return what Discord refuses in a modal though the contract allows it."""
    fields = [field for row in form["components"] for field in row.get("components", ())]
    troubles = [] if len(form["components"]) <= 5 else ["components: more than five"]
    for field in fields:
        if not field.get("label"):
            troubles.append("components: a field without a label")
        if len(field.get("value") or "") > (field.get("max_length") or 4000):
            troubles.append("components: a value longer than the field takes")
    if len({field["custom_id"] for field in fields}) != len(fields):
        troubles.append("components: custom_id used twice")
    return troubles
