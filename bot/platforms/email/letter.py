"""A post as a mail: headers that stay headers, a plain part, and an HTML part that survives."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain import Card, Post, PostKind, Signal
from bot.platforms.email.addresses import Addresses
from bot.platforms.email.smtp import Server
from bot.ports import Confirmation
from bot.render import byline, card_as_text, clip, figures, guard_post, plain_text

if TYPE_CHECKING:
    from jinja2 import Environment

SIGNALS = (
    (Signal.LIKE, "👍", "More like this"),
    (Signal.DISLIKE, "👎", "Less like this"),
    (Signal.SAVE, "🔖", "Save"),
)
SUBJECT_LIMIT = 150
# Only chat can carry out commands.
_COMMAND = re.compile(r"(?:^|; )/papers [^·]*$")
# Checked where people sign up as well; no other address ever reaches a header or the server.
_RECIPIENT = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}", re.ASCII)


class _Policy(EmailPolicy):
    """SMTP's form, with links in headers as they are.

    The standard policy takes a long link for prose and encodes it (RFC 2047); then no mail program
    finds the way to unsubscribe. Lines may have 998 characters (RFC 5322 2.1.1).
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        if name == "List-Unsubscribe":
            return f"{name}: {value}\r\n".encode("ascii")
        return super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n", max_line_length=78)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands on the outside of one mail. ``parent`` is the remote id it answers to."""

    recipient: str
    key: str
    at: datetime
    parent: str | None = None


def message_id(recipient: str, key: str, domain: str) -> str:
    """Return the id of the mail with this key to this address, the same at every try.

    Mail programs and many servers show a mail with an id they know only once.
    """
    digest = hashlib.sha256(f"{recipient}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"<{digest[:32]}@{domain}>"


def write_digest(post: Post, envelope: Envelope, server: Server, addresses: Addresses) -> bytes:
    """Return a post as the bytes of a mail. Raises ValueError for an address that is none."""
    safe = _for_reader(guard_post(post), envelope.recipient)
    subject = safe.headline
    if safe.kind is PostKind.PAPER and safe.cards:
        subject = safe.cards[0].title
    message = _begin(subject, envelope, server)
    leave = addresses.leave()
    message["List-Unsubscribe"] = f"<{leave}>"
    if leave.startswith("https://"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    message["List-ID"] = f"Paperwire <digests.{server.domain}>"
    if envelope.parent:
        message["In-Reply-To"] = message["References"] = envelope.parent
    votes = [_votes(card, envelope.key, addresses) for card in safe.cards]
    ways = (envelope.recipient, addresses.change(), leave)
    message.set_content(_plain(safe, votes, ways), cte="quoted-printable")
    html = draw(
        "letter.html",
        post=safe,
        entries=list(zip(safe.cards, votes, strict=True)),
        is_paper=safe.kind is PostKind.PAPER,
        preheader=_preheader(safe),
        leave=leave,
        recipient=envelope.recipient,
        change=addresses.change(),
    )
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def write_question(asked: Confirmation, at: datetime, server: Server, link: str) -> bytes:
    """Return the mail that asks for a yes. Raises ValueError for an address that is none."""
    wish = plain_text(asked.wish, 300)
    message = _begin("Do you want papers by mail?", Envelope(asked.address, asked.key, at), server)
    lines = (
        "Someone, hopefully you, asked to have research papers sent to this address.",
        f"Asked for: {wish}" if wish else "Asked for: what everyone reads (trending papers)",
        "To say yes, follow this link and press the button there. It works for three days:",
        link,
        "If that was not you, do nothing. No other mail will come.",
    )
    message.set_content("\n\n".join(lines) + "\n", cte="quoted-printable")
    html = draw("question.html", wish=wish, link=link)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def write_notice(post: Post, envelope: Envelope, server: Server) -> bytes:
    """Return a notice for the operator, as plain text. Raises ValueError for a wrong address."""
    safe = guard_post(post)
    message = _begin(safe.headline, envelope, server)
    lines = (safe.headline, "", *safe.lines, "", "-- ", "Sent to Paperwire's operator alone.")
    message.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    return message.as_bytes()


def _begin(subject: str, envelope: Envelope, server: Server) -> EmailMessage:
    if not _RECIPIENT.fullmatch(envelope.recipient):
        raise ValueError("that is no mail address")
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(_header_text(server.sender_name, 60), addr_spec=server.sender)
    message["To"] = Address(addr_spec=envelope.recipient)
    message["Subject"] = _header_text(subject, SUBJECT_LIMIT) or "Papers"
    message["Date"] = format_datetime(envelope.at)
    message["Message-ID"] = message_id(envelope.recipient, envelope.key, server.domain)
    # Nobody's "I am on holiday" is to come back (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    return message


def _header_text(text: str, limit: int) -> str:
    """Return text that a header shows as it is.

    The standard library decodes what looks encoded (``=?utf-8?q?...?=``) when a header is set, line
    ends included, so that a title could add headers of its own.
    """
    return plain_text(text, limit).replace("=?", "= ?")


def _for_reader(post: Post, recipient: str) -> Post:
    """Return the post as it speaks to one person; a channel's name here is the address."""
    return Post(
        kind=post.kind,
        headline=post.headline.replace(recipient, "you", 1),
        lines=tuple(line for line in post.lines if not _COMMAND.search(line)),
        cards=post.cards,
        footer=_COMMAND.sub("", post.footer),
    )


def _votes(card: Card, key: str, addresses: Addresses) -> list[tuple[str, str, str]]:
    return [
        (addresses.vote(key, card.number, signal), sign, words) for signal, sign, words in SIGNALS
    ]


def _preheader(post: Post) -> str:
    """Return what a mailbox shows beside the subject: the first titles."""
    titles = " · ".join(card.title for card in post.cards[:3])
    return clip(titles if post.kind is PostKind.SINGLE else post.footer, 140)


def _plain(post: Post, votes: list[list[tuple[str, str, str]]], ways: tuple[str, str, str]) -> str:
    recipient, change, leave = ways
    head = () if post.kind is PostKind.PAPER else (post.headline, post.footer, *post.lines)
    parts = ["\n".join(line for line in head if line)]
    for card, links in zip(post.cards, votes, strict=True):
        # One long line is enough: the page it leads to has all three buttons.
        parts.append(f"{card_as_text(card)}\nVote: {links[0][0]}")
    parts.append(f"-- \nSent to {recipient} by Paperwire.\nChange what you get: {change}")
    parts[-1] += f"\nUnsubscribe: {leave}"
    return "\n\n".join(part for part in parts if part) + "\n"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(byline=byline, figures=figures)
    return environment


def draw(template: str, **context: object) -> str:
    """Return one of the package's templates filled in, everything escaped."""
    return _environment().get_template(template).render(context)
