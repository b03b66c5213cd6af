"""Ids that collide and dates that cannot be, from the wire to what a channel and a search show."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Channel, Entry, Listing, Mode, Outcome, Paper
from bot.services.ingest import ingest
from bot.services.search import search
from bot.store import papers, window
from tests.adapters.loopback_source import page
from tests.scenario.sickbay import MONDAY, NOON, Ward, daily, item, rss, ward
from tests.scenario.wire import api_entry

XML = "text/xml"
# So unlike each other that none is taken for another's near-duplicate.
ODD = (
    "Odd reed boats cross lakes",
    "Odd hourglass sand measures sermons",
    "Odd fishing nets braid horsehair",
    "Odd violins varnish maple wood",
    "Odd glaciers carve granite valleys",
    "Odd anvils ring church bells",
    "Odd beekeepers smoke wicker hives",
)


@pytest.fixture
async def well(tmp_path: Path) -> AsyncIterator[Ward]:
    async with ward(tmp_path) as opened:
        yield opened


def listing(*entries: dict[str, Any]) -> bytes:
    return json.dumps(entries).encode()


def by_id(well: Ward, arxiv_id: str) -> Paper:
    with well.app.store.read() as connection:
        found = papers.paper_by_handle(connection, arxiv_id)
    assert found is not None
    return found


async def next_digest(well: Ward, channel: Channel) -> list[str]:
    """Let the next morning come; return the titles that were posted, oldest first."""
    well.now += timedelta(days=1)
    before = well.posted(channel)
    await well.app.once(fetch=False)
    after = well.posted(channel)
    return list(reversed(after[: len(after) - len(before)]))


# --- ids that collide ---------------------------------------------------------------------------


async def test_two_papers_that_claim_one_id_are_the_first_and_a_line_about_the_other(
    well: Ward,
) -> None:
    desk = well.subscribe(size=20)
    rivals = listing(
        api_entry("2606.00001", "Boats of reed", "Reed.", authors=["Ada Example"]),
        {"paper": None},
        api_entry("2606.00001", "Clocks of sand", "Sand.", authors=["Ben Sample"]),
        api_entry("2606.00003", "Nets of hair", "Hair.", authors=["Cem Probe"]),
    )
    well.fall_sick("huggingface", page(rivals))
    asked = await well.poll()
    done = asked["huggingface"].ingested
    assert done is not None
    assert (done.outcome, done.declared, done.parsed, done.new) == (Outcome.OK, 4, 2, 2)
    assert done.note == "2 of 4 entries could not be read."
    assert [(reject.position, reject.label) for reject in done.rejects] == [
        (2, ""),
        (3, "Clocks of sand"),
    ]
    reason = "the id 2606.00001 was given to another paper before it, “Boats of reed”"
    assert reason in well.quarantined()
    assert by_id(well, "2606.00001").title == "Boats of reed"
    posted = await next_digest(well, desk)
    assert {"Boats of reed", "Nets of hair"} <= set(posted)
    assert "Clocks of sand" not in posted


async def test_two_papers_that_claim_one_doi_are_the_first_and_a_line_about_the_other(
    well: Ward,
) -> None:
    link = "https://doi.org/10.1234/reed"
    body = rss(
        item("Boats of reed", link, author="Ada Example"),
        item("Clocks of sand", link.upper().replace("HTTPS", "https"), author="Ben Sample"),
    )
    well.fall_sick("blog", page(body, content_type=XML))
    await well.poll()
    assert [one for one in well.titles() if " of " in one] == ["Boats of reed"]
    assert any("10.1234/reed was given to another paper" in why for why in well.quarantined())


async def test_one_paper_listed_twice_or_as_two_versions_is_no_rival_of_itself(well: Ward) -> None:
    twice = listing(
        api_entry("2606.00001", "Boats of reed", "Reed."),
        api_entry("2606.00001", "Boats of reed", "Reed."),
        api_entry("2606.00001", "Boats made of reeds", "Reed."),
        api_entry("2606.00001v2", "Rafts of reed", "Rafts.", authors=["Ben Sample"]),
    )
    well.fall_sick("huggingface", page(twice))
    asked = await well.poll()
    assert asked["huggingface"].ingested is not None
    assert asked["huggingface"].ingested.rejects == ()
    assert well.count() == 1 + 4


async def test_an_id_with_other_titles_in_two_sources_is_one_paper_and_posted_once(
    well: Ward,
) -> None:
    desk = well.subscribe(size=20)
    well.fall_sick("huggingface", page(listing(api_entry("2606.00001", "Boats of reed", "Reed."))))
    headline = item("You will not believe these boats", "https://arxiv.org/abs/2606.00001v9")
    well.fall_sick("blog", page(rss(headline), content_type=XML))
    await well.poll()
    stored = by_id(well, "2606.00001")
    assert (stored.title, stored.version) == ("Boats of reed", 1)
    posted = await next_digest(well, desk)
    assert posted.count("Boats of reed") == 1
    assert "You will not believe these boats" not in posted
    assert await next_digest(well, desk) == []


async def test_what_arxiv_lists_as_a_newer_version_renames_the_paper(well: Ward) -> None:
    well.fall_sick("huggingface", page(listing(api_entry("2606.00001", "Boats of reed", "Reed."))))
    await well.poll()
    newer = Entry("Rafts of reed", "Rafts.", ("Ada Example",), arxiv_id="2606.00001", version=2)
    found = Listing("arxiv", MONDAY, 1, (newer,), (), Outcome.OK)
    ingest(well.app.store, found, b"arxiv", location="x", now=well.now)
    stored = by_id(well, "2606.00001")
    assert (stored.title, stored.version) == ("Rafts of reed", 2)


@pytest.mark.parametrize("link", ["2606.00041v9", "2606.00041"])
async def test_arxivs_first_word_on_a_paper_replaces_what_others_called_it(
    well: Ward, link: str
) -> None:
    desk = well.subscribe(size=20)
    headline = item("You will not believe these boats", f"https://arxiv.org/abs/{link}")
    well.fall_sick("blog", page(rss(headline), content_type=XML))
    await well.poll()
    assert by_id(well, "2606.00041").title == "You will not believe these boats"
    for version, title in ((1, "Boats of reed"), (2, "Rafts of reed")):
        entry = Entry(title, "Reed.", ("Ada Roe",), arxiv_id="2606.00041", version=version)
        said = Listing("arxiv", MONDAY, 1, (entry,), (), Outcome.OK)
        ingest(well.app.store, said, title.encode(), location="x", now=well.now)
        stored = by_id(well, "2606.00041")
        assert (stored.title, stored.version, stored.authors) == (title, version, ("Ada Roe",))
        with well.app.store.read() as connection:
            told = [one.version for one in window.versions(connection, stored.id)]
        assert told == list(range(version, 0, -1))
    # The blog's word came too late, and so does an older one of arXiv itself.
    well.fall_sick("blog", page(rss(headline, headline), content_type=XML))
    await well.poll()
    older = Listing("arxiv", MONDAY, 1, (replace(entry, version=1),), (), Outcome.OK)
    ingest(well.app.store, older, b"older", location="x", now=well.now)
    assert by_id(well, "2606.00041").title == "Rafts of reed"
    posted = await next_digest(well, desk)
    assert posted.count("Rafts of reed") == 1
    assert "You will not believe these boats" not in posted


FORMS = {
    "2606.00001": (
        "2606.00001",
        "arXiv:2606.00001",
        "ARXIV:2606.00001V1",
        "oai:arXiv.org:2606.00001v3",
        "https://arxiv.org/abs/2606.00001",
        "http://www.arxiv.org/pdf/2606.00001v2.pdf",
        "10.48550/arXiv.2606.00001",
        "https://huggingface.co/papers/2606.00001",
    ),
    "math/0309136": ("math/0309136", "math.GT/0309136", "MATH/0309136V2", "arXiv:math.gt/0309136"),
}


@pytest.mark.parametrize("arxiv_id", FORMS)
async def test_ids_that_differ_in_writing_only_are_one_paper(arxiv_id: str, well: Ward) -> None:
    desk = well.subscribe(size=20)
    forms = [api_entry(form, "Boats of reed", "Reed.") for form in FORMS[arxiv_id]]
    well.fall_sick("huggingface", page(listing(*forms)))
    await well.poll()
    assert well.count() == 1 + 4
    assert well.quarantined() == []
    assert (await next_digest(well, desk)).count("Boats of reed") == 1
    well.fall_sick("huggingface", page(listing(*reversed(forms))))
    await well.poll()
    assert well.count() == 1 + 4


# --- dates that cannot be -----------------------------------------------------------------------


def dated(number: int, title: str, **dates: str) -> dict[str, Any]:
    entry = api_entry(f"2606.{number:05}", title, f"About {title}.", upvotes=number)
    entry["paper"] |= dates
    return entry


def found(well: Ward, text: str) -> list[str]:
    answer = search(well.app.store, text, channel_id=None, person=None, now=well.now)
    assert answer.notes in {(), ("No paper passes these filters.",)}
    return sorted(hit.paper.title for hit in answer.hits)


FAR = "9999-12-31T23:59:59.000Z"
LONG_AGO = "0001-01-01T00:00:00.000Z"


@pytest.mark.parametrize("stamp", [FAR, LONG_AGO], ids=["9999", "0001"])
async def test_a_listing_of_a_day_that_cannot_be_counts_as_todays(well: Ward, stamp: str) -> None:
    desk = well.subscribe(size=20, mode=Mode.BOTH, you_missed=True)
    odd = [dated(n, ODD[n], submittedOnDailyAt=stamp, publishedAt=stamp) for n in (1, 2, 3)]
    well.fall_sick("huggingface", page(listing(*odd)))
    asked = await well.poll()
    done = asked["huggingface"].ingested
    assert done is not None
    assert (done.outcome, done.new, done.listed_on) == (Outcome.OK, 3, MONDAY)
    assert done.note == f"Its day, {stamp[:10]}, cannot be: it counts as today's."
    stored = by_id(well, "2606.00001")
    assert (stored.published, stored.first_listed_on) == (None, MONDAY)
    with well.app.store.read() as connection:
        assert window.newest_day(connection) == MONDAY
    assert set(ODD[1:4]) <= set(await next_digest(well, desk))

    # The same answer on other days is the one that was read.
    asked = await well.poll()
    assert asked["huggingface"].ingested is not None
    assert asked["huggingface"].ingested.outcome is Outcome.UNCHANGED

    # Weeks later what came since is found and posted, and the odd ones are as old as they are.
    well.now += timedelta(days=30)
    well.fall_sick("huggingface", page(daily(8, 9)))
    await well.poll()
    assert found(well, "study since:7d") == ["Daily study 8", "Daily study 9"]
    assert found(well, f"odd date:{MONDAY}") == sorted(ODD[1:4])
    assert "Daily study 8" in await next_digest(well, desk)
    with well.app.store.read() as connection:
        assert window.newest_day(connection) == (NOON + timedelta(days=31)).date()


async def test_a_feed_with_dates_that_cannot_be_hides_no_other(well: Ward) -> None:
    desk = well.subscribe(size=20)
    stamps = (
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Tue, 30 Feb 2026 10:00:00 GMT",
        "Mon, 15 Jun 2026 25:61:61 +9900",
        "99999999999999999999",
        "yesterday",
        "",
    )
    odd = [
        item(ODD[n], f"https://odd.example.org/{n}", more=f"<pubDate>{text}</pubDate>")
        for n, text in enumerate(stamps)
    ]
    well.fall_sick("blog", page(rss(*odd), content_type=XML))
    asked = await well.poll()
    assert asked["blog"].ingested is not None
    assert asked["blog"].ingested.new == len(stamps)
    years = {paper.published.year for paper in well.read() if paper.published}
    assert years <= {2026}
    posted = await next_digest(well, desk)
    assert set(ODD) <= set(posted)
    assert {"Daily study 1", "journal study 1"} <= set(posted)
    well.now += timedelta(days=60)
    assert found(well, "odd since:7d") == []


async def test_one_entry_whose_date_is_no_date_is_named_and_costs_no_other(well: Ward) -> None:
    entries = [dated(1, "Boats of reed", publishedAt="2026-02-30T00:00:00Z"), dated(2, "Nets")]
    well.fall_sick("huggingface", page(listing(*entries)))
    await well.poll()
    assert "Nets" in well.titles()
    assert well.quarantined() == ["publishedAt is no date: '2026-02-30T00:00:00Z'"]


def stored_dates(well: Ward, published: date) -> date | None:
    entry = Entry("Old prints", "Prints.", arxiv_id="2606.00009", published=published)
    ingest(
        well.app.store,
        Listing("blog", None, 1, (entry,), (), Outcome.OK),
        published.isoformat().encode(),
        location="x",
        now=datetime(2026, 6, 15, tzinfo=UTC),
    )
    return by_id(well, "2606.00009").published


@pytest.mark.parametrize("published", [date(1665, 3, 6), date(1999, 1, 1), date(2027, 12, 1)])
async def test_the_first_journals_and_the_issues_to_come_keep_their_dates(
    well: Ward, published: date
) -> None:
    assert stored_dates(well, published) == published


@pytest.mark.parametrize("published", [date(1664, 12, 31), date(2028, 7, 1), date.max, date.min])
async def test_dates_before_print_and_beyond_all_issues_are_none(
    well: Ward, published: date
) -> None:
    assert stored_dates(well, published) is None
