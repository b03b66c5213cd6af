"""Who may come in: hosts, password and token, signed sessions, tokens against forged forms."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from bot.domain import PaperwireError

LOGGED_IN_SECONDS = 30 * 86_400
REMEMBERED_SECONDS = 400 * 86_400
TRIES = 8  # wrong passwords from one address
TRIES_SECONDS = 300.0
_REMEMBERED_ADDRESSES = 2_000
_COOKIE = re.compile(r"([A-Za-z0-9_-]{22})\.(\d{1,12})\.([01])\.([0-9a-f]{64})")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is reached from this machine alone."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """What is asked of a visitor: nothing on loopback, else a password or a token."""

    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def open(self) -> bool:
        return not (self.password or self.token)

    def admits(self, secret: str) -> bool:
        """Compare with both in a time that does not depend on what was typed."""
        typed = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        known = [
            hmac.compare_digest(typed, hashlib.sha256(one.encode()).digest())
            for one in (self.password, self.token)
        ]
        return (bool(self.password) and known[0]) | (bool(self.token) and known[1])

    def admits_header(self, authorization: str) -> bool:
        """Read ``Authorization: Bearer TOKEN``, or ``Basic`` with it in place of a password."""
        kind, _, rest = authorization.partition(" ")
        if kind.casefold() == "bearer":
            return self.admits(rest.strip())
        if kind.casefold() == "basic":
            try:
                decoded = base64.b64decode(rest.strip(), validate=True).decode()
            except (binascii.Error, ValueError):
                return False
            return self.admits(decoded.partition(":")[2])
        return False


def check_reach(host: str, access: Access) -> None:
    """Raise PaperwireError where the page would be open to more than this machine."""
    if access.open and not is_loopback(host):
        raise PaperwireError(
            f"The web page would be open to everyone who reaches {host}. Set web.password or "
            "web.token, or listen on 127.0.0.1."
        )


# --- hosts --------------------------------------------------------------------------------------


def host_name(header: str) -> str | None:
    """Return the name in a Host header without its port; None where it is none."""
    found = _HOST.fullmatch(header)
    return found[1].casefold().strip("[]").rstrip(".") if found else None


def allowed_hosts(host: str, public_url: str, access: Access) -> frozenset[str] | None:
    """Return the names this page answers to; None for any.

    Without it a page elsewhere could have its own name point at this machine (DNS rebinding) and
    read what is open here. Where a password is asked for and no public address is known, the
    browser keeps the session from other names.
    """
    public = urlsplit(public_url).hostname if public_url else None
    if not access.open and public is None:
        return None
    names = {"localhost", "127.0.0.1", "::1", host.casefold().strip("[]")}
    return frozenset(names | ({public.casefold()} if public else set()))


# --- sessions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Session:
    """One browser. ``issued`` is in seconds; ``proved`` tells that it gave the password."""

    id: str
    issued: int
    proved: bool = False


class Seal:
    """Signs sessions and forms; another password makes every session worthless."""

    def __init__(self, secret: bytes, access: Access) -> None:
        words = f"{access.password}\0{access.token}".encode()
        self._key = hmac.new(secret, words, hashlib.sha256).digest()

    def new(self, now: float) -> Session:
        """Return a session that nobody has yet."""
        return Session(secrets.token_urlsafe(16), int(now))

    def prove(self, session: Session, now: float) -> Session:
        """Return the session as one that gave the password just now."""
        return replace(session, issued=int(now), proved=True)

    def write(self, session: Session) -> str:
        """Return a session as a cookie's value."""
        words = f"{session.id}.{session.issued}.{int(session.proved)}"
        return f"{words}.{self._sign('session', words)}"

    def read(self, cookie: str, now: float) -> Session | None:
        """Return the session of a cookie that we signed; an old proof no longer counts."""
        found = _COOKIE.fullmatch(cookie)
        if found is None:
            return None
        words = f"{found[1]}.{found[2]}.{found[3]}"
        if not hmac.compare_digest(found[4], self._sign("session", words)):
            return None
        fresh = int(found[2]) + LOGGED_IN_SECONDS > now
        return Session(found[1], int(found[2]), found[3] == "1" and fresh)

    def form_token(self, session: Session) -> str:
        """Return what every form of this session carries (OWASP: signed double submit)."""
        return self._sign("form", session.id)

    def is_form_token(self, session: Session, token: str) -> bool:
        expected = self.form_token(session).encode()
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), expected)

    def _sign(self, purpose: str, words: str) -> str:
        return hmac.new(self._key, f"{purpose}:{words}".encode(), hashlib.sha256).hexdigest()


def load_secret(folder: Path | None) -> bytes:
    """Return the key that signs sessions, made at the first start and kept in the folder."""
    if folder is None:
        return secrets.token_bytes(32)
    path = folder / "session.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            kept = path.read_bytes()
            if len(kept) >= 32:
                return kept
            file = os.open(path, os.O_WRONLY | os.O_TRUNC)
        made = secrets.token_bytes(32)
        with os.fdopen(file, "wb") as out:
            out.write(made)
    except OSError as trouble:
        raise PaperwireError(
            f"The web page cannot keep its session key in {path} ({trouble.strerror}). "
            "Check that the folder is writable."
        ) from trouble
    return made


class Attempts:
    """Counts wrong passwords by address, so that guessing takes years."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Return how many seconds an address has to wait before its next try; 0 for none."""
        recent = [t for t in self._failed.get(address, ()) if now - t < TRIES_SECONDS]
        if len(recent) < TRIES:
            return 0.0
        return TRIES_SECONDS - (now - recent[0])

    def failed(self, address: str, now: float) -> None:
        """Remember a wrong password."""
        self._failed[address] = [*self._failed.pop(address, [])[-TRIES + 1 :], now]
        while len(self._failed) > _REMEMBERED_ADDRESSES:
            self._failed.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget an address that knew it."""
        self._failed.pop(address, None)
