"""What every parser does first with an answer's bytes: decode them, and see what they are not."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from bot.domain import Entry, Listing, Outcome, Reject

# An answer beyond this is no listing; the fetcher stops far earlier, a saved file may not.
MAX_BYTES = 64 * 2**20
# Five times what any source lists in a day; of a longer listing the first ones are read.
MOST_ENTRIES = 10_000
MORE = f"The answer holds more than {MOST_ENTRIES:,} entries; only the first ones were read."

# More of them than any listing has entries would say no more than the first ones.
_MOST_LOST = 3_000
_LABEL = 120
_MOST_MEMBERS = 64
_LONGEST_TITLE = 1_000
_LONGEST_ABSTRACT = 20_000
_RAW = 2_000

# Codecs that a feed may name. Python's others (hex, idna, unicode_escape) are no charsets.
_CHARSETS = re.compile(
    r"(?:utf_?(?:8|16|32)(?:_?[lb]e)?|ascii|us_ascii|iso_?8859_\d{1,2}|latin_?1|windows_\d{3,4}"
    r"|cp\d{3,4}|gb2312|gbk|gb18030|big5|euc_(?:jp|kr)|shift_?jis|koi8_[ru]|tis_?620|iso_2022_jp"
    r"|mac_?roman)"
)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_BOM = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_STRAY_BYTE = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HTML_TYPE = re.compile(r"<!doctype\s+html\b", re.IGNORECASE)
_BEFORE_ROOT = re.compile(
    r"(?:\s+|\ufeff|<\?.*?\?>|<!--.*?-->|<!doctype[^>]*>)*", re.IGNORECASE | re.DOTALL
)
_FIRST_TAG = re.compile(r"<(?:[\w.-]+:)?([A-Za-z][\w-]*)")
_FEED_ROOT = re.compile(r"<(?:[\w.-]+:)?(?:rss|feed|rdf|oai-pmh)\b", re.IGNORECASE)
_HTML_ROOT = re.compile(r"<(?:html|head|body)\b", re.IGNORECASE)
_REFUSAL = re.compile(
    r"rate (?:limit )?exceeded|rate limit|too many requests|retry later|try again later"
    r"|temporarily unavailable|service unavailable|access denied|forbidden|unauthori[sz]ed",
    re.IGNORECASE,
)


class UnreadableError(ValueError):
    """Says why one entry cannot be used; becomes that entry's reject and goes no further."""


def decode(body: bytes) -> str:
    """Turn bytes into text, whatever they claim to be; no byte is lost and nothing is raised.

    A byte order mark wins over the XML declaration, which wins over UTF-8. Stray bytes in UTF-8
    are read as Windows-1252, which is what they nearly always are.
    """
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return _decode_as(body[len(mark) :], charset)
    for start, charset in _NO_BOM:
        if body.startswith(start):
            return _decode_as(body, charset)
    if declared := _DECLARED.match(body.lstrip()[:400]):
        name = declared[1].decode("ascii").lower().replace("-", "_")
        if _CHARSETS.fullmatch(name) and not name.startswith(
            ("utf_16", "utf16", "utf_32", "utf32")
        ):
            return _decode_as(body, name)
    return _decode_as(body, "utf-8")


def _decode_as(body: bytes, charset: str) -> str:
    if charset in {"utf-8", "utf_8", "utf8", "ascii", "us_ascii"}:
        text = body.decode("utf-8", "surrogateescape")
        return _STRAY_BYTE.sub(_read_stray, text)
    try:
        return scrub(body.decode(charset, "replace"))
    except (LookupError, UnicodeError):
        return _decode_as(body, "utf-8")


def _read_stray(match: re.Match[str]) -> str:
    return bytes([ord(match[0]) - 0xDC00]).decode("cp1252", "replace")


def scrub(text: str) -> str:
    """Replace what no UTF-8 file or database can hold: lone surrogates and the null character."""
    return _SURROGATE.sub("\ufffd", text).replace("\0", "\ufffd")


def reject(position: int, label: str, reason: str, raw: str = "") -> Reject:
    """Return a reject with its texts cut to what a person reads; ``position`` counts from 1."""
    label = " ".join(scrub(label).split())
    if len(label) > _LABEL:
        label = label[: _LABEL - 1] + "…"
    return Reject(position, label, reason, scrub(raw)[:_RAW])


def admit(entry: Entry) -> Entry:
    """Return an entry that has a title to show, its abstract cut to what can be one.

    Raises UnreadableError for a title without a visible character or of absurd length.
    """
    if not any(x.isprintable() and not x.isspace() for x in entry.title):
        raise UnreadableError("there is no title")
    if len(entry.title) > _LONGEST_TITLE:
        raise UnreadableError(f"the title has {len(entry.title)} characters")
    if len(entry.abstract) > _LONGEST_ABSTRACT:
        return replace(entry, abstract=entry.abstract[:_LONGEST_ABSTRACT])
    return entry


def nothing(source: str, listed_on: date | None, outcome: Outcome, note: str) -> Listing:
    """Return the listing of an answer in which no entry was announced."""
    return Listing(source, listed_on, 0, (), (), outcome, note)


def turn_away(
    source: str, listed_on: date | None, body: bytes, text: str, wanted: str
) -> Listing | None:
    """Return the outcome of an answer that is plainly not ``wanted``; None if it may be."""
    if len(body) > MAX_BYTES:
        size = len(body) // 2**20
        note = f"The answer has {size} MB; at most {MAX_BYTES // 2**20} MB are read."
        return nothing(source, listed_on, Outcome.BROKEN, note)
    if not text.strip("\ufeff\ufffd \t\r\n"):
        return nothing(source, listed_on, Outcome.BROKEN, "The answer is empty.")
    if is_web_page(text):
        note = f"The answer is a web page{_page_title(text)} where {wanted} was expected."
        return nothing(source, listed_on, Outcome.BROKEN, note)
    if words := refusal(text):
        return nothing(source, listed_on, Outcome.REFUSED, f"The source answered: {words}")
    return None


def refusal(text: str) -> str:
    """Return the words of a short plain text that refuses; empty for anything else."""
    bare = text.strip("\ufeff \t\r\n")
    if len(bare) > 300 or bare.startswith(("<", "[", "{")):
        return ""
    words = " ".join(bare.split())
    return words[:200] if _REFUSAL.search(words) else ""


def is_web_page(text: str) -> bool:
    """Tell HTML by its root, or by its document type where the root is not that of a feed."""
    start = text[:4000]
    before = _BEFORE_ROOT.match(start)
    at = before.end() if before else 0
    if _HTML_ROOT.match(start, at):
        return True
    return bool(_HTML_TYPE.search(start[:at])) and not _FEED_ROOT.match(start, at)


def root_name(text: str) -> str:
    """Return the name of a document's first element in small letters, without its prefix."""
    before = _BEFORE_ROOT.match(text)
    tag = _FIRST_TAG.search(text, before.end() if before else 0)
    return tag[1].lower() if tag else ""


def _page_title(text: str) -> str:
    match = re.search(r"<title[^>]*>([^<]{1,100})", text[:4000], re.IGNORECASE)
    return f" titled “{' '.join(match[1].split())}”" if match else ""


def conclude(
    source: str,
    listed_on: date | None,
    declared: int,
    entries: Sequence[Entry],
    rejects: Sequence[Reject],
    *,
    cut: str = "",
) -> Listing:
    """Close a listing: count, choose the word, say why. ``cut`` says where it ends early."""
    declared = max(declared, len(entries) + len(rejects))
    # However much more there is: where every one of the first is unreadable, it is no listing.
    if cut and not (cut == MORE and not entries and declared == len(rejects)):
        outcome, note = Outcome.TRUNCATED, cut
    elif declared == 0:
        outcome, note = Outcome.EMPTY, "A valid listing without papers."
    elif not entries:
        first = rejects[0].reason if rejects else "none was found"
        outcome = Outcome.BROKEN
        note = f"None of the {declared} declared entries could be read: {first}"
    elif rejects:
        outcome, note = Outcome.OK, f"{len(rejects)} of {declared} entries could not be read."
    else:
        outcome, note = Outcome.OK, ""
    return Listing(source, listed_on, declared, tuple(entries), tuple(rejects), outcome, note)


def lost_items(built: int, declared: int, *, cut: bool) -> list[Reject]:
    """Return rejects for the items of a document that were announced and could not be built."""
    why = "the document ends inside this entry" if cut else "it is lost in damaged markup"
    missing = range(built + 1, declared + 1)
    return [reject(position, "", why) for position in missing[:_MOST_LOST]]


def unpack(body: bytes, limit: int = MAX_BYTES) -> bytes:
    """Return the bytes within a gzip file, or ``body`` itself; never more than ``limit`` + 1.

    One byte over the limit is kept, so that the parser can say that the answer is too large.
    A file that is cut or damaged gives what could be read of it.
    """
    if not body.startswith(b"\x1f\x8b"):
        return body
    pieces: list[bytes] = []
    size, rest = 0, body
    try:
        for _ in range(_MOST_MEMBERS):
            if not rest.startswith(b"\x1f\x8b") or size > limit:
                break
            stream = zlib.decompressobj(wbits=31)
            piece = stream.decompress(rest, limit + 1 - size)
            pieces.append(piece)
            size += len(piece)
            if not stream.eof:
                break
            rest = stream.unused_data
    except zlib.error:
        pass
    return b"".join(pieces)
