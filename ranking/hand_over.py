"""When an installation's own space takes over from the one that ships with the package."""

from __future__ import annotations

from ranking.vectors import Space

HAND_OVER = 1_000


def choose_space(bundled: Space, own: Space | None) -> Space:
    """Return the better basis: ``own`` once it was fitted on ``HAND_OVER`` papers."""
    return own if own is not None and own.size >= HAND_OVER else bundled


def due_for_fit(documents: int, fitted_on: int = 0) -> bool:
    """Tell whether to fit a space on the installation's ``documents`` papers.

    First at ``HAND_OVER``, then each time the papers have doubled: word weights and directions
    hardly move in between, and a match means the same for as long as the space stays.
    """
    return documents >= max(HAND_OVER, 2 * fitted_on)
