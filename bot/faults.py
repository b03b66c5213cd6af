"""Named places at which a test may have the process killed, as by a power cut.

``PAPER_FAULT=after_send:2`` in the environment kills the process the second time it comes to
``reach("after_send")``. Where that is not set, which is everywhere but in tests, a place costs one
comparison with None.
"""

from __future__ import annotations

import os
import signal
import threading

VARIABLE = "PAPER_FAULT"
POINTS = (
    "after_recover",
    "before_fetch",
    "after_fetch",
    "in_ingest",
    "after_ingest",
    "after_cursor",
    "in_plan",
    "after_plan",
    "before_claim",
    "in_claim",
    "after_claim",
    "after_send",
    "in_record",
    "after_record",
    "before_ask",
    "after_ask",
    "in_settle",
    "after_settle",
    "before_vote",
    "in_vote",
    "after_vote",
    "in_read_back",
    "after_read_back",
    "in_command",
    "after_command",
)


class _Armed:
    def __init__(self, name: str, turn: int) -> None:
        self.name = name
        self.left = turn
        self.guard = threading.Lock()


def _read(text: str) -> _Armed | None:
    name, _, turn = text.partition(":")
    return _Armed(name, int(turn) if turn.isdecimal() else 1) if name in POINTS else None


_armed = _read(os.environ.get(VARIABLE, ""))


def arm(text: str) -> None:
    """Choose the place anew, as ``name`` or ``name:turn``; any other text chooses none."""
    global _armed  # noqa: PLW0603  one process, one place to die at
    _armed = _read(text)


def reach(name: str) -> None:
    """Die here, at once and without a word, if this is the chosen place and turn."""
    if _armed is None or _armed.name != name:
        return
    with _armed.guard:
        _armed.left -= 1
        if _armed.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
