"""What a ``/papers`` command can be, as values."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TypeVar

from bot.domain import Channel, Layout, Mode, PaperwireError, Profile

T = TypeVar("T")


class CommandError(PaperwireError):
    """A command that cannot be read: the reason as a sentence, and how the command is written.

    As a string it is both, on two lines.
    """

    def __init__(self, reason: str, usage: str = "") -> None:
        self.reason = reason
        self.usage = usage
        super().__init__(f"{reason}\nUsage: {usage}" if usage else reason)


@dataclass(frozen=True, slots=True)
class PaperRef:
    """How a person named a paper; exactly one of the fields after ``text`` is set.

    ``number`` counts from 1 in the last digest of the place, ``row`` is the number of ``p123``.
    """

    text: str
    arxiv_id: str | None = None
    doi: str | None = None
    row: int | None = None
    number: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class SettingChanges:
    """The settings that were named, by their names in Channel; None is "leave it".

    ``schedule`` and ``timezone`` are still the text that was typed. Empty ``sources`` means all.
    """

    schedule: str | None = None
    timezone: str | None = None
    size: int | None = None
    threshold: int | None = None
    layout: Layout | None = None
    mode: Mode | None = None
    sources: tuple[str, ...] | None = None
    you_missed: bool | None = None
    quiet_note: bool | None = None
    explore: bool | None = None
    prefer_source_summary: bool | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    def apply(self, channel: Channel) -> Channel:
        """Return the channel with the named settings."""
        return replace(
            channel,
            schedule=_pick(self.schedule, channel.schedule),
            timezone=_pick(self.timezone, channel.timezone),
            size=_pick(self.size, channel.size),
            threshold=_pick(self.threshold, channel.threshold),
            layout=_pick(self.layout, channel.layout),
            mode=_pick(self.mode, channel.mode),
            sources=_pick(self.sources, channel.sources),
            you_missed=_pick(self.you_missed, channel.you_missed),
            quiet_note=_pick(self.quiet_note, channel.quiet_note),
            explore=_pick(self.explore, channel.explore),
            prefer_source_summary=_pick(self.prefer_source_summary, channel.prefer_source_summary),
        )


def _pick(new: T | None, old: T) -> T:
    return old if new is None else new


# --- the commands -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Help:
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """``profile`` may be empty: subscribe again, or to what is trending."""

    profile: Profile
    changes: SettingChanges = SettingChanges()


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    pass


@dataclass(frozen=True, slots=True)
class ShowProfile:
    pass


@dataclass(frozen=True, slots=True)
class AddToProfile:
    """``text`` is for ``bot.profiles.add``."""

    text: str


@dataclass(frozen=True, slots=True)
class RemoveFromProfile:
    """``text`` is for ``bot.profiles.remove``."""

    text: str


@dataclass(frozen=True, slots=True)
class SetProfile:
    profile: Profile


@dataclass(frozen=True, slots=True)
class Search:
    """``query`` is as typed; ``ranking.query`` reads it."""

    query: str


@dataclass(frozen=True, slots=True)
class Preview:
    pass


@dataclass(frozen=True, slots=True)
class More:
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Why:
    paper: PaperRef


@dataclass(frozen=True, slots=True)
class Like:
    paper: PaperRef


@dataclass(frozen=True, slots=True)
class Dislike:
    paper: PaperRef


@dataclass(frozen=True, slots=True)
class Save:
    paper: PaperRef


@dataclass(frozen=True, slots=True)
class ShowSaved:
    page: int = 1


@dataclass(frozen=True, slots=True)
class Submit:
    paper: PaperRef


@dataclass(frozen=True, slots=True)
class ShowSchedule:
    pass


@dataclass(frozen=True, slots=True)
class ShowSettings:
    pass


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """From ``settings key=value`` and from ``schedule WHEN in ZONE`` alike."""

    changes: SettingChanges


@dataclass(frozen=True, slots=True)
class Pause:
    pass


@dataclass(frozen=True, slots=True)
class Resume:
    pass


@dataclass(frozen=True, slots=True)
class Status:
    pass


@dataclass(frozen=True, slots=True)
class ForgetMe:
    confirmed: bool = False


Command = (
    Help
    | Subscribe
    | Unsubscribe
    | ShowProfile
    | AddToProfile
    | RemoveFromProfile
    | SetProfile
    | Search
    | Preview
    | More
    | Why
    | Like
    | Dislike
    | Save
    | ShowSaved
    | Submit
    | ShowSchedule
    | ShowSettings
    | ChangeSettings
    | Pause
    | Resume
    | Status
    | ForgetMe
)

_MANAGING = (
    Subscribe,
    Unsubscribe,
    AddToProfile,
    RemoveFromProfile,
    SetProfile,
    ChangeSettings,
    Pause,
    Resume,
)


def needs_management(command: Command) -> bool:
    """Whether the command changes what the whole channel gets."""
    return isinstance(command, _MANAGING)


# --- how commands are described -----------------------------------------------------------------


class ArgumentKind(StrEnum):
    TEXT = "text"
    PAPER = "paper"
    INTEGER = "integer"
    CHOICE = "choice"
    TIMEZONE = "timezone"


@dataclass(frozen=True, slots=True)
class ArgumentSpec:
    """One thing that follows a command.

    ``lead`` is what is written before the value: nothing, ``in``, or ``key=``. Bounds are
    inclusive. Descriptions have at most 100 characters, as Discord asks.
    """

    name: str
    description: str
    kind: ArgumentKind = ArgumentKind.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    lead: str = ""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command as a table row; a name of two words is a group and its subcommand."""

    name: str
    usage: str
    description: str
    arguments: tuple[ArgumentSpec, ...] = ()
    aliases: tuple[str, ...] = ()
    needs_management: bool = False
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One ``key=value``; ``field`` is its name in SettingChanges and in Channel."""

    key: str
    field: str
    description: str
    example: str
    kind: ArgumentKind = ArgumentKind.TEXT
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    aliases: tuple[str, ...] = ()
