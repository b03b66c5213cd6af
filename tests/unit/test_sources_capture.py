"""Text captures of the Daily Papers page in their three shapes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.domain import Entry, Listing, Outcome
from bot.ports import Request
from bot.sources.capture import Capture

LONG = "This sentence says something about the work and is repeated. " * 8
BLANKED = "new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\nJan 5\n\n"
GLUED = "Get trending papers in your email inbox!\nSubscribe"


def parse(text: str) -> Listing:
    return Capture().parse(text.encode(), Request("capture.txt", date(2026, 1, 5)))


@pytest.fixture(scope="module")
def listings(shared_data: Path) -> list[Listing]:
    paths = sorted((shared_data / "captures").glob("*.txt"))
    return [Capture().parse(path.read_bytes(), Request(path.name)) for path in paths]


def test_the_five_captures_hold_676_entries(listings: list[Listing]) -> None:
    assert [len(listing.entries) for listing in listings] == [62, 257, 40, 231, 86]
    assert [listing.declared for listing in listings] == [62, 257, 40, 231, 86]
    assert all(listing.outcome is Outcome.OK and not listing.rejects for listing in listings)
    assert all(listing.listed_on is None for listing in listings)
    titles = [entry.title for listing in listings for entry in listing.entries]
    assert (len(titles), len(set(titles))) == (676, 613)


def test_only_the_third_capture_has_dates_author_counts_and_comments(
    listings: list[Listing],
) -> None:
    def having(field: str) -> list[int]:
        return [sum(getattr(e, field) is not None for e in one.entries) for one in listings]

    assert having("published") == [0, 0, 40, 0, 0]
    assert having("author_count") == [0, 0, 40, 0, 0]
    assert having("comments") == [0, 0, 11, 0, 0]


def test_details_belong_to_the_paper_above_them(listings: list[Listing]) -> None:
    first, last = listings[2].entries[0], listings[2].entries[-1]
    assert first.title.startswith("Self-Supervised Alignment with Mutual Information")
    assert (first.author_count, first.published, first.comments) == (6, date(2024, 4, 22), None)
    assert last.title == "Let's Predict Sentence by Sentence"
    assert (last.author_count, last.published, last.comments) == (10, date(2025, 5, 28), 2)


def test_titles_and_abstracts_are_told_apart_in_every_capture(listings: list[Listing]) -> None:
    entries = [entry for listing in listings for entry in listing.entries]
    assert max(len(entry.title) for entry in entries) == 144
    assert min(len(entry.abstract) for entry in entries) == 464
    assert not any(entry.title.startswith("Subscribe") for entry in entries)


def test_no_capture_gives_a_link_of_any_kind(listings: list[Listing]) -> None:
    entries = [entry for listing in listings for entry in listing.entries]
    assert sum("pages.dev" in entry.abstract for entry in entries) == 4
    for entry in entries:
        assert (entry.url, entry.code_url, entry.project_url, entry.arxiv_id) == (None,) * 4


@pytest.mark.parametrize("heading", [BLANKED, GLUED])
def test_a_small_capture_of_either_shape_is_read(heading: str) -> None:
    gap = "\n\n" if heading is BLANKED else "\n"
    listing = parse(heading + gap.join(["One", LONG, "Two", LONG]) + "\n")
    assert [entry.title for entry in listing.entries] == ["One", "Two"]
    assert listing.outcome is Outcome.OK


def test_a_title_that_begins_with_subscribe_keeps_it_where_the_word_stands_alone() -> None:
    (entry,) = parse(f"{BLANKED}Subscribe or Perish\n\n{LONG}").entries
    assert entry.title == "Subscribe or Perish"


def test_a_missing_abstract_costs_only_its_own_paper() -> None:
    listing = parse(GLUED + "\n".join(["One", LONG, "Lost", "Two", LONG, "Three", LONG]))
    assert [entry.title for entry in listing.entries] == ["One", "Two", "Three"]
    (reject,) = listing.rejects
    assert (reject.position, reject.label) == (2, "Lost")
    assert reject.reason == "there is a title without an abstract"
    assert listing.declared == 4


def test_a_missing_title_costs_only_its_own_paper() -> None:
    listing = parse(GLUED + "\n".join(["One", LONG, LONG, "Two", LONG]))
    assert [entry.title for entry in listing.entries] == ["One", "Two"]
    assert listing.rejects[0].reason == "there is an abstract without a title"


def test_a_capture_that_ends_after_a_title_is_truncated() -> None:
    listing = parse(GLUED + "\n".join(["One", LONG, "Two"]))
    assert listing.outcome is Outcome.TRUNCATED
    assert [entry.title for entry in listing.entries] == ["One"]
    assert listing.rejects[0].reason == "the capture ends inside this entry"


def test_a_last_paper_without_the_details_all_others_have_is_cut() -> None:
    details = "  • 6 authors\n·\nApr 22, 2024\n\n"
    whole = BLANKED + "".join(f"Title {n}\n\n{LONG}\n\n{details}" for n in range(3))
    assert parse(whole).outcome is Outcome.OK
    listing = parse(whole[: -len(details)])
    assert listing.outcome is Outcome.TRUNCATED
    assert len(listing.entries) == 2


def test_other_line_ends_and_unicode_separators_split_nothing() -> None:
    listing = parse((BLANKED + f"One\n\nSplit\u2028here. {LONG}\n").replace("\n", "\r\n"))
    (entry,) = listing.entries
    assert entry.abstract.startswith("Split\u2028here.")


def test_a_paper_about_refusals_is_no_refusal() -> None:
    listing = parse(f"{BLANKED}Rate limit exceeded: a study\n\n{LONG}")
    assert listing.outcome is Outcome.OK


def test_an_impossible_date_is_no_detail() -> None:
    listing = parse(f"{BLANKED}One\n\n{LONG}\n\n  • 6 authors\n·\nFeb 31, 2024\n\n")
    assert listing.entries[0].published is None
    assert listing.entries[0].author_count == 6


def test_one_author_is_a_count_too() -> None:
    assert parse(f"{BLANKED}One\n\n{LONG}\n\n• 1 author\n").entries == (
        Entry(title="One", abstract=LONG.strip(), author_count=1),
    )


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("", Outcome.BROKEN),
        ("One\n" + LONG, Outcome.BROKEN),
        (BLANKED, Outcome.EMPTY),
        ("Too Many Requests", Outcome.REFUSED),
        ("<html><body>Daily Papers</body></html>", Outcome.BROKEN),
        ("[]", Outcome.BROKEN),
    ],
)
def test_what_is_no_capture_gets_its_own_word(text: str, outcome: Outcome) -> None:
    listing = parse(text)
    assert (listing.outcome, listing.entries) == (outcome, ())


def test_captures_are_never_fetched() -> None:
    assert list(Capture().requests([date(2026, 1, 5)])) == []
