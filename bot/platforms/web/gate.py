"""What every request passes: headers, hosts, sessions, form tokens, and words for troubles."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.domain import PaperwireError, Person
from bot.platforms.web.access import REMEMBERED_SECONDS, Session, host_name
from bot.platforms.web.site import (
    PLATFORM,
    SITE,
    THEMES,
    VISIT,
    Site,
    Visit,
    draw,
    site_of,
    visit_of,
)
from bot.views import Viewer

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OWNER = "owner"  # who sits at this machine, while no password is asked for
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "object-src 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Server": "Paperwire",
}
_FREE = ("/static/", "/login", "/theme")  # what is shown before the password


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put on what tells a browser to trust nothing but our own files."""
    if SITE not in request.app:
        return  # what is mounted has headers of its own
    for name, value in _HEADERS.items():
        response.headers[name] = value
    page = response.content_type == "text/html" and not site_of(request).access.open
    # What was behind a password must not come back with the browser's back button.
    response.headers.setdefault("Cache-Control", "no-store" if page else "private, no-cache")


def give_cookie(site: Site, response: web.StreamResponse, session: Session) -> None:
    """Hand a session to its browser."""
    response.set_cookie(
        site.cookie,
        site.seal.write(session),
        max_age=REMEMBERED_SECONDS,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=site.secure,
    )


@web.middleware
async def tell_troubles(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every trouble in words; what is unexpected goes to the log and not to the page."""
    try:
        return await handler(request)
    except web.HTTPException as trouble:
        if trouble.status < 400:
            raise
        return _trouble(request, trouble.status, trouble.text or trouble.reason, trouble.headers)
    except PaperwireError as trouble:
        return _trouble(request, 400, str(trouble))
    except Exception:  # whatever broke, the next request must still be answered
        logger.exception("a request for the page failed: %s", request.path)
        return _trouble(request, 500, "That went wrong here. The log has the details.")


def _trouble(
    request: web.Request, status: int, words: str, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    response: web.StreamResponse
    if request.path.startswith("/api/"):
        response = web.json_response({"error": words}, status=status)
    elif VISIT in request and visit_of(request).admitted:
        response = draw(request, "trouble.html", status, {"words": words, "code": status})
    else:
        response = web.Response(text=f"{words}\n", status=status)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if headers is not None and name in headers:
            response.headers[name] = headers[name]
    return response


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer only to our own names, so that no foreign name can be pointed at this machine."""
    name = host_name(request.headers.get("Host", ""))
    hosts = site_of(request).hosts
    if name is None or (hosts is not None and name not in hosts):
        raise web.HTTPMisdirectedRequest(
            text="This page does not go by that name. Open it by the address that Paperwire "
            "printed, or set web.public_url."
        )
    return await handler(request)


@web.middleware
async def know_visitor(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who asks; ask for the password where one is needed."""
    site = site_of(request)
    now = site.clock().timestamp()
    known = site.seal.read(request.cookies.get(site.cookie, ""), now)
    session = known or site.seal.new(now)
    header = request.headers.get("Authorization", "")
    admitted = site.access.open or session.proved
    address = request.remote or ""
    if not admitted and header and site.attempts.wait(address, now) <= 0:
        admitted = site.access.admits_header(header)
        if not admitted:
            site.attempts.failed(address, now)
    theme = request.cookies.get("theme", "auto")
    person = Person(PLATFORM, OWNER if site.access.open else session.id)
    visit = Visit(
        session=session,
        form_token=site.seal.form_token(session),
        viewer=Viewer(person, private=admitted and not site.access.open),
        admitted=admitted,
        theme=theme if theme in THEMES else "auto",
        fresh=known is None and not header,
    )
    request[VISIT] = visit
    if not admitted and not request.path.startswith(_FREE):
        _ask_password(request)
    response = await handler(request)
    if visit.fresh and not response.prepared and site.cookie not in response.cookies:
        give_cookie(site, response, session)
    return response


def _ask_password(request: web.Request) -> NoReturn:
    accepts_html = "text/html" in request.headers.get("Accept", "")
    if request.method == "GET" and accepts_html and not request.path.startswith("/api/"):
        target = quote(request.path_qs, safe="")
        raise web.HTTPSeeOther(f"/login?next={target}")
    raise web.HTTPUnauthorized(
        text="This needs the page's password or token.",
        headers={"WWW-Authenticate": 'Basic realm="Paperwire", charset="UTF-8"'},
    )


@web.middleware
async def check_forms(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only our own forms change anything (CSRF)."""
    if request.method in {"GET", "HEAD"}:
        return await handler(request)
    if request.method != "POST":
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "HEAD", "POST"])
    site, visit = site_of(request), visit_of(request)
    foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        foreign = foreign or origin != site.public_url
    sent = request.headers.get("X-Form-Token") or str((await request.post()).get("token", ""))
    if foreign or visit.fresh or not site.seal.is_form_token(visit.session, sent):
        raise web.HTTPForbidden(
            text="This form is too old or came from elsewhere, so nothing was changed. "
            "Reload the page and try again."
        )
    return await handler(request)


def _pass_mounted(gate: Middleware) -> Middleware:
    """Let what is mounted by: its signed links need no session, host or form token of ours."""

    @web.middleware
    async def passing(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(site_of(request).mounted):
            return await handler(request)
        return await gate(request, handler)

    return passing


MIDDLEWARES = tuple(map(_pass_mounted, (tell_troubles, check_host, know_visitor, check_forms)))


async def send_in_two(
    request: web.Request, page: web.Response, rest: Callable[[], Awaitable[str]]
) -> web.StreamResponse:
    """Send what stands before ``<!--learned-->`` at once, then the rest, then what stands after."""
    site, visit = site_of(request), visit_of(request)
    first, _, last = (page.text or "").partition("<!--learned-->")
    if request.method == "HEAD":
        return page
    stream = web.StreamResponse(headers={"Content-Type": "text/html; charset=utf-8"})
    stream.headers["X-Accel-Buffering"] = "no"
    if visit.fresh:
        give_cookie(site, stream, visit.session)
    await stream.prepare(request)
    await stream.write(first.encode())
    try:
        middle = await rest()
    except Exception:  # the page has begun: the trouble has to be told inside it
        logger.exception("the rest of a page failed: %s", request.path)
        middle = '<p class="note">The rest could not be computed. The log has the details.</p>'
    await stream.write(middle.encode())
    await stream.write(last.encode())
    await stream.write_eof()
    return stream
