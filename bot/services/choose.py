"""Choosing papers for one channel, with the reason, the parts and the summary of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.domain import Channel, Paper, Part
from bot.render import count_words, date_words
from bot.services.ranker import Ranker, to_document
from bot.store.passed import Passed

if TYPE_CHECKING:
    from ranking.interest import Interest


@dataclass(frozen=True, slots=True)
class Pick:
    """A paper to post, with everything that its card says."""

    paper: Paper
    number: int
    score: float
    match: int | None
    reason: str
    parts: tuple[Part, ...]
    label: str
    summary: str
    summary_label: str


class Chooser:
    """One channel's model over the papers at hand; ``posted`` is what it saw before."""

    def __init__(
        self, ranker: Ranker, channel: Channel, interest: Interest, posted: Sequence[Paper]
    ) -> None:
        self._channel = channel
        self._ranker = ranker
        self._model = ranker.model(interest)
        # What the channel named or voted on it knows; neither that nor its double is news.
        known = {
            **{str(paper.id): to_document(paper) for paper in posted},
            **{seed.id: seed for seed in interest.seeds},
            **{vote.document.id: vote.document for vote in interest.votes},
        }
        self._seen = tuple(known.values())

    def by_interest(self, papers: Sequence[Paper], size: int) -> tuple[list[Pick], list[Passed]]:
        """Return the best matches, numbered from 1, and why the others fell out."""
        from ranking.select import select

        selection = select(
            self._model,
            self._ranker.vectors(papers),
            size=max(0, size),
            threshold=self._channel.threshold,
            seen=self._seen,
            explore=self._channel.explore,
        )
        ids = {int(chosen.id) for chosen in selection.chosen}
        by_id = {paper.id: paper for paper in papers if paper.id in ids}
        picks = [
            self._pick(by_id[int(chosen.id)], number, label=chosen.label)
            for number, chosen in enumerate(selection.chosen, 1)
        ]
        passed = [
            Passed(int(drop.id), drop.match, drop.step, float(drop.short_by), drop.words)
            for drop in selection.dropped
        ]
        return picks, passed

    def by_upvotes(self, papers: Sequence[Paper], size: int, *, label: str) -> list[Pick]:
        """Return the most upvoted that the channel neither muted nor saw, numbered from 1."""
        if size <= 0 or not papers:
            return []
        from ranking.select import select

        selection = select(
            self._model,
            self._ranker.vectors(papers),
            size=len(papers),
            threshold=0,
            seen=self._seen,
        )
        unwanted = {
            int(drop.id) for drop in selection.dropped if drop.step in {"muted", "duplicate"}
        }
        left = [paper for paper in papers if paper.id not in unwanted]
        left.sort(key=lambda paper: (-(paper.upvotes or 0), paper.id))
        return [
            self._pick(paper, number, label=label, reason=_attention(paper))
            for number, paper in enumerate(left[:size], 1)
        ]

    def in_order(self, papers: Sequence[Paper]) -> list[Pick]:
        """Return the papers as picks in the given order, numbered from 1."""
        return [self._pick(paper, number) for number, paper in enumerate(papers, 1)]

    def _pick(self, paper: Paper, number: int, *, label: str = "", reason: str = "") -> Pick:
        from ranking.explain import explain

        told = explain(self._model, to_document(paper))
        summary, summary_label = summarise(paper, prefer_source=self._channel.prefer_source_summary)
        return Pick(
            paper=paper,
            number=number,
            score=told.score,
            match=told.match,
            reason=reason or told.sentence,
            parts=tuple(Part(part.name, part.kind, part.value) for part in told.parts),
            label=label,
            summary=summary,
            summary_label=summary_label,
        )


def summarise(paper: Paper, *, prefer_source: bool = False) -> tuple[str, str]:
    """Return the two lines under a title, and a label where they are not ours."""
    if prefer_source and paper.source_summary:
        from ranking.repair import without_links

        return without_links(paper.source_summary), "summary by the source"
    return _best_sentence(paper.abstract, paper.title), ""


# The same paper goes to many channels on one morning.
@lru_cache(maxsize=2_048)
def _best_sentence(abstract: str, title: str) -> str:
    from ranking.repair import without_links
    from ranking.summary import summarise as best_sentence

    return without_links(best_sentence(abstract, title))


def _attention(paper: Paper) -> str:
    votes = count_words(paper.upvotes or 0, "upvote")
    since = date_words(paper.first_listed_on)
    return f"{votes} since it was listed on {since}" if since else votes
