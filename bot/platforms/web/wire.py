"""A web channel as its people see it: what was posted, votes, commands, and what comes in live."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.domain import (
    Channel,
    CommandEvent,
    PaperwireError,
    Post,
    PostKind,
    Reply,
    Signal,
    VoteEvent,
)
from bot.platforms.journal import Posted
from bot.platforms.web.completing import complete_line
from bot.platforms.web.hub import MOST
from bot.platforms.web.site import (
    PLATFORM,
    Note,
    fragment,
    off_loop,
    place_of,
    show,
    site_of,
    visit_of,
    wants_fragment,
    wire_path,
)
from bot.render import guard_reply
from bot.views import Effect, Marks

logger = logging.getLogger(__name__)

SHOWN = 60  # posts on one page
TYPED_LIMIT = 4_000
ADDRESS_LIMIT = 200
HEARTBEAT_SECONDS = 15.0
_NOBODY = Reply("Paperwire is not connected just now. Try again in a moment.", ok=False)
_FAILED = Reply("That went wrong here. The log has the details.", ok=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """One post with what stands on its papers, by number; ``seq`` counts from 1."""

    posted: Posted
    seq: int
    marks: dict[int, Marks]


@dataclass(frozen=True, slots=True)
class Group:
    """A post and those that belong under it."""

    head: Shown
    under: tuple[Shown, ...]


def routes() -> list[web.RouteDef]:
    """Return where a web channel is reached."""
    return [
        web.get("/wire/{address}", show_wire),
        web.post("/wire/{address}/command", say),
        web.post("/wire/{address}/vote", vote),
        web.get("/wire/{address}/live", live),
        web.get("/wire/{address}/complete", complete),
    ]


async def show_wire(request: web.Request) -> web.Response:
    """Show a channel's newest posts, its command line, and the answer to the last command."""
    site, visit = site_of(request), visit_of(request)
    address = await _address(request)
    posts = await off_loop(site.histories.of(address).posts)
    channel = await off_loop(site.window.at, visit.viewer, PLATFORM, address)
    shown = await _shown(request, channel, posts[-SHOWN:], len(posts) - len(posts[-SHOWN:]))
    note = site.notes.find(visit.session, request.query.get("note", ""))
    effects: tuple[Effect, ...] = ()
    if note is not None and note.voted is not None:
        channel_id, paper_id, _ = note.voted
        effects = await off_loop(
            site.window.effects, visit.viewer, channel_id, paper_id, site.clock()
        )
    state = None
    if channel is not None:
        state = await off_loop(site.window.channel, visit.viewer, channel.id, site.clock())
    return await show(
        request,
        "wire.html",
        address=address,
        channel=channel,
        state=state,
        groups=_group(shown),
        last=posts[-1].remote_id if posts else "",
        earlier=max(0, len(posts) - SHOWN),
        note=note,
        effects=effects,
        once=uuid.uuid4().hex,
        typed=request.query.get("say", "")[:TYPED_LIMIT],
    )


async def say(request: web.Request) -> web.Response:
    """Carry out a typed command; what is for everyone joins the channel's history."""
    site, visit = site_of(request), visit_of(request)
    address = await _address(request)
    form = await request.post()
    text = str(form.get("text", "")).strip()[:TYPED_LIMIT]
    first, _, rest = text.partition(" ")
    if first.casefold() in {"/papers", "/paper"}:
        text = rest.strip()
    event = CommandEvent(
        place=place_of(address, await _name(request, address)),
        person=visit.viewer.person,
        text=text,
        event_id=str(form.get("once", ""))[:64] or uuid.uuid4().hex,
    )
    reply = _NOBODY if site.inbound is None else await answer(site.inbound.command(event))
    said = guard_reply(reply)
    if not reply.ephemeral:
        shared = Post(PostKind.NOTICE, said.headline, said.lines, said.cards)
        try:
            posted, _ = await off_loop(site.histories.write(address).post, "", shared, None)
            site.hub.publish(address, posted)
        except (PaperwireError, OSError) as trouble:
            said = Reply(f"Done, but it could not be shown to the others: {trouble}", ok=False)
    if wants_fragment(request):
        return fragment(
            request,
            "reply.html",
            reply=said,
            typed=text,
            address=address,
            shared=not reply.ephemeral,
            once=uuid.uuid4().hex,
        )
    number = site.notes.keep(visit.session, Note(said))
    raise web.HTTPSeeOther(f"{wire_path(address)}?note={number}#answer")


async def vote(request: web.Request) -> web.Response:
    """Switch a vote; pressing what already stands as wanted changes nothing."""
    site, visit = site_of(request), visit_of(request)
    address = await _address(request)
    form = await request.post()
    remote_id = str(form.get("message", ""))[:200]
    number = _number(str(form.get("number", "")))
    try:
        signal = Signal(str(form.get("signal", "")))
    except ValueError:
        raise web.HTTPBadRequest(text="There is no such vote; press 👍, 👎 or 🔖.") from None
    wanted = {"on": True, "off": False}.get(str(form.get(f"want-{signal}", "")))
    async with site.turn:
        reply, marks, voted = await _vote(request, address, remote_id, number, signal, wanted)
    if wants_fragment(request):
        text = site.drawing.piece(
            "cards.html", "vote_bar", address, remote_id, number, marks, visit.form_token
        )
        effect = f"/channels/{voted[0]}/effects/{voted[1]}" if voted else ""
        return web.json_response(
            {"ok": reply.ok, "said": reply.headline, "bar": text, "effect": effect}
        )
    note = site.notes.keep(visit.session, Note(guard_reply(reply), voted=voted))
    back = str(form.get("back", ""))
    # Only a path of ours: anything else could send a person elsewhere.
    target = back if back.startswith("/channels/") and "\\" not in back else wire_path(address)
    joint = "&" if "?" in target else "?"
    raise web.HTTPSeeOther(f"{target}{joint}note={note}#answer")


async def _vote(
    request: web.Request,
    address: str,
    remote_id: str,
    number: int,
    signal: Signal,
    wanted: bool | None,
) -> tuple[Reply, Marks, tuple[int, int, Signal] | None]:
    site, viewer = site_of(request), visit_of(request).viewer
    if site.inbound is None:
        return _NOBODY, Marks(), None
    channel = await off_loop(site.window.at, viewer, PLATFORM, address)
    key = (remote_id, number)

    async def read() -> Marks:
        if channel is None:
            return Marks()
        found = await off_loop(site.window.marks, viewer, channel.id, [remote_id])
        return found.get(key, Marks())

    before = await read()
    if wanted is not None and (signal in before.mine) == wanted:
        reply = Reply("That stands already.", signals=tuple(sorted(before.mine)))
    else:
        event = VoteEvent(
            place=place_of(address),
            person=viewer.person,
            remote_id=remote_id,
            signal=signal,
            on=None,
            number=number,
            event_id=uuid.uuid4().hex,
        )
        reply = await answer(site.inbound.vote(event))
    marks = await read()
    voted = None
    if reply.ok and channel is not None and marks.paper_id is not None:
        voted = (channel.id, marks.paper_id, signal)
    if channel is None:
        marks = Marks(mine=frozenset(reply.signals))
    return reply, marks, voted


async def live(request: web.Request) -> web.StreamResponse:
    """Send each new post as it comes (server-sent events), and those that were missed."""
    site = site_of(request)
    address = await _address(request)
    if site.hub.closed or site.hub.count >= MOST:
        raise web.HTTPServiceUnavailable(text="Too many windows are open; close some.")
    after = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    stream = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    stream.headers["X-Accel-Buffering"] = "no"
    with site.hub.listen(address) as queue:
        await stream.prepare(request)
        await stream.write(b"retry: 2000\n\n")
        try:
            sent = await _send_missed(request, stream, address, after)
            await _send_new(request, stream, address, queue, sent)
        except ConnectionResetError:
            return stream  # the window was closed
    return stream


async def _send_missed(
    request: web.Request, stream: web.StreamResponse, address: str, after: str
) -> set[str]:
    posts = await off_loop(site_of(request).histories.of(address).posts)
    known = [posted.remote_id for posted in posts]
    start = known.index(after) + 1 if after in known else (0 if not after else len(posts))
    for posted in posts[start:]:
        await _send(request, stream, address, posted)
    # Not all that were found: what came after the window began to listen is still in its queue.
    return {posted.remote_id for posted in posts[start:]}


async def _send_new(
    request: web.Request,
    stream: web.StreamResponse,
    address: str,
    queue: asyncio.Queue[Posted | None],
    sent: set[str],
) -> None:
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                posted = await queue.get()
        except TimeoutError:
            await stream.write(b": still here\n\n")
            continue
        if posted is None:
            return
        if posted.remote_id not in sent:
            await _send(request, stream, address, posted)


async def _send(
    request: web.Request, stream: web.StreamResponse, address: str, posted: Posted
) -> None:
    site, visit = site_of(request), visit_of(request)
    shown = Shown(posted, 0, {})
    text = site.drawing.piece("cards.html", "post", address, shown, visit.form_token)
    payload = json.dumps({"id": posted.remote_id, "under": posted.parent or "", "html": text})
    await stream.write(f"id: {posted.remote_id}\nevent: post\ndata: {payload}\n\n".encode())


async def complete(request: web.Request) -> web.Response:
    """Return what the command line may become."""
    site, visit = site_of(request), visit_of(request)
    address = await _address(request)
    text = request.query.get("text", "")[:TYPED_LIMIT]
    found = await complete_line(site.inbound, place_of(address), visit.viewer.person, text)
    return web.json_response([{"value": one.value, "label": one.label} for one in found])


async def answer(asked: Awaitable[Reply]) -> Reply:
    """Return the core's reply; a person is never left without one."""
    try:
        return await asked
    except PaperwireError as trouble:
        return Reply(str(trouble), ok=False)
    except Exception:  # whatever broke, the page must still answer
        logger.exception("the core failed on what a person did on the page")
        return _FAILED


async def _address(request: web.Request) -> str:
    """Return the address asked for; one that this visitor may not see is as if it were not."""
    site = site_of(request)
    address = request.match_info["address"]
    if not 0 < len(address) <= ADDRESS_LIMIT or not await off_loop(
        site.window.may_see, visit_of(request).viewer, PLATFORM, address
    ):
        raise web.HTTPNotFound(text="There is no such channel.")
    return address


async def _name(request: web.Request, address: str) -> str:
    site, viewer = site_of(request), visit_of(request).viewer
    channel = await off_loop(site.window.at, viewer, PLATFORM, address)
    return channel.name if channel is not None else address


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


async def _shown(
    request: web.Request, channel: Channel | None, posts: Sequence[Posted], skipped: int
) -> list[Shown]:
    site, viewer = site_of(request), visit_of(request).viewer
    marks: dict[tuple[str, int], Marks] = {}
    if channel is not None:
        ids = [posted.remote_id for posted in posts if posted.key]
        marks = await off_loop(site.window.marks, viewer, channel.id, ids)
    return [
        Shown(
            posted,
            seq,
            {
                card.number: marks.get((posted.remote_id, card.number), Marks())
                for card in posted.post.cards
            },
        )
        for seq, posted in enumerate(posts, skipped + 1)
    ]


def _group(shown: Sequence[Shown]) -> tuple[Group, ...]:
    """Put posts under their header, the newest header first."""
    groups: list[list[Shown]] = []
    places: dict[str, list[Shown]] = {}
    for one in shown:
        parent = places.get(one.posted.parent or "")
        if parent is None and one.posted.post.kind is PostKind.PAPER and one.posted.key and groups:
            # Cards without a thread follow their header.
            newest = groups[-1]
            parent = newest if newest[0].posted.post.kind is PostKind.HEADER else None
        if parent is None:
            parent = []
            groups.append(parent)
        parent.append(one)
        places[one.posted.remote_id] = parent
    return tuple(Group(group[0], tuple(group[1:])) for group in reversed(groups))
