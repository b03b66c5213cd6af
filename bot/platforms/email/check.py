"""What ``paperwire doctor`` asks of the mail server: can we connect, securely, and log in?"""

from __future__ import annotations

import asyncio

from bot.platforms.email.smtp import NotReadyError, Server, close, connect
from bot.ports import Health


async def check(server: Server, public_url: str) -> tuple[Health, ...]:
    """Log in and leave again; nothing is sent. Never raises for what the server or the net does."""

    def run() -> Health:
        try:
            smtp = connect(server)
        except NotReadyError as error:
            return Health(ok=False, words=f"E-mail: {error}")
        close(smtp)
        how = {"tls": "by TLS", "starttls": "by STARTTLS", "none": "without encryption"}
        said = f"E-mail: connected to {server.host}:{server.port} {how[server.security]}"
        return Health(ok=True, words=f"{said}{', logged in' if server.username else ''}")

    found = [await asyncio.to_thread(run)]
    if not public_url.startswith("https://"):
        words = (
            f"E-mail: links lead to {public_url}, which is not https; mail programs then show no "
            "button to unsubscribe (RFC 8058); see email.public_url"
        )
        found.append(Health(ok=False, words=words))
    return tuple(found)
