"""Being stopped while still starting: it ends soon, in order, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.app import App
from bot.platforms.terminal import Terminal
from bot.ports import Inbound
from bot.settings import Settings, load

VARIABLES = {
    "PAPERWIRE_HUGGINGFACE__ENABLED": "false",
    "PAPERWIRE_ARXIV__ENABLED": "false",
    "PAPERWIRE_BACKUP__ENABLED": "false",
    "PAPERWIRE_LOG__FORMAT": "json",
}
# Runs the command with a platform that takes for ever to start.
SLOW = """
import asyncio, sys
from bot.cli import main
from bot.platforms.terminal import Terminal

async def start(self, inbound):
    print("starting", flush=True)
    await asyncio.sleep(3600)

Terminal.start = start
sys.argv = ["paperwire", "run"]
main()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(tmp_path, VARIABLES)


class Slow:
    """Stands in for the terminal's start and stop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.cut, self.stopped = asyncio.Event(), False, 0
        slow = self

        async def start(self: Terminal, inbound: Inbound) -> None:
            slow.begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                slow.cut = True

        async def stop(self: Terminal) -> None:
            slow.stopped += 1

        monkeypatch.setattr(Terminal, "start", start)
        monkeypatch.setattr(Terminal, "stop", stop)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_during_the_start_ends_it_in_order(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    slow = Slow(monkeypatch)

    async def run() -> None:
        async with App(settings, signals=True) as app:
            await app.serve()

    running = asyncio.create_task(run())
    await slow.begun.wait()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(running, 20)
    assert slow.cut
    assert slow.stopped == 1
    app = App(settings)  # the folder is free again
    await app.__aexit__()


async def test_a_signal_before_the_start_lets_nothing_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    app = App(settings, signals=True)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(20), app:
        await app.serve()
    assert slow.stopped == 1


async def test_what_goes_wrong_in_the_start_is_told_and_everything_is_closed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)

    async def start(self: Terminal, inbound: Inbound) -> None:
        raise OSError("the port is taken")

    monkeypatch.setattr(Terminal, "start", start)
    with pytest.raises(OSError, match="the port is taken"):
        async with App(settings, signals=True):
            raise AssertionError("it must not begin")
    assert slow.stopped == 1


async def test_whoever_gives_the_start_up_is_obeyed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    entering = asyncio.create_task(App(settings).__aenter__())
    await slow.begun.wait()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert slow.cut
    assert slow.stopped == 1


def test_the_command_that_is_stopped_while_it_starts_ends_with_status_nought(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW],
        env={**os.environ, **VARIABLES, "PAPERWIRE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "starting\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events[-2:] == ["stopped_while_starting", "stopped"]
