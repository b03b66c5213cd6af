"""The demonstration: the bundled sample through the real wire, in the terminal or in a browser."""

from bot.demo.rooms import ROOMS
from bot.demo.ten_days import play

__all__ = ["ROOMS", "play"]
