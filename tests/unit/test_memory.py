"""What Python gave back goes back to the system, where the allocator can be asked."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from bot import memory

HOLD_AND_LET_GO = """
from pathlib import Path
from bot import memory

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024

memory.restrain()
held = [bytes(2_000) for _ in range(50_000)]
last = held[-1]  # nothing below it is returned unasked
del held
before = resident()
memory.give_back()
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_what_is_free_goes_back_to_the_system() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HOLD_AND_LET_GO], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) > 50  # megabytes, of a hundred


@pytest.mark.parametrize("error", [OSError("no such library"), AttributeError("mallopt")])
def test_another_allocator_is_left_alone(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def none(name: str) -> ctypes.CDLL:
        asked.append(name)
        raise error

    monkeypatch.setattr(ctypes, "CDLL", none)
    memory.restrain()
    memory.give_back()
    assert len(asked) == 2
