"""The real service in processes that are meant to be killed.

Run as a program it imports everything once and then forks one service for each line it reads
(a JSON object, see ``Order``): a kill a second instead of one in ten. Only waiting times are
shorter than in ``paperwire run``; store, services, adapters and wire formats are the real ones.

Whoever starts it holds its standard input open. When that ends, however it ends, so do the
program and all its services: a killed test session leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SCALE = 30.0  # seconds of the service's clock in one of ours


@dataclass(frozen=True, slots=True)
class Order:
    """What a service is started with. ``fault`` is a place of bot.faults to die at."""

    home: str
    settings: dict[str, str]
    fault: str = ""
    slack: dict[str, str] = field(default_factory=dict)
    discord: dict[str, str] = field(default_factory=dict)
    email: dict[str, Any] = field(default_factory=dict)


def set_clock(home: Path, moment: datetime) -> None:
    """Let the service's clock stand at a moment now and go on from there."""
    text = json.dumps([moment.isoformat(), time.time()])
    (home / "clock.new").write_text(text)
    (home / "clock.new").replace(home / "clock")


def read_clock(home: Path) -> datetime:
    """Return the service's time."""
    moment, since = json.loads((home / "clock").read_text())
    passed = timedelta(seconds=(time.time() - since) * SCALE)
    return datetime.fromisoformat(moment) + passed


async def serve(order: Order) -> None:
    """Run one service until it is stopped or killed."""
    from bot import app as app_module
    from bot import faults
    from bot.app import App
    from bot.settings import load
    from bot.sources.limits import Pace

    faults.arm(order.fault)
    for name, seconds in (("PLAN", 0.3), ("DELIVER", 0.15), ("LOOK_UP", 0.5)):
        setattr(app_module, f"{name}_EVERY", timedelta(seconds=seconds))
    # Long enough for a slow machine: what a plan did not wait for is looked at a day later.
    app_module.POLLS_AWAITED = timedelta(seconds=15)
    home = Path(order.home)
    build: Any = vars(app_module)["build_platforms"]

    def platforms(settings: Any, store: Any, rankers: Any, clock: Any) -> dict[str, Any]:
        found = dict(build(settings, store, rankers, clock))
        found |= {one.name: one for one in _connected(order, store, clock)}
        return found

    vars(app_module)["build_platforms"] = platforms
    settings = load(home, order.settings)
    async with App(settings, lambda: read_clock(home)) as app:
        app.fetcher._limiter._default = Pace(seconds=0.01, connections=2)
        # The sources are asked for news as soon as the clock has moved on to another day.
        polling = asyncio.create_task(_poll(app))
        (home / "ready").write_text(str(os.getpid()))
        try:
            await app.serve()
        finally:
            polling.cancel()


async def _poll(app: Any) -> None:
    day = None
    while True:
        today = app.clock().date()
        if today != day:
            for polled in app.sources:
                app._kick(f"poll {polled.source.name}", lambda polled=polled: app.poll(polled))
            day = today
        await asyncio.sleep(0.1)


def _connected(order: Order, store: Any, clock: Any) -> list[Any]:
    found: list[Any] = []
    if order.slack:
        from bot.platforms.slack import Connection, Slack

        found.append(
            Slack(
                Connection(
                    api_url=order.slack["api_url"],
                    bot_token=order.slack["bot_token"],
                    app_token=order.slack["app_token"],
                    ping_seconds=0.5,
                    pace_seconds=0.0,
                )
            )
        )
    if order.discord:
        from bot.platforms.discord import Discord, Pace

        pace = Pace(
            start=5.0,
            send=1.5,
            answer=0.3,
            retry=0.05,
            longest_retry=0.2,
            refused=0.2,
            ready=0.03,
            identify=0.0,
            gap=0.02,
        )
        found.append(Discord(order.discord["token"], api_url=order.discord["api_url"], pace=pace))
    if order.email:
        from bot.platforms.email import Email, Server
        from bot.services.letters import Letters
        from bot.services.manage import Defaults

        server = Server(
            host="127.0.0.1",
            port=int(order.email["port"]),
            sender="papers@wire.example.org",
            security="none",
            timeout=3.0,
            answer_timeout=2.0,
        )
        found.append(
            Email(
                server,
                Letters(store, clock, defaults=Defaults()),
                public_url="https://papers.example.org",
                listen=("127.0.0.1", int(order.email["http_port"])),
                clock=clock,
            )
        )
    return found


def _preload(names: list[str]) -> None:
    for module in (
        "app",
        "platforms.terminal",
        "services.letters",
        "sources.arxiv",
        "sources.feed",
        "sources.fetch",
        "sources.huggingface",
        *(f"platforms.{name}" for name in names),
    ):
        importlib.import_module(f"bot.{module}")
    from bot.services.ranker import Rankers
    from bot.store import Store
    from bot.world import bundled_world

    store = Store(None)
    Rankers(store, bundled_world()).current()  # what it imports late is imported
    store.close()


def _end_with(lifeline: int) -> None:
    """Wait, in a thread, for whoever holds the other end of a pipe to be gone, and end then."""

    def wait() -> None:
        os.read(lifeline, 1)  # nothing is ever written
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _child(order: Mapping[str, Any], log: str, lifeline: int) -> None:
    _end_with(lifeline)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(open(2, "w", closefd=False)))  # noqa: SIM115
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, force=True)
    asyncio.run(serve(Order(**order)))


def main() -> None:
    """Fork a service for each line; on a line that is a number, say how that child ended."""
    _preload(sys.argv[1:])
    lifeline, held = os.pipe()  # only this process keeps the end that is held
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, int):
            pid, status = os.waitpid(asked, os.WNOHANG)
            print(os.waitstatus_to_exitcode(status) if pid else "runs", flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            code = 1
            os.close(held)
            try:
                _child(asked["order"], asked["log"], lifeline)
                code = 0
            except BaseException:
                logging.getLogger(__name__).exception("the service ended")
            finally:
                os._exit(code)
        print(pid, flush=True)


class Nursery:
    """Starts services and knows how they ended. For one test session."""

    def __init__(self, platforms: list[str]) -> None:
        self.platforms = platforms
        self._process: asyncio.subprocess.Process | None = None
        self._ended: dict[int, int] = {}

    async def open(self) -> None:
        """Import everything once."""
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith("PAPER")
        }
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.scenario.faults.service",
            *self.platforms,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd=ROOT,
        )
        assert await self._read() == "ready"

    async def close(self) -> None:
        """End the parent of all services; they are dead by then."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()

    async def start(self, order: Order, log: Path) -> int:
        """Start a service and return its process id."""
        pid = int(await self._ask({"order": asdict(order), "log": str(log)}))
        self._ended.pop(pid, None)  # the system gives numbers anew
        return pid

    async def ended(self, pid: int) -> int | None:
        """Return how a service ended (minus the signal that killed it), None while it runs."""
        if pid not in self._ended:
            told = await self._ask(pid)
            if told == "runs":
                return None
            self._ended[pid] = int(told)
        return self._ended[pid]

    async def _ask(self, what: object) -> str:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()
        return await self._read()

    async def _read(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 120)
        assert line, "the parent of the services ended"
        return line.decode().strip()


if __name__ == "__main__":
    main()
