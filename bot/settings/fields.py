"""The settings one by one: where they are found in the file and the environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.settings.model import Feed, Settings
from bot.settings.section import Section

PREFIX = "PAPERWIRE_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``section`` is empty for ``feeds``, which is a list of tables."""

    section: str
    key: str
    field: FieldInfo

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def variable(self) -> str:
        return PREFIX + self.name.replace(".", "__").upper()

    @property
    def secret(self) -> bool:
        return SecretStr in get_args(self.field.annotation)


def list_sections() -> Iterator[tuple[str, type[Section]]]:
    """Yield the tables of the settings file; ``feeds`` is a list of tables and not among them."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield name, field.annotation


def list_settings() -> tuple[Setting, ...]:
    """Return every setting in the order of the file."""
    sections = dict(list_sections())
    settings: list[Setting] = []
    for name, field in Settings.model_fields.items():
        if name in sections:
            settings += (
                Setting(name, key, inner) for key, inner in sections[name].model_fields.items()
            )
        elif name == "feeds":
            settings.append(Setting("", name, field))
    return tuple(settings)


def list_feed_fields() -> tuple[Setting, ...]:
    """Return the settings of one feed."""
    return tuple(Setting("feeds", key, field) for key, field in Feed.model_fields.items())
