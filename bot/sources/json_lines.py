"""Streams of papers, one JSON object a line: exports and research collections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from bot.domain import Entry, Listing, Outcome, Reject
from bot.identify import arxiv_id, doi, doi_url, paper_url, web_url
from bot.ports import Request
from bot.sources import json_text, payload
from bot.sources.payload import UnreadableError

# So many lines are no stream with damage but another kind of file.
_MOST_REJECTS = 10_000
_CUT = "The stream ends in the middle of its last line; the complete lines were kept."


class JsonLines:
    """Lines with ``id`` (or ``doi`` or ``url``), ``title``, and as far as there are ``abstract``,
    ``authors`` and ``categories`` (lists), ``published``, ``listed`` (days).
    """

    def __init__(self, name: str = "arxiv") -> None:
        self.name = name

    def requests(self, days: Sequence[date]) -> Sequence[Request]:  # noqa: ARG002 - the port's signature; a stream is a file and is never fetched
        """Return nothing: streams are read from files."""
        return []

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read the whole stream as one listing, of the day that all its lines name, if they do."""
        found = self._read(body, request.day)
        if isinstance(found, Listing):
            return found
        rows, cut = found
        named = {day for day, _ in rows if day is not None}
        day = named.pop() if len(named) == 1 else request.day
        return _close(self.name, day, [row for _, row in rows], cut)

    def by_day(self, body: bytes, request: Request) -> Iterator[Listing]:
        """Yield one listing for each listing day that the lines name, in the order of the days.

        Lines without a day come first, under the request's day; a line that cannot be read counts
        to the day of the line before it.
        """
        found = self._read(body, request.day)
        if isinstance(found, Listing):
            yield found
            return
        rows, cut = found
        days: dict[date | None, list[Entry | Reject]] = {}
        current = request.day
        for day, row in rows:
            if isinstance(row, Entry):
                current = day or request.day
            days.setdefault(current, []).append(row)
        if not days:
            yield _close(self.name, request.day, [], cut)
        ordered = sorted(days, key=lambda day: day or date.min)
        for day in ordered:
            yield _close(self.name, day, days[day], cut if day == ordered[-1] else "")

    def _read(
        self, body: bytes, day: date | None
    ) -> Listing | tuple[list[tuple[date | None, Entry | Reject]], str]:
        unpacked = payload.unpack(body)
        text = payload.decode(unpacked)
        away = payload.turn_away(self.name, day, unpacked, text, "JSON lines")
        if away is not None:
            return away
        if not text.lstrip("\ufeff \t\r\n").startswith("{"):
            note = "The first line is no JSON object."
            return payload.nothing(self.name, day, Outcome.BROKEN, note)
        rows: list[tuple[date | None, Entry | Reject]] = []
        cut, unreadable = "", 0
        # Not splitlines: a title may hold a line separator of Unicode.
        lines = text.lstrip("\ufeff").split("\n")
        for position, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                rows.append(_read_line(line))
            except UnreadableError as trouble:
                reason = str(trouble)
                if position == len(lines) and not line.rstrip().endswith("}"):
                    cut, reason = _CUT, "the stream ends inside this line"
                rows.append((None, payload.reject(position, "", reason, line)))
                unreadable += 1
                if unreadable == _MOST_REJECTS:
                    return rows, f"Reading stopped after {unreadable} lines that cannot be read."
        return rows, cut


def _close(source: str, day: date | None, rows: list[Entry | Reject], cut: str) -> Listing:
    entries = [row for row in rows if isinstance(row, Entry)]
    rejects = [row for row in rows if isinstance(row, Reject)]
    return payload.conclude(source, day, len(rows), entries, rejects, cut=cut)


def _read_line(line: str) -> tuple[date | None, Entry]:
    row = json_text.require_object(json_text.load(line), "the line")
    given = json_text.text_in(row, "id") or json_text.text_in(row, "arxiv_id")
    found = arxiv_id(given) or arxiv_id(json_text.text_in(row, "url"))
    name = doi(json_text.text_in(row, "doi")) or doi(given)
    link = web_url(json_text.text_in(row, "url"))
    if found is not None:
        link = paper_url(found[0])
    elif name is not None:
        link = doi_url(name)
    elif link is None:
        raise UnreadableError(f"neither id {given[:40]!r} nor url says which paper it is")
    entry = Entry(
        title=json_text.text_in(row, "title"),
        abstract=json_text.text_in(row, "abstract"),
        authors=json_text.texts_in(row, "authors"),
        arxiv_id=found[0] if found else None,
        version=found[1] if found else None,
        doi=None if found and name and name.startswith("10.48550/") else name,
        url=link,
        published=_read_day(row, "published"),
        categories=json_text.texts_in(row, "categories"),
    )
    return _read_day(row, "listed"), payload.admit(entry)


def _read_day(row: dict[str, object], key: str) -> date | None:
    text = json_text.text_in(row, key)
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise UnreadableError(f"{key} is no date: {text[:30]!r}") from None
