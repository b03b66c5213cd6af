"""In which of the four words a mail ends: every way in which a mail server can fail."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain import ChannelState
from bot.platforms.email import Server, check
from bot.platforms.email.smtp import GREYLISTED, OPERATOR, deliver
from bot.ports import Rejected, Retry, SendOutcome, Sent, Unknown
from tests.adapters.loopback_mail import SENDER, LoopbackMail

# The loopback server warns of what it is told to do here.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")

ADA = "ada@readers.example.org"
MAIL = b"Subject: Vowels\r\nMessage-ID: <v1@example.org>\r\n\r\nAll of them.\r\n"


@pytest.fixture
async def mail() -> AsyncIterator[LoopbackMail]:
    server = LoopbackMail()
    yield server
    await server.stop()


def at(mail: LoopbackMail | int, **changes: object) -> Server:
    port = mail if isinstance(mail, int) else mail.port
    plain = Server("127.0.0.1", port, SENDER, security="none", timeout=30, answer_timeout=30)
    return replace(plain, **changes)  # type: ignore[arg-type]  # field names, checked by replace


async def send(server: Server, body: bytes = MAIL, to: str = ADA) -> SendOutcome:
    return await asyncio.to_thread(deliver, server, to, body, "<v1@example.org>")


async def test_a_mail_arrives_as_it_was_written(mail: LoopbackMail) -> None:
    await mail.start()
    assert await send(at(mail)) == Sent("<v1@example.org>")
    assert mail.mails == [(ADA, MAIL)]


async def test_lines_of_dots_and_bare_line_ends_cannot_end_a_mail(mail: LoopbackMail) -> None:
    await mail.start()
    body = b"Subject: x\n\n.\r\n.\n..\r.\r\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n.."
    assert isinstance(await send(at(mail), body), Sent)
    lines = b"\r\n".join([b"Subject: x", b"", b".", b".", b"..", b".", b"", b"."])
    rest = b"\r\n".join([b"", b"MAIL FROM:<eve@evil.example>", b"..", b""])
    assert mail.mails == [(ADA, lines + rest)]


@pytest.mark.parametrize(
    ("step", "said", "after"),
    [
        ("mail", "421 4.3.2 shutting down", 60.0),
        ("mail", "550 5.7.1 not from you", OPERATOR),
        ("rcpt", "450 4.2.0 greylisted", GREYLISTED),
        ("rcpt", "452 4.2.2 mailbox full", GREYLISTED),
        ("end", "451 4.3.0 out of disk", 60.0),
    ],
)
async def test_what_is_refused_for_now_is_tried_again(
    mail: LoopbackMail, step: str, said: str, after: float
) -> None:
    await mail.start()
    mail.answers[step, SENDER if step == "mail" else ADA] = said
    outcome = await send(at(mail))
    assert isinstance(outcome, Retry)
    assert outcome.after == after
    assert said in outcome.reason
    assert mail.mails == []


@pytest.mark.parametrize(
    ("step", "said", "state"),
    [
        ("rcpt", "550 5.1.1 no such mailbox", ChannelState.LEFT),
        ("rcpt", "550 5.2.1 mailbox disabled", ChannelState.LEFT),
        ("rcpt", "550 5.7.1 your server is on a list", None),
        ("rcpt", "550 no", None),
        ("rcpt", "552 5.2.2 over quota", None),
        ("end", "554 5.6.0 looks like spam", None),
    ],
)
async def test_what_is_refused_for_good_says_whether_the_person_is_gone(
    mail: LoopbackMail, step: str, said: str, state: ChannelState | None
) -> None:
    await mail.start()
    mail.answers[step, ADA] = said
    outcome = await send(at(mail))
    assert isinstance(outcome, Rejected)
    assert said in outcome.reason
    assert outcome.channel_state is state


async def test_a_server_that_drops_the_line_after_the_mail_leaves_it_unknown(
    mail: LoopbackMail,
) -> None:
    await mail.start()
    mail.answers["end", ADA] = "drop"
    outcome = await send(at(mail))
    assert isinstance(outcome, Unknown)
    assert "never answered" in outcome.reason
    assert len(mail.mails) == 1


@asynccontextmanager
async def scripted(
    *said: bytes, read: bytes | int = b"\r\n", then: bytes = b""
) -> AsyncIterator[int]:
    """Serve one session and yield the port.

    Each line of the script answers a line; then so much is read, ``then`` is said, and without it
    the server is silent until the client leaves. A number of bytes to read ends in a reset.
    """
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            writer.write(said[0])
            for line in said[1:]:
                await reader.readuntil(b"\r\n")
                writer.write(line)
            if isinstance(read, int):
                await reader.readexactly(read)
                writer.transport.abort()
            else:
                await reader.readuntil(read)
                writer.write(then)
                await reader.read()
        writer.transport.abort()
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    await over.wait()
    server.close()
    await server.wait_closed()


ENVELOPE = (b"220 mx\r\n", b"250 mx\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")


@pytest.mark.parametrize("said", [b"", b"\xff\xfe what\r\n", b"999 odd\r\n"])
async def test_silence_or_nonsense_after_the_dot_is_unknown(said: bytes) -> None:
    async with scripted(*ENVELOPE, read=b"\r\n.\r\n", then=said) as port:
        outcome = await send(at(port, answer_timeout=0.5))
    assert isinstance(outcome, Unknown)


async def test_a_server_that_goes_away_in_the_middle_gets_the_mail_later() -> None:
    large = MAIL + b"line of a long mail\r\n" * 400_000
    async with scripted(*ENVELOPE, read=1000) as port:
        outcome = await send(at(port), large)
    assert isinstance(outcome, Retry)
    assert "in the middle" in outcome.reason


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        port = taken.getsockname()[1]
        outcome = await send(at(port))
    assert isinstance(outcome, Retry)
    assert f"127.0.0.1:{port} cannot be reached" in outcome.reason


async def test_a_server_that_says_no_at_once_is_tried_again() -> None:
    async with scripted(b"554 5.7.1 go away\r\n") as port:
        outcome = await send(at(port))
    assert isinstance(outcome, Retry)
    assert "554 5.7.1 go away" in outcome.reason


# --- security -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", made, "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, made


def contexts(certificate: tuple[Path, Path]) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key, made = certificate
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(made, key)
    return served, ssl.create_default_context(cafile=str(made))


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
async def test_a_mail_goes_encrypted_and_logged_in(
    mail: LoopbackMail, certificate: tuple[Path, Path], *, implicit: bool
) -> None:
    served, trusting = contexts(certificate)
    await mail.start(tls=served, implicit=implicit, auth=True)
    server = at(mail, security="tls" if implicit else "starttls", tls=trusting)
    server = replace(server, username="wire", password="right")
    assert isinstance(await send(server), Sent)
    assert mail.logins == ["wire"]
    (health,) = await check(server, "https://papers.example.org")
    assert health.ok
    assert "logged in" in health.words
    assert len(mail.mails) == 1


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
async def test_a_certificate_that_is_not_trusted_stops_the_mail_and_the_password(
    mail: LoopbackMail, certificate: tuple[Path, Path], *, implicit: bool
) -> None:
    served, _ = contexts(certificate)
    await mail.start(tls=served, implicit=implicit, auth=True)
    server = at(mail, security="tls" if implicit else "starttls")
    outcome = await send(replace(server, username="wire", password="right"))
    assert isinstance(outcome, Retry)
    assert "self-signed certificate" in outcome.reason
    assert outcome.after == OPERATOR
    assert mail.logins == []
    assert mail.mails == []


async def test_a_server_without_starttls_gets_no_mail_in_the_clear(mail: LoopbackMail) -> None:
    await mail.start()
    server = at(mail, security="starttls", username="wire", password="right")
    outcome = await send(server)
    assert isinstance(outcome, Retry)
    assert "STARTTLS" in outcome.reason
    assert "email.security" in outcome.reason
    assert mail.mails == []


async def test_a_wrong_password_waits_for_the_operator_and_is_not_told(mail: LoopbackMail) -> None:
    await mail.start(auth=True)
    server = at(mail, username="wire", password="wrong-0815")
    outcome = await send(server)
    assert isinstance(outcome, Retry)
    assert "email.password" in outcome.reason
    assert outcome.after == OPERATOR
    assert "0815" not in f"{outcome} {server}"
    found = await check(server, "http://127.0.0.1:8766")
    assert [health.ok for health in found] == [False, False]
    assert "not https" in found[1].words
