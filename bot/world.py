"""The bundled sample as documents: what stands for the rest of the world on a first day."""

from __future__ import annotations

from functools import cache

from bot.domain import Entry
from bot.ports import Request
from bot.services.ingest import repair
from bot.sources import sample_source
from ranking.document import Document


@cache
def bundled_world() -> tuple[Document, ...]:
    """Return the sample's papers; their ids cannot be mistaken for those of stored papers."""
    source = sample_source.Sample()
    found: list[Entry] = []
    for day in sample_source.days():
        found += source.parse(sample_source.read(day), Request("", day)).entries
    documents = []
    for number, entry in enumerate(found):
        text = repair(entry)
        documents.append(Document(f"world:{number}", text.title, text.abstract))
    return tuple(documents)
