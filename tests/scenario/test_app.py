"""The running service: one pass, the scheduler, a second copy, stopping, and its memory."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import app as app_module
from bot import profiles
from bot.app import App, Once, take_lock
from bot.domain import Channel, CommandEvent, Layout, MessageState, PaperwireError, Person, Place
from bot.ports import ChatPlatform, SendOutcome
from bot.settings import Settings, load
from bot.store import Store, channels, digests, outbox, papers
from tests.adapters.loopback_source import LoopbackSource, page, refusal
from tests.scenario.scripted import Scripted
from tests.scenario.wire import api_entry

DAILY = "/api/daily_papers"
MONDAY = date(2026, 6, 15)
NOWHERE = "http://127.0.0.1:9"  # nobody listens there
TEN = datetime(2026, 6, 15, 10, tzinfo=UTC)


def entries(count: int = 2) -> bytes:
    words = (
        "Whispered speech in trains. We count errors.",
        "Songs of whales as speech. They rhyme.",
    )
    return json.dumps(
        [
            api_entry(f"2606.{n:05}", f"Study {n} of speech", words[n % 2])
            for n in range(1, count + 1)
        ]
    ).encode()


@pytest.fixture
async def source() -> AsyncIterator[LoopbackSource]:
    async with LoopbackSource() as running:
        running.add(DAILY, page(b"[]"))
        running.add(f"{DAILY}?date=2026-06-15", page(entries(), etag='"monday"'))
        yield running


def settings_of(home: Path, source: LoopbackSource | None = None, **more: str) -> Settings:
    base = source.url() if source else NOWHERE
    return load(
        home,
        {
            "PAPERWIRE_HUGGINGFACE__BASE_URL": base,
            "PAPERWIRE_ARXIV__ENABLED": "false",
            "PAPERWIRE_ARXIV__API_URL": NOWHERE,
            "PAPERWIRE_HUGGINGFACE__SETTLE_DAYS": "0",
            "PAPERWIRE_BACKUP__ENABLED": "false",
            "PAPERWIRE_FETCH__ATTEMPTS": "1",
            **more,
        },
    )


def subscribe(store: Store, name: str = "desk") -> Channel:
    channel = Channel(
        0, "terminal", name, name, profiles.parse("speech"), threshold=0, schedule="daily 09:00"
    )
    with store.write() as connection:
        return channels.insert(
            connection, channel, private=False, now=datetime(2026, 6, 14, 12, tzinfo=UTC)
        )


def states(store: Store) -> dict[MessageState, int]:
    with store.read() as connection:
        return outbox.counts(connection)


def stored(store: Store) -> int:
    with store.read() as connection:
        return papers.count(connection)


# --- a single pass ------------------------------------------------------------------------------


async def test_one_pass_fetches_plans_and_delivers(tmp_path: Path, source: LoopbackSource) -> None:
    settings = settings_of(tmp_path, source, PAPERWIRE_HUGGINGFACE__SETTLE_DAYS="1")
    async with App(settings, lambda: TEN) as app:
        subscribe(app.store)
        done = await app.once()
        assert done == Once(2, (), 1, 3, 0, 0)
        again = await app.once()
        assert again == Once(0, (), 0, 0, 0, 0)
        assert states(app.store) == {MessageState.SENT: 3}
    asked = [seen.query["date"] for seen in source.asked(DAILY)]
    assert asked == ["2026-06-12", "2026-06-15", "2026-06-15"]


async def test_one_pass_without_fetching_asks_no_source(
    tmp_path: Path, source: LoopbackSource
) -> None:
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        subscribe(app.store)
        done = await app.once(fetch=False)
    assert (done.listings, done.digests) == (0, 1)
    assert source.requests == []


async def test_one_pass_tells_the_troubles_of_its_sources(
    tmp_path: Path, source: LoopbackSource
) -> None:
    source.add(f"{DAILY}?date=2026-06-15", refusal(404))
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        done = await app.once()
    [trouble] = done.troubles
    assert trouble.startswith("huggingface: ")
    assert "404" in trouble


async def test_one_pass_names_a_listing_that_could_not_be_read(
    tmp_path: Path, source: LoopbackSource
) -> None:
    source.add(f"{DAILY}?date=2026-06-15", page(b"<html>Sign in first</html>"))
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        done = await app.once()
    [trouble] = done.troubles
    assert trouble.startswith("huggingface: broken: ")


async def test_one_pass_posts_in_full_what_was_submitted_and_came_by_a_listing(
    tmp_path: Path, source: LoopbackSource
) -> None:
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        subscribe(app.store)
        await app.once(fetch=False)
        place, person = Place("terminal", "desk"), Person("terminal", "ada")
        reply = await app.inbox.command(CommandEvent(place, person, "submit 2606.00002"))
        assert "looking it up" in reply.headline
        done = await app.once()
        with app.store.read() as connection:
            titles = [paper.title for paper in digests.posted(connection, 1, 10)]
        assert titles == ["Study 2 of speech"]
        assert done.sent == 2
        assert MessageState.PENDING not in states(app.store)


async def test_a_submission_of_a_channel_that_left_is_let_go(
    tmp_path: Path, source: LoopbackSource
) -> None:
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        subscribe(app.store)
        place, person = Place("terminal", "desk"), Person("terminal", "ada")
        for text in ("submit 2606.00002", "unsubscribe"):
            await app.inbox.command(CommandEvent(place, person, text))
        await app.once()
        assert states(app.store) == {}


async def test_the_bundled_sample_is_a_source_without_a_network(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, PAPERWIRE_SAMPLE__ENABLED="true", PAPERWIRE_HUGGINGFACE__ENABLED="false"
    )
    async with App(settings, lambda: TEN) as app:
        subscribe(app.store)
        done = await app.once()
        assert (done.listings, done.troubles, done.digests) == (10, (), 1)
        assert stored(app.store) >= 120
        again = await app.once()
    assert (again.troubles, again.digests) == ((), 0)


# --- the scheduler ------------------------------------------------------------------------------


async def until(done: asyncio.Event, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        await done.wait()


def with_platform(app: App, platform: ChatPlatform) -> None:
    app.platforms["terminal"] = platform


async def test_the_scheduler_polls_plans_and_delivers_by_itself_and_in_that_order(
    tmp_path: Path, source: LoopbackSource
) -> None:
    done = asyncio.Event()
    platform = Scripted()

    async def send(address: str, post: Any, key: str, *, parent: str | None = None) -> SendOutcome:
        outcome = await Scripted.send(platform, address, post, key, parent=parent)
        if len(platform.sends) == 3:
            done.set()
        return outcome

    platform.send = send  # type: ignore[method-assign]  # this test's own script
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        with_platform(app, platform)
        subscribe(app.store)
        serving = asyncio.ensure_future(app.serve())
        await until(done)
        app.stop()
        await serving
    assert [sending.post.kind for sending in platform.sends] == ["header", "paper", "paper"]


async def test_the_post_in_hand_is_finished_at_a_stop_and_the_rest_waits(
    tmp_path: Path, source: LoopbackSource
) -> None:
    platform = Scripted()
    platform.hold = asyncio.Event()
    app = App(settings_of(tmp_path, source), lambda: TEN)
    async with app:
        with_platform(app, platform)
        subscribe(app.store)
        serving = asyncio.ensure_future(app.serve())
        await until(platform.held)
        app.stop()
        await serving
        asyncio.get_running_loop().call_later(0.05, platform.hold.set)
    store = Store(app.settings.database_path)
    assert states(store) == {MessageState.SENT: 1, MessageState.PENDING: 2}
    store.close()


async def test_a_post_that_does_not_come_back_is_left_to_be_settled_after_the_grace(
    tmp_path: Path, source: LoopbackSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "GRACE_SECONDS", 0.1)
    platform = Scripted()
    platform.hold = asyncio.Event()
    settings = settings_of(tmp_path, source)
    async with App(settings, lambda: TEN) as app:
        with_platform(app, platform)
        subscribe(app.store)
        serving = asyncio.ensure_future(app.serve())
        await until(platform.held)
        app.stop()
        await serving
    store = Store(settings.database_path)
    assert states(store) == {MessageState.SENDING: 1, MessageState.PENDING: 2}
    store.close()


async def test_a_stop_in_the_middle_of_an_ingest_waits_for_its_transaction(
    tmp_path: Path, source: LoopbackSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()
    real = papers.store_entry

    def slow(*arguments: Any, **options: Any) -> Any:
        begun.set()
        time.sleep(0.2)
        return real(*arguments, **options)

    monkeypatch.setattr(papers, "store_entry", slow)
    settings = settings_of(tmp_path, source)
    async with App(settings, lambda: TEN) as app:
        serving = asyncio.ensure_future(app.serve())
        await asyncio.to_thread(begun.wait, 60)
        app.stop()
        await serving
    store = Store(settings.database_path)
    assert stored(store) == 2
    store.close()


async def test_a_job_that_fails_is_tried_again_and_the_others_go_on(
    tmp_path: Path, source: LoopbackSource
) -> None:
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        calls: list[str] = []

        async def fail() -> None:
            calls.append("fail")
            raise RuntimeError("a bug")

        async def work() -> None:
            calls.append("work")

        for _ in range(2):
            app._kick("one", fail)
            app._kick("two", work)
            await asyncio.gather(*app._tasks.values())
    assert calls == ["fail", "work", "fail", "work"]


async def test_news_during_a_run_makes_one_more_run_and_no_more(
    tmp_path: Path, source: LoopbackSource
) -> None:
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        runs = 0
        gate = asyncio.Event()

        async def work() -> None:
            nonlocal runs
            runs += 1
            await gate.wait()

        for _ in range(5):
            app._kick("work", work)
            await asyncio.sleep(0)
        gate.set()
        first = app._tasks["work"]
        await first
        assert runs == 2
        app.stop()
        app._kick("work", work)
        assert app._tasks["work"] is first
        assert runs == 2


async def test_reactions_that_cannot_be_read_stop_no_others_and_are_read_later(
    tmp_path: Path, source: LoopbackSource
) -> None:
    asked: list[str] = []
    platform = Scripted()

    async def standing(address: str, remote_id: str) -> Sequence[Any]:
        asked.append(address)
        if address == "desk":
            raise ConnectionResetError("reset")
        return ()

    platform.standing = standing  # type: ignore[method-assign]  # this test's own script
    now = TEN
    async with App(settings_of(tmp_path, source), lambda: now) as app:
        with_platform(app, platform)
        subscribe(app.store)
        subscribe(app.store, "other")
        await app.once()
        await app.inbox.reconnected("terminal")
        await app._tasks["read back terminal"]
        assert (asked.count("desk"), asked.count("other")) == (2, 2)
        await app.owed.settle()
        now += timedelta(minutes=1)
        await app.owed.settle()
    assert (asked.count("desk"), asked.count("other")) == (6, 2)


async def test_upkeep_runs_and_the_index_is_brought_up(
    tmp_path: Path, source: LoopbackSource
) -> None:
    async with App(settings_of(tmp_path, source), lambda: TEN) as app:
        await app.once()
        await app.upkeep()
        with app.store.read() as connection:
            left = connection.execute("SELECT count(*) FROM search_log").fetchone()[0]
    assert left == 0


async def test_a_platform_that_cannot_start_leaves_nothing_locked(
    tmp_path: Path, source: LoopbackSource
) -> None:
    class Broken(Scripted):
        async def start(self, inbound: Any) -> None:
            raise PaperwireError("The token is wrong. Correct slack.bot_token.")

    settings = settings_of(tmp_path, source)
    app = App(settings, lambda: TEN)
    with_platform(app, Broken())
    with pytest.raises(PaperwireError, match="token is wrong"):
        async with app:
            pass
    take_lock(settings).release()


async def test_a_platform_that_cannot_stop_holds_nothing_up(
    tmp_path: Path, source: LoopbackSource
) -> None:
    class Stubborn(Scripted):
        async def stop(self) -> None:
            raise RuntimeError("a bug")

    settings = settings_of(tmp_path, source)
    async with App(settings, lambda: TEN) as app:
        with_platform(app, Stubborn())
    take_lock(settings).release()


# --- a second copy ------------------------------------------------------------------------------


def test_a_second_copy_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    lock = take_lock(settings)
    with pytest.raises(PaperwireError) as caught:
        App(settings)
    lock.release()
    assert f"process {os.getpid()}" in str(caught.value)
    assert "PAPERWIRE_HOME" in str(caught.value)


def test_a_copy_that_cannot_open_its_database_leaves_nothing_locked(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.database_path.mkdir()
    with pytest.raises(PaperwireError, match="cannot be used"):
        App(settings)
    take_lock(settings).release()


def test_a_home_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PaperwireError, match="Make it writable"):
        take_lock(Settings(home=tmp_path / "file" / "home"))


# --- as a process -------------------------------------------------------------------------------


def start_process(home: Path, base: str) -> subprocess.Popen[str]:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("PAPERWIRE_")},
        "PAPERWIRE_HOME": str(home),
        "PAPERWIRE_HUGGINGFACE__BASE_URL": base,
        "PAPERWIRE_ARXIV__ENABLED": "false",
        "PAPERWIRE_ARXIV__API_URL": NOWHERE,
        "PAPERWIRE_LOG__FORMAT": "json",
    }
    return subprocess.Popen(
        [sys.executable, "-c", "from bot.cli import main; main()", "run"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_line(process: subprocess.Popen[str], word: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if json.loads(line)["event"] == word:
            return
    raise AssertionError(f"the process ended before it said {word!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process_soon_and_with_status_nought(
    tmp_path: Path, source: LoopbackSource, number: signal.Signals
) -> None:
    process = start_process(tmp_path, source.url())
    try:
        await asyncio.to_thread(wait_for_line, process, "serving")
        second = start_process(tmp_path, source.url())
        _, refused = await asyncio.to_thread(second.communicate, timeout=120)
        process.send_signal(number)
        out, err = await asyncio.to_thread(process.communicate, timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert second.returncode == 1
    assert f"process {process.pid}" in refused
    assert refused.count("\n") == 1
    assert out == ""
    assert "Traceback" not in err
    assert json.loads(err.splitlines()[-1])["event"] == "stopped"


def test_a_layout_of_the_platform_is_given_to_new_channels(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    app = App(settings)
    assert app.inbox._layouts["terminal"] is Layout.THREAD
    app.store.close()
    app._lock.release()


def test_what_is_polled_how_often_comes_from_the_settings(tmp_path: Path) -> None:
    from bot.parts import build_sources, channel_defaults

    feeds = '[{"name": "my-journal", "url": "https://example.org/feed.xml"}]'
    settings = settings_of(tmp_path, PAPERWIRE_FEEDS=feeds, PAPERWIRE_ARXIV__ENABLED="true")
    found = {polled.source.name: polled for polled in build_sources(settings)}
    assert sorted(found) == ["arxiv", "huggingface", "my-journal"]
    assert found["huggingface"].every == timedelta(minutes=30)
    assert found["huggingface"].settle_days == 0
    assert "my-journal" in channel_defaults(settings).sources
