"""Who gathers from the store what the web page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from bot.domain import Channel, Profile
from bot.views.spans import Span
from bot.views.values import (
    ChannelRow,
    ChannelStatus,
    DigestPage,
    Effect,
    Found,
    ListingView,
    Marks,
    Operations,
    PaperView,
    ProfileView,
    Rerun,
    Rising,
    SearchPage,
    Slice,
    Viewer,
)


class Window(Protocol):
    """Gathers what the page shows. Methods are pure reads and block: call them off the loop.

    Channels a viewer may not see are as if they were not there: None, or left out.
    """

    def channels(self, viewer: Viewer, now: datetime, limit: int) -> tuple[ChannelRow, ...]:
        """Return channels: the active ones first, of them the page's own."""
        ...

    def channel(self, viewer: Viewer, channel_id: int, now: datetime) -> ChannelStatus | None:
        """Return how one channel stands."""
        ...

    def at(self, viewer: Viewer, platform: str, address: str) -> Channel | None:
        """Return the channel of an address."""
        ...

    def may_see(self, viewer: Viewer, platform: str, address: str) -> bool:
        """Tell whether an address is no private channel, or one that this viewer may see."""
        ...

    def hidden(self, viewer: Viewer) -> int:
        """Return how many private channels this viewer may not see."""
        ...

    def digests(self, viewer: Viewer, channel_id: int, span: Span | None) -> DigestPage | None:
        """Return the digests of a span, by default the day of the newest."""
        ...

    def marks(
        self, viewer: Viewer, channel_id: int, remote_ids: Sequence[str]
    ) -> dict[tuple[str, int], Marks]:
        """Return what stands on the papers of these messages, by (remote id, number)."""
        ...

    def trending(
        self, viewer: Viewer, channel_id: int | None, last: date, days: int, limit: int
    ) -> tuple[Rising, ...]:
        """Return the most upvoted papers listed in the ``days`` up to ``last``."""
        ...

    def newest_day(self) -> date | None:
        """Return the newest day that any listing is of."""
        ...

    def paper(self, viewer: Viewer, handle: str) -> PaperView | None:
        """Return all that is known of a paper."""
        ...

    def similar(self, paper_id: int, limit: int) -> tuple[Found, ...]:
        """Return the papers most like one."""
        ...

    def effects(
        self, viewer: Viewer, channel_id: int, paper_id: int, now: datetime
    ) -> tuple[Effect, ...]:
        """Return what each vote on a paper of a channel does to its model."""
        ...

    def profile(self, viewer: Viewer, channel_id: int, now: datetime) -> ProfileView | None:
        """Return what a channel wants and has learned."""
        ...

    def rerun(
        self, viewer: Viewer, channel_id: int, before: Profile | None, now: datetime
    ) -> Rerun | None:
        """Rank the last listing with the profile as it is; compare with ``before``.

        Without ``before`` the comparison is with what was posted.
        """
        ...

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
        """Answer a search; never raises on what was typed."""
        ...

    def export(self, viewer: Viewer, channel_id: int, form: str) -> str | None:
        """Return a channel's ``json`` (profile, votes, saved), or what was saved there.

        The other forms are ``bibtex``, ``ris`` and ``csl``.
        """
        ...

    def operations(self, viewer: Viewer) -> Operations:
        """Return how sources, listings and the outbox stand."""
        ...

    def listing(self, viewer: Viewer, listing_id: int) -> ListingView | None:
        """Return one listing's way to the channels."""
        ...

    def papers_before(
        self, before: int | None, limit: int, *, day: date | None = None, source: str = ""
    ) -> Slice:
        """Return papers by number, newest first."""
        ...

    def digests_before(
        self,
        viewer: Viewer,
        before: int | None,
        limit: int,
        *,
        channel_id: int | None = None,
        filled: bool = False,
    ) -> Slice:
        """Return digests with their papers, newest first; ``filled`` leaves the empty ones out."""
        ...

    def retry(self, viewer: Viewer, message_id: int, now: datetime) -> str:
        """Have a message sent again, or asked for where it may be there; say what was done."""
        ...

    def abandon(self, viewer: Viewer, message_id: int) -> str:
        """Give up a message that was not sent; say what was done."""
        ...
