"""Keeping the process small: glibc's allocator holds on to much that Python gave back.

It opens an arena for each of many threads and returns little of them: after a few days of two
thousand papers more than half of what the process held was free. Elsewhere nothing is done.
"""

from __future__ import annotations

import contextlib
import ctypes

_M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2  # threads that run Python take turns anyway


def restrain() -> None:
    """Have the threads to come share few arenas."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return to the system what is free; takes some milliseconds."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
