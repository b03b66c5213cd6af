"""Why there is no answer, in a value and in words."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
from yarl import URL

from bot.ports import FetchFailed, Trouble
from bot.sources.addresses import NOT_PUBLIC
from bot.sources.limits import FetchLimits


def explain(error: Exception, url: URL, limits: FetchLimits) -> FetchFailed:
    """Put what the network did into words, without the parts of a link that may be secret."""
    place = place_of(url)
    trouble = Trouble.CONNECTION
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        trouble = Trouble.TIMEOUT
        reason = f"{place} could not be connected to within {limits.connect_seconds:g} s"
    elif isinstance(error, TimeoutError):
        trouble = Trouble.TIMEOUT
        reason = f"{place} did not finish within {limits.total_seconds:g} s"
    elif isinstance(error, aiohttp.ClientConnectorCertificateError):
        trouble = Trouble.CERTIFICATE
        reason = f"the certificate of {place} is not accepted: {error.certificate_error}"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        reason = f"the name {url.host} cannot be resolved"
    elif isinstance(error, aiohttp.ClientConnectorError) and NOT_PUBLIC in str(error.os_error):
        return inside(url)
    elif isinstance(error, aiohttp.ClientHttpProxyError):
        reason = f"the proxy in front of {place} answered {say_status(error.status)}"
    elif isinstance(error, aiohttp.ClientResponseError):
        reason = f"{place} did not answer in HTTP"
    elif isinstance(error, ValueError):
        trouble = Trouble.ADDRESS
        reason = f"{place} is not an address that can be asked"
    else:
        reason = f"the connection to {place} failed: {error or type(error).__name__}"
    return FetchFailed(trouble, reason)


def inside(url: URL) -> FetchFailed:
    """Return the refusal of a link that leads into a private network."""
    reason = f"{place_of(url)} leads into a private network; only the operator may allow that"
    return FetchFailed(Trouble.ADDRESS, reason)


def place_of(url: URL) -> str:
    """Return ``host`` or ``host:port``: the query and the user part may hold secrets."""
    return f"{url.host}" if url.is_default_port() else f"{url.host}:{url.port}"


def say_status(status: int) -> str:
    """Return ``503 (Service Unavailable)``."""
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)
