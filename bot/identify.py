"""Ids and links read from strings: the only way by which a link enters Paperwire.

Nothing here searches prose. A whole string is an id or a link of a known host, or it is nothing;
a look-alike host is nothing.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

ARXIV_ABS = "https://arxiv.org/abs/"

_ARXIV_HOSTS = frozenset(
    {
        "arxiv.org",
        "www.arxiv.org",
        "export.arxiv.org",
        "browse.arxiv.org",
        "alphaxiv.org",
        "www.alphaxiv.org",
        "ar5iv.org",
        "www.ar5iv.org",
        "ar5iv.labs.arxiv.org",
    }
)
_PAPER_PAGE_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_DOI_HOSTS = frozenset({"doi.org", "www.doi.org", "dx.doi.org"})
_CODE_HOSTS = frozenset({"github.com", "www.github.com"})

_NEW_ID = re.compile(
    r"(?P<id>[0-9]{2}(?:0[1-9]|1[0-2])\.[0-9]{4,5})(?:v(?P<version>[1-9][0-9]{0,2}))?",
    re.ASCII | re.IGNORECASE,
)
# Before April 2007: archive, an optional subject class, then year, month and three digits.
_OLD_ID = re.compile(
    r"(?P<archive>[a-z]{2,8}(?:-[a-z]{2,4})?)(?:\.[a-z]{2,5}(?:-[a-z]{2,4})?)?"
    r"/(?P<number>[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3})(?:v(?P<version>[1-9][0-9]{0,2}))?",
    re.ASCII | re.IGNORECASE,
)
_OLD_ARCHIVES = re.compile(
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|"
    "cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin|"
    "nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
_DOI = re.compile(r"10\.[0-9]{4,9}/[^\s<>\"\x00-\x20\x7f]+", re.ASCII)
_ARXIV_DOI = re.compile(r"10\.48550/arxiv\.(?P<id>.+)", re.IGNORECASE)
_NOT_IN_A_LINK = re.compile(r"[\s<>\"\\^`{|}\x00-\x20\x7f-\x9f]")
_HOST = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W_](?:[\w-]*[^\W_])?")
_BEFORE_2015 = 1412
_FIRST_MONTH = 704


def arxiv_id(text: str) -> tuple[str, int | None] | None:
    """Return the arXiv id in ``text`` without its version, and the version if one is given.

    ``text`` is an id of either kind (``2106.09685v2``, ``math.GT/0309136``), with or without
    ``arXiv:`` or ``oai:arXiv.org:``, a DOI under ``10.48550/arXiv.``, or a link to the paper's
    page at arXiv, alphaXiv, ar5iv or Hugging Face. Anything else, prose around an id included,
    gives None.
    """
    bare = _unwrap(text)
    if len(bare) > 300:
        return None
    plain = re.sub(r"^(?:oai:)?arxiv(?:\.org)?:\s*", "", bare, flags=re.IGNORECASE)
    if (found := _plain_id(plain)) is not None:
        return found
    if (name := doi(bare)) is not None:
        match = _ARXIV_DOI.fullmatch(name)
        return _plain_id(match["id"]) if match else None
    parts = _split(bare if "://" in bare else f"https://{bare}")
    if parts is None or parts.scheme not in {"http", "https"}:
        return None
    return _id_in_path(parts.hostname or "", parts.path)


def doi(text: str) -> str | None:
    """Return the DOI in ``text`` in lower case, without its resolver; None where there is none."""
    bare = re.sub(r"^doi:\s*", "", _unwrap(text), flags=re.IGNORECASE)
    if "://" in bare or bare.lower().startswith(("doi.org/", "dx.doi.org/", "www.doi.org/")):
        parts = _split(bare if "://" in bare else f"https://{bare}")
        if parts is None or parts.scheme not in {"http", "https"}:
            return None
        if (parts.hostname or "") not in _DOI_HOSTS:
            return None
        bare = unquote(parts.path.lstrip("/"))
    bare = bare.rstrip(".,;")
    return bare.lower() if len(bare) <= 200 and _DOI.fullmatch(bare) else None


def paper_url(paper_id: str) -> str:
    """Return the abstract page of a valid arXiv id; no PDF is ever linked or fetched."""
    return ARXIV_ABS + paper_id


def doi_url(name: str) -> str:
    """Return the resolver's link of a DOI."""
    return f"https://doi.org/{name}"


def web_url(text: str) -> str | None:
    """Return ``text`` if it is one plain http or https link, its scheme small; else None."""
    bare = text.strip()
    if not bare or len(bare) > 2000 or _NOT_IN_A_LINK.search(bare):
        return None
    parts = _split(bare)
    if parts is None or parts.scheme not in {"http", "https"}:
        return None
    host = parts.hostname or ""
    # A name and password before the host serve only to make one host look like another.
    if "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    return f"{parts.scheme}{bare[len(parts.scheme) :]}"  # it may be written HTTP


def github_url(text: str) -> str | None:
    """Return ``text`` if it is an https link to github.com, else None."""
    bare = web_url(text)
    if bare is None:
        return None
    parts = urlsplit(bare)
    if parts.scheme != "https" or parts.hostname not in _CODE_HOSTS or parts.port is not None:
        return None
    return bare if parts.path.strip("/") else None


def _unwrap(text: str) -> str:
    """Take off what chat services and sentences put around a pasted link."""
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1].split("|", 1)[0].strip()
    return bare.rstrip(".,;)")


def _plain_id(text: str) -> tuple[str, int | None] | None:
    if match := _NEW_ID.fullmatch(text):
        name = match["id"]
        month, number = name.split(".")
        # Five digits came with January 2015.
        digits = 4 if int(month) <= _BEFORE_2015 else 5
        if int(month) < _FIRST_MONTH or len(number) != digits or not int(number):
            return None
        return name, _version(match)
    if match := _OLD_ID.fullmatch(text):
        archive = match["archive"].lower()
        if _OLD_ARCHIVES.fullmatch(archive):
            return f"{archive}/{match['number']}", _version(match)
    return None


def _version(match: re.Match[str]) -> int | None:
    return int(match["version"]) if match["version"] else None


def _id_in_path(host: str, path: str) -> tuple[str, int | None] | None:
    kind, _, rest = unquote(path).lstrip("/").partition("/")
    if host in _ARXIV_HOSTS:
        allowed = kind in {"abs", "pdf", "html", "overview", "format", "src"}
    else:
        allowed = host in _PAPER_PAGE_HOSTS and kind == "papers"
    if not allowed:
        return None
    rest = rest.rstrip("/")
    return _plain_id(rest.removesuffix(".pdf").removesuffix(".md"))


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts
