"""The pages behind the links in mails: a GET asks, a POST does, and nobody else can."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.domain import ChannelState, PaperwireError, Post, Reply, Signal
from bot.platforms.email import PREFIX, Email
from bot.platforms.email.addresses import Addresses
from bot.platforms.email.seal import GOOD_FOR, Purpose, Seal
from bot.ports import Confirmation, Rejected, Retry, Sent, Unknown
from tests.adapters.counterpart import RecordingInbound, paper, single, until
from tests.adapters.loopback_mail import BASE, MailHarness, part, read_html

ADA = MailHarness.people[0]


@dataclass
class Desk:
    """A running adapter, a browser, and links as they stand in mails to Ada."""

    place: MailHarness
    inbound: RecordingInbound
    browser: aiohttp.ClientSession
    links: Addresses
    port: int
    clock: list[datetime]

    async def ask(self, method: str, link: str, **options: Any) -> tuple[int, str]:
        target = f"http://127.0.0.1:{self.port}{link.removeprefix(BASE)}"
        async with self.browser.request(method, target, **options) as answer:
            return answer.status, await answer.text()

    async def get(self, link: str) -> tuple[int, str]:
        return await self.ask("GET", link)

    async def press(self, link: str, page: str) -> tuple[int, str]:
        """Send the first form of a page."""
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
        return await self.ask("POST", link, data=fields)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    place, inbound = MailHarness(), RecordingInbound()
    await place.open()
    clock = [datetime(2026, 6, 15, 9, tzinfo=UTC)]
    place.adapter = Email(
        place.settings(),
        place.readers,
        public_url=BASE,
        listen=("127.0.0.1", 0),
        clock=lambda: clock[0],
    )
    whole: Any = inbound
    await place.adapter.start(whole)
    await place.channel()
    seal = Seal(await place.readers.secret())
    links = Addresses(BASE, seal, place.readers.handles[ADA], clock[0])
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        yield Desk(place, inbound, browser, links, place.adapter.port, clock)
    await place.close()


# --- votes --------------------------------------------------------------------------------------


async def test_following_a_vote_link_votes_nothing(desk: Desk) -> None:
    link = desk.links.vote("k1", 2, Signal.LIKE)
    for method in ("GET", "HEAD", "GET"):
        status, _ = await desk.ask(method, link)
        assert status == 200
    assert desk.inbound.votes == []
    assert desk.place.readers.came == []


async def test_one_more_click_votes_once_however_often_the_form_is_sent(desk: Desk) -> None:
    desk.place.readers.posts[ADA, "k1"] = single(*(c for n in (1, 2) for c in paper(n).cards))
    link = desk.links.vote("k1", 2, Signal.DISLIKE)
    _, page = await desk.get(link)
    assert "“Counting Vowels Part 2”" in page
    await desk.press(link, page)
    status, shown = await desk.press(link, page)
    assert status == 200
    assert "Your vote stands." in shown
    first, second = desk.inbound.votes
    assert first == second
    assert first.event_id
    assert (first.signal, first.number, first.on) == (Signal.DISLIKE, 2, None)
    assert (first.person.id, first.place.address, first.place.platform) == (ADA, ADA, "email")
    outcome = await desk.place.adapter.send(ADA, paper(), "k1")  # type: ignore[union-attr]
    assert outcome == Sent(first.remote_id)
    assert desk.place.readers.came[0] == (ADA, "k1", first.remote_id)


async def test_the_page_after_a_vote_offers_to_take_it_back(desk: Desk) -> None:
    link = desk.links.vote("k1", 1, Signal.LIKE)
    _, shown = await desk.press(link, (await desk.get(link))[1])
    assert "Take back: more like this" in shown
    targets = re.findall(r'action="([^"]+)"', shown)
    assert len(targets) == 3
    await desk.press(targets[2], shown)
    assert [vote.signal for vote in desk.inbound.votes] == [Signal.LIKE, Signal.SAVE]


async def test_a_vote_that_stands_is_told_before_it_is_taken_back(desk: Desk) -> None:
    desk.place.readers.stands = (Signal.LIKE,)
    _, page = await desk.get(desk.links.vote("k1", 1, Signal.LIKE))
    assert "You said this already" in page
    assert "Take back: more like this" in page


async def test_a_post_without_the_form_asks_first(desk: Desk) -> None:
    link = desk.links.vote("k1", 1, Signal.LIKE)
    for body in ({}, {"once": "x"}, {"once": "a" * 5000}):
        status, page = await desk.ask("POST", link, data=body)
        assert status == 200
        assert 'name="once"' in page
    assert desk.inbound.votes == []


async def test_a_core_that_fails_is_told_without_details(desk: Desk) -> None:
    link = desk.links.vote("k1", 1, Signal.LIKE)
    _, page = await desk.get(link)
    desk.inbound.failure = RuntimeError("secret detail")
    status, shown = await desk.press(link, page)
    assert status == 500
    assert "secret detail" not in shown
    desk.inbound.failure = PaperwireError("That paper is gone.")
    status, shown = await desk.press(link, page)
    assert (status, "That paper is gone." in shown) == (400, True)


# --- farewells and the yes ----------------------------------------------------------------------


async def test_one_click_unsubscribes_without_cookies_or_redirects(desk: Desk) -> None:
    link = desk.links.leave()
    for method in ("GET", "HEAD"):
        assert (await desk.ask(method, link))[0] == 200
    assert desk.place.readers.left == []
    one_click = {"List-Unsubscribe": "One-Click"}
    status, page = await desk.ask("POST", link, data=one_click, allow_redirects=False)
    assert status == 200
    assert "Unsubscribed." in page
    form = aiohttp.FormData(one_click)
    form.add_field("more", b"x", filename="x")  # some providers send multipart
    assert (await desk.ask("POST", link, data=form))[0] == 200
    assert (await desk.ask("POST", link))[0] == 200
    assert desk.place.readers.left == [ADA] * 3


async def test_a_confirmation_needs_the_button_on_its_page(desk: Desk) -> None:
    link = desk.links.confirm("q1")
    _, page = await desk.get(link)
    assert desk.place.readers.confirmed == []
    _, shown = await desk.press(link, page)
    assert "Subscribed." in shown
    assert desk.place.readers.confirmed == [("handle-1", "q1")]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda link: link[:-1],
        lambda link: link + "x",
        lambda link: link[:-1] + ("A" if link[-1] != "A" else "B"),
        lambda link: link.replace("/vote/", "/leave/"),
        lambda link: link.replace(".like.", ".save."),
        lambda link: link.replace(".1.like", ".2.like"),
        lambda link: re.sub(r"\.[^.]*$", "", link),
        lambda link: re.sub(r"/vote/.*$", "/vote/.x", link),
        lambda link: re.sub(r"/vote/.*$", "/vote/%ff%00.%ff", link),
        lambda link: link + "a" * 5000,
    ],
)
async def test_a_link_that_was_tampered_with_is_worth_nothing(desk: Desk, spoil: Any) -> None:
    link = spoil(desk.links.vote("k1", 1, Signal.LIKE))
    for method in ("GET", "POST"):
        status, _ = await desk.ask(method, link, data={"once": "a" * 22})
        assert status == 410
    assert desk.inbound.votes == []
    assert desk.place.readers.left == []


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.VOTE, Purpose.LEAVE])
async def test_links_end_in_their_time(desk: Desk, purpose: Purpose) -> None:
    link = {
        Purpose.CONFIRM: desk.links.confirm("q1"),
        Purpose.VOTE: desk.links.vote("k1", 1, Signal.LIKE),
        Purpose.LEAVE: desk.links.leave(),
    }[purpose]
    desk.clock[0] += GOOD_FOR[purpose] - timedelta(minutes=1)
    assert (await desk.get(link))[0] == 200
    desk.clock[0] += timedelta(hours=1, minutes=1)
    status, page = await desk.get(link)
    assert status == 410
    assert "too old" in page


async def test_a_forgotten_address_is_told_so(desk: Desk) -> None:
    desk.place.readers.handles.clear()
    assert (await desk.get(desk.links.leave()))[0] == 410


# --- the form -----------------------------------------------------------------------------------


async def open_form(desk: Desk) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return the form's address, its hidden fields, and its cookie as a header."""
    link = f"{BASE}{PREFIX}/"
    async with desk.browser.get(f"http://127.0.0.1:{desk.port}{PREFIX}/") as answer:
        page = await answer.text()
        cookie = answer.cookies["paperwire_mail"]
    assert (cookie["samesite"], cookie["httponly"], cookie["secure"]) == ("Strict", True, True)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    # A browser sends a secure cookie by https alone, which the proxy before us would speak.
    return link, {"token": token[1]}, {"Cookie": f"paperwire_mail={cookie.value}"}


async def test_the_form_asks_for_a_confirmation(desk: Desk) -> None:
    link, hidden, cookie = await open_form(desk)
    form = {**hidden, "address": "cleo@example.org", "wish": "vowels"}
    status, shown = await desk.ask("POST", link, data=form, headers=cookie)
    assert (status, "Look into your mailbox." in shown) == (200, True)
    assert desk.place.readers.asked == [("cleo@example.org", "vowels")]


async def test_a_form_from_elsewhere_asks_nobody_and_loses_nothing(desk: Desk) -> None:
    link, hidden, cookie = await open_form(desk)
    form = {**hidden, "address": "cleo@example.org", "wish": '"><script>'}
    other = {"Cookie": f"paperwire_mail={'x' * 22}"}
    for headers in ({}, other, {**cookie, "Sec-Fetch-Site": "cross-site"}):
        status, shown = await desk.ask("POST", link, data=form, headers=headers)
        assert status == 403
        assert "<script>" not in shown
        assert "&gt;&lt;script&gt;" in shown
    for token in ("", "x.y", hidden["token"][:-1]):
        sent = {**form, "token": token}
        assert (await desk.ask("POST", link, data=sent, headers=cookie))[0] == 403
    desk.clock[0] += timedelta(hours=14)
    assert (await desk.ask("POST", link, data=form, headers=cookie))[0] == 403
    assert desk.place.readers.asked == []


async def test_a_form_that_is_refused_says_why_and_keeps_what_was_typed(desk: Desk) -> None:
    link, hidden, cookie = await open_form(desk)
    form = {**hidden, "address": "", "wish": "vowels"}
    status, shown = await desk.ask("POST", link, data=form, headers=cookie)
    assert status == 400
    assert ">vowels</textarea>" in shown


async def test_pages_trust_nothing_and_tell_nobody_where_one_came_from(desk: Desk) -> None:
    for link in (f"{BASE}{PREFIX}/", desk.links.leave(), f"{BASE}{PREFIX}/leave/x"):
        target = f"http://127.0.0.1:{desk.port}{link.removeprefix(BASE)}"
        async with desk.browser.get(target) as answer:
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            page = await answer.text()
            assert "<script" not in page
            assert " style=" not in page
    status, css = await desk.get(f"{BASE}{PREFIX}/page.css")
    assert (status, "prefers-color-scheme" in css) == (200, True)


async def test_the_pages_can_be_mounted_on_another_server(desk: Desk) -> None:
    assert desk.place.adapter is not None
    root = web.Application()
    root.add_subapp(PREFIX, desk.place.adapter.routes())
    runner = web.AppRunner(root)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    desk.port = runner.addresses[0][1]
    assert (await desk.ask("POST", desk.links.leave()))[0] == 200
    await desk.place.adapter.stop()
    status, page = await desk.get(desk.links.vote("k1", 1, Signal.LIKE))
    assert status == 200
    status, page = await desk.press(desk.links.vote("k1", 1, Signal.LIKE), page)
    assert (status, "Try again in a minute" in page) == (503, True)
    await runner.cleanup()


async def test_a_taken_port_is_told_with_the_setting(desk: Desk) -> None:
    second = Email(
        desk.place.settings(), desk.place.readers, public_url=BASE, listen=("127.0.0.1", desk.port)
    )
    whole: Any = desk.inbound
    with pytest.raises(PaperwireError, match=r"email\.http_port"):
        await second.start(whole)
    await second.stop()


# --- who is written to --------------------------------------------------------------------------


async def test_nothing_goes_to_an_address_that_never_said_yes(desk: Desk) -> None:
    assert desk.place.adapter is not None
    outcome = await desk.place.adapter.send("eve@example.org", paper(), "k1")
    assert isinstance(outcome, Rejected)
    assert outcome.channel_state is ChannelState.LEFT
    assert "said yes" in outcome.reason
    assert desk.place.server.mails == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("", Sent), ("drop", Unknown), ("451 later", Retry), ("554 never", Rejected)],
)
async def test_a_question_is_sent_and_its_outcome_told(
    desk: Desk, answer: str, kind: type[object]
) -> None:
    readers = desk.place.readers
    desk.place.server.answers["end", "cleo@example.org"] = answer
    readers.questions = [Confirmation("cleo@example.org", "h9", "q9", "vowels <b>, -x")]
    assert desk.place.adapter is not None
    desk.place.adapter._pages.asked()
    await until(lambda: len(readers.outcomes) == 1, "the question's outcome")
    assert isinstance(readers.outcomes[0], kind)
    if kind is Sent:
        (mail,) = desk.place.server.read("cleo@example.org")
        assert mail["List-Unsubscribe"] is None
        text, links = read_html(part(mail, "html"))
        assert "vowels <b>, -x" in text
        assert set(links) == {Addresses(BASE, desk.links.seal, "h9", desk.clock[0]).confirm("q9")}
        assert links[0] in part(mail, "plain")


async def test_a_letterbox_that_fails_leaves_the_mail_unsent(desk: Desk) -> None:
    assert desk.place.adapter is not None

    async def broken(address: str) -> str | None:
        raise OSError("the disk is full")

    desk.place.readers.handle = broken  # type: ignore[method-assign]
    outcome = await desk.place.adapter.send(ADA, paper(), "k1")
    assert isinstance(outcome, Retry)
    assert desk.place.server.mails == []


async def test_many_mails_at_once_all_arrive_once(desk: Desk) -> None:
    assert desk.place.adapter is not None
    addresses = [await desk.place.channel() for _ in range(12)]
    post: Post = paper()
    sends = [desk.place.adapter.send(address, post, "k1") for address in addresses]
    outcomes = await asyncio.gather(*sends)
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert sorted(to for to, _ in desk.place.server.mails) == sorted(addresses)
    assert len({outcome.remote_id for outcome in outcomes if isinstance(outcome, Sent)}) == 12


async def test_a_failed_reply_is_shown_as_one(desk: Desk) -> None:
    desk.inbound.vote_reply = Reply("That message carries no paper of mine.", ok=False)
    link = desk.links.vote("k1", 1, Signal.LIKE)
    status, shown = await desk.press(link, (await desk.get(link))[1])
    assert status == 400
    assert "carries no paper" in shown
    assert "<form" not in shown
