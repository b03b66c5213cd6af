"""Channel settings as people write them: ``key=value``, ``at WHEN``, ``in TIMEZONE``, ``top N``.

``subscribe`` finds them among the interests (`take_settings`), ``settings`` takes nothing else
(`read_settings`). Quoted text is never a setting. Schedules and zones stay text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import lru_cache

from bot.commands.model import ArgumentKind, CommandError, SettingChanges, SettingSpec
from bot.commands.table import KEYS, SETTINGS
from bot.domain import Layout, Mode

_QUOTES = '"“”„‟«»＂'
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
# Repeats are bounded, so that a long list of days costs no more than a short one.
_DAYS = (
    rf"(?:every[ ]?(?:week)?day|every[ ]{_DAY}|daily|weekdays?|weekends?"
    rf"|{_DAY}(?:[ ]?[-,][ ]?{_DAY}){{0,6}})"
)
_CLOCK = r"(?:\d{1,2}:\d\d(?:[ ]?[ap]m)?|\d{1,2}[ ]?[ap]m)\b"
_FIELD = r"[\w*#/,-]{1,40}"
_CRON = rf"(?:[\d*/,-]{{1,40}}[ ]){{3}}{_FIELD}[ ][\w*#/,-]{{0,40}}[\w*]"
_FULL = rf"{_DAYS}[ ](?:at[ ])?{_CLOCK}"
_SCHEDULE = re.compile(rf"{_FULL}|{_CLOCK}|{_CRON}|{_DAYS}(?![\w-])", re.IGNORECASE)
# Days without a time are taken too, so that the one who reads schedules can ask for the time.
_AT = re.compile(
    rf"(?:at|on)[ ](?P<after>{_SCHEDULE.pattern})|{_FULL}"
    r"|(?:daily|every[ ]?(?:week)?day|weekdays)\b",
    re.IGNORECASE,
)
_TOP = re.compile(r"top[ ](\d{1,6})\b", re.IGNORECASE)
_AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Brazil",
    "Canada",
    "Chile",
    "Etc",
    "Europe",
    "Indian",
    "Mexico",
    "Pacific",
    "US",
)
_SHORT_ZONES = r"UTC|GMT|CET|CEST|EET|EEST|WET|BST|EST|EDT|CST|CDT|MST|MDT|PST|PDT|JST|KST|IST"
_ZONE = re.compile(rf"([A-Za-z]{{2,12}})/[A-Za-z0-9_+/-]{{2,40}}|(?:{_SHORT_ZONES})\b")
_ZONE_WORDS = re.compile(r"[A-Za-z_]{2,30}(?:[ ][A-Za-z_]{2,30}){0,2}")
_KEY = re.compile(r"([A-Za-z][A-Za-z_-]{0,24}) ?= ?")
_VALUE = re.compile(rf"[{_QUOTES}](?P<quoted>[^{_QUOTES}\n]*)[{_QUOTES}]|(?P<bare>\S+)")
_GAP = re.compile(r"[\s,;]*")
_BOUNDARY = re.compile(r"([.!?]*) ?(?:$|[,;\n])")
_WORD = re.compile(rf"[^\s,;{_QUOTES}]*[{_QUOTES}][^{_QUOTES}\n]*[{_QUOTES}]|[^\s,;]+|[\s,;]+")
# A run longer than this is no one's settings; the bound also bounds the search.
_MAX_RUN = 12

Values = dict[str, str]


def take_settings(text: str, usage: str) -> tuple[str, SettingChanges]:
    """Split the text of ``subscribe`` into the interests and the settings among them.

    ``key=value`` is a setting anywhere. ``at``, ``in`` and ``top`` are only where their value
    looks right and what follows is a comma, another setting or the end, so that "attention at
    scale" and "top 5 accuracy" stay interests. Raises CommandError.
    """
    text = "\n".join(" ".join(line.split()) for line in text.splitlines())
    found: Values = {}
    kept: list[str] = []
    start = position = 0
    while position < len(text):
        if (run := _read_run(text, position, usage)) is not None:
            end, values = run
            found |= values
            kept.append(text[start:position])
            start = position = _skip(_GAP, text, end)
            continue
        word = _WORD.match(text, position)
        position = word.end() if word else position + 1
    kept.append(text[start:])
    rest = ", ".join(part for part in (piece.strip(" ,;\n") for piece in kept) if part)
    return rest, _convert(found, usage)


def read_settings(text: str, usage: str) -> SettingChanges:
    """Read text that holds settings and nothing else: ``size=5``, ``size 5`` or ``top 5``.

    Raises CommandError that names what is unknown and the nearest key.
    """
    found: Values = {}
    for key, value in _read_pairs(text, usage):
        found[key] = value
    return _convert(found, usage)


def split_schedule(text: str) -> tuple[str, str]:
    """Split ``weekdays 09:00 in Europe/Berlin`` into the schedule and the zone, either empty."""
    text = " ".join(text.split())
    head, separator, zone = f" {text}".rpartition(" in ")
    if not separator:
        words = text.split(" ")
        if _ZONE.fullmatch(words[-1]) or _ZONE.fullmatch(words[-1].upper()):
            head, zone = " ".join(words[:-1]), words[-1]
        else:
            head, zone = text, ""
    head = re.sub(r"^(?:at|to|on) ", "", head.strip(), flags=re.IGNORECASE)
    return head.strip(f" ,{_QUOTES}"), _tidy_zone(zone.strip(f" ,.{_QUOTES}"))


# --- settings among interests -------------------------------------------------------------------


def _read_run(
    text: str, position: int, usage: str, previous: str = "", depth: int = 0
) -> tuple[int, Values] | None:
    """Return where the settings that start here end, or None where none start."""
    if depth == _MAX_RUN:
        return None
    for end, key, value, certain in _clauses_at(text, position, previous, usage):
        following = _read_run(text, _skip(_GAP, text, end), usage, key, depth + 1)
        if following is not None:
            return following[0], {key: value} | following[1]
        boundary = _BOUNDARY.match(text, end)
        if certain or boundary:
            return boundary.end(1) if boundary else end, {key: value}
    return None


def _clauses_at(
    text: str, position: int, previous: str, usage: str
) -> Iterator[tuple[int, str, str, bool]]:
    """Yield (end, key, value, whether it needs no boundary) for what may be read here."""
    if (pair := _pair_at(text, position, usage)) is not None:
        yield pair
    elif at := _AT.match(text, position):
        yield at.end(), "schedule", at["after"] or at[0], False
    elif top := _TOP.match(text, position):
        yield top.end(), "size", top[1], False
    else:
        yield from _zones_at(text, position, previous)


def _pair_at(text: str, position: int, usage: str) -> tuple[int, str, str, bool] | None:
    name = _KEY.match(text, position)
    if name is None:
        return None
    setting = _find_key(name[1])
    if setting is None:
        near = difflib.get_close_matches(_spell(name[1]), KEYS, n=1, cutoff=0.7)
        # Two letters are a formula (lr=0.1) rather than a misspelt setting.
        if near and len(name[1]) > 2:
            raise _unknown_key(name[1], usage)
        return None
    if setting.key == "schedule" and (schedule := _SCHEDULE.match(text, name.end())):
        return schedule.end(), setting.key, schedule[0], True
    value = _VALUE.match(text, name.end())
    if value is None:
        raise CommandError(f"{name[1]}= has no value. For example: {setting.example}.", usage)
    return value.end(), setting.key, _value_of(value), True


def _zones_at(text: str, position: int, previous: str) -> Iterator[tuple[int, str, str, bool]]:
    """Yield zones: a full name after ``in``, and after a schedule also a city or a bare name."""
    after_schedule = previous == "schedule"
    start = position
    if text[position : position + 3].casefold() == "in ":
        start = position + 3
    elif not after_schedule:
        return
    if (zone := _ZONE.match(text, start)) and _is_area(zone[1]):
        yield zone.end(), "timezone", zone[0], False
    elif after_schedule and start > position and (city := _ZONE_WORDS.match(text, start)):
        words = city[0].split(" ")
        for count in range(len(words), 0, -1):
            name = " ".join(words[:count])
            yield start + len(name), "timezone", name, False


@lru_cache(maxsize=64)
def _is_area(area: str | None) -> bool:
    return area is None or bool(difflib.get_close_matches(area, _AREAS, n=1, cutoff=0.75))


def _tidy_zone(zone: str) -> str:
    return zone.upper() if re.fullmatch(_SHORT_ZONES, zone.upper()) else zone


def _value_of(match: re.Match[str]) -> str:
    quoted, bare = match["quoted"], match["bare"]
    return quoted.strip() if bare is None else bare.strip(f",;{_QUOTES}")


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


# --- settings and nothing else ------------------------------------------------------------------


def _read_pairs(text: str, usage: str) -> Iterator[tuple[str, str]]:
    setting: SettingSpec | None = None
    words: list[str] = []
    for word, quoted in _split_words(text):
        name, equals, value = word.partition("=")
        if not equals and name.endswith(":"):
            name, equals = name[:-1], ":"
        known = None if quoted and not equals else _find_key(name)
        # "at" inside a schedule (daily at 09:00) is a part of it and no new setting.
        if known is not None and not (known is setting and not equals):
            if setting is not None:
                yield setting.key, _join(setting, words, usage)
            setting, words = known, [value] if value else []
        elif equals and not quoted and name and _looks_like_key(name):
            raise _unknown_key(name, usage)
        elif word == "=" and setting is not None and not words:
            continue
        elif setting is None:
            raise _unknown_key(word, usage)
        elif known is not setting:
            words.append(word)
    if setting is not None:
        yield setting.key, _join(setting, words, usage)


def _split_words(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each word and whether it was quoted; ``key="two words"`` is one word."""
    pattern = re.compile(
        rf"([^\s=,{_QUOTES}]+=)?[{_QUOTES}]([^{_QUOTES}\n]*)[{_QUOTES}]|[^\s{_QUOTES}]+"
    )
    for match in pattern.finditer(text):
        if match[2] is None:
            word = match[0].strip(",;")
            if word:
                yield word, False
        else:
            yield f"{match[1] or ''}{match[2].strip()}", match[1] is None


def _looks_like_key(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z_-]{0,40}", name) is not None


def _join(setting: SettingSpec, words: list[str], usage: str) -> str:
    if not words:
        raise CommandError(f"{setting.key} has no value. For example: {setting.example}.", usage)
    if setting.key == "sources":
        return ",".join(words)
    if len(words) > 1 and setting.key not in {"schedule", "timezone"}:
        raise CommandError(
            f"{setting.key} takes one value, not {_quote(' '.join(words))}. "
            f"For example: {setting.example}.",
            usage,
        )
    return " ".join(words)


# --- keys and values ----------------------------------------------------------------------------


def _spell(name: str) -> str:
    return name.casefold().replace("_", "-").strip("-")


def _find_key(name: str) -> SettingSpec | None:
    return KEYS.get(_spell(name))


def _unknown_key(name: str, usage: str) -> CommandError:
    near = difflib.get_close_matches(_spell(name)[:40], KEYS, n=1, cutoff=0.6)
    hint = f"Did you mean {KEYS[near[0]].key}?" if near else "They are:"
    keys = "" if near else f" {', '.join(setting.key for setting in SETTINGS)}."
    return CommandError(f"{_quote(name)} is not a setting. {hint}{keys}", usage)


def _quote(text: str) -> str:
    return f'"{text}"' if len(text) <= 40 else f'"{text[:37]}..."'


def _convert(values: Values, usage: str) -> SettingChanges:
    fields: dict[str, object] = {}
    for key, text in values.items():
        setting = KEYS[key]
        fields[setting.field] = _convert_one(setting, text.strip(), usage)
    # The table's fields and types are those of SettingChanges; a test walks through all of them.
    return SettingChanges(**fields)  # type: ignore[arg-type]


def _convert_one(setting: SettingSpec, text: str, usage: str) -> object:
    if not text:
        raise CommandError(f"{setting.key} has no value. For example: {setting.example}.", usage)
    if setting.kind is ArgumentKind.INTEGER:
        return _read_number(setting, text, usage)
    if setting.kind is ArgumentKind.CHOICE:
        return _read_choice(setting, text, usage)
    if setting.key == "sources":
        names = tuple(dict.fromkeys(filter(None, (s.strip() for s in text.casefold().split(",")))))
        return () if names == ("all",) else names
    return _tidy_zone(text) if setting.kind is ArgumentKind.TIMEZONE else text


def _read_number(setting: SettingSpec, text: str, usage: str) -> int:
    digits = text.rstrip("%.")
    low, high = setting.minimum or 0, setting.maximum or 0
    if digits.isascii() and digits.isdigit() and len(digits) < 7 and low <= int(digits) <= high:
        return int(digits)
    raise CommandError(
        f"{setting.key} is a whole number from {low} to {high}, not {_quote(text)}. "
        f"For example: {setting.example}.",
        usage,
    )


def _read_choice(setting: SettingSpec, text: str, usage: str) -> object:
    word = text.casefold().rstrip(".")
    if setting.field == "layout" and word in set(Layout):
        return Layout(word)
    if setting.field == "mode" and word in set(Mode):
        return Mode(word)
    if "on" in setting.choices:
        if word in {"on", "yes", "true", "1", "enable", "enabled"}:
            return True
        if word in {"off", "no", "false", "0", "disable", "disabled"}:
            return False
    near = difflib.get_close_matches(word[:40], setting.choices, n=1, cutoff=0.6)
    hint = f" Did you mean {setting.key}={near[0]}?" if near else ""
    raise CommandError(
        f"{setting.key} is {' or '.join(setting.choices)}, not {_quote(text)}.{hint}", usage
    )
