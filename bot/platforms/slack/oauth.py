"""Several workspaces: Slack's OAuth, with the installations in a store that is handed in."""

from __future__ import annotations

from dataclasses import dataclass, field

from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from bot.platforms.slack.scopes import SCOPES

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"


@dataclass(frozen=True, slots=True)
class OAuth:
    """What is needed to be installed in any workspace."""

    client_id: str
    client_secret: str = field(repr=False)
    installations: AsyncInstallationStore
    states: AsyncOAuthStateStore
    redirect_uri: str | None = None

    def settings(self, api_url: str) -> AsyncOAuthSettings:
        """Return Bolt's settings of the flow."""
        return AsyncOAuthSettings(
            client_id=self.client_id,
            client_secret=self.client_secret,
            scopes=list(SCOPES),
            install_path=INSTALL_PATH,
            redirect_uri_path=REDIRECT_PATH,
            redirect_uri=self.redirect_uri,
            installation_store=self.installations,
            installation_store_bot_only=True,
            state_store=self.states,
            authorization_url=api_url.removesuffix("api/") + "oauth/v2/authorize",
        )
