"""App Home: a person's channels with their schedules, the next digest, and what they saved."""

from __future__ import annotations

from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.blocks import ActionsBlock, Block, DividerBlock

from bot.domain import Channel, ChannelState, PaperwireError, Place
from bot.platforms.slack.actions import read_asked, value_of
from bot.platforms.slack.blocks import JsonObject, button, context, headline, section, sections
from bot.platforms.slack.desk import Asked, Desk, read_place, with_place, write_place
from bot.platforms.slack.listeners import team_of
from bot.platforms.slack.mrkdwn import bold, escape, line, link
from bot.platforms.slack.outcomes import TROUBLES, error_of
from bot.platforms.slack.people import PLATFORM
from bot.platforms.slack.replies import EDIT, NOT_INSIDE, reply_message
from bot.platforms.slack.workspaces import split_address
from bot.render import guard_reply, plain_text

log = structlog.get_logger(__name__)

HOME = "home."
CHANNELS_SHOWN = 12
SAVED_SHOWN = 5
HOME_BLOCKS = 100
BEGIN = (
    "Invite me to a channel and tell me there what interests you:",
    "/papers subscribe low-resource translation, morphology",
)

Body = dict[str, Any]


class Home:
    """Published when a person opens it; its buttons answer in a modal."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, app: AsyncApp) -> None:
        """Register every listener of this module."""
        app.event("app_home_opened")(self.opened)
        for command in ("preview", "status", "saved"):
            app.block_action(f"{HOME}{command}")(self.pressed)
        app.block_action(f"{HOME}refresh")(self.refresh)

    async def opened(self, event: Body, body: Body, context: AsyncBoltContext) -> None:
        """Publish the page for the person who opens it."""
        if event.get("tab") in {None, "home"} and event.get("user"):
            self._desk.spawn(self.publish(team_of(body, context), str(event["user"])))

    async def refresh(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Publish the page again."""
        await ack()
        user = str((body.get("user") or {}).get("id") or "")
        self._desk.spawn(self.publish(team_of(body, context), user))

    async def pressed(
        self, ack: AsyncAck, body: Body, action: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Show one channel's preview, status or saved papers in a modal."""
        await ack()
        asked = await read_asked(self._desk, body, context)
        place = read_place(value_of(action))
        if place is not None:
            here = with_place(asked, place, split_address(place.address)[1])
            command = str(action.get("action_id", "")).removeprefix(HOME)
            self._desk.spawn(self._show(here, command))

    async def _show(self, asked: Asked, command: str) -> None:
        # A page that was published before someone left a channel still has its buttons.
        if await self._desk.people.is_in(asked.team, asked.user, asked.channel):
            person = await self._desk.people.person(asked.team, asked.user, asked.channel)
            reply = await self._desk.command(asked.place, person, command)
        else:
            reply = NOT_INSIDE
        await self._desk.show(asked, reply_message(reply, command=command))

    async def publish(self, team: str, user: str) -> None:
        """Make the page and publish it."""
        blocks = await self._page(team, user)
        laid = [block.to_dict() for block in blocks][:HOME_BLOCKS]
        view = {"type": "home", "callback_id": "home", "blocks": laid}
        await self._desk.publish_home(team, user, view)

    async def _page(self, team: str, user: str) -> list[Block]:
        found, known = await self._channels(team, user)
        blocks: list[Block] = [headline("Paperwire")]
        if not found:
            words = "None of your channels gets papers yet."
            blocks.append(section(escape(words if known else "Slack does not list your channels.")))
        for place, channel in found[:CHANNELS_SHOWN]:
            blocks += await self._channel(team, user, place, channel)
        if len(found) > CHANNELS_SHOWN:
            blocks.append(context(f"and {len(found) - CHANNELS_SHOWN} more"))
        blocks += await self._saved(team, user, [place for place, _ in found[:CHANNELS_SHOWN]])
        blocks += (DividerBlock(), section("\n".join(line(one) for one in BEGIN)))
        blocks.append(ActionsBlock(elements=[button("Refresh", f"{HOME}refresh")]))
        return blocks

    async def _channels(self, team: str, user: str) -> tuple[list[tuple[Place, Channel]], bool]:
        """Return the person's own channels that have a subscription.

        Slack lists what this person is a member of, so nobody sees a private channel of others.
        """
        people = self._desk.people
        try:
            listed = await people.channels_of(team, user)
        except (PaperwireError, *TROUBLES) as trouble:
            self._desk.workspaces.tell_once(team, trouble)
            log.info("slack_channels_not_listed", error=error_of(trouble))
            return [], False
        found = []
        for one in listed:
            address = await people.address(team, str(one["id"]))
            private = bool(one.get("is_private"))
            place = Place(PLATFORM, address, name=f"#{one.get('name') or ''}", private=private)
            channel = await self._desk.inbound.channel(place)
            if channel is not None and channel.state is not ChannelState.LEFT:
                found.append((place, channel))
        found.sort(key=lambda pair: (pair[1].name.casefold(), pair[1].id))
        return found, True

    async def _channel(self, team: str, user: str, place: Place, channel: Channel) -> list[Block]:
        person = await self._desk.people.person(team, user, split_address(place.address)[1])
        schedule = guard_reply(await self._desk.command(place, person, "schedule")).headline
        said = [bold(escape(channel.name, 200)), escape(schedule, 500)]
        if channel.state is not ChannelState.ACTIVE:
            reason = plain_text(channel.state_reason, 200)
            said.append(escape(f"{channel.state.capitalize()}: {reason}", 400))
        where = write_place(place)
        row = [
            button("Next digest", f"{HOME}preview", where, f"Next digest of {channel.name}"),
            button("Status", f"{HOME}status", where, f"Status of {channel.name}"),
        ]
        if person.may_manage:
            row.append(button("Edit", EDIT, where, f"Edit {channel.name}"))
        return [section("\n".join(said)), ActionsBlock(elements=row)]

    async def _saved(self, team: str, user: str, places: list[Place]) -> list[Block]:
        blocks: list[Block] = []
        for place in places:
            channel = split_address(place.address)[1]
            person = await self._desk.people.person(team, user, channel)
            reply = guard_reply(await self._desk.command(place, person, "saved"))
            if not reply.cards:
                continue
            titles = [f"• {link(card.url, card.title, 500)}" for card in reply.cards[:SAVED_SHOWN]]
            blocks.append(section(bold(f"Saved in {escape(place.name, 200)}")))
            blocks += sections(titles, 2900)
            if len(reply.cards) > SAVED_SHOWN or reply.more:
                more = button("All saved papers", f"{HOME}saved", write_place(place))
                blocks.append(ActionsBlock(elements=[more]))
        return blocks
