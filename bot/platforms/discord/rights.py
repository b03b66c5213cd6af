"""Who may change what a channel gets, as each server decides it.

Those who manage the channel may; the members of a role that the operator names; and whoever the
server lets use ``/papers-setup`` under Server Settings, Integrations: that is where Discord has
each server choose its own role.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bot.domain import Person
from bot.platforms.discord.attempts import TROUBLES
from bot.platforms.discord.places import PLATFORM

if TYPE_CHECKING:
    from bot.platforms.discord.client import Interaction, WireClient

logger = logging.getLogger(__name__)

_PATIENCE = 1.0  # seconds: the person is waiting


@dataclass(frozen=True, slots=True)
class Chosen:
    """The roles and people that one server lets manage."""

    roles: frozenset[int] = frozenset()
    people: frozenset[int] = frozenset()


class Rights:
    """Decides at run time, whatever Discord shows or hides."""

    def __init__(self, role: str = "", people: Collection[str] = ()) -> None:
        """``role`` is a name, letter case aside, or an id; ``people`` are ids, for everywhere."""
        self._role = role.strip().removeprefix("@").casefold()
        self._people = frozenset(people)
        self._chosen: dict[int, Chosen] = {}

    async def person(self, interaction: Interaction) -> Person:
        """Return who is asking, and whether they may manage here."""
        may = await self.may_manage(interaction)
        return Person(PLATFORM, str(interaction.user.id), may_manage=may)

    async def may_manage(self, interaction: Interaction) -> bool:
        """Whether the person may manage here; in direct messages everyone manages their own."""
        user = interaction.user
        if interaction.guild_id is None or str(user.id) in self._people:
            return True
        allowed = interaction.permissions
        if allowed.administrator or allowed.manage_channels:
            return True
        if not isinstance(user, discord.Member):
            return False
        names = {spelt for role in user.roles for spelt in (role.name.casefold(), str(role.id))}
        if self._role and self._role in names:
            return True
        chosen = await self._chosen_in(interaction.client, interaction.guild_id)
        held = {role.id for role in user.roles}
        return user.id in chosen.people or bool(chosen.roles & held)

    def forget(self, guild_id: int | None = None) -> None:
        """Ask a server, or all of them, again."""
        if guild_id is None:
            self._chosen.clear()
        else:
            self._chosen.pop(guild_id, None)

    async def _chosen_in(self, client: WireClient, guild_id: int) -> Chosen:
        if guild_id not in self._chosen:
            if client.setup_id is None or client.application_id is None:
                return Chosen()  # our commands are not told yet: nobody can have chosen
            try:
                async with asyncio.timeout(_PATIENCE):
                    listed = await client.http.get_guild_application_command_permissions(
                        client.application_id, guild_id
                    )
            except TROUBLES as error:
                if not isinstance(error, discord.NotFound | discord.Forbidden):
                    logger.info("who may manage in server %s is not known: %s", guild_id, error)
                    return Chosen()  # asked again next time
                listed = []
            self._chosen[guild_id] = _read(listed, client.setup_id)
        return self._chosen[guild_id]


def _read(listed: Collection[object], setup_id: int) -> Chosen:
    roles: set[int] = set()
    people: set[int] = set()
    for command in listed:
        if not isinstance(command, dict) or str(command.get("id")) != str(setup_id):
            continue
        for one in command.get("permissions") or ():
            if one["permission"] and one["type"] == discord.AppCommandPermissionType.role.value:
                roles.add(int(one["id"]))
            elif one["permission"] and one["type"] == discord.AppCommandPermissionType.user.value:
                people.add(int(one["id"]))
    return Chosen(frozenset(roles), frozenset(people))
