"""BibTeX as reference managers write it, out and in; what is written reads back as it was."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date

from bot.domain import Entry
from bot.identify import arxiv_id, doi, web_url
from bot.taxonomy import is_known_category

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# A brace counts for BibTeX even behind a backslash, so that no text may hold one.
_ESCAPES = {
    "\\": "\\textbackslash{}",
    "{": "\\textbraceleft{}",
    "}": "\\textbraceright{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    **{char: f"\\{char}" for char in "%$&#_"},
}
_ESCAPE = str.maketrans(_ESCAPES)
_MEANT = {written: char for char, written in _ESCAPES.items()}
_ESCAPED = re.compile(
    r"\\text(?:backslash|brace(?:left|right)|ascii(?:tilde|circum))\{\}|\\[%$&#_]"
)
_FOREIGN = re.compile(r"[\\$~]")
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_SMALL = {"a", "an", "the", "on", "of", "in", "for", "and", "to", "with", "from", "at", "by", "is"}


def write_bibtex(entries: Sequence[Entry]) -> str:
    """Return the entries as ``@misc``, with ``eprint`` for arXiv; keys are unique and stable."""
    taken: set[str] = set()
    return "\n".join(_write_entry(entry, _unique(_key(entry), taken)) for entry in entries)


def read_bibtex(text: str) -> tuple[Entry, ...]:
    """Return the entries that have a title; what cannot be read is passed over, never raised."""
    from ranking.bibtex import read_entries

    found = (_read_entry(key, fields) for key, fields in read_entries(text))
    return tuple(entry for entry in found if entry is not None)


# --- out ----------------------------------------------------------------------------------------


def _write_entry(entry: Entry, key: str) -> str:
    # Twice in braces, a title keeps its capitals in every style.
    fields = [("title", f"{{{{{_escape(entry.title)}}}}}")]
    if entry.authors:
        fields.append(("author", f"{{{' and '.join(map(_write_name, entry.authors))}}}"))
    if entry.published is not None:
        fields += (
            ("year", f"{{{entry.published.year:04}}}"),
            ("month", _MONTHS[entry.published.month - 1]),
            ("day", f"{{{entry.published.day}}}"),
        )
    if entry.arxiv_id:
        fields += (("eprint", f"{{{entry.arxiv_id}}}"), ("archiveprefix", "{arXiv}"))
        if entry.categories:
            fields.append(("primaryclass", f"{{{_escape(entry.categories[0])}}}"))
    if entry.doi:
        # Programs take this field as it is: an escape would become part of it.
        fields.append(("doi", f"{{{_verbatim(entry.doi)}}}"))
    if entry.url:
        fields.append(("url", f"{{{_verbatim(entry.url)}}}"))
    if entry.categories:
        fields.append(("keywords", f"{{{_escape(', '.join(entry.categories))}}}"))
    if entry.abstract:
        fields.append(("abstract", f"{{{_escape(entry.abstract)}}}"))
    lines = "".join(f"  {name} = {value},\n" for name, value in fields)
    return f"@misc{{{key},\n{lines}}}\n"


def _escape(text: str) -> str:
    return " ".join(text.split()).translate(_ESCAPE)


def _verbatim(text: str) -> str:
    # Percent signs first: a text that is to be decoded must have been encoded as a whole.
    if not re.search(r"[{}\\\s]", text):
        return text
    kept = text.replace("%", "%25")
    return re.sub(r"[{}\\\s]", lambda match: f"%{ord(match[0]):02X}", kept)


def _write_name(name: str) -> str:
    words = " ".join(name.split())
    written = words.translate(_ESCAPE)
    # Braces make it one name, whatever it holds.
    literal = "," in words or bool(re.search(r"(?i)(?:^|\s)(?:and|others)(?:\s|$)", words))
    return f"{{{written}}}" if literal else written


def _key(entry: Entry) -> str:
    family = _plain_words(entry.authors[0])[-1:] if entry.authors else []
    title = [word for word in _plain_words(entry.title) if word not in _SMALL][:1]
    year = [f"{entry.published.year:04}"] if entry.published else []
    return "".join((*family, *year, *title))[:60] or "paper"


def _plain_words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.findall(r"[a-z0-9]+", folded)


def _unique(key: str, taken: set[str]) -> str:
    found, number = key, 1
    while found in taken:
        number += 1
        found = f"{key}-{number}"
    taken.add(found)
    return found


# --- in -----------------------------------------------------------------------------------------


def _read_entry(key: str, fields: dict[str, str]) -> Entry | None:
    title = _plain(fields.get("title", ""))
    if not title:
        return None
    known = _arxiv_of(key, fields)
    name = _doi_of(fields.get("doi", ""))
    keywords = [_plain(word) for word in fields.get("keywords", "").split(",")]
    return Entry(
        title=title,
        abstract=_plain(fields.get("abstract", "")),
        authors=tuple(_read_names(fields.get("author", ""))),
        arxiv_id=known,
        doi=None if name and arxiv_id(name) else name,
        url=web_url(fields.get("url", "").strip()),
        published=_date_of(fields),
        categories=tuple(word for word in keywords if is_known_category(word)),
    )


def _plain(value: str) -> str:
    """Return a field as text: our own escapes exactly, other people's LaTeX as far as it goes."""
    if _FOREIGN.search(_ESCAPED.sub("", value)):
        from ranking.repair import readable

        bare = re.sub(r"\{([^{}\\$]*|\$[^{}$]*\$)\}", r"\1", value)
        return readable(bare)
    pieces: list[str] = []
    position = 0
    for match in _ESCAPED.finditer(value):
        pieces += (re.sub(r"[{}]", "", value[position : match.start()]), _MEANT[match[0]])
        position = match.end()
    pieces.append(re.sub(r"[{}]", "", value[position:]))
    return " ".join("".join(pieces).split())


def _read_names(value: str) -> Iterator[str]:
    for written in _split(value, _AND):
        if written.casefold() == "others" or not written:
            continue
        if _is_one_group(written):
            name = _plain(written)
        else:
            parts = [_plain(part) for part in _split(written, re.compile(r"\s*,\s*"))]
            # "Family, Given" and "Family, Jr, Given".
            name = " ".join(part for part in (parts[-1], *parts[:-1]) if part)
        if name:
            yield name


def _split(value: str, separator: re.Pattern[str]) -> list[str]:
    """Split a field where the separator stands outside every brace."""
    depth, start, position, found = 0, 0, 0, []
    while position < len(value):
        char = value[position]
        if char == "\\":
            position += 2
            continue
        depth += (char == "{") - (char == "}")
        match = separator.match(value, position) if depth == 0 else None
        if match and match.end() > position:
            found.append(value[start:position])
            start = position = match.end()
        else:
            position += 1
    return [part.strip() for part in (*found, value[start:])]


def _is_one_group(written: str) -> bool:
    if not (written.startswith("{") and written.endswith("}")):
        return False
    depth = 0
    for at, char in enumerate(written):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return at == len(written) - 1
    return False


def _arxiv_of(key: str, fields: dict[str, str]) -> str | None:
    prefix = fields.get("archiveprefix", fields.get("eprinttype", "arxiv")).strip()
    places = [fields.get("eprint", "")] if prefix.casefold() == "arxiv" else []
    places += (fields.get("doi", ""), fields.get("url", ""))
    for place in ("journal", "note", "howpublished", "number"):
        named = re.findall(r"(?i)arxiv[:.\s]\s*(?:abs/)?(\S+)", fields.get(place, ""))
        places += (text.rstrip(".,;})") for text in named)
    places.append(key)
    for text in places:
        found = arxiv_id(text.strip("{} "))
        if found is not None:
            return found[0]
    return None


def _doi_of(value: str) -> str | None:
    from urllib.parse import unquote

    bare = value.strip().replace("\\_", "_")
    if re.search(r"%(?:7[BD]|5C|20)", bare):
        bare = unquote(bare)
    return doi(bare)


def _date_of(fields: dict[str, str]) -> date | None:
    whole = re.match(r"(\d{4})-(\d\d)(?:-(\d\d))?", fields.get("date", "").strip("{} "))
    if whole:
        year, month, day = whole[1], whole[2], whole[3] or "1"
    else:
        year, day = fields.get("year", "").strip("{} "), fields.get("day", "1").strip("{} ")
        word = fields.get("month", "1").strip("{} ").casefold()
        month = str(_MONTHS.index(word[:3]) + 1) if word[:3] in _MONTHS else word
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
