"""Where the pieces of each plot stand: plain numbers that a template writes as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain import Part
from bot.views import Precision, Spot, Term

NAMED = 12  # parts of a bar that have a piece of their own


@dataclass(frozen=True, slots=True)
class Piece:
    """One rectangle; ``x`` and ``width`` are in 0..100."""

    x: float
    width: float
    kind: str
    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Bar:
    """An additive score: what lowers it to the left of ``zero``, what raises it to the right.

    The end of the raising pieces less the length of the lowering ones is ``total``, where the
    score stands.
    """

    zero: float
    total: float
    pieces: tuple[Piece, ...]
    score: float


def bar_of(parts: Sequence[Part]) -> Bar:
    """Lay the parts of a score out; the smallest are taken together, and nothing is left out."""
    ordered = sorted(parts, key=lambda part: (-abs(part.value), part.kind, part.name))
    shown = [part for part in ordered[:NAMED] if part.value]
    rest = ordered[NAMED:]
    for sign, name in ((1, "smaller parts that raise it"), (-1, "smaller parts that lower it")):
        value = sum(part.value for part in rest if part.value * sign > 0)
        if value:
            shown.append(Part(name, "rest", value))
    raising = sorted((p for p in shown if p.value > 0), key=lambda p: (p.kind == "rest", -p.value))
    lowering = sorted((p for p in shown if p.value < 0), key=lambda p: (p.kind == "rest", p.value))
    up = sum(part.value for part in raising)
    down = -sum(part.value for part in lowering)
    scale = 100 / (up + down) if up + down > 0 else 0.0
    zero = down * scale
    pieces: list[Piece] = []
    at = zero
    for part in raising:
        pieces.append(_piece(at, part, scale))
        at += part.value * scale
    at = zero
    for part in lowering:
        at += part.value * scale
        pieces.append(_piece(at, part, scale))
    score = up - down
    return Bar(round(zero, 2), round(zero + score * scale, 2), tuple(pieces), score)


def _piece(x: float, part: Part, scale: float) -> Piece:
    width = round(abs(part.value) * scale, 2)
    return Piece(round(max(0.0, x), 2), width, part.kind, part.name, part.value)


@dataclass(frozen=True, slots=True)
class TermRow:
    """One term with its two weights as rectangles around ``zero``, all in 0..100."""

    term: Term
    zero: float
    written: tuple[float, float]
    learned: tuple[float, float]
    total: float


def terms_of(terms: Sequence[Term]) -> tuple[TermRow, ...]:
    """Lay the weights of terms out on one common scale."""
    low = min((min(0.0, _low(term)) for term in terms), default=0.0)
    high = max((max(0.0, _high(term)) for term in terms), default=0.0)
    width = high - low
    scale = 100 / width if width > 0 else 0.0

    def place(start: float, value: float) -> tuple[float, float]:
        left = min(start, start + value)
        return round((left - low) * scale, 2), round(abs(value) * scale, 2)

    rows = []
    for term in terms:
        # Weights of one sign are stacked, others stand on both sides.
        after = term.written if term.written * term.learned > 0 else 0.0
        rows.append(
            TermRow(
                term,
                round(-low * scale, 2),
                place(0.0, term.written),
                place(after, term.learned),
                term.written + term.learned,
            )
        )
    return tuple(rows)


def _low(term: Term) -> float:
    return min(0.0, term.written) + min(0.0, term.learned)


def _high(term: Term) -> float:
    return max(0.0, term.written) + max(0.0, term.learned)


@dataclass(frozen=True, slots=True)
class Dot:
    """One digest in the plot of precision; ``x`` in 0..600, ``y`` in 0..160, downwards."""

    x: float
    y: float
    precision: Precision
    share: float


@dataclass(frozen=True, slots=True)
class Line:
    dots: tuple[Dot, ...]
    path: str  # the mean over the last five, as points of a polyline


def precision_of(precision: Sequence[Precision]) -> Line:
    """Lay out the liked share of each digest that got votes, and its mean over the last five."""
    judged = [one for one in precision if one.voted]
    step = 600 / max(1, len(judged) - 1) if len(judged) > 1 else 0
    dots = tuple(
        Dot(
            round(i * step if len(judged) > 1 else 300, 1),
            round(160 * (1 - one.liked / one.voted), 1),
            one,
            one.liked / one.voted,
        )
        for i, one in enumerate(judged)
    )
    means = []
    for i, dot in enumerate(dots):
        last = judged[max(0, i - 4) : i + 1]
        share = sum(one.liked for one in last) / sum(one.voted for one in last)
        means.append(f"{dot.x},{round(160 * (1 - share), 1)}")
    return Line(dots, " ".join(means))


@dataclass(frozen=True, slots=True)
class Mark:
    """One paper on the map, in a square of 1000."""

    x: float
    y: float
    spot: Spot


def map_of(spots: Sequence[Spot]) -> tuple[Mark, ...]:
    """Place papers in the square, those with an opinion last, so that they lie on top."""
    ordered = sorted(spots, key=lambda spot: (abs(spot.opinion), spot.handle))
    return tuple(
        Mark(round(40 + spot.x * 920, 1), round(40 + (1 - spot.y) * 560, 1), spot)
        for spot in ordered
    )
