"""What Slack sends by itself: commands, mentions, reactions, and what happens to channels."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from bot.commands import (
    CommandError,
    Dislike,
    ForgetMe,
    Like,
    Save,
    ShowProfile,
    ShowSaved,
    ShowSettings,
    Subscribe,
    parse,
)
from bot.domain import ChannelState, Person, Place, VoteEvent
from bot.platforms.slack.blocks import JsonObject
from bot.platforms.slack.desk import Asked, Desk
from bot.platforms.slack.images import upload_image
from bot.platforms.slack.outcomes import TROUBLES
from bot.platforms.slack.people import PLATFORM, People
from bot.platforms.slack.reactions import Vote, plain_name
from bot.platforms.slack.replies import reply_message

log = structlog.get_logger(__name__)

COMMAND = re.compile(r"/(?:papers?|paperwire)")
# Only Slack has the form, so this is no command of the common grammar.
EDIT_WORDS = re.compile(r"edit( (the )?(settings|profile|interests))?", re.IGNORECASE)
NOT_A_MEMBER = "I am not in this channel yet. Invite me, so that I can post: /invite @Paperwire"
_PERSONAL = (ShowSaved, ForgetMe, Like, Dislike, Save)
_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")

Event: TypeAlias = dict[str, Any]
Listener: TypeAlias = Callable[..., Awaitable[None]]


class Listeners:
    """Registered with Bolt, which answers Slack when a listener is done.

    Votes and moves are recorded before that: what fails is not acknowledged and comes again.
    Commands are acknowledged first, and answered when the answer is there.
    """

    def __init__(
        self,
        desk: Desk,
        votes: Mapping[str, Vote],
        edit: Callable[[Asked, Place], Awaitable[None]],
    ) -> None:
        self._desk = desk
        self._votes = votes
        self._edit = edit

    def register(self, app: AsyncApp) -> None:
        """Register every listener of this module."""
        app.command(COMMAND)(self.slash)
        events: dict[str, Listener] = {
            "app_mention": self.mention,
            "message": self.message,
            "reaction_added": self.reaction,
            "reaction_removed": self.reaction,
            "member_joined_channel": self.joined,
            "member_left_channel": self.left,
            "app_uninstalled": self.uninstalled,
            "tokens_revoked": self.uninstalled,
        }
        for name, listener in events.items():
            app.event(name)(listener)
        for kind in ("channel", "group"):
            for what in ("archive", "unarchive", "deleted", "left", "rename", "close"):
                app.event(f"{kind}_{what}")(self.moved)

    # --- commands

    async def slash(self, ack: AsyncAck, body: Event, context: AsyncBoltContext) -> None:
        """``/papers ...``: acknowledged at once, answered by its response_url."""
        await ack()
        self._desk.spawn(self._slash(body, team_of(body, context)))

    async def _slash(self, body: Event, team: str) -> None:
        channel = str(body.get("channel_id") or "")
        name = str(body.get("channel_name") or "")
        asked = Asked(
            team=team,
            user=str(body.get("user_id") or ""),
            channel=channel,
            place=await self._desk.people.place(team, channel, name),
            response_url=str(body.get("response_url") or ""),
            trigger_id=str(body.get("trigger_id") or ""),
        )
        text = str(body.get("text") or "")
        if EDIT_WORDS.fullmatch(text.strip()):
            await self._edit(asked, asked.place)
        else:
            await carry_out(self._desk, asked, text)

    # --- talk

    async def mention(self, event: Event, body: Event, context: AsyncBoltContext) -> None:
        """``@paperwire why 3``: answered in the thread, for all who read it."""
        if event.get("bot_id") or event.get("subtype"):
            return
        event_id = read_event_id(body)
        if self._desk.first_time(event_id):
            self._desk.spawn(self._talk(event, team_of(body, context), event_id))

    async def message(self, event: Event, body: Event, context: AsyncBoltContext) -> None:
        """A direct message is a command, with or without ``/papers``."""
        direct = event.get("channel_type") == "im" and not event.get("subtype")
        if not direct or event.get("bot_id") or not event.get("user"):
            return
        event_id = read_event_id(body)
        if self._desk.first_time(event_id):
            self._desk.spawn(self._talk(event, team_of(body, context), event_id))

    async def _talk(self, event: Event, team: str, event_id: str) -> None:
        channel = str(event.get("channel") or "")
        place = await self._desk.people.place(team, channel)
        thread = event.get("thread_ts")
        if not thread and not place.name.startswith("direct"):
            thread = event.get("ts")
        asked = Asked(
            team=team,
            user=str(event.get("user") or ""),
            channel=channel,
            place=place,
            thread_ts=str(thread or ""),
        )
        text = _MENTION.sub("", str(event.get("text") or ""), count=1).strip()
        await carry_out(self._desk, asked, text, event_id=event_id, in_public=True)

    # --- reactions

    async def reaction(self, event: Event, body: Event, context: AsyncBoltContext) -> None:
        """A vote, recorded before Slack is told that it came."""
        item = event.get("item") or {}
        named = str(event.get("reaction") or "")
        vote = self._votes.get(plain_name(named))
        if vote is None or not item.get("ts") or not event.get("user"):
            return
        team, user = team_of(body, context), str(event["user"])
        channel, ts = str(item.get("channel") or ""), str(item["ts"])
        on = event.get("type") == "reaction_added"
        if not on and await self._stands_otherwise(team, channel, ts, user, named):
            return
        event_id = read_event_id(body)
        await self._desk.inbound.vote(
            VoteEvent(
                place=Place(PLATFORM, await self._desk.people.address(team, channel)),
                person=Person(PLATFORM, user),
                remote_id=ts,
                signal=vote.signal,
                on=on,
                number=vote.number,
                event_id=f"{PLATFORM}:{event_id}" if event_id else "",
            )
        )

    async def _stands_otherwise(
        self, team: str, channel: str, ts: str, user: str, removed: str
    ) -> bool:
        """Whether the same vote stands by another emoji, such as one of another skin tone."""
        try:
            workspace = await self._desk.workspaces.workspace(team)
            answer = await workspace.post.reactions_get(channel=channel, timestamp=ts, full=True)
        except TROUBLES:
            return False
        data = answer.data if isinstance(answer.data, dict) else {}
        vote = self._votes.get(plain_name(removed))
        message: JsonObject = data.get("message") or {}
        return any(
            one.get("name") != removed
            and self._votes.get(plain_name(str(one.get("name")))) == vote
            and user in (one.get("users") or ())
            for one in message.get("reactions") or ()
        )

    # --- what happens to channels

    async def moved(self, event: Event, body: Event, context: AsyncBoltContext) -> None:
        """A channel was renamed, archived, brought back, deleted, or we were removed from it."""
        told = event.get("channel")
        channel = str(told.get("id") if isinstance(told, dict) else told or "")
        what = str(event.get("type") or "").partition("_")[2]
        name = str(told.get("name") or "") if isinstance(told, dict) else ""
        states: dict[str, tuple[ChannelState | None, str]] = {
            "archive": (ChannelState.UNREACHABLE, "the channel is archived"),
            "unarchive": (ChannelState.ACTIVE, ""),
            "deleted": (ChannelState.LEFT, "the channel was deleted"),
            "left": (ChannelState.LEFT, "the app was removed from the channel"),
            "close": (ChannelState.UNREACHABLE, "the channel was closed"),
            "rename": (None, ""),
        }
        if channel and what in states:
            await self._move(team_of(body, context), channel, *states[what], name=name)

    async def joined(self, event: Event, body: Event, context: AsyncBoltContext) -> None:
        """We were (again) invited to a channel."""
        if event.get("user") == context.bot_user_id:
            channel = str(event.get("channel") or "")
            await self._move(team_of(body, context), channel, ChannelState.ACTIVE, "")

    async def left(self, event: Event, body: Event, context: AsyncBoltContext) -> None:
        """We were removed from a channel."""
        if event.get("user") == context.bot_user_id:
            channel, reason = (
                str(event.get("channel") or ""),
                "the app was removed from the channel",
            )
            await self._move(team_of(body, context), channel, ChannelState.LEFT, reason)

    async def _move(
        self, team: str, channel: str, state: ChannelState | None, reason: str, *, name: str = ""
    ) -> None:
        people = self._desk.people
        people.forget(team, channel)
        place = Place(
            PLATFORM, await people.address(team, channel), name=f"#{name}" if name else ""
        )
        await self._desk.inbound.moved(place, state, reason)

    async def uninstalled(self, event: Event, body: Event, context: AsyncBoltContext) -> None:
        """The workspace took the app's token away; its channels say so at their next post."""
        team = team_of(body, context)
        log.error(
            "slack_uninstalled",
            team=team,
            what=event.get("type"),
            next_step="install the app again, then: paperwire doctor --slack",
        )
        await self._desk.workspaces.uninstalled(team, event)


async def carry_out(
    desk: Desk, asked: Asked, text: str, *, event_id: str = "", in_public: bool = False
) -> None:
    """Have a typed command carried out and show the answer.

    ``in_public``: it was said for all to hear, so its answer is too, unless it is personal.
    """
    people = desk.people
    try:
        command: object = parse(text)
    except CommandError:
        command = None  # the core says what is wrong with it
    place, outside = asked.place, False
    if isinstance(command, Subscribe):
        place, outside = await _look_around(people, asked)
    person = await people.person(asked.team, asked.user, asked.channel)
    reply = await desk.command(place, person, text, event_id)
    if outside and reply.ok:
        reply = dataclasses.replace(reply, lines=(*reply.lines, NOT_A_MEMBER))
    spoken = in_public and reply.ok and not isinstance(command, _PERSONAL)
    editable = reply.ok and person.may_manage and not in_public
    message = reply_message(
        reply,
        command=text,
        editable=editable and isinstance(command, ShowProfile | ShowSettings),
        image_id=await upload_image(desk.workspaces, asked.team, reply),
    )
    await desk.answer(asked, message, everyone=spoken or not reply.ephemeral)


async def _look_around(people: People, asked: Asked) -> tuple[Place, bool]:
    """Return the place with what a subscription keeps of it, and whether we are not in it."""
    place = dataclasses.replace(asked.place, timezone=await people.timezone(asked.team, asked.user))
    if asked.channel.startswith("D"):
        return place, False
    info = await people.channel(asked.team, asked.channel, fresh=True)
    private = bool(info.get("is_private", place.private)) or place.private
    return dataclasses.replace(place, private=private), info.get("is_member") is False


def team_of(body: Event, context: AsyncBoltContext) -> str:
    """Return the workspace that an event came to us through."""
    team = body.get("team")
    named = team.get("id") if isinstance(team, dict) else None
    return str(context.team_id or body.get("team_id") or named or "")


def read_event_id(body: Event) -> str:
    """Return the id that stays the same when Slack sends an event again."""
    return str(body.get("event_id") or "")
