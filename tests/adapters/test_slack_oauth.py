"""Several workspaces by OAuth, and what doctor asks of Slack."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from bot.domain import ChannelState, Signal
from bot.platforms.slack import OAuth, Slack, check
from bot.platforms.slack.scopes import SCOPES
from bot.ports import Rejected, Sent
from bot.store import Store
from bot.store.installations import Installations, VisitStates
from tests.adapters.counterpart import paper, until
from tests.adapters.slack_place import SlackHarness, WholeInbound
from tests.adapters.slack_world import APP_TOKEN, BOT_TOKEN, refused

# The SDK logs in to oauth.v2.access in a way that the newest aiohttp calls old.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")


@dataclass
class Office:
    """A loopback, and an app that any workspace may install."""

    place: SlackHarness
    core: WholeInbound
    installations: Installations

    @property
    def adapter(self) -> Slack:
        assert self.place.adapter is not None
        return self.place.adapter

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.adapter.port}"

    async def install(self, code: str = "good-code") -> tuple[int, str]:
        """Walk through Slack's consent; return the last page."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            async with session.get(f"{self.base}/slack/install") as page:
                assert page.status == 200
                text = await page.text()
            (consent,) = re.findall(r'href="([^"]*/oauth/v2/authorize[^"]*)"', text)
            assert consent.startswith(self.place.slack.api_url.removesuffix("api/"))
            consent = consent.replace("&amp;", "&")
            asked = parse_qs(urlsplit(consent).query)
            assert set(asked["scope"][0].split(",")) == set(SCOPES)
            state = asked["state"][0]
            headers = {"Cookie": f"slack-app-oauth-state={state}"}  # sent over https alone
            back = f"{self.base}/slack/oauth_redirect?code={code}&state={state}"
            async with session.get(back, headers=headers) as page:
                return page.status, await page.text()


@pytest.fixture(params=["socket", "http"])
async def office(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    place = SlackHarness(http=request.param == "http")
    await place.open()
    store = Store(tmp_path / "wire.db")

    def clock() -> datetime:
        return datetime.now(UTC)

    installations = Installations(store, clock)
    oauth = OAuth("12.34", "hush", installations, VisitStates(store, clock))
    core = WholeInbound()
    place.adapter = Slack(place.connection(bot_token=None, oauth=oauth))
    await place.adapter.start(core)
    if place.http:
        place.slack.http_target = f"http://127.0.0.1:{place.adapter.port}/slack/events"
    else:
        await place.slack.connected()
    place.slack.tokens.clear()
    yield Office(place, core, installations)
    await place.close()
    store.close()


async def test_a_workspace_installs_the_app_and_is_served(office: Office) -> None:
    status, page = await office.install()
    assert (status, "Thank you" in page or "success" in page.lower()) == (200, True)
    room = office.place.slack.room("papers")
    outcome = await office.adapter.send(f"T0001/{room.id}", paper(), "k1")
    assert isinstance(outcome, Sent)
    url_id = await office.place.slack.type_command(room, "UADA", "status")
    await office.place.answer(url_id)
    assert office.core.core.commands[0].place.address == f"T0001/{room.id}"
    await office.place.slack.react(room, outcome.remote_id, "UADA", "+1", on=True)
    assert office.core.core.votes[0].signal is Signal.LIKE


async def test_a_failed_installation_keeps_nothing(office: Office) -> None:
    status, _ = await office.install("bad-code")
    assert status >= 400
    assert await office.installations.async_find_bot(enterprise_id=None, team_id="T0001") is None


async def test_a_workspace_that_never_installed_it_gets_nothing(office: Office) -> None:
    outcome = await office.adapter.send("T9/C1", paper(), "k1")
    assert isinstance(outcome, Rejected)
    assert outcome.channel_state is ChannelState.UNREACHABLE
    assert "/slack/install" in outcome.reason
    assert office.place.slack.called("chat.postMessage") == []


async def test_an_uninstalled_workspace_is_forgotten(office: Office) -> None:
    await office.install()
    await office.place.slack.event({"type": "tokens_revoked", "tokens": {"oauth": ["UADA"]}})
    find = office.installations.async_find_bot
    assert await find(enterprise_id=None, team_id="T0001") is not None
    await office.place.slack.event({"type": "app_uninstalled"})
    assert await find(enterprise_id=None, team_id="T0001") is None
    outcome = await office.adapter.send("T0001/C1", paper(), "k1")
    assert isinstance(outcome, Rejected)


async def test_a_new_token_is_taken_up_after_a_refusal(office: Office) -> None:
    await office.install()
    room = office.place.slack.room("papers")
    address = f"T0001/{room.id}"
    assert isinstance(await office.adapter.send(address, paper(), "k1"), Sent)
    office.place.slack.tokens.clear()
    assert isinstance(await office.adapter.send(address, paper(2), "k2"), Rejected)
    await office.install()
    assert isinstance(await office.adapter.send(address, paper(2), "k2"), Sent)


async def test_in_socket_mode_no_event_is_taken_by_http(office: Office) -> None:
    body, _ = office.place.slack.encode("slash_commands", {"command": "/papers", "text": "x"})
    headers = office.place.slack.sign(body, "")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{office.base}/slack/events", data=body, headers=headers) as answer,
    ):
        assert answer.status == (401 if office.place.http else 404)
    assert office.core.texts() == []


# --- doctor -------------------------------------------------------------------------------------


@pytest.fixture
async def place() -> AsyncIterator[SlackHarness]:
    opened = SlackHarness()
    await opened.open()
    yield opened
    await opened.slack.stop()


async def test_doctor_is_content_with_all_that_is_needed(place: SlackHarness) -> None:
    found = await check(api_url=place.slack.api_url, bot_token=BOT_TOKEN, app_token=APP_TOKEN)
    assert [health.ok for health in found] == [True, True, True]
    assert "all 11 scopes" in found[1].words


async def test_doctor_compares_granted_with_needed_scopes(place: SlackHarness) -> None:
    place.slack.scopes -= {"reactions:read", "files:write"}
    place.slack.scopes |= {"chat:write.public"}
    _, scopes = await check(api_url=place.slack.api_url, bot_token=BOT_TOKEN)
    assert not scopes.ok
    assert "2 of 11 scopes are missing" in scopes.words
    assert scopes.details == (
        "missing files:write: to show a picture in an answer (works without)",
        "missing reactions:read: to count reactions as votes",
        "not needed: chat:write.public",
    )


async def test_doctor_says_which_token_is_refused(place: SlackHarness) -> None:
    bot, app = await check(api_url=place.slack.api_url, bot_token="xoxb-no", app_token="xapp-no")
    assert (bot.ok, app.ok) == (False, False)
    assert "slack.bot_token: invalid_auth" in bot.words
    assert "slack.app_token: invalid_auth" in app.words
    place.slack.faults["apps.connections.open"].append(refused("missing_scope"))
    (app,) = await check(api_url=place.slack.api_url, bot_token=None, app_token=APP_TOKEN)
    assert "connections:write" in app.words


async def test_doctor_says_that_slack_cannot_be_reached() -> None:
    (health,) = await check(api_url="http://127.0.0.1:1/api/", bot_token=BOT_TOKEN)
    assert not health.ok
    assert "slack.api_url" in health.words
    (health,) = await check(api_url="http://127.0.0.1:1/api/", bot_token=None)
    assert "slack.bot_token" in health.words


async def test_the_loopback_is_not_asked_twice_for_who_we_are() -> None:
    opened = SlackHarness()
    await opened.open()
    core = WholeInbound()
    await opened.connect(core)
    address = await opened.channel()
    for _ in range(3):
        await opened.command(address, "UADA", "status")
    await until(lambda: len(core.texts()) == 3, "three commands")
    assert len(opened.slack.called("auth.test")) == 1
    await opened.close()
