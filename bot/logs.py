"""Structured logs on standard error: for people, or one JSON object a line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class StandardError:
    """Standard error as it is at each line; where it cannot be written, the work goes on unlogged.

    A log on a full disk, or a reader that is gone, must not undo what a line only tells of; and
    whoever swaps the stream, as tests do, closes the old one.
    """

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what can be handed on."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def configure(level: str = "warning", form: str = "console") -> None:
    """Send our own and the libraries' logs to standard error from ``level`` on."""
    shared: list[Callable[..., Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # A trace names lines, never the values of their variables: some of those are tokens.
    traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    last: list[Callable[..., Any]] = (
        [structlog.processors.ExceptionRenderer(traces), structlog.processors.JSONRenderer()]
        if form == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=_has_colours(),
                sort_keys=False,
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
    threshold = LEVELS[level]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", StandardError())),
        # Tests and the demo configure anew; a cached logger would keep the old stream.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=cast("Any", last[-1]),
            foreign_pre_chain=[*shared[1:], *last[:-1]],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries speak up about troubles only; their chatter hides ours.
    root.setLevel(max(threshold, logging.WARNING))


def _has_colours() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
