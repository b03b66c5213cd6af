"""More than the service should ever meet, in small in every run and in full by ``make soak``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.faults.service import ROOT


async def run(shared_data: Path, *asked: str) -> dict[str, Any]:
    """Run a load in a process of its own; return its figures, which it also prints."""
    stream = next((shared_data / "arxiv_stream").glob("*.jsonl.gz"))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.scenario.faults.load",
        *asked,
        f"--stream={stream}",
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    print(told.decode())
    figures: dict[str, Any] = json.loads(told.decode().splitlines()[-1])
    return figures


async def test_a_small_storm_costs_no_post_and_no_vote(shared_data: Path) -> None:
    figures = await run(
        shared_data, "storm", "--papers=150", "--channels=12", "--votes=300", "--searches=10",
        "--seconds=6",
    )  # fmt: skip
    assert figures["wrong"] == []
    assert figures["posts"] == 12 * 6
    assert figures["search"]["count"] == 60
    assert figures["vote"]["count"] > 0


@pytest.mark.soak
async def test_the_hardest_day_costs_no_post_and_no_vote(shared_data: Path) -> None:
    figures = await run(shared_data, "storm")
    assert figures["wrong"] == []
    assert figures["posts"] == 1_000 * 6


@pytest.mark.soak
async def test_memory_stays_flat_over_a_month(shared_data: Path) -> None:
    figures = await run(shared_data, "month", "--votes=1500", "--searches=500")
    assert figures["wrong"] == []
    resident = figures["resident_mb"]
    assert max(resident[10:]) < 1.25 * max(resident[:10])
