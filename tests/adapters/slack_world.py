"""What the loopback Slack is made of: channels, faults, errors, and how requests are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Json = dict[str, Any]
BOT_TOKEN = "xoxb-loopback"
APP_TOKEN = "xapp-loopback"
SIGNING_SECRET = "loopback-signing-secret"
NEEDED_SCOPES: dict[str, frozenset[str]] = {
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": frozenset({"channels:history"}),
    "conversations.replies": frozenset({"channels:history"}),
    "conversations.info": frozenset({"channels:read"}),
    "users.conversations": frozenset({"channels:read"}),
    "users.info": frozenset({"users:read"}),
    "reactions.get": frozenset({"reactions:read"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "files.completeUploadExternal": frozenset({"files:write"}),
}
ALL_SCOPES = (
    "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands",
    "files:write", "groups:history", "groups:read", "im:history", "reactions:read", "users:read",
)  # fmt: skip


@dataclass(slots=True)
class Room:
    """A channel and what it holds."""

    id: str
    name: str
    private: bool = False
    archived: bool = False
    member: bool = True
    creator: str = "UCREATOR"
    people: set[str] = field(default_factory=set)
    messages: list[Json] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the Web API."""

    method: str
    arguments: Json
    token: str
    at: float


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do to a call instead of answering it; ``accept`` carries it out all the same."""

    status: int = 200
    body: Json | str = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    accept: bool = False
    drop: bool = False  # no answer at all: the connection ends
    hang: float = 0.0  # seconds before the answer
    truly: bool = False  # with ``accept``: the answer is the true one, only late


def rate_limited(seconds: int = 1) -> Fault:
    return Fault(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(seconds)})


def refused(error: str, **more: Any) -> Fault:
    return Fault(200, {"ok": False, "error": error, **more})


class SlackError(Exception):
    """An answer with ``ok: false``."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.answer = {"ok": False, "error": error, **more}


def describe(room: Room) -> Json:
    return {
        "id": room.id,
        "name": room.name,
        "is_channel": True,
        "is_private": room.private,
        "is_archived": room.archived,
        "is_member": room.member,
        "creator": room.creator,
    }


def parse_message(arguments: Json) -> Json:
    return {
        key: json.loads(value)
        if key in {"blocks", "metadata"} and isinstance(value, str)
        else value
        for key, value in arguments.items()
        if key != "token"
    }


async def read_arguments(request: web.Request) -> Json:
    arguments: Json = dict(request.query)
    if request.method == "POST":
        if request.content_type == "application/json":
            arguments |= await request.json()
        else:
            arguments |= {key: str(value) for key, value in (await request.post()).items()}
    return arguments
