"""``paperwire chat``: one command or many, beside a running copy, and at a real terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import take_lock
from bot.settings import Settings
from bot.store import Store, channels
from tests.command_line import CommandLine
from tests.scenario.wire import api_entry


def test_one_command_is_carried_out_and_its_trouble_is_the_status(paperwire: CommandLine) -> None:
    good = paperwire("chat", "subscribe", "speech", "recognition")
    assert (good.status, "Subscribed" in good.out) == (0, True)
    bad = paperwire("chat", "settings", "size=99")
    assert bad.status == 1
    assert "size is a whole number from 1 to 20" in bad.out
    elsewhere = paperwire("chat", "--channel", "other", "status")
    assert (elsewhere.status, "no subscription yet" in elsewhere.out) == (1, True)


def test_many_commands_are_typed_one_a_line(paperwire: CommandLine) -> None:
    ran = paperwire("chat", typed="subscribe speech\n\nnonsense\nstatus\n")
    assert ran.status == 0
    assert "Subscribed" in ran.out
    assert 'There is no command "nonsense"' in ran.out
    assert "Status of desk" in ran.out


def due(command: CommandLine, tmp_path: Path) -> None:
    """Subscribe, read a paper and make a digest due."""
    paperwire = command
    path = tmp_path / "2026-06-15.json"
    path.write_text(json.dumps([api_entry("2606.00001", "A study of speech", "We study speech.")]))
    paperwire("ingest", path)
    paperwire("chat", "subscribe", "speech")
    store = Store(command.home / "paperwire.db")
    with store.write() as connection:
        long_ago = (datetime.now(UTC) - timedelta(days=8)).isoformat()
        connection.execute(
            "UPDATE channels SET schedule = '* * * * *', scheduled_at = ?", (long_ago,)
        )
    store.close()
    assert "2 messages" not in paperwire("plan", "--write").out


def sent(command: CommandLine) -> int:
    counts = command("outbox", "--json").json["counts"]
    return int(counts["sent"])


def test_a_chat_sends_what_waits_and_leaves_nothing_locked(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    due(paperwire, tmp_path)
    ran = paperwire("chat", "status")
    assert sent(paperwire) == 2
    assert "A study of speech" in ran.out
    take_lock(Settings(home=paperwire.home)).release()


def test_beside_a_running_copy_a_chat_answers_and_sends_nothing(
    paperwire: CommandLine, tmp_path: Path
) -> None:
    due(paperwire, tmp_path)
    lock = take_lock(Settings(home=paperwire.home))
    ran = paperwire("chat", "like", "1")
    assert ran.status == 0
    assert sent(paperwire) == 0
    lock.release()
    paperwire("chat", "status")
    assert sent(paperwire) == 2


def test_the_place_of_a_chat_is_its_own_channel(paperwire: CommandLine) -> None:
    for name in ("one", "two"):
        paperwire("chat", "--channel", name, "subscribe", name)
    store = Store(paperwire.home / "paperwire.db")
    with store.read() as connection:
        found = {c.name: c.profile.terms for c in channels.every(connection)}
    store.close()
    assert found == {"one": ("one",), "two": ("two",)}


def test_people_of_a_chat_have_lists_of_their_own(paperwire: CommandLine, tmp_path: Path) -> None:
    due(paperwire, tmp_path)
    paperwire("chat", "--person", "ada", "save", "1")
    assert "1 saved paper" in paperwire("chat", "--person", "ada", "saved").out
    assert "nothing here yet" in paperwire("chat", "--person", "bo", "saved").out


# --- at a terminal ------------------------------------------------------------------------------


AT_A_TERMINAL = (
    "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);from bot.cli import main; main()"
)


class Typist:
    """A person at a real terminal, who waits for words before typing on."""

    def __init__(self, home: Path) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PAPERWIRE_")}
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_A_TERMINAL, "chat"],
            env={**environ, "PAPERWIRE_HOME": str(home), "TERM": "dumb"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def wait_for(self, words: str, seconds: float = 60.0) -> None:
        until = time.monotonic() + seconds
        while words not in self.seen:
            left = until - time.monotonic()
            assert left > 0, f"{words!r} was never shown: {self.seen[-500:]!r}"
            ready, _, _ = select.select([self.master], [], [], left)
            if ready:
                try:
                    self.seen += os.read(self.master, 4096).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"it ended: {self.seen[-500:]!r}") from None

    def type(self, text: str) -> None:
        self.seen = ""
        os.write(self.master, text.encode())

    def end(self) -> int:
        """Return the status it ended with; everything it still says is kept."""
        try:
            status = self.process.wait(timeout=10)
            while select.select([self.master], [], [], 0.1)[0]:
                try:
                    more = os.read(self.master, 4096)
                except OSError:
                    break
                self.seen += more.decode(errors="replace")
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.master)
        return status


@pytest.mark.parametrize(("keys", "status"), [("\x03", 130), ("\x04", 0)], ids=["ctrl-c", "ctrl-d"])
def test_a_key_ends_a_chat_at_once(tmp_path: Path, keys: str, status: int) -> None:
    typist = Typist(tmp_path)
    typist.wait_for("/papers ")
    typist.type("subscribe speech\n")
    typist.wait_for("Subscribed")
    typist.wait_for("/papers ")
    time.sleep(0.2)  # readline takes the terminal over after its prompt is shown
    typist.type(keys)
    assert typist.end() == status
    assert "Traceback" not in typist.seen


def test_two_chats_at_once_serve_one_home(tmp_path: Path) -> None:
    first, second = Typist(tmp_path), Typist(tmp_path)
    for typist, words in ((first, "subscribe speech"), (second, "profile add graphs")):
        typist.wait_for("/papers ")
        typist.type(f"{words}\n")
        typist.wait_for("Subscribed" if typist is first else "Interests updated")
    for typist in (first, second):
        typist.process.send_signal(signal.SIGTERM)
        assert typist.end() == -signal.SIGTERM
    store = Store(tmp_path / "paperwire.db")
    with store.read() as connection:
        [channel] = channels.every(connection)
    store.close()
    assert channel.profile.terms == ("speech", "graphs")
