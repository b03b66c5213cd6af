"""A channel's papers as a bibliography: what was saved goes out, a person's library comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain import Channel, Feedback, Paper, PaperwireError, Signal, Via
from bot.services.bibliography import Format, read
from bot.services.ingest import repair
from bot.services.transfer import Imported
from bot.store import Store, channels, feedback
from bot.store import papers as paper_rows


def saved_papers(store: Store, only: Sequence[Channel] | None = None) -> tuple[Paper, ...]:
    """Return what people saved in all channels (or these), each paper once, the oldest first."""
    with store.read() as connection:
        chosen = channels.every(connection) if only is None else only
        numbers = {
            row.paper_id
            for channel in chosen
            for row in feedback.active(connection, channel.id)
            if row.signal is Signal.SAVE
        }
        return paper_rows.papers(connection, sorted(numbers))


def take_library(
    store: Store, channel: Channel, form: Format, text: str, signal: Signal, now: datetime
) -> Imported:
    """Count every paper of a bibliography as liked or saved in a channel, in one importer's voice.

    Papers that are not known are stored, searched and learned from, and never announced. Raises
    PaperwireError when the text holds no paper with a title.
    """
    entries = read(form, text)
    if not entries:
        raise PaperwireError(
            f"There is no {_NAMES[form]} entry with a title in it. Export your library as "
            "BibTeX (.bib), RIS (.ris) or CSL-JSON from Zotero, Mendeley or Google Scholar."
        )
    added = Imported(0, 0, 0)
    votes: list[Feedback] = []
    with store.write() as connection:
        # The same voice whatever the format was: one library counts once.
        person = feedback.person_key(connection, "import", f"bibtex:{channel.id}")
        for entry in entries:
            change = paper_rows.store_entry(
                connection, entry, repair(entry), now=now, listed_on=None
            )
            added = replace(added, papers=added.papers + change.new)
            votes.append(
                Feedback(channel.id, change.paper_id, person, signal, True, now, via=Via.IMPORT)
            )
        return replace(added, votes=feedback.restore(connection, votes))


_NAMES = {Format.BIBTEX: "BibTeX", Format.RIS: "RIS", Format.CSL: "CSL-JSON"}
