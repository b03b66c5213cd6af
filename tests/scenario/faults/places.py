"""The chats of a life under faults: what they accepted, and the people who vote in them.

They live beside the killed process and remember. Each names what it took by the key that the
message travelled with, so that nothing here is taken from the store.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from bot.domain import Signal
from bot.platforms.email.letter import message_id
from bot.platforms.journal import Journal
from tests.adapters.discord_harness import MARKS, contract_path
from tests.adapters.loopback_discord.server import Fault as DiscordFault
from tests.adapters.loopback_discord.server import LoopbackDiscord
from tests.adapters.loopback_discord.world import Message
from tests.adapters.loopback_mail import LoopbackMail, part
from tests.adapters.loopback_slack_wire import WiredSlack
from tests.adapters.slack_world import APP_TOKEN, BOT_TOKEN, Json, rate_limited
from tests.adapters.slack_world import Fault as SlackFault
from tests.scenario.faults.service import Order

Vote = tuple[str, str, Signal]  # the key of a message, a person, what that person says
HASTE = aiohttp.ClientTimeout(total=3)
READER = "ada@readers.example.org"


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Chat(Protocol):
    """One platform with one channel in it."""

    name: str
    address: str
    asks: bool  # whether it can be asked what became of a message

    async def open(self, home: Path) -> None: ...
    async def close(self) -> None: ...
    def order(self) -> dict[str, Any]: ...
    def accepted(self) -> list[str]:
        """Return the keys of what it took, in that order; one that it took twice is there twice."""
        ...

    def spoil(self, dice: random.Random) -> None:
        """Let the next send or so go wrong."""
        ...

    def heal(self) -> None: ...
    async def vote(self, dice: random.Random, keys: list[str]) -> None:
        """Have people vote on some of these messages; whatever happens to them is remembered."""
        ...

    def votes(self) -> tuple[set[Vote], set[Vote]]:
        """Return the votes that must stand, and those that may."""
        ...


class SlackChat:
    name = "slack"
    asks = True

    def __init__(self) -> None:
        self.slack = WiredSlack()
        self.slack.retry_delays = ()
        self.people = [self.slack.user(f"U{name}") for name in ("ADA", "BEN", "CEM")]

    async def open(self, home: Path) -> None:
        await self.slack.start()
        self.room = self.slack.room("papers")
        self.room.people |= set(self.people)
        self.address = f"{self.slack.team_id}/{self.room.id}"

    async def close(self) -> None:
        await self.slack.stop()
        assert self.slack.violations == []

    def order(self) -> dict[str, Any]:
        return {
            "slack": {
                "api_url": self.slack.api_url,
                "bot_token": BOT_TOKEN,
                "app_token": APP_TOKEN,
            }
        }

    def _by_key(self) -> list[tuple[str, Json]]:
        return [
            (message["metadata"]["event_payload"]["key"], message)
            for message in self.room.messages
            if message.get("metadata")
        ]

    def accepted(self) -> list[str]:
        return [key for key, _ in self._by_key()]

    def spoil(self, dice: random.Random) -> None:
        wrong = [
            SlackFault(accept=True, drop=True),
            SlackFault(drop=True),
            SlackFault(502, "bad gateway", accept=True),
            SlackFault(503, "unavailable"),
            rate_limited(1),
        ]
        self.slack.room_faults[self.room.id].append(dice.choice(wrong))

    def heal(self) -> None:
        self.slack.room_faults[self.room.id].clear()

    async def vote(self, dice: random.Random, keys: list[str]) -> None:
        messages = {key: message for key, message in self._by_key() if key in keys}
        for key in dice.sample(sorted(messages), min(2, len(messages))):
            person, name = dice.choice(self.people), dice.choice(["+1", "-1", "bookmark"])
            stands = any(
                person in one["users"]
                for one in messages[key].get("reactions", ())
                if one["name"] == name
            )
            ts = messages[key]["ts"]
            await self.slack.react(self.room, ts, person, name, on=not stands)
        if dice.random() < 0.3:
            await self.slack.type_command(self.room, self.people[0], "settings")

    def votes(self) -> tuple[set[Vote], set[Vote]]:
        signals = {"+1": Signal.LIKE, "-1": Signal.DISLIKE, "bookmark": Signal.SAVE}
        stand = {
            (key, user, signals[one["name"]])
            for key, message in self._by_key()
            for one in message.get("reactions", ())
            for user in one["users"]
        }
        return stand, set()


class DiscordChat:
    name = "discord"
    asks = True

    def __init__(self) -> None:
        self.server = LoopbackDiscord(contract_path())
        self.server.nonce_seconds = 1.0  # so that only our own asking keeps a post single
        self.people = [self.server.user(name) for name in ("ada", "ben", "cem")]
        self.guild = self.server.guild()

    async def open(self, home: Path) -> None:
        await self.server.start()
        self.channel = await self.server.channel(self.guild)
        self.address = f"{self.guild.id}/{self.channel.id}"

    async def close(self) -> None:
        await self.server.stop()

    def order(self) -> dict[str, Any]:
        return {"discord": {"token": self.server.token, "api_url": self.server.api_url}}

    def _by_key(self) -> list[tuple[str, Message]]:
        found = sorted(self.channel.messages, key=lambda message: message.id)
        return [(message.nonce, message) for message in found if message.nonce]

    def accepted(self) -> list[str]:
        return [key for key, _ in self._by_key()]

    def spoil(self, dice: random.Random) -> None:
        path = f"/channels/{self.channel.id}/messages$"
        wrong = [
            DiscordFault(path, accept=True),
            DiscordFault(path),
            DiscordFault(path, accept=True, hang=True),
            DiscordFault(path, accept=True, status=502),
            DiscordFault(path, status=503),
        ]
        self.server.faults.append(dice.choice(wrong))

    def heal(self) -> None:
        self.server.faults.clear()

    async def vote(self, dice: random.Random, keys: list[str]) -> None:
        messages = {key: message for key, message in self._by_key() if key in keys}
        for key in dice.sample(sorted(messages), min(2, len(messages))):
            person, emoji = dice.choice(self.people), dice.choice(list(MARKS.values()))
            stands = person.id in messages[key].reactions.get(emoji, {})
            await self.server.react(messages[key], person, emoji, on=not stands)

    def votes(self) -> tuple[set[Vote], set[Vote]]:
        signals = {emoji: signal for signal, emoji in MARKS.items()}
        stand = {
            (key, str(user.id), signals[emoji])
            for key, message in self._by_key()
            for emoji, users in message.reactions.items()
            for user in users.values()
            if emoji in signals and not user.bot
        }
        return stand, set()


_OPPOSITE = {Signal.LIKE: Signal.DISLIKE, Signal.DISLIKE: Signal.LIKE}


class _Ledger:
    """What people were told stands, and what they asked for without ever getting an answer."""

    def __init__(self) -> None:
        self.told: dict[Vote, bool] = {}
        self.unsure: set[Vote] = set()

    def note(self, vote: Vote, *, on: bool) -> None:
        """Someone was told so; a button that likes takes a dislike back, and the other way."""
        self.told[vote] = on
        self.unsure.discard(vote)
        if on and vote[2] in _OPPOSITE:
            self.told[vote[0], vote[1], _OPPOSITE[vote[2]]] = False

    def wonder(self, vote: Vote) -> None:
        """Nobody said what became of it, nor of its opposite."""
        self.unsure |= {vote, (vote[0], vote[1], _OPPOSITE.get(vote[2], vote[2]))}

    async def insist(
        self, vote: Vote, send: Callable[[], Any], answers: set[int], *, on: bool
    ) -> None:
        """Send one form until it is answered; where it never is, nobody knows what became of it."""
        told = False
        try:
            for _ in range(8):
                try:
                    async with send() as answer:
                        if answer.status in answers:
                            self.note(vote, on=on)
                            told = True
                            return
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(0.3)
        finally:
            if not told:
                self.wonder(vote)

    def votes(self) -> tuple[set[Vote], set[Vote]]:
        told = {vote for vote, on in self.told.items() if on and vote not in self.unsure}
        return told, set(self.unsure)


class MailChat(_Ledger):
    name = "email"
    asks = False

    def __init__(self) -> None:
        super().__init__()
        self.server = LoopbackMail()
        self.http_port = free_port()
        self.address = READER

    async def open(self, home: Path) -> None:
        await self.server.start()

    async def close(self) -> None:
        await self.server.stop()

    def order(self) -> dict[str, Any]:
        return {"email": {"port": self.server.port, "http_port": self.http_port}}

    def accepted(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.server.read(READER)]

    def spoil(self, dice: random.Random) -> None:
        step, answer = dice.choice(
            [
                ("end", "drop"),
                ("rcpt", "drop"),
                ("rcpt", "450 4.7.1 later"),
                ("end", "451 4.3.0 no"),
            ]
        )
        self.server.answers[step, READER] = answer
        # One mail or so: nobody stays ill for ever.
        asyncio.get_running_loop().call_later(0.4, self.heal)

    def heal(self) -> None:
        self.server.answers.clear()

    async def vote(self, dice: random.Random, keys: list[str]) -> None:
        mails = {str(mail["Message-ID"]): mail for mail in self.server.read(READER)}
        for key in dice.sample(sorted(set(keys) & set(mails)), min(1, len(set(keys) & set(mails)))):
            links = re.findall(
                r'https://papers\.example\.org(/mail/vote/[^"\s<]+)', part(mails[key], "html")
            )
            if not links:
                continue
            at = dice.randrange(len(links))
            vote = (f"{key}#{at // 3 + 1}", READER, list(Signal)[at % 3])
            await self._press(links[at], vote)

    async def _press(self, link: str, vote: Vote) -> None:
        """Open the link and press the button; with no answer, send the same form once more."""
        url = f"http://127.0.0.1:{self.http_port}{link}"
        try:
            async with aiohttp.ClientSession(timeout=HASTE) as browser:
                async with browser.get(url) as answer:
                    page = await answer.text()
                once = re.search(r'name="once" value="([^"]+)"', page)
                if once is None:
                    return
                on = "You said this already" not in page
                await self.insist(
                    vote, partial(browser.post, url, data={"once": once[1]}), {200}, on=on
                )
        except (aiohttp.ClientError, TimeoutError):
            pass


class WebChat(_Ledger):
    name = "web"
    asks = True
    address = "desk"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()

    async def open(self, home: Path) -> None:
        from bot.platforms.web.site import Histories

        self.journal: Journal = Histories(home / "web").of(self.address)

    async def close(self) -> None:
        pass

    def order(self) -> dict[str, Any]:
        return {
            "settings": {"PAPERWIRE_WEB__ENABLED": "true", "PAPERWIRE_WEB__PORT": str(self.port)}
        }

    def accepted(self) -> list[str]:
        return [posted.key for posted in self.journal.posts() if posted.key]

    def spoil(self, dice: random.Random) -> None:
        pass

    def heal(self) -> None:
        pass

    async def vote(self, dice: random.Random, keys: list[str]) -> None:
        posts = [p for p in self.journal.posts() if p.key in keys and p.post.cards]
        for posted in dice.sample(posts, min(1, len(posts))):
            signal, on = dice.choice(list(Signal)[:3]), dice.random() < 0.8
            if self.told.get((posted.key, "owner", signal)) == on:
                continue
            await self._press(
                posted.remote_id, posted.post.cards[0].number, posted.key, signal, on=on
            )

    async def _press(
        self, remote_id: str, number: int, key: str, signal: Signal, *, on: bool
    ) -> None:
        base, vote = f"http://127.0.0.1:{self.port}", (key, "owner", signal)
        jar = aiohttp.CookieJar(unsafe=True)
        try:
            async with aiohttp.ClientSession(timeout=HASTE, cookie_jar=jar) as browser:
                async with browser.get(f"{base}/wire/{self.address}") as answer:
                    token = re.search(r'name="token" value="([^"]+)"', await answer.text())
                if token is None:
                    return
                form = {
                    "token": token[1],
                    "message": remote_id,
                    "number": str(number),
                    "signal": signal.value,
                    f"want-{signal}": "on" if on else "off",
                }
                send = partial(
                    browser.post,
                    f"{base}/wire/{self.address}/vote",
                    data=form,
                    headers={"X-Fragment": "1"},
                    allow_redirects=False,
                )
                await self.insist(vote, send, {200, 303}, on=on)
        except (aiohttp.ClientError, TimeoutError):
            pass


def key_told(chat: Chat, key: str) -> str:
    """Return how a chat names a message that travelled with a key."""
    if chat.name == "email":
        return message_id(READER, key, "wire.example.org")
    return key


def make_order(home: Path, source: str, chats: list[Chat], fault: str) -> Order:
    """Return the order for a service that serves these chats."""
    settings = {
        "PAPERWIRE_HUGGINGFACE__BASE_URL": source,
        "PAPERWIRE_HUGGINGFACE__SETTLE_DAYS": "7",
        "PAPERWIRE_ARXIV__ENABLED": "false",
        "PAPERWIRE_TERMINAL__ENABLED": "false",
        "PAPERWIRE_BACKUP__ENABLED": "false",
        "PAPERWIRE_FETCH__ATTEMPTS": "1",
    }
    more: dict[str, Any] = {}
    for chat in chats:
        for name, value in chat.order().items():
            if name == "settings":
                settings |= value
            else:
                more[name] = value
    return Order(home=str(home), settings=settings, fault=fault, **more)


__all__ = ["Chat", "DiscordChat", "MailChat", "SlackChat", "WebChat", "key_told", "make_order"]
