"""Whatever a parser lets through can be stored, read again, summarised and posted anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scenario.whole_way import WholeWay
from tests.unit.test_sources_hostile import JSON, SPLINTERS, TEMPLATES

STEADY = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WORDS = st.text(st.one_of(st.characters(), st.sampled_from("\\${}^_~&<>@#*`|\u202e\u200b")))


@pytest.fixture(scope="module")
def way() -> Iterator[WholeWay]:
    opened = WholeWay()
    yield opened
    opened.store.close()


@pytest.mark.parametrize("number", range(len(TEMPLATES)))
def test_our_own_listings_go_the_whole_way(way: WholeWay, number: int) -> None:
    assert way.go(TEMPLATES[number]) >= 1


@STEADY
@given(template=st.sampled_from(TEMPLATES), data=st.data())
def test_damaged_listings_go_as_far_as_they_are_whole(
    way: WholeWay, template: bytes, data: st.DataObject
) -> None:
    body = bytearray(template)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        end = min(len(body), at + data.draw(st.integers(0, 12)))
        body[at:end] = data.draw(st.one_of(st.binary(max_size=6), st.sampled_from(SPLINTERS)))
    way.go(bytes(body))


@STEADY
@given(title=WORDS, abstract=WORDS, author=WORDS, link=WORDS)
def test_any_words_go_the_whole_way_or_are_turned_away_with_a_reason(
    way: WholeWay, title: str, abstract: str, author: str, link: str
) -> None:
    paper = {
        "id": "2606.00001",
        "summary": abstract,
        "authors": [{"name": author}],
        "githubRepo": link,
        "projectPage": link,
        "ai_summary": abstract,
    }
    way.go(json.dumps([{"title": title, "paper": paper}]).encode())


@STEADY
@given(value=JSON)
def test_any_json_in_an_entry_goes_the_whole_way_or_is_turned_away(
    way: WholeWay, value: object
) -> None:
    facts = value if isinstance(value, dict) else {"summary": value}
    way.go(json.dumps([{"title": "T", "paper": {**facts, "id": "2606.00001"}}]).encode())
