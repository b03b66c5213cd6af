"""Recorded answers, served on loopback, go through the fetcher and the parsers as from the net."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from bot.domain import Listing, Outcome
from bot.ports import Fetched, FetchFailed, NotModified, Request, Source, Trouble
from bot.sources.arxiv import ArxivListing, ArxivQuery
from bot.sources.fetch import Fetcher
from bot.sources.huggingface import HuggingFace
from bot.sources.limits import Pace
from tests.adapters.loopback_source import LoopbackSource, page, refusal, truncated

FEED = {"content_type": "text/xml"}


@pytest.fixture
async def source() -> AsyncIterator[LoopbackSource]:
    async with LoopbackSource() as running:
        yield running


@pytest.fixture
async def fetcher(source: LoopbackSource) -> AsyncIterator[Fetcher]:
    paces = {"127.0.0.1": Pace(seconds=0, connections=1)}
    async with Fetcher(paces=paces, trusted_hosts=[source.host]) as running:
        yield running


async def read(fetcher: Fetcher, source: Source, request: Request) -> Listing:
    outcome = await fetcher.get(request)
    assert isinstance(outcome, Fetched), outcome
    return source.parse(outcome.body, request)


async def test_every_recorded_day_of_daily_papers_arrives_whole(
    source: LoopbackSource, fetcher: Fetcher, shared_data: Path
) -> None:
    files = sorted((shared_data / "hf_daily").glob("*.json"))
    for file in files:
        body = file.read_bytes()
        source.add(f"/api/daily_papers?date={file.stem}", page(body, packed=True))
    papers = HuggingFace(source.url())
    entries, outcomes = 0, []
    for request in papers.requests([date.fromisoformat(file.stem) for file in files]):
        listing = await read(fetcher, papers, request)
        assert listing.listed_on == request.day
        entries += len(listing.entries)
        outcomes.append(listing.outcome)
    assert (len(files), entries) == (32, 665)
    assert outcomes.count(Outcome.EMPTY) == 2
    assert {seen.query["limit"] for seen in source.requests} == {"100"}


@pytest.mark.parametrize("atom", [False, True], ids=["rss", "atom"])
async def test_recorded_arxiv_listing_is_asked_for_by_its_categories(
    source: LoopbackSource, fetcher: Fetcher, shared_data: Path, atom: bool
) -> None:
    form = "atom" if atom else "rss"
    body = (shared_data / "arxiv_rss" / f"2026-06-16.cs.CL.{form}.xml").read_bytes()
    source.add(f"/{form}/cs.CL", page(body, etag='"day"', **FEED))
    listing = ArxivListing(["cs.CL"], source.url(), atom=atom)
    [request] = listing.requests([])
    first = await fetcher.get(request)
    assert isinstance(first, Fetched)
    assert len(listing.parse(first.body, request).entries) == 179
    again = await fetcher.get(request, validators=first.validators)
    assert isinstance(again, NotModified)


async def test_plus_between_categories_reaches_the_source_as_one(
    source: LoopbackSource, fetcher: Fetcher, shared_data: Path
) -> None:
    body = (shared_data / "arxiv_rss" / "2026-06-15.cs.AI+cs.CL+cs.CV.rss.xml").read_bytes()
    source.add("/rss/cs.AI+cs.CL+cs.CV", page(body, **FEED))
    listing = ArxivListing(["cs.AI", "cs.CL", "cs.CV"], source.url())
    [request] = listing.requests([])
    assert len((await read(fetcher, listing, request)).entries) == 191


async def test_weekend_feed_is_a_valid_answer_without_papers(
    source: LoopbackSource, fetcher: Fetcher, shared_data: Path
) -> None:
    body = (shared_data / "arxiv_rss" / "2026-06-27.cs.CL.rss.EMPTY.xml").read_bytes()
    source.add("/rss/cs.CL", page(body, **FEED))
    listing = ArxivListing(["cs.CL"], source.url())
    [request] = listing.requests([])
    assert (await read(fetcher, listing, request)).outcome is Outcome.EMPTY


async def test_refused_query_hands_its_words_to_the_parser(
    source: LoopbackSource, fetcher: Fetcher, shared_data: Path
) -> None:
    [recorded] = (shared_data / "arxiv_api").glob("id_abc_*.xml")
    source.add("/api/query", refusal(400, recorded.read_bytes()))
    query = ArxivQuery(source.url())
    [request] = query.lookup(["2101.00001"])
    outcome = await fetcher.get(request)
    assert isinstance(outcome, FetchFailed)
    assert (outcome.trouble, outcome.status) == (Trouble.STATUS, 400)
    listing = query.parse(outcome.body, request)
    assert listing.outcome is Outcome.REFUSED
    assert not listing.entries


async def test_html_in_place_of_json_is_a_broken_listing(
    source: LoopbackSource, fetcher: Fetcher
) -> None:
    source.add("/api/daily_papers", page(b"<!doctype html><title>Back soon</title>"))
    papers = HuggingFace(source.url())
    [request] = papers.requests([date(2026, 6, 15)])
    assert (await read(fetcher, papers, request)).outcome is Outcome.BROKEN


async def test_listing_that_ends_early_is_read_as_far_as_it_came(
    source: LoopbackSource, shared_data: Path
) -> None:
    body = (shared_data / "hf_daily" / "2026-06-15.json").read_bytes()
    whole = len(json.loads(body))
    source.add("/api/daily_papers", truncated(body[: len(body) // 2]))
    papers = HuggingFace(source.url())
    [request] = papers.requests([date(2026, 6, 15)])

    async def no_wait(_: float) -> None: ...

    async with Fetcher(
        sleep=no_wait, paces={"127.0.0.1": Pace(0, 1)}, trusted_hosts=[source.host]
    ) as fetcher:
        outcome = await fetcher.get(request)
    assert isinstance(outcome, FetchFailed)
    assert outcome.trouble is Trouble.TRUNCATED
    listing = papers.parse(outcome.body, request)
    assert listing.outcome is Outcome.TRUNCATED
    assert 0 < len(listing.entries) < whole
