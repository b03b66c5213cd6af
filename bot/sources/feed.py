"""Any RSS, Atom or RDF feed: journals, bioRxiv, blogs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from html import unescape
from io import BytesIO

from bot.domain import Entry, Listing, Outcome, Reject
from bot.identify import arxiv_id, doi, doi_url, paper_url, web_url
from bot.ports import Request
from bot.sources import payload
from bot.sources.arxiv import cut_of, split_authors
from bot.sources.payload import UnreadableError
from bot.sources.xml_tree import Document, local_name, read_document

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,2000}>|<!--.*?-->", re.DOTALL)
_BLOCK_TAG = re.compile(r"</?(?:p|div|br|li|ul|ol|h[1-6]|tr|td|section)\b[^<>]*>", re.IGNORECASE)
_HIDDEN_TEXT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
# "Roe, J., Poe, A. B.": every second part is initials.
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[\s-]?){1,4}")


class Feed:
    """One feed, by the name its operator gave it. It knows no listing days: it has what it has."""

    def __init__(self, name: str = "feed", url: str = "") -> None:
        self.name = name
        self.url = url

    def requests(self, days: Sequence[date]) -> Sequence[Request]:  # noqa: ARG002 - the port's signature; a feed cannot be asked for a day
        """Return the one GET of this feed."""
        return [Request(self.url)] if self.url else []

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read a feed of any kind. ``listed_on`` is the request's day, if it has one."""
        text = payload.decode(body)
        away = payload.turn_away(self.name, request.day, body, text, "a feed")
        if away is not None:
            return away
        tree = read_document(text, ("item", "entry")) if "<" in text else None
        version, items = _parse_feed(text if tree is None else tree.text)
        if tree is None or (not version and local_name(tree.root) not in {"rss", "feed", "RDF"}):
            note = "The answer is no RSS, Atom or RDF feed."
            return payload.nothing(self.name, request.day, Outcome.BROKEN, note)
        return self._read_items(tree, items, request.day)

    def _read_items(
        self, tree: Document, items: Sequence[Mapping[str, object]], day: date | None
    ) -> Listing:
        # feedparser keeps a last entry that the document's end cuts; the tree knows it is cut.
        whole = items[: len(tree.items)] if tree.cut else items
        entries: list[Entry] = []
        rejects: list[Reject] = []
        for position, item in enumerate(whole, 1):
            try:
                entries.append(payload.admit(_read_item(item)))
            except UnreadableError as trouble:
                label = _text(item, "title") or _text(item, "id")
                rejects.append(
                    payload.reject(position, label, str(trouble), _text(item, "summary"))
                )
        rejects += payload.lost_items(len(whole), tree.declared, cut=tree.cut)
        cut = cut_of(tree)
        return payload.conclude(self.name, day, tree.declared, entries, rejects, cut=cut)


def _parse_feed(text: str) -> tuple[str, list[Mapping[str, object]]]:
    """Return feedparser's word for the kind of feed, empty if it is none, and its entries."""
    import feedparser

    # As a stream: given bytes or text, feedparser would try them as an address or a path first.
    stream = BytesIO(text.encode("utf-8", "replace"))
    try:
        parsed = feedparser.parse(
            stream,
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception:  # noqa: BLE001 - on hostile input the library raises nearly anything; it is then no feed
        return "", []
    version = parsed.get("version") or ""
    return str(version), list(parsed.get("entries") or [])


def _read_item(item: Mapping[str, object]) -> Entry:
    given_link = _text(item, "link")
    link = web_url(given_link)
    if given_link and link is None:
        raise UnreadableError(f"its link is no http or https address: {given_link[:60]!r}")
    names = (_text(item, "prism_doi"), _text(item, "dc_identifier"), _text(item, "id"), given_link)
    name = next(filter(None, map(doi, names)), None)
    found = next(filter(None, map(arxiv_id, names)), None)
    if found is not None:
        link = paper_url(found[0])
    elif link is None and name is not None:
        link = doi_url(name)
    if link is None:
        raise UnreadableError("there is neither a link nor an id to link to")
    return Entry(
        title=_plain(_text(item, "title")),
        abstract=_plain(_body(item)),
        authors=_authors(item),
        arxiv_id=found[0] if found else None,
        version=found[1] if found else None,
        doi=None if found and name and name.startswith("10.48550/") else name,
        url=link,
        published=_published(item),
        categories=_categories(item),
    )


def _text(item: Mapping[str, object], key: str) -> str:
    value = item.get(key)
    return payload.scrub(value).strip() if isinstance(value, str) else ""


def _body(item: Mapping[str, object]) -> str:
    """Return the summary, or the content where it is the only text there is."""
    if summary := _text(item, "summary"):
        return summary
    texts = (_text(content, "value") for content in _records(item, "content"))
    return next(filter(None, texts), "")


def _records(item: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = item.get(key)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _authors(item: Mapping[str, object]) -> tuple[str, ...]:
    names = [_plain(_text(one, "name")) for one in _records(item, "authors")]
    names = [name for name in names if name] or [_plain(_text(item, "author"))]
    if len(names) != 1:
        return tuple(names)
    parts = [part.strip() for part in names[0].split(",")]
    parts = [part for part in parts if part]
    families, given = parts[::2], parts[1::2]
    if given and len(families) == len(given) and all(map(_INITIALS.fullmatch, given)):
        return tuple(f"{first} {last}" for last, first in zip(families, given, strict=True))
    return split_authors(names)


def _categories(item: Mapping[str, object]) -> tuple[str, ...]:
    terms = [_text(tag, "term") for tag in _records(item, "tags")]
    return tuple(dict.fromkeys(term for term in terms if term and len(term) <= 100))


def _published(item: Mapping[str, object]) -> date | None:
    for key in ("published_parsed", "updated_parsed"):
        # Asked first whether it is there: for want of it the library gives another, with a warning.
        moment = item.get(key) if key in item else None
        if isinstance(moment, tuple):
            try:
                return date(*moment[:3])
            except (TypeError, ValueError, OverflowError):
                continue
    return None


def _plain(text: str) -> str:
    """Return text without HTML tags; what only looks like one, as in "p<0.05", stays."""
    if "<" not in text:
        return text.strip()
    text = _HIDDEN_TEXT.sub(" ", text)
    bare = _TAG.sub("", _BLOCK_TAG.sub(" ", text))
    # Entities are one more layer of HTML here; those of plain text are undone by text repair.
    return unescape(bare).strip() if bare != text else text.strip()
