"""The installation's own word space: fitted in a process of its own, in use once it is better.

Fitting over 100,000 papers takes a minute of a processor and much memory; a process apart leaves
the event loop its turns and gives the memory back.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.domain import PaperwireError
from bot.services.ranker import to_document
from bot.store import Store
from bot.store import papers as paper_rows

if TYPE_CHECKING:
    from ranking.document import Document
    from ranking.vectors import Space

log = structlog.get_logger(__name__)

FILE_NAME = "space.npz"
MOST_PAPERS = 100_000  # the newest of a larger store tell as much
PAGE = 2_000


def own_space(home: Path) -> Space | None:
    """Return the space that this installation fitted; None where there is none or it is damaged."""
    from ranking.vectors import Space, SpaceFileError

    path = home / FILE_NAME
    if not path.is_file():
        return None
    try:
        return Space.load(path)
    except SpaceFileError as error:
        log.warning("own_space_unreadable", reason=str(error))
        return None


async def fit_if_due(store: Store, home: Path, fitted_on: int) -> bool:
    """Fit the own space anew where the store has grown enough; return whether that was done."""
    from ranking.hand_over import due_for_fit

    def count() -> int:
        with store.read() as connection:
            return paper_rows.count(connection)

    if store.path is None or not due_for_fit(await asyncio.to_thread(count), fitted_on):
        return False
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.services.spaces",
        str(store.path),
        str(home / FILE_NAME),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        words = said.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        log.error("own_space_failed", status=process.returncode, reason=words[0])
        return False
    return True


def fit(database: Path, target: Path) -> Space:
    """Fit a space over the newest stored papers and put it in the target's place in one step."""
    from ranking.vectors import Space

    store = Store(database)
    try:
        space = Space.fit(_documents(store))
    finally:
        store.close()
    beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        space.save(beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise PaperwireError(f"{target} cannot be written ({error.strerror or error}).") from error
    return space


def _documents(store: Store) -> Iterator[Document]:
    # Page by page: no read transaction stands open over the whole fit, and memory stays bounded.
    with store.read() as connection:
        last = paper_rows.newest_before(connection, MOST_PAPERS)
    while True:
        with store.read() as connection:
            papers = paper_rows.after(connection, last, PAGE)
        if not papers:
            return
        yield from (to_document(paper) for paper in papers)
        last = papers[-1].id


if __name__ == "__main__":
    fit(Path(sys.argv[1]), Path(sys.argv[2]))
