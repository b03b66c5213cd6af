"""The fetcher keeps to the pace of each place and to what its headers ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ports import Fetched, Request, Trouble
from bot.sources.fetch import Fetcher
from bot.sources.limits import (
    FetchLimits,
    HostLimiter,
    Pace,
    group_of,
    host_and_port,
    read_exhausted_limit,
    read_retry_after,
)
from tests.adapters.fetching import NOW, FakeTime, failed, get, make_fetcher
from tests.adapters.loopback_source import (
    Answer,
    LoopbackSource,
    dripping,
    hang_up,
    page,
    redirect,
    refusal,
)


@pytest.fixture
async def source() -> AsyncIterator[LoopbackSource]:
    async with LoopbackSource() as running:
        yield running


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


# --- pace ---------------------------------------------------------------------------------------


@pytest.fixture
async def arxiv() -> AsyncIterator[list[LoopbackSource]]:
    """Three servers that stand for arXiv's feed, query API and OAI endpoints."""
    async with LoopbackSource() as rss, LoopbackSource() as api, LoopbackSource() as oai:
        for endpoint in (rss, api, oai):
            endpoint.add("/", page(b"<feed/>"))
        yield [rss, api, oai]


def as_arxiv(endpoints: list[LoopbackSource]) -> dict[str, str]:
    return {host_and_port(endpoint.url("/")): "arxiv" for endpoint in endpoints}


async def test_arxiv_is_asked_every_three_seconds_over_all_its_endpoints_together(
    arxiv: list[LoopbackSource], fake_time: FakeTime
) -> None:
    times: list[float] = []
    async with make_fetcher(fake_time, groups=as_arxiv(arxiv)) as fetcher:
        for endpoint in [*arxiv, *arxiv]:
            assert isinstance(await fetcher.get(Request(endpoint.url("/"))), Fetched)
            times.append(fake_time.now - 1000)
    assert times == pytest.approx([0, 3, 6, 9, 12, 15])


async def test_gets_that_arrive_together_wait_for_each_other(
    arxiv: list[LoopbackSource], fake_time: FakeTime
) -> None:
    rss, api, _ = arxiv
    # Slow enough that two at a time would be seen.
    rss.add("/", dripping(b"<feed/>", piece=4))
    times: list[float] = []

    async with make_fetcher(fake_time, groups=as_arxiv(arxiv)) as fetcher:

        async def ask(endpoint: LoopbackSource) -> None:
            assert isinstance(await fetcher.get(Request(endpoint.url("/"))), Fetched)
            times.append(fake_time.now - 1000)

        await asyncio.gather(*(ask(endpoint) for endpoint in (rss, api, rss, rss, api)))
    assert times == pytest.approx([0, 3, 6, 9, 12])
    assert rss.most_at_once == api.most_at_once == 1


async def test_redirect_and_retry_each_take_a_turn(
    arxiv: list[LoopbackSource], fake_time: FakeTime
) -> None:
    rss, api, oai = arxiv
    rss.add("/moved", redirect(api.url("/")))
    oai.add("/busy", refusal(503), page(b"<oai/>"))
    limits = FetchLimits(backoff_seconds=0.1)
    async with make_fetcher(fake_time, limits, groups=as_arxiv(arxiv)) as fetcher:
        assert isinstance(await fetcher.get(Request(rss.url("/moved"))), Fetched)
        assert fake_time.now - 1000 == pytest.approx(3)
        assert isinstance(await fetcher.get(Request(oai.url("/busy"))), Fetched)
    assert fake_time.now - 1000 == pytest.approx(9)


async def test_dropped_connection_is_not_asked_again_out_of_turn(
    arxiv: list[LoopbackSource], fake_time: FakeTime
) -> None:
    rss = arxiv[0]
    rss.add("/", hang_up())
    limits = FetchLimits(attempts=1)
    async with make_fetcher(fake_time, limits, groups=as_arxiv(arxiv)) as fetcher:
        failed(await fetcher.get(Request(rss.url("/"))), Trouble.CONNECTION)
    assert len(rss.requests) == 1


async def test_pace_is_kept_from_the_end_of_a_request_to_the_next(fake_time: FakeTime) -> None:
    limiter = HostLimiter(monotonic=fake_time.monotonic, sleep=fake_time.sleep)
    async with limiter.turn("arxiv", patience=60):
        fake_time.now += 10
    ended = fake_time.now
    async with limiter.turn("arxiv", patience=60):
        assert fake_time.now - ended == pytest.approx(3)


async def test_cancelled_wait_gives_its_turn_to_the_next(fake_time: FakeTime) -> None:
    never = asyncio.Event()

    async def sleep(seconds: float) -> None:
        if not never.is_set():
            await never.wait()
        fake_time.now += seconds

    limiter = HostLimiter(monotonic=fake_time.monotonic, sleep=sleep)

    async def take_turn() -> None:
        async with limiter.turn("arxiv", patience=60):
            pass

    await take_turn()
    waiting = asyncio.create_task(take_turn())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    never.set()
    await asyncio.wait_for(take_turn(), timeout=1)


async def test_other_hosts_do_not_wait_for_arxiv(
    arxiv: list[LoopbackSource], source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/", page(b"[]"))
    async with make_fetcher(fake_time, groups=as_arxiv(arxiv)) as fetcher:
        await fetcher.get(Request(arxiv[0].url("/")))
        await fetcher.get(Request(source.url("/")))
        assert fake_time.now == 1000


async def test_pace_of_a_group_can_be_set(source: LoopbackSource, fake_time: FakeTime) -> None:
    source.add("/", page(b"[]"))
    options = {"groups": {source.host: "arxiv"}, "paces": {"arxiv": Pace(0, 1)}}
    async with make_fetcher(fake_time, **options) as fetcher:
        for _ in range(5):
            await fetcher.get(Request(source.url("/")))
    assert fake_time.now == 1000


async def test_other_hosts_get_two_connections_at_most(source: LoopbackSource) -> None:
    source.add("/", dripping(b"12345", piece=1, pause=0.01))
    paces = {"127.0.0.1": Pace(0, 2)}
    async with Fetcher(paces=paces, trusted_hosts=[source.host]) as fetcher:
        await asyncio.gather(*(fetcher.get(Request(source.url("/"))) for _ in range(6)))
    assert source.most_at_once == 2


def test_every_arxiv_host_is_one_group_and_settings_may_add_to_it() -> None:
    hosts = ("arxiv.org", "rss.arxiv.org", "export.arxiv.org", "oaipmh.arxiv.org")
    assert {group_of(host, 443, {}) for host in hosts} == {"arxiv"}
    assert group_of("notarxiv.org", 443, {}) == "notarxiv.org"
    groups = {"127.0.0.1:8080": "arxiv", "mirror.example": "arxiv"}
    assert group_of("127.0.0.1", 8080, groups) == "arxiv"
    assert group_of("127.0.0.1", 9090, groups) == "127.0.0.1"
    assert group_of("mirror.example", 443, groups) == "arxiv"


# --- what headers ask ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("Mon, 15 Jun 2026 12:00:30 GMT", 30.0),
        ("Mon, 15 Jun 2026 12:00:30 -0000", 30.0),
        ("Mon, 15 Jun 2026 11:00:00 GMT", 0.0),
        ("Tue, 15 Jun 2099 12:00:00 GMT", 86_400.0),
        ("999999999999", 86_400.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, NOW) == seconds


@given(st.text(max_size=60))
def test_any_header_text_is_read_without_harm(text: str) -> None:
    wait = read_retry_after(text, NOW)
    assert wait is None or 0 <= wait <= 86_400
    wait = read_exhausted_limit({"RateLimit": text, "RateLimit-Remaining": text})
    assert wait is None or 0 <= wait <= 86_400


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"RateLimit": '"api";r=0;t=55'}, 55.0),
        ({"RateLimit": '"api";r=12;t=55'}, None),
        ({"RateLimit": '"pages";r=9;t=10, "api";r=0;t=200'}, 200.0),
        ({"RateLimit": "limit=100, remaining=0, reset=30"}, 30.0),
        ({"RateLimit": "limit=100, remaining=10, reset=30"}, None),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "40"}, 40.0),
        ({"RateLimit-Remaining": "5", "RateLimit-Reset": "40"}, None),
        ({"RateLimit-Remaining": "0"}, None),
        ({"RateLimit": '"api";r=0;t=99999999'}, 86_400.0),
        ({}, None),
    ],
)
def test_used_up_allowance_is_read_in_every_form(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert read_exhausted_limit(headers) == seconds


async def test_retry_after_is_waited_for_before_the_next_attempt(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", refusal(429, Retry_After="20"), page(b"[]"))
    started = fake_time.now
    assert isinstance(await get(fake_time, source.url("/feed")), Fetched)
    assert fake_time.now - started == pytest.approx(20, abs=1)


async def test_long_retry_after_is_told_to_the_caller_and_kept_by_all(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", refusal(503, Retry_After="Mon, 15 Jun 2026 13:00:00 GMT"), page(b"[]"))
    async with make_fetcher(fake_time) as fetcher:
        first = failed(await fetcher.get(Request(source.url("/feed"))), Trouble.STATUS)
        assert first.retry_after == pytest.approx(3600, abs=1)
        held = failed(await fetcher.get(Request(source.url("/other"))), Trouble.HELD)
        assert held.retry_after == pytest.approx(3600, abs=1)
        assert len(source.requests) == 1
        await fake_time.sleep(3601)
        assert isinstance(await fetcher.get(Request(source.url("/feed"))), Fetched)


async def test_used_up_allowance_holds_the_next_request_until_it_is_renewed(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    headers = {
        "RateLimit": '"api";r=0;t=42',
        "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
    }
    source.add("/feed", Answer(body=b"[]", headers=headers))
    async with make_fetcher(fake_time) as fetcher:
        assert isinstance(await fetcher.get(Request(source.url("/feed"))), Fetched)
        before = fake_time.now
        assert isinstance(await fetcher.get(Request(source.url("/feed"))), Fetched)
    assert fake_time.now - before == pytest.approx(42, abs=1)
