"""Recorded listings through the whole of ingest: exact counts, sameness, and no stray link."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot import profiles
from bot.domain import Channel, Layout, Outcome, Post
from bot.ports import Request, Source
from bot.render import post_as_text
from bot.services.ingest import Ingested, ingest
from bot.services.plan import propose, to_posts
from bot.services.ranker import Rankers
from bot.sources.arxiv import ArxivListing, ArxivQuery
from bot.sources.arxiv_oai import ArxivOai
from bot.sources.capture import Capture
from bot.sources.huggingface import HuggingFace
from bot.store import Store, channels, digests, listings, papers
from tests.command_line import CommandLine

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
CAPTURED = (62, 257, 40, 231, 86)
LOOK_ALIKE = "b-61j"  # the host that four captures name in the place of the real one


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "wire.db")
    yield opened
    opened.close()


def read(store: Store, source: Source, path: Path, day: date | None = None) -> Ingested:
    body = path.read_bytes()
    listing = source.parse(body, Request("", day))
    return ingest(store, listing, body, location=path.name, now=NOW)


def read_captures(store: Store, shared_data: Path) -> list[Ingested]:
    paths = sorted((shared_data / "captures").glob("*.txt"))
    return [read(store, Capture(), path) for path in paths]


def read_days(store: Store, shared_data: Path) -> list[Ingested]:
    paths = sorted((shared_data / "hf_daily").glob("*.json"))
    return [read(store, HuggingFace(), path, date.fromisoformat(path.stem)) for path in paths]


def count(store: Store, table: str = "papers") -> int:
    with store.read() as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def dump(store: Store) -> list[str]:
    return list(store.connection().iterdump())


# --- captures -----------------------------------------------------------------------------------


def test_the_five_captures_make_613_papers(store: Store, shared_data: Path) -> None:
    done = read_captures(store, shared_data)
    assert tuple(one.parsed for one in done) == CAPTURED
    assert tuple(one.declared for one in done) == CAPTURED
    assert sum(one.quarantined for one in done) == 0
    assert sum(one.new for one in done) == count(store) == 613


def test_the_captures_in_any_order_make_the_same_papers(shared_data: Path) -> None:
    titles = []
    for step in (1, -1):
        store = Store(None)
        for path in sorted((shared_data / "captures").glob("*.txt"))[::step]:
            read(store, Capture(), path)
        with store.read() as connection:
            rows = connection.execute("SELECT title_key FROM papers").fetchall()
        titles.append(sorted(row["title_key"] for row in rows))
        store.close()
    assert titles[0] == titles[1]
    assert len(set(titles[0])) == 613


def test_only_the_third_captures_papers_have_dates_author_counts_and_comments(
    store: Store, shared_data: Path
) -> None:
    read_captures(store, shared_data)
    with store.read() as connection:
        row = connection.execute(
            "SELECT count(published) AS dates, sum(author_count > 0) AS authors,"
            " count(comments) AS comments, count(arxiv_id) AS ids, count(url) AS urls FROM papers"
        ).fetchone()
    assert tuple(row) == (40, 40, 11, 0, 0)


# --- Daily Papers -------------------------------------------------------------------------------


def test_all_665_entries_of_the_api_are_read(store: Store, shared_data: Path) -> None:
    done = read_days(store, shared_data)
    assert len(done) == 32
    assert sum(one.parsed for one in done) == 665
    assert sum(one.quarantined for one in done) == 0
    words = {one.location: one.outcome for one in done if one.outcome is not Outcome.OK}
    assert words.pop("2025-09-30.json") is Outcome.TRUNCATED
    assert list(words.values()) == [Outcome.EMPTY, Outcome.EMPTY]
    assert count(store) == sum(one.new for one in done)
    with store.read() as connection:
        same = connection.execute(
            "SELECT count(*) FROM papers WHERE url <> 'https://arxiv.org/abs/' || arxiv_id"
        ).fetchone()[0]
    assert same == 0


def test_a_paper_on_two_days_is_one_paper_with_the_later_counts(
    store: Store, shared_data: Path
) -> None:
    done = read_days(store, shared_data)
    ids: dict[str, int] = {}
    for path in sorted((shared_data / "hf_daily").glob("*.json")):
        for entry in json.loads(path.read_bytes()):
            ids[entry["paper"]["id"]] = entry["paper"]["upvotes"]
    assert count(store) == len(ids)
    assert sum(one.parsed for one in done) - len(ids) == 665 - len(ids)
    with store.read() as connection:
        rows = connection.execute("SELECT arxiv_id, upvotes FROM papers").fetchall()
    assert {row["arxiv_id"]: row["upvotes"] for row in rows} == ids


# --- arXiv --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "new", "cross", "replace_", "replace_cross"),
    [
        ("2026-06-15", 42, 12, 20, 2),
        ("2026-06-16", 140, 19, 16, 4),
        ("2026-06-17", 52, 13, 18, 2),
    ],
)
def test_a_days_listing_counts_by_announcement_and_its_atom_form_adds_nothing(
    store: Store,
    shared_data: Path,
    day: str,
    new: int,
    cross: int,
    replace_: int,
    replace_cross: int,
) -> None:
    folder = shared_data / "arxiv_rss"
    source = ArxivListing(("cs.CL",))
    rss = read(store, source, folder / f"{day}.cs.CL.rss.xml")
    total = new + cross + replace_ + replace_cross
    assert (rss.outcome, rss.parsed, rss.new) == (Outcome.OK, total, total)
    assert rss.listed_on == date.fromisoformat(day)
    with store.read() as connection:
        rows = connection.execute(
            "SELECT announce, count(*) FROM appearances GROUP BY announce"
        ).fetchall()
    assert {row[0]: row[1] for row in rows} == {
        "new": new,
        "cross": cross,
        "replace": replace_,
        "replace-cross": replace_cross,
    }
    atom = read(store, source, folder / f"{day}.cs.CL.atom.xml")
    assert (atom.parsed, atom.new, atom.updated) == (total, 0, 0)
    assert count(store) == count(store, "appearances") == total


def test_three_days_in_a_row_make_versions_of_what_was_replaced(
    store: Store, shared_data: Path
) -> None:
    source = ArxivListing(("cs.CL",))
    for day in (15, 16, 17):
        read(store, source, shared_data / "arxiv_rss" / f"2026-06-{day}.cs.CL.rss.xml")
    with store.read() as connection:
        [behind] = connection.execute(
            "SELECT count(*) FROM papers p WHERE version <> (SELECT max(version)"
            " FROM paper_versions v WHERE v.paper_id = p.id)"
        ).fetchone()
        found = papers.recent(connection, 1000)
    assert behind == 0
    assert all(one.arxiv_id and one.url and one.authors and one.categories for one in found)


def test_several_categories_at_once(store: Store, shared_data: Path) -> None:
    path = shared_data / "arxiv_rss" / "2026-06-15.cs.AI+cs.CL+cs.CV.rss.xml"
    done = read(store, ArxivListing(("cs.AI", "cs.CL", "cs.CV")), path)
    assert (done.parsed, done.new) == (191, 191)
    with store.read() as connection:
        kinds = connection.execute(
            "SELECT announce, count(*) FROM appearances GROUP BY announce ORDER BY 2"
        ).fetchall()
    assert [tuple(row) for row in kinds] == [("replace-cross", 2), ("replace", 36), ("new", 153)]


def test_no_recorded_query_answer_makes_a_paper_of_an_error(
    store: Store, shared_data: Path
) -> None:
    for path in sorted((shared_data / "arxiv_api").glob("*.xml")):
        read(store, ArxivQuery(), path)
    with store.read() as connection:
        titles = [one.title for one in papers.recent(connection, 1000)]
    assert len(titles) > 50
    assert "Error" not in titles


def test_a_page_of_the_archives_protocol_is_read(store: Store, shared_data: Path) -> None:
    [path] = (shared_data / "arxiv_oai").glob("*.xml")
    done = read(store, ArxivOai(), path)
    assert done.new == done.parsed > 0


# --- all of it ----------------------------------------------------------------------------------


def read_everything(store: Store, shared_data: Path) -> list[Ingested]:
    folder = shared_data / "arxiv_rss"
    feeds = [
        read(store, ArxivListing(("cs.CL",)), path)
        for path in sorted(folder.glob("2026-06-1*.cs.CL.*.xml"))
    ]
    return [*read_captures(store, shared_data), *read_days(store, shared_data), *feeds]


def test_reading_everything_twice_changes_nothing(store: Store, shared_data: Path) -> None:
    first = read_everything(store, shared_data)
    before = dump(store)
    again = read_everything(store, shared_data)
    assert dump(store) == before
    assert sum(one.new + one.updated for one in again) == 0
    for one, other in zip(first, again, strict=True):
        expected = Outcome.UNCHANGED if one.outcome in {Outcome.OK, Outcome.STALE} else one.outcome
        assert other.outcome is expected


def test_papers_of_the_captures_that_the_api_knows_are_joined(
    store: Store, shared_data: Path
) -> None:
    read_captures(store, shared_data)
    days = read_days(store, shared_data)
    with store.read() as connection:
        joined = connection.execute(
            "SELECT count(*) FROM (SELECT paper_id FROM appearances GROUP BY paper_id"
            " HAVING count(DISTINCT source) = 2)"
        ).fetchone()[0]
    assert joined > 0
    assert count(store) == 613 + sum(one.new for one in days)


@pytest.mark.parametrize("size", [150, pytest.param(0, id="all", marks=pytest.mark.soak)])
def test_no_post_and_no_stored_link_names_the_look_alike_host(
    store: Store, shared_data: Path, size: int
) -> None:
    # The captures are what names it; with every listing it takes half a minute.
    read = read_captures(store, shared_data) if size else read_everything(store, shared_data)
    assert sum(LOOK_ALIKE in p.read_text() for p in (shared_data / "captures").glob("*.txt")) >= 1
    with store.read() as connection:
        for column in ("url", "code_url", "project_url"):
            [named] = connection.execute(
                f"SELECT count(*) FROM papers WHERE {column} LIKE '%{LOOK_ALIKE}%'"
            ).fetchone()
            assert named == 0
        total = papers.count(connection)
    posts = broad_posts(store, size or total)
    cards = [card for post in posts for card in post.cards]
    assert len(cards) > 0.9 * (size or total)
    assert total >= 613
    assert len(read) == 5 if size else len(read) > 40
    for post in posts:
        text = post_as_text(post)
        assert LOOK_ALIKE not in text
        for card in post.cards:
            words = (card.title, card.summary, card.reason, card.authors, card.label)
            assert not [word for word in words if "http" in word and "://" in word]
            assert card.url is None or card.url.startswith("https://arxiv.org/abs/")


def broad_posts(store: Store, size: int) -> list[Post]:
    """Return what a channel with every interest and no bound would be given, in each layout."""
    wants = profiles.parse("language models, vision, speech, robots, learning, data")
    channel = Channel(
        0, "terminal", "all", "all", wants, size=size, threshold=0, prefer_source_summary=True
    )
    with store.write() as connection:
        channel = channels.insert(connection, channel, private=False, now=NOW)
        assert digests.last(connection, channel.id) is None
    proposal = propose(store, Rankers(store).current(), channel, NOW, slot="2026-06-20T12:00")
    shown: list[Post] = []
    for layout in (Layout.CARDS, Layout.SINGLE):
        other = replace(proposal, channel=replace(channel, layout=layout))
        shown += to_posts(other)
    ours = replace(channel, prefer_source_summary=False)
    again = propose(store, Rankers(store).current(), ours, NOW, slot="2026-06-20T12:00")
    return [*shown[: size + 1], *to_posts(replace(again, channel=ours))]


# --- through the command ------------------------------------------------------------------------


def test_every_odd_feed_goes_through_ingest_with_a_word_and_no_traceback(
    paperwire: CommandLine, shared_data: Path
) -> None:
    folder = shared_data / "feed_edge_cases"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    ran = paperwire("ingest", "--json", folder)
    assert [row["path"] for row in ran.rows] == [str(path) for path in paths]
    assert {row["outcome"] for row in ran.rows} <= {str(outcome) for outcome in Outcome}
    assert all(row["outcome"] in {"ok", "empty"} or row["note"] for row in ran.rows)
    assert all(
        reject["reason"] and reject["position"] > 0 for row in ran.rows for reject in row["rejects"]
    )
    useless = [row for row in ran.rows if row["outcome"] in {"broken", "refused", "failed"}]
    assert ran.status == (1 if useless else 0)
    for path in paths:
        one = paperwire("ingest", path)
        assert one.out + one.err


def test_the_captures_through_the_command_make_613_papers(
    paperwire: CommandLine, shared_data: Path
) -> None:
    first = paperwire("ingest", "--json", shared_data / "captures")
    again = paperwire("ingest", "--json", shared_data / "captures")
    assert first.status == again.status == 0
    assert sum(row["new"] for row in first.rows) == 613
    assert [row["parsed"] for row in first.rows] == list(CAPTURED)
    assert {row["outcome"] for row in again.rows} == {"unchanged"}
    assert all(row["source"] == "capture" for row in first.rows)


def test_the_stream_of_two_months_is_read_by_listing_day(store: Store, shared_data: Path) -> None:
    import gzip

    from bot.sources.json_lines import JsonLines

    [path] = (shared_data / "arxiv_stream").glob("*.jsonl.gz")
    with gzip.open(path) as file:
        head = b"".join(line for _, line in zip(range(400), file, strict=False))
    for listing in JsonLines().by_day(head, Request("")):
        ingest(store, listing, head, location=path.name, now=NOW)
    with store.read() as connection:
        rows = listings.latest(connection, 100)
    assert sum(row["parsed"] for row in rows) == 400
    assert len({row["listed_on"] for row in rows}) == len(rows)
