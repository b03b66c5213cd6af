"""Buttons and menus that work after a restart: all they need to know is in their ``custom_id``.

Each carries the key of its message, by which an uncertain send is recognised in the history.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import quote

import discord

from bot.domain import Card, Post, PostKind, Reply, Signal
from bot.render import clip, guard_post

if TYPE_CHECKING:
    from bot.platforms.discord.client import Interaction

CUSTOM_ID = 100
OPTIONS = 25
_KEY = r"(?P<key>[^:]{0,75})"
_MARKS = {Signal.LIKE: "👍", Signal.DISLIKE: "👎", Signal.SAVE: "🔖"}
_PICKS = {
    "like": "👍 More like…",
    "dislike": "👎 Less like…",
    "save": "🔖 Save…",
    "why": "Why this paper…",
}
_WORDS = {"more": "More papers", "saved": "My saved papers"}

Button = discord.ui.Button[discord.ui.View]
Select = discord.ui.Select[discord.ui.View]


def key_in(custom_id: str) -> str:
    """Return the message key that a ``custom_id`` of ours carries; empty where it has none."""
    for item in (VoteButton, WhyButton, PickMenu, CommandButton):
        found = item.__discord_ui_compiled_template__.fullmatch(custom_id)
        if found is not None:
            return found["key"]
    return ""


def spell_key(key: str) -> str:
    """Return a key as a ``custom_id`` holds it."""
    return quote(key, safe="")


def handles_in(components: Iterable[object]) -> tuple[str, ...]:
    """Return the papers that a message's buttons and menus name, in order."""
    handles: list[str] = []
    for item in _walk(components):
        custom_id = getattr(item, "custom_id", None) or ""
        if named := WhyButton.__discord_ui_compiled_template__.fullmatch(custom_id):
            handles.append(named["handle"])
        elif custom_id.startswith("pw:pick:why:"):
            handles += (option.value for option in getattr(item, "options", ()))
    return tuple(dict.fromkeys(handles))


def _walk(components: Iterable[object]) -> Iterable[object]:
    for component in components:
        yield component
        yield from _walk(getattr(component, "children", ()))


def post_view(post: Post, key: str) -> discord.ui.View:
    """Return what can be pressed under a post."""
    view = discord.ui.View(timeout=None)
    post, spelt = guard_post(post), spell_key(key)
    if post.kind is PostKind.PAPER and post.cards:
        _add_votes(view, post.cards[0], spelt)
    elif post.kind is PostKind.SINGLE and post.cards:
        for row, act in enumerate(_PICKS):
            view.add_item(PickMenu.over(act, spelt, post.cards, row))
    else:
        for word in _WORDS:
            view.add_item(CommandButton(word, spelt))
    return view


def _ours(interaction: discord.Interaction) -> Interaction:
    """Say what discord.py's types cannot: our items are only ever pressed at our client."""
    return cast("Interaction", interaction)


def _add_votes(view: discord.ui.View, card: Card, key: str) -> None:
    for signal in _MARKS:
        view.add_item(VoteButton(signal, key))
    if 0 < len(card.handle) <= CUSTOM_ID - len(f"pw:why:{key}:"):
        view.add_item(WhyButton(card.handle, key))


class VoteButton(
    discord.ui.DynamicItem[Button],
    template=re.compile(rf"pw:(?P<signal>like|dislike|save):{_KEY}"),
):
    """👍, 👎 or 🔖 under a message that carries one paper."""

    def __init__(self, signal: Signal, key: str) -> None:
        self.signal = signal
        super().__init__(
            discord.ui.Button(emoji=_MARKS[signal], custom_id=f"pw:{signal.value}:{key}")
        )

    @classmethod
    async def from_custom_id(
        cls, _: discord.Interaction, __: discord.ui.Item[discord.ui.View], match: re.Match[str], /
    ) -> Self:
        return cls(Signal(match["signal"]), match["key"])

    async def callback(self, interaction: discord.Interaction) -> None:
        await _ours(interaction).client.answers.vote(_ours(interaction), self.signal, None)


class WhyButton(
    discord.ui.DynamicItem[Button],
    template=re.compile(rf"pw:why:{_KEY}:(?P<handle>.{{1,90}})"),
):
    """Why this paper is here."""

    def __init__(self, handle: str, key: str) -> None:
        self.handle = handle
        super().__init__(discord.ui.Button(label="Why", custom_id=f"pw:why:{key}:{handle}"))

    @classmethod
    async def from_custom_id(
        cls, _: discord.Interaction, __: discord.ui.Item[discord.ui.View], match: re.Match[str], /
    ) -> Self:
        return cls(match["handle"], match["key"])

    async def callback(self, interaction: discord.Interaction) -> None:
        await _ours(interaction).client.answers.command(_ours(interaction), f"why {self.handle}")


class PickMenu(
    discord.ui.DynamicItem[Select],
    template=re.compile(rf"pw:pick:(?P<act>like|dislike|save|why):{_KEY}"),
):
    """One paper out of a message that carries several: a menu for each thing one can do."""

    def __init__(self, act: str, menu: Select) -> None:
        self.act = act
        super().__init__(menu)

    @classmethod
    def over(cls, act: str, key: str, cards: Sequence[Card], row: int) -> Self:
        menu: Select = discord.ui.Select(
            custom_id=f"pw:pick:{act}:{key}", placeholder=_PICKS[act], row=row
        )
        for card in cards[:OPTIONS]:
            label = clip(f"{card.number}. {card.title}", 100)
            value = card.handle if act == "why" and card.handle else str(card.number)
            menu.add_option(label=label, value=value)
        return cls(act, menu)

    @classmethod
    async def from_custom_id(
        cls, _: discord.Interaction, item: discord.ui.Item[discord.ui.View], match: re.Match[str], /
    ) -> Self:
        if not isinstance(item, discord.ui.Select):
            raise TypeError("a menu's custom_id came with something that is no menu")
        return cls(match["act"], item)

    async def callback(self, interaction: discord.Interaction) -> None:
        value, asked = next(iter(self.item.values), ""), _ours(interaction)
        if self.act == "why":
            await asked.client.answers.command(asked, f"why {value}")
        elif value.isdigit():
            await asked.client.answers.vote(asked, Signal(self.act), int(value))


class CommandButton(
    discord.ui.DynamicItem[Button],
    template=re.compile(rf"pw:do:(?P<word>more|saved):{_KEY}"),
):
    """A command that is useful right under a digest's header."""

    def __init__(self, word: str, key: str) -> None:
        self.word = word
        super().__init__(
            discord.ui.Button(
                label=_WORDS[word],
                custom_id=f"pw:do:{word}:{key}",
                style=discord.ButtonStyle.secondary,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _: discord.Interaction, __: discord.ui.Item[discord.ui.View], match: re.Match[str], /
    ) -> Self:
        return cls(match["word"], match["key"])

    async def callback(self, interaction: discord.Interaction) -> None:
        await _ours(interaction).client.answers.command(_ours(interaction), self.word)


# --- under a reply ------------------------------------------------------------------------------


class PageButton(
    discord.ui.DynamicItem[Button],
    template=re.compile(r"pw:page:(?P<way>back|more):(?P<text>.{1,85})", re.DOTALL),
):
    """Turns a page: the command of that page, carried out in place of this one."""

    def __init__(self, way: str, text: str) -> None:
        self.text = text
        label = "◀ Back" if way == "back" else "More ▶"
        super().__init__(discord.ui.Button(label=label, custom_id=f"pw:page:{way}:{text}"))

    @classmethod
    async def from_custom_id(
        cls, _: discord.Interaction, __: discord.ui.Item[discord.ui.View], match: re.Match[str], /
    ) -> Self:
        return cls(match["way"], match["text"])

    async def callback(self, interaction: discord.Interaction) -> None:
        asked = _ours(interaction)
        text = asked.client.answers.long_command(self.text)
        await asked.client.answers.command(asked, text, turn_page=True)


class EditButton(discord.ui.DynamicItem[Button], template=re.compile(r"pw:edit:profile")):
    """Opens the form with the channel's interests."""

    def __init__(self) -> None:
        super().__init__(discord.ui.Button(label="Edit", custom_id="pw:edit:profile"))

    @classmethod
    async def from_custom_id(
        cls, _: discord.Interaction, __: discord.ui.Item[discord.ui.View], ___: re.Match[str], /
    ) -> Self:
        return cls()

    async def callback(self, interaction: discord.Interaction) -> None:
        await _ours(interaction).client.forms.open_profile(_ours(interaction))


def reply_view(
    reply: Reply, *, back: str, more: str, editable: bool = False
) -> discord.ui.View | None:
    """Return what can be pressed under a reply; ``back`` and ``more`` have at most 85 characters.

    None where there is nothing to press.
    """
    view = discord.ui.View(timeout=None)
    if back:
        view.add_item(PageButton("back", back))
    if more:
        view.add_item(PageButton("more", more))
    if editable and reply.ok:
        view.add_item(EditButton())
    return view if view.children else None


DYNAMIC_ITEMS = (VoteButton, WhyButton, PickMenu, CommandButton, PageButton, EditButton)
