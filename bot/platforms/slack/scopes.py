"""The scopes that are used, each with what for; the manifest asks for these and no more."""

from __future__ import annotations

SCOPES = {
    "app_mentions:read": "answer @paperwire",
    "channels:history": "find a post again whose answer was lost",
    "channels:read": "know a channel's name, members and creator",
    "chat:write": "post digests and answers",
    "commands": "offer /papers and the shortcuts",
    "files:write": "show a picture in an answer",
    "groups:history": "find a post again in private channels",
    "groups:read": "know private channels it was invited to",
    "im:history": "read what is said to it directly",
    "reactions:read": "count reactions as votes",
    "users:read": "know time zones, and who is an admin",
}
OPTIONAL = frozenset({"files:write", "users:read", "im:history", "app_mentions:read"})
APP_SCOPE = "connections:write"  # of the app-level token, for Socket Mode
