"""How posts and replies look in a window and on a plain stream."""

from __future__ import annotations

import errno
import io
import re

import pytest

from bot.domain import (
    Post,
    PostKind,
    Reply,
)
from bot.platforms.terminal import Terminal
from bot.platforms.terminal_view import Screen
from bot.ports import (
    Sent,
)
from tests.adapters.counterpart import (
    HOSTILE,
    header,
    make_card,
    paper,
    single,
)
from tests.adapters.terminal_window import (
    LINKED,
    Window,
    drawn,
    stripped,
)

pytestmark = pytest.mark.usefixtures("plain_surroundings")


# --- how it looks --------------------------------------------------------------------------------


def plainly(post: Post, width: int = 80) -> str:
    stream = io.StringIO()
    Screen(stream, width=width).post(post)
    return stream.getvalue()


def test_a_paper_on_a_plain_stream() -> None:
    assert plainly(paper(label="trending")).splitlines() == [
        " 1  Counting Vowels Part 1  [trending]",
        "    https://arxiv.org/abs/2606.00001",
        "    Ada Roe, Ben Poe, Cleo Moe and 5 more · 12 Jun 2026 · cs.CL",
        "    Vowels were counted by hand. Most of them were found.",
        "    why   matches “vowel harmony”",
        "    match 87 · 4,321 upvotes",
        "    code  https://code.example.org/vowels  12 stars",
        "",
    ]


def test_a_header_on_a_plain_stream() -> None:
    assert plainly(header(), 60).splitlines() == [
        "━━ Papers for vowels · Fri 12 Jun 2026 ━━━━━━━━━━━━━━━━━━━━━",
        "   2 of 31",
        "",
        "   1  Counting Vowels Part 1",
        "   2  Counting Vowels Part 2",
        "",
    ]


@pytest.mark.parametrize("width", [10, 24, 40, 80, 120, 300])
@pytest.mark.parametrize("title", ["Counting Vowels " * 12, "数え上げる母音" * 20, "x" * 240])
def test_lines_fit_the_width_and_never_end_in_spaces(width: int, title: str) -> None:
    from rich.cells import cell_len

    cards = (make_card(1, title=title, label="exploration"), make_card(12, summary=title))
    for post in (single(*cards), header(12), Post(PostKind.HEADER, title, (f"1. {title}",))):
        for line in plainly(post, width).splitlines():
            assert line == line.rstrip()
            if "https://" not in line:  # a link is never broken
                assert cell_len(line) <= max(24, min(width, 100)), line


def test_a_window_gets_links_behind_words_and_a_file_gets_them_bare() -> None:
    shown = drawn(paper())
    assert LINKED.findall(shown).count("https://arxiv.org/abs/2606.00001") == 2
    assert "\n    arxiv.org/abs/2606.00001\n" in stripped(shown)
    assert "\x1b" not in plainly(paper())


def test_no_color_means_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|9[0-7]|38;[0-9;]+)m")
    assert coloured.search(drawn(paper()))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(drawn(paper()))


def test_a_dumb_window_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in drawn(paper())
    assert "https://arxiv.org/abs/2606.00001" in drawn(paper())


def test_a_plain_stream_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    stream = io.StringIO()
    Screen(stream).post(header())
    assert len(stream.getvalue().splitlines()[0]) == 50
    monkeypatch.setenv("COLUMNS", "wide")
    Screen(stream).post(header())
    assert len(stream.getvalue().splitlines()[-6]) == 80


def test_only_our_own_sequences_reach_a_window() -> None:
    hostile = make_card(title=HOSTILE, summary=HOSTILE, reason=HOSTILE, authors=HOSTILE)
    window = Window()
    screen = Screen(window, width=100)
    screen.post(single(hostile))
    screen.reply(Reply(HOSTILE, (HOSTILE,), (hostile,)))
    shown = stripped(window.getvalue())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert not [link for link in LINKED.findall(window.getvalue()) if "evil" in link]


def test_a_stream_that_cannot_spell_a_character_shows_a_question_mark() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Screen(stream, width=80).post(paper(title="Größe"))
    assert b"Gr??e" in raw.getvalue()


async def test_a_window_that_was_closed_does_not_stop_the_posts() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "closed")

    terminal = Terminal(stream=Broken())
    assert isinstance(await terminal.send("nlp", paper(1), "k1"), Sent)
    assert isinstance(await terminal.send("nlp", paper(2), "k2"), Sent)


async def test_a_repeated_key_is_not_drawn_again() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream=stream)
    await terminal.send("nlp", paper(), "k1")
    shown = stream.getvalue()
    await terminal.send("nlp", paper(), "k1")
    assert stream.getvalue() == shown


def test_a_reply_keeps_its_columns_and_marks_an_error() -> None:
    stream = io.StringIO()
    screen = Screen(stream, width=44)
    screen.reply(
        Reply("Commands", ("search WORDS  find papers, the newest of them first", "", "x"))
    )
    screen.reply(Reply("No such paper.", ok=False))
    assert stream.getvalue().splitlines() == [
        "▸ Commands",
        "  search WORDS  find papers, the newest of",
        "                them first",
        "",
        "  x",
        "",
        "✗ No such paper.",
        "",
    ]
