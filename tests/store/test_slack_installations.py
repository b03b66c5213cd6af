"""The workspaces that installed the Slack app, and visits on their way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Installation

from bot.domain import PaperwireError
from bot.store import Store
from bot.store.installations import Installations, VisitStates


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 6, 15, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "wire.db")
    yield opened
    opened.close()


def granted(team: str | None = "T1", token: str = "xoxb-1", **changes: object) -> Installation:
    return Installation(
        team_id=team, bot_token=token, bot_id="B1", bot_user_id="U1", user_id="UADA", **changes
    )  # type: ignore[arg-type]  # the SDK's own names


async def test_an_installation_is_kept_and_the_newest_counts(store: Store, clock: Clock) -> None:
    kept = Installations(store, clock)
    await kept.async_save(granted())
    await kept.async_save(granted(token="xoxb-2"))
    await kept.async_save(granted("T2", "xoxb-3"))
    found = await kept.async_find_bot(enterprise_id=None, team_id="T1")
    assert found is not None
    assert (found.bot_token, found.bot_user_id, found.team_id) == ("xoxb-2", "U1", "T1")
    assert found.installed_at == clock.now.timestamp()


async def test_what_was_uninstalled_is_gone(store: Store, clock: Clock) -> None:
    kept = Installations(store, clock)
    await kept.async_save(granted())
    await kept.async_delete_all(enterprise_id=None, team_id="T1")
    assert await kept.async_find_bot(enterprise_id=None, team_id="T1") is None
    assert await kept.async_find_bot(enterprise_id=None, team_id=None) is None


async def test_an_organisation_is_refused_with_words(store: Store, clock: Clock) -> None:
    kept = Installations(store, clock)
    with pytest.raises(PaperwireError, match="one workspace"):
        await kept.async_save(granted(None, is_enterprise_install=True))


async def test_no_users_token_is_kept(store: Store, clock: Clock) -> None:
    kept = Installations(store, clock)
    await kept.async_save(granted(user_token="xoxp-secret"))
    assert await kept.async_find_installation(enterprise_id=None, team_id="T1") is None
    with store.read() as connection:
        (row,) = connection.execute("SELECT bot FROM slack_installations").fetchall()
    assert "xoxp-secret" not in row["bot"]


async def test_a_visit_comes_back_once_and_in_time(store: Store, clock: Clock) -> None:
    visits = VisitStates(store, clock)
    one, other = await visits.async_issue(), await visits.async_issue()
    assert one != other
    assert await visits.async_consume(one)
    assert not await visits.async_consume(one)
    assert not await visits.async_consume("made-up")
    clock.now += timedelta(minutes=11)
    assert not await visits.async_consume(other)
