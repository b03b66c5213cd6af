"""Completion of the command line: words of the grammar first, then what the store knows."""

from __future__ import annotations

import re

from bot.commands import complete
from bot.domain import Person, Place
from bot.ports import Inbound, Suggest, Suggestion

MOST = 12
_ASKED = (
    (re.compile(r"(?:search|find|s|query)\s+(.+)$"), Suggest.QUERY),
    (re.compile(r"(?:why|like|dislike|save|submit|explain|share)\s+(.*)$"), Suggest.PAPER),
    (re.compile(r"profile\s+(?:remove|delete|rm)\s+(.*)$"), Suggest.PROFILE_ITEM),
    (
        re.compile(r"(?:schedule|subscribe|settings)\s.*(?:\bin\s+|timezone=)(\S*)$"),
        Suggest.TIMEZONE,
    ),
)
_PREFIX = re.compile(r"\s*/?papers?\s+", re.IGNORECASE)


async def complete_line(
    inbound: Inbound | None, place: Place, person: Person, text: str
) -> tuple[Suggestion, ...]:
    """Return whole lines that the text typed so far may become, the best first."""
    bare = _PREFIX.sub("", text, count=1)
    start = text[: len(text) - len(bare)]
    for pattern, what in _ASKED:
        asked = pattern.match(bare.lstrip())
        if asked is None or inbound is None:
            continue
        typed = asked[1]
        found = await inbound.suggest(place, person, what, typed)
        kept = text[: len(text) - len(typed)] if typed else text
        return tuple(Suggestion(f"{kept}{one.value}", one.label) for one in found[:MOST])
    words = complete(text, len(text))
    if words == ("/papers",):
        return (Suggestion("/papers ", "/papers"),)
    kept = text[: len(text) - len(re.split(r"\s", bare)[-1])] if bare else start or text
    return tuple(
        Suggestion(f"{kept}{word}{'' if word.endswith('=') else ' '}", word)
        for word in words[:MOST]
    )
