"""The protocol and the metrics by which ranking is judged."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranking.evaluate import few_shot, hand_over, online
from ranking.evaluate.collection import CollectionError, best_first, draw, read_collection
from ranking.evaluate.metrics import auc, average_precision, ndcg, recall

TOPICS = ("corals reef bleaching", "violin acoustics wood", "dune sand migration")


def write(folder: Path, **profile: Any) -> Path:
    folder.mkdir(exist_ok=True)
    docs = [
        {
            "id": f"d{i}",
            "title": f"{TOPICS[i % 3]} {i}",
            "abstract": f"{TOPICS[i % 3]} measured again {i % 5} w{i % 11}",
            "order": i,
        }
        for i in range(60)
    ]
    row = {
        "id": "p",
        "query": "violin",
        "keywords": ["acoustics"],
        "pos": [f"d{i}" for i in range(60) if i % 3 == 1],
        "pool": None,
        **profile,
    }
    for name, rows in (("docs", docs), ("profiles", [row])):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(r) + "\n" for r in rows)
    return folder


def test_metrics_of_a_known_ranking() -> None:
    relevant = np.array([True, False, True, False])
    assert average_precision(relevant) == pytest.approx((1 + 2 / 3) / 2)
    assert recall(relevant, 2) == 0.5
    assert auc(relevant) == pytest.approx(0.75)
    assert ndcg(relevant.astype(float)) == pytest.approx((1 + 0.5) / (1 + 1 / np.log2(3)))


def test_metrics_of_nothing_relevant() -> None:
    none = np.zeros(5, dtype=bool)
    assert average_precision(none) == recall(none) == ndcg(none.astype(float)) == 0.0
    assert auc(none) == 0.5


def test_ndcg_takes_grades() -> None:
    assert ndcg(np.array([1.0, 2.0])) < ndcg(np.array([2.0, 1.0])) == 1.0


def test_votes_are_the_first_of_one_shuffle_and_nested(tmp_path: Path) -> None:
    collection = read_collection(write(tmp_path / "c"))
    profile = collection.profiles[0]
    liked = [i for i in range(60) if i % 3 == 1]
    others = [i for i in range(60) if i % 3 != 1]
    mixed = np.random.RandomState(zlib.crc32(b"p:1"))
    mixed.shuffle(liked)
    mixed.shuffle(others)
    five, ten = draw(collection, profile, 5, 1), draw(collection, profile, 10, 1)
    assert five is not None
    assert ten is not None
    assert list(five.likes) == liked[:5]
    assert list(five.dislikes) == others[:5]
    assert ten.likes[:5] == five.likes
    assert not set(ten.rest.tolist()) & {*ten.likes, *ten.dislikes}
    assert int(five.relevant.sum()) == 15


def test_too_few_liked_papers_left_is_no_draw(tmp_path: Path) -> None:
    collection = read_collection(write(tmp_path / "c", pos=[f"d{i}" for i in range(9)]))
    assert draw(collection, collection.profiles[0], 4, 0) is not None
    assert draw(collection, collection.profiles[0], 5, 0) is None


def test_a_seed_paper_is_the_first_like_and_is_not_ranked(tmp_path: Path) -> None:
    grades = {"d1": 2, "d4": 1}
    folder = write(tmp_path / "c", seed="d7", grades=grades)
    collection = read_collection(folder)
    profile = collection.profiles[0]
    one, none = draw(collection, profile, 1, 0), draw(collection, profile, 0, 0)
    assert one is not None
    assert none is not None
    assert one.likes == (7,)
    assert 7 not in none.rest
    assert sorted(set(none.gains.tolist())) == [0.0, 1.0, 2.0]


def test_ties_follow_no_file_order() -> None:
    rows = np.arange(50)
    order = best_first(np.zeros(50), rows, 50)
    assert order.tolist() != rows.tolist()
    assert order.tolist() == best_first(np.zeros(50), rows, 50).tolist()


def test_few_shot_measures_every_method_on_the_same_draws(tmp_path: Path) -> None:
    result = few_shot.run(write(tmp_path / "small"))
    assert result["collection"] == "small"
    assert set(result["results"]) == {
        "random",
        "bm25",
        "rocchio",
        "arxiv-sanity-lite",
        "paperwire",
    }
    for by_votes in result["results"].values():
        assert set(by_votes) == {"0", "1", "5", "10"}
        for row in by_votes.values():
            assert set(row) == {"ndcg@10", "map", "recall@20", "auc", "profiles"}
            assert row["profiles"] == 1
    assert result["results"]["paperwire"]["5"]["map"] == 1.0
    assert result["results"]["random"]["5"]["map"] < 0.8
    assert set(result["ms_per_profile"]) == set(result["results"])
    table = few_shot.render(result)
    assert "paperwire" in table
    assert "k = 10" in table
    json.dumps(result)


def test_few_shot_repeats_itself(tmp_path: Path) -> None:
    folder = write(tmp_path / "c")
    one, other = few_shot.run(folder, seeds=1), few_shot.run(folder, seeds=1)
    assert one["results"] == other["results"]


def test_without_words_there_is_no_ranking_without_votes(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", query="", keywords=[])
    result = few_shot.run(folder, methods=["paperwire", "bm25"], seeds=1)
    assert set(result["results"]["paperwire"]) == {"1", "5", "10"}


def test_the_profile_can_be_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", query="dune sand migration", keywords=["dune dune sand"] * 4)
    beside = few_shot.run(folder, methods=["bm25"], seeds=1)["results"]["bm25"]
    without = few_shot.run(folder, profile=False, methods=["bm25"], seeds=1)["results"]["bm25"]
    assert beside["0"] == without["0"]
    assert without["1"]["map"] > beside["1"]["map"]


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no method 'guess'; there are random"):
        few_shot.run(write(tmp_path / "c"), methods=["guess"])


@pytest.mark.parametrize("missing", ["docs", "profiles"])
def test_a_folder_that_is_no_collection_says_what_is_missing(tmp_path: Path, missing: str) -> None:
    folder = write(tmp_path / "c")
    (folder / f"{missing}.jsonl.gz").unlink()
    with pytest.raises(CollectionError, match=rf"no {missing}\.jsonl\.gz"):
        read_collection(folder)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "c")
    with gzip.open(folder / "docs.jsonl.gz", "at") as file:
        file.write("[1, 2]\n")
    with pytest.raises(CollectionError, match=r"docs\.jsonl\.gz, line 61"):
        read_collection(folder)


def test_online_learns_only_from_what_it_posted(tmp_path: Path) -> None:
    result = online.run(write(tmp_path / "c"), size=3)
    assert result["profiles"] == 1
    assert result["results"]["paperwire"]["hits"] == 1.0
    assert result["results"]["random"]["hits"] < 0.9
    assert "paperwire" in online.render(result)


def test_days_follow_dates_and_never_lose_a_paper(tmp_path: Path) -> None:
    folder = write(tmp_path / "c")
    collection = read_collection(folder)
    cut = online.days(collection, collection.profiles[0])
    assert sorted(np.concatenate(cut).tolist()) == list(range(60))
    with gzip.open(folder / "docs.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    with gzip.open(folder / "docs.jsonl.gz", "wt") as file:
        for i, row in enumerate(rows):
            file.write(json.dumps({**row, "date": f"2026-05-{1 + i % 2:02}"}) + "\n")
    collection = read_collection(folder)
    first, second = online.days(collection, collection.profiles[0])
    assert {i % 2 for i in first.tolist()} == {0}
    assert {i % 2 for i in second.tolist()} == {1}


def test_the_hand_over_is_measured_on_a_cut_collection(tmp_path: Path) -> None:
    result = hand_over.run(write(tmp_path / "c"), counts=(20,), seeds=1)
    assert list(result["results"]) == ["bundled", "20", "60"]
    assert set(result["results"]["20"]) == {"0", "1", "5", "10"}
    assert "bundled" in hand_over.render(result)


@pytest.mark.parametrize(
    ("name", "least"),
    [("cacm", {"0": 0.265, "1": 0.285, "5": 0.385, "10": 0.44})],
)
def test_the_ranker_reaches_its_level(
    shared_data: Path, name: str, least: dict[str, float]
) -> None:
    result = few_shot.run(shared_data / "interest" / name, methods=["paperwire"], seeds=1)
    for k, value in least.items():
        assert result["results"]["paperwire"][k]["map"] >= value
