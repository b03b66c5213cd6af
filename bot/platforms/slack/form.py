"""The form for a channel's profile and settings: a modal, with what is wrong beside its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    ExternalDataSelectElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)

from bot import profiles
from bot.commands import SETTINGS, CommandError, SettingSpec, parse
from bot.domain import Channel, ChannelState, PaperwireError, Place, Reply
from bot.platforms.slack.actions import read_asked
from bot.platforms.slack.blocks import JsonObject, Message, section
from bot.platforms.slack.desk import Asked, Desk, modal, read_place
from bot.platforms.slack.listeners import team_of
from bot.platforms.slack.mrkdwn import bold, escape, fit
from bot.platforms.slack.replies import EDIT, NOT_INSIDE, reply_message
from bot.platforms.slack.workspaces import split_address
from bot.ports import Suggest
from bot.schedule import check_timezone
from bot.schedule import parse as parse_schedule

CALLBACK = "edit_channel"
PROFILE = "profile"
SWITCHES = "switches"
VALUE = "value"
PROFILE_LIMIT = 3000  # what a text field of Slack holds
ERROR_LIMIT = 150

Body = dict[str, Any]
NOT_SUBSCRIBED = Reply(
    "This channel has no subscription to edit.",
    lines=("Begin with your interests: /papers subscribe low-resource translation",),
    ok=False,
)
MAY_NOT = Reply("Only people who manage this channel may change that.", ok=False)


class Form:
    """Opened by a button; what is sent in goes through the same commands that can be typed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, app: AsyncApp) -> None:
        """Register every listener of this module."""
        app.block_action(EDIT)(self.edit)
        app.options("timezone")(self.timezones)
        app.view(CALLBACK)(self.submit)
        # A choice made in a form is read when the form is sent in.
        app.block_action({"block_id": SWITCHES, "action_id": VALUE})(self.nothing)

    async def nothing(self, ack: AsyncAck) -> None:
        """Acknowledge a press that means nothing by itself."""
        await ack()

    async def edit(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Open the form of the channel that the button belongs to."""
        await ack()
        asked = await read_asked(self._desk, body, context)
        action = (body.get("actions") or [{}])[0]
        place = read_place(action.get("value"))  # set where a button belongs to another channel
        self._desk.spawn(self.open(asked, place or asked.place))

    async def open(self, asked: Asked, place: Place) -> None:
        """Open the form, or say why there is none."""
        channel = await self._desk.inbound.channel(place)
        team, where = split_address(place.address)
        people = self._desk.people
        person = await people.person(team or asked.team, asked.user, where)
        if asked.at_home and not await people.is_in(team or asked.team, asked.user, where):
            await self._desk.show(asked, reply_message(NOT_INSIDE))
        elif channel is None or channel.state is ChannelState.LEFT:
            await self._desk.answer(asked, reply_message(NOT_SUBSCRIBED))
        elif not person.may_manage:
            await self._desk.answer(asked, reply_message(MAY_NOT))
        elif not await self._desk.open_view(asked, form_view(channel, place)):
            words = Reply(
                "Slack did not open the form.",
                lines=("Press again, or type: /papers settings, /papers profile",),
                ok=False,
            )
            if not asked.at_home:
                await self._desk.answer(asked, reply_message(words))

    async def timezones(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Suggest time zones as a person types."""
        typed = str(body.get("value") or "")
        user = str((body.get("user") or {}).get("id") or "")
        place = read_place((body.get("view") or {}).get("private_metadata")) or Place("slack", "")
        person = await self._desk.people.person(team_of(body, context), user)
        found = await self._desk.inbound.suggest(place, person, Suggest.TIMEZONE, typed)
        await ack(options=[_option(one.value, one.label).to_dict() for one in found])

    async def submit(
        self, ack: AsyncAck, body: Body, view: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Take the form in: check every field, then change what was changed."""
        place = read_place(view.get("private_metadata"))
        channel = None if place is None else await self._desk.inbound.channel(place)
        if place is None or channel is None:
            await ack(response_action="update", view=_told(place, NOT_SUBSCRIBED))
            return
        values = read_values(view)
        errors = check_values(values, channel)
        if errors:
            await ack(response_action="errors", errors=errors)
            return
        team, where = split_address(place.address)
        user = str((body.get("user") or {}).get("id") or "")
        person = await self._desk.people.person(team or team_of(body, context), user, where)
        for block, command in commands_of(values, channel):
            reply = await self._desk.command(place, person, command)
            if not reply.ok:
                said = fit(" ".join((reply.headline, *reply.lines[:1])), ERROR_LIMIT)
                await ack(response_action="errors", errors={block: said})
                return
        status = await self._desk.command(place, person, "schedule")
        done = Reply("Saved.", lines=(status.headline,))
        await ack(response_action="update", view=_told(place, done))


def form_view(channel: Channel, place: Place) -> JsonObject:
    """Return the form, filled with what the channel has."""
    blocks: list[Block] = [section(bold(escape(channel.name, 200))), _profile_field(channel)]
    blocks += [_field(spec, channel) for spec in SETTINGS if not _is_switch(spec)]
    switches = [spec for spec in SETTINGS if _is_switch(spec)]
    options = [_option(spec.key, spec.description) for spec in switches]
    chosen = [
        option
        for spec, option in zip(switches, options, strict=True)
        if getattr(channel, spec.field)
    ]
    blocks.append(
        InputBlock(
            block_id=SWITCHES,
            label="More",
            optional=True,
            element=CheckboxesElement(
                action_id=VALUE, options=options, initial_options=chosen or None
            ),
        )
    )
    laid = [block.to_dict() for block in blocks]
    return modal("Edit papers", laid, place, callback=CALLBACK, submit="Save")


def _profile_field(channel: Channel) -> InputBlock:
    written = profiles.format(channel.profile)
    too_long = len(written) > PROFILE_LIMIT
    hint = 'Words and phrases, commas between. -"topic" mutes, author:"Jane Roe", cat:cs.CL'
    if too_long:
        hint = "The interests are too long for this field: use /papers profile add or remove"
    return InputBlock(
        block_id=PROFILE,
        label="Interests",
        hint=hint,
        optional=True,
        element=PlainTextInputElement(
            action_id=VALUE,
            multiline=True,
            max_length=PROFILE_LIMIT,
            initial_value=None if too_long else written or None,
        ),
    )


def _is_switch(spec: SettingSpec) -> bool:
    return "on" in spec.choices


def _field(spec: SettingSpec, channel: Channel) -> InputBlock:
    now = written_value(getattr(channel, spec.field))
    element: StaticSelectElement | ExternalDataSelectElement | PlainTextInputElement
    if spec.choices:
        element = StaticSelectElement(
            action_id=VALUE,
            options=[_option(choice, choice) for choice in spec.choices],
            initial_option=_option(now, now),
        )
    elif spec.key == "timezone":
        element = ExternalDataSelectElement(
            action_id="timezone",
            placeholder="A city",
            min_query_length=2,
            initial_option=_option(now, now),
        )
    else:
        element = PlainTextInputElement(action_id=VALUE, initial_value=now, max_length=300)
    return InputBlock(
        block_id=spec.key,
        label=spec.key.replace("-", " ").capitalize(),
        hint=spec.description,
        element=element,
    )


def _option(value: str, label: str) -> Option:
    return Option(value=value[:75], text=PlainTextObject(text=fit(label, 75) or "-", emoji=False))


def written_value(value: object) -> str:
    """Return a setting's value as it is written in a command."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(str(one) for one in value) or "all"
    return str(value)


# --- what was sent in ---------------------------------------------------------------------------


def read_values(view: JsonObject) -> dict[str, str]:
    """Return the form's fields by their keys, as text; the switches as ``on`` and ``off``."""
    stated = (view.get("state") or {}).get("values") or {}
    values: dict[str, str] = {}
    for block, elements in stated.items():
        for element in elements.values():
            if block == SWITCHES:
                on = {one.get("value") for one in element.get("selected_options") or ()}
                switches = (spec.key for spec in SETTINGS if _is_switch(spec))
                values.update({key: "on" if key in on else "off" for key in switches})
                continue
            option = element.get("selected_option") or {}
            values[block] = str(element.get("value") or option.get("value") or "").strip()
    return values


def check_values(values: Mapping[str, str], channel: Channel) -> dict[str, str]:
    """Return what is wrong, by field."""
    errors: dict[str, str] = {}
    for field, said in _check(values, channel):
        errors.setdefault(field, fit(said, ERROR_LIMIT))
    return errors


def _check(values: Mapping[str, str], channel: Channel) -> Iterator[tuple[str, str]]:
    try:
        written = values.get(PROFILE, "")
        if not written and profiles.items(channel.profile) and not _too_long(channel):
            yield PROFILE, "At least one interest; to stop the digests: /papers unsubscribe"
        profiles.parse(written)
    except PaperwireError as trouble:
        yield PROFILE, str(trouble)
    for key, value in values.items():
        if key in {PROFILE, SWITCHES}:
            continue
        try:
            if value == "":
                yield key, "It cannot be empty."
            else:
                parse(f"settings {_assign(key, value)}")
            if key == "schedule" and value:
                parse_schedule(value)
            if key == "timezone" and value:
                check_timezone(value)
        except CommandError as trouble:
            yield key, trouble.reason
        except PaperwireError as trouble:
            yield key, str(trouble)


def commands_of(values: Mapping[str, str], channel: Channel) -> Iterator[tuple[str, str]]:
    """Return the commands that make the changes, each with the field to blame."""
    changed = {
        spec.key: values[spec.key]
        for spec in SETTINGS
        if spec.key in values and values[spec.key] != written_value(getattr(channel, spec.field))
    }
    # Sources are known to the core alone, so that field goes by itself and first.
    if "sources" in changed:
        yield "sources", f"settings {_assign('sources', changed.pop('sources'))}"
    if changed:
        written = " ".join(_assign(key, value) for key, value in changed.items())
        yield next(iter(changed)), f"settings {written}"
    profile = values.get(PROFILE, "")
    if profile and profile != profiles.format(channel.profile):
        yield PROFILE, f"profile set {profile}"


def _too_long(channel: Channel) -> bool:
    return len(profiles.format(channel.profile)) > PROFILE_LIMIT


def _assign(key: str, value: str) -> str:
    return f'{key}="{value.replace(chr(34), "")}"'


def _told(place: Place | None, reply: Reply) -> JsonObject:
    message: Message = reply_message(reply)
    return modal("Paperwire", list(message.blocks), place or Place("slack", ""))
