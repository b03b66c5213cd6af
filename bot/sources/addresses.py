"""Which network addresses a link from a stranger may lead to: public ones only.

A feed's address is typed by anyone who may use ``/papers``, and a redirect is chosen by whoever
runs the feed, so both could point at the machine's own network.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from aiohttp import AddrInfoType, ThreadedResolver
from aiohttp.abc import AbstractResolver

NOT_PUBLIC = "is not a public address"

_NAT64 = IPv6Network("64:ff9b::/96")


class NotPublicError(OSError):
    """A connection was about to be opened to an address inside some private network."""


def is_public(address: str) -> bool:
    """Tell whether a numeric address is one on the open internet; text that is none is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return all(_is_public(one) for one in (_embedded(parsed) or (parsed,)))


def open_public_socket(info: AddrInfoType) -> socket.socket:
    """Make the socket for a resolved address, or raise NotPublicError.

    This runs after the name was resolved and right before the connection, so a name that answers
    differently the second time gains nothing.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise NotPublicError(f"{address[0]} {NOT_PUBLIC}")
    return socket.socket(family=family, type=kind, proto=protocol)


async def resolves_inside(host: str, resolver: AbstractResolver | None = None) -> bool:
    """Tell whether a name leads to a private address as far as this machine can resolve it."""
    try:
        found = await (resolver or ThreadedResolver()).resolve(host, family=socket.AF_UNSPEC)
    except OSError:
        return False
    return any(not is_public(answer["host"]) for answer in found)


def is_loopback(host: str) -> bool:
    """Tell whether a host, as written in a link, is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or site_local)


def _embedded(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address is another way of writing, if any."""
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address.teredo:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()
