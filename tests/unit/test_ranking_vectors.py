"""The space: fitted once, applied often, saved without pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ranking.document import Document
from ranking.evaluate.space import train
from ranking.hand_over import HAND_OVER, choose_space, due_for_fit
from ranking.vectors import Space, SpaceFileError

TOPICS = (
    ("graph", "neural networks on graphs with message passing between nodes"),
    ("speech", "speech recognition with acoustic models and spoken language"),
    ("protein", "protein folding and structure prediction from sequences"),
    ("robot", "robot grasping and manipulation learned from demonstrations"),
)


def papers(count: int = 40) -> list[Document]:
    return [
        Document(
            str(i),
            f"{TOPICS[i % 4][0]} study {i}",
            f"We study {TOPICS[i % 4][1]}. Variant{i % 7} and setting{i % 5} are compared.",
        )
        for i in range(count)
    ]


def test_rows_have_length_one() -> None:
    vectors = Space.fit(papers()).transform(papers())
    norms = np.asarray(vectors.tfidf.multiply(vectors.tfidf).sum(axis=1)).ravel()
    assert np.allclose(norms, 1.0, atol=1e-5)
    assert np.allclose(np.linalg.norm(vectors.svd, axis=1), 1.0, atol=1e-5)
    assert vectors.tfidf.dtype == np.float32
    assert vectors.svd.dtype == np.float64


def test_papers_of_one_topic_are_close() -> None:
    vectors = Space.fit(papers(), dimensions=8).transform(papers())
    likeness = vectors.svd @ vectors.svd[0]
    assert min(likeness[4], likeness[8]) > max(likeness[1], likeness[2], likeness[3])


def test_a_fit_repeats_bit_for_bit() -> None:
    one, other = Space.fit(papers()), Space.fit(papers())
    assert one.fingerprint == other.fingerprint
    assert (one.transform(papers()).svd == other.transform(papers()).svd).all()


def test_a_paper_has_the_same_vector_alone_and_among_others() -> None:
    space = Space.fit(papers())
    alone, among = space.transform(papers()[3:4]), space.transform(papers())
    assert (alone.svd[0] == among.svd[3]).all()
    assert (alone.tfidf[0] != among.tfidf[3]).nnz == 0


def test_a_word_the_corpus_never_had_still_counts() -> None:
    space = Space.fit(papers())
    new = space.transform([Document("a", "enalapril trial"), Document("b", "enalapril dose")])
    assert float((new.tfidf[0] @ new.tfidf[1].T).toarray()[0, 0]) > 0.3


def test_saved_and_loaded_without_pickle(tmp_path: Path) -> None:
    space = Space.fit(papers())
    space.save(tmp_path / "space.npz")
    loaded = Space.load(tmp_path / "space.npz")
    assert loaded.fingerprint == space.fingerprint
    assert loaded.size == space.size == 40
    assert (loaded.transform(papers()).svd == space.transform(papers()).svd).all()
    with np.load(tmp_path / "space.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


def test_a_quantised_space_says_nearly_the_same(tmp_path: Path) -> None:
    space = Space.fit(papers())
    space.save(tmp_path / "space.npz", quantise=True)
    loaded = Space.load(tmp_path / "space.npz")
    cosines = np.sum(loaded.transform(papers()).svd * space.transform(papers()).svd, axis=1)
    assert cosines.min() > 0.999


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"hello"])
def test_a_file_that_is_no_space_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(SpaceFileError, match=r"broken\.npz.*paperwire train space"):
        Space.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpaceFileError, match=r"none\.npz"):
        Space.load(tmp_path / "none.npz")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_corpus_of_almost_nothing_can_be_fitted(count: int) -> None:
    space = Space.fit(papers(count))
    vectors = space.transform([*papers(3), Document("x", "", "")])
    assert np.isfinite(vectors.svd).all()
    assert np.isfinite(vectors.tfidf.data).all()


def test_the_bundled_space_is_small_and_knows_the_field() -> None:
    from ranking.vectors import BUNDLED

    assert BUNDLED.stat().st_size <= 6_000_000
    space = Space.bundled()
    assert space.size > 10_000
    close = space.transform(
        [
            Document("a", "machine translation of low-resource languages"),
            Document("b", "multilingual neural MT"),
            Document("c", "combinatorial auctions with budget constraints"),
        ]
    ).svd
    assert close[0] @ close[1] > close[0] @ close[2] + 0.2


def test_training_counts_a_paper_once(tmp_path: Path) -> None:
    file = tmp_path / "papers.jsonl"
    lines = [f'{{"id": "{i % 30}", "title": "study {i % 30} of nodes"}}' for i in range(60)]
    file.write_text("\n".join(lines))
    assert train([file], tmp_path / "out.npz").size == 30


def test_training_names_the_line_that_is_no_paper(tmp_path: Path) -> None:
    file = tmp_path / "papers.jsonl"
    file.write_text('{"id": "1", "title": "a"}\n[]\n')
    with pytest.raises(ValueError, match=r"papers\.jsonl, line 2"):
        train([file], tmp_path / "out.npz")


def test_the_bundled_space_serves_until_there_are_enough_own_papers() -> None:
    bundled, small = Space.fit(papers(50)), Space.fit(papers(20))
    large = Space.fit(papers(HAND_OVER), dimensions=4)
    assert choose_space(bundled, None) is bundled
    assert choose_space(bundled, small) is bundled
    assert choose_space(bundled, large) is large


def test_an_own_space_is_fitted_again_when_the_papers_have_doubled() -> None:
    assert not due_for_fit(HAND_OVER - 1)
    assert due_for_fit(HAND_OVER)
    assert not due_for_fit(2 * HAND_OVER - 1, HAND_OVER)
    assert due_for_fit(2 * HAND_OVER, HAND_OVER)
