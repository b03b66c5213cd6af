"""Text made whole, LaTeX made readable, and the keys that say two texts are the same."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ports import Request
from bot.sources.capture import Capture
from ranking.repair import author_key, readable, repair, title_key, without_links

STEADY = settings(deadline=None, derandomize=True)
ANY_TEXT = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="\\$~{}^_ab12 &;#x\"'`-é脺茅鈥ÃÂ©\u202e\x00\n", max_size=60),
    st.lists(
        st.sampled_from(
            [
                "\\alpha", "\\frac", "{", "}", "$", "$$", "^", "_", "\\", "~", "\\(", "\\)", "5",
                "\\unknown", "\\emph", "x", " ", "\\\"", "o", "\\'", "{\\em ", "\\url{", "&amp;",
                "&#38;", "&lt;", "``", "''", "--", "\\{", "\\}", "\\sqrt[", "\\footnote{", "[", "]",
                "https://a.bc/d", "{beta}", "\\textcolor", "T脺LU", "Ã¼", "\\cite{", "\\c", "\\H o",
            ]
        ),
        max_size=25,
    ).map("".join),
)  # fmt: skip


@pytest.mark.parametrize(
    ("damaged", "whole"),
    [
        ("MÃ¼ller donâ€™t", "Müller don’t"),
        ("T脺LU 3", "TÜLU 3"),
        ("Universit茅 de Montr茅al", "Université de Montréal"),
        ("it鈥檚 5卤2 and 伪-helix", "it’s 5±2 and α-helix"),
        ("a &amp;amp; b &lt; c &#955; &Eacute;", "a & b < c λ É"),
        ("&notaname; AT&T", "&notaname; AT&T"),
        ("hard\nline\r\n  breaks\u2028here", "hard line breaks here"),
        ("zero\u200bwidth soft\xadhyphen", "zerowidth softhyphen"),
        ("safe\u202egnihsihp\u202c\u2066x\u2069", "safegnihsihpx"),
        ("bell\x07 nul\x00 esc\x1b[31m", "bell nul esc[31m"),
        ("e\u0301", "é"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_damage_is_undone(damaged: str, whole: str) -> None:
    assert repair(damaged) == whole


@pytest.mark.parametrize(
    "text",
    [
        "大规模语言模型 a survey",
        "每天 and 没有",
        "a 猫 in the title",
        "用GPT做中文翻译",
        "日本語のテキスト と 한국어",
        "Ünïcödé stays, naïve café",
        "Ελληνικά και Русский",
        "می‌خواهم",
        "π ≈ 3.14 · 10⁻³",
    ],
)
def test_sound_text_survives(text: str) -> None:
    assert repair(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"$\alpha$-divergence", "α-divergence"),
        (r"\emph{Attend} to \textbf{this \textit{too}}", "Attend to this too"),
        (r"$\mathcal{O}(n^2)$ and $O(n\log n)$", "O(n²) and O(n log n)"),
        (r"Erd{\"o}s, M\"uller, G\'{e}rard", "Erdös, Müller, Gérard"),
        (r"{\o}re, \c{c}a, Ku\v{c}era, Erd{\H o}s", "øre, ça, Kučera, Erdős"),
        (r"D$^{2}$R$^3$", "D²R³"),
        (r"$x_i + x_{ij}^{k+1}$", "xᵢ + x_ij^(k+1)"),
        (r"$\frac{n+1}{2}$ of $\sqrt{n}$, $\binom{n}{k}$", "(n+1)/2 of √n, (n choose k)"),
        (r"$\mathbb{R}^d$, \(\ell_2\), \[x\]", "ℝ^d, ℓ₂, x"),
        (r"$\hat{y}$ and $\tilde O(1)$", "ŷ and Õ(1)"),
        (r"50\% \& more\_less \#1", "50% & more_less #1"),
        (r"models~(LMs) in Fig.~3", "models (LMs) in Fig. 3"),
        ("``quoted'' 0.1--0.3 and so---on", "“quoted” 0.1–0.3 and so—on"),
        (r"{\em Old} {BERT} \LARGE text", "Old BERT text"),
        (r"as shown~\cite{roe2020}.", "as shown."),
        (r"\href{https://example.org}{code}, \textcolor{red}{hot}", "code, hot"),
        (r"Text\footnote{Aside.}", "Text (Aside.)"),
        ("TGF{beta} at 5{+/-}2 {micro}m", "TGFβ at 5±2 µm"),
        (r"$\sim$10\%, $>$90, 4$\times$, 90$^\circ$", "∼10%, >90, 4×, 90°"),
        (r"6{,}000 pairs", "6,000 pairs"),
        (r"$$ x = 1 $$", "x = 1"),
        (r"Stra\ss e in \L odz", "Straße in Łodz"),
        (r"$a \equiv b \pmod{n}$", "a ≡ b (mod n)"),
        (r"CO\textsubscript{2} and 10\textsuperscript{-3}", "CO₂ and 10⁻³"),
    ],
)  # fmt: skip
def test_latex_becomes_readable(latex: str, plain: str) -> None:
    assert readable(latex) == plain


@pytest.mark.parametrize(
    "text",
    [
        "it costs $5 and then $10 more",
        "from $5-$10 per run",
        "a lone $ sign",
        "about ~50 papers at http://example.org/~roe/x",
        "the set {a, b} and {0, 1}",
        "run --help twice",
        "it's James' 5' 6\" tall",
        "snake_case and a^b",
    ],
)
def test_what_is_no_latex_stays(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"\method beats \method{}", "method beats method"),
        (r"\mystery{kept}{too}", "kept too"),
        (r"\k and \unfinished{brace", "k and unfinished{brace"),
        (r"ends in \ ", "ends in"),
        (r"trailing \ab\ ", "trailing ab"),
        ("a \\", "a \\"),
    ],
)
def test_unknown_macros_eat_nothing(latex: str, plain: str) -> None:
    assert readable(latex) == plain


def test_deep_nesting_and_long_runs_end_quickly() -> None:
    for text in (
        "{" * 5000,
        "$" * 5001,
        "\\emph{" * 2000 + "x",
        "\\frac" * 3000,
        "\\(" * 3000,
        "{" * 5000 + "}" * 5000,
    ):
        assert isinstance(readable(text), str)


def test_links_leave_prose_and_what_looks_like_one_stays() -> None:
    assert without_links("Code: https://b-61j.example.dev/x/y.") == "Code:."
    assert without_links("See (https://a.example/b), then go.") == "See, then go."
    assert without_links("At www.example.org/~roe now") == "At now"
    assert without_links("At pages.example.dev/roe or pages.example.dev.") == "At or."
    assert without_links(r"Data: \url{https://example.org/d}") == "Data:"
    kept = "Node.js, i.e. v1.2.3 of Booking.com. Next sentence."
    assert without_links(kept) == kept
    assert without_links("No link here") == "No link here"


def test_no_link_to_a_look_alike_host_survives_in_any_capture(shared_data: Path) -> None:
    seen = 0
    for path in sorted((shared_data / "captures").glob("*.txt")):
        for entry in Capture().parse(path.read_bytes(), Request(path.name)).entries:
            seen += "pages.dev" in entry.abstract
            assert "pages.dev" not in without_links(readable(repair(entry.abstract)))
    assert seen == 4


@pytest.mark.parametrize(
    "variants",
    [
        (
            "TÜLU 3: Open Post-Training",
            "T脺LU 3 – open post training",
            "Tulu 3: Open  Post-training",
        ),
        (r"$\textit{Trans-LoRA}$: towards", "Trans-LoRA: Towards", "TRANS LORA towards"),
        (r"G$^2$TR", "G²TR", "G2TR"),
        (r"{\L}ukasz's $\alpha$-method", "Łukasz’s α-Method", "Lukasz's α method"),
    ],
)
def test_titles_that_mean_the_same_have_one_key(variants: tuple[str, ...]) -> None:
    assert len({title_key(title) for title in variants}) == 1


def test_different_titles_have_different_keys() -> None:
    assert title_key("Attention Is All You Need") != title_key("Attention Is Not All You Need")
    assert title_key("语言模型") != title_key("图像模型")
    assert title_key("???") != title_key("!!!")
    assert title_key("") == ""


def test_five_captures_hold_613_titles_by_key(shared_data: Path) -> None:
    listings = [
        Capture().parse(path.read_bytes(), Request(path.name))
        for path in sorted((shared_data / "captures").glob("*.txt"))
    ]
    titles = [entry.title for listing in listings for entry in listing.entries]
    assert len(titles) == 676
    assert len({title_key(title) for title in titles}) == 613


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (("Jane Roe", "Roe, Jane", "J. Roe", "Jane Q. Roe", "ROE, J. Q."), "roe j"),
        (("Jane Roe (Example Lab, Town)", "Jane Roe"), "roe j"),
        (("Gabriel García Márquez", "García Márquez, Gabriel", "G. Garcia Marquez"), "marquez g"),
        (("Jan van der Berg", "van der Berg, Jan"), "berg j"),
        (("John Smith Jr.", "Smith Jr., John", "Smith, John, III"), "smith j"),
        ((r'Paul Erd{\H o}s', "Paul Erdős", "P. Erdos"), "erdos p"),
        (("Plato",), "plato"),
        (("", "  ", "Jr."), ""),
    ],
)  # fmt: skip
def test_author_key_joins_the_ways_of_writing_a_name(names: tuple[str, ...], key: str) -> None:
    assert {author_key(name) for name in names} == {key}


@STEADY
@given(ANY_TEXT)
def test_repair_is_idempotent_and_leaves_no_hidden_character(text: str) -> None:
    once = repair(text)
    assert repair(once) == once
    assert not any(unicodedata.category(x) in {"Cc", "Cs"} for x in once)
    assert not set(once) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff")
    assert once == " ".join(once.split())


@STEADY
@given(ANY_TEXT)
def test_readable_is_idempotent_on_repaired_text(text: str) -> None:
    once = readable(repair(text))
    assert readable(once) == once
    assert "\n" not in once


@STEADY
@given(ANY_TEXT)
def test_keys_are_those_of_the_repaired_text(text: str) -> None:
    assert title_key(text) == title_key(repair(text))
    assert isinstance(author_key(text), str)
    assert isinstance(without_links(text), str)


@STEADY
@given(st.text(alphabet="abc XYZ-:é", min_size=1, max_size=40))
def test_title_key_is_blind_to_case_accents_and_punctuation(title: str) -> None:
    bare = "".join(x for x in title.replace("é", "e") if x.isalpha()).lower()
    assert title_key(title) == title_key(title.upper())
    if bare:
        assert title_key(title) == bare
