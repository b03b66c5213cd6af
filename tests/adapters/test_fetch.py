"""The fetcher against a source on loopback that does all that sources do."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from unittest import mock

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import __version__
from bot.ports import Fetched, NotModified, Request, Trouble, Validators
from bot.sources.fetch import user_agent
from bot.sources.limits import (
    FetchLimits,
)
from bot.sources.unpack import Unpacked
from tests.adapters.fetching import FakeTime, NamesResolver, failed, get, make_fetcher
from tests.adapters.loopback_source import (
    Answer,
    LoopbackSource,
    dripping,
    gzip_bomb,
    hang_up,
    page,
    refusal,
    truncated,
)


@pytest.fixture
async def source() -> AsyncIterator[LoopbackSource]:
    async with LoopbackSource() as running:
        yield running


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


# --- answers ------------------------------------------------------------------------------------


async def test_answer_comes_back_whole_with_its_validators(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", page(b"<rss/>", content_type="text/xml", etag='"a1"', last_modified="Mon"))
    outcome = await get(fake_time, source.url("/feed"))
    assert outcome == Fetched(
        body=b"<rss/>",
        url=source.url("/feed"),
        validators=Validators(etag='"a1"', last_modified="Mon"),
        content_type="text/xml",
    )


async def test_request_parameters_and_an_honest_name_are_sent(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/api?date=2026-06-15", page(b"[]"))
    agent = user_agent("https://example.org/paperwire", "ops@example.org")
    async with make_fetcher(fake_time, agent=agent) as fetcher:
        request = Request(source.url("/api?x=1"), params=(("date", "2026-06-15"), ("limit", "100")))
        assert isinstance(await fetcher.get(request), Fetched)
    [seen] = source.requests
    assert seen.query == {"x": "1", "date": "2026-06-15", "limit": "100"}
    assert seen.headers["User-Agent"] == (
        f"Paperwire/{__version__} (+https://example.org/paperwire; ops@example.org)"
    )
    assert "Cookie" not in seen.headers


def test_name_without_settings_is_the_program_alone() -> None:
    assert user_agent() == f"Paperwire/{__version__}"
    assert "\n" not in user_agent(contact="a\nX-Injected: 1")


async def test_name_and_password_of_a_link_are_used_and_not_told(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", page(b"[]"))
    with_user = source.url("/feed").replace("//", "//jane:word@")
    outcome = await get(fake_time, with_user)
    assert isinstance(outcome, Fetched)
    assert outcome.url == source.url("/feed")
    assert source.requests[0].headers["Authorization"].startswith("Basic ")


async def test_unchanged_source_answers_not_modified_to_its_own_validators(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/etag", page(b"[1]", etag='W/"v7"'))
    source.add("/date", page(b"[1]", last_modified="Mon, 15 Jun 2026 04:00:00 GMT"))
    async with make_fetcher(fake_time) as fetcher:
        for path in ("/etag", "/date"):
            request = Request(source.url(path))
            first = await fetcher.get(request)
            assert isinstance(first, Fetched)
            again = await fetcher.get(request, validators=first.validators)
            assert again == NotModified(first.validators)
            changed = await fetcher.get(request, validators=Validators("other", "other"))
            assert isinstance(changed, Fetched)


async def test_not_modified_without_a_question_is_a_failure(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", refusal(304))
    assert failed(await get(fake_time, source.url("/feed")), Trouble.STATUS).status == 304


async def test_validator_that_could_not_be_sent_back_is_not_kept(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", page(b"[]", etag='"grüße"', last_modified="x" * 600))
    outcome = await get(fake_time, source.url("/feed"))
    assert isinstance(outcome, Fetched)
    assert outcome.validators == Validators()


async def test_cookies_are_not_kept(source: LoopbackSource, fake_time: FakeTime) -> None:
    source.add("/feed", Answer(body=b"[]", headers={"Set-Cookie": "session=1"}))
    async with make_fetcher(fake_time) as fetcher:
        await fetcher.get(Request(source.url("/feed")))
        await fetcher.get(Request(source.url("/feed")))
    assert "Cookie" not in source.requests[1].headers


@pytest.mark.parametrize(
    "answer",
    [
        page(b"<html>busy</html>", content_type="application/json"),
        page("Grüße".encode("utf-16"), content_type="text/xml; charset=latin-1"),
        page(b"", content_type="application/json"),
    ],
    ids=["html for json", "wrong charset", "empty"],
)
async def test_odd_bodies_are_handed_on_byte_for_byte(
    answer: Answer, source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", answer)
    outcome = await get(fake_time, source.url("/feed"))
    assert isinstance(outcome, Fetched)
    assert outcome.body == answer.body
    assert outcome.content_type == answer.headers["Content-Type"]


async def test_closed_fetcher_opens_again_when_asked(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", page(b"[]"))
    fetcher = make_fetcher(fake_time)
    assert isinstance(await fetcher.get(Request(source.url("/feed"))), Fetched)
    await fetcher.close()
    assert isinstance(await fetcher.get(Request(source.url("/feed"))), Fetched)
    await fetcher.close()
    await fetcher.close()


# --- retries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_passing_error_status_is_tried_again(
    status: int, source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", refusal(status), page(b"[]"))
    assert isinstance(await get(fake_time, source.url("/feed")), Fetched)
    assert len(source.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501, 204])
async def test_lasting_error_status_is_not_tried_again(
    status: int, source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", refusal(status), page(b"[]"))
    outcome = failed(await get(fake_time, source.url("/feed")), Trouble.STATUS)
    assert outcome.status == status
    assert outcome.reason.startswith(f"{source.host} answered {status} (")
    assert len(source.requests) == 1


async def test_status_without_a_name_is_told_as_a_number(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", refusal(599))
    outcome = failed(await get(fake_time, source.url("/feed")), Trouble.STATUS)
    assert outcome.reason == f"{source.host} answered 599"


async def test_refusing_source_is_quoted(source: LoopbackSource, fake_time: FakeTime) -> None:
    said = b"<feed><title>Feed error for query</title></feed>"
    source.add("/feed", refusal(400, gzip.compress(said), Content_Encoding="gzip"))
    assert failed(await get(fake_time, source.url("/feed")), Trouble.STATUS).body == said
    source.add("/feed", refusal(400, b"x" * 200_000))
    assert failed(await get(fake_time, source.url("/feed")), Trouble.STATUS).body == b"x" * 65_536
    source.add("/feed", Answer(body=b"so", status=400, missing=10))
    assert failed(await get(fake_time, source.url("/feed")), Trouble.STATUS).body == b"so"
    source.add("/feed", refusal(400, b"?", Content_Encoding="br"))
    assert failed(await get(fake_time, source.url("/feed")), Trouble.STATUS).body == b""


async def test_attempts_are_bounded_and_waits_between_them_grow(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", refusal(500))
    limits = FetchLimits(attempts=4, backoff_seconds=10)
    outcome = failed(await get(fake_time, source.url("/feed"), limits), Trouble.STATUS)
    assert outcome.reason == f"{source.host} answered 500 (Internal Server Error) (4 attempts)"
    assert len(source.requests) == 4
    waits = [wait for wait in fake_time.slept if wait > 1]
    assert [5 <= waits[0] <= 10, 10 <= waits[1] <= 20, 20 <= waits[2] <= 40] == [True] * 3


async def test_jitter_repeats_itself_for_the_same_seed(source: LoopbackSource) -> None:
    source.add("/feed", refusal(500))
    clocks = [FakeTime(), FakeTime(), FakeTime()]
    for clock, seed in zip(clocks, (1, 1, 2), strict=True):
        await get(clock, source.url("/feed"), seed=seed)
    assert clocks[0].slept == clocks[1].slept
    assert clocks[0].slept != clocks[2].slept


async def test_dropped_connection_is_tried_again(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", hang_up(), page(b"[]"))
    assert isinstance(await get(fake_time, source.url("/feed")), Fetched)
    source.add("/feed", hang_up())
    outcome = failed(await get(fake_time, source.url("/feed")), Trouble.CONNECTION)
    assert source.host in outcome.reason
    assert len(source.requests) == 2 + 3


async def test_refused_connection_names_the_host(fake_time: FakeTime) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers
        port = taken.getsockname()[1]
        url = f"http://127.0.0.1:{port}/feed?token=secret"
        outcome = failed(await get(fake_time, url), Trouble.CONNECTION)
    assert f"127.0.0.1:{port}" in outcome.reason
    assert "secret" not in outcome.reason


async def test_truncated_answer_is_tried_again_and_what_came_is_kept(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", truncated(b"<rss><item>"), page(b"<rss/>"))
    assert isinstance(await get(fake_time, source.url("/feed")), Fetched)
    source.add("/feed", truncated(b"<rss><item>"))
    outcome = failed(await get(fake_time, source.url("/feed")), Trouble.TRUNCATED)
    assert outcome.body == b"<rss><item>"
    assert "ended early, after 11 bytes" in outcome.reason


async def test_packed_answer_cut_inside_is_truncated_though_its_length_fits(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    packed = gzip.compress(b"abc" * 5000)
    source.add("/feed", Answer(body=packed[:-8], headers={"Content-Encoding": "gzip"}))
    outcome = failed(await get(fake_time, source.url("/feed")), Trouble.TRUNCATED)
    assert outcome.body
    assert (b"abc" * 5000).startswith(outcome.body)


async def test_answer_that_is_not_http_is_a_failed_connection(fake_time: FakeTime) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await get(fake_time, f"http://127.0.0.1:{port}/")
    assert failed(outcome, Trouble.CONNECTION).reason.startswith(f"127.0.0.1:{port} did not answer")


async def test_secure_link_to_an_insecure_port_is_a_failed_connection(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    failed(await get(fake_time, source.url("/").replace("http:", "https:")), Trouble.CONNECTION)


async def test_bad_certificate_is_told_and_not_tried_again(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        key = mock.Mock(spec=aiohttp.client_reqrep.ConnectionKey)
        problem = ssl.SSLCertVerificationError(1, "self-signed certificate")
        raise aiohttp.ClientConnectorCertificateError(key, problem)

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", refuse)
    outcome = failed(await get(fake_time, "https://example.org/"), Trouble.CERTIFICATE)
    assert outcome.reason == (
        "the certificate of example.org is not accepted: self-signed certificate"
    )


# --- bounds -------------------------------------------------------------------------------------


async def test_slow_drip_ends_at_the_time_bound(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", dripping(b"x" * 1000, pause=0.02))
    limits = FetchLimits(total_seconds=0.15, attempts=1)
    outcome = failed(await get(fake_time, source.url("/feed"), limits), Trouble.TIMEOUT)
    assert outcome.reason == f"{source.host} did not finish within 0.15 s"


async def test_time_bound_counts_over_all_redirects_of_an_attempt(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    slow_hop = {"headers": {"Location": "/next"}, "status": 302, "pause": 0.1}
    source.add("/feed", Answer(**slow_hop))
    source.add("/next", Answer(**slow_hop))
    limits = FetchLimits(total_seconds=0.25, attempts=1)
    failed(await get(fake_time, source.url("/feed"), limits), Trouble.TIMEOUT)
    assert len(source.requests) <= 3


async def test_name_that_does_not_resolve_in_time_is_a_connection_timeout(
    fake_time: FakeTime,
) -> None:
    limits = FetchLimits(connect_seconds=0.05, attempts=1)
    resolver = NamesResolver(delay=5)
    outcome = await get(fake_time, "http://slow.example/", limits, resolver=resolver)
    reason = failed(outcome, Trouble.TIMEOUT).reason
    assert reason == "slow.example could not be connected to within 0.05 s"


async def test_body_at_the_size_bound_is_read_and_one_byte_more_is_not(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/fits", page(b"x" * 100_000))
    source.add("/over", page(b"x" * 100_001))
    assert isinstance(await get(fake_time, source.url("/fits")), Fetched)
    outcome = failed(await get(fake_time, source.url("/over")), Trouble.TOO_LARGE)
    assert outcome.reason == f"{source.host} sent more than 100,000 bytes"
    assert len(source.asked("/over")) == 1


async def test_packed_body_is_unpacked_and_bounded_by_its_unpacked_size(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/fits", page(b"x" * 100_000, packed=True))
    source.add("/bomb", gzip_bomb(50_000_000))
    fits = await get(fake_time, source.url("/fits"))
    assert isinstance(fits, Fetched)
    assert fits.body == b"x" * 100_000
    failed(await get(fake_time, source.url("/bomb")), Trouble.TOO_LARGE)


def test_bomb_never_takes_more_memory_than_the_bound() -> None:
    unpacked = Unpacked("gzip", 1000)
    unpacked.feed(gzip.compress(bytes(10_000_000)))
    assert unpacked.is_over
    assert len(unpacked.body) == 1001


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (b"plain text", "gzip", "cannot be unpacked"),
        (gzip.compress(b"") * 65, "gzip", "more than 64 packed parts"),
        (b"\x0b\x02\x80", "br", "packed as 'br'"),
    ],
    ids=["not packed", "endless parts", "brotli"],
)
async def test_badly_packed_answer_says_so(
    body: bytes, encoding: str, said: str, source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", Answer(body=body, headers={"Content-Encoding": encoding}))
    outcome = failed(await get(fake_time, source.url("/feed")), Trouble.ENCODING)
    assert said in outcome.reason


@given(
    parts=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    padding=st.integers(0, 20),
    cut=st.integers(1, 64),
)
def test_packed_parts_unpack_the_same_however_they_are_sliced(
    parts: list[bytes], padding: int, cut: int
) -> None:
    data = b"".join(map(gzip.compress, parts)) + bytes(padding)
    unpacked = Unpacked("gzip", 10_000)
    for start in range(0, len(data), cut):
        unpacked.feed(data[start : start + cut])
    assert unpacked.is_complete
    assert bytes(unpacked.body) == b"".join(parts)
