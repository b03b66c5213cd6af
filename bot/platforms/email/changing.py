"""The page where a reader changes what comes: the same commands that chat has, by a form."""

from __future__ import annotations

from dataclasses import dataclass

from bot import profiles
from bot.domain import Channel, ChannelState, CommandEvent, Mode, Person, Place, Reply
from bot.ports import Inbound

PAUSE, RESUME, FORGET, SAVE = "pause", "resume", "forget", "save"
_QUOTES = str.maketrans(dict.fromkeys("\"“”„‟«»＂'", " "))


@dataclass(frozen=True, slots=True)
class Wishes:
    """What stands in the form, as text."""

    interests: str
    mode: str
    schedule: str
    timezone: str
    size: str


def place_of(address: str) -> Place:
    """Return the place that a mail address is."""
    return Place("email", address, name=address, private=True)


async def find_channel(inbound: Inbound, address: str) -> Channel | None:
    """Return a reader's subscription; None where there is none that could be changed."""
    channel = await inbound.channel(place_of(address))
    return None if channel is None or channel.state is ChannelState.LEFT else channel


def wishes_of(channel: Channel) -> Wishes:
    """Return the form as it is filled now."""
    return Wishes(
        interests=profiles.format(channel.profile),
        mode=channel.mode.value,
        schedule=channel.schedule,
        timezone=channel.timezone,
        size=str(channel.size),
    )


def commands_for(channel: Channel, wishes: Wishes) -> list[str]:
    """Return the commands that bring a subscription to what the form says."""
    now = wishes_of(channel)
    commands = []
    interests = " ".join(wishes.interests.split())
    mode = wishes.mode
    if interests and interests != " ".join(now.interests.split()):
        commands.append(f"profile set {interests}")
    elif not interests:
        mode = Mode.TRENDING.value  # with nothing to match, what everyone reads is left
    pairs = [
        ("mode", mode, now.mode),
        ("schedule", wishes.schedule, now.schedule),
        ("timezone", wishes.timezone, now.timezone),
        ("size", wishes.size, now.size),
    ]
    changed = [(key, _one_value(new)) for key, new, old in pairs if _one_value(new) != old]
    if changed:
        words = " ".join(f'{key}="{value}"' for key, value in changed if value)
        commands += [f"settings {words}"] if words else []
    return commands


async def carry_out(inbound: Inbound, address: str, action: str, wishes: Wishes) -> Reply | None:
    """Do what a button of the form says; None where the subscription is no more."""
    channel = await find_channel(inbound, address)
    if channel is None:
        return None
    given = {PAUSE: ["pause"], RESUME: ["resume"], FORGET: ["forget-me yes"]}
    commands = given.get(action) or commands_for(channel, wishes)
    replies: list[Reply] = []
    for text in commands:
        event = CommandEvent(place_of(address), Person("email", address), text)
        replies.append(await inbound.command(event))
        if not replies[-1].ok:
            break
    if not replies:
        return Reply("It was so already; nothing was changed.")
    # A mail has nowhere to type commands.
    lines = tuple(line for reply in replies for line in reply.lines if "/papers" not in line)
    headline = replies[-1].headline.replace("until /papers resume", "until you resume them here")
    return Reply(headline, lines if action != SAVE else (), ok=replies[-1].ok)


def _one_value(text: str) -> str:
    return " ".join(text.translate(_QUOTES).split())
