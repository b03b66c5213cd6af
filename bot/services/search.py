"""The answer to a search: the words typed, the filters of the place, a page of hits."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.domain import Paper
from bot.services.complete import complete_title
from bot.services.index import StoredCollection, refresh, refresh_if_due
from bot.services.ranker import Judge
from bot.store import Store
from bot.store import papers as paper_rows
from bot.store import search as table
from ranking.query import FILTERS, Query, parse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Hit", "SearchAnswer", "complete_title", "refresh", "search", "similar"]

MARKS = ("«", "»")  # around the words of a snippet that were searched
SNIPPET = 220  # characters
PERSONAL = 100  # the best hits that ``for:here`` puts in another order
LITERAL = 200
DEEPEST = 10_000
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper found. ``snippet`` has the searched words between ``MARKS``."""

    paper: Paper
    score: float
    snippet: str


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """A page of hits. ``total`` is an estimate where ``exact`` is False.

    ``upto`` handed back with the next page keeps papers that came in between from shifting it.
    """

    hits: tuple[Hit, ...]
    total: int
    notes: tuple[str, ...]
    query: str
    exact: bool = True
    upto: int | None = None


def search(
    store: Store,
    text: str,
    *,
    channel_id: int | None,
    person: str | None,
    now: datetime,
    limit: int = 10,
    offset: int = 0,
    upto: int | None = None,
    judge: Judge | None = None,
) -> SearchAnswer:
    """Answer a search. Never raises on what was typed; ``notes`` say what was not understood.

    ``posted:`` and ``saved:`` look at this channel and person only. ``for:here``, and nothing else,
    asks ``judge`` for the channel's own scores; without one it is left aside and a note says so.
    """
    query = parse(text)
    notes = list(query.notes)
    offset, limit = max(0, offset), max(0, limit)
    refresh_if_due(store)
    with store.read() as connection:
        collection = StoredCollection(store, connection, upto)
        upto = _newest(collection) if upto is None else upto
        named = _named(connection, query, notes)
        allowed = _allowed(connection, query, collection, notes, now, channel_id, person)
        found, terms, exact, total = _find(
            connection, collection, query, allowed, min(offset + limit, DEEPEST), notes
        )
        ranked = [(paper, 0.0) for paper in named]
        ranked += [(paper, score) for paper, score in found if paper not in named]
        if query.personal:
            ranked = _towards(connection, ranked, judge, notes)
        page = dict(ranked[offset : offset + limit])
        papers = paper_rows.papers(connection, page)
    if not ranked and not notes:
        notes.append(_nothing(query))
    hits = tuple(Hit(one, page[one.id], snippet(one.abstract, terms)) for one in papers)
    return SearchAnswer(hits, total + len(named), tuple(notes), query.text, exact, upto)


def similar(store: Store, paper_id: int, *, limit: int = 10) -> tuple[Hit, ...]:
    """Return the papers most like one; none where there is no such paper."""
    from ranking.search import similar as find_similar

    refresh_if_due(store)
    with store.read() as connection:
        collection = StoredCollection(store, connection)
        texts = collection.texts([paper_id])
        if not texts:
            return ()
        found = find_similar(collection, texts[0], depth=max(0, limit))
        scores = dict(zip(found.papers, found.scores, strict=True))
        papers = paper_rows.papers(connection, found.papers)
    return tuple(Hit(one, scores[one.id], snippet(one.abstract, found.terms)) for one in papers)


def snippet(text: str, terms: Collection[str], width: int = SNIPPET) -> str:
    """Return the part of a text that holds most of the terms, each occurrence between ``MARKS``.

    ``terms`` are stems. A text without any of them is cut at its beginning.
    """
    from ranking.reading import word_stems

    text = " ".join(text.translate({ord(mark): None for mark in MARKS}).split())
    # No stem begins with another letter than its word; most words need not be stemmed.
    letters = {term[:1] for term in terms}
    asked = {
        word: stem[0]
        for word in set(_WORD.findall(text))
        if (word[0].lower() in letters or not word.isascii())
        and (stem := word_stems(word))
        and stem[0] in terms
    }
    marked = [(*m.span(), asked[m[0]]) for m in _WORD.finditer(text) if m[0] in asked]
    best, best_start = (0, 0), 0
    for i, (start, _, _) in enumerate(marked):
        inside = [stem for _, end, stem in marked[i:] if end - start <= width]
        if (len(set(inside)), len(inside)) > best:
            best, best_start = (len(set(inside)), len(inside)), start
    # Some words before the first match make it readable.
    first = max(0, min(best_start - width // 6, len(text) - width))
    if first:
        first = text.find(" ", first) + 1
    last = len(text) if first + width >= len(text) else text.rfind(" ", first, first + width + 1)
    last = last if last > first else first + width
    pieces = ["… " if first else ""]
    position = first
    for start, end, _ in marked:
        if position <= start and end <= last:
            pieces += [text[position:start], MARKS[0], text[start:end], MARKS[1]]
            position = end
    pieces.append(text[position:last] + (" …" if last < len(text) else ""))
    return "".join(pieces)


def _newest(collection: StoredCollection) -> int:
    present = collection.lengths.nonzero()[0]
    return int(present[-1]) if len(present) else -1


def _named(connection: sqlite3.Connection, query: Query, notes: list[str]) -> list[int]:
    named = []
    for identifier in query.arxiv_ids:
        paper = paper_rows.paper_by_handle(connection, identifier)
        if paper is None:
            notes.append(f"arXiv {identifier} is not among the stored papers.")
        elif paper.id not in named:
            named.append(paper.id)
    return named


def _allowed(
    connection: sqlite3.Connection,
    query: Query,
    collection: StoredCollection,
    notes: list[str],
    now: datetime,
    channel_id: int | None,
    person: str | None,
) -> NDArray[np.bool_]:
    """Return the mask of papers that the filters let through, by number."""
    import numpy as np

    size = len(collection.lengths)
    if not query.stored_filter:
        return np.ones(size, np.bool_)
    posted, saved = query.posted, query.saved
    if posted is not None and channel_id is None:
        notes.append("posted: is known only in a channel and was left aside.")
    if saved is not None and (channel_id is None or person is None):
        notes.append("saved: is known only for a person in a channel and was left aside.")
    listed_from = query.listed_from
    if query.listed_days is not None:
        ago = min(query.listed_days, (now.date() - now.date().min).days)
        recent = now.date() - timedelta(days=ago)
        listed_from = max(recent, listed_from) if listed_from else recent
    wanted = table.Filter(
        published_from=query.published_from,
        published_to=query.published_to,
        listed_from=listed_from,
        sources=query.find.sources,
        without_sources=query.without.sources,
        posted=posted,
        saved=saved,
        channel_id=channel_id,
        person=person,
    )
    mask = np.zeros(size, np.bool_)
    through = np.array(table.allowed(connection, wanted), np.int64)
    mask[through[through < size]] = True
    return mask


def _find(
    connection: sqlite3.Connection,
    collection: StoredCollection,
    query: Query,
    allowed: NDArray[np.bool_],
    depth: int,
    notes: list[str],
) -> tuple[list[tuple[int, float]], frozenset[str], bool, int]:
    from ranking.search import CANDIDATES, find

    found = find(collection, query, allowed=allowed, depth=max(depth, CANDIDATES))
    notes.extend(found.notes)
    if found.terms or found.total or query.filtered:
        pairs = list(zip(found.papers, found.scores, strict=True))
        return pairs, found.terms, found.exact, found.total
    plain = query.plain
    if any(character.isalnum() for character in plain):
        # "c++" or "the who": nothing that is filed, but perhaps written somewhere as it stands.
        papers = [
            paper
            for paper in table.literally(connection, plain, LITERAL)
            if paper < len(allowed) and allowed[paper]
        ]
        if papers:
            notes.append(f"“{plain}” has no word to search for; found where it is written so.")
            return (
                [(paper, 0.0) for paper in papers],
                frozenset(),
                len(papers) < LITERAL,
                len(papers),
            )
    return [], frozenset(), True, 0


def _towards(
    connection: sqlite3.Connection,
    ranked: list[tuple[int, float]],
    judge: Judge | None,
    notes: list[str],
) -> list[tuple[int, float]]:
    """Order the best hits by the sum of their places in the search and in the interest."""
    if judge is None:
        notes.append("for:here is known only in a channel and was left aside.")
        return ranked
    head = paper_rows.papers(connection, [paper for paper, _ in ranked[:PERSONAL]])
    wanted = dict(zip((paper.id for paper in head), judge(head), strict=True))
    liked = sorted(wanted, key=lambda paper: (-wanted[paper], paper))
    place = {paper: i for i, paper in enumerate(liked)}
    best = sorted(
        (i + place.get(paper, PERSONAL), place.get(paper, PERSONAL), i)
        for i, (paper, _) in enumerate(ranked[:PERSONAL])
    )
    return [ranked[i] for _, _, i in best] + ranked[PERSONAL:]


def _nothing(query: Query) -> str:
    if not query.text:
        return f"Type words to search for; filters are {FILTERS}."
    if query.filtered:
        return "No paper passes these filters."
    return f"Nothing found for “{query.text[:80]}”."
