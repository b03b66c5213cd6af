"""Damaged text made whole: wrong decodings, entities, hidden characters; and keys for sameness."""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5

from ranking.latex import readable

__all__ = ["author_key", "readable", "repair", "title_key", "without_links"]

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_NESTED_ENTITY = re.compile(r"&(?:(?:amp|#0*38|#[xX]0*26);)+(?=[#A-Za-z])")
# Controls, soft hyphen, zero width, bidirectional marks, interlinear marks, tags, surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_CJK = re.compile(
    "[\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\ue000-\uf8ff]+"
)
_LATIN_OR_SIGN = re.compile("[\x20-\x7e\xa0-\u024f\u0370-\u03ff\u2010-\u2027\u2030-\u22ff]+")
_SINGLE = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ħ": "h"}
)

_URL = re.compile(
    r"(?:\\url\s*\{\s*)?\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s<>\"{}|\\^`]*[^\s<>\"{}|\\^`.,;:!?'’”)\]]/?\}?",
    re.IGNORECASE,
)
_BARE_LINK = re.compile(
    r"\b(?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|io|dev|ai|edu|gov|co|me|app|info|xyz|site|page|online"
    r"|cloud|link|ly|gl|cc|tv|uk|de|fr|cn|jp|ch|eu|us|ru|in|nl|it|es)/[^\s<>\"{}|\\^`]*[^\s<>\"{}|\\^`.,;:!?'’”)\]]/?",
    re.IGNORECASE,
)
_BARE_HOST = re.compile(
    r"\b(?:[a-z0-9-]{1,63}\.){2,5}(?:com|org|net|io|dev|ai|edu|gov|co|me|app|info|xyz|site|page|online"
    r"|cloud|link)\b(?![\w-])/?",
    re.IGNORECASE,
)
_LEFTOVER = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}|<\s*>|\\url\s*\{\s*\}")


def repair(text: str) -> str:
    """Return ``text`` as its author meant it, on one line.

    Undoes UTF-8 read as Latin-1, Windows-1252 or GBK, and HTML entities; takes out control,
    zero-width and bidirectional characters; folds line breaks and white space; composes accents
    (NFC). LaTeX is left for ``readable``. Repairing twice changes nothing.
    """
    if text.isascii() and "&" not in text and not _HIDDEN.search(text):
        return " ".join(text.split())
    for _ in range(5):
        repaired = _repair_once(text)
        if repaired == text:
            break
        text = repaired
    return text


def _repair_once(text: str) -> str:
    if not text.isascii():
        from ftfy import fix_encoding

        # Before hidden characters go: the damage is made of them in part.
        text = _undo_gbk(fix_encoding(text))
    if "&" in text:
        text = _ENTITY.sub(_entity, _NESTED_ENTITY.sub("&", text))
    text = _HIDDEN.sub("", text)
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _entity(match: re.Match[str]) -> str:
    name = match[0]
    return html.unescape(name) if name[1] == "#" or name[1:] in html5 else name


def _undo_gbk(text: str) -> str:
    """Read runs of Chinese characters back as the UTF-8 they came from, if that is what they are.

    Some real Chinese characters pass for damaged Latin ones, so all runs of a text must pass, and
    each must touch a Latin word, as a letter torn out of it would.
    """
    pieces: list[str] = []
    position = 0
    for match in _CJK.finditer(text):
        meant = _read_as_utf8(match[0])
        around = text[max(0, match.start() - 1) : match.start()] + text[match.end() :][:1]
        if meant is None or not (meant == match[0] or _belongs(meant, around)):
            return text
        pieces += [text[position : match.start()], meant]
        position = match.end()
    pieces.append(text[position:])
    return "".join(pieces)


def _read_as_utf8(run: str) -> str | None:
    try:
        meant = run.encode("gb18030").decode("utf-8")
    except UnicodeDecodeError as error:
        # A sign whose last byte was lost on the way says neither yes nor no.
        return run if error.reason == "unexpected end of data" and len(run) == 1 else None
    except UnicodeEncodeError:
        return None
    return meant if _LATIN_OR_SIGN.fullmatch(meant) else None


def _belongs(meant: str, around: str) -> bool:
    if any(x.isascii() and x.isalnum() for x in meant):
        return True
    if any(x.isascii() and x.isalnum() for x in around):
        return True
    greek = any("\u0370" <= x < "\u0400" for x in meant)
    return greek and any(x in "-_$^" for x in around)


def without_links(text: str) -> str:
    """Return prose without its links: what prose links to is nobody's word but its author's."""
    if "." not in text and "://" not in text:
        return text
    bare = text
    for pattern in (_URL, _BARE_LINK, _BARE_HOST):
        bare = pattern.sub("", bare)
    if bare == text:
        return text
    bare = _LEFTOVER.sub("", bare)
    return re.sub(r"\s+([.,;:!?)\]])", r"\1", " ".join(bare.split()))


def title_key(title: str) -> str:
    """Return what makes two titles the same: letters and digits only, without case and accents."""
    plain = readable(repair(title))
    return _fold(plain) or "".join(plain.casefold().split())


def author_key(name: str) -> str:
    """Return a name's family and first initial, ``"roe j"``, from either order of writing.

    Only a comma tells "Family, Given"; without one the last word is taken for the family.
    """
    plain = re.sub(r"\([^)]*\)", " ", readable(repair(name)))
    family_part, comma, given_part = plain.partition(",")
    family = _name_words(family_part)
    given = _name_words(given_part)
    if not comma or not given:
        family, given = family[-1:], family[:-1]
    if not family:
        return given[0] if given else ""
    return f"{family[-1]} {given[0][0]}" if given else family[-1]


def _name_words(part: str) -> list[str]:
    folded = [_fold(word) for word in part.replace(".", " ").split()]
    return [word for word in folded if word and word not in {"jr", "sr", "ii", "iii", "iv"}]


def _fold(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold().translate(_SINGLE))
    return "".join(x for x in text.casefold() if x.isalnum())
