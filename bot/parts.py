"""From settings to parts: the fetcher, the sources, the platforms, a new channel's defaults."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bot.domain import PaperwireError
from bot.ports import (
    NO_VALIDATORS,
    ChatPlatform,
    Clock,
    Fetch,
    Fetched,
    FetchOutcome,
    Health,
    Request,
    Source,
    Validators,
)
from bot.schedule import parse as parse_schedule
from bot.services.alerts import Teller, place_of
from bot.services.gather import listing_days
from bot.services.limits import Limits, rate
from bot.services.manage import Defaults
from bot.services.ranker import Rankers
from bot.services.upkeep import Kept
from bot.store import Store

if TYPE_CHECKING:
    from pydantic import SecretStr

    from bot.platforms.email import Email, Server
    from bot.platforms.terminal import Terminal
    from bot.platforms.watch import WatchServer
    from bot.platforms.web import WebPage
    from bot.settings import Settings
    from bot.sources.arxiv import ArxivQuery
    from bot.sources.fetch import Fetcher

FEED_POLL = timedelta(minutes=60)
SAMPLE_POLL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Polled:
    """A source, how often it is asked, and for how many days votes on it settle.

    ``only`` are the days there are, for a source that has no others.
    """

    source: Source
    every: timedelta
    settle_days: int = 0
    only: tuple[date, ...] = ()

    def days(self, today: date) -> tuple[date, ...]:
        """Return the listing days to ask for, the oldest first."""
        return self.only or listing_days(today, self.settle_days)


class SampleBeside:
    """Answers for the bundled sample from the package, and for all else by the fetcher behind."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def get(
        self, request: Request, *, validators: Validators = NO_VALIDATORS
    ) -> FetchOutcome:
        """Make one GET (bot.ports.Fetch)."""
        from bot.sources import sample_source

        if request.day is None or not request.url.startswith("sample:"):
            return await self._fetch.get(request, validators=validators)
        body = sample_source.read(request.day)
        return Fetched(body, request.url, NO_VALIDATORS, "application/json")


def build_sources(settings: Settings) -> tuple[Polled, ...]:
    """Return the enabled sources."""
    from bot.sources.arxiv import ArxivListing
    from bot.sources.feed import Feed
    from bot.sources.huggingface import HuggingFace
    from bot.sources.sample_source import Sample
    from bot.sources.sample_source import days as sample_days

    found: list[Polled] = []
    if settings.huggingface.enabled:
        found.append(
            Polled(
                HuggingFace(settings.huggingface.base_url),
                timedelta(minutes=settings.huggingface.poll_minutes),
                settings.huggingface.settle_days,
            )
        )
    if settings.arxiv.enabled:
        found.append(
            Polled(
                ArxivListing(settings.arxiv.categories, settings.arxiv.listing_url),
                timedelta(minutes=settings.arxiv.poll_minutes),
            )
        )
    if settings.sample.enabled:
        found.append(Polled(Sample(), SAMPLE_POLL, only=sample_days()))
    found += [Polled(Feed(feed.name, feed.url), FEED_POLL) for feed in settings.feeds]
    return tuple(found)


def build_lookup(settings: Settings) -> ArxivQuery:
    """Return the source that is asked for papers by id."""
    from bot.sources.arxiv import ArxivQuery

    return ArxivQuery(settings.arxiv.api_url, settings.arxiv.categories)


def build_fetcher(settings: Settings) -> Fetcher:
    """Return the one fetcher of this process, with one pace over all of arXiv's addresses."""
    from bot.sources.fetch import Fetcher, user_agent
    from bot.sources.limits import FetchLimits, host_and_port

    arxiv = settings.arxiv
    trusted = [
        settings.huggingface.base_url,
        arxiv.listing_url,
        arxiv.api_url,
        arxiv.oai_url,
        *(feed.url for feed in settings.feeds if feed.allow_private),
    ]
    return Fetcher(
        FetchLimits(
            total_seconds=settings.fetch.timeout_seconds,
            max_bytes=settings.fetch.max_megabytes * 1024 * 1024,
            attempts=settings.fetch.attempts,
        ),
        agent=user_agent(contact=settings.fetch.contact),
        groups={
            host_and_port(url): "arxiv" for url in (arxiv.listing_url, arxiv.api_url, arxiv.oai_url)
        },
        trusted_hosts=[host_and_port(url) for url in trusted],
        allow_private=settings.fetch.allow_private_addresses,
    )


def build_terminal(settings: Settings) -> Terminal:
    """Return the terminal platform on this home's history."""
    from bot.platforms.terminal import Terminal

    return Terminal(settings.home / "terminal", stream=sys.stdout)


def build_platforms(
    settings: Settings, store: Store, rankers: Rankers, clock: Clock
) -> dict[str, ChatPlatform]:
    """Return the enabled platforms by name."""
    found: list[ChatPlatform] = []
    if settings.terminal.enabled:
        found.append(build_terminal(settings))
    if settings.slack.enabled:
        found.append(_build_slack(settings, store, clock))
    if settings.discord.enabled:
        found.append(_build_discord(settings))
    email = None
    if settings.email.enabled:
        email = build_email(settings, store, clock)
        found.append(email)
    if settings.web.enabled:
        found.append(build_web(settings, store, rankers, clock, email))
    return {platform.name: platform for platform in found}


def platform_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the enabled platforms, without making them."""
    parts = {
        "terminal": settings.terminal.enabled,
        "slack": settings.slack.enabled,
        "discord": settings.discord.enabled,
        "email": settings.email.enabled,
        "web": settings.web.enabled,
    }
    return tuple(name for name, enabled in parts.items() if enabled)


def _build_slack(settings: Settings, store: Store, clock: Clock) -> ChatPlatform:
    from bot.platforms.slack import Connection, OAuth, Slack
    from bot.store.installations import Installations, VisitStates

    given = settings.slack
    oauth = None
    if given.client_id and given.client_secret:
        oauth = OAuth(
            client_id=given.client_id,
            client_secret=given.client_secret.get_secret_value(),
            installations=Installations(store, clock),
            states=VisitStates(store, clock),
            redirect_uri=given.redirect_url,
        )
    return Slack(
        Connection(
            api_url=given.api_url,
            bot_token=_reveal(given.bot_token),
            app_token=_reveal(given.app_token),
            signing_secret=_reveal(given.signing_secret),
            http=given.by_http,
            host=given.http_host,
            port=given.http_port,
            oauth=oauth,
        ),
        policy=settings.rights.policy,
        managers=settings.rights.managers,
        like=given.like_reactions,
        dislike=given.dislike_reactions,
        save=given.save_reactions,
    )


def _build_discord(settings: Settings) -> ChatPlatform:
    from bot.platforms.discord import Discord

    given = settings.discord
    return Discord(
        _reveal(given.token) or "",
        api_url=given.api_url,
        gateway_url=given.gateway_url,
        shards=given.shards,
        manager_role=given.manager_role,
        managers=[
            manager.removeprefix("discord:")
            for manager in settings.rights.managers
            if not manager.startswith("slack:")
        ],
        crosspost=given.crosspost,
    )


def mail_server(settings: Settings) -> Server:
    """Return where mails are handed in."""
    from bot.platforms.email import Server

    given = settings.email
    return Server(
        given.host,
        given.port,
        given.sender,
        sender_name=given.sender_name,
        security=given.security,
        username=given.username,
        password=_reveal(given.password) or "",
    )


def build_email(settings: Settings, store: Store, clock: Clock) -> Email:
    """Return e-mail; its pages have a port of their own, or the web page's server has them.

    Raises PaperwireError where they would have neither.
    """
    from bot.platforms.email import Email
    from bot.services.letters import Letters

    given = settings.email
    if not (given.http_port or settings.web.enabled):
        raise PaperwireError(
            "email.http_port = 0 leaves the pages for mails to the web page, which is not served. "
            "Set web.enabled, or give the pages a port of their own."
        )
    return Email(
        mail_server(settings),
        Letters(store, clock, defaults=channel_defaults(settings)),
        public_url=given.public_url or "",
        listen=(given.http_host, given.http_port) if given.http_port else None,
        clock=clock,
    )


def build_web(
    settings: Settings, store: Store, rankers: Rankers, clock: Clock, email: Email | None = None
) -> WebPage:
    """Return the web page; its operations page knows what ``doctor`` knows of the store."""
    from bot.platforms.web import WebPage
    from bot.services.checks import check_store
    from bot.services.window import StoreWindow

    def checks() -> list[tuple[str, Health]]:
        return [
            (
                check.name,
                Health(check.ok, check.words, (check.next_step,) if check.next_step else ()),
            )
            for check in check_store(store, clock())
        ]

    given = settings.web
    return WebPage(
        settings.home / "web",
        StoreWindow(store, rankers, checks=checks),
        host=given.host,
        port=given.port,
        password=_reveal(given.password) or "",
        token=_reveal(given.token) or "",
        public_url=given.public_url or "",
        mounts={"/mail": email.routes} if email and not settings.email.http_port else {},
    )


def build_watch(
    settings: Settings,
    not_ready: Callable[[], Awaitable[str]],
    metrics: Callable[[], Awaitable[str]],
) -> WatchServer | None:
    """Return the server for health, readiness and metrics, where one is wanted."""
    if settings.watch.metrics_port is None:
        return None
    from bot.platforms.watch import Told, WatchServer

    return WatchServer(
        Told(not_ready, metrics), settings.watch.metrics_host, settings.watch.metrics_port
    )


def build_tellers(
    settings: Settings, platforms: Mapping[str, ChatPlatform], clock: Clock
) -> dict[str, Teller]:
    """Return what can tell the operator of troubles, by platform.

    A mail to the operator goes out beside the platform e-mail, which writes to none but those who
    said yes. Raises PaperwireError where one is wanted and no mail server is set up.
    """
    place = place_of(settings.watch.alert_channel)
    if place.platform != "email":
        return dict(platforms)
    if not settings.email.enabled:
        raise PaperwireError(
            f"watch.alert_channel = email:{place.address} needs a mail server. Set email.host, "
            "email.sender and email.public_url, or name a channel of another platform."
        )
    from bot.platforms.email import OperatorMail

    return {**platforms, "email": OperatorMail(mail_server(settings), place.address, clock)}


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def channel_defaults(settings: Settings) -> Defaults:
    """Return what a new channel starts with. Raises PaperwireError for a schedule that is none."""
    names = {polled.source.name for polled in build_sources(settings)}
    return Defaults(
        timezone=settings.defaults.timezone,
        schedule=parse_schedule(settings.defaults.schedule).text,
        size=settings.defaults.size,
        threshold=settings.defaults.threshold,
        layout=settings.defaults.layout,
        # Papers that were read from files keep their source's name.
        sources=tuple(sorted(names | {"arxiv", "capture", "feed", "huggingface", "sample"})),
        profile_items=settings.limits.profile_items,
    )


def build_limits(settings: Settings) -> Limits:
    """Return how much people and channels may ask for, with nothing asked for yet."""
    given = settings.limits
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    return Limits(
        commands=(
            rate(given.person_commands, given.person_commands_a_minute, minute),
            rate(given.channel_commands, given.channel_commands_a_minute, minute),
        ),
        submissions=(
            rate(given.person_submissions, given.person_submissions_an_hour, hour),
            rate(given.channel_submissions, given.channel_submissions_an_hour, hour),
        ),
    )


def retention(settings: Settings) -> Kept:
    """Return for how long what is kept."""
    given = settings.retention

    def span(days: int) -> timedelta | None:
        return timedelta(days=days) if days else None

    return Kept(
        events=timedelta(days=given.events_days),
        details=span(given.details_days),
        listings=span(given.listings_days),
        papers=span(given.papers_days),
    )
