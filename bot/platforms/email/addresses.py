"""The addresses of our pages as they stand in mails: complete, signed, for one reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain import Signal
from bot.platforms.email.seal import Purpose, Seal

PREFIX = "/mail"  # where the pages are, below the public address


@dataclass(frozen=True, slots=True)
class Addresses:
    """Makes links for one reader. ``base`` has no slash at its end."""

    base: str
    seal: Seal
    handle: str
    now: datetime

    def vote(self, key: str, number: int, signal: Signal) -> str:
        """Return the link of a vote on paper ``number`` of the mail with this key."""
        return self._link(Purpose.VOTE, (self.handle, key, str(number), signal.value))

    def change(self) -> str:
        """Return the link of the page where this reader changes what comes."""
        return self._link(Purpose.CHANGE, (self.handle,))

    def leave(self) -> str:
        """Return the link that ends the subscription."""
        return self._link(Purpose.LEAVE, (self.handle,))

    def confirm(self, key: str) -> str:
        """Return the link that says yes to the question with this key."""
        return self._link(Purpose.CONFIRM, (self.handle, key))

    def _link(self, purpose: Purpose, words: tuple[str, ...]) -> str:
        return f"{self.base}{PREFIX}/{purpose}/{self.seal.write(purpose, words, self.now)}"
