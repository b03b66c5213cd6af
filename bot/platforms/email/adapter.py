"""E-mail as a chat platform: mails out over SMTP, people's answers in over their links."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

from aiohttp import web

from bot.domain import ChannelState, Layout, PaperwireError, Post
from bot.platforms.email.addresses import PREFIX, Addresses
from bot.platforms.email.letter import Envelope, message_id, write_digest, write_question
from bot.platforms.email.links import Pages, routes
from bot.platforms.email.seal import Seal
from bot.platforms.email.smtp import OPERATOR, Server, deliver
from bot.ports import (
    CannotTell,
    Clock,
    Confirmation,
    FindOutcome,
    Inbound,
    Letterbox,
    Rejected,
    Retry,
    SendOutcome,
    Standing,
)

logger = logging.getLogger(__name__)

AT_ONCE = 3  # connections; some providers allow no more
QUESTIONS_EVERY = 30.0  # seconds between two looks for questions to send
STOPPED = "the e-mail platform is stopped"
# The core asks again this often until it gives an unanswered mail up, a day after it was planned.
ASK_AGAIN = 3600.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Email:
    """Mails to people who said yes to them; addresses are mail addresses.

    A mail whose server never answered stays unknown: SMTP cannot be asked later, and a second one
    would be a repetition, so it is never sent again.
    """

    name = "email"
    default_layout = Layout.SINGLE

    def __init__(
        self,
        server: Server,
        letterbox: Letterbox,
        *,
        public_url: str,
        listen: tuple[str, int] | None = None,
        clock: Clock = _utc_now,
    ) -> None:
        """``public_url`` is where the pages are reached, without the ``/mail`` that is theirs.

        With ``listen`` they are served there (port 0 takes a free one); without it the app mounts
        ``routes()`` at ``PREFIX`` on a server of its own.
        """
        self._server = server
        self._letterbox = letterbox
        self._clock = clock
        self._listen = listen
        self._pages = Pages(letterbox, public_url.rstrip("/"), server.domain, clock)
        self._runner: web.AppRunner | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._questions: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Future[SendOutcome]] = set()
        self._wake = asyncio.Event()
        self._closed = True

    def routes(self) -> web.Application:
        """Return the pages to be mounted at ``PREFIX``; each call makes a new application."""
        return routes(self._pages)

    @property
    def port(self) -> int:
        """The port that the pages are served on, where they are served by us."""
        return int(self._runner.addresses[0][1]) if self._runner else 0

    async def start(self, inbound: Inbound) -> None:
        """Begin to send, to ask and to serve the pages (bot.ports.ChatPlatform).

        Raises PaperwireError where the port is taken.
        """
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="smtp")
        self._pages.seal = Seal(await self._letterbox.secret())
        self._pages.inbound = inbound
        self._wake = asyncio.Event()
        self._pages.asked = self._wake.set
        await self._serve()
        self._closed = False
        self._questions = asyncio.create_task(self._ask_people(), name="email questions")

    async def stop(self) -> None:
        """Finish the mails in hand, then take no more (bot.ports.ChatPlatform)."""
        self._closed = True
        self._pages.inbound = None
        if self._questions is not None:
            # Not cut off: what it has claimed would count as sent.
            self._wake.set()
            await self._questions
            self._questions = None
        if self._sending:
            await asyncio.wait(self._sending)
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        """Send one mail, only to an address that said yes (bot.ports.ChatPlatform).

        The message id follows from address and key. SMTP keeps no history, so a repeated key is
        not noticed here: the core never repeats one that may have left.
        """
        if self._closed or self._pages.seal is None:
            return Retry(STOPPED, after=10.0)
        sending = asyncio.ensure_future(self._send(address, post, key, parent, self._pages.seal))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        return await sending

    async def find(
        self,
        address: str,  # noqa: ARG002 - there is nobody to ask, whatever about
        key: str,  # noqa: ARG002
        *,
        since: datetime,  # noqa: ARG002
    ) -> FindOutcome:
        """Say that nobody can tell (bot.ports.ChatPlatform)."""
        words = "a mail server cannot be asked what became of a mail, and it is not sent again"
        return CannotTell(words, after=ASK_AGAIN)

    async def standing(
        self,
        address: str,  # noqa: ARG002
        remote_id: str,  # noqa: ARG002
    ) -> Sequence[Standing] | None:
        """Return None: a vote is a button on our page and was recorded there."""
        return None

    async def _send(
        self, address: str, post: Post, key: str, parent: str | None, seal: Seal
    ) -> SendOutcome:
        try:
            handle = await self._letterbox.handle(address)
            if handle is None:
                return Rejected(
                    f"the owner of {address} has not said yes to mails; they can sign up at "
                    f"{self._pages.base}{PREFIX}/",
                    ChannelState.LEFT,
                )
            now = self._clock()
            links = Addresses(self._pages.base, seal, handle, now)
            envelope = Envelope(address, key, now, parent)
            message = await asyncio.to_thread(write_digest, post, envelope, self._server, links)
        except Exception as error:  # nothing has left yet, and the core must know that
            logger.exception("a mail could not be written")
            return Retry(f"the mail could not be written ({type(error).__name__})", OPERATOR)
        return await self._deliver(address, message, key)

    async def _deliver(self, address: str, message: bytes, key: str) -> SendOutcome:
        if self._threads is None:
            return Retry(STOPPED, after=10.0)
        return await asyncio.get_running_loop().run_in_executor(
            self._threads,
            deliver,
            self._server,
            address,
            message,
            message_id(address, key, self._server.domain),
        )

    # --- the question before the first mail

    async def _ask_people(self) -> None:
        while not self._closed:
            self._wake.clear()
            try:
                for asked in await self._letterbox.due():
                    await self._letterbox.settled(asked, await self._ask(asked))
            except Exception:  # the next look may go better; what was claimed is not sent twice
                logger.exception("questions could not be sent")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), QUESTIONS_EVERY)

    async def _ask(self, asked: Confirmation) -> SendOutcome:
        seal = self._pages.seal
        if self._closed or seal is None:
            return Retry(STOPPED, after=10.0)
        now = self._clock()
        link = Addresses(self._pages.base, seal, asked.handle, now).confirm(asked.key)
        try:
            message = write_question(asked, now, self._server, link)
        except Exception as error:  # nothing has left yet
            logger.exception("a question could not be written")
            return Rejected(f"the mail could not be written ({type(error).__name__})")
        return await self._deliver(asked.address, message, asked.key)

    async def _serve(self) -> None:
        if self._listen is None:
            return
        host, port = self._listen
        root = web.Application()
        root.add_subapp(PREFIX, self.routes())
        runner = web.AppRunner(root, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise PaperwireError(
                f"The pages for mails cannot listen on {host}:{port} ({error.strerror or error}). "
                "Choose another port: email.http_port"
            ) from error
        self._runner = runner
