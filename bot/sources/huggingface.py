"""Hugging Face Daily Papers: the API's answers by day, week, month or trend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from itertools import islice

from bot.domain import Entry, Listing, Outcome, Reject
from bot.identify import arxiv_id, github_url, paper_url, web_url
from bot.ports import Request
from bot.sources import json_text, payload
from bot.sources.payload import UnreadableError

BASE_URL = "https://huggingface.co"
PAGE_LIMIT = 100
# What the API gives when no limit is asked for; recorded days were cut there.
DEFAULT_LIMIT = 50


class By(StrEnum):
    """What one answer covers."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TRENDING = "trending"


_PAGES: Mapping[By, int] = {By.DAY: 1, By.WEEK: 3, By.MONTH: 10, By.TRENDING: 1}


class HuggingFace:
    """The Daily Papers API. ``pages`` is how many pages of 100 are asked for; None: as many as
    the mode usually fills.
    """

    name = "huggingface"

    def __init__(self, base_url: str = BASE_URL, by: By = By.DAY, pages: int | None = None) -> None:
        self.url = base_url.rstrip("/") + "/api/daily_papers"
        self.by = By(by)
        self.pages = pages or _PAGES[self.by]

    def requests(self, days: Sequence[date]) -> Sequence[Request]:
        """Return the GETs for these days, each asking for the largest page the API gives."""
        wanted: list[Request] = []
        for key, value, day in self._spans(days):
            for page in range(self.pages):
                params = [(key, value), ("limit", str(PAGE_LIMIT))]
                if page:
                    params.append(("p", str(page)))
                wanted.append(Request(self.url, day, tuple(params)))
        return wanted

    def _spans(self, days: Sequence[date]) -> list[tuple[str, str, date | None]]:
        if self.by is By.TRENDING:
            return [("sort", "trending", None)]
        if self.by is By.DAY:
            return [("date", day.isoformat(), day) for day in days]
        if self.by is By.WEEK:
            weeks = dict.fromkeys(day.isocalendar()[:2] for day in days)
            return [("week", f"{year:04d}-W{week:02d}", None) for year, week in weeks]
        months = dict.fromkeys((day.year, day.month) for day in days)
        return [("month", f"{year:04d}-{month:02d}", None) for year, month in months]

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read one page of the API's array."""
        listing = read_daily_papers(self.name, body, request.day)
        page = int(dict(request.params).get("p", "0") or 0)
        more_asked = page + 1 < self.pages
        if listing.outcome is not Outcome.OK or more_asked:
            return listing
        for limit in (DEFAULT_LIMIT, PAGE_LIMIT):
            if listing.declared == limit:
                note = (
                    f"Exactly {limit} entries, which is a page limit of the source: "
                    "the day may hold more."
                )
                return replace(listing, outcome=Outcome.TRUNCATED, note=note)
        return listing


def read_daily_papers(source: str, body: bytes, day: date | None) -> Listing:
    """Read an array of the API's shape; ``day`` is the listing day where the entries give none."""
    text = payload.decode(body)
    away = payload.turn_away(source, day, body, text, "a JSON array")
    if away is not None:
        return away
    if not text.lstrip("\ufeff \t\r\n").startswith("["):
        return _not_an_array(source, day, text)
    found = list(islice(json_text.elements(text), payload.MOST_ENTRIES + 1))
    cut = "" if json_text.closes(text) and not any(one.cut for one in found) else _CUT
    if len(found) > payload.MOST_ENTRIES:
        found.pop()
        cut = payload.MORE

    entries: list[Entry] = []
    rejects: list[Reject] = []
    days: set[date] = set()
    for position, element in enumerate(found, 1):
        if element.trouble:
            rejects.append(payload.reject(position, "", element.trouble, element.raw))
            continue
        try:
            entry, listed_on = _read_entry(element.value)
        except UnreadableError as trouble:
            label = _label(element.value)
            rejects.append(payload.reject(position, label, str(trouble), element.raw))
        else:
            entries.append(entry)
            if listed_on is not None:
                days.add(listed_on)
    listed = days.pop() if len(days) == 1 else day
    return payload.conclude(source, listed, len(found), entries, rejects, cut=cut)


_CUT = "The document ends in the middle; the complete entries before were kept."


def _not_an_array(source: str, day: date | None, text: str) -> Listing:
    try:
        whole = json_text.load(text)
    except UnreadableError as trouble:
        note = f"The answer is no JSON array: {trouble}."
        return payload.nothing(source, day, Outcome.BROKEN, note)
    if isinstance(whole, dict) and isinstance(whole.get("error"), str):
        words = " ".join(payload.scrub(whole["error"]).split())[:200]
        return payload.nothing(source, day, Outcome.REFUSED, f"The source answered: {words}")
    note = "The answer is JSON, but not an array of papers."
    return payload.nothing(source, day, Outcome.BROKEN, note)


def _label(value: object) -> str:
    """Name an entry as well as its damage allows."""
    if not isinstance(value, dict):
        return ""
    paper = value.get("paper")
    inner = paper if isinstance(paper, dict) else {}
    for name in (value.get("title"), inner.get("title"), inner.get("id")):
        if isinstance(name, str) and name.strip():
            return name
    return ""


def _read_entry(value: object) -> tuple[Entry, date | None]:
    """Return an entry and the listing day it says it belongs to."""
    outer = json_text.require_object(value, "the entry")
    paper = json_text.require_object(outer.get("paper"), "paper")
    given = json_text.text_in(paper, "id")
    found = arxiv_id(given)
    if found is None:
        raise UnreadableError(f"the id {given[:40]!r} is no arXiv id")
    identity, version = found
    # The inner title has lost the LaTeX that the outer one keeps.
    title = json_text.text_in(outer, "title") or json_text.text_in(paper, "title")
    abstract = json_text.text_in(paper, "summary") or json_text.text_in(outer, "summary")
    entry = Entry(
        title=title,
        abstract=abstract,
        authors=_read_authors(paper),
        arxiv_id=identity,
        version=version,
        url=paper_url(identity),
        published=_day_in(paper, "publishedAt"),
        upvotes=json_text.count_in(paper, "upvotes"),
        comments=json_text.count_in(outer, "numComments"),
        code_url=github_url(json_text.text_in(paper, "githubRepo")),
        code_stars=json_text.count_in(paper, "githubStars"),
        project_url=web_url(json_text.text_in(paper, "projectPage")),
        source_summary=json_text.text_in(paper, "ai_summary") or None,
        source_keywords=json_text.texts_in(paper, "ai_keywords"),
    )
    return payload.admit(entry), _day_in(paper, "submittedOnDailyAt")


def _read_authors(paper: dict[str, object]) -> tuple[str, ...]:
    names: list[str] = []
    for value in json_text.list_in(paper, "authors"):
        author = json_text.require_object(value, "an author")
        name = json_text.text_in(author, "name")
        if name and author.get("hidden") is not True:
            names.append(name)
    return tuple(names)


def _day_in(paper: dict[str, object], key: str) -> date | None:
    text = json_text.text_in(paper, key)
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise UnreadableError(f"{key} is no date: {text[:30]!r}") from None
