"""Forms: the interests of a channel, and all that setting one up needs.

A filled form is recognised by its ``custom_id``, so one that was open over a restart still counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import discord

from bot import profiles
from bot.commands import CommandError, compose
from bot.domain import Channel, ChannelState, Reply
from bot.platforms.discord.answers import Answers, respond
from bot.ports import Inbound

if TYPE_CHECKING:
    from bot.platforms.discord.client import Interaction

PROFILE = "pw:form:profile"
SETUP = "pw:form:setup"
_LONGEST = 4000

NOT_ALLOWED = Reply(
    "Only people who manage this channel may change that.",
    lines=("Reading, voting and saving are for everyone: /papers help",),
    ok=False,
)
NOTHING_WRITTEN = Reply(
    "Nothing was changed: the form has no interests.",
    lines=("Interests are words or phrases with commas between.",),
    ok=False,
)


class Forms:
    """Opens forms, filled with how things stand, and carries out what is sent in."""

    def __init__(self, inbound: Inbound, answers: Answers) -> None:
        self._inbound = inbound
        self._answers = answers

    async def open_profile(self, interaction: Interaction) -> None:
        """Show the interests to those who may change them."""
        if not await self._answers.may_manage(interaction):
            await self._answers.say(interaction, NOT_ALLOWED)
            return
        channel = await self._channel(interaction)
        form = discord.ui.Modal(title="Interests of this channel", custom_id=PROFILE)
        form.add_item(_interests(channel))
        await respond(interaction, interaction.response.send_modal(form))

    async def open_setup(self, interaction: Interaction) -> None:
        """Show interests, schedule, time zone, size and threshold to those who may change them."""
        if not await self._answers.may_manage(interaction):
            await self._answers.say(interaction, NOT_ALLOWED)
            return
        channel = await self._channel(interaction)
        form = discord.ui.Modal(title="Papers for this channel", custom_id=SETUP)
        form.add_item(_interests(channel))
        for key, label, example in _FIELDS:
            value = str(getattr(channel, key)) if channel is not None else None
            form.add_item(
                discord.ui.TextInput(
                    label=label,
                    custom_id=key,
                    placeholder=f"For example: {example}",
                    default=value,
                    required=False,
                    max_length=100,
                )
            )
        await respond(interaction, interaction.response.send_modal(form))

    async def submit(self, interaction: Interaction) -> None:
        """Carry out a form that was sent in; forms that are not ours are left alone."""
        data: Mapping[str, object] = dict(interaction.data or {})
        values = dict(_values(data.get("components")))
        if data.get("custom_id") == PROFILE:
            await self._answers.answer(interaction, self._set_profile(interaction, values))
        elif data.get("custom_id") == SETUP:
            await self._answers.answer(interaction, self._set_up(interaction, values))

    async def _set_profile(self, interaction: Interaction, values: dict[str, str]) -> Reply:
        interests = values.get("interests", "").strip()
        if not interests:
            return NOTHING_WRITTEN
        if await self._channel(interaction) is None:
            return await self._run(interaction, "subscribe", {"interests": interests})
        return await self._run(interaction, "profile set", {"items": interests})

    async def _set_up(self, interaction: Interaction, values: dict[str, str]) -> Reply:
        interests = values.get("interests", "").strip()
        settings = {
            key: values[key].strip() for key, _, _ in _FIELDS if values.get(key, "").strip()
        }
        channel = await self._channel(interaction)
        if channel is None:
            return await self._run(interaction, "subscribe", {"interests": interests, **settings})
        changed = {
            key: value for key, value in settings.items() if value != str(getattr(channel, key))
        }
        reply = Reply("Nothing was changed.")
        if interests and interests != profiles.format(channel.profile):
            reply = await self._run(interaction, "profile set", {"items": interests})
        if changed and reply.ok:
            reply = await self._run(interaction, "settings", changed, step=":settings")
        return reply

    async def _run(
        self, interaction: Interaction, name: str, values: Mapping[str, str], step: str = ""
    ) -> Reply:
        try:
            text = compose(name, values)
        except CommandError as error:
            return Reply(error.reason, ok=False)
        return await self._answers.run(interaction, text, step)

    async def _channel(self, interaction: Interaction) -> Channel | None:
        spot = await self._answers.spot(interaction)
        channel = await self._inbound.channel(spot.place) if spot is not None else None
        return None if channel is None or channel.state is ChannelState.LEFT else channel


_FIELDS = (
    ("schedule", "When", "weekdays 09:00"),
    ("timezone", "Time zone", "Europe/Berlin"),
    ("size", "Papers in a digest, at most", "5"),
    ("threshold", "How well they must match, 0 to 100", "50"),
)


def _interests(channel: Channel | None) -> discord.ui.TextInput[discord.ui.Modal]:
    written = profiles.format(channel.profile) if channel is not None else ""
    return discord.ui.TextInput(
        label="Interests, with commas between",
        custom_id="interests",
        style=discord.TextStyle.paragraph,
        placeholder='low-resource translation, -"image generation", author:"Jane Roe", cat:cs.CL',
        # A longer profile than a form holds is not cut in half unseen: the form starts empty.
        default=written if 0 < len(written) <= _LONGEST else None,
        required=False,
        max_length=_LONGEST,
    )


def _values(components: object) -> Iterable[tuple[str, str]]:
    """Yield what was typed, by field, from rows and from labels alike."""
    if not isinstance(components, list):
        return
    for item in components:
        if not isinstance(item, Mapping):
            continue
        custom_id, value = item.get("custom_id"), item.get("value")
        if isinstance(custom_id, str) and isinstance(value, str):
            yield custom_id, value
        yield from _values(item.get("components"))
        yield from _values([item.get("component")])
