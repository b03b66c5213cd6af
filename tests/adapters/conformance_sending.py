"""Conformance: posts arrive whole, in order and once, whatever happens on the way."""

from __future__ import annotations

import asyncio

from bot.domain import Card, Post, PostKind
from bot.ports import Absent, CannotTell, Found, Rejected, Retry, Sent, Unknown
from tests.adapters.counterpart import (
    Fault,
    Scene,
    SceneConformance,
    header,
    make_card,
    needs,
    paper,
    single,
    title,
    words,
)


class SendingConformance(SceneConformance):
    """What a platform does with posts and keys."""

    # --- sending

    async def test_a_paper_shows_everything_known_of_it(self, scene: Scene) -> None:
        remote_id = await scene.sent(paper(), "k1")
        (held,) = await scene.held()
        assert held.remote_id == remote_id
        card = make_card()
        text = words(held.text)
        for shown in (card.title, card.authors, card.date, card.summary, card.reason):
            assert shown in text
        assert "87" in text
        assert "4321" in text.replace(",", "")
        assert card.url in held.links
        assert card.code_url in held.links
        assert text.index(card.title) < text.index(card.summary)
        assert held.pings == ()

    async def test_a_paper_of_which_only_the_title_is_known_is_shown(self, scene: Scene) -> None:
        bare = Card(1, "p1", "A Bare Title", None, "", "", "", "")
        await scene.sent(Post(PostKind.PAPER, "", cards=(bare,)), "k1")
        (held,) = await scene.held()
        assert "A Bare Title" in words(held.text)
        assert "None" not in held.text

    async def test_labels_say_what_is_unusual(self, scene: Scene) -> None:
        marked = paper(label="exploration", summary_label="summary by the source")
        await scene.sent(marked, "k1")
        (held,) = await scene.held()
        assert "exploration" in words(held.text)
        assert "summary by the source" in words(held.text)

    async def test_a_header_lists_its_titles(self, scene: Scene) -> None:
        await scene.sent(header(), "k1")
        text = words((await scene.held())[0].text)
        for shown in ("Papers for vowels · Fri 12 Jun 2026", "2 of 31", "Counting Vowels Part 1"):
            assert shown in text
        assert text.index("Counting Vowels Part 1") < text.index("Counting Vowels Part 2")

    async def test_a_single_shows_each_paper_with_its_number_and_link(self, scene: Scene) -> None:
        cards = [make_card(n) for n in (1, 2, 3)]
        await scene.sent(single(*cards), "k1")
        (held,) = await scene.held()
        text = words(held.text)
        assert "Papers for vowels · Fri 12 Jun 2026" in text
        places = [text.index(card.title) for card in cards]
        assert places == sorted(places)
        assert {card.url for card in cards} <= set(held.links)

    async def test_a_notice_is_shown(self, scene: Scene) -> None:
        quiet = Post(PostKind.NOTICE, "Nothing close enough", footer="31 papers read")
        await scene.sent(quiet, "k1")
        (held,) = await scene.held()
        assert "Nothing close enough" in words(held.text)
        assert "31 papers read" in words(held.text)

    async def test_sends_arrive_in_order(self, scene: Scene) -> None:
        ids = [await scene.sent(paper(n), f"k{n}") for n in range(1, 7)]
        assert [held.remote_id for held in await scene.held()] == ids
        assert len(set(ids)) == 6

    async def test_channels_do_not_mix(self, scene: Scene) -> None:
        other = await scene.elsewhere()
        for_one = [scene.sent(paper(n), f"a{n}") for n in (1, 2)]
        for_other = [other.sent(paper(n), f"b{n}") for n in (3, 4)]
        await asyncio.gather(*for_one, *for_other)
        assert {title(held) for held in await scene.held()} == {1, 2}
        assert {title(held) for held in await other.held()} == {3, 4}

    async def test_papers_hang_under_their_header(self, scene: Scene) -> None:
        needs(scene.can.threads, "threads")
        parent = await scene.sent(header(), "k0")
        await scene.sent(paper(1), "k1", parent=parent)
        await scene.sent(paper(2), "k2", parent=parent)
        assert [h.parent for h in await scene.held()] == [None, parent, parent]

    # --- keys

    async def test_a_repeated_key_posts_once_or_is_found_first(self, scene: Scene) -> None:
        first = await scene.sent(paper(), "k1")
        if scene.can.drops_repeats:
            assert await scene.send(paper(), "k1") == Sent(first)
            assert len(await scene.held()) == 1
        if scene.can.can_find:
            assert await scene.find("k1") == Found(first)

    async def test_a_key_is_still_known_after_a_restart(self, scene: Scene) -> None:
        needs(scene.can.can_find, "messages that can be asked for")
        first = await scene.sent(paper(), "k1")
        await scene.platform.stop()
        await scene.connect()
        assert await scene.find("k1") == Found(first)
        second = await scene.sent(paper(2), "k2")
        assert [h.remote_id for h in await scene.held()] == [first, second]

    async def test_equal_posts_with_two_keys_are_two_posts(self, scene: Scene) -> None:
        first = await scene.sent(paper(), "k1")
        second = await scene.sent(paper(), "k2")
        assert first != second
        assert len(await scene.held()) == 2

    async def test_find_tells_known_keys_from_unknown_ones(self, scene: Scene) -> None:
        key = "0123456789abcdefghijklmno"
        ids = [await scene.sent(header(), "k0")]
        ids.append(await scene.sent(paper(), key, parent=ids[0]))
        if not scene.can.can_find:
            assert isinstance(await scene.find(key), CannotTell)
            assert isinstance(await scene.find("other"), CannotTell)
            return
        assert await scene.find("k0") == Found(ids[0])
        assert await scene.find(key) == Found(ids[1])
        assert await scene.find("other") == Absent()
        assert await (await scene.elsewhere()).find(key) == Absent()

    # --- faults

    async def test_a_lost_answer_is_unknown_and_found_afterwards(self, scene: Scene) -> None:
        needs(Fault.LOSE_ANSWER in scene.can.faults, "lost answers")
        await scene.harness.inject(Fault.LOSE_ANSWER, scene.address)
        outcome = await scene.send(paper(), "k1")
        await scene.harness.heal(scene.address)
        (held,) = await scene.held()
        # An adapter whose repeat the platform drops may have asked again by itself.
        assert isinstance(outcome, Unknown) or outcome == Sent(held.remote_id)
        if scene.can.can_find:
            assert await scene.find("k1") == Found(held.remote_id)
        await scene.sent(paper(2), "k2")
        assert [title(h) for h in await scene.held()] == [1, 2]

    async def test_a_rate_limit_is_obeyed_and_the_post_comes_once(self, scene: Scene) -> None:
        needs(Fault.RATE_LIMIT in scene.can.faults, "rate limits")
        await scene.harness.inject(Fault.RATE_LIMIT, scene.address)
        outcome = await scene.send(paper(), "k1")
        await scene.harness.heal(scene.address)
        if not isinstance(outcome, Sent):
            assert isinstance(outcome, Retry)
            assert outcome.after > 0
            assert await scene.held() == []
            await scene.sent(paper(), "k1")
        assert len(await scene.held()) == 1

    async def test_a_rejection_says_why_and_posts_nothing(self, scene: Scene) -> None:
        needs(Fault.REJECT in scene.can.faults, "rejections")
        other = await scene.elsewhere()
        await scene.harness.inject(Fault.REJECT, scene.address)
        outcome = await scene.send(paper(), "k1")
        assert isinstance(outcome, Rejected)
        assert outcome.reason
        await other.sent(paper(), "k2")
        await scene.harness.heal(scene.address)
        assert await scene.held() == []
        assert len(await other.held()) == 1

    async def test_an_unreachable_platform_gets_the_post_later_and_once(self, scene: Scene) -> None:
        needs(Fault.UNREACHABLE in scene.can.faults, "being unreachable")
        await scene.harness.inject(Fault.UNREACHABLE, scene.address)
        outcome = await scene.send(paper(), "k1")
        await scene.harness.heal(scene.address)
        assert isinstance(outcome, Retry | Unknown), outcome
        assert outcome.reason
        if isinstance(outcome, Unknown) and scene.can.can_find:
            assert await scene.find("k1") == Absent()
        await scene.sent(paper(), "k1")
        assert len(await scene.held()) == 1
