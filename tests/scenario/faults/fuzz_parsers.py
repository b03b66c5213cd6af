"""Feeds every parser what atheris makes of our own listings, guided by coverage.

Not part of the tests: ``pip install atheris``, then

    python -m tests.scenario.faults.fuzz_parsers -runs=200000 -seed=1

With ``--whole`` first, what the parsers let through goes on into a store, summaries and the posts
of every layout. What is found becomes a test in ``tests/unit/test_sources_hostile.py`` or in
``tests/scenario/test_whole_way.py``.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import atheris  # type: ignore[import-not-found, unused-ignore]  # only where someone fuzzes

PARTS = ["bot.sources", "feedparser", "bot.services.ingest", "bot.render", "ranking.repair"]

with atheris.instrument_imports(include=[*PARTS, "ranking.latex"]):
    from tests.scenario.whole_way import WholeWay
    from tests.unit.test_sources_hostile import TEMPLATES, check_all


def main() -> None:
    """Fuzz until ``-runs`` are done, or something raises; its input is written to a file."""
    warnings.simplefilter("error")  # as in the tests
    arguments = [one for one in sys.argv[1:] if one != "--whole"]
    take = WholeWay().go if len(arguments) < len(sys.argv) - 1 else check_all

    def feed(body: bytes) -> None:
        take(body)

    with tempfile.TemporaryDirectory() as folder:
        for number, template in enumerate(TEMPLATES):
            (Path(folder) / str(number)).write_bytes(template)
        atheris.Setup([sys.argv[0], "-max_len=4096", "-timeout=20", *arguments, folder], feed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
