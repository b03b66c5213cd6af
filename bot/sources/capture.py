"""Text captures of the Daily Papers page, saved by hand, in the three shapes they come in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.domain import Entry, Listing, Outcome, Reject
from bot.ports import Request
from bot.sources import payload

# What the page says above its papers.
_HEADING = re.compile(
    r"new|get trending papers in your email inbox(?: once a day)?!?|subscribe|daily papers"
    r"|by\s?ak and the research community"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}",
    re.IGNORECASE,
)
_SIGN = re.compile(
    r"get trending papers in your email inbox|by\s?AK and the research community", re.IGNORECASE
)
_AUTHOR_COUNT = re.compile(r"[•·*-]\s*(\d{1,5})\s+authors?", re.IGNORECASE)
_DATED = re.compile(r"([A-Z][a-z]{2,8}) (\d{1,2}), (\d{4})(?:\s+(\d{1,6}))?")
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
_DOT = re.compile(r"[·•]")
_GLUED = "Subscribe"
# No title on record has more than 150 characters and no abstract fewer than 400.
_LONGEST_TITLE = 300
_SHORTEST_ABSTRACT = 300


class Capture:
    """A saved capture. It gives no ids and no links: what its prose links to is ignored."""

    name = "capture"

    def requests(self, days: Sequence[date]) -> Sequence[Request]:  # noqa: ARG002 - the port's signature; a capture is a file and is never fetched
        """Return nothing: captures are read from files."""
        return []

    def parse(self, body: bytes, request: Request) -> Listing:
        """Read a capture of any shape."""
        del request  # the page gives a month and a day at most, which make no date
        text = payload.decode(body)
        away = payload.turn_away(self.name, None, body, text, "a text capture")
        if away is not None:
            return away
        # Not splitlines: an abstract may hold a line separator of Unicode.
        lines = [line.strip() for line in re.split(r"[\r\n]+", text.lstrip("\ufeff"))]
        lines = [line for line in lines if line]
        if not any(_SIGN.search(line) for line in lines[:10]):
            note = "The text does not begin as the Daily Papers page does."
            return payload.nothing(self.name, None, Outcome.BROKEN, note)
        return _read_blocks(self.name, _below_heading(lines))


@dataclass(slots=True)
class _Block:
    """The lines of one paper, as far as they were found."""

    title: str = ""
    abstract: str = ""
    author_count: int | None = None
    published: date | None = None
    comments: int | None = None
    has_details: bool = False


def _below_heading(lines: list[str]) -> list[str]:
    at = 0
    while at < len(lines) and _HEADING.fullmatch(lines[at]):
        at += 1
    rest = lines[at:]
    subscribed = any(line.lower() == "subscribe" for line in lines[:at])
    if rest and rest[0].startswith(_GLUED) and not subscribed:
        rest = [rest[0].removeprefix(_GLUED).strip(), *rest[1:]]
    return [line for line in rest if line]


def _read_blocks(source: str, lines: list[str]) -> Listing:
    blocks = _split_blocks(lines)
    detailed = sum(block.has_details for block in blocks) * 2 > len(blocks)
    entries: list[Entry] = []
    rejects: list[Reject] = []
    cut = ""
    for position, block in enumerate(blocks, 1):
        trouble = _trouble(block)
        last = position == len(blocks)
        if last and (not block.abstract or (detailed and not block.has_details)):
            trouble = "the capture ends inside this entry"
            cut = "The capture ends in the middle of its last entry; the others were kept."
        if trouble:
            label = block.title or block.abstract
            rejects.append(payload.reject(position, label, trouble, block.abstract))
            continue
        entries.append(
            Entry(
                title=block.title,
                abstract=block.abstract,
                author_count=block.author_count,
                published=block.published,
                comments=block.comments,
            )
        )
    return payload.conclude(source, None, len(blocks), entries, rejects, cut=cut)


def _trouble(block: _Block) -> str:
    if not block.title:
        return "there is an abstract without a title"
    if not block.abstract:
        return "there is a title without an abstract"
    return ""


def _split_blocks(lines: list[str]) -> list[_Block]:
    """Give each line to the paper it belongs to: title, abstract, then details if there are any.

    Lines that do not alternate as they should are told by their length, so that one paper without
    its title or abstract does not shift all that follow.
    """
    blocks: list[_Block] = []
    for at, line in enumerate(lines):
        block = blocks[-1] if blocks else None
        if block is not None and _read_detail(block, line):
            continue
        if block is None or block.abstract or block.has_details:
            if len(line) > _LONGEST_TITLE:
                blocks.append(_Block(abstract=line))
            else:
                blocks.append(_Block(title=line))
            continue
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if len(line) < _SHORTEST_ABSTRACT / 2 and len(following) > _LONGEST_TITLE:
            blocks.append(_Block(title=line))
        else:
            block.abstract = line
    return blocks


def _read_detail(block: _Block, line: str) -> bool:
    """Take a line of details into its block; False where the line is none."""
    if not block.abstract:
        return False
    if match := _AUTHOR_COUNT.fullmatch(line):
        block.author_count = int(match[1])
    elif match := _DATED.fullmatch(line):
        day = _read_day(match[1], match[2], match[3])
        if day is None:
            return False
        block.published = day
        block.comments = int(match[4]) if match[4] else None
    elif not _DOT.fullmatch(line):
        return False
    block.has_details = True
    return True


def _read_day(month: str, day: str, year: str) -> date | None:
    number = _MONTHS.find(month[:3].lower()) // 3 + 1
    try:
        return date(int(year), number, int(day))
    except ValueError:
        return None
