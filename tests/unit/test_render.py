"""What leaves render is one bounded, visible, link-free line wherever text was free."""

from __future__ import annotations

import dataclasses
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import render
from bot.domain import Card, DigestKind, Layout, Paper, PaperwireError, Post, PostKind, Reply

PAPER = Paper(
    id=7,
    title="Counting Vowels in Small Corpora",
    abstract="We count vowels.",
    authors=("Ada Roe", "Ben Poe"),
    author_count=2,
    arxiv_id="2606.00007",
    version=1,
    doi=None,
    url="https://arxiv.org/abs/2606.00007",
    published=date(2026, 6, 12),
    categories=("cs.CL",),
    upvotes=43,
    comments=2,
    code_url="https://github.com/example/vowels",
    code_stars=5,
    project_url=None,
    source_summary=None,
    first_seen_at=datetime(2026, 6, 12, 6, tzinfo=UTC),
    first_listed_on=date(2026, 6, 12),
)

any_text = st.text(st.characters(), max_size=80)
hostile_text = st.lists(
    st.sampled_from(
        [
            "https://",
            "HTTP:",
            "http",
            "www.",
            "evil.example.com/a",
            "github.com/x",
            "[",
            "](",
            ")",
            "(",
            "mailto:",
            "\x1b[31m",
            "\x1b]8;;",
            "\x9b2J",
            "\u202e",
            "\u2066",
            "\u200b",
            "\u200d",
            "\u0085",
            "\n",
            " ",
            "a",
            "…",
            "👩",
            "x://y",
            "e\u0301",
        ]
    )
    | any_text,
    max_size=12,
).map("".join)
cards = st.builds(
    Card,
    number=st.integers(0, 99),
    handle=any_text,
    title=hostile_text,
    url=st.none() | hostile_text,
    authors=any_text,
    date=any_text,
    summary=hostile_text,
    reason=hostile_text,
    match=st.none() | st.integers(0, 100),
    label=any_text,
    summary_label=any_text,
    upvotes=st.none() | st.integers(),
    comments=st.none() | st.integers(),
    code_url=st.none() | any_text,
    code_stars=st.none() | st.integers(),
    categories=st.lists(any_text, max_size=8).map(tuple),
)
posts = st.builds(
    Post,
    kind=st.sampled_from(PostKind),
    headline=any_text,
    lines=st.lists(hostile_text, max_size=4).map(tuple),
    cards=st.lists(cards, max_size=3).map(tuple),
    footer=any_text,
)


def make_card(**changes: object) -> Card:
    made = render.card(PAPER, number=1, summary="It counts.", reason="matches “vowels”", match=87)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # checked by the test


def texts(post: Post) -> list[str]:
    found = [post.headline, post.footer, *post.lines]
    for c in post.cards:
        found += [c.handle, c.title, c.authors, c.date, c.summary, c.reason, c.label]
        found += [c.summary_label, *c.categories]
    return found


def assert_visible(text: str) -> None:
    for char in text:
        category = unicodedata.category(char)
        assert category not in {"Cc", "Cs", "Co", "Zl", "Zp"}, repr(text)
        assert category != "Cf" or char in "\u200c\u200d", repr(text)


# --- text


@given(hostile_text)
@example("www." + "a" * 300)
@example("ht[tp:/](http://x)/evil")
@example("http\u200b://evil.example")
@example("w\x1b[0mww.evil.example")
def test_plain_text_is_visible_linkless_bounded_and_settled(text: str) -> None:
    line = render.plain_text(text, 40)
    assert_visible(line)
    assert len(line) <= 40
    assert "://" not in line
    assert "www." not in line.lower()
    assert line == line.strip()
    assert render.plain_text(line, 40) == line


@pytest.mark.parametrize(
    "text",
    [
        "Code at https://look-alike.example/abs/1.",
        "Code at http://look-alike.example",
        "Code at HTTPS:look-alike.example",
        "Code at (www.look-alike.example/x)",
        "Code at [the page](https://look-alike.example).",
        "Code at look-alike.com/abs/2606.00007v1",
        "Code at ftp://look-alike.example {and}",
    ],
)
def test_links_in_prose_are_dropped(text: str) -> None:
    line = render.plain_text(text, 200)
    assert line.startswith("Code at")
    assert "look-alike" not in line
    assert "://" not in line


@pytest.mark.parametrize(
    "text",
    [
        "HTTP/2 Prioritization in the Wild",
        "Beyond HTTP: Rethinking Requests",
        "Node.js/React Front Ends and/or Others",
        "Scaling to 1.5T Tokens w/o Tears, e.g. on Booking.com",
        "f[x](t) over A/B Tests",
        "नमस्ते क्\u200dष and می\u200cخواهم",
        "Family 👨\u200d👩\u200d👧 Photos",
    ],
)
def test_titles_that_only_resemble_links_stay_whole(text: str) -> None:
    assert render.plain_text(text, 200) == text


def test_escape_sequences_leave_nothing_behind() -> None:
    line = "a\x1b[31mred\x1b[0m \x1b]8;;https://x.example\x1b\\b\x1b]8;;\x1b\\ \x1b]0;title\x07c"
    assert render.plain_text(line, 99) == "ared b c"


def test_hostile_lengths_cost_little_time() -> None:
    for piece in ("a.", "a", "(", "[", "http", "\x1b[", "www", "1.com/", "[](", "-."):
        assert len(render.plain_text(piece * 200_000, 100)) <= 100


def test_clip_ends_at_a_word_without_dangling_punctuation() -> None:
    assert render.clip("Learning to count, slowly", 20) == "Learning to count…"
    assert render.clip("abcdefghij", 5) == "abcd…"
    assert render.clip("short", 5) == "short"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://arxiv.org/abs/2606.00007", True),
        ("http://127.0.0.1:8080/x?y=1#z", True),
        ("javascript:alert(1)", False),
        ("https://arxiv.org@evil.example/", False),
        ("https://", False),
        ("https://[broken/", False),
        ("https://a.example:port/", False),
        ("https://a.example/ b", False),
        ("https://a.example/\u202e", False),
        ("https://a.example/>|<", False),
        ("https://a.example/" + "x" * 3000, False),
        ("", False),
        (None, False),
    ],
)
def test_only_plain_web_links_are_shown(url: str | None, kept: bool) -> None:
    assert render.safe_url(url) == (url if kept else None)


# --- one paper


@pytest.mark.parametrize(
    ("names", "count", "line"),
    [
        ((), 0, ""),
        ((), 1, "1 author"),
        ((), 6, "6 authors"),
        (("Ada Roe",), 1, "Ada Roe"),
        (("Ada Roe", "Ben Poe"), 2, "Ada Roe and Ben Poe"),
        (("A", "B", "C", "D"), 4, "A, B, C and D"),
        (("A", "B", "C", "D", "E"), 5, "A, B, C and 2 more"),
        (("A", "B"), 9, "A, B and 7 more"),
        (("A\n", "", "B"), 3, "A, B and 1 more"),
        (("A",), 0, "A"),
    ],
)
def test_authors_line(names: tuple[str, ...], count: int, line: str) -> None:
    assert render.authors_line(names, count) == line


def test_four_hundred_authors_fit_a_line() -> None:
    names = tuple(f"Author With A Rather Long Name Number {n} " + "x" * 90 for n in range(400))
    line = render.authors_line(names, 400)
    assert line.endswith(" and 397 more")
    assert len(line) <= render.AUTHORS_LIMIT


def test_a_card_carries_all_that_is_known() -> None:
    made = make_card()
    assert (made.number, made.handle, made.title) == (1, "2606.00007", PAPER.title)
    assert (made.authors, made.date) == ("Ada Roe and Ben Poe", "12 Jun 2026")
    assert (made.summary, made.reason, made.match) == ("It counts.", "matches “vowels”", 87)
    assert (made.upvotes, made.comments, made.code_stars) == (43, 2, 5)
    assert made.url == "https://arxiv.org/abs/2606.00007"
    assert made.code_url == "https://github.com/example/vowels"
    assert render.byline(made) == "Ada Roe and Ben Poe · 12 Jun 2026 · cs.CL"
    assert render.figures(made) == ("match 87", "43 upvotes", "2 comments")


def test_a_paper_with_nothing_but_a_title_still_makes_a_card() -> None:
    bare = dataclasses.replace(
        PAPER, authors=(), author_count=0, arxiv_id=None, url=None, published=None, upvotes=None
    )
    bare = dataclasses.replace(bare, comments=None, categories=(), code_url=None, code_stars=None)
    made = render.card(bare, number=2, summary="", reason="", match=None)
    assert made.handle == "p7"
    assert made.url is None
    assert render.byline(made) == ""
    assert render.figures(made) == ()
    assert render.card_as_text(made) == "2. Counting Vowels in Small Corpora"


def test_a_papers_link_comes_from_its_ids_when_its_source_gave_none_that_is_safe() -> None:
    assert render.paper_url(dataclasses.replace(PAPER, url="javascript:1")) == PAPER.url
    by_doi = dataclasses.replace(PAPER, url=None, arxiv_id=None, doi="10.1/x")
    assert render.paper_url(by_doi) == "https://doi.org/10.1/x"


@given(cards)
def test_a_guarded_card_is_safe_and_settled(card: Card) -> None:
    safe = render.guard_card(card)
    assert safe.title
    for text in texts(Post(PostKind.PAPER, "", cards=(safe,))):
        assert_visible(text)
        assert "://" not in text
        assert len(text) <= render.SUMMARY_LIMIT
    assert render.guard_card(safe) == safe


# --- digests


def three_cards() -> list[Card]:
    return [make_card(number=n, title=f"Title {n}") for n in (1, 2, 3)]


def digest(layout: Layout, **changes: object) -> tuple[Post, ...]:
    values: dict[str, object] = {
        "channel_name": "nlp",
        "day": "Fri 12 Jun 2026",
        "considered": 143,
        "cards": three_cards(),
    }
    return render.digest_posts(layout, **{**values, **changes})  # type: ignore[arg-type]  # ditto


def test_thread_layout_lists_the_titles_and_then_each_paper() -> None:
    header, *papers = digest(Layout.THREAD)
    assert header.kind is PostKind.HEADER
    assert header.headline == "Papers for nlp · Fri 12 Jun 2026"
    assert header.lines == ("1. Title 1", "2. Title 2", "3. Title 3")
    assert header.footer == "3 of 143 new papers"
    assert [(p.kind, p.headline) for p in papers] == [
        (PostKind.PAPER, f"{n}. Title {n}") for n in (1, 2, 3)
    ]
    assert [len(p.cards) for p in papers] == [1, 1, 1]


def test_cards_layout_has_a_short_header() -> None:
    header, *papers = digest(Layout.CARDS)
    assert header.kind is PostKind.HEADER
    assert header.lines == ()
    assert len(papers) == 3


def test_single_layout_is_one_numbered_post() -> None:
    (post,) = digest(Layout.SINGLE)
    assert post.kind is PostKind.SINGLE
    assert [c.number for c in post.cards] == [1, 2, 3]


def test_notes_stand_beside_the_tally() -> None:
    note = render.catch_up_note(3, date(2026, 6, 9))
    assert note == "covers 3 missed digests since Tue 9 Jun"
    assert render.catch_up_note(1, date(2026, 6, 9)).startswith("covers 1 missed digest since")
    assert digest(Layout.CARDS, notes=(note,))[0].footer == f"3 of 143 new papers · {note}"


def test_the_headline_says_what_kind_of_digest_it_is() -> None:
    assert digest(Layout.CARDS, kind=DigestKind.MISSED)[0].headline.startswith("You missed")
    assert digest(Layout.CARDS, kind=DigestKind.MORE)[0].headline.startswith("More papers")
    assert digest(Layout.CARDS, considered=3)[0].footer == "3 new papers"


def test_a_quiet_day_is_one_notice() -> None:
    (notice,) = digest(Layout.THREAD, cards=[], notes=("covers 2 missed digests",))
    assert notice.kind is PostKind.NOTICE
    assert notice.headline == "Nothing close enough for nlp · Fri 12 Jun 2026"
    assert notice.footer.startswith("143 papers read")
    assert notice.lines == ("covers 2 missed digests",)
    (empty,) = digest(Layout.THREAD, cards=[], considered=0)
    assert empty.headline == "No new papers for nlp · Fri 12 Jun 2026"
    assert empty.footer == ""


def test_a_look_alike_link_in_a_title_reaches_no_post() -> None:
    bad = make_card(title="Read https://arxlv.example/1", summary="At www.arxlv.example.")
    for layout in Layout:
        for post in digest(layout, cards=[bad]):
            assert not any("arxlv" in text for text in texts(post))


@given(posts)
def test_a_guarded_post_is_safe_and_settled(post: Post) -> None:
    safe = render.guard_post(post)
    for text in texts(safe):
        assert_visible(text)
        assert "www." not in text.lower()
    assert render.guard_post(safe) == safe
    assert_visible(render.post_as_text(safe).replace("\n", ""))


def test_a_guarded_reply_keeps_columns_and_loses_control_characters() -> None:
    reply = Reply("ok\x1b[2J", ("add TERMS   add to the\u202eprofile", "", "http://127.0.0.1/"))
    safe = render.guard_reply(reply)
    assert safe.headline == "ok"
    assert safe.lines == ("add TERMS   add to theprofile", "", "http://127.0.0.1/")
    assert safe.ephemeral
    assert safe.ok


def test_a_post_as_plain_text_has_everything_in_reading_order() -> None:
    text = render.post_as_text(digest(Layout.SINGLE, cards=[make_card(label="trending")])[0])
    assert text.splitlines() == [
        "Papers for nlp · Fri 12 Jun 2026",
        "1 of 143 new papers",
        "",
        "1. Counting Vowels in Small Corpora (trending)",
        "https://arxiv.org/abs/2606.00007",
        "Ada Roe and Ben Poe · 12 Jun 2026 · cs.CL",
        "It counts.",
        "Why: matches “vowels”",
        "match 87 · 43 upvotes · 2 comments",
        "Code: https://github.com/example/vowels",
    ]


# --- stored form


@given(posts)
def test_a_stored_post_comes_back_equal(post: Post) -> None:
    stored = render.post_to_json(post)
    assert stored.isascii()
    assert "\n" not in stored
    assert render.post_from_json(stored) == post


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"kind":"paper"}', '{"kind":"x"}', "null"])
def test_what_is_no_stored_post_is_a_clear_error(text: str) -> None:
    with pytest.raises(PaperwireError, match=r"stored post .* paperwire doctor"):
        render.post_from_json(text)


def test_a_post_stored_before_a_field_existed_still_reads() -> None:
    stored = '{"kind":"notice","headline":"quiet"}'
    assert render.post_from_json(stored) == Post(PostKind.NOTICE, "quiet")


def test_no_recorded_capture_gets_a_link_into_a_post(shared_data: Path) -> None:
    seen = 0
    for capture in sorted((shared_data / "captures").glob("*.txt")):
        for line in capture.read_text(encoding="utf-8", errors="replace").splitlines():
            seen += "://" in line
            safe = render.plain_text(line, render.SUMMARY_LIMIT)
            assert "://" not in safe
            assert "www." not in safe.lower()
            assert "pages.dev" not in safe
    assert seen > 100
