"""A service that has the least of Slack's contract is served too: nothing else is relied on."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from bot.domain import Signal
from bot.platforms.slack import Connection, Slack
from bot.ports import Found, Sent
from tests.adapters.counterpart import header, paper, until
from tests.adapters.slack_place import WholeInbound

Json = dict[str, Any]


class BareSlack:
    """Five methods, one socket, and payloads with only what is documented as always there."""

    def __init__(self) -> None:
        self.messages: list[Json] = []
        self.answers: list[Json] = []
        self.acknowledged: set[str] = set()
        self.socket: web.WebSocketResponse | None = None
        self.numbers = itertools.count(1)
        self.port = 0
        app = web.Application()
        app.router.add_route("*", "/slack/api/{method}", self.api)
        app.router.add_get("/ws", self.connect)
        app.router.add_post("/answer", self.answer)
        self.runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.port = self.runner.addresses[0][1]

    async def api(self, request: web.Request) -> web.Response:
        given: Json = dict(request.query)
        if request.method == "POST":
            is_json = request.content_type == "application/json"
            given |= await request.json() if is_json else dict(await request.post())
        method = request.match_info["method"]
        answer: Json = {"ok": False, "error": "unknown_method"}
        if method == "auth.test":
            answer = {"ok": True, "team_id": "T9", "user_id": "U9"}
        elif method == "apps.connections.open":
            answer = {"ok": True, "url": f"ws://127.0.0.1:{self.port}/ws"}
        elif method == "chat.postMessage":
            now = datetime.now(UTC).timestamp()
            ts = f"{int(now)}.{next(self.numbers):06d}"
            kept = ("text", "blocks", "thread_ts")
            message = {key: given[key] for key in kept if key in given}
            self.messages.append({"type": "message", "user": "U9", "ts": ts, **message})
            answer = {"ok": True, "channel": given["channel"], "ts": ts}
        elif method == "conversations.history":
            tops = [one for one in self.messages if "thread_ts" not in one]
            answer = {"ok": True, "messages": tops[::-1]}
        elif method == "conversations.replies":
            thread = [one for one in self.messages if one.get("thread_ts") == given["ts"]]
            answer = {"ok": True, "messages": thread}
        return web.json_response(answer)

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        await self.socket.send_json({"type": "hello"})
        async for frame in self.socket:
            if frame.type is WSMsgType.TEXT:
                self.acknowledged.add(json.loads(frame.data)["envelope_id"])
        return self.socket

    async def answer(self, request: web.Request) -> web.Response:
        self.answers.append(await request.json())
        return web.Response()

    async def deliver(self, kind: str, payload: Json) -> None:
        assert self.socket is not None
        envelope_id = f"e{next(self.numbers)}"
        await self.socket.send_json({"type": kind, "envelope_id": envelope_id, "payload": payload})
        await until(lambda: envelope_id in self.acknowledged, f"word that {kind} came")


@pytest.fixture
async def bare() -> AsyncIterator[BareSlack]:
    service = BareSlack()
    await service.start()
    yield service
    await service.runner.cleanup()


async def test_digests_votes_and_commands_work_with_the_least(bare: BareSlack) -> None:
    adapter = Slack(
        Connection(
            api_url=f"http://127.0.0.1:{bare.port}/slack/api/",
            bot_token="xoxb-x",
            app_token="xapp-x",
            pace_seconds=0.0,
            ping_seconds=20.0,
        )
    )
    core = WholeInbound()
    await adapter.start(core)
    await until(lambda: bare.socket is not None and core.reconnections == 1, "the connection")
    url = f"http://127.0.0.1:{bare.port}/answer"
    command = {"command": "/papers", "text": "subscribe vowels", "response_url": url}
    await bare.deliver("slash_commands", {**command, "channel_id": "C1", "user_id": "U1"})
    await until(lambda: len(bare.answers) == 1, "the answer")
    assert "Understood." in bare.answers[0]["text"]
    address = core.core.commands[0].place.address
    assert address == "T9/C1"
    head = await adapter.send(address, header(), "k0")
    assert isinstance(head, Sent)
    reply = await adapter.send(address, paper(), "k1", parent=head.remote_id)
    assert isinstance(reply, Sent)
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert await adapter.find(address, "k0", since=since) == Found(head.remote_id)
    assert await adapter.find(address, "k1", since=since) == Found(reply.remote_id)
    event = {
        "type": "reaction_added",
        "user": "U1",
        "reaction": "+1",
        "item": {"type": "message", "channel": "C1", "ts": reply.remote_id},
    }
    envelope = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event}
    await bare.deliver("events_api", envelope)
    removed = {**event, "type": "reaction_removed"}
    await bare.deliver("events_api", {**envelope, "event_id": "Ev2", "event": removed})
    assert [(v.signal, v.on, v.place.address) for v in core.core.votes] == [
        (Signal.LIKE, True, address),
        (Signal.LIKE, False, address),
    ]
    press = {
        "type": "block_actions",
        "user": {"id": "U1"},
        "team": {"id": "T1"},
        "trigger_id": "1.2",
        "channel": {"id": "C1"},
        "message": {"ts": reply.remote_id},
        "response_url": url,
        "actions": [{"type": "button", "action_id": "vote.save", "value": "1 2606.00001"}],
    }
    await bare.deliver("interactive", press)
    await until(lambda: len(bare.answers) == 2, "the answer to the press")
    assert core.core.votes[-1].remote_id == reply.remote_id
    await bare.deliver("events_api", {**envelope, "event_id": "Ev3", "event": {"type": "odd"}})
    home = {"type": "app_home_opened", "user": "U1"}
    await bare.deliver("events_api", {**envelope, "event_id": "Ev4", "event": home})
    assert await adapter.standing(address, reply.remote_id) is None
    await adapter.stop()
