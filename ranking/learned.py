"""What votes teach: the likes' centre, their nearest, and two regressions against the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.evidence import Evidence
from ranking.linear import Linear, World
from ranking.logistic import kernel_logistic
from ranking.vectors import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranking.vectors import Sparse

    Array = NDArray[np.float64]

TRAINED_ON = 120  # unlabelled papers that stand for the rest of the world
MOST_VOTED = 400  # papers in the regressions; the strongest evidence, so the newest, stays
DISLIKES, UNLABELLED = 0.35, 0.5  # what each kind weighs in all, the likes being 1
NEAREST = 1.0  # what the nearest like weighs, the centre and the regressions being 1
ENOUGH = 10  # likes, and dislikes, from which a match is calibrated on them


@dataclass(frozen=True, slots=True)
class Learned:
    """``liked_svd`` (l, d) are the likes' directions, ``share`` (l,) their parts of the centre.

    ``nearest`` (l,) is what likeness to one like is worth where that like is the nearest.
    ``held_out`` are the scores, without their own vote, of the ``voted`` rows of the evidence, and
    ``voted_for`` whether each is liked; empty without enough of both kinds.
    """

    linear: Linear
    liked: tuple[Evidence, ...]
    liked_svd: Array
    share: Array
    nearest: Array
    shift: float
    voted: tuple[int, ...]
    held_out: Array
    voted_for: NDArray[np.bool_]

    def likeness(self, vectors: Vectors) -> Array:
        """Return (n,): what the likes add, their centre and the nearest of them."""
        if not len(self.liked):
            return np.zeros(len(vectors))
        likeness = vectors.svd @ self.liked_svd.T
        centre = likeness @ self.share
        return np.asarray(centre + (likeness * self.nearest).max(axis=1), dtype=np.float64)

    def like_values(self, vectors: Vectors) -> Array:
        """Return (l,): what each like adds to the score of the one paper in ``vectors``."""
        if not len(self.liked):
            return np.zeros(0)
        likeness = self.liked_svd @ vectors.svd[0]
        values = likeness * self.share
        near = likeness * self.nearest
        values[int(near.argmax())] += near.max()
        return np.asarray(values, dtype=np.float64)

    def scaled(self, factor: float) -> Learned:
        return Learned(
            self.linear.scaled(factor),
            self.liked,
            self.liked_svd,
            self.share * factor,
            self.nearest * factor,
            self.shift * factor,
            self.voted,
            self.held_out * factor,
            self.voted_for,
        )


def learn(
    evidence: Sequence[Evidence], voted: Vectors, world: World, seed: int
) -> tuple[Learned, Array]:
    """Return what the evidence says, in standard deviations of ``world``, and the world's scores.

    ``voted`` are the evidence's papers, in its order.
    The likes' centre in the SVD space (Rocchio), the nearest like, and two logistic regressions,
    on TF-IDF and on the centred SVD, of the likes against dislikes and unlabelled papers.
    """
    if not any(e.weight > 0 for e in evidence):
        return _only_disliked(evidence, voted, world)
    weight = np.array([e.weight for e in evidence])
    positive = weight > 0
    low = voted.svd
    around = world.vectors.svd
    total = np.zeros(len(world.vectors))
    share = weight[positive] / weight[positive].sum()
    nearest = np.minimum(1.0, weight[positive])
    likeness = around @ low[positive].T
    total, shift, spread = world.add(likeness @ share, total)
    share = share / spread
    total, moved, spread = world.add((likeness * nearest).max(axis=1), total, NEAREST)
    nearest = nearest * (NEAREST / spread)
    shift += moved

    task = _training(weight, world, seed)
    enough = min(int(positive.sum()), int((~positive).sum())) >= ENOUGH
    held = shift + _held_out_likeness(low[positive], low[task.voted], share, nearest)
    n = len(task.voted)
    wide, wide_rest = voted.tfidf[task.voted], world.vectors.tfidf[task.rest]
    alpha, scores = kernel_logistic(
        _sparse_gram(wide, wide_rest), task.positive, task.mass, held_out=n if enough else 0
    )
    tfidf = wide.T @ alpha[:n] + wide_rest.T @ alpha[n:]
    # One like is too little to tell words apart by; its own words serve better.
    sure = float(positive.sum()) / (1.0 + float(positive.sum()))
    total, moved, spread = world.add(world.vectors.tfidf @ tfidf, total, sure)
    tfidf *= sure / spread
    shift += moved
    held += _against(scores, n) * (sure / spread)

    middle = around.mean(axis=0) if len(world.vectors) else np.zeros(low.shape[1])
    rows = np.concatenate([low[task.voted], around[task.rest]]) - middle
    alpha, scores = kernel_logistic(
        rows @ rows.T, task.positive, task.mass, held_out=n if enough else 0
    )
    svd = rows.T @ alpha
    total, moved, spread = world.add(around @ svd, total, sure)
    svd *= sure / spread
    shift += moved
    held += _against(scores, n) * (sure / spread)

    found = Learned(
        linear=Linear(tfidf, svd),
        liked=tuple(e for e in evidence if e.weight > 0),
        liked_svd=low[positive],
        share=share,
        nearest=nearest,
        shift=shift,
        voted=tuple(task.voted.tolist()) if enough else (),
        held_out=held if enough else np.zeros(0),
        voted_for=task.positive[:n] if enough else np.zeros(0, dtype=bool),
    )
    _, spread = world.standard(total)
    return found.scaled(1.0 / spread), total / spread


@dataclass(frozen=True, slots=True)
class _Task:
    """Rows of the evidence and of the world to train on; the voted come first."""

    voted: NDArray[np.intp]
    rest: NDArray[np.intp]
    positive: NDArray[np.bool_]
    mass: Array


def _training(weight: Array, world: World, seed: int) -> _Task:
    strongest = np.lexsort((np.arange(len(weight)), -np.abs(weight)))[:MOST_VOTED]
    voted = np.sort(strongest)
    mixed = np.random.RandomState(seed).permutation(len(world.vectors))
    rest = np.sort(mixed[world.unvoted[mixed]][:TRAINED_ON])
    positive = np.concatenate([weight[voted] > 0, np.zeros(len(rest), dtype=bool)])
    mass = np.zeros(len(positive))
    likes, dislikes = np.flatnonzero(weight[voted] > 0), np.flatnonzero(weight[voted] < 0)
    whole = float(max(1, len(likes)))
    if len(likes):
        mass[likes] = weight[voted][likes] / weight[voted][likes].sum() * whole
    if len(dislikes):
        # One dislike among many likes must not weigh half of all of them.
        part = DISLIKES * min(1.0, len(dislikes) / whole)
        mass[dislikes] = weight[voted][dislikes] / weight[voted][dislikes].sum() * whole * part
    if len(rest):
        mass[len(voted) :] = UNLABELLED * whole / len(rest)
    return _Task(voted, rest, positive, mass)


def _sparse_gram(voted: Sparse, rest: Sparse) -> Array:
    from scipy.sparse import vstack

    rows = vstack([voted, rest], format="csr")
    return np.asarray((rows @ rows.T).toarray(), dtype=np.float64)


def _against(scores: Array, voted: int) -> Array:
    """Return the voted rows' scores above the unlabelled ones' mean."""
    return scores[:voted] - (float(scores[voted:].mean()) if len(scores) > voted else 0.0)


def _held_out_likeness(liked: Array, rows: Array, share: Array, nearest: Array) -> Array:
    """Return what the likes add to each voted paper that is not itself among them."""
    likeness = rows @ liked.T
    likeness[likeness > 1.0 - 1e-6] = 0.0
    total = likeness @ share
    return np.asarray(total + (likeness * nearest).max(axis=1), dtype=np.float64)


def _only_disliked(
    evidence: Sequence[Evidence], voted: Vectors, world: World
) -> tuple[Learned, Array]:
    share = np.array([e.weight for e in evidence])
    share = share / np.abs(share).sum()
    linear = Linear(voted.tfidf.T @ share, voted.svd.T @ share)
    scores = linear.score(world.vectors)
    mean, spread = world.standard(scores)
    none = np.zeros(0)
    found = Learned(
        linear=linear.scaled(1.0 / spread),
        liked=(),
        liked_svd=np.zeros((0, voted.svd.shape[1])),
        share=none,
        nearest=none,
        shift=-mean / spread,
        voted=(),
        held_out=none,
        voted_for=np.zeros(0, dtype=bool),
    )
    return found, (scores - mean) / spread
