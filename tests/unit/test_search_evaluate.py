"""Measuring search on folders in BEIR form."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ranking.evaluate.search import FolderError, load, render, run

CORPUS = [
    {"_id": "a", "title": "Bees", "text": "Honey bees dance."},
    {"_id": "b", "title": "Ants", "text": "Ants march in lines."},
    {"_id": "c", "title": "Rain", "text": "Rain falls on bees."},
]
QUESTIONS = [{"_id": "1", "text": "Do bees dance?"}, {"_id": "2", "text": "marching ants"}]


def write(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "corpus.jsonl", CORPUS)
    write(tmp_path, "queries.jsonl", QUESTIONS)
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t2\n1\tc\t1\n2\tb\t1\n")
    return tmp_path


def test_every_method_is_measured_in_the_same_run(folder: Path) -> None:
    result = run(folder)
    assert list(result) == ["results"]
    assert list(result["results"]) == ["paperwire", "fts5", "bm25"]
    for values in result["results"].values():
        assert list(values) == ["ndcg@10", "recall@100", "mrr@10", "p50_ms", "p95_ms"]
        assert values["ndcg@10"] == pytest.approx(1.0)
        assert values["recall@100"] == pytest.approx(1.0)
    assert json.loads(json.dumps(result)) == result


def test_gain_falls_with_the_place(folder: Path) -> None:
    (folder / "qrels.tsv").write_text("1\tc\t1\n")
    values = run(folder, methods=["bm25"])["results"]["bm25"]
    assert values["ndcg@10"] == pytest.approx(0.6309, abs=1e-4)
    assert values["mrr@10"] == pytest.approx(0.5)


def test_zipped_files_and_split_judgements_are_read(folder: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    (folder / "qrels").mkdir()
    (folder / "qrels.tsv").rename(folder / "qrels" / "test.tsv")
    (folder / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\n2\ta\t1\n")
    assert load(folder).judgements == {"1": {"a": 2, "c": 1}, "2": {"b": 1}}


def test_judgements_in_four_columns_are_read(folder: Path) -> None:
    (folder / "qrels.tsv").write_text("1 0 a 1\n2 0 b 0\n2 0 nowhere 1\n")
    assert load(folder).judgements == {"1": {"a": 1}}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("corpus.jsonl", "{broken", "line 1"),
        ("corpus.jsonl", '{"title": "no id"}', "line 1"),
        ("qrels.tsv", "1\ta\t1\n1\tb\tmany\n", "line 2"),
        ("qrels.tsv", "1\ta\t0\n", "no question with a relevant text"),
    ],
)
def test_a_broken_folder_is_named_with_its_line(
    folder: Path, name: str, content: str, said: str
) -> None:
    (folder / name).write_text(content)
    with pytest.raises(FolderError, match=said):
        run(folder)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FolderError, match=name):
        run(folder)


def test_an_unknown_method_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match="magic is no search method"):
        run(folder, methods=["magic"])


def test_the_report_is_a_table_with_a_line_for_each_method(folder: Path) -> None:
    table = render(run(folder, methods=["fts5"])).splitlines()
    assert "ndcg@10" in table[0]
    assert table[1].startswith("fts5")


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("cranfield", 0.49),
        ("cacm", 0.525),
        # 5,183 papers and 809 claims take most of a minute.
        pytest.param("scifact", 0.715, marks=pytest.mark.soak),
    ],
)
def test_classic_collections_stay_where_they_are(
    shared_data: Path, name: str, least: float
) -> None:
    result = run(shared_data / "search" / name, methods=["paperwire", "fts5"])["results"]
    assert result["paperwire"]["ndcg@10"] >= least
    assert result["paperwire"]["ndcg@10"] >= result["fts5"]["ndcg@10"] + 0.015
    assert result["paperwire"]["recall@100"] >= result["fts5"]["recall@100"]
