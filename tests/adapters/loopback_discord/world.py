"""The servers, channels, people and messages that a loopback Discord holds."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = Any
EPOCH = 1_420_070_400_000

TEXT, DIRECT, NEWS, NEWS_THREAD, THREAD, FORUM = 0, 1, 5, 10, 11, 15
BITS = {
    "manage_channels": 1 << 4,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "embed_links": 1 << 14,
    "read_message_history": 1 << 16,
    "use_application_commands": 1 << 31,
    "create_public_threads": 1 << 35,
    "send_messages_in_threads": 1 << 38,
}
EVERYONE = sum(BITS.values()) - BITS["manage_channels"]


def without_null(value: Json) -> Json:
    """Return it as Discord stores it: what is null is left out."""
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


_counter = itertools.count(1)


def now() -> float:
    """Return the moment that new ids carry, in seconds; a test may put its own clock here."""
    return time.time()


def snowflake() -> int:
    """Return a new id; ids grow with time."""
    return (int(now() * 1000) - EPOCH << 22) | (next(_counter) & 0x3FFFFF)


def iso(number: int) -> str:
    """Return the moment that an id carries."""
    return datetime.fromtimestamp(((number >> 22) + EPOCH) / 1000, UTC).isoformat()


@dataclass(slots=True)
class User:
    id: int
    name: str
    bot: bool = False

    def told(self) -> Json:
        told = {
            "id": str(self.id),
            "username": self.name,
            "avatar": None,
            "discriminator": "0",
            "public_flags": 0,
            "flags": 0,
            "global_name": self.name.title(),
            "primary_guild": None,
        }
        return {**told, "bot": True} if self.bot else told


@dataclass(slots=True)
class Message:
    id: int
    channel: Channel
    author: User
    body: Json
    nonce: str | None = None
    created: float = field(default_factory=time.monotonic)
    reactions: dict[str, dict[int, User]] = field(default_factory=dict)
    thread: Channel | None = None
    crossposted: bool = False
    ephemeral: bool = False
    files: dict[str, bytes] = field(default_factory=dict)

    def told(self, *, with_nonce: bool = False) -> Json:
        body = self.body
        numbers = itertools.count(1)
        told = {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "type": 0,
            "content": body.get("content") or "",
            "author": self.author.told(),
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "attachments": [
                {
                    "id": str(index + 1),
                    "filename": a["filename"],
                    "size": len(self.files.get(f"files[{a['id']}]", b"")),
                    "url": f"https://cdn.example/{self.id}/{a['filename']}",
                    "proxy_url": f"https://media.example/{self.id}/{a['filename']}",
                    **({"description": a["description"]} if a.get("description") else {}),
                }
                for index, a in enumerate(body.get("attachments") or ())
            ],
            "embeds": [{"type": "rich", **embed} for embed in body.get("embeds") or ()],
            "components": [
                {
                    **row,
                    "id": next(numbers),
                    "components": [
                        {**without_null(part), "id": next(numbers)} for part in row["components"]
                    ],
                }
                for row in body.get("components") or ()
            ],
            "timestamp": iso(self.id),
            "edited_timestamp": None,
            "flags": (1 if self.crossposted else 0) | (64 if self.ephemeral else 0),
            "pinned": False,
            "tts": False,
        }
        if self.reactions:
            told["reactions"] = [
                {
                    "emoji": {"id": None, "name": emoji},
                    "count": len(users),
                    "count_details": {"burst": 0, "normal": len(users)},
                    "burst_colors": [],
                    "me_burst": False,
                    "me": any(user.bot for user in users.values()),
                }
                for emoji, users in self.reactions.items()
                if users
            ]
        if self.thread is not None:
            told["thread"] = self.thread.told()
        if with_nonce and self.nonce is not None:
            told["nonce"] = self.nonce
        return told


@dataclass(slots=True)
class Channel:
    id: int
    kind: int
    guild: Guild | None
    name: str = ""
    parent: Channel | None = None
    owner: User | None = None
    denied: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    deleted: bool = False
    archived: bool = False
    needs_tag: bool = False
    tags: list[Json] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    recipient: User | None = None

    def allows(self, *names: str) -> bool:
        above = self.parent.denied if self.parent is not None else set()
        return not (set(names) & (self.denied | above))

    def told(self) -> Json:
        common = {"id": str(self.id), "type": self.kind, "flags": 16 if self.needs_tag else 0}
        last = str(self.messages[-1].id) if self.messages else None
        if self.kind == DIRECT:
            assert self.recipient is not None
            return {**common, "last_message_id": last, "recipients": [self.recipient.told()]}
        assert self.guild is not None
        common |= {"guild_id": str(self.guild.id), "name": self.name, "last_message_id": last}
        if self.parent is not None:
            assert self.owner is not None
            return common | {
                "parent_id": str(self.parent.id),
                "owner_id": str(self.owner.id),
                "message_count": len(self.messages),
                "member_count": 1,
                "total_message_sent": len(self.messages),
                "rate_limit_per_user": 0,
                "applied_tags": self.applied,
                "thread_metadata": {
                    "archived": self.archived,
                    "archive_timestamp": iso(self.id),
                    "auto_archive_duration": 10080,
                    "locked": False,
                },
            }
        denied = sum(BITS[name] for name in self.denied)
        me = str(self.guild.me.id)
        common |= {
            "position": 0,
            "parent_id": None,
            "topic": None,
            "nsfw": False,
            "rate_limit_per_user": 0,
            "permission_overwrites": [{"id": me, "type": 1, "allow": "0", "deny": str(denied)}],
        }
        if self.kind == FORUM:
            common |= {"available_tags": self.tags, "default_reaction_emoji": None}
        return common


@dataclass(slots=True)
class Guild:
    id: int
    name: str
    me: User
    channels: dict[int, Channel] = field(default_factory=dict)
    threads: dict[int, Channel] = field(default_factory=dict)
    roles: dict[int, tuple[str, int]] = field(default_factory=dict)
    removed: bool = False
    chosen: dict[str, list[Json]] = field(default_factory=dict)  # who may use which command

    def everywhere(self) -> Iterator[Channel]:
        yield from self.channels.values()
        yield from self.threads.values()

    def member(self, user: User, roles: tuple[int, ...] = ()) -> Json:
        return {
            "user": user.told(),
            "avatar": None,
            "banner": None,
            "communication_disabled_until": None,
            "flags": 0,
            "joined_at": iso(self.id),
            "nick": None,
            "pending": False,
            "premium_since": None,
            "roles": [str(role) for role in roles],
            "mute": False,
            "deaf": False,
        }

    def told_roles(self) -> list[Json]:
        roles = {self.id: ("@everyone", EVERYONE), **self.roles}
        return [
            {
                "id": str(number),
                "name": name,
                "description": None,
                "permissions": str(allowed),
                "position": position,
                "color": 0,
                "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
                "hoist": False,
                "managed": False,
                "mentionable": False,
                "icon": None,
                "unicode_emoji": None,
                "flags": 0,
            }
            for position, (number, (name, allowed)) in enumerate(roles.items())
        ]

    def created(self) -> Json:
        """What GUILD_CREATE tells."""
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "owner_id": "1",
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "roles": self.told_roles(),
            "emojis": [],
            "stickers": [],
            "features": [],
            "mfa_level": 0,
            "application_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "vanity_url_code": None,
            "description": None,
            "banner": None,
            "premium_tier": 0,
            "preferred_locale": "en-US",
            "public_updates_channel_id": None,
            "nsfw_level": 0,
            "premium_progress_bar_enabled": False,
            "safety_alerts_channel_id": None,
            "joined_at": iso(self.id),
            "large": False,
            "unavailable": False,
            "member_count": 3,
            "voice_states": [],
            "members": [self.member(self.me)],
            "channels": [c.told() for c in self.channels.values() if not c.deleted],
            "threads": [t.told() for t in self.threads.values() if not t.archived],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }
