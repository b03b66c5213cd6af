"""Links that cannot be made up: what they say, until when, and a signature over both."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import PaperwireError

_HOUR = 3600
_MAC_BYTES = 18
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


class Purpose(StrEnum):
    """What a link is for; one made for one purpose is worth nothing for another."""

    CONFIRM = "confirm"
    VOTE = "vote"
    CHANGE = "change"
    LEAVE = "leave"
    FORM = "form"


GOOD_FOR = {
    Purpose.CONFIRM: timedelta(days=3),
    Purpose.VOTE: timedelta(days=90),
    Purpose.CHANGE: timedelta(days=90),
    # Whoever finds an old mail must still be able to say no.
    Purpose.LEAVE: timedelta(days=3 * 365),
    Purpose.FORM: timedelta(hours=12),
}


class BadLinkError(PaperwireError):
    """A link that we did not make, or that is too old; the words are for its reader."""


class Seal:
    """Signs and reads tokens with one key (HMAC-SHA-256, 144 bits)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, purpose: Purpose, words: tuple[str, ...], now: datetime) -> str:
        """Return a token that says these words: letters, digits, ``-``, ``_``, and dots between.

        Raises ValueError for a word that has others.
        """
        until = int((now + GOOD_FOR[purpose]).timestamp()) // _HOUR
        payload = ".".join((str(until), *words))
        if not _PAYLOAD.fullmatch(payload) or payload.count(".") != len(words):
            raise ValueError(f"a link cannot say {words!r}")
        return f"{payload}.{self._sign(purpose, payload)}"

    def read(self, purpose: Purpose, token: str, now: datetime) -> tuple[str, ...]:
        """Return the words of a token. Raises BadLinkError."""
        payload, _, signature = token.rpartition(".")
        # Compared before anything is read, in a time that does not depend on what was sent.
        if not hmac.compare_digest(
            signature.encode("utf-8", "surrogatepass"), self._sign(purpose, payload).encode()
        ):
            raise BadLinkError(
                "This link is not complete. Copy all of it, or use the one in the mail again."
            )
        until, *words = payload.split(".")
        if now.timestamp() >= (int(until) + 1) * _HOUR:
            raise BadLinkError("This link is too old. Use the one in the newest mail.")
        return tuple(words)

    def _sign(self, purpose: Purpose, payload: str) -> str:
        words = f"{purpose}:{payload}".encode("utf-8", "surrogatepass")
        code = hmac.digest(self._secret, words, hashlib.sha256)[:_MAC_BYTES]
        return base64.urlsafe_b64encode(code).decode("ascii")  # 18 bytes need no "=" at the end
