"""Papers by mail from the form to the farewell: real store, real courier, real SMTP server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import aiohttp
import pytest

from bot import profiles
from bot.domain import Channel, ChannelState, Layout, MessageState, PaperwireError, Signal
from bot.platforms.email import Email, Server
from bot.platforms.email.addresses import PREFIX
from bot.ports import Rejected, Retry, SendOutcome, Unknown
from bot.services.deliver import ASK_AFTER, GIVE_UP_AFTER, Courier, Settled
from bot.services.inbox import Inbox
from bot.services.letters import (
    ASK_AGAIN,
    ASKED_AN_HOUR,
    ASKED_AT_MOST,
    ASKED_WITHIN,
    UNCONFIRMED_KEPT,
    Letters,
    check_address,
    check_wish,
)
from bot.services.manage import Defaults
from bot.store import channels, feedback, outbox, subscribers
from tests.adapters.counterpart import until
from tests.adapters.loopback_mail import BASE, SENDER, LoopbackMail, part, read_html
from tests.scenario.wire import MONDAY, Wire, api_entry, at

ADA = "ada@readers.example.org"
TUESDAY = MONDAY + timedelta(days=1)
DEFAULTS = Defaults(sources=("huggingface",), schedule="daily 09:00", layout=Layout.CARDS)


@dataclass
class Post:
    """The wire with e-mail beside it, driven by hand."""

    wire: Wire
    server: LoopbackMail
    letters: Letters = field(init=False)
    email: Email = field(init=False)
    courier: Courier = field(init=False)

    async def open(self) -> None:
        """Start, or start again on the same files."""
        self.letters = Letters(self.wire.store, lambda: self.wire.now, defaults=DEFAULTS)
        self.email = Email(
            Server("127.0.0.1", self.server.port, SENDER, security="none", answer_timeout=30.0),
            self.letters,
            public_url=BASE,
            listen=("127.0.0.1", 0),
            clock=lambda: self.wire.now,
        )
        inbox = Inbox(
            self.wire.store,
            self.wire.rankers,
            lambda: self.wire.now,
            defaults=DEFAULTS,
            layouts={"email": Layout.SINGLE},
        )
        await self.email.start(inbox)
        self.courier = Courier(self.wire.store, {"email": self.email}, lambda: self.wire.now)
        await self.courier.recover()

    async def settle(self, when: datetime) -> Settled:
        self.wire.now = when
        self.wire.plan()
        return await self.courier.settle()

    async def sign_up(self, address: str, wish: str = "") -> tuple[int, str]:
        """Fill the form in, as a browser does."""
        form = f"http://127.0.0.1:{self.email.port}{PREFIX}/"
        async with aiohttp.ClientSession() as browser:
            async with browser.get(form) as answer:
                cookie = answer.cookies["paperwire_mail"].value
                token = re.search(r'name="token" value="([^"]+)"', await answer.text())
            assert token
            data = {"token": token[1], "address": address, "wish": wish}
            headers = {"Cookie": f"paperwire_mail={cookie}"}
            async with browser.post(form, data=data, headers=headers) as answer:
                return answer.status, await answer.text()

    async def follow(self, link: str, *, press: bool = True) -> str:
        """Open a link and press the first button on its page; return the last page."""
        target = f"http://127.0.0.1:{self.email.port}{link.removeprefix(BASE)}"
        async with aiohttp.ClientSession() as browser:
            async with browser.get(target) as answer:
                page = await answer.text()
            if not press:
                return page
            fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
            async with browser.post(target, data=fields) as answer:
                return await answer.text()

    async def send(self, link: str, form: dict[str, str]) -> str:
        """Send a form to a link's page; return what it shows."""
        target = f"http://127.0.0.1:{self.email.port}{link.removeprefix(BASE)}"
        async with aiohttp.ClientSession() as browser, browser.post(target, data=form) as answer:
            return await answer.text()

    def links(self, purpose: str, address: str = ADA) -> list[str]:
        """Return the links of one purpose in the newest mail to an address."""
        newest = self.server.read(address)[-1]
        _, links = read_html(part(newest, "html"))
        return [link for link in links if f"/mail/{purpose}/" in link]

    def channel(self, address: str = ADA) -> Channel | None:
        with self.wire.store.read() as connection:
            found = [one for one in channels.every(connection) if one.address == address]
        return found[0] if found else None

    async def subscribe(self, wish: str = "speech in noise") -> None:
        """Sign up and say yes."""
        before = len(self.server.mails)
        await self.sign_up(ADA, wish)
        await until(lambda: len(self.server.mails) > before, "the question")
        await self.follow(self.links("confirm")[0])


@pytest.fixture
async def post(wire: Wire) -> AsyncIterator[Post]:
    server = LoopbackMail()
    await server.start()
    opened = Post(wire, server)
    await opened.open()
    wire.read(
        [
            api_entry("2606.00001", "Speech in Noise", "Speech in noise is hard. Ears help."),
            api_entry("2606.00002", "Speech in Noisy Halls", "Halls echo. Speech in noise again."),
            api_entry("2606.00003", "Growing Wheat", "Wheat grows in fields of rain.", upvotes=9),
        ],
        MONDAY,
    )
    yield opened
    await opened.email.stop()
    await server.stop()


async def test_from_the_form_to_a_vote_and_a_farewell(post: Post) -> None:
    status, page = await post.sign_up("Ada@Readers.example.ORG", "speech in noise")
    assert (status, "Look into your mailbox" in page) == (200, True)
    await until(lambda: len(post.server.mails) == 1, "the question")
    [question] = post.server.read(ADA)
    assert "speech in noise" in part(question, "plain")

    # Nothing else comes before the yes, and a scanner that follows the link says none.
    [confirm] = post.links("confirm")
    await post.follow(confirm, press=False)
    assert await post.settle(at(MONDAY, 9, 1)) == Settled()
    assert post.channel() is None
    assert len(post.server.mails) == 1

    assert "Subscribed." in await post.follow(confirm)
    assert "already" in await post.follow(confirm)
    channel = post.channel()
    assert channel is not None
    assert channel.layout is Layout.SINGLE
    assert profiles.format(channel.profile) == "speech in noise"

    assert await post.settle(at(TUESDAY, 9, 1)) == Settled(sent=1)
    digest = post.server.read(ADA)[-1]
    assert str(digest["Subject"]).startswith("Papers for you · ")
    votes = post.links("vote")
    assert len(votes) % 3 == 0
    await post.follow(votes[0], press=False)
    assert _votes(post, channel) == []
    assert "Liked: Speech in Noi" in await post.follow(votes[0])
    assert _votes(post, channel) == [Signal.LIKE]
    assert "Less like this: Speech in Noi" in await post.follow(votes[1])
    assert _votes(post, channel) == [Signal.DISLIKE]
    assert "You said this already" in await post.follow(votes[1], press=False)

    [leave] = set(post.links("leave"))
    one_click = f"http://127.0.0.1:{post.email.port}{leave.removeprefix(BASE)}"
    async with (
        aiohttp.ClientSession() as program,
        program.post(one_click, data={"List-Unsubscribe": "One-Click"}) as answer,
    ):
        assert answer.status == 200
    channel = post.channel()
    assert channel is not None
    assert channel.state is ChannelState.LEFT
    await post.settle(at(TUESDAY + timedelta(days=1), 9, 1))
    assert len(post.server.mails) == 2
    assert "no longer valid" in await post.follow(confirm)


def _votes(post: Post, channel: Channel) -> list[Signal]:
    with post.wire.store.read() as connection:
        return [row.signal for row in feedback.active(connection, channel.id)]


async def test_a_reader_changes_what_comes_by_the_link_in_a_mail(post: Post) -> None:
    await post.subscribe()
    await post.settle(at(TUESDAY, 9, 1))
    [link] = set(post.links("change"))
    assert ">speech in noise</textarea>" in await post.follow(link, press=False)
    filled = {"interests": "wheat, -halls", "mode": "both", "schedule": "weekdays 07:30"}
    filled |= {"timezone": "Europe/Berlin", "size": "3"}
    page = await post.send(link, filled)
    assert "Settings updated." in page
    changed = post.channel()
    assert changed is not None
    assert profiles.format(changed.profile) == "wheat, -halls"
    assert (changed.mode, changed.schedule) == ("both", "weekdays 07:30")
    assert (changed.timezone, changed.size) == ("Europe/Berlin", 3)
    assert "nothing was changed" in await post.send(link, filled)

    for wrong, said in (
        ({"size": "900"}, "20"),
        ({"timezone": "Mars/Base"}, "Mars"),
        ({"schedule": '" mode="trending'}, "mode"),
        ({"interests": 'x" size=9 "'}, ""),
    ):
        page = await post.send(link, filled | wrong)
        assert said in page
    kept = post.channel()
    assert kept is not None
    assert (kept.size, kept.timezone, kept.mode) == (3, "Europe/Berlin", "both")

    assert "Resume" in await post.send(link, {"action": "pause"})
    assert await post.settle(at(TUESDAY + timedelta(days=1), 9, 1)) == Settled()
    assert "Resumed." in await post.send(link, {"action": "resume"})
    await post.follow(post.links("vote")[0])
    assert "Tick the box" in await post.send(link, {"action": "forget"})
    assert _votes(post, kept) == [Signal.LIKE]
    assert "1 like" in await post.send(link, {"action": "forget", "sure": "yes"})
    assert _votes(post, kept) == []
    await post.send(link, filled | {"interests": ""})
    trending = post.channel()
    assert trending is not None
    assert trending.mode == "trending"
    await post.follow(post.links("leave")[0])
    assert "not subscribed" in await post.follow(link, press=False)


async def test_without_interests_what_everyone_reads_comes_once_a_day(post: Post) -> None:
    await post.subscribe("")
    channel = post.channel()
    assert channel is not None
    assert channel.mode == "trending"
    await post.settle(at(TUESDAY, 9, 1))
    await post.settle(at(TUESDAY, 15))
    assert len(post.server.read(ADA)) == 2


async def test_a_mail_whose_server_never_answered_is_not_sent_twice_and_ends(post: Post) -> None:
    await post.subscribe()
    post.server.answers["end", ADA] = "drop"
    assert await post.settle(at(TUESDAY, 9, 1)) == Settled(waiting=1)
    del post.server.answers["end", ADA]
    when = at(TUESDAY, 9, 1) + ASK_AFTER
    settled = Settled()
    for _ in range(30):
        settled = await post.settle(when)
        if settled.abandoned:
            break
        assert settled == Settled(waiting=1)
        when += timedelta(hours=1)
    assert settled.abandoned == 1
    assert when - at(TUESDAY, 9, 1) <= GIVE_UP_AFTER + timedelta(hours=1, minutes=1)
    keys = [mail["Message-ID"] for mail in post.server.read(ADA)]
    assert len(keys) == len(set(keys))
    with post.wire.store.read() as connection:
        [abandoned] = outbox.traces(connection, [MessageState.ABANDONED], 9)
    assert "may have arrived" in abandoned.message.error


async def test_whoever_votes_proves_that_an_unknown_mail_arrived(post: Post) -> None:
    await post.subscribe()
    post.server.answers["end", ADA] = "drop"
    await post.settle(at(TUESDAY, 9, 1))
    assert "Liked" in await post.follow(post.links("vote")[0])
    with post.wire.store.read() as connection:
        [sent] = outbox.traces(connection, [MessageState.SENT], 9)
    assert sent.message.remote_id == post.server.read(ADA)[-1]["Message-ID"]


async def test_a_stop_in_the_middle_of_a_mail_sends_nothing_twice(post: Post) -> None:
    await post.subscribe()
    post.wire.now = at(TUESDAY, 9, 1)
    post.wire.plan()
    channel = post.channel()
    assert channel is not None
    with post.wire.store.write() as connection:
        outbox.claim(connection, channel.id, post.wire.now)
    await post.email.stop()
    await post.open()
    assert await post.settle(at(TUESDAY, 10)) == Settled(waiting=1)
    assert len(post.server.mails) == 1


async def test_a_mailbox_that_is_gone_ends_the_subscription_until_a_new_yes(post: Post) -> None:
    await post.subscribe()
    post.server.answers["rcpt", ADA] = "550 5.1.1 no such mailbox"
    assert await post.settle(at(TUESDAY, 9, 1)) == Settled(abandoned=1)
    channel = post.channel()
    assert channel is not None
    assert channel.state is ChannelState.LEFT
    assert "no such mailbox" in channel.state_reason
    del post.server.answers["rcpt", ADA]
    post.wire.now += ASK_AGAIN
    await post.subscribe("wheat")
    channel = post.channel()
    assert channel is not None
    assert channel.state is ChannelState.ACTIVE


async def test_a_channel_without_a_yes_gets_nothing(post: Post) -> None:
    imported = Channel(0, "email", "eve@example.org", "eve", profiles.parse("speech in noise"))
    with post.wire.store.write() as connection:
        channels.insert(
            connection, replace(imported, layout=Layout.SINGLE), private=True, now=post.wire.now
        )
    assert await post.settle(at(TUESDAY, 9, 1)) == Settled(abandoned=1)
    channel = post.channel("eve@example.org")
    assert channel is not None
    assert channel.state is ChannelState.LEFT
    assert "has not said yes" in channel.state_reason
    assert post.server.mails == []


# --- questions ----------------------------------------------------------------------------------


async def test_strangers_cannot_have_an_address_flooded(post: Post) -> None:
    for _ in range(5):
        await post.sign_up(ADA)
    await until(lambda: len(post.server.mails) == 1, "the question")
    for count in range(2, ASKED_AT_MOST + 3):
        post.wire.now += ASK_AGAIN
        status, page = await post.sign_up(ADA)
        assert (status, "Look into your mailbox" in page) == (200, True)
        expected = min(count, ASKED_AT_MOST)
        await until(lambda n=expected: len(post.server.mails) == n, "questions")  # type: ignore[misc]
    post.wire.now += ASKED_WITHIN
    await post.sign_up(ADA)
    await until(lambda: len(post.server.mails) == ASKED_AT_MOST + 1, "a later question")


async def test_the_form_cannot_be_used_to_write_to_everyone(post: Post) -> None:
    for number in range(ASKED_AN_HOUR):
        assert (await post.letters.ask(f"r{number}@example.org", "")).ok
    reply = await post.letters.ask("one-more@example.org", "")
    assert not reply.ok
    assert "in an hour" in reply.headline
    post.wire.now += timedelta(hours=1, seconds=1)
    assert (await post.letters.ask("one-more@example.org", "")).ok


async def test_the_same_words_whether_or_not_someone_is_subscribed(post: Post) -> None:
    await post.subscribe()
    known = await post.letters.ask(ADA, "")
    stranger = await post.letters.ask("ben@readers.example.org", "")
    assert known.lines[1:] == stranger.lines[1:]
    assert known.headline == stranger.headline


async def test_a_question_that_was_being_sent_at_a_crash_is_not_sent_again(post: Post) -> None:
    await post.email.stop()
    assert (await post.letters.ask(ADA, "")).ok
    assert len(await post.letters.due()) == 1
    again = Letters(post.wire.store, lambda: post.wire.now, defaults=DEFAULTS)
    assert await again.due() == ()
    with post.wire.store.read() as connection:
        known = subscribers.at(connection, ADA)
    assert known is not None
    assert known.state is MessageState.ABANDONED


async def test_a_server_that_is_down_gets_the_question_later(post: Post) -> None:
    await post.email.stop()
    await post.server.stop()
    assert (await post.letters.ask(ADA, "")).ok
    await post.open()
    await until(lambda: _state(post) == "pending, 1 tries", "the failed try")
    await post.email.stop()
    await post.server.start()
    post.wire.now += timedelta(minutes=2)
    await post.open()
    await until(lambda: _state(post) == "sent, 2 tries", "the second try")
    assert len(post.server.mails) == 1


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Unknown("no answer"), "it may have arrived: no answer"),
        (Rejected("no such mailbox"), "no such mailbox"),
        (Retry("down", after=25 * 3600.0), "given up: down"),
    ],
)
async def test_a_question_ends_with_a_line_that_says_why(
    post: Post, outcome: SendOutcome, said: str
) -> None:
    await post.email.stop()
    assert (await post.letters.ask(ADA, "")).ok
    [asked] = await post.letters.due()
    await post.letters.settled(asked, outcome)
    with post.wire.store.read() as connection:
        row = connection.execute("SELECT state, error FROM subscribers").fetchone()
    assert (row["state"], row["error"]) == ("abandoned", said)
    assert await post.letters.due() == ()
    post.wire.now += UNCONFIRMED_KEPT + timedelta(days=1)
    await post.letters.due()
    await post.letters.settled(asked, outcome)  # forgotten in the meantime


def _state(post: Post) -> str:
    with post.wire.store.read() as connection:
        known = subscribers.at(connection, ADA)
    return f"{known.state}, {known.attempts} tries" if known else ""


async def test_addresses_that_never_answered_are_forgotten(post: Post) -> None:
    await post.sign_up("eve@example.org")
    await until(lambda: len(post.server.mails) == 1, "the question")
    await post.subscribe()
    post.wire.now += UNCONFIRMED_KEPT + timedelta(days=1)
    await post.letters.due()
    with post.wire.store.read() as connection:
        assert subscribers.at(connection, "eve@example.org") is None
        assert subscribers.at(connection, ADA) is not None


async def test_an_older_question_is_void_once_a_newer_one_went(post: Post) -> None:
    await post.sign_up(ADA, "wheat")
    await until(lambda: len(post.server.mails) == 1, "the question")
    [older] = post.links("confirm")
    post.wire.now += ASK_AGAIN
    await post.sign_up(ADA, "speech")
    await until(lambda: len(post.server.mails) == 2, "the second question")
    assert "no longer valid" in await post.follow(older)
    assert post.channel() is None


# --- what is typed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("a.b+c@x.example.org", "a.b+c@x.example.org"),
        ("eva@müller.example", "eva@xn--mller-kva.example"),
    ],
)
def test_addresses_are_kept_in_one_form(typed: str, kept: str) -> None:
    assert check_address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "ada", "@", "ada@", "@example.org", "ada@example", "a b@example.org", "a@b@example.org",
     "ada@example.org\r\nBcc: eve@x.org", "<ada@example.org>", "é@example.org", "a..b@example.org",
     "ada@-x.org", "ada@x..org", f"{'a' * 65}@example.org", f"a@{'b' * 64}.org", "a@b.org,c@d.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(PaperwireError, match="name@example"):
        check_address(typed)


@pytest.mark.parametrize(
    ("wish", "said"),
    [("x" * 3000, "3,000"), ("speech timezone=Mars/Base", "zone"), ("speech size=900", "20")],
)
def test_a_wish_that_cannot_be_met_is_told_at_once(wish: str, said: str) -> None:
    with pytest.raises(PaperwireError, match=said):
        check_wish(wish)
