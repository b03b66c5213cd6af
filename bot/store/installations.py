"""The Slack workspaces that installed the app, and the OAuth visits under way.

Made for ``bot.platforms.slack`` and handed to it by the app; it holds tokens, so the database file
is to be readable by its owner alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from bot.domain import PaperwireError
from bot.store.database import Store
from bot.store.times import to_text, to_time

VISIT = timedelta(minutes=10)  # from the install page to the way back
_KEPT = (
    "app_id", "enterprise_id", "enterprise_name", "team_id", "team_name",
    "bot_token", "bot_id", "bot_user_id",
)  # fmt: skip


class Installations(AsyncInstallationStore):
    """One bot token a workspace (slack_sdk.oauth.installation_store.AsyncInstallationStore)."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    @property
    def logger(self) -> logging.Logger:
        """The logger that the SDK writes to."""
        return logging.getLogger(__name__)

    async def async_save(self, installation: Installation) -> None:
        """Keep what a workspace granted; the newest counts."""
        await self.async_save_bot(installation.to_bot())

    async def async_save_bot(self, bot: Bot) -> None:
        """Keep a bot's token. Raises PaperwireError for an installation in a whole organisation."""
        if not bot.team_id or bot.is_enterprise_install:
            raise PaperwireError(
                "the app was installed in a whole Slack organisation, which it cannot serve; "
                "install it in one workspace"
            )
        kept = {name: getattr(bot, name) for name in _KEPT}
        kept["bot_scopes"] = list(bot.bot_scopes or ())
        row = (bot.team_id, json.dumps(kept), to_text(self._clock()))

        def run() -> None:
            with self._store.write() as connection:
                connection.execute(
                    "INSERT INTO slack_installations (team_id, bot, installed_at) VALUES (?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET bot = excluded.bot,"
                    " installed_at = excluded.installed_at",
                    row,
                )

        await asyncio.to_thread(run)

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,  # noqa: ARG002  a workspace's id says it all
        team_id: str | None,
        is_enterprise_install: bool | None = False,  # noqa: ARG002  never kept
    ) -> Bot | None:
        """Return a workspace's bot, or None."""

        def run() -> tuple[str, str] | None:
            with self._store.read() as connection:
                row = connection.execute(
                    "SELECT bot, installed_at FROM slack_installations WHERE team_id = ?",
                    (team_id,),
                ).fetchone()
            return None if row is None else (row["bot"], row["installed_at"])

        found = await asyncio.to_thread(run)
        if found is None:
            return None
        return Bot(**json.loads(found[0]), installed_at=to_time(found[1]))

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,  # noqa: ARG002  as above
        team_id: str | None,  # noqa: ARG002  as above
        user_id: str | None = None,  # noqa: ARG002  as above
        is_enterprise_install: bool | None = False,  # noqa: ARG002  as above
    ) -> Installation | None:
        """Return None: no user's token is kept."""
        return None

    async def async_delete_bot(
        self,
        *,
        enterprise_id: str | None,  # noqa: ARG002  as above
        team_id: str | None,
    ) -> None:
        """Forget a workspace's token."""

        def run() -> None:
            with self._store.write() as connection:
                connection.execute("DELETE FROM slack_installations WHERE team_id = ?", (team_id,))

        await asyncio.to_thread(run)

    async def async_delete_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
    ) -> None:
        """Do nothing: no user's token is kept."""


class VisitStates(AsyncOAuthStateStore):
    """Which visits to the install page may come back, each once."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    @property
    def logger(self) -> logging.Logger:
        """The logger that the SDK writes to."""
        return logging.getLogger(__name__)

    async def async_issue(self, *args: object, **kwargs: object) -> str:  # noqa: ARG002  the SDK's
        """Return a new visit's state, good for ten minutes."""
        state = secrets.token_urlsafe(32)
        now = self._clock()

        def run() -> None:
            with self._store.write() as connection:
                connection.execute("DELETE FROM slack_states WHERE expires_at < ?", (to_text(now),))
                connection.execute(
                    "INSERT INTO slack_states (state, expires_at) VALUES (?, ?)",
                    (state, to_text(now + VISIT)),
                )

        await asyncio.to_thread(run)
        return state

    async def async_consume(self, state: str) -> bool:
        """Return whether a state is one of ours and in time; it is used up."""
        now = self._clock()

        def run() -> bool:
            with self._store.write() as connection:
                done = connection.execute(
                    "DELETE FROM slack_states WHERE state = ? RETURNING expires_at", (state,)
                ).fetchone()
            return done is not None and done["expires_at"] >= to_text(now)

        return await asyncio.to_thread(run)
