"""Measuring and training summaries: figures held, files refused, training repeated."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ranking.evaluate import summary
from ranking.summary import choose, load_model
from ranking.summary_reading import Stems, read

SORTERS = [
    {
        "title": f"A sorter of {thing}",
        "source": [
            f"Many people sort {thing}.",
            f"We propose a fast machine that sorts {thing} by {how}.",
            f"It errs {how} less than people do, and {thing} stay whole.",
        ],
        "target": [f"We propose a machine that sorts {thing}."],
    }
    for thing in ("letters", "parcels", "stones", "shells", "coins", "seeds")
    for how in ("weight", "colour")
]


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "train.jsonl", SORTERS[:9])
    write(tmp_path / "dev.jsonl", SORTERS[9:])
    return tmp_path


def test_our_figures_on_the_development_part_hold(shared_data: Path) -> None:
    result = summary.run(shared_data / "summary" / "dev.jsonl.gz")
    ours = result["results"]["paperwire"]
    assert ours["rouge1"] >= 42.0
    assert ours["rouge2"] >= 20.9
    assert ours["rougeL"] >= 34.1
    assert 18 <= ours["words"] <= 26
    assert result["results"]["oracle"]["rouge1"] == pytest.approx(47.8, abs=0.1)
    for other in ("lead", "textrank", "centroid"):
        assert ours["rouge1"] > result["results"][other]["rouge1"] + 5
    assert 0 < result["ms_per_abstract"] < 30  # the benchmark holds the real bound


def test_report_has_every_method_and_nothing_else(folder: Path) -> None:
    result = summary.run(folder / "dev.jsonl")
    assert set(result) == {"results", "ms_per_abstract"}
    assert list(result["results"]) == list(summary.METHODS)
    for row in result["results"].values():
        assert set(row) == {"rouge1", "rouge2", "rougeL", "words"}
    table = summary.render(result)
    assert all(method in table for method in summary.METHODS)
    assert "ms an abstract" in table


def test_methods_can_be_chosen(folder: Path) -> None:
    said: list[str] = []
    result = summary.run(folder / "dev.jsonl", methods=["lead"], progress=said.append)
    assert list(result["results"]) == ["lead"]
    assert said == ["lead: 3 abstracts"]
    with pytest.raises(ValueError, match="bert is no summary method; known are paperwire"):
        summary.run(folder / "dev.jsonl", methods=["bert"])


def test_oracle_and_lead_score_as_counted_by_hand(tmp_path: Path) -> None:
    row = {"source": ["One two three four.", "Five six."], "target": ["Five six seven eight"]}
    result = summary.run(write(tmp_path / "x.jsonl", [row]), methods=["lead", "oracle"])
    assert result["results"]["lead"] == {"rouge1": 0, "rouge2": 0, "rougeL": 0, "words": 4}
    oracle = result["results"]["oracle"]
    assert oracle["rouge1"] == pytest.approx(100 * 4 / 6)
    assert oracle["rouge2"] == pytest.approx(100 * 2 / 4)
    assert oracle["words"] == 2


def test_source_and_target_may_be_plain_text_and_the_file_packed(tmp_path: Path) -> None:
    row = {"source": "We sort letters. It is fast.", "target": "We sort letters."}
    packed = tmp_path / "x.jsonl.gz"
    packed.write_bytes(gzip.compress((json.dumps(row) + "\n\n").encode()))
    assert summary.run(packed)["results"]["lead"]["rouge1"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no paper"),
        (b"\n\n", "holds no paper"),
        (b"{", "cannot be read"),
        (b"[1]", "line 1, is no object"),
        (b'{"source": ["a"]}', "line 1, has no target"),
        (b'{"source": [], "target": ["a"]}', "line 1, has no source"),
        (b'{"source": [3, null], "target": ["a"]}', "line 1, has no source"),
        (b'{"source": "a", "target": "b"}\n{"source": "a", "target": 4}', "line 2, has no target"),
        (b"\xff\xfe{}", "cannot be read"),
        (b"\x1f\x8bnot really packed", "cannot be read"),
    ],
)
def test_wrong_file_is_refused_with_place_and_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "wrong.jsonl"
    file.write_bytes(content)
    with pytest.raises(summary.SummaryFileError, match=reason):
        summary.run(file)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(summary.SummaryFileError, match=r"nowhere\.jsonl cannot be read"):
        summary.run(tmp_path / "nowhere.jsonl")
    with pytest.raises(summary.SummaryFileError, match=r"neither train\.jsonl\.gz nor"):
        summary.train(tmp_path, tmp_path / "out.txt")


def test_training_learns_writes_its_figures_and_repeats_itself(folder: Path) -> None:
    first, second = folder / "first.txt", folder / "second.txt"
    said: list[str] = []
    result = summary.train(folder, first, progress=said.append)
    summary.train(folder, second)
    assert first.read_bytes() == second.read_bytes()
    assert "Trained by: paperwire train summary DIR" in first.read_text("utf-8")
    assert "On 3 papers of the development part: ROUGE-1/2/L" in first.read_text("utf-8")
    assert result["results"]["paperwire"]["rouge1"] > 50
    assert said
    abstract = read(" ".join(SORTERS[11]["source"]), "", Stems())
    assert choose(abstract, load_model(first)).startswith("We propose a fast machine")


def test_training_without_a_development_part_says_so(folder: Path) -> None:
    (folder / "dev.jsonl").unlink()
    out = folder / "out.txt"
    assert summary.train(folder, out)["results"] == {}
    assert "Not measured" in out.read_text("utf-8")


def test_training_on_hardly_anything_does_not_fail(tmp_path: Path) -> None:
    rows = [{"source": "...", "target": "a"}, {"source": "One.", "target": "b"}]
    write(tmp_path / "train.jsonl", rows)
    summary.train(tmp_path, tmp_path / "out.txt")
    assert load_model(tmp_path / "out.txt").expected > 0


@pytest.mark.soak
def test_training_again_gives_the_weights_of_the_package(shared_data: Path, tmp_path: Path) -> None:
    from importlib.resources import files

    out = tmp_path / "summary.txt"
    result = summary.train(shared_data / "summary", out)
    assert out.read_bytes() == files("ranking").joinpath("data/summary.txt").read_bytes()
    assert result["results"]["paperwire"]["rouge1"] >= 42.0
