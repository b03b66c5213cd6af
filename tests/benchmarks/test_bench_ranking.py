"""Speed, memory and scale of ranking, beside arxiv-sanity-lite's method in the same run.

Prints figures and asserts none of them: a slow machine is no defect.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ranking.document import Document
from ranking.interest import Interest, Vote, fit
from ranking.vectors import Space

pytestmark = pytest.mark.benchmark

WORKER = Path(__file__).with_name("ranking_worker.py")
DAY = 1_500
VOTES = 50


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Keep numpy's BLAS to one core: the figures are for one, and spinning threads are no work."""
    import scipy.linalg  # noqa: F401  # brings a BLAS of its own, which must be there to be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def stream(shared_data: Path) -> Path:
    return next((shared_data / "arxiv_stream").glob("*.jsonl.gz"))


@pytest.fixture(scope="module")
def papers(stream: Path) -> list[Document]:
    with gzip.open(stream, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Document(row["id"], row["title"], row["abstract"]) for row in rows]


def start(*arguments: object) -> subprocess.Popen[str]:
    one_core = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(WORKER), *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=one_core)


def finish(process: subprocess.Popen[str]) -> dict[str, float]:
    output, _ = process.communicate()
    assert process.returncode == 0
    told: dict[str, float] = json.loads(output)
    return told


@pytest.mark.usefixtures("one_thread")
def test_one_channel_against_a_day(papers: list[Document]) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    space = Space.bundled()
    world, today = space.transform(papers[::14][:1_000]), space.transform(papers[-DAY:])
    # As with the peer's features: a paper is read once, when it comes in, not for every channel.
    space.transform(papers[:2_000])
    ours, theirs = [], []
    vectorizer = TfidfVectorizer(
        max_features=20_000,
        ngram_range=(1, 2),
        min_df=5,
        max_df=0.1,
        sublinear_tf=True,
        stop_words="english",
    )
    features = vectorizer.fit_transform([f"{p.title} {p.abstract}" for p in papers])
    for channel in range(21):
        mixed = np.random.RandomState(channel)
        picked = mixed.choice(2_000, VOTES, replace=False).tolist()
        interest = Interest(
            terms=(papers[picked[0]].title,),
            votes=tuple(
                Vote(papers[i], f"person{n % 5}", 1.0 if n < 30 else -1.0)
                for n, i in enumerate(picked)
            ),
        )
        started = time.process_time()
        scores = fit(space, interest, world).score(today)
        ours.append(time.process_time() - started)
        assert len(scores.values) == DAY
        if channel < 5:
            labels = np.zeros(len(papers))
            labels[picked[:30]] = 1
            started = time.process_time()
            svm = LinearSVC(class_weight="balanced", C=0.01, max_iter=10_000, tol=1e-6)
            svm.set_params(random_state=0).fit(features, labels)
            assert len(svm.decision_function(features[-DAY:])) == DAY
            theirs.append(time.process_time() - started)
    one, other = 1000 * statistics.median(ours[1:]), 1000 * statistics.median(theirs)
    print(
        f"\none channel, {VOTES} votes, {DAY} papers, processor time: paperwire {one:.1f} ms "
        f"(worst {1000 * max(ours[1:]):.1f}), arxiv-sanity-lite's method over {len(papers)} papers "
        f"{other:.1f} ms: {other / one:.1f} times faster"
    )


@pytest.mark.parametrize("channels", [250, 1_000, 10_000])
def test_many_channels_on_two_cores(stream: Path, channels: int) -> None:
    half = channels // 2
    workers = [
        start("channels", stream, 0, half),
        start("channels", stream, half, channels),
    ]
    told = [finish(worker) for worker in workers]
    wall = max(worker["seconds"] for worker in told)
    cpu = sum(worker["cpu"] for worker in told)
    print(
        f"\n{channels} channels over {DAY} papers on two cores: {wall:.1f} s, "
        f"{1000 * cpu / channels:.1f} ms of processor time a channel"
    )


def test_a_space_over_100_000_papers(stream: Path, tmp_path: Path) -> None:
    fitted = finish(start("fit", stream, 100_000, tmp_path / "space.npz"))
    loaded = finish(start("load", tmp_path / "space.npz"))
    print(
        f"\nspace over 100,000 papers: fitted in {fitted['seconds']:.0f} s, "
        f"{fitted['peak_mb']:.0f} MB at the peak (the papers' texts included), "
        f"{fitted['terms']:.0f} terms, {fitted['file_mb']:.0f} MB on disk; "
        f"loaded in {loaded['seconds']:.2f} s, {loaded['resident_mb']:.0f} MB resident"
    )
