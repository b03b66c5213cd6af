"""Nobody comes in, reads or changes anything whom the page's operator did not mean."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain import PaperwireError
from bot.platforms.web import WebPage
from bot.platforms.web.access import (
    Access,
    Attempts,
    Seal,
    allowed_hosts,
    host_name,
    is_loopback,
)
from bot.services.ranker import Rankers
from bot.services.window import StoreWindow
from bot.store import Store
from tests.adapters.web_wire import Browser, WebWire, open_filled

PASSWORD = "correct horse battery"
TOKEN = "a token of sixteen and more"


@pytest.fixture
async def wire(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[WebWire]:
    """A wire of two days; ``options`` of the page by parametrisation."""
    options: dict[str, Any] = getattr(request, "param", {})
    opened = await open_filled(tmp_path, 2, **options)
    yield opened
    await opened.close()


@pytest.fixture
async def browser(wire: WebWire) -> AsyncIterator[Browser]:
    async with Browser(wire.page.url) as opened:
        yield opened


closed = pytest.mark.parametrize(
    "wire", [{"password": PASSWORD, "token": TOKEN}], indirect=True, ids=["with a password"]
)


# --- reach ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "papers.example.org", "10.0.0.1"])
def test_beyond_this_machine_a_password_is_needed(tmp_path: Path, host: str) -> None:
    store = Store(tmp_path / "wire.db")
    window = StoreWindow(store, Rankers(store))
    with pytest.raises(PaperwireError, match=r"web\.password"):
        WebPage(None, window, host=host)
    assert WebPage(None, window, host=host, password=PASSWORD).name == "web"
    assert WebPage(None, window, host=host, token=TOKEN).name == "web"
    store.close()


@pytest.mark.parametrize(
    ("host", "loops"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("::1", True),
        ("127.8.9.1", True),
        ("0.0.0.0", False),
        ("127.0.0.1.example.org", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_only_loopback_is_loopback(host: str, loops: bool) -> None:
    assert is_loopback(host) is loops


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "a b", "[::1", "x/y"]
)
async def test_a_foreign_host_name_gets_nothing(browser: Browser, host: str) -> None:
    status, text, _ = await browser.ask("/", Host=host)
    assert status in {400, 421}
    assert "language lab" not in text


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:9", "[::1]", "LocalHost:80", "localhost."]
)
async def test_our_own_names_are_answered(browser: Browser, host: str) -> None:
    assert (await browser.ask("/", Host=host))[0] == 200


def test_hosts_by_setting() -> None:
    open_, kept = Access(), Access(PASSWORD)
    loopback = {"localhost", "127.0.0.1", "::1"}
    assert allowed_hosts("127.0.0.1", "", open_) == loopback
    assert allowed_hosts("0.0.0.0", "", kept) is None
    public = allowed_hosts("0.0.0.0", "https://Papers.example.org", kept)
    assert public == loopback | {"0.0.0.0", "papers.example.org"}
    assert host_name("[::1]:80") == "::1"
    assert host_name("evil.example/..") is None


# --- the password --------------------------------------------------------------------------------


@closed
async def test_everything_asks_for_the_password(wire: WebWire, browser: Browser) -> None:
    paths = [
        "/", "/trending", "/operations", "/operations/listings/1", "/search?q=a", "/channels/1",
        "/channels/1/profile", "/channels/1/status", "/channels/1/trending", "/papers/1706.03762",
        "/channels/1/feed.atom", "/channels/1/feed.json", "/api/papers", "/api/digests",
        "/api/search?q=a", "/api/openapi.json", "/wire/language-lab", "/wire/language-lab/live",
        "/wire/language-lab/complete?text=s", "/channels/1/effects/1", "/nowhere",
    ]  # fmt: skip
    served = {route.resource.canonical for route in _routes(wire) if route.method == "GET"}
    assert len(served) - 2 <= len(paths)  # /login and /static/ are for everyone
    for path in paths:
        status, text, headers = await browser.ask(path, Accept="*/*")
        assert (status, "WWW-Authenticate" in headers) == (401, True), path
        assert "ttention" not in text
        status, _, headers = await browser.ask(path, Accept="text/html")
        if not path.startswith("/api/"):
            assert (status, headers["Location"].split("?")[0]) == (303, "/login"), path


def _routes(wire: WebWire) -> list[Any]:
    assert wire.page._runner is not None
    return list(wire.page._runner.app.router.routes())


@closed
async def test_the_password_opens_the_page_and_logging_out_closes_it(browser: Browser) -> None:
    await browser.page("/login?next=%2Ftrending")
    status, _, where = await browser.post("/login", {"password": PASSWORD, "next": "/trending"})
    assert (status, where) == (303, "/trending")
    await browser.page("/trending")
    await browser.post("/logout", {})
    assert (await browser.ask("/trending"))[0] == 401


@closed
@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nX: y", "", "x"]
)
async def test_logging_in_leads_to_no_other_place(browser: Browser, target: str) -> None:
    await browser.page("/login")
    _, _, where = await browser.post("/login", {"password": PASSWORD, "next": target})
    assert where == "/"


@closed
async def test_programs_send_the_token_or_a_basic_password(browser: Browser) -> None:
    basic = base64.b64encode(f"reader:{PASSWORD}".encode()).decode()
    for header in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
        status, _, headers = await browser.ask("/api/papers", Authorization=header)
        assert status == 200, header
        assert "Set-Cookie" not in headers
    wrong = base64.b64encode(b"reader:wrong").decode()
    for header in ("Bearer x", f"Basic {wrong}", "Basic !!", "Basic", "", "Digest a", "Bearer "):
        assert (await browser.ask("/api/papers", Authorization=header))[0] == 401, header


@closed
async def test_guessing_is_stopped_for_a_while(wire: WebWire, browser: Browser) -> None:
    for _ in range(8):
        await browser.page("/login")
        assert (await browser.post("/login", {"password": "guess"}))[0] == 403
    status, text, _ = await browser.post("/login", {"password": PASSWORD})
    assert status == 429
    assert "Too many" in text
    assert (await browser.ask("/api/papers", Authorization=f"Bearer {TOKEN}"))[0] == 401
    wire.now += timedelta(minutes=6)
    assert (await browser.post("/login", {"password": PASSWORD}))[0] == 303


@closed
async def test_a_session_survives_a_restart_and_ends_with_another_password(
    wire: WebWire, browser: Browser
) -> None:
    await browser.log_in(PASSWORD)
    await wire.close()
    await wire.open()
    await browser.page("/")
    await wire.close()
    wire.options["password"] = "another password"
    await wire.open()
    assert (await browser.ask("/"))[0] == 401


@closed
async def test_a_session_ends_after_a_month(wire: WebWire, browser: Browser) -> None:
    await browser.log_in(PASSWORD)
    wire.now += timedelta(days=29)
    await browser.page("/")
    wire.now += timedelta(days=2)
    assert (await browser.ask("/"))[0] == 401


@closed
async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(browser: Browser) -> None:
    _, _, headers = await browser.ask("/login")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie  # on loopback there is no TLS


@pytest.mark.parametrize(
    "wire",
    [{"password": PASSWORD, "public_url": "https://papers.example.org"}],
    indirect=True,
    ids=["behind a proxy"],
)
async def test_behind_tls_cookies_are_secure(wire: WebWire) -> None:
    port = wire.options["port"]
    async with Browser(f"http://127.0.0.1:{port}") as browser:
        _, _, headers = await browser.ask("/login", Host="papers.example.org")
        assert "Secure" in headers["Set-Cookie"]
        assert (await browser.ask("/login", Host="evil.example"))[0] == 421


def test_what_we_did_not_sign_is_no_session() -> None:
    seal, other = Seal(b"k" * 32, Access(PASSWORD)), Seal(b"k" * 32, Access("other"))
    session = seal.prove(seal.new(1000), 1000)
    written = seal.write(session)
    assert seal.read(written, 1000) == session
    assert other.read(written, 1000) is None
    head, sign = written.rsplit(".", 1)
    for forged in (
        "", "x", head, f"{head}.{'0' * 64}", written.replace(".1.", ".0."),
        f"{head}.{sign.upper()}", written + "0", f"é{written}",
    ):  # fmt: skip
        assert seal.read(forged, 1000) is None
    unproved = seal.write(seal.new(1000))
    assert seal.read(unproved.replace(".0.", ".1."), 1000) is None
    assert seal.form_token(session) != other.form_token(session)
    assert not seal.is_form_token(session, "")
    assert not seal.is_form_token(session, "é\ud800")


def test_secrets_are_compared_whole_and_never_shown() -> None:
    access = Access(PASSWORD, TOKEN)
    assert access.admits(PASSWORD)
    assert access.admits(TOKEN)
    for wrong in ("", PASSWORD[:-1], PASSWORD + " ", TOKEN.upper(), "\ud800"):
        assert not access.admits(wrong)
    assert not Access("", TOKEN).admits("")
    assert PASSWORD not in repr(access)
    assert TOKEN not in repr(access)


def test_attempts_are_counted_by_address_and_forgotten() -> None:
    attempts = Attempts()
    for second in range(8):
        attempts.failed("a", second)
    assert attempts.wait("a", 10) == pytest.approx(290)
    assert attempts.wait("b", 10) == 0
    assert attempts.wait("a", 301) == 0
    attempts.succeeded("a")
    assert attempts.wait("a", 10) == 0
    for number in range(5_000):
        attempts.failed(str(number), 1)
    assert len(attempts._failed) <= 2_000


# --- forms ---------------------------------------------------------------------------------------

FORMS = (
    ("/wire/language-lab/command", {"text": "pause"}),
    ("/wire/language-lab/vote", {"message": "1", "number": "1", "signal": "like"}),
    ("/channels", {"name": "new", "interests": "x"}),
    ("/channels/1/profile", {"action": "add", "items": "x"}),
    ("/operations/outbox", {"message": "1", "action": "abandon"}),
    ("/theme", {"theme": "dark"}),
    ("/login", {"password": "x"}),
    ("/logout", {}),
)


async def test_every_form_needs_its_token(wire: WebWire, browser: Browser) -> None:
    posts = {route.resource.canonical for route in _routes(wire) if route.method == "POST"}
    assert len(posts) == len(FORMS)
    before = _everything(wire)
    await browser.page("/")
    async with Browser(wire.page.url) as other:
        await other.page("/")
        stolen = other.token
    for path, fields in FORMS:
        for token in ("", "0" * 64, stolen):
            status, text, _ = await browser.post(path, {**fields, "token": token})
            assert status == 403, (path, token)
            assert "nothing was changed" in text
    assert _everything(wire) == before


async def test_a_form_from_another_site_changes_nothing(wire: WebWire, browser: Browser) -> None:
    before = _everything(wire)
    await browser.page("/")
    foreign = (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://localhost:{wire.options['port'] + 1}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    )
    for path, fields in FORMS:
        for headers in foreign:
            assert (await browser.post(path, fields, headers=headers))[0] == 403, (path, headers)
    assert _everything(wire) == before
    own = {"Origin": wire.page.url, "Sec-Fetch-Site": "same-origin"}
    assert (await browser.post("/theme", {"theme": "dark"}, headers=own))[0] == 303


async def test_other_methods_are_refused(browser: Browser) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        async with browser.session.request(method, f"{browser.base}/channels/1") as answer:
            assert answer.status == 405


def _everything(wire: WebWire) -> list[tuple[Any, ...]]:
    """Return every row that a form could change."""
    with wire.store.read() as connection:
        return [
            tuple(row)
            for table in ("channels", "feedback", "messages")
            for row in connection.execute(f"SELECT * FROM {table}")
        ]


async def test_an_oversized_form_is_refused(browser: Browser) -> None:
    await browser.page("/")
    status, _, _ = await browser.post("/wire/language-lab/command", {"text": "x" * 100_000})
    assert status == 413


# --- headers -------------------------------------------------------------------------------------


async def test_every_answer_carries_the_policy(browser: Browser) -> None:
    for path in ("/", "/static/page.css", "/api/papers", "/nowhere", "/channels/1/feed.atom"):
        _, _, headers = await browser.ask(path)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy  # no host of a third party
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


async def test_no_page_has_script_or_style_of_its_own_or_of_others(browser: Browser) -> None:
    for path in (
        "/", "/trending", "/operations", "/operations/listings/1", "/search?q=model", "/channels/1",
        "/channels/1/profile", "/channels/1/status", "/papers/1706.03762", "/wire/language-lab",
    ):  # fmt: skip
        root = await browser.page(path)
        assert not root.xpath("//@style | //style | //@*[starts-with(name(), 'on')] | //iframe")
        for script in root.iter("script"):
            assert not (script.text or "").strip()
        loaded = root.xpath("//script/@src | //link[@rel='stylesheet' or @rel='icon']/@href")
        loaded += root.xpath("//img/@src")
        assert all(address.startswith("/static/") for address in loaded), loaded


async def test_static_files_are_kept_by_browsers_and_nothing_else_is_served(
    browser: Browser,
) -> None:
    root = await browser.page("/")
    (sheet,) = root.xpath("//link[@rel='stylesheet']/@href")
    status, _, headers = await browser.ask(sheet)
    assert (status, headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in headers["Cache-Control"]
    for path in (
        "/static/../page.py",
        "/static/%2e%2e%2fpage.py",
        "/static/base.html",
        "/static/x",
    ):
        assert (await browser.ask(path))[0] == 404


@closed
async def test_what_was_behind_the_password_does_not_come_back_with_the_back_button(
    browser: Browser,
) -> None:
    await browser.log_in(PASSWORD)
    for path in ("/", "/channels/1", "/channels/1/profile"):
        _, _, headers = await browser.ask(path)
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "Paperwire"


@closed
async def test_colours_can_be_chosen_before_the_password(browser: Browser) -> None:
    await browser.page("/login")
    status, _, where = await browser.post("/theme", {"theme": "dark", "back": "/login"})
    assert (status, where) == (303, "/login")
    assert (await browser.page("/login")).get("data-theme") == "dark"


async def test_the_first_visit_to_the_page_in_two_parts_gets_its_session(browser: Browser) -> None:
    _, text, headers = await browser.ask("/channels/1/profile")
    assert "Set-Cookie" in headers
    assert text.index("Written interests") < text.index("Precision over time")
    assert "</html>" in text
    status, _, headers = await browser.ask("/channels/1/profile")
    assert status == 200
    async with browser.session.head(f"{browser.base}/channels/1/profile") as answer:
        assert answer.status == 200
