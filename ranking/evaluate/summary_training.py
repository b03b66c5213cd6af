"""Training of the summary weights: three convex problems, solved to the end.

1. Words: logistic regression on "stands in the author's summary". The prior of a word is counted
   on the other nine tenths of the papers, so that no paper sees itself.
2. Pairs of adjacent words: the same, given the words' log-odds.
3. Readings: a softmax over the readings of an abstract is fitted to the softmax of their mean
   ROUGE-1/2/L F1 (the listwise loss of Cao et al., "Learning to Rank", 2007), with a ridge.

Newton's method ends at the one optimum of each, and weights are rounded, so that training again
writes the same file. Every paper is read twice, with its title and without.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ranking.evaluate import rouge
from ranking.summary import Model, candidate_table, parse_model, rarity, weights_for, written_model
from ranking.summary_features import Matrix, Table, cue_matrix, pair_table, sigmoid, word_table
from ranking.summary_reading import TOKEN, Abstract, Stems, read

_FOLDS = 10
_FEWEST_PAPERS = 4  # with a word, before its idf and prior count for something
_PRIOR_STRENGTH = 3.0  # papers' worth of the overall chance
_WORD_RIDGE = 3.0
_TEMPERATURE = 0.1
_READING_RIDGE = 0.1


@dataclass(frozen=True, slots=True)
class Example:
    """A paper to learn from: its abstract, its summary's stems, a reward for each candidate."""

    abstract: Abstract
    reference: list[str]
    rewards: NDArray[np.float64]


def make_example(text: str, title: str, references: Sequence[str], stems: Stems) -> Example:
    """Prepare a paper; the reward of a reading is its mean ROUGE-1/2/L F1, 0 to 1."""
    abstract = read(text, title, stems)
    wanted = [rouge.tokens(reference) for reference in references]
    rewards = [
        math.fsum(rouge.best(wanted, rouge.tokens(one.text))) / 3 for one in abstract.candidates
    ]
    first = [stems[token] for token in TOKEN.findall(references[0].lower())]
    return Example(abstract, first, np.array(rewards))


def fit(
    papers: Sequence[Sequence[Example]], progress: Callable[[str], None] | None = None
) -> Model:
    """Learn from papers, each given in one or more versions (with and without its title)."""
    say = progress or (lambda _: None)
    say("counting words")
    model = _count(papers)
    folds = [
        _count([paper for index, paper in enumerate(papers) if index % _FOLDS != fold])
        for fold in range(_FOLDS)
    ]
    examples = [
        (example, replace(folds[index % _FOLDS], expected=model.expected))
        for index, paper in enumerate(papers)
        for example in paper
        if example.abstract.candidates
    ]
    say(f"learning words from {len(examples)} readings of {len(papers)} papers")
    weights, odds = _fit_words(examples)
    model = _rounded(replace(model, words=weights))
    say("learning pairs of words")
    model = _rounded(replace(model, pairs=_fit_pairs(examples, odds)))
    say("learning to choose")
    learnt = [
        (example, replace(fold, words=model.words, pairs=model.pairs)) for example, fold in examples
    ]
    return _rounded(replace(model, readings=_fit_readings(learnt)))


def _rounded(model: Model) -> Model:
    """Return the model as it will be read back, so that each stage learns from what is kept."""
    return parse_model(written_model(model, ()))


def _count(papers: Sequence[Sequence[Example]]) -> Model:
    seen: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for paper in papers:
        stems = set(paper[0].abstract.stems)
        seen.update(stems)
        used.update(stems.intersection(paper[0].reference))
    total = len(papers)
    chance = used.total() / max(seen.total(), 1)
    overall = math.log(chance / (1 - chance)) if 0 < chance < 1 else 0.0
    vocabulary = {}
    for stem, count in seen.items():
        if count >= _FEWEST_PAPERS:
            share = (used[stem] + _PRIOR_STRENGTH * chance) / (count + _PRIOR_STRENGTH)
            prior = math.log(share / (1 - share)) - overall if 0 < share < 1 else 0.0
            vocabulary[stem] = (math.log(total / count), prior)
    lengths = [len(paper[0].reference) for paper in papers]
    return Model(
        expected=sum(lengths) / max(total, 1),
        rare=math.log(max(total, 1) / _FEWEST_PAPERS),
        vocabulary=vocabulary,
        words={},
        pairs={},
        readings={},
    )


def _fit_words(examples: Sequence[tuple[Example, Model]]) -> tuple[dict[str, float], list[Matrix]]:
    tables = []
    labels: list[bool] = []
    for example, model in examples:
        abstract = example.abstract
        tables.append(word_table(abstract, *rarity(abstract, model), cue_matrix(abstract)))
        reference = set(example.reference)
        labels += [stem in reference for stem in abstract.stems]
    weights = _logistic(tables, np.array(labels, dtype=float))
    return weights, [table.matrix() @ weights_for(table, weights) for table in tables]


def _fit_pairs(
    examples: Sequence[tuple[Example, Model]], odds: Sequence[Matrix]
) -> dict[str, float]:
    tables = []
    labels: list[bool] = []
    for (example, _), one in zip(examples, odds, strict=True):
        abstract = example.abstract
        if len(abstract.tidied) > 1:
            tables.append(pair_table(abstract, one))
            reference = set(pairwise(example.reference))
            written = [abstract.stems[number] for number in abstract.tidied]
            labels += [pair in reference for pair in pairwise(written)]
    return _logistic(tables, np.array(labels, dtype=float))


def _logistic(tables: Sequence[Table], labels: Matrix) -> dict[str, float]:
    """Fit a ridge logistic regression by Newton's method; the first column is the intercept."""
    if not tables:
        return {}
    rows = np.vstack([table.matrix() for table in tables])
    scale = _spread(rows)
    rows = rows / scale
    ridge = np.full(rows.shape[1], _WORD_RIDGE)
    ridge[0] = 1e-3
    weights = np.zeros(rows.shape[1])
    for _ in range(60):
        chances = sigmoid(rows @ weights)
        slope = rows.T @ (chances - labels) + ridge * weights
        bend = (rows * (chances * (1 - chances))[:, None]).T @ rows + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-10:
            break
    return dict(zip(tables[0].names, (weights / scale).tolist(), strict=True))


def _fit_readings(examples: Sequence[tuple[Example, Model]]) -> dict[str, float]:
    """Fit the listwise loss by Newton's method, halving steps that overshoot."""
    tables = [candidate_table(example.abstract, model) for example, model in examples]
    if not tables:
        return {}
    rows = np.vstack([table.matrix() for table in tables])
    rewards = np.concatenate([example.rewards for example, _ in examples])
    sizes = [table.rows for table in tables]
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    group = np.repeat(np.arange(len(sizes)), sizes)
    scale = _spread(rows)
    rows = rows / scale
    rows = rows - (np.add.reduceat(rows, begins) / np.array(sizes)[:, None])[group]

    def softmax(values: Matrix) -> Matrix:
        grown = np.exp(values - np.maximum.reduceat(values, begins)[group])
        chances: Matrix = grown / np.add.reduceat(grown, begins)[group]
        return chances

    total = len(sizes)
    target = softmax(rewards / _TEMPERATURE)

    def loss(weights: Matrix) -> float:
        chances = softmax(rows @ weights)
        fit_ = -float(target @ np.log(chances + 1e-300)) / total
        return fit_ + _READING_RIDGE * float(weights @ weights)

    weights = np.zeros(rows.shape[1])
    for _ in range(60):
        chances = softmax(rows @ weights)
        slope = rows.T @ (chances - target) / total + 2 * _READING_RIDGE * weights
        mean = np.add.reduceat(rows * chances[:, None], begins)
        bend = ((rows * chances[:, None]).T @ rows - mean.T @ mean) / total
        step = np.linalg.solve(bend + 2 * _READING_RIDGE * np.eye(len(weights)), slope)
        length = 1.0
        while length > 1e-3 and loss(weights - length * step) > loss(weights) + 1e-15:
            length /= 2
        weights = weights - length * step
        if float(np.abs(step).max()) < 1e-10:
            break
    weights[np.abs(rows).max(axis=0) < 1e-9] = 0.0  # the same for all readings of any abstract
    return dict(zip(tables[0].names, (weights / scale).tolist(), strict=True))


def _spread(rows: Matrix) -> Matrix:
    """Return each column's standard deviation, 1 where a column never changes."""
    spread: Matrix = rows.std(axis=0)
    return np.where(spread > 1e-9, spread, 1.0)
