"""Makes the hand-driven wire available to every scenario test."""

from __future__ import annotations

from tests.scenario.wire import wire

__all__ = ["wire"]
