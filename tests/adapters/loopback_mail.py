"""A real SMTP server on loopback, mailboxes, and a browser that follows links."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import aiohttp
import lxml.html
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bot.domain import Post, Reply, Signal
from bot.platforms.email import Email, Server
from bot.ports import Confirmation, Inbound, SendOutcome
from tests.adapters.counterpart import Answer, Capabilities, Fault, Held

SENDER = "papers@wire.example.org"
BASE = "https://papers.example.org"
LINK = re.compile(r"https?://[^\s<>\"]+|www\.\S+")


class LoopbackMail:
    """Takes mails for every address, and fails as it is told to.

    ``answers`` maps (step, address) to what is said at that step instead: ``rcpt``, ``data`` or
    ``end``. "drop" ends the connection there; at ``end`` the mail is kept before that.
    """

    def __init__(self) -> None:
        self.mails: list[tuple[str, bytes]] = []
        self.answers: dict[tuple[str, str], str] = {}
        self.logins: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._sessions: list[SMTP] = []

    async def start(
        self, *, tls: ssl.SSLContext | None = None, implicit: bool = False, auth: bool = False
    ) -> None:
        options: dict[str, Any] = {"hostname": "mx.example.org", "loop": asyncio.get_running_loop()}
        if tls is not None and not implicit:
            options |= {"tls_context": tls, "require_starttls": True}
        if auth:
            options |= {"authenticator": self._log_in, "auth_required": True}
            options |= {"auth_require_tls": tls is not None and not implicit}

        def session() -> SMTP:
            self._sessions.append(SMTP(self, **options))
            return self._sessions[-1]

        self._server = await asyncio.get_running_loop().create_server(
            session, "127.0.0.1", self.port, ssl=tls if implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for session in self._sessions:
                if session.transport is not None:
                    session.transport.abort()
            await self._server.wait_closed()
            self._server = None

    def read(self, address: str) -> list[EmailMessage]:
        """Return the mails in one mailbox, oldest first."""
        return [parse(raw) for to, raw in self.mails if to == address]

    # --- what aiosmtpd asks

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.answers.get(("mail", address)):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(("rcpt", address), "")
        if answer == "drop":
            server.transport.abort()
        elif answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (address,) = envelope.rcpt_tos
        answer = self.answers.get(("end", address), "")
        if answer in {"", "drop"}:
            assert isinstance(envelope.content, bytes)
            self.mails.append((address, envelope.content))
        if answer == "drop":
            server.transport.abort()
        return answer or "250 2.0.0 OK: queued"

    def _log_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"right", handled=False)


def parse(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


def read_html(html: str) -> tuple[str, tuple[str, ...]]:
    """Return what a reader sees, in order, and every link that can be followed."""
    page = lxml.html.document_fromstring(html)
    for hidden in page.xpath("//head|//style|//script|//*[contains(@style, 'display:none')]"):
        hidden.drop_tree()
    for block in page.iter("p", "div", "h1", "h2", "td", "br", "a", "button", "form"):
        block.tail = f"\n{block.tail or ''}"
    links = [str(link) for link in page.xpath("//@href|//@src|//@background|//@srcset")]
    text = page.text_content()
    return text, (*links, *LINK.findall(text))


# --- the core's side ----------------------------------------------------------------------------


@dataclass
class Readers:
    """A letterbox in memory where everyone who has a handle said yes (bot.ports.Letterbox)."""

    handles: dict[str, str] = field(default_factory=dict)
    posts: dict[tuple[str, str], Post] = field(default_factory=dict)
    stands: tuple[Signal, ...] = ()
    questions: list[Confirmation] = field(default_factory=list)
    outcomes: list[SendOutcome] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    confirmed: list[tuple[str, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    came: list[tuple[str, str, str]] = field(default_factory=list)

    async def secret(self) -> bytes:
        return b"s" * 32

    async def handle(self, address: str) -> str | None:
        return self.handles.get(address)

    async def address(self, handle: str) -> str | None:
        return next((one for one, known in self.handles.items() if known == handle), None)

    async def ask(self, address: str, wish: str) -> Reply:
        self.asked.append((address, wish))
        return Reply("Look into your mailbox.", ok=bool(address))

    async def due(self) -> Sequence[Confirmation]:
        due, self.questions = tuple(self.questions), []
        return due

    async def settled(self, confirmation: Confirmation, outcome: SendOutcome) -> None:
        self.outcomes.append(outcome)

    async def confirm(self, handle: str, key: str) -> Reply:
        self.confirmed.append((handle, key))
        return Reply("Subscribed.")

    async def unsubscribe(self, address: str) -> Reply:
        self.left.append(address)
        return Reply("Unsubscribed.")

    async def written(self, address: str, key: str) -> Post | None:
        return self.posts.get((address, key))

    async def standing(self, address: str, key: str, number: int) -> Sequence[Signal]:
        return self.stands

    async def arrived(self, address: str, key: str, remote_id: str) -> None:
        self.came.append((address, key, remote_id))


class MailHarness:
    """One mail server for one test. ``kind`` is the part that its readers' programs show."""

    capabilities = Capabilities(
        reactions=False, commands=False, ephemeral=False, drops_repeats=False, can_find=False
    )
    people = ("ada@readers.example.org", "ben@readers.example.org")

    def __init__(self, kind: str = "html") -> None:
        self.kind = kind
        self.server = LoopbackMail()
        self.readers = Readers()
        self.adapter: Email | None = None
        self._channels = 0

    async def open(self) -> None:
        await self.server.start()

    async def close(self) -> None:
        if self.adapter is not None:
            await self.adapter.stop()
        await self.server.stop()

    def settings(self, **changes: Any) -> Server:
        given: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "sender": SENDER,
            "security": "none",
            "timeout": 30.0,
            "answer_timeout": 30.0,
        }
        return Server(**(given | changes))

    async def connect(self, inbound: Any) -> Email:
        self.adapter = Email(
            self.settings(), self.readers, public_url=BASE, listen=("127.0.0.1", 0)
        )
        connected: Inbound = inbound
        await self.adapter.start(connected)
        return self.adapter

    async def channel(self) -> str:
        self._channels += 1
        first = self._channels == 1
        address = self.people[0] if first else f"reader{self._channels}@readers.example.org"
        self.readers.handles[address] = f"handle-{self._channels}"
        return address

    async def held(self, address: str) -> list[Held]:
        return [self.hold(message) for message in self.server.read(address)]

    def hold(self, message: EmailMessage) -> Held:
        subject = str(message["Subject"])
        if self.kind == "html":
            text, links = read_html(part(message, "html"))
        else:
            text = part(message, "plain").replace("\r\n", "\n")
            links = tuple(LINK.findall(text))
        others = [str(message[name]) for name in ("Cc", "Bcc", "Reply-To") if message[name]]
        return Held(
            remote_id=str(message["Message-ID"]),
            text=f"{text}\n{subject}",
            links=links,
            pings=tuple(others),
            parent=str(message["In-Reply-To"]) if message["In-Reply-To"] else None,
        )

    async def react(self, *args: Any, **kwargs: Any) -> None:
        raise AssertionError("nobody can react to a mail")

    async def command(self, *args: Any) -> Answer:
        raise AssertionError("nobody can type a command in a mail")

    async def press(
        self, address: str, remote_id: str, person: str, signal: Signal, number: int
    ) -> Answer:
        (message,) = [m for m in self.server.read(address) if m["Message-ID"] == remote_id]
        links = [link for link in self.hold(message).links if f"{BASE}/mail/vote/" in link]
        mine = [link for link in links if f".{number}." in link]
        assert len(mine) == (3 if self.kind == "html" else 1)
        link = next((one for one in mine if f".{signal}." in one), mine[0])
        async with aiohttp.ClientSession() as browser:
            page = await self.visit(browser, link)
            forms = re.findall(
                r'action="([^"]+)">\s*<input [^>]* name="once" value="([^"]+)"', page
            )
            (target, once) = next(form for form in forms if f".{signal}." in form[0])
            shown = await self.visit(browser, target, {"once": once})
        return Answer(read_html(shown)[0])

    async def visit(
        self, browser: aiohttp.ClientSession, link: str, form: dict[str, str] | None = None
    ) -> str:
        """Follow a link as a browser does, or send the form there."""
        assert self.adapter is not None
        target = f"http://127.0.0.1:{self.adapter.port}{link.removeprefix(BASE)}"
        if form is None:
            async with browser.get(target) as answer:
                assert answer.status == 200
                return await answer.text()
        async with browser.post(target, data=form) as answer:
            return await answer.text()

    async def inject(self, fault: Fault, address: str) -> None:
        step, answer = {
            Fault.LOSE_ANSWER: ("end", "drop"),
            Fault.RATE_LIMIT: ("rcpt", "450 4.7.1 try again later"),
            Fault.REJECT: ("rcpt", "550 5.1.1 no such mailbox"),
            Fault.UNREACHABLE: ("rcpt", "drop"),
        }[fault]
        self.server.answers[step, address] = answer

    async def heal(self, address: str) -> None:
        for step in ("rcpt", "data", "end"):
            self.server.answers.pop((step, address), None)
