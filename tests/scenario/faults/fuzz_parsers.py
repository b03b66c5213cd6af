"""Feeds every parser what atheris makes of our own listings, guided by coverage.

Not part of the tests: ``pip install atheris``, then

    python -m tests.scenario.faults.fuzz_parsers -runs=200000 -seed=1

What it finds becomes a test in ``tests/unit/test_sources_hostile.py``.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import atheris  # type: ignore[import-not-found, unused-ignore]  # only where someone fuzzes

with atheris.instrument_imports(include=["bot.sources", "feedparser"]):
    from tests.unit.test_sources_hostile import TEMPLATES, check_all


def main() -> None:
    """Fuzz until ``-runs`` are done, or something raises; its input is written to a file."""
    warnings.simplefilter("error")  # as in the tests
    with tempfile.TemporaryDirectory() as folder:
        for number, template in enumerate(TEMPLATES):
            (Path(folder) / str(number)).write_bytes(template)
        arguments = [sys.argv[0], "-max_len=4096", "-timeout=20", *sys.argv[1:], folder]
        atheris.Setup(arguments, check_all)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
