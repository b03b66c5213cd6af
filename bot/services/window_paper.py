"""All that is known of one paper: versions, where it was posted, and why not elsewhere."""

from __future__ import annotations

import sqlite3

from bot.domain import Channel, ChannelState, Mode, Paper
from bot.render import card
from bot.services.choose import summarise
from bot.services.where import sentence, why_no_candidate
from bot.store import Store, digests, feedback, window
from bot.store import papers as paper_rows
from bot.views import Appearance, Marks, NotPosted, PaperView, Posted, Viewer

CHANNELS = 50  # of which it is said why they did not get a paper


def paper(store: Store, viewer: Viewer, handle: str) -> PaperView | None:
    """Gather a paper's page; None for an unknown handle."""
    with store.read() as connection:
        found = paper_rows.paper_by_handle(connection, handle)
        if found is None:
            return None
        person = feedback.key_of(connection, viewer.person)
        posted = []
        for channel, digest, delivery, message, sent_at in window.postings(
            connection, found.id, private=viewer.private
        ):
            tallies = window.tallies(connection, channel.id, [found.id], person)
            mine, counts = tallies.get(found.id, (frozenset(), {}))
            marks = Marks(found.id, mine, tuple(counts.items()))
            posted.append(Posted(channel, digest, delivery, message, sent_at, marks))
        came = window.appearances(connection, found.id)
        have = {one.channel.id for one in posted}
        rows = window.channel_rows(connection, private=viewer.private, limit=CHANNELS)
        summary, label = summarise(found)
        return PaperView(
            paper=found,
            card=card(found, number=0, summary=summary, reason="", match=None, summary_label=label),
            versions=window.versions(connection, found.id),
            appearances=came,
            posted=tuple(posted),
            not_posted=tuple(
                _why_not(connection, channel, found, came)
                for channel, _ in rows
                if channel.id not in have
            ),
        )


def _why_not(
    connection: sqlite3.Connection, channel: Channel, paper: Paper, came: tuple[Appearance, ...]
) -> NotPosted:
    passed = digests.passed_over(connection, channel.id, paper.id)
    if passed is not None:
        digest, drop = passed
        return NotPosted(channel, sentence(drop.words), drop.match, digest)
    last = digests.last(connection, channel.id)
    created = channel.created_at
    reasons = (
        (channel.state is ChannelState.LEFT, "The channel left."),
        (channel.state is ChannelState.PAUSED, "The channel is paused."),
        (
            digests.first_chance(connection, channel, paper.id) is None,
            sentence(why_no_candidate(channel, came)),
        ),
        (channel.mode is Mode.TRENDING, "The channel posts trending papers only."),
        (
            created is not None and paper.first_seen_at < created,
            "It came before this channel subscribed.",
        ),
        (
            last is None or paper.first_seen_at > last.planned_at,
            "It waits for the next digest.",
        ),
        (True, "No digest looked at it; the details may be too old to be kept."),
    )
    return NotPosted(channel, next(words for applies, words in reasons if applies))
