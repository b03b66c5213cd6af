"""The loopback's gateway: sessions by shard, resumable, compressed as they were asked to be."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from tests.adapters.loopback_discord.server import LoopbackDiscord

Json = Any
GUILDS, GUILD_MESSAGES, GUILD_REACTIONS = 1 << 0, 1 << 9, 1 << 10
DIRECT_REACTIONS = 1 << 13
PRIVILEGED = (1 << 1) | (1 << 8) | (1 << 15)


@dataclass(slots=True)
class Session:
    """What Discord remembers of a connection, so that it can be resumed."""

    id: str
    shard: int
    shards: int
    intents: int
    socket: Socket | None = None
    sequence: int = 0
    told: list[Json] = field(default_factory=list)

    async def tell(self, event: str, data: Json) -> None:
        self.sequence += 1
        payload = {"op": 0, "t": event, "s": self.sequence, "d": data}
        self.told.append(payload)
        if self.socket is not None:
            await self.socket.send(payload)


class Socket:
    """One connection, with the compression that it asked for."""

    def __init__(self, socket: web.WebSocketResponse, *, compressed: bool) -> None:
        self.socket = socket
        self.mute = False  # answers nothing more, as a dead peer
        self.closing = False  # by us
        self._deflate = zlib.compressobj() if compressed else None

    async def send(self, payload: Json) -> None:
        await self.send_text(json.dumps(payload))

    async def send_text(self, text: str) -> None:
        if self.mute or self.socket.closed:
            return
        if self._deflate is None:
            await self.socket.send_str(text)
            return
        data = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        await self.socket.send_bytes(data)


class Gateway:
    """Speaks the gateway's protocol; the server tells it what happens."""

    def __init__(self, server: LoopbackDiscord) -> None:
        self.server = server
        self.sessions: dict[str, Session] = {}
        self.identified: list[tuple[int, int]] = []
        self.resumed: list[str] = []
        self.beats = 0
        self.open = True
        self.heartbeat_ms = 41_250
        self.identify_interval = 0.0
        self.troubles: list[str] = []
        self._last_identify: dict[int, float] = {}
        self._sockets: set[Socket] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection."""
        if not self.open:
            return web.Response(status=503)
        query = request.query
        if query.get("v") != "10" or query.get("encoding") != "json":
            self.troubles.append(f"gateway: unexpected query {dict(query)}")
        plain = web.WebSocketResponse(autoping=True)
        await plain.prepare(request)
        socket = Socket(plain, compressed=query.get("compress") == "zlib-stream")
        self._sockets.add(socket)
        session: Session | None = None
        await socket.send({"op": 10, "d": {"heartbeat_interval": self.heartbeat_ms}})
        try:
            async for message in plain:
                if message.type is not WSMsgType.TEXT:
                    break
                if len(message.data) > 4096:
                    self.troubles.append("gateway: a payload of more than 4096 bytes")
                session = await self._take(socket, session, json.loads(message.data)) or session
        finally:
            self._sockets.discard(socket)
            if session is not None and session.socket is socket:
                session.socket = None
                if plain.close_code in {1000, 1001} and not socket.closing:
                    self.sessions.pop(session.id, None)
        return plain

    async def _take(self, socket: Socket, session: Session | None, payload: Json) -> Session | None:
        op, data = payload["op"], payload.get("d")
        if op == 1:
            self.beats += 1
            await socket.send({"op": 11, "d": None})
        elif op == 2:
            return await self._identify(socket, data)
        elif op == 6:
            return await self._resume(socket, data)
        elif session is None:
            await socket.socket.close(code=4003)
        return None

    async def _identify(self, socket: Socket, data: Json) -> Session | None:
        server = self.server
        shard, shards = data.get("shard", [0, 1])
        self.identified.append((shard, shards))
        if data["token"] != server.token:
            await socket.socket.close(code=4004)
        elif not 0 <= shard < shards:
            await socket.socket.close(code=4010)
        elif data["intents"] & PRIVILEGED:
            await socket.socket.close(code=4014)
        elif (code := server.take_close_on_identify()) is not None:
            await socket.socket.close(code=code)
        elif self._too_soon(shard) or server.take_invalid_session():
            await socket.send({"op": 9, "d": False})
        else:
            session = Session(secrets.token_hex(8), shard, shards, data["intents"], socket)
            self.sessions[session.id] = session
            guilds = [g for g in server.guilds.values() if not g.removed and _on(session, g.id)]
            await session.tell("READY", self._ready(session, [g.id for g in guilds]))
            for guild in guilds:
                await session.tell("GUILD_CREATE", guild.created())
            return session
        return None

    def _too_soon(self, shard: int) -> bool:
        bucket = shard % self.server.max_concurrency
        last = self._last_identify.get(bucket)
        self._last_identify[bucket] = time.monotonic()
        return last is not None and time.monotonic() - last < self.identify_interval

    def _ready(self, session: Session, guilds: list[int]) -> Json:
        return {
            "v": 10,
            "user": {**self.server.me.told(), "verified": True, "mfa_enabled": False},
            "guilds": [{"id": str(number), "unavailable": True} for number in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.server.resume_url or self.server.gateway_url,
            "shard": [session.shard, session.shards],
            "application": {"id": str(self.server.application_id), "flags": 0},
        }

    async def _resume(self, socket: Socket, data: Json) -> Session | None:
        session = self.sessions.get(data["session_id"])
        if session is None or self.server.take_invalid_session():
            self.sessions.pop(data["session_id"], None)
            await socket.send({"op": 9, "d": False})
            return None
        self.resumed.append(session.id)
        session.socket = socket
        for payload in list(session.told):
            if payload["s"] > (data["seq"] or 0):
                await socket.send(payload)
        await session.tell("RESUMED", {})
        return session

    # --- what the server tells

    async def tell(self, event: str, data: Json, *, guild_id: int | None, intent: int = 0) -> None:
        """Tell every session that serves this and asked for it."""
        for session in list(self.sessions.values()):
            if _on(session, guild_id) and (not intent or session.intents & intent):
                await session.tell(event, data)

    async def tell_text(self, text: str) -> None:
        """Send a frame as it is, valid or not, to everyone connected."""
        for socket in list(self._sockets):
            await socket.send_text(text)

    async def close_all(self, code: int) -> None:
        """Close every connection with a code; sessions stay resumable."""
        for socket in list(self._sockets):
            socket.closing = True
            await socket.socket.close(code=code)

    async def cut_all(self) -> None:
        """Cut every connection without a word."""
        for socket in list(self._sockets):
            transport = socket.socket._req.transport if socket.socket._req else None
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)

    def mute_all(self) -> None:
        """Say nothing more on any connection there is: the peers look dead."""
        for socket in list(self._sockets):
            socket.mute = True

    async def invalidate(self, *, resumable: bool) -> None:
        """Tell every connection that its session is not valid any more."""
        for session in list(self.sessions.values()):
            if session.socket is not None:
                socket, session.socket = session.socket, None
                if not resumable:
                    self.sessions.pop(session.id, None)
                await socket.send({"op": 9, "d": resumable})

    async def stop(self) -> None:
        for socket in list(self._sockets):
            await socket.socket.close(code=WSCloseCode.GOING_AWAY)


def _on(session: Session, guild_id: int | None) -> bool:
    shard = 0 if guild_id is None else (guild_id >> 22) % session.shards
    return session.shard == shard
