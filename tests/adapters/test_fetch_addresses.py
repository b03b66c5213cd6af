"""Where the fetcher goes: redirects, private networks and proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from yarl import URL

from bot.ports import Fetched, FetchFailed, NotModified, Request, Trouble
from bot.sources import addresses, fetch
from tests.adapters.fetching import FakeTime, NamesResolver, failed, get, make_fetcher
from tests.adapters.loopback_source import (
    LoopbackSource,
    page,
    redirect,
)


@pytest.fixture
async def source() -> AsyncIterator[LoopbackSource]:
    async with LoopbackSource() as running:
        yield running


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


# --- redirects ----------------------------------------------------------------------------------


async def test_redirects_are_followed_and_the_last_address_is_told(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/old", redirect("/moved", 301))
    source.add("/moved", redirect(source.url("/new"), 307))
    source.add("/new", page(b"[]", etag='"n"'))
    async with make_fetcher(fake_time) as fetcher:
        first = await fetcher.get(Request(source.url("/old")))
        assert isinstance(first, Fetched)
        assert first.url == source.url("/new")
        again = await fetcher.get(Request(source.url("/old")), validators=first.validators)
        assert isinstance(again, NotModified)


async def test_redirects_end_after_five(source: LoopbackSource, fake_time: FakeTime) -> None:
    source.add("/loop", redirect("/loop"))
    outcome = failed(await get(fake_time, source.url("/loop")), Trouble.REDIRECT)
    assert "more than 5 redirects" in outcome.reason
    assert len(source.requests) == 6


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "ftp://example.org/x", "http://[::1", "gopher:x"]
)
async def test_redirect_to_anything_but_a_web_page_is_refused(
    to: str, source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", redirect(to))
    failed(await get(fake_time, source.url("/feed")), Trouble.REDIRECT)
    assert len(source.requests) == 1


def test_redirect_from_https_never_goes_down_to_http() -> None:
    secure = URL("https://example.org/feed")
    down = fetch._follow(secure, "http://example.org/feed")
    assert isinstance(down, FetchFailed)
    assert "from https down to http" in down.reason
    assert fetch._follow(secure, "/other") == URL("https://example.org/other")
    assert fetch._follow(secure, "//example.net/x") == URL("https://example.net/x")
    assert fetch._follow(secure, "http://127.0.0.1:8000/x") == URL("http://127.0.0.1:8000/x")
    assert fetch._follow(URL("http://example.org/"), "https://example.org/") == URL(
        "https://example.org/"
    )


def test_redirect_hands_over_no_name_and_password() -> None:
    target = fetch._follow(URL("https://example.org/"), "https://name:word@example.net/x")
    assert target == URL("https://example.net/x")


@pytest.mark.parametrize(
    "url",
    ["", "cs.CL", "ftp://example.org/x", "file:///etc/passwd", "http://", "http://x:99999999/"],
)
async def test_what_is_no_web_address_is_named_and_not_asked(url: str, fake_time: FakeTime) -> None:
    outcome = failed(await get(fake_time, url), Trouble.ADDRESS)
    assert repr(url) in outcome.reason


async def test_impossible_host_name_is_an_address_trouble(fake_time: FakeTime) -> None:
    outcome = await get(fake_time, f"http://{'a' * 70}.example/")
    failed(outcome, Trouble.ADDRESS)


# --- private networks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0"]
)
async def test_stranger_cannot_reach_this_machine(
    host: str, source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", page(b"[]"))
    port = source.host.split(":")[1]
    outcome = await get(fake_time, f"http://{host}:{port}/feed", allow_private=False)
    assert failed(outcome, Trouble.ADDRESS).status is None
    assert not source.requests


async def test_private_address_is_refused_in_words_for_the_operator(fake_time: FakeTime) -> None:
    outcome = await get(fake_time, "http://169.254.169.254/latest?k=v", allow_private=False)
    assert failed(outcome, Trouble.ADDRESS).reason == (
        "169.254.169.254 leads into a private network; only the operator may allow that"
    )


async def test_name_that_resolves_inside_is_refused_at_connect_time(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    source.add("/feed", page(b"[]"))
    port = source.host.split(":")[1]
    url = f"http://feeds.example:{port}/feed"
    resolver = NamesResolver(feeds=["127.0.0.1"])
    failed(await get(fake_time, url, allow_private=False, resolver=resolver), Trouble.ADDRESS)
    assert not source.requests
    assert isinstance(await get(fake_time, url, resolver=resolver), Fetched)


async def test_name_that_changes_its_mind_is_judged_by_the_address_connected_to(
    source: LoopbackSource, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def judge(address: str) -> bool:
        opened.append(address)
        return address == "127.0.0.1"  # stands in for a public address

    monkeypatch.setattr(addresses, "is_public", judge)
    source.add("/feed", redirect("/feed"))
    port = source.host.split(":")[1]
    resolver = NamesResolver(feeds=["127.0.0.1", "10.0.0.1"])
    url = f"http://feeds.example:{port}/feed"
    failed(await get(fake_time, url, allow_private=False, resolver=resolver), Trouble.ADDRESS)
    assert set(opened) == {"127.0.0.1", "10.0.0.1"}
    assert len(source.requests) == 1


async def test_operators_own_host_is_trusted_and_what_it_redirects_to_is_not(
    source: LoopbackSource, fake_time: FakeTime
) -> None:
    async with LoopbackSource() as neighbour:
        neighbour.add("/admin", page(b"secret"))
        source.add("/feed", page(b"[]"))
        source.add("/away", redirect(neighbour.url("/admin")))
        trusted = {"allow_private": False, "trusted_hosts": [source.host]}
        assert isinstance(await get(fake_time, source.url("/feed"), **trusted), Fetched)
        failed(await get(fake_time, source.url("/away"), **trusted), Trouble.ADDRESS)
        assert not neighbour.requests


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
        ("2130706433", False),
        ("127.1", False),
        ("example.org", False),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, public: bool) -> None:
    assert addresses.is_public(address) is public


# --- proxies ------------------------------------------------------------------------------------


@pytest.fixture
def behind_proxy(source: LoopbackSource, monkeypatch: pytest.MonkeyPatch) -> LoopbackSource:
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", source.host)
    return source


async def test_proxy_of_the_environment_is_used_for_the_outside(
    behind_proxy: LoopbackSource, fake_time: FakeTime
) -> None:
    behind_proxy.add("/feed", page(b"[]"))
    url = "http://feeds.invalid/feed"
    nameless = NamesResolver()  # behind a proxy the machine itself often resolves nothing
    outcome = await get(fake_time, url, allow_private=False, resolver=nameless)
    assert isinstance(outcome, Fetched)
    assert behind_proxy.requests[0].headers["Host"] == "feeds.invalid"
    failed(await get(fake_time, url, use_proxy=False, resolver=nameless), Trouble.CONNECTION)


async def test_proxy_that_refuses_is_named_as_the_one_who_did(
    behind_proxy: LoopbackSource, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", behind_proxy.url())
    outcome = failed(await get(fake_time, "https://feeds.invalid/feed"), Trouble.CONNECTION)
    assert outcome.reason.startswith("the proxy in front of feeds.invalid answered 404")


async def test_proxy_does_not_open_the_private_network(
    behind_proxy: LoopbackSource, fake_time: FakeTime
) -> None:
    for url in ("http://10.0.0.1/feed", "http://2130706433/feed"):
        failed(await get(fake_time, url, allow_private=False), Trouble.ADDRESS)
    inside = NamesResolver(intranet=["10.0.0.1"])
    url = "http://intranet.example/feed"
    failed(await get(fake_time, url, allow_private=False, resolver=inside), Trouble.ADDRESS)
    assert not behind_proxy.requests


async def test_proxy_is_not_used_for_this_machine_or_where_the_environment_says_so(
    behind_proxy: LoopbackSource, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "feeds.invalid")
    async with LoopbackSource() as near:
        near.add("/feed", page(b"[]"))
        assert isinstance(await get(fake_time, near.url("/feed")), Fetched)
    outcome = await get(fake_time, "http://feeds.invalid/feed", resolver=NamesResolver())
    assert failed(outcome, Trouble.CONNECTION).reason.startswith("the name feeds.invalid cannot")
    assert not behind_proxy.requests
