"""What a person may be about to type: titles, papers, profile items, saved papers, time zones."""

from __future__ import annotations

import difflib
from zoneinfo import available_timezones

from bot import profiles
from bot.domain import Paper, Person, Place
from bot.ports import Suggest, Suggestion
from bot.render import clip, plain_text
from bot.services.complete import complete_title
from bot.store import Store, channels, digests, feedback, outbox
from bot.store import papers as paper_rows

MOST = 25
LABEL = 100  # characters that every platform can show


def suggest(
    store: Store, place: Place, person: Person, what: Suggest, text: str
) -> tuple[Suggestion, ...]:
    """Return at most 25 suggestions, the best first; nothing of another place is among them."""
    typed = text.strip()[:200]
    if what is Suggest.TIMEZONE:
        return _timezones(typed)
    if what is Suggest.QUERY:
        return tuple(Suggestion(label, label) for _, label in _titles(store, typed))
    with store.read() as connection:
        channel = channels.at(connection, place)
        if channel is None:
            return ()
        if what is Suggest.PROFILE_ITEM:
            items = profiles.items(channel.profile)
            return tuple(
                Suggestion(item, clip(item, LABEL))
                for item in items
                if typed.casefold() in item.casefold()
            )[:MOST]
        if what is Suggest.SAVED:
            key = feedback.key_of(connection, person)
            numbers = feedback.saved(connection, channel.id, key)
            return _papers(paper_rows.papers(connection, numbers), typed)
        last = digests.last_with_papers(connection, channel.id)
        carried = outbox.digest_deliveries(connection, last.id) if last else ()
        recent = paper_rows.papers(connection, [delivery.paper_id for delivery in carried])
    here = _papers(recent, typed)
    more = [Suggestion(handle, label) for handle, label in _titles(store, typed)] if typed else []
    values = {suggestion.value for suggestion in here}
    return (*here, *(s for s in more if s.value not in values))[:MOST]


def _titles(store: Store, typed: str) -> list[tuple[str, str]]:
    if not typed:
        return []
    return [
        (handle, clip(plain_text(title, 300), LABEL))
        for handle, title in complete_title(store, typed, MOST)
    ]


def _papers(found: tuple[Paper, ...], typed: str) -> tuple[Suggestion, ...]:
    return tuple(
        Suggestion(paper.handle, clip(plain_text(paper.title, 300), LABEL))
        for paper in found
        if typed.casefold() in f"{paper.title} {paper.handle}".casefold()
    )[:MOST]


def _timezones(typed: str) -> tuple[Suggestion, ...]:
    names = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
    wanted = typed.casefold().replace(" ", "_")
    found = [name for name in names if wanted in name.casefold()]
    if not found:
        found = difflib.get_close_matches(typed, names, n=MOST, cutoff=0.5)
    # The city that begins with what was typed is meant more often than one that contains it.
    found.sort(key=lambda name: (not name.casefold().split("/")[-1].startswith(wanted), name))
    return tuple(Suggestion(name, name) for name in found[:MOST])
