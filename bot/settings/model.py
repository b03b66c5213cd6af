"""Every setting: its section, type, bounds, default and description.

The settings file that ``paperwire init`` writes, the documentation and the messages about wrong
values are all made from what stands here.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bot.commands import SETTINGS
from bot.domain import Channel, Layout, Profile
from bot.settings.bounds import Limits, Retention
from bot.settings.section import Section
from bot.settings.watch import Watch
from bot.taxonomy import is_known_category, nearest_category, spell_category

_BOUNDS = {setting.key: setting for setting in SETTINGS}
_NEW_CHANNEL = Channel(0, "", "", "", Profile())
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_RESERVED_FEEDS = frozenset({"all", "arxiv", "capture", "huggingface", "sample"})


def _check_url(text: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or re.search(r"\s", text):
        raise ValueError(f"it is no address that starts with {schemes[-1]}://")
    return text.rstrip("/")


def _check_gateway(text: str) -> str:
    return _check_url(text, ("ws", "wss"))


Url = Annotated[str, AfterValidator(_check_url)]
GatewayUrl = Annotated[str, AfterValidator(_check_gateway)]
Minutes = Annotated[int, Field(ge=1, le=1440)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Database(Section):
    """Where everything is kept."""

    path: Path | None = Field(
        default=None,
        description="The database file; without it, paperwire.db in the home folder",
        examples=["paperwire.db"],
    )


class Backup(Section):
    """Copies of the database that are made while it runs. Keep some on another disk as well."""

    enabled: bool = Field(default=True, description="Make them while `paperwire run` runs")
    every_hours: int = Field(
        default=24, ge=1, le=744, description="How many hours lie between two of them"
    )
    keep: int = Field(default=7, ge=1, le=1000, description="How many are kept")
    folder: Path | None = Field(
        default=None,
        description="Where they go; without it, the folder backups in the home folder",
        examples=["/var/backups/paperwire"],
    )


class HuggingFace(Section):
    """Hugging Face Daily Papers."""

    enabled: bool = Field(default=True, description="Read this source")
    base_url: Url = Field(default="https://huggingface.co", description="Where its API is")
    poll_minutes: Minutes = Field(default=30, description="How often to look for news")
    settle_days: int = Field(
        default=7, ge=0, le=60, description="For how many days upvotes are read again, once a day"
    )


class Arxiv(Section):
    """arXiv listings."""

    enabled: bool = Field(default=True, description="Read this source")
    categories: tuple[str, ...] = Field(
        default=("cs.AI", "cs.CL", "cs.CV", "cs.LG"),
        min_length=1,
        max_length=50,
        description="The categories to read; an archive's name, such as cs, is all of it",
    )
    poll_minutes: Minutes = Field(default=60, description="How often to look for news")
    listing_url: Url = Field(
        default="https://rss.arxiv.org", description="Where the daily listings are"
    )
    api_url: Url = Field(default="https://export.arxiv.org", description="Where the query API is")
    oai_url: Url = Field(default="https://oaipmh.arxiv.org", description="Where OAI-PMH is")

    @field_validator("categories")
    @classmethod
    def _check_categories(cls, categories: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_check_category(category) for category in categories))


def _check_category(text: str) -> str:
    category = spell_category(text)
    if category is None or not is_known_category(category):
        near = nearest_category(text)
        hint = f"; did you mean {near.removesuffix('.*')}?" if near else ""
        raise ValueError(f"arXiv has no category {text!r}{hint}")
    return category.removesuffix(".*")


class Feed(Section):
    """Any RSS or Atom feed of papers."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="A short name for it: lower-case letters, digits and -",
        examples=["my-journal"],
    )
    url: Url = Field(description="Its address", examples=["https://example.org/feed.xml"])
    allow_private: bool = Field(
        default=False, description="Let this feed be on this machine or in a private network"
    )

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if name in _RESERVED_FEEDS:
            raise ValueError(f"{name!r} is the name of something else; choose another")
        return name


class Sample(Section):
    """The bundled sample listing, for trying things out."""

    enabled: bool = Field(default=False, description="Read this source")


class Fetch(Section):
    """How every source is asked."""

    timeout_seconds: float = Field(
        default=60.0, ge=1, le=600, description="The longest one answer takes"
    )
    max_megabytes: int = Field(
        default=32, ge=1, le=1024, description="The largest answer that is read"
    )
    attempts: int = Field(
        default=3, ge=1, le=10, description="How often a failed request is made in all"
    )
    contact: str = Field(
        default="",
        max_length=200,
        pattern=r"^[\x20-\x7e]*$",
        description="Your e-mail or web address, told to the sources so that they can reach you",
        examples=["you@example.org"],
    )
    allow_private_addresses: bool = Field(
        default=False, description="Let sources be on this machine or in a private network"
    )


class Terminal(Section):
    """The channel that `paperwire chat` talks to."""

    enabled: bool = Field(default=True, description="Deliver to the terminal channel")


class Slack(Section):
    """Slack; on as soon as it has its tokens."""

    bot_token: SecretStr | None = Field(
        default=None, description="The bot's token", examples=["xoxb-..."]
    )
    app_token: SecretStr | None = Field(
        default=None, description="The app-level token, for Socket Mode", examples=["xapp-..."]
    )
    signing_secret: SecretStr | None = Field(
        default=None, description="The signing secret, for signed HTTP instead of Socket Mode"
    )
    api_url: Url = Field(default="https://slack.com/api/", description="Where Slack's Web API is")
    mode: Literal["auto", "socket", "http"] = Field(
        default="auto",
        description="How Slack reaches the bot; auto: Socket Mode where there is an app_token",
    )
    http_host: str = Field(
        default="127.0.0.1", min_length=1, description="The address to listen on for signed HTTP"
    )
    http_port: Port = Field(default=3000, description="The port to listen on for signed HTTP")
    client_id: str = Field(
        default="", description="The client id, for several workspaces by OAuth", examples=["12.34"]
    )
    client_secret: SecretStr | None = Field(
        default=None, description="The client secret, for OAuth"
    )
    redirect_url: Url | None = Field(
        default=None,
        description="Where Slack sends people after OAuth; without it, where the app says",
        examples=["https://papers.example.org/slack/oauth_redirect"],
    )
    like_reactions: tuple[str, ...] = Field(
        default=("+1", "thumbsup"), description="The emoji that mean 👍, by Slack's names"
    )
    dislike_reactions: tuple[str, ...] = Field(
        default=("-1", "thumbsdown"), description="The emoji that mean 👎"
    )
    save_reactions: tuple[str, ...] = Field(
        default=("bookmark",), description="The emoji that mean 🔖"
    )

    @field_validator("api_url")
    @classmethod
    def _end_with_slash(cls, url: str) -> str:
        return f"{url}/"  # the SDK joins method names without one

    @field_validator("bot_token")
    @classmethod
    def _check_bot_token(cls, token: SecretStr | None) -> SecretStr | None:
        return _refuse_start(token, "xapp-", "this is an app token; it belongs in slack.app_token")

    @field_validator("app_token")
    @classmethod
    def _check_app_token(cls, token: SecretStr | None) -> SecretStr | None:
        return _refuse_start(token, "xoxb-", "this is a bot token; it belongs in slack.bot_token")

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        if self.client_id and not self.client_secret:
            raise ValueError("client_id needs client_secret beside it (OAuth)")
        if not self.enabled and (self.app_token or self.signing_secret):
            raise ValueError("app_token and signing_secret need bot_token beside them")
        if self.enabled and not (self.app_token or self.signing_secret):
            raise ValueError(
                "bot_token needs app_token (Socket Mode) or signing_secret (signed HTTP) beside it"
            )
        if self.mode == "socket" and self.enabled and not self.app_token:
            raise ValueError("mode socket needs app_token beside it")
        if self.mode == "http" and self.enabled and not self.signing_secret:
            raise ValueError("mode http needs signing_secret beside it")
        return self

    @property
    def enabled(self) -> bool:
        return self.bot_token is not None or bool(self.client_id)

    @property
    def by_http(self) -> bool:
        """Whether Slack reaches the bot by signed HTTP instead of Socket Mode."""
        return self.mode == "http" or (self.mode == "auto" and self.app_token is None)


def _refuse_start(token: SecretStr | None, start: str, reason: str) -> SecretStr | None:
    if token is not None and token.get_secret_value().startswith(start):
        raise ValueError(reason)
    return token


class Discord(Section):
    """Discord; on as soon as it has its token."""

    token: SecretStr | None = Field(default=None, description="The bot's token")
    api_url: Url = Field(
        default="https://discord.com/api/v10", description="Where Discord's API is"
    )
    gateway_url: GatewayUrl | None = Field(
        default=None,
        description="Where its gateway is; without it, where the API says",
        examples=["wss://gateway.discord.gg"],
    )
    shards: int | None = Field(
        default=None,
        ge=1,
        le=16_384,
        description="How many gateway connections it has; without it, as many as Discord says",
        examples=[2],
    )
    manager_role: str = Field(
        default="",
        max_length=100,
        description="A role, by name or id, whose members may change what a channel gets; beside "
        "those who manage channels, and those whom the server lets use /papers-setup",
        examples=["Paper editors"],
    )
    crosspost: bool = Field(
        default=False, description="Publish what is posted in announcement channels"
    )

    @property
    def enabled(self) -> bool:
        return self.token is not None


class Email(Section):
    """E-mail; on as soon as it has a server and a sender."""

    host: str = Field(default="", description="The SMTP server", examples=["smtp.example.org"])
    port: Port = Field(default=587, description="Its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is secured"
    )
    username: str = Field(default="", description="The name to log in with, if any")
    password: SecretStr | None = Field(default=None, description="The password to log in with")
    sender: str = Field(
        default="",
        pattern=r"^$|^[^\s@<>]+@[^\s@<>]+$",
        description="The address that digests come from",
        examples=["papers@example.org"],
    )
    sender_name: str = Field(default="Paperwire", max_length=60, description="The sender's name")
    public_url: Url | None = Field(
        default=None,
        description="Where readers reach the pages under /mail; links in mails begin so",
        examples=["https://papers.example.org"],
    )
    http_host: str = Field(
        default="127.0.0.1", min_length=1, description="The address to serve these pages on"
    )
    http_port: int = Field(
        default=8766, ge=0, le=65535, description="Their port; 0: the web page serves them as well"
    )

    @model_validator(mode="after")
    def _check_beside(self) -> Self:
        if self.host and not self.sender:
            raise ValueError("host needs sender beside it")
        if self.host and not self.public_url:
            raise ValueError("host needs public_url beside it: every mail links to a way out")
        if self.password and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password is not sent without encryption; set security")
        return self

    @property
    def enabled(self) -> bool:
        return bool(self.host)


class Web(Section):
    """The web page."""

    enabled: bool = Field(default=False, description="Serve it")
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="The address to listen on; beyond this machine only with a password or token",
    )
    port: Port = Field(default=8765, description="The port to listen on")
    password: SecretStr | None = Field(
        default=None,
        examples=["a-long-password"],
        description="What people log in with; it also shows them private channels",
    )
    token: SecretStr | None = Field(
        default=None,
        examples=["a-random-text-of-16-or-more"],
        description="What programs and feed readers send instead",
    )
    public_url: Url | None = Field(
        default=None,
        description="Where others reach it, behind a proxy for example; links in feeds begin so",
        examples=["https://papers.example.org"],
    )

    @field_validator("password", "token")
    @classmethod
    def _check_length(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        least = 8 if info.field_name == "password" else 16
        if secret is not None and len(secret.get_secret_value()) < least:
            raise ValueError(f"it is shorter than {least} characters")
        return secret


class Defaults(Section):
    """What a new channel starts with; each channel can change it for itself."""

    timezone: str = Field(
        default=_NEW_CHANNEL.timezone, description="The time zone, as Europe/Berlin"
    )
    schedule: str = Field(
        default=_NEW_CHANNEL.schedule, min_length=1, description="When digests are posted"
    )
    size: int = Field(
        default=_NEW_CHANNEL.size,
        ge=_BOUNDS["size"].minimum,
        le=_BOUNDS["size"].maximum,
        description="How many papers a digest has at most",
    )
    threshold: int = Field(
        default=_NEW_CHANNEL.threshold,
        ge=_BOUNDS["threshold"].minimum,
        le=_BOUNDS["threshold"].maximum,
        description="How well a paper must match, from 0 to 100",
    )
    layout: Layout | None = Field(
        default=None,
        description="The layout of a digest; without it, what suits the platform",
        examples=["cards"],
    )

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, name: str) -> str:
        try:
            if re.fullmatch(r"[A-Za-z0-9_+/-]+", name):
                return zoneinfo.ZoneInfo(name).key
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
        names = {zone.casefold(): zone for zone in sorted(zoneinfo.available_timezones())}
        near = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.6)
        hint = f"; did you mean {names[near[0]]}?" if near else ""
        raise ValueError(f"there is no such time zone{hint}")


class Log(Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is worth a line"
    )
    format: Literal["console", "json"] = Field(
        default="console", description="For people, or one JSON object a line"
    )


class Rights(Section):
    """Who may change what a channel gets. Reading and voting are for everyone in it."""

    policy: Literal["members", "managers"] = Field(
        default="members",
        description="members: everyone in the channel; managers: admins and those listed below",
    )
    managers: tuple[str, ...] = Field(
        default=(),
        description="People who may manage every channel, by the platform's own id",
        examples=[["slack:U012AB3CD", "discord:80351110224678912"]],
    )


class Settings(Section):
    """All settings, checked. ``home`` is the folder of the settings file and the database."""

    home: Path
    database: Database = Database()
    backup: Backup = Backup()
    retention: Retention = Retention()
    huggingface: HuggingFace = HuggingFace()
    arxiv: Arxiv = Arxiv()
    feeds: tuple[Feed, ...] = Field(default=(), max_length=100)
    sample: Sample = Sample()
    fetch: Fetch = Fetch()
    terminal: Terminal = Terminal()
    slack: Slack = Slack()
    discord: Discord = Discord()
    email: Email = Email()
    web: Web = Web()
    defaults: Defaults = Defaults()
    log: Log = Log()
    watch: Watch = Watch()
    rights: Rights = Rights()
    limits: Limits = Limits()

    @field_validator("feeds")
    @classmethod
    def _check_feed_names(cls, feeds: tuple[Feed, ...]) -> tuple[Feed, ...]:
        names = [feed.name for feed in feeds]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the name {repeated[0]!r} is used twice")
        return feeds

    @property
    def database_path(self) -> Path:
        """The database file; a relative path is taken from the home folder."""
        return self.home / (self.database.path or Path("paperwire.db")).expanduser()

    @property
    def backup_folder(self) -> Path:
        """Where back-ups go; a relative path is taken from the home folder."""
        return self.home / (self.backup.folder or Path("backups")).expanduser()
