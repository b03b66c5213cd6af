"""A stranger on Discord, on Slack and by mail learns nothing of others, and changes nothing.

As in ``test_tenants``, what the stranger is told has to be the same with and without the others.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from bot import profiles
from bot.domain import Channel, Layout, Person, Signal, Via
from bot.platforms.email.addresses import PREFIX
from bot.platforms.email.links import PREFIX as PAGES
from bot.platforms.slack import Slack
from bot.services.inbox import Inbox
from bot.services.manage import Defaults
from bot.store import channels, feedback, outbox
from bot.store.feedback import Ballot
from tests.adapters.counterpart import until
from tests.adapters.discord_harness import adapter, answer, knows_servers, loopback_discord
from tests.adapters.loopback_discord.people import People
from tests.adapters.loopback_discord.world import BITS, EVERYONE
from tests.adapters.loopback_mail import BASE, LoopbackMail
from tests.adapters.slack_fixtures import seen
from tests.adapters.slack_place import SlackHarness, find_button
from tests.adapters.slack_world import Json
from tests.scenario.room import papers
from tests.scenario.test_email_scenario import ADA, Post
from tests.scenario.wire import MONDAY, Wire, at

SECRETS = ("quokka", "ferroelectric", "boardroom")
BEN = "ben@readers.example.org"
MANAGER = EVERYONE | BITS["manage_channels"]
TYPED = ("", "1", "p2", "quo", "boa", "study", "2606.00002")


def inbox_of(wire: Wire, platform: str, layout: Layout) -> Inbox:
    return Inbox(
        wire.store,
        wire.rankers,
        lambda: wire.now,
        defaults=Defaults(sources=("huggingface",)),
        layouts={platform: layout},
    )


def subscribe(wire: Wire, platform: str, address: str, name: str, interests: str) -> Channel:
    channel = Channel(
        0, platform, address, name, profiles.parse(interests), threshold=0, schedule="daily 09:00"
    )
    with wire.store.write() as connection:
        made = channels.insert(connection, channel, private=name != "lobby", now=at(MONDAY, 8))
    assert len(wire.plan()) == 1
    return made


def be_busy(wire: Wire, platform: str, *addresses: str) -> list[Channel]:
    """Have others read, vote and save in private channels at these addresses."""
    busy = [
        subscribe(wire, platform, address, "#boardroom", "quokka ferroelectrics, graphs")
        for address in addresses
    ]
    with wire.store.write() as connection:
        for channel in busy:
            for message in outbox.waiting(connection, channel.id):
                outbox.mark_sent(connection, message.id, f"r{message.id}", wire.now)
                for one in outbox.message_deliveries(connection, message.id):
                    key = feedback.key_of(connection, Person(platform, "someone else"))
                    ballot = Ballot(channel.id, one.paper_id, key)
                    for signal in (Signal.SAVE, Signal.LIKE):
                        feedback.set_signal(
                            connection, ballot, signal, on=True, via=Via.BUTTON, now=wire.now
                        )
    return busy


def rows_of(wire: Wire, busy: list[Channel]) -> list[tuple[object, ...]]:
    with wire.store.read() as connection:
        return [
            tuple(row)
            for channel in busy
            for table in ("channels", "messages", "feedback", "digests", "submissions")
            for row in connection.execute(
                f"SELECT * FROM {table} WHERE {'id' if table == 'channels' else 'channel_id'} = ?",
                (channel.id,),
            )
        ]


def compare(first: dict[str, str], second: dict[str, str]) -> None:
    assert first.keys() == second.keys()
    for key, text in second.items():
        leaked = [s for s in SECRETS if s in text.casefold() and s not in key.casefold()]
        assert leaked == [], key
        assert text == first[key], key


async def opened(folder: Path) -> Wire:
    await asyncio.to_thread(folder.mkdir)
    wire = Wire(folder, at(MONDAY, 6))
    await wire.open()
    wire.read(papers(), MONDAY)
    wire.now = at(MONDAY, 9)
    return wire


# --- Discord ------------------------------------------------------------------------------------


def leaves(known: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[Json]]]:
    """Yield every native command as Discord was told of it, with its options."""
    below = [option for option in known.get("options", ()) if option["type"] in {1, 2}]
    if not below:
        yield " ".join(path), known.get("options", [])
    for option in below:
        yield from leaves(option, (*path, option["name"]))


def value_for(option: Json, typed: str) -> str | int:
    if option.get("choices"):
        return str(option["choices"][0]["value"])
    if option["type"] == 4:
        return int(option.get("min_value") or 1)
    return typed or "quokka"


def fill_in(options: list[Json], typed: str) -> dict[str, str | int]:
    """Fill the first option of a command in, and what else it asks for."""
    asked = [option for n, option in enumerate(options) if n == 0 or option.get("required")]
    return {str(option["name"]): value_for(option, typed) for option in asked}


async def ask_discord(folder: Path, *, others: bool) -> dict[str, str]:
    wire = await opened(folder)
    told: dict[str, str] = {}
    try:
        async with loopback_discord() as server:
            folk, here, elsewhere = People(server), server.guild(), server.guild()
            lobby = await server.channel(here, "lobby")
            secret = await server.channel(here, "boardroom")
            foreign = await server.channel(elsewhere, "boardroom")
            subscribe(wire, "discord", f"{here.id}/{lobby.id}", "lobby", "speech")
            busy: list[Channel] = []
            if others:
                addresses = (f"{here.id}/{secret.id}", f"{elsewhere.id}/{foreign.id}")
                busy = be_busy(wire, "discord", *addresses)
                assert len(rows_of(wire, busy)) > 10
            before = rows_of(wire, busy)
            platform = adapter(server)
            await platform.start(inbox_of(wire, "discord", platform.default_layout))
            try:
                await knows_servers(platform, server)
                eve = server.user("eve")

                async def keep(key: str, name: str, given: dict[str, Any], root: str) -> None:
                    asked = await folk.slash(
                        lobby, eve, name, given, root=root, permissions=MANAGER
                    )
                    if asked.form is not None:
                        told[f"{key} form"] = repr(asked.form["components"])
                        values = {"interests": "tides"}
                        asked = await folk.fill_in(asked, values, permissions=MANAGER)
                    told[key] = answer(asked).text

                known = [one for one in server.commands if one["type"] == 1]
                walked = [(one["name"], *leaf) for one in known for leaf in leaves(one)]
                # After these there is little left to ask for.
                walked.sort(key=lambda leaf: leaf[1] in {"forget-me", "pause", "unsubscribe"})
                for root, name, options in walked:
                    for typed in TYPED[1:]:
                        given = fill_in(options, typed)
                        await keep(f"{root} {name} {given}", name, given, root)
                        if not options:
                            break
                    for option in options:
                        for typed in TYPED if option.get("autocomplete") else ():
                            found = await folk.complete(lobby, eve, name, option["name"], typed)
                            told[f"{name} {option['name']} {typed} offers"] = repr(found)
            finally:
                await platform.stop()
            assert rows_of(wire, busy) == before
            told = {key: re.sub(r"\d{15,}", "ID", text) for key, text in told.items()}
    finally:
        await wire.close()
    return told


async def test_no_native_command_form_or_completion_of_discord_tells_of_others(
    tmp_path: Path,
) -> None:
    first = await ask_discord(tmp_path / "alone", others=False)
    second = await ask_discord(tmp_path / "among", others=True)
    assert len(first) > 60
    assert sum("offers" in key for key in first) > 20
    assert sum("form" in key for key in first) >= 2
    compare(first, second)


# --- Slack --------------------------------------------------------------------------------------


async def look_at_home(folder: Path, *, others: bool) -> dict[str, str]:
    wire = await opened(folder)
    place = SlackHarness()
    await place.open()
    told: dict[str, str] = {}
    try:
        lobby = place.slack.room("lobby")
        lobby.people |= {"UADA", "UBEN"}
        secret = place.slack.room("boardroom", private=True)
        secret.people.add("UBEN")
        subscribe(wire, "slack", f"T0001/{lobby.id}", "lobby", "speech")
        busy = []
        if others:
            # A private channel of theirs, and one of the same number in another workspace.
            busy = be_busy(wire, "slack", f"T0001/{secret.id}", f"T0009/{lobby.id}")
        before = rows_of(wire, busy)
        await place.connect(inbox_of(wire, "slack", Slack.default_layout))
        for user in ("UADA", "UBEN"):
            event = {"type": "app_home_opened", "user": user, "channel": "D1", "tab": "home"}
            assert await place.slack.event(event)
            await until(lambda user=user: user in place.slack.homes, "the home page")
            view = place.slack.homes[user]
            told[user] = f"{seen(view)} {view['blocks']}"
        assert rows_of(wire, busy) == before
    finally:
        await place.close()
        await wire.close()
    return told


async def test_home_on_slack_shows_a_stranger_only_what_is_the_strangers(tmp_path: Path) -> None:
    first = await look_at_home(tmp_path / "alone", others=False)
    second = await look_at_home(tmp_path / "among", others=True)
    compare({"UADA": first["UADA"]}, {"UADA": second["UADA"]})
    assert "lobby" in second["UADA"]
    assert "boardroom" in second["UBEN"]  # whose channel it is


async def test_a_home_page_from_before_someone_left_a_channel_opens_it_no_more(
    tmp_path: Path,
) -> None:
    wire = await opened(tmp_path / "left")
    place = SlackHarness()
    await place.open()
    try:
        secret = place.slack.room("boardroom", private=True)
        secret.people.add("UBEN")
        busy = be_busy(wire, "slack", f"T0001/{secret.id}")
        before = rows_of(wire, busy)
        await place.connect(inbox_of(wire, "slack", Slack.default_layout))
        event = {"type": "app_home_opened", "user": "UBEN", "channel": "D1", "tab": "home"}
        assert await place.slack.event(event)
        await until(lambda: "UBEN" in place.slack.homes, "the home page")
        view = place.slack.homes["UBEN"]
        secret.people.clear()
        for number, action in enumerate(("home.preview", "home.status", "edit"), 1):
            button = find_button(view["blocks"], action)
            await place.slack.press_in_view("UBEN", view, button)
            await until(lambda n=number: len(place.slack.views) == n, "an answer")
        for shown in place.slack.views.values():
            assert "does not list you in that channel any more" in seen(shown)
            assert not any(secret in seen(shown).casefold() for secret in SECRETS)
        assert rows_of(wire, busy) == before
    finally:
        await place.close()
        await wire.close()


# --- mail ---------------------------------------------------------------------------------------


async def test_a_readers_links_open_nothing_of_another_reader(tmp_path: Path) -> None:
    wire = await opened(tmp_path / "mail")
    server = LoopbackMail()
    await server.start()
    post = Post(wire, server)
    await post.open()
    try:
        for address, wish in ((ADA, "speech"), (BEN, "quokka ferroelectrics")):
            await post.sign_up(address, wish)
            await until(lambda address=address: server.read(address) != [], "the question")
            await post.follow(post.links("confirm", address)[0])
        wire.now = at(MONDAY, 9, 30)
        with wire.store.write() as connection:
            for channel in channels.every(connection):
                early = replace(channel, threshold=0, scheduled_at=at(MONDAY, 8))
                channels.update(connection, early)
        await post.settle(wire.now)
        purposes = ("confirm", "vote", "change", "leave")
        mine = {one: post.links(one, ADA) for one in purposes[1:]}
        theirs = {one: post.links(one, BEN) for one in purposes[1:]}
        assert all(mine.values())
        assert all(theirs.values())
        with wire.store.read() as connection:
            handles = {
                row["address"]: str(row["handle"])
                for row in connection.execute("SELECT address, handle FROM subscribers")
            }
            held = {one.address: one for one in channels.every(connection)}
        before = rows_of(wire, [held[BEN]])
        # Every page that takes a link is tried; a new one has to be added here.
        paths = {
            route.resource.canonical.partition("/{")[0].rpartition("/")[2]
            for route in post.email.routes().router.routes()
            if route.resource is not None and "{" in route.resource.canonical
        }
        assert paths == set(purposes)
        tokens = [link.rpartition("/")[2] for links in mine.values() for link in links]
        forged = [token.replace(handles[ADA], handles[BEN]) for token in tokens]
        forged += [link.rpartition("/")[2][:-1] + "x" for link in theirs["change"]]
        assert all(handles[BEN] in token for token in forged)
        assert PREFIX == PAGES
        async with aiohttp.ClientSession() as browser:
            for purpose in purposes:
                # Neither what is made up nor what was made for another purpose opens anything.
                others = [t for t in tokens if f"{PREFIX}/{purpose}/{t}" not in str(mine)]
                for token in (*forged, *others):
                    target = f"http://127.0.0.1:{post.email.port}{PREFIX}/{purpose}/{token}"
                    form = {"once": "x", "wish": "boardroom", "List-Unsubscribe": "One-Click"}
                    for ask in (browser.get(target), browser.post(target, data=form)):
                        async with ask as told:
                            text = (await told.text()).casefold()
                        assert "not complete" in text, (purpose, token)
                        assert not any(secret in text for secret in SECRETS)
        for links in mine.values():
            text = (await post.follow(links[0], press=False)).casefold()
            assert BEN not in text
            assert not any(secret in text for secret in SECRETS)
        assert rows_of(wire, [held[BEN]]) == before
        assert BASE in mine["change"][0]
    finally:
        await post.email.stop()
        await server.stop()
        await wire.close()
