"""Slack passes the conformance suite, in Socket Mode and by signed HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.domain import Layout
from bot.platforms.slack import Slack
from tests.adapters.conformance import PlatformConformance
from tests.adapters.slack_place import SlackHarness


class TestSlackBySocket(PlatformConformance):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[SlackHarness]:
        place = SlackHarness()
        await place.open()
        yield place
        await place.close()


class TestSlackByHttp(PlatformConformance):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[SlackHarness]:
        place = SlackHarness(http=True)
        await place.open()
        yield place
        await place.close()


def test_its_layout_is_the_thread() -> None:
    assert Slack.default_layout is Layout.THREAD
