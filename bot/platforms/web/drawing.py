"""Templates: everything escaped, every address our own or checked, times in words."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from bot.domain import Signal
from bot.platforms.web.charts import bar_of, map_of, precision_of, terms_of
from bot.render import byline, count_words, date_words, day_words, figures, safe_url, visible
from bot.views import Marks, Period, Span, span_of

# What HTML may not hold, and what turns the direction of what follows: a name has no use for them.
_UNSHOWN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_HERE = Path(__file__).parent
STATIC = _HERE / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
SIGNS = {Signal.LIKE: "👍", Signal.DISLIKE: "👎", Signal.SAVE: "🔖"}
_VERBS = {Signal.LIKE: "Like", Signal.DISLIKE: "Dislike", Signal.SAVE: "Save"}


class Drawing:
    """The page's templates and static files, read once."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.files = {
            path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in TYPES
        }
        self._marks = {
            name: hashlib.sha256(content).hexdigest()[:12] for name, content in self.files.items()
        }
        self._environment.globals.update(
            asset=self.asset,
            signs=SIGNS,
            verbs=_VERBS,
            signals=(Signal.LIKE, Signal.DISLIKE, Signal.SAVE),
            periods=tuple(Period),
            span_of=span_of,
            no_marks=Marks(),
        )
        self._environment.filters.update(
            byline=byline,
            figures=figures,
            many=count_words,
            day=day_words,
            shortday=date_words,
            slot=slot_words,
            moment=moment,
            ago=ago,
            span=span_words,
            part=quote_part,
            handle=quote_handle,
            link=safe_url,
            png=png,
            signed=signed,
            seen=visible,
            parts_bar=bar_of,
            terms_plot=terms_of,
            precision_plot=precision_of,
            papers_map=map_of,
        )

    def asset(self, name: str) -> str:
        """Return a static file's address; another content has another address."""
        return f"/static/{name}?v={self._marks[name]}"

    def page(self, template: str, **context: object) -> str:
        """Fill a template in."""
        return _UNSHOWN.sub("", self._template(template).render(context))

    def piece(self, template: str, macro: str, *values: object, **context: object) -> str:
        """Fill one macro of a template in."""
        module = self._template(template).make_module(dict(context))
        return _UNSHOWN.sub("", str(getattr(module, macro)(*values)))

    def _template(self, name: str) -> Template:
        return self._environment.get_template(name)


# --- filters ------------------------------------------------------------------------------------


def slot_words(slot: str) -> str:
    """Return a slot as ``Fri 12 Jun 2026, 09:00``."""
    try:
        day = day_words(date.fromisoformat(slot[:10]))
    except ValueError:
        return slot
    return f"{day}, {slot[11:16]}" if len(slot) >= 16 else day


def moment(at: datetime | None) -> str:
    """Return ``12 Jun 2026, 09:00 UTC``; ``never`` for none."""
    return "never" if at is None else f"{date_words(at.date())}, {at:%H:%M} UTC"


def ago(at: datetime | None, now: datetime) -> str:
    """Return how far a moment is away: ``in 3 h``, ``5 min ago``."""
    if at is None:
        return "never"
    away = at - now
    words = _length(abs(away))
    if words == "":
        return "now"
    return f"in {words}" if away > timedelta() else f"{words} ago"


def _length(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return ""
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"


def span_words(span: Span) -> str:
    """Return a span for people: a day, ``8 to 14 Jun 2026``, ``June 2026``."""
    if span.period is Period.DAY:
        return day_words(span.first)
    if span.period is Period.MONTH:
        return f"{span.first:%B} {span.first.year}"
    first, last = date_words(span.first), date_words(span.last)
    if span.first.month == span.last.month:
        first = str(span.first.day)
    elif span.first.year == span.last.year:
        first = first.rsplit(" ", 1)[0]
    return f"{first} to {last}"


def quote_part(text: str) -> str:
    """Write a text as one part of a path or a value of a query."""
    return quote(text.encode("utf-8", "replace"), safe="")


def quote_handle(handle: str) -> str:
    """Write a paper's handle as the path to its page."""
    return f"/papers/{quote(handle.encode('utf-8', 'replace'), safe='/')}"


def png(image: bytes) -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def signed(value: float) -> str:
    """Return ``+0.42`` or ``−0.42``."""
    written = f"{value:+.2f}"
    return "0.00" if written in {"+0.00", "-0.00"} else written.replace("-", "−")
