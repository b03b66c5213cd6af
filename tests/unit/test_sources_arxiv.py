"""arXiv's daily listings, query API and OAI-PMH pages."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from bot.domain import Announce, Listing, Outcome
from bot.ports import Request
from bot.sources.arxiv import ArxivListing, ArxivQuery, split_authors
from bot.sources.arxiv_oai import ArxivOai

ITEM = """<item><title>{title}</title><link>https://arxiv.org/abs/2606.00001</link>
<description>{description}</description><guid isPermaLink="false">{guid}</guid>
<category>cs.CL</category><category>math.OC</category>
<arxiv:announce_type>{announce}</arxiv:announce_type>
<dc:creator>{creator}</dc:creator></item>"""
HEAD = """<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
 version="2.0"><channel><title>cs.CL updates on arXiv.org</title>
<pubDate>Mon, 15 Jun 2026 00:00:00 -0400</pubDate>"""
TAIL = "</channel></rss>"


def an_item(
    title: str = "A Small Parser",
    description: str = "arXiv:2606.00001v1 Announce Type: new \nAbstract: We parse.",
    guid: str = "oai:arXiv.org:2606.00001v1",
    announce: str = "new",
    creator: str = "Jane Roe, Max Poe",
) -> str:
    return ITEM.format(
        title=title, description=description, guid=guid, announce=announce, creator=creator
    )


def parse(*items: str, head: str = HEAD, tail: str = TAIL) -> Listing:
    body = (head + "".join(items) + tail).encode()
    return ArxivListing(["cs.CL"]).parse(body, Request(""))


def read(path: Path) -> Listing:
    return ArxivListing(["cs.CL"]).parse(path.read_bytes(), Request(path.name))


def ask(body: bytes) -> Listing:
    return ArxivQuery().parse(body, Request(""))


# --- recorded listings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "day", "counts"),
    [
        ("2026-06-15.cs.CL", date(2026, 6, 15), (42, 12, 20, 2)),
        ("2026-06-16.cs.CL", date(2026, 6, 16), (140, 19, 16, 4)),
        ("2026-06-17.cs.CL", date(2026, 6, 17), (52, 13, 18, 2)),
    ],
)
def test_rss_and_atom_of_a_day_are_the_same_papers(
    shared_data: Path, name: str, day: date, counts: tuple[int, ...]
) -> None:
    rss = read(shared_data / "arxiv_rss" / f"{name}.rss.xml")
    atom = read(shared_data / "arxiv_rss" / f"{name}.atom.xml")
    assert rss == atom
    assert (rss.source, rss.outcome, rss.listed_on, rss.rejects) == ("arxiv", Outcome.OK, day, ())
    by_type = Counter(entry.announce for entry in rss.entries)
    assert tuple(by_type[kind] for kind in Announce) == counts
    assert rss.declared == len(rss.entries) == sum(counts)


def test_a_listing_of_three_categories_is_counted_by_type(shared_data: Path) -> None:
    listing = read(shared_data / "arxiv_rss" / "2026-06-15.cs.AI+cs.CL+cs.CV.rss.xml")
    by_type = Counter(entry.announce for entry in listing.entries)
    assert tuple(by_type[kind] for kind in Announce) == (153, 0, 36, 2)
    assert listing.declared == 191


def test_recorded_entries_are_whole(shared_data: Path) -> None:
    for path in sorted((shared_data / "arxiv_rss").glob("*.xml")):
        for entry in read(path).entries:
            assert entry.title
            assert entry.authors
            assert entry.categories
            assert entry.version
            assert entry.url == f"https://arxiv.org/abs/{entry.arxiv_id}"
            assert not entry.abstract.startswith(("arXiv:", "Abstract:"))
            assert (entry.published is not None) == (entry.announce is Announce.NEW)


def test_the_real_excerpt_gives_versions_types_and_a_doi(shared_data: Path) -> None:
    (path,) = (shared_data / "arxiv_rss").glob("rss2_*.xml")
    listing = read(path)
    assert listing.listed_on == date(2026, 9, 24)
    assert [(e.arxiv_id, e.version, e.announce.value) for e in listing.entries] == [
        ("2609.26811", 1, "new"),
        ("2609.26820", 1, "new"),
        ("2205.06398", 2, "cross"),
        ("2009.13987", 3, "replace"),
    ]
    assert listing.entries[2].doi == "10.1093/bioinformatics/btac431"
    assert listing.entries[2].authors == ("Pritam Dey", "Zhengwu Zhang", "David B. Dunson")


def test_weekend_feeds_are_empty_and_know_their_day(shared_data: Path) -> None:
    paths = sorted((shared_data / "arxiv_rss").glob("*EMPTY.xml"))
    assert len(paths) == 4
    for path in paths:
        listing = read(path)
        assert (listing.outcome, listing.declared) == (Outcome.EMPTY, 0)
        assert str(listing.listed_on) == path.name[:10]


# --- the derived odd feeds ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "outcome", "declared", "parsed"),
    [
        ("bad_entity.xml", Outcome.OK, 4, 4),
        ("control_char.xml", Outcome.OK, 4, 4),
        ("duplicate_guid.xml", Outcome.OK, 5, 5),
        ("empty_body.xml", Outcome.BROKEN, 0, 0),
        ("html_instead_of_xml.html", Outcome.BROKEN, 0, 0),
        ("latin1_declared_utf8.xml", Outcome.OK, 4, 4),
        ("rate_exceeded.txt", Outcome.REFUSED, 0, 0),
        ("same_paper_v2_replacement.xml", Outcome.OK, 4, 4),
        ("truncated_mid_item.xml", Outcome.TRUNCATED, 3, 2),
        ("utf8_bom.xml", Outcome.OK, 4, 4),
        ("withdrawn_paper.xml", Outcome.OK, 4, 4),
    ],
)
def test_derived_feeds(
    shared_data: Path, name: str, outcome: Outcome, declared: int, parsed: int
) -> None:
    listing = read(shared_data / "feed_edge_cases" / "derived" / name)
    assert (listing.outcome, listing.declared, len(listing.entries)) == (outcome, declared, parsed)
    assert len(listing.entries) + len(listing.rejects) == listing.declared
    assert bool(listing.note) == (outcome is not Outcome.OK)


def test_derived_damage_is_mended_where_it_stands(shared_data: Path) -> None:
    folder = shared_data / "feed_edge_cases" / "derived"
    assert (
        read(folder / "bad_entity.xml")
        .entries[0]
        .abstract.startswith("Local \xa0 learning & trains")
    )
    assert read(folder / "control_char.xml").entries[3].title == "Random Polytope Descriptors"
    assert read(folder / "latin1_declared_utf8.xml").entries[3].authors[0] == "Gün\xadter Jösé"
    replaced = read(folder / "same_paper_v2_replacement.xml").entries[0]
    assert (replaced.version, replaced.announce) == (2, Announce.REPLACE)
    (reject,) = read(folder / "truncated_mid_item.xml").rejects
    assert (reject.position, reject.reason) == (3, "the document ends inside this entry")


# --- one item at a time -------------------------------------------------------------------------


def test_an_item_without_the_descriptions_head_is_read_the_same() -> None:
    with_head = parse(an_item()).entries
    assert parse(an_item(description="We parse.")).entries == with_head
    assert parse(an_item(description="Abstract: We parse.")).entries == with_head
    assert with_head[0].abstract == "We parse."


def test_brackets_and_markup_signs_in_an_abstract_survive() -> None:
    description = (
        "arXiv:2606.00001v1 Announce Type: new \nAbstract: p &lt; 0.05, a&lt;b&gt;c, x < 3"
    )
    (entry,) = parse(an_item(description=description)).entries
    assert entry.abstract == "p < 0.05, a<b>c, x < 3"


@pytest.mark.parametrize(
    ("word", "announce"),
    [
        ("new", Announce.NEW),
        ("Replace-Cross", Announce.REPLACE_CROSS),
        ("absonly", Announce.REPLACE),
        ("unheard-of", Announce.NEW),
    ],
)
def test_announce_types(word: str, announce: Announce) -> None:
    assert parse(an_item(announce=word)).entries[0].announce is announce


def test_a_missing_announce_type_is_told_by_the_description_or_the_version() -> None:
    from_text = "arXiv:2606.00001v1 Announce Type: cross \nAbstract: We parse."
    assert parse(an_item(announce="", description=from_text)).entries[0].announce is Announce.CROSS
    later = an_item(announce="", description="We parse.", guid="oai:arXiv.org:2606.00001v4")
    assert parse(later).entries[0].announce is Announce.REPLACE


def test_the_id_comes_from_the_guid_then_the_link_then_the_head_of_the_description() -> None:
    assert parse(an_item(guid="")).entries[0].version is None
    bare = an_item(guid="none").replace("https://arxiv.org/abs/2606.00001", "https://example.org/x")
    (entry,) = parse(bare).entries
    assert (entry.arxiv_id, entry.version) == ("2606.00001", 1)
    assert entry.url == "https://arxiv.org/abs/2606.00001"


def test_an_item_without_an_id_or_title_costs_only_itself() -> None:
    nameless = an_item(title=" ", guid="oai:arXiv.org:2606.00002v1")
    idless = an_item(guid="x", description="See https://arxiv.org/abs/2606.00009").replace(
        "https://arxiv.org/abs/2606.00001", "https://arxiv.org.example.com/abs/2606.00001"
    )
    listing = parse(an_item(), nameless, idless, an_item())
    assert len(listing.entries) == 2
    assert [(r.position, r.reason) for r in listing.rejects] == [
        (2, "there is no title"),
        (3, "neither guid nor link holds an arXiv id"),
    ]
    assert listing.rejects[1].label == "A Small Parser"
    assert (listing.outcome, listing.declared) == (Outcome.OK, 4)


def test_an_item_that_is_never_closed_does_not_swallow_the_next() -> None:
    unclosed = an_item().replace("</item>", "")
    listing = parse(unclosed, an_item(guid="oai:arXiv.org:2606.00002v1"))
    assert [entry.arxiv_id for entry in listing.entries] == ["2606.00001", "2606.00002"]
    assert listing.declared == 2


def test_affiliations_go_and_their_commas_split_nothing() -> None:
    creator = "Jane Roe (1, Dept. of X, Town (North)), Max Poe, Jr., (2) Ann Doe"
    assert split_authors([creator]) == ("Jane Roe", "Max Poe, Jr.", "Ann Doe")
    assert split_authors(["A (B, C", "D"]) == ("A (B", "C", "D")
    assert split_authors(["", " , "]) == ()


def test_entities_of_a_document_type_are_never_expanded() -> None:
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE rss [<!ENTITY l0 "lol">{bomb}<!ENTITY x SYSTEM "file:///etc/hosts">]>'
    head = HEAD.replace("<rss", doctype + "<rss")
    listing = parse(an_item(title="&l9; &x; title"), head=head)
    assert [entry.title for entry in listing.entries] == ["&l9; &x; title"]


def test_the_feeds_day_is_told_in_eastern_time() -> None:
    winter = HEAD.replace("Mon, 15 Jun 2026 00:00:00 -0400", "Tue, 05 Jan 2027 05:00:00 +0000")
    assert parse(head=winter).listed_on == date(2027, 1, 5)
    evening = HEAD.replace("Mon, 15 Jun 2026 00:00:00 -0400", "Tue, 05 Jan 2027 04:59:00 +0000")
    assert parse(head=evening).listed_on == date(2027, 1, 4)


@pytest.mark.parametrize("text", ["", "soon", "Mon, 99 Jun 2026 00:00:00 -0400", "9" * 50])
def test_a_feed_without_a_readable_day_belongs_to_the_day_asked_for(text: str) -> None:
    body = (HEAD.replace("Mon, 15 Jun 2026 00:00:00 -0400", text) + an_item() + TAIL).encode()
    listing = ArxivListing(["cs.CL"]).parse(body, Request("", date(2026, 6, 1)))
    assert listing.listed_on == date(2026, 6, 1)
    assert len(listing.entries) == 1


def test_a_feed_that_says_error_is_a_refusal() -> None:
    head = HEAD.replace("cs.CL updates on arXiv.org", "Feed error for query: cs.XX")
    listing = parse(head=head)
    assert listing.outcome is Outcome.REFUSED
    assert "Feed error for query: cs.XX" in listing.note


def test_a_feed_of_another_site_is_broken() -> None:
    foreign = "<item><title>News</title><link>https://example.org/1</link></item>"
    listing = parse(foreign, foreign)
    assert (listing.outcome, listing.declared, len(listing.rejects)) == (Outcome.BROKEN, 2, 2)
    assert "None of the 2 declared entries" in listing.note


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"plain words", b"<svg/>", b"<", b"<?xml version='1.0'?>", b"\x00\x01"]
)
def test_what_is_no_feed_is_broken(body: bytes) -> None:
    assert ArxivListing([]).parse(body, Request("")).outcome is Outcome.BROKEN


def test_a_listing_cut_at_every_tag_never_gives_a_partial_paper() -> None:
    whole = HEAD + an_item() + an_item(guid="oai:arXiv.org:2606.00002v1") + TAIL
    complete = parse(an_item(), an_item(guid="oai:arXiv.org:2606.00002v1")).entries
    ends = [at for at in range(len(HEAD), len(whole) - len("</rss>")) if whole[at] in "<>"]
    for end in ends:
        listing = ArxivListing([]).parse(whole[:end].encode(), Request(""))
        assert listing.outcome is Outcome.TRUNCATED
        assert listing.entries == complete[: len(listing.entries)]
        assert len(listing.entries) + len(listing.rejects) == listing.declared


def test_the_request_joins_the_categories() -> None:
    (request,) = ArxivListing(["cs.CL", "cs.LG"], "http://127.0.0.1:9/").requests([])
    assert request.url == "http://127.0.0.1:9/rss/cs.CL+cs.LG"
    (request,) = ArxivListing(["cs.CL"], atom=True).requests([])
    assert request.url == "https://rss.arxiv.org/atom/cs.CL"


# --- the query API ------------------------------------------------------------------------------


def test_recorded_answers_hold_what_they_declare(shared_data: Path) -> None:
    outcomes: Counter[Outcome] = Counter()
    for path in sorted((shared_data / "arxiv_api").glob("*.xml")):
        listing = ask(path.read_bytes())
        outcomes[listing.outcome] += 1
        assert len(listing.entries) + len(listing.rejects) == listing.declared
        for entry in listing.entries:
            assert entry.version
            assert entry.authors
            assert entry.published
            assert entry.title != "Error"
    assert outcomes == {Outcome.OK: 17, Outcome.EMPTY: 2, Outcome.REFUSED: 1}


def test_the_error_entry_is_no_paper(shared_data: Path) -> None:
    (path,) = (shared_data / "arxiv_api").glob("id_abc_*.xml")
    listing = ask(path.read_bytes())
    assert (listing.outcome, listing.entries) == (Outcome.REFUSED, ())
    assert listing.note == "The source answered: incorrect id format for abc"


def test_old_ids_dates_and_affiliations(shared_data: Path) -> None:
    (path,) = (shared_data / "arxiv_api").glob("id_astro-ph_0601001_*.xml")
    (entry,) = ask(path.read_bytes()).entries
    assert entry.arxiv_id == "astro-ph/0601001"
    assert entry.url == "https://arxiv.org/abs/astro-ph/0601001"
    assert entry.published == date(2006, 1, 2)
    assert not any("Ohio" in name for name in entry.authors)


def test_slices_follow_each_other_to_the_last(shared_data: Path) -> None:
    (path,) = (shared_data / "arxiv_api").glob("q_testing_s10_m10_*.xml")
    query = ArxivQuery("http://127.0.0.1:9")
    first = query.backfill(["cs.CL", "cs.LG"], date(2026, 6, 1), date(2026, 6, 3), size=9999)
    assert first.url == "http://127.0.0.1:9/api/query"
    assert dict(first.params) == {
        "search_query": "(cat:cs.CL OR cat:cs.LG) AND submittedDate:[202606010000 TO 202606032359]",
        "start": "0",
        "max_results": "2000",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
    }
    following = query.following(path.read_bytes(), first)
    assert following is not None
    assert dict(following.params)["start"] == "20"
    last = path.read_bytes().replace(b">214881<", b">20<")
    assert query.following(last, first) is None
    assert query.following(b"junk", first) is None


def test_a_slice_that_holds_fewer_than_it_promises_is_truncated(shared_data: Path) -> None:
    (path,) = (shared_data / "arxiv_api").glob("q_testing_s10_m10_*.xml")
    text = path.read_text()
    short = text[: text.rindex("<entry>")] + "</feed>"
    listing = ask(short.encode())
    assert (listing.outcome, listing.declared, len(listing.entries)) == (Outcome.TRUNCATED, 10, 9)
    assert listing.note == "10 entries were promised and 9 came."


def test_a_day_asked_for_is_one_request_and_its_listing_day() -> None:
    (request,) = ArxivQuery(categories=["cs.CL"]).requests([date(2026, 6, 1)])
    assert request.day == date(2026, 6, 1)
    empty = b'<feed xmlns="http://www.w3.org/2005/Atom"><title>arXiv Query</title></feed>'
    listing = ArxivQuery().parse(empty, request)
    assert (listing.outcome, listing.listed_on) == (Outcome.EMPTY, date(2026, 6, 1))


def test_look_up_leaves_out_what_is_no_id_and_asks_a_hundred_at_a_time() -> None:
    ids = [f"2606.{number:05d}" for number in range(1, 151)]
    requests = ArxivQuery().lookup([*ids, "abc", ids[0], "https://arxiv.org/abs/cs/0112017v2"])
    assert [len(dict(r.params)["id_list"].split(",")) for r in requests] == [100, 51]
    assert dict(requests[1].params)["id_list"].endswith(",cs/0112017v2")
    assert list(ArxivQuery().lookup(["abc"])) == []


# --- OAI-PMH ------------------------------------------------------------------------------------


def test_a_recorded_page_of_records_is_read(shared_data: Path) -> None:
    (path,) = (shared_data / "arxiv_oai").glob("*.xml")
    listing = ArxivOai().parse(path.read_bytes(), Request(""))
    assert (listing.outcome, listing.declared, listing.listed_on) == (Outcome.OK, 3, None)
    first = listing.entries[0]
    assert (first.arxiv_id, first.doi) == ("2504.11237", "10.1103/bppp-53g1")
    assert first.authors == ("Chunhai Lyu", "Christoph H. Keitel", "Zoltán Harman")
    assert first.published == date(2025, 4, 15)
    assert first.categories[0] == "physics.atom-ph"
    assert ArxivOai().following(path.read_bytes(), Request("")) is None


def oai(inner: str) -> bytes:
    return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{inner}</OAI-PMH>'.encode()


def test_deleted_and_foreign_records_cost_only_themselves() -> None:
    good = (
        "<record><header><identifier>oai:arXiv.org:2606.00001</identifier></header><metadata>"
        '<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>2606.00001</id><title>A Parser</title>'
        "<authors>Jane Roe, Max Poe and Ann Doe</authors><created>soon</created></arXiv>"
        "</metadata></record>"
    )
    deleted = '<record><header status="deleted"><identifier>oai:x</identifier></header></record>'
    foreign = "<record><metadata><dc><title>T</title></dc></metadata></record>"
    body = oai(
        f"<ListRecords>{deleted}{good}{foreign}"
        "<resumptionToken>next|1001</resumptionToken></ListRecords>"
    )
    listing = ArxivOai().parse(body, Request(""))
    (entry,) = listing.entries
    assert (entry.authors, entry.published) == (("Jane Roe", "Max Poe", "Ann Doe"), None)
    assert [(r.position, r.label, r.reason) for r in listing.rejects] == [
        (1, "oai:x", "the record is deleted"),
        (3, "", "there is no metadata in arXiv's format"),
    ]
    following = ArxivOai("http://127.0.0.1:9").following(body, Request("u"))
    assert following is not None
    assert following.params == (("verb", "ListRecords"), ("resumptionToken", "next|1001"))


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (oai('<error code="noRecordsMatch">none</error>'), Outcome.EMPTY),
        (oai('<error code="badArgument">Bad dates</error>'), Outcome.REFUSED),
        (oai("<ListRecords></ListRecords>"), Outcome.EMPTY),
        (oai("<ListRecords>")[:-10], Outcome.TRUNCATED),
        (oai("<ListRecords><record><header></ListRecords>")[:-20], Outcome.TRUNCATED),
        (b"<rss/>", Outcome.BROKEN),
        (b"Retry later", Outcome.REFUSED),
        (b"words", Outcome.BROKEN),
        (b"", Outcome.BROKEN),
    ],
)
def test_oai_pages_without_records_get_their_own_word(body: bytes, outcome: Outcome) -> None:
    listing = ArxivOai().parse(body, Request(""))
    assert (listing.outcome, listing.entries) == (outcome, ())


def test_oai_asks_by_day_and_set() -> None:
    requests = ArxivOai("http://127.0.0.1:9/", ["cs:cs:CL"]).requests([date(2026, 6, 1)])
    assert [request.url for request in requests] == ["http://127.0.0.1:9/oai"]
    assert dict(requests[0].params) == {
        "verb": "ListRecords",
        "metadataPrefix": "arXiv",
        "from": "2026-06-01",
        "until": "2026-06-01",
        "set": "cs:cs:CL",
    }
    assert "set" not in dict(ArxivOai().requests([date(2026, 6, 1)])[0].params)
