"""No bytes make any parser raise: odd feeds on record, and whatever Hypothesis thinks of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Listing, Outcome
from bot.ports import Request, Source
from bot.sources.arxiv import ArxivListing, ArxivQuery
from bot.sources.arxiv_oai import ArxivOai
from bot.sources.capture import Capture
from bot.sources.detect import sniff
from bot.sources.feed import Feed
from bot.sources.huggingface import HuggingFace
from bot.sources.json_lines import JsonLines
from bot.sources.payload import MORE
from bot.sources.sample_source import Sample

STEADY = settings(deadline=None, derandomize=True)
PARSERS: tuple[Source, ...] = (
    HuggingFace(),
    ArxivListing(["cs.CL"]),
    ArxivQuery(),
    ArxivOai(),
    Feed(),
    Capture(),
    Sample(),
    JsonLines(),
)
WORDS = {Outcome.OK, Outcome.EMPTY, Outcome.TRUNCATED, Outcome.BROKEN, Outcome.REFUSED}

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>
<pubDate>Mon, 15 Jun 2026 00:00:00 -0400</pubDate>
<item><title>One</title><link>https://arxiv.org/abs/2606.00001</link>
<guid>oai:arXiv.org:2606.00001v1</guid><description>Abstract: a &lt; b</description></item>
<item><title><![CDATA[Two]]></title><link>https://example.org/2</link>
<pubDate>Tue, 30 Feb 2026 10:00:00 GMT</pubDate></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>
<totalResults>2</totalResults><startIndex>0</startIndex><itemsPerPage>9</itemsPerPage>
<entry><id>http://arxiv.org/abs/2606.00001v1</id><title>One</title><summary>s</summary>
<link href="https://arxiv.org/abs/2606.00001v1"/><author><name>Jane Roe</name></author></entry>
<entry><id>x</id><title>Error</title></entry></feed>"""
OAI = b"""<OAI-PMH><ListRecords><record><header><identifier>i</identifier></header><metadata>
<arXiv><id>2606.00001</id><title>One</title></arXiv></metadata></record></ListRecords></OAI-PMH>"""
DAILY = json.dumps(
    [{"title": "One", "paper": {"id": "2606.00001", "authors": [{"name": "Jane"}], "upvotes": 3}}]
).encode()
CAPTURE = b"Get trending papers in your email inbox!\nSubscribeOne\n" + b"word " * 100 + b"\nTwo\n"
SPLINTERS = (b"<", b"&", b"]]>", b"<item>", b"</entry>", b'"', b"{", b"\\", b"[[", b"&#0;")
LINES = (
    json.dumps(
        {"id": "2606.00001", "title": "One", "authors": ["Jane"], "listed": "2026-06-15"}
    ).encode()
    + b'\n{"doi": "10.1234/two", "title": "Two"}\n'
)
TEMPLATES = (RSS, ATOM, OAI, DAILY, CAPTURE, LINES)


def check(listing: Listing) -> None:
    """Assert what holds of every listing, whatever it was read from."""
    assert listing.outcome in WORDS
    assert listing.declared >= len(listing.entries) + len(listing.rejects)
    if listing.outcome is not Outcome.TRUNCATED:
        assert listing.declared == len(listing.entries) + len(listing.rejects)
    if listing.outcome is Outcome.OK:
        assert listing.entries
    else:
        assert listing.note
    for entry in listing.entries:
        assert entry.title.strip()
        for url in (entry.url, entry.code_url, entry.project_url):
            assert url is None or url.startswith(("http://", "https://"))
        # What a database or a file cannot hold must not come through.
        f"{entry}".encode()
    for reject in listing.rejects:
        assert reject.position >= 1
        assert reject.reason
        f"{reject}".encode()


def check_all(body: bytes) -> None:
    for parser in PARSERS:
        check(parser.parse(body, Request("")))
    source, reason = sniff("page.bin", body)
    assert (source is None) == bool(reason)


def test_every_odd_feed_goes_through_every_parser(shared_data: Path) -> None:
    paths = [path for path in (shared_data / "feed_edge_cases").rglob("*") if path.is_file()]
    assert len(paths) == 121
    for path in paths:
        check_all(path.read_bytes())


def test_every_recorded_file_goes_through_every_other_parser(shared_data: Path) -> None:
    for name in (
        "arxiv_rss/2026-06-17.cs.CL.atom.xml",
        "arxiv_api/id_abc_s0_m100_b79c8dcf6bc3.xml",
        "hf_daily/2026-07-15.json",
        "captures/002_ee1c1983a8966c5a.txt",
    ):
        check_all((shared_data / name).read_bytes())


@STEADY
@given(st.binary(max_size=300))
def test_no_bytes_raise(body: bytes) -> None:
    check_all(body)


@STEADY
@given(st.sampled_from(TEMPLATES), st.data())
def test_no_damaged_listing_raises(template: bytes, data: st.DataObject) -> None:
    body = bytearray(template)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(body)))
        end = min(len(body), at + data.draw(st.integers(0, 12)))
        new = data.draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from(SPLINTERS),
            )
        )
        body[at:end] = new
    check_all(bytes(body))


def test_a_link_whose_scheme_is_in_capitals_is_a_link() -> None:
    """Found by fuzzing."""
    body = RSS.replace(b"https://example.org/2", b"HttpS://example.org/2")
    check_all(body)
    assert "https://example.org/2" in {e.url for e in Feed().parse(body, Request("")).entries}


@STEADY
@given(st.sampled_from(TEMPLATES), st.integers(0, 2000))
def test_no_cut_listing_raises_or_grows(template: bytes, end: int) -> None:
    check_all(template[:end])
    for parser in PARSERS:
        cut, whole = (parser.parse(body, Request("")) for body in (template[:end], template))
        assert len(cut.entries) <= max(len(whole.entries), 1)


KEYS = (
    "paper title id authors name upvotes summary publishedAt githubRepo projectPage ai_keywords "
    "numComments error listed url"
)
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(["2606.00001", "javascript:x", "2026-06-15T00:00:00Z", 10**400, "\ud800"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6),
    ),
    max_leaves=25,
)


@STEADY
@given(JSON)
def test_no_json_raises(value: object) -> None:
    check_all(json.dumps(value).encode())
    check_all(json.dumps([{"title": "T", "paper": value}]).encode())


@STEADY
@given(
    st.dictionaries(
        st.sampled_from(["title", "summary", "upvotes", "authors", "publishedAt"]), JSON
    )
)
def test_a_bad_neighbour_never_costs_a_good_entry(changes: dict[str, object]) -> None:
    good = {"title": "Good", "paper": {"id": "2606.00002"}}
    bad = {"title": "Bad", "paper": {"id": "2606.00001", **changes}}
    listing = HuggingFace().parse(json.dumps([good, bad, good]).encode(), Request(""))
    assert [entry.title for entry in listing.entries].count("Good") == 2
    assert listing.declared == 3


@STEADY
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_in_an_xml_field_comes_back_or_is_rejected(title: str, abstract: str) -> None:
    def escape(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    item = (
        f"<item><title>{escape(title)}</title><guid>oai:arXiv.org:2606.00001v1</guid>"
        f"<description>{escape(abstract)}</description></item>"
    )
    body = f"<rss><channel>{item}</channel></rss>".encode("utf-8", "replace")
    listing = ArxivListing([]).parse(body, Request(""))
    check(listing)
    assert listing.declared == 1


HOSTILE = {
    "unclosed items": b"<rss><channel>" + b"<item>" * 50_000,
    "document types": b"<rss><channel>" + b"<!DOCTYPE x [" * 50_000,
    "entities": b"<rss>" + b"<!ENTITY a 'b'" * 50_000,
    "sections": b"<rss>" + b"<![CDATA[" * 50_000,
    "comments": b"<!--" * 50_000,
    "brackets": b"<" * 200_000,
    "ampersands": b"<rss><item><title>" + b"&amp;" * 50_000,
    "escaped tags": b"<rss version='2.0'><channel><item><title>" + b"&lt;div " * 50_000,
    "attributes": b"<rss " + b'a="b" ' * 50_000,
    "arrays": b"[" * 200_000,
    "objects": b'[{"paper":' * 50_000,
    "quotes": b'["\\' * 50_000,
    "digits": b'[{"paper":{"id":"2606.00001","upvotes":' + b"9" * 200_000 + b"}}]",
    "gzip bomb": b"\x1f\x8b\x08" + b"\x00" * 1000,
    "short lines": b"Get trending papers in your email inbox!\n" + b"x\n" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_end_with_a_word(name: str) -> None:
    check_all(HOSTILE[name])


# --- too many entries ---------------------------------------------------------------------------

FEW = 5


def listings_of(count: int) -> dict[str, tuple[Source, bytes]]:
    """Return a listing of so many papers in the form of every source that is fetched."""
    ids = [f"2606.{n:05}" for n in range(1, count + 1)]
    rss = "".join(
        f"<item><title>Paper {one}</title><guid>oai:arXiv.org:{one}v1</guid>"
        f"<link>https://arxiv.org/abs/{one}</link><description>d</description></item>"
        for one in ids
    )
    atom = "".join(
        f"<entry><id>http://arxiv.org/abs/{one}v1</id><title>Paper {one}</title>"
        "<summary>s</summary></entry>"
        for one in ids
    )
    oai = "".join(
        "<record><header><identifier>i</identifier></header><metadata>"
        f"<arXiv><id>{one}</id><title>Paper {one}</title></arXiv></metadata></record>"
        for one in ids
    )
    daily = [{"title": f"Paper {one}", "paper": {"id": one}} for one in ids]
    feed = f"<rss version='2.0'><channel><title>t</title>{rss}</channel></rss>".encode()
    return {
        "daily papers": (HuggingFace(), json.dumps(daily).encode()),
        "arXiv's RSS": (ArxivListing([]), feed),
        "arXiv's Atom": (ArxivListing([]), f"<feed>{atom}</feed>".encode()),
        "arXiv's answers": (ArxivQuery(), f"<feed>{atom}</feed>".encode()),
        "OAI-PMH": (ArxivOai(), f"<OAI-PMH><ListRecords>{oai}</ListRecords></OAI-PMH>".encode()),
        "a feed": (Feed(), feed),
    }


@pytest.fixture
def only_few(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("payload", "xml_tree"):
        monkeypatch.setattr(f"bot.sources.{module}.MOST_ENTRIES", FEW)


@pytest.mark.usefixtures("only_few")
@pytest.mark.parametrize("name", listings_of(1))
def test_of_too_many_entries_the_first_are_read_and_the_rest_is_told(name: str) -> None:
    source, body = listings_of(FEW)[name]
    whole = source.parse(body, Request(""))
    assert (whole.outcome, len(whole.entries)) == (Outcome.OK, FEW)
    source, body = listings_of(FEW + 1)[name]
    part = source.parse(body, Request(""))
    check(part)
    assert (part.outcome, part.note) == (Outcome.TRUNCATED, MORE)
    assert part.entries == whole.entries
    assert (part.declared, part.rejects) == (FEW, ())


@pytest.mark.usefixtures("only_few")
def test_what_only_looks_like_entries_is_not_counted_among_them() -> None:
    source, body = listings_of(FEW)["a feed"]
    quoted = b"<![CDATA[" + b"<item>" * 50 + b"]]><!--" + b"<item >" * 50 + b"-->"
    listing = source.parse(body.replace(b"<title>t", b"<title>" + quoted), Request(""))
    assert (listing.outcome, len(listing.entries)) == (Outcome.OK, FEW)
