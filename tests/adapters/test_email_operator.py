"""Alerts by mail: to the operator's own address, once, over a real SMTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import App
from bot.domain import Channel, PaperwireError, Post, PostKind, Profile
from bot.parts import build_tellers
from bot.platforms.email import OperatorMail
from bot.ports import Rejected, Retry, Sent
from bot.settings import Settings, load
from bot.store import channels, listings
from bot.store.listings import Cursor
from tests.adapters.loopback_mail import BASE, SENDER, LoopbackMail, part
from tests.scenario.wire import MONDAY, at

NOW = at(MONDAY, 9)
OPS = "ops@example.org"


@pytest.fixture
async def server() -> AsyncIterator[LoopbackMail]:
    opened = LoopbackMail()
    await opened.start()
    yield opened
    await opened.stop()


def variables(server: LoopbackMail, **more: str) -> dict[str, str]:
    return {
        "PAPERWIRE_EMAIL__HOST": "127.0.0.1",
        "PAPERWIRE_EMAIL__PORT": str(server.port),
        "PAPERWIRE_EMAIL__SECURITY": "none",
        "PAPERWIRE_EMAIL__SENDER": SENDER,
        "PAPERWIRE_EMAIL__PUBLIC_URL": BASE,
        "PAPERWIRE_EMAIL__HTTP_PORT": "0",
        "PAPERWIRE_WEB__ENABLED": "true",
        "PAPERWIRE_WATCH__ALERT_CHANNEL": f"email:{OPS}",
        "PAPERWIRE_ARXIV__ENABLED": "false",
        "PAPERWIRE_HUGGINGFACE__ENABLED": "false",
        "PAPERWIRE_BACKUP__ENABLED": "false",
        **more,
    }


def settings_of(folder: Path, server: LoopbackMail, **more: str) -> Settings:
    return load(folder, variables(server, **more))


def fail(app: App, failures: int) -> None:
    with app.store.write() as connection:
        cursor = Cursor("https://a.example/x", "arxiv", failures=failures, error="HTTP 500")
        listings.save_cursor(connection, cursor)


async def test_the_operator_is_written_to_once_when_it_begins_and_once_when_it_is_over(
    tmp_path: Path, server: LoopbackMail
) -> None:
    app = App(settings_of(tmp_path, server), lambda: NOW)
    try:
        fail(app, 3)
        await app.alert()
        fail(app, 4)
        await app.alert()
        fail(app, 0)
        await app.alert()
    finally:
        await app.__aexit__()
    begun, over = server.read(OPS)
    assert [to for to, _ in server.mails] == [OPS, OPS]
    assert begun["To"] == OPS
    assert begun["From"].addresses[0].addr_spec == SENDER
    assert begun["Subject"] == "1 new, 0 over: what Paperwire's operator should know"
    assert begun["Auto-Submitted"] == "auto-generated"
    assert begun["List-Unsubscribe"] is None
    assert "The source arxiv failed 3 times in a row (HTTP 500)" in part(begun, "plain")
    assert "Over: The source arxiv failed" in part(over, "plain")
    assert begun["Message-ID"] != over["Message-ID"]


async def test_a_mail_server_that_is_busy_is_tried_again_and_one_that_refuses_is_not(
    tmp_path: Path, server: LoopbackMail
) -> None:
    app = App(settings_of(tmp_path, server), lambda: NOW)
    try:
        fail(app, 3)
        server.answers["rcpt", OPS] = "450 4.7.1 try again later"
        await app.alert()
        server.answers.clear()
        await app.alert()
        await app.alert()
        assert len(server.mails) == 1
        server.answers["rcpt", OPS] = "550 5.1.1 no such mailbox"
        fail(app, 0)
        await app.alert()
        server.answers.clear()
        await app.alert()
        assert len(server.mails) == 1
    finally:
        await app.__aexit__()


@pytest.mark.parametrize("written", [OPS, "Ops@Example.ORG"])
async def test_an_address_that_gets_digests_is_told_no_troubles(
    tmp_path: Path, server: LoopbackMail, written: str
) -> None:
    alerts = {"PAPERWIRE_WATCH__ALERT_CHANNEL": f"email:{written}"}
    app = App(settings_of(tmp_path, server, **alerts), lambda: NOW)
    try:
        with app.store.write() as connection:
            reader = Channel(0, "email", OPS, OPS, Profile())
            channels.insert(connection, reader, private=True, now=NOW)
        fail(app, 3)
        await app.alert()
        assert server.mails == []
    finally:
        await app.__aexit__()


async def test_only_the_operators_address_is_ever_written_to(server: LoopbackMail) -> None:
    from bot.platforms.email import Server

    mail = Server("127.0.0.1", server.port, SENDER, security="none")
    teller = OperatorMail(mail, OPS, lambda: NOW)
    post = Post(PostKind.NOTICE, "A\nBcc: eve@example.org", ("<b>x</b> \u202eabc", "token"))
    assert isinstance(await teller.send("ada@example.org", post, "k1"), Rejected)
    assert server.mails == []
    assert isinstance(await teller.send(OPS, post, "k1"), Sent)
    [message] = server.read(OPS)
    assert message["Bcc"] is None
    assert message["Subject"] == "A Bcc: eve@example.org"
    assert "\u202e" not in part(message, "plain")
    wrong = OperatorMail(mail, "o,p@example.org", lambda: NOW)
    assert isinstance(await wrong.send("o,p@example.org", post, "k1"), Rejected)
    await server.stop()
    assert isinstance(await teller.send(OPS, post, "k2"), Retry)


def test_alerts_by_mail_without_a_mail_server_are_refused_at_the_start(tmp_path: Path) -> None:
    settings = load(tmp_path, {"PAPERWIRE_WATCH__ALERT_CHANNEL": f"email:{OPS}"})
    with pytest.raises(PaperwireError, match=r"needs a mail server. Set email\.host"):
        build_tellers(settings, {}, lambda: NOW)


@pytest.mark.parametrize("where", ["email:", "email:ops", "email:a@b@c", "email:<a@b>", "mail:a@b"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, where: str) -> None:
    with pytest.raises(PaperwireError, match="ALERT_CHANNEL"):
        load(tmp_path, {"PAPERWIRE_WATCH__ALERT_CHANNEL": where})
