"""No title, author, abstract, query or name can break out of its place on a page or in a feed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import cache
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import lxml.html
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain import (
    Channel,
    Delivery,
    Digest,
    DigestKind,
    Message,
    MessageState,
    Paper,
    Part,
    Post,
    PostKind,
    Profile,
    Reply,
    Signal,
)
from bot.platforms.journal import Posted
from bot.platforms.web.api import digest_json, hit_json, paper_json
from bot.platforms.web.drawing import Drawing, quote_handle, quote_part
from bot.platforms.web.feeds import write_atom, write_json_feed
from bot.platforms.web.pages import _target
from bot.platforms.web.site import paper_path, wire_path
from bot.platforms.web.wire import Group, Shown
from bot.ports import Health
from bot.render import card, guard_post, guard_reply, visible
from bot.views import (
    Appearance,
    ChannelRow,
    ChannelStatus,
    DigestPage,
    DigestView,
    Effect,
    Found,
    ListingRow,
    ListingView,
    Marks,
    NotPosted,
    Operations,
    OutboxRow,
    PaperView,
    Period,
    PostedCard,
    Precision,
    ProfileView,
    Quarantined,
    Rank,
    Rerun,
    Rising,
    SearchPage,
    SourceRow,
    Span,
    Spot,
    Term,
    Version,
    Way,
)
from bot.views import Posted as PostedTo

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)
DAY = date(2026, 6, 15)
HARM = (
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "</title></textarea></style><svg onload=alert(1)>",
    "]]><!-- --> &amp; &#60;b&#62;",
    "{{ 7*7 }} {% raw %} \\u003cscript\\u003e",
    "javascript:alert(1)",
    "a\r\nSet-Cookie: b=c\r\n\r\n<html>",
    "\x00\x07\x1b[31m \ufffe \ud800 \u202e \u2028",
    "http://evil.example/<b>",
)

texts = st.one_of(
    st.sampled_from(HARM),
    st.text(st.characters(), max_size=60),
    st.lists(
        st.sampled_from([*"<>\"'&=/\\`{}%#;:\n\r\t\0", "script", "on", "a", "]]>", "<!--", "-->"]),
        max_size=25,
    ).map("".join),
)


@cache
def drawing() -> Drawing:
    return Drawing()


def skeleton(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return a page's elements with the names of their attributes, in order."""
    root = lxml.html.document_fromstring(page)
    return [
        (str(element.tag), tuple(sorted(str(name) for name in element.attrib)))
        for element in root.iter()
    ]


def pages(text: str) -> Iterator[tuple[str, str]]:
    """Draw every page with a text in each place that is not ours."""
    # A word before it keeps every place filled, so that only what it does can differ.
    text = f"word {text}"
    channel = Channel(1, "web", text, text, Profile(terms=("x",)), state_reason=text)
    whole = Paper(
        1, text, text, (text, text), 2, "2606.00001", 2, text, None, DAY, (text,), 3, 1, None, None,
        None, text, NOW, DAY,
    )  # fmt: skip
    shown = card(whole, number=1, summary=text, reason=text, match=50, label=text)
    post = guard_post(Post(PostKind.SINGLE, text, (text,), (shown,), footer=text))
    message = Message(1, 1, 1, 0, "k", post, MessageState.UNKNOWN, 1, error=text)
    digest = Digest(1, 1, "2026-06-15T09:00", DigestKind.DAILY, NOW, 5, 1, note=text)
    delivery = Delivery(1, 1, 1, 1, 1, 1, 1.0, 50, text, (Part(text, "written", 1.0),), text)
    marks = Marks(1, frozenset({Signal.LIKE}), ((Signal.LIKE, 1),))
    row = ChannelRow(channel, True, "2026-06-16T09:00", NOW, digest, 1, text)
    votes = ((Signal.LIKE, 1),)
    state = ChannelStatus(row, text, 1, 1, (message,), (message,), votes, 1, ((text, text),))
    groups = (Group(Shown(Posted("1.k", "k", post, text), 1, {1: marks}), ()),)
    hits = (Found(shown, 1, 1.0, ((text, True), (text, False))),)
    place = Rank("2606.00001", text, None, 10, 1, 20, text)
    view = DigestView(digest, (PostedCard(shown, delivery, "1.k", MessageState.SENT, marks),))
    effect = Effect(Signal.LIKE, True, 60, 50, ((text, 0.5),), (place,))
    listing = ListingRow(1, text, text, DAY, NOW, text, text, 1, 1, 1, 1, 1)
    bad = Quarantined(1, text, text, text, NOW)
    note = SimpleNamespace(reply=guard_reply(Reply(text, (text,), (shown,), back=text, more=text)))
    base: dict[str, object] = {
        "visit": SimpleNamespace(theme="auto", form_token="t", admitted=True),
        "nav": (row,), "path": "/x", "open": False, "now": NOW, "channel": channel, "state": state,
        "note": note,
    }  # fmt: skip
    own: dict[str, dict[str, object]] = {
        "home.html": {
            "rows": (row,), "most": 9, "hidden": 1, "name": text, "interests": text, "wrong": text,
            "rising": (Rising(shown, 1, None, None),),
        },
        "wire.html": {
            "address": text, "groups": groups, "last": text, "earlier": 1,
            "effects": (effect,), "once": "o", "typed": text,
        },
        "channel.html": {
            "page": DigestPage(Span(Period.DAY, DAY), (view,), None, None, ((DAY, 1),))
        },
        "trending.html": {
            "rising": (Rising(shown, 1, delivery, digest),), "period": Period.DAY, "newest": DAY,
            "first": DAY,
        },
        "profile.html": {
            "items": (text,), "note_number": text, "compared": True,
        },
        "profile_learned.html": {
            "view": ProfileView(
                (text,), (Term(text, 1.0, -0.5, "muted"),), (Precision(digest, 1, 1, 1),),
                (Spot("x", text, 0.1, 0.2, 1), Spot("y", text, 0.3, 0.4, -1)), (text,),
            ),
            "rerun": Rerun("2026-06-15T09:00", 1, (place,)), "compared": True,
        },
        "status.html": {},
        "paper.html": {
            "view": PaperView(
                whole, shown, (Version(2, text, text, NOW), Version(1, text + "x", text, NOW)),
                (Appearance(text, DAY, "new", 1, True),),
                (PostedTo(channel, digest, delivery, message, NOW, marks),),
                (NotPosted(channel, text, 1, digest),),
            ),
            "similar": (Found(shown, 1, 1.0, ((text, True),)),),
        },
        "search.html": {
            "found": SearchPage(text, hits, 9, True, (text,), 1), "query": text,
            "offset": 1, "place": 1, "size": 1,
        },
        "operations.html": {
            "view": Operations(
                (SourceRow(text, NOW, NOW, 1, text, NOW, DAY, text, 1, 1, 1, 1, text),), (listing,),
                (bad,), ((MessageState.UNKNOWN, 1),), (OutboxRow(message, channel, NOW, None),),
                ((text, Health(False, text, (text,))),), 1, 1,
            )
        },
        "listing.html": {
            "view": ListingView(listing, 1, (bad,), (Way(channel, 1, (("size", 1),), 1, 1),))
        },
        "login.html": {"wrong": text, "target": text},
        "trouble.html": {"words": text, "code": 400},
        "effects.html": {"effects": (effect,)},
        "reply.html": {"reply": note.reply, "typed": text, "address": text},
        "feed_digest.html": {"view": view, "base": "http://127.0.0.1"},
    }  # fmt: skip
    for template, context in own.items():
        yield template, drawing().page(template, **{**base, **context})


@cache
def plain() -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    return {template: skeleton(page) for template, page in pages("plain")}


@given(texts)
@example(HARM[0])
@example(HARM[1])
@example(HARM[2])
@example(HARM[7])
@settings(max_examples=40, deadline=None)
def test_a_text_changes_no_element_and_no_attribute_of_any_page(text: str) -> None:
    for template, page in pages(text):
        assert skeleton(page) == plain()[template], template


@given(texts)
@example(HARM[5])
@settings(max_examples=40, deadline=None)
def test_every_link_leads_to_us_or_to_a_checked_address(text: str) -> None:
    for template, page in pages(text):
        root = lxml.html.document_fromstring(page)
        for link in root.xpath("//@href | //@src | //@action"):
            ours = link.startswith(("/", "?", "#")) and not link.startswith(("//", "/\\"))
            assert ours or link.startswith(("https://arxiv.org/", "http://127.0.0.1")), template
            assert link.isascii()
            assert not any(char <= " " for char in link)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://a@b.example",
        "http://a\n",
        'https://a.example/"',
    ],
)
def test_an_address_that_cannot_be_checked_is_no_link(url: str) -> None:
    whole = Paper(
        1, "T", "A", (), 0, None, 1, None, url, None, (), None, None, url, 1, url, None, NOW, None
    )
    shown = card(whole, number=1, summary="", reason="", match=None)
    for macro in ("foot", "card"):
        page = drawing().piece("cards.html", macro, shown)
        root = lxml.html.fromstring(f"<div>{page}</div>")
        assert all(link.startswith("/papers/") for link in root.xpath("//@href"))


def feed_parts(text: str) -> tuple[Channel, list[DigestView], list[str]]:
    text = f"word {text}"
    channel = Channel(1, "web", text, text, Profile())
    digest = Digest(1, 1, "2026-06-15T09:00", DigestKind.DAILY, NOW, 5, 1, note=text)
    return channel, [DigestView(digest, ())], [f"<p>{text}</p>"]


@given(texts)
@example(HARM[7])
@settings(max_examples=60, deadline=None)
def test_feeds_stay_well_formed_whatever_they_hold(text: str) -> None:
    channel, views, bodies = feed_parts(text)
    feed = ET.fromstring(write_atom("http://127.0.0.1", channel, views, bodies))
    names = [element.tag.rpartition("}")[2] for element in feed]
    assert names == ["id", "title", "updated", "author", "generator", "link", "link", "entry"]
    title = next(element.text for element in feed if element.tag.endswith("title")) or ""
    assert title.startswith("word")
    told = json.loads(write_json_feed("http://127.0.0.1", channel, views, bodies))
    assert told["title"].startswith("word")
    assert told["items"][0]["content_html"] == bodies[0]


@given(texts)
@settings(max_examples=60, deadline=None)
def test_json_answers_give_every_text_back(text: str) -> None:
    whole = Paper(
        1, text, text, (text,), 1, None, 1, text, text, None, (text,), None, None, text, None, None,
        text, NOW, None,
    )  # fmt: skip
    told = json.loads(json.dumps(paper_json(whole, "http://127.0.0.1")))
    assert told["title"] == told["abstract"] == told["authors"][0] == text
    channel, views, _ = feed_parts(text)
    shown = json.dumps(digest_json(channel, views[0], "http://127.0.0.1"))
    assert json.loads(shown)["channel"]["name"] == channel.name
    hit = Found(card(whole, number=1, summary="", reason="", match=None), 1, 0.5, ((text, True),))
    assert json.loads(json.dumps(hit_json(hit, "http://127.0.0.1")))["snippet"] == text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
@example("../../etc")
@example("a/../b?c#d&e=f;g")
@example("//evil.example")
@settings(max_examples=150, deadline=None)
def test_a_name_is_one_part_of_a_path(text: str) -> None:
    whole = urlsplit(f"http://127.0.0.1{wire_path(text)}")
    assert (whole.netloc, whole.query, whole.fragment) == ("127.0.0.1", "", "")
    assert whole.path.count("/") == 2
    assert unquote(whole.path.rpartition("/")[2]) == text
    assert "/" not in quote_part(text)
    writers: tuple[Callable[[str], str], ...] = (quote_handle, paper_path)
    for write in writers:
        handle = urlsplit(f"http://127.0.0.1{write(text)}")
        assert (handle.netloc, handle.query, handle.fragment) == ("127.0.0.1", "", "")


@given(st.text(st.characters(), max_size=60))
@example("/\\evil.example")
@example("/a\nb")
@settings(max_examples=150, deadline=None)
def test_a_form_leads_back_to_a_path_of_ours_only(text: str) -> None:
    for path in (text, f"/{text}"):
        target = _target(path)
        assert target.startswith("/")
        assert not target.startswith(("//", "/\\"))
        assert all("!" <= char <= "~" and char != "\\" for char in target)


@given(texts)
@settings(max_examples=30, deadline=None)
def test_a_live_post_is_one_line_of_json(text: str) -> None:
    post = guard_post(Post(PostKind.NOTICE, text, (text,), footer=text))
    shown = Shown(Posted("1.k", "k", post, None), 1, {})
    piece = drawing().piece("cards.html", "post", text, shown, "t")
    line = json.dumps({"html": piece})
    assert "\n" not in line
    assert "\r" not in line
    assert line.isascii()
    told = lxml.html.fromstring(json.loads(line)["html"])
    assert told.tag == "article"
    assert not told.xpath(".//script | .//@*[starts-with(name(), 'on')]")
    # Two characters that are none are kept by a post and shown by no page.
    headline = re.sub("[\ufffe\uffff]", "", visible(post.headline))
    assert " ".join(headline.split()) == " ".join(told.xpath("string(.//h2)").split())
