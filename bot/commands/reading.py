"""The text after ``/papers`` to a command."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from bot import profiles
from bot.commands import model
from bot.commands.clauses import read_settings, split_schedule, take_settings
from bot.commands.model import Command, CommandError, CommandSpec, PaperRef, SettingChanges
from bot.commands.table import BY_NAME, GROUPS, NAMES
from bot.domain import PaperwireError, Profile
from bot.identify import arxiv_id, doi, web_url

MAX_LENGTH = 40_000

_LINK = re.compile(r"<((?:https?|mailto):[^<|>\s]+)(?:\|[^<>]*)?>")
_ADDRESSED = re.compile(
    r"(?:<@[^<>\s]{1,64}>|@?paperwire\b|/paperwire\b|/?papers\b)[,:]?\s*|/(?=\w)", re.IGNORECASE
)
_QUOTES = "\"“”„‟«»＂'‘’"
_FINAL = ".,!?:;…"
_DASHES = str.maketrans("_−–—‐‑", "------")


def parse(text: str) -> Command:
    """Read one command.

    Case, a leading ``/papers`` or mention, spaces, typographic quotes, final punctuation and
    the links and entities that Slack writes are forgiven. Raises CommandError and nothing else.
    """
    if len(text) > MAX_LENGTH:
        raise CommandError(
            f"The command is too long: {len(text):,} characters, and at most {MAX_LENGTH:,} are "
            "read."
        )
    text = _unwrap(text).strip()
    for _ in range(3):
        addressed = _ADDRESSED.match(text)
        if addressed is None:
            break
        text = text[addressed.end() :].lstrip()
    if not text.strip(_FINAL + " /"):
        return model.Help()
    spec, rest = _find_command(text)
    try:
        return _READERS[spec.name](rest, spec)
    except CommandError:
        raise
    except PaperwireError as error:
        raise CommandError(str(error), spec.usage) from error


def _unwrap(text: str) -> str:
    """Undo what Slack does to text: links in angle brackets, three characters as entities."""
    text = _LINK.sub(lambda match: match[1].removeprefix("mailto:"), text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# --- which command ------------------------------------------------------------------------------


def _find_command(text: str) -> tuple[CommandSpec, str]:
    first, rest = _cut(text)
    second, after = _cut(rest)
    name = _spell(first)
    if name in GROUPS and second:
        return _find_subcommand(name, second, rest, after)
    if second and (both := NAMES.get(f"{name} {_spell(second)}")) is not None:
        return BY_NAME[both], after
    if (known := NAMES.get(name)) is not None:
        return BY_NAME[known], rest
    raise _unknown(first, text)


def _find_subcommand(group: str, second: str, rest: str, after: str) -> tuple[CommandSpec, str]:
    name = f"{group} {_spell(second)}"
    if (known := NAMES.get(name)) is not None:
        return BY_NAME[known], after
    known_words = [n.removeprefix(f"{group} ") for n in NAMES if n.startswith(f"{group} ")]
    near = difflib.get_close_matches(_spell(second)[:40], known_words, n=1, cutoff=0.6)
    if near:
        reason = f"Did you mean {NAMES[f'{group} {near[0]}']}?"
    else:
        reason = f"To add it, write /papers {group} add {_shorten(rest)}."
    words = " or ".join(name.split()[1] for name in BY_NAME if name.startswith(f"{group} "))
    raise CommandError(
        f"There is no command {_quote(f'{group} {second}')}. {reason}", f"/papers {group} {words}"
    )


def _cut(text: str) -> tuple[str, str]:
    first, *rest = text.split(maxsplit=1) or [""]
    return first, rest[0] if rest else ""


def _spell(word: str) -> str:
    # A lone sign (+ or ?) is an alias and stays.
    spelled = word.casefold().translate(_DASHES)
    return spelled.rstrip(_FINAL) or spelled


def _unknown(word: str, text: str) -> CommandError:
    near = difflib.get_close_matches(_spell(word)[:40], NAMES, n=1, cutoff=0.6)
    if near:
        name = NAMES[near[0]]
        reason = f"Did you mean {name}?"
        return CommandError(f"There is no command {_quote(word)}. {reason}", BY_NAME[name].usage)
    if _read_ref(word) is not None:
        reason = f"To ask about the paper, write /papers why {_shorten(word)}."
    else:
        reason = f"To look for papers, write /papers search {_shorten(text)}."
    return CommandError(f"There is no command {_quote(word)}. {reason}", "/papers help")


def _quote(text: str) -> str:
    return f'"{_shorten(text)}"'


def _shorten(text: str) -> str:
    line = " ".join(text[:200].split())
    return line if len(line) <= 40 else f"{line[:37]}..."


# --- what follows a command ---------------------------------------------------------------------


def _read_nothing(command: Command) -> Callable[[str, CommandSpec], Command]:
    def read(rest: str, spec: CommandSpec) -> Command:
        if rest.strip(_FINAL + " "):
            raise CommandError(
                f"{spec.name} stands alone; nothing comes after it, not even {_quote(rest)}.",
                spec.usage,
            )
        return command

    return read


def _read_paper(
    make: Callable[[PaperRef], Command],
) -> Callable[[str, CommandSpec], Command]:
    def read(rest: str, spec: CommandSpec) -> Command:
        words = rest.split()
        if not words:
            raise CommandError(f"{spec.name} needs a paper.", spec.usage)
        if len(words) > 1 and words[0] in {"#", "no.", "number", "paper"}:
            words = words[1:]
        if len(words) > 1:
            raise CommandError(
                f"{spec.name} takes one paper at a time, not {_quote(rest)}. Name it by its "
                "number, id or link; to find one by its words, use /papers search.",
                spec.usage,
            )
        paper = _read_ref(words[0])
        if paper is None:
            raise CommandError(
                f"{_quote(words[0])} does not name a paper. Write its number in the last digest "
                "(3), its arXiv id (2106.09685), the number it was shown with (p12), or its link.",
                spec.usage,
            )
        return make(paper)

    return read


def _read_ref(word: str) -> PaperRef | None:
    text = word.strip(_QUOTES + _FINAL + "<>()")
    if (found := arxiv_id(text)) is not None:
        return PaperRef(text, arxiv_id=found[0])
    if (digital := doi(text)) is not None:
        return PaperRef(text, doi=digital)
    if number := re.fullmatch(r"#?([0-9]{1,4})", text):
        return PaperRef(text, number=int(number[1])) if int(number[1]) else None
    if row := re.fullmatch(r"#?[pP]([0-9]{1,12})", text):
        return PaperRef(text, row=int(row[1]))
    url = web_url(text)
    return PaperRef(text, url=url) if url else None


def _read_count(rest: str, spec: CommandSpec) -> int | None:
    text = rest.strip().rstrip(_FINAL)
    if not text:
        return None
    argument = spec.arguments[0]
    low, high = argument.minimum or 0, argument.maximum or 0
    if re.fullmatch(r"[0-9]{1,6}", text) and low <= int(text) <= high:
        return int(text)
    raise CommandError(
        f"After {spec.name} comes a whole number from {low} to {high}, not {_quote(rest)}.",
        spec.usage,
    )


def _read_help(rest: str, spec: CommandSpec) -> Command:
    words = [_spell(word) for word in _ADDRESSED.sub("", rest.strip(), count=1).split()]
    for count in (2, 1):
        topic = " ".join(words[:count])
        if topic in GROUPS:
            return model.Help(topic)
        if topic in NAMES:
            return model.Help(NAMES[topic])
    if not words:
        return model.Help()
    near = difflib.get_close_matches(" ".join(words)[:40], NAMES, n=1, cutoff=0.6)
    hint = f" Did you mean {NAMES[near[0]]}?" if near else ""
    raise CommandError(f"There is no command {_quote(rest)}.{hint}", spec.usage)


def _read_subscribe(rest: str, spec: CommandSpec) -> Command:
    text, changes = take_settings(rest, spec.usage)
    # "subscribe to morphology" is English and not an interest in "to".
    text = re.sub(r"^(?:me |us )?to (?=\S)", "", text, flags=re.IGNORECASE)
    return model.Subscribe(profiles.parse(text), changes)


def _read_items(
    make: Callable[[str], Command],
) -> Callable[[str, CommandSpec], Command]:
    def read(rest: str, spec: CommandSpec) -> Command:
        text = rest.strip()
        if not text.strip(_FINAL + _QUOTES + " -"):
            raise CommandError(f"{spec.name} needs at least one item.", spec.usage)
        # Read here too, so that a mistake is told with the usage line.
        if profiles.parse(text) == Profile():
            raise CommandError(f"{spec.name} needs at least one item.", spec.usage)
        return make(text)

    return read


def _read_search(rest: str, spec: CommandSpec) -> Command:
    if not rest.strip():
        raise CommandError("search needs something to look for.", spec.usage)
    return model.Search(rest.strip())


def _read_schedule(rest: str, spec: CommandSpec) -> Command:
    text = rest.strip().rstrip(_FINAL)
    if not text:
        return model.ShowSchedule()
    if "=" in text:
        return model.ChangeSettings(read_settings(text, spec.usage))
    when, zone = split_schedule(text)
    changes = SettingChanges(schedule=when or None, timezone=zone or None)
    if not changes:
        raise CommandError(f"{_quote(rest)} is no schedule.", spec.usage)
    return model.ChangeSettings(changes)


def _read_change(rest: str, spec: CommandSpec) -> Command:
    text = rest.strip().rstrip(_FINAL)
    if not text:
        return model.ShowSettings()
    changes = read_settings(text, spec.usage)
    return model.ChangeSettings(changes) if changes else model.ShowSettings()


def _read_forget(rest: str, spec: CommandSpec) -> Command:
    answer = rest.strip(_FINAL + _QUOTES + " ").casefold()
    if answer in {"", "no", "n"}:
        return model.ForgetMe(confirmed=False)
    if answer in {"yes", "y"}:
        return model.ForgetMe(confirmed=True)
    raise CommandError(f"Only yes deletes anything, not {_quote(rest)}.", spec.usage)


_READERS: dict[str, Callable[[str, CommandSpec], Command]] = {
    "help": _read_help,
    "subscribe": _read_subscribe,
    "unsubscribe": _read_nothing(model.Unsubscribe()),
    "profile show": _read_nothing(model.ShowProfile()),
    "profile add": _read_items(model.AddToProfile),
    "profile remove": _read_items(model.RemoveFromProfile),
    "profile set": _read_items(lambda text: model.SetProfile(profiles.parse(text))),
    "search": _read_search,
    "preview": _read_nothing(model.Preview()),
    "more": lambda rest, spec: model.More(_read_count(rest, spec)),
    "why": _read_paper(model.Why),
    "like": _read_paper(model.Like),
    "dislike": _read_paper(model.Dislike),
    "save": _read_paper(model.Save),
    "saved": lambda rest, spec: model.ShowSaved(_read_count(rest, spec) or 1),
    "submit": _read_paper(model.Submit),
    "schedule": _read_schedule,
    "settings": _read_change,
    "pause": _read_nothing(model.Pause()),
    "resume": _read_nothing(model.Resume()),
    "status": _read_nothing(model.Status()),
    "forget-me": _read_forget,
}
