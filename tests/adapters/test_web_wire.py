"""A web channel as its people use it: votes, commands, completion, and posts as they come."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.domain import Post, PostKind
from bot.ports import Sent
from bot.store import channels, feedback
from tests.adapters.counterpart import paper, words
from tests.adapters.web_wire import DAYS, Browser, WebWire, at, open_filled


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[WebWire]:
    opened = await open_filled(tmp_path, 4)
    yield opened
    await opened.close()


@pytest.fixture
async def browser(wire: WebWire) -> AsyncIterator[Browser]:
    async with Browser(wire.page.url) as opened:
        yield opened


# --- the wire ------------------------------------------------------------------------------------


async def test_a_vote_is_one_press_and_shows_what_it_changed(
    wire: WebWire, browser: Browser
) -> None:
    root = await browser.page("/wire/language-lab")
    (form,) = root.xpath("(//form[@data-votes])[3]")
    fields = {i.get("name"): i.get("value") for i in form.xpath(".//input")}
    status, _, where = await browser.post(form.get("action"), {**fields, "signal": "like"})
    assert status == 303
    root = await browser.page(where)
    text = words(root.text_content())
    assert "Liked: " in text
    assert re.search(r"Your 👍 \(like\) takes papers like this from a match of \d+ to \d+", text)
    pressed = root.xpath("(//form[@data-votes])[3]//button[@aria-pressed='true']/@value")
    assert pressed == ["like"]
    again = await browser.post(form.get("action"), {**fields, "signal": "like"})
    assert "That stands already" in (await browser.page(again[2])).text_content()
    fields["want-like"] = "off"
    await browser.post(form.get("action"), {**fields, "signal": "like"})
    root = await browser.page("/wire/language-lab")
    assert not root.xpath("(//form[@data-votes])[3]//button[@aria-pressed='true']")


async def test_a_like_takes_the_same_persons_dislike_back(wire: WebWire, browser: Browser) -> None:
    root = await browser.page("/channels/1")
    (form,) = root.xpath("(//form[@data-votes])[1]")
    fields = {i.get("name"): i.get("value") for i in form.xpath(".//input")}
    assert fields["back"] == f"/channels/1?day={DAYS[3]}"
    for signal in ("dislike", "like"):
        _, _, where = await browser.post(form.get("action"), {**fields, "signal": signal})
        assert where.startswith("/channels/1?day=")
    root = await browser.page("/channels/1")
    assert root.xpath("(//form[@data-votes])[1]//button[@aria-pressed='true']/@value") == ["like"]


@pytest.mark.parametrize(
    "fields",
    [
        {"message": "1", "number": "1", "signal": "submit"},
        {"message": "1", "number": "x", "signal": "like"},
        {"message": "", "number": "1", "signal": "like"},
        {"message": "1", "number": "1", "signal": "love"},
        {},
    ],
)
async def test_a_vote_that_means_no_paper_changes_nothing(
    wire: WebWire, browser: Browser, fields: dict[str, str]
) -> None:
    with wire.store.read() as connection:
        before = feedback.active(connection, 1)
    await browser.page("/wire/language-lab")
    status, _, _ = await browser.post("/wire/language-lab/vote", fields)
    assert status in {303, 400}
    with wire.store.read() as connection:
        assert feedback.active(connection, 1) == before


async def test_a_typed_command_is_answered_and_not_carried_out_twice(
    wire: WebWire, browser: Browser
) -> None:
    root = await browser.page("/wire/language-lab")
    once = root.xpath("//form[@data-complete]//input[@name='once']/@value")[0]
    sent = {"text": "/papers settings size=2", "once": once}
    _, _, where = await browser.post("/wire/language-lab/command", sent)
    assert "Settings updated." in (await browser.page(where)).text_content()
    await browser.post("/wire/language-lab/command", {"text": "settings size=4", "once": "other"})
    await browser.post("/wire/language-lab/command", sent)
    with wire.store.read() as connection:
        channel = channels.channel(connection, 1)
    assert channel is not None
    assert channel.size == 4


async def test_a_search_answers_as_in_chat_and_leads_to_its_next_page(browser: Browser) -> None:
    await browser.page("/wire/language-lab")
    _, _, where = await browser.post("/wire/language-lab/command", {"text": "search model"})
    root = await browser.page(where)
    assert len(root.xpath("//section[@id='answer']//h3")) == 5
    (more,) = root.xpath("//section[@id='answer']//form")
    line = more.xpath("./input[@name='text']/@value")[0]
    assert line.startswith("search model page:2")
    _, _, where = await browser.post(more.get("action"), {"text": line})
    assert "6 to" in (await browser.page(where)).xpath("//section[@id='answer']//h2")[0].text


async def test_an_answer_is_shown_to_the_one_who_asked(wire: WebWire, browser: Browser) -> None:
    await browser.page("/wire/language-lab")
    _, _, where = await browser.post("/wire/language-lab/command", {"text": "saved"})
    assert "saved nothing" in (await browser.page(where)).text_content()
    async with Browser(wire.page.url) as other:
        assert "saved nothing" not in (await other.page(where)).text_content()


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("se", "search "),
        ("/papers se", "/papers search "),
        ("profile a", "profile add "),
        ("settings lay", "settings layout="),
        ("settings layout=c", "settings layout=cards "),
        ("search attention is", "search Attention Is All You Need"),
        ("why attention is a", "why 1706.03762"),
        ("profile remove tra", "profile remove translation"),
        ("schedule daily 9:00 in europe/berl", "schedule daily 9:00 in Europe/Berlin"),
        ("/", "/papers "),
    ],
)
async def test_the_command_line_completes(browser: Browser, typed: str, value: str) -> None:
    _, text, _ = await browser.ask(
        "/wire/language-lab/complete?" + str(aiohttp.helpers.URL.build(query={"text": typed}))[1:]
    )
    found = [one["value"] for one in json.loads(text)]
    assert value in found


# --- live ----------------------------------------------------------------------------------------


async def _events(
    browser: Browser,
    path: str,
    count: int,
    listening: asyncio.Event | None = None,
    **headers: str,
) -> list[tuple[str, dict[str, str]]]:
    """Read so many events of a stream, each with its id; tell when it has begun."""
    found: list[tuple[str, dict[str, str]]] = []
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with browser.session.get(f"{browser.base}{path}", headers=named) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        name = ""
        async with asyncio.timeout(60):
            async for raw in stream.content:
                if listening is not None:
                    listening.set()
                line = raw.decode().rstrip("\n")
                if line.startswith("id: "):
                    name = line[4:]
                elif line.startswith("data: "):
                    found.append((name, json.loads(line[6:])))
                    if len(found) == count:
                        break
    return found


async def test_a_digest_arrives_live_in_order(wire: WebWire, browser: Browser) -> None:
    root = await browser.page("/wire/language-lab")
    (path,) = root.xpath("//@data-live")
    begun = asyncio.Event()
    listening = asyncio.create_task(_events(browser, path, 3, begun))
    await begun.wait()
    wire.now = at(DAYS[4], 6)
    wire.read(DAYS[4])
    await wire.step(at(DAYS[4], 9, 1))
    events = await listening
    assert "Papers for language lab" in events[0][1]["html"]
    assert [told["under"] for _, told in events[1:]] == [events[0][0]] * 2
    assert "data-votes" in events[1][1]["html"]


async def test_what_was_missed_while_away_is_sent_first(wire: WebWire, browser: Browser) -> None:
    first = await wire.page.send("notes", paper(1), "k1")
    assert isinstance(first, Sent)
    for number in (2, 3):
        await wire.page.send("notes", paper(number), f"k{number}")
    from_start = await _events(browser, f"/wire/notes/live?after={first.remote_id}", 2)
    again = await _events(browser, "/wire/notes/live", 2, Last_Event_ID=first.remote_id)
    assert [name for name, _ in from_start] == [name for name, _ in again]
    assert [name.split(".")[1] for name, _ in again] == ["k2", "k3"]
    async with browser.session.get(f"{browser.base}/wire/notes/live?after=gone") as stream:
        assert await stream.content.readline() == b"retry: 2000\n"


async def test_stopping_ends_every_stream_at_once(wire: WebWire, browser: Browser) -> None:
    async with browser.session.get(f"{browser.base}/wire/notes/live") as stream:
        await stream.content.readline()
        async with asyncio.timeout(30):
            await wire.page.stop()
            await stream.content.read()
    await wire.page.start(wire.inbox)


async def test_a_shared_reply_reaches_everyone(wire: WebWire, browser: Browser) -> None:
    begun = asyncio.Event()
    listening = asyncio.create_task(_events(browser, "/wire/vision/live?after=none", 1, begun))
    await begun.wait()
    await wire.page.send("vision", Post(PostKind.NOTICE, "For all"), "n1")
    assert "For all" in (await listening)[0][1]["html"]
