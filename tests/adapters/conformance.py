"""What every chat platform must do, written once.

An adapter's test module subclasses ``PlatformConformance`` and gives a ``harness`` fixture (see
``counterpart.PlatformHarness``): a loopback service that remembers what it accepted, the people
in it, and its faults. The suite talks to the adapter only through ``bot.ports.ChatPlatform`` and
``Inbound``, and believes only what the counterpart holds.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.domain import Card, Post, PostKind, Reply
from bot.ports import Retry, Sent
from tests.adapters.conformance_people import PeopleConformance
from tests.adapters.conformance_sending import SendingConformance
from tests.adapters.counterpart import (
    HOSTILE,
    SHOWN_LITERALLY,
    Scene,
    assert_harmless,
    make_card,
    paper,
    single,
    words,
)


class PlatformConformance(SendingConformance, PeopleConformance):
    """The whole suite: posts, people, untrusted text, coming and going."""

    # --- untrusted text

    @pytest.mark.parametrize("place", ["title", "authors", "summary", "reason", "label"])
    async def test_untrusted_text_never_acts(self, scene: Scene, place: str) -> None:
        changes: dict[str, object] = {place: HOSTILE}
        await scene.sent(Post(PostKind.PAPER, HOSTILE, cards=(make_card(1, **changes),)), "k1")
        (held,) = await scene.held()
        assert_harmless(held)
        text = words(held.text)
        assert "Plain start" in text
        if place != "label":
            for literal in SHOWN_LITERALLY:
                assert literal in text, f"{literal} was taken for markup"
        assert make_card().url in held.links

    async def test_untrusted_text_never_acts_in_headers_singles_and_replies(
        self, scene: Scene
    ) -> None:
        listed = Post(PostKind.HEADER, HOSTILE, (f"1. {HOSTILE}",), footer=HOSTILE)
        await scene.sent(listed, "k1")
        await scene.sent(single(make_card(title=HOSTILE, summary=HOSTILE)), "k2")
        if scene.can.commands:
            cards = (make_card(title=HOSTILE),)
            scene.inbound.reply = Reply(HOSTILE, (HOSTILE,), cards, ephemeral=False)
            await scene.command(scene.people[0], "status")
        listed_, single_, *replies = await scene.held()
        assert_harmless(listed_)
        assert_harmless(single_)
        for reply in replies:  # a reply's own lines may hold links: of our pages, of settings
            assert_harmless(replace(reply, links=()))
        for held in (listed_, single_, *replies):
            assert "Plain start" in words(held.text)

    @pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a.example/\n>evil", "evil|x"])
    async def test_a_link_that_is_none_is_not_made_one(self, scene: Scene, url: str) -> None:
        await scene.sent(paper(url=url, code_url=url), "k1")
        (held,) = await scene.held()
        assert_harmless(held)
        assert not [link for link in held.links if not link.startswith(("http://", "https://"))]
        assert make_card().title in words(held.text)

    async def test_no_length_is_too_long(self, scene: Scene) -> None:
        many = ", ".join(f"Author Number{n}" for n in range(400))
        long = "Lengthy matter " * 700
        await scene.sent(paper(title=long, authors=many), "k1")
        await scene.sent(paper(title="x" * 10_000, summary=long, reason=long), "k2")
        first, second = await scene.held()
        assert "Lengthy matter Lengthy matter" in words(first.text)
        assert "Author Number0, Author Number1" in words(first.text)
        assert "x" * 20 in words(second.text)
        assert make_card().url in first.links
        assert make_card().url in second.links

    async def test_ten_full_papers_fit_a_single_and_twenty_five_titles_a_header(
        self, scene: Scene
    ) -> None:
        fill = "matter enough " * 70
        cards = [
            make_card(n, title=f"Number{n} {fill}", summary=fill, reason=fill, authors=fill)
            for n in range(1, 11)
        ]
        await scene.sent(single(*cards), "k1")
        titles = tuple(f"{n}. Number{n} {fill}" for n in range(1, 26))
        await scene.sent(Post(PostKind.HEADER, fill, titles, footer=fill), "k2")
        one, listed = await scene.held()
        for card in cards:
            assert f"Number{card.number} matter" in words(one.text)
            assert card.url in one.links
        assert "Number25 matter" in words(listed.text)

    async def test_an_empty_post_does_not_break(self, scene: Scene) -> None:
        empty = Card(0, "", "", "", "", "", "", "", code_url="", categories=("",))
        await scene.sent(Post(PostKind.PAPER, "", cards=(empty,)), "k1")
        await scene.sent(Post(PostKind.NOTICE, "", ("",)), "k2")
        assert len(await scene.held()) == 2

    # --- coming and going

    async def test_stop_finishes_the_post_in_hand(self, scene: Scene) -> None:
        sending = asyncio.create_task(scene.send(paper(), "k1"))
        await asyncio.sleep(0)
        await scene.platform.stop()
        outcome = await sending
        ids = [held.remote_id for held in await scene.held()]
        assert isinstance(outcome, Sent | Retry), outcome
        assert ids == ([outcome.remote_id] if isinstance(outcome, Sent) else [])

    async def test_a_stopped_platform_sends_nothing_and_can_be_stopped_again(
        self, scene: Scene
    ) -> None:
        await scene.platform.stop()
        await scene.platform.stop()
        assert isinstance(await scene.send(paper(), "k1"), Retry)
        assert await scene.held() == []
