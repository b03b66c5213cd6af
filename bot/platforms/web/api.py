"""What other programs read: papers, digests and search as JSON, in pages."""

from __future__ import annotations

import json
from datetime import date
from urllib.parse import urlencode

from aiohttp import web

from bot.domain import Channel, Paper
from bot.platforms.web.feeds import conditional
from bot.platforms.web.openapi import document
from bot.platforms.web.site import base_url, off_loop, paper_path, site_of, visit_of
from bot.render import paper_url
from bot.views import DigestView, Found

DEFAULT = 50
MOST = 200
DEEPEST = 5_000

Json = dict[str, object]


def routes() -> list[web.RouteDef]:
    """Return where the API is."""
    return [
        web.get("/api/papers", papers),
        web.get("/api/digests", digests),
        web.get("/api/search", search),
        web.get("/api/openapi.json", describe),
    ]


async def papers(request: web.Request) -> web.Response:
    """List papers, newest first."""
    site = site_of(request)
    day, source = _day(request), request.query.get("source", "")[:60]
    limit, before = _number(request, "limit", DEFAULT, MOST), _optional(request, "before")
    part = await off_loop(site.window.papers_before, before, limit, day=day, source=source)
    base = base_url(request)
    items = [paper_json(one, base) for one in part.papers]
    return _answer(request, items, {}, part.next_before)


async def digests(request: web.Request) -> web.Response:
    """List digests with their papers, newest first."""
    site, viewer = site_of(request), visit_of(request).viewer
    limit, before = _number(request, "limit", DEFAULT, MOST), _optional(request, "before")
    part = await off_loop(
        site.window.digests_before,
        viewer,
        before,
        limit,
        channel_id=_optional(request, "channel"),
    )
    base = base_url(request)
    items = [digest_json(channel, view, base) for channel, view in part.digests]
    return _answer(request, items, {}, part.next_before)


async def search(request: web.Request) -> web.Response:
    """Search all papers."""
    site, viewer = site_of(request), visit_of(request).viewer
    query = request.query.get("q", "").strip()[:1_000]
    if not query:
        raise web.HTTPBadRequest(text="Give what to search for, as q=vowel+harmony")
    limit = _number(request, "limit", DEFAULT, MOST)
    offset = min(_optional(request, "offset") or 0, DEEPEST)
    found = await off_loop(
        site.window.search,
        viewer,
        query,
        _optional(request, "channel"),
        site.clock(),
        offset=offset,
        limit=limit,
        upto=_optional(request, "upto"),
    )
    base = base_url(request)
    items = [hit_json(hit, base) for hit in found.hits]
    more: dict[str, object] = {
        "query": found.query,
        "total": found.total,
        "exact": found.exact,
        "notes": list(found.notes),
    }
    following = offset + len(items)
    next_ = following if items and following < min(found.total, DEEPEST) else None
    return _answer(request, items, more, next_, "offset", upto=found.upto)


async def describe(request: web.Request) -> web.Response:
    """Describe the API (OpenAPI 3.1)."""
    body = json.dumps(document(base_url(request)), ensure_ascii=True).encode()
    return conditional(request, body, "application/json")


def paper_json(paper: Paper, base: str) -> Json:
    """Return a paper as the API writes it."""
    return {
        "id": paper.id,
        "handle": paper.handle,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "author_count": paper.author_count,
        "arxiv_id": paper.arxiv_id,
        "doi": paper.doi,
        "version": paper.version,
        "url": paper_url(paper),
        "page": f"{base}{paper_path(paper.handle)}",
        "published": None if paper.published is None else paper.published.isoformat(),
        "listed_on": None if paper.first_listed_on is None else paper.first_listed_on.isoformat(),
        "seen_at": paper.first_seen_at.isoformat(),
        "categories": list(paper.categories),
        "upvotes": paper.upvotes,
        "comments": paper.comments,
        "code_url": paper.code_url,
    }


def digest_json(channel: Channel, view: DigestView, base: str) -> Json:
    """Return a digest as the API writes it."""
    digest = view.digest
    return {
        "id": digest.id,
        "channel": {"id": channel.id, "name": channel.name, "platform": channel.platform},
        "slot": digest.slot,
        "kind": str(digest.kind),
        "planned_at": digest.planned_at.isoformat(),
        "considered": digest.considered,
        "chosen": digest.chosen,
        "note": digest.note,
        "papers": [
            {
                "number": one.card.number,
                "handle": one.card.handle,
                "title": one.card.title,
                "url": one.card.url,
                "page": f"{base}{paper_path(one.card.handle)}",
                "summary": one.card.summary,
                "reason": one.card.reason,
                "label": one.card.label,
                "match": one.card.match,
                "score": one.delivery.score,
                "parts": [
                    {"name": part.name, "kind": part.kind, "value": part.value}
                    for part in one.delivery.parts
                ],
                "state": str(one.state),
            }
            for one in view.cards
        ],
    }


def hit_json(hit: Found, base: str) -> Json:
    """Return a hit as the API writes it."""
    return {
        "id": hit.paper_id,
        "handle": hit.card.handle,
        "title": hit.card.title,
        "url": hit.card.url,
        "page": f"{base}{paper_path(hit.card.handle)}",
        "authors": hit.card.authors,
        "date": hit.card.date,
        "score": hit.score,
        "snippet": "".join(text for text, _ in hit.snippet),
    }


def _answer(
    request: web.Request,
    items: list[Json],
    more: Json,
    next_: int | None,
    name: str = "before",
    **also: int | None,
) -> web.Response:
    following = None
    if next_ is not None:
        asked = {key: value for key, value in request.query.items() if key not in {name, *also}}
        kept = {key: str(value) for key, value in also.items() if value is not None}
        query = urlencode({**asked, **kept, name: str(next_)}, errors="replace")
        following = f"{base_url(request)}{request.path}?{query}"
    body = json.dumps({"items": items, **more, "next": following}, ensure_ascii=True).encode()
    return conditional(request, body, "application/json")


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    value = _optional(request, name)
    if value is None:
        return default
    if not 1 <= value <= most:
        raise web.HTTPBadRequest(text=f"{name} is from 1 to {most}.")
    return value


def _optional(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 13):
        raise web.HTTPBadRequest(text=f"{name} is a whole number.")
    return int(text)


def _day(request: web.Request) -> date | None:
    text = request.query.get("day", "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise web.HTTPBadRequest(text="day is written as 2026-06-12.") from None
