"""All SQL lives here: plain functions over one connection, and the Store that hands it out."""

from bot.store.database import Store

__all__ = ["Store"]
