"""arXiv: the daily listings (RSS and Atom) and the query API for back-fill and look-up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from bot.domain import Announce, Entry, Listing, Outcome, Reject
from bot.identify import arxiv_id, doi, paper_url
from bot.ports import Request
from bot.sources import payload
from bot.sources.payload import UnreadableError
from bot.sources.xml_tree import (
    Document,
    child_text,
    children,
    local_name,
    read_document,
    text_of,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

NAME = "arxiv"
LISTING_BASE_URL = "https://rss.arxiv.org"
QUERY_BASE_URL = "https://export.arxiv.org"
# The query API's own bound on one slice.
SLICE = 2_000
IDS_A_REQUEST = 100

_CUT = "The document ends in the middle; the complete entries before were kept."
_PREFIX = re.compile(
    r"\s*(?:arXiv:(?P<id>\S+)\s+Announce Type:\s*(?P<announce>[a-z-]+)\s*)?(?:Abstract:\s*)?",
    re.IGNORECASE,
)
_SUFFIX_WORD = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV", re.IGNORECASE)
_CATEGORY = re.compile(r"[A-Za-z][A-Za-z-]{0,20}(?:\.[A-Za-z-]{1,10})?")


class ArxivListing:
    """The day's announcements in some categories. One request in all: the feed knows its day."""

    name = NAME

    def __init__(
        self, categories: Sequence[str], base_url: str = LISTING_BASE_URL, *, atom: bool = False
    ) -> None:
        form = "atom" if atom else "rss"
        self.url = f"{base_url.rstrip('/')}/{form}/{'+'.join(categories)}"

    def requests(self, days: Sequence[date]) -> Sequence[Request]:  # noqa: ARG002 - the port's signature; past days cannot be asked for
        """Return the one GET for today's feed."""
        return [Request(self.url)]

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read a feed of either form; which one is seen from the bytes."""
        document, away = _open(body, request.day, ("item", "entry"), {"rss", "rdf", "feed"})
        if document is None:
            return away
        feed = next(iter(children(document.root, "channel")), document.root)
        listed_on = _feed_day(feed) or request.day
        title = child_text(feed, "title")
        if title.lower().startswith("feed error"):
            words = " ".join(f"{title} {child_text(feed, 'description', 'subtitle')}".split())
            note = f"The source answered: {words[:200]}"
            return payload.nothing(NAME, listed_on, Outcome.REFUSED, note)
        return _read_items(document, listed_on, _read_announcement)


class ArxivQuery:
    """The query API, for what is past: a day or a span of a category, or papers by id."""

    name = NAME

    def __init__(self, base_url: str = QUERY_BASE_URL, categories: Sequence[str] = ()) -> None:
        self.url = f"{base_url.rstrip('/')}/api/query"
        self.categories = tuple(categories)

    def requests(self, days: Sequence[date]) -> Sequence[Request]:
        """Return a GET for the first slice of each day, by day of submission."""
        return [self.backfill(self.categories, day, day) for day in days]

    def backfill(
        self,
        categories: Sequence[str],
        since: date,
        until: date,
        *,
        start: int = 0,
        size: int = SLICE,
    ) -> Request:
        """Return the GET for one slice of what was submitted from ``since`` to ``until``.

        The slices after it come from ``following``. ``size`` is bounded by 2,000.
        """
        span = f"submittedDate:[{since:%Y%m%d}0000 TO {until:%Y%m%d}2359]"
        within = " OR ".join(f"cat:{name}" for name in categories)
        params = (
            ("search_query", f"({within}) AND {span}" if within else span),
            ("start", str(start)),
            ("max_results", str(min(size, SLICE))),
            ("sortBy", "submittedDate"),
            ("sortOrder", "ascending"),
        )
        return Request(self.url, since if since == until else None, params)

    def lookup(self, ids: Iterable[str]) -> Sequence[Request]:
        """Return the GETs for these papers, a hundred ids each; what is no id is left out.

        One malformed id makes the source refuse the whole request.
        """
        found = dict.fromkeys(
            name if version is None else f"{name}v{version}"
            for name, version in filter(None, map(arxiv_id, ids))
        )
        names = list(found)
        batches = [names[at : at + IDS_A_REQUEST] for at in range(0, len(names), IDS_A_REQUEST)]
        return [
            Request(
                self.url,
                None,
                (("id_list", ",".join(batch)), ("start", "0"), ("max_results", str(len(batch)))),
            )
            for batch in batches
        ]

    def following(self, body: bytes, request: Request) -> Request | None:
        """Return the GET for the slice after this answer; None where it was the last."""
        document = read_document(payload.decode(body), ("entry",))
        if document is None or not document.items:
            return None
        total, start = _number(document, "totalResults"), _number(document, "startIndex")
        if total is None or start is None or start + len(document.items) >= total:
            return None
        params = dict(request.params)
        params["start"] = str(start + len(document.items))
        return Request(request.url, request.day, tuple(params.items()))

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read one slice of answers. An answer of zero entries is empty, not an error."""
        document, away = _open(body, request.day, ("entry",), {"feed"})
        if document is None:
            return away
        listing = _read_items(document, request.day, _read_answer)
        promised = _promised(document)
        if listing.outcome not in {Outcome.OK, Outcome.EMPTY} or promised <= listing.declared:
            return listing
        note = f"{promised} entries were promised and {listing.declared} came."
        return replace(listing, declared=promised, outcome=Outcome.TRUNCATED, note=note)


# --- what both forms share ----------------------------------------------------------------------


def _open(
    body: bytes, day: date | None, item_names: Sequence[str], roots: set[str]
) -> tuple[Document | None, Listing]:
    """Return the document, or None and the listing that says what came instead."""
    text = payload.decode(body)
    away = payload.turn_away(NAME, day, body, text, "an XML listing")
    if away is not None:
        return None, away
    document = read_document(text, item_names) if "<" in text else None
    if document is None:
        note = "The answer is no XML."
    elif (root := local_name(document.root).lower()) not in roots:
        note = f"The answer is XML of another kind: its root is {root[:40]!r}."
    else:
        return document, payload.nothing(NAME, day, Outcome.OK, "")
    return None, payload.nothing(NAME, day, Outcome.BROKEN, note)


def cut_of(document: Document) -> str:
    """Return why a document is not read to its end; empty where it is."""
    if document.more:
        return payload.MORE
    return _CUT if document.cut else ""


def _read_items(
    document: Document, listed_on: date | None, read: Callable[[Element], Entry]
) -> Listing:
    entries: list[Entry] = []
    rejects: list[Reject] = []
    refusal = ""
    for position, item in enumerate(document.items, 1):
        title = child_text(item, "title")
        try:
            if title.lower() == "error":
                words = child_text(item, "summary", "description") or "an error without words"
                refusal = f"The source answered: {' '.join(words.split())[:200]}"
                raise UnreadableError(refusal)  # noqa: TRY301 - rejected like any other entry
            entries.append(payload.admit(read(item)))
        except UnreadableError as trouble:
            label = title or child_text(item, "guid", "id", "link")
            rejects.append(payload.reject(position, label, str(trouble), text_of(item)))
    rejects += payload.lost_items(len(document.items), document.declared, cut=document.cut)
    cut = cut_of(document)
    listing = payload.conclude(NAME, listed_on, document.declared, entries, rejects, cut=cut)
    if refusal and not entries:
        return replace(listing, outcome=Outcome.REFUSED, note=refusal)
    return listing


def _read_announcement(item: Element) -> Entry:
    """Read an item of a daily listing, RSS or Atom."""
    description = child_text(item, "description", "summary")
    prefix = _PREFIX.match(description)
    named = prefix["id"] if prefix and prefix["id"] else ""
    identity, version = _identity(item, named)
    announced = child_text(item, "announce_type") or (prefix and prefix["announce"]) or ""
    announce = _announce(announced, version)
    abstract = description[prefix.end() :] if prefix else description
    return Entry(
        title=child_text(item, "title"),
        abstract=abstract.strip(),
        authors=split_authors([text_of(one) for one in children(item, "creator")])
        or _author_names(item),
        arxiv_id=identity,
        version=version,
        doi=doi(child_text(item, "doi")),
        url=paper_url(identity),
        # The feed gives the day of announcement; only for a new paper is that the paper's own.
        published=_own_day(child_text(item, "pubDate", "published"))
        if announce is Announce.NEW
        else None,
        categories=_categories(item),
        announce=announce,
    )


def _read_answer(item: Element) -> Entry:
    """Read an entry of the query API."""
    identity, version = _identity(item, "")
    published = _moment(child_text(item, "published"))
    return Entry(
        title=child_text(item, "title"),
        abstract=child_text(item, "summary"),
        authors=_author_names(item),
        arxiv_id=identity,
        version=version,
        doi=doi(child_text(item, "doi")),
        url=paper_url(identity),
        published=published.date() if published else None,
        categories=_categories(item),
    )


def _identity(item: Element, named: str) -> tuple[str, int | None]:
    """Return id and version from the guid, else from the link, else from the description's head."""
    links = [one.get("href") or text_of(one) for one in children(item, "link")]
    for text in (child_text(item, "guid", "id"), *links, named):
        if text and (found := arxiv_id(text)) is not None:
            return found
    raise UnreadableError("neither guid nor link holds an arXiv id")


def _author_names(item: Element) -> tuple[str, ...]:
    names = [child_text(one, "name") for one in children(item, "author")]
    return tuple(name for name in names if name)


def _categories(item: Element) -> tuple[str, ...]:
    given = [one.get("term") or text_of(one) for one in children(item, "category")]
    return tuple(dict.fromkeys(name for name in given if _CATEGORY.fullmatch(name)))


def _announce(word: str, version: int | None) -> Announce:
    word = word.strip().lower()
    if word == "absonly":
        return Announce.REPLACE
    try:
        return Announce(word)
    except ValueError:
        return Announce.REPLACE if version is not None and version > 1 else Announce.NEW


def split_authors(creators: Sequence[str]) -> tuple[str, ...]:
    """Return the names in comma-joined lists; affiliations in brackets may hold commas and go."""
    names: list[str] = []
    for creator in creators:
        for part in _outside_brackets(creator).split(","):
            name = " ".join(part.split())
            if _SUFFIX_WORD.fullmatch(name) and names:
                names[-1] = f"{names[-1]}, {name}"
            elif name:
                names.append(name)
    return tuple(names)


def _outside_brackets(text: str) -> str:
    if text.count("(") != text.count(")"):
        return text
    kept: list[str] = []
    depth = 0
    for piece in re.split(r"([()])", text):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(piece)
    return "".join(kept)


# --- days and numbers ---------------------------------------------------------------------------


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _own_day(text: str) -> date | None:
    """Return the day of a time as the announcement's clock, US Eastern, shows it.

    A time with an offset of its own already is in that clock; one in UTC has to be moved.
    """
    moment = _moment(text)
    if moment is None:
        return None
    if moment.utcoffset() == timedelta(0):
        from zoneinfo import ZoneInfo

        try:
            moment = moment.astimezone(ZoneInfo("America/New_York"))
        except (OverflowError, ValueError):
            return None
    return moment.date()


def _feed_day(feed: Element) -> date | None:
    for name in ("pubDate", "lastBuildDate", "updated", "date"):
        if (day := _own_day(child_text(feed, name))) is not None:
            return day
    return None


def _number(document: Document, name: str) -> int | None:
    text = child_text(document.root, name)
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else None


def _promised(document: Document) -> int:
    """Return how many entries this slice should hold by the answer's own totals."""
    total, start = _number(document, "totalResults"), _number(document, "startIndex")
    size = _number(document, "itemsPerPage")
    if total is None or start is None or size is None:
        return document.declared
    return min(max(total - start, 0), size)
