"""A collection of papers and judged profiles, in the form that anyone can bring."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ranking.document import Document

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORM = (
    "a collection is a folder with docs.jsonl.gz (id, title, abstract) and profiles.jsonl.gz "
    "(id, query, keywords, pos, pool)"
)


class CollectionError(ValueError):
    """A folder that is no collection; the message names the file, the reason and the form."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One profile: what it asks for, which papers it likes, and among which (None: all)."""

    id: str
    terms: tuple[str, ...]
    liked: frozenset[str]
    pool: tuple[str, ...] | None = None
    grades: dict[str, float] = field(default_factory=dict)
    seed: str | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """Papers in file order, their times (None where the file has none) and the profiles."""

    name: str
    documents: tuple[Document, ...]
    times: tuple[str | float | None, ...]
    profiles: tuple[Judged, ...]

    def row_of(self) -> dict[str, int]:
        return {document.id: i for i, document in enumerate(self.documents)}

    def pool_rows(self, profile: Judged) -> list[int]:
        """Return the rows of the profile's pool in pool order, without its seed paper."""
        rows = self.row_of()
        ids = (d.id for d in self.documents) if profile.pool is None else profile.pool
        return [rows[i] for i in dict.fromkeys(ids) if i in rows and i != profile.seed]


def read_collection(folder: Path) -> Collection:
    """Read ``docs.jsonl[.gz]`` and ``profiles.jsonl[.gz]``; raises ``CollectionError``."""
    documents: dict[str, Document] = {}
    times: dict[str, str | float | None] = {}
    for row in _rows(folder, "docs"):
        paper = Document(
            id=str(row["id"]),
            title=_text(row.get("title")),
            abstract=_text(row.get("abstract")),
            authors=_texts(row.get("authors")),
            categories=_texts(row.get("categories")),
        )
        documents[paper.id] = paper
        times[paper.id] = _time(row)
    profiles = tuple(_profile(row) for row in _rows(folder, "profiles"))
    if not documents or not profiles:
        raise CollectionError(f"{folder} has no {'profiles' if documents else 'papers'}; {FORM}")
    return Collection(
        folder.resolve().name, tuple(documents.values()), tuple(times.values()), profiles
    )


def _rows(folder: Path, stem: str) -> Iterator[dict[str, object]]:
    for name in (f"{stem}.jsonl.gz", f"{stem}.jsonl"):
        path = folder / name
        if path.is_file():
            break
    else:
        raise CollectionError(f"{folder} has no {stem}.jsonl.gz; {FORM}")
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict) or row.get("id") is None:
                    raise CollectionError(f"{path}, line {number}: no object with an id; {FORM}")
                yield row
    except (OSError, EOFError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CollectionError(f"{path} cannot be read ({error}); {FORM}") from error


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(v) for v in value if v) if isinstance(value, (list, tuple)) else ()


def _time(row: dict[str, object]) -> str | float | None:
    for key in ("date", "order", "year"):
        value = row.get(key)
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, str) and value:
            return value
    return None


def _profile(row: dict[str, object]) -> Judged:
    query = _text(row.get("query")).strip()
    grades = row.get("grades")
    pool = row.get("pool")
    seed = row.get("seed")
    return Judged(
        id=str(row["id"]),
        terms=tuple(t for t in (query, *_texts(row.get("keywords"))) if t.strip()),
        liked=frozenset(_texts(row.get("pos"))),
        pool=None if pool is None else _texts(pool),
        grades={str(k): float(v) for k, v in grades.items()} if isinstance(grades, dict) else {},
        seed=None if seed is None else str(seed),
    )


@dataclass(frozen=True, slots=True)
class Draw:
    """The votes of one profile, seed and k, and what is left to rank; rows of the collection."""

    likes: tuple[int, ...]
    dislikes: tuple[int, ...]
    rest: NDArray[np.intp]
    gains: NDArray[np.float64]  # of the rest, for nDCG
    relevant: NDArray[np.bool_]  # of the rest


def draw(collection: Collection, profile: Judged, k: int, seed: int) -> Draw | None:
    """Return the votes and the rest, or None where fewer than 5 liked papers are left.

    The seed paper, if any, is the first like and is never ranked. ``k`` likes and ``k`` dislikes
    are the first of one shuffle for each profile and seed, so that a smaller k is nested.
    """
    documents = collection.documents
    pool = collection.pool_rows(profile)
    likes = [i for i in pool if documents[i].id in profile.liked]
    others = [i for i in pool if documents[i].id not in profile.liked]
    random = np.random.RandomState(zlib.crc32(f"{profile.id}:{seed}".encode()))
    random.shuffle(likes)
    random.shuffle(others)
    row_of = collection.row_of()
    if profile.seed is not None and profile.seed in row_of:
        likes.insert(0, row_of[profile.seed])
    voted_for, voted_against = likes[:k], others[:k]
    gone = {*voted_for, *voted_against}
    rest = np.array([i for i in pool if i not in gone], dtype=np.intp)
    relevant = np.array([documents[i].id in profile.liked for i in rest], dtype=bool)
    if int(relevant.sum()) < 5:
        return None
    gains = relevant.astype(np.float64)
    if profile.seed is not None and profile.grades:
        gains = np.array([profile.grades.get(documents[i].id, 0.0) for i in rest])
    return Draw(tuple(voted_for), tuple(voted_against), rest, gains, relevant)


def best_first(
    scores: Sequence[float] | NDArray[np.float64], rows: NDArray[np.intp], total: int
) -> NDArray[np.intp]:
    """Return positions in ``scores``, best first; ties follow one permutation of all rows."""
    tie = np.random.RandomState(0).permutation(total)
    return np.lexsort((tie[rows], -np.asarray(scores, dtype=np.float64)))
