"""A test session that is killed takes its services with it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from tests.scenario.faults.service import ROOT

SESSION = """
import asyncio, sys
from datetime import datetime, timezone
from pathlib import Path
from tests.scenario.faults.places import make_order
from tests.scenario.faults.service import Nursery, set_clock

async def main(home):
    set_clock(home, datetime(2026, 6, 15, 9, tzinfo=timezone.utc))
    nursery = Nursery([])
    await nursery.open()
    await nursery.start(make_order(home, "http://127.0.0.1:9", [], ""), home / "service.log")
    while not (home / "ready").exists():
        await asyncio.sleep(0.01)
    print("serving", flush=True)
    await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_a_killed_session_leaves_no_service_behind(tmp_path: Path) -> None:
    session = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SESSION,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert session.stdout is not None
    try:
        assert await asyncio.wait_for(session.stdout.readline(), 120) == b"serving\n"
        held = FileLock(tmp_path / "paperwire.lock")
        service = int((tmp_path / "ready").read_text())
        os.kill(service, 0)
    finally:
        session.send_signal(signal.SIGKILL)
        await session.wait()
    try:
        held.acquire(timeout=15)  # the service holds it as long as it lives
    except Timeout:
        os.kill(service, signal.SIGKILL)
        pytest.fail("the service went on without its session")
    held.release()
