"""Private channels are shown to nobody who did not give the password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Channel
from bot.store import feedback
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


SECRET_PATHS = (
    "/", "/operations", "/search?q=scaling", "/papers/{handle}", "/api/digests",
    "/channels/1", "/operations/listings/1", "/api/search?q=scaling&channel=4", "/trending",
)  # fmt: skip
HIDDEN_PATHS = (
    "/channels/4", "/channels/4/profile", "/channels/4/status", "/channels/4/trending",
    "/channels/4/feed.atom", "/channels/4/feed.json",
    "/channels/4/export.json", "/channels/4/export.bib",
    "/wire/board-room", "/wire/board-room/live",
    "/wire/board-room/complete?text=why", "/channels/4/effects/1",
)  # fmt: skip


async def test_without_a_password_private_channels_are_as_if_they_were_not(
    wire: WebWire, browser: Browser
) -> None:
    handle = _secret_paper(wire, wire.made["secret"])
    for path in SECRET_PATHS:
        status, text, _ = await browser.ask(path.format(handle=handle))
        assert status == 200, path
        assert "board room" not in text, path
        assert "board-room" not in text, path
    for path in HIDDEN_PATHS:
        status, text, _ = await browser.ask(path)
        assert status == 404, path
        assert "board room" not in text
    await browser.page("/")
    for path, fields in (
        ("/wire/board-room/command", {"text": "status"}),
        ("/wire/board-room/vote", {"message": "1", "number": "1", "signal": "like"}),
        ("/channels/4/profile", {"action": "add", "items": "x"}),
    ):
        assert (await browser.post(path, fields))[0] == 404
    _, text, _ = await browser.post("/channels", {"name": "Board room", "interests": "x"})
    assert "choose another" in text


@closed
async def test_with_the_password_private_channels_are_there(
    wire: WebWire, browser: Browser
) -> None:
    handle = _secret_paper(wire, wire.made["secret"])
    await browser.log_in(PASSWORD)
    for path in (*SECRET_PATHS[:2], SECRET_PATHS[3], SECRET_PATHS[4]):
        _, text, _ = await browser.ask(path.format(handle=handle))
        assert "board room" in text, path
    for path in (HIDDEN_PATHS[0], HIDDEN_PATHS[4], HIDDEN_PATHS[6]):
        assert (await browser.ask(path))[0] == 200


async def test_a_message_of_a_private_channel_can_be_neither_retried_nor_given_up(
    wire: WebWire, browser: Browser
) -> None:
    with wire.store.write() as connection:
        connection.execute(
            "UPDATE messages SET state = 'unknown' WHERE id ="
            " (SELECT max(id) FROM messages WHERE channel_id = 4)"
        )
        number = connection.execute("SELECT id FROM messages WHERE state = 'unknown'").fetchone()[0]
    await browser.page("/operations")
    for action in ("retry", "abandon"):
        _, _, where = await browser.post(
            "/operations/outbox", {"message": str(number), "action": action}
        )
        assert "There is no such message." in (await browser.page(where)).text_content()


def _secret_paper(wire: WebWire, channel: Channel) -> str:
    with wire.store.read() as connection:
        row = connection.execute(
            "SELECT p.arxiv_id FROM deliveries d JOIN papers p ON p.id = d.paper_id"
            " WHERE d.channel_id = ?",
            (channel.id,),
        ).fetchone()
        assert feedback.active(connection, channel.id)
    return str(row["arxiv_id"])


async def test_two_browsers_beyond_a_password_are_two_people(tmp_path: Path) -> None:
    wire = WebWire(tmp_path, options={"password": PASSWORD})
    await wire.open()
    channel = wire.subscribe("lab", "language models")
    await wire.run(1)
    async with Browser(wire.page.url) as one, Browser(wire.page.url) as two:
        await asyncio.gather(one.log_in(PASSWORD), two.log_in(PASSWORD))
        for browser in (one, two):
            root = await browser.page("/wire/lab")
            message = root.xpath("//form[@data-votes]//input[@name='message']/@value")[0]
            await browser.post(
                "/wire/lab/vote", {"message": message, "number": "1", "signal": "like"}
            )
    with wire.store.read() as connection:
        assert len({row.person for row in feedback.active(connection, channel.id)}) == 2
    await wire.close()
