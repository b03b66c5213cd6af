"""Mails to the operator's own address, which stands in the settings and is asked for no yes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.domain import Post
from bot.platforms.email.letter import Envelope, message_id, write_notice
from bot.platforms.email.smtp import Server, deliver
from bot.ports import Clock, Rejected, SendOutcome

TIMEOUT = 10.0  # seconds; whoever stops the service does not wait long for an alert
ANSWER_TIMEOUT = 15.0


class OperatorMail:
    """Sends notices to one address and to no other."""

    def __init__(self, server: Server, address: str, clock: Clock) -> None:
        self._server = replace(server, timeout=TIMEOUT, answer_timeout=ANSWER_TIMEOUT)
        self._address = address
        self._clock = clock

    async def send(self, address: str, post: Post, key: str) -> SendOutcome:
        """Send one notice (bot.services.alerts.Teller)."""
        if address != self._address:
            return Rejected(f"{address} is not the operator's address")
        try:
            envelope = Envelope(address, key, self._clock())
            message = write_notice(post, envelope, self._server)
        except ValueError as error:
            return Rejected(f"{address}: {error}; see watch.alert_channel")
        known_as = message_id(address, key, self._server.domain)
        return await asyncio.to_thread(deliver, self._server, address, message, known_as)
