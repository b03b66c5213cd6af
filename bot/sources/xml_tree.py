"""XML that may be hostile, cut or damaged, read as far as it goes: no entities, no network."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from html import unescape
from html.entities import html5
from itertools import islice
from typing import TYPE_CHECKING

from bot.sources.payload import MOST_ENTRIES, scrub

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_OPAQUE = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]{0,2000}(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_PROLOG = re.compile(r"\A<\?xml[^>]{0,500}\?>", re.IGNORECASE)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_AMPERSAND = re.compile(
    r"&(?:(?:#([0-9]{1,7}|[xX][0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]{0,31}));)?"
)
_STRAY_BRACKET = re.compile(r"<(?![A-Za-z_/!?])")
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document and how much of it there is.

    ``declared`` counts the openings of items in the text, ``items`` are those that could be built
    (a last one that the document's end cuts is not among them); ``cut`` tells that the document
    ends before its root does, ``more`` that there are items beyond those that are read of any
    document. ``text`` is what was read: shorter than the document where there is more.
    """

    root: Element
    items: tuple[Element, ...]
    declared: int
    cut: bool
    more: bool
    text: str


def read_document(text: str, item_names: Collection[str]) -> Document | None:
    """Parse ``text``; None where not even a root element can be made out. Never raises.

    A document type and its entities are dropped unread; other undefined entities, stray
    ampersands and brackets, and characters that XML forbids are mended.
    """
    from lxml import etree

    names = "|".join(re.escape(name) for name in item_names)
    opening = re.compile(rf"<(?:[\w.-]+:)?(?:{names})(?=[\s/>])")
    text, more = _first_items(text, opening)
    whole = text
    text = _PROLOG.sub("", text.lstrip("\ufeff \t\r\n"), count=1)
    if (at := text.find("<!DOCTYPE")) >= 0 and (doctype := _DOCTYPE.match(text, at)):
        text = text[:at] + text[doctype.end() :]
    pieces = _OPAQUE.split(_ILLEGAL.sub("", text))
    # Every second piece is a CDATA section or a comment, in which nothing is markup.
    markup = "".join(piece if at % 2 == 0 else " " for at, piece in enumerate(pieces))
    mended = "".join(_mend(piece) if at % 2 == 0 else piece for at, piece in enumerate(pieces))
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root: Element | None = etree.fromstring(mended.strip().encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):
        root = None
    if root is None:
        return None

    openings = [m.end() for m in opening.finditer(markup)]
    last = openings[-1] if openings else 0
    cut = not _closes_root(markup, last)
    items = [one for one in root.iter() if local_name(one) in item_names]
    partial = (
        cut and bool(openings) and not re.search(rf"</(?:[\w.-]+:)?(?:{names})\s*>", markup[last:])
    )
    if partial and len(items) == len(openings):
        items.pop()
    return Document(root, tuple(items), len(openings), cut, more, whole)


def _first_items(text: str, opening: re.Pattern[str]) -> tuple[str, bool]:
    """Cut a document before the item that is one too many, so that nothing larger is ever built."""
    if sum(1 for _ in islice(opening.finditer(text), MOST_ENTRIES + 1)) <= MOST_ENTRIES:
        return text, False
    # What looks like an item within a section or a comment is none: those are blanked, in place.
    markup = _OPAQUE.sub(lambda match: " " * len(match[0]), text)
    beyond = next(islice(opening.finditer(markup), MOST_ENTRIES, None), None)
    return (text, False) if beyond is None else (text[: beyond.start()], True)


def _closes_root(markup: str, last_opening: int) -> bool:
    root = _ROOT.search(markup)
    if root is None:
        return False
    end = markup.find(">", root.end())
    if end > 0 and markup[end - 1] == "/":
        return True
    return (
        re.search(rf"</{re.escape(root[1])}\s*>", markup[max(last_opening, root.end()) :])
        is not None
    )


def _mend(piece: str) -> str:
    return _STRAY_BRACKET.sub("&lt;", _AMPERSAND.sub(_mend_entity, piece))


def _mend_entity(match: re.Match[str]) -> str:
    number, name = match[1], match[2]
    if name in _XML_NAMES:
        return match[0]
    if name and f"{name};" in html5:
        meant = html5[f"{name};"]
    elif number:
        meant = _ILLEGAL.sub("\ufffd", scrub(unescape(match[0])))
    else:
        return "&amp;" + match[0][1:]
    return meant.replace("&", "&amp;").replace("<", "&lt;")


# --- reading elements, namespaces aside ---------------------------------------------------------


def local_name(element: Element) -> str:
    """Return an element's name without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element, name: str) -> list[Element]:
    """Return the direct children of that name, in order."""
    return [child for child in element if local_name(child).lower() == name.lower()]


def text_of(element: Element | None) -> str:
    """Return all text within an element, stripped; empty for None."""
    return "" if element is None else "".join(map(str, element.itertext())).strip()


def child_text(element: Element, *names: str) -> str:
    """Return the text of the first child that has one of these names and any text."""
    for name in names:
        for child in children(element, name):
            if text := text_of(child):
                return text
    return ""
