"""Reading the BibTeX files that reference managers export, for a channel's first likes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ranking.document import Document
from ranking.repair import readable

_ENTRY = re.compile(r"@\s*([A-Za-z]+)\s*([{(])")
_FIELD = re.compile(r"\s*([A-Za-z][\w:.+-]*)\s*=\s*")
_ARXIV = re.compile(
    r"(?:arxiv[.:/ ]\s*(?:abs/|pdf/)?|^)(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})",
    re.IGNORECASE,
)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"


def titles_from_bibtex(text: str) -> list[Document]:
    """Return one document for each entry with a title, in file order, doubles left out.

    ``id`` is the arXiv id, else the DOI, else the citation key. Reads what Zotero, Mendeley and
    Google Scholar write, and never raises: an entry that cannot be read is passed over, and an
    unclosed one ends where the next begins.
    """
    found: dict[str, Document] = {}
    for key, fields in read_entries(text):
        title = readable(_bare(fields.get("title", "")))
        if not title:
            continue
        paper = Document(
            id=_identity(key, fields),
            title=title,
            abstract=readable(_bare(fields.get("abstract", ""))),
            authors=_authors(fields.get("author", "")),
        )
        found.setdefault(paper.id, paper)
    return list(found.values())


def read_entries(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each entry's citation key and its fields as written, names in lower case."""
    names = {month: month for month in _MONTHS.split()}
    starts = list(_ENTRY.finditer(text))
    position = 0
    for start in starts:
        if start.start() < position:
            continue
        kind = start[1].lower()
        if kind in ("comment", "preamble"):
            continue
        head = start.end()
        if kind == "string":
            fields, position = _fields(text, head, names)
            names.update(fields)
            continue
        comma = text.find(",", head)
        if comma < 0:
            return
        key = text[head:comma].strip()
        if re.search(r"[\s={}@]", key):
            # No citation key at all: some exports leave it out.
            key, comma = "", head - 1
        fields, position = _fields(text, comma + 1, names)
        yield key, fields


def _fields(text: str, position: int, names: dict[str, str]) -> tuple[dict[str, str], int]:
    fields: dict[str, str] = {}
    while named := _FIELD.match(text, position):
        value, position = _value(text, named.end(), names)
        fields.setdefault(named[1].lower(), value)
        while position < len(text) and text[position] in " \t\r\n":
            position += 1
        if position >= len(text) or text[position] != ",":
            break
        position += 1
    return fields, position


def _value(text: str, position: int, names: dict[str, str]) -> tuple[str, int]:
    """Read one value: braced, quoted, a number or a name, joined by ``#``."""
    pieces: list[str] = []
    while True:
        if position < len(text) and text[position] in '{"':
            piece, position = _quoted(text, position)
        else:
            word = re.compile(r"[^\s,#{}()]*").match(text, position)
            piece = word[0] if word else ""
            position = word.end() if word else position
            piece = names.get(piece.lower(), piece)
        pieces.append(piece)
        joined = re.compile(r"\s*#\s*").match(text, position)
        if not joined:
            return "".join(pieces), position
        position = joined.end()


def _quoted(text: str, position: int) -> tuple[str, int]:
    opening = text[position]
    depth = 0
    start = position + 1
    # A brace that is never closed must not swallow the entries after it.
    follower = re.compile(r"\n\s*@[A-Za-z]+\s*[{(]").search(text, start)
    limit = follower.start() if follower else len(text)
    i = position
    while i < len(text):
        char = text[i]
        if char == "\\":
            i += 2
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if opening == "{" and depth == 0:
                return text[start:i], i + 1
        elif char == '"' and opening == '"' and depth == 0 and i > position:
            return text[start:i], i + 1
        i += 1
    return text[start:limit], limit


def _bare(value: str) -> str:
    """Return the text without the braces that only keep capitals."""
    kept = re.sub(r"\{([^{}\\$]*)\}", r"\1", value)
    return " ".join(kept.split())


def _identity(key: str, fields: dict[str, str]) -> str:
    eprint = fields.get("eprint", "")
    prefix = fields.get("archiveprefix", fields.get("eprinttype", "")).lower()
    if eprint and (prefix == "arxiv" or _ARXIV.fullmatch(eprint)):
        return re.sub(r"(?i)^arxiv:|v\d+$", "", eprint.strip())
    doi = re.sub(r"(?i)^(https?://(dx\.)?doi\.org/|doi:)", "", fields.get("doi", "").strip())
    for place in (doi, fields.get("url", ""), fields.get("journal", ""), fields.get("note", "")):
        named = _ARXIV.search(place) if "arxiv" in place.lower() else None
        if named:
            return named[1]
    return doi or key or _bare(fields.get("title", ""))


def _authors(value: str) -> tuple[str, ...]:
    people: list[str] = []
    for written in re.split(r"\s+and\s+", " ".join(value.split())):
        name = readable(_bare(written))
        last, comma, first = name.partition(",")
        if name and name.lower() != "others":
            people.append(f"{first.strip()} {last.strip()}" if comma else name)
    return tuple(people)
