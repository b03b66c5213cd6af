"""Digests on Discord: cards, threads, singles, forum posts, announcements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import Card, Layout, Post, PostKind, Signal
from bot.platforms.discord import Discord
from bot.ports import Found
from tests.adapters.counterpart import header, make_card, paper, single, until, words
from tests.adapters.discord_harness import HASTE, held, parts, stage
from tests.adapters.loopback_discord.world import FORUM, NEWS


def test_its_layout_is_cards() -> None:
    assert Discord.default_layout is Layout.CARDS


async def test_a_card_is_one_embed_with_a_linked_title_and_four_buttons() -> None:
    async with stage() as scene:
        await scene.sent(paper(), "k1")
        (message,) = scene.channel.messages
        (embed,) = message.body["embeds"]
        card = make_card()
        assert embed["url"] == card.url
        assert embed["title"] == f"1. {card.title}"
        shown = [(p.get("emoji") or {}).get("name") or p["label"] for p in parts(message)]
        assert shown == ["👍", "👎", "🔖", "Why"]


async def test_a_header_has_buttons_for_what_comes_next() -> None:
    async with stage() as scene:
        await scene.sent(header(), "k1")
        (message,) = scene.channel.messages
        for label, text in (("More papers", "more"), ("My saved papers", "saved")):
            (button,) = [p for p in parts(message) if p["label"] == label]
            await scene.folk.press(message, scene.ada, button["custom_id"])
            assert scene.core.commands[-1].text == text


async def test_a_thread_is_started_under_its_header() -> None:
    async with stage() as scene:
        parent = await scene.sent(header(), "k0")
        refs = [await scene.sent(paper(n), f"k{n}", parent=parent) for n in (1, 2)]
        (thread,) = scene.guild.threads.values()
        assert str(thread.id) == parent
        assert thread.name == "Papers for vowels · Fri 12 Jun 2026"
        assert [f"{thread.id}/{m.id}" for m in thread.messages] == refs
        assert await scene.find("k2") == Found(refs[1])


async def test_a_thread_goes_on_after_a_restart() -> None:
    async with stage() as scene:
        parent = await scene.sent(header(), "k0")
        await scene.sent(paper(1), "k1", parent=parent)
        await scene.platform.stop()
        (thread,) = scene.guild.threads.values()
        thread.archived = True
        await scene.platform.start(scene.inbound)
        ref = await scene.sent(paper(2), "k2", parent=parent)
        assert len(thread.messages) == 2
        thread.archived = True
        assert await scene.find("k2") == Found(ref)


@pytest.mark.parametrize("lost", ["create_public_threads", "send_messages_in_threads"])
async def test_without_threads_the_papers_come_all_the_same(lost: str) -> None:
    async with stage() as scene:
        parent = await scene.sent(header(), "k0")
        scene.channel.denied.add(lost)
        ref = await scene.sent(paper(1), "k1", parent=parent)
        assert [str(m.id) for m in scene.channel.messages] == [parent, ref]


async def test_a_deleted_thread_costs_neither_paper_nor_channel() -> None:
    async with stage() as scene:
        parent = await scene.sent(header(), "k0")
        await scene.sent(paper(1), "k1", parent=parent)
        (thread,) = scene.guild.threads.values()
        thread.deleted = True
        await scene.sent(paper(2), "k2", parent=parent)
        assert len(scene.channel.messages) == 2


async def test_votes_in_a_digests_thread_are_votes_in_its_channel() -> None:
    async with stage() as scene:
        parent = await scene.sent(header(), "k0")
        ref = await scene.sent(paper(1), "k1", parent=parent)
        (thread,) = scene.guild.threads.values()
        (message,) = thread.messages
        for restart in (False, True):
            if restart:
                await scene.platform.stop()
                await scene.server.react(message, scene.ada, "👍", on=False)
                thread.archived = True  # then the gateway does not tell of it
                await scene.platform.start(scene.inbound)
            scene.core.votes.clear()
            await scene.server.react(message, scene.ada, "👍", on=True)
            await scene.core.until_votes(1)
            (like,) = [p for p in parts(message) if (p.get("emoji") or {}).get("name") == "👍"]
            await scene.folk.press(message, scene.ada, like["custom_id"])
            for vote in scene.core.votes:
                assert (vote.place.address, vote.remote_id) == (scene.address, ref)
            (standing,) = await scene.platform.standing(scene.address, ref) or ()
            assert standing.person_id == str(scene.ada.id)


async def test_a_thread_of_someone_else_is_a_place_of_its_own() -> None:
    async with stage() as scene:
        thread = await scene.server.add_thread(scene.channel, "reading group", scene.ada)
        await scene.folk.slash(thread, scene.ada, "status")
        assert scene.core.commands[-1].place.address == f"{scene.guild.id}/{thread.id}"
        outcome = await scene.platform.send(f"{scene.guild.id}/{thread.id}", paper(), "k1")
        assert outcome.remote_id == str(thread.messages[0].id)  # type: ignore[union-attr]


async def test_a_command_in_a_digests_thread_is_one_in_its_channel() -> None:
    async with stage() as scene:
        parent = await scene.sent(header(), "k0")
        await scene.sent(paper(1), "k1", parent=parent)
        (thread,) = scene.guild.threads.values()
        await scene.folk.slash(thread, scene.ada, "status")
        assert scene.core.commands[-1].place.address == scene.address


# --- forums -------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False], ids=["thread layout", "cards layout"])
async def test_a_forum_gets_a_post_for_each_digest(named: bool) -> None:
    async with stage(kind=FORUM) as scene:
        for day in (1, 2):
            parent = await scene.sent(header(), f"h{day}")
            for number in (1, 2):
                above = parent if named else None
                await scene.sent(paper(number), f"p{day}{number}", parent=above)
        posts = sorted(scene.guild.threads.values(), key=lambda thread: thread.id)
        assert [len(post.messages) for post in posts] == [3, 3]
        assert {post.name for post in posts} == {"Papers for vowels · Fri 12 Jun 2026"}
        assert posts[0].messages[0].id == posts[0].id
        found = await scene.find("p12")
        assert found == Found(f"{posts[0].id}/{posts[0].messages[2].id}")


async def test_a_forum_that_asks_for_a_tag_gets_its_first() -> None:
    async with stage(kind=FORUM) as scene:
        scene.channel.needs_tag = True
        tag = {"id": "77", "name": "papers", "moderated": False}
        scene.channel.tags = [{**tag, "emoji_id": None, "emoji_name": None}]
        await scene.sent(header(), "k1")
        (thread,) = scene.guild.threads.values()
        assert thread.applied == ["77"]


async def test_a_forum_is_recognised_before_the_gateway_tells_of_it() -> None:
    async with stage(
        lambda server: setattr(server.gateway, "open", False),
        kind=FORUM,
        pace=replace(HASTE, start=0.2),
    ) as scene:
        await until(lambda: scene.platform._usable, "the login")
        await scene.sent(header(), "k1")
        assert len(scene.guild.threads) == 1


async def test_a_deleted_forum_post_is_followed_by_a_new_one() -> None:
    async with stage(kind=FORUM) as scene:
        parent = await scene.sent(header(), "k0")
        (thread,) = scene.guild.threads.values()
        thread.deleted = True
        await scene.sent(paper(1), "k1", parent=parent)
        assert len(scene.guild.threads) == 2


async def test_reactions_in_a_forum_post_count_for_the_forum() -> None:
    async with stage(kind=FORUM) as scene:
        ref = await scene.sent(single(make_card(1), make_card(2)), "k1")
        (thread,) = scene.guild.threads.values()
        await scene.server.react(thread.messages[0], scene.ada, "2\ufe0f\u20e3", on=True)
        await scene.core.until_votes(1)
        (vote,) = scene.core.votes
        assert (vote.place.address, vote.remote_id, vote.number) == (scene.address, ref, 2)


# --- singles ------------------------------------------------------------------------------------


async def test_a_single_offers_number_reactions_and_a_menu_for_each_act() -> None:
    async with stage() as scene:
        await scene.sent(single(*(make_card(n) for n in (1, 2, 3))), "k1")
        (message,) = scene.channel.messages
        await until(lambda: len(message.reactions) == 3, "number reactions")
        assert list(message.reactions) == [f"{n}\ufe0f\u20e3" for n in (1, 2, 3)]
        menus = parts(message)
        assert [len(menu["options"]) for menu in menus] == [3, 3, 3, 3]
        await scene.folk.pick(message, scene.ada, menus[2]["custom_id"], "3")
        vote = scene.core.votes[-1]
        assert (vote.signal, vote.number, vote.on) == (Signal.SAVE, 3, None)
        await scene.folk.pick(message, scene.ada, menus[3]["custom_id"], make_card(2).handle)
        assert scene.core.commands[-1].text == f"why {make_card(2).handle}"


async def test_number_reactions_that_may_not_be_added_cost_nothing() -> None:
    async with stage() as scene:
        scene.channel.denied.add("add_reactions")
        await scene.sent(single(make_card(1), make_card(2)), "k1")
        await scene.sent(paper(3), "k2")
        assert len(scene.channel.messages) == 2


@pytest.mark.parametrize("count", [1, 9, 10, 11, 20])
async def test_every_paper_of_a_single_has_its_title_and_link_however_many(count: int) -> None:
    fill = "matter enough " * 70
    cards = [
        make_card(n, title=f"Number{n} {fill}", summary=fill, reason=fill, authors=fill)
        for n in range(1, count + 1)
    ]
    async with stage() as scene:
        await scene.sent(single(*cards), "k1")
        (message,) = scene.channel.messages
        seen = held(message)
        for card in cards:
            assert f"{card.number}. Number{card.number} matter" in words(seen.text)
            assert card.url in seen.links


async def test_the_hardest_text_to_escape_fits_every_layout() -> None:
    worst = "*_`~|[]\\<" * 120
    card = make_card(1, title=worst, summary=worst, reason=worst, authors=worst, label=worst)
    cards: list[Card] = [replace(card, number=n, handle=f"p{n}") for n in range(1, 21)]
    async with stage() as scene:
        await scene.sent(Post(PostKind.PAPER, worst, cards=(card,)), "k1")
        await scene.sent(Post(PostKind.HEADER, worst, (worst,) * 25, footer=worst), "k2")
        for count in (1, 5, 10, 20):
            await scene.sent(single(*cards[:count]), f"s{count}")
        assert len(scene.channel.messages) == 6


# --- announcement channels ----------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [True, False])
async def test_announcements_are_published_where_the_operator_wants_it(wanted: bool) -> None:
    async with stage(kind=NEWS, crosspost=wanted) as scene:
        await scene.sent(header(), "k1")
        (message,) = scene.channel.messages
        if wanted:
            await until(lambda: message.crossposted, "the publication")
        other = await scene.server.channel(scene.guild, "plain")
        await scene.platform.send(f"{scene.guild.id}/{other.id}", header(), "k2")
        await scene.platform.stop()
        assert message.crossposted is wanted
        assert not other.messages[0].crossposted
