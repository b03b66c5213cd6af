"""For every test: recorded inputs, no waiting for the disk, and how hypothesis finds examples."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples every time, however slow the machine is: no run meets what another has not.
# Look for new ones with --hypothesis-profile=explore.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("install") is None)
    for item in items:
        if any(map(item.get_closest_marker, ("install", "soak", "benchmark"))):
            item.add_marker(pytest.mark.timeout(0))  # these take as long as they take


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of recorded inputs beside the checkout; required where CI is set."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        reason = f"no recorded inputs at {folder}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk() -> Iterator[None]:
    """Leave out what only a power cut would tell apart; it is most of the time of a slow disk."""
    from bot.store import Store, database

    use_wal, begin = database._use_wal, Store._open

    def hurry(connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "_use_wal", lambda connection: use_wal(hurry(connection)))
        patched.setattr(Store, "_open", lambda store: hurry(begin(store)))
        patched.setattr(os, "fsync", lambda _: None)
        yield
