"""Judging a channel's digests by the reactions they got, and other settings beside them.

Every past digest is ranked again as of its own moment: only votes cast before it count. What was
never posted got no votes and counts as not liked, so the figures favour what was posted; they are
for comparing settings on the same history, not for praise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain import Channel, Digest, DigestKind, Feedback, Paper, Signal
from bot.services.ranker import Ranker, interest, to_document
from bot.store import Store, digests, feedback, outbox
from bot.store import papers as paper_rows
from bot.store import passed as passed_rows

RESAMPLES = 1_000
WORTH = {Signal.LIKE: 1.0, Signal.SAVE: 2.0, Signal.SUBMIT: 1.0, Signal.DISLIKE: -1.0}


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over digests with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One way of ranking: nDCG of all that was considered, precision of its first ``size``."""

    name: str
    ndcg: Figure
    precision: Figure


@dataclass(frozen=True, slots=True)
class Backtest:
    """``precision`` is the share of liked among the posted papers that anyone voted on."""

    channel: str
    digests: int
    posted: int
    judged: int
    liked: int
    rows: tuple[Row, ...]

    @property
    def precision(self) -> float | None:
        return self.liked / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class _Past:
    digest: Digest
    posted: tuple[int, ...]  # in the order they were posted
    papers: tuple[Paper, ...]  # everything that was considered


def backtest(
    store: Store, ranker: Ranker, channel: Channel, *, other: Channel | None = None, seed: int = 0
) -> Backtest:
    """Replay a channel's daily digests; ``other`` is the same channel with other settings."""
    with store.read() as connection:
        votes = feedback.active(connection, channel.id)
        past = [
            _Past(
                digest,
                tuple(d.paper_id for d in outbox.digest_deliveries(connection, digest.id)),
                (),
            )
            for digest in digests.every(connection, channel.id)
            if digest.kind is DigestKind.DAILY
        ]
        past = [
            _Past(
                one.digest,
                one.posted,
                paper_rows.papers(
                    connection,
                    [
                        *one.posted,
                        *(p.paper_id for p in passed_rows.of_digest(connection, one.digest.id)),
                    ],
                ),
            )
            for one in past
        ]
    worth = _worth(votes)
    posted = [paper for one in past for paper in one.posted]
    judged = [paper for paper in posted if paper in worth]
    # A digest without a liked paper can be ranked in no better or worse way.
    telling = [one for one in past if any(worth.get(paper.id, 0.0) > 0 for paper in one.papers)]

    def replayed(setting: Channel, *, learns: bool = True) -> Callable[[_Past], list[int]]:
        def order(one: _Past) -> list[int]:
            moment = one.digest.planned_at
            known = [vote for vote in votes if learns and vote.changed_at <= moment]
            with store.read() as connection:
                wants = interest(connection, setting, moment, feedback=known)
            scores = ranker.model(wants).score([to_document(paper) for paper in one.papers])
            ranked = sorted(
                zip(one.papers, scores.values.tolist(), strict=True),
                key=lambda pair: (-pair[1], pair[0].id),
            )
            return [paper.id for paper, _ in ranked]

        return order

    ways: list[tuple[str, Channel, Callable[[_Past], list[int]]]] = [
        ("as posted", channel, lambda one: list(one.posted)),
        ("now", channel, replayed(channel)),
        ("without reactions", channel, replayed(channel, learns=False)),
    ]
    if other is not None:
        ways.append(("other settings", other, replayed(other)))
    return Backtest(
        channel=channel.name,
        digests=len(past),
        posted=len(posted),
        judged=len(judged),
        liked=sum(worth[paper] > 0 for paper in judged),
        rows=tuple(
            _measure(name, [order(one) for one in telling], telling, worth, setting.size, seed)
            for name, setting, order in ways
        )
        if telling
        else (),
    )


def _worth(votes: Sequence[Feedback]) -> Mapping[int, float]:
    total: dict[int, float] = {}
    for vote in votes:
        total[vote.paper_id] = total.get(vote.paper_id, 0.0) + WORTH[vote.signal]
    return total


def _measure(
    name: str,
    orders: Sequence[Sequence[int]],
    past: Sequence[_Past],
    worth: Mapping[int, float],
    size: int,
    seed: int,
) -> Row:
    import numpy as np

    from ranking.evaluate.metrics import ndcg

    gains, hits = [], []
    for order, one in zip(orders, past, strict=True):
        rest = [paper.id for paper in one.papers if paper.id not in set(order)]
        ranked = np.array([max(0.0, worth.get(paper, 0.0)) for paper in [*order, *rest]])
        gains.append(ndcg(ranked, max(1, size)))
        top = order[:size]
        hits.append(sum(worth.get(paper, 0.0) > 0 for paper in top) / max(1, len(top)))
    rng = np.random.RandomState(seed)
    draws = rng.randint(0, len(past), size=(RESAMPLES, len(past)))

    def figure(values: Sequence[float]) -> Figure:
        means = np.asarray(values)[draws].mean(axis=1)
        low, high = np.percentile(means, [2.5, 97.5])
        return Figure(float(np.mean(values)), float(low), float(high))

    return Row(name, figure(gains), figure(hits))
