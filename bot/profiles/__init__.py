"""The one written form of a profile, read and written here and nowhere else.

Items are separated by commas or new lines::

    low-resource translation, morphology, -"image generation", author:"Jane Roe", cat:cs.CL
    2106.09685

Words and phrases are followed, a minus mutes, ``author:`` and ``cat:`` say what is meant, and an
arXiv id, a paper's link or a DOI is an example of what is wanted. Quotes keep a text together and
take it literally: ``"2106.09685"`` is a term and not a paper.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bot.domain import PaperwireError, Profile
from bot.profiles.items import EXAMPLE, FIELDS, MAX_ITEMS, Item, fold, read_items, write_item
from bot.taxonomy import is_known_category, nearest_category

__all__ = [
    "MAX_ITEMS",
    "Changes",
    "add",
    "describe",
    "format",
    "items",
    "parse",
    "remove",
    "warn",
]

_TITLES = {
    "terms": "Follows",
    "muted_terms": "Mutes",
    "authors": "Authors",
    "muted_authors": "Mutes authors",
    "categories": "Categories",
    "muted_categories": "Mutes categories",
    "seeds": "Papers to learn from",
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What adding or removing did: items in their written form, and sentences for people."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@lru_cache(maxsize=1024)  # a channel's is read with every vote and every command
def parse(text: str) -> Profile:
    """Read the written form.

    Repeats are dropped without regard to case; of an item both followed and muted the later
    counts. Raises PaperwireError with the item, the reason and an example.
    """
    fields: dict[str, dict[str, str]] = {}
    for item in read_items(text):
        _put(fields, item)
    return _build(fields)


def format(profile: Profile) -> str:  # noqa: A001 - profiles.format is read with its module's name
    """Write a profile so that ``parse`` gives it back."""
    return ", ".join(items(profile))


def items(profile: Profile) -> tuple[str, ...]:
    """Return the profile's items, each in its written form."""
    return tuple(write_item(item) for item in _list(profile))


def add(profile: Profile, text: str) -> tuple[Profile, Changes]:
    """Return the profile with the items of ``text`` and what changed. Raises as ``parse`` does."""
    fields = _index(profile)
    added: list[str] = []
    removed: list[str] = []
    notes: list[str] = []
    items = tuple(read_items(text))
    for item in items:
        before = fields.get(item.field, {}).get(fold(item.value))
        if before is not None:
            notes.append(f"{write_item(Item(item.field, before))} was already there.")
            continue
        if (turned := _put(fields, item)) is not None:
            removed.append(write_item(turned))
        added.append(write_item(item))
    if not items:
        notes.append(f"Nothing to add. Write for example: {EXAMPLE}")
    notes.extend(_warn(items))
    return _build(fields), Changes(tuple(added), tuple(removed), tuple(notes))


def remove(profile: Profile, text: str) -> tuple[Profile, Changes]:
    """Return the profile without the items of ``text`` and what changed.

    An item goes by its written form, or by its bare text whatever its kind: ``Jane Roe`` removes
    ``author:"Jane Roe"``. What is not there is noted with the nearest item that is.
    """
    fields = _index(profile)
    removed: list[str] = []
    missing: list[Item] = []
    items = tuple(read_items(text))
    for item in items:
        key = fold(item.value)
        places = [item.field] if key in fields.get(item.field, {}) else []
        if not places and item.field == "terms":
            places = [name for name in fields if key in fields[name]]
        removed.extend(write_item(Item(name, fields[name].pop(key))) for name in places)
        if not places:
            missing.append(item)
    changed = _build(fields)
    notes = [_miss(changed, item) for item in missing[:5]]
    if len(missing) > 5:
        notes.append(f"{len(missing) - 5} more were not in the profile.")
    if not items:
        notes.append("Nothing to remove. Name what should go, as the profile writes it.")
    return changed, Changes((), tuple(removed), tuple(notes))


def warn(profile: Profile) -> tuple[str, ...]:
    """Return a sentence for each part of the profile that can hardly be meant."""
    return tuple(_warn(_list(profile)))


def describe(profile: Profile) -> tuple[str, ...]:
    """Return the profile in lines for people, one for each kind of item."""
    lines = tuple(
        f"{title}: {', '.join(values)}"
        for name, title in _TITLES.items()
        if (values := _values(profile, name))
    )
    return lines or (f"The profile is empty. Add for example: {EXAMPLE}",)


def _warn(items: tuple[Item, ...]) -> Iterator[str]:
    for item in items:
        if not item.field.endswith("categories") or is_known_category(item.value):
            continue
        near = nearest_category(item.value)
        nearest = f" The nearest is cat:{near}." if near else ""
        yield f"{write_item(item)} is no category that arXiv has, so it may never match.{nearest}"


# --- items and profiles -------------------------------------------------------------------------


def _opposite(field: str) -> str:
    return field.removeprefix("muted_") if field.startswith("muted_") else f"muted_{field}"


def _put(fields: dict[str, dict[str, str]], item: Item) -> Item | None:
    """Add an item, first spelling wins; return its opposite where that had to go."""
    key = fold(item.value)
    turned = fields.get(_opposite(item.field), {}).pop(key, None)
    fields.setdefault(item.field, {}).setdefault(key, item.value)
    if sum(map(len, fields.values())) > MAX_ITEMS:
        raise PaperwireError(
            f"A profile holds at most {MAX_ITEMS} items. Remove some first, for example with "
            "/papers profile remove and the item."
        )
    return None if turned is None else Item(_opposite(item.field), turned)


def _values(profile: Profile, field: str) -> tuple[str, ...]:
    values: tuple[str, ...] = getattr(profile, field)
    return values


def _list(profile: Profile) -> tuple[Item, ...]:
    return tuple(
        Item(field, value) for field in FIELDS.values() for value in _values(profile, field)
    )


def _index(profile: Profile) -> dict[str, dict[str, str]]:
    return {
        field: {fold(value): value for value in _values(profile, field)}
        for field in FIELDS.values()
    }


def _build(fields: dict[str, dict[str, str]]) -> Profile:
    return Profile(**{field: tuple(values.values()) for field, values in fields.items()})


def _miss(profile: Profile, item: Item) -> str:
    written = {fold(write_item(known)): write_item(known) for known in _list(profile)}
    written.update({fold(known.value): write_item(known) for known in _list(profile)})
    near = difflib.get_close_matches(fold(item.value), written, n=1, cutoff=0.6)
    nearest = f" The nearest is {written[near[0]]}." if near else ""
    return f"{write_item(item)} is not in the profile.{nearest}"
