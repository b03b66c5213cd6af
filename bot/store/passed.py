"""What digests looked at and did not post, and at which step each paper fell out.

That is thousands of papers a digest, asked for one at a time and seldom: one packed row holds them
all. What a restore set aside is asked for at every plan and has rows of its own (bot.store.gap).
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import Any

RESTORED = "restored"  # the step at which a paper that was set aside fell out
FAST = 1  # zlib's level: the next ones save a tenth and take twice as long
# The newest daily digest of each channel: /papers more goes on from what it passed over.
LAST_DIGESTS = "SELECT max(id) FROM digests WHERE kind = 'daily' GROUP BY channel_id"


@dataclass(frozen=True, slots=True)
class Passed:
    """A paper that a digest looked at and did not post."""

    paper_id: int
    match: int | None
    step: str
    short_by: float
    words: str


def insert(connection: sqlite3.Connection, digest_id: int, passed: Iterable[Passed]) -> None:
    """Keep what a new digest passed over."""
    ordered = sorted(passed, key=lambda one: one.paper_id)
    if not ordered:
        return
    numbers = [one.paper_id for one in ordered]
    why = (
        [one.match for one in ordered],
        [one.short_by for one in ordered],
        _named([one.step for one in ordered]),
        _named([one.words for one in ordered]),
    )
    apart = [numbers[0], *(after - before for before, after in pairwise(numbers))]
    connection.execute(
        "INSERT INTO passed_over VALUES (?, ?, ?, ?, ?)",
        (digest_id, numbers[0], numbers[-1], _pack(apart), _pack(why)),
    )


def of_digest(connection: sqlite3.Connection, digest_id: int) -> tuple[Passed, ...]:
    """Return everything that a digest passed over, by paper."""
    row = connection.execute(
        "SELECT papers, why FROM passed_over WHERE digest_id = ?", (digest_id,)
    ).fetchone()
    packed = () if row is None else _unpacked(row)
    aside = connection.execute(
        "SELECT paper_id, words FROM set_aside WHERE digest_id = ?", (digest_id,)
    )
    return tuple(sorted((*packed, *map(_row_to_aside, aside)), key=lambda one: one.paper_id))


def newest(
    connection: sqlite3.Connection, channel_id: int, paper_id: int
) -> tuple[int, Passed] | None:
    """Return the newest digest of a channel that passed a paper over, and why; or None."""
    found: list[tuple[int, Passed]] = []
    rows = connection.execute(
        "SELECT o.* FROM passed_over o JOIN digests g ON g.id = o.digest_id"
        " WHERE g.channel_id = ? AND ? BETWEEN o.first AND o.last ORDER BY g.id DESC",
        (channel_id, paper_id),
    )
    for row in rows:
        if why := among(row, {paper_id}):
            found.append((row["digest_id"], why[0]))
            break
    aside = connection.execute(
        "SELECT s.* FROM set_aside s JOIN digests g ON g.id = s.digest_id"
        " WHERE g.channel_id = ? AND s.paper_id = ? ORDER BY g.id DESC LIMIT 1",
        (channel_id, paper_id),
    )
    found += [(row["digest_id"], _row_to_aside(row)) for row in aside]
    return max(found, key=lambda one: one[0], default=None)


def runners_up(connection: sqlite3.Connection, channel_id: int, limit: int) -> tuple[int, ...]:
    """Return what the last daily digest passed over and may still be posted, the best first.

    Muted papers, near-duplicates and those that may have been posted before a restore stay out.
    """
    last = connection.execute(
        "SELECT max(id) FROM digests WHERE channel_id = ? AND kind = 'daily'", (channel_id,)
    ).fetchone()[0]
    if last is None:
        return ()
    given = {
        row["paper_id"]
        for row in connection.execute(
            "SELECT paper_id FROM deliveries WHERE channel_id = ?", (channel_id,)
        )
    }
    left = [
        one
        for one in of_digest(connection, last)
        if one.step not in {"muted", "duplicate", RESTORED} and one.paper_id not in given
    ]
    left.sort(key=lambda one: (one.match is None, -(one.match or 0), one.paper_id))
    return tuple(one.paper_id for one in left[:limit])


def in_line(connection: sqlite3.Connection) -> set[int]:
    """Return the papers that the last digest of any channel passed over."""
    rows = connection.execute(f"SELECT papers FROM passed_over WHERE digest_id IN ({LAST_DIGESTS})")
    return {number for row in rows for number in _numbers(row)}


def among(row: sqlite3.Row, papers: set[int]) -> list[Passed]:
    """Return which of these papers a row of ``passed_over`` holds."""
    if papers.isdisjoint(_numbers(row)):
        return []
    return [one for one in _unpacked(row) if one.paper_id in papers]


def repack(connection: sqlite3.Connection) -> None:
    """Fill the packed table from ``passed_over_rows``, a row for each paper: an older form."""
    rows = connection.execute(
        "SELECT digest_id, paper_id, match, step, short_by, words FROM passed_over_rows"
        " WHERE step <> ? ORDER BY digest_id, paper_id",
        (RESTORED,),
    )
    for digest_id, group in groupby(rows, key=lambda row: row[0]):
        insert(connection, digest_id, [Passed(*row[1:]) for row in group])


def _row_to_aside(row: sqlite3.Row) -> Passed:
    return Passed(row["paper_id"], None, RESTORED, 0.0, row["words"])


def _numbers(row: sqlite3.Row) -> list[int]:
    return list(accumulate(_read(row["papers"])))


def _unpacked(row: sqlite3.Row) -> list[Passed]:
    matches, short, steps, words = _read(row["why"])
    every = zip(_numbers(row), matches, _spelled(steps), short, _spelled(words), strict=True)
    return [Passed(*one) for one in every]


def _named(values: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the distinct values and the place of each: few say why so many fell out."""
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return list(places), [places[value] for value in values]


def _spelled(named: tuple[list[str], list[int]]) -> list[str]:
    names, places = named
    return [names[place] for place in places]


def _pack(value: object) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), FAST)


def _read(packed: bytes) -> Any:
    return json.loads(zlib.decompress(packed))
