"""The pages that links in mails lead to, and the form by which a person subscribes.

Mail scanners follow every link, so a GET only asks and a POST does. The signed link itself is the
permission: no cookie is needed, and the one-click POST of RFC 8058 is answered at once.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from bot.domain import ChannelState, PaperwireError, Person, Reply, Signal, VoteEvent
from bot.platforms.email import changing
from bot.platforms.email.addresses import PREFIX, Addresses
from bot.platforms.email.letter import SIGNALS, draw, message_id
from bot.platforms.email.seal import BadLinkError, Purpose, Seal
from bot.ports import Clock, Inbound, Letterbox
from bot.render import guard_post, guard_reply

logger = logging.getLogger(__name__)

__all__ = ["PREFIX", "Pages", "routes"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LARGEST_FORM = 16 * 1024
_COOKIE = "paperwire_mail"
_ONCE = re.compile(r"[A-Za-z0-9_-]{22}")
_VALUE = re.compile(r"[A-Za-z0-9_-]{22}")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # The address of a page is a permission; it is told to nobody and kept nowhere.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
_SIGNS = {signal: (sign, words) for signal, sign, words in SIGNALS}


@dataclass
class Pages:
    """What the pages need. ``seal`` and ``inbound`` are there while the adapter runs."""

    letterbox: Letterbox
    base: str
    domain: str
    clock: Clock
    seal: Seal | None = None
    inbound: Inbound | None = None
    asked: Callable[[], None] = field(default=lambda: None)


_PAGES = web.AppKey("pages", Pages)


@dataclass(frozen=True, slots=True)
class Button:
    """One form with nothing but a button: where it goes, and what it says."""

    target: str
    words: str
    sign: str = ""
    strong: bool = False
    once: str = ""


def routes(pages: Pages) -> web.Application:
    """Return the application to be mounted at ``PREFIX``; each call makes a new one."""
    app = web.Application(middlewares=[_tell_troubles], client_max_size=LARGEST_FORM)
    app[_PAGES] = pages
    app.on_response_prepare.append(_add_headers)
    app.router.add_get("/", _show_form)
    app.router.add_post("/", _ask)
    app.router.add_get("/page.css", _style)
    for purpose, show, act in (
        (Purpose.CONFIRM, _show_confirm, _confirm),
        (Purpose.VOTE, _show_vote, _vote),
        (Purpose.CHANGE, _show_change, _change),
        (Purpose.LEAVE, _show_leave, _leave),
    ):
        app.router.add_get(f"/{purpose}/{{token}}", show)
        app.router.add_post(f"/{purpose}/{{token}}", act)
    return app


# --- signing up ---------------------------------------------------------------------------------


async def _show_form(request: web.Request) -> web.Response:
    return _form(request)


def _form(
    request: web.Request, trouble: str = "", address: str = "", wish: str = "", status: int = 200
) -> web.Response:
    pages, seal = _ready(request)
    known = request.cookies.get(_COOKIE, "")
    value = known if _VALUE.fullmatch(known) else secrets.token_urlsafe(16)
    response = _draw(
        "signup.html",
        status,
        token=seal.write(Purpose.FORM, (value,), pages.clock()),
        trouble=trouble,
        address=address,
        wish=wish,
    )
    if value != known:
        response.set_cookie(
            _COOKIE,
            value,
            path=PREFIX,
            httponly=True,
            samesite="Strict",
            secure=pages.base.startswith("https://"),
        )
    return response


async def _ask(request: web.Request) -> web.Response:
    pages, seal = _ready(request)
    form = await request.post()
    address, wish = (str(form.get(name, "")) for name in ("address", "wish"))
    # Signed double submit: another site can send this form, and not with this cookie.
    value = request.cookies.get(_COOKIE, "")
    try:
        (signed,) = seal.read(Purpose.FORM, str(form.get("token", "")), pages.clock())
        ours = hmac.compare_digest(signed.encode(), value.encode("utf-8", "surrogatepass"))
    except BadLinkError:
        ours = False
    if not ours or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        words = "The form was too old or came from elsewhere. Press the button once more."
        return _form(request, words, address, wish, 403)
    reply = await pages.letterbox.ask(address, wish)
    if not reply.ok:
        return _form(request, guard_reply(reply).headline, address, wish, 400)
    pages.asked()
    return _say(reply)


# --- the links in mails -------------------------------------------------------------------------


async def _show_confirm(request: web.Request) -> web.Response:
    _read(request, Purpose.CONFIRM, 2)
    reply = Reply(
        "Shall papers come to your mailbox?", lines=("You can stop them with one click any time.",)
    )
    return _say(reply, Button("", "Yes, send them", strong=True))


async def _confirm(request: web.Request) -> web.Response:
    pages, (handle, key) = _read(request, Purpose.CONFIRM, 2)
    return _say(await pages.letterbox.confirm(handle, key))


async def _show_leave(request: web.Request) -> web.Response:
    _, address = await _reader(request, Purpose.LEAVE, 1)
    reply = Reply("Stop these mails?", lines=(f"Nothing more will be sent to {address}.",))
    return _say(reply, Button("", "Unsubscribe", strong=True))


async def _leave(request: web.Request) -> web.Response:
    pages, address = await _reader(request, Purpose.LEAVE, 1)
    again = Button(f"{PREFIX}/", "Subscribe again")
    return _say(await pages.letterbox.unsubscribe(address), link=again)


async def _show_change(request: web.Request) -> web.Response:
    pages, address = await _reader(request, Purpose.CHANGE, 1)
    return await _draw_change(pages, address, Reply(""))


async def _change(request: web.Request) -> web.Response:
    pages, address = await _reader(request, Purpose.CHANGE, 1)
    form = await request.post()
    names = ("interests", "mode", "schedule", "timezone", "size")
    wishes = changing.Wishes(*(str(form.get(name, "")) for name in names))
    action = str(form.get("action", changing.SAVE))
    if action == changing.FORGET and form.get("sure") != "yes":
        unsure = Reply("Tick the box first: what is deleted does not come back.", ok=False)
        return await _draw_change(pages, address, unsure)
    reply = await changing.carry_out(_inbound(pages), address, action, wishes)
    if reply is None:
        return await _draw_change(pages, address, Reply(""))
    return await _draw_change(pages, address, reply, None if reply.ok else wishes)


async def _draw_change(
    pages: Pages, address: str, reply: Reply, typed: changing.Wishes | None = None
) -> web.Response:
    channel = await changing.find_channel(_inbound(pages), address)
    if channel is None:
        again = Button(f"{PREFIX}/", "Subscribe again")
        return _say(Reply("You are not subscribed.", ok=False), link=again)
    told = guard_reply(reply)
    return _draw(
        "change.html",
        200 if told.ok else 400,
        wishes=typed or changing.wishes_of(channel),
        paused=channel.state is ChannelState.PAUSED,
        said=told.headline,
        lines=told.lines,
        fine=told.ok,
    )


async def _show_vote(request: web.Request) -> web.Response:
    pages, address = await _reader(request, Purpose.VOTE, 4)
    _, (handle, key, number, name) = _read(request, Purpose.VOTE, 4)
    signal = Signal(name)
    sign, words = _SIGNS[signal]
    standing = await pages.letterbox.standing(address, key, int(number))
    title = await _title(pages, address, key, int(number))
    asks = f"You said this already: {sign} {words}." if signal in standing else f"{sign} {words}?"
    buttons = _vote_buttons(request, (handle, key, int(number)), standing, first=signal)
    return _say(Reply(asks, lines=(f"“{title}”",) if title else ()), *buttons)


def _vote_buttons(
    request: web.Request,
    paper: tuple[str, str, int],
    standing: Sequence[Signal],
    *,
    first: Signal | None = None,
) -> list[Button]:
    """Return a button for each signal, ``first`` being the one that was followed here."""
    pages, seal = _ready(request)
    handle, key, number = paper
    links = Addresses("", seal, handle, pages.clock())
    found = []
    for signal, sign, words in sorted(SIGNALS, key=lambda one: one[0] is not first):
        said = f"Yes, {words[0].lower()}{words[1:]}" if signal is first else words
        found.append(
            Button(
                links.vote(key, number, signal),
                f"Take back: {words[0].lower()}{words[1:]}" if signal in standing else said,
                sign,
                strong=signal is first and signal not in standing,
                once=secrets.token_urlsafe(16),
            )
        )
    return found


async def _vote(request: web.Request) -> web.Response:
    pages, address = await _reader(request, Purpose.VOTE, 4)
    _, (handle, key, number, name) = _read(request, Purpose.VOTE, 4)
    inbound = _inbound(pages)
    once = str((await request.post()).get("once", ""))
    if not _ONCE.fullmatch(once):
        return await _show_vote(request)
    remote_id = message_id(address, key, pages.domain)
    # Whoever votes has the mail, even where its server never said that it took it.
    await pages.letterbox.arrived(address, key, remote_id)
    event = VoteEvent(
        place=changing.place_of(address),
        person=Person("email", address),
        remote_id=remote_id,
        signal=Signal(name),
        on=None,
        number=int(number),
        event_id=f"mail:{handle}:{once}",
    )
    reply = await inbound.vote(event)
    buttons = _vote_buttons(request, (handle, key, int(number)), reply.signals) if reply.ok else []
    return _say(Reply(reply.headline, ok=reply.ok), *buttons)


async def _title(pages: Pages, address: str, key: str, number: int) -> str:
    post = await pages.letterbox.written(address, key)
    cards = guard_post(post).cards if post is not None else ()
    return next((card.title for card in cards if card.number == number), "")


# --- what all share -----------------------------------------------------------------------------


def _ready(request: web.Request) -> tuple[Pages, Seal]:
    pages = request.app[_PAGES]
    if pages.seal is None:
        raise web.HTTPServiceUnavailable
    return pages, pages.seal


def _inbound(pages: Pages) -> Inbound:
    if pages.inbound is None:
        raise web.HTTPServiceUnavailable
    return pages.inbound


def _read(request: web.Request, purpose: Purpose, count: int) -> tuple[Pages, tuple[str, ...]]:
    pages, seal = _ready(request)
    words = seal.read(purpose, request.match_info["token"], pages.clock())
    if len(words) != count:
        raise BadLinkError("This link cannot be read.")
    return pages, words


async def _reader(request: web.Request, purpose: Purpose, count: int) -> tuple[Pages, str]:
    """Return the address of the one whose link this is. Raises BadLinkError."""
    pages, words = _read(request, purpose, count)
    address = await pages.letterbox.address(words[0])
    if address is None:
        raise BadLinkError("This address is not known here any more; nothing is sent to it.")
    return pages, address


def _say(
    reply: Reply, *buttons: Button, status: int = 200, link: Button | None = None
) -> web.Response:
    told = guard_reply(reply)
    return _draw(
        "page.html",
        status if told.ok or status != 200 else 400,
        headline=told.headline,
        lines=told.lines,
        buttons=buttons,
        link=link,
    )


def _draw(template: str, status: int, **context: object) -> web.Response:
    text = draw(template, prefix=PREFIX, **context)
    return web.Response(text=text, content_type="text/html", status=status)


async def _style(_: web.Request) -> web.Response:
    css = (Path(__file__).parent / "templates" / "page.css").read_bytes()
    return web.Response(
        body=css, content_type="text/css", headers={"Cache-Control": "public, max-age=3600"}
    )


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        if name != "Cache-Control" or name not in response.headers:
            response.headers[name] = value


@web.middleware
async def _tell_troubles(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every trouble in words; what is unexpected goes to the log and not to the page."""
    try:
        return await handler(request)
    except BadLinkError as error:
        return _say(Reply(str(error), ok=False), status=410)
    except PaperwireError as error:
        return _say(Reply(str(error), ok=False), status=400)
    except web.HTTPServiceUnavailable:
        words = "Paperwire is just starting or stopping. Try again in a minute."
        return _say(Reply(words, ok=False), status=503)
    except web.HTTPException:
        raise
    except Exception:  # whatever broke, the next request must still be answered
        logger.exception("a page for mails failed")
        return _say(Reply("That went wrong here. The log has the details.", ok=False), status=500)
