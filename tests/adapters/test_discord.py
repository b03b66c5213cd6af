"""Discord passes the conformance suite: the real discord.py against a loopback Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.conformance import PlatformConformance
from tests.adapters.discord_harness import DiscordHarness, loopback_discord


class TestDiscord(PlatformConformance):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[DiscordHarness]:
        async with loopback_discord() as server:
            yield DiscordHarness(server)
