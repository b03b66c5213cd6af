"""What Discord is given to show: escapes, links, limits, addresses, button ids."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Card, Post, PostKind, Reply
from bot.platforms.discord.buttons import key_in, spell_key
from bot.platforms.discord.looks import post_look, reply_look, thread_name
from bot.platforms.discord.markdown import escape, fit, link_to
from bot.platforms.discord.places import (
    Address,
    MessageRef,
    read_address,
    read_message_ref,
)
from bot.platforms.discord.votes import KEYCAPS, read_emoji
from tests.adapters.loopback_discord.contract import judge_message
from tests.adapters.loopback_discord.reading import Reading

MARKUP = st.text(alphabet="ab1 *_`~|[]()<>\\#-+@:/.!&\n", max_size=60)
ANY = st.text(max_size=60) | MARKUP


def read(text: str) -> str:
    return Reading({"embeds": [{"description": text}]}).text


@pytest.mark.parametrize(
    "text",
    [
        "*a* **b** _c_ __d__ ~~e~~ ||f|| `g` ```h```",
        "[words](elsewhere) <@123> <@&4> <#5> <:smile:6> <t:7:R> </papers:8> <id:home>",
        "# heading",
        "> quoted",
        "- listed",
        "-# small",
        r"\* a \\ b \_",
        "$\\alpha_{1}^{*}$ and x_i * y_j",
    ],
)
def test_markup_is_shown_and_not_applied(text: str) -> None:
    assert read(escape(text)) == text


@settings(deadline=None)  # a busy machine is no fault of the text
@given(MARKUP)
def test_escaped_text_is_read_as_it_was(text: str) -> None:
    line = " ".join(text.split())
    shown = Reading({"embeds": [{"description": escape(line)}]})
    assert shown.text.replace("\u200b", "") == line
    assert shown.pings == []


def test_nobody_is_called() -> None:
    assert "@everyone" not in escape("@everyone")
    assert "@here" not in escape("mail me@here")


def test_our_own_links_stay_links() -> None:
    text = "See https://example.org/a_b_c now"
    assert Reading({"content": escape(text)}).links == ["https://example.org/a_b_c"]


@settings(deadline=None)  # a busy machine is no fault of the text
@given(ANY, st.integers(min_value=1, max_value=80))
def test_what_fits_is_never_too_long(text: str, limit: int) -> None:
    assert len(fit(text, limit)) <= limit


def test_a_mark_that_has_no_room_escaped_is_left_out() -> None:
    assert fit("*", 1) == ""


def test_text_with_room_is_not_cut() -> None:
    assert fit("a*b", 4) == r"a\*b"
    assert fit("short", 5) == "short"


@pytest.mark.parametrize("url", ["https://e.org/a(1)", "https://e.org/" + "x" * 40])
def test_a_link_leads_where_it_should(url: str) -> None:
    reading = Reading({"content": link_to("A [fine] paper", url, 100)})
    assert reading.text == "A [fine] paper"
    assert reading.links == [url.replace("(", "%28").replace(")", "%29")]


def test_a_link_without_room_leaves_its_words() -> None:
    assert link_to("A paper", "https://e.org/" + "x" * 200, 60) == "A paper"


CARDS = st.builds(
    Card,
    number=st.integers(0, 20),
    handle=st.sampled_from(["2106.09685", "p7", "math.GT/0309136", ""]),
    title=ANY.map(lambda t: t * 20),
    url=st.sampled_from([None, "https://e.org/1", "https://e.org/" + "x" * 1900]),
    authors=ANY.map(lambda t: t * 20),
    date=st.just("12 Jun 2026"),
    summary=ANY.map(lambda t: t * 40),
    reason=ANY.map(lambda t: t * 20),
    match=st.none() | st.integers(0, 100),
    label=ANY,
    upvotes=st.none() | st.integers(0, 10**9),
    code_url=st.sampled_from([None, "https://c.org/1", "https://c.org/" + "y" * 1900]),
    code_stars=st.none() | st.integers(0, 10**6),
)


@settings(deadline=None)  # a busy machine is no fault of the text
@given(st.sampled_from(PostKind), ANY, st.lists(ANY, max_size=25), st.lists(CARDS, max_size=20))
def test_no_post_exceeds_a_limit(
    kind: PostKind, words: str, lines: list[str], cards: list[Card]
) -> None:
    held = cards[:1] if kind is PostKind.PAPER else cards
    look = post_look(Post(kind, words * 9, tuple(lines), tuple(held), footer=words * 9))
    message = {"content": look.content, "embeds": [embed.to_dict() for embed in look.embeds]}
    assert judge_message(message) == []
    for embed in look.embeds:
        assert len(embed.title or "") <= 256
        assert len(embed.description or "") <= 4096
    assert 1 <= len(thread_name(Post(kind, words))) <= 100


@settings(deadline=None)  # a busy machine is no fault of the text
@given(ANY, st.lists(ANY.map(lambda t: t * 20), max_size=60), st.lists(CARDS, max_size=10))
def test_no_reply_exceeds_a_limit(words: str, lines: list[str], cards: list[Card]) -> None:
    look = reply_look(Reply(words * 30, tuple(lines), tuple(cards)))
    assert len(look.embeds) <= 10
    assert judge_message({"embeds": [embed.to_dict() for embed in look.embeds]}) == []


@settings(deadline=None)  # a busy machine is no fault of the text
@given(st.text(min_size=1, max_size=25))
def test_a_key_is_found_again_in_a_button(key: str) -> None:
    spelt = spell_key(key) if key.isprintable() else spell_key("k")
    if len(spelt) <= 75:
        for custom_id in (f"pw:like:{spelt}", f"pw:why:{spelt}:p7", f"pw:do:more:{spelt}"):
            assert key_in(custom_id) == spelt


def test_foreign_buttons_carry_no_key() -> None:
    assert key_in("like:k1") == key_in("") == key_in("pw:page:more:search x") == ""


@pytest.mark.parametrize("address", [Address(12, 34), Address(None, 34)])
def test_addresses_are_read_as_they_are_written(address: Address) -> None:
    assert read_address(str(address)) == address


@pytest.mark.parametrize("ref", [MessageRef(12), MessageRef(12, 34)])
def test_remote_ids_are_read_as_they_are_written(ref: MessageRef) -> None:
    assert read_message_ref(str(ref)) == ref


@pytest.mark.parametrize("text", ["", "x", "1/", "/1", "1/2/3", "-1", "1.5", "９", "1" * 21])
def test_what_is_no_remote_id_is_none(text: str) -> None:
    assert read_message_ref(text) is None


def test_number_reactions_count_from_one_to_ten() -> None:
    meant = [read_emoji(keycap) for keycap in KEYCAPS]
    assert [number for _, number in filter(None, meant)] == list(range(1, 11))
    assert read_emoji("0\ufe0f\u20e3") is None
    assert read_emoji(None) is None
