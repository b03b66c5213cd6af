"""Papers as reference managers exchange them: BibTeX, RIS and CSL-JSON, out and in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import PurePath

from bot.domain import Entry, Paper, PaperwireError
from bot.identify import arxiv_id, doi, web_url
from bot.render import paper_url, visible
from bot.services.bibtex import read_bibtex, write_bibtex
from bot.taxonomy import is_known_category


class Format(StrEnum):
    """How a bibliography is written."""

    BIBTEX = "bibtex"
    RIS = "ris"
    CSL = "csl"


SUFFIXES = {".bib": Format.BIBTEX, ".bibtex": Format.BIBTEX, ".ris": Format.RIS}
_PARTICLES = frozenset(
    "van von der den de del della di da du dos la le el al bin ibn ben ter ten zu zum zur".split()  # noqa: SIM905  a line of words reads better than a list of them
)


def write(form: Format, papers: Sequence[Paper]) -> str:
    """Return papers in the order given."""
    entries = [entry_of(paper) for paper in papers]
    if form is Format.BIBTEX:
        return write_bibtex(entries)
    if form is Format.RIS:
        return "".join(_write_ris(entry) for entry in entries)
    items = [_write_csl(entry, number) for number, entry in enumerate(entries, 1)]
    return json.dumps(items, ensure_ascii=False, indent=1) + "\n"


def read(form: Format, text: str) -> tuple[Entry, ...]:
    """Return the papers that have a title, in file order; doubles are left to the store.

    Raises PaperwireError for CSL-JSON that is no JSON list.
    """
    if form is Format.BIBTEX:
        return read_bibtex(text)
    if form is Format.RIS:
        return _read_ris(text)
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PaperwireError(f"The CSL-JSON cannot be read: {error}.") from error
    if not isinstance(items, list):
        raise PaperwireError("CSL-JSON is a list of items, and this is none.")
    found = (_read_csl(item) for item in items if isinstance(item, dict))
    return tuple(entry for entry in found if entry is not None)


def guess(name: str, text: str) -> Format | None:
    """Tell a file's format by its name, or CSL-JSON by its beginning; None for another file."""
    known = SUFFIXES.get(PurePath(name).suffix.casefold())
    return known or (Format.CSL if re.match(r"\ufeff?\s*\[\s*\{", text) else None)


def entry_of(paper: Paper) -> Entry:
    """Return a paper as an entry: what a bibliography holds of it, each text on one line."""
    return Entry(
        title=_line(paper.title),
        abstract=_line(paper.abstract),
        authors=tuple(name for name in map(_line, paper.authors) if name),
        arxiv_id=paper.arxiv_id,
        doi=None if paper.doi and arxiv_id(paper.doi) else paper.doi,
        url=paper_url(paper),
        published=paper.published,
        categories=tuple(category for category in map(_line, paper.categories) if category),
    )


def _line(text: str) -> str:
    # A line at a time, as ``visible`` looks at a bounded stretch.
    pieces = (visible(text[at : at + 10_000]) for at in range(0, len(text), 10_000))
    return " ".join("".join(pieces).split())


def split_name(name: str) -> tuple[str, str]:
    """Return family and given names as far as one can tell; ``("Plato", "")`` for one word.

    The last word is the family, with the small particles before it: ``van der Berg``.
    """
    words = name.split()
    start = len(words) - 1
    while start > 0 and words[start - 1] in _PARTICLES:
        start -= 1
    return " ".join(words[max(start, 0) :]), " ".join(words[: max(start, 0)])


# --- RIS ----------------------------------------------------------------------------------------

_TAG = re.compile(r"([A-Z][A-Z0-9]) {1,2}- ?(.*)")


def _write_ris(entry: Entry) -> str:
    lines = [("TY", "GEN"), ("TI", entry.title)]
    for author in entry.authors:
        # The format has no way to write a comma inside a name.
        family, given = split_name(" ".join(author.replace(",", " ").split()))
        lines.append(("AU", f"{family}, {given}" if given else family))
    if entry.published is not None:
        lines += (
            ("PY", f"{entry.published.year:04}"),
            ("DA", f"{entry.published.isoformat().replace('-', '/')}/"),
        )
    if entry.arxiv_id:
        lines += (("PB", "arXiv"), ("AN", f"arXiv:{entry.arxiv_id}"))
    lines += [("DO", entry.doi)] if entry.doi else []
    lines += [("UR", entry.url)] if entry.url else []
    lines += [("KW", category) for category in entry.categories]
    lines += [("AB", entry.abstract)] if entry.abstract else []
    lines.append(("ER", ""))
    # One line a value: a line end inside one could begin a tag of its own.
    return "".join(f"{tag}  - {_line(value)}\r\n" for tag, value in lines) + "\r\n"


def _read_ris(text: str) -> tuple[Entry, ...]:
    found: list[Entry] = []
    values: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in re.split(r"\r\n|\r|\n", text.lstrip("\ufeff")):
        match = _TAG.match(line)
        if match is None:
            # Long values go on in further lines.
            if last is not None and line.strip():
                last[-1] = f"{last[-1]} {line.strip()}"
            continue
        tag, value = match[1], match[2].strip()
        if tag in {"TY", "ER"}:
            if (entry := _ris_entry(values)) is not None:
                found.append(entry)
            values, last = {}, None
            continue
        last = values.setdefault(tag, [])
        last.append(value)
    if (entry := _ris_entry(values)) is not None:
        found.append(entry)
    return tuple(found)


def _ris_entry(values: Mapping[str, Sequence[str]]) -> Entry | None:
    def first(*tags: str) -> str:
        return next((_line(values[tag][0]) for tag in tags if tag in values), "")

    title = first("TI", "T1", "CT")
    if not title:
        return None
    names = [_line(name) for tag in ("AU", "A1", "A2") for name in values.get(tag, ())]
    links = [link for tag in ("UR", "L1", "L2") for link in values.get(tag, ())]
    return _entry(
        title=title,
        abstract=first("AB", "N2"),
        authors=[_turn(name) for name in names],
        ids=[*values.get("AN", ()), *values.get("M1", ()), *links],
        doi_text=first("DO"),
        url=next((link for link in links if web_url(link)), ""),
        published=_read_date(re.findall(r"\d+", first("DA", "PY", "Y1"))),
        categories=values.get("KW", ()),
    )


def _turn(name: str) -> str:
    """Return ``Family, Given, Suffix`` as it is spoken."""
    family, *rest = [part.strip() for part in name.split(",")]
    return " ".join(part for part in (*rest[:1], family, *rest[1:]) if part)


# --- CSL-JSON -----------------------------------------------------------------------------------


def _write_csl(entry: Entry, number: int) -> dict[str, object]:
    names: list[dict[str, str]] = []
    for author in entry.authors:
        family, given = split_name(author)
        whole = not given or "," in author
        names.append({"literal": author} if whole else {"family": family, "given": given})
    item: dict[str, object] = {
        "id": entry.arxiv_id or entry.doi or f"paper-{number}",
        "type": "article",  # what CSL calls a preprint
        "title": entry.title,
    }
    if names:
        item["author"] = names
    if entry.published is not None:
        day = entry.published
        item["issued"] = {"date-parts": [[day.year, day.month, day.day]]}
    if entry.arxiv_id:
        item |= {"publisher": "arXiv", "archive": "arXiv", "number": f"arXiv:{entry.arxiv_id}"}
    optional = {
        "DOI": entry.doi,
        "URL": entry.url,
        "keyword": ", ".join(entry.categories),
        "abstract": entry.abstract,
    }
    return item | {name: value for name, value in optional.items() if value}


def _read_csl(item: Mapping[str, object]) -> Entry | None:
    def text(name: str) -> str:
        value = item.get(name)
        return _line(value) if isinstance(value, str) else ""

    if not text("title"):
        return None
    people = item.get("author")
    authors = [_csl_name(one) for one in people] if isinstance(people, list) else []
    issued = item.get("issued")
    parts: list[str] = []
    if isinstance(issued, dict):
        dates = issued.get("date-parts")
        if isinstance(dates, list) and dates and isinstance(dates[0], list):
            parts = [str(part) for part in dates[0]]
        elif isinstance(issued.get("raw"), str):
            parts = re.findall(r"\d+", str(issued["raw"]))
    return _entry(
        title=text("title"),
        abstract=text("abstract"),
        authors=authors,
        ids=[text("number"), text("id"), text("URL")],
        doi_text=text("DOI"),
        url=text("URL"),
        published=_read_date(parts),
        categories=[word.strip() for word in text("keyword").split(",")],
    )


def _csl_name(person: object) -> str:
    if not isinstance(person, dict):
        return ""
    order = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")
    named = [str(person[part]) for part in order if isinstance(person.get(part), str)]
    literal = person.get("literal")
    return _line(literal if isinstance(literal, str) else " ".join(named))


# --- what both share ----------------------------------------------------------------------------


def _entry(
    *,
    title: str,
    abstract: str,
    authors: Sequence[str],
    ids: Sequence[str],
    doi_text: str,
    url: str,
    published: date | None,
    categories: Sequence[str],
) -> Entry:
    known = next((found[0] for found in map(arxiv_id, (*ids, doi_text)) if found), None)
    name = doi(doi_text)
    return Entry(
        title=title,
        abstract=abstract,
        authors=tuple(author for author in authors if author),
        arxiv_id=known,
        doi=None if name and arxiv_id(name) else name,
        url=web_url(url),
        published=published,
        categories=tuple(word for word in categories if is_known_category(word)),
    )


def _read_date(parts: Sequence[str]) -> date | None:
    try:
        year, month, day = (int(part) for part in (*parts, "1", "1")[:3])
        return date(year, month, day)
    except ValueError:
        return None
