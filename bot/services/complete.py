"""Titles as a person types: beginnings, words from the middle, one mistake forgiven."""

from __future__ import annotations

import re
import sqlite3

from bot.store import Store
from bot.store import search as table
from ranking.spelling import edits
from ranking.text import fold

LONGEST = 120  # characters of typing that are looked at
SHORTEST_MISTAKE = 4  # letters
BEGINNINGS = 12  # ways to read a mistyped beginning
_WORD = re.compile(r"[^\W_]+")


def complete_title(store: Store, prefix: str, limit: int = 10) -> tuple[tuple[str, str], ...]:
    """Return (handle, title) of titles that go on as typed, then of titles that hold the words.

    The last word may be unfinished. Where nothing fits, one mistake in one word is forgiven.
    Newest first within each kind; never raises on what was typed.
    """
    words = _WORD.findall(fold(prefix[:LONGEST]))
    if not words or limit <= 0:
        return ()
    finished = prefix[-1:].isspace()
    with store.read() as connection:
        rows = table.titles(connection, f"^ {_phrase(words, finished=finished)}", limit)
        if len(rows) < limit:
            known = {row["id"] for row in rows}
            more = table.titles(connection, _all(words, finished=finished), limit + len(rows))
            rows += [row for row in more if row["id"] not in known]
        if not rows and len(words) > 1:
            # Some people leave every word unfinished.
            parts = [f'"{word}" *' if len(word) > 1 else f'"{word}"' for word in words]
            rows = table.titles(connection, " AND ".join(parts), limit)
        if not rows:
            rows = _forgiven(connection, words, limit, finished=finished)
    return tuple((row["arxiv_id"] or f"p{row['id']}", row["title"]) for row in rows[:limit])


def _phrase(words: list[str], *, finished: bool) -> str:
    return f'"{" ".join(words)}"' + ("" if finished else " *")


def _all(words: list[str], *, finished: bool) -> str:
    quoted = [f'"{word}"' for word in words]
    return " AND ".join(quoted) + ("" if finished else " *")


def _forgiven(
    connection: sqlite3.Connection, words: list[str], limit: int, *, finished: bool
) -> list[sqlite3.Row]:
    """Mend one word: one that no title has, else the last, whose beginning no title has."""
    whole = words if finished else words[:-1]
    present = set(table.title_words(connection, whole))
    missing = [i for i, word in enumerate(whole) if word not in present]
    if len(missing) > 1:
        return []
    place = missing[0] if missing else len(words) - 1
    if len(words[place]) < SHORTEST_MISTAKE:
        return []
    near = sorted(set(edits(words[place])))
    if place == len(words) - 1 and not finished:
        # The longest readings keep most of what was typed.
        found = table.title_beginnings(connection, near)
        found.sort(key=lambda one: (one[0] != words[place][0], -len(one), one))
        choices = [f'"{one}" *' for one in found[:BEGINNINGS]]
    else:
        choices = [f'"{one}"' for one in table.title_words(connection, near)]
    if not choices:
        return []
    parts = [f'"{word}"' for word in words]
    if not finished:
        parts[-1] += " *"
    parts[place] = f"({' OR '.join(choices)})"
    return table.titles(connection, " AND ".join(parts), limit)
