"""E-mail passes the conformance suite against a real SMTP server, in HTML and in plain text."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.domain import Layout
from bot.platforms.email import Email
from tests.adapters.conformance import PlatformConformance
from tests.adapters.loopback_mail import MailHarness


class TestEmailInHtml(PlatformConformance):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[MailHarness]:
        place = MailHarness("html")
        await place.open()
        yield place
        await place.close()


class TestEmailInPlainText(PlatformConformance):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[MailHarness]:
        place = MailHarness("plain")
        await place.open()
        yield place
        await place.close()


def test_one_digest_is_one_mail() -> None:
    assert Email.default_layout is Layout.SINGLE
