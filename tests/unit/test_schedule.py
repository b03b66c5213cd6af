"""Schedules as people write them, and when their slots are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import PaperwireError
from bot.schedule import (
    MISSED_LIMIT,
    Due,
    Schedule,
    check_timezone,
    due_slot,
    next_slot,
    parse,
    slot_instant,
)

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
UTC_ZONE = ZoneInfo("UTC")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(
    written: str, zone: ZoneInfo, last: str | None, now: str, since: datetime = LONG_AGO
) -> Due | None:
    return due_slot(parse(written), zone, last, at(now), since=since)


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text", "cron"),
    [
        ("weekdays 09:00", "weekdays 09:00", "0 9 * * mon-fri"),
        ("daily 08:30", "daily 08:30", "30 8 * * *"),
        ("mon,wed,fri 18:00", "mon,wed,fri 18:00", "0 18 * * mon,wed,fri"),
        ("mon-fri 7:30", "weekdays 07:30", "30 7 * * mon-fri"),
        ("weekends 10:00", "weekends 10:00", "0 10 * * sat,sun"),
        ("0 9 * * mon-fri", "weekdays 09:00", "0 9 * * mon-fri"),
        ("05 09 * * MON", "mon 09:05", "5 9 * * mon"),
        ("0 9 * * sat-sun", "weekends 09:00", "0 9 * * sat,sun"),
        ("0 9 * * sun-sat", "daily 09:00", "0 9 * * *"),
        ("tue-sun 08:00", "tue-sun 08:00", "0 8 * * tue-sat,sun"),
        ("fri-mon 08:00", "mon,fri-sun 08:00", "0 8 * * mon,fri,sat,sun"),
        ("  Every Friday at 5:15 PM ", "fri 17:15", "15 17 * * fri"),
        ("Mondays and Thursdays 12am", "mon,thu 00:00", "0 0 * * mon,thu"),
        ("Tues, Wed at 12pm", "tue,wed 12:00", "0 12 * * tue,wed"),
        ("mon to thu 9:00", "mon-thu 09:00", "0 9 * * mon-thu"),
        ("every day at 8:00", "daily 08:00", "0 8 * * *"),
        ("0 9,17 * * Mon-Fri", "0 9,17 * * mon-fri", "0 9,17 * * mon-fri"),
        ("*/30 9-17 * * sat", "*/30 9-17 * * sat", "*/30 9-17 * * sat"),
        ("0 9 1 * *", "0 9 1 * *", "0 9 1 * *"),
        ("0 9 * * mon#1,fri", "0 9 * * fri,mon#1", "0 9 * * fri,mon#1"),
    ],
)
def test_schedule_is_read_into_one_canonical_form(written: str, text: str, cron: str) -> None:
    schedule = parse(written)
    assert schedule == Schedule(text=text, cron=cron)
    assert parse(schedule.text) == schedule
    assert parse(schedule.cron) == schedule


@pytest.mark.parametrize(
    ("numbered", "named"),
    [
        ("0 9 * * 1", "0 9 * * mon"),
        ("0 9 * * 0", "0 9 * * sun"),
        ("0 9 * * 7", "0 9 * * sun"),
        ("0 9 * * 1-5", "0 9 * * mon-fri"),
        ("30 8 1 * 1,3,5", "30 8 1 * mon,wed,fri"),
        ("0 9 * * 5#2", "0 9 * * fri#2"),
        ("0 9 * * 9", "0 9 * * mon-fri"),
    ],
)
def test_cron_weekday_numbers_are_refused_with_the_corrected_line(
    numbered: str, named: str
) -> None:
    with pytest.raises(PaperwireError) as refusal:
        parse(numbered)
    said = str(refusal.value)
    assert repr(numbered) in said
    assert "different days in different tools" in said
    assert said.endswith(f"Write, say: {named}")
    assert "\n" not in said
    parse(named)


@pytest.mark.parametrize(
    ("written", "reason", "example"),
    [
        ("", "it is empty", "weekdays 09:00"),
        ("weekly", "say which day", "weekdays 09:00"),
        ("hourly 09:00", "listed once a day", "weekdays 09:00"),
        ("@daily", "@ names", "weekdays 09:00"),
        ("09:00", "on which days", "daily 09:00"),
        ("9am", "on which days", "daily 09:00"),
        ("mon", "at what time", "mon 09:00"),
        ("at", "neither a day nor a time", "weekdays 09:00"),
        ("soon", "'soon' is neither a day nor a time", "weekdays 09:00"),
        ("someday 09:00", "'someday' is not a day", "weekdays 09:00"),
        ("mon-noday 09:00", "'noday' is not a day", "weekdays 09:00"),
        ("m 09:00", "'m' is not a day", "weekdays 09:00"),
        ("weekdays 24:00", "'24:00' is not a time of day", "weekdays 09:00"),
        ("weekdays 9:60", "'9:60' is not a time of day", "weekdays 09:00"),
        ("weekdays 9", "'9' is not a time of day", "weekdays 09:00"),
        ("weekdays 13pm", "'13pm' is not a time of day", "weekdays 09:00"),
        ("weekdays 09:00 17:00", "more than one time", "0 9,17 * * mon-fri"),
        ("0 9 * *", "five fields and this has 4", "0 9 * * mon-fri"),
        ("0 0 9 * * mon", "five fields and this has 6", "0 9 * * mon-fri"),
        ("61 9 * * mon", "minute field", "weekdays 09:00"),
        ("0 9 32 * *", "day-of-month field", "weekdays 09:00"),
        ("0 9 30 2 *", "day-of-month field", "weekdays 09:00"),
        ("0 9 */30 2 mon#5", "no day ever matches", "weekdays 09:00"),
        ("0 9 * * */2", "step over weekdays", "0 9 * * mon,wed,fri"),
        ("0 9 * * funday", "'funday' is not a day", "weekdays 09:00"),
        ("0 9 * * ,", "names no day", "weekdays 09:00"),
    ],
)
def test_unreadable_schedule_names_itself_the_reason_and_an_example(
    written: str, reason: str, example: str
) -> None:
    with pytest.raises(PaperwireError) as refusal:
        parse(written)
    said = str(refusal.value)
    assert repr(written) in said
    assert reason in said
    assert said.endswith(f"Write, say: {example}")
    parse(example)


@settings(deadline=None)
@given(st.text(alphabet="0123456789*/,-# :@monfriwekdaysltuh", max_size=24))
def test_any_text_is_read_or_refused_as_an_operator_error(text: str) -> None:
    try:
        schedule = parse(text)
    except PaperwireError:
        return
    assert parse(schedule.text) == schedule
    assert schedule.describe()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("weekdays 09:00", "every weekday at 09:00"),
        ("daily 8:30", "every day at 08:30"),
        ("weekends 10:00", "every Saturday and Sunday at 10:00"),
        ("mon,wed,fri 18:00", "every Monday, Wednesday and Friday at 18:00"),
        ("thu 7:05", "every Thursday at 07:05"),
        ("0 9,17 * * mon-fri", "at 09:00 and 17:00 on Monday through Friday"),
    ],
)
def test_schedule_is_described_in_words(written: str, said: str) -> None:
    assert parse(written).describe() == said


def test_known_timezone_is_returned() -> None:
    assert check_timezone("Australia/Lord_Howe") == LORD_HOWE


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Sydney", "Australia/Sydney"),
        ("pst", "America/Los_Angeles"),
    ],
)
def test_unknown_timezone_says_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(PaperwireError, match=f"Did you mean {meant}") as refusal:
        check_timezone(name)
    assert repr(name) in str(refusal.value)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "Europe", "UTC+2", "Mars/Phobos", "a\0b"])
def test_impossible_timezone_is_an_operator_error(name: str) -> None:
    with pytest.raises(PaperwireError, match="There is no time zone"):
        check_timezone(name)


# --- due slots ----------------------------------------------------------------------------------


def test_slot_is_due_from_its_minute_on_and_once() -> None:
    assert due("daily 09:00", UTC_ZONE, "2026-06-15T09:00", "2026-06-16T08:59:59") is None
    first = due("daily 09:00", UTC_ZONE, "2026-06-15T09:00", "2026-06-16T09:00")
    assert first == Due("2026-06-16T09:00", missed=0)
    assert due("daily 09:00", UTC_ZONE, "2026-06-16T09:00", "2026-06-16T09:00:01") is None


def test_fraction_of_a_second_before_the_slot_is_before_it() -> None:
    last = "2026-06-15T09:00"
    assert due("daily 09:00", UTC_ZONE, last, "2026-06-16T08:59:59.999999") is None
    assert due("daily 09:00", UTC_ZONE, last, "2026-06-16T09:00:00.000001") is not None


def test_several_missed_slots_make_one_due_over_the_gap() -> None:
    monday_late = due("weekdays 09:00", UTC_ZONE, "2026-06-09T09:00", "2026-06-15T13:00")
    assert monday_late == Due("2026-06-15T09:00", missed=3)  # Wednesday, Thursday, Friday


def test_new_channel_gets_no_slot_from_before_it_was_made() -> None:
    made = at("2026-06-15T10:00")
    assert due("daily 09:00", UTC_ZONE, None, "2026-06-15T12:00", made) is None
    assert due("daily 09:00", UTC_ZONE, None, "2026-06-16T09:00", made) == Due(
        "2026-06-16T09:00", missed=0
    )
    assert due("daily 09:00", UTC_ZONE, None, "2026-06-18T10:00", made) == Due(
        "2026-06-18T09:00", missed=2
    )


def test_schedule_changed_to_an_earlier_hour_waits_for_its_next_slot() -> None:
    changed = at("2026-06-16T12:00")
    last = "2026-06-15T18:00"
    assert due("daily 09:00", UTC_ZONE, last, "2026-06-16T12:01", changed) is None
    assert due("daily 09:00", UTC_ZONE, last, "2026-06-17T09:00", changed) == Due(
        "2026-06-17T09:00", missed=0
    )


def test_clock_set_back_repeats_no_slot() -> None:
    assert due("daily 09:00", UTC_ZONE, "2026-06-16T09:00", "2026-06-10T12:00") is None


def test_years_of_pause_are_counted_up_to_a_limit() -> None:
    found = due("* * * * *", BERLIN, "2001-06-15T09:00", "2026-06-15T09:00", at("2001-01-01"))
    assert found == Due("2026-06-15T11:00", missed=MISSED_LIMIT)


def test_rare_slot_is_found_years_back() -> None:
    found = due("0 9 29 feb *", UTC_ZONE, "2020-02-29T09:00", "2027-12-31T00:00")
    assert found == Due("2024-02-29T09:00", missed=0)


# (zone, a slot the spring change skips, the first instant after the gap)
SPRING = [
    (NEW_YORK, "2026-03-08T02:30", "2026-03-08T07:00:00"),
    (BERLIN, "2026-03-29T02:30", "2026-03-29T01:00:00"),
    (LORD_HOWE, "2026-10-04T02:15", "2026-10-03T15:30:00"),
]
# (zone, a slot the autumn change repeats, its first and its second instant)
AUTUMN = [
    (NEW_YORK, "2026-11-01T01:30", "2026-11-01T05:30:00", "2026-11-01T06:30:00"),
    (BERLIN, "2026-10-25T02:30", "2026-10-25T00:30:00", "2026-10-25T01:30:00"),
    (LORD_HOWE, "2026-04-05T01:45", "2026-04-04T14:45:00", "2026-04-04T15:15:00"),
]


@pytest.mark.parametrize(("zone", "slot", "instant"), SPRING, ids=str)
def test_slot_in_the_spring_gap_happens_right_after_it(
    zone: ZoneInfo, slot: str, instant: str
) -> None:
    written = f"daily {slot[11:]}"
    day_before = f"{datetime.fromisoformat(slot) - timedelta(days=1):%Y-%m-%dT%H:%M}"
    second_before = (at(instant) - timedelta(seconds=1)).isoformat()[:19]
    assert slot_instant(slot, zone) == at(instant)
    assert due(written, zone, day_before, second_before) is None
    assert due(written, zone, day_before, instant) == Due(slot, missed=0)
    assert next_slot(parse(written), zone, at(second_before)) == (slot, at(instant))
    assert next_slot(parse(written), zone, at(instant))[0] > slot


@pytest.mark.parametrize(("zone", "slot", "first", "second"), AUTUMN, ids=str)
def test_slot_in_the_autumn_fold_happens_the_first_time_only(
    zone: ZoneInfo, slot: str, first: str, second: str
) -> None:
    written = f"daily {slot[11:]}"
    day_before = f"{datetime.fromisoformat(slot) - timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert slot_instant(slot, zone) == at(first)
    assert due(written, zone, day_before, first) == Due(slot, missed=0)
    assert due(written, zone, slot, second) is None
    assert next_slot(parse(written), zone, at(first))[0] > slot
    # A bot that was down the first time catches the slot up before its second reading.
    between = (at(second) - timedelta(minutes=20)).isoformat()[:19]
    assert due(written, zone, day_before, between) == Due(slot, missed=0)


def test_frequent_slots_through_the_fold_come_once_each_and_miss_none() -> None:
    last, planned = "2026-10-25T01:30", []
    for minutes in range(0, 240, 30):
        now = at("2026-10-25T00:00") + timedelta(minutes=minutes)
        found = due_slot(parse("0,30 * * * *"), BERLIN, last, now, since=LONG_AGO)
        if found:
            assert found.missed == 0
            planned.append(found.slot[11:])
            last = found.slot
    assert planned == ["02:00", "02:30", "03:00", "03:30", "04:00", "04:30"]


def test_slots_moved_together_by_the_gap_are_not_counted_as_missed() -> None:
    found = due("0,30 * * * *", BERLIN, "2026-03-29T01:30", "2026-03-29T01:00")
    assert found == Due("2026-03-29T03:00", missed=0)


def test_zone_that_skipped_a_whole_day_plans_that_day_after_the_gap() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert slot_instant("2011-12-30T09:00", apia) == at("2011-12-30T10:00")


@pytest.mark.parametrize("slot", ["", "2026-06-15", "2026-02-30T09:00", "2026-06-15T09:00+02:00"])
def test_bad_slot_is_an_operator_error(slot: str) -> None:
    with pytest.raises(PaperwireError, match="is not a slot"):
        slot_instant(slot, BERLIN)


# --- properties ---------------------------------------------------------------------------------

zones = st.sampled_from([NEW_YORK, BERLIN, LORD_HOWE, UTC_ZONE, ZoneInfo("Asia/Kolkata")])
written = st.sampled_from(
    [
        "weekdays 09:00",
        "daily 02:30",
        "daily 01:30",
        "mon,wed,fri 02:15",
        "0 * * * *",
        "15,45 1-3 * * *",
        "0 9 1 * *",
        "weekends 23:59",
    ]
)
starts = st.datetimes(
    min_value=datetime.fromisoformat("2025-01-01T00:00"),
    max_value=datetime.fromisoformat("2027-12-31T00:00"),
).map(lambda naive: naive.replace(tzinfo=UTC))
steps = st.lists(st.integers(min_value=-3 * 86_400, max_value=10 * 86_400), max_size=25)


@settings(max_examples=150, deadline=None)
@given(written=written, zone=zones, since=starts, steps=steps)
def test_each_slot_is_covered_once_however_the_clock_moves(
    written: str, zone: ZoneInfo, since: datetime, steps: list[int]
) -> None:
    schedule = parse(written)
    now, latest_now, last = since, since, None
    planned: list[str] = []
    missed = 0
    for step in steps:
        now += timedelta(seconds=step)
        latest_now = max(now, latest_now)
        found = due_slot(schedule, zone, last, now, since=since)
        if found:
            assert since < slot_instant(found.slot, zone) <= now
            planned.append(found.slot)
            missed += found.missed
            last = found.slot
    assert planned == sorted(set(planned))
    # Walking forward slot by slot is the other way to learn what should have been covered.
    instants = set()
    _, instant = next_slot(schedule, zone, since)
    while instant <= latest_now:
        instants.add(instant)
        _, instant = next_slot(schedule, zone, instant)
    assert len(planned) + missed == len(instants)


@settings(max_examples=150, deadline=None)
@given(written=written, zone=zones, now=starts)
def test_next_slot_is_the_first_one_that_becomes_due(
    written: str, zone: ZoneInfo, now: datetime
) -> None:
    schedule = parse(written)
    slot, instant = next_slot(schedule, zone, now)
    assert instant > now
    assert slot_instant(slot, zone) == instant
    just_before = instant - timedelta(microseconds=1)
    assert due_slot(schedule, zone, None, just_before, since=now) is None
    found = due_slot(schedule, zone, None, instant, since=now)
    assert found is not None
    assert slot_instant(found.slot, zone) == instant
