"""A road between an adapter and a platform on loopback, on which single requests are waylaid.

It stands in for the network: what it does to a request, the platform knows nothing of.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections import deque
from enum import Enum
from typing import Self

_HEAD = 64 * 1024


class Mishap(Enum):
    """What befalls one request."""

    RESET_UNREAD = "the connection is reset once its head was seen, and no byte of it came on"
    RESET_IN_BODY = "the connection is reset in the middle of its body, and no byte of it came on"
    RESET_TAKEN = "it is carried out whole, and the connection is reset instead of the answer"
    ANSWER_LOST = "it is carried out whole, and the connection ends without the answer"
    ANSWER_CUT = "it is carried out whole, and the connection ends in the middle of the answer"
    ANSWER_LATE = "it is carried out whole, and the answer comes after all patience"
    BAD_GATEWAY = "it is carried out whole, and answered 502"

    @property
    def carried_out(self) -> bool:
        return self not in {Mishap.RESET_UNREAD, Mishap.RESET_IN_BODY}


class Road:
    """Listens on a free port and passes HTTP on to ``upstream``, another port of this machine.

    ``mishaps`` befall the next requests whose first line matches ``pattern``, None spares one;
    ``tried`` are the first lines of all that match, ``passed`` of those that reached the platform.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)
        self.upstream = 0
        self.port = 0
        self.mishaps: deque[Mishap | None] = deque()
        self.tried: list[str] = []
        self.passed: list[str] = []
        self._server: asyncio.Server | None = None
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._closing.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pass_on(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # one side went away
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one request on and its answer back; the client opens another for the next."""
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.split(b"\r\n", 1)[0].decode("latin-1")
        mishap = None
        if matches := bool(self.pattern.search(line)):
            self.tried.append(line)
            mishap = self.mishaps.popleft() if self.mishaps else None
        if mishap is Mishap.RESET_UNREAD:
            _reset(writer)
            return
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if mishap is Mishap.RESET_IN_BODY:
            await reader.readexactly(size // 2)
            _reset(writer)
            return
        body = await reader.readexactly(size)
        answer = await self._ask(head, body)
        if matches:
            self.passed.append(line)
        match mishap:
            case Mishap.RESET_TAKEN:
                _reset(writer)
                return
            case Mishap.ANSWER_LOST:
                return
            case Mishap.ANSWER_LATE:
                await self._closing.wait()
                return
            case Mishap.ANSWER_CUT:
                answer = answer[: len(answer) - 10]
            case Mishap.BAD_GATEWAY:
                answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops"
        writer.write(answer)
        await writer.drain()

    async def _ask(self, head: bytes, body: bytes) -> bytes:
        upstream, platform = await asyncio.open_connection("127.0.0.1", self.upstream)
        first, _, rest = head.partition(b"\r\n")
        rest = re.sub(rb"(?i)connection: [^\r]*\r\n", b"", rest)
        platform.write(first + b"\r\nConnection: close\r\n" + rest + body)
        answer = await upstream.read(-1)
        platform.close()
        return answer


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset, so that the other side learns that what it sent is lost."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
