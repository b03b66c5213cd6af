"""A terminal to look at and a disk that fails, for the terminal's tests."""

from __future__ import annotations

import io
import os
import re
from collections.abc import AsyncIterator

from bot.domain import Post
from bot.platforms.terminal_view import Screen

LINKED = re.compile(r"\x1b\]8;[^;]*;([^\x1b\x07]*)\x1b\\")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Window(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def drawn(post: Post) -> str:
    """Return a post as it is written to a window of 100 columns."""
    window = Window()
    Screen(window, width=100).post(post)
    return window.getvalue()


def stripped(text: str) -> str:
    """What a terminal shows: our own styles and links applied, anything else left to be seen."""
    return _STYLE.sub("", LINKED.sub("", text))


def fail(code: int) -> object:
    """Return a system call that fails."""

    def deed(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return deed


def half_write_then_fail(code: int) -> object:
    """Return a write that takes half of what it is given, and then nothing more."""
    written = iter((True,))
    write = os.write

    def deed(file: int, data: memoryview) -> int:
        if next(written, False):
            return write(file, data[: len(data) // 2])
        raise OSError(code, os.strerror(code))

    return deed


async def typed(*lines: str) -> AsyncIterator[str]:
    """Yield lines as a person would type them."""
    for line in lines:
        yield line
