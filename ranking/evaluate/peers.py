"""The methods to beat, each the way its field runs it, on the same votes and the same papers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.document import Document
from ranking.evaluate.collection import Collection
from ranking.interest import Interest, Vote, fit
from ranking.text import terms as text_terms
from ranking.vectors import Space, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranking.vectors import Sparse

    Floats = NDArray[np.float64]

BACKGROUND = 1_000


@dataclass(frozen=True, slots=True)
class Task:
    """What a method may know: the written terms, the votes, the rows to score.

    ``pool`` are all rows that have come in, voted ones included.
    """

    name: str
    terms: tuple[str, ...]
    likes: tuple[int, ...]
    dislikes: tuple[int, ...]
    rest: NDArray[np.intp]
    pool: NDArray[np.intp]


Method = Callable[[Task], "Floats"]


class Prepared:
    """A collection with what its methods share: the spaces, fitted on all its papers once."""

    def __init__(self, collection: Collection, *, space: Space | None = None) -> None:
        self.collection = collection
        self._space = space
        self._vectors: Vectors | None = None
        self._rows: dict[bytes, Vectors] = {}
        self._plain: tuple[Sparse, Callable[[Sequence[str]], Sparse]] | None = None

    @property
    def space(self) -> Space:
        if self._space is None:
            self._space = Space.fit(self.collection.documents)
        # Every pool is made of the same papers.
        self._space.cached_rows = max(self._space.cached_rows, len(self.collection.documents))
        return self._space

    @property
    def vectors(self) -> Vectors:
        if self._vectors is None:
            self._vectors = self.space.transform(self.collection.documents)
        return self._vectors

    def rows(self, pool: NDArray[np.intp]) -> Vectors:
        """Return the vectors of these rows; the last ones asked for are kept."""
        key = pool.tobytes()
        if key not in self._rows:
            while len(self._rows) >= 2:
                del self._rows[next(iter(self._rows))]
            self._rows[key] = self.space.transform([self.collection.documents[i] for i in pool])
        return self._rows[key]

    def background(self, pool: NDArray[np.intp]) -> Vectors:
        """Return a fixed sample of these rows, as an installation keeps one of its papers."""
        picked = np.random.RandomState(0).permutation(len(pool))[:BACKGROUND]
        return self.rows(pool[np.sort(picked)])

    @property
    def plain(self) -> tuple[Sparse, Callable[[Sequence[str]], Sparse]]:
        """Return arxiv-sanity-lite's TF-IDF of all papers, and its transform of other texts."""
        if self._plain is None:
            from sklearn.feature_extraction.text import TfidfVectorizer

            texts = [f"{d.title} {d.abstract}" for d in self.collection.documents]
            vectorizer = TfidfVectorizer(
                max_features=20_000,
                ngram_range=(1, 2),
                min_df=min(5, len(texts)),
                max_df=0.1 if len(texts) >= 50 else 1.0,
                sublinear_tf=True,
                stop_words="english",
                dtype=np.float32,
            )
            self._plain = vectorizer.fit_transform(texts), vectorizer.transform
        return self._plain


def random_method(prepared: Prepared) -> Method:
    """Rank by chance."""
    total = len(prepared.collection.documents)

    def score(task: Task) -> Floats:
        seed = zlib.crc32(repr((task.name, task.likes)).encode())
        return np.random.RandomState(seed).permutation(total)[task.rest].astype(np.float64)

    return score


def bm25_method(prepared: Prepared) -> Method:
    """BM25 (Robertson and Zaragoza 2009) with the written terms and the liked titles as query."""
    space, vectors = prepared.space, prepared.vectors

    def score(task: Task) -> Floats:
        query = np.zeros(space.columns)
        texts = [*task.terms, *(prepared.collection.documents[i].title for i in task.likes)]
        for text in texts:
            for term in text_terms(text):
                column = space.column(term)
                if column is not None and " " not in term:
                    query[column] += 1.0
        return np.asarray(vectors.bm25[task.rest] @ query, dtype=np.float64)

    return score


def rocchio_method(prepared: Prepared) -> Method:
    """Rocchio (1971) on TF-IDF: the query, 0.75 of the likes' mean, less 0.15 of the dislikes'."""
    space, vectors = prepared.space, prepared.vectors

    def score(task: Task) -> Floats:
        query = space.transform([Document("query", " ; ".join(task.terms))]).tfidf
        wanted = np.asarray(query.todense(), dtype=np.float64).ravel()
        for rows, factor in ((task.likes, 0.75), (task.dislikes, -0.15)):
            if rows:
                mean = np.asarray(vectors.tfidf[list(rows)].mean(axis=0), dtype=np.float64)
                wanted += factor * mean.ravel()
        return np.asarray(vectors.tfidf[task.rest] @ wanted, dtype=np.float64)

    return score


def sanity_method(prepared: Prepared) -> Method:
    """arxiv-sanity-lite's: a linear SVM on TF-IDF, every paper that is not liked a negative.

    It has no written profile: without votes it is its text search, the cosine with the terms.
    """
    from sklearn.svm import LinearSVC

    features, transform = prepared.plain

    def score(task: Task) -> Floats:
        from scipy.sparse import vstack

        rest = features[task.rest]
        if not task.likes:
            query = transform([" ".join(task.terms)])
            return np.asarray((rest @ query.T).toarray(), dtype=np.float64).ravel()
        likes = list(task.likes)
        x = vstack([features[likes], features[np.setdiff1d(task.pool, likes)]], format="csr")
        y = np.zeros(x.shape[0])
        y[: len(likes)] = 1
        svm = LinearSVC(class_weight="balanced", max_iter=10_000, tol=1e-6, C=0.01, random_state=0)
        svm.fit(x, y)
        return np.asarray(svm.decision_function(rest), dtype=np.float64)

    return score


def paperwire_method(prepared: Prepared) -> Method:
    """Ours; a sample of what has come in is the background."""
    space = prepared.space
    documents = prepared.collection.documents
    prepared.rows(np.arange(len(documents)))
    placed = np.zeros(len(documents))

    def score(task: Task) -> Floats:
        votes = [Vote(documents[i], "voter", 1.0, 0.0) for i in task.likes]
        votes += [Vote(documents[i], "voter", -1.0, 0.0) for i in task.dislikes]
        interest = Interest(terms=task.terms, votes=tuple(votes))
        model = fit(space, interest, prepared.background(task.pool))
        whole = task.pool if 2 * len(task.rest) > len(task.pool) else task.rest
        placed[whole] = model.score(prepared.rows(whole)).values
        return placed[task.rest]

    return score


METHODS: dict[str, Callable[[Prepared], Method]] = {
    "random": random_method,
    "bm25": bm25_method,
    "rocchio": rocchio_method,
    "arxiv-sanity-lite": sanity_method,
    "paperwire": paperwire_method,
}
