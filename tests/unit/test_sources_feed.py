"""Any RSS, Atom or RDF feed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.domain import Listing, Outcome
from bot.ports import Request
from bot.sources.feed import Feed

DAY = date(2026, 6, 15)


def rss(*items: str) -> bytes:
    head = (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/">'
        "<channel><title>Journal</title><link>https://example.org/</link>"
    )
    return (head + "".join(f"<item>{item}</item>" for item in items) + "</channel></rss>").encode()


def parse(body: bytes) -> Listing:
    return Feed("journal", "https://example.org/feed").parse(body, Request("", DAY))


def one(item: str) -> Listing:
    return parse(rss("<title>First</title><link>https://example.org/1</link>", item))


def test_an_item_is_read_with_what_it_gives() -> None:
    listing = parse(
        rss(
            "<title>On Feeds</title><link>https://example.org/1</link>"
            "<description>&lt;p&gt;We &lt;b&gt;read&lt;/b&gt; feeds, p &amp;lt; 0.05.&lt;/p&gt;"
            "&lt;script&gt;bad()&lt;/script&gt;</description>"
            "<dc:creator>Jane Roe</dc:creator><dc:creator>Max Poe</dc:creator>"
            "<category>biology</category><pubDate>Mon, 15 Jun 2026 08:00:00 +0000</pubDate>"
        )
    )
    (entry,) = listing.entries
    assert (listing.source, listing.listed_on, listing.outcome) == ("journal", DAY, Outcome.OK)
    assert entry.title == "On Feeds"
    assert entry.abstract == "We read feeds, p < 0.05."
    assert entry.authors == ("Jane Roe", "Max Poe")
    assert entry.categories == ("biology",)
    assert entry.url == "https://example.org/1"
    assert entry.published == DAY
    assert (entry.arxiv_id, entry.doi) == (None, None)


def test_what_only_looks_like_a_tag_stays_in_the_text() -> None:
    listing = one(
        "<title>Cases with p&lt;0.05 and a &lt; b</title><link>https://example.org/2</link>"
    )
    assert listing.entries[1].title == "Cases with p<0.05 and a < b"


def test_families_and_initials_are_joined_to_names() -> None:
    listing = one(
        "<title>T</title><link>https://example.org/2</link>"
        "<dc:creator>Roe, J., Poe, A. B., van Doe, C.-D.</dc:creator>"
    )
    assert listing.entries[1].authors == ("J. Roe", "A. B. Poe", "C.-D. van Doe")
    listing = one(
        "<title>T</title><link>https://example.org/2</link>"
        "<dc:creator>Jane Roe, Max Poe</dc:creator>"
    )
    assert listing.entries[1].authors == ("Jane Roe", "Max Poe")


def test_a_doi_is_kept_and_links_where_no_link_is_given() -> None:
    listing = one("<title>T</title><dc:identifier>doi:10.1101/2026.06.01.123456</dc:identifier>")
    entry = listing.entries[1]
    assert entry.doi == "10.1101/2026.06.01.123456"
    assert entry.url == "https://doi.org/10.1101/2026.06.01.123456"
    listing = one(
        "<title>T</title><link>https://example.org/2</link>"
        "<prism:doi>10.1000/ABC</prism:doi><guid>x</guid>"
    )
    assert (listing.entries[1].doi, listing.entries[1].url) == (
        "10.1000/abc",
        "https://example.org/2",
    )


def test_an_arxiv_id_in_link_or_guid_makes_an_arxiv_paper() -> None:
    listing = one("<title>T</title><link>https://arxiv.org/abs/2606.00001v2</link>")
    entry = listing.entries[1]
    assert (entry.arxiv_id, entry.version) == ("2606.00001", 2)
    assert entry.url == "https://arxiv.org/abs/2606.00001"


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,hello",
        "ftp://example.org/1",
        "https://arxiv.org@example.com/abs/2606.00001",
        "/relative/1",
        "https://exa mple.org/",
    ],
)
def test_a_link_that_is_no_plain_web_address_rejects_its_entry(link: str) -> None:
    listing = one(f"<title>Bad</title><link>{link}</link>")
    assert [entry.title for entry in listing.entries] == ["First"]
    (reject,) = listing.rejects
    assert (reject.position, reject.label) == (2, "Bad")
    assert "no http or https address" in reject.reason


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("<link>https://example.org/2</link>", "there is no title"),
        ("<title>&#160;</title><link>https://example.org/2</link>", "there is no title"),
        ("<title>T</title>", "there is neither a link nor an id to link to"),
        (
            "<title>T</title><description>at https://example.org/x</description>",
            "there is neither a link nor an id to link to",
        ),
    ],
)
def test_an_entry_without_title_or_link_costs_only_itself(item: str, reason: str) -> None:
    listing = one(item)
    assert [entry.title for entry in listing.entries] == ["First"]
    assert [reject.reason for reject in listing.rejects] == [reason]
    assert (listing.declared, listing.outcome) == (2, Outcome.OK)


def test_atom_takes_the_content_where_there_is_no_summary() -> None:
    body = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>J</title><entry><title>T</title>'
        b'<link href="https://example.org/1"/><id>tag:1</id><updated>2026-06-14T10:00:00Z</updated>'
        b'<author><name>Jane Roe</name></author><content type="html">&lt;p&gt;Text.&lt;/p&gt;'
        b"</content></entry></feed>"
    )
    (entry,) = parse(body).entries
    assert (entry.abstract, entry.authors) == ("Text.", ("Jane Roe",))
    assert entry.published == date(2026, 6, 14)


def test_rdf_is_read() -> None:
    body = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        b'xmlns="http://purl.org/rss/1.0/"><channel><title>J</title></channel>'
        b'<item rdf:about="https://example.org/1"><title>T</title>'
        b"<link>https://example.org/1</link></item></rdf:RDF>"
    )
    assert [entry.title for entry in parse(body).entries] == ["T"]


def test_an_absurdly_long_text_is_cut_and_an_absurd_title_rejected() -> None:
    text = "word " * 10_000
    listing = parse(
        rss(
            f"<title>T</title><link>https://example.org/1</link><description>{text}</description>",
            f"<title>{text}</title><link>https://example.org/2</link>",
        )
    )
    assert len(listing.entries[0].abstract) == 20_000
    assert "characters" in listing.rejects[0].reason


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("miniflux__encoding_ISO-8859-1.xml", 40),
        ("miniflux__encoding_WINDOWS-1251.xml", 50),
        ("miniflux__large_atom.xml", 25),
        ("miniflux__large_rss.xml", 25),
        ("miniflux__no_encoding_ISO-8859-1.xml", 9),
        ("miniflux__rdf_UTF8.xml", 60),
        ("miniflux__small_atom.xml", 20),
        ("miniflux__urdu_UTF8.xml", 26),
    ],
)
def test_real_feeds_of_many_encodings_are_read(shared_data: Path, name: str, count: int) -> None:
    listing = parse((shared_data / "feed_edge_cases" / name).read_bytes())
    assert (listing.outcome, len(listing.entries)) == (Outcome.OK, count)
    assert len(listing.entries) + len(listing.rejects) == listing.declared
    assert not any("\ufffd" in entry.title for entry in listing.entries)


def test_undeclared_latin_1_keeps_its_accents(shared_data: Path) -> None:
    path = shared_data / "feed_edge_cases" / "miniflux__no_encoding_ISO-8859-1.xml"
    titles = " ".join(entry.title for entry in parse(path.read_bytes()).entries)
    assert "é" in titles


def test_an_arxiv_feed_is_also_a_feed(shared_data: Path) -> None:
    path = shared_data / "arxiv_rss" / "2026-06-15.cs.CL.rss.xml"
    listing = parse(path.read_bytes())
    assert (len(listing.entries), listing.declared) == (76, 76)
    assert all(entry.arxiv_id for entry in listing.entries)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.BROKEN),
        (b"words", Outcome.BROKEN),
        (b"{}", Outcome.BROKEN),
        (b"<html><body>hello</body></html>", Outcome.BROKEN),
        (b"<!DOCTYPE html><title>x</title>", Outcome.BROKEN),
        (b"<root/>", Outcome.BROKEN),
        (b"Rate exceeded.", Outcome.REFUSED),
        (rss(), Outcome.EMPTY),
        (b'<!DOCTYPE html><rss version="2.0"><channel></channel></rss>', Outcome.EMPTY),
        (rss()[:-3], Outcome.TRUNCATED),
        (b"<rss><channel>" + b"<item/>" * 10_001 + b"</channel></rss>", Outcome.BROKEN),
    ],
)
def test_what_holds_no_entries_gets_its_own_word(body: bytes, outcome: Outcome) -> None:
    listing = parse(body)
    assert (listing.outcome, listing.entries) == (outcome, ())
    assert listing.note


def test_a_feed_cut_within_an_item_keeps_only_the_complete_ones() -> None:
    body = rss(
        "<title>One</title><link>https://example.org/1</link>",
        "<title>Two</title><link>https://example.org/2</link><description>Long text</description>",
    )
    listing = parse(body[: body.index(b"text</description>")])
    assert listing.outcome is Outcome.TRUNCATED
    assert [entry.title for entry in listing.entries] == ["One"]
    assert [reject.reason for reject in listing.rejects] == ["the document ends inside this entry"]


def test_a_body_that_names_a_file_or_an_address_is_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "feed.xml"
    secret.write_bytes(rss("<title>Secret</title><link>https://example.org/1</link>"))
    assert parse(str(secret).encode()).entries == ()
    assert parse(secret.as_uri().encode()).entries == ()


def test_a_feed_is_one_request() -> None:
    assert [r.url for r in Feed("j", "https://example.org/feed").requests([DAY, DAY])] == [
        "https://example.org/feed"
    ]
    assert list(Feed().requests([DAY])) == []
    assert Feed().name == "feed"
