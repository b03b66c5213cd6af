"""Asking sources on loopback through the real fetcher: outcomes, cursors, pauses, look-ups."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain import Outcome
from bot.ports import Request, Source
from bot.services import answer
from bot.services.gather import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    SETTLED_AGAIN,
    Asked,
    Gatherer,
    listing_days,
)
from bot.services.gather import location as location_of
from bot.services.lookup import AGAIN_AFTER, UNKNOWN, look_up
from bot.sources.arxiv import ArxivListing, ArxivQuery
from bot.sources.feed import Feed
from bot.sources.fetch import Fetcher
from bot.sources.huggingface import HuggingFace
from bot.sources.limits import FetchLimits, Pace
from bot.store import Store, feedback, listings, papers
from bot.store.listings import Cursor
from tests.adapters.fetching import FakeTime
from tests.adapters.loopback_source import (
    Answer,
    LoopbackSource,
    dripping,
    hang_up,
    page,
    refusal,
    truncated,
)
from tests.scenario.wire import Wire, api_entry

DAILY = "/api/daily_papers"
RSS = "/rss/cs.CL"
QUERY = "/api/query"
FRIDAY = date(2025, 9, 26)
FEED = {"content_type": "text/xml"}


@dataclass
class World:
    """A store, a source on loopback and a clock held by hand."""

    store: Store
    source: LoopbackSource
    fetcher: Fetcher
    now: datetime

    def __post_init__(self) -> None:
        self.gatherer = Gatherer(self.store, self.fetcher, lambda: self.now)

    @property
    def daily(self) -> HuggingFace:
        return HuggingFace(self.source.url())

    @property
    def listing(self) -> ArxivListing:
        return ArxivListing(("cs.CL",), self.source.url())

    @property
    def by_id(self) -> ArxivQuery:
        return ArxivQuery(self.source.url())

    async def poll(self, source: Source, *days: date) -> tuple[Asked, ...]:
        return await self.gatherer.poll(source, days or (self.now.date(),))

    async def outcome(self, source: Source, *days: date) -> Outcome | None:
        [asked] = await self.poll(source, *days)
        return None if asked.ingested is None else asked.ingested.outcome

    def cursor(self, source: Source, day: date | None = None) -> Cursor:
        [request] = source.requests([day or self.now.date()])
        with self.store.read() as connection:
            found = listings.cursor(connection, location_of(request))
        assert found is not None
        return found

    def papers(self) -> int:
        with self.store.read() as connection:
            return papers.count(connection)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    fake = FakeTime()
    async with LoopbackSource() as source:
        store = Store(tmp_path / "wire.db")
        limits = FetchLimits(total_seconds=60, attempts=2)
        paces = {"127.0.0.1": Pace(seconds=0, connections=1)}
        async with Fetcher(
            limits,
            paces=paces,
            trusted_hosts=[source.host],
            now=fake.utc,
            monotonic=fake.monotonic,
            sleep=fake.sleep,
        ) as fetcher:
            yield World(store, source, fetcher, datetime(2025, 9, 26, 12, tzinfo=UTC))
        store.close()


def entries(*numbers: int, **facts: int) -> bytes:
    return json.dumps(
        [
            api_entry(f"2509.{n:05}", f"Study {n}", f"We study {n}. It is new.", **facts)
            for n in numbers
        ]
    ).encode()


# --- the days to ask for ------------------------------------------------------------------------


def test_listing_days_are_today_and_the_weekdays_before_it() -> None:
    monday = date(2026, 6, 15)
    assert listing_days(monday, 0) == (monday,)
    assert listing_days(monday, 2) == (date(2026, 6, 11), date(2026, 6, 12), monday)
    sunday = date(2026, 6, 14)
    assert listing_days(sunday, 1) == (date(2026, 6, 12), sunday)


async def test_today_is_asked_for_at_every_poll_and_an_earlier_day_once_a_day(
    world: World,
) -> None:
    thursday = FRIDAY - timedelta(days=1)
    world.source.add(DAILY, page(b"[]"))
    for hours in (0, 1, 12, 20, 21):
        world.now = datetime(2025, 9, 26, 0, tzinfo=UTC) + timedelta(hours=hours)
        await world.poll(world.daily, thursday, FRIDAY)
    asked = [seen.query["date"] for seen in world.source.asked(DAILY)]
    assert asked.count("2025-09-26") == 5
    assert asked.count("2025-09-25") == 2
    assert timedelta(hours=20) == SETTLED_AGAIN


async def test_upvotes_of_the_days_before_settle_and_bring_no_new_paper(world: World) -> None:
    thursday = FRIDAY - timedelta(days=1)
    world.source.add(
        f"{DAILY}?date=2025-09-25", page(entries(1, upvotes=3)), page(entries(1, upvotes=80))
    )
    world.source.add(f"{DAILY}?date=2025-09-26", page(b"[]"))
    await world.poll(world.daily, thursday)
    world.now += timedelta(days=1)
    [again, _] = await world.poll(world.daily, thursday, FRIDAY)
    with world.store.read() as connection:
        found = papers.paper_by_handle(connection, "2509.00001")
    assert again.ingested is not None
    assert (again.ingested.outcome, again.ingested.new, again.ingested.updated) == (
        Outcome.OK,
        0,
        1,
    )
    assert found is not None
    assert found.upvotes == 80


# --- what an answer can be ----------------------------------------------------------------------


async def test_a_recorded_day_is_read_once_and_then_not_modified(
    world: World, shared_data: Path
) -> None:
    body = (shared_data / "hf_daily" / "2025-03-12.json").read_bytes()
    world.source.add(DAILY, page(body, etag='"march"'))
    world.now = datetime(2025, 3, 12, 12, tzinfo=UTC)
    first = await world.outcome(world.daily)
    count = world.papers()
    [again] = await world.poll(world.daily)
    assert first is Outcome.OK
    assert again == Asked(
        location_of(world.daily.requests([world.now.date()])[0]), None, again.words
    )
    assert again.words == "not modified"
    assert world.papers() == count == len(json.loads(body))
    cursor = world.cursor(world.daily)
    assert (cursor.etag, cursor.failures, cursor.error) == ('"march"', 0, "")
    assert world.source.requests[1].headers["If-None-Match"] == '"march"'


async def test_last_modified_is_asked_with_as_well(world: World, shared_data: Path) -> None:
    body = (shared_data / "arxiv_rss" / "2026-06-15.cs.CL.rss.xml").read_bytes()
    stamp = "Mon, 15 Jun 2026 04:00:00 GMT"
    world.source.add(RSS, page(body, last_modified=stamp, **FEED))
    [first] = await world.poll(world.listing)
    [second] = await world.poll(world.listing)
    assert first.ingested is not None
    assert (first.ingested.parsed, first.ingested.new) == (76, 76)
    assert second.words == "not modified"
    assert world.cursor(world.listing).last_modified == stamp


async def test_the_same_bytes_without_validators_are_unchanged(world: World) -> None:
    world.source.add(DAILY, page(entries(1, 2)))
    outcomes = [await world.outcome(world.daily) for _ in range(2)]
    assert outcomes == [Outcome.OK, Outcome.UNCHANGED]
    assert world.papers() == 2


async def test_an_empty_weekend_is_empty_and_no_failure(world: World, shared_data: Path) -> None:
    body = (shared_data / "arxiv_rss" / "2026-06-27.cs.CL.rss.EMPTY.xml").read_bytes()
    world.source.add(DAILY, page(b"[]"))
    world.source.add(RSS, page(body, **FEED))
    assert await world.outcome(world.daily) is Outcome.EMPTY
    assert await world.outcome(world.listing) is Outcome.EMPTY
    assert world.cursor(world.daily).failures == world.cursor(world.listing).failures == 0


async def test_a_feed_that_serves_yesterdays_batch_again_is_stale(
    world: World, shared_data: Path
) -> None:
    body = (shared_data / "arxiv_rss" / "2026-06-15.cs.CL.rss.xml").read_bytes()
    later = body.replace(b"15 Jun 2026", b"16 Jun 2026")
    assert later != body
    world.now = datetime(2026, 6, 16, 12, tzinfo=UTC)
    world.source.add(RSS, page(body, **FEED), page(later, **FEED))
    assert await world.outcome(world.listing) is Outcome.OK
    [again] = await world.poll(world.listing)
    assert again.ingested is not None
    assert again.ingested.outcome is Outcome.STALE
    assert again.ingested.listed_on == date(2026, 6, 16)


async def test_a_truncated_answer_keeps_what_came_and_is_asked_for_again(world: World) -> None:
    whole = entries(1, 2, 3)
    world.source.add(DAILY, *[truncated(whole[: len(whole) // 2])] * 2, page(whole, etag='"all"'))
    [first] = await world.poll(world.daily)
    assert first.ingested is not None
    assert first.ingested.outcome is Outcome.TRUNCATED
    assert first.ingested.parsed == world.papers() == 1
    cursor = world.cursor(world.daily)
    assert (cursor.failures, cursor.etag) == (1, None)
    assert cursor.not_before == world.now + FIRST_PAUSE
    assert await world.poll(world.daily) == ()
    world.now += FIRST_PAUSE
    assert await world.outcome(world.daily) is Outcome.OK
    assert world.papers() == 3
    assert world.cursor(world.daily).failures == 0


async def test_an_answer_cut_between_two_entries_is_truncated_all_the_same(world: World) -> None:
    world.source.add(DAILY, *[truncated(entries(1, 2))] * 2)
    assert await world.outcome(world.daily) is Outcome.TRUNCATED
    assert world.papers() == 2


async def test_a_web_page_instead_of_json_is_broken_and_never_kept_as_current(
    world: World,
) -> None:
    html = page(b"<html><title>Log in</title></html>", content_type="text/html", etag='"login"')
    world.source.add(DAILY, html, page(entries(1)))
    assert await world.outcome(world.daily) is Outcome.BROKEN
    cursor = world.cursor(world.daily)
    assert (cursor.etag, cursor.failures) == (None, 1)
    assert "Log in" in cursor.error
    world.now += FIRST_PAUSE
    assert await world.outcome(world.daily) is Outcome.OK
    assert "If-None-Match" not in world.source.requests[1].headers


async def test_a_source_that_refuses_in_words_is_refused(world: World, shared_data: Path) -> None:
    body = (shared_data / "feed_edge_cases" / "derived" / "rate_exceeded.txt").read_bytes()
    world.source.add(RSS, page(body, content_type="text/plain"))
    assert await world.outcome(world.listing) is Outcome.REFUSED
    assert world.cursor(world.listing).error.startswith("refused: ")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (refusal(429, Retry_After="7200"), "429"),
        (refusal(500), "500"),
        (refusal(404), "404"),
        (hang_up(), "127.0.0.1"),
    ],
    ids=["429", "500", "404", "hang-up"],
)
async def test_a_failing_source_pauses_and_the_others_go_on(
    world: World, trouble: Answer, words: str
) -> None:
    world.source.add(DAILY, page(entries(1)), trouble)
    world.source.add("/feed.xml", page(b"<rss version='2.0'><channel/></rss>", **FEED))
    await world.poll(world.daily)
    failing, other = world.daily, Feed("my-journal", world.source.url("/feed.xml"))
    [failed] = await world.poll(failing)
    assert failed.ingested is None
    assert words in failed.words
    cursor = world.cursor(failing)
    assert cursor.failures == 1
    assert cursor.not_before is not None
    assert cursor.not_before >= world.now + FIRST_PAUSE
    assert cursor.succeeded_at == world.now
    assert await world.poll(failing) == ()
    if "429" not in words:  # that asked the whole host to be left alone
        assert await world.outcome(other) is Outcome.EMPTY
    assert world.papers() == 1


async def test_what_a_source_asks_for_is_waited_out_when_it_is_longer(world: World) -> None:
    world.source.add(DAILY, refusal(429, Retry_After="7200"))
    await world.poll(world.daily)
    assert world.cursor(world.daily).not_before == world.now + timedelta(hours=2)


async def test_pauses_of_a_failing_source_grow_to_a_bound_and_end_with_success(
    world: World,
) -> None:
    world.source.add(RSS, refusal(404))
    pauses = []
    for _ in range(9):
        await world.poll(world.listing)
        until = world.cursor(world.listing).not_before
        assert until is not None
        pauses.append(until - world.now)
        world.now = until
    assert pauses[:3] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert pauses[-1] == LONGEST_PAUSE
    world.source.add(RSS, page(b"<rss version='2.0'><channel/></rss>", **FEED))
    await world.poll(world.listing)
    assert world.cursor(world.listing).failures == 0
    assert world.cursor(world.listing).not_before is None


async def test_a_slow_body_is_cut_off_and_told_as_such(tmp_path: Path) -> None:
    async with LoopbackSource() as source:
        source.add(DAILY, dripping(entries(1) * 4, piece=10, pause=0.05))
        store = Store(tmp_path / "wire.db")
        limits = FetchLimits(total_seconds=0.3, attempts=1)
        async with Fetcher(limits, trusted_hosts=[source.host]) as fetcher:
            gatherer = Gatherer(store, fetcher, lambda: datetime(2025, 9, 26, tzinfo=UTC))
            [asked] = await gatherer.poll(HuggingFace(source.url()), [FRIDAY])
        store.close()
    assert asked.ingested is None
    assert "0.3 s" in asked.words


async def test_pages_after_the_first_are_asked_for_and_a_source_that_repeats_itself_ends(
    world: World, shared_data: Path
) -> None:
    def slice_of(start: int, total: int = 3) -> bytes:
        return (
            '<feed xmlns="http://www.w3.org/2005/Atom"'
            ' xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
            f"<opensearch:totalResults>{total}</opensearch:totalResults>"
            f"<opensearch:startIndex>{start}</opensearch:startIndex>"
            f"<entry><id>http://arxiv.org/abs/2509.0000{start + 1}v1</id><title>Study {start}"
            "</title><summary>Words.</summary><author><name>Ada Example</name></author></entry>"
            "</feed>"
        ).encode()

    for start in range(3):
        world.source.add(f"{QUERY}?start={start}", page(slice_of(start), **FEED))
    source = ArxivQuery(world.source.url(), ("cs.CL",))
    request = source.requests([FRIDAY])[0]
    asked = [one async for one in world.gatherer.ask(source, request, fresh=False)]
    assert len(asked) == world.papers() == 3

    world.source.add(QUERY, page(slice_of(0), **FEED))
    for start in range(3):
        world.source.add(f"{QUERY}?start={start}", page(slice_of(0), **FEED))
    again = [one async for one in world.gatherer.ask(source, request, fresh=False)]
    assert len(again) == 2


# --- papers that someone named ------------------------------------------------------------------


def want(world: World, *ids: str) -> None:
    with world.store.write() as connection:
        for one in ids:
            listings.want(connection, one, world.now)


def wanted(world: World) -> tuple[str, ...]:
    with world.store.read() as connection:
        return listings.wanted(connection, world.now, 10)


def answers_of(world: World) -> dict[str, str]:
    with world.store.read() as connection:
        rows = connection.execute("SELECT arxiv_id, answer FROM wanted").fetchall()
    return {row["arxiv_id"]: row["answer"] for row in rows}


async def look(world: World) -> int:
    return await look_up(world.store, world.gatherer, world.by_id, lambda: world.now)


def recorded(shared_data: Path, start: str) -> bytes:
    [path] = (shared_data / "arxiv_api").glob(f"{start}_s0_m100_*")
    return path.read_bytes()


async def test_a_wanted_paper_is_looked_up_and_found(world: World, shared_data: Path) -> None:
    world.source.add(QUERY, page(recorded(shared_data, "id_1605.08386"), **FEED))
    want(world, "1605.08386")
    assert await look(world) == 1
    assert wanted(world) == ()
    assert await look(world) == 0
    [seen] = world.source.asked(QUERY)
    assert seen.query["id_list"] == "1605.08386"


async def test_an_id_that_the_source_leaves_out_is_not_asked_for_again(
    world: World, shared_data: Path
) -> None:
    # The recorded answer to these two ids holds one entry.
    world.source.add(QUERY, page(recorded(shared_data, "id_0808.05394_1707.08567"), **FEED))
    want(world, "0808.05394", "1707.08567")
    assert await look(world) == 1
    world.now += timedelta(days=30)
    assert wanted(world) == ()
    assert answers_of(world)["0808.05394"] == UNKNOWN


async def test_an_error_entry_is_no_paper_and_no_answer(world: World, shared_data: Path) -> None:
    body = recorded(shared_data, "id_abc")
    for answered in (page(body, **FEED), refusal(400, body, Content_Type="text/xml")):
        world.source.add(QUERY, answered)
        want(world, "2509.00001")
        assert await look(world) == 0
        assert world.papers() == 0
        assert answers_of(world) == {"2509.00001": ""}
        assert wanted(world) == ()
        world.now += AGAIN_AFTER
        assert wanted(world) == ("2509.00001",)


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(503),
        page(b"<html><title>Down for repairs</title></html>", content_type="text/html"),
        page(b"Rate exceeded.", content_type="text/plain"),
        page(b""),
    ],
    ids=["503", "web page", "words", "nothing"],
)
async def test_a_source_in_trouble_does_not_make_a_paper_unknown(
    world: World, shared_data: Path, trouble: Answer
) -> None:
    world.source.add(QUERY, trouble)
    want(world, "1605.08386")
    assert await look(world) == 0
    assert answers_of(world) == {"1605.08386": ""}
    world.now += AGAIN_AFTER
    world.source.add(QUERY, page(recorded(shared_data, "id_1605.08386"), **FEED))
    # The host may have been told to be left alone for a while by its own fetcher.
    assert await look(world) == 1


async def test_a_submitted_paper_is_looked_up_and_then_posted(
    wire: Wire, shared_data: Path
) -> None:
    channel = wire.subscribe("desk", "speech recognition")
    async with LoopbackSource() as source, Fetcher(trusted_hosts=[source.host]) as fetcher:
        source.add(QUERY, page(recorded(shared_data, "id_1605.08386"), **FEED))
        gatherer = Gatherer(wire.store, fetcher, lambda: wire.now)
        reply = await wire.say("desk", "submit https://arxiv.org/abs/1605.08386")
        assert "looking it up" in reply.headline
        found = await look_up(wire.store, gatherer, ArxivQuery(source.url()), lambda: wire.now)
    assert found == 1
    assert answer.share_found(wire.store, wire.rankers, wire.now) == 1
    assert answer.share_found(wire.store, wire.rankers, wire.now) == 0
    await wire.courier.settle()
    [title] = await wire.titles("desk")
    with wire.store.read() as connection:
        stored = papers.paper_by_handle(connection, "1605.08386")
        [vote] = feedback.active(connection, channel.id)
    assert stored is not None
    assert stored.title == title
    assert vote.paper_id == stored.id


def test_a_location_is_the_whole_address() -> None:
    request = Request("http://127.0.0.1/a", None, (("date", "2026-06-15"), ("q", "a b&c")))
    assert location_of(request) == "http://127.0.0.1/a?date=2026-06-15&q=a+b%26c"
    assert location_of(Request("http://127.0.0.1/a")) == "http://127.0.0.1/a"
