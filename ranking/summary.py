"""An abstract to one sentence worth reading, made of the abstract's own words.

Sentences are tidied and offered in several shorter readings (:mod:`ranking.compress`). Two small
logistic models guess which words and pairs of words an author's own summary would use; a third,
linear and trained listwise on ROUGE, picks the reading (:mod:`ranking.summary_features` measures,
``paperwire train summary DIR`` trains). No neural network, no language model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from ranking.compress import tidy, written
from ranking.summary_features import (
    Matrix,
    Table,
    cue_matrix,
    pair_table,
    reading_table,
    sentence_table,
    sigmoid,
    word_table,
)
from ranking.summary_reading import (
    Abstract,
    Stems,
    read,
    sentences_of,
    without_addresses,
)

HEADER = "paperwire summary weights 1"
SECTIONS = ("words", "pairs", "readings", "vocabulary")

_SHORT = 7  # words: a summary up to this length takes a second sentence
_MOST_WORDS_OF_TWO = 26
_MOST_WORDS = 60
_MOST_CHARACTERS = 450


class WeightsError(ValueError):
    """The weights file cannot be used; training writes a new one."""


@dataclass(frozen=True, slots=True)
class Model:
    """Everything learnt, in the units of the features.

    ``vocabulary`` maps a stem to its idf and to the log-odds ratio of standing in a summary,
    ``rare`` is the idf of stems outside it, ``expected`` the tokens of a usual summary.
    """

    expected: float
    rare: float
    vocabulary: Mapping[str, tuple[float, float]]
    words: Mapping[str, float]
    pairs: Mapping[str, float]
    readings: Mapping[str, float]


def summarise(abstract: str, title: str = "") -> str:
    """Return the abstract's most telling sentence, shortened where that reads better.

    Two sentences where the best is very short; "" for an abstract without words. Only words of
    the abstract are used, never the title's; LaTeX is made readable and no link survives. At most
    450 characters. No text raises.
    """
    text = choose(read(abstract, title, _stems()), default_model())
    if not text:  # no word that can be measured: formulas, signs
        first = " ".join(sentences_of(abstract)[:1])
        text = written((tidy(first) or first).split())
    return _bounded(without_addresses(text))


def choose(abstract: Abstract, model: Model) -> str:
    """Return the best reading of a prepared abstract, "" if it has none."""
    if not abstract.candidates:
        return ""
    scores = score(abstract, model)
    lengths = np.array([one.span.stop - one.span.start for one in abstract.candidates])
    if (lengths <= _MOST_WORDS).any():
        scores = np.where(lengths <= _MOST_WORDS, scores, -np.inf)
    order = np.argsort(-scores, kind="stable")
    best = abstract.candidates[order[0]]
    chosen = [best]
    if lengths[order[0]] <= _SHORT:
        room = _MOST_WORDS_OF_TWO - lengths[order[0]]
        others = (abstract.candidates[index] for index in order[1:] if lengths[index] <= room)
        fresh = (one for one in others if one.sentence != best.sentence and one.text != best.text)
        second = next(fresh, None)
        chosen += [second] if second else []
    return " ".join(one.text for one in sorted(chosen, key=lambda one: one.sentence))


def score(abstract: Abstract, model: Model) -> Matrix:
    """Return a score for each candidate; only their order and differences mean something."""
    table = candidate_table(abstract, model)
    return table.matrix() @ weights_for(table, model.readings)


def candidate_table(abstract: Abstract, model: Model) -> Table:
    """Measure every candidate: its own columns, then its sentence's."""
    cues = cue_matrix(abstract)
    idf, prior = rarity(abstract, model)
    words = word_table(abstract, idf, prior, cues)
    odds = words.matrix() @ weights_for(words, model.words)
    chances = np.zeros(0)
    if len(abstract.tidied) > 1:
        pairs = pair_table(abstract, odds)
        chances = sigmoid(pairs.matrix() @ weights_for(pairs, model.pairs))
    table = reading_table(abstract, sigmoid(odds), chances, model.expected)
    sentences = sentence_table(abstract, np.where(idf > 0, idf, model.rare), cues)
    own = [one.sentence for one in abstract.candidates]
    table.extend(sentences.names, sentences.matrix()[own])
    return table


def rarity(abstract: Abstract, model: Model) -> tuple[Matrix, Matrix]:
    """Return idf and prior of the abstract's stems, zeros for those unknown."""
    known = [model.vocabulary.get(stem, (0.0, 0.0)) for stem in abstract.stems]
    both = np.array(known, dtype=float).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def weights_for(table: Table, weights: Mapping[str, float]) -> Matrix:
    """Return the weights in the order of the table's columns; one without weight counts 0."""
    return np.array([weights.get(name, 0.0) for name in table.names])


@cache
def default_model() -> Model:
    """Return the model that comes with the package, read at first use."""
    return parse_model(files("ranking").joinpath("data/summary.txt").read_text("utf-8"))


@cache
def _stems() -> Stems:
    return Stems()


def load_model(path: Path) -> Model:
    """Return the model in a file written by ``paperwire train summary``."""
    return parse_model(path.read_text("utf-8"))


def parse_model(text: str) -> Model:
    """Return the model in the text of a weights file; raises WeightsError on any other text."""
    lines = text.splitlines()
    if not lines or lines[0] != HEADER:
        raise WeightsError(
            f"the summary weights do not begin with {HEADER!r}; write them again with"
            " 'paperwire train summary DIR'"
        )
    sections: dict[str, dict[str, list[float]]] = {"": {}}
    here = sections[""]
    for number, line in enumerate(lines[1:], 2):
        if line.startswith("#") or not line:
            continue
        if line.startswith("["):
            here = sections.setdefault(line.strip("[]"), {})
            continue
        name, *values = line.split("\t")
        try:
            here[name] = [float(value) for value in values]
        except ValueError as error:
            raise WeightsError(
                f"line {number} of the summary weights is no number: {line}"
            ) from error
    try:
        one = {key: {name: row[0] for name, row in sections[key].items()} for key in SECTIONS[:3]}
        vocabulary = {name: (row[0], row[1]) for name, row in sections["vocabulary"].items()}
        return Model(
            expected=sections[""]["expected"][0],
            rare=sections[""]["rare"][0],
            vocabulary=vocabulary,
            words=one["words"],
            pairs=one["pairs"],
            readings=one["readings"],
        )
    except (KeyError, IndexError) as error:
        raise WeightsError(f"the summary weights lack {error}; train them again") from error


def written_model(model: Model, remarks: Sequence[str]) -> str:
    """Return the text of a weights file; ``remarks`` become its opening comments."""
    lines = [HEADER, *(f"# {remark}" for remark in remarks)]
    lines += [f"expected\t{model.expected:.4g}", f"rare\t{model.rare:.4g}"]
    for name, weights in zip(SECTIONS, (model.words, model.pairs, model.readings), strict=False):
        lines += ["", f"[{name}]", *(f"{key}\t{value:.4g}" for key, value in weights.items())]
    lines += ["", "[vocabulary]"]
    lines += [f"{stem}\t{a:.4g}\t{b:.3g}" for stem, (a, b) in sorted(model.vocabulary.items())]
    return "\n".join(lines) + "\n"


def _bounded(text: str) -> str:
    """Cut what is too long at a word, with an ellipsis; only a sentence without end is."""
    words = text.split(" ")
    if len(words) <= _MOST_WORDS and len(text) <= _MOST_CHARACTERS:
        return text
    short = " ".join(words[:_MOST_WORDS])
    if len(short) >= _MOST_CHARACTERS:
        head = short[: _MOST_CHARACTERS - 1]
        short = head.rpartition(" ")[0] or head
    return short.rstrip(" ,;:.-–—") + "…"
