"""From the bytes of a listing to the posts that would be sent of it, and back out of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from bot import render
from bot.domain import Layout, Listing, Paper, Post
from bot.platforms.discord.looks import post_look
from bot.platforms.slack.blocks import post_message
from bot.ports import Request
from bot.services.choose import summarise
from bot.services.ingest import ingest
from bot.store import Store, papers
from tests.adapters.slack_contract import message_errors
from tests.unit.test_sources_hostile import PARSERS, check

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@contextmanager
def undone(store: Store) -> Iterator[sqlite3.Connection]:
    """Write, and take it all back at the end."""

    class Undo(Exception):  # noqa: N818  it is no error
        pass

    with suppress(Undo), store.write() as connection:
        yield connection
        raise Undo


class WholeWay:
    """Goes it with any bytes; asserts what holds of every post, whatever it was made from."""

    def __init__(self) -> None:
        self.store = Store(None)

    def go(self, body: bytes) -> int:
        """Return how many papers came through."""
        return sum(self._take(parser.parse(body, Request("")), body) for parser in PARSERS)

    def _take(self, listing: Listing, body: bytes) -> int:
        check(listing)
        if not listing.entries:
            return 0
        with undone(self.store) as connection:
            done = ingest(self.store, listing, body, location="x", now=NOW)
            assert done.new == papers.count(connection) >= 1
            assert done.declared >= done.parsed + done.quarantined
            again = ingest(self.store, listing, body, location="x", now=NOW)
            assert (again.new, again.updated) == (0, 0)
            stored = papers.recent(connection, 50)
        self._post(stored)
        return len(stored)

    def _post(self, stored: tuple[Paper, ...]) -> None:
        cards = []
        for number, paper in enumerate(stored[:10], 1):
            summary, label = summarise(paper, prefer_source=number % 2 == 0)
            cards.append(
                render.card(
                    paper,
                    number=number,
                    summary=summary,
                    reason="matches “boats”",
                    match=50,
                    summary_label=label,
                )
            )
        for layout in Layout:
            posts = render.digest_posts(
                layout, channel_name="desk", day="Mon 15 Jun 2026", considered=9, cards=cards
            )
            for post in posts:
                self._check(post)

    def _check(self, post: Post) -> None:
        assert render.post_from_json(render.post_to_json(post)) == post
        assert render.post_as_text(post).strip()
        message = post_message(post, "key")
        assert not list(message_errors({"text": message.text, "blocks": list(message.blocks)}))
        look = post_look(post)
        assert look.content or look.embeds
        assert len(look.content or "") <= 2_000
        assert sum(map(len, look.embeds)) <= 6_000
