"""The settings of Slack say how it is reached, and what is missing."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bot.settings import Slack


@pytest.mark.parametrize(
    ("given", "enabled", "by_http"),
    [
        ({}, False, True),
        ({"bot_token": "xoxb-1", "app_token": "xapp-1"}, True, False),
        ({"bot_token": "xoxb-1", "signing_secret": "s"}, True, True),
        ({"bot_token": "xoxb-1", "app_token": "xapp-1", "signing_secret": "s"}, True, False),
        (
            {"bot_token": "xoxb-1", "app_token": "xapp-1", "signing_secret": "s", "mode": "http"},
            True,
            True,
        ),
        ({"client_id": "1.2", "client_secret": "c", "signing_secret": "s"}, True, True),
        ({"client_id": "1.2", "client_secret": "c", "app_token": "xapp-1"}, True, False),
    ],
)
def test_the_way_in_follows_from_what_is_set(
    given: dict[str, str], enabled: bool, by_http: bool
) -> None:
    slack = Slack.model_validate(given)
    assert (slack.enabled, slack.by_http) == (enabled, by_http)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bot_token": "xoxb-1"}, "app_token"),
        ({"app_token": "xapp-1"}, "bot_token"),
        ({"client_id": "1.2"}, "client_secret"),
        ({"client_id": "1.2", "client_secret": "c"}, "signing_secret"),
        ({"bot_token": "xoxb-1", "signing_secret": "s", "mode": "socket"}, "app_token"),
        ({"bot_token": "xoxb-1", "app_token": "xapp-1", "mode": "http"}, "signing_secret"),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Slack.model_validate(given)


def test_the_emoji_that_vote_can_be_others() -> None:
    assert Slack().like_reactions == ("+1", "thumbsup")
    assert Slack.model_validate({"like_reactions": ["heart"]}).like_reactions == ("heart",)
