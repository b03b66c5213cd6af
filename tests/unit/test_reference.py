"""The reference in deploy/README.md is what the code says."""

from __future__ import annotations

from pathlib import Path

from bot.cli.reference import BEGIN, END, rewrite

DOCUMENT = Path(__file__).resolve().parents[2] / "deploy" / "README.md"


def test_the_reference_is_what_the_code_says() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert rewrite(text) == text, "run: make docs"


def test_rewriting_keeps_what_stands_around_the_marks() -> None:
    made = rewrite(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert made.startswith(f"before\n{BEGIN}\n## Every setting")
    assert made.endswith(f"{END}\nafter\n")
    assert "\nold\n" not in made
