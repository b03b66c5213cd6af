"""Saved files: which parser they need, JSON lines, gzip, and the bundled sample."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from bot.domain import Listing, Outcome, PaperwireError
from bot.ports import Request
from bot.sources import payload, sample_source
from bot.sources.detect import HEAD_BYTES, request_for, sniff
from bot.sources.json_lines import JsonLines


def kind(name: str, head: bytes) -> str:
    source, reason = sniff(name, head)
    assert (source is None) == bool(reason)
    return type(source).__name__ if source else reason


# --- telling files apart ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("hf_daily", "HuggingFace"),
        ("captures", "Capture"),
        ("arxiv_rss", "ArxivListing"),
        ("arxiv_api", "ArxivQuery"),
        ("arxiv_oai", "ArxivOai"),
        ("arxiv_stream", "JsonLines"),
    ],
)
def test_recorded_files_are_told_by_their_first_bytes(
    shared_data: Path, folder: str, expected: str
) -> None:
    paths = [path for path in sorted((shared_data / folder).iterdir()) if path.is_file()]
    kinds = Counter()  # type: Counter[str]
    for path in paths:
        with path.open("rb") as file:
            kinds[kind("file", file.read(HEAD_BYTES))] += 1
    assert kinds == {expected: len(paths)}


def test_other_peoples_feeds_are_feeds(shared_data: Path) -> None:
    for path in sorted((shared_data / "feed_edge_cases").glob("miniflux__*.xml")):
        assert kind(path.name, path.read_bytes()) == "Feed"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", "HuggingFace"),
        (b'{"error": "no"}', "HuggingFace"),
        (b'{"id": "2606.00001", "title": "T"}\n', "JsonLines"),
        (b"Rate exceeded.", "ArxivListing"),
        (b'<?xml version="1.0"?><!-- <feed> --><rss version="2.0">', "Feed"),
        (gzip.compress(b'{"id": "2606.00001", "title": "T"}\n', mtime=0), "JsonLines"),
    ],
)
def test_small_files_are_told_by_content(body: bytes, expected: str) -> None:
    assert kind("page.bin", body) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "page.bin is empty."),
        (b"%PDF-1.7", "page.bin is a PDF; give its arXiv id instead."),
        (b"<html><p><rss></p>", "page.bin is a web page or other markup"),
        (b'{"name": "x",\n "title": "y"}', "page.bin is JSON, but"),
        (b"just words", "page.bin is neither"),
        (b"\x1f\x8bjunk", "page.bin is empty."),
    ],
)
def test_what_nothing_reads_is_told_why(body: bytes, reason: str) -> None:
    assert kind("page.bin", body).startswith(reason)


def test_a_day_in_a_files_name_is_its_listing_day() -> None:
    assert request_for("saved/2026-06-15.json").day == date(2026, 6, 15)
    assert request_for("2026-06-15.cs.CL.rss.xml").day == date(2026, 6, 15)
    assert request_for("2026-13-45.json").day is None
    assert request_for("12026-06-15.json").day is None
    assert request_for("2026-06-15/page.json").day is None


# --- gzip ---------------------------------------------------------------------------------------


def test_gzip_is_unpacked_up_to_a_bound() -> None:
    packed = gzip.compress(b"a" * 1000) + gzip.compress(b"b" * 1000)
    assert payload.unpack(packed) == b"a" * 1000 + b"b" * 1000
    assert len(payload.unpack(packed, 1500)) == 1501
    assert payload.unpack(b"plain") == b"plain"


def test_a_damaged_gzip_gives_what_could_be_read() -> None:
    packed = gzip.compress(b"".join(b"line %d\n" % n for n in range(20_000)))
    assert payload.unpack(packed[: len(packed) // 2]).startswith(b"line 0\nline 1\n")
    assert payload.unpack(b"\x1f\x8b\x08broken") == b""


def test_an_answer_over_the_bound_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "MAX_BYTES", 2**20)
    listing = JsonLines().parse(b"{" + b" " * 2**21, Request(""))
    assert (listing.outcome, listing.note) == (
        Outcome.BROKEN,
        "The answer has 2 MB; at most 1 MB are read.",
    )


# --- JSON lines ---------------------------------------------------------------------------------


def a_line(number: int = 1, **changes: object) -> str:
    row = {
        "id": f"2606.{number:05d}",
        "title": f"Paper {number}",
        "abstract": "We do.",
        "authors": ["Jane Roe"],
        "categories": ["cs.CL"],
        "comment": None,
        "listed": "2026-06-15",
    }
    return json.dumps({**row, **changes}) + "\n"


def lines(*rows: str) -> Listing:
    return JsonLines().parse("".join(rows).encode(), Request(""))


def test_the_recorded_stream_holds_14009_papers_of_45_days(shared_data: Path) -> None:
    (path,) = (shared_data / "arxiv_stream").glob("*.jsonl.gz")
    listings = list(JsonLines().by_day(path.read_bytes(), Request("")))
    assert [listing.outcome for listing in listings] == [Outcome.OK] * 45
    days = [listing.listed_on for listing in listings if listing.listed_on]
    assert days == sorted(set(days))
    assert (str(days[0]), str(days[-1])) == ("2026-05-01", "2026-06-30")
    entries = [entry for listing in listings for entry in listing.entries]
    assert len({entry.arxiv_id for entry in entries}) == len(entries) == 14_009
    assert all(entry.url == f"https://arxiv.org/abs/{entry.arxiv_id}" for entry in entries)


def test_a_line_is_read_with_its_day() -> None:
    listing = lines(a_line(), "\n", a_line(2))
    assert (listing.source, listing.listed_on) == ("arxiv", date(2026, 6, 15))
    assert [entry.arxiv_id for entry in listing.entries] == ["2606.00001", "2606.00002"]
    assert listing.entries[0].authors == ("Jane Roe",)
    assert listing.entries[0].categories == ("cs.CL",)


def test_lines_of_two_days_are_one_listing_without_a_day_or_two_with_one() -> None:
    body = (a_line() + "broken\n" + a_line(2, listed="2026-06-14")).encode()
    whole = JsonLines().parse(body, Request(""))
    assert (whole.listed_on, whole.declared) == (None, 3)
    by_day = list(JsonLines().by_day(body, Request("")))
    assert [(str(x.listed_on), len(x.entries), len(x.rejects)) for x in by_day] == [
        ("2026-06-14", 1, 0),
        ("2026-06-15", 1, 1),
    ]


def test_a_line_may_name_its_paper_by_doi_or_link() -> None:
    listing = lines(
        a_line(id=None, doi="10.1000/X"),
        a_line(id=None, url="https://example.org/p"),
        a_line(id=None, url="https://arxiv.org/abs/2606.00009v2"),
    )
    assert [(e.arxiv_id, e.doi, e.url) for e in listing.entries] == [
        (None, "10.1000/x", "https://doi.org/10.1000/x"),
        (None, None, "https://example.org/p"),
        ("2606.00009", None, "https://arxiv.org/abs/2606.00009"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (a_line(id="x"), "says which paper"),
        (a_line(id="x", url="javascript:x"), "says which paper"),
        (a_line(title=""), "no title"),
        (a_line(authors="Jane"), "authors is text"),
        (a_line(listed="soon"), "listed is no date"),
        ("[1]\n", "the line is a list"),
        ('{"id": "2606.00001", "id": "2606.00002", "title": "T"}\n', "twice"),
        ("{" * 100_000 + "\n", "malformed"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000 + "\n", "too deeply"),
    ],
)
def test_a_bad_line_costs_only_itself(line: str, reason: str) -> None:
    listing = lines(a_line(), line, a_line(2))
    assert len(listing.entries) == 2
    assert [(r.position, reason in r.reason) for r in listing.rejects] == [(2, True)]


def test_a_stream_cut_in_its_last_line_is_truncated() -> None:
    listing = lines(a_line(), a_line(2)[:-20])
    assert (listing.outcome, len(listing.entries)) == (Outcome.TRUNCATED, 1)
    assert listing.rejects[0].reason == "the stream ends inside this line"


def test_a_file_of_nothing_but_bad_lines_is_given_up() -> None:
    listing = lines('{"a": 1}\n' * 10_500)
    assert (listing.entries, len(listing.rejects)) == ((), 10_000)
    assert "Reading stopped" in listing.note


@pytest.mark.parametrize("body", [b"", b"[1]", b"words", b"<html>"])
def test_what_is_no_stream_is_broken(body: bytes) -> None:
    assert JsonLines().parse(body, Request("")).outcome is Outcome.BROKEN
    assert [x.outcome for x in JsonLines().by_day(body, Request(""))] == [Outcome.BROKEN]


def test_streams_are_never_fetched() -> None:
    assert list(JsonLines().requests([date(2026, 6, 15)])) == []


# --- the sample ---------------------------------------------------------------------------------


def test_the_sample_reads_whole_day_by_day() -> None:
    days = sample_source.days()
    assert len(days) >= 10
    assert list(days) == sorted(days)
    source = sample_source.Sample()
    requests = source.requests([*days, date(1999, 1, 1)])
    assert [request.day for request in requests] == list(days)
    total = 0
    for request in requests:
        assert request.day is not None
        listing = source.parse(sample_source.read(request.day), request)
        assert (listing.source, listing.listed_on) == ("sample", request.day)
        assert (listing.outcome, listing.rejects) == (Outcome.OK, ())
        total += len(listing.entries)
    assert total >= 120


def test_a_day_the_sample_lacks_is_named() -> None:
    with pytest.raises(PaperwireError, match=r"no listing for 1999-01-01; it has 20"):
        sample_source.read(date(1999, 1, 1))
