"""The reference in deploy/README.md is what the code says."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path

from bot.cli.reference import BEGIN, END, list_metrics, rewrite
from bot.demo.ten_days import Demo
from bot.services.metrics import LoopLag, render
from bot.store import Store, listings
from bot.store.listings import Cursor

DOCUMENT = Path(__file__).resolve().parents[2] / "deploy" / "README.md"


def test_the_reference_is_what_the_code_says() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert rewrite(text) == text, "run: make docs"


def test_rewriting_keeps_what_stands_around_the_marks() -> None:
    made = rewrite(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert made.startswith(f"before\n{BEGIN}\n## Every setting")
    assert made.endswith(f"{END}\nafter\n")
    assert "\nold\n" not in made


async def test_every_metric_that_is_served_is_listed_with_its_labels(tmp_path: Path) -> None:
    await Demo(tmp_path, io.StringIO(), brief=True).run()
    store = Store(tmp_path / "paperwire.db")
    now = datetime(2026, 10, 17, 9, tzinfo=UTC)
    with store.write() as connection:
        listings.save_cursor(connection, Cursor("https://a.example/x", "arxiv", succeeded_at=now))
    served = render(store, now, LoopLag())
    store.close()
    listed = {metric.name: metric for metric in list_metrics()}
    types = re.findall(r"^# TYPE (\S+) (\S+)$", served, re.MULTILINE)
    assert sorted(types) == sorted((metric.name, metric.type) for metric in listed.values())
    for name, about in re.findall(r"^# HELP (\S+) (.*)$", served, re.MULTILINE):
        assert listed[name].about == about
    samples = re.findall(r"^(\w+?)(?:\{(.*)\})? \S+$", served, re.MULTILINE)
    assert {name for name, _ in samples} >= {"paperwire_posts", "paperwire_source_failures"}
    for name, labels in samples:
        assert tuple(re.findall(r'(\w+)="', labels)) == listed[name].labels, name
