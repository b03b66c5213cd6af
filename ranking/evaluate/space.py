"""Training the space that ships with the package, and the rule for leaving it behind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ranking.document import Document
from ranking.vectors import Space

MOST_TERMS = 60_000
MOST_SVD_TERMS = 20_000
DIMENSIONS = 200


def read_documents(path: Path) -> Iterator[Document]:
    """Read papers from lines of JSON (``id``, ``title``, ``abstract``), gzipped or plain.

    Raises ``ValueError`` that names the file and the line where one is not a paper.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield Document(
                    id=str(row["id"]),
                    title=str(row["title"] or ""),
                    abstract=str(row.get("abstract") or ""),
                )
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"{path}, line {number}: not a paper ({error!r}); "
                    "each line must be a JSON object with id, title and abstract"
                ) from error


def train(files: Sequence[Path], out: Path) -> Space:
    """Fit a space on the papers of ``files`` and write it, quantised, to ``out``.

    Papers with the same id count once. The file holds words, weights and a basis, no text.
    """
    papers: dict[str, Document] = {}
    for file in files:
        for paper in read_documents(Path(file)):
            papers.setdefault(paper.id, paper)
    space = Space.fit(
        papers.values(),
        dimensions=DIMENSIONS,
        most_terms=MOST_TERMS,
        most_svd_terms=MOST_SVD_TERMS,
    )
    space.save(out, quantise=True)
    return Space.load(out)
