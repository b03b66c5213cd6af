"""The demonstration: the whole wire on the bundled sample, without a network, again and again."""

from __future__ import annotations

import io
import re
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bot.demo import ROOMS, play, ten_days
from bot.sources import sample_source
from tests.command_line import CommandLine


@pytest.fixture(scope="module")
def shown() -> str:
    """Return what one run shows, with every way to another machine blocked."""
    tried: list[object] = []
    real = socket.socket.connect

    def refuse(_self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("no network here")

    socket.socket.connect = refuse  # type: ignore[assignment,method-assign]  # restored below
    stream = io.StringIO()
    try:
        play(stream)
    finally:
        socket.socket.connect = real  # type: ignore[method-assign]  # as it was
    assert tried == []
    return stream.getvalue()


def test_ten_days_and_three_channels_are_played(shown: str) -> None:
    assert re.findall(r"── Day (\d+): ", shown) == [str(number) for number in range(1, 11)]
    assert len(sample_source.days()) == 10
    for room in ROOMS:
        assert f"#{room.name}  /papers subscribe {room.interests}" in shown
        assert shown.count(f"Papers for {room.name}") >= 8


def test_every_card_carries_title_link_authors_date_summary_and_reason(shown: str) -> None:
    links = re.findall(r"^ +https://arxiv\.org/abs/\d{4}\.\d{4,5}$", shown, re.MULTILINE)
    cards = re.findall(r"^ +\d  \S.*\n(?: +\S.*\n)+", shown, re.MULTILINE)
    full = [card for card in cards if "https://arxiv.org/abs/" in card]
    assert len(full) == len(links) > 50
    for text in full:
        card = " ".join(text.split())  # long lines of authors are broken anywhere
        assert re.search(r"\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}", card)
        assert re.search(r"why +\S", card)
        assert " and " in card or " · " in card
        assert len(text.splitlines()) >= 5


def test_nothing_is_posted_twice_to_a_channel(shown: str) -> None:
    for room in ROOMS:
        digests = shown.split(f"Papers for {room.name}")[1:]
        links = [
            link
            for digest in digests
            for link in re.findall(r"arxiv\.org/abs/\S+", digest.split("Papers for ")[0])
        ]
        own = [link for link in links if links.count(link) > 1]
        assert own == []


def test_reactions_are_said_to_be_simulated_and_change_the_last_digest(shown: str) -> None:
    assert "the readers and their reactions are simulated" in shown
    assert shown.count("Simulated reactions: ") >= 5
    compared = shown.split("What the reactions changed")[1]
    for words in ("without the reactions", "with them", "terms that gained: ", "terms that lost: "):
        assert words in compared
    gained = re.findall(r"terms that gained: (.*)", compared)
    lost = re.findall(r"terms that lost: +(.*)", compared)
    assert len(gained) == len(lost) == 3
    assert any(row != "none" for row in gained)
    assert any(row != "none" for row in lost)


def test_it_ends_with_three_things_to_try(shown: str) -> None:
    farewell = shown.split("That was the whole wire")[1]
    assert re.findall(r"^  (\d)\. ", farewell, re.MULTILINE) == ["1", "2", "3"]
    for command in ("chat", "run --once", "init"):
        assert command in farewell


def test_it_shows_the_same_every_time_and_leaves_nothing_behind(
    shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stream = io.StringIO()
    play(stream)
    assert stream.getvalue() == shown
    assert list(tmp_path.iterdir()) == []


def test_the_folder_goes_even_when_it_is_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            if "Day 2" in text:
                raise BrokenPipeError
            return super().write(text)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises((BrokenPipeError, SystemExit)):  # rich turns the one into the other
        play(Full())
    assert list(tmp_path.iterdir()) == []


def test_in_brief_it_shows_titles_and_reasons(paperwire: CommandLine) -> None:
    ran = paperwire("demo", "--brief")
    assert ran.status == 0
    assert ran.err == ""
    assert ran.out.count("       why: ") >= 50
    assert "arxiv.org/abs" not in ran.out
    assert "terms that gained" in ran.out
    assert not paperwire.home.exists()


@pytest.mark.parametrize(
    ("called", "path", "expected"),
    [
        ("/opt/wire/.venv/bin/paperwire", "/usr/bin", "/opt/wire/.venv/bin/paperwire"),
        ("here/.venv/bin/paperwire", "/usr/bin", ".venv/bin/paperwire"),
        ("/anywhere/pytest", "/usr/bin", "paperwire"),
    ],
)
def test_the_next_steps_name_the_command_as_it_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: str, path: str, expected: str
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    called = str(folder / called.removeprefix("here/")) if called.startswith("here/") else called
    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setenv("PATH", path)
    assert ten_days._command() == expected


def test_a_command_on_the_path_is_named_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "paperwire"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ten_days._command() == "paperwire"
