"""From a score to the match of 0 to 100 that people see and thresholds are set in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Curve:
    """A logistic curve: ``middle`` is the score that means a match of 50."""

    middle: float
    slope: float


# Of a mixed stream some 3 to 7 papers in a hundred match 50 or more; 4 deviations match 86.
USUAL = Curve(middle=2.0, slope=0.9)
# How many votes it takes to move half way from the usual curve to the votes' own.
PRIOR_VOTES = 15.0


def match(values: NDArray[np.float64], curve: Curve = USUAL) -> NDArray[np.int64]:
    """Return scores as whole matches of 0 to 100, never falling as the score rises."""
    steep = np.clip(curve.slope * (values - curve.middle), -60.0, 60.0)
    return np.rint(100.0 / (1.0 + np.exp(-steep))).astype(np.int64)


def calibrate(scores: NDArray[np.float64], liked: NDArray[np.bool_]) -> Curve:
    """Return the curve under which a match is the chance of a like (Platt 1999).

    ``scores`` are those of voted papers without their own vote. The usual curve is the prior; the
    best of a grid is taken, so that the result is exact and repeatable.
    """
    middles, slopes = np.meshgrid(
        np.linspace(USUAL.middle - 1.5, USUAL.middle + 1.5, 31),
        USUAL.slope * np.geomspace(0.5, 2.0, 9),
    )
    middle, slope = middles.ravel(), slopes.ravel()
    steep = slope[:, None] * (scores - middle[:, None]) * np.where(liked, -1.0, 1.0)
    loss = np.logaddexp(0.0, np.clip(steep, -60.0, 60.0)).sum(axis=1)
    loss += PRIOR_VOTES * (
        0.25 * (middle - USUAL.middle) ** 2 + 0.5 * np.log(slope / USUAL.slope) ** 2
    )
    best = int(np.argmin(np.round(loss, 9)))
    return Curve(float(middle[best]), float(slope[best]))
