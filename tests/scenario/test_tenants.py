"""A stranger walks every command, suggestion, route and guessable number, and learns nothing.

Two worlds are compared that differ in one thing: in the second a private channel of other people
is as busy as can be. Whatever a stranger is told has to be the same in both, word for word.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import aiohttp

from bot import profiles
from bot.commands import COMMANDS, parse
from bot.commands.model import Command, CommandError
from bot.domain import Channel, CommandEvent, Person, Place, Signal, VoteEvent
from bot.platforms.web.page import build
from bot.ports import Suggest
from bot.services.bibliography import Format, write
from bot.services.library import saved_papers
from bot.services.transfer import export
from bot.store import channels, outbox
from tests.adapters.web_wire import DAYS, Browser, WebWire, at

WANTED = "2607.09999"  # asked for by the others, known to nobody
SECRETS = ("quokka", "ferroelectric", "boardroom", WANTED)
FILTERS = ("posted:yes", "posted:no", "saved:yes", "for:here", "source:sample", "quokka", "model")
EVE = Person("web", "owner", may_manage=True)
LOBBY = Place("web", "lobby", "lobby")
NOWHERE = Place("web", "somewhere-else")
OTHER_WORKSPACE = Place("slack", "T9/C2", "general")


async def world(folder: Path, *, others: bool) -> WebWire:
    """Open a wire with the stranger's channel and, if so, the others' private one beside it."""
    await asyncio.to_thread(folder.mkdir)
    wire = WebWire(folder)
    await wire.open()
    wire.subscribe("lobby", "language models, translation", threshold=20, size=3)
    wire.now = at(DAYS[0], 6)
    wire.read(DAYS[0])
    await wire.step(at(DAYS[0], 9, 1))
    if others:
        await be_busy(wire)
    wire.now = at(DAYS[0], 12)
    return wire


async def be_busy(wire: WebWire) -> None:
    """Do everything that leaves a trace, in a channel that is none of the stranger's business."""
    secret = Channel(
        0,
        "terminal",
        "T2/C2",
        "boardroom",
        profiles.parse("quokka ferroelectrics, scaling laws, speech"),
        threshold=0,
        size=8,
        sources=("sample",),
    )
    with wire.store.write() as connection:
        channel = channels.insert(connection, secret, private=True, now=at(DAYS[0], 5))
    await wire.step(at(DAYS[0], 9, 2))
    people = [Person("terminal", name, may_manage=True) for name in ("owner", "ada", "ben")]
    with wire.store.read() as connection:
        sent = outbox.recent_sent(connection, channel.id, at(DAYS[0], 5))
        carried = [(m, outbox.message_deliveries(connection, m.id)[0]) for m in sent]
    assert len(carried) > 3
    place = Place("terminal", "T2/C2", "boardroom", private=True)
    for person, (message, delivery), signal in itertools.product(people, carried, list(Signal)[:3]):
        event = VoteEvent(
            place, person, message.remote_id or "", signal, on=True, number=delivery.number
        )
        assert (await wire.inbox.vote(event)).ok
    for text in (
        "submit 1",
        f"submit {WANTED}",
        "save 2",
        "more 2",
        "search quokka ferroelectrics",
        "settings threshold=1 size=5",
        "profile add boardroom matters",
    ):
        await wire.inbox.command(CommandEvent(place, people[0], text))
    await wire.step(wire.now + timedelta(minutes=5))


def typed() -> list[str]:
    """Every command with everything that can be guessed, and every search filter."""
    guesses = ["", "1", "2", "8", "9", "p1", "p2", "p40", "p999999", WANTED, "T2/C2", "boardroom"]
    found = [f"{spec.name} {guess}".strip() for spec in COMMANDS for guess in guesses]
    found += [example.removeprefix("/papers ") for spec in COMMANDS for example in spec.examples]
    found += [f"search {one}" for one in FILTERS]
    found += [f"search {a} {b}" for a, b in itertools.combinations(FILTERS, 2)]
    # What changes or ends the stranger's own channel comes last and only once.
    ending = ("unsubscribe", "forget-me", "pause", "subscribe", "profile set", "schedule")
    first = [text for text in found if not text.startswith(ending)]
    last = ("schedule", "schedule daily 10:00", "profile set tides", "subscribe boardroom matters")
    return [
        *dict.fromkeys(first),
        *last,
        *("forget-me yes", "pause", "resume", "unsubscribe", "subscribe tides"),
    ]


async def ask_everything(wire: WebWire) -> dict[str, str]:
    """Type and suggest everything as the stranger, in three places; nobody is let off."""
    told: dict[str, str] = {}
    for place in (NOWHERE, OTHER_WORKSPACE, LOBBY):
        person = replace(EVE, platform=place.platform)
        for what, text in itertools.product(Suggest, ("", "q", "quo", "bo", "2607", "s", "p4")):
            found = await wire.inbox.suggest(place, person, what, text)
            told[f"{place.address} suggest {what} {text}"] = repr(found)
        for text in typed():
            reply = await wire.inbox.command(CommandEvent(place, person, text))
            told[f"{place.address} {text}"] = repr(reply)
    return told


async def test_every_command_and_suggestion_tells_a_stranger_the_same_with_and_without_others(
    tmp_path: Path,
) -> None:
    alone = await world(tmp_path / "alone", others=False)
    among = await world(tmp_path / "among", others=True)
    try:
        first, second = await ask_everything(alone), await ask_everything(among)
    finally:
        await alone.close()
        await among.close()
    assert len(first) > 500
    assert {key: second[key] for key in first if first[key] != second[key]} == {}


def test_every_command_of_the_grammar_is_walked() -> None:
    walked = set[type]()
    for text in typed():
        with contextlib.suppress(CommandError):
            walked.add(type(parse(text)))
    assert walked == set(get_args(Command))


async def test_votes_on_a_foreign_message_are_refused_from_another_place(tmp_path: Path) -> None:
    wire = await world(tmp_path / "among", others=True)
    try:
        with wire.store.read() as connection:
            rows = connection.execute("SELECT remote_id FROM messages").fetchall()
            before = connection.execute("SELECT count(*) FROM feedback").fetchone()[0]
        for row, place in itertools.product(rows, (NOWHERE, OTHER_WORKSPACE)):
            event = VoteEvent(place, EVE, row["remote_id"] or "", Signal.LIKE, on=True, number=1)
            assert not (await wire.inbox.vote(event)).ok
        with wire.store.read() as connection:
            assert connection.execute("SELECT count(*) FROM feedback").fetchone()[0] == before
    finally:
        await wire.close()


# --- the page -----------------------------------------------------------------------------------


# What a stranger guesses for each part of an address. A route with another part has to be added.
GUESSES = {
    "id": [str(n) for n in range(6)],
    "paper": [str(n) for n in (1, 2, 3, 40)],
    "address": ["lobby", "T2%2FC2", "boardroom", "..%2Fterminal", "terminal"],
    "name": ["page.css", "..%2Fwire.db"],
    "handle": ["p1", "p2", "p40", WANTED, "2606.00001"],
    "form": ["json", "bib", "ris", "csl"],
}
# What a stranger sends to each form, those that end something of the stranger's own last.
FORMS: dict[str, list[dict[str, str]]] = {
    "/login": [{"password": "boardroom"}, {"password": "", "next": "//evil.example"}],
    "/theme": [{"theme": "dark", "back": "/channels/2"}, {"theme": "quokka"}],
    "/operations/outbox": [
        {"message": str(n), "action": action}
        for n in (*range(1, 24), 10**9)
        for action in ("retry", "abandon")
    ],
    "/channels/{id}/profile": [
        {"items": "quokka", "action": "remove"},
        {"items": "boardroom matters", "action": "remove"},
        {"items": "tides", "action": "add"},
        {"note": "1", "action": "undo"},
        {"action": "export"},
    ],
    "/wire/{address}/vote": [],  # filled with every message there is
    "/wire/{address}/command": [
        {"text": text, "once": f"{number}"}
        for number, text in enumerate(
            ("status", "profile", "preview", "why p2", "why 1", "saved", "search quokka", "more 1",
             "settings", "schedule", f"submit {WANTED}", "like 1", "forget-me yes", "pause")
        )
    ],
    "/channels": [{"name": "T2/C2", "interests": "tides"}, {"name": "", "interests": "x"}],
    "/logout": [{}],
}  # fmt: skip


def routes(wire: WebWire) -> dict[str, list[str]]:
    """Every route of the page, as (method, path) in one text, with every address to be guessed."""
    assert wire.page._site is not None
    found: dict[str, list[str]] = {}
    for route in build(wire.page._site).router.routes():
        assert route.resource is not None
        pattern = route.resource.canonical
        names = re.findall(r"{(\w+)}", pattern)
        paths = []
        for values in itertools.product(*(GUESSES[name] for name in names)):
            path = pattern
            for name, value in zip(names, values, strict=True):
                path = path.replace(f"{{{name}}}", value)
            paths.append(path)
        found[f"{route.method} {pattern}"] = paths
    return found


def addresses(wire: WebWire) -> list[str]:
    """Every page with every number and name that can be guessed."""
    walked = routes(wire)
    found = {path for name, paths in walked.items() if name.startswith("GET ") for path in paths}
    for base in ("/search", "/api/search"):
        found |= {f"{base}?q={one}&channel={n}" for one in FILTERS for n in (1, 2, 3)}
    found |= {f"/api/{what}?channel={n}" for what in ("papers", "digests") for n in range(4)}
    found |= {f"/wire/lobby/complete?text={text}" for text in ("save q", "why p", "search quo")}
    return sorted(found)


def test_every_route_is_a_page_or_a_form_that_a_stranger_tries(tmp_path: Path) -> None:
    """A route that is new has to be guessed at as well: its parts, and what it is sent."""

    async def run() -> None:
        wire = WebWire(tmp_path)
        await wire.open()
        walked = routes(wire)
        await wire.close()
        kinds = {name.partition(" ")[0] for name in walked}
        assert kinds == {"GET", "HEAD", "POST"}
        sent = {name.partition(" ")[2] for name in walked if name.startswith("POST ")}
        assert sent == set(FORMS)

    asyncio.run(run())


def plain(text: str, port: int) -> str:
    """Leave out what differs between any two visits: tokens, ports, clocks of the process."""
    text = text.replace(f":{port}", ":PORT").replace(f"_{port}", "_PORT")
    text = re.sub(r"[0-9a-f]{32,64}", "TOKEN", text)
    # That there are private channels, and how many, is said on purpose.
    text = re.sub(r'<p class="note">[^<]*private channel.*?</p>', "", text)
    return re.sub(r"\d+(\.\d+)? (ms|seconds?)", "SOON", text)


async def look_everywhere(wire: WebWire, paths: list[str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await (await session.get(wire.page.url)).read()
        for path in paths:
            async with session.get(f"{wire.page.url}{path}", allow_redirects=False) as answer:
                # What goes on for ever has said what it knows in its first lines.
                live = answer.content_type == "text/event-stream"
                read = answer.content.readany() if live else answer.read()
                text = (await read).decode("utf-8", "replace")
                seen[path] = f"{answer.status} {plain(text, wire.page.port)}"
    return seen


async def test_no_page_feed_or_api_shows_a_stranger_a_private_channel(
    tmp_path: Path,
) -> None:
    alone = await world(tmp_path / "alone", others=False)
    among = await world(tmp_path / "among", others=True)
    try:
        paths = addresses(among)
        first, second = await look_everywhere(alone, paths), await look_everywhere(among, paths)
    finally:
        await alone.close()
        await among.close()
    assert len(paths) > 100
    assert any(text.startswith("200") for text in second.values())
    for path, text in second.items():
        asked = path.casefold()
        leaked = [one for one in SECRETS if one in text.casefold() and one not in asked]
        assert leaked == [], path
        assert text == first[path], path


async def send_everything(wire: WebWire, remote_ids: list[str]) -> dict[str, str]:
    """Send every form to every address, and open the page where the answer is told."""
    told: dict[str, str] = {}
    walked = routes(wire)
    votes = [
        {"message": remote_id, "number": number, "signal": "save", "want-save": "on"}
        for remote_id in remote_ids
        for number in ("1", "2")
    ]
    async with Browser(wire.page.url) as browser:
        for pattern, forms in FORMS.items():
            for path in walked[f"POST {pattern}"]:
                for number, fields in enumerate(forms or votes):
                    await browser.page("/")
                    status, text, target = await browser.post(path, fields)
                    key = f"{path} {number} {fields}"
                    told[key] = f"{status} {target} {text}"
                    if target.startswith("/"):
                        told[key] += (await browser.ask(target.partition("#")[0]))[1]
                    told[key] = plain(told[key], wire.page.port)
    return told


def everything_of(wire: WebWire, channel_id: int) -> list[tuple[object, ...]]:
    """Every row that belongs to a channel."""
    found: list[tuple[object, ...]] = []
    with wire.store.read() as connection:
        for table in ("digests", "messages", "deliveries", "feedback", "submissions"):
            rows = connection.execute(f"SELECT * FROM {table} WHERE channel_id = ?", (channel_id,))
            found += [(table, *row) for row in rows]
        row = connection.execute("SELECT * FROM channels WHERE id = ?", (channel_id,))
        found += [("channels", *one) for one in row]
    return found


async def test_no_form_shows_or_changes_a_private_channel(tmp_path: Path) -> None:
    alone = await world(tmp_path / "alone", others=False)
    among = await world(tmp_path / "among", others=True)
    try:
        with among.store.read() as connection:
            rows = connection.execute("SELECT remote_id FROM messages WHERE remote_id <> ''")
            remote_ids = [str(row["remote_id"]) for row in rows]
        before = everything_of(among, 2)
        first = await send_everything(alone, remote_ids)
        second = await send_everything(among, remote_ids)
        after = everything_of(among, 2)
    finally:
        await alone.close()
        await among.close()
    assert len(before) > 20
    assert after == before
    assert len(first) > 200
    assert any(text.startswith("303") for text in second.values())
    for key, text in second.items():
        asked = key.casefold()
        leaked = [one for one in SECRETS if one in text.casefold() and one not in asked]
        assert leaked == [], key
        assert nameless(text) == nameless(first[key]), key


def nameless(text: str) -> str:
    """Leave out numbers that are given in turn; how many channels there are is no secret."""
    text = re.sub(r"note=[\w-]{8}|name=.note. value=.[\w-]{8}.", "NOTE", text)
    return re.sub(r"channels/\d+|channel=\d+|value=.\d+.", "N", text)


async def test_an_export_of_one_channel_holds_nothing_of_another(tmp_path: Path) -> None:
    alone = await world(tmp_path / "alone", others=False)
    among = await world(tmp_path / "among", others=True)
    found = []
    try:
        for wire in (alone, among):
            with wire.store.read() as connection:
                here = channels.at(connection, LOBBY)
            assert here is not None
            await wire.say(here, "save 1", person="owner")
            data = json.dumps(export(wire.store, [here]))
            saved = write(Format.BIBTEX, saved_papers(wire.store, [here]))
            found.append(plain(data, 0) + saved)
    finally:
        await alone.close()
        await among.close()
    assert len(found[0]) > 500
    assert found[0] == found[1]
