"""Which parser a saved file needs: told by what is in it, its name only breaks ties."""

from __future__ import annotations

import re
from datetime import date
from pathlib import PurePath

from bot.ports import Request, Source
from bot.sources import payload
from bot.sources.arxiv import ArxivListing, ArxivQuery
from bot.sources.arxiv_oai import ArxivOai
from bot.sources.capture import Capture
from bot.sources.feed import Feed
from bot.sources.huggingface import HuggingFace
from bot.sources.json_lines import JsonLines

# As much of a file as telling its kind may need.
HEAD_BYTES = 64 * 1024

_ROOTS = frozenset({"oai-pmh", "rss", "rdf", "feed"})
_ARXIV_FEED = re.compile(
    r"<arxiv:announce_type|oai:arXiv\.org:|//rss\.arxiv\.org/|updates on arXiv\.org"
    r"|<title>Feed error",
    re.IGNORECASE,
)
_ARXIV_ANSWER = re.compile(
    r"arxiv\.org/api/|<title[^>]*>arXiv (?:Query|Search)|<opensearch:totalResults", re.IGNORECASE
)
_CAPTURE = re.compile(
    r"get trending papers in your email inbox|by\s?AK and the research community", re.IGNORECASE
)
_DAY = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)", re.ASCII)


def sniff(path_name: str, head: bytes) -> tuple[Source | None, str]:
    """Return the source whose parser reads this file, or None and the reason in a sentence.

    ``head`` is the file's first 64 KB or all of it, compressed or not. The parser wants the whole
    file, uncompressed by ``payload.unpack`` where it is gzip.
    """
    text = payload.decode(payload.unpack(head, HEAD_BYTES)[:HEAD_BYTES]).lstrip("\ufeff \t\r\n")
    source: Source | None = None
    reason = "is empty"
    if text.startswith("%PDF"):
        reason = "is a PDF; give its arXiv id instead"
    elif text.startswith(("[", "{")):
        source = _sniff_json(text)
        reason = "is JSON, but neither a Daily Papers answer nor one paper a line"
    elif text.startswith("<"):
        source = _sniff_xml(text)
        reason = "is a web page or other markup, but no RSS, Atom, RDF or OAI-PMH listing"
    elif _CAPTURE.search(text[:2000]):
        source = Capture()
    elif payload.refusal(text):
        # Said as plain text by the arXiv services; the parser repeats it as the outcome.
        source = ArxivListing(())
    elif text:
        reason = (
            "is neither a Daily Papers or arXiv answer, a feed, JSON lines, "
            "nor a capture of the Daily Papers page"
        )
    return source, "" if source else f"{path_name} {reason}."


def request_for(path_name: str) -> Request:
    """Return the request that a saved file stands for; a day in its name is its listing day."""
    day = None
    if found := _DAY.search(PurePath(path_name).name):
        try:
            day = date.fromisoformat(found[1])
        except ValueError:
            day = None
    return Request(path_name, day)


def _sniff_json(text: str) -> Source | None:
    if text[0] == "[" or re.match(r'\{\s*"error"\s*:', text):
        return HuggingFace()
    return JsonLines() if re.match(r'\{[^\n]*"(?:title|id)"\s*:', text) else None


def _sniff_xml(text: str) -> Source | None:
    root = payload.root_name(text)
    if root not in _ROOTS:
        return None
    if root == "oai-pmh":
        return ArxivOai()
    if root == "feed" and _ARXIV_ANSWER.search(text):
        return ArxivQuery()
    return ArxivListing(()) if _ARXIV_FEED.search(text) else Feed()
