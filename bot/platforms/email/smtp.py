"""One mail over SMTP, and in which of the four words it ended.

The standard library's client serves better here than an asynchronous one: it lets the dot that
ends a mail be sent apart from it. Before the dot nothing can have been accepted, so that every
trouble is a Retry; after it, silence is Unknown (RFC 5321 4.5.3.2.6, RFC 1047).
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from bot.domain import ChannelState
from bot.ports import Rejected, Retry, SendOutcome, Sent, Unknown
from bot.render import clip, visible

SOON = 60.0
GREYLISTED = 300.0  # what most servers want a stranger to wait
OPERATOR = 900.0  # a setting is wrong; a person has to see it first
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
# The mailbox or its domain is not there, or is closed (RFC 3463). A bare 550 may be a policy that
# concerns all mail of ours, and is no reason to give up on a person.
_GONE = {("1", "1"), ("1", "2"), ("1", "3"), ("1", "6"), ("1", "10"), ("2", "1")}
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class Server:
    """Where mails are handed in, and who they are from. Times are in seconds."""

    host: str
    port: int
    sender: str
    sender_name: str = "Paperwire"
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 30.0
    answer_timeout: float = 60.0  # for the answer to a whole mail
    tls: ssl.SSLContext | None = field(default=None, repr=False)  # None: the system's authorities

    @property
    def domain(self) -> str:
        return self.sender.rpartition("@")[2]


class NotReadyError(Exception):
    """No mail can be handed in now; the words name the server and what it said."""

    def __init__(self, words: str, after: float = SOON) -> None:
        super().__init__(words)
        self.after = after


def connect(server: Server) -> smtplib.SMTP:
    """Return a connection that is secured and logged in. Raises NotReadyError.

    It is never less secure than the setting says, whatever the server offers.
    """
    where = f"{server.host}:{server.port}"
    # Its own guess at our name asks DNS, which can take longer than all the rest.
    name = server.domain
    smtp: smtplib.SMTP | None = None
    try:
        if server.security == "tls":
            smtp = smtplib.SMTP_SSL(
                server.host,
                server.port,
                local_hostname=name,
                timeout=server.timeout,
                context=server.tls or ssl.create_default_context(),
            )
        else:
            smtp = smtplib.SMTP(
                server.host, server.port, local_hostname=name, timeout=server.timeout
            )
            if server.security == "starttls":
                smtp.starttls(context=server.tls or ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if server.username:
            smtp.login(server.username, server.password)
    except ssl.SSLError as error:
        close(smtp)
        reason = getattr(error, "verify_message", "") or error.reason or "no TLS there"
        raise NotReadyError(
            f"{where} could not be reached securely ({_clean(reason)}); see email.security",
            OPERATOR,
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        close(smtp)
        lacks = "STARTTLS" if server.security == "starttls" else "AUTH"
        raise NotReadyError(
            f"{where} does not offer what the settings ask for ({lacks}); see email.security",
            OPERATOR,
        ) from error
    except smtplib.SMTPAuthenticationError as error:
        close(smtp)
        temporary = 400 <= error.smtp_code < 500
        raise NotReadyError(
            f"{where} refuses email.username and email.password: {_said(error)}",
            SOON if temporary else OPERATOR,
        ) from error
    except smtplib.SMTPResponseException as error:
        close(smtp)
        raise NotReadyError(f"{where} says {_said(error)}") from error
    except (smtplib.SMTPException, OSError) as error:
        close(smtp)
        words = _clean(str(error)) or type(error).__name__
        raise NotReadyError(f"{where} cannot be reached ({words})") from error
    return smtp


def close(smtp: smtplib.SMTP | None) -> None:
    """Take leave; what happened is known by now, so that no trouble matters any more."""
    if smtp is not None:
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def deliver(server: Server, recipient: str, message: bytes, message_id: str) -> SendOutcome:
    """Hand one mail in; blocks. ``message_id`` becomes the remote id."""
    try:
        smtp = connect(server)
    except NotReadyError as error:
        return Retry(str(error), after=error.after)
    try:
        refused = _envelope(smtp, server, recipient)
        if refused is not None:
            return refused
        return _content(smtp, server, message, message_id)
    finally:
        close(smtp)


def _envelope(smtp: smtplib.SMTP, server: Server, recipient: str) -> SendOutcome | None:
    """Say who writes to whom; None once the server waits for the mail."""
    where = f"{server.host}:{server.port}"
    steps: tuple[tuple[str, Callable[[], tuple[int, bytes]]], ...] = (
        ("sender", lambda: smtp.mail(server.sender)),
        ("address", lambda: smtp.rcpt(recipient)),
        ("mail", lambda: smtp.docmd("DATA")),
    )
    code = 0
    try:
        for step, ask in steps:
            code, text = ask()
            if not 200 <= code < 400:
                return _refusal(where, step, code, text)
    except smtplib.SMTPResponseException as error:
        return Retry(f"{where} says {_said(error)}", SOON)
    except (smtplib.SMTPException, OSError) as error:
        return Retry(f"{where} went away before the mail was sent ({_clean(str(error))})", SOON)
    return None if code == 354 else Retry(f"{where} wants no mail now (it says {code})", SOON)


def _refusal(where: str, step: str, code: int, text: bytes) -> SendOutcome:
    said = f"{where} refuses the {step}: {_answer(code, text)}"
    if code < 500:
        return Retry(said, GREYLISTED if step == "address" else SOON)
    if step == "sender":
        return Retry(said, OPERATOR)  # it concerns all mail of ours; a setting may mend it
    gone = step == "address" and _is_gone(text)
    return Rejected(said, ChannelState.LEFT if gone else None)


def _content(smtp: smtplib.SMTP, server: Server, message: bytes, message_id: str) -> SendOutcome:
    where = f"{server.host}:{server.port}"
    body = _LEADING_DOT.sub(b"..", _LINE_END.sub(b"\r\n", message))
    body += b"" if body.endswith(b"\r\n") else b"\r\n"
    try:
        smtp.send(body)
    except (smtplib.SMTPException, OSError) as error:
        return Retry(f"{where} went away in the middle of the mail ({_clean(str(error))})", SOON)
    try:
        if smtp.sock is not None:
            smtp.sock.settimeout(server.answer_timeout)
        smtp.send(b".\r\n")
        code, text = smtp.getreply()
    except (smtplib.SMTPException, OSError) as error:
        words = _clean(str(error)) or type(error).__name__
        return Unknown(f"{where} got the mail and never answered ({words})")
    if 200 <= code < 300:
        return Sent(message_id)
    if 400 <= code < 600:
        return _refusal(where, "mail", code, text)
    return Unknown(f"{where} got the mail and answered what is no answer: {_answer(code, text)}")


def _is_gone(text: bytes) -> bool:
    found = _ENHANCED.match(text.decode("utf-8", "replace").strip())
    return found is not None and (found[2], found[3]) in _GONE


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return _answer(error.smtp_code, text if isinstance(text, bytes) else str(text).encode())


def _answer(code: int, text: bytes) -> str:
    return f"{code} {_clean(text.decode('utf-8', 'replace'))}".strip()


def _clean(text: str) -> str:
    return clip(" ".join(visible(text).split()), 200)
