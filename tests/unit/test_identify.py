"""Ids and links from strings: known hosts only, never out of prose."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.identify import arxiv_id, doi, doi_url, github_url, paper_url, web_url

STEADY = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2106.09685", ("2106.09685", None)),
        (" 2106.09685v2 ", ("2106.09685", 2)),
        ("0704.0001", ("0704.0001", None)),
        ("arXiv:2106.09685v12", ("2106.09685", 12)),
        ("ARXIV: 2106.09685", ("2106.09685", None)),
        ("oai:arXiv.org:2609.26811v1", ("2609.26811", 1)),
        ("cs/0112017", ("cs/0112017", None)),
        ("math.GT/0309136v3", ("math/0309136", 3)),
        ("astro-ph/0601001", ("astro-ph/0601001", None)),
        ("cond-mat.mes-hall/0703001", ("cond-mat/0703001", None)),
        ("http://arxiv.org/abs/hep-th/9901001v3", ("hep-th/9901001", 3)),
        ("https://arxiv.org/abs/2106.09685", ("2106.09685", None)),
        ("https://arxiv.org/pdf/2106.09685v2.pdf", ("2106.09685", 2)),
        ("https://www.arxiv.org/html/2106.09685v2/", ("2106.09685", 2)),
        ("arxiv.org/abs/2106.09685", ("2106.09685", None)),
        ("https://export.arxiv.org/abs/2106.09685?context=cs", ("2106.09685", None)),
        ("https://www.alphaxiv.org/abs/2106.09685", ("2106.09685", None)),
        ("https://huggingface.co/papers/2106.09685#community", ("2106.09685", None)),
        ("hf.co/papers/2106.09685", ("2106.09685", None)),
        ("<https://arxiv.org/abs/2106.09685|the paper>", ("2106.09685", None)),
        ("10.48550/arXiv.2106.09685", ("2106.09685", None)),
        ("https://doi.org/10.48550/arXiv.2106.09685", ("2106.09685", None)),
        ("doi:10.48550/arxiv.cs/0112017", ("cs/0112017", None)),
    ],
)
def test_arxiv_ids_are_read_in_every_form(text: str, expected: tuple[str, int | None]) -> None:
    assert arxiv_id(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "2106",
        "0000.0000",
        "2113.00001",
        "1501.0001",
        "1412.00001",
        "2106.00000",
        "0703.0001",
        "2106.09685v0",
        "３１０６.０９６８５",
        "kitchen/0112017",
        "cs/0113017",
        "see 2106.09685 for more",
        "https://arxiv.org.example.com/abs/2106.09685",
        "https://arxiv.org@example.com/abs/2106.09685",
        "https://example.com/arxiv.org/abs/2106.09685",
        "https://arxiv-org.dev/abs/2106.09685",
        "https://xn--arxv-l6a.org/abs/2106.09685",
        "https://huggingface.co/datasets/2106.09685",
        "ftp://arxiv.org/abs/2106.09685",
        "javascript:arxiv.org/abs/2106.09685",
        "https://arxiv.org/list/cs.CL/new",
        "https://doi.org.example.com/10.48550/arXiv.2106.09685",
        "https://[arxiv.org/abs/2106.09685",
        "https://arxiv.org:port/abs/2106.09685",
        "x" * 400,
    ],
)
def test_what_only_looks_like_an_arxiv_id_is_none(text: str) -> None:
    assert arxiv_id(text) is None


def test_doi_is_read_in_lower_case_without_its_resolver() -> None:
    assert (
        doi("https://doi.org/10.1093/Bioinformatics/BTAC431.") == "10.1093/bioinformatics/btac431"
    )
    assert doi("doi: 10.1101/2020.01.01.123456") == "10.1101/2020.01.01.123456"
    assert doi("dx.doi.org/10.1000/a%28b%29c") == "10.1000/a(b)c"
    assert doi_url("10.1000/182") == "https://doi.org/10.1000/182"


@pytest.mark.parametrize(
    "text", ["", "10.1000", "11.1000/182", "https://example.com/10.1000/182", "10.1000/a b", "x"]
)
def test_what_only_looks_like_a_doi_is_none(text: str) -> None:
    assert doi(text) is None


def test_paper_url_links_the_abstract_page() -> None:
    assert paper_url("cs/0112017") == "https://arxiv.org/abs/cs/0112017"


def test_web_url_takes_plain_http_and_https() -> None:
    assert web_url(" https://example.org/a?b=c#d ") == "https://example.org/a?b=c#d"
    assert web_url("http://127.0.0.1:8080/x") == "http://127.0.0.1:8080/x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "javascript:alert(1)",
        "JaVaScRiPt://example.org/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/hosts",
        "//example.org/x",
        "/relative",
        "https://",
        "https://localhost/x",
        "https://arxiv.org@example.com/",
        "https://exa mple.org",
        "https://example.org/<script>",
        "https://example.org/a\u0000b",
        "https://example..org/",
        "https://.example.org/",
        "https://example.org:x/",
        "https://example.org/" + "a" * 3000,
    ],
)
def test_other_schemes_and_dressed_up_hosts_are_no_link(text: str) -> None:
    assert web_url(text) is None


def test_code_links_are_https_and_at_github() -> None:
    assert github_url("https://github.com/a/b") == "https://github.com/a/b"
    for text in (
        "http://github.com/a/b",
        "https://github.com/",
        "https://github.com.example.org/a/b",
        "https://github.com@example.org/a/b",
        "https://github.com:8443/a/b",
        "https://gitlab.com/a/b",
    ):
        assert github_url(text) is None


@STEADY
@given(st.text(max_size=200))
def test_no_text_makes_identification_raise(text: str) -> None:
    for read in (arxiv_id, doi, web_url, github_url):
        read(text)


@STEADY
@given(
    st.sampled_from(["https://arxiv.org/abs/", "arXiv:", "", "https://hf.co/papers/"]),
    st.from_regex(r"(1[5-9]|2[0-9])(0[1-9]|1[0-2])\.0[0-9]{3}[1-9]", fullmatch=True),
    st.one_of(st.none(), st.integers(1, 99)),
)
def test_every_valid_id_comes_back_whole(before: str, paper: str, version: int | None) -> None:
    text = f"{before}{paper}" if version is None else f"{before}{paper}v{version}"
    assert arxiv_id(text) == (paper, version)
