"""From scores to a digest: what is posted, and for every other paper where and why it fell out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.document import Document
from ranking.follow import names_author, names_category, speaks_of
from ranking.interest import Model, Scores
from ranking.text import fold
from ranking.vectors import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME = 0.85  # cosine of two papers' words above which they are one paper told twice
VARIETY = 0.3  # how much of a paper's score its likeness to a chosen one can cost (MMR)
NEAR = 8  # how many times the size of a digest is looked at closely
EXPLORED_SHARE = 0.5  # an exploration has at least this share of the threshold


@dataclass(frozen=True, slots=True)
class Chosen:
    """A paper to post; ``label`` is ``exploration`` for the one the model is least sure of."""

    id: str
    score: float
    match: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """A paper not posted: ``step`` is muted, duplicate, threshold, diversity or size.

    ``short_by`` is in points of match: how far it was from being posted at that step.
    """

    id: str
    score: float
    match: int
    step: str
    short_by: float
    words: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Every paper that was handed in, in exactly one of both; best first."""

    chosen: tuple[Chosen, ...]
    dropped: tuple[Drop, ...]


def select(
    model: Model,
    documents: Sequence[Document] | Vectors,
    *,
    size: int,
    threshold: int,
    seen: Sequence[Document] = (),
    explore: bool = False,
) -> Selection:
    """Choose at most ``size`` papers whose match is at least ``threshold``.

    Diversity is maximal marginal relevance (Carbonell and Goldstein 1998) on the SVD cosine. With
    ``explore`` the last place goes to the paper below the threshold that the model is least sure
    of: its match is nearest to 50, a coin toss, and at least half of the threshold.
    """
    vectors = documents if isinstance(documents, Vectors) else model.space.transform(documents)
    scores = model.score(vectors)
    papers = vectors.documents
    order = sorted(range(len(papers)), key=lambda i: (-scores.values[i], papers[i].id, i))
    dropped: dict[int, Drop] = {}

    def drop(i: int, step: str, short_by: float, words: str) -> None:
        dropped[i] = Drop(
            papers[i].id,
            float(scores.values[i]),
            int(scores.match[i]),
            step,
            round(max(0.0, short_by), 3),
            words,
        )

    for i in order:
        muted = _muted(model, papers[i])
        if muted:
            drop(i, "muted", 0.0, muted)
    left = [i for i in order if i not in dropped]
    below = [i for i in left if scores.match[i] < threshold]
    fit_for_post = [i for i in left if scores.match[i] >= threshold]
    # Only what could be posted is compared with everything else: comparing all pairs of a day
    # costs more than ranking it.
    close = (
        sorted(
            (i for i in below if scores.match[i] >= threshold * EXPLORED_SHARE),
            key=lambda i: abs(int(scores.match[i]) - 50),
        )[:NEAR]
        if explore
        else []
    )
    compared = [*fit_for_post[: max(size * NEAR, 40)], *close]
    for i, words in _duplicates(vectors, compared, model.space.transform(seen)):
        drop(i, "duplicate", 0.0, words)
    below = [i for i in below if i not in dropped]
    fit_for_post = [i for i in fit_for_post if i not in dropped]
    explored = next((i for i in close if i not in dropped), None) if size > 0 else None
    places = max(0, size - (1 if explored is not None else 0))
    picked = _varied(vectors, scores.values, fit_for_post, places)
    for i in below:
        if i != explored:
            short = float(threshold - scores.match[i])
            drop(i, "threshold", short, f"match {scores.match[i]}, the threshold is {threshold}")
    last = min((int(scores.match[i]) for i in picked), default=threshold)
    for rank, i in enumerate(fit_for_post):
        if i in picked:
            continue
        short = float(last - scores.match[i])
        if rank < places:
            drop(i, "diversity", short, "too close to a paper that was chosen")
        else:
            drop(i, "size", short, f"the digest holds {size}; this was number {rank + 1}")
    chosen = [_chosen(papers[i], scores, i, "") for i in fit_for_post if i in picked]
    if explored is not None:
        chosen.append(_chosen(papers[explored], scores, explored, "exploration"))
    return Selection(tuple(chosen), tuple(dropped[i] for i in order if i in dropped))


def _chosen(paper: Document, scores: Scores, i: int, label: str) -> Chosen:
    return Chosen(paper.id, float(scores.values[i]), int(scores.match[i]), label)


def _muted(model: Model, paper: Document) -> str:
    interest = model.interest
    for term in interest.muted_terms:
        if speaks_of(term, paper):
            return f'speaks of the muted "{term}"'
    for author in interest.muted_authors:
        if names_author(author, paper.authors):
            return f"by the muted author {author}"
    for category in interest.muted_categories:
        if names_category(category, paper.categories):
            return f"in the muted category {category}"
    return ""


def _duplicates(vectors: Vectors, left: Sequence[int], seen: Vectors) -> list[tuple[int, str]]:
    """Return the papers that repeat a seen one or a better placed one, and the words for it."""
    found: list[tuple[int, str]] = []
    if not left:
        return found
    rows = vectors.take(left)
    seen_ids = {paper.id for paper in seen.documents}
    seen_titles = {_plain(paper.title): paper.title for paper in seen.documents}
    nearest = _closest(rows.tfidf @ seen.tfidf.T) if len(seen) else None
    among = (rows.tfidf @ rows.tfidf.T).tocsr()
    gone: set[int] = set()
    titles: dict[str, int] = {}
    for n, i in enumerate(left):
        paper = vectors.documents[i]
        title = _plain(paper.title)
        words = ""
        if paper.id in seen_ids:
            words = "this channel already saw it"
        elif title and title in seen_titles:
            words = f"this channel already saw “{seen_titles[title]}”"
        elif nearest is not None and nearest[0][n] >= SAME:
            words = f"nearly the same as “{seen.documents[nearest[1][n]].title}”, already seen"
        elif title and title in titles:
            words = f"the same title as {vectors.documents[titles[title]].id}"
        else:
            start, end = among.indptr[n], among.indptr[n + 1]
            for m, value in sorted(
                zip(among.indices[start:end].tolist(), among.data[start:end].tolist(), strict=True)
            ):
                if m < n and m not in gone and value >= SAME:
                    words = f"nearly the same as “{vectors.documents[left[m]].title}”"
                    break
        if words:
            gone.add(n)
            found.append((i, words))
        elif title:
            titles.setdefault(title, i)
    return found


def _closest(likeness: object) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    from scipy.sparse import csr_matrix

    matrix = csr_matrix(likeness)
    best = np.zeros(matrix.shape[0])
    where = np.zeros(matrix.shape[0], dtype=np.intp)
    for n in range(matrix.shape[0]):
        start, end = matrix.indptr[n], matrix.indptr[n + 1]
        if end > start:
            k = start + int(np.argmax(matrix.data[start:end]))
            best[n], where[n] = matrix.data[k], matrix.indices[k]
    return best, where


def _plain(title: str) -> str:
    return "".join(c for c in fold(title) if c.isalnum())


def _varied(
    vectors: Vectors, values: NDArray[np.float64], ranked: Sequence[int], places: int
) -> set[int]:
    picked: list[int] = []
    candidates = list(ranked[: max(places * NEAR, 40)])
    if not candidates:
        return set()
    svd = vectors.svd[candidates].astype(np.float64)
    score = values[candidates]
    spread = max(float(score.max() - score.min()), 1e-9)
    likeness = np.zeros(len(candidates))
    free = np.ones(len(candidates), dtype=bool)
    while free.any() and len(picked) < places:
        marginal = (score - score.max()) / spread * (1 - VARIETY) - VARIETY * likeness
        marginal[~free] = -np.inf
        best = int(np.argmax(marginal))
        free[best] = False
        picked.append(candidates[best])
        likeness = np.maximum(likeness, svd @ svd[best])
    return set(picked)
