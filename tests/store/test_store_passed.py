"""What digests passed over: packed and read back, the newest word on a paper, who is in line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Channel, Digest, DigestKind, Profile
from bot.store import Store, channels, digests, gap, passed
from bot.store.gap import Gap
from bot.store.passed import RESTORED, Passed
from tests.store import schema_dumps

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)


@pytest.fixture
def store() -> Iterator[Store]:
    one = Store(None)
    yield one
    one.close()


def add_channel(store: Store, name: str = "desk") -> Channel:
    with store.write() as connection:
        channel = Channel(0, "terminal", name, name, Profile())
        return channels.insert(connection, channel, private=False, now=NOW)


def add_paper(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(
        "INSERT INTO papers (id, title_key, author_key, version, title, abstract, raw_title,"
        " raw_abstract, authors, author_count, categories, first_seen_at, changed_at)"
        " VALUES (?, '', '', 1, '', '', '', '', '[]', 0, '[]', '', '')",
        (number,),
    )


def digest(store: Store, channel: Channel, day: int, *over: Passed) -> int:
    with store.write() as connection:
        kind = DigestKind.DAILY
        one = Digest(0, channel.id, f"2026-06-{day:02}T09:00", kind, NOW, len(over), 0)
        number = digests.insert(connection, one, upto=day, quiet=True)
        assert number is not None
        passed.insert(connection, number, over)
    return number


def below(paper: int, match: int | None = 40) -> Passed:
    return Passed(paper, match, "threshold", 10.0, f"match {match}, the threshold is 50")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
drops = st.builds(
    Passed,
    paper_id=st.integers(1, 2**53),
    match=st.none() | st.integers(0, 100),
    step=texts,
    short_by=st.floats(0, 100),
    words=texts,
)


@given(st.lists(drops, max_size=30, unique_by=lambda one: one.paper_id))
def test_what_was_passed_over_is_read_back_as_it_was_by_paper(over: list[Passed]) -> None:
    store = Store(None)
    number = digest(store, add_channel(store), 1, *over)
    with store.read() as connection:
        found = passed.of_digest(connection, number)
        assert found == tuple(sorted(over, key=lambda one: one.paper_id))
    store.close()


def test_a_days_papers_take_a_few_bytes_each(store: Store) -> None:
    over = [below(1_000_000 + paper, paper % 50) for paper in range(2_000)]
    digest(store, add_channel(store), 1, *over)
    with store.read() as connection:
        size = connection.execute("SELECT length(papers) + length(why) FROM passed_over").fetchone()
    assert size[0] < 8 * len(over)


def test_the_newest_digest_that_passed_a_paper_over_has_the_word(store: Store) -> None:
    channel, other = add_channel(store), add_channel(store, "other")
    digest(store, channel, 1, below(5, 10), below(7, 11))
    second = digest(store, channel, 2, below(5, 20), below(9, 21))
    digest(store, channel, 3, below(4, 30), below(6, 31))  # on both sides of it, and not it
    digest(store, other, 3, below(5, 40))
    with store.read() as connection:
        assert passed.newest(connection, channel.id, 5) == (second, below(5, 20))
        assert passed.newest(connection, channel.id, 8) is None
        assert passed.newest(connection, 99, 5) is None


def test_next_in_line_are_the_best_of_the_last_digest_that_may_be_posted(store: Store) -> None:
    channel = add_channel(store)
    digest(store, channel, 1, below(1, 99))
    digest(
        store, channel, 2, below(2, 30), below(3, 48), below(4, 48), below(5, None),
        Passed(6, 90, "muted", 0.0, "muted"), Passed(7, 90, "duplicate", 0.0, "twice"),
    )  # fmt: skip
    with store.read() as connection:
        assert passed.runners_up(connection, channel.id, 10) == (3, 4, 2, 5)
        assert passed.runners_up(connection, channel.id, 1) == (3,)
        assert passed.runners_up(connection, 99, 1) == ()
        assert passed.in_line(connection) == {2, 3, 4, 5, 6, 7}


def test_what_is_set_aside_after_a_restore_is_out_of_line_and_says_why(store: Store) -> None:
    channel = add_channel(store)
    number = digest(store, channel, 1, below(1), below(2))
    one = Gap(NOW, NOW + timedelta(hours=2), ())
    with store.write() as connection:
        for paper in (1, 2):
            add_paper(connection, paper)
        gap.set_runners_up_aside(connection, one)
        gap.set_runners_up_aside(connection, one)  # a second restore
        assert passed.runners_up(connection, channel.id, 10) == ()
        expected = tuple(Passed(paper, None, RESTORED, 0.0, one.words) for paper in (1, 2))
        assert passed.of_digest(connection, number) == expected
        assert passed.newest(connection, channel.id, 2) == (number, expected[1])


def test_rows_of_an_older_version_are_packed_and_what_was_set_aside_keeps_rows(
    tmp_path: Path,
) -> None:
    path = tmp_path / "paperwire.db"
    schema_dumps.load("0006_words", path)
    old = sqlite3.connect(path)
    old.execute("INSERT INTO passed_over VALUES (1, 1, NULL, 'restored', 0, 'perhaps posted')")
    old.commit()
    old.close()
    store = Store(path)
    with store.read() as connection:
        assert passed.of_digest(connection, 1) == (
            Passed(1, None, RESTORED, 0.0, "perhaps posted"),
            Passed(2, 20, "threshold", 30.0, "below the threshold"),
        )
        assert passed.in_line(connection) == {2}
        assert connection.execute("SELECT count(*) FROM set_aside").fetchone()[0] == 1
    store.close()
