"""What every part of the page shares, and what is known of one visit."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from aiohttp import web

from bot.domain import Place, Profile, Reply, Signal
from bot.platforms.journal import Journal, journal_path
from bot.platforms.web.access import Access, Attempts, Seal, Session
from bot.platforms.web.drawing import Drawing
from bot.platforms.web.hub import Hub
from bot.ports import Clock, Inbound
from bot.views import Viewer, Window

P = ParamSpec("P")
R = TypeVar("R")

PLATFORM = "web"
THEMES = ("auto", "light", "dark")
CHANNELS_BESIDE = 24
_NOTES_KEPT = 500


@dataclass(frozen=True, slots=True)
class Note:
    """What a form did, shown once on the page that follows it.

    ``before`` is the profile that an undo brings back; ``voted`` is (channel, paper, signal).
    """

    reply: Reply
    before: Profile | None = None
    voted: tuple[int, int, Signal] | None = None


class Notes:
    """Notes by number, each for one session; the oldest go first."""

    def __init__(self) -> None:
        self._notes: OrderedDict[tuple[str, str], Note] = OrderedDict()

    def keep(self, session: Session, note: Note) -> str:
        """Keep a note and return its number."""
        number = secrets.token_urlsafe(6)
        self._notes[session.id, number] = note
        while len(self._notes) > _NOTES_KEPT:
            self._notes.popitem(last=False)
        return number

    def find(self, session: Session, number: str) -> Note | None:
        """Return a session's own note; None for another's, an old one or none."""
        return self._notes.get((session.id, number))


class Histories:
    """The journals of a folder by address; in memory where there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._journals: dict[str, Journal] = {}

    def of(self, address: str) -> Journal:
        """Return the history of an address; one that is only looked at is not kept."""
        journal = self._journals.get(address)
        if journal is None:
            path = None if self._folder is None else journal_path(self._folder, address)
            journal = Journal(path)
            if path is not None and path.exists():
                self._journals[address] = journal
        return journal

    def write(self, address: str) -> Journal:
        """Return the history of an address that is going to be written."""
        return self._journals.setdefault(address, self.of(address))


@dataclass
class Site:
    """The page's parts. ``inbound`` is None while nobody is connected."""

    window: Window
    access: Access
    seal: Seal
    clock: Clock
    drawing: Drawing
    histories: Histories
    public_url: str = ""
    cookie: str = "paperwire"
    hosts: frozenset[str] | None = None
    mounted: tuple[str, ...] = ()  # paths of applications that do not go through our gates
    inbound: Inbound | None = None
    hub: Hub = field(default_factory=Hub)
    notes: Notes = field(default_factory=Notes)
    attempts: Attempts = field(default_factory=Attempts)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request's visitor. ``form_token`` is in every form; ``fresh`` asks for a cookie."""

    session: Session
    form_token: str
    viewer: Viewer
    admitted: bool
    theme: str
    fresh: bool


SITE = web.AppKey("site", Site)
VISIT = web.RequestKey("visit", Visit)


def site_of(request: web.Request) -> Site:
    return request.app[SITE]


def visit_of(request: web.Request) -> Visit:
    return request[VISIT]


def base_url(request: web.Request) -> str:
    """Return the address by which others reach the page, without a slash at its end."""
    public = site_of(request).public_url
    return public or f"{request.scheme}://{request.host}"


def place_of(address: str, name: str = "") -> Place:
    return Place(PLATFORM, address, name=name or address)


def wire_path(address: str) -> str:
    return f"/wire/{quote(address, safe='')}"


def paper_path(handle: str) -> str:
    return f"/papers/{quote(handle, safe='/')}"


async def off_loop(deed: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do what blocks in a thread, so that one slow answer holds up nobody else."""
    return await asyncio.to_thread(deed, *args, **kwargs)


def draw(
    request: web.Request, template: str, status: int, context: Mapping[str, object]
) -> web.Response:
    """Answer with a page."""
    site, visit = site_of(request), visit_of(request)
    told: dict[str, object] = {"nav": (), "path": request.path, "open": site.access.open}
    text = site.drawing.page(template, visit=visit, **{**told, **context})
    return web.Response(text=text, content_type="text/html", status=status)


async def show(request: web.Request, template: str, **context: object) -> web.Response:
    """Answer with a page that has the list of channels beside it."""
    site, visit = site_of(request), visit_of(request)
    rows = await off_loop(site.window.channels, visit.viewer, site.clock(), CHANNELS_BESIDE)
    told: dict[str, object] = {"nav": rows, "now": site.clock(), **context}
    return draw(request, template, 200, told)


def fragment(
    request: web.Request, template: str, status: int = 200, **context: object
) -> web.Response:
    """Answer a script with a piece of a page."""
    text = site_of(request).drawing.page(template, visit=visit_of(request), **context)
    return web.Response(text=text, content_type="text/html", status=status)


def wants_fragment(request: web.Request) -> bool:
    """Tell whether our own script asks, rather than a browser that shows what comes."""
    return request.headers.get("X-Paperwire") == "fragment"
