"""Search beside plain FTS5 and tantivy, at 100,000 papers (bench) and 1,000,000 (soak)."""

from __future__ import annotations

import itertools
import json
import random
import re
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bot.services.complete import complete_title
from bot.services.search import refresh, search
from bot.store import Store
from tests.benchmarks.made import made_papers

NOW = datetime(2026, 6, 30, tzinfo=UTC)
ASKED = 200


def fill(store: Store, papers: Iterator[dict[str, object]]) -> None:
    for batch in _by(papers):
        with store.write() as connection:
            connection.executemany(
                "INSERT INTO papers (arxiv_id, title_key, author_key, title, abstract, raw_title,"
                " raw_abstract, authors, author_count, categories, published, first_seen_at,"
                " first_listed_on, changed_at)"
                " VALUES (?, ?, '', ?, ?, '', '', ?, ?, ?, ?, ?, ?, '')",
                [
                    (
                        p["id"], p["title"], p["title"], p["abstract"], json.dumps(p["authors"]),
                        len(str(p["authors"])), json.dumps(p["categories"]), p["listed"],
                        f"{p['listed']}T00:00:00Z", p["listed"],
                    )
                    for p in batch
                ],
            )  # fmt: skip
        refresh(store)


def _by(papers: Iterator[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    while batch := list(itertools.islice(papers, 8192)):
        yield batch


def questions(store: Store) -> list[str]:
    """Return what people type: two to six words of a title or of one sentence, one in ten typos."""
    dice = random.Random(11)
    with store.read() as connection:
        rows = connection.execute(
            "SELECT title, abstract FROM papers WHERE id % ? = 1 LIMIT ?",
            (max(1, _count(connection) // ASKED), ASKED),
        ).fetchall()
    typed = []
    for i, row in enumerate(rows):
        words = re.findall(r"[A-Za-z]{3,}", row["title"] if i % 2 else row["abstract"])
        start = dice.randrange(max(1, len(words) - 6))
        chosen = words[start : start + dice.randint(2, 6)]
        if i % 10 == 0 and len(chosen[0]) > 4:
            chosen[0] = chosen[0][0] + chosen[0][2] + chosen[0][1] + chosen[0][3:]
        typed.append(" ".join(chosen))
    return typed


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM papers").fetchone()[0])


def timed(asked: Sequence[str], answer: Callable[[str], object]) -> tuple[float, float, float]:
    """Return the median and the 95th percentile of a question's milliseconds, and of the work's.

    The third is processor time: on a machine that is busy with other things the clock tells of
    those, and nothing here waits for anything but the processor.
    """
    spent, worked = [], []
    for question in asked:
        started, idle = time.perf_counter(), time.process_time()
        answer(question)
        spent.append(1000 * (time.perf_counter() - started))
        worked.append(1000 * (time.process_time() - idle))
    return (
        float(np.percentile(spent, 50)),
        float(np.percentile(spent, 95)),
        float(np.percentile(worked, 95)),
    )


def fts5(store: Store, folder: Path) -> Callable[[str], object]:
    connection = sqlite3.connect(folder / "fts5.db")
    connection.execute(
        "CREATE VIRTUAL TABLE texts USING fts5 (title, body,"
        " tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    with store.read() as source, connection:
        connection.executemany(
            "INSERT INTO texts (rowid, title, body) VALUES (?, ?, ?)",
            map(tuple, source.execute("SELECT id, title, abstract FROM papers")),
        )

    def ask(question: str) -> object:
        match = " OR ".join(f'"{word}"' for word in question.split())
        return connection.execute(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY bm25(texts) LIMIT 10", (match,)
        ).fetchall()

    return ask


def tantivy(store: Store, folder: Path) -> Callable[[str], object]:
    engine = pytest.importorskip("tantivy")
    schema = engine.SchemaBuilder()
    schema.add_integer_field("id", stored=True)
    for name in ("title", "body"):
        schema.add_text_field(name, tokenizer_name="en_stem")
    (folder / "tantivy").mkdir()
    index = engine.Index(schema.build(), path=str(folder / "tantivy"))
    writer = index.writer(heap_size=128_000_000, num_threads=1)
    with store.read() as source:
        for row in source.execute("SELECT id, title, abstract FROM papers"):
            writer.add_document(engine.Document(id=row[0], title=row[1], body=row[2]))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(question: str) -> object:
        query = index.parse_query(question, ["title", "body"])
        return [searcher.doc(address) for _, address in searcher.search(query, 10).hits]

    return ask


def completions(asked: Sequence[str]) -> list[str]:
    """Return beginnings a person passes through while typing."""
    dice = random.Random(3)
    return [question[: dice.randint(1, len(question))] for question in asked]


def compare(stream: Path, folder: Path, total: int) -> dict[str, tuple[float, float, float]]:
    store = Store(folder / "paperwire.db")
    started = time.perf_counter()
    fill(store, made_papers(stream, total))
    with store.read() as connection:
        connection.execute("ANALYZE")
    size = (folder / "paperwire.db").stat().st_size / 1e6
    print(f"\n{total:,} papers filed in {time.perf_counter() - started:.0f} s, {size:,.0f} MB")
    asked = questions(store)

    def ask(question: str) -> object:
        return search(store, question, channel_id=None, person=None, now=NOW)

    ask(asked[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {"paperwire": timed(asked[1:], ask)}
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {after / 1024:,.0f} MB, {(after - before) / 1024:,.0f} MB by searching")
    figures["completion"] = timed(completions(asked), lambda t: complete_title(store, t))
    for name, make in (("fts5", fts5), ("tantivy", tantivy)):
        figures[name] = timed(asked[1:], make(store, folder))
    for name, (middle, high, work) in figures.items():
        print(f"{name:<12} p50 {middle:7.1f} ms   p95 {high:7.1f} ms   of work {work:7.1f} ms")
    store.close()
    return figures


def _stream(shared_data: Path) -> Path:
    return next((shared_data / "arxiv_stream").glob("*.jsonl.gz"))


@pytest.mark.benchmark
def test_search_over_a_hundred_thousand_papers(shared_data: Path, tmp_path: Path) -> None:
    assert compare(_stream(shared_data), tmp_path, 100_000)


@pytest.mark.soak
def test_search_over_a_million_papers(shared_data: Path, tmp_path: Path) -> None:
    assert compare(_stream(shared_data), tmp_path, 1_000_000)
