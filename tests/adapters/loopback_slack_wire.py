"""How the loopback Slack reaches an app: Socket Mode or signed HTTP, with Slack's retries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.adapters.loopback_slack import LoopbackSlack
from tests.adapters.slack_contract import view_errors
from tests.adapters.slack_world import SIGNING_SECRET, Json, Room

ACK_SECONDS = 60.0  # three at Slack; a busy machine takes longer
KINDS = {"events_api": "event", "slash_commands": "command", "interactive": "press"}


class UnacknowledgedError(AssertionError):
    """The app did not acknowledge in time."""


class WiredSlack(LoopbackSlack):
    """The loopback with people in it: what they do becomes events, commands and presses."""

    def __init__(self) -> None:
        super().__init__()
        self.http_target: str | None = None
        self.sockets: list[web.WebSocketResponse] = []
        self.retry_delays: tuple[float, ...] = (0.0,)
        self.ack_seconds = ACK_SECONDS
        self.late: list[str] = []  # deliveries that were not acknowledged in time
        self.acknowledged: list[Json] = []
        self.sockets_opened = 0
        self.hides_private_names = True  # as Slack does
        self._tickets: set[str] = set()
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.app.router.add_get("/socket", self._socket)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.kill_sockets()
        await super().stop()

    # --- Socket Mode

    def socket_url(self) -> str:
        ticket = f"ticket-{self.number()}"
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self.port}/socket?ticket={ticket}&app_id=A0001"

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or not self.sockets_offered:
            self._tickets.discard(ticket)
            return web.Response(status=408)
        self._tickets.discard(ticket)  # an address serves once
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self.sockets) + 1,
                "debug_info": {"host": "loopback", "approximate_connection_time": 18060},
                "connection_info": {"app_id": "A0001"},
            }
        )
        self.sockets.append(socket)
        self.sockets_opened += 1
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    answer = json.loads(frame.data)
                    waiting = self._waiting.get(answer.get("envelope_id", ""))
                    if waiting is None:
                        self.violations.append(f"an acknowledgement of nothing: {answer}")
                    elif not waiting.done():
                        waiting.set_result(answer)
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)
        return socket

    async def kill_sockets(self) -> None:
        """Cut every connection without a word."""
        for socket in list(self.sockets):
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()
        self.sockets.clear()

    async def ask_to_reconnect(self, reason: str = "refresh_requested") -> None:
        """Send the frame with which Slack ends a connection."""
        for socket in list(self.sockets):
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})

    async def connected(self) -> None:
        deadline = time.monotonic() + 30
        while not self.sockets:
            assert time.monotonic() < deadline, "the app never connected"
            await asyncio.sleep(0.01)

    # --- delivering

    async def deliver(
        self, kind: str, payload: Json, *, envelope_id: str = "", retry: int = 0
    ) -> Json | None:
        """Deliver once; return the acknowledgement's payload, raise where none came."""
        started = time.monotonic()
        if self.http_target is not None:
            answer = await self._by_http(kind, payload, retry)
        else:
            answer = await self._by_socket(kind, payload, envelope_id, retry)
        if time.monotonic() - started > self.ack_seconds:
            self.late.append(kind)
        self.acknowledged.append(payload)
        return answer

    async def _by_socket(self, kind: str, payload: Json, envelope_id: str, retry: int) -> Json:
        if not self.sockets:
            raise UnacknowledgedError("no connection")
        envelope_id = envelope_id or f"envelope-{self.number()}"
        self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        envelope: Json = {
            "type": kind,
            "envelope_id": envelope_id,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        try:
            await self.sockets[-1].send_json(envelope)
            answer = await asyncio.wait_for(self._waiting[envelope_id], self.ack_seconds)
        except (TimeoutError, ConnectionError) as trouble:
            raise UnacknowledgedError(f"{kind} was not acknowledged") from trouble
        return dict(answer.get("payload") or {})

    def sign(self, body: bytes, secret: str = SIGNING_SECRET, at: int | None = None) -> Json:
        stamp = str(int(time.time()) if at is None else at)
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    def encode(self, kind: str, payload: Json) -> tuple[bytes, str]:
        """Return a delivery's body and content type, as Slack sends them by HTTP."""
        if kind == "events_api":
            return json.dumps(payload).encode(), "application/json"
        form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        return urlencode(form).encode(), "application/x-www-form-urlencoded"

    async def _by_http(self, kind: str, payload: Json, retry: int) -> Json:
        body, content_type = self.encode(kind, payload)
        headers = {"Content-Type": content_type, **self.sign(body)}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_error"}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    str(self.http_target),
                    data=body,
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=self.ack_seconds),
                ) as answer,
            ):
                text = await answer.text()
                if answer.status != 200:
                    raise UnacknowledgedError(f"{kind}: HTTP {answer.status} {text[:200]}")
                return dict(json.loads(text)) if text.startswith("{") else {"text": text}
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise UnacknowledgedError(f"{kind}: {trouble}") from trouble

    async def event(self, event: Json, *, event_id: str = "", team_id: str = "") -> bool:
        """Deliver an event as Slack does, with retries; return whether it was acknowledged."""
        event_id = event_id or f"Ev{self.number():08d}"
        payload = {
            "token": "verification",
            "team_id": team_id or self.team_id,
            "api_app_id": "A0001",
            "event": {"event_ts": self.timestamp(), **event},
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(time.time()),
            "authed_users": [self.bot_user],
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": team_id or self.team_id,
                    "user_id": self.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        for retry, delay in enumerate((0.0, *self.retry_delays)):
            await asyncio.sleep(delay)
            try:
                await self.deliver("events_api", payload, retry=retry)
            except UnacknowledgedError:
                continue
            return True
        return False

    def soon(self, work: Any) -> None:
        """Let Slack do something while the test goes on."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- people

    async def react(self, room: Room, ts: str, user: str, name: str, *, on: bool) -> None:
        """Add or remove a reaction; nothing is sent where that was so already."""
        message = self.message(room, ts)
        assert message is not None
        reactions = message.setdefault("reactions", [])
        one = next((one for one in reactions if one["name"] == name), None)
        if on == (one is not None and user in one["users"]):
            return
        if on:
            if one is None:
                one = {"name": name, "users": [], "count": 0}
                reactions.append(one)
            one["users"].append(user)
        else:
            assert one is not None
            one["users"].remove(user)
        one["count"] = len(one["users"])
        message["reactions"] = [one for one in reactions if one["users"]]
        if self.sockets or self.http_target:
            await self.event(
                {
                    "type": "reaction_added" if on else "reaction_removed",
                    "user": user,
                    "reaction": name,
                    "item_user": self.bot_user,
                    "item": {"type": "message", "channel": room.id, "ts": ts},
                }
            )

    async def type_command(self, room: Room, user: str, text: str, url: str = "") -> str:
        """Type ``/papers text``; return the response_url's id."""
        url = url or self.response_url()
        payload = {
            "token": "verification",
            "team_id": self.team_id,
            "team_domain": "loopback",
            "channel_id": room.id,
            "channel_name": self.name_told(room),
            "user_id": user,
            "user_name": user.lower(),
            "command": "/papers",
            "text": text,
            "api_app_id": "A0001",
            "is_enterprise_install": "false",
            "response_url": url,
            "trigger_id": self.trigger(),
        }
        answer = await self.deliver("slash_commands", payload)
        url_id = url.rpartition("/")[2]
        if answer and answer.get("text"):
            self.responses[url_id].append(answer)
        return url_id

    def name_told(self, room: Room) -> str:
        """The name of a channel in commands and presses."""
        return "privategroup" if room.private and self.hides_private_names else room.name

    def _interaction(self, user: str, kind: str) -> Json:
        return {
            "type": kind,
            "user": {"id": user, "username": user.lower(), "team_id": self.team_id},
            "api_app_id": "A0001",
            "token": "verification",
            "team": {"id": self.team_id, "domain": "loopback"},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self.trigger(),
        }

    async def press(
        self, room: Room, message: Json, user: str, element: Json, *, ephemeral: bool = False
    ) -> str:
        """Press a button of a message; return the response_url's id."""
        url = self.response_url()
        ts = message.get("ts") or self.timestamp()
        payload = self._interaction(user, "block_actions") | {
            "container": {
                "type": "message",
                "message_ts": ts,
                "channel_id": room.id,
                "is_ephemeral": ephemeral,
                **({"thread_ts": message["thread_ts"]} if message.get("thread_ts") else {}),
            },
            "channel": {
                "id": room.id,
                "name": self.name_told(room),
            },
            "state": {"values": {}},
            "response_url": url,
            "actions": [_pressed(element, self.timestamp())],
        }
        if not ephemeral:
            payload["message"] = message
        await self.deliver("interactive", payload)
        return url.rpartition("/")[2]

    async def press_in_view(self, user: str, view: Json, element: Json) -> None:
        """Press a button of a modal or of the home page."""
        payload = self._interaction(user, "block_actions") | {
            "container": {"type": "view", "view_id": view["id"]},
            "view": {"state": {"values": {}}, "private_metadata": "", **view},
            "actions": [_pressed(element, self.timestamp())],
        }
        await self.deliver("interactive", payload)

    async def submit(self, user: str, view: Json, values: Json) -> Json:
        """Send a modal in; return what the acknowledgement asks for."""
        payload = self._interaction(user, "view_submission") | {
            "view": {**view, "state": {"values": values}},
            "response_urls": [],
        }
        answer = await self.deliver("interactive", payload) or {}
        if answer.get("response_action") == "update":
            self.violations += [
                f"view_submission: {error}" for error in view_errors(answer["view"])
            ]
            self.views[view["id"]] = {**answer["view"], "id": view["id"]}
        return answer


def _pressed(element: Json, at: str) -> Json:
    return {"block_id": "b", **element, "action_ts": at}


def elements(blocks: list[Json]) -> list[Json]:
    """Return everything in blocks that can be pressed."""
    return [
        {**element, "block_id": block.get("block_id", "b")}
        for block in blocks
        if block.get("type") == "actions"
        for element in block["elements"]
    ]
