"""Feeds and API: valid by their own standards, conditional, paged, without what is private."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import feedparser
import jsonschema
import lxml.html
import pytest

from bot.platforms.web.openapi import document
from tests.adapters.web_wire import Browser, WebWire, open_filled

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def wire(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[WebWire]:
    opened = await open_filled(tmp_path, 4, **getattr(request, "param", {}))
    yield opened
    await opened.close()


@pytest.fixture
async def browser(wire: WebWire) -> AsyncIterator[Browser]:
    async with Browser(f"http://127.0.0.1:{wire.page.port}") as opened:
        yield opened


# --- Atom ----------------------------------------------------------------------------------------


def check_atom(body: bytes) -> ET.Element:
    """Hold a feed against RFC 4287: what must be there is there once and well-formed."""
    feed = ET.fromstring(body)
    assert feed.tag == f"{ATOM}feed"
    _check_entry_like(feed)
    assert len(feed.findall(f"{ATOM}author")) == 1
    assert [link.get("rel") for link in feed.findall(f"{ATOM}link")].count("self") == 1
    ids = [feed.findtext(f"{ATOM}id")]
    for entry in feed.findall(f"{ATOM}entry"):
        _check_entry_like(entry)
        ids.append(entry.findtext(f"{ATOM}id"))
        (content,) = entry.findall(f"{ATOM}content")
        assert content.get("type") == "html"
        assert len(content) == 0
        alternates = [
            link for link in entry.findall(f"{ATOM}link") if link.get("rel") == "alternate"
        ]
        assert len(alternates) == 1
    assert len(ids) == len(set(ids))
    return feed


def _check_entry_like(element: ET.Element) -> None:
    for name in ("id", "title", "updated"):
        (found,) = element.findall(f"{ATOM}{name}")
        assert (found.text or "").strip()
    assert (element.findtext(f"{ATOM}id") or "").startswith("urn:uuid:")
    assert datetime.fromisoformat(element.findtext(f"{ATOM}updated") or "").tzinfo is not None
    for link in element.findall(f"{ATOM}link"):
        assert urlsplit(link.get("href") or "").scheme == "http"


async def test_the_atom_feed_is_valid_and_readers_read_it(browser: Browser) -> None:
    status, text, headers = await browser.ask("/channels/1/feed.atom")
    assert status == 200
    assert headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = check_atom(text.encode())
    read = feedparser.parse(text.encode())
    assert not read.bozo
    assert read.version == "atom10"
    assert len(read.entries) == len(feed.findall(f"{ATOM}entry")) == 4
    assert read.entries[0].title == "Papers · Thu 8 Oct 2026"
    (self_link,) = [link.href for link in read.feed.links if link.rel == "self"]
    assert self_link == f"{browser.base}/channels/1/feed.atom"
    entry_page = await browser.page(read.entries[0].link.removeprefix(browser.base))
    assert entry_page.xpath(f"//section[@id='{urlsplit(read.entries[0].link).fragment}']")


async def test_an_entry_holds_its_papers(browser: Browser) -> None:
    _, text, _ = await browser.ask("/channels/1/feed.atom")
    content = ET.fromstring(text).find(f"{ATOM}entry/{ATOM}content")
    assert content is not None
    told = lxml.html.fromstring(content.text or "")
    shown = (await browser.page("/channels/1")).xpath("//main//h3/a/text()")
    assert told.xpath("//li//b/text()") == shown
    assert all(link.startswith("https://arxiv.org/") for link in told.xpath("//a/@href"))


async def test_ids_stay_when_the_address_changes(wire: WebWire, browser: Browser) -> None:
    def ids(text: str) -> list[str]:
        return [one.text or "" for one in ET.fromstring(text).iter(f"{ATOM}id")]

    _, before, _ = await browser.ask("/channels/1/feed.atom")
    await wire.close()
    wire.options["public_url"] = "https://papers.example.org"
    await wire.open()
    _, after, _ = await browser.ask("/channels/1/feed.atom")
    assert ids(before) == ids(after)
    assert "https://papers.example.org/channels/1/feed.atom" in after
    assert "127.0.0.1" not in after


# --- JSON Feed -----------------------------------------------------------------------------------

JSON_FEED = {
    "type": "object",
    "required": ["version", "title", "items", "feed_url", "home_page_url"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string", "minLength": 1},
        "feed_url": {"type": "string", "format": "uri"},
        "home_page_url": {"type": "string", "format": "uri"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "content_html"],
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "url": {"type": "string", "format": "uri"},
                    "content_html": {"type": "string", "minLength": 1},
                    "date_published": {"type": "string", "format": "date-time"},
                },
            },
        },
    },
}


async def test_the_json_feed_is_valid_and_says_the_same(browser: Browser) -> None:
    _, text, headers = await browser.ask("/channels/1/feed.json")
    assert headers["Content-Type"].startswith("application/feed+json")
    told = json.loads(text)
    jsonschema.validate(told, JSON_FEED)
    _, atom, _ = await browser.ask("/channels/1/feed.atom")
    entries = ET.fromstring(atom).findall(f"{ATOM}entry")
    assert [item["id"] for item in told["items"]] == [e.findtext(f"{ATOM}id") for e in entries]
    assert [item["content_html"] for item in told["items"]] == [
        e.findtext(f"{ATOM}content") for e in entries
    ]


# --- conditions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/channels/1/feed.atom",
        "/channels/1/feed.json",
        "/api/papers",
        "/api/digests",
        "/api/search?q=model",
        "/api/openapi.json",
    ],
)
async def test_an_unchanged_answer_is_a_304_until_it_changes(
    wire: WebWire, browser: Browser, path: str
) -> None:
    status, text, headers = await browser.ask(path)
    mark = headers["ETag"]
    assert (status, mark[0], mark[-1]) == (200, '"', '"')
    for asked in (mark, f'"other", {mark}', f"W/{mark}", "*"):
        status, body, again = await browser.ask(path, If_None_Match=asked)
        assert (status, body, again["ETag"]) == (304, "", mark), asked
    assert (await browser.ask(path, If_None_Match='"other"'))[0] == 200
    if path == "/api/openapi.json":
        return
    with wire.store.write() as connection:
        connection.execute("UPDATE papers SET title = title || ' changed'")
        connection.execute("UPDATE messages SET post = replace(post, 'the', 'teh')")
    status, changed, headers = await browser.ask(path, If_None_Match=mark)
    assert status == 200
    assert changed != text
    assert headers["ETag"] != mark


# --- the API -------------------------------------------------------------------------------------


def check(told: Any, schema: Any) -> None:
    """Hold an answer against a schema of the API's description."""
    components = document("http://127.0.0.1")["components"]
    jsonschema.validate(
        told, {**schema, "components": components}, cls=jsonschema.Draft202012Validator
    )


def answer_schema(path: str) -> Any:
    paths: Any = document("http://127.0.0.1")["paths"]
    return paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


async def every(browser: Browser, path: str) -> list[dict[str, Any]]:
    """Follow a list through all its pages, each held against the description."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following is not None:
        status, text, _ = await browser.ask(following.removeprefix(browser.base))
        assert status == 200, text
        told = json.loads(text)
        check(told, answer_schema(urlsplit(following).path))
        found += told["items"]
        following = told["next"]
    return found


async def test_papers_are_listed_once_each_over_all_pages(browser: Browser) -> None:
    found = await every(browser, "/api/papers?limit=7")
    ids = [one["id"] for one in found]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == len(set(ids)) == 54
    assert [one["id"] for one in await every(browser, "/api/papers?limit=200")] == ids
    day = await every(browser, "/api/papers?day=2026-10-06&limit=5")
    assert {one["listed_on"] for one in day} == {"2026-10-06"}
    assert len(day) == 13
    assert await every(browser, "/api/papers?source=none") == []
    assert len(await every(browser, "/api/papers?source=sample&limit=200")) == 54


async def test_digests_are_listed_with_parts_that_sum_to_the_score(browser: Browser) -> None:
    found = await every(browser, "/api/digests?limit=3")
    assert len(found) == 12
    assert {one["channel"]["name"] for one in found} == {"language lab", "vision", "robots"}
    for digest in found:
        assert len(digest["papers"]) == digest["chosen"]
        for one in digest["papers"]:
            assert sum(p["value"] for p in one["parts"]) == pytest.approx(one["score"], abs=1e-6)
    lab = await every(browser, "/api/digests?channel=1&limit=1")
    assert [one["channel"]["id"] for one in lab] == [1] * 4
    assert await every(browser, "/api/digests?channel=4") == []


async def test_search_pages_do_not_overlap(browser: Browser) -> None:
    found = await every(browser, "/api/search?q=model&limit=6")
    ids = [one["id"] for one in found]
    assert len(ids) == len(set(ids)) > 12
    _, text, _ = await browser.ask("/api/search?q=model&limit=1")
    assert json.loads(text)["total"] == len(ids)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/papers?limit=0", "limit is from 1 to 200"),
        ("/api/papers?limit=201", "limit is from 1 to 200"),
        ("/api/papers?limit=x", "limit is a whole number"),
        ("/api/papers?before=-1", "before is a whole number"),
        ("/api/papers?before=99999999999999999999", "before is a whole number"),
        ("/api/papers?day=yesterday", "2026-06-12"),
        ("/api/digests?channel=lab", "channel is a whole number"),
        ("/api/search", "q=vowel"),
        ("/api/search?q=+", "q=vowel"),
        ("/api/nowhere", "404"),
    ],
)
async def test_a_wrong_parameter_is_named(browser: Browser, path: str, said: str) -> None:
    status, text, headers = await browser.ask(path)
    assert status in {400, 404}
    assert headers["Content-Type"].startswith("application/json")
    told = json.loads(text)
    check(told, {"$ref": "#/components/schemas/Error"})
    assert said in told["error"]


async def test_the_description_is_valid_and_complete(wire: WebWire, browser: Browser) -> None:
    _, text, _ = await browser.ask("/api/openapi.json")
    told = json.loads(text)
    assert told["openapi"].startswith("3.1")
    assert told["servers"] == [{"url": browser.base}]
    assert wire.page._runner is not None
    served = {
        route.resource.canonical
        for route in wire.page._runner.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    assert set(told["paths"]) == served
    operations = [path["get"] for path in told["paths"].values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for schema in told["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for operation in operations:
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] == "query"
            jsonschema.Draft202012Validator.check_schema(parameter["schema"])
        assert "200" in operation["responses"]


@pytest.mark.parametrize(
    "wire", [{"token": "a token of sixteen and more"}], indirect=True, ids=["with a token"]
)
async def test_with_the_token_feeds_and_api_hold_what_is_private(
    wire: WebWire, browser: Browser
) -> None:
    keys = {"Authorization": "Bearer a token of sixteen and more"}
    for path in ("/channels/4/feed.atom", "/api/digests?channel=4"):
        assert (await browser.ask(path))[0] == 401
        status, text, _ = await browser.ask(path, **keys)
        assert status == 200
        assert "board room" in text


# --- export ------------------------------------------------------------------------------------


async def test_a_channels_data_and_saved_papers_are_files_to_take_away(
    wire: WebWire, browser: Browser
) -> None:
    channel = next(iter(wire.made.values()))
    _, body, headers = await browser.ask(f"/channels/{channel.id}/export.json")
    told = json.loads(body)
    [exported] = told["channels"]
    assert exported["address"] == channel.address
    assert exported["saved"]
    assert headers["Content-Disposition"].startswith("attachment")
    saved = {paper["paper"]: paper["title"] for paper in told["papers"]}
    title = saved[exported["saved"][0]].split()[0]
    for form, sign in (("bib", "@"), ("ris", "TY  - "), ("csl", '"title"')):
        status, text, _ = await browser.ask(f"/channels/{channel.id}/export.{form}")
        assert status == 200
        assert sign in text
        assert title in text
    status, _, _ = await browser.ask("/channels/999/export.bib")
    assert status == 404
