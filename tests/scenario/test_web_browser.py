"""The page in a real browser: from a first visit to another ranking, by clicks, keys and thumbs.

Needs Playwright for Python and a Chromium (Debian's ``chromium``, or PAPERWIRE_CHROMIUM names
one), and for the accessibility check axe-core from ``axe-playwright-python``. Skips where they are
missing; where CI is set that is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain import Signal
from bot.store import channels, feedback
from tests.adapters.web_wire import DAYS, WebWire, at, open_filled

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGES = {
    "overview": "/",
    "live": "/wire/language-lab",
    "digests": "/channels/1?week=2026-W41",
    "trending": "/channels/1/trending",
    "profile": "/channels/1/profile",
    "status": "/channels/1/status",
    "paper": "/papers/1706.03762",
    "search": "/search?q=language+model",
    "operations": "/operations",
    "listing": "/operations/listings/1",
    "trouble": "/nowhere",
}
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 700}, "has_touch": True}


def missing(what: str) -> None:
    """Skip with the reason, or fail where nothing may be missing."""
    reason = f"the browser tests need {what}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium of its own, without a profile of anyone's."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        missing("Playwright for Python")
    path = os.environ.get("PAPERWIRE_CHROMIUM") or shutil.which("chromium")
    if path is None:
        missing("a Chromium (apt-get install chromium)")
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        await browser.close()


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[WebWire]:
    opened = await open_filled(tmp_path, 6)
    yield opened
    await opened.close()


@asynccontextmanager
async def opened(browser: Browser, wire: WebWire, **how: Any) -> AsyncIterator[Page]:
    """Open a window on the page; any error in it, and any request elsewhere, fails the test."""
    context = await browser.new_context(base_url=wire.page.url, **how)
    context.set_default_timeout(60_000)
    page = await context.new_page()
    errors: list[str] = []
    foreign: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if _is_error(line) else None)
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((wire.page.url, "data:")) else foreign.append(asked.url)
        ),
    )
    yield page
    await context.close()
    assert errors == []
    assert foreign == []


def _is_error(line: Any) -> bool:
    # A page that says 404 is also told in the console.
    return line.type in {"error", "warning"} and "status of 4" not in line.text


async def learned(wire: WebWire) -> list[tuple[int, Signal]]:
    with wire.store.read() as connection:
        return [(row.paper_id, row.signal) for row in feedback.active(connection, 1)]


# --- the whole way -------------------------------------------------------------------------------


async def test_from_first_visit_to_another_ranking_by_clicks(
    chromium: Browser, tmp_path: Path
) -> None:
    wire = WebWire(tmp_path)
    await wire.open()
    wire.read(DAYS[0])
    async with opened(chromium, wire) as page:
        await page.goto("/")
        await page.get_by_label("Name").fill("My lab")
        await page.get_by_label("Interests").fill("language models, translation threshold=10")
        await page.get_by_role("button", name="Start").click()
        await page.get_by_text("Subscribed.").first.wait_for()
        await page.get_by_text("Nothing has been posted here yet").wait_for()
        await wire.step(at(DAYS[0], 9, 1))
        await page.locator("article.post.header").wait_for()  # it came by itself
        assert await page.get_by_text("Nothing has been posted here yet").count() == 0
        cards = page.locator("article.post.paper")
        await cards.nth(2).wait_for()
        button = cards.nth(1).get_by_role("button", name="Dislike paper 2")
        assert await button.get_attribute("aria-pressed") == "false"
        await button.click()
        await cards.nth(1).locator(".changed").wait_for()
        told = await cards.nth(1).locator(".changed").inner_text()
        assert re.search(r"from a match of \d+ to \d+", told)
        await page.locator("#said", has_text="Less like this").wait_for()
        pressed = cards.nth(1).get_by_role("button", name="Dislike paper 2")
        assert await pressed.get_attribute("aria-pressed") == "true"
        await page.get_by_role("link", name="Profile").click()
        await page.get_by_role("heading", name="The last listing as things stand now").wait_for()
        assert "falls out" in await page.locator(".ranks").inner_text()
    assert [signal for _, signal in await learned(wire)] == [Signal.DISLIKE]
    await wire.close()


async def test_a_term_is_muted_and_brought_back_by_clicks(chromium: Browser, wire: WebWire) -> None:
    async with opened(chromium, wire) as page:
        await page.goto("/channels/1/profile")
        await page.get_by_role("button", name="Mute translation", exact=True).click()
        await page.get_by_role("heading", name="What the last listing would have been").wait_for()
        assert 'muted "translation"' in await page.locator(".ranks").inner_text()
        await page.get_by_role("button", name="Undo this change").click()
        await page.get_by_role("heading", name="What the last listing would have been").wait_for()
        assert "comes in" in await page.locator(".ranks").inner_text()
    with wire.store.read() as connection:
        channel = channels.channel(connection, 1)
    assert channel is not None
    assert channel.profile == wire.made["lab"].profile


# --- keyboard, phone, no script ------------------------------------------------------------------


async def test_everything_is_reached_and_done_with_the_keyboard(
    chromium: Browser, wire: WebWire
) -> None:
    async with opened(chromium, wire) as page:
        await page.goto("/wire/language-lab")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        for _ in range(12):
            if await page.evaluate("document.activeElement.id") == "line":
                break
            await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.id") == "line"
        # At once: each pause between letters asks anew, and a late answer undoes the choice.
        await page.keyboard.insert_text("sear")
        await page.locator("#choices li").first.wait_for()
        assert await page.locator("#line").get_attribute("aria-expanded") == "true"
        await page.keyboard.press("ArrowDown")
        active = await page.locator("#line").get_attribute("aria-activedescendant")
        assert await page.locator(f"#{active}").get_attribute("aria-selected") == "true"
        await page.keyboard.press("Enter")
        assert await page.locator("#line").input_value() == "search "
        await page.keyboard.insert_text("attention")
        await page.locator("#choices li").first.wait_for()
        await page.keyboard.press("Escape")
        assert await page.locator("#choices").is_hidden()
        await page.keyboard.press("Enter")
        await page.locator("#answer h3").first.wait_for()
        assert "attention" in (await page.locator("#answer h2").inner_text()).casefold()
        assert await page.evaluate("document.activeElement.id") == "line"
        like = page.get_by_role("button", name="Like paper 3").first
        await like.focus()
        before = await learned(wire)
        await page.keyboard.press("Space")
        await page.locator("#said", has_text="Liked").wait_for()
        assert len(await learned(wire)) == len(before) + 1
        # The focus stays on the button that was pressed, so that it can be taken back at once.
        focused = await page.evaluate("document.activeElement.getAttribute('aria-pressed')")
        assert focused == "true"
        await page.keyboard.press("Space")
        await page.locator("#said", has_text="Like taken back").wait_for()
        assert await learned(wire) == before


async def test_where_the_focus_is_can_be_seen(chromium: Browser, wire: WebWire) -> None:
    async with opened(chromium, wire) as page:
        await page.goto("/channels/1")
        for _ in range(25):
            await page.keyboard.press("Tab")
            width = await page.evaluate(
                "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
            )
            assert width >= 2, await page.evaluate("document.activeElement.outerHTML")


async def test_on_a_phone_nothing_runs_out_of_the_screen(chromium: Browser, wire: WebWire) -> None:
    async with opened(chromium, wire, **PHONE) as page:
        for path in PAGES.values():
            await page.goto(path)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= 375, path
        await page.goto("/wire/language-lab")
        for button in await page.locator(".sign").all():
            box = await button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44  # a thumb's width
        await page.get_by_role("button", name="Save paper 1").first.tap()
        await page.locator("#said", has_text="Saved").wait_for()


async def test_without_javascript_votes_commands_and_profile_work(
    chromium: Browser, wire: WebWire
) -> None:
    async with opened(chromium, wire, java_script_enabled=False) as page:
        await page.goto("/wire/language-lab")
        await page.get_by_role("button", name="Like paper 3").first.click()
        await page.get_by_role("heading", name="Liked").wait_for()
        assert re.search(r"match of \d+", await page.locator(".changed").first.inner_text())
        await page.locator("#line").fill("search attention")
        await page.get_by_role("button", name="Send").click()
        await page.locator("#answer h3").first.wait_for()
        await page.get_by_role("link", name="Digests").click()
        await page.get_by_role("link", name=re.compile("Fri 9 Oct")).click()
        await page.locator("details summary").first.click()
        assert await page.locator("figure.parts").first.is_visible()
        await page.get_by_role("link", name="Profile").click()
        await page.locator("#items").fill("morphology")
        await page.get_by_role("button", name="Add", exact=True).last.click()
        await page.get_by_role("heading", name="What the last listing would have been").wait_for()


# --- looks ---------------------------------------------------------------------------------------


AXE = """rules => axe.run(document, {resultTypes: ['violations'], runOnly: rules}).then(
    told => told.violations.filter(one => ['serious', 'critical'].includes(one.impact)).map(
        one => `${one.id} (${one.impact}) ${one.nodes[0].html.slice(0, 120)}`))"""
EVERY_RULE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES_ON_COLOUR = ["color-contrast", "link-in-text-block"]


async def test_axe_finds_nothing_serious_in_light_and_dark(
    chromium: Browser, wire: WebWire
) -> None:
    try:
        from axe_playwright_python.base import AXE_FILE_PATH
    except ImportError:
        missing("axe-core (axe-playwright-python)")
    axe = Path(AXE_FILE_PATH).read_text(encoding="utf-8")  # noqa: ASYNC240  nothing else waits
    with wire.store.write() as connection:  # the outbox has something to show
        connection.execute(
            "UPDATE messages SET state = 'abandoned', error = 'no' WHERE channel_id = 3"
        )
    # Our own policy keeps foreign scripts out, axe's too.
    found: list[str] = []
    async with opened(chromium, wire, color_scheme="light", bypass_csp=True) as page:
        for name, path in PAGES.items():
            await page.goto(path)
            await page.evaluate(
                "document.querySelectorAll('details').forEach(one => { one.open = true; })"
            )
            await page.evaluate(axe)
            # Only the colours differ between the two.
            for scheme, rules in (("light", EVERY_RULE), ("dark", RULES_ON_COLOUR)):
                await page.emulate_media(color_scheme=scheme)
                found += [f"{name}, {scheme}: {one}" for one in await page.evaluate(AXE, rules)]
            await page.emulate_media(color_scheme="light")
    assert found == []


async def test_dark_mode_follows_the_system_and_the_button(
    chromium: Browser, wire: WebWire
) -> None:
    async def brightness(page: Page) -> float:
        colour = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 3

    async with opened(chromium, wire, color_scheme="dark") as page:
        await page.goto("/")
        assert await brightness(page) < 60
        await page.get_by_role("button", name=re.compile("switch to dark")).click()
        await page.get_by_role("button", name=re.compile("switch to light")).click()
        assert await brightness(page) > 200
    async with opened(chromium, wire, color_scheme="light") as page:
        await page.goto("/")
        assert await brightness(page) > 200


async def test_every_page_can_be_looked_at(
    chromium: Browser, wire: WebWire, tmp_path: Path
) -> None:
    # PAPERWIRE_SCREENS names a folder where the pictures stay to be looked at.
    folder = Path(os.environ.get("PAPERWIRE_SCREENS") or tmp_path / "screens")
    looks: dict[str, dict[str, Any]] = {
        "light": {"color_scheme": "light"},
        "dark": {"color_scheme": "dark"},
        "phone": PHONE,
    }
    for look, how in looks.items():
        async with opened(chromium, wire, **how) as page:
            for name, path in PAGES.items():
                await page.goto(path)
                picture = folder / f"{name}-{look}.png"
                await page.screenshot(path=picture)
                assert picture.stat().st_size > 5_000


async def test_two_windows_see_the_same_digest_arrive(chromium: Browser, wire: WebWire) -> None:
    async with opened(chromium, wire) as one, opened(chromium, wire) as other:
        for page in (one, other):
            await page.goto("/wire/language-lab")
        before = await one.locator("article.post").count()
        wire.now = at(DAYS[6], 6)
        wire.read(DAYS[6])
        await wire.step(at(DAYS[6], 9, 1))
        title = f"Tue {DAYS[6].day} Oct 2026"
        for page in (one, other):
            await page.locator(".group", has_text=title).locator(".post.paper").first.wait_for()
            first = await page.locator(".group").first.inner_text()
            assert title in first  # the newest stands on top
            assert await page.locator("article.post").count() > before
        async with opened(chromium, wire) as late:
            await late.goto("/wire/language-lab")
            whole = await late.locator("[data-post]").count()
        for page in (one, other):
            await page.locator("[data-post]").nth(whole - 1).wait_for()  # the last to come
            assert await page.locator("[data-post]").count() == whole
