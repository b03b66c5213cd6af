"""Let the shared suite explain its failures as test modules do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.adapters.counterpart",
    "tests.adapters.conformance_sending",
    "tests.adapters.conformance_people",
    "tests.adapters.conformance",
)


@pytest.fixture
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw as in a common terminal, whatever the tests themselves run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
