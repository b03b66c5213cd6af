"""Makes the hand-driven wire and the command line available to every scenario test."""

from __future__ import annotations

from tests.command_line import paperwire
from tests.scenario.wire import wire

__all__ = ["paperwire", "wire"]
