"""What the subcommands share: the home folder, settings, the store and the ranker, made on use."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.domain import Channel, PaperwireError

if TYPE_CHECKING:
    from bot.services.ranker import Rankers
    from bot.settings import Settings
    from bot.store import Store


@dataclass
class Desk:
    """Made by the front door for every command; nothing is opened before it is needed."""

    home_option: Path | None = None
    _open: list[Store] = field(default_factory=list)

    @cached_property
    def settings(self) -> Settings:
        from bot.settings import load

        return load(self.home_option)

    @cached_property
    def store(self) -> Store:
        from bot.store import Store

        store = Store(self.settings.database_path)
        click.get_current_context().call_on_close(store.close)
        return store

    @cached_property
    def rankers(self) -> Rankers:
        from bot.services.ranker import Rankers
        from bot.services.spaces import own_space
        from bot.world import bundled_world

        home = self.settings.home
        return Rankers(self.store, bundled_world(), lambda: own_space(home))

    def channel(self, name: str) -> Channel:
        """Find a channel by its number, name or address. Raises PaperwireError when unclear."""
        from bot.store import channels

        with self.store.read() as connection:
            every = channels.every(connection)
        found = [
            channel
            for channel in every
            if name in {str(channel.id), channel.name, channel.address, _full_name(channel)}
        ]
        if len(found) == 1:
            return found[0]
        known = ", ".join(_full_name(channel) for channel in every) or "none yet"
        if not found:
            raise PaperwireError(
                f"There is no channel {name!r} (known: {known}). "
                "Subscribe one with /papers subscribe in chat, or try: paperwire chat"
            )
        names = ", ".join(f"{channel.id} ({_full_name(channel)})" for channel in found)
        raise PaperwireError(f"{name!r} names several channels: {names}. Use the number.")


def now() -> datetime:
    """Return the moment: the one place where the command line reads the clock."""
    return datetime.now(UTC)


def print_json(value: object) -> None:
    """Print one JSON value on one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def _full_name(channel: Channel) -> str:
    return f"{channel.platform}:{channel.name or channel.address}"
