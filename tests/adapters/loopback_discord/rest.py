"""The loopback's REST side: every request judged by the contract, then carried out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.adapters.loopback_discord.contract import judge_commands, judge_message
from tests.adapters.loopback_discord.world import (
    DIRECT,
    FORUM,
    NEWS,
    Channel,
    Guild,
    Message,
    snowflake,
)

if TYPE_CHECKING:
    from tests.adapters.loopback_discord.server import Fault, LoopbackDiscord

Json = Any
Answer = tuple[int, Json]
MESSAGES = "/channels/{channel_id}/messages"


class RefusedError(Exception):
    """Discord's way of saying no."""

    def __init__(self, status: int, code: int, message: str, errors: Json = None) -> None:
        self.status = status
        self.body = {"code": code, "message": message, **({"errors": errors} if errors else {})}
        super().__init__(message)


UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
MISSING_ACCESS = (403, 50001, "Missing Access")
MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")


class Request:
    """One request, taken apart."""

    def __init__(
        self, template: str, params: Mapping[str, str], query: Mapping[str, str], body: Json
    ) -> None:
        self.template = template
        self.params = params
        self.query = query
        self.body = body
        self.files: dict[str, bytes] = {}

    def number(self, name: str) -> int:
        return int(self.params[name])


class Rest:
    """Answers requests; what people do with interactions is in ``people``."""

    def __init__(self, server: LoopbackDiscord) -> None:
        self.server = server
        self.rate_limited = 0
        self._windows: dict[str, tuple[float, int]] = {}
        self.handlers: dict[tuple[str, str], Callable[[Request], Awaitable[Answer]]] = {
            ("GET", "/users/@me"): self._me,
            ("GET", "/oauth2/applications/@me"): self._application,
            ("GET", "/applications/@me"): self._application,
            ("GET", "/gateway/bot"): self._gateway,
            ("GET", "/applications/{application_id}/commands"): self._commands,
            ("PUT", "/applications/{application_id}/commands"): self._set_commands,
            (
                "GET",
                "/applications/{application_id}/guilds/{guild_id}/commands/permissions",
            ): self._command_permissions,
            ("GET", "/channels/{channel_id}"): self._channel,
            ("GET", "/guilds/{guild_id}"): self._guild,
            ("GET", "/guilds/{guild_id}/members/{user_id}"): self._member,
            ("GET", MESSAGES): self._history,
            ("POST", MESSAGES): self._post,
            ("GET", f"{MESSAGES}/{{message_id}}"): self._message,
            ("POST", f"{MESSAGES}/{{message_id}}/crosspost"): self._crosspost,
            ("POST", f"{MESSAGES}/{{message_id}}/threads"): self._start_thread,
            ("GET", f"{MESSAGES}/{{message_id}}/reactions/{{emoji_name}}"): self._reactions,
            ("PUT", f"{MESSAGES}/{{message_id}}/reactions/{{emoji_name}}/@me"): self._react,
            ("POST", "/channels/{channel_id}/threads"): self._forum_post,
            ("GET", "/guilds/{guild_id}/threads/active"): self._active_threads,
            ("GET", "/channels/{channel_id}/threads/archived/public"): self._archived_threads,
        }

    async def handle(self, raw: web.Request) -> web.StreamResponse:
        """Judge, limit, fail as told to, carry out, and judge our own answer."""
        server = self.server
        path = "/" + raw.match_info["rest"]
        body, files = await _read(raw)
        found = server.contract.template(raw.method, path)
        if found is None:
            server.troubles.append(f"no such operation: {raw.method} {path}")
            return _json(404, {"code": 0, "message": "404: Not Found"})
        template, params = found
        request = Request(template, params, dict(raw.query), body)
        request.files = files
        for trouble in server.contract.judge_request(raw.method, template, request.query, body):
            server.troubles.append(f"{raw.method} {path}: {trouble}")
        bearer = "/interactions/" in path or "/webhooks/" in path
        if not bearer and raw.headers.get("Authorization") != f"Bot {server.token}":
            return self._told(raw, request, (401, {"code": 0, "message": "401: Unauthorized"}), {})
        fault = server.take_fault(raw.method, path)
        if fault is not None:
            return await self._fail(raw, request, fault)
        limited, headers = self._limit(raw.method, template, params)
        if limited:
            self.rate_limited += 1
            return self._told(raw, request, limited, headers)
        answer = await self._carry_out(raw.method, request)
        return self._told(raw, request, answer, headers)

    async def _carry_out(self, method: str, request: Request) -> Answer:
        handler = self.handlers.get((method, request.template))
        if handler is None:
            self.server.troubles.append(f"not in this loopback: {method} {request.template}")
            return 404, {"code": 0, "message": "404: Not Found"}
        try:
            return await handler(request)
        except RefusedError as refused:
            return refused.status, refused.body

    async def _fail(self, raw: web.Request, request: Request, fault: Fault) -> web.StreamResponse:
        if fault.accept:
            await self._carry_out(raw.method, request)
        if fault.status is not None:
            self._note(raw, request, fault.status)
            return _json(fault.status, fault.body, fault.headers or {})
        self._note(raw, request, 0)
        if fault.hang:
            await self.server.stopping.wait()
        if raw.transport is not None:
            raw.transport.abort()
        return web.Response(status=500)

    def _told(
        self, raw: web.Request, request: Request, answer: Answer, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        status, body = answer
        contract = self.server.contract
        for trouble in contract.judge_answer(raw.method, request.template, status, body):
            where = f"our own answer to {raw.method} {request.template}"
            self.server.troubles.append(f"{where}: {trouble}")
        self._note(raw, request, status)
        return _json(status, body, headers)

    def _note(self, raw: web.Request, request: Request, status: int) -> None:
        from tests.adapters.loopback_discord.server import Seen

        path = "/" + raw.match_info["rest"]
        seen = Seen(raw.method, path, request.template, request.query, request.body, status)
        self.server.seen.append(seen)

    def _limit(
        self, method: str, template: str, params: Mapping[str, str]
    ) -> tuple[Answer | None, dict[str, str]]:
        """Count against the bucket, and say in headers how it stands, as Discord does."""
        limit, window = self.server.limits.get((method, template), (1000, 1.0))
        major = params.get("channel_id") or params.get("guild_id") or ""
        bucket, now = f"{method}{template}{major}", time.time()
        begun, used = self._windows.get(bucket, (now, 0))
        if now >= begun + window:
            begun, used = now, 0
        self._windows[bucket] = (begun, used + 1)
        after = max(begun + window - now, 0.001)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used - 1)),
            "X-RateLimit-Reset": f"{now + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": f"{abs(hash((method, template))):x}",
            "Via": "1.1 loopback",
        }
        if used < limit:
            return None, headers
        body = {
            "code": 0,
            "message": "You are being rate limited.",
            "retry_after": round(after, 3),
            "global": False,
        }
        return (429, body), headers | {"Retry-After": f"{after:.0f}"}

    # --- what may be seen and done

    def open_channel(self, number: int, *needed: str) -> Channel:
        """Return a channel in which the bot may do this, or say why not."""
        channel = self.server.find_channel(number)
        if channel is None or channel.deleted:
            raise RefusedError(*UNKNOWN_CHANNEL)
        if (channel.guild is not None and channel.guild.removed) or not channel.allows(
            "view_channel"
        ):
            raise RefusedError(*MISSING_ACCESS)
        if not channel.allows(*needed):
            if channel.kind == DIRECT:
                raise RefusedError(403, 50007, "Cannot send messages to this user")
            raise RefusedError(*MISSING_PERMISSIONS)
        return channel

    def _open_message(self, request: Request, *needed: str) -> Message:
        channel = self.open_channel(request.number("channel_id"), *needed)
        message = self.server.message(channel, request.number("message_id"))
        if message is None:
            raise RefusedError(*UNKNOWN_MESSAGE)
        return message

    def _open_guild(self, number: int) -> Guild:
        guild = self.server.guilds.get(number)
        if guild is None or guild.removed:
            raise RefusedError(404, 10004, "Unknown Guild")
        return guild

    def check_message(self, body: Json) -> None:
        """Refuse what Discord refuses; an adapter that is refused so is to blame."""
        troubles = judge_message(body)
        if troubles:
            self.server.troubles += [f"a message: {trouble}" for trouble in troubles]
            raise RefusedError(400, 50035, f"Invalid Form Body: {troubles[0]}")

    # --- the bot itself

    async def _me(self, _: Request) -> Answer:
        me = {**self.server.me.told(), "mfa_enabled": False, "locale": "en-US"}
        return 200, {**me, "email": None, "verified": True}

    async def _application(self, _: Request) -> Answer:
        return 200, {
            "id": str(self.server.application_id),
            "name": "Paperwire",
            "icon": None,
            "description": "",
            "type": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "00",
            "flags": 0,
            "flags_new": "0",
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": self.server.user("owner").told(),
            "approximate_guild_count": len(self.server.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
        }

    async def _gateway(self, _: Request) -> Answer:
        return 200, {
            "url": self.server.gateway_url,
            "shards": self.server.shards,
            "session_start_limit": {
                "total": 1000,
                "remaining": self.server.sessions_left,
                "reset_after": 300,
                "max_concurrency": self.server.max_concurrency,
            },
        }

    async def _commands(self, _: Request) -> Answer:
        return 200, self.server.commands

    async def _set_commands(self, request: Request) -> Answer:
        self.server.troubles += judge_commands(request.body)
        self.server.commands = [
            {
                "description": "",
                "nsfw": False,
                **command,
                "id": str(snowflake()),
                "version": str(snowflake()),
                "application_id": str(self.server.application_id),
                "type": command.get("type", 1),
                "default_member_permissions": _text(command.get("default_member_permissions")),
                "options": [_stored(option) for option in command.get("options") or ()],
            }
            for command in request.body
        ]
        for command in self.server.commands:
            if not command["options"]:
                del command["options"]
        return 200, self.server.commands

    async def _command_permissions(self, request: Request) -> Answer:
        guild = self._open_guild(request.number("guild_id"))
        return 200, [self.server.chosen(guild, name) for name in guild.chosen]

    # --- servers and channels

    async def _guild(self, request: Request) -> Answer:
        guild = self._open_guild(request.number("guild_id"))
        told = guild.created()
        gone = ("channels", "threads", "members", "voice_states", "presences", "member_count")
        told = {key: value for key, value in told.items() if key not in gone}
        more = {
            "home_header": None,
            "region": "us",
            "afk_channel_id": None,
            "system_channel_id": None,
            "widget_enabled": False,
            "widget_channel_id": None,
            "max_presences": None,
            "max_members": 500_000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "nsfw": False,
            "hub_type": None,
            "latest_onboarding_question_id": None,
            "incidents_data": None,
            "inventory_settings": None,
            "premium_subscription_count": 0,
            "owner_configured_content_level": None,
        }
        return 200, {**told, **more}

    async def _member(self, request: Request) -> Answer:
        guild = self._open_guild(request.number("guild_id"))
        user = self.server.users.get(request.number("user_id"))
        if user is None:
            raise RefusedError(404, 10007, "Unknown Member")
        return 200, guild.member(user)

    async def _channel(self, request: Request) -> Answer:
        return 200, self.open_channel(request.number("channel_id")).told()

    async def _active_threads(self, request: Request) -> Answer:
        guild = self._open_guild(request.number("guild_id"))
        open_ones = [t for t in guild.threads.values() if not t.archived]
        return 200, {"threads": [t.told() for t in open_ones], "members": [], "has_more": False}

    async def _archived_threads(self, request: Request) -> Answer:
        channel = self.open_channel(request.number("channel_id"), "read_message_history")
        assert channel.guild is not None
        archived = [t for t in channel.guild.threads.values() if t.archived and t.parent is channel]
        return 200, {"threads": [t.told() for t in archived], "members": [], "has_more": False}

    # --- messages

    async def _post(self, request: Request) -> Answer:
        server = self.server
        number = request.number("channel_id")
        channel = self.open_channel(number)
        thread = channel.parent is not None
        channel = self.open_channel(
            number, "send_messages_in_threads" if thread else "send_messages"
        )
        if channel.kind == FORUM:
            raise RefusedError(400, 50008, "Cannot send messages in a non-text channel")
        self.check_message(request.body)
        if request.body.get("embeds") and not channel.allows("embed_links"):
            raise RefusedError(*MISSING_PERMISSIONS)
        nonce = request.body.get("nonce")
        if nonce is not None and request.body.get("enforce_nonce"):
            for message in channel.messages:
                young = time.monotonic() - message.created < server.nonce_seconds
                if message.nonce == nonce and message.author is server.me and young:
                    return 200, message.told(with_nonce=True)
        channel.archived = False
        message = await server.add_message(channel, server.me, request.body)
        message.nonce, message.files = nonce, request.files
        return 200, message.told(with_nonce=True)

    async def _history(self, request: Request) -> Answer:
        channel = self.open_channel(request.number("channel_id"))
        messages = list(channel.messages) if channel.allows("read_message_history") else []
        limit = int(request.query.get("limit", 50))
        if "after" in request.query:
            after = int(request.query["after"])
            messages = [m for m in messages if m.id > after][:limit]
        elif "before" in request.query:
            before = int(request.query["before"])
            messages = [m for m in messages if m.id < before][-limit:]
        else:
            messages = messages[-limit:]
        nonce = self.server.history_tells_nonce
        return 200, [m.told(with_nonce=nonce) for m in reversed(messages)]

    async def _message(self, request: Request) -> Answer:
        return 200, self._open_message(request, "read_message_history").told()

    async def _crosspost(self, request: Request) -> Answer:
        message = self._open_message(request)
        if message.channel.kind != NEWS:
            raise RefusedError(400, 50024, "Cannot execute action on this channel type")
        if message.crossposted:
            raise RefusedError(400, 40033, "This message has already been crossposted")
        message.crossposted = True
        return 200, message.told()

    async def _start_thread(self, request: Request) -> Answer:
        message = self._open_message(request, "create_public_threads")
        if message.channel.parent is not None or message.channel.kind == DIRECT:
            raise RefusedError(400, 50024, "Cannot execute action on this channel type")
        if message.thread is not None:
            raise RefusedError(400, 160004, "A thread has already been created for this message")
        message.thread = await self.server.add_thread(
            message.channel, request.body["name"], self.server.me, number=message.id
        )
        return 201, message.thread.told()

    async def _forum_post(self, request: Request) -> Answer:
        forum = self.open_channel(request.number("channel_id"), "send_messages")
        if forum.kind != FORUM:
            raise RefusedError(400, 50024, "Cannot execute action on this channel type")
        body = request.body
        if forum.needs_tag and not body.get("applied_tags"):
            raise RefusedError(400, 40067, "A tag is required to create a forum post here")
        if "nonce" in body["message"]:
            self.server.troubles.append("a forum post: a nonce does nothing there")
        self.check_message(body["message"])
        thread = await self.server.add_thread(forum, body["name"], self.server.me)
        thread.applied = [str(tag) for tag in body.get("applied_tags") or ()]
        message = await self.server.add_message(
            thread, self.server.me, body["message"], number=thread.id
        )
        return 201, {**thread.told(), "message": message.told()}

    # --- reactions

    async def _reactions(self, request: Request) -> Answer:
        message = self._open_message(request, "read_message_history")
        if request.query.get("type") == "1":
            return 200, []
        emoji = request.params["emoji_name"]
        after, limit = int(request.query.get("after", 0)), int(request.query.get("limit", 25))
        users = sorted(message.reactions.get(emoji, {}).values(), key=lambda user: user.id)
        return 200, [user.told() for user in users if user.id > after][:limit]

    async def _react(self, request: Request) -> Answer:
        message = self._open_message(request, "add_reactions", "read_message_history")
        await self.server.react(message, self.server.me, request.params["emoji_name"], on=True)
        return 204, None


async def _read(raw: web.Request) -> tuple[Json, dict[str, bytes]]:
    if raw.content_type == "multipart/form-data":
        body, files = None, {}
        async for part in await raw.multipart():
            if part.name == "payload_json":
                body = json.loads(await part.text())
            else:
                files[part.name] = await part.read()
        return body, files
    text = await raw.text()
    return (json.loads(text) if text else None), {}


def _json(status: int, body: Json, headers: Mapping[str, str] | None = None) -> web.Response:
    if status == 204:
        return web.Response(status=204, headers=headers)
    if isinstance(body, str):
        return web.Response(status=status, text=body, headers=headers)
    # Exactly this type: clients compare it as a whole.
    told = {**(headers or {}), "Content-Type": "application/json"}
    return web.Response(status=status, body=json.dumps(body).encode(), headers=told)


def _stored(option: Json) -> Json:
    """Return an option as Discord stores it: what is default is left out."""
    kept = {k: v for k, v in option.items() if v is not None and v is not False and v != []}
    if "options" in option:
        kept["options"] = [_stored(inner) for inner in option["options"]]
    return kept


def _text(value: object) -> str | None:
    return None if value is None else str(value)


async def pause() -> None:
    """Let everything else run once."""
    await asyncio.sleep(0)
