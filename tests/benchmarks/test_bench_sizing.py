"""How large a machine must be: disk for the papers, memory and processor for the channels.

Prints the figures of deploy/README.md's "Sizing and moving"; how fast the machine is, is no defect.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("sizing_worker.py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.benchmark
@pytest.mark.parametrize("channels", [100, 1_000])
def test_one_morning_of_many_channels(shared_data: Path, tmp_path: Path, channels: int) -> None:
    [stream] = (shared_data / "arxiv_stream").glob("*.jsonl.gz")
    one_core = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, WORKER, stream, tmp_path, str(channels)],
        env={**os.environ, **one_core},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    each = 10_000 / told["papers"]
    print(
        f"\n10,000 papers: {told['disk_mb'] * each:.0f} MB of disk, a back-up of as much in"
        f" {told['backup_s'] * each:.1f} s"
        f"\n{channels} channels, 1,000 new papers: planned in {told['plan_s']:.1f} s"
        f" ({1000 * told['plan_cpu_s'] / channels:.0f} ms of processor time a channel),"
        f" {told['posts']:.0f} posts sent in {told['send_s']:.1f} s"
        f" ({1000 * told['send_cpu_s'] / max(1, told['posts']):.1f} ms each),"
        f" peak {told['peak_mb']:.0f} MB"
    )
    assert told["digests"] == channels
    assert told["posts"] >= channels
