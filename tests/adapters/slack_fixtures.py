"""Fixtures of the Slack tests beyond the conformance suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.platforms.slack import Slack
from tests.adapters.counterpart import words
from tests.adapters.loopback_slack_wire import WiredSlack, elements
from tests.adapters.slack_place import SlackHarness, WholeInbound
from tests.adapters.slack_reader import read_message
from tests.adapters.slack_world import Json, Room


@dataclass(slots=True)
class Stage:
    """A loopback, the adapter connected to it, one channel, and the core that listens."""

    place: SlackHarness
    core: WholeInbound
    room: Room

    @property
    def slack(self) -> WiredSlack:
        return self.place.slack

    @property
    def adapter(self) -> Slack:
        assert self.place.adapter is not None
        return self.place.adapter

    @property
    def address(self) -> str:
        return f"{self.slack.team_id}/{self.room.id}"

    async def restart(self, **options: object) -> None:
        """Start a new adapter, with other options."""
        await self.adapter.stop()
        self.place.options = options
        await self.place.connect(self.core)

    async def answered(self, url_id: str, count: int = 1) -> Json:
        """Return the newest message at a response_url."""
        await self.place.answer(url_id, count)
        return self.slack.responses[url_id][-1]

    async def type(self, text: str, user: str = "UADA") -> Json:
        """Type ``/papers text``; return the answer."""
        return await self.answered(await self.slack.type_command(self.room, user, text))


@pytest.fixture(params=["socket", "http"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Both ways in which Slack reaches us."""
    place = SlackHarness(http=request.param == "http")
    await place.open()
    core = WholeInbound()
    await place.connect(core)
    room = place.slack.room("papers")
    room.people |= set(place.people)
    yield Stage(place, core, room)
    await place.close()


@pytest.fixture
async def by_socket() -> AsyncIterator[Stage]:
    """Socket Mode alone."""
    place = SlackHarness()
    await place.open()
    core = WholeInbound()
    await place.connect(core)
    room = place.slack.room("papers")
    room.people |= set(place.people)
    yield Stage(place, core, room)
    await place.close()


def seen(message: Json) -> str:
    """What a person reads of a message or view."""
    return words(read_message(message).text)


def action_ids(message: Json) -> list[str]:
    """What can be pressed in a message or view."""
    return [element["action_id"] for element in elements(message["blocks"])]
