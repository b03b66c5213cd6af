"""Paperwire: a wire service for research papers in the chat where a team already works."""

__version__ = "0.1.0"
