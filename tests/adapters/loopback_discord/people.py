"""People at the loopback: commands typed, buttons pressed, menus picked, forms filled in."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.adapters.loopback_discord.contract import judge_form
from tests.adapters.loopback_discord.rest import Answer, RefusedError, Request
from tests.adapters.loopback_discord.server import LoopbackDiscord
from tests.adapters.loopback_discord.world import EVERYONE, Channel, Message, User, snowflake

Json = Any
PATIENCE = 30.0
COMMAND, COMPONENT, AUTOCOMPLETE, FORM = 2, 3, 4, 5
_EPHEMERAL = 64


@dataclass(slots=True)
class Asked:
    """One interaction and all that came of it."""

    id: int
    token: str
    kind: int
    channel: Channel
    user: User
    message: Message | None = None
    created: float = field(default_factory=time.monotonic)
    replied: bool = False
    deferred: str = ""
    original: Message | None = None
    shown: list[Message] = field(default_factory=list)
    choices: list[Json] | None = None
    form: Json = None
    ephemeral: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def last(self) -> Message:
        return self.shown[-1]


class People:
    """Acts through a server's gateway and sees what comes back."""

    def __init__(self, server: LoopbackDiscord) -> None:
        self.server = server
        self.asked: dict[str, Asked] = {}
        original = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
        server.rest.handlers |= {
            ("POST", "/interactions/{interaction_id}/{interaction_token}/callback"): self._callback,
            ("POST", "/webhooks/{webhook_id}/{webhook_token}"): self._follow_up,
            ("PATCH", original): self._edit,
            ("DELETE", original): self._delete,
            ("GET", original): self._get,
        }

    # --- what people do

    async def slash(
        self,
        channel: Channel,
        user: User,
        name: str,
        options: dict[str, str | int] | None = None,
        *,
        root: str = "papers",
        **as_whom: Any,
    ) -> Asked:
        """Type a command; ``name`` may have two words, a group and its subcommand."""
        data = self._command(root, name, options or {})
        return await self._do(COMMAND, channel, user, data, **as_whom)

    async def complete(
        self, channel: Channel, user: User, name: str, option: str, typed: str
    ) -> list[Json]:
        """Type into an option and see what is offered."""
        data = self._command("papers", name, {option: typed}, focused=option)
        asked = await self._do(AUTOCOMPLETE, channel, user, data)
        assert asked.choices is not None
        return asked.choices

    async def press(self, message: Message, user: User, custom_id: str, **as_whom: Any) -> Asked:
        """Press a button."""
        data = {"component_type": 2, "custom_id": custom_id}
        return await self._do(COMPONENT, message.channel, user, data, message, **as_whom)

    async def pick(self, message: Message, user: User, custom_id: str, value: str) -> Asked:
        """Pick an entry of a menu."""
        data = {"component_type": 3, "custom_id": custom_id, "values": [value]}
        return await self._do(COMPONENT, message.channel, user, data, message)

    async def point_at(self, message: Message, user: User, name: str) -> Asked:
        """Use a command on a message."""
        command = self._known(name, 3)
        data = {
            "id": command["id"],
            "name": name,
            "type": 3,
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): message.told()}},
        }
        return await self._do(COMMAND, message.channel, user, data)

    async def fill_in(self, asked: Asked, values: dict[str, str], **as_whom: Any) -> Asked:
        """Send a form that an interaction opened; fields not named keep what they hold."""
        rows = []
        for row in asked.form["components"]:
            (part,) = row["components"]
            value = values.get(part["custom_id"], part.get("value") or "")
            assert len(value) <= (part.get("max_length") or 4000)
            told = {"type": 4, "id": 2, "custom_id": part["custom_id"], "value": value}
            rows.append({"type": 1, "id": 1, "components": [told]})
        data = {"custom_id": asked.form["custom_id"], "components": rows}
        return await self._do(FORM, asked.channel, asked.user, data, **as_whom)

    async def _do(
        self,
        kind: int,
        channel: Channel,
        user: User,
        data: Json,
        message: Message | None = None,
        *,
        permissions: int = EVERYONE,
        roles: tuple[int, ...] = (),
        wait: bool = True,
    ) -> Asked:
        asked = Asked(snowflake(), secrets.token_urlsafe(24), kind, channel, user, message)
        self.asked[asked.token] = asked
        told = self._told(asked, data, permissions, roles)
        guild_id = channel.guild.id if channel.guild else None
        await self.server.gateway.tell("INTERACTION_CREATE", told, guild_id=guild_id)
        if wait:
            async with asyncio.timeout(PATIENCE):
                await asked.settled.wait()
        return asked

    def _told(self, asked: Asked, data: Json, permissions: int, roles: tuple[int, ...]) -> Json:
        channel, guild = asked.channel, asked.channel.guild
        told = {
            "id": str(asked.id),
            "application_id": str(self.server.application_id),
            "type": asked.kind,
            "data": data,
            "token": asked.token,
            "version": 1,
            "channel_id": str(channel.id),
            "channel": _partial(channel),
            "app_permissions": str(EVERYONE),
            "locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild.id) if guild else "0"},
            "context": 0 if guild else 1,
            "attachment_size_limit": 10_485_760,
        }
        if guild is not None:
            member = {**guild.member(asked.user, roles), "permissions": str(permissions)}
            told |= {
                "guild_id": str(guild.id),
                "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
                "guild_locale": "en-US",
                "member": member,
            }
        else:
            told["user"] = asked.user.told()
        if asked.message is not None:
            told["message"] = asked.message.told()
        return told

    def _known(self, name: str, kind: int = 1) -> Json:
        for command in self.server.commands:
            if command["name"] == name and command["type"] == kind:
                return command
        raise AssertionError(f"Discord was not told of the command {name!r}")

    def _command(
        self, root: str, name: str, options: dict[str, str | int], focused: str = ""
    ) -> Json:
        """Put a command together as Discord's client does: only what was declared can be typed."""
        command = known = self._known(root)
        told: Json = {"id": command["id"], "name": root, "type": 1}
        inner = told
        for word in name.split():
            (known,) = [o for o in known["options"] if o["name"] == word]
            step: Json = {"name": word, "type": known["type"]}
            inner["options"] = [step]
            inner = step
        declared = {option["name"]: option for option in known.get("options", ())}
        missing = {n for n, o in declared.items() if o.get("required")} - options.keys()
        assert not missing or focused, f"{name} asks for {missing}"
        inner["options"] = []
        for key, value in options.items():
            option = declared[key]
            assert option["type"] == (4 if isinstance(value, int) else 3), f"{key} is another type"
            if option.get("choices") and key != focused:
                assert value in [choice["value"] for choice in option["choices"]]
            part = {"name": key, "type": option["type"], "value": value}
            if key == focused:
                assert option.get("autocomplete"), f"{key} has no autocomplete"
                part["focused"] = True
            inner["options"].append(part)
        return told

    # --- what comes back

    async def _callback(self, request: Request) -> Answer:
        asked = self.asked.get(request.params["interaction_token"])
        if asked is None or str(asked.id) != request.params["interaction_id"]:
            raise RefusedError(404, 10062, "Unknown interaction")
        if time.monotonic() - asked.created > self.server.interaction_seconds:
            raise RefusedError(404, 10062, "Unknown interaction")
        if asked.replied:
            raise RefusedError(400, 40060, "Interaction has already been acknowledged.")
        kind, data = request.body["type"], request.body.get("data") or {}
        asked.ephemeral = bool((data.get("flags") or 0) & _EPHEMERAL)
        if kind == 4:
            self._show(asked, data, request)
        elif kind == 5:
            asked.deferred = "thinking"
        elif kind == 6:
            asked.deferred, asked.original = "update", asked.message
        elif kind == 7:
            self._change(asked, data, request, asked.message)
        elif kind == 8:
            asked.choices = data["choices"]
            asked.settled.set()
        elif kind == 9:
            self.server.troubles += judge_form(data)
            asked.form = data
            asked.settled.set()
        asked.replied = True
        told = {"id": str(asked.id), "type": asked.kind, "response_message_ephemeral": True}
        answer: Json = {"interaction": told}
        if kind in {4, 7}:
            assert asked.original is not None
            answer["resource"] = {"type": kind, "message": asked.original.told()}
        wanted = request.query.get("with_response") in {"true", "1"}
        return (200, answer) if wanted and self.server.tells_responses else (204, None)

    def _open(self, request: Request) -> Asked:
        asked = self.asked.get(request.params["webhook_token"])
        if asked is None or not asked.replied:
            raise RefusedError(404, 10015, "Unknown Webhook")
        if request.params["webhook_id"] != str(self.server.application_id):
            raise RefusedError(404, 10015, "Unknown Webhook")
        return asked

    async def _follow_up(self, request: Request) -> Answer:
        asked = self._open(request)
        if asked.deferred == "thinking":
            # The first follow-up takes the place of "thinking", and its visibility.
            asked.deferred = ""
        else:
            flags = request.body.get("flags") or 0
            asked.ephemeral = bool(flags & _EPHEMERAL)
        self._show(asked, request.body, request)
        return 200, asked.last.told()

    async def _edit(self, request: Request) -> Answer:
        asked = self._open(request)
        if asked.deferred == "thinking":
            asked.deferred = ""
            self._show(asked, request.body, request)
        else:
            self._change(asked, request.body, request, asked.original)
        return 200, asked.last.told()

    async def _delete(self, request: Request) -> Answer:
        asked = self._open(request)
        if asked.deferred == "thinking":
            asked.deferred = "deleted"
        elif asked.original is not None and asked.original in asked.channel.messages:
            asked.channel.messages.remove(asked.original)
        return 204, None

    async def _get(self, request: Request) -> Answer:
        asked = self._open(request)
        if asked.original is None:
            raise RefusedError(404, 10008, "Unknown Message")
        return 200, asked.original.told()

    def _show(self, asked: Asked, body: Json, request: Request) -> None:
        self.server.rest.check_message(body)
        message = Message(snowflake(), asked.channel, self.server.me, body)
        message.ephemeral, message.files = asked.ephemeral, request.files
        asked.original = asked.original or message
        if not asked.ephemeral:
            asked.channel.messages.append(message)
        asked.shown.append(message)
        asked.settled.set()

    def _change(self, asked: Asked, body: Json, request: Request, message: Message | None) -> None:
        assert message is not None
        message.body = {**message.body, **body}
        self.server.rest.check_message(message.body)
        asked.original = message
        asked.shown.append(message)
        asked.settled.set()


def _partial(channel: Channel) -> Json:
    told = channel.told()
    kept = ("id", "type", "name", "guild_id", "parent_id", "thread_metadata", "recipients", "flags")
    partial = {key: told[key] for key in kept if key in told}
    partial["permissions"] = str(EVERYONE)
    if channel.guild is not None and channel.parent is None:
        partial |= {"position": 0, "nsfw": False, "topic": None}
    return partial
