"""What mails look like on the inside: headers stay headers, text stays text, ids stay the same."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Card, Post, PostKind, Signal
from bot.platforms.email.addresses import Addresses
from bot.platforms.email.letter import Envelope, message_id, write_digest, write_question
from bot.platforms.email.seal import BadLinkError, Purpose, Seal
from bot.platforms.email.smtp import Server
from bot.ports import Confirmation
from bot.render import guard_post, plain_text, visible

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)
ADA = "ada@readers.example.org"
SEAL = Seal(b"k" * 32)
SERVER = Server("127.0.0.1", 25, "papers@wire.example.org")
LINKS = Addresses("https://papers.example.org", SEAL, "handle-of-ada", NOW)
ENVELOPE = Envelope(ADA, "k" * 24, NOW)
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
    "List-Unsubscribe", "List-Unsubscribe-Post", "List-ID", "MIME-Version", "Content-Type",
}  # fmt: skip

# Text as it may come: of any script, with what ends lines, headers, tags and attributes.
HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from("\r\n\0\t\x0b\x0c\x1c\x85\u2028\u2029\u202e\ud800:;,<>@\"'()[]=?&{}%\\/ "),
        st.sampled_from(string.ascii_letters),
        st.characters(),
    ),
    max_size=160,
) | st.sampled_from(
    [
        "x\r\nBcc: eve@evil.example\r\n\r\nhello",
        "=?utf-8?q?x=0D=0ABcc:_eve=40evil.example?=",
        '"><img src=x onerror=alert(1)><a href="https://evil.example/',
        "</title><script>alert(1)</script>",
        "' style='background:url(https://evil.example/)",
        "{{ 7 * 7 }}{% raw %}",
        "Content-Type: text/html\n\n<b>",
        "é" * 150,
        "漢字" * 70,
        "👩‍👩‍👧" * 20,
    ]
)
CARDS = st.builds(
    Card,
    number=st.integers(1, 99),
    handle=HOSTILE,
    title=HOSTILE,
    url=st.none() | HOSTILE | st.just("https://arxiv.org/abs/2606.00001"),
    authors=HOSTILE,
    date=HOSTILE,
    summary=HOSTILE,
    reason=HOSTILE,
    match=st.none() | st.integers(0, 100),
    label=HOSTILE,
    summary_label=HOSTILE,
    upvotes=st.none() | st.integers(0, 9999),
    code_url=st.none() | HOSTILE,
    categories=st.tuples(HOSTILE),
)
POSTS = st.builds(
    Post,
    kind=st.sampled_from(PostKind),
    headline=HOSTILE,
    lines=st.tuples(HOSTILE),
    cards=st.lists(CARDS, max_size=3).map(tuple),
    footer=HOSTILE,
)


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def content(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert isinstance(body, EmailMessage)
    assert not body.defects
    return str(body.get_content())


def make_card(number: int = 1) -> Card:
    return Card(
        number, f"2606.0000{number}", f"Reading Maps {number}", f"https://arxiv.org/abs/2606.0000{number}",
        "Ada Roe and Ben Poe", "12 Jun 2026", "Maps were read. They were right.", "matches “maps”",
        match=87, upvotes=43, code_url="https://code.example.org/maps", code_stars=1200,
    )  # fmt: skip


SINGLE = Post(
    PostKind.SINGLE, f"Papers for {ADA} · Mon 15 Jun 2026", cards=(make_card(1), make_card(2)),
    footer="2 of 31 new papers",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(POSTS)
def test_no_text_breaks_out_of_its_place(post: Post) -> None:
    raw = write_digest(post, ENVELOPE, SERVER, LINKS)
    head, _, _ = raw.partition(b"\r\n\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    names = [line.split(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert sorted(names) == sorted(HEADERS)
    message = read(raw)
    assert str(message["To"]) == ADA
    safe = guard_post(post)
    expected = safe.cards[0].title if safe.cards and safe.kind is PostKind.PAPER else safe.headline
    subject = str(message["Subject"])
    shown = plain_text(expected, 150).replace("=?", "= ?") or "Papers"
    assert subject == shown
    assert visible(subject) == subject
    assert message["List-Unsubscribe"] == f"<{LINKS.leave()}>"

    page = lxml.html.document_fromstring(content(message, "html"))
    links = [str(link) for link in page.xpath("//@href")]
    ours = [
        LINKS.vote(ENVELOPE.key, card.number, s) for card in safe.cards for s in list(Signal)[:3]
    ]
    papers = [url for card in safe.cards for url in (card.url, card.code_url) if url]
    assert sorted(links) == sorted([*ours, *papers, LINKS.leave(), LINKS.change()])
    assert not page.xpath("//script|//img|//iframe|//form|//object|//link|//base|//@src|//@onerror")
    known = {"style", "class", "href", "role", "width", "cellpadding", "cellspacing", "border"}
    known |= {"align", "aria-hidden", "charset", "name", "content", "lang", "xmlns"}
    assert {str(name) for tag in page.iter("*") for name in tag.attrib} <= known
    assert not [style for style in page.xpath("//@style") if "url(" in style]
    text = " ".join(page.text_content().split())
    for card in safe.cards:
        assert " ".join(card.title.split()) in text

    plain = content(message, "plain")
    for char in visible(plain.replace("\r\n", "\n").replace("\n", "")):
        assert char not in "\r\0\x1b"


@settings(max_examples=100, deadline=None)
@given(HOSTILE, HOSTILE)
def test_what_was_asked_for_cannot_break_out_of_the_question(wish: str, name: str) -> None:
    link = LINKS.confirm("q1")
    server = replace(SERVER, sender_name=name)
    raw = write_question(Confirmation(ADA, "h", "q1", wish), NOW, server, link)
    message = read(raw)
    own = HEADERS - {"List-Unsubscribe", "List-Unsubscribe-Post", "List-ID"}
    assert set(message.keys()) == own
    assert message["From"].addresses[0].addr_spec == SERVER.sender
    page = lxml.html.document_fromstring(content(message, "html"))
    assert [str(one) for one in page.xpath("//@href|//@src")] == [link]


@pytest.mark.parametrize(
    "address",
    ["", "ada", "a@b\r\nBcc: e@x.org", "a@b\n", "<a@b.org>", "a@b.org, c@d.org", "a b@c.org", "@c",
     "a@b.org\0", "é@b.org", "a@b@c.org", '"a b"@c.org'],
)  # fmt: skip
def test_an_address_that_is_none_makes_no_mail(address: str) -> None:
    with pytest.raises(ValueError, match="no mail address"):
        write_digest(SINGLE, replace(ENVELOPE, recipient=address), SERVER, LINKS)


def test_links_to_leave_stand_whole_on_one_line() -> None:
    raw = write_digest(SINGLE, ENVELOPE, SERVER, LINKS)
    assert f"\r\nList-Unsubscribe: <{LINKS.leave()}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    insecure = replace(LINKS, base="http://127.0.0.1:8766")
    assert b"List-Unsubscribe-Post" not in write_digest(SINGLE, ENVELOPE, SERVER, insecure)


def test_the_message_id_follows_from_address_and_key() -> None:
    first = read(write_digest(SINGLE, ENVELOPE, SERVER, LINKS))
    again = read(write_digest(SINGLE, replace(ENVELOPE, at=NOW.replace(hour=20)), SERVER, LINKS))
    assert first["Message-ID"] == again["Message-ID"] == message_id(ADA, "k" * 24, SERVER.domain)
    others = {message_id(ADA, "k2", "x.org"), message_id("b" + ADA, "k", "x.org")}
    assert len({message_id(ADA, "k", "x.org"), *others}) == 3


def test_a_digest_speaks_to_its_reader_and_not_to_a_chat() -> None:
    footer = "31 papers read; /papers more shows the nearest"
    notice = Post(PostKind.NOTICE, f"Nothing close enough for {ADA} · Mon", footer=footer)
    message = read(write_digest(notice, ENVELOPE, SERVER, LINKS))
    assert message["Subject"] == "Nothing close enough for you · Mon"
    for kind in ("plain", "html"):
        text = content(message, kind)
        assert "31 papers read" in text
        assert "/papers" not in text.replace(LINKS.base, "")


def test_answers_hang_under_what_they_answer() -> None:
    message = read(write_digest(SINGLE, replace(ENVELOPE, parent="<p@x.org>"), SERVER, LINKS))
    assert message["In-Reply-To"] == message["References"] == "<p@x.org>"


def test_ten_full_papers_stay_below_what_mail_programs_cut_off() -> None:
    long = "matter enough for a line " * 40
    cards = [
        replace(make_card(n % 9 + 1), number=n, title=long, summary=long, reason=long, authors=long)
        for n in range(1, 11)
    ]
    raw = write_digest(replace(SINGLE, cards=tuple(cards)), ENVELOPE, SERVER, LINKS)
    body = read(raw).get_body(("html",))
    assert isinstance(body, EmailMessage)
    assert len(str(body.get_payload(decode=False))) < 100_000


# --- tokens -------------------------------------------------------------------------------------


WORDS = st.lists(st.text(string.ascii_letters + string.digits + "-_", min_size=1), max_size=4)


@given(WORDS, st.sampled_from(Purpose))
def test_a_token_says_what_was_written_and_nothing_else(words: list[str], purpose: Purpose) -> None:
    seal = Seal(b"a" * 32)
    token = seal.write(purpose, tuple(words), NOW)
    assert set(token) <= set(string.ascii_letters + string.digits + "-_.")
    assert seal.read(purpose, token, NOW) == tuple(words)
    with pytest.raises(BadLinkError):
        Seal(b"b" * 32).read(purpose, token, NOW)
    other = next(one for one in Purpose if one is not purpose)
    with pytest.raises(BadLinkError):
        seal.read(other, token, NOW)


@pytest.mark.parametrize("word", ["", "a.b", "a/b", "a b", "é", "a\n", "?"])
def test_a_token_says_only_what_a_link_can(word: str) -> None:
    with pytest.raises(ValueError, match="cannot say"):
        SEAL.write(Purpose.VOTE, ("ok", word), NOW)


@given(st.text(max_size=80))
def test_no_token_can_be_made_up(token: str) -> None:
    with pytest.raises(BadLinkError):
        SEAL.read(Purpose.LEAVE, token, NOW)
