"""Whether a paper is by a named author, in a named category, or speaks of a named term."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ranking.document import Document
from ranking.text import fold, stems


def names_author(wanted: str, authors: Iterable[str]) -> bool:
    """Tell whether one of ``authors`` can be the wanted one: last name and initials agree.

    ``LeCun, Y.`` and ``Yann LeCun`` agree; a last name alone agrees with every bearer.
    """
    asked = _name(wanted)
    return bool(asked) and any(_same_person(asked, _name(author)) for author in authors)


def _name(written: str) -> list[str]:
    last, comma, first = written.partition(",")
    ordered = f"{first} {last}" if comma else written
    return fold(ordered).replace(".", " ").replace("-", " ").split()


def _same_person(asked: list[str], author: list[str]) -> bool:
    if not author or asked[-1] != author[-1]:
        return False
    given, other = asked[:-1], author[:-1]
    if not given:
        return True
    if not other:
        return False
    return all(
        a == b or (min(len(a), len(b)) == 1 and a[0] == b[0])
        for a, b in zip(given[:1], other[:1], strict=False)
    )


def names_category(wanted: str, categories: Iterable[str]) -> bool:
    """Tell whether a category is the wanted one or lies under it: ``cs`` holds ``cs.CL``."""
    asked = wanted.strip().casefold().removesuffix("*").removesuffix(".")
    return bool(asked) and any(
        category.casefold() == asked or category.casefold().startswith(asked + ".")
        for category in categories
    )


def speaks_of(wanted: str, document: Document) -> bool:
    """Tell whether the paper has the wanted words side by side, whatever their endings."""
    asked = stems(wanted)
    return bool(asked) and any(
        _contains(stems(text), asked) for text in (document.title, document.abstract)
    )


def _contains(have: Sequence[str], asked: Sequence[str]) -> bool:
    width = len(asked)
    first = asked[0]
    return any(
        word == first and list(have[i : i + width]) == list(asked) for i, word in enumerate(have)
    )
