"""A stranger walks every command, suggestion, route and guessable number, and learns nothing.

Two worlds are compared that differ in one thing: in the second a private channel of other people
is as busy as can be. Whatever a stranger is told has to be the same in both, word for word.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp

from bot import profiles
from bot.commands import COMMANDS
from bot.domain import Channel, CommandEvent, Person, Place, Signal, VoteEvent
from bot.platforms.web.page import build
from bot.ports import Suggest
from bot.store import channels, outbox
from tests.adapters.web_wire import DAYS, WebWire, at

WANTED = "2607.09999"  # asked for by the others, known to nobody
SECRETS = ("quokka", "ferroelectric", "boardroom", WANTED)
FILTERS = ("posted:yes", "posted:no", "saved:yes", "for:here", "source:sample", "quokka", "model")
WHATEVER = ("1", "2", "p1", "json", "bib", "csl", "ris", "atom", "boardroom")
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
    return [*dict.fromkeys(first), "forget-me yes", "pause", "resume", "unsubscribe"]


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


def addresses(wire: WebWire) -> list[str]:
    """Every route of the page with every number and name that can be guessed."""
    assert wire.page._site is not None
    found = set[str]()
    for route in build(wire.page._site).router.routes():
        if route.method != "GET" or route.resource is None:
            continue
        pattern = route.resource.canonical
        names = re.findall(r"{(\w+)}", pattern)
        guesses = {
            "id": [str(n) for n in range(6)],
            "paper": [str(n) for n in (1, 2, 3, 40)],
            "address": ["lobby", "T2%2FC2", "boardroom", "..%2Fterminal", "terminal"],
            "name": ["page.css"],
            "handle": ["p1", "p2", "p40", WANTED, "2606.00001"],
        }
        for values in itertools.product(*(guesses.get(name, WHATEVER) for name in names)):
            path = pattern
            for name, value in zip(names, values, strict=True):
                path = path.replace(f"{{{name}}}", value)
            found.add(path)
    for base in ("/search", "/api/search"):
        found |= {f"{base}?q={one}&channel={n}" for one in FILTERS for n in (1, 2, 3)}
    found |= {f"/api/{what}?channel={n}" for what in ("papers", "digests") for n in range(4)}
    found |= {f"/wire/lobby/complete?text={text}" for text in ("save q", "why p", "search quo")}
    return sorted(path for path in found if not path.endswith("/live"))


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
                text = (await answer.read()).decode("utf-8", "replace")
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
