"""The pictures in deploy/pictures show what the code sends today, and all of it."""

from __future__ import annotations

import re

import lxml.html
import pytest
from PIL import Image

from bot.domain import Card, Post, PostKind
from tests.pictures.discord import draw_cards
from tests.pictures.draw import DRAWN_FROM, FOLDER, WIDTHS, fingerprint
from tests.pictures.scenes import draw
from tests.pictures.slack import draw_thread

CARD = Card(
    number=1,
    handle="2606.00100",
    title="Vowels * and _echoes_ <@U1> & `c`",
    url="https://arxiv.org/abs/2606.00100",
    authors="Ada Example",
    date="14 Jun 2026",
    summary="A **beam** [former] follows ~cooks~.",
    reason='matches "vowels"',
    code_url="https://github.com/ada/vowels",
    code_stars=1200,
)


def words(page: str) -> str:
    """Return what is read on a page, in one line."""
    shown = lxml.html.fromstring(page).text_content()
    return " ".join(shown.replace("\u200b", "").split())


async def test_pictures_are_drawn_from_what_the_code_sends() -> None:
    pages = await draw()
    assert {path.stem for path in FOLDER.iterdir()} == set(pages) == set(WIDTHS)
    for name, page in pages.items():
        with Image.open(FOLDER / f"{name}.png") as picture:
            drawn_from = picture.info.get(DRAWN_FROM)
        assert drawn_from == fingerprint(page), f"{name}.png is old; run: make pictures"


async def test_every_picture_tells_the_same_papers_without_a_secret_or_a_key() -> None:
    for name, page in (await draw()).items():
        read = words(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
        assert "Tue 6 Oct 2026" in read, name
        assert "Improving Neural Machine Translation Models with Monolingual Data" in read, name
        assert "Neural Machine Translation of Rare Words with Subword Units" in read, name
        assert "low-resource translation" in read, name
        assert page.count('class="emoji"') >= 6, name  # three signs for each paper
        assert not re.search(r"<script|src=\"http|url\(", page), name


@pytest.mark.parametrize("document", ["README.md", "deploy/README.md"])
def test_every_picture_is_shown_to_readers_of_the_documents(document: str) -> None:
    path = FOLDER.parents[1] / document
    shown = re.findall(r"\]\(([^)]+\.png)\)", path.read_text(encoding="utf-8"))
    assert {(path.parent / one).resolve() for one in shown} == set(FOLDER.iterdir())


@pytest.mark.parametrize("name", sorted(WIDTHS))
def test_pictures_are_small(name: str) -> None:
    assert (FOLDER / f"{name}.png").stat().st_size < 150_000


def test_signs_of_markup_in_a_title_are_read_as_they_are() -> None:
    posts = [(Post(PostKind.PAPER, "", cards=(CARD,)), "k" * 24)]
    for page in (draw_thread(posts, str), draw_cards(posts, str)):
        assert "1. Vowels * and _echoes_ <@U1> & `c`" in words(page)
        assert "A **beam** [former] follows ~cooks~." in words(page)
        links = lxml.html.fromstring(f"<div>{page}</div>").xpath("//a/@href")
        assert links == [CARD.url, CARD.code_url]


def test_one_message_for_all_papers_is_drawn_as_well() -> None:
    post = Post(PostKind.SINGLE, headline="Papers", cards=(CARD, CARD), footer="2 of 9")
    assert words(draw_thread([(post, "key")], str)).count("Vowels") == 2
    shown = draw_cards([(post, "key")], str)
    assert words(shown).count("Vowels") == 2
    assert shown.count('class="menu"') == 4
