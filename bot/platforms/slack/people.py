"""Who someone is and where something was said, as the core wants to know it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from time import monotonic
from typing import Literal

from bot.domain import PaperwireError, Person, Place
from bot.platforms.slack.blocks import JsonObject
from bot.platforms.slack.outcomes import TROUBLES
from bot.platforms.slack.workspaces import Workspaces

PLATFORM = "slack"
AGE = 300.0  # seconds for which what Slack said of a person or channel is believed
REMEMBERED = 5000
_UNNAMED = {"directmessage": "direct message", "privategroup": ""}


class People:
    """Answers from Slack's directory, remembered for a while; what Slack refuses is not known."""

    def __init__(
        self,
        workspaces: Workspaces,
        policy: Literal["members", "managers"],
        managers: Iterable[str],
    ) -> None:
        self._workspaces = workspaces
        self._policy = policy
        prefix = f"{PLATFORM}:"
        self._managers = frozenset(one.strip().removeprefix(prefix) for one in managers)
        self._known: OrderedDict[tuple[str, str], tuple[float, JsonObject]] = OrderedDict()

    async def address(self, team: str, channel: str) -> str:
        """Return the address of a channel: ``T.../C...``.

        With one token every event is of its workspace, whatever team it names: in a channel
        shared between companies that can be the other one's.
        """
        if not self._workspaces.several:
            workspace = await self._workspaces.workspace(team)
            team = (await workspace.who()).team_id or team
        return f"{team}/{channel}" if team else channel

    async def place(self, team: str, channel: str, name: str = "") -> Place:
        """Return a place; ``name`` is what the event calls it, where it does."""
        address = await self.address(team, channel)
        if name and name not in _UNNAMED:
            return Place(PLATFORM, address, name=f"#{name}", private=name.startswith("mpdm-"))
        if channel.startswith("D"):
            return Place(PLATFORM, address, name="direct message", private=True)
        info = await self.channel(team, channel)
        called = info.get("name")
        return Place(
            PLATFORM,
            address,
            name=f"#{called}" if called else _UNNAMED.get(name, "") or channel,
            # What cannot be looked up is treated as private.
            private=bool(info.get("is_private", True)) or name in _UNNAMED,
        )

    async def person(self, team: str, user: str, channel: str = "") -> Person:
        """Return a person with the right to manage the channel, as the policy has it."""
        return Person(PLATFORM, user, may_manage=await self._may_manage(team, user, channel))

    async def _may_manage(self, team: str, user: str, channel: str) -> bool:
        if self._policy == "members" or user in self._managers or channel.startswith("D"):
            return True
        profile = await self.user(team, user)
        if any(profile.get(role) for role in ("is_admin", "is_owner", "is_primary_owner")):
            return True
        if not channel:
            return False
        return (await self.channel(team, channel)).get("creator") == user

    async def timezone(self, team: str, user: str) -> str | None:
        """Return the time zone of a person's own profile, or None."""
        zone = (await self.user(team, user)).get("tz")
        return str(zone) if zone else None

    async def user(self, team: str, user: str) -> JsonObject:
        """Return what ``users.info`` says; empty where it says nothing."""
        return await self._ask("users.info", team, {"user": user}, "user")

    async def channel(self, team: str, channel: str, *, fresh: bool = False) -> JsonObject:
        """Return what ``conversations.info`` says; empty where it says nothing."""
        if fresh:
            self.forget(team, channel)
        return await self._ask("conversations.info", team, {"channel": channel}, "channel")

    def forget(self, team: str, channel: str) -> None:
        """Ask anew for a channel when it is next needed."""
        self._known.pop((team, channel), None)

    async def channels_of(self, team: str, user: str, most: int = 1000) -> list[JsonObject]:
        """Return the channels of a person that the app may know of; raises as the SDK does."""
        workspace = await self._workspaces.workspace(team)
        found: list[JsonObject] = []
        cursor = ""
        while len(found) < most:
            answer = await workspace.read.users_conversations(
                user=user,
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=200,
                **({"cursor": cursor} if cursor else {}),
            )
            data = answer.data if isinstance(answer.data, dict) else {}
            found += [one for one in data.get("channels") or () if one.get("id")]
            cursor = str((data.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return found[:most]

    async def is_in(self, team: str, user: str, channel: str) -> bool:
        """Tell whether Slack lists a channel among a person's; not where it lists none."""
        try:
            listed = await self.channels_of(team, user)
        except (PaperwireError, *TROUBLES) as trouble:
            self._workspaces.tell_once(team, trouble)
            return False
        return any(str(one["id"]) == channel for one in listed)

    async def _ask(
        self, method: str, team: str, arguments: dict[str, str], part: str
    ) -> JsonObject:
        key = (team, arguments[part])
        known = self._known.get(key)
        if known is not None and monotonic() - known[0] < AGE:
            return known[1]
        try:
            workspace = await self._workspaces.workspace(team)
            answer = await workspace.read.api_call(method, http_verb="GET", params=arguments)
        except (PaperwireError, *TROUBLES) as trouble:
            self._workspaces.tell_once(team, trouble)
            return {}
        data = answer.data if isinstance(answer.data, dict) else {}
        said = data.get(part)
        if not isinstance(said, dict):
            return {}
        self._known[key] = (monotonic(), said)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return said
