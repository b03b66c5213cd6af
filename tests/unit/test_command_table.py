"""The table of ``/papers`` commands: rights, native options, help and completion."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from bot import commands
from bot.commands import (
    COMMANDS,
    SETTINGS,
    ArgumentKind,
    ChangeSettings,
    Command,
    CommandError,
    SettingChanges,
    Subscribe,
    complete,
    compose,
    help_for,
    help_text,
    needs_management,
    parse,
)
from bot.domain import Layout, Profile

# --- the table ----------------------------------------------------------------------------------


def test_every_example_in_the_table_is_read() -> None:
    for spec in COMMANDS:
        for example in spec.examples:
            assert parse(example), example
    for setting in SETTINGS:
        assert isinstance(parse(f"settings {setting.example}"), ChangeSettings)


def test_names_and_aliases_never_clash() -> None:
    names = [name for spec in COMMANDS for name in (spec.name, *spec.aliases)]
    assert len(names) == len(set(names))
    keys = [key for setting in SETTINGS for key in (setting.key, *setting.aliases)]
    assert len(keys) == len(set(keys))


def test_the_table_fits_native_commands() -> None:
    top = {spec.name.split()[0] for spec in COMMANDS}
    assert len(top) <= 25
    for spec in COMMANDS:
        assert len(spec.name.split()) <= 2
        assert all(re.fullmatch(r"[a-z-]{1,32}", word) for word in spec.name.split())
        assert 0 < len(spec.description) <= 100
        assert len(spec.arguments) <= 25
        required = [argument.required for argument in spec.arguments]
        assert required == sorted(required, reverse=True)
        for argument in spec.arguments:
            assert re.fullmatch(r"[a-z-]{1,32}", argument.name)
            assert 0 < len(argument.description) <= 100
            assert bool(argument.choices) == (argument.kind is ArgumentKind.CHOICE)


def test_only_commands_that_change_the_channel_need_rights() -> None:
    reading = {"settings": "settings", "schedule": "schedule"}
    for spec in COMMANDS:
        assert needs_management(parse(spec.examples[-1])) == spec.needs_management, spec.name
    assert not any(needs_management(parse(text)) for text in reading)


def test_every_kind_of_command_is_reached_by_an_example() -> None:
    reached = {type(parse(example)) for spec in COMMANDS for example in spec.examples}
    assert reached == set(get_args(Command))


def test_options_of_a_native_command_make_the_same_command() -> None:
    values: dict[str, str | int] = {
        "interests": 'speech, -"image generation"',
        "schedule": "weekdays 09:00",
        "timezone": "Europe/Berlin",
        "size": 5,
        "layout": "cards",
        "you-missed": "on",
        "sources": "huggingface,arxiv",
        "mode": "",
    }
    assert parse(compose("subscribe", values)) == Subscribe(
        Profile(terms=("speech",), muted_terms=("image generation",)),
        SettingChanges(
            schedule="weekdays 09:00",
            timezone="Europe/Berlin",
            size=5,
            layout=Layout.CARDS,
            you_missed=True,
            sources=("huggingface", "arxiv"),
        ),
    )
    assert compose("schedule", {"when": "daily 09:00", "timezone": "UTC"}) == (
        "schedule daily 09:00 in UTC"
    )
    assert parse(compose("profile add", {"items": "x"})) == commands.AddToProfile("x")
    assert parse(compose("more", {"count": 3})) == commands.More(3)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(CommandError, match="no option"):
        compose("pause", {"until": "monday"})
    with pytest.raises(CommandError, match="no command"):
        compose("dance", {})


# --- help and completion ------------------------------------------------------------------------


def test_help_names_every_command_and_how_to_begin() -> None:
    text = help_text()
    assert "/papers subscribe low-resource translation, morphology" in text
    for spec in COMMANDS:
        assert spec.description in text
    assert len(text) < 2500


@pytest.mark.parametrize("name", [spec.name for spec in COMMANDS])
def test_help_for_a_command_has_its_usage_and_examples(name: str) -> None:
    spec = next(spec for spec in COMMANDS if spec.name == name)
    text = help_for(name)
    assert spec.usage in text
    assert all(example in text for example in spec.examples)


def test_help_for_settings_and_interests_explains_what_may_be_written() -> None:
    assert all(setting.example in help_for("settings") for setting in SETTINGS)
    assert 'author:"Jane Roe"' in help_for("profile add")
    assert help_for("PROFILE").count("/papers profile remove") >= 2
    with pytest.raises(CommandError):
        help_for("dance")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/pa", ("/papers",)),
        (
            "/papers s",
            ("subscribe", "search", "save", "saved", "submit", "schedule", "settings", "status"),
        ),
        ("SAV", ("save", "saved")),
        ("bookm", ("save", "saved")),
        ("/papers profile ", ("show", "add", "remove", "set")),
        ("profile re", ("remove",)),
        ("help pr", ("profile", "preview")),
        ("forget-me ", ("yes", "no")),
        ("settings s", ("schedule=", "size=", "sources=", "source-summary=")),
        ("settings size=5 si", ()),
        ("settings layout=", ("layout=thread", "layout=cards", "layout=single")),
        ("subscribe speech layout=c", ("layout=cards",)),
        ("subscribe ", ()),
        ("search spee", ()),
        ("profile add spee", ()),
        ("xyzzy", ()),
    ],
)
def test_completion_offers_what_can_follow(text: str, expected: tuple[str, ...]) -> None:
    assert complete(text, len(text)) == expected


def test_completion_looks_only_at_what_is_left_of_the_cursor() -> None:
    assert complete("sav 2106.09685", 3) == ("save", "saved")
    assert "subscribe" in complete("", 0)
    assert complete("status", -5)[0] == "help"
