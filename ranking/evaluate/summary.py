"""Summaries measured against the authors' own, beside the sentence-picking classics.

A file holds one JSON object a line (gzip or not): ``source`` (the abstract, as a list of sentences
or as one string), ``target`` (one summary or several), and where known ``title``.
"""

from __future__ import annotations

import gzip
import json
import math
import statistics
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from ranking.evaluate import rouge
from ranking.sentences import split_sentences
from ranking.summary import Model, choose, default_model, parse_model, summarise, written_model
from ranking.summary_cues import STOP_WORDS
from ranking.summary_reading import Stems, read

METHODS = ("paperwire", "lead", "textrank", "centroid", "oracle")
FORM = "it should hold one JSON object a line with 'source' and 'target'"

_DAMPING = 0.85

Progress = Callable[[str], None]


class SummaryFileError(ValueError):
    """A file or folder that is not in the form above; the message says where and why."""


class Figures(TypedDict):
    """F1 between 0 and 100, averaged over papers, and the mean number of words."""

    rouge1: float
    rouge2: float
    rougeL: float
    words: float


class Report(TypedDict):
    """Figures by method, and the median time of one of our summaries in milliseconds."""

    results: dict[str, Figures]
    ms_per_abstract: float


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper with its abstract's sentences and the summaries people wrote."""

    title: str
    sentences: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def abstract(self) -> str:
        """The abstract as one string, as a source would bring it."""
        return " ".join(self.sentences)


def run(
    file: Path, *, methods: Sequence[str] | None = None, progress: Progress | None = None
) -> Report:
    """Measure the methods (all by default) on every paper of ``file``.

    ROUGE-1, ROUGE-2 and ROUGE-L are F1 times 100, stemmed, against the reference with the best
    ROUGE-1. Ours is given the abstract as one string and the title; the others the file's own
    sentences, of which they pick one. ``oracle`` picks the sentence with the best ROUGE-1.
    Raises SummaryFileError where the file cannot be read, ValueError for an unknown method.
    """
    chosen = list(methods or METHODS)
    unknown = sorted(set(chosen) - set(METHODS))
    if unknown:
        raise ValueError(f"{unknown[0]} is no summary method; known are {', '.join(METHODS)}")
    papers = load(file)
    default_model()  # read before the clock starts
    results: dict[str, Figures] = {}
    spent = []
    pick: dict[str, Callable[[Paper], str]] = {
        "lead": _lead,
        "textrank": textrank,
        "centroid": _Centroid(papers),
        "oracle": _oracle,
    }
    for method in chosen:
        if progress:
            progress(f"{method}: {len(papers):,} abstracts")
        if method == "paperwire":
            summaries = []
            for paper in papers:
                started = time.perf_counter()
                summaries.append(summarise(paper.abstract, paper.title))
                spent.append(1000 * (time.perf_counter() - started))
        else:
            summaries = [pick[method](paper) for paper in papers]
        results[method] = measure(papers, summaries)
    return {"results": results, "ms_per_abstract": statistics.median(spent) if spent else 0.0}


def render(result: Report) -> str:
    """Return the report as a table of plain text."""
    lines = [f"{'':<12}{'ROUGE-1':>9}{'ROUGE-2':>9}{'ROUGE-L':>9}{'words':>9}"]
    for method, row in result["results"].items():
        cells = (row["rouge1"], row["rouge2"], row["rougeL"], row["words"])
        lines.append(f"{method:<12}" + "".join(f"{cell:>9.1f}" for cell in cells))
    if "paperwire" in result["results"]:
        lines.append(f"{result['ms_per_abstract']:.2f} ms an abstract (median)")
    return "\n".join(lines)


def measure(papers: Sequence[Paper], summaries: Sequence[str]) -> Figures:
    """Score one summary a paper."""
    rows = []
    for paper, summary in zip(papers, summaries, strict=True):
        references = [rouge.tokens(target) for target in paper.targets]
        rows.append((*rouge.best(references, rouge.tokens(summary)), len(summary.split()) / 100))
    one, two, longest, words = (
        100 * math.fsum(column) / len(rows) for column in zip(*rows, strict=True)
    )
    return {"rouge1": one, "rouge2": two, "rougeL": longest, "words": words}


def train(folder: Path, out: Path, *, progress: Progress | None = None) -> Report:
    """Learn from the folder's ``train.jsonl[.gz]`` alone and write the weights to ``out``.

    Where the folder has ``dev.jsonl[.gz]`` the new weights are measured on it, and the figures
    stand in the file; the same folder gives the same file. Returns those figures under
    ``paperwire`` (no result without a development part).
    """
    from ranking.evaluate.summary_training import fit, make_example

    part = _part(folder, "train")
    if part is None:
        raise SummaryFileError(f"{folder} has neither train.jsonl.gz nor train.jsonl; {FORM}")
    papers = load(part)
    stems = Stems()
    model = fit(
        [
            [
                make_example(paper.abstract, title, paper.targets, stems)
                for title in (paper.title, "")
            ]
            for paper in papers
        ],
        progress,
    )
    remarks = [
        "Trained by: paperwire train summary DIR",
        f"On: {len(papers)} papers of the training part, each with and without its title",
    ]
    results: dict[str, Figures] = {}
    median = 0.0
    part = _part(folder, "dev")
    if part is None:
        remarks.append("Not measured: the folder had no development part")
    else:
        development = load(part)
        results["paperwire"], median = _measure_model(model, development, stems)
        figures = results["paperwire"]
        remarks.append(
            f"On {len(development)} papers of the development part: ROUGE-1/2/L"
            f" {figures['rouge1']:.1f} / {figures['rouge2']:.1f} / {figures['rougeL']:.1f},"
            f" {figures['words']:.1f} words"
        )
    text = written_model(model, remarks)
    parse_model(text)
    out.write_text(text, "utf-8", newline="\n")
    return {"results": results, "ms_per_abstract": median}


def _measure_model(model: Model, papers: Sequence[Paper], stems: Stems) -> tuple[Figures, float]:
    summaries, spent = [], []
    for paper in papers:
        started = time.perf_counter()
        summaries.append(choose(read(paper.abstract, paper.title, stems), model))
        spent.append(1000 * (time.perf_counter() - started))
    return measure(papers, summaries), statistics.median(spent)


# --- the file -------------------------------------------------------------------------------------


def load(file: Path) -> list[Paper]:
    """Return the papers of a file; raises SummaryFileError naming the line that is wrong."""
    papers = [_paper(file, number, row) for number, row in _rows(file)]
    if not papers:
        raise SummaryFileError(f"{file} holds no paper; {FORM}")
    return papers


def _part(folder: Path, name: str) -> Path | None:
    for candidate in (folder / f"{name}.jsonl.gz", folder / f"{name}.jsonl"):
        if candidate.is_file():
            return candidate
    return None


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        content = file.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        for number, line in enumerate(content.splitlines(), 1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise SummaryFileError(f"{file}, line {number}, is no object; {FORM}")
                yield number, row
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        if isinstance(error, SummaryFileError):
            raise
        raise SummaryFileError(f"{file} cannot be read ({error}); {FORM}") from error


def _paper(file: Path, number: int, row: Mapping[str, object]) -> Paper:
    source, target, title = row.get("source"), row.get("target"), row.get("title")
    sentences = split_sentences(source) if isinstance(source, str) else _texts(source)
    targets = [target] if isinstance(target, str) else _texts(target)
    if not sentences or not targets:
        missing = "target" if sentences else "source"
        raise SummaryFileError(f"{file}, line {number}, has no {missing}; {FORM}")
    return Paper(title if isinstance(title, str) else "", tuple(sentences), tuple(targets))


def _texts(value: object) -> list[str]:
    rows = value if isinstance(value, list) else []
    return [one for one in rows if isinstance(one, str) and one.strip()]


# --- the others -----------------------------------------------------------------------------------


def _lead(paper: Paper) -> str:
    return paper.sentences[0]


def _oracle(paper: Paper) -> str:
    references = [rouge.tokens(target) for target in paper.targets]
    scores = [rouge.best(references, rouge.tokens(one)).rouge1 for one in paper.sentences]
    return paper.sentences[scores.index(max(scores))]


def _content(sentence: str) -> list[str]:
    return [token for token in rouge.tokens(sentence) if token not in STOP_WORDS]


def textrank(paper: Paper) -> str:
    """Pick by TextRank: shared words over the sum of log lengths (Mihalcea and Tarau, 2004)."""
    bags = [Counter(_content(sentence)) for sentence in paper.sentences]
    total = len(bags)
    edges = np.zeros((total, total))
    for i, left in enumerate(bags):
        for j, right in enumerate(bags[:i]):
            size = math.log(max(left.total(), 1)) + math.log(max(right.total(), 1))
            edges[i, j] = edges[j, i] = (left & right).total() / size if size else 0.0
    out = edges.sum(axis=1)
    flow = edges / np.where(out > 0, out, 1.0)[:, None]
    rank = np.full(total, 1 / total)
    for _ in range(100):
        following = (1 - _DAMPING) / total + _DAMPING * (rank @ flow)
        if np.abs(following - rank).max() < 1e-9:
            break
        rank = following
    return paper.sentences[int(rank.argmax())]


class _Centroid:
    """Picks the sentence nearest to the abstract's TF-IDF centroid, idf from the file itself."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        found = Counter(token for paper in papers for token in set(_content(paper.abstract)))
        self._idf = {token: math.log(1 + len(papers) / count) for token, count in found.items()}

    def __call__(self, paper: Paper) -> str:
        vectors = [self._vector(sentence) for sentence in paper.sentences]
        whole: dict[str, float] = {}
        for vector in vectors:
            norm = math.sqrt(math.fsum(value * value for value in vector.values())) or 1.0
            for token, value in vector.items():
                whole[token] = whole.get(token, 0.0) + value / norm
        scores = [_cosine(vector, whole) for vector in vectors]
        return paper.sentences[scores.index(max(scores))]

    def _vector(self, sentence: str) -> dict[str, float]:
        counts = Counter(_content(sentence))
        return {token: count * self._idf.get(token, 0.0) for token, count in counts.items()}


def _cosine(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    product = math.fsum(value * right.get(token, 0.0) for token, value in left.items())
    norm = math.sqrt(math.fsum(value * value for value in left.values()))
    return product / norm if norm else 0.0
