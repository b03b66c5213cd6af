"""Pictures for chat: a profile's strongest terms and the precision over time, with alt text.

Drawing is late and apart: a picture that cannot be drawn never costs the answer it belongs to.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

import structlog

from bot.domain import Channel, Reply
from bot.render import clip, plain_text
from bot.services.ranker import Rankers, interest
from bot.store import Store, window
from bot.views import Precision

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

log = structlog.get_logger(__name__)

TERMS = 12
DIGESTS = 30
ALT = 1000  # characters that every platform takes
LEAST = 0.005  # a weight that would be written as 0.00
_TERM = 28
_SMOOTHED = 5  # digests in the mean that is drawn through the points

_WRITTEN, _LEARNED, _AVOIDED = "#2f6fb3", "#3a9d5d", "#c0392b"
_INK, _GRID = "#333333", "#dddddd"
_DPI = 110
_FONT = "DejaVu Sans"  # comes with the library, so that every machine draws the same
_turn = threading.Lock()  # the library shares its font cache between threads


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG and what it shows, in words."""

    png: bytes
    alt: str


def add_profile_picture(
    store: Store, rankers: Rankers, channel: Channel, reply: Reply, now: datetime
) -> Reply:
    """Return the answer to ``profile`` with its strongest terms as a picture, where it has any."""
    from ranking.explain import terms

    with store.read() as connection:
        wants = interest(connection, channel, now)
    rows = terms(rankers.current().model(wants), TERMS)
    return _illustrate(reply, lambda: draw_terms(rows), channel)


def add_status_picture(store: Store, channel: Channel, reply: Reply) -> Reply:
    """Return the answer to ``status`` with the precision over time, where digests were judged."""
    with store.read() as connection:
        rows = window.precision(connection, channel.id, DIGESTS)
    return _illustrate(reply, lambda: draw_precision(rows), channel)


def _illustrate(reply: Reply, draw: Callable[[], Picture | None], channel: Channel) -> Reply:
    try:
        picture = draw()
    except Exception:
        # The words are there already; the operator's log says what is wrong with the drawing.
        log.exception("picture_failed", channel=channel.name)
        return reply
    if picture is None:
        return reply
    return replace(reply, image=picture.png, image_alt=picture.alt)


# --- terms --------------------------------------------------------------------------------------


def draw_terms(rows: Sequence[tuple[str, float, float]]) -> Picture | None:
    """Draw (term, written weight, learned weight), the strongest first; None without any."""
    shown = [row for row in rows if abs(row[1] + row[2]) >= LEAST][:TERMS]
    if not shown:
        return None
    told = "; ".join(_term_words(*row) for row in shown)
    alt = clip(f"Bar chart of the strongest terms: {told}", ALT)
    with _turn:
        figure, axes = _figure(height=0.9 + 0.34 * len(shown))
        places = range(len(shown))
        for sign in (1, -1):
            written = [max(0.0, sign * by_hand) * sign for _, by_hand, _ in shown]
            learned = [max(0.0, sign * taught) * sign for _, _, taught in shown]
            axes.barh(places, written, color=_WRITTEN, height=0.7)
            colour = _LEARNED if sign > 0 else _AVOIDED
            axes.barh(places, learned, left=written, color=colour, height=0.7)
        labels = [_drawable(clip(plain_text(name, 200), _TERM)) for name, _, _ in shown]
        axes.set_yticks(places)
        # Terms may hold dollar signs: they are text and no formulas.
        axes.set_yticklabels(labels, parse_math=False)
        axes.invert_yaxis()
        axes.axvline(0, color=_INK, linewidth=0.8)
        axes.set_xlabel("weight: written (blue), liked (green), disliked (red)")
        axes.grid(axis="x", color=_GRID)
        return Picture(_png(figure), alt)


def _term_words(name: str, written: float, learned: float) -> str:
    parts = [f"written {written:+.2f}"] if abs(written) >= LEAST else []
    parts += [f"learned {learned:+.2f}"] if abs(learned) >= LEAST else []
    return f"{clip(plain_text(name, 200), _TERM)} {written + learned:+.2f} ({', '.join(parts)})"


# --- precision ----------------------------------------------------------------------------------


def draw_precision(rows: Sequence[Precision]) -> Picture | None:
    """Draw each judged digest's share of liked papers, oldest first; None without two of them."""
    judged = [row for row in rows if row.voted]
    if len(judged) < 2:
        return None
    shares = [100 * row.liked / row.voted for row in judged]
    recent = judged[-_SMOOTHED:]
    liked, voted = sum(row.liked for row in recent), sum(row.voted for row in recent)
    told = ", ".join(f"{row.digest.slot[:10]} {row.liked} of {row.voted}" for row in judged)
    alt = (
        f"Line chart of the share of liked papers among those voted on; over the last "
        f"{len(recent)} judged digests {liked} of {voted} ({100 * liked / voted:.0f} %). {told}"
    )
    with _turn:
        figure, axes = _figure(height=3.0)
        places = range(len(judged))
        axes.scatter(
            places, shares, s=[18 + 14 * min(row.voted, 10) for row in judged], color=_WRITTEN
        )
        axes.plot(places, _smooth(judged), color=_LEARNED, linewidth=2)
        step = -(-len(judged) // 6)
        axes.set_xticks(places[::step])
        axes.set_xticklabels([row.digest.slot[5:10] for row in judged[::step]])
        axes.set_ylim(-5, 105)
        axes.set_ylabel("liked, % of voted")
        axes.set_xlabel(f"digest; the line is the mean of {_SMOOTHED}")
        axes.grid(color=_GRID)
        return Picture(_png(figure), clip(alt, ALT))


def _smooth(judged: Sequence[Precision]) -> list[float]:
    means = []
    for end in range(1, len(judged) + 1):
        part = judged[max(0, end - _SMOOTHED) : end]
        means.append(100 * sum(row.liked for row in part) / sum(row.voted for row in part))
    return means


# --- the canvas ---------------------------------------------------------------------------------


def _figure(height: float) -> tuple[Figure, Axes]:
    """Return a figure of its own, without the library's global state; ``height`` in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.6, height), dpi=_DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    # Without the library's version in it, equal data is equal bytes.
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(_FONT)).get_charmap())


def _drawable(text: str) -> str:
    """Return the text with a box for each character that the font does not have."""
    return "".join(char if ord(char) in _letters() else "□" for char in text)
