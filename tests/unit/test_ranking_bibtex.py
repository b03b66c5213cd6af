"""First likes from a reference manager's export."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ranking.bibtex import titles_from_bibtex

EXPORT = r"""
@string{venue = "Proceedings of Something"}
@comment{not an entry}
@article{one, title={{Sparse} Maps for {Ro}bots}, author={Feld, Mara and Lind, Jo and others},
  journal={arXiv preprint arXiv:2101.01234}, year=2021}
@inproceedings{ two ,
  title = "On {G}{\"o}del numbers" # " and more",
  booktitle = venue, month = jan,
  doi = {https://doi.org/10.5555/12.34},
  abstract = {Nested {braces {stay}} readable.},
}
@misc{three, title = {Third}, eprint = {2202.00001v3}, archivePrefix = {arXiv}}
"""


def test_titles_authors_and_identities_are_read() -> None:
    one, two, three = titles_from_bibtex(EXPORT)
    assert one.title == "Sparse Maps for Robots"
    assert one.authors == ("Mara Feld", "Jo Lind")
    assert one.id == "2101.01234"
    assert two.title == "On Gödel numbers and more"
    assert two.id == "10.5555/12.34"
    assert two.abstract.startswith("Nested")
    assert three.id == "2202.00001"


def test_an_entry_that_is_never_closed_costs_only_itself() -> None:
    text = "@misc{bad, title={Broken and open,\n@article{good, title={Whole}, year=2020}\n"
    assert [paper.title for paper in titles_from_bibtex(text)][-1] == "Whole"


def test_the_same_paper_twice_is_one() -> None:
    text = "@misc{a, title={Same}, doi={10.1/x}}\n@misc{b, title={Same}, doi={10.1/x}}"
    assert len(titles_from_bibtex(text)) == 1


def test_an_entry_without_a_key_or_title() -> None:
    assert [p.title for p in titles_from_bibtex("@article{title={No key}, year=2020}")] == [
        "No key"
    ]
    assert titles_from_bibtex("@article{key, year=2020}") == []


@given(st.text(alphabet='@{}"#,= \n\\abtile{', max_size=120))
def test_no_text_raises(text: str) -> None:
    titles_from_bibtex(text)
