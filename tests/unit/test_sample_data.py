"""The bundled sample listing keeps its promises: shape, spread, and ids that agree with dates."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date, timedelta
from importlib.resources import files
from typing import TypedDict

import pytest

# One paper of each topic for each of the ten days, in the order of the days.
TOPICS = {
    "language models": (
        "2106.09685 1810.04805 2201.11903 1907.11692 2305.18290 "
        "2302.13971 2005.11401 2203.11171 2001.08361 2005.14165"
    ),
    "translation and linguistics": (
        "1409.0473 1508.07909 1409.3215 1704.03471 1808.06226 "
        "2001.08210 1604.02201 1607.04606 1905.11901 2004.10643"
    ),
    "vision": (
        "1512.03385 1505.04597 1506.02640 1608.06993 2003.08934 "
        "2006.11239 2111.06377 1409.1556 2005.12872 2112.10752"
    ),
    "speech": (
        "2006.11477 1609.03499 2005.08100 2212.04356 1211.3711 "
        "2106.07447 1904.08779 2010.05646 2106.06103 2210.13438"
    ),
    "robotics": (
        "1703.06907 1504.00702 1703.09312 1610.06475 2107.04034 "
        "1806.10293 2303.04137 2010.11251 2209.07753 1901.08652"
    ),
    "graphs": (
        "1609.02907 1706.02216 1710.10903 1704.01212 1403.6652 "
        "1810.00826 1606.09375 1806.01973 1903.02428 1903.03894"
    ),
    "reinforcement learning": (
        "1312.5602 1707.06347 1509.02971 1801.01290 1602.01783 "
        "1710.02298 2006.04779 1712.01815 1509.06461 1912.01603"
    ),
    "systems": (
        "2205.14135 2309.06180 1710.03740 1712.05889 1909.08053 "
        "1603.09320 1602.05629 1912.01703 1702.08734 1604.06174"
    ),
}

FIRST_DAY = date(2026, 10, 5)
WEEKDAYS = [FIRST_DAY + timedelta(days=n) for n in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)]
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT00:00:00\.000Z")
SENTENCE_END = re.compile(r"[.?!](?=\s+[A-Z0-9$“]|$)")


class Author(TypedDict):
    name: str
    hidden: bool


class PaperFields(TypedDict, total=False):
    id: str
    authors: list[Author]
    publishedAt: str
    submittedOnDailyAt: str
    title: str
    summary: str
    upvotes: int
    githubRepo: str


class EntryFields(TypedDict):
    paper: PaperFields
    publishedAt: str
    title: str
    summary: str
    numComments: int
    isAuthorParticipating: bool


def read_days() -> dict[date, list[EntryFields]]:
    folder = files("bot.sources").joinpath("sample")
    return {
        date.fromisoformat(file.name.removesuffix(".json")): json.loads(
            file.read_text(encoding="utf-8")
        )
        for file in folder.iterdir()
        if file.name.endswith(".json")
    }


@pytest.fixture(scope="module")
def days() -> dict[date, list[EntryFields]]:
    return read_days()


@pytest.fixture(scope="module")
def entries(days: dict[date, list[EntryFields]]) -> list[EntryFields]:
    return [entry for day in sorted(days) for entry in days[day]]


def test_sample_has_over_120_papers_on_exactly_ten_weekdays(
    days: dict[date, list[EntryFields]], entries: list[EntryFields]
) -> None:
    assert sorted(days) == WEEKDAYS
    assert {len(day) for day in days.values()} <= {13, 14}
    assert len(entries) >= 120


def test_no_id_and_no_title_appears_twice(entries: list[EntryFields]) -> None:
    assert max(Counter(entry["paper"]["id"] for entry in entries).values()) == 1
    assert max(Counter(entry["title"].casefold() for entry in entries).values()) == 1


def test_month_in_the_id_is_the_month_of_submission(entries: list[EntryFields]) -> None:
    for entry in entries:
        paper = entry["paper"]
        assert re.fullmatch(r"\d{4}\.\d{4,5}", paper["id"])
        assert paper["publishedAt"][2:7] == f"{paper['id'][:2]}-{paper['id'][2:4]}", paper["id"]
        # arXiv went from four digits to five with January 2015
        assert len(paper["id"]) == (10 if paper["id"] >= "1501" else 9), paper["id"]


def test_every_entry_has_the_keys_and_types_of_the_api(
    days: dict[date, list[EntryFields]],
) -> None:
    for day, listing in days.items():
        for entry in listing:
            paper = entry["paper"]
            assert entry.keys() == EntryFields.__annotations__.keys(), paper["id"]
            assert PaperFields.__annotations__.keys() - paper.keys() <= {"githubRepo"}, paper["id"]
            assert paper.keys() <= PaperFields.__annotations__.keys(), paper["id"]
            assert paper["submittedOnDailyAt"] == f"{day}T00:00:00.000Z"
            assert TIMESTAMP.fullmatch(paper["publishedAt"])
            assert date.fromisoformat(paper["publishedAt"][:10]) < day
            assert entry["publishedAt"] == paper["publishedAt"]
            assert (entry["title"], entry["summary"]) == (paper["title"], paper["summary"])
            assert 0 <= paper["upvotes"] <= 250
            assert 0 <= entry["numComments"] <= 20
            assert entry["isAuthorParticipating"] is False
            repository = paper.get("githubRepo", "https://github.com/none/none")
            assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", repository), paper["id"]


def test_every_paper_names_its_authors_once_each(entries: list[EntryFields]) -> None:
    for entry in entries:
        names = [author["name"] for author in entry["paper"]["authors"]]
        assert names, entry["title"]
        assert len(set(names)) == len(names), entry["title"]
        assert all(name == name.strip() and " " in name for name in names), entry["title"]
        assert not any(author["hidden"] for author in entry["paper"]["authors"])


def test_abstracts_have_four_to_seven_sentences_and_none_is_shared(
    entries: list[EntryFields],
) -> None:
    sentences: list[str] = []
    for entry in entries:
        found = SENTENCE_END.split(entry["summary"])
        assert found[-1] == "", entry["title"]
        assert 4 <= len(found) - 1 <= 7, (entry["paper"]["id"], len(found) - 1)
        sentences.extend(sentence.strip() for sentence in found[:-1])
    assert len(set(sentences)) == len(sentences)


def test_abstracts_are_clean_text_with_closed_formulas(entries: list[EntryFields]) -> None:
    for entry in entries:
        summary = entry["summary"]
        assert summary.count("$") % 2 == 0, entry["title"]
        assert summary == summary.strip()
        assert "  " not in summary
        assert "\ufffd" not in summary
        assert 250 <= len(summary) <= 1000, (entry["paper"]["id"], len(summary))


def test_sample_shows_the_oddities_its_readme_speaks_of(entries: list[EntryFields]) -> None:
    by_id = {entry["paper"]["id"]: entry["summary"] for entry in entries}
    assert {paper_id for paper_id, summary in by_id.items() if "\n" in summary} == {
        "1603.02754",
        "1912.01703",
        "1903.03894",
    }
    assert all("$" in by_id[i] for i in ("2106.09685", "1609.02907", "2003.08934", "1703.10593"))
    assert all("–" in by_id[i] for i in ("1706.03762", "1511.06709", "1801.01290"))
    authors = {
        entry["paper"]["id"]: [author["name"] for author in entry["paper"]["authors"]]
        for entry in entries
    }
    assert "Petar Veličković" in authors["1710.10903"]
    assert "Michaël Defferrard" in authors["1606.09375"]
    assert "Jan Hajič" in authors["2004.10643"]


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_there_on_every_day(topic: str, days: dict[date, list[EntryFields]]) -> None:
    ids = TOPICS[topic].split()
    assert len(ids) == len(WEEKDAYS)
    for day, paper_id in zip(WEEKDAYS, ids, strict=True):
        assert paper_id in {entry["paper"]["id"] for entry in days[day]}, (topic, day)


def test_votes_are_skewed_and_listings_sorted_by_them(
    days: dict[date, list[EntryFields]], entries: list[EntryFields]
) -> None:
    for listing in days.values():
        votes = [entry["paper"]["upvotes"] for entry in listing]
        assert votes == sorted(votes, reverse=True)
    votes = sorted(entry["paper"]["upvotes"] for entry in entries)
    median, mean = votes[len(votes) // 2], sum(votes) / len(votes)
    assert mean > 1.2 * median
