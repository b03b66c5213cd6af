"""Bibliographies: what is written reads back as it was, and no text breaks out of its field."""

from __future__ import annotations

import json
import re
import string
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Entry, Paper, PaperwireError
from bot.services.bibliography import Format, entry_of, guess, read, split_name, write
from bot.services.bibtex import read_bibtex, write_bibtex
from ranking.bibtex import read_entries

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)
PAPER = Paper(
    id=7, title="Counting Vowels at 5% of the Cost", abstract="We count {all} vowels & more.",
    authors=("Ada M. Roe", "Jan van der Berg", "Plato", "Vowels, Inc.", "Research and Development"),
    author_count=5, arxiv_id="2606.01234", version=2, doi="10.1234/(2026)vowels_1", url=None,
    published=date(2026, 6, 12), categories=("cs.CL", "eess.AS"), upvotes=3, comments=None,
    code_url=None, code_stars=None, project_url=None, source_summary=None, first_seen_at=NOW,
    first_listed_on=None,
)  # fmt: skip

# What papers hold, and what ends fields, entries, lines and tags in the three formats.
TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from("{}\\$&#_^~%\"'@=,()[]<>:-\n\r\t\u2028\x1c\0 "),
        st.sampled_from(string.ascii_letters + string.digits),
        st.characters(),
    ),
    max_size=80,
) | st.sampled_from(
    [
        "x},\n}\n@misc{evil, title={Evil}",
        "x\r\nER  - \r\nTY  - JOUR\r\nTI  - Evil",
        "TI  - Evil",
        '"},{"title":"Evil"}',
        "\\textbackslash{}", "\\input{/etc/passwd}", "{{{{", "}}}}", "\\", "50\\% of $5", "a -- b",
        "``quoted''", "@string{x = {y}}", "A and B, C", "others", "and", "\\{", "x\\",
    ]
)  # fmt: skip
PAPERS = st.builds(
    lambda title, abstract, authors, ids, published, categories: replace(
        PAPER, title=title, abstract=abstract, authors=tuple(authors), arxiv_id=ids[0], doi=ids[1],
        url=ids[2], published=published, categories=tuple(categories),
    ),
    title=TEXT,
    abstract=TEXT,
    authors=st.lists(TEXT, max_size=3),
    ids=st.sampled_from([
        ("2606.01234", None, None), (None, "10.1234/a_b(c)d%e", None), (None, None, None),
        ("math/0309136", "10.5555/x", "https://example.org/a_b?c=%7Bd%7D&e=~f#g"),
        (None, None, "https://example.org/50%25_x"),
    ]),
    published=st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    categories=st.lists(st.sampled_from(["cs.CL", "math.GT", "hep-th"]), max_size=3, unique=True),
)  # fmt: skip


def expected(form: Format, paper: Paper) -> Entry:
    entry = entry_of(paper)
    if form is Format.RIS:
        # RIS has no way to write a comma inside a name.
        bare = (" ".join(name.replace(",", " ").split()) for name in entry.authors)
        return replace(entry, authors=tuple(name for name in bare if name))
    return entry


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(Format), st.lists(PAPERS, max_size=4))
def test_what_is_written_reads_back_as_it_was(form: Format, papers: list[Paper]) -> None:
    text = write(form, papers)
    titled = [paper for paper in papers if entry_of(paper).title]
    assert list(read(form, text)) == [expected(form, paper) for paper in titled]


@settings(max_examples=100, deadline=None)
@given(st.lists(PAPERS, min_size=1, max_size=4))
def test_no_text_opens_an_entry_or_a_field_in_bibtex(papers: list[Paper]) -> None:
    text = write(Format.BIBTEX, papers)
    # Classic BibTeX counts braces without looking at backslashes.
    depth, lowest = 0, []
    for line in text.splitlines():
        depth += line.count("{") - line.count("}")
        lowest.append(depth)
        if line.startswith("  "):
            assert depth == 1
    assert depth == 0
    assert min(lowest) >= 0
    lines = [line for line in text.split("\n") if line]
    assert all(re.match(r"@misc\{[a-z0-9-]+,$|  [a-z]+ = |\}$", line) for line in lines)
    keys = [key for key, _ in read_entries(text)]
    assert len(keys) == len(set(keys)) == len(papers)
    known = {"title", "author", "year", "month", "day", "eprint", "archiveprefix", "primaryclass"}
    known |= {"doi", "url", "keywords", "abstract"}
    for _, fields in read_entries(text):
        assert set(fields) <= known


@settings(max_examples=100, deadline=None)
@given(st.lists(PAPERS, min_size=1, max_size=4))
def test_no_text_opens_a_tag_in_ris(papers: list[Paper]) -> None:
    text = write(Format.RIS, papers)
    assert text.count("\r\n") == text.count("\n") == text.count("\r")
    lines = [line for line in text.split("\r\n") if line]
    assert [line for paper in papers for line in ["TY  - GEN"]] == [
        line for line in lines if line.startswith("TY")
    ]
    assert sum(line.startswith("ER") for line in lines) == len(papers)
    assert all(re.match(r"(TY|TI|AU|PY|DA|PB|AN|DO|UR|KW|AB|ER)  - ", line) for line in lines)
    assert text.splitlines() == text.split("\r\n")[:-1]


@settings(max_examples=100, deadline=None)
@given(st.lists(PAPERS, max_size=3))
def test_csl_is_json_with_the_names_of_its_schema(papers: list[Paper]) -> None:
    items = json.loads(write(Format.CSL, papers))
    assert len(items) == len(papers)
    known = {"id", "type", "title", "author", "issued", "publisher", "archive", "number", "DOI"}
    known |= {"URL", "keyword", "abstract"}
    for item in items:
        assert set(item) <= known
        assert item["type"] == "article"
        for name in item.get("author", []):
            assert set(name) in ({"family", "given"}, {"literal"})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([Format.BIBTEX, Format.RIS]), TEXT | st.binary(max_size=90).map(str))
def test_reading_never_raises(form: Format, text: str) -> None:
    for entry in read(form, text + "\n@misc{a, title = {" + text + "}"):
        assert entry.title


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["title", "author", "issued", "date-parts", "raw", "id", "DOI", "given"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps([{"title": "t", **value} if isinstance(value, dict) else value]))
)
def test_csl_of_any_shape_never_raises(text: str) -> None:
    for entry in read(Format.CSL, text):
        assert entry.title


@pytest.mark.parametrize("text", ["", "{", "{}", "3", "[" * 100_000])
def test_csl_that_is_no_list_is_told(text: str) -> None:
    with pytest.raises(PaperwireError, match="CSL-JSON"):
        read(Format.CSL, text)


# --- how it looks -------------------------------------------------------------------------------


def test_bibtex_as_people_read_it() -> None:
    assert write(Format.BIBTEX, [PAPER]) == (
        "@misc{roe2026counting,\n"
        "  title = {{Counting Vowels at 5\\% of the Cost}},\n"
        "  author = {Ada M. Roe and Jan van der Berg and Plato and {Vowels, Inc.}"
        " and {Research and Development}},\n"
        "  year = {2026},\n"
        "  month = jun,\n"
        "  day = {12},\n"
        "  eprint = {2606.01234},\n"
        "  archiveprefix = {arXiv},\n"
        "  primaryclass = {cs.CL},\n"
        "  doi = {10.1234/(2026)vowels_1},\n"
        "  url = {https://arxiv.org/abs/2606.01234},\n"
        "  keywords = {cs.CL, eess.AS},\n"
        "  abstract = {We count \\textbraceleft{}all\\textbraceright{} vowels \\& more.},\n"
        "}\n"
    )


def test_equal_keys_are_told_apart() -> None:
    text = write(Format.BIBTEX, [PAPER, PAPER, PAPER])
    assert re.findall(r"@misc\{(.*),", text) == [
        "roe2026counting", "roe2026counting-2", "roe2026counting-3",
    ]  # fmt: skip


def test_links_and_dois_cannot_close_their_field() -> None:
    odd = replace(entry_of(PAPER), doi="10.1234/a{b}%7d", url="https://example.org/{x}")
    [(_, fields)] = read_entries(write_bibtex([odd]))
    assert fields["url"] == "https://example.org/%7Bx%7D"
    [entry] = read_bibtex(write_bibtex([odd]))
    assert entry.doi == odd.doi


def test_ris_as_programs_read_it() -> None:
    lines = write(Format.RIS, [PAPER]).split("\r\n")
    assert lines[:2] == ["TY  - GEN", "TI  - Counting Vowels at 5% of the Cost"]
    assert "AU  - van der Berg, Jan" in lines
    assert "AU  - Plato" in lines
    assert "DA  - 2026/06/12/" in lines
    assert lines[-3:] == ["ER  - ", "", ""]


def test_csl_keeps_names_apart() -> None:
    [item] = json.loads(write(Format.CSL, [PAPER]))
    assert item["author"][:3] == [
        {"family": "Roe", "given": "Ada M."},
        {"family": "van der Berg", "given": "Jan"},
        {"literal": "Plato"},
    ]
    assert item["author"][3] == {"literal": "Vowels, Inc."}
    assert item["issued"] == {"date-parts": [[2026, 6, 12]]}
    assert (item["number"], item["DOI"]) == ("arXiv:2606.01234", "10.1234/(2026)vowels_1")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("", ("", "")),
        ("Plato", ("Plato", "")),
        ("Ada M. Roe", ("Roe", "Ada M.")),
        ("Jan van der Berg", ("van der Berg", "Jan")),
        ("van Gogh", ("van Gogh", "")),
        ("Van Morrison", ("Morrison", "Van")),
    ],
)
def test_names_are_split_at_the_family(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


# --- what others write --------------------------------------------------------------------------

FROM_OTHERS = r"""
@string{venue = "Proceedings of Something"}
@article{one, title={{Sparse} Maps for {Ro}bots at 5\% of {$O(n^2)$}},
  author={Feld, Mara and van der Lind, Jr, Jo and {Maps and Roads Ltd.} and others},
  journal={arXiv preprint arXiv:2101.01234}, year=2021, keywords={cs.CL, my own words}}
@inproceedings{ two ,
  title = "On {G}{\"o}del numbers" # " and more", author = {G{\"o}del, Kurt and {\'E}va Kov\'acs},
  booktitle = venue, month = jan, year = 1931, doi = {https://doi.org/10.5555/12.34_5},
  abstract = {Nested {braces {stay}} readable.}, url = {javascript:alert(1)}
}
@online{three, title = {Third}, eprint = {2202.00001v3}, eprinttype = {arXiv}, date = {2022-02-03}}
@misc{four, title = {Fourth}, doi = {10.48550/arXiv.2203.00002}, year = {soon}}
"""


def test_bibtex_of_other_programs_is_read() -> None:
    one, two, three, four = read_bibtex(FROM_OTHERS)
    assert one.title == "Sparse Maps for Robots at 5% of O(n²)"
    assert one.authors == ("Mara Feld", "Jo van der Lind Jr", "Maps and Roads Ltd.")
    assert (one.arxiv_id, one.published) == ("2101.01234", date(2021, 1, 1))
    assert one.categories == ("cs.CL",)
    assert two.title == "On Gödel numbers and more"
    assert two.authors == ("Kurt Gödel", "Éva Kovács")
    assert (two.doi, two.url, two.published) == ("10.5555/12.34_5", None, date(1931, 1, 1))
    assert two.abstract == "Nested braces stay readable."
    assert (three.arxiv_id, three.published) == ("2202.00001", date(2022, 2, 3))
    assert (four.arxiv_id, four.doi, four.published) == ("2203.00002", None, None)


def test_ris_of_other_programs_is_read() -> None:
    text = (
        "\ufeffTY  - JOUR\nT1  - A Title\nthat goes on\nA1  - Feld, Mara\nAU  - Lind, Jo, Jr.\n"
        "Y1  - 2021///\nN2  - An abstract.\nUR  - https://arxiv.org/abs/2101.01234\nER  -\n"
        "TY  - JOUR\r\nTI  - Second\r\nPY  - 1999/05\r\nDO  - doi:10.5555/ABC\r\n"
    )
    one, two = read(Format.RIS, text)
    assert (one.title, one.abstract) == ("A Title that goes on", "An abstract.")
    assert set(one.authors) == {"Mara Feld", "Jo Lind Jr."}
    assert (one.arxiv_id, one.published) == ("2101.01234", date(2021, 1, 1))
    assert (two.title, two.doi, two.published) == ("Second", "10.5555/abc", date(1999, 5, 1))


def test_csl_of_other_programs_is_read() -> None:
    people = [{"family": "Berg", "given": "Jan", "non-dropping-particle": "van der"}, "odd"]
    item = {"title": "T", "author": people, "issued": {"raw": "2021-03-04"}, "DOI": "10.5555/X"}
    [entry] = read(Format.CSL, json.dumps([item, {"title": 5}, 7, {"title": " "}]))
    assert entry.authors == ("Jan van der Berg",)
    assert (entry.doi, entry.published) == ("10.5555/x", date(2021, 3, 4))


def test_the_format_is_told_by_name_or_beginning() -> None:
    assert guess("library.bib", "") is Format.BIBTEX
    assert guess("Library.RIS", "") is Format.RIS
    assert guess("saved.json", ' \n[{"title": 1}]') is Format.CSL
    assert guess("backup.json", '{"format": 1}') is None
    assert write_bibtex([]) == write(Format.RIS, []) == ""
    assert json.loads(write(Format.CSL, [])) == []
