"""E-mail subscribers: asked first, written to only after a yes, never again after a no.

Implements ``bot.ports.Letterbox``; work is done off the event loop.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.commands import parse
from bot.commands.model import CommandError, Subscribe
from bot.domain import (
    ChannelState,
    Layout,
    MessageState,
    PaperwireError,
    Place,
    Post,
    Reply,
    Signal,
)
from bot.ports import Clock, Confirmation, Rejected, Retry, SendOutcome, Sent, Unknown
from bot.schedule import check_timezone
from bot.schedule import parse as parse_schedule
from bot.services import manage
from bot.services.manage import Defaults
from bot.store import Store, channels, feedback, outbox, subscribers
from bot.store.feedback import Ballot
from bot.store.subscribers import Subscriber

log = structlog.get_logger(__name__)

PLATFORM = "email"
ASK_AGAIN = timedelta(minutes=15)  # between two questions to one address
ASKED_AT_MOST = 3  # questions in a row to an address that does not answer
ASKED_WITHIN = timedelta(days=7)
UNCONFIRMED_KEPT = timedelta(days=30)
ASKED_AN_HOUR = 60  # over all addresses: the form is open to strangers
GIVE_UP_AFTER = timedelta(hours=24)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)
AT_ONCE = 20
WISH_LIMIT = 2000

# The form of an address as browsers check it (HTML, "valid e-mail address"), at most 254 long.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+",
    re.ASCII,
)


def check_address(text: str) -> str:
    """Return an address as it is kept: lower case, its domain in ASCII.

    Raises PaperwireError for what is none, and for names before the ``@`` that not every mail
    server takes.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if at else ""
    except UnicodeError:
        domain = ""
    address = f"{local}@{domain}".lower()
    if len(address) > 254 or len(local) > 64 or not _ADDRESS.fullmatch(address):
        raise PaperwireError(
            "That is no mail address we can write to. Write it like name@example.org."
        )
    return address


def check_wish(text: str) -> Subscribe:
    """Read what is wanted, the text after ``/papers subscribe``. Raises PaperwireError."""
    if len(text) > WISH_LIMIT:
        raise PaperwireError(
            f"The interests have {len(text):,} characters; at most {WISH_LIMIT:,} are read. "
            "Name the most important ones."
        )
    try:
        command = parse(f"subscribe {text}")
    except CommandError as error:
        raise PaperwireError(error.reason) from error
    if not isinstance(command, Subscribe):
        raise PaperwireError("Write interests with commas between: speech in noise, morphology.")
    if command.changes.schedule is not None:
        parse_schedule(command.changes.schedule)
    if command.changes.timezone is not None:
        check_timezone(command.changes.timezone)
    return command


class Letters:
    """The subscribers in the store."""

    def __init__(self, store: Store, clock: Clock, *, defaults: Defaults) -> None:
        self._store = store
        self._clock = clock
        # What suits chat by default does not suit mail: one digest is one mail.
        self._defaults = replace(defaults, layout=None)
        self._recovered = False

    async def secret(self) -> bytes:
        """Return the key that signs links (bot.ports.Letterbox)."""

        def run() -> bytes:
            with self._store.read() as connection:
                return subscribers.secret(connection)

        return await asyncio.to_thread(run)

    async def handle(self, address: str) -> str | None:
        """Return the handle of an address that said yes (bot.ports.Letterbox)."""

        def run() -> str | None:
            with self._store.read() as connection:
                found = subscribers.at(connection, address)
            return found.handle if found and found.confirmed_at else None

        return await asyncio.to_thread(run)

    async def address(self, handle: str) -> str | None:
        """Return the address that a handle stands for (bot.ports.Letterbox)."""

        def run() -> str | None:
            with self._store.read() as connection:
                found = subscribers.by_handle(connection, handle)
            return found.address if found else None

        return await asyncio.to_thread(run)

    async def ask(self, address: str, wish: str) -> Reply:
        """Write a question down to be sent (bot.ports.Letterbox)."""
        try:
            return await asyncio.to_thread(self._ask, check_address(address), wish)
        except PaperwireError as error:
            return Reply(str(error), ok=False)

    def _ask(self, address: str, wish: str) -> Reply:
        check_wish(wish)
        now = self._clock()
        with self._store.write() as connection:
            known = subscribers.at(connection, address)
            recent = known is not None and known.asked_at >= now - ASKED_WITHIN
            asked = known.asked if known is not None and recent else 0
            on_its_way = asked > 0 and known is not None and known.asked_at > now - ASK_AGAIN
            if not on_its_way and asked < ASKED_AT_MOST:
                hour = subscribers.count_asked(connection, now - timedelta(hours=1))
                if hour >= ASKED_AN_HOUR:
                    return Reply(
                        "Too many people are signing up just now. Try again in an hour.", ok=False
                    )
                question = Subscriber(
                    address=address,
                    handle=known.handle if known else secrets.token_urlsafe(12),
                    confirmed_at=None,
                    wish=" ".join(wish.split()),
                    key=secrets.token_urlsafe(12),
                    asked_at=now,
                    asked=asked + 1,
                    state=MessageState.PENDING,
                    attempts=0,
                )
                subscribers.ask(connection, question)
        # The same words whether or not a mail went: nobody learns here who is subscribed.
        return Reply(
            "Look into your mailbox.",
            lines=(
                f"A mail to {address} asks whether you really want this.",
                "Nothing else comes before you say yes there.",
                "No mail after some minutes? Look among the unwanted ones, or check the address.",
            ),
        )

    async def due(self) -> Sequence[Confirmation]:
        """Claim the questions that are to be sent (bot.ports.Letterbox)."""

        def run() -> tuple[Confirmation, ...]:
            now = self._clock()
            with self._store.write() as connection:
                if not self._recovered:
                    subscribers.recover(connection)
                subscribers.forget_unconfirmed(connection, now - UNCONFIRMED_KEPT)
                claimed = subscribers.claim(connection, now, AT_ONCE)
            self._recovered = True
            return tuple(Confirmation(s.address, s.handle, s.key, s.wish) for s in claimed)

        return await asyncio.to_thread(run)

    async def settled(self, confirmation: Confirmation, outcome: SendOutcome) -> None:
        """Record what became of a question (bot.ports.Letterbox)."""
        await asyncio.to_thread(self._settle, confirmation, outcome)

    def _settle(self, confirmation: Confirmation, outcome: SendOutcome) -> None:
        now = self._clock()
        with self._store.write() as connection:
            known = subscribers.at(connection, confirmation.address)
            if known is None:
                return
            not_before: datetime | None = None
            match outcome:
                case Sent():
                    state, error = MessageState.SENT, ""
                case Unknown(reason):
                    # Whoever waits for it can ask again; a second one by itself would be spam.
                    state, error = MessageState.ABANDONED, f"it may have arrived: {reason}"
                case Rejected(reason):
                    state, error = MessageState.ABANDONED, reason
                case Retry(reason, after):
                    state, error = MessageState.PENDING, reason
                    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(known.attempts - 1, 16))
                    not_before = now + max(timedelta(seconds=after), pause)
                    if not_before - known.asked_at >= GIVE_UP_AFTER:
                        state, error = MessageState.ABANDONED, f"given up: {reason}"
            subscribers.settle(
                connection,
                address=confirmation.address,
                key=confirmation.key,
                state=state,
                not_before=not_before,
                error=error,
            )
        log.info("confirmation", state=str(state), reason=error)

    async def confirm(self, handle: str, key: str) -> Reply:
        """Begin the digests that were asked for (bot.ports.Letterbox)."""
        return await asyncio.to_thread(self._confirm, handle, key)

    def _confirm(self, handle: str, key: str) -> Reply:
        now = self._clock()
        with self._store.write() as connection:
            known = subscribers.by_handle(connection, handle)
            if known is None or not key or known.key != key:
                return Reply(
                    "This link is no longer valid.",
                    lines=("Sign up again, and use the link in the newest mail.",),
                    ok=False,
                )
            if known.confirmed_at is not None and not known.asked:
                return Reply("You are subscribed already.")
            place = _place(known.address)
            try:
                told = manage.subscribe(
                    self._store, self._defaults, place, Layout.SINGLE, check_wish(known.wish), now
                )
            except PaperwireError as error:
                return Reply(str(error), ok=False)
            subscribers.confirm(connection, known.address, now)
            return _without_commands(told)

    async def unsubscribe(self, address: str) -> Reply:
        """Send nothing more to an address (bot.ports.Letterbox)."""

        def run() -> Reply:
            with self._store.write() as connection:
                channel = channels.at(connection, _place(address))
                if channel is not None and channel.state is not ChannelState.LEFT:
                    manage.unsubscribe(self._store, channel)
                subscribers.withdraw(connection, address)
            return Reply("Unsubscribed.", lines=("Nothing more is sent to this address.",))

        return await asyncio.to_thread(run)

    async def written(self, address: str, key: str) -> Post | None:
        """Return what a mail said (bot.ports.Letterbox)."""

        def run() -> Post | None:
            with self._store.read() as connection:
                return subscribers.written(connection, _place(address), key)

        return await asyncio.to_thread(run)

    async def standing(self, address: str, key: str, number: int) -> Sequence[Signal]:
        """Return what a reader said of one paper of a mail (bot.ports.Letterbox)."""

        def run() -> tuple[Signal, ...]:
            with self._store.read() as connection:
                found = subscribers.carried(connection, _place(address), key, number)
                if found is None:
                    return ()
                person = feedback.person_key(connection, PLATFORM, address)
                return tuple(sorted(feedback.signals(connection, Ballot(*found, person))))

        return await asyncio.to_thread(run)

    async def arrived(self, address: str, key: str, remote_id: str) -> None:
        """Take a mail for sent whose server never answered (bot.ports.Letterbox)."""

        def run() -> None:
            with self._store.write() as connection:
                number = subscribers.open_message(connection, _place(address), key)
                if number is not None:
                    outbox.mark_sent(connection, number, remote_id, self._clock())

        await asyncio.to_thread(run)


def _place(address: str) -> Place:
    return Place(PLATFORM, address, name=address, private=True)


def _without_commands(reply: Reply) -> Reply:
    """Leave out what tells people to type commands: a mail has nowhere to type them."""
    return replace(reply, lines=tuple(line for line in reply.lines if "/papers" not in line))
