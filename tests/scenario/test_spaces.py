"""The installation's own word space takes over once the store has grown enough."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain import Entry
from bot.services import spaces
from bot.services.ingest import repair
from bot.services.ranker import Rankers
from bot.store import Store, papers
from ranking.hand_over import HAND_OVER

NOW = datetime(2026, 6, 15, 6, tzinfo=UTC)
TOPICS = ("graph networks", "speech recognition", "robot grasping", "machine translation")


def fill(store: Store, count: int) -> None:
    with store.write() as connection:
        for number in range(count):
            topic = TOPICS[number % len(TOPICS)]
            entry = Entry(
                title=f"Study {number} of {topic}",
                abstract=f"We measure {topic} in setting {number % 17} with method {number % 23}.",
                arxiv_id=f"2606.{number:05}",
            )
            papers.store_entry(connection, entry, repair(entry), now=NOW, listed_on=None)


async def test_a_grown_store_gets_a_space_of_its_own_and_uses_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "paperwire.db")
    rankers = Rankers(store, own=lambda: spaces.own_space(tmp_path))
    fill(store, 50)
    bundled = rankers.current().space.fingerprint
    assert not await spaces.fit_if_due(store, tmp_path, rankers.fitted_on)
    fill(store, HAND_OVER)
    assert await spaces.fit_if_due(store, tmp_path, rankers.fitted_on)
    rankers.renew()
    assert rankers.fitted_on >= HAND_OVER
    assert rankers.current().space.fingerprint != bundled
    assert not await spaces.fit_if_due(store, tmp_path, rankers.fitted_on)
    store.close()


async def test_a_fit_that_fails_leaves_the_bundled_space_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "paperwire.db")
    fill(store, HAND_OVER)
    monkeypatch.setattr(spaces, "FILE_NAME", "missing/space.npz")
    assert not await spaces.fit_if_due(store, tmp_path, 0)
    store.close()


def test_a_damaged_space_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / spaces.FILE_NAME).write_bytes(b"no space")
    assert spaces.own_space(tmp_path) is None


def test_the_same_papers_give_the_same_space(tmp_path: Path) -> None:
    store = Store(tmp_path / "paperwire.db")
    fill(store, 200)
    store.close()
    first = spaces.fit(tmp_path / "paperwire.db", tmp_path / "a.npz")
    second = spaces.fit(tmp_path / "paperwire.db", tmp_path / "b.npz")
    assert first.fingerprint == second.fingerprint
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
