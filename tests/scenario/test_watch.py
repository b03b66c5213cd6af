"""What the operator is told: numbers at a port, troubles once, in a channel that is no reader's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.app import App
from bot.domain import Channel, PaperwireError, Profile
from bot.ports import (
    NO_VALIDATORS,
    Fetched,
    FetchFailed,
    FetchOutcome,
    Rejected,
    Request,
    Retry,
    Trouble,
    Unknown,
    Validators,
)
from bot.services.alerts import Alerts, troubles
from bot.services.gather import Gatherer
from bot.services.metrics import LoopLag, render
from bot.settings import load
from bot.sources.huggingface import HuggingFace
from bot.store import channels, listings, outbox, tallies
from bot.store.listings import Cursor
from tests.scenario.scripted import Scripted, entries, plan, serve, settle
from tests.scenario.wire import MONDAY, Wire

LINE = re.compile(r'[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9.e+]+')


def fail(wire: Wire, failures: int) -> None:
    with wire.store.write() as connection:
        cursor = Cursor("https://a.example/x", "arxiv", failures=failures, error="HTTP 500")
        listings.save_cursor(connection, cursor)


def watcher(wire: Wire, where: str = "terminal:operators") -> tuple[Alerts, Scripted]:
    platform = Scripted()
    return Alerts(wire.store, {"terminal": platform}, where), platform


# --- metrics ------------------------------------------------------------------------------------


async def test_metrics_count_what_happened_and_name_no_person_or_paper(wire: Wire) -> None:
    plan(wire, "desk", "lab")
    serve(wire, Scripted(Rejected("no rights")))
    await settle(wire, timedelta(seconds=30))
    fail(wire, 4)
    text = render(wire.store, wire.now, LoopLag())
    assert 'paperwire_listings_total{source="huggingface",outcome="ok"} 1\n' in text
    assert 'paperwire_posts{platform="terminal",state="abandoned"} 1\n' in text
    assert 'paperwire_posts{platform="terminal",state="sent"} 5\n' in text
    assert 'paperwire_post_lag_seconds{quantile="0.99"} 30\n' in text
    assert 'paperwire_source_failures{source="arxiv"} 4\n' in text
    assert "paperwire_papers 2\n" in text
    assert "compass" not in text
    for line in text.splitlines():
        assert line.startswith("# ") or LINE.fullmatch(line), line


class Failing:
    """A fetcher that answers what it is given, once each."""

    def __init__(self, *outcomes: FetchOutcome) -> None:
        self.outcomes = list(outcomes)

    async def get(self, request: Request, *, validators: Validators) -> FetchOutcome:
        return self.outcomes.pop(0)


async def test_what_goes_wrong_in_asking_a_source_is_counted_by_kind_for_ever(wire: Wire) -> None:
    bodies = (b"<html>Log in</html>", b'[{"paper": {"id": "2606.00001"}}, 7]')
    outcomes: list[FetchOutcome] = [
        FetchFailed(Trouble.TIMEOUT, "too slow"),
        FetchFailed(Trouble.STATUS, "HTTP 500", status=500),
        FetchFailed(Trouble.TIMEOUT, "too slow"),
        *(Fetched(body, "https://huggingface.co", NO_VALIDATORS, "text/html") for body in bodies),
    ]
    gatherer = Gatherer(wire.store, Failing(*outcomes), lambda: wire.now)
    for _ in outcomes:
        await gatherer.poll(HuggingFace(), [MONDAY])
        wire.now += timedelta(days=1)  # past every pause
    wire.read(entries(), MONDAY)
    text = render(wire.store, wire.now, LoopLag())
    errors = [line for line in text.splitlines() if line.startswith("paperwire_source_errors")]
    start = 'paperwire_source_errors_total{source="huggingface",kind='
    assert {f'{start}"timeout"}} 2', f'{start}"status"}} 1', f'{start}"broken"}} 2'} == set(errors)
    assert 'paperwire_entries_quarantined_total{source="huggingface"} 2' in text


async def test_every_number_the_operator_was_promised_is_there(wire: Wire) -> None:
    text = render(wire.store, wire.now, LoopLag())
    for name in (
        "listings_total",
        "papers",
        "posts",
        "post_lag_seconds",
        "queue_age_seconds",
        "votes",
        "source_errors_total",
        "entries_quarantined_total",
    ):
        assert f"# TYPE paperwire_{name} " in text


async def test_moments_and_large_counts_keep_every_digit(wire: Wire) -> None:
    with wire.store.write() as connection:
        cursor = Cursor("https://a.example/x", "arxiv", succeeded_at=wire.now)
        listings.save_cursor(connection, cursor)
        tallies.count(connection, "errors", "arxiv", "timeout", by=12_345_678)
    text = render(wire.store, wire.now, LoopLag())
    assert f'timestamp_seconds{{source="arxiv"}} {int(wire.now.timestamp())}\n' in text
    assert 'kind="timeout"} 12345678\n' in text


async def test_the_port_answers_health_readiness_and_metrics(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        {
            "PAPERWIRE_WATCH__METRICS_PORT": "0",
            "PAPERWIRE_ARXIV__ENABLED": "false",
            "PAPERWIRE_HUGGINGFACE__ENABLED": "false",
            "PAPERWIRE_BACKUP__ENABLED": "false",
        },
    )
    async with App(settings) as app, aiohttp.ClientSession() as session:
        assert app.watching is not None
        base = f"http://127.0.0.1:{app.watching.port}"

        async def ask(path: str) -> tuple[int, str]:
            async with session.get(f"{base}{path}") as answer:
                return answer.status, await answer.text()

        assert await ask("/health") == (200, "alive\n")
        assert await ask("/ready") == (200, "ready\n")
        status, text = await ask("/metrics")
        assert status == 200
        assert "paperwire_event_loop_lag_seconds" in text
        assert (await ask("/anything"))[0] == 404
        app.stop()
        assert await ask("/ready") == (503, "it is stopping\n")


def test_an_alert_channel_names_its_platform(tmp_path: Path) -> None:
    with pytest.raises(PaperwireError, match="slack:T012AB3CD"):
        load(tmp_path, {"PAPERWIRE_WATCH__ALERT_CHANNEL": "general"})


# --- alerts -------------------------------------------------------------------------------------


async def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_is_over(wire: Wire) -> None:
    alerts, platform = watcher(wire)
    assert await alerts.tell(wire.now) == 0
    fail(wire, 3)
    assert await alerts.tell(wire.now) == 1
    fail(wire, 4)
    assert await alerts.tell(wire.now) == 0
    again, _ = watcher(wire)  # nor after a restart
    assert await again.tell(wire.now) == 0
    fail(wire, 0)
    assert await alerts.tell(wire.now) == 1
    assert await alerts.tell(wire.now) == 0
    first, last = platform.sends
    assert first.address == "operators"
    assert "arxiv failed 3 times" in first.post.lines[0]
    assert last.post.lines[0].startswith("Over: ")


async def test_what_waits_what_was_given_up_and_who_cannot_be_reached_is_told(wire: Wire) -> None:
    plan(wire, "desk", "lab")
    serve(wire, Scripted(Rejected("no rights"), *[Retry("slow", after=9000)] * 9))
    await settle(wire)
    # Channels are served side by side: whichever asked first is the one that was refused.
    (told,) = troubles(wire.store, wire.now)
    refused = told.removeprefix("abandoned terminal ")
    assert refused in {"desk", "lab"}
    waiting = "lab" if refused == "desk" else "desk"
    later = wire.now + timedelta(hours=2)
    assert f"queue terminal {waiting}" in troubles(wire.store, later)
    gone = wire.now + timedelta(hours=25)
    assert told not in troubles(wire.store, gone)


async def test_alerts_never_go_to_a_channel_with_readers(wire: Wire) -> None:
    wire.subscribe("operators", "speech")
    fail(wire, 9)
    alerts, platform = watcher(wire)
    assert await alerts.tell(wire.now) == 0
    assert platform.sends == []


async def test_readers_are_not_told_of_errors(wire: Wire) -> None:
    plan(wire, "desk")
    platform = Scripted(Unknown("token xoxb-planted is wrong"))
    serve(wire, platform)
    fail(wire, 9)
    for _ in range(4):
        await settle(wire, timedelta(minutes=1))
    assert {sending.post.kind for sending in platform.sends} == {"header", "paper"}
    assert not any("HTTP 500" in repr(sending.post) for sending in platform.sends)


@pytest.mark.parametrize("lost", [Unknown("no answer"), Rejected("not there")])
async def test_an_alert_that_may_have_arrived_is_not_repeated(
    wire: Wire, lost: Unknown | Rejected
) -> None:
    alerts, platform = watcher(wire)
    platform.answers = [Retry("slow down"), lost]
    fail(wire, 3)
    assert await alerts.tell(wire.now) == 0
    assert await alerts.tell(wire.now) == 1
    assert await alerts.tell(wire.now) == 0
    assert len(platform.sends) == 2


async def test_a_broken_platform_breaks_no_other_job(wire: Wire) -> None:
    alerts, platform = watcher(wire)
    platform.answers = [ConnectionResetError("reset")]
    fail(wire, 3)
    assert await alerts.tell(wire.now) == 0
    assert await alerts.tell(wire.now) == 1


def test_the_names_of_channels_cannot_break_a_line_of_metrics(tmp_path: Path) -> None:
    from bot.store import Store

    store = Store(tmp_path / "wire.db")
    now = datetime(2026, 6, 15, tzinfo=UTC)
    with store.write() as connection:
        channel = Channel(0, 'ter"mi\nnal\\', "x", "x", Profile())
        channels.insert(connection, channel, private=False, now=now)
        assert outbox.counts(connection) == {}
    text = render(store, now, LoopLag())
    store.close()
    assert 'paperwire_channels{platform="ter\\"mi\\nnal\\\\",state="active"} 1' in text
