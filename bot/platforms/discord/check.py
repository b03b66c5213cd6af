"""What ``doctor`` asks of Discord: the token, the gateway, and what the bot may do where."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import discord

from bot.domain import Place
from bot.platforms.discord.attempts import TROUBLES
from bot.platforms.discord.client import aim, needed_intents
from bot.platforms.discord.places import Address, read_address
from bot.ports import Health

INVITE_URL = "https://discord.com/oauth2/authorize"
SCOPES = "bot applications.commands"
PATIENCE = 30.0  # seconds for everything that is asked

# permission: what it is called in Discord, and what for
PERMISSIONS: Mapping[str, tuple[str, str]] = {
    "view_channel": ("View Channel", "see the channels it posts to"),
    "send_messages": ("Send Messages", "post digests"),
    "embed_links": ("Embed Links", "show a paper as a card"),
    "read_message_history": (
        "Read Message History",
        "find a post again whose answer was lost, and read reactions back",
    ),
    "add_reactions": ("Add Reactions", "offer number reactions where a digest is one message"),
    "create_public_threads": ("Create Public Threads", "start a digest's thread"),
    "send_messages_in_threads": ("Send Messages in Threads", "post in a digest's thread"),
}
# Without these a digest still comes, in a plainer form.
OPTIONAL = frozenset({"add_reactions", "create_public_threads", "send_messages_in_threads"})


def needed_permissions() -> discord.Permissions:
    """Return the permissions that the bot asks for, and no more."""
    return discord.Permissions(**dict.fromkeys(PERMISSIONS, True))


def invite_link(application_id: int | str) -> str:
    """Return the address at which a server's owner invites the bot, with exact permissions."""
    wanted = {
        "client_id": application_id,
        "permissions": needed_permissions().value,
        "scope": SCOPES,
    }
    return f"{INVITE_URL}?{urlencode(wanted)}"


async def check(
    *, token: str | None, api_url: str, channels: Sequence[Place] = ()
) -> tuple[Health, ...]:
    """Ask Discord who we are and what we may do; one Health for each thing looked at.

    ``channels`` are the subscribed places. Never raises for what Discord or the net does.
    """
    if not token:
        return (Health(ok=False, words="Discord: no token is set (discord.token)"),)
    aim(api_url)
    client = discord.Client(intents=needed_intents(), max_ratelimit_timeout=PATIENCE)
    found: list[Health] = []
    try:
        async with asyncio.timeout(PATIENCE):
            await client.login(token)
            found += await _check_bot(client)
            for place in channels:
                found.append(await _check_channel(client, place))
    except discord.LoginFailure:
        words = "Discord does not accept discord.token: make a new one on the application's page"
        found.append(Health(ok=False, words=f"{words} 'Bot'"))
    except TROUBLES as trouble:
        words = (
            f"Discord cannot be asked ({type(trouble).__name__}: {trouble}); see discord.api_url"
        )
        found.append(Health(ok=False, words=words))
    finally:
        await client.close()
    return tuple(found)


async def _check_bot(client: discord.Client) -> list[Health]:
    name = client.user.name if client.user is not None else "?"
    invite = invite_link(client.application_id or 0)
    found = [
        Health(
            ok=True,
            words=f"Discord: logged in as {name}",
            details=(f"invite it with exactly the permissions it needs: {invite}",),
        )
    ]
    application = client.application
    if application is not None and application.interactions_endpoint_url:
        words = (
            "Discord sends commands and buttons to an interactions endpoint; "
            "remove its URL on the application's page 'General Information'"
        )
        found.append(Health(ok=False, words=words))
    shards, _, limits = await client.http.get_bot_gateway()
    left = limits.get("remaining", 0)
    intents = f"intents {needed_intents().value}, none privileged"
    words = f"Discord: {shards} shards, {left} connections left today, {intents}"
    found.append(Health(ok=left >= shards, words=words))
    return found


async def _check_channel(client: discord.Client, place: Place) -> Health:
    name, address = place.name or place.address, read_address(place.address)
    if address is None:
        return Health(ok=False, words=f"Discord: {place.address!r} is no address")
    try:
        if address.guild_id is None:
            await client.http.get_channel(address.channel_id)
            return Health(ok=True, words=f"Discord: {name} (direct messages) can be reached")
        lacking = await _lacking(client, address)
    except discord.HTTPException as error:
        words = f"Discord: {name} cannot be reached ({error.status}: {error.text})"
        return Health(ok=False, words=f"{words}; invite the bot or let it see the channel")
    except discord.DiscordException as error:
        return Health(ok=False, words=f"Discord: {name} cannot be used ({error})")
    details = tuple(
        f"missing {PERMISSIONS[key][0]}: to {PERMISSIONS[key][1]}"
        + (" (works without)" if key in OPTIONAL else "")
        for key in lacking
    )
    if not lacking:
        return Health(ok=True, words=f"Discord: all permissions in {name}")
    words = f"Discord: {len(lacking)} of {len(PERMISSIONS)} permissions are missing in {name}"
    return Health(ok=not set(lacking) - OPTIONAL, words=words, details=details)


async def _lacking(client: discord.Client, address: Address) -> list[str]:
    guild = await client.fetch_guild(address.guild_id or 0, with_counts=False)
    me = await guild.fetch_member(client.user.id if client.user is not None else 0)
    channel = await guild.fetch_channel(address.channel_id)
    # A thread has the permissions of its channel, which fetching it alone does not tell.
    if isinstance(channel, discord.Thread):
        channel = await guild.fetch_channel(channel.parent_id)
    allowed = channel.permissions_for(me)
    return [key for key in PERMISSIONS if not getattr(allowed, key)]
