"""When a channel's digest is due: a written schedule, a time zone and the last slot; no clock.

A slot is a wall-clock time without offset, ``YYYY-MM-DDTHH:MM``, in the channel's time zone. It
happens at one instant: a slot that the spring clock change skips happens at the first instant
after the gap, one that the autumn change repeats happens the first time only.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from bot.domain import PaperwireError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EXAMPLE = "weekdays 09:00"
MISSED_LIMIT = 366

_EVERY = frozenset(range(7))
_WEEKDAYS = frozenset(range(5))
_WEEKENDS = frozenset((5, 6))
_DAY_WORDS = {
    "daily": _EVERY,
    "everyday": _EVERY,
    "weekday": _WEEKDAYS,
    "weekdays": _WEEKDAYS,
    "weekend": _WEEKENDS,
    "weekends": _WEEKENDS,
}
_NEEDS_MORE = {
    "weekly": "say which day, such as mon 09:00",
    "monthly": "say which day with cron, such as 0 9 1 * *",
    "hourly": "papers are listed once a day; if you mean it, write 0 * * * *",
}
_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?(am|pm)?")
_RANGE = re.compile(r"\s*(?:-|\bto\b)\s*")
_SLOT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_CRON_FIELD = re.compile(r"[\d*/,-]+")
_NTH = re.compile(r"([a-z]+)#([1-5])")
# Any fixed time shows whether a cron line can be read and ever fires; no clock is asked.
_START = datetime.fromisoformat("2000-01-01T00:00")
# Cron weekday numbers as crontab(5) reads them; only used to write the correction out.
_CRON_NUMBERS = ("sun", *DAYS)
_ABBREVIATIONS = {
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "MDT": "America/Denver",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "EDT": "America/New_York",
    "BST": "Europe/London",
    "CEST": "Europe/Berlin",
    "EEST": "Europe/Helsinki",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """When digests are planned. Two ways of writing the same simple schedule are equal.

    ``text`` is the canonical written form, which ``parse`` takes back unchanged; ``cron`` is the
    same as five fields with weekday names.
    """

    text: str
    cron: str

    def describe(self) -> str:
        """Return the schedule as the end of an English sentence: ``every weekday at 09:00``."""
        simple = _read_simple_cron(self.cron)
        if simple is None:
            said = CronSim(self.cron, _START).explain()
            return said[0].lower() + said[1:]
        days, hour, minute = simple
        return f"{_say_days(days)} at {hour:02}:{minute:02}"


@dataclass(frozen=True, slots=True)
class Due:
    """The slot to plan now. ``missed`` counts the earlier slots it stands for, up to 366."""

    slot: str
    missed: int


# --- reading ------------------------------------------------------------------------------------


def parse(text: str) -> Schedule:
    """Read ``weekdays 09:00``, ``mon,wed,fri 18:00``, ``mon-fri 7:30`` or five-field cron.

    Cron takes weekday names only. Raises PaperwireError naming the text, the reason and an
    example.
    """
    words = text.strip().lower().split()
    if not words:
        raise _wrong(text, "it is empty")
    if len(words) == 5 and all(_CRON_FIELD.fullmatch(word) for word in words[:2]):
        return _parse_cron(text, words)
    if words[0].startswith("@"):
        raise _wrong(text, "cron's @ names are not read")
    if words[0] in _NEEDS_MORE:
        raise _wrong(text, _NEEDS_MORE[words[0]])
    if _looks_like_cron(words):
        raise _wrong(text, f"cron has five fields and this has {len(words)}", "0 9 * * mon-fri")
    return _parse_days_and_time(text, _RANGE.sub("-", " ".join(words)).split())


def _parse_days_and_time(text: str, words: list[str]) -> Schedule:
    words = [word for word in words if word not in {"at", "on", "and"}]
    if words[:2] == ["every", "day"]:
        words = ["daily", *words[2:]]
    elif words[:1] == ["every"]:
        words = words[1:]
    if len(words) > 1 and words[-1] in {"am", "pm"}:
        words[-2:] = [words[-2] + words[-1]]
    # The days may be spread over several words ("mon, wed"); the time is the last one.
    *day_words, time_word = words or [""]
    if any(_TIME.fullmatch(word) for word in day_words):
        raise _wrong(text, "it has more than one time of day", "0 9,17 * * mon-fri")
    if not day_words:
        if _TIME.fullmatch(time_word):
            raise _wrong(text, "it does not say on which days", f"daily {_clock(text, time_word)}")
        if time_word and _is_day_phrase(time_word):
            raise _wrong(text, "it does not say at what time", f"{time_word} 09:00")
        raise _wrong(text, f"{time_word or text.strip()!r} is neither a day nor a time")
    days = _read_days(text, ",".join(day_words))
    return _simple(days, _clock(text, time_word))


def _clock(text: str, word: str) -> str:
    """Return a time of day as ``HH:MM``; a bare number is no time without am or pm."""
    match = _TIME.fullmatch(word)
    if match is None or not (match[2] or match[3]):
        raise _wrong(text, f"{word!r} is not a time of day (00:00 to 23:59)")
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3]:
        if not 1 <= hour <= 12:
            raise _wrong(text, f"{word!r} is not a time of day")
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    if hour > 23 or minute > 59:
        raise _wrong(text, f"{word!r} is not a time of day (00:00 to 23:59)")
    return f"{hour:02}:{minute:02}"


def _read_days(text: str, phrase: str) -> frozenset[int]:
    """Return the weekdays (0 is Monday) of ``mon,wed`` or ``fri-mon``, which wraps."""
    days: set[int] = set()
    for item in filter(None, phrase.split(",")):
        if item in _DAY_WORDS:
            days |= _DAY_WORDS[item]
            continue
        first, dash, last = item.partition("-")
        start, end = _day(first), _day(last if dash else first)
        if start is None or end is None:
            unknown = first if start is None else last
            raise _wrong(text, f"{unknown!r} is not a day (write mon to sun, weekdays or daily)")
        days |= {(start + step) % 7 for step in range((end - start) % 7 + 1)}
    if not days:
        raise _wrong(text, "it names no day")
    return frozenset(days)


def _day(word: str) -> int | None:
    """Return 0 to 6 for ``mon``, ``tues`` or ``Mondays``; None for any other word."""
    word = word.lower()
    if len(word) < 3:
        return None
    singular = word.removesuffix("s")
    for number, name in enumerate(DAY_NAMES):
        if name.lower().startswith(word) or name.lower() == singular:
            return number
    return None


def _is_day_phrase(word: str) -> bool:
    return word in _DAY_WORDS or all(_day(part) is not None for part in re.split("[-,]", word))


def _looks_like_cron(words: list[str]) -> bool:
    return words[0].isdigit() or any("*" in word for word in words)


def _parse_cron(text: str, words: list[str]) -> Schedule:
    minute, hour, day, month, weekday = words
    weekday = _read_cron_weekday(text, words)
    cron = " ".join((minute, hour, day, month, weekday))
    try:
        next(CronSim(cron, _START))
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        raise _wrong(text, f"the {field} field of this cron line is wrong") from None
    except StopIteration:
        raise _wrong(text, "no day ever matches it") from None
    simple = _read_simple_cron(cron)
    if simple is not None:
        days, at_hour, at_minute = simple
        return _simple(days, f"{at_hour:02}:{at_minute:02}")
    return Schedule(text=cron, cron=cron)


def _read_cron_weekday(text: str, words: list[str]) -> str:
    """Return the weekday field in names that cronsim reads, ranges spelled out, or raise."""
    items: list[str] = []
    days: set[int] = set()
    for item in words[4].split(","):
        if item == "*":
            return "*"
        nth = _NTH.fullmatch(item)
        if nth and (number := _day(nth[1])) is not None:
            items.append(f"{DAYS[number]}#{nth[2]}")
        elif "/" in item:
            reason = "a step over weekdays starts on different days in different tools"
            raise _wrong(text, reason, " ".join([*words[:4], "mon,wed,fri"]))
        elif re.search(r"\d", item):
            raise _refuse_numbers(text, words)
        else:
            days |= _read_days(text, item)
    if not items:
        days = set(_read_days(text, words[4]))
    return ",".join([*_cron_days(frozenset(days)), *dict.fromkeys(items)])


def _refuse_numbers(text: str, words: list[str]) -> PaperwireError:
    named = re.sub(r"(?<![#/\d])[0-7](?!\d)", lambda m: _CRON_NUMBERS[int(m[0])], words[4])
    corrected = " ".join([*words[:4], named])
    if re.search(r"\d", re.sub(r"#[1-5]", "", named)):
        corrected = " ".join([*words[:4], "mon-fri"])
    return _wrong(
        text,
        "weekday numbers mean different days in different tools (1 is Monday in cron and Tuesday "
        "in others), so write the names",
        corrected,
    )


def _read_simple_cron(cron: str) -> tuple[frozenset[int], int, int] | None:
    """Return (days, hour, minute) of a cron line that is one time of day on some weekdays."""
    minute, hour, day, month, weekday = cron.split()
    if not (minute.isdigit() and hour.isdigit() and day == month == "*" and "#" not in weekday):
        return None
    days = _EVERY if weekday == "*" else _read_days(cron, weekday)
    return days, int(hour), int(minute)


def _simple(days: frozenset[int], clock: str) -> Schedule:
    names = {_EVERY: "daily", _WEEKDAYS: "weekdays", _WEEKENDS: "weekends"}
    written = names.get(days) or ",".join(_day_items(days))
    hour, minute = clock.split(":")
    cron = f"{int(minute)} {int(hour)} * * {','.join(_cron_days(days))}"
    return Schedule(text=f"{written} {clock}", cron=cron)


def _cron_days(days: frozenset[int]) -> list[str]:
    # Cron's week begins on Sunday, so a range that ends there reads as backwards.
    if days == _EVERY:
        return ["*"]
    return _day_items(days - {6}) + (["sun"] if 6 in days else [])


def _day_items(days: frozenset[int]) -> list[str]:
    """Return ``mon-fri`` where three or more days follow each other, the others one by one."""
    items: list[str] = []
    for _, group in itertools.groupby(enumerate(sorted(days)), key=lambda pair: pair[1] - pair[0]):
        run = [DAYS[day] for _, day in group]
        items.extend([f"{run[0]}-{run[-1]}"] if len(run) > 2 else run)
    return items


def _say_days(days: frozenset[int]) -> str:
    named = {
        _EVERY: "every day",
        _WEEKDAYS: "every weekday",
        _WEEKENDS: "every Saturday and Sunday",
    }
    if days in named:
        return named[days]
    *others, last = (DAY_NAMES[day] for day in sorted(days))
    return f"every {', '.join(others)} and {last}" if others else f"every {last}"


def _wrong(text: str, reason: str, example: str = EXAMPLE) -> PaperwireError:
    return PaperwireError(f"Cannot read the schedule {text!r}: {reason}. Write, say: {example}")


def check_timezone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; raises PaperwireError with the nearest names there are."""
    try:
        # Only these names are safe as keys; a folder or a path of the database raises otherwise.
        if re.fullmatch(r"[A-Za-z0-9_+/-]+", name):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    near = _near_zones(name)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Write, say: Europe/Berlin or UTC"
    raise PaperwireError(f"There is no time zone {name!r}. {hint}")


def _near_zones(name: str) -> list[str]:
    import difflib
    import zoneinfo

    asked = name.strip().replace(" ", "_")
    if re.match(r"(?i)(utc|gmt)?[+-]\d", asked):
        return []  # a fixed offset would be wrong for half of the year in most places
    if asked.upper() in _ABBREVIATIONS:
        return [_ABBREVIATIONS[asked.upper()]]
    names: dict[str, str] = {}
    # Reversed, so that of Asia/Jerusalem and an old alias with the same city the first stays.
    for zone in sorted(zoneinfo.available_timezones(), reverse=True):
        names[zone.casefold()] = zone
        if "/" in zone and not zone.startswith("Etc/"):
            names[zone.rsplit("/", 1)[1].casefold()] = zone
    if asked.casefold() in names:
        return [names[asked.casefold()]]
    near = difflib.get_close_matches(asked.casefold(), sorted(names), n=3, cutoff=0.7)
    return list(dict.fromkeys(names[key] for key in near))


# --- deciding -----------------------------------------------------------------------------------


def due_slot(
    schedule: Schedule,
    timezone: ZoneInfo,
    last_slot: str | None,
    now: datetime,
    *,
    since: datetime,
) -> Due | None:
    """Return the latest slot that has come and is later than ``last_slot``, or None.

    ``now`` and ``since`` are aware. Only slots after ``since`` count: the time the channel was
    made, or was given this schedule. Several missed slots make one Due. A clock set back repeats
    nothing, because a slot must be later than the last one on the wall clock.
    """
    latest = _latest(schedule, timezone, now)
    if latest is None or (last_slot is not None and latest <= _read_slot(last_slot)):
        return None
    instant = _instant(latest, timezone)
    if instant <= since:
        return None
    missed = 0
    for earlier in _before(schedule, latest):
        before = _instant(earlier, timezone)
        too_early = before <= since
        if too_early or (last_slot is not None and earlier <= _read_slot(last_slot)):
            break
        # Slots that a clock change moved onto the same instant are one.
        missed += before < instant
        instant = before
        if missed == MISSED_LIMIT:
            break
    return Due(_write_slot(latest), missed)


def next_slot(schedule: Schedule, timezone: ZoneInfo, now: datetime) -> tuple[str, datetime]:
    """Return the first slot after ``now`` (aware) and its instant in UTC."""
    wall = now.astimezone(timezone).replace(tzinfo=None)
    for slot in CronSim(schedule.cron, wall):
        instant = _instant(slot, timezone)
        if instant > now:
            return _write_slot(slot), instant
    raise PaperwireError(f"The schedule {schedule.text!r} has no day left. Write, say: {EXAMPLE}")


def slot_instant(slot: str, timezone: ZoneInfo) -> datetime:
    """Return the instant in UTC at which a slot happens; raises PaperwireError if it is none."""
    return _instant(_read_slot(slot), timezone)


def _latest(schedule: Schedule, timezone: ZoneInfo, now: datetime) -> datetime | None:
    here = now.astimezone(timezone)
    wall = here.replace(tzinfo=None, fold=0)
    if here.fold:
        # In the repeated hour the wall clock lags behind what has already happened once.
        wall += _offset(here.replace(fold=0)) - _offset(here)
    # One second on, because the backward search starts before the time it is given.
    for slot in _before(schedule, wall + timedelta(seconds=1)):
        if _instant(slot, timezone) <= now:
            return slot
    return None


def _before(schedule: Schedule, wall: datetime) -> Iterator[datetime]:
    """Yield the schedule's wall-clock times before ``wall``, latest first."""
    yield from CronSim(schedule.cron, wall, reverse=True)


def _instant(wall: datetime, timezone: ZoneInfo) -> datetime:
    aware = wall.replace(tzinfo=timezone, fold=0)
    instant = aware.astimezone(UTC)
    if instant.astimezone(timezone).replace(tzinfo=None, fold=0) == wall:
        return instant
    # The time is skipped: the change lies between its readings with the two offsets.
    early = aware.replace(fold=1).astimezone(UTC)
    old_offset = _offset(early.astimezone(timezone))
    while instant - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(instant - early) // timedelta(seconds=2))
        if _offset(middle.astimezone(timezone)) == old_offset:
            early = middle
        else:
            instant = middle
    return instant


def _offset(aware: datetime) -> timedelta:
    return aware.utcoffset() or timedelta(0)


def _read_slot(slot: str) -> datetime:
    try:
        if _SLOT.fullmatch(slot):
            return datetime.fromisoformat(slot)
    except ValueError:
        pass
    raise PaperwireError(f"{slot!r} is not a slot. Write, say: 2026-06-15T09:00")


def _write_slot(wall: datetime) -> str:
    return wall.isoformat(timespec="minutes")
