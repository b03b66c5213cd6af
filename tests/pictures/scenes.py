"""One digest of the bundled sample as Slack, Discord, the web page and a mail show it, as HTML.

Posts, blocks, embeds, letter and page are made by the code that serves readers; only the frame
around them is ours. What changes from run to run (keys, tokens, signed links) is not seen, and is
taken out, so that equal code gives equal HTML.
"""

from __future__ import annotations

import base64
import email
import email.policy
import html
import re
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bot.demo import ROOMS
from bot.domain import Channel, Layout, Post, Signal
from bot.platforms.discord import Discord
from bot.platforms.email import Email
from bot.platforms.email.addresses import Addresses
from bot.platforms.email.letter import Envelope, write_digest
from bot.platforms.email.seal import Seal
from bot.platforms.email.smtp import Server
from bot.platforms.slack import Slack
from bot.platforms.web import WebPage
from bot.services.plan import plan_due
from bot.store import digests, outbox
from tests.adapters.web_wire import DAYS, Browser, WebWire, at
from tests.pictures.discord import draw_cards
from tests.pictures.emoji import draw_signs
from tests.pictures.slack import draw_thread

ROOM = ROOMS[0]
READER = "ada@example.org"
STATIC = Path(__file__).resolve().parents[2] / "bot" / "platforms" / "web" / "static"
CHATS = Path(__file__).with_name("chats.css")

Posts = list[tuple[Post, str]]  # each with its key

_PASSING = (
    (re.compile(r"\b[a-z2-7]{24}\b"), "key"),
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "token"),
    (re.compile(r'href="https://papers\.example\.org/[^"]*"'), 'href="#"'),
)


async def draw() -> dict[str, str]:
    """Return each picture's whole HTML by its name: slack, discord, mail and web."""
    with tempfile.TemporaryDirectory() as folder:
        wire = WebWire(Path(folder))
        await wire.open()
        try:
            made = _subscribe(wire)
            await _serve(wire, made)
            pages = {
                "slack": _chat("slack", wire.now, draw_thread, _posts(wire, made["slack"])),
                "discord": _chat("discord", wire.now, draw_cards, _posts(wire, made["discord"])),
                "mail": _mail(_posts(wire, made["email"]), wire.now),
                "web": await _page(wire),
            }
        finally:
            await wire.close()
    return {name: _settled(page) for name, page in pages.items()}


def _subscribe(wire: WebWire) -> dict[str, Channel]:
    layouts: dict[str, Layout] = {
        "slack": Slack.default_layout,
        "discord": Discord.default_layout,
        "email": Email.default_layout,
        "web": WebPage.default_layout,
    }
    return {
        platform: wire.subscribe(
            READER if platform == "email" else ROOM.name,
            ROOM.interests,
            platform=platform,
            private=platform == "email",
            layout=layout,
            threshold=40,
            size=3,
        )
        for platform, layout in layouts.items()
    }


async def _serve(wire: WebWire, made: dict[str, Channel]) -> None:
    """Let two days go by; on the first one someone likes a paper on the page."""
    for day in DAYS[:2]:
        wire.now = at(day, 6)
        wire.read(day)
        wire.now = at(day, 9)
        plan_due(wire.store, wire.rankers.current(), wire.now)
        await wire.courier.settle()
        if day is DAYS[0]:
            await wire.vote(made["web"], 1, Signal.LIKE)


def _posts(wire: WebWire, channel: Channel) -> Posts:
    with wire.store.read() as connection:
        last = digests.last(connection, channel.id)
        assert last is not None
        waiting = outbox.waiting(connection, channel.id)
    return [(one.post, one.key) for one in waiting if one.digest_id == last.id]


def _chat(
    chat: str,
    now: datetime,
    draw_posts: Callable[[Posts, Callable[[str], str]], str],
    posts: Posts,
) -> str:
    mark = _data("mark.svg")

    def message(inner: str) -> str:
        return (
            f'<div class="message"><img src="{mark}" alt=""><div><p class="who"><b>Paperwire</b>'
            f'<span class="app">APP</span><time>{now:%H:%M}</time></p>{inner}</div></div>'
        )

    head = f"<h1># {html.escape(ROOM.name)}</h1>"
    return _document(chat, head + draw_posts(posts, message))


def _mail(posts: Posts, now: datetime) -> str:
    """Return the letter as a mail program shows it: the headers, then the HTML part."""
    [(post, key)] = posts
    server = Server("mail.example.org", 587, "papers@example.org")
    addresses = Addresses("https://papers.example.org", Seal(b"drawn"), "handle", now)
    written = write_digest(post, Envelope(READER, key, now), server, addresses)
    message = email.message_from_bytes(written, policy=email.policy.default)
    body = message.get_body(("html",))
    assert body is not None
    head = "".join(
        f'<dt>{name}</dt><dd class="{name.lower()}">{html.escape(message[name])}</dd>'
        for name in ("From", "To", "Subject")
    )
    letter = body.get_content()
    style = "".join(re.findall(r"<style>.*?</style>", letter, re.DOTALL))
    [inner] = re.findall(r"<body[^>]*>(.*)</body>", letter, re.DOTALL)
    return _document("mail", f"<dl>{head}</dl>{style}{inner}")


async def _page(wire: WebWire) -> str:
    """Return the page of the channel as a browser gets it, with its style inside."""
    async with Browser(wire.page.url) as browser:
        status, page, _ = await browser.ask(f"/wire/{ROOM.name}", Accept="text/html")
    assert status == 200
    style = f"<style>{(STATIC / 'page.css').read_text(encoding='utf-8')}</style>"
    page = re.sub(r'<link rel="stylesheet"[^>]*>', lambda _: style, page)
    page = re.sub(r"<script[^>]*></script>|<link [^>]*>", "", page)
    return re.sub(r"/static/mark\.svg\?v=\w+", _data("mark.svg"), page)


def _document(look: str, inner: str) -> str:
    style = CHATS.read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><style>{style}</style></head>'
        f'<body><div class="stage {look}">{inner}</div></body></html>'
    )


def _data(name: str) -> str:
    drawn = base64.b64encode((STATIC / name).read_bytes()).decode()
    return f"data:image/svg+xml;base64,{drawn}"


def _settled(page: str) -> str:
    for passing, stand_in in _PASSING:
        page = passing.sub(stand_in, page)
    return draw_signs(page)
