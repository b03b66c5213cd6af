"""The TF-IDF space: fitted once over many papers, then only applied; saved without pickle."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ranking.document import Document
from ranking.text import terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    # scipy ships no types; a sparse row matrix of float32
    Sparse = Any

FORMAT = 1
TITLE_WEIGHT = 2
HASHED = 1 << 15  # columns for words the space has never met
K1, B = 1.2, 0.75
CACHED_ROWS = 5_000  # of papers read last; about 13 kB each
MOST_COUNTED = 2_000_000  # at a time, while fitting
MOST_TERMS = 200_000  # kept of a large corpus; the rarest pairs of words go first
MOST_SVD_TERMS = 40_000  # the basis covers the most frequent ones
MOST_SVD_DOCUMENTS = 20_000  # a sample of this size gives the same basis
_NOTHING = np.zeros(0, dtype=np.float32)
BUNDLED = Path(__file__).parent / "data" / "space.npz"


class SpaceFileError(ValueError):
    """A file that is not a saved space; the message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """``n`` papers in a space of ``t`` terms and ``d`` dimensions.

    ``tfidf`` (n, t) holds sparse rows of float32 of length 1, ``bm25`` (n, t) sparse columns of
    float32, since a query asks for few of them; ``svd`` (n, d) float64 rows have length 1 (or 0
    where a paper shares no term).
    """

    documents: tuple[Document, ...]
    tfidf: Sparse
    bm25: Sparse
    svd: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.documents)

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Vectors:
        """Return the vectors of these rows, in this order."""
        index = np.asarray(rows, dtype=np.intp)
        return Vectors(
            documents=tuple(self.documents[i] for i in index),
            tfidf=self.tfidf[index],
            bm25=self.bm25[index],
            svd=self.svd[index],
        )


def document_terms(document: Document) -> Counter[str]:
    """Return how often each term stands in the paper; the title counts twice."""
    counts = Counter(terms(document.abstract))
    for term in terms(document.title):
        counts[term] += TITLE_WEIGHT
    return counts


@dataclass(slots=True)
class _Row:
    columns: NDArray[np.int32]
    tfidf: Floats
    bm25: Floats
    svd: Floats | None = None


class Space:
    """Word weights and a truncated SVD over a corpus; immutable once made.

    The first ``len(basis)`` columns are the ones the basis covers; ``HASHED`` columns after the
    vocabulary hold words that the corpus never had, so that a new word still counts.
    """

    def __init__(
        self,
        *,
        vocabulary: Sequence[str],
        idf: NDArray[np.floating[Any]],
        basis: NDArray[np.floating[Any]],
        mean_length: float,
        documents: int,
    ) -> None:
        self.vocabulary = tuple(vocabulary)
        self.idf: Floats = np.ascontiguousarray(idf, dtype=np.float32)
        self.basis: Floats = np.ascontiguousarray(basis, dtype=np.float32)
        self.mean_length = float(mean_length)
        self.documents = int(documents)
        self._columns = {term: i for i, term in enumerate(self.vocabulary)}
        self._new_idf = float(math.log(1.0 + self.documents) + 1.0)
        self.cached_rows = CACHED_ROWS
        self._rows: OrderedDict[Document, _Row] = OrderedDict()
        self._lock = Lock()
        self.fingerprint = self._digest()

    @property
    def size(self) -> int:
        """The number of papers it was fitted on."""
        return self.documents

    @property
    def dimensions(self) -> int:
        return int(self.basis.shape[1])

    @property
    def columns(self) -> int:
        """The width of the sparse rows: the vocabulary and the hashed columns."""
        return len(self.vocabulary) + HASHED

    @classmethod
    def fit(
        cls,
        documents: Iterable[Document],
        *,
        dimensions: int = 200,
        seed: int = 0,
        most_terms: int = MOST_TERMS,
        most_svd_terms: int = MOST_SVD_TERMS,
    ) -> Space:
        """Learn word weights and the SVD basis from papers (Deerwester et al. 1990, LSA).

        A term must stand in two papers (in one, if the corpus has fewer than ten). Works on any
        corpus, one paper or none included.
        """
        papers = documents if isinstance(documents, Sequence) else tuple(documents)
        kept, df, mean_length = _vocabulary(papers, most_terms)
        bare = cls(
            vocabulary=kept,
            idf=np.log((1.0 + len(papers)) / (1.0 + df)) + 1.0,
            basis=np.zeros((0, 1)),
            mean_length=mean_length,
            documents=len(papers),
        )
        sample: Sequence[Document] = papers
        if len(papers) > MOST_SVD_DOCUMENTS:
            mixed = np.random.RandomState(seed).permutation(len(papers))
            sample = [papers[i] for i in np.sort(mixed[:MOST_SVD_DOCUMENTS])]
        covered = min(len(kept), most_svd_terms)
        rows = [bare._cached(document) for document in sample]
        basis = _decompose(bare._stack(rows)[:, :covered], dimensions, seed)
        fitted = cls(
            vocabulary=kept,
            idf=bare.idf,
            basis=basis,
            mean_length=mean_length,
            documents=len(papers),
        )
        # A paper's sparse row does not depend on the basis.
        fitted._rows = bare._rows
        return fitted

    def transform(self, documents: Sequence[Document]) -> Vectors:
        """Return the papers' vectors, one row each in the given order."""
        rows = [self._cached(document) for document in documents]
        new = [row for row in rows if row.svd is None]
        if new:
            for row, svd in zip(new, self._project(self._stack(new)), strict=True):
                row.svd = svd
        svd = np.zeros((len(rows), self.dimensions))
        for i, row in enumerate(rows):
            svd[i] = row.svd
        tfidf = self._stack(rows)
        bm25 = type(tfidf)(
            (np.concatenate([_NOTHING, *(row.bm25 for row in rows)]), tfidf.indices, tfidf.indptr),
            shape=tfidf.shape,
        )
        return Vectors(tuple(documents), tfidf, bm25.tocsc(), svd)

    def column(self, term: str) -> int | None:
        """Return the column of a stemmed term; a pair of words never met has none."""
        known = self._columns.get(term)
        if known is not None:
            return known
        if " " in term:
            return None
        return len(self.vocabulary) + zlib.crc32(term.encode()) % HASHED

    def weight(self, column: int) -> float:
        """Return the idf of a column."""
        return float(self.idf[column]) if column < len(self.idf) else self._new_idf

    def _cached(self, document: Document) -> _Row:
        with self._lock:
            row = self._rows.get(document)
        if row is None:
            row = self._row(document_terms(document))
            with self._lock:
                self._rows[document] = row
                if len(self._rows) > self.cached_rows:
                    self._rows.popitem(last=False)
        return row

    def _row(self, counts: Counter[str]) -> _Row:
        merged: dict[int, int] = {}
        for term, count in counts.items():
            column = self.column(term)
            if column is not None:
                merged[column] = merged.get(column, 0) + count
        columns = np.fromiter(sorted(merged), dtype=np.int32, count=len(merged))
        tf = np.fromiter((merged[c] for c in columns.tolist()), dtype=np.float64, count=len(merged))
        idf = np.full(len(columns), self._new_idf)
        known = columns < len(self.idf)
        idf[known] = self.idf[columns[known]]
        tfidf = (1.0 + np.log(tf)) * idf
        norm = float(np.sqrt(tfidf @ tfidf))
        if norm > 0:
            tfidf /= norm
        length = float(sum(counts.values())) / (self.mean_length or 1.0)
        bm25 = idf * tf * (K1 + 1.0) / (tf + K1 * (1.0 - B + B * length))
        return _Row(columns, tfidf.astype(np.float32), bm25.astype(np.float32))

    def _stack(self, rows: Sequence[_Row]) -> Sparse:
        from scipy.sparse import csr_matrix

        indptr = np.zeros(len(rows) + 1, dtype=np.int32)
        np.cumsum([len(row.columns) for row in rows], out=indptr[1:])
        indices = np.concatenate([np.zeros(0, np.int32), *(row.columns for row in rows)])
        values = np.concatenate([_NOTHING, *(row.tfidf for row in rows)])
        matrix = csr_matrix((values, indices, indptr), shape=(len(rows), self.columns), copy=False)
        matrix.has_sorted_indices = True
        matrix.has_canonical_format = True
        return matrix

    def _project(self, tfidf: Sparse) -> Floats:
        covered = len(self.basis)
        if covered == 0:
            return np.zeros((tfidf.shape[0], self.dimensions), dtype=np.float32)
        return _unit(np.asarray(tfidf[:, :covered] @ self.basis, dtype=np.float32))

    def save(self, path: Path | str, *, quantise: bool = False) -> None:
        """Write one array file; ``quantise`` compresses it, 8 bits for a number of the basis."""
        basis = self.basis
        steps = np.ones(self.dimensions, dtype=np.float32)
        if quantise:
            steps = np.maximum(np.abs(basis).max(axis=0, initial=0.0), 1e-12) / np.float32(127)
            basis = np.rint(basis / steps).astype(np.int8)
        text = "\n".join(self.vocabulary).encode()
        target = Path(path)
        part = target.with_name(target.name + ".part")
        with part.open("wb") as file:
            write = np.savez_compressed if quantise else np.savez
            write(
                file,
                format=np.array([FORMAT], dtype=np.int64),
                vocabulary=np.frombuffer(text, dtype=np.uint8),
                idf=self.idf.astype(np.float16) if quantise else self.idf,
                basis=basis,
                steps=steps,
                corpus=np.array([self.documents, self.mean_length], dtype=np.float64),
            )
        part.replace(target)

    @classmethod
    def load(cls, path: Path | str) -> Space:
        """Read a saved space; raises ``SpaceFileError`` where the file is none."""
        advice = "train it again with: paperwire train space FILE"
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if int(arrays["format"][0]) != FORMAT:
                    raise SpaceFileError(f"{path} was written in another format; {advice}")
                text = arrays["vocabulary"].tobytes().decode()
                basis = arrays["basis"]
                if basis.dtype == np.int8:
                    basis = basis.astype(np.float32) * arrays["steps"]
                documents, mean_length = arrays["corpus"].tolist()
                return cls(
                    vocabulary=text.split("\n") if text else [],
                    idf=arrays["idf"].astype(np.float32),
                    basis=basis,
                    mean_length=mean_length,
                    documents=int(documents),
                )
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            if isinstance(error, SpaceFileError):
                raise
            raise SpaceFileError(f"{path} is not a saved space ({error}); {advice}") from error

    @staticmethod
    def bundled() -> Space:
        """Return the space that ships with the package, read once per process."""
        return _bundled()

    def _digest(self) -> str:
        digest = hashlib.blake2b(digest_size=12)
        digest.update("\n".join(self.vocabulary).encode())
        for array in (self.idf, self.basis):
            digest.update(array.tobytes())
        digest.update(f"{FORMAT} {self.mean_length!r} {self.documents}".encode())
        return digest.hexdigest()


@lru_cache(maxsize=1)
def _bundled() -> Space:
    return Space.load(BUNDLED)


def _vocabulary(
    documents: Sequence[Document], most: int
) -> tuple[list[str], NDArray[np.float64], float]:
    """Return the terms most papers share, in how many each stands, and the mean paper's length.

    Above ``MOST_COUNTED`` terms the rarest are forgotten (lossy counting, Manku and Motwani 2002),
    so that memory stays bounded whatever the corpus; what is kept in the end is far from them.
    """
    frequency: Counter[str] = Counter()
    forgotten, length = 0, 0
    for document in documents:
        counts = document_terms(document)
        frequency.update(counts.keys())
        length += sum(counts.values())
        if len(frequency) > MOST_COUNTED:
            forgotten += 1
            frequency = Counter({t: n for t, n in frequency.items() if n > forgotten})
    least = 2 if len(documents) >= 10 else 1
    shared = [(-df, term) for term, df in frequency.items() if df >= least]
    kept = sorted(shared)[:most]
    df = np.array([-negative for negative, _ in kept], dtype=np.float64)
    return [term for _, term in kept], df, length / max(1, len(documents))


def _unit(rows: Floats) -> Floats:
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    norms[norms < 1e-12] = 1.0
    return np.ascontiguousarray(rows / norms[:, None], dtype=np.float32)


def _decompose(matrix: Sparse, dimensions: int, seed: int) -> Floats:
    """Return the (t, d) basis of the corpus's strongest directions, as many as it has."""
    rank = min(dimensions, *matrix.shape)
    if rank == 0 or matrix.nnz == 0:
        return np.zeros((0, 1), np.float32)
    from sklearn.utils.extmath import randomized_svd

    _, values, right = randomized_svd(matrix, rank, n_iter=4, random_state=seed)
    real = values > max(float(values[0]) * 1e-4, 1e-9)
    return np.ascontiguousarray(right[real].T, dtype=np.float32)
