"""What the pages show and what their forms do, without any script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import MessageState, Person, Signal
from bot.store import channels, digests, outbox
from bot.views import Viewer
from tests.adapters.counterpart import words
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


# --- overview ------------------------------------------------------------------------------------


async def test_the_overview_lists_channels_with_last_and_next_digest(browser: Browser) -> None:
    root = await browser.page("/")
    text = words(root.text_content())
    for shown in ("language lab", "vision", "robots", "terminal", "active", "in 22 h"):
        assert shown in text
    assert "1 private channel is not shown" in text
    assert len(root.xpath("//section[@aria-labelledby='rising']//article")) == 8


async def test_a_first_visit_starts_a_channel_and_finds_its_papers_there(tmp_path: Path) -> None:
    wire = WebWire(tmp_path)
    await wire.open()
    wire.read(DAYS[0])
    async with Browser(wire.page.url) as browser:
        root = await browser.page("/")
        assert "Start a channel" in root.text_content()
        form = {"name": "My Lab", "interests": "language models"}
        status, _, where = await browser.post("/channels", form)
        assert (status, where.split("?")[0]) == (303, "/wire/my-lab")
        assert "Subscribed." in (await browser.page(where)).text_content()
        await wire.step(at(DAYS[0], 9, 1))
        root = await browser.page("/wire/my-lab")
        assert root.xpath("//article[@data-post]")
    await wire.close()


@pytest.mark.parametrize(
    ("name", "interests", "said"),
    [("!!", "x", "letters or digits"), ("lab", "author:", "author")],
)
async def test_a_channel_that_cannot_be_started_says_why_and_keeps_what_was_typed(
    browser: Browser, name: str, interests: str, said: str
) -> None:
    await browser.page("/")
    status, text, _ = await browser.post("/channels", {"name": name, "interests": interests})
    assert status == 200
    assert said in text
    assert f'value="{name}"' in text


# --- digests by day ------------------------------------------------------------------------------


async def test_digests_are_walked_by_day_week_and_month(browser: Browser) -> None:
    root = await browser.page("/channels/1")
    assert "Thu 8 Oct 2026" in root.xpath("//nav[@aria-label='Dates']/h2")[0].text
    days = [DAYS[3]]
    while back := root.xpath("//a[@rel='prev']/@href"):
        root = await browser.page(f"/channels/1{back[0]}")
        days.append(back[0].partition("=")[2])
    assert [str(day) for day in days] == [str(day) for day in reversed(DAYS[:4])]
    assert root.xpath("//a[@rel='next']/@href") == [f"?day={DAYS[1]}"]
    week = await browser.page("/channels/1?week=2026-W41")
    assert len(week.xpath("//section[starts-with(@id, 'digest-')]")) == 4
    month = await browser.page("/channels/1?month=2026-10")
    assert "October 2026" in month.text_content()
    empty = await browser.page("/channels/1?day=2026-10-04")
    assert "No digest in this time." in empty.text_content()
    assert empty.xpath("//a[@rel='next']/@href") == [f"?day={DAYS[0]}"]
    for wrong in ("day=x", "week=2026-W99", "month=2026-13", "day=2026-02-30"):
        assert (await browser.ask(f"/channels/1?{wrong}"))[0] == 400


async def test_each_paper_of_a_digest_tells_its_score_in_parts(
    wire: WebWire, browser: Browser
) -> None:
    root = await browser.page("/channels/1")
    with wire.store.read() as connection:
        last = digests.last_with_papers(connection, 1)
        assert last is not None
        posted = outbox.digest_deliveries(connection, last.id)
    for figure, delivery in zip(root.xpath("//figure"), posted, strict=True):
        values = [
            float(text.replace("−", "-"))
            for text in figure.xpath(".//li/span[@class='num']/text()")
        ]
        assert values[-1] == pytest.approx(delivery.score, abs=0.01)
        assert sum(values[:-1]) == pytest.approx(delivery.score, abs=0.1)
        assert len(figure.xpath(".//rect")) == len(values) - 1


async def test_trending_says_what_was_posted_when(browser: Browser) -> None:
    root = await browser.page("/channels/1/trending?period=month")
    assert root.xpath("//a[contains(@class, 'badge') and contains(., 'posted')]")
    assert (await browser.page("/trending?period=nonsense")).xpath("//a[@aria-current='true']")


async def test_the_status_tells_schedule_settings_votes_and_errors(
    wire: WebWire, browser: Browser
) -> None:
    with wire.store.write() as connection:
        connection.execute(
            "UPDATE messages SET state = 'abandoned', error = 'no <room> left' WHERE id ="
            " (SELECT max(id) FROM messages WHERE channel_id = 1)"
        )
    text = words((await browser.page("/channels/1/status")).text_content())
    for shown in (
        "every weekday at 09:00 (UTC)", "Fri 9 Oct 2026, 09:00, in 22 h", "threshold",
        "no <room> left", "from 2 people",
    ):  # fmt: skip
        assert shown in text


# --- papers --------------------------------------------------------------------------------------


async def test_a_paper_page_tells_all(wire: WebWire, browser: Browser) -> None:
    with wire.store.read() as connection:
        row = connection.execute(
            "SELECT p.arxiv_id, p.id FROM deliveries d JOIN papers p ON p.id = d.paper_id"
            " WHERE d.channel_id = 1 AND d.number = 1"
        ).fetchone()
    root = await browser.page(f"/papers/{row['arxiv_id']}")
    text = words(root.text_content())
    for shown in (
        "Abstract", "Where it was posted", "language lab", "number 1", "Why not in other channels",
        "Similar papers", "Version 1, seen", "sample, listed",
    ):  # fmt: skip
        assert shown in text
    assert "threshold is 30" in text
    assert len(root.xpath("//section[@aria-labelledby='similar']//article")) == 6
    (link,) = root.xpath("//a[@data-effects]/@href")
    effects = words((await browser.page(link)).text_content())
    assert "A 👍 (like)" in effects
    assert "A 🔖 (save)" in effects


async def test_each_vote_of_a_paper_is_taken_out_alone(wire: WebWire, browser: Browser) -> None:
    wire.now += timedelta(minutes=1)
    viewer = Viewer(Person("web", "owner"))
    # The view itself, beside what the page shows of it.
    before = wire.page._window.effects(viewer, 1, _first_paper(wire), wire.now)
    assert {effect.signal for effect in before} == {Signal.LIKE, Signal.SAVE}
    for effect in before:
        assert effect.match >= effect.match_without
        assert effect.terms


def _first_paper(wire: WebWire) -> int:
    with wire.store.read() as connection:
        row = connection.execute(
            "SELECT paper_id FROM feedback WHERE channel_id = 1 AND signal = 'save' LIMIT 1"
        ).fetchone()
    return int(row[0])


@pytest.mark.parametrize("handle", ["9999.99999", "p999999", "x", "%00", "a/b/c", "p" + "9" * 40])
async def test_an_unknown_paper_is_a_404_with_a_next_step(browser: Browser, handle: str) -> None:
    root = await browser.page(f"/papers/{handle}", status=404)
    assert "/papers submit" in root.text_content()


async def test_search_marks_the_words_and_pages_on(browser: Browser) -> None:
    root = await browser.page("/search?q=model")
    assert "model" in {mark.text.casefold()[:5] for mark in root.xpath("//mark")}
    assert len(root.xpath("//main//article")) == 20
    (more,) = root.xpath("//nav[@aria-label='Pages']/a/@href")
    second = await browser.page(f"/search{more}")
    first_titles = set(root.xpath("//main//h3/a/@href"))
    assert first_titles.isdisjoint(second.xpath("//main//h3/a/@href"))
    assert second.xpath("//span[@class='number']/text()")[0] == "21"
    for query in ("", "q=", "q=%22", "q=zzzzzzzz&from=99999999", "q=a&channel=99&upto=0"):
        await browser.page(f"/search?{query}")


# --- profile -------------------------------------------------------------------------------------


async def test_one_press_mutes_a_term_shows_what_changes_and_can_be_undone(
    wire: WebWire, browser: Browser
) -> None:
    root = await browser.page("/channels/1/profile")
    (name,) = root.xpath("(//table[contains(@class, 'terms')]//tbody/tr)[1]/th/text()[1]")
    form = root.xpath(f"//button[@aria-label='Mute {name.strip()}']/..")[0]
    fields = {i.get("name"): i.get("value") for i in form.xpath("./input")}
    _, _, where = await browser.post(form.get("action"), fields)
    root = await browser.page(where)
    text = words(root.text_content())
    assert "What the last listing would have been" in text
    assert "falls out, was" in text
    assert f'speaks of the muted "{name.strip()}"' in text
    assert f'-"{name.strip()}"' in text or f"-{name.strip()}" in text
    undo = root.xpath("//form[contains(@class, 'undo')]")[0]
    fields = {i.get("name"): i.get("value") for i in undo.xpath("./input")}
    _, _, where = await browser.post(undo.get("action"), fields)
    with wire.store.read() as connection:
        channel = channels.channel(connection, 1)
    assert channel is not None
    assert channel.profile == wire.made["lab"].profile


async def test_the_profile_of_another_platforms_channel_can_be_changed_too(
    wire: WebWire, browser: Browser
) -> None:
    await browser.page("/channels/3/profile")
    await browser.post("/channels/3/profile", {"action": "add", "items": "grasping, -drones"})
    with wire.store.read() as connection:
        channel = channels.channel(connection, 3)
    assert channel is not None
    assert channel.profile.terms == ("robot learning", "grasping")
    assert channel.profile.muted_terms == ("drones",)


async def test_a_profile_shows_terms_precision_and_a_map(browser: Browser) -> None:
    root = await browser.page("/channels/1/profile")
    rows = root.xpath("//table[contains(@class, 'terms')]//tbody/tr")
    assert len(rows) > 10
    for row in rows:
        assert len(row.xpath(".//rect")) == 2
    assert len(root.xpath("//figure[@class='precision']//circle")) == 4
    marks = root.xpath("//figure[@class='map']//a")
    assert len(marks) == len({mark.get("href") for mark in marks}) > 5
    assert root.xpath("//figure[@class='map']//path[@class='liked']")
    assert root.xpath("//figure[@class='map']//path[@class='disliked']")


async def test_an_empty_channel_has_every_page(wire: WebWire, browser: Browser) -> None:
    wire.subscribe("new", "")
    pages = ("", "/profile", "/trending", "/status", "/feed.atom")
    for path in ("/wire/new", *(f"/channels/5{page}" for page in pages)):
        status, text, _ = await browser.ask(path)
        assert status == 200, path
        assert "None" not in text


@pytest.mark.parametrize(
    "fields", [{"action": "set", "items": "x"}, {"action": "undo", "note": "x"}]
)
async def test_a_change_that_is_none_is_refused(browser: Browser, fields: dict[str, str]) -> None:
    await browser.page("/channels/1/profile")
    assert (await browser.post("/channels/1/profile", fields))[0] == 400


# --- operations ----------------------------------------------------------------------------------


async def test_operations_follow_a_listing_from_fetch_to_channel(
    wire: WebWire, browser: Browser
) -> None:
    root = await browser.page("/operations")
    assert "12 GB are free" in root.text_content()
    root = await browser.page("/operations/listings/1")
    (head,) = root.xpath("//table/thead")
    names = [words(cell.text_content()) for cell in head.xpath(".//th")]
    for row in root.xpath("//table/tbody/tr"):
        cells = [words(cell.text_content()).replace("–", "0") for cell in row.xpath("./th | ./td")]
        told = dict(zip(names, cells, strict=True))
        fell = sum(
            int(told[name])
            for name in ("Muted", "Seen before", "Below threshold", "Too alike", "No room")
        )
        assert int(told["Considered"]) == fell + int(told["Chosen"]) == 14
        assert told["Sent"] == told["Chosen"]


@pytest.mark.parametrize(
    ("state", "attempts", "action", "after"),
    [
        ("abandoned", 0, "retry", MessageState.PENDING),
        ("abandoned", 2, "retry", MessageState.UNKNOWN),
        ("unknown", 1, "retry", MessageState.UNKNOWN),
        ("pending", 1, "retry", MessageState.PENDING),
        ("pending", 0, "abandon", MessageState.ABANDONED),
        ("unknown", 1, "abandon", MessageState.ABANDONED),
        ("abandoned", 1, "abandon", MessageState.ABANDONED),
        ("sent", 1, "retry", MessageState.SENT),
        ("sent", 1, "abandon", MessageState.SENT),
        ("sending", 1, "abandon", MessageState.SENDING),
    ],
)
async def test_a_message_is_retried_or_given_up_and_never_posted_twice(
    wire: WebWire, browser: Browser, state: str, attempts: int, action: str, after: MessageState
) -> None:
    with wire.store.write() as connection:
        number = connection.execute("SELECT max(id) FROM messages WHERE channel_id = 1").fetchone()[
            0
        ]
        connection.execute(
            "UPDATE messages SET state = ?, attempts = ?, error = 'x', not_before = ? WHERE id = ?",
            (state, attempts, "2099-01-01T00:00:00.000000+00:00", number),
        )
    held = await browser.page("/wire/language-lab")
    root = await browser.page("/operations")
    assert (state != "sent") == bool(root.xpath("//section[@aria-labelledby='outbox']//tbody/tr"))
    _, _, where = await browser.post(
        "/operations/outbox", {"message": str(number), "action": action}
    )
    assert f"Message {number} is" in (await browser.page(where)).text_content()
    with wire.store.read() as connection:
        found = outbox.message(connection, number)
    assert found is not None
    assert found.state is after
    if action == "retry":
        await wire.courier.settle()
        again = await browser.page("/wire/language-lab")
        count = len(held.xpath("//article[@data-post]"))
        assert len(again.xpath("//article[@data-post]")) == count


async def test_posts_and_votes_are_there_after_a_restart(wire: WebWire, browser: Browser) -> None:
    before = (await browser.page("/wire/language-lab")).xpath("//@data-post")
    digest = (await browser.page("/channels/1")).xpath("//button[@aria-pressed]/@value")
    await wire.close()
    await wire.open()
    assert (await browser.page("/wire/language-lab")).xpath("//@data-post") == before
    assert (await browser.page("/channels/1")).xpath("//button[@aria-pressed]/@value") == digest


async def test_the_theme_is_remembered(browser: Browser) -> None:
    root = await browser.page("/trending")
    assert root.get("data-theme") == "auto"
    _, _, where = await browser.post("/theme", {"theme": "dark", "back": "/trending"})
    assert where == "/trending"
    assert (await browser.page("/")).get("data-theme") == "dark"
    await browser.post("/theme", {"theme": "<x>", "back": "//evil.example"})
    assert (await browser.page("/")).get("data-theme") == "auto"
