"""Sources that lie, swell, stall or change, through the real service: the others go on.

What is wrong is named in the outcome, the operator is told, and what was stored stays.
"""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import Listing, Outcome
from bot.ports import Request
from bot.sources.huggingface import HuggingFace
from bot.sources.limits import FetchLimits
from bot.sources.payload import MORE, MOST_ENTRIES
from bot.store import listings
from tests.adapters.counterpart import let_pass, until
from tests.adapters.loopback_source import (
    Answer,
    endless,
    gzip_bomb,
    hang_up,
    page,
    redirect,
    refusal,
    truncated,
    vast,
)
from tests.scenario.sickbay import BLOG, DAILY, NOON, QUICK, Ward, daily, feed, item, rss, ward
from tests.scenario.wire import api_entry

XML = "text/xml"


@pytest.fixture
async def well(tmp_path: Path) -> AsyncIterator[Ward]:
    async with ward(tmp_path) as opened:
        yield opened


def renamed(**names: str) -> bytes:
    """Return the daily listing with fields called otherwise."""
    text = daily(3, 4).decode()
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return text.encode()


def wrapped(value: bytes) -> bytes:
    return json.dumps({"papers": json.loads(value), "count": 2}).encode()


PAGE = b"<!doctype html><html><title>Please log in</title><body>Hello</body></html>"
UNWELL: dict[str, tuple[str, Answer, str]] = {
    "a gigabyte": ("huggingface", vast(2**30), "sent more than 200,000 bytes"),
    "without an end": ("blog", endless(b"<rss>", b"<item/>" * 999), "sent more than 200,000"),
    "a bomb in gzip": ("blog", gzip_bomb(50_000_000), "sent more than 200,000 bytes"),
    "no gzip": (
        "blog",
        Answer(b"plain words", headers={"Content-Encoding": "gzip"}),
        "be unpacked",
    ),
    "another packing": ("blog", Answer(b"x", headers={"Content-Encoding": "br"}), "'br'"),
    "redirects without end": ("huggingface", redirect(DAILY), "more than 5 redirects"),
    "a redirect to a file": ("blog", redirect("file:///etc/passwd"), "neither http nor https"),
    "an error": ("huggingface", refusal(500), "answered 500"),
    "no answer": ("blog", hang_up(), "failed"),
    "an object": ("huggingface", page(wrapped(daily(3, 4))), "not an array of papers"),
    "a web page for JSON": ("huggingface", page(PAGE), "a web page titled “Please log in”"),
    "a web page for XML": ("blog", page(PAGE), "a web page titled “Please log in”"),
    "JSON for XML": ("blog", page(daily(3)), "no RSS, Atom or RDF feed"),
    "other names": ("huggingface", page(renamed(paper="record")), "paper is null, not an object"),
    "other ids": ("huggingface", page(renamed(id="uid")), "the id '' is no arXiv id"),
    "other titles": ("huggingface", page(renamed(title="name")), "there is no title"),
    "numbers for texts": (
        "huggingface",
        page(json.dumps([{"title": 1, "paper": {"id": 2606}}] * 3).encode()),
        "None of the 3 declared entries could be read",
    ),
    "a refusal in words": ("huggingface", page(b"Rate limit exceeded."), "Rate limit exceeded"),
    "nothing at all": ("blog", page(b""), "The answer is empty"),
    "deep JSON": ("huggingface", page(b"[" * 90_000 + b"]" * 90_000), "nested too deeply"),
    "an empty day that was full": ("huggingface", page(b"[]"), "the day had 2 papers"),
}


FRESH = {"huggingface": daily(3), "blog": feed("blog", 3), "journal": feed("journal", 3)}


async def test_every_source_is_well_to_begin_with(well: Ward) -> None:
    asked = await well.poll()
    assert {one.ingested.outcome for one in asked.values() if one.ingested} == {Outcome.OK}
    assert (len(asked), well.count(), well.told()) == (3, 6, {})


@pytest.mark.parametrize("name", UNWELL)
async def test_a_sick_source_is_named_and_costs_nothing_but_itself(name: str, well: Ward) -> None:
    sick, answer, words = UNWELL[name]
    await well.poll()
    before = well.titles()
    for source, body in FRESH.items():
        well.fall_sick(source, answer if source == sick else page(body, content_type=XML))

    asked = await well.poll()
    assert words in asked[sick].words
    done = asked[sick].ingested
    assert done is None or done.outcome in {Outcome.BROKEN, Outcome.REFUSED}
    assert done is None or done.new == 0
    # Its own papers stay, and the news of the others came in.
    assert well.titles() > before
    assert well.count() == 6 + 2
    assert words in well.error(sick)

    for _ in range(2):
        assert sick in await well.poll()
    assert list(well.told()) == [f"source {sick}"]
    assert words in well.told()[f"source {sick}"]

    well.fall_sick(sick, page(FRESH[sick], content_type=XML))
    well.now += timedelta(hours=1)
    asked = await well.poll()
    done = asked[sick].ingested
    assert done is not None
    assert (done.outcome, done.new) == (Outcome.OK, 1)
    assert (well.count(), well.told()) == (9, {})


# --- size and time ------------------------------------------------------------------------------


async def test_a_gigabyte_is_read_to_the_bound_and_takes_no_more_memory_than_that(
    tmp_path: Path,
) -> None:
    limits = FetchLimits(attempts=1)  # as in service: 32 MB
    async with ward(tmp_path, limits) as well:
        well.fall_sick("huggingface", vast(2**30, again=b'{"x": "' + b"y" * 65_000 + b'"},'))
        tracemalloc.start()
        asked = await well.poll()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert "more than 33,554,432 bytes" in asked["huggingface"].words
        assert 32 * 2**20 < well.source.sent < 48 * 2**20
        assert peak < 100 * 2**20
        assert well.count() == 4


async def test_a_drip_ends_at_the_time_bound_and_the_others_are_read(well: Ward) -> None:
    well.fall_sick("huggingface", endless(b"[", b'{"x": 1},', pause=0.01))
    for times in (1, 2, 3):
        polling = asyncio.create_task(well.poll())
        sent = well.source.sent
        await until(lambda sent=sent: well.source.sent > sent + 50, "the drip")  # type: ignore[misc]  # bound here
        let_pass(QUICK.total_seconds)
        asked = await polling
        assert "did not finish within 60 s" in asked["huggingface"].words
        assert well.count() == 4
        # The third time the operator is told.
        assert ("source huggingface" in well.told()) == (times == 3)


def one_of_many(number: int) -> str:
    arxiv_id = f"{2001 + number // 90_000:04}.{number % 90_000 + 1:05}"
    return item(f"Long study {number}", f"https://arxiv.org/abs/{arxiv_id}")


async def check_long_listing(home: Path, count: int) -> None:
    async with ward(home, FetchLimits(attempts=1)) as well:
        many = [api_entry(f"2606.{n + 1:05}", f"Many {n}", "So many.") for n in range(count)]
        # Where there are more ids than a month has, each is there several times.
        for n, entry in enumerate(many):
            entry["paper"]["id"] = f"{2001 + n // 90_000:04}.{n % 90_000 + 1:05}"
        well.fall_sick("huggingface", page(json.dumps(many).encode(), packed=True))
        well.fall_sick(
            "blog", page(rss(*map(one_of_many, range(count))), packed=True, content_type=XML)
        )
        asked = await well.poll()
        for name in ("huggingface", "blog"):
            done = asked[name].ingested
            assert done is not None
            assert done.outcome is Outcome.TRUNCATED
            assert done.note == MORE
            assert done.parsed == MOST_ENTRIES
        assert asked["journal"].ingested is not None
        assert asked["journal"].ingested.outcome is Outcome.OK
        assert MOST_ENTRIES < well.count() <= 2 * MOST_ENTRIES + 2
        await well.poll()
        again = (await well.poll())["blog"].ingested
        assert again is not None
        assert (again.outcome, again.new, again.updated) == (Outcome.TRUNCATED, 0, 0)
        assert set(well.told()) == {"source blog", "source huggingface"}


async def test_of_a_listing_that_is_too_long_the_first_entries_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("payload", "xml_tree"):
        monkeypatch.setattr(f"bot.sources.{module}.MOST_ENTRIES", 300)
    monkeypatch.setattr(f"{__name__}.MOST_ENTRIES", 300)
    monkeypatch.setattr("bot.services.ingest.PART", 70)
    monkeypatch.setattr("bot.services.ingest.BREATH", 0.0)
    await check_long_listing(tmp_path, 1_000)


@pytest.mark.soak
async def test_a_listing_of_a_hundred_thousand_entries_is_read_as_far_as_the_bound(
    tmp_path: Path,
) -> None:
    begun = time.monotonic()
    await check_long_listing(tmp_path, 100_000)
    taken = time.monotonic() - begun
    print(f"two listings of 100,000 entries, read three times: {taken:.0f} s")
    assert taken < 240


async def test_a_long_listing_is_written_in_parts_and_a_crash_between_them_loses_none(
    well: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.ingest.PART", 10)
    parts = 0

    def reach(name: str) -> None:
        nonlocal parts
        parts += name == "in_ingest"
        if parts == 3:
            raise KeyboardInterrupt  # as near to a kill as a test comes within its own process

    well.app.sources = well.app.sources[:1]
    well.fall_sick("huggingface", page(daily(*range(1, 46))))
    with monkeypatch.context() as killed:
        killed.setattr("bot.faults.reach", reach)
        with pytest.raises(KeyboardInterrupt):
            await asyncio.to_thread(well.ingest, daily(*range(1, 46)))
    assert well.count() == 20
    done = well.ingest(daily(*range(1, 46)))
    assert (well.count(), done.new, done.parsed, done.declared) == (45, 25, 45, 45)
    assert done.outcome is Outcome.OK
    again = well.ingest(daily(*range(1, 46)))
    assert (again.outcome, again.new, again.parsed) == (Outcome.UNCHANGED, 0, 45)


async def test_others_write_between_the_parts_of_a_long_listing(
    well: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []

    def vote(seconds: float) -> None:
        assert seconds > 0.1  # the longest that SQLite waits between two looks at a lock
        with well.app.store.write():
            counts.append(well.count())

    monkeypatch.setattr("bot.services.ingest.PART", 20)
    with monkeypatch.context() as paused, ThreadPoolExecutor(1) as others:
        paused.setattr("time.sleep", lambda seconds: others.submit(vote, seconds).result(20))
        assert well.ingest(daily(*range(1, 101))).new == 100
    assert counts == [20, 40, 60, 80]


# --- a form that changes ------------------------------------------------------------------------


async def test_a_source_of_which_most_became_unreadable_is_told_of(well: Ward) -> None:
    await well.poll()
    half = json.loads(daily(3, 4, 5))
    for entry in half[1:]:
        entry["paper"]["arxiv"] = entry["paper"].pop("id")
    well.fall_sick("huggingface", page(json.dumps(half).encode(), etag='"new form"'))
    for _ in range(3):
        asked = await well.poll()
    done = asked["huggingface"].ingested
    assert done is not None
    assert "2 of 3 entries could not be read" in well.told()["source huggingface"]
    assert "Daily study 3" in well.titles()
    # It is never taken for what we have: each answer came whole.
    assert all("If-None-Match" not in seen.headers for seen in well.source.asked(DAILY))


async def test_what_was_unreadable_is_read_from_the_same_bytes_by_a_parser_that_can(
    well: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = renamed(paper="record")
    well.fall_sick("huggingface", page(body))
    asked = await well.poll()
    assert asked["huggingface"].ingested is not None
    assert asked["huggingface"].ingested.outcome is Outcome.BROKEN
    assert len(well.quarantined()) == 2
    source = well.app.sources[0].source
    real = type(source).parse

    def upgraded(self: HuggingFace, body: bytes, request: Request) -> Listing:
        return real(self, body.replace(b'"record"', b'"paper"'), request)

    monkeypatch.setattr(HuggingFace, "parse", upgraded)
    asked = await well.poll()
    done = asked["huggingface"].ingested
    assert done is not None
    assert (done.outcome, done.new) == (Outcome.OK, 2)
    assert {"Daily study 3", "Daily study 4"} <= well.titles()
    assert well.quarantined() == []
    with well.app.store.read() as connection:
        newest = listings.latest(connection, 3)
    assert [row["parsed"] for row in newest if row["source"] == "huggingface"] == [2]


async def test_a_source_that_is_empty_for_a_week_is_told_of_and_a_weekend_is_not(
    well: Ward,
) -> None:
    await well.poll()
    well.fall_sick("huggingface", page(b"[]"))
    for days in (1, 2, 3, 4, 5, 6, 7):  # from Tuesday to Monday
        well.now = NOON + timedelta(days=days)
        for _ in range(3):
            asked = await well.poll()
            assert asked["huggingface"].ingested is not None
            assert asked["huggingface"].ingested.outcome is Outcome.EMPTY
    assert well.told() == {}
    well.now = NOON + timedelta(days=8)
    for _ in range(3):
        asked = await well.poll()
    assert asked["huggingface"].ingested is not None
    assert asked["huggingface"].ingested.outcome is Outcome.STALE
    assert "none known of any day since 2026-06-15" in well.told()["source huggingface"]
    well.now = NOON + timedelta(days=9)
    well.fall_sick("huggingface", page(daily(9)))
    await well.poll()
    assert "Daily study 9" in well.titles()


# --- text ---------------------------------------------------------------------------------------

LAUGHS = (
    """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
"""
    + "".join(
        f'<!ENTITY lol{n} "{f"&lol{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 10)
    )
    + """]><rss version="2.0"><channel><title>t</title><item><title>Laugh &lol9; study</title>
<link>https://example.org/1</link><description>&lol9;</description></item></channel></rss>"""
)


async def test_a_billion_laughs_are_not_laughed(well: Ward) -> None:
    well.fall_sick("blog", page(LAUGHS.encode(), content_type=XML))
    tracemalloc.start()
    asked = await well.poll()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * 2**20
    assert asked["blog"].ingested is not None
    assert asked["blog"].ingested.new == 1
    assert "Laugh &lol9; study" in well.titles()


async def test_external_entities_are_neither_read_nor_fetched(well: Ward, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the-secret-of-this-machine")
    body = f"""<?xml version="1.0"?><!DOCTYPE rss SYSTEM "{well.source.url("/outer.dtd")}" [
    <!ENTITY file SYSTEM "file://{tmp_path}/secret.txt">
    <!ENTITY net SYSTEM "{well.source.url("/secret.txt")}">
    <!ENTITY % more SYSTEM "{well.source.url("/more.dtd")}"> %more;]>
    <rss version="2.0"><channel><title>t</title><item><title>Outside &file; and &net;</title>
    <link>https://example.org/1</link><description>&file;&net;</description></item></channel></rss>
    """
    well.fall_sick("blog", page(body.encode(), content_type=XML))
    await well.poll()
    assert {seen.path for seen in well.source.requests} == {DAILY, BLOG, "/journal.xml"}
    assert [one for one in well.titles() if one.startswith("Outside")]
    assert not any("the-secret" in f"{paper}" for paper in well.read())


CHARSETS = {
    "UTF-16 said to be Latin-1": ("utf-16", "text/xml; charset=latin-1", ""),
    "UTF-8 said to be ASCII": ("utf-8", "text/xml; charset=us-ascii", "us-ascii"),
    "Windows-1252 said to be UTF-8": ("cp1252", "text/xml; charset=utf-8", "utf-8"),
    "a charset there is none of": ("utf-8", "text/xml; charset=klingon", "klingon-8"),
    "a codec that is no charset": ("utf-8", "text/xml", "unicode_escape"),
    "UTF-8 with a mark, said to be UTF-7": ("utf-8-sig", "text/xml", "utf-7"),
}


@pytest.mark.parametrize("name", CHARSETS)
async def test_a_wrong_charset_costs_no_letter(name: str, well: Ward) -> None:
    codec, content_type, declared = CHARSETS[name]
    text = rss(item("Grüße über Öfen", "https://example.org/1")).decode()
    if declared:
        text = f'<?xml version="1.0" encoding="{declared}"?>{text}'
    well.fall_sick("blog", page(text.encode(codec), content_type=content_type))
    await well.poll()
    assert "Grüße über Öfen" in well.titles()


async def test_a_listing_cut_anywhere_brings_what_is_whole_and_the_rest_later(
    well: Ward,
) -> None:
    whole = feed("blog", *range(1, 6))
    for cut in range(60, len(whole), 150):
        well.fall_sick("blog", truncated(whole[:cut]))
        asked = await well.poll()
        assert asked["blog"].ingested is None or asked["blog"].ingested.outcome in {
            Outcome.TRUNCATED,
            Outcome.BROKEN,
        }
        well.now += timedelta(hours=7)
    well.fall_sick("blog", page(whole, content_type=XML))
    await well.poll()
    assert {f"blog study {n}" for n in range(1, 6)} <= well.titles()
    assert well.count() == 2 + 2 + 5
