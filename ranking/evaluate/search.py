"""Search measured on a folder in BEIR form, beside plain FTS5 and plain BM25."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ranking.postings import NONE, MemoryCollection, Text, gather
from ranking.query import Query, Terms
from ranking.search import Collection, find
from ranking.text import stems

Report = dict[str, dict[str, dict[str, float]]]
Progress = Callable[[str], None]
DEPTH = 100
_WORD = re.compile(r"\w+")
SPLITS = ("test", "dev", "train")


class FolderError(ValueError):
    """A folder that is not in BEIR form; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A test collection: texts numbered from 0, their names, questions, and graded judgements."""

    texts: tuple[Text, ...]
    names: tuple[str, ...]
    questions: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]


Method = Callable[[str], Sequence[int]]


def run(
    folder: Path,
    *,
    methods: Sequence[str] | None = None,
    progress: Progress | None = None,
    build: Callable[[Sequence[Text]], Collection] = MemoryCollection,
) -> Report:
    """Measure the methods (all by default) on the judged questions of a folder.

    ``build`` makes the collection that ``paperwire`` searches; the bot passes its own store.
    nDCG is with linear gains, as trec_eval has it; times are per question in milliseconds.
    Raises FolderError where the folder cannot be read, ValueError for a method it does not know.
    """
    makers: dict[str, Callable[[Judged], Method]] = {
        "paperwire": lambda judged: _paperwire(build(judged.texts)),
        "fts5": _fts5,
        "bm25": _bm25,
    }
    chosen = list(methods or makers)
    unknown = sorted(set(chosen) - set(makers))
    if unknown:
        raise ValueError(f"{unknown[0]} is no search method; known are {', '.join(makers)}")
    judged = load(folder)
    results = {}
    for name in chosen:
        if progress:
            progress(f"{name}: {len(judged.texts):,} texts, {len(judged.judgements):,} questions")
        results[name] = measure(judged, makers[name](judged))
    return {"results": results}


def measure(judged: Judged, method: Method) -> dict[str, float]:
    """Ask every judged question; return the means over them and the spread of the times."""
    ndcg, recall, reciprocal, spent = [], [], [], []
    for name, judgements in judged.judgements.items():
        started = time.perf_counter()
        ranked = [judged.names[i] for i in method(judged.questions[name])[:DEPTH]]
        spent.append(1000 * (time.perf_counter() - started))
        relevant = {text for text, grade in judgements.items() if grade > 0}
        ndcg.append(_ndcg(ranked[:10], judgements))
        recall.append(len(relevant.intersection(ranked)) / len(relevant))
        first = next((i for i, text in enumerate(ranked[:10], 1) if text in relevant), None)
        reciprocal.append(1.0 / first if first else 0.0)
    return {
        "ndcg@10": float(np.mean(ndcg)),
        "recall@100": float(np.mean(recall)),
        "mrr@10": float(np.mean(reciprocal)),
        "p50_ms": float(np.percentile(spent, 50)),
        "p95_ms": float(np.percentile(spent, 95)),
    }


def render(result: Report) -> str:
    """Return the report as a table of plain text."""
    columns = ("ndcg@10", "recall@100", "mrr@10", "p50_ms", "p95_ms")
    rows = [f"{'':<10}" + "".join(f"{name:>12}" for name in columns)]
    for method, values in result["results"].items():
        cells = (f"{values[name]:>12.{1 if name.endswith('ms') else 4}f}" for name in columns)
        rows.append(f"{method:<10}" + "".join(cells))
    return "\n".join(rows)


def load(folder: Path) -> Judged:
    """Read ``corpus.jsonl``, ``queries.jsonl`` (either may be .gz) and the judgements.

    Judgements are ``qrels.tsv``, or the test, else dev, else train part under ``qrels/``; with or
    without a heading, in three columns (BEIR) or four (TREC). Raises FolderError.
    """
    texts: list[Text] = []
    names: list[str] = []
    for row in _rows(_one_of(folder, "corpus.jsonl")):
        names.append(str(row["_id"]))
        title, body = str(row.get("title") or ""), str(row.get("text") or "")
        texts.append(Text(len(texts), title, body))
    questions = {
        str(row["_id"]): str(row.get("text") or "")
        for row in _rows(_one_of(folder, "queries.jsonl"))
    }
    judgements: dict[str, dict[str, int]] = {}
    known = set(names)
    for question, text, grade in _judgements(folder):
        if question in questions and text in known:
            judgements.setdefault(question, {})[text] = grade
    judged = {name: grades for name, grades in judgements.items() if max(grades.values()) > 0}
    if not judged:
        raise FolderError(f"{folder} has no question with a relevant text; check its qrels.")
    return Judged(tuple(texts), tuple(names), questions, judged)


def _one_of(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise FolderError(f"{folder} has neither {name} nor {name}.gz; a folder in BEIR form has one.")


def _rows(path: Path) -> Iterator[dict[str, object]]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            row["_id"]
        except (ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{path}, line {number}, is no JSON object with an _id.") from error
        yield row


def _lines(path: Path) -> Iterator[str]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8") as file:
                yield from file
        else:
            with path.open(encoding="utf-8") as file:
                yield from file
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise FolderError(f"{path} cannot be read ({error}).") from error


def _judgements(folder: Path) -> Iterator[tuple[str, str, int]]:
    places = [folder / "qrels.tsv", *(folder / "qrels" / f"{name}.tsv" for name in SPLITS)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise FolderError(f"{folder} has neither qrels.tsv nor qrels/test.tsv.")
    for number, line in enumerate(_lines(path), 1):
        cells = line.split()
        if not cells:
            continue
        try:
            # TREC has a column of zeros in second place.
            yield cells[0], cells[-2], int(float(cells[-1]))
        except (ValueError, IndexError) as error:
            if number > 1:
                raise FolderError(f"{path}, line {number}, is no judgement: {line!r}.") from error


def _ndcg(ranked: Sequence[str], judgements: Mapping[str, int]) -> float:
    def gain(grades: Iterable[int]) -> float:
        return float(sum(max(0, grade) / np.log2(i + 2) for i, grade in enumerate(grades)))

    best = gain(sorted(judgements.values(), reverse=True)[:10])
    return gain(judgements.get(text, 0) for text in ranked) / best


def _paperwire(collection: Collection) -> Method:
    def ask(question: str) -> Sequence[int]:
        # A test collection's questions are sentences, not the search box's grammar.
        query = Query(text=question, find=Terms(words=tuple(question.split())))
        return find(collection, query, depth=DEPTH).papers

    return ask


def _fts5(judged: Judged) -> Method:
    """SQLite FTS5 as it comes: porter stemming, all words quoted and joined with OR, bm25()."""
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE texts USING fts5 (title, body,"
        " tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    connection.executemany(
        "INSERT INTO texts (rowid, title, body) VALUES (?, ?, ?)",
        [(text.paper, text.title, text.abstract) for text in judged.texts],
    )

    def ask(question: str) -> Sequence[int]:
        match = " OR ".join(f'"{word}"' for word in dict.fromkeys(_WORD.findall(question)))
        if not match:
            return ()
        rows = connection.execute(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY bm25(texts), rowid LIMIT ?",
            (match, DEPTH),
        )
        return [row[0] for row in rows]

    return ask


def _bm25(judged: Judged) -> Method:
    """Textbook BM25 (k1 1.2, b 0.75) over title and text as one field."""
    joined = [Text(t.paper, "", f"{t.title} {t.abstract}") for t in judged.texts]
    lists, found = gather(joined)
    lengths = np.array([found[text.paper] for text in judged.texts], np.float64)
    norms = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())

    def ask(question: str) -> Sequence[int]:
        scores = np.zeros(len(lengths))
        for stem in stems(question):
            one = lists.get(stem, NONE)
            held = len(one)
            idf = np.log(1.0 + (len(lengths) - held + 0.5) / (held + 0.5))
            counts = one.counts.astype(np.float64)
            scores[one.papers] += idf * counts * 2.2 / (counts + norms[one.papers])
        order = np.lexsort((np.arange(len(scores)), -scores))[:DEPTH]
        return [int(i) for i in order if scores[i] > 0]

    return ask
