"""The ``/papers`` grammar."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import commands
from bot.commands import (
    COMMANDS,
    SETTINGS,
    ChangeSettings,
    Command,
    CommandError,
    PaperRef,
    SettingChanges,
    Subscribe,
    complete,
    parse,
)
from bot.domain import Channel, Layout, Mode, Profile


def _refusal(text: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        parse(text)
    return caught.value


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("help", commands.Help()),
        ("help why", commands.Help("why")),
        ("help /papers profile add", commands.Help("profile add")),
        ("help profile", commands.Help("profile")),
        ("unsubscribe", commands.Unsubscribe()),
        ("profile", commands.ShowProfile()),
        ("profile show", commands.ShowProfile()),
        ("profile add speech, -vision", commands.AddToProfile("speech, -vision")),
        ("profile remove speech", commands.RemoveFromProfile("speech")),
        ("profile set speech", commands.SetProfile(Profile(terms=("speech",)))),
        ("preview", commands.Preview()),
        ("more", commands.More()),
        ("more 3", commands.More(3)),
        ("saved", commands.ShowSaved()),
        ("saved 2", commands.ShowSaved(2)),
        ("schedule", commands.ShowSchedule()),
        ("settings", commands.ShowSettings()),
        ("pause", commands.Pause()),
        ("resume", commands.Resume()),
        ("status", commands.Status()),
        ("forget-me", commands.ForgetMe()),
        ("forget-me yes", commands.ForgetMe(confirmed=True)),
        ("forget-me no", commands.ForgetMe()),
        ("forget me yes", commands.ForgetMe(confirmed=True)),
    ],
)
def test_every_command_is_read(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "status",
        " STATUS ",
        "Status?",
        "/papers status",
        "/PAPERS   status!",
        "papers status",
        "/status",
        "@paperwire: status",
        "<@U012AB3CD> status",
        "<@U012AB3CD|paperwire> /papers status",
    ],
)
def test_case_spaces_prefixes_and_final_punctuation_are_forgiven(text: str) -> None:
    assert parse(text) == commands.Status()


@pytest.mark.parametrize("text", ["", "   ", "/papers", "/", "?", "<@U012AB3CD>"])
def test_nothing_asks_for_help(text: str) -> None:
    assert parse(text) == commands.Help()


@pytest.mark.parametrize(
    ("text", "hint", "usage"),
    [
        ("sarch morphology", "Did you mean search?", "/papers search QUERY"),
        ("unsubcribe", "Did you mean unsubscribe?", "/papers unsubscribe"),
        ("profile ad x", "Did you mean profile add?", "/papers profile show or add"),
        ("profile speech, x", "write /papers profile add speech, x", "/papers profile show"),
        ("help liek", "Did you mean like?", "/papers help"),
        ("machine translation", "write /papers search machine translation", "/papers help"),
        ("2106.09685", "write /papers why 2106.09685", "/papers help"),
    ],
)
def test_an_unknown_word_gets_the_nearest_and_how_it_is_written(
    text: str, hint: str, usage: str
) -> None:
    error = _refusal(text)
    assert hint in error.reason
    assert error.usage.startswith(usage)
    assert str(error) == f"{error.reason}\nUsage: {error.usage}"


@pytest.mark.parametrize("text", ["pause until monday", "status now", "unsubscribe me please"])
def test_words_that_would_be_ignored_are_refused(text: str) -> None:
    assert "stands alone" in str(_refusal(text))


def test_only_yes_forgets() -> None:
    assert "Only yes" in str(_refusal("forget-me now"))


def test_search_leaves_the_query_as_it_is() -> None:
    text = '/papers search  "Low-Resource"  -vision  author:Roe?'
    assert parse(text) == commands.Search('"Low-Resource"  -vision  author:Roe?')
    assert parse("search A &amp; B &lt;3") == commands.Search("A & B <3")
    assert "needs something" in str(_refusal("search  "))


@pytest.mark.parametrize("text", ["more 0", "more 21", "more two", "saved -1", "saved 99999999"])
def test_a_count_out_of_range_is_refused_with_the_range(text: str) -> None:
    assert "whole number from 1 to" in str(_refusal(text))


# --- papers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "paper"),
    [
        ("3", PaperRef("3", number=3)),
        ("#3", PaperRef("#3", number=3)),
        ("# 3", PaperRef("3", number=3)),
        ("3.", PaperRef("3", number=3)),
        ("p123", PaperRef("p123", row=123)),
        ("2106.09685v2", PaperRef("2106.09685v2", arxiv_id="2106.09685")),
        ("hep-th/9901001", PaperRef("hep-th/9901001", arxiv_id="hep-th/9901001")),
        ("“2106.09685”?", PaperRef("2106.09685", arxiv_id="2106.09685")),
        (
            "<https://arxiv.org/abs/2106.09685|arxiv.org/abs/2106.09685>",
            PaperRef("https://arxiv.org/abs/2106.09685", arxiv_id="2106.09685"),
        ),
        ("10.1000/abc", PaperRef("10.1000/abc", doi="10.1000/abc")),
        (
            "<https://example.org/x?a=1&amp;b=2>",
            PaperRef("https://example.org/x?a=1&b=2", url="https://example.org/x?a=1&b=2"),
        ),
    ],
)
def test_a_paper_may_be_named_in_many_ways(text: str, paper: PaperRef) -> None:
    assert parse(f"why {text}") == commands.Why(paper)
    assert parse(f"like {text}") == commands.Like(paper)
    assert parse(f"👎 {text}") == commands.Dislike(paper)
    assert parse(f"save {text}") == commands.Save(paper)
    assert parse(f"submit {text}") == commands.Submit(paper)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("like", "needs a paper"),
        ("like lora", "does not name a paper"),
        ("like 0", "does not name a paper"),
        ("why 1 2", "one paper at a time"),
        ("submit javascript:alert(1)", "does not name a paper"),
    ],
)
def test_what_names_no_paper_is_refused(text: str, reason: str) -> None:
    assert reason in str(_refusal(text))


# --- subscribe, settings, schedule --------------------------------------------------------------


def _subscribe(text: str) -> tuple[Profile, SettingChanges]:
    command = parse(f"subscribe {text}")
    assert isinstance(command, Subscribe)
    return command.profile, command.changes


def test_interests_alone_change_no_setting() -> None:
    profile, changes = _subscribe('low-resource translation, -"image generation"')
    assert profile == Profile(
        terms=("low-resource translation",), muted_terms=("image generation",)
    )
    assert not changes


@pytest.mark.parametrize(
    "text",
    [
        "speech at weekdays 09:00 in Europe/Berlin top 5",
        "speech, at weekdays 09:00, in Europe/Berlin, top 5.",
        "speech size=5 schedule=weekdays 09:00 timezone=Europe/Berlin",
        'size=5 speech tz="Europe/Berlin" schedule="weekdays 09:00"',
        "to speech top 5 weekdays 09:00 Europe/Berlin",
        "speech\nat  weekdays  09:00\nin Europe/Berlin\nsize = 5",
        "at weekdays 09:00 in Europe/Berlin top 5, speech",
    ],
)
def test_settings_beside_the_interests_are_read_in_every_order(text: str) -> None:
    assert _subscribe(text) == (
        Profile(terms=("speech",)),
        SettingChanges(schedule="weekdays 09:00", timezone="Europe/Berlin", size=5),
    )


@pytest.mark.parametrize(
    ("text", "schedule", "zone"),
    [
        ("at 0 9 * * mon-fri, tz=Asia/Tokyo", "0 9 * * mon-fri", "Asia/Tokyo"),
        ("at mon, wed 18:00", "mon, wed 18:00", None),
        ("every weekday at 9am in New York", "every weekday at 9am", "New York"),
        ("at daily 18:30 UTC", "daily 18:30", "UTC"),
        ("daily", "daily", None),
        ("in Europ/Berlin", None, "Europ/Berlin"),
        ("on mondays at 08:00 in utc", "mondays at 08:00", "UTC"),
    ],
)
def test_schedules_and_zones_are_carried_as_text(
    text: str, schedule: str | None, zone: str | None
) -> None:
    assert _subscribe(f"speech {text}") == (
        Profile(terms=("speech",)),
        SettingChanges(schedule=schedule, timezone=zone),
    )


@pytest.mark.parametrize(
    "term",
    [
        "attention at scale",
        "top 5 accuracy",
        "precision at 10",
        "translation in low-resource settings",
        "congestion in TCP/IP networks",
        "monocular depth",
        "E=mc2",
        "lr=0.1",
        '"training at 09:00"',
        '"size=5"',
    ],
)
def test_interests_that_only_look_like_settings_stay_interests(term: str) -> None:
    assert _subscribe(f"{term}, speech") == (
        Profile(terms=(term.strip('"'), "speech")),
        SettingChanges(),
    )


def test_quoted_text_after_a_minus_or_prefix_is_no_setting() -> None:
    profile, changes = _subscribe('-"x at 09:00, y", author:"Top 5, Jane"')
    assert profile == Profile(muted_terms=("x at 09:00, y",), authors=("Top 5, Jane",))
    assert not changes


EVERY_KEY = (
    "schedule=daily 09:00 timezone=UTC size=7 threshold=60% layout=cards mode=both "
    "sources=HuggingFace,arxiv you-missed=on quiet=off explore=yes source-summary=no"
)
EVERY_CHANGE = SettingChanges(
    schedule="daily 09:00",
    timezone="UTC",
    size=7,
    threshold=60,
    layout=Layout.CARDS,
    mode=Mode.BOTH,
    sources=("huggingface", "arxiv"),
    you_missed=True,
    quiet_note=False,
    explore=True,
    prefer_source_summary=False,
)


def test_subscribe_and_settings_share_every_key() -> None:
    assert _subscribe(f"speech {EVERY_KEY}") == (Profile(terms=("speech",)), EVERY_CHANGE)
    assert parse(f"settings {EVERY_KEY}") == ChangeSettings(EVERY_CHANGE)
    assert parse(f"settings {EVERY_KEY.replace('=', ' ')}") == ChangeSettings(EVERY_CHANGE)
    assert parse(f"settings {EVERY_KEY.replace('=', ': ')}") == ChangeSettings(EVERY_CHANGE)
    assert [setting.field for setting in SETTINGS] == [f.name for f in fields(SettingChanges)]


def test_changes_apply_to_a_channel_and_leave_the_rest() -> None:
    channel = Channel(1, "terminal", "main", "main", Profile(), size=3, threshold=40)
    changed = SettingChanges(size=7, quiet_note=False, sources=()).apply(channel)
    assert (changed.size, changed.threshold, changed.quiet_note) == (7, 40, False)
    assert SettingChanges().apply(channel) == channel
    assert EVERY_CHANGE.apply(channel).layout is Layout.CARDS


def test_settings_take_the_same_phrases_as_subscribe() -> None:
    assert parse("settings at daily at 09:00 in New York top 3") == ChangeSettings(
        SettingChanges(schedule="daily 09:00", timezone="New York", size=3)
    )
    assert parse("settings sources huggingface, arxiv") == ChangeSettings(
        SettingChanges(sources=("huggingface", "arxiv"))
    )
    assert parse("settings sources=all") == ChangeSettings(SettingChanges(sources=()))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("settings sise=5", ["sise", "Did you mean size?"]),
        ("settings speech", ["speech", "They are: schedule, timezone"]),
        ("settings colour=red size=3", ["colour", "not a setting"]),
        ("settings size=50", ["from 1 to 20", '"50"', "size=5"]),
        ("settings size=many", ["from 1 to 20", '"many"']),
        ("settings size=", ["size has no value", "size=5"]),
        ("settings size 3 4", ["takes one value", '"3 4"']),
        ("settings threshold=101", ["from 0 to 100"]),
        ("settings layout=card", ["thread or cards or single", "Did you mean layout=cards?"]),
        ("settings mode=trend", ["Did you mean mode=trending?"]),
        ("settings quiet=maybe", ["on or off", '"maybe"']),
        ("subscribe speech sise=5", ["sise", "Did you mean size?"]),
        ("subscribe speech size=", ["size= has no value"]),
        ("subscribe speech, cat:c5!", ["cat:c5!", "cs.CL"]),
        ("profile add autor:Jane", ["autor:Jane", "author:"]),
        ("profile add", ["at least one item"]),
        ('profile remove ""', ["at least one item"]),
        ("schedule =", ["not a setting"]),
    ],
)
def test_a_wrong_setting_names_key_value_and_what_would_do(text: str, parts: list[str]) -> None:
    error = _refusal(text)
    for part in parts:
        assert part in error.reason
    assert error.usage.startswith("/papers ")


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("weekdays 09:00", SettingChanges(schedule="weekdays 09:00")),
        (
            "weekdays 09:00 in Europe/Berlin",
            SettingChanges(schedule="weekdays 09:00", timezone="Europe/Berlin"),
        ),
        ("at daily 9am New_York", SettingChanges(schedule="daily 9am New_York")),
        ("0 9 * * mon-fri utc", SettingChanges(schedule="0 9 * * mon-fri", timezone="UTC")),
        ("in Asia/Tokyo", SettingChanges(timezone="Asia/Tokyo")),
        ("“weekdays 09:00”.", SettingChanges(schedule="weekdays 09:00")),
        (
            'schedule="mon,thu 08:00" timezone=UTC',
            SettingChanges(schedule="mon,thu 08:00", timezone="UTC"),
        ),
    ],
)
def test_schedule_takes_a_time_zone_or_not(text: str, changes: SettingChanges) -> None:
    assert parse(f"schedule {text}") == ChangeSettings(changes)


# --- any text -----------------------------------------------------------------------------------

_pieces = st.lists(
    st.sampled_from(
        [spec.name for spec in COMMANDS]
        + [f"{setting.key}=" for setting in SETTINGS]
        + [
            "at",
            "in",
            "top",
            "5",
            "weekdays 09:00",
            "Europe/Berlin",
            '"',
            "“",
            ",",
            "-",
            "<http://x|",
        ]
        + ["/papers", "daily", "0 9 * * mon", "cat:", "2106.09685", "&lt;", "\n", "=", ":"]
    )
    | st.text(max_size=5),
    max_size=12,
)


@given(_pieces.map(" ".join) | st.text())
def test_any_text_is_a_command_or_a_command_error(text: str) -> None:
    try:
        assert isinstance(parse(text), get_args(Command))
    except CommandError as error:
        refusal = str(error)
        assert refusal
    assert isinstance(complete(text, len(text)), tuple)


@pytest.mark.parametrize(
    "unit",
    [
        "a ",
        "a=b,",
        "abc=1 ",
        "at ",
        "top 5 ",
        "in Europe/Berlin ",
        "at 09:00 in a b c ",
        "mon,",
        "1,",
        '"',
        ' "a',
        "<http://x",
        "size=",
        "\n",
        "at 1 1 1 1 ",
    ],
)
@pytest.mark.parametrize("start", ["subscribe ", "settings ", "schedule ", "why ", "profile add "])
def test_long_input_is_answered_at_once(start: str, unit: str) -> None:
    started = time.process_time()
    for size in (39_000, 1_000_000):
        try:
            parse((start + unit * size)[:size])
        except CommandError as error:
            refusal = str(error)
            assert len(refusal) < 500
    assert time.process_time() - started < 20  # of work, not of waiting
