"""arXiv's OAI-PMH service: whole pages of metadata, by the day of their last change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from bot.domain import Entry, Listing, Outcome, Reject
from bot.identify import arxiv_id, doi, paper_url
from bot.ports import Request
from bot.sources import payload
from bot.sources.arxiv import NAME, cut_of, split_authors
from bot.sources.payload import UnreadableError
from bot.sources.xml_tree import (
    child_text,
    children,
    local_name,
    read_document,
    text_of,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

BASE_URL = "https://oaipmh.arxiv.org"


class ArxivOai:
    """ListRecords pages in the ``arXiv`` format. ``sets`` such as ``cs:cs:CL``; none: all."""

    name = NAME

    def __init__(self, base_url: str = BASE_URL, sets: Sequence[str] = ()) -> None:
        self.url = f"{base_url.rstrip('/')}/oai"
        self.sets = tuple(sets)

    def requests(self, days: Sequence[date]) -> Sequence[Request]:
        """Return a GET for the first page of each day and set; dates are of modification."""
        return [
            Request(
                self.url,
                day,
                (
                    ("verb", "ListRecords"),
                    ("metadataPrefix", "arXiv"),
                    ("from", day.isoformat()),
                    ("until", day.isoformat()),
                    *((("set", name),) if name else ()),
                ),
            )
            for day in days
            for name in (self.sets or ("",))
        ]

    def following(self, body: bytes, request: Request) -> Request | None:
        """Return the GET for the page after this one, by its token; None where it was the last."""
        document = read_document(payload.decode(body), ("record",))
        if document is None:
            return None
        for part in children(document.root, "ListRecords"):
            if token := child_text(part, "resumptionToken"):
                params = (("verb", "ListRecords"), ("resumptionToken", token))
                return Request(request.url, request.day, params)
        return None

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read one page. It belongs to no listing day, so ``listed_on`` is None."""
        del request  # a page says all there is to know of it
        text = payload.decode(body)
        away = payload.turn_away(NAME, None, body, text, "an OAI-PMH page")
        if away is not None:
            return away
        document = read_document(text, ("record",)) if "<" in text else None
        if document is None:
            return payload.nothing(NAME, None, Outcome.BROKEN, "The answer is no XML.")
        if local_name(document.root) != "OAI-PMH":
            root = local_name(document.root)[:40]
            note = f"The answer is XML of another kind: its root is {root!r}."
            return payload.nothing(NAME, None, Outcome.BROKEN, note)
        for error in children(document.root, "error"):
            code, words = error.get("code") or "", " ".join(text_of(error).split())[:200]
            if code == "noRecordsMatch":
                return payload.nothing(NAME, None, Outcome.EMPTY, "No record of these days.")
            note = f"The source answered: {words or code or 'an error without words'}"
            return payload.nothing(NAME, None, Outcome.REFUSED, note)

        entries: list[Entry] = []
        rejects: list[Reject] = []
        for position, record in enumerate(document.items, 1):
            try:
                entries.append(payload.admit(_read_record(record)))
            except UnreadableError as trouble:
                label = _label(record)
                rejects.append(payload.reject(position, label, str(trouble), text_of(record)))
        rejects += payload.lost_items(len(document.items), document.declared, cut=document.cut)
        cut = cut_of(document)
        return payload.conclude(NAME, None, document.declared, entries, rejects, cut=cut)


def _label(record: Element) -> str:
    for header in children(record, "header"):
        return child_text(header, "identifier")
    return ""


def _read_record(record: Element) -> Entry:
    if any(header.get("status") == "deleted" for header in children(record, "header")):
        raise UnreadableError("the record is deleted")
    parts = [part for holder in children(record, "metadata") for part in holder]
    paper = next((part for part in parts if local_name(part) in {"arXiv", "arXivRaw"}), None)
    if paper is None:
        raise UnreadableError("there is no metadata in arXiv's format")
    found = arxiv_id(child_text(paper, "id"))
    if found is None:
        raise UnreadableError("the id is no arXiv id")
    identity, version = found
    return Entry(
        title=child_text(paper, "title"),
        abstract=child_text(paper, "abstract"),
        authors=_read_authors(paper),
        arxiv_id=identity,
        version=version,
        doi=doi(child_text(paper, "doi").split(" ")[0]),
        url=paper_url(identity),
        published=_read_day(child_text(paper, "created")),
        categories=tuple(dict.fromkeys(child_text(paper, "categories").split())),
    )


def _read_authors(paper: Element) -> tuple[str, ...]:
    names: list[str] = []
    for holder in children(paper, "authors"):
        authors = children(holder, "author")
        if not authors:
            return split_authors([re.sub(r"\s+and\s+", ", ", text_of(holder))])
        for author in authors:
            words = (child_text(author, part) for part in ("forenames", "keyname", "suffix"))
            if name := " ".join(word for word in words if word):
                names.append(name)
    return tuple(names)


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
