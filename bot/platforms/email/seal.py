"""Links that cannot be made up: what they say, until when, and a signature over both."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import PaperwireError

_HOUR = 3600
_MAC_BYTES = 18
_LONGEST = 600  # characters of a token; ours have half as many


class Purpose(StrEnum):
    """What a link is for; one made for one purpose is worth nothing for another."""

    CONFIRM = "confirm"
    VOTE = "vote"
    LEAVE = "leave"
    FORM = "form"


GOOD_FOR = {
    Purpose.CONFIRM: timedelta(days=3),
    Purpose.VOTE: timedelta(days=90),
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
        """Return a token of letters, digits, ``-``, ``_`` and one dot that says these words."""
        until = int((now + GOOD_FOR[purpose]).timestamp()) // _HOUR
        payload = _encode(json.dumps([until, *words], separators=(",", ":")).encode())
        return f"{payload}.{self._sign(purpose, payload)}"

    def read(self, purpose: Purpose, token: str, now: datetime) -> tuple[str, ...]:
        """Return the words of a token. Raises BadLinkError."""
        payload, _, signature = token.partition(".")
        # Compared before anything is read, in a time that does not depend on what was sent.
        signed = hmac.compare_digest(
            signature.encode("utf-8", "surrogatepass"), self._sign(purpose, payload).encode()
        )
        if not signed or len(token) > _LONGEST:
            raise BadLinkError(
                "This link is not complete. Copy all of it, or use the one in the mail again."
            )
        until, *words = json.loads(_decode(payload))
        if now.timestamp() >= (until + 1) * _HOUR:
            raise BadLinkError("This link is too old. Use the one in the newest mail.")
        return tuple(words)

    def _sign(self, purpose: Purpose, payload: str) -> str:
        words = f"{purpose}:{payload}".encode("utf-8", "surrogatepass")
        return _encode(hmac.digest(self._secret, words, hashlib.sha256)[:_MAC_BYTES])


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:  # only our own texts come this far
        raise BadLinkError("This link cannot be read.") from error
