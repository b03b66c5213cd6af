"""The delivery state machine against a model: any mix of outcomes, crashes, waits and answers.

Hypothesis plays the platform, the clock and the power cuts; the store and the courier are the real
ones. What the platform took is remembered outside both.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain import (
    Channel,
    ChannelState,
    Digest,
    DigestKind,
    Layout,
    MessageState,
    Post,
    PostKind,
    Profile,
)
from bot.ports import (
    Absent,
    CannotTell,
    FindOutcome,
    Found,
    Inbound,
    Rejected,
    Retry,
    SendOutcome,
    Sent,
    Standing,
    Unknown,
)
from bot.services.deliver import Courier
from bot.store import Store, channels, digests, outbox

BEGIN = datetime(2026, 6, 15, 9, tzinfo=UTC)
OPEN = (MessageState.PENDING, MessageState.SENDING, MessageState.UNKNOWN)
SENDS = (
    "sent",
    "retry",
    "retry in an hour",
    "rejected",
    "unreachable",
    "left",
    "unknown, arrived",
    "unknown, lost",
    "raises, arrived",
    "raises, lost",
    "dies before",
    "dies after",
)
FINDS = ("tells", "cannot tell", "raises", "dies")


class Died(BaseException):
    """Nobody handles that the power went. The process ended here."""


class Played:
    """A platform that does what it is told to and remembers what it took."""

    name = "played"
    default_layout = Layout.CARDS

    def __init__(self) -> None:
        self.took: list[tuple[str, str]] = []
        self.sends: list[str] = []
        self.finds: list[str] = []
        self.may_have_to_guess = False

    async def start(self, inbound: Inbound) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    async def standing(self, address: str, remote_id: str) -> Sequence[Standing] | None:
        raise NotImplementedError

    async def send(
        self, address: str, post: Post, key: str, *, parent: str | None = None
    ) -> SendOutcome:
        how = self.sends.pop(0) if self.sends else "sent"
        if how == "dies before":
            raise Died
        if how in {"sent", "unknown, arrived", "raises, arrived", "dies after"}:
            self.took.append((address, key))
        if how == "dies after":
            raise Died
        if how.startswith("raises"):
            raise ConnectionResetError(how)
        answers: dict[str, SendOutcome] = {
            "sent": Sent(f"remote {key}"),
            "retry": Retry("slow down", after=3.0),
            "retry in an hour": Retry("come back", after=3600.0),
            "rejected": Rejected("it may not be posted"),
            "unreachable": Rejected("not in the channel", ChannelState.UNREACHABLE),
            "left": Rejected("the channel is gone", ChannelState.LEFT),
        }
        return answers.get(how, Unknown("no answer came"))

    async def find(self, address: str, key: str, *, since: datetime) -> FindOutcome:
        how = self.finds.pop(0) if self.finds else "tells"
        if how == "dies":
            raise Died
        if how != "tells":
            self.may_have_to_guess = True
        if how == "raises":
            raise ConnectionResetError(how)
        if how == "cannot tell":
            return CannotTell("the history is closed", after=20.0)
        return Found(f"remote {key}") if (address, key) in self.took else Absent()


class Deliveries(RuleBasedStateMachine):
    """One store, two channels, and everything that may befall their messages."""

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-"))
        self.store = Store(self.folder / "wire.db")
        self.now = BEGIN
        self.platform = Played()
        self.planned: dict[str, list[str]] = {"one": [], "two": []}
        self.reopened: set[str] = set()
        self.slot = 0
        self.ids: dict[str, int] = {}
        with self.store.write() as connection:
            for address in self.planned:
                channel = Channel(0, "played", address, address, Profile())
                self.ids[address] = channels.insert(
                    connection, channel, private=False, now=BEGIN
                ).id
        self._begin()

    def _begin(self) -> None:
        self.courier = Courier(self.store, {"played": self.platform}, lambda: self.now)
        self.loop.run_until_complete(self.courier.recover())

    # --- what happens

    @rule(address=st.sampled_from(["one", "two"]), posts=st.integers(1, 4))
    def plan(self, address: str, posts: int) -> None:
        self.slot += 1
        with self.store.write() as connection:
            digest = Digest(
                id=0,
                channel_id=self.ids[address],
                slot=f"{self.slot:06}",
                kind=DigestKind.DAILY,
                planned_at=self.now,
                considered=posts,
                chosen=posts,
            )
            number = digests.insert(connection, digest, upto=0, quiet=False)
            assert number is not None
            for sequence in range(posts):
                key = f"{address} {self.slot} {sequence}"
                outbox.insert_message(
                    connection,
                    channel_id=self.ids[address],
                    digest_id=number,
                    sequence=sequence,
                    key=key,
                    post=Post(PostKind.NOTICE, key),
                    now=self.now,
                )
                self.planned[address].append(key)

    @rule(
        sends=st.lists(st.sampled_from(SENDS), min_size=1, max_size=4),
        finds=st.lists(st.sampled_from(FINDS), max_size=2),
    )
    def settle_under(self, sends: list[str], finds: list[str]) -> None:
        self.platform.sends, self.platform.finds = sends, finds
        self.settle()

    @rule()
    def settle(self) -> None:
        try:
            self.loop.run_until_complete(self.courier.settle())
        except Died:
            self._bury()

    def _bury(self) -> None:
        """What else ran in the process is gone as well; a new one starts."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.loop = asyncio.new_event_loop()
        self._begin()

    @rule(minutes=st.sampled_from([0, 1, 20, 90, 60 * 25]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes, seconds=11)

    @rule(minutes=st.sampled_from([1, 70]))
    def clock_set_back(self, minutes: int) -> None:
        self.now -= timedelta(minutes=minutes)

    @precondition(lambda self: any(self.planned.values()))
    @rule()
    def an_operator_reopens(self) -> None:
        with self.store.write() as connection:
            row = connection.execute(
                "SELECT id, key FROM messages WHERE state = 'abandoned' ORDER BY id LIMIT 1"
            ).fetchone()
            if row is not None:
                outbox.reopen(connection, row["id"], self.now, "taken up again")
                self.reopened.add(row["key"])

    # --- what must hold, always

    @invariant()
    def nothing_twice_nothing_unplanned_and_in_order(self) -> None:
        times = Counter(self.platform.took)
        assert all(count == 1 for count in times.values()), times
        for address, planned in self.planned.items():
            took = [k for a, k in self.platform.took if a == address and k not in self.reopened]
            assert took == [key for key in planned if key in took]
        assert {key for _, key in self.platform.took} <= {
            k for p in self.planned.values() for k in p
        }

    @invariant()
    def what_is_said_of_a_message_is_so(self) -> None:
        took = {key for _, key in self.platform.took}
        with self.store.read() as connection:
            rows = connection.execute("SELECT * FROM messages").fetchall()
        assert len(rows) == sum(map(len, self.planned.values()))
        for row in rows:
            if row["state"] == MessageState.SENT:
                assert row["key"] in took
                assert row["remote_id"] == f"remote {row['key']}"
            elif row["state"] == MessageState.PENDING:
                assert row["key"] not in took, "it would be sent a second time"
            elif row["state"] == MessageState.ABANDONED:
                assert row["error"]

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            self._calm_down()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            self.store.close()
            shutil.rmtree(self.folder)

    def _calm_down(self) -> None:
        """Once nothing goes wrong any more, everything is sent or given up with a reason."""
        self.platform.sends.clear()
        self.platform.finds.clear()
        for _ in range(60):
            self.now += timedelta(minutes=20)
            self.settle()
            with self.store.read() as connection:
                counts = outbox.counts(connection)
            if not any(counts.get(state) for state in OPEN):
                break
        else:
            raise AssertionError(f"never settled: {counts}")
        self.nothing_twice_nothing_unplanned_and_in_order()
        self.what_is_said_of_a_message_is_so()


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(
    max_examples=100,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
