"""Makes the command line available to every unit test."""

from __future__ import annotations

from tests.command_line import paperwire

__all__ = ["paperwire"]
