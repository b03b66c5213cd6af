"""Saved papers out to a reference manager and back, by the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot import profiles
from bot.cli.main import front
from bot.domain import Channel, Entry, Feedback, PaperwireError, Signal, Via
from bot.services.bibliography import Format, entry_of, read
from bot.services.ingest import repair
from bot.services.library import saved_papers
from bot.store import Store, channels, feedback
from bot.store import papers as paper_rows

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)
ENTRIES = (
    Entry("Speech & Noise at 5% {of} the Cost", "Halls echo.", ("Ada Roe",), arxiv_id="2606.00001"),
    Entry("Über Wälder", "", ("Jörg Lind", "Plato"), doi="10.1234/woods"),
    Entry("Never Saved", "", (), arxiv_id="2606.00003"),
)


@dataclass
class Home:
    folder: Path

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(
            front,
            ["--home", str(self.folder), *words],
            standalone_mode=False,
            catch_exceptions=False,
        )

    def make(self, *names: str, save: bool = False) -> None:
        """Make channels; in the first, two of the papers are saved, by two people."""
        store = Store(self.folder / "paperwire.db")
        with store.write() as connection:
            made = [
                channels.insert(
                    connection,
                    Channel(0, "terminal", name, name, profiles.parse("")),
                    private=False,
                    now=NOW,
                )
                for name in names
            ]
            for number, entry in enumerate(ENTRIES if save else ()):
                stored = paper_rows.store_entry(
                    connection, entry, repair(entry), now=NOW, listed_on=None
                )
                for person in ("ada", "ben"):
                    active = number < 2
                    row = Feedback(
                        made[0].id, stored.paper_id, person, Signal.SAVE, active, NOW, Via.BUTTON
                    )
                    feedback.restore(connection, [row])
        store.close()

    def saved(self) -> list[Entry]:
        store = Store(self.folder / "paperwire.db")
        found = [entry_of(paper) for paper in saved_papers(store)]
        store.close()
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "one")
    made.make("desk", "lab", save=True)
    return made


@pytest.mark.parametrize(("form", "suffix"), [("bibtex", "bib"), ("ris", "ris"), ("csl", "json")])
def test_saved_papers_come_back_as_they_were(
    home: Home, tmp_path: Path, form: str, suffix: str
) -> None:
    file = tmp_path / f"saved.{suffix}"
    done = home.run("export", "--format", form, "--output", str(file))
    assert done.output == f"Wrote {file}: 2 saved papers.\n"
    shown = home.run("export", "--format", form, "--channel", "desk")
    assert shown.stdout_bytes == file.read_bytes()
    assert home.run("export", "--format", form, "--channel", "lab").output.strip() in {"", "[]"}

    other = Home(tmp_path / "two")
    other.make("desk")
    done = other.run("import", str(file), "--channel", "desk", "--as", "saved")
    assert done.output == "Added 2 saved papers; 2 of the papers were not known yet.\n"
    assert other.saved() == home.saved()
    again = other.run("import", str(file), "--channel", "desk", "--as", "saved")
    assert again.output == "Added 0 saved papers; 0 of the papers were not known yet.\n"


def test_a_library_counts_as_liked_unless_told_otherwise(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "library.ris"
    file.write_text("TY  - GEN\nTI  - Something New\nER  - \n", encoding="utf-8")
    done = home.run("import", str(file), "--channel", "lab")
    assert done.output == "Added 1 likes; 1 of the papers were not known yet.\n"
    assert len(home.saved()) == 2


def test_what_cannot_be_imported_is_told(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "empty.bib"
    file.write_text("nothing here", encoding="utf-8")
    with pytest.raises(PaperwireError, match="no BibTeX entry with a title"):
        home.run("import", str(file), "--channel", "desk")
    file = tmp_path / "list.json"
    file.write_text("[{}, 2]", encoding="utf-8")
    with pytest.raises(PaperwireError, match="no CSL-JSON entry"):
        home.run("import", str(file), "--channel", "desk")
    with pytest.raises(PaperwireError, match="cannot be written"):
        home.run("export", "--format", "ris", "--output", str(tmp_path / "none" / "saved.ris"))


def test_the_json_export_is_as_it_was(home: Home) -> None:
    data = json.loads(home.run("export").output)
    assert data["channels"][0]["saved"] == ["2606.00001", "p2"]
    assert [entry.title for entry in read(Format.CSL, json.dumps(data["papers"]))]
