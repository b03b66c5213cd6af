"""The web page passes the conformance suite."""

from __future__ import annotations

import errno
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urljoin

import lxml.html
import pytest

from bot.domain import Layout, PaperwireError, Signal
from bot.platforms.journal import journal_path
from bot.platforms.web import WebPage
from bot.ports import ChatPlatform, Inbound
from bot.services.ranker import Rankers
from bot.services.window import StoreWindow
from bot.store import Store
from tests.adapters.conformance import PlatformConformance
from tests.adapters.counterpart import Answer, Capabilities, Fault, Held, RecordingInbound
from tests.adapters.terminal_window import fail, half_write_then_fail
from tests.adapters.web_wire import Browser, wire_url

PASSWORD = "a password for tests"


class WebHarness:
    """The folder of journals is the counterpart; a second page on it shows what it holds."""

    capabilities = Capabilities(reactions=False, faults=frozenset(Fault) - {Fault.RATE_LIMIT})
    people: tuple[str, str]

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = patch
        self.store = Store(folder / "wire.db")
        self.page: WebPage | None = None
        self.window = self.make()
        self.browsers: dict[str, Browser] = {}
        self.port = 0
        self.channels = 0

    def make(self, port: int = 0) -> WebPage:
        window = StoreWindow(self.store, Rankers(self.store))
        return WebPage(self.folder / "web", window, password=PASSWORD, port=port)

    async def begin(self) -> None:
        """Open the second page."""
        await self.window.start(RecordingInbound())
        self.onlooker = Browser(self.window.url)
        await self.onlooker.log_in(PASSWORD)

    async def end(self) -> None:
        for browser in (self.onlooker, *self.browsers.values()):
            await browser.session.close()
        await self.window.stop()
        self.store.close()

    async def connect(self, inbound: Inbound) -> ChatPlatform:
        self.page = self.make(self.port)
        await self.page.start(inbound)
        self.port = int(self.page.url.rsplit(":", 1)[1])
        if not self.browsers:  # afterwards their cookies are still good
            one, other = Browser(self.page.url), Browser(self.page.url)
            self.people = (await one.log_in(PASSWORD), await other.log_in(PASSWORD))
            self.browsers = dict(zip(self.people, (one, other), strict=True))
        return self.page

    async def channel(self) -> str:
        self.channels += 1
        return f"channel {self.channels}/é"

    async def held(self, address: str) -> Sequence[Held]:
        root = await self.onlooker.page(wire_url(address))
        posts = sorted(root.xpath("//article[@data-post]"), key=lambda a: int(a.get("data-seq")))
        return [
            Held(
                remote_id=post.get("data-post"),
                text=post.text_content(),
                links=tuple(
                    urljoin(self.window.url, link) for link in post.xpath(".//@href | .//@src")
                ),
                parent=post.get("data-under") or None,
            )
            for post in posts
        ]

    async def react(
        self,
        address: str,
        remote_id: str,
        person: str,
        signal: Signal,
        *,
        on: bool,
        number: int | None = None,
    ) -> None:
        raise NotImplementedError("a vote on the page is a button")

    async def press(
        self, address: str, remote_id: str, person: str, signal: Signal, number: int
    ) -> Answer:
        fields = {"message": remote_id, "number": str(number), "signal": signal.value}
        _, text = await self._post(address, person, "vote", fields)
        return Answer(json.loads(text)["said"])

    async def command(self, address: str, person: str, text: str) -> Answer:
        before = len(await self.held(address)) if not self._damaged(address) else 0
        _, answer = await self._post(address, person, "command", {"text": text})
        shown = lxml.html.fromstring(answer).text_content()
        after = len(await self.held(address)) if not self._damaged(address) else 0
        return Answer(shown, everyone=after > before)

    def _damaged(self, address: str) -> bool:
        return journal_path(self.folder / "web", address).is_dir()

    async def _post(
        self, address: str, person: str, deed: str, fields: dict[str, str]
    ) -> tuple[int, str]:
        browser = self.browsers[person]
        await browser.page(wire_url(address))
        status, text, _ = await browser.post(f"{wire_url(address)}/{deed}", fields, fragment=True)
        return status, text

    async def inject(self, fault: Fault, address: str) -> None:
        path = journal_path(self.folder / "web", address)
        if fault is Fault.LOSE_ANSWER:
            self.patch.setattr("os.fsync", fail(errno.EIO))
        elif fault is Fault.UNREACHABLE:
            self.patch.setattr("os.write", half_write_then_fail(errno.ENOSPC))
        elif fault is Fault.REJECT:
            path.mkdir(parents=True)

    async def heal(self, address: str) -> None:
        self.patch.undo()
        path = journal_path(self.folder / "web", address)
        if path.is_dir():
            path.rmdir()


class TestWeb(PlatformConformance):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[WebHarness]:
        with pytest.MonkeyPatch.context() as patch:
            harness = WebHarness(tmp_path, patch)
            await harness.begin()
            yield harness
            await harness.end()


def test_its_layout_is_the_thread() -> None:
    assert WebPage.default_layout is Layout.THREAD


async def test_a_port_that_is_taken_is_told_with_a_remedy(tmp_path: Path) -> None:
    store = Store(tmp_path / "wire.db")
    window = StoreWindow(store, Rankers(store))
    one = WebPage(None, window)
    await one.start(RecordingInbound())
    port = int(one.url.rsplit(":", 1)[1])
    with pytest.raises(PaperwireError, match=r"web\.port"):
        await WebPage(None, window, port=port).start(RecordingInbound())
    await one.stop()
    store.close()
