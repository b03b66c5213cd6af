"""The operator's window: gathers from the store and the models what the web page shows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta

from bot.domain import (
    Card,
    Channel,
    ChannelState,
    Digest,
    MessageState,
    Paper,
    Place,
    Profile,
    Signal,
)
from bot.ports import Health
from bot.render import card
from bot.schedule import check_timezone, next_slot
from bot.schedule import parse as parse_schedule
from bot.services import bibliography, library, transfer, window_operations, window_paper
from bot.services.choose import summarise
from bot.services.manage import show_settings
from bot.services.ranker import Rankers, judge
from bot.services.search import MARKS, Hit, search, similar
from bot.services.window_learning import Learning
from bot.store import Store, digests, feedback, outbox, window
from bot.views import (
    ChannelRow,
    ChannelStatus,
    DigestPage,
    DigestView,
    Effect,
    Found,
    ListingView,
    Marks,
    Operations,
    PaperView,
    Period,
    PostedCard,
    ProfileView,
    Rerun,
    Rising,
    SearchPage,
    Slice,
    Span,
    Viewer,
    span_of,
)

FAILED_SHOWN = 10

Checks = Callable[[], Sequence[tuple[str, Health]]]


def _no_checks() -> Sequence[tuple[str, Health]]:
    return ()


class StoreWindow:
    """Implements ``bot.views.Window`` over the store; ``checks`` is what ``doctor`` knows."""

    def __init__(self, store: Store, rankers: Rankers, *, checks: Checks = _no_checks) -> None:
        self._store = store
        self._rankers = rankers
        self._learning = Learning(store, rankers)
        self._checks = checks

    # --- channels

    def channels(self, viewer: Viewer, now: datetime, limit: int) -> tuple[ChannelRow, ...]:
        """Return channels, the active first (bot.views.Window)."""
        with self._store.read() as connection:
            rows = window.channel_rows(connection, private=viewer.private, limit=limit)
            return tuple(_row(connection, *row, now) for row in rows)

    def channel(self, viewer: Viewer, channel_id: int, now: datetime) -> ChannelStatus | None:
        """Return how one channel stands (bot.views.Window)."""
        with self._store.read() as connection:
            found = window.channel_row(connection, channel_id, private=viewer.private)
            if found is None:
                return None
            channel = found[0]
            votes = feedback.active(connection, channel_id)
            counts = {
                signal: sum(row.signal is signal for row in votes)
                for signal in Signal
                if any(row.signal is signal for row in votes)
            }
            digests_, posted = window.count_of(connection, channel_id)
            return ChannelStatus(
                row=_row(connection, *found, now),
                schedule=parse_schedule(channel.schedule).describe(),
                digests=digests_,
                posted=posted,
                waiting=outbox.waiting(connection, channel_id),
                failed=window.failed_messages(connection, channel_id, FAILED_SHOWN),
                votes=tuple(counts.items()),
                people=len({row.person for row in votes}),
                settings=tuple(
                    (line.partition("=")[0], line.partition("=")[2])
                    for line in show_settings(channel, now).lines
                ),
            )

    def at(self, viewer: Viewer, platform: str, address: str) -> Channel | None:
        """Return the channel of an address (bot.views.Window)."""
        from bot.store import channels

        place = Place(platform, address)
        with self._store.read() as connection:
            if window.is_private(connection, place) and not viewer.private:
                return None
            return channels.at(connection, place)

    def may_see(self, viewer: Viewer, platform: str, address: str) -> bool:
        """Tell whether an address may be seen (bot.views.Window)."""
        with self._store.read() as connection:
            return viewer.private or not window.is_private(connection, Place(platform, address))

    def hidden(self, viewer: Viewer) -> int:
        """Count the private channels that stay hidden (bot.views.Window)."""
        if viewer.private:
            return 0
        with self._store.read() as connection:
            return window.count_private(connection)

    # --- digests

    def digests(self, viewer: Viewer, channel_id: int, span: Span | None) -> DigestPage | None:
        """Return the digests of a span (bot.views.Window)."""
        with self._store.read() as connection:
            if window.channel_row(connection, channel_id, private=viewer.private) is None:
                return None
            if span is None:
                newest = window.last_day(connection, channel_id)
                if newest is None:
                    return None
                span = span_of(Period.DAY, newest)
            found = window.digests_between(connection, channel_id, span.first, span.last)
            earlier, later = window.neighbours(connection, channel_id, span.first, span.last)
            person = feedback.key_of(connection, viewer.person)
            posted: dict[date, int] = {}
            for digest in found:
                day = date.fromisoformat(digest.slot[:10])
                posted[day] = posted.get(day, 0) + digest.chosen
            return DigestPage(
                span=span,
                digests=tuple(_view(connection, digest, person) for digest in found),
                earlier=None if earlier is None else span_of(span.period, earlier),
                later=None if later is None else span_of(span.period, later),
                days=tuple(sorted(posted.items())),
            )

    def marks(
        self, viewer: Viewer, channel_id: int, remote_ids: Sequence[str]
    ) -> dict[tuple[str, int], Marks]:
        """Return what stands on the papers of messages (bot.views.Window)."""
        with self._store.read() as connection:
            if window.channel_row(connection, channel_id, private=viewer.private) is None:
                return {}
            person = feedback.key_of(connection, viewer.person)
            carried = window.carried(connection, channel_id, remote_ids)
            tallies = _marks(connection, channel_id, carried.values(), person)
            return {key: tallies[paper] for key, paper in carried.items()}

    def newest_day(self) -> date | None:
        """Return the newest listing day (bot.views.Window)."""
        with self._store.read() as connection:
            return window.newest_day(connection)

    def trending(
        self, viewer: Viewer, channel_id: int | None, last: date, days: int, limit: int
    ) -> tuple[Rising, ...]:
        """Return the most upvoted papers (bot.views.Window)."""
        with self._store.read() as connection:
            channel = None
            if channel_id is not None:
                found = window.channel_row(connection, channel_id, private=viewer.private)
                if found is None:
                    return ()
                channel = found[0]
            sources = channel.sources if channel is not None else ()
            first = last - timedelta(days=max(0, days - 1))
            papers = window.rising(connection, sources, first, last, limit)
            rising = []
            for number, paper in enumerate(papers, 1):
                delivery, digest = None, None
                if channel is not None:
                    delivery = outbox.delivery(connection, channel.id, paper.id)
                    digest = digests.digest(connection, delivery.digest_id) if delivery else None
                rising.append(Rising(_plain_card(paper, number), paper.id, delivery, digest))
            return tuple(rising)

    # --- papers

    def paper(self, viewer: Viewer, handle: str) -> PaperView | None:
        """Return all that is known of a paper (bot.views.Window)."""
        return window_paper.paper(self._store, viewer, handle)

    def similar(self, paper_id: int, limit: int) -> tuple[Found, ...]:
        """Return the papers most like one (bot.views.Window)."""
        return tuple(_found(hit, 0) for hit in similar(self._store, paper_id, limit=limit))

    def search(
        self,
        viewer: Viewer,
        query: str,
        channel_id: int | None,
        now: datetime,
        *,
        offset: int,
        limit: int,
        upto: int | None,
    ) -> SearchPage:
        """Answer a search (bot.views.Window)."""
        channel = None
        with self._store.read() as connection:
            person = feedback.key_of(connection, viewer.person)
            if channel_id is not None:
                found = window.channel_row(connection, channel_id, private=viewer.private)
                channel = found[0] if found else None
        answer = search(
            self._store,
            query,
            channel_id=channel.id if channel else None,
            person=person,
            now=now,
            limit=limit,
            offset=offset,
            upto=upto,
            judge=judge(self._store, self._rankers, channel, now) if channel else None,
        )
        return SearchPage(
            query=query,
            hits=tuple(_found(hit, n) for n, hit in enumerate(answer.hits, offset + 1)),
            total=answer.total,
            exact=answer.exact,
            notes=answer.notes,
            upto=answer.upto,
        )

    # --- what is learned

    def effects(
        self, viewer: Viewer, channel_id: int, paper_id: int, now: datetime
    ) -> tuple[Effect, ...]:
        """Return what each vote on a paper does (bot.views.Window)."""
        channel = self._seen(viewer, channel_id)
        if channel is None:
            return ()
        with self._store.read() as connection:
            person = feedback.key_of(connection, viewer.person)
        return self._learning.effects(channel, paper_id, person, now)

    def profile(self, viewer: Viewer, channel_id: int, now: datetime) -> ProfileView | None:
        """Return what a channel wants and has learned (bot.views.Window)."""
        channel = self._seen(viewer, channel_id)
        return None if channel is None else self._learning.profile(channel, now)

    def rerun(
        self, viewer: Viewer, channel_id: int, before: Profile | None, now: datetime
    ) -> Rerun | None:
        """Rank the last listing again (bot.views.Window)."""
        channel = self._seen(viewer, channel_id)
        return None if channel is None else self._learning.rerun(channel, before, now)

    def _seen(self, viewer: Viewer, channel_id: int) -> Channel | None:
        with self._store.read() as connection:
            found = window.channel_row(connection, channel_id, private=viewer.private)
        return None if found is None else found[0]

    # --- operations

    def export(self, viewer: Viewer, channel_id: int, form: str) -> str | None:
        """Return a channel's data, or what was saved there (bot.views.Window)."""
        with self._store.read() as connection:
            found = window.channel_row(connection, channel_id, private=viewer.private)
        if found is None:
            return None
        if form == "json":
            return json.dumps(transfer.export(self._store, [found[0]]), ensure_ascii=False)
        return bibliography.write(
            bibliography.Format(form), library.saved_papers(self._store, [found[0]])
        )

    def operations(self, viewer: Viewer) -> Operations:
        """Return how sources, listings and the outbox stand (bot.views.Window)."""
        return window_operations.operations(self._store, viewer, self._checks())

    def listing(self, viewer: Viewer, listing_id: int) -> ListingView | None:
        """Return one listing's way (bot.views.Window)."""
        return window_operations.listing(self._store, viewer, listing_id)

    def retry(self, viewer: Viewer, message_id: int, now: datetime) -> str:
        """Have a message sent again (bot.views.Window)."""
        return window_operations.retry(self._store, viewer, message_id, now)

    def abandon(self, viewer: Viewer, message_id: int) -> str:
        """Give up a message (bot.views.Window)."""
        return window_operations.abandon(self._store, viewer, message_id)

    # --- long lists

    def papers_before(
        self, before: int | None, limit: int, *, day: date | None = None, source: str = ""
    ) -> Slice:
        """Return papers by number (bot.views.Window)."""
        with self._store.read() as connection:
            found = window.papers_before(connection, before, limit + 1, day=day, source=source)
        more = found[limit - 1].id if len(found) > limit else None
        return Slice(papers=found[:limit], next_before=more)

    def digests_before(
        self,
        viewer: Viewer,
        before: int | None,
        limit: int,
        *,
        channel_id: int | None = None,
        filled: bool = False,
    ) -> Slice:
        """Return digests by number (bot.views.Window)."""
        with self._store.read() as connection:
            found = window.digests_before(
                connection,
                before,
                limit + 1,
                private=viewer.private,
                channel_id=channel_id,
                filled=filled,
            )
            person = feedback.key_of(connection, viewer.person)
            views = tuple(
                (channel, _view(connection, digest, person)) for channel, digest in found[:limit]
            )
        more = found[limit - 1][1].id if len(found) > limit else None
        return Slice(digests=views, next_before=more)


# --- rows into views ----------------------------------------------------------------------------


def _row(
    connection: sqlite3.Connection, channel: Channel, private: bool, now: datetime
) -> ChannelRow:
    slot, at = "", None
    if channel.state in {ChannelState.ACTIVE, ChannelState.UNREACHABLE}:
        zone = check_timezone(channel.timezone)
        slot, at = next_slot(parse_schedule(channel.schedule), zone, now)
    waiting, error = window.open_messages(connection, channel.id)
    return ChannelRow(
        channel=channel,
        private=private,
        next_slot=slot,
        next_at=at,
        last=digests.last(connection, channel.id, None),
        waiting=waiting,
        error=error or channel.state_reason,
    )


def _view(connection: sqlite3.Connection, digest: Digest, person: str) -> DigestView:
    messages = {one.id: one for one in window.digest_messages(connection, digest.id)}
    deliveries = outbox.digest_deliveries(connection, digest.id)
    marks = _marks(connection, digest.channel_id, [d.paper_id for d in deliveries], person)
    cards = []
    for delivery in deliveries:
        message = messages[delivery.message_id]
        shown = next((c for c in message.post.cards if c.number == delivery.number), None)
        if shown is not None:
            cards.append(
                PostedCard(
                    card=shown,
                    delivery=delivery,
                    remote_id=message.remote_id if message.state is MessageState.SENT else None,
                    state=message.state,
                    marks=marks[delivery.paper_id],
                )
            )
    return DigestView(digest, tuple(cards))


def _marks(
    connection: sqlite3.Connection, channel_id: int, papers: Iterable[int], person: str
) -> dict[int, Marks]:
    wanted = list(dict.fromkeys(papers))
    tallies = window.tallies(connection, channel_id, wanted, person)
    found = {}
    for paper in wanted:
        mine, counts = tallies.get(paper, (frozenset(), {}))
        found[paper] = Marks(
            paper, mine, tuple((signal, counts[signal]) for signal in Signal if signal in counts)
        )
    return found


def _plain_card(paper: Paper, number: int) -> Card:
    return card(paper, number=number, summary=summarise(paper)[0], reason="", match=None)


def _found(hit: Hit, number: int) -> Found:
    pieces: list[tuple[str, bool]] = []
    for outside in hit.snippet.split(MARKS[0]):
        marked, closed, after = outside.partition(MARKS[1])
        pieces += [(marked, True), (after, False)] if closed else [(marked, False)]
    return Found(
        card=card(hit.paper, number=number, summary="", reason="", match=None),
        paper_id=hit.paper.id,
        score=hit.score,
        snippet=tuple(piece for piece in pieces if piece[0]),
    )
