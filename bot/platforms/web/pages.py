"""The page's own routes: channels, papers, profiles, search, operations, and coming in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from bot import profiles
from bot.domain import CommandEvent, Place, Reply
from bot.platforms.web.drawing import TYPES
from bot.platforms.web.gate import give_cookie, send_in_two
from bot.platforms.web.site import (
    THEMES,
    Note,
    draw,
    fragment,
    off_loop,
    place_of,
    show,
    site_of,
    visit_of,
    wants_fragment,
    wire_path,
)
from bot.platforms.web.wire import answer
from bot.render import guard_reply
from bot.views import ChannelStatus, Period, Rising, Span, read_span

CHANNELS = 300
FOUND = 20
DEEPEST = 5_000  # the last hit that a page shows
RISING = 25
SIMILAR = 6
TYPED_LIMIT = 4_000
_DAYS = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31}
_NOBODY = Reply("Paperwire is not connected just now. Try again in a moment.", ok=False)


def routes() -> list[web.RouteDef]:
    """Return where the pages are."""
    return [
        web.get("/", home),
        web.get("/static/{name}", static),
        web.get("/login", ask_password),
        web.post("/login", log_in),
        web.post("/logout", log_out),
        web.post("/theme", choose_theme),
        web.get("/trending", trending),
        web.get("/search", search),
        web.get("/operations", operations),
        web.post("/operations/outbox", settle),
        web.get(r"/operations/listings/{id:\d{1,12}}", listing),
        web.post("/channels", begin),
        web.get(r"/channels/{id:\d{1,12}}", digests),
        web.get(r"/channels/{id:\d{1,12}}/trending", trending),
        web.get(r"/channels/{id:\d{1,12}}/profile", profile),
        web.post(r"/channels/{id:\d{1,12}}/profile", change_profile),
        web.get(r"/channels/{id:\d{1,12}}/status", status),
        web.get(r"/channels/{id:\d{1,12}}/effects/{paper:\d{1,12}}", effects),
        web.get(r"/papers/{handle:.+}", paper),
    ]


# --- coming in ----------------------------------------------------------------------------------


async def static(request: web.Request) -> web.Response:
    """Give one of our own files; its address changes with its content."""
    name = request.match_info["name"]
    content = site_of(request).drawing.files.get(name)
    if content is None:
        raise web.HTTPNotFound(text="There is no such file.")
    kind = TYPES[f".{name.rpartition('.')[2]}"]
    response = web.Response(body=content, content_type=kind, charset="utf-8")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


async def ask_password(request: web.Request) -> web.Response:
    """Show the form that asks for the password."""
    if visit_of(request).admitted:
        raise web.HTTPSeeOther("/")
    target = _target(request.query.get("next", "/"))
    return draw(request, "login.html", 200, {"wrong": "", "target": target})


async def log_in(request: web.Request) -> web.Response:
    """Let in whoever knows the password or the token."""
    site, visit = site_of(request), visit_of(request)
    form = await request.post()
    target = _target(str(form.get("next", "/")))
    now, address = site.clock().timestamp(), request.remote or ""
    wait = site.attempts.wait(address, now)
    if wait > 0:
        words = f"Too many wrong tries. Wait {int(wait // 60) + 1} minutes."
        response = draw(request, "login.html", 429, {"wrong": words, "target": target})
        response.headers["Retry-After"] = str(int(wait) + 1)
        return response
    if not site.access.admits(str(form.get("password", ""))[:1_000]):
        site.attempts.failed(address, now)
        return draw(request, "login.html", 403, {"wrong": "That is not it.", "target": target})
    site.attempts.succeeded(address)
    found = web.HTTPSeeOther(target)
    give_cookie(site, found, site.seal.prove(visit.session, now))
    raise found


async def log_out(request: web.Request) -> web.Response:
    """Forget the browser's session."""
    site = site_of(request)
    found = web.HTTPSeeOther("/")
    give_cookie(site, found, site.seal.new(site.clock().timestamp()))
    raise found


async def choose_theme(request: web.Request) -> web.Response:
    """Remember light, dark, or as the system has it."""
    form = await request.post()
    theme = str(form.get("theme", ""))
    found = web.HTTPSeeOther(_target(str(form.get("back", "/"))))
    found.set_cookie(
        "theme",
        theme if theme in THEMES else "auto",
        max_age=400 * 86_400,
        samesite="Lax",
        httponly=True,
        secure=site_of(request).secure,
    )
    raise found


def _target(path: str) -> str:
    """Return a path of ours to go on to; anything that leads elsewhere becomes the first page."""
    ours = re.fullmatch(r"/(?![/\\])[!#-\[\]-~]*", path)
    return path if ours else "/"


# --- channels -----------------------------------------------------------------------------------


async def home(request: web.Request) -> web.Response:
    """Show every channel, and what is read most this week."""
    site, visit = site_of(request), visit_of(request)
    newest = await off_loop(site.window.newest_day)
    rising: tuple[Rising, ...] = ()
    if newest is not None:
        rising = await off_loop(site.window.trending, visit.viewer, None, newest, 7, 8)
    return await _home(request, rising=rising)


async def begin(request: web.Request) -> web.Response:
    """Start a channel on the page from a name and interests, as ``/papers subscribe`` does."""
    site, visit = site_of(request), visit_of(request)
    form = await request.post()
    name = " ".join(str(form.get("name", "")).split())[:60]
    interests = str(form.get("interests", "")).strip()[:TYPED_LIMIT]
    address = re.sub(r"[^\w-]+", "-", name.casefold()).strip("-")
    wrong = "" if address else "Give the channel a name of letters or digits."
    may_see = await off_loop(site.window.may_see, visit.viewer, "web", address)
    if address and not may_see:
        wrong = "There is a channel of that name; choose another."
    if not wrong:
        reply = await _command(request, place_of(address, name), f"subscribe {interests}")
        if reply.ok:
            number = site.notes.keep(visit.session, Note(reply))
            raise web.HTTPSeeOther(f"{wire_path(address)}?note={number}#answer")
        wrong = reply.headline
    return await _home(request, name=name, interests=interests, wrong=wrong)


async def digests(request: web.Request) -> web.Response:
    """Show a channel's digests of a day, a week or a month."""
    site, visit = site_of(request), visit_of(request)
    state = await _state(request)
    span = _span(request)
    page = await off_loop(site.window.digests, visit.viewer, state.row.channel.id, span)
    return await show(
        request,
        "channel.html",
        state=state,
        channel=state.row.channel,
        page=page,
        note=site.notes.find(visit.session, request.query.get("note", "")),
    )


async def trending(request: web.Request) -> web.Response:
    """Show the most upvoted papers of a day, a week or a month, for all or one channel."""
    site, visit = site_of(request), visit_of(request)
    state = await _state(request) if "id" in request.match_info else None
    channel_id = state.row.channel.id if state else None
    period = _period(request, Period.WEEK)
    newest = await off_loop(site.window.newest_day)
    rising: tuple[Rising, ...] = ()
    if newest is not None:
        rising = await off_loop(
            site.window.trending, visit.viewer, channel_id, newest, _DAYS[period], RISING
        )
    return await show(
        request,
        "trending.html",
        state=state,
        channel=state.row.channel if state else None,
        rising=rising,
        period=period,
        newest=newest,
        first=newest - timedelta(days=_DAYS[period] - 1) if newest else None,
    )


async def status(request: web.Request) -> web.Response:
    """Show a channel's schedule, state, settings and troubles."""
    state = await _state(request)
    return await show(request, "status.html", state=state, channel=state.row.channel)


async def profile(request: web.Request) -> web.StreamResponse:
    """Show what a channel wants and has learned, and what its last listing gives for that.

    What is written is sent at once; what has to be computed follows on the same page.
    """
    site, visit = site_of(request), visit_of(request)
    state = await _state(request)
    channel = state.row.channel
    note = site.notes.find(visit.session, request.query.get("note", ""))
    before = note.before if note is not None else None
    told: dict[str, object] = {
        "state": state,
        "channel": channel,
        "items": profiles.items(channel.profile),
        "note": note,
        "note_number": request.query.get("note", "") if note else "",
        "compared": before is not None,
    }
    page = await show(request, "profile.html", **told)

    async def learned() -> str:
        now = site.clock()
        view = await off_loop(site.window.profile, visit.viewer, channel.id, now)
        rerun = await off_loop(site.window.rerun, visit.viewer, channel.id, before, now)
        told.update(view=view, rerun=rerun, visit=visit)
        return site.drawing.page("profile_learned.html", **told)

    return await send_in_two(request, page, learned)


async def change_profile(request: web.Request) -> web.Response:
    """Add, mute, remove or bring back interests, then show what that changes."""
    site, visit = site_of(request), visit_of(request)
    channel = (await _state(request)).row.channel
    form = await request.post()
    text = str(form.get("items", "")).strip()[:TYPED_LIMIT]
    action = str(form.get("action", ""))
    if action == "undo":
        note = site.notes.find(visit.session, str(form.get("note", "")))
        if note is None or note.before is None:
            raise web.HTTPBadRequest(text="That change is too old to be undone from here.")
        written = profiles.format(note.before)
        line = f"profile set {written}"
        if not written:
            line = f"profile remove {profiles.format(channel.profile)}"
    elif action in {"add", "remove"}:
        line = f"profile {action} {text}"
    else:
        raise web.HTTPBadRequest(text="Interests can be added, removed or brought back.")
    reply = await _command(request, channel.place, line)
    before = channel.profile if reply.ok else None
    number = site.notes.keep(visit.session, Note(reply, before=before))
    raise web.HTTPSeeOther(f"/channels/{channel.id}/profile?note={number}#answer")


async def effects(request: web.Request) -> web.Response:
    """Show what the votes on one paper do to a channel's ranking."""
    site, visit = site_of(request), visit_of(request)
    state = await _state(request)
    paper_id = int(request.match_info["paper"])
    found = await off_loop(
        site.window.effects, visit.viewer, state.row.channel.id, paper_id, site.clock()
    )
    if wants_fragment(request):
        return fragment(request, "effects_only.html", effects=found)
    return await show(
        request, "effects.html", effects=found, channel=state.row.channel, state=state
    )


# --- papers and search --------------------------------------------------------------------------


async def paper(request: web.Request) -> web.Response:
    """Show all that is known of a paper."""
    site, visit = site_of(request), visit_of(request)
    view = await off_loop(site.window.paper, visit.viewer, request.match_info["handle"])
    if view is None:
        raise web.HTTPNotFound(
            text="This paper is not known here. To have it looked up: /papers submit and its link."
        )
    near = await off_loop(site.window.similar, view.paper.id, SIMILAR)
    return await show(request, "paper.html", view=view, similar=near)


async def search(request: web.Request) -> web.Response:
    """Search as in chat."""
    site, visit = site_of(request), visit_of(request)
    query = request.query.get("q", "").strip()[:1_000]
    place = _int(request.query.get("channel", ""))
    offset = min(_int(request.query.get("from", "")) or 0, DEEPEST)
    found = None
    if query:
        found = await off_loop(
            site.window.search,
            visit.viewer,
            query,
            place,
            site.clock(),
            offset=offset,
            limit=FOUND,
            upto=_int(request.query.get("upto", "")),
        )
    return await show(
        request, "search.html", found=found, query=query, offset=offset, place=place, size=FOUND
    )


# --- operations ---------------------------------------------------------------------------------


async def operations(request: web.Request) -> web.Response:
    """Show how sources, listings and the outbox stand."""
    site, visit = site_of(request), visit_of(request)
    view = await off_loop(site.window.operations, visit.viewer)
    note = site.notes.find(visit.session, request.query.get("note", ""))
    return await show(request, "operations.html", view=view, note=note)


async def listing(request: web.Request) -> web.Response:
    """Show one listing's way from its source to the channels."""
    site, visit = site_of(request), visit_of(request)
    number = int(request.match_info["id"])
    view = await off_loop(site.window.listing, visit.viewer, number)
    if view is None:
        raise web.HTTPNotFound(text="There is no such listing.")
    return await show(request, "listing.html", view=view)


async def settle(request: web.Request) -> web.Response:
    """Retry or give up a message of the outbox."""
    site, visit = site_of(request), visit_of(request)
    form = await request.post()
    number = _int(str(form.get("message", "")))
    action = str(form.get("action", ""))
    if number is None or action not in {"retry", "abandon"}:
        raise web.HTTPBadRequest(text="A message can be retried or abandoned.")
    if action == "retry":
        words = await off_loop(site.window.retry, visit.viewer, number, site.clock())
    else:
        words = await off_loop(site.window.abandon, visit.viewer, number)
    note = site.notes.keep(visit.session, Note(Reply(words)))
    raise web.HTTPSeeOther(f"/operations?note={note}#answer")


# --- what the routes share ----------------------------------------------------------------------


async def _home(
    request: web.Request,
    *,
    rising: Sequence[Rising] = (),
    name: str = "",
    interests: str = "",
    wrong: str = "",
) -> web.Response:
    site, visit = site_of(request), visit_of(request)
    rows = await off_loop(site.window.channels, visit.viewer, site.clock(), CHANNELS)
    return await show(
        request,
        "home.html",
        rows=rows,
        most=CHANNELS,
        hidden=await off_loop(site.window.hidden, visit.viewer),
        rising=rising,
        name=name,
        interests=interests,
        wrong=wrong,
    )


async def _state(request: web.Request) -> ChannelStatus:
    site = site_of(request)
    found = await off_loop(
        site.window.channel,
        visit_of(request).viewer,
        int(request.match_info["id"]),
        site.clock(),
    )
    if found is None:
        raise web.HTTPNotFound(text="There is no such channel.")
    return found


async def _command(request: web.Request, place: Place, text: str) -> Reply:
    site, visit = site_of(request), visit_of(request)
    if site.inbound is None:
        return _NOBODY
    event = CommandEvent(place, visit.viewer.person, text, event_id=uuid.uuid4().hex)
    return guard_reply(await answer(site.inbound.command(event)))


def _span(request: web.Request) -> Span | None:
    for period in Period:
        text = request.query.get(period.value)
        if text:
            span = read_span(period, text)
            if span is None:
                raise web.HTTPBadRequest(
                    text="Write a day as 2026-06-12, a week as 2026-W24, a month as 2026-06."
                )
            return span
    return None


def _period(request: web.Request, default: Period) -> Period:
    try:
        return Period(request.query.get("period", default))
    except ValueError:
        return default


def _int(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else None
