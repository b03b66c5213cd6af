"""A Slack of our own: the Web API in memory, strict about what it is sent.

Made from Slack's published contract (``slack_contract``) and its documentation, not from what our
code happens to send. ``violations`` collects every breach; a test asserts that there is none.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import defaultdict, deque
from typing import Any

from aiohttp import web

from tests.adapters.slack_contract import argument_errors, message_errors, view_errors
from tests.adapters.slack_world import (
    ALL_SCOPES,
    APP_TOKEN,
    BOT_TOKEN,
    NEEDED_SCOPES,
    Call,
    Fault,
    Json,
    Room,
    SlackError,
    describe,
    parse_message,
    read_arguments,
)


class LoopbackSlack:
    """One workspace. ``start`` listens on a free port of this machine."""

    def __init__(self) -> None:
        self.team_id = "T0001"
        self.bot_user = "UBOT"
        self.bot_id = "BBOT"
        self.scopes = set(ALL_SCOPES)
        self.tokens = {BOT_TOKEN}
        self.app_tokens = {APP_TOKEN}
        self.rooms: dict[str, Room] = {}
        self.users: dict[str, Json] = {}
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.room_faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.ephemeral: list[Json] = []
        self.responses: dict[str, list[Json]] = defaultdict(list)
        self.expired: set[str] = set()
        self.losing: set[str] = set()  # response_urls whose answers get lost
        self.views: dict[str, Json] = {}
        self.homes: dict[str, Json] = {}
        self.triggers: dict[str, float] = {}
        self.uploads: dict[str, Json] = {}
        self.sockets_offered = True
        self.history_page = 1000
        self._counter = itertools.count(1)
        self._last_ts = 0
        self._runner: web.AppRunner | None = None
        self.port = 0
        self.app = web.Application(client_max_size=8 * 1024 * 1024)
        self.app.router.add_route("*", "/api/{method}", self._api)
        self.app.router.add_post("/response/{id}", self._response)
        self.app.router.add_post("/upload/{id}", self._upload)

    # --- listening

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    async def start(self, port: int = 0) -> None:
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, reuse_address=True).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # --- the world

    def number(self) -> int:
        return next(self._counter)

    def room(self, name: str = "", **facts: Any) -> Room:
        number = self.number()
        room = Room(f"C{number:07d}", name or f"channel-{number}", **facts)
        self.rooms[room.id] = room
        return room

    def user(self, user_id: str, **facts: Any) -> str:
        self.users[user_id] = {
            "id": user_id,
            "team_id": self.team_id,
            "name": user_id.lower(),
            "tz": "Europe/Berlin",
            "is_admin": False,
            "is_owner": False,
            "is_bot": False,
            **facts,
        }
        return user_id

    def timestamp(self) -> str:
        """A moment, unlike every other one."""
        self._last_ts = max(self._last_ts + 1, int(time.time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def trigger(self) -> str:
        trigger = f"{self.number()}.{time.time_ns()}.abcdef"
        self.triggers[trigger] = time.monotonic()
        return trigger

    def response_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/response/{self.number()}"

    def message(self, room: Room, ts: str) -> Json | None:
        return next((one for one in room.messages if one["ts"] == ts), None)

    def called(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def _breach(self, source: str, errors: Any) -> list[str]:
        found = [f"{source}: {error}" for error in errors]
        self.violations += found
        return found

    # --- the Web API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = await read_arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        token = token or str(arguments.get("token", ""))
        self.calls.append(Call(method, arguments, token, time.monotonic()))
        fault = self._fault(method, arguments)
        if fault is not None and not fault.accept:
            return await self._spoil(request, fault)
        try:
            answer = self._answer(method, arguments, token)
        except SlackError as error:
            answer = error.answer
        if fault is not None and fault.truly:
            await asyncio.sleep(fault.hang)
        elif fault is not None:
            return await self._spoil(request, fault)
        headers = {}
        if token in self.tokens:
            headers["X-OAuth-Scopes"] = ",".join(sorted(self.scopes))
        return web.json_response(answer, headers=headers)

    def _fault(self, method: str, arguments: Json) -> Fault | None:
        if self.faults[method]:
            return self.faults[method].popleft()
        room = str(arguments.get("channel", ""))
        if method == "chat.postMessage" and self.room_faults[room]:
            return self.room_faults[room].popleft()
        return None

    async def _spoil(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        await asyncio.sleep(fault.hang)
        if fault.drop:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
            return web.Response(status=500)
        if isinstance(fault.body, str):
            return web.Response(status=fault.status, text=fault.body, headers=dict(fault.headers))
        return web.json_response(fault.body, status=fault.status, headers=dict(fault.headers))

    def _answer(self, method: str, arguments: Json, token: str) -> Json:
        if method == "apps.connections.open":
            if token not in self.app_tokens:
                raise SlackError("invalid_auth")
            return {"ok": True, "url": self.socket_url()}
        if method == "oauth.v2.access":
            return self._oauth(arguments)
        if token not in self.tokens:
            raise SlackError("invalid_auth" if token else "not_authed")
        needed = NEEDED_SCOPES.get(method, frozenset())
        if not needed <= self.scopes:
            scopes = {"needed": ",".join(needed), "provided": ",".join(sorted(self.scopes))}
            raise SlackError("missing_scope", **scopes)
        handler = getattr(self, f"_do_{method.replace('.', '_')}", None)
        if handler is None:
            raise SlackError("unknown_method")
        if self._breach(method, argument_errors(method, arguments)):
            raise SlackError("invalid_arguments")
        answer: Json = handler({**arguments, "token": token})
        return {"ok": True, **answer}

    def socket_url(self) -> str:
        """Where Socket Mode connects to; the part that can says so."""
        raise SlackError("socket_mode_not_enabled")

    def _oauth(self, arguments: Json) -> Json:
        if arguments.get("code") != "good-code":
            raise SlackError("invalid_code")
        token = f"xoxb-installed-{self.team_id}"
        self.tokens.add(token)
        return {
            "ok": True,
            "access_token": token,
            "token_type": "bot",
            "scope": ",".join(sorted(self.scopes)),
            "bot_user_id": self.bot_user,
            "app_id": "A0001",
            "team": {"id": self.team_id, "name": "Loopback"},
            "enterprise": None,
            "authed_user": {"id": "UADA"},
            "is_enterprise_install": False,
        }

    def _do_auth_test(self, _: Json) -> Json:
        return {
            "url": "https://loopback.example/",
            "team": "Loopback",
            "user": "paperwire",
            "team_id": self.team_id,
            "user_id": self.bot_user,
            "bot_id": self.bot_id,
            "is_enterprise_install": False,
        }

    def _room(self, arguments: Json, *, inside: bool = True) -> Room:
        room = self.rooms.get(str(arguments.get("channel", "")))
        if room is None or (room.private and not room.member):
            raise SlackError("channel_not_found")
        if inside and not room.member:
            raise SlackError("not_in_channel")
        return room

    def _do_chat_postMessage(self, arguments: Json) -> Json:  # noqa: N802  Slack's own name
        room = self._room(arguments)
        if room.archived:
            raise SlackError("is_archived")
        parsed = parse_message(arguments)
        if self._breach("chat.postMessage", message_errors(parsed)):
            raise SlackError("invalid_blocks")
        message = self._stored(parsed)
        parent_ts = arguments.get("thread_ts")
        if parent_ts:
            parent = self.message(room, parent_ts)
            if parent is None or parent.get("thread_ts", parent_ts) != parent_ts:
                raise SlackError("thread_not_found")
            message["thread_ts"] = parent_ts
            parent["thread_ts"] = parent_ts
            parent["reply_count"] = parent.get("reply_count", 0) + 1
            parent["latest_reply"] = message["ts"]
        room.messages.append(message)
        shown = {key: value for key, value in message.items() if key != "metadata"}
        return {"channel": room.id, "ts": message["ts"], "message": shown}

    def _stored(self, parsed: Json) -> Json:
        message: Json = {
            "type": "message",
            "ts": self.timestamp(),
            "user": self.bot_user,
            "bot_id": self.bot_id,
            "app_id": "A0001",
            "team": self.team_id,
            "text": parsed.get("text", ""),
        }
        if parsed.get("blocks"):
            message["blocks"] = [
                {"block_id": f"b{self.number()}", **block} for block in parsed["blocks"]
            ]
        if parsed.get("metadata"):
            message["metadata"] = parsed["metadata"]
        return message

    def _do_chat_postEphemeral(self, arguments: Json) -> Json:  # noqa: N802  Slack's own name
        self._room(arguments)
        parsed = parse_message(arguments)
        if self._breach("chat.postEphemeral", message_errors(parsed)):
            raise SlackError("invalid_blocks")
        self.ephemeral.append(parsed)
        return {"message_ts": self.timestamp()}

    def _do_chat_update(self, arguments: Json) -> Json:
        room = self._room(arguments)
        message = self.message(room, arguments["ts"])
        if message is None:
            raise SlackError("message_not_found")
        parsed = parse_message(arguments)
        self._breach("chat.update", message_errors(parsed))
        message.update(
            {key: parsed[key] for key in ("text", "blocks", "metadata") if key in parsed}
        )
        message["edited"] = {"user": self.bot_user, "ts": self.timestamp()}
        return {"channel": room.id, "ts": message["ts"], "text": message["text"]}

    def _do_conversations_history(self, arguments: Json) -> Json:
        room = self._room(arguments)
        listed = [one for one in room.messages if one.get("thread_ts", one["ts"]) == one["ts"]]
        return self._page(listed[::-1], arguments)

    def _do_conversations_replies(self, arguments: Json) -> Json:
        room = self._room(arguments)
        parent = self.message(room, arguments["ts"])
        if parent is None:
            raise SlackError("thread_not_found")
        replies = [
            one
            for one in room.messages
            if one.get("thread_ts") == parent["ts"] and one["ts"] != parent["ts"]
        ]
        return self._page(replies, arguments, always=[parent])

    def _page(self, listed: list[Json], arguments: Json, always: list[Json] | None = None) -> Json:
        oldest = float(arguments.get("oldest") or 0)
        latest = float(arguments.get("latest") or "inf")
        edge = str(arguments.get("inclusive")) in {"1", "true", "True"}
        kept = [
            one
            for one in listed
            if oldest < float(one["ts"]) < latest or (edge and float(one["ts"]) in {oldest, latest})
        ]
        start = int(str(arguments.get("cursor") or "at:0").removeprefix("at:"))
        size = min(int(arguments.get("limit") or 100), self.history_page)
        page = [*(always or []), *kept[start : start + size]]
        if str(arguments.get("include_all_metadata")) not in {"1", "true", "True"}:
            page = [{k: v for k, v in one.items() if k != "metadata"} for one in page]
        answer: Json = {"messages": page, "has_more": start + size < len(kept)}
        if answer["has_more"]:
            answer["response_metadata"] = {"next_cursor": f"at:{start + size}"}
        return answer

    def _do_reactions_get(self, arguments: Json) -> Json:
        room = self._room(arguments)
        message = self.message(room, arguments["timestamp"])
        if message is None:
            raise SlackError("message_not_found")
        return {"type": "message", "channel": room.id, "message": message}

    def _do_conversations_info(self, arguments: Json) -> Json:
        return {"channel": describe(self._room(arguments, inside=False))}

    def _do_users_conversations(self, arguments: Json) -> Json:
        user = arguments.get("user") or self.bot_user
        rooms = [
            room
            for room in self.rooms.values()
            if user in room.people and (not room.private or room.member)
        ]
        return {"channels": [describe(room) for room in rooms]}

    def _do_users_info(self, arguments: Json) -> Json:
        user = self.users.get(arguments["user"])
        if user is None:
            raise SlackError("user_not_found")
        return {"user": user}

    # --- views and files

    def _view(self, arguments: Json, source: str) -> Json:
        view = arguments["view"]
        view = json.loads(view) if isinstance(view, str) else view
        if self._breach(source, view_errors(view)):
            raise SlackError("invalid_arguments")
        return dict(view)

    def _do_views_open(self, arguments: Json) -> Json:
        opened = self.triggers.pop(arguments["trigger_id"], None)
        if opened is None:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() - opened > 60:  # three at Slack; a busy machine takes longer
            raise SlackError("expired_trigger_id")
        view = self._view(arguments, "views.open")
        view_id = f"V{self.number():07d}"
        self.views[view_id] = {**view, "id": view_id, "hash": str(self.number())}
        return {"view": self.views[view_id]}

    def _do_views_update(self, arguments: Json) -> Json:
        view_id = arguments.get("view_id", "")
        if view_id not in self.views:
            raise SlackError("not_found")
        view = self._view(arguments, "views.update")
        self.views[view_id] = {**view, "id": view_id, "hash": str(self.number())}
        return {"view": self.views[view_id]}

    def _do_views_publish(self, arguments: Json) -> Json:
        view = self._view(arguments, "views.publish")
        self.homes[arguments["user_id"]] = {**view, "id": f"V{self.number():07d}"}
        return {"view": self.homes[arguments["user_id"]]}

    def _do_files_getUploadURLExternal(self, arguments: Json) -> Json:  # noqa: N802  as above
        file_id = f"F{self.number():07d}"
        self.uploads[file_id] = {"length": int(arguments["length"]), "data": b"", "done": False}
        url = f"http://127.0.0.1:{self.port}/upload/{file_id}"
        return {"upload_url": url, "file_id": file_id}

    def _do_files_completeUploadExternal(self, arguments: Json) -> Json:  # noqa: N802  as above
        files = arguments["files"]
        files = json.loads(files) if isinstance(files, str) else files
        for one in files:
            upload = self.uploads.get(one["id"])
            if upload is None or len(upload["data"]) != upload["length"]:
                raise SlackError("file_not_found")
            upload["done"] = True
        return {"files": files}

    async def _upload(self, request: web.Request) -> web.Response:
        self.uploads[request.match_info["id"]]["data"] = await request.read()
        return web.Response(text="OK - 1")

    async def _response(self, request: web.Request) -> web.StreamResponse:
        """A response_url: five times within half an hour."""
        url_id = request.match_info["id"]
        if url_id in self.expired:
            return web.Response(status=404, text="expired_url")
        if len(self.responses[url_id]) >= 5:
            return web.Response(status=404, text="used_url")
        message = await request.json()
        if self._breach("response_url", message_errors(message)):
            return web.json_response({"ok": False, "error": "invalid_blocks"}, status=400)
        self.responses[url_id].append(message)
        if url_id in self.losing:
            return await self._spoil(request, Fault(drop=True))
        return web.Response(text="ok")
