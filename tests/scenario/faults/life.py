"""A life under faults: days go by, people vote, the service is killed again and again.

Everything that is chosen is chosen by one seed. What a kill at a random time hits depends on the
machine as well; kills at named places repeat themselves.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Self

from bot import profiles
from bot.domain import Channel, Layout, MessageState, Signal
from bot.faults import POINTS
from bot.store import Store, channels, digests, feedback, papers, passed
from tests.adapters.loopback_source import LoopbackSource, page
from tests.scenario.faults.places import Chat, Vote, key_told, make_order
from tests.scenario.faults.service import Nursery, read_clock, set_clock
from tests.scenario.wire import api_entry

FIRST_DAY = date(2026, 6, 1)
DAILY = "/api/daily_papers"
SUBJECTS = ("Whispered speech", "Whale songs", "Robot hands", "Road graphs", "Protein maps",
            "Old scripts", "Soft fruit", "Loud kitchens", "Night trains", "Sea ice")  # fmt: skip
VERBS = ("counting", "sorting", "reading", "drawing", "weighing", "naming", "finding", "mending")
Stored = tuple[int, str, Signal]  # a paper, a person's keyed hash, what stands
LATE_FOR_GOOD = 15  # looks in a row at papers that no digest has seen
LAYOUTS = {"slack": Layout.THREAD, "discord": Layout.CARDS, "email": Layout.SINGLE}


@dataclass(frozen=True, slots=True)
class Kill:
    """How a service is to end: at a named place, at an acceptance, or after some seconds."""

    point: str = ""
    turn: int = 1
    accepted: int = 0
    seconds: float = 6.0

    @property
    def fault(self) -> str:
        return f"{self.point}:{self.turn}" if self.point else ""


@dataclass
class Life:
    """One home, its chats, and the count of what was done to it."""

    home: Path
    nursery: Nursery
    chats: list[Chat]
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    day: int = 0
    today: date = FIRST_DAY
    old: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.source = LoopbackSource()
        self.log = self.home / "service.log"
        self.listed: set[str] = set()

    async def __aenter__(self) -> Self:
        await self.source.__aenter__()
        self.source.add(DAILY, page(b"[]"))
        for chat in self.chats:
            await chat.open(self.home)
        self._subscribe()
        return self

    async def __aexit__(self, *error: object) -> None:
        for chat in self.chats:
            await chat.close()
        await self.source.__aexit__(None, None, None)

    def _subscribe(self) -> None:
        now = datetime.combine(FIRST_DAY, datetime.min.time(), UTC) - timedelta(hours=12)
        store = Store(self.home / "paperwire.db")
        with store.write() as connection:
            for chat in self.chats:
                channel = Channel(
                    0,
                    chat.name,
                    chat.address,
                    chat.name,
                    profiles.parse("speech, robots, graphs"),
                    threshold=0,
                    size=6,
                    schedule="daily 09:00",
                    layout=LAYOUTS.get(chat.name, Layout.CARDS),
                )
                channels.insert(connection, channel, private=False, now=now)
                if chat.name == "email":
                    _confirm(connection, chat.address, now)
        store.close()

    # --- days and kills

    async def next_day(self, papers: int = 2) -> None:
        """Bring out a listing and let it be a quarter to nine, so that a digest is soon due."""
        today = FIRST_DAY + timedelta(days=self.day)
        self.day += 1 if today.weekday() < 4 else 3  # nothing is listed at weekends
        self.today = today
        entries = []
        for number in range(1, papers + 1):
            subject, verb = self.dice.choice(SUBJECTS), self.dice.choice(VERBS)
            other = self.dice.choice(SUBJECTS).lower()
            arxiv_id = f"2606.{self.day:03}{number:02}"
            self.listed.add(arxiv_id)
            title = f"{subject} for {verb} {other}, part {self.day}-{number}"
            words = " ".join(self.dice.choices([*SUBJECTS, *VERBS, "we", "show", "that"], k=25))
            entries.append(api_entry(arxiv_id, title, f"{words}. It works {number} times."))
        self.source.add(f"{DAILY}?date={today}", page(json.dumps(entries).encode()))
        set_clock(
            self.home,
            datetime.combine(today, datetime.min.time(), UTC)
            + timedelta(hours=8, minutes=59, seconds=30),
        )

    async def suffer(self, kill: Kill, *, spoil: bool = False, vote: bool = True) -> bool:
        """Run a service through a day until it is killed; tell whether it died as was wanted."""
        before = sum(len(chat.accepted()) for chat in self.chats)
        for chat in self.chats:
            if spoil and self.dice.random() < 0.6:
                chat.spoil(self.dice)
        pid = await self._start(kill.fault)
        voting = asyncio.create_task(self._vote()) if vote else None
        until = time.monotonic() + kill.seconds
        wanted = False
        while time.monotonic() < until:
            code = await self.nursery.ended(pid)
            if code is not None:
                assert code == -signal.SIGKILL, f"ended with {code}: {self._tail()}"
                wanted = True
                break
            taken = sum(len(chat.accepted()) for chat in self.chats) - before
            if kill.accepted and taken >= kill.accepted:
                wanted = True
                break
            await asyncio.sleep(0.005 if kill.accepted else 0.02)
        else:
            wanted = not kill.point and not kill.accepted
        await self._kill(pid)
        if voting is not None:
            voting.cancel()
            [ended] = await asyncio.gather(voting, return_exceptions=True)
            if not isinstance(ended, asyncio.CancelledError):
                raise AssertionError(f"people stopped voting: {ended!r}")
        name = kill.point or ("at an acceptance" if kill.accepted else "at a random time")
        (self.kills if wanted else self.missed)[name] += 1
        return wanted

    async def settle(self, seconds: float = 60.0) -> None:
        """Run a service without faults until nothing is left to send, then stop it in peace."""
        for chat in self.chats:
            chat.heal()
        taken = {chat.name: len(chat.accepted()) for chat in self.chats}
        pid = await self._start("")
        until = time.monotonic() + seconds
        quiet = late = 0
        jumped = 0
        while quiet < 3:
            assert time.monotonic() < until, f"never quiet: {self._open()} {self._tail()}"
            assert await self.nursery.ended(pid) is None, self._tail()
            still = self._open()
            names = {name for name, _ in still if name != "votes"}
            if jumped < 6 and names - {"late"} == {"email"}:
                # SMTP cannot be asked: what is unknown is given up with its reason, in time.
                jumped += 1
                set_clock(self.home, read_clock(self.home) + timedelta(hours=13))
                await asyncio.sleep(1.0)
            late = late + 1 if names == {"late"} else 0
            if late == LATE_FOR_GOOD:
                # The clock had been past this day's slot already: the next digest takes them.
                set_clock(self.home, read_clock(self.home) + timedelta(hours=25))
                late = 0
            quiet = 0 if still else quiet + 1
            await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGTERM)
        while (code := await self.nursery.ended(pid)) is None:
            assert time.monotonic() < until + 30, self._tail()
            await asyncio.sleep(0.02)
        assert code == 0, self._tail()
        self.old = {name: max(0, count - 3) for name, count in taken.items()}

    async def _start(self, fault: str) -> int:
        ready = self.home / "ready"
        ready.unlink(missing_ok=True)
        order = make_order(self.home, self.source.url(), self.chats, fault)
        pid = await self.nursery.start(order, self.log)
        until = time.monotonic() + 30
        while not ready.exists():
            assert time.monotonic() < until, f"never ready: {self._tail()}"
            code = await self.nursery.ended(pid)
            if code is not None:
                assert code == -signal.SIGKILL, f"ended with {code}: {self._tail()}"
                return pid
            await asyncio.sleep(0.01)
        return pid

    async def _kill(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        while await self.nursery.ended(pid) is None:  # noqa: ASYNC110  a process sets no event
            await asyncio.sleep(0.005)

    async def _vote(self) -> None:
        await asyncio.sleep(0.2)
        while True:
            for chat in self.chats:
                # Reactions on posts of more than two weeks ago are not read back.
                keys = chat.accepted()[self.old.get(chat.name, 0) :][-8:]
                if keys:
                    try:
                        await chat.vote(self.dice, keys)
                    except (AssertionError, ConnectionError):
                        continue  # what Slack calls unacknowledged: it was killed
            await asyncio.sleep(0.15)

    # --- judging

    def _open(self) -> list[tuple[str, str]]:
        store = Store(self.home / "paperwire.db")
        try:
            with store.read() as connection:
                rows = connection.execute(
                    "SELECT c.platform, m.state FROM messages m JOIN channels c"
                    " ON c.id = m.channel_id WHERE m.state IN ('pending','sending','unknown')"
                ).fetchall()
                waiting = [(row["platform"], row["state"]) for row in rows]
                found = connection.execute(
                    "SELECT count(*) FROM papers"
                    " WHERE arxiv_id IN (SELECT value FROM json_each(?))",
                    (json.dumps(sorted(self.listed)),),
                ).fetchone()[0]
                if found < len(self.listed):
                    waiting.append(("source", f"{len(self.listed) - found} papers"))
                slot = f"{self.today}"
                planned = connection.execute(
                    "SELECT count(DISTINCT channel_id) FROM digests WHERE slot >= ?", (slot,)
                ).fetchone()[0]
                if planned < len(self.chats):
                    waiting.append(("plan", slot))
                unseen = connection.execute(
                    "SELECT (SELECT max(id) FROM appearances) - min(upto) FROM (SELECT"
                    " max(upto) AS upto FROM digests WHERE kind = 'daily' GROUP BY channel_id)"
                ).fetchone()[0]
                if unseen:
                    waiting.append(("late", f"{unseen} papers"))
                for chat in self.chats:
                    lost, invented, _ = self._judge_votes(
                        connection, chat, self._channel(connection, chat)
                    )
                    if lost or invented:
                        waiting.append(("votes", f"{chat.name}: {lost}, {invented}"))
                return waiting
        finally:
            store.close()

    def _channel(self, connection: sqlite3.Connection, chat: Chat) -> Channel:
        return next(one for one in channels.every(connection) if one.platform == chat.name)

    def check(self) -> dict[str, int]:
        """Judge by what the chats remember; return how much there was to judge."""
        counted = Counter[str]()
        store = Store(self.home / "paperwire.db")
        with store.read() as connection:
            for chat in self.chats:
                channel = self._channel(connection, chat)
                rows = connection.execute(
                    "SELECT id, key, state, error FROM messages WHERE channel_id = ? ORDER BY id",
                    (channel.id,),
                ).fetchall()
                taken = chat.accepted()
                times = Counter(taken)
                twice = [key for key, count in times.items() if count > 1]
                assert not twice, f"{chat.name}: taken twice {twice}, seed {self.seed}"
                told = {key_told(chat, row["key"]): row for row in rows}
                assert set(taken) <= set(told), f"{chat.name}: took what was never planned"
                for key, row in told.items():
                    state = MessageState(row["state"])
                    counted[f"{state}"] += 1
                    if state is MessageState.SENT:
                        assert key in times, f"{chat.name}: said to be sent and is not there {key}"
                    else:
                        assert state is MessageState.ABANDONED, (chat.name, state)
                        assert row["error"], f"{chat.name}: abandoned without a reason"
                        assert not chat.asks or key not in times, (
                            f"{chat.name}: there, and given up"
                        )
                order = [key for key in told if key in times]
                assert taken == order, f"{chat.name}: out of order, seed {self.seed}"
                self._check_papers(connection, chat, channel, counted)
                lost, invented, standing = self._judge_votes(connection, chat, channel)
                assert not lost, f"{chat.name}: lost votes {lost}, seed {self.seed}"
                assert not invented, f"{chat.name}: nobody gave {invented}, seed {self.seed}"
                counted["votes"] += standing
            integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
            assert integrity == "ok"
        store.close()
        return dict(counted)

    def _check_papers(
        self, connection: sqlite3.Connection, chat: Chat, channel: Channel, counted: Counter[str]
    ) -> None:
        """Every listed paper was planned for the channel or passed over with words."""
        planned = connection.execute(
            "SELECT paper_id FROM deliveries WHERE channel_id = ?", (channel.id,)
        )
        over = (
            drop
            for digest in digests.every(connection, channel.id)
            for drop in passed.of_digest(connection, digest.id)
        )
        numbers = {row["paper_id"] for row in planned} | {d.paper_id for d in over if d.words}
        seen = {paper.arxiv_id for paper in papers.papers(connection, sorted(numbers))}
        lost = self.listed - seen
        assert not lost, f"{chat.name}: neither posted nor passed over: {sorted(lost)}"
        counted["papers"] += len(seen & self.listed)

    def _judge_votes(
        self, connection: sqlite3.Connection, chat: Chat, channel: Channel
    ) -> tuple[set[Stored], set[Stored], int]:
        """Return the votes that are lost, those that nobody gave, and how many stand."""
        must, may = chat.votes()
        carried: dict[str, int] = {}
        for row in connection.execute(
            "SELECT m.key, d.number, d.paper_id FROM deliveries d JOIN messages m"
            " ON m.id = d.message_id WHERE d.channel_id = ?",
            (channel.id,),
        ):
            key = key_told(chat, row["key"])
            carried[f"{key}#{row['number']}" if chat.name == "email" else key] = row["paper_id"]

        def stored(votes: set[Vote]) -> set[Stored]:
            return {
                (carried[key], feedback.person_key(connection, chat.name, person), sign)
                for key, person, sign in votes
                if key in carried
            }

        # One row a person, paper and signal is the schema's; that it is there or not is ours.
        stands = {(f.paper_id, f.person, f.signal) for f in feedback.active(connection, channel.id)}
        return stored(must) - stands, stands - stored(must) - stored(may), len(stands)

    def _tail(self) -> str:
        return self.log.read_text()[-3000:] if self.log.exists() else ""


def _confirm(connection: sqlite3.Connection, address: str, now: datetime) -> None:
    from bot.store import subscribers
    from bot.store.subscribers import Subscriber

    subscribers.ask(
        connection,
        Subscriber(
            address=address,
            handle="handle-of-ada",
            confirmed_at=None,
            wish="speech",
            key="key-of-ada",
            asked_at=now,
            asked=1,
            state=MessageState.SENT,
            attempts=1,
        ),
    )
    subscribers.confirm(connection, address, now)


def sweep(points: tuple[str, ...] = POINTS) -> list[Kill]:
    """Return a kill at every place; what asks what became of a message comes after a lost send."""
    kills = []
    for point in points:
        if point in {"before_ask", "after_ask", "in_settle", "after_settle"}:
            kills.append(Kill("after_send", seconds=15))
        kills.append(Kill(point, seconds=15))
    return kills


__all__ = ["Kill", "Life", "sweep"]
