"""What the wire costs: a long stream read in, an idle service, the demonstration, the help."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from bot.cli import main; main()"]
IDLE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took: seconds, the most memory in MB, its status and what it printed."""

    seconds: float
    peak: float
    status: int
    out: str


def environ_of(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PAPERWIRE_")}
    return {**kept, "PAPERWIRE_HOME": str(home)}


def measure(*arguments: str | Path, home: Path) -> Cost:
    started = time.perf_counter()
    with (home.parent / "out").open("w+") as out:
        process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)], env=environ_of(home), stdout=out
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        out.seek(0)
        return Cost(seconds, used.ru_maxrss / 1024, process.returncode, out.read())


@pytest.mark.benchmark
def test_reading_the_stream_of_two_months(shared_data: Path, tmp_path: Path) -> None:
    [stream] = (shared_data / "arxiv_stream").glob("*.jsonl.gz")
    home = tmp_path / "home"
    first = measure("ingest", "--json", stream, home=home)
    again = measure("ingest", "--json", stream, home=home)
    size = sum(path.stat().st_size for path in home.glob("paperwire.db*")) / 2**20
    print(
        f"\n14,009 papers: {first.seconds:.1f} s, peak {first.peak:.0f} MB, database {size:.0f} MB;"
        f" again {again.seconds:.1f} s, peak {again.peak:.0f} MB"
    )
    rows = [json.loads(cost.out) for cost in (first, again)]
    assert [row["parsed"] for row in rows] == [14_009, 14_009]
    assert [row["new"] for row in rows] == [14_009, 0]
    assert first.status == again.status == 0


@pytest.mark.benchmark
def test_an_idle_service(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("this system has no /proc to read another process's memory from")
    environ = environ_of(tmp_path) | {
        "PAPERWIRE_HUGGINGFACE__BASE_URL": "http://127.0.0.1:9",
        "PAPERWIRE_ARXIV__ENABLED": "false",
        "PAPERWIRE_LOG__LEVEL": "error",
    }
    process = subprocess.Popen([*PROGRAM, "run"], env=environ)
    try:
        time.sleep(IDLE_SECONDS)
        assert process.poll() is None
        status = Path(f"/proc/{process.pid}/status").read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(timeout=60)
    figures = {
        line.split(":")[0]: int(line.split()[1]) / 1024
        for line in status.splitlines()
        if line.startswith(("VmRSS", "VmHWM"))
    }
    print(f"\nidle for {IDLE_SECONDS} s: {figures['VmRSS']:.0f} MB, peak {figures['VmHWM']:.0f} MB")
    assert ended == 0


@pytest.mark.benchmark
def test_the_demonstration(tmp_path: Path) -> None:
    cost = measure("demo", home=tmp_path / "home")
    print(f"\ndemo: {cost.seconds:.1f} s, peak {cost.peak:.0f} MB")
    assert cost.status == 0


@pytest.mark.benchmark
def test_the_help(tmp_path: Path) -> None:
    costs = [measure("--help", home=tmp_path / "home") for _ in range(7)]
    times = sorted(cost.seconds for cost in costs)
    print(f"\n--help: {1000 * times[0]:.0f} ms at best, {1000 * times[3]:.0f} ms in the middle")
    assert {cost.status for cost in costs} == {0}
