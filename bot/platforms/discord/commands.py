"""``/papers`` as native commands, made from the one command table; synced only when changed."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, cast

import discord
from discord import app_commands

from bot.commands import COMMANDS, ArgumentKind, ArgumentSpec, CommandError, CommandSpec, compose
from bot.domain import Reply
from bot.identify import arxiv_id
from bot.platforms.discord.buttons import handles_in
from bot.ports import Suggest, Suggestion

if TYPE_CHECKING:
    from bot.platforms.discord.client import Interaction, WireClient  # noqa: F401  in quotes

logger = logging.getLogger(__name__)

SETUP = "papers-setup"
CHOICES = 25
CHOICE = 100
_WORDS_READ = 500
_GROUPS = {"profile": "This channel's interests"}
_ABOUT = "New research papers for this channel"
_SUGGESTED: dict[tuple[str, str], tuple[Suggest, ...]] = {
    ("search", "query"): (Suggest.QUERY,),
    ("profile remove", "items"): (Suggest.PROFILE_ITEM,),
    # Saving again takes it back, so what is saved already can be chosen too.
    ("save", "paper"): (Suggest.SAVED, Suggest.PAPER),
}
_SUGGESTED_KINDS: dict[ArgumentKind, tuple[Suggest, ...]] = {
    ArgumentKind.PAPER: (Suggest.PAPER,),
    ArgumentKind.TIMEZONE: (Suggest.TIMEZONE,),
}
_SEVERAL = frozenset({Suggest.PROFILE_ITEM})  # typed with commas between

Callback = Callable[..., Coroutine[None, None, None]]
Choice = app_commands.Choice[str]


class Tree(app_commands.CommandTree["WireClient"]):
    """The commands of a client, with a last word for what goes wrong in them."""

    async def on_error(
        self, interaction: Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Tell the person; a command that Discord remembers differently is to be asked again."""
        if isinstance(error, app_commands.CommandSignatureMismatch | app_commands.CommandNotFound):
            words = "This command has changed since; please type it again."
        else:
            logger.error("a Discord command failed", exc_info=error)
            words = "That went wrong here. The log has the details."
        if not interaction.response.is_done():
            await interaction.client.answers.say(interaction, Reply(words, ok=False))


def add_commands(tree: Tree) -> None:
    """Add ``/papers``, the form for those who manage, and the command on a message."""
    contexts = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)
    installs = app_commands.AppInstallationType(guild=True, user=False)
    papers = app_commands.Group(
        name="papers",
        description=_ABOUT,
        allowed_contexts=contexts,
        allowed_installs=installs,
        # Reading, voting and saving are for everyone who may use commands at all.
        default_permissions=discord.Permissions(use_application_commands=True),
    )
    groups = {"": papers}
    for name, about in _GROUPS.items():
        groups[name] = app_commands.Group(name=name, description=about, parent=papers)
    for spec in COMMANDS:
        group, _, name = spec.name.rpartition(" ")
        groups[group].add_command(_native(spec, name))
    groups["profile"].add_command(
        app_commands.Command(
            name="edit", description="Edit this channel's interests in a form", callback=_edit
        )
    )
    tree.add_command(papers)
    setup: app_commands.Command[app_commands.Group, ..., None] = app_commands.Command(
        name=SETUP,
        description="Set this channel up in a form: interests, schedule, size",
        callback=_set_up,
        allowed_contexts=contexts,
        allowed_installs=installs,
    )
    setup.default_permissions = discord.Permissions(manage_channels=True)
    tree.add_command(setup)
    why = app_commands.ContextMenu(
        name="Why this paper?",
        callback=_why_message,
        allowed_contexts=contexts,
        allowed_installs=installs,
    )
    why.default_permissions = discord.Permissions(use_application_commands=True)
    tree.add_command(why)


async def _edit(interaction: Interaction) -> None:
    await interaction.client.forms.open_profile(interaction)


async def _set_up(interaction: Interaction) -> None:
    await interaction.client.forms.open_setup(interaction)


async def _why_message(interaction: Interaction, message: discord.Message) -> None:
    named = handles_in(message.components)
    handles = named or _linked(message.content)
    answers = interaction.client.answers
    if not handles:
        words = "That message carries no paper that I know of."
        await answers.say(interaction, Reply(words, ok=False))
    elif len(handles) == 1:
        await answers.command(interaction, f"why {handles[0]}")
    else:
        words = "That message carries several papers; use its menu “Why this paper…”."
        await answers.say(interaction, Reply(words))


def _linked(text: str) -> tuple[str, ...]:
    """Return the first paper that someone's message names by arXiv link or id."""
    for word in text.split()[:_WORDS_READ]:
        if (found := arxiv_id(word.strip("<>()[]\"'.,:;!?"))) is not None:
            return (found[0],)
    return ()


# --- from the table to Discord ------------------------------------------------------------------


def _native(spec: CommandSpec, name: str) -> app_commands.Command[app_commands.Group, ..., None]:
    async def run(interaction: Interaction, **options: str | int | None) -> None:
        given = {
            argument.name: value
            for argument in spec.arguments
            if (value := options.get(_identifier(argument))) is not None
        }
        try:
            text = compose(spec.name, given)
        except CommandError as error:
            await interaction.client.answers.say(interaction, Reply(error.reason, ok=False))
            return
        await interaction.client.answers.command(interaction, text)

    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # read by discord.py
        [inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
        + [_parameter(argument) for argument in spec.arguments]
    )
    callback: Callback = run
    for argument in spec.arguments:
        key = _identifier(argument)
        callback = app_commands.describe(**{key: argument.description})(callback)
        callback = app_commands.rename(**{key: argument.name})(callback)
        if choices := _choices(argument):
            callback = app_commands.choices(**{key: choices})(callback)
        elif wanted := _suggested(spec, argument):
            callback = app_commands.autocomplete(**{key: _completion(wanted)})(callback)
        elif (spec.name, argument.name) == ("help", "command"):
            # Not as choices: all of them would take more room than one command may have.
            callback = app_commands.autocomplete(**{key: _complete_topic})(callback)
    return app_commands.Command(name=name, description=spec.description, callback=callback)


def _identifier(argument: ArgumentSpec) -> str:
    return argument.name.replace("-", "_")


def _parameter(argument: ArgumentSpec) -> inspect.Parameter:
    annotation: object = str
    if argument.kind is ArgumentKind.INTEGER:
        annotation = app_commands.Range[int, argument.minimum, argument.maximum]
    return inspect.Parameter(
        _identifier(argument),
        inspect.Parameter.KEYWORD_ONLY,
        annotation=annotation,
        default=inspect.Parameter.empty if argument.required else None,
    )


def _choices(argument: ArgumentSpec) -> list[Choice]:
    values = map(str, argument.choices[:CHOICES])
    return [app_commands.Choice(name=value, value=value) for value in values]


async def _complete_topic(_: Interaction, current: str) -> list[Choice]:
    typed = current.strip().casefold()
    return as_choices([Suggestion(s.name, s.name) for s in COMMANDS if typed in s.name])


def _suggested(spec: CommandSpec, argument: ArgumentSpec) -> tuple[Suggest, ...]:
    by_kind = _SUGGESTED_KINDS.get(argument.kind, ())
    return _SUGGESTED.get((spec.name, argument.name), by_kind)


def _completion(
    wanted: tuple[Suggest, ...],
) -> Callable[[Interaction, str], Coroutine[None, None, list[Choice]]]:
    async def complete(interaction: Interaction, current: str) -> list[Choice]:
        before, typed = "", current
        if _SEVERAL.issuperset(wanted) and "," in current:
            before, _, typed = current.rpartition(",")
            before = f"{before.strip()}, "
        found: list[Suggestion] = []
        for what in wanted:
            found += await interaction.client.answers.suggest(interaction, what, typed.strip())
        return as_choices(found, before)

    return complete


def as_choices(found: list[Suggestion], before: str = "") -> list[Choice]:
    """Return suggestions as Discord takes them: at most 25, no value twice, none too long."""
    choices: dict[str, Choice] = {}
    for suggestion in found:
        value = f"{before}{suggestion.value}"
        if 0 < len(value) <= CHOICE and suggestion.label.strip():
            label = f"{before}{suggestion.label}"[:CHOICE]
            choices.setdefault(value, app_commands.Choice(name=label, value=value))
    return list(choices.values())[:CHOICES]


# --- syncing ------------------------------------------------------------------------------------


async def sync(tree: Tree) -> tuple[bool, dict[str, int]]:
    """Tell Discord the commands where it has others; return whether it had to be told, and the
    commands' ids by name.

    Raises discord.HTTPException, and what the network raises.
    """
    client = tree.client
    if client.application_id is None:
        return False, {}
    try:
        known = await client.http.get_global_commands(client.application_id)
    except discord.HTTPException as error:
        if error.status not in {404, 405, 501}:
            raise
        known = []  # not to be asked for here: told again each time
    wanted = [command.to_dict(tree) for command in tree.get_commands()]
    ours, theirs = (
        sorted((_essence(cast("Mapping[str, object]", command)) for command in some), key=repr)
        for some in (wanted, known)
    )
    if ours == theirs:
        return False, {command["name"]: int(command["id"]) for command in known}
    return True, {command.name: command.id for command in await tree.sync()}


_DEFAULTS: dict[str, object] = {
    "type": None,
    "name": "",
    "description": "",
    "required": False,
    "autocomplete": False,
    "value": None,
    "min_value": None,
    "max_value": None,
    "min_length": None,
    "max_length": None,
    "nsfw": False,
}
_LISTS = ("options", "choices")
_SETS = ("contexts", "integration_types", "channel_types")


def _essence(command: Mapping[str, object]) -> dict[str, object]:
    """Return what matters of a command or option, however absent or default values are told."""
    told = {key: _or(command.get(key), default) for key, default in _DEFAULTS.items()}
    if "value" not in command and told["type"] is None:
        told["type"] = 1  # a command without a type is a slash command
    for key in _LISTS:
        inner = command.get(key)
        told[key] = [_essence(item) for item in inner] if isinstance(inner, list) else []
    for key in _SETS:
        inner = command.get(key)
        told[key] = sorted(map(repr, inner)) if isinstance(inner, list) else []
    allowed = command.get("default_member_permissions")
    told["default_member_permissions"] = None if allowed is None else str(allowed)
    return told


def _or(value: object, default: object) -> object:
    return default if value is None else value
