"""A channel's digests as Atom (RFC 4287) and JSON Feed 1.1, and its data as files."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET  # nosec B405

from aiohttp import web

from bot.domain import Channel, DigestKind
from bot.platforms.web.drawing import slot_words
from bot.platforms.web.site import base_url, off_loop, site_of, visit_of
from bot.render import visible
from bot.views import DigestView

ENTRIES = 30
ATOM = "http://www.w3.org/2005/Atom"
_NAMES = uuid.uuid5(uuid.NAMESPACE_DNS, "feeds.paperwire.invalid")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMS = {
    "json": ("json", "application/json"),
    "bib": ("bibtex", "application/x-bibtex"),
    "ris": ("ris", "application/x-research-info-systems"),
    "csl": ("csl", "application/vnd.citationstyles.csl+json"),
}
_TITLES = {
    DigestKind.DAILY: "Papers",
    DigestKind.MISSED: "You missed",
    DigestKind.MORE: "More papers",
    DigestKind.SHARED: "Shared",
}


def routes() -> list[web.RouteDef]:
    """Return where the feeds are."""
    return [
        web.get(r"/channels/{id:\d{1,12}}/feed.atom", atom),
        web.get(r"/channels/{id:\d{1,12}}/feed.json", json_feed),
        web.get(r"/channels/{id:\d{1,12}}/export.{form:json|bib|ris|csl}", export),
    ]


async def atom(request: web.Request) -> web.Response:
    """Give a channel's newest digests as Atom."""
    channel, views = await _read(request)
    bodies = _bodies(request, views)
    body = write_atom(base_url(request), channel, views, bodies)
    return conditional(request, body, "application/atom+xml")


async def json_feed(request: web.Request) -> web.Response:
    """Give a channel's newest digests as JSON Feed."""
    channel, views = await _read(request)
    bodies = _bodies(request, views)
    body = write_json_feed(base_url(request), channel, views, bodies)
    return conditional(request, body, "application/feed+json")


async def export(request: web.Request) -> web.Response:
    """Give a channel's profile, votes and saved papers, or the saved ones as a bibliography."""
    site, viewer = site_of(request), visit_of(request).viewer
    number, suffix = int(request.match_info["id"]), request.match_info["form"]
    form, content_type = _FORMS[suffix]
    text = await off_loop(site.window.export, viewer, number, form)
    if text is None:
        raise web.HTTPNotFound(text="There is no such channel.")
    response = conditional(request, text.encode(), content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="channel-{number}.{suffix}"'
    return response


async def _read(request: web.Request) -> tuple[Channel, Sequence[DigestView]]:
    site, viewer = site_of(request), visit_of(request).viewer
    number = int(request.match_info["id"])
    state = await off_loop(site.window.channel, viewer, number, site.clock())
    if state is None:
        raise web.HTTPNotFound(text="There is no such channel.")
    part = await off_loop(
        site.window.digests_before, viewer, None, ENTRIES, channel_id=number, filled=True
    )
    return state.row.channel, [view for _, view in part.digests]


def _bodies(request: web.Request, views: Sequence[DigestView]) -> list[str]:
    drawing, base = site_of(request).drawing, base_url(request)
    return [drawing.page("feed_digest.html", view=view, base=base).strip() for view in views]


def write_atom(
    base: str, channel: Channel, views: Sequence[DigestView], bodies: Sequence[str]
) -> bytes:
    """Return the feed's bytes; ``bodies`` are the digests' contents as HTML, in the same order."""
    feed = ET.Element("feed", {"xmlns": ATOM})
    home = f"{base}/channels/{channel.id}"
    _put(feed, "id", _identity(channel))
    _put(feed, "title", f"{_name(channel)} · Paperwire")
    newest = max((view.digest.planned_at for view in views), default=channel.created_at)
    _put(feed, "updated", _time(newest))
    ET.SubElement(_put(feed, "author", ""), "name").text = "Paperwire"
    _put(feed, "generator", "Paperwire")
    kind = {"type": "application/atom+xml"}
    ET.SubElement(feed, "link", {"rel": "self", "href": f"{home}/feed.atom", **kind})
    ET.SubElement(feed, "link", {"rel": "alternate", "href": home, "type": "text/html"})
    for view, body in zip(views, bodies, strict=True):
        entry = ET.SubElement(feed, "entry")
        _put(entry, "id", _identity(channel, view))
        _put(entry, "title", _title(view))
        _put(entry, "published", _time(view.digest.planned_at))
        _put(entry, "updated", _time(view.digest.planned_at))
        ET.SubElement(entry, "link", {"rel": "alternate", "href": _address(home, view)})
        _put(entry, "content", body).set("type", "html")
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def write_json_feed(
    base: str, channel: Channel, views: Sequence[DigestView], bodies: Sequence[str]
) -> bytes:
    """Return the feed's bytes; ``bodies`` are the digests' contents as HTML, in the same order."""
    home = f"{base}/channels/{channel.id}"
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": f"{_name(channel)} · Paperwire",
        "home_page_url": home,
        "feed_url": f"{home}/feed.json",
        "authors": [{"name": "Paperwire"}],
        "items": [
            {
                "id": _identity(channel, view),
                "url": _address(home, view),
                "title": _title(view),
                "content_html": body,
                "date_published": _time(view.digest.planned_at),
            }
            for view, body in zip(views, bodies, strict=True)
        ],
    }
    return json.dumps(feed, ensure_ascii=True).encode()


def conditional(request: web.Request, body: bytes, content_type: str) -> web.Response:
    """Answer with an ETag, or 304 where the asker has these very bytes (RFC 9110, 13)."""
    mark = hashlib.sha256(body).hexdigest()[:32]
    known = request.if_none_match or ()
    if any(one.value in {mark, "*"} for one in known):
        response = web.Response(status=304)
    else:
        response = web.Response(body=body, content_type=content_type, charset="utf-8")
    response.etag = mark
    return response


def _put(parent: ET.Element, name: str, text: str) -> ET.Element:
    child = ET.SubElement(parent, name)
    child.text = _NOT_XML.sub("", text) or None
    return child


def _name(channel: Channel) -> str:
    return _NOT_XML.sub("", visible(channel.name)) or "Channel"


def _title(view: DigestView) -> str:
    words = slot_words(view.digest.slot).split(",")[0]
    return f"{_TITLES[view.digest.kind]} · {words}"


def _identity(channel: Channel, view: DigestView | None = None) -> str:
    """Return a name that stays, wherever the page is served from."""
    words = f"{channel.platform}\0{channel.address}"
    if view is not None:
        words += f"\0{view.digest.slot}\0{view.digest.kind}"
    return f"urn:uuid:{uuid.uuid5(_NAMES, words.encode('utf-8', 'backslashreplace').decode())}"


def _address(home: str, view: DigestView) -> str:
    return f"{home}?day={view.digest.slot[:10]}#digest-{view.digest.id}"


def _time(moment: datetime | None) -> str:
    at = moment or datetime(1970, 1, 1, tzinfo=UTC)
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
