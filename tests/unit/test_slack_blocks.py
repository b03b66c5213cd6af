"""Whatever the text is, Slack's limits hold and nothing in it acts."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import Card, Post, PostKind, Reply, Signal
from bot.platforms.slack.blocks import (
    Target,
    key_of,
    post_message,
    read_target,
    vote_panel,
    with_counts,
)
from bot.platforms.slack.mrkdwn import bold, escape, fit, line, link, units
from bot.platforms.slack.reactions import plain_name, read_reactions
from bot.platforms.slack.replies import Shown, read_shown, reply_message
from tests.adapters.slack_contract import message_errors
from tests.adapters.slack_reader import read_message

SIGNS = st.sampled_from("&<>*_~`:|@#! \n\t'\"/\\аб中\U0001f44d\u200b\u202e")
AWKWARD = st.text(alphabet=st.one_of(SIGNS, st.characters()), max_size=400)
URLS = st.sampled_from(
    [
        None,
        "https://arxiv.org/abs/2606.00001",
        "javascript:x",
        "https://a.example/?a=1&b=<2>",
        "https://long.example/" + "x" * 1970,
    ]
)
CARDS = st.builds(
    Card,
    number=st.integers(0, 25),
    handle=st.sampled_from(["2606.00001", "p12", "", "cs/0101001"]),
    title=AWKWARD,
    url=URLS,
    authors=AWKWARD,
    date=AWKWARD,
    summary=AWKWARD,
    reason=AWKWARD,
    match=st.none() | st.integers(0, 100),
    label=AWKWARD,
    summary_label=AWKWARD,
    upvotes=st.none() | st.integers(0, 10**9),
    code_url=URLS,
    code_stars=st.none() | st.integers(0, 10**9),
)
POSTS = st.builds(
    Post,
    kind=st.sampled_from(PostKind),
    headline=AWKWARD,
    lines=st.lists(AWKWARD, max_size=30).map(tuple),
    cards=st.lists(CARDS, max_size=22).map(tuple),
    footer=AWKWARD,
)
REPLIES = st.builds(
    Reply,
    headline=AWKWARD,
    lines=st.lists(AWKWARD, max_size=40).map(tuple),
    cards=st.lists(CARDS, max_size=22).map(tuple),
    ok=st.booleans(),
    back=AWKWARD,
    more=AWKWARD,
    image=st.sampled_from([b"", b"png"]),
    image_alt=AWKWARD,
)
slow = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@slow
@given(POSTS)
def test_every_post_is_within_the_limits_and_calls_nobody(post: Post) -> None:
    message = post_message(post, "a-key")
    laid = {"text": message.text, "blocks": list(message.blocks)}
    assert list(message_errors(laid)) == []
    read = read_message(laid)
    assert read.pings == []
    assert all(one.startswith(("http://", "https://")) for one in read.links)
    assert key_of({"blocks": list(message.blocks)}) == "a-key"


@slow
@given(REPLIES, AWKWARD, st.booleans())
def test_every_answer_is_within_the_limits_and_calls_nobody(
    reply: Reply, command: str, editable: bool
) -> None:
    message = reply_message(reply, command=command, editable=editable, image_id="F1")
    laid = {"text": message.text, "blocks": list(message.blocks)}
    assert list(message_errors(laid)) == []
    assert read_message(laid).pings == []


@given(AWKWARD, st.integers(20, 500))
def test_escaped_text_fits_and_reads_as_it_was(text: str, limit: int) -> None:
    written = escape(text, limit)
    assert units(written) <= limit
    shown = read_message({"text": written}).text.replace("\u200b", "")
    whole = text.replace("\u200b", "")
    if not written.endswith("…"):
        assert shown == whole
    else:
        assert whole.startswith(shown[:-1].rstrip())


@pytest.mark.parametrize(
    "text",
    ["*b*", "_i_", "~s~", "`c`", "**x**", ":smile:", ">q", "<!here>", "a * b", "x_1_y", "&amp;"],
)
def test_signs_are_shown_and_do_not_act(text: str) -> None:
    read = read_message({"text": escape(text)})
    assert read.text.replace("\u200b", "") == text
    assert (read.links, read.pings) == ([], [])


def test_ordinary_titles_are_left_as_they_are() -> None:
    for title in ("Snake_case in C: a 2:1 study", "Why (and how) it works, 100% of the time"):
        assert escape(title) == title


def test_the_reader_would_notice() -> None:
    """The tests above mean something only if unescaped text does act in the reader."""
    read = read_message(
        {"text": "*b* <!channel> <@U1> <https://x.example|y> :tada: www.evil.com/a"}
    )
    assert read.text.startswith("b ")
    assert read.pings == ["!channel", "@U1"]
    assert "https://x.example" in read.links
    assert "www.evil.com/a" in read.links
    assert ":tada:" not in read.text


def test_a_link_has_its_label_and_a_bad_one_only_that() -> None:
    assert link("https://a.example/?x=1&y=2", "A <b>") == (
        "<https://a.example/?x=1&amp;y=2|A &lt;b&gt;>"
    )
    assert link("javascript:alert(1)", "A") == "A"
    assert link(None, "A") == "A"
    assert link("https://a.example/" + "x" * 500, "A long label", 100) == "A long label"


def test_a_line_of_ours_keeps_its_links() -> None:
    assert line("See https://a.example/b, or (https://c.example).") == (
        "See <https://a.example/b>, or (<https://c.example>)."
    )
    assert line("<https://a.example|x>") == "&lt;<https://a.example>|x&gt;"


def test_bold_is_given_up_where_it_would_break() -> None:
    assert bold("a") == "*a*"
    assert bold(escape("a*b")) == "a*\u200bb"
    assert bold("") == ""


def test_a_cut_never_splits_a_character() -> None:
    assert fit("\U0001f44d" * 10, 5) == "\U0001f44d\U0001f44d…"
    assert fit("short", 5) == "short"


@pytest.mark.parametrize(
    "target", [Target(3, "2606.00001"), Target(12, "p7", "171.002"), Target(0, "", "1.2")]
)
def test_a_buttons_value_is_read_back(target: Target) -> None:
    assert read_target(target.write()) == target


@pytest.mark.parametrize("value", ["", "x", "1", "-1 a", "1.5 a", "² a"])
def test_a_strange_value_is_no_target(value: str) -> None:
    assert read_target(value) is None
    assert read_shown(value) is None


def test_the_card_of_an_answer_is_named_with_its_command_where_there_is_room() -> None:
    shown = Shown("2606.1", 'search "a b" page:2')
    assert read_shown(shown.write()) == shown
    assert read_shown(Shown("2606.1", "search " + "x" * 900).write()) == Shown("2606.1", "")


def test_counts_go_to_the_buttons_of_one_paper() -> None:
    cards = tuple(Card(n, f"p{n}", f"T{n}", None, "", "", "", "") for n in (1, 2))
    blocks = post_message(Post(PostKind.SINGLE, "", cards=cards), "k").blocks
    counted = with_counts(blocks, 2, ((Signal.LIKE, 3), (Signal.SAVE, 1)))
    assert counted is not None
    words = [e["text"]["text"] for b in counted for e in b.get("elements", ()) if "value" in e]
    assert words == ["👍", "👎", "🔖", "Why", "👍 3", "👎", "🔖 1", "Why"]
    assert with_counts(counted, 2, ((Signal.LIKE, 3), (Signal.SAVE, 1))) is None
    fewer = with_counts(counted, 2, ())
    assert fewer is not None
    assert with_counts(fewer, 2, ()) is None


def test_the_panel_says_its_state_in_words_too() -> None:
    _, row = vote_panel(Target(1, "p1", "1.2"), (Signal.SAVE,), "said")
    spoken = [element["accessibility_label"] for element in row.to_dict()["elements"]]
    assert spoken[0].endswith("off")
    assert spoken[2].endswith("on, press to take back")


def test_reactions_are_told_by_name_whatever_their_skin_or_case() -> None:
    votes = read_reactions(like=(":Heart:",))
    assert votes[plain_name("heart")].signal is Signal.LIKE
    assert plain_name("+1::skin-tone-6") == "+1"
    assert votes["keycap_ten"].number == 10
    assert "+1" not in votes
