"""Why a paper has its score: named parts that sum to it, and a sentence a person accepts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ranking.document import Document
from ranking.interest import Model
from ranking.learned import Learned
from ranking.linear import Linear
from ranking.text import surface
from ranking.vectors import Vectors
from ranking.written import Written

MOST_TERMS = 8
MOST_LIKES = 3


@dataclass(frozen=True, slots=True)
class Part:
    """One named term of a score, in the score's own units.

    ``kind`` is ``written`` (a term of the profile), ``learned`` (a term learned from votes),
    ``like`` (a liked paper's title), ``author``, ``category``, ``upvotes``, ``central``, ``rest``
    (what is too small to name) or ``baseline`` (where the background's average paper stands).
    """

    name: str
    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score taken apart; the values of ``parts`` sum to ``score``."""

    parts: tuple[Part, ...]
    score: float
    match: int
    sentence: str


def explain(model: Model, document: Document) -> Explanation:
    """Return the parts of the paper's score, greatest first, and a sentence made from them."""
    vectors = model.space.transform([document])
    scores = model.score(vectors)
    score = float(scores.values[0])
    names = _names(model, [document])
    parts: list[Part] = []
    if model.written:
        values = linear_values(model, model.written.linear, vectors)
        for column, value in _bm25_values(model.written, vectors).items():
            values[column] = values.get(column, 0.0) + value
        best, which = model.written.best_phrase(vectors)
        parts += _largest(values, names, "written")
        if best[0] > 0:
            phrase = model.interest.terms[int(which[0])].strip()
            parts.append(Part(phrase, "written", model.written.phrase_weight * float(best[0])))
    if model.learned:
        values = linear_values(model, model.learned.linear, vectors)
        parts += _largest(values, names, "learned")
        parts += _likes(model.learned, vectors)
    parts += [Part(*bonus) for bonus in model.bonuses(document)]
    central = float(vectors.svd[0] @ model.centrality)
    if central:
        parts.append(Part("typical of what comes in", "central", central))
    # Where the background's average paper stands; it also takes what rounding leaves.
    parts.append(Part("average paper", "baseline", score - sum(part.value for part in parts)))
    parts.sort(key=lambda part: (-part.value, part.kind, part.name))
    return Explanation(tuple(parts), score, int(scores.match[0]), _sentence(parts, model, document))


def linear_values(model: Model, linear: Linear, vectors: Vectors) -> dict[int, float]:
    """Return what each column of the one paper adds to a linear score.

    The SVD score is linear in the paper's words too, given its length, so each has its share.
    """
    row = vectors.tfidf.indices
    value = vectors.tfidf.data.astype(np.float64)
    total = value * linear.tfidf[row]
    basis = model.space.basis
    covered = row < len(basis)
    low = value[covered, None] * basis[row[covered]]
    norm = max(float(np.linalg.norm(low.sum(axis=0))), 1e-12)
    total[covered] += low @ linear.svd / norm
    return dict(zip(row.tolist(), total.tolist(), strict=True))


def _bm25_values(written: Written, vectors: Vectors) -> dict[int, float]:
    """Return what each written column adds to the one paper's score through BM25."""
    held = vectors.bm25[:, written.columns].toarray()[0]
    return dict(zip(written.columns.tolist(), (held * written.bm25).tolist(), strict=True))


def _likes(learned: Learned, vectors: Vectors) -> list[Part]:
    values = learned.like_values(vectors)
    order = sorted(
        range(len(values)), key=lambda i: (-abs(values[i]), learned.liked[i].document.id)
    )
    parts = [
        Part(learned.liked[i].document.title, "like", float(values[i])) for i in order[:MOST_LIKES]
    ]
    if len(order) > MOST_LIKES:
        rest = float(sum(values[i] for i in order[MOST_LIKES:]))
        parts.append(Part("other liked papers", "rest", rest))
    return parts


def terms(model: Model, limit: int = 20) -> tuple[tuple[str, float, float], ...]:
    """Return the heaviest terms as (term, written weight, learned weight), greatest first.

    A weight is what a paper of that one term would get through its words.
    """
    documents = [*model.interest.seeds, *(vote.document for vote in model.interest.votes)]
    names = _names(model, documents)
    rows: list[tuple[str, float, float]] = []
    for column, name in names.items():
        rows.append((name, _weight(model, column, "written"), _weight(model, column, "learned")))
    rows.sort(key=lambda row: (-abs(row[1] + row[2]), row[0]))
    return tuple(rows[:limit])


def _weight(model: Model, column: int, which: str) -> float:
    part = model.written if which == "written" else model.learned
    if part is None:
        return 0.0
    linear = part.linear
    weight = float(linear.tfidf[column])
    if isinstance(part, Written):
        at = int(np.searchsorted(part.columns, column))
        if at < len(part.columns) and part.columns[at] == column:
            weight += float(part.bm25[at]) * model.space.weight(column)
    basis = model.space.basis
    if column < len(basis):
        low = basis[column].astype(np.float64)
        weight += float(low @ linear.svd) / max(float(np.linalg.norm(low)), 1e-12)
    return weight


def _names(model: Model, documents: Iterable[Document]) -> dict[int, str]:
    """Return readable names of the columns that the profile and the papers use."""
    names: dict[int, str] = {}
    texts = [*model.interest.terms]
    for document in documents:
        texts += [document.title, document.abstract]
    for text in texts:
        for term, words in surface(text).items():
            column = model.space.column(term)
            if column is not None:
                names.setdefault(column, words)
    return names


def _largest(values: dict[int, float], names: dict[int, str], kind: str) -> list[Part]:
    merged: dict[str, float] = defaultdict(float)
    for column, value in values.items():
        merged[names.get(column, "other words")] += value
    order = sorted(merged, key=lambda name: (-abs(merged[name]), name))
    parts = [Part(name, kind, merged[name]) for name in order[:MOST_TERMS] if merged[name]]
    rest = sum(merged[name] for name in order[MOST_TERMS:])
    if rest:
        parts.append(Part(f"other {kind} words", "rest", rest))
    return parts


def _sentence(parts: list[Part], model: Model, document: Document) -> str:
    clauses: list[str] = []
    words = _tell_words([p for p in parts if p.kind in ("written", "learned") and p.value > 0.05])
    if words:
        clauses.append("matches " + _join([f'"{word}"' for word in words]))
    # A liked paper is close to itself, which tells nobody anything.
    likes = [p for p in parts if p.kind == "like" and p.name not in ("", document.title)]
    like = next((p for p in likes if p.value > 0.15), None)
    if like:
        clauses.append(f"close to the liked “{like.name}”")
    for part in parts:
        if part.kind == "author":
            clauses.append(f"by {part.name}, whom this channel follows")
        elif part.kind == "category":
            clauses.append(f"in {part.name}, which this channel follows")
        elif part.kind == "upvotes" and len(clauses) < 2:
            clauses.append(part.name)
    if not clauses:
        if not any(part.kind == "central" for part in parts):
            return "none of the channel's terms; nearest by its overall wording"
        if model.interest.terms:
            return "no word of the written interests says anything: a typical paper of this listing"
        return "no interests are set yet: a typical paper of this listing"
    return "; ".join(clauses)


def _pieces(name: str) -> set[str]:
    """Return the words of a term; ``low-resource`` is two, as it is to the ranker."""
    return set(name.replace("-", " ").casefold().split())


def _tell_words(parts: list[Part]) -> list[str]:
    """Return up to three words, leaving out one that a chosen pair already holds."""
    chosen: list[str] = []
    for part in parts:
        pieces = _pieces(part.name)
        overlapping = [name for name in chosen if pieces & _pieces(name)]
        if not overlapping:
            chosen.append(part.name)
        elif len(pieces) > 1 and all(len(_pieces(name)) == 1 for name in overlapping):
            chosen[chosen.index(overlapping[0])] = part.name
        if len(chosen) == 3:
            break
    return list(dict.fromkeys(chosen))


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
