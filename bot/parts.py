"""From settings to parts: the fetcher, the sources, the platforms, a new channel's defaults."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ports import ChatPlatform, Source
from bot.schedule import parse as parse_schedule
from bot.services.manage import Defaults

if TYPE_CHECKING:
    from bot.platforms.terminal import Terminal
    from bot.settings import Settings
    from bot.sources.arxiv import ArxivQuery
    from bot.sources.fetch import Fetcher

FEED_POLL = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Polled:
    """A source, how often it is asked, and for how many days votes on it settle."""

    source: Source
    every: timedelta
    settle_days: int = 0


def build_sources(settings: Settings) -> tuple[Polled, ...]:
    """Return the enabled sources."""
    from bot.sources.arxiv import ArxivListing
    from bot.sources.feed import Feed
    from bot.sources.huggingface import HuggingFace

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


def build_platforms(settings: Settings) -> dict[str, ChatPlatform]:
    """Return the enabled platforms by name."""
    found: dict[str, ChatPlatform] = {}
    if settings.terminal.enabled:
        found["terminal"] = build_terminal(settings)
    return found


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
    )
