"""The Daily Papers API: recorded answers, and entries damaged one at a time."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from bot.domain import Listing, Outcome
from bot.ports import Request
from bot.sources.huggingface import By, HuggingFace

DAY = date(2026, 6, 15)


def an_entry(**changes: object) -> dict[str, object]:
    """Return an entry of the API's shape; ``paper__x`` changes a field within the paper."""
    paper: dict[str, object] = {
        "id": "2606.00001",
        "title": "A Small Parser",
        "summary": "We parse. It works.",
        "authors": [{"name": "Jane Roe", "hidden": False}, {"name": "Max Poe"}],
        "publishedAt": "2026-06-12T00:00:00.000Z",
        "submittedOnDailyAt": "2026-06-15T00:00:00.000Z",
        "upvotes": 7,
    }
    entry: dict[str, object] = {"title": "A Small Parser", "numComments": 2, "paper": paper}
    for key, value in changes.items():
        holder, name = (paper, key[7:]) if key.startswith("paper__") else (entry, key)
        if value is ...:
            holder.pop(name, None)
        else:
            holder[name] = value
    return entry


def parse(entries: object, day: date | None = DAY) -> Listing:
    return HuggingFace().parse(json.dumps(entries).encode(), Request("", day))


def test_all_recorded_days_hold_665_entries_under_their_own_day(shared_data: Path) -> None:
    outcomes: dict[str, Outcome] = {}
    total = 0
    for path in sorted((shared_data / "hf_daily").glob("*.json")):
        day = date.fromisoformat(path.stem)
        listing = HuggingFace().parse(path.read_bytes(), Request(path.name, day))
        assert listing.source == "huggingface"
        assert listing.listed_on == day
        assert listing.rejects == ()
        assert listing.declared == len(listing.entries) == len(json.loads(path.read_bytes()))
        total += len(listing.entries)
        outcomes[path.stem] = listing.outcome
    assert total == 665
    assert {day for day, word in outcomes.items() if word is Outcome.EMPTY} == {
        "2026-06-20",
        "2026-06-21",
    }
    assert {day for day, word in outcomes.items() if word is Outcome.TRUNCATED} == {"2025-09-30"}
    assert sum(word is Outcome.OK for word in outcomes.values()) == 29


def test_recorded_fields_come_from_where_they_belong(shared_data: Path) -> None:
    total = hidden = with_code = with_stars = with_summary = 0
    for path in sorted((shared_data / "hf_daily").glob("*.json")):
        raw = json.loads(path.read_bytes())
        listing = HuggingFace().parse(path.read_bytes(), Request(path.name))
        for given, entry in zip(raw, listing.entries, strict=True):
            paper = given["paper"]
            shown = [author for author in paper["authors"] if not author.get("hidden")]
            hidden += len(paper["authors"]) - len(shown)
            assert entry.title == given["title"].strip()
            assert entry.arxiv_id == paper["id"]
            assert entry.url == f"https://arxiv.org/abs/{paper['id']}"
            assert str(entry.published) == paper["publishedAt"][:10]
            assert entry.upvotes == paper["upvotes"]
            assert entry.comments == given["numComments"]
            assert entry.abstract == paper["summary"].strip()
            assert entry.authors == tuple(author["name"].strip() for author in shown)
            assert entry.code_url == paper.get("githubRepo")
            assert entry.code_stars == paper.get("githubStars")
            assert entry.project_url == (paper.get("projectPage", "").strip() or None)
            assert entry.source_summary == paper.get("ai_summary")
            assert entry.source_keywords == tuple(filter(None, paper.get("ai_keywords", ())))
            total += 1
            with_code += entry.code_url is not None
            with_stars += entry.code_stars is not None
            with_summary += entry.source_summary is not None
    assert (total, hidden, with_code, with_stars, with_summary) == (665, 2, 357, 322, 533)


def test_the_full_day_of_fifty_names_the_limit(shared_data: Path) -> None:
    body = (shared_data / "hf_daily" / "2025-09-30.json").read_bytes()
    listing = HuggingFace().parse(body, HuggingFace().requests([date(2025, 9, 30)])[0])
    assert listing.outcome is Outcome.TRUNCATED
    assert "50" in listing.note
    assert len(listing.entries) == 50


@pytest.mark.parametrize(("count", "outcome"), [(99, "ok"), (100, "truncated"), (50, "truncated")])
def test_a_page_at_its_limit_is_truncated(count: int, outcome: str) -> None:
    assert parse([an_entry()] * count).outcome == outcome


def test_a_full_page_before_the_last_one_asked_for_is_complete() -> None:
    week = HuggingFace(by=By.WEEK, pages=2)
    body = json.dumps([an_entry()] * 100).encode()
    first, last = week.requests([DAY])
    assert week.parse(body, first).outcome is Outcome.OK
    assert week.parse(body, last).outcome is Outcome.TRUNCATED


def test_requests_always_ask_for_the_largest_page() -> None:
    (request,) = HuggingFace("http://127.0.0.1:9/").requests([DAY])
    assert request.url == "http://127.0.0.1:9/api/daily_papers"
    assert request.day == DAY
    assert request.params == (("date", "2026-06-15"), ("limit", "100"))


def test_requests_by_week_month_and_trend() -> None:
    days = [date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 4)]

    def asked(by: By) -> list[tuple[tuple[str, str], ...]]:
        return [request.params for request in HuggingFace(by=by, pages=1).requests(days)]

    limit = ("limit", "100")
    assert asked(By.WEEK) == [(("week", "2026-W53"), limit), (("week", "2027-W01"), limit)]
    assert asked(By.MONTH) == [(("month", "2026-12"), limit), (("month", "2027-01"), limit)]
    assert asked(By.TRENDING) == [(("sort", "trending"), limit)]
    assert HuggingFace(by=By.MONTH, pages=2).requests(days)[1].params[-1] == ("p", "1")


def test_the_listing_day_is_the_entries_own_else_the_one_asked_for() -> None:
    assert parse([an_entry()], date(2020, 1, 1)).listed_on == DAY
    assert parse([an_entry(paper__submittedOnDailyAt=...)], date(2020, 1, 1)).listed_on == date(
        2020, 1, 1
    )
    mixed = [an_entry(), an_entry(paper__submittedOnDailyAt="2026-06-16T00:00:00.000Z")]
    assert parse(mixed, None).listed_on is None
    assert parse([], None).listed_on is None


def test_optional_fields_may_be_absent_or_null() -> None:
    bare = an_entry(paper__upvotes=..., paper__authors=None, paper__summary=..., numComments=None)
    (entry,) = parse([bare]).entries
    assert (entry.upvotes, entry.comments, entry.authors, entry.abstract) == (None, None, (), "")
    (entry,) = parse([an_entry(paper__upvotes=0)]).entries
    assert entry.upvotes == 0


def test_hidden_authors_are_left_out() -> None:
    authors = [{"name": "Jane Roe"}, {"name": "Secret Author", "hidden": True}, {"name": " "}]
    (entry,) = parse([an_entry(paper__authors=authors)]).entries
    assert entry.authors == ("Jane Roe",)


def test_the_outer_title_wins_and_the_inner_one_stands_in() -> None:
    (entry,) = parse([an_entry(title="$\\alpha$-Parser", paper__title="-Parser")]).entries
    assert entry.title == "$\\alpha$-Parser"
    (entry,) = parse([an_entry(title=...)]).entries
    assert entry.title == "A Small Parser"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"paper": None}, "paper is null"),
        ({"paper": []}, "paper is a list"),
        ({"paper__id": "../../etc"}, "no arXiv id"),
        ({"paper__id": 2606.00001}, "id is a number"),
        ({"paper__id": ...}, "no arXiv id"),
        ({"title": 5}, "title is a number"),
        ({"title": "", "paper__title": "\u200b"}, "no title"),
        ({"title": "x" * 5000}, "5000 characters"),
        ({"paper__summary": ["a"]}, "summary is a list"),
        ({"paper__authors": "Jane Roe"}, "authors is text"),
        ({"paper__authors": ["Jane Roe"]}, "an author is text"),
        ({"paper__authors": [{"name": {}}]}, "name is an object"),
        ({"paper__upvotes": "7"}, "upvotes is text"),
        ({"paper__upvotes": True}, "upvotes is true or false"),
        ({"paper__upvotes": -1}, "upvotes is out of range"),
        ({"paper__upvotes": 1.5}, "upvotes is a number"),
        ({"paper__upvotes": float("nan")}, "upvotes is a number out of range"),
        ({"paper__upvotes": 10**4000}, "upvotes is a number out of range"),
        ({"numComments": 10**17}, "numComments is out of range"),
        ({"paper__publishedAt": "soon"}, "publishedAt is no date"),
        ({"paper__publishedAt": 0}, "publishedAt is a number"),
        ({"paper__ai_keywords": [1]}, "ai_keywords holds a number"),
    ],
)
def test_a_bad_entry_is_rejected_and_its_neighbours_are_kept(
    changes: dict[str, object], reason: str
) -> None:
    good = [an_entry(), an_entry(paper__id="2606.00002")]
    listing = parse([good[0], an_entry(**changes), good[1]])
    assert [entry.arxiv_id for entry in listing.entries] == ["2606.00001", "2606.00002"]
    assert [(reject.position, reason in reject.reason) for reject in listing.rejects] == [(2, True)]
    assert listing.rejects[0].raw
    assert (listing.declared, listing.outcome) == (3, Outcome.OK)
    assert listing.note == "1 of 3 entries could not be read."


def test_a_key_given_twice_is_rejected() -> None:
    whole = json.dumps([an_entry()])
    twice = whole.replace('"upvotes": 7', '"upvotes": 7, "upvotes": 70000')
    listing = HuggingFace().parse(twice.encode(), Request(""))
    assert listing.entries == ()
    assert listing.rejects[0].reason == "paper gives the key 'upvotes' twice"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("githubRepo", "https://github.example.org/a/b"),
        ("githubRepo", "http://github.com/a/b"),
        ("projectPage", "javascript:alert(1)"),
        ("projectPage", "ftp://example.org"),
    ],
)
def test_a_link_of_another_kind_is_dropped_and_the_paper_kept(field: str, value: str) -> None:
    (entry,) = parse([an_entry(**{f"paper__{field}": value})]).entries
    assert (entry.code_url, entry.project_url) == (None, None)


def test_links_in_prose_never_become_the_entrys_links() -> None:
    prose = "Code at https://github.com/roe/x and https://hf-mirror.example.org/papers/2606.00009."
    (entry,) = parse([an_entry(paper__summary=prose, title=prose)]).entries
    assert entry.url == "https://arxiv.org/abs/2606.00001"
    assert (entry.code_url, entry.project_url) == (None, None)


def test_an_answer_cut_at_every_byte_keeps_the_complete_entries() -> None:
    body = json.dumps([an_entry(), an_entry(title='q"]}\\', paper__id="2606.00002")]).encode()
    second = body.index(b"}}, {") + 2
    for end in range(1, len(body)):
        listing = HuggingFace().parse(body[:end], Request(""))
        assert listing.outcome is Outcome.TRUNCATED
        complete = 0 if end < second else 1 if end < len(body) - 1 else 2
        assert len(listing.entries) == complete
        assert len(listing.entries) + len(listing.rejects) == listing.declared


def test_one_malformed_entry_in_the_middle_costs_only_itself() -> None:
    whole = json.dumps([an_entry(), an_entry(paper__id="2606.00002"), an_entry()])
    damaged = whole.replace('"id": "2606.00002"', '"id": 2606.00002.3')
    listing = HuggingFace().parse(damaged.encode(), Request(""))
    assert (listing.outcome, listing.declared, len(listing.entries)) == (Outcome.OK, 3, 2)
    assert listing.rejects[0].position == 2
    assert "malformed" in listing.rejects[0].reason


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.BROKEN),
        (b"  \n", Outcome.BROKEN),
        (b"[]", Outcome.EMPTY),
        (b"\xef\xbb\xbf[ ]\n", Outcome.EMPTY),
        (b"[", Outcome.TRUNCATED),
        (b"[1, null]", Outcome.BROKEN),
        (b'{"error": "Invalid date"}', Outcome.REFUSED),
        (b'{"error": 5}', Outcome.BROKEN),
        (b'{"papers": []}', Outcome.BROKEN),
        (b"null", Outcome.BROKEN),
        (b"Rate limit exceeded", Outcome.REFUSED),
        (b"<!doctype html><title>Oops</title>", Outcome.BROKEN),
        (b"<html></html>", Outcome.BROKEN),
        (b"<rss/>", Outcome.BROKEN),
        (b"\x00\xff\xfe", Outcome.BROKEN),
        (b"[" * 100_000, Outcome.TRUNCATED),
        (b"[" * 100_000 + b"]" * 100_000, Outcome.BROKEN),
        (b"[" + b"1," * 20_000 + b"1]", Outcome.BROKEN),
    ],
)
def test_what_is_no_array_of_papers_gets_its_own_word(body: bytes, outcome: Outcome) -> None:
    listing = HuggingFace().parse(body, Request("", DAY))
    assert listing.outcome is outcome
    assert listing.entries == ()
    assert listing.listed_on == DAY
    assert listing.note


def test_the_refusal_repeats_the_sources_words() -> None:
    listing = HuggingFace().parse(b'{"error": "Invalid date"}', Request(""))
    assert listing.note == "The source answered: Invalid date"


def test_lone_surrogates_and_null_characters_never_leave_the_parser() -> None:
    body = json.dumps([an_entry(title="A \ud800 B \x00 C")]).encode()
    (entry,) = HuggingFace().parse(body, Request("")).entries
    entry.title.encode()
    assert "\x00" not in entry.title
