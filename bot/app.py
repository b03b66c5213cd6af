"""The composition root: everything is made here, started, supervised and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import structlog

from bot import memory, pulse
from bot.domain import Channel, PaperwireError
from bot.parts import (
    Polled,
    SampleBeside,
    build_fetcher,
    build_limits,
    build_lookup,
    build_platforms,
    build_sources,
    build_tellers,
    build_watch,
    channel_defaults,
    retention,
)
from bot.ports import ChatPlatform, Clock
from bot.services import answer, backup, metrics, react
from bot.services.alerts import Alerts
from bot.services.deliver import Courier
from bot.services.gather import Gatherer
from bot.services.inbox import Inbox
from bot.services.index import WORTH_WRITING, refresh, refresh_if_due
from bot.services.lookup import look_up
from bot.services.metrics import LoopLag
from bot.services.owed import Owed
from bot.services.plan import Planned, plan_due
from bot.services.ranker import Rankers
from bot.services.spaces import fit_if_due, own_space
from bot.services.upkeep import tidy
from bot.store import Store, channels
from bot.world import bundled_world

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler
    from filelock import FileLock

    from bot.settings import Settings

log = structlog.get_logger(__name__)

PLAN_EVERY = timedelta(seconds=20)
DELIVER_EVERY = timedelta(seconds=5)
OWED_EVERY = timedelta(seconds=5)
LOOK_UP_EVERY = timedelta(minutes=1)
ALERT_EVERY = timedelta(minutes=1)
UPKEEP_EVERY = timedelta(hours=6)
BACK_UP_EVERY = timedelta(minutes=15)  # how often one may turn out to be due
# Seconds for which one thread may keep the interpreter while others want it. A search gives it up
# many times, and beside a plan waits for so long each time to get it back.
TURN = 0.001
POLLS_AWAITED = timedelta(seconds=60)  # by a plan: what is just coming in belongs to today
GRACE_SECONDS = 25.0  # for the posts in hand, below the 30 s that most supervisors wait


def utc_now() -> datetime:
    """Return the moment: the one clock of the running service."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Once:
    """What a single pass did."""

    listings: int
    troubles: tuple[str, ...]
    digests: int
    sent: int
    waiting: int
    abandoned: int


class App:
    """One process, one event loop. ``async with`` starts and stops it."""

    def __init__(
        self, settings: Settings, clock: Clock = utc_now, *, signals: bool = False
    ) -> None:
        """With ``signals``, SIGTERM and SIGINT end it from now on, and not only what is served."""
        self.settings = settings
        self.clock = clock
        self._stop = asyncio.Event()
        memory.restrain()
        if signals:
            self._listen()
        self._lock = take_lock(settings)
        try:
            self._build(settings, clock)
        except BaseException:
            self._lock.release()
            raise

    def _build(self, settings: Settings, clock: Clock) -> None:
        if settings.backup.enabled:
            backup.back_up_before_upgrade(settings.database_path, settings.backup_folder, clock())
        self.store = Store(settings.database_path)
        self.rankers = Rankers(
            self.store,
            bundled_world(),
            lambda: own_space(settings.home),
            self._let_people_first,
        )
        self.fetcher = build_fetcher(settings)
        self.sources = build_sources(settings)
        self.by_id = build_lookup(settings)
        self.platforms: dict[str, ChatPlatform] = build_platforms(
            settings, self.store, self.rankers, clock
        )
        self.tellers = build_tellers(settings, self.platforms, clock)
        self.gatherer = Gatherer(self.store, SampleBeside(self.fetcher), clock, self.index)
        self.owed = Owed(self.store, self.platforms, clock)
        self.courier = Courier(
            self.store,
            self.platforms,
            clock,
            found=lambda channel, remote_id: self.owed.note(channel.place, remote_id),
        )
        self.inbox = Inbox(
            self.store,
            self.rankers,
            clock,
            defaults=channel_defaults(settings),
            layouts={name: one.default_layout for name, one in self.platforms.items()},
            limited=build_limits(settings),
            after=lambda: self._kick("deliver", self.deliver),
            missed=lambda name: self._kick(f"read back {name}", lambda: self.read_back(name)),
            owed=self.owed.note,
        )
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self.lag = LoopLag()
        self.watching = build_watch(settings, self._not_ready, self._measured)

    def _let_people_first(self) -> None:
        self.inbox.let_people_first()  # which is made after what waits for it

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self) -> None:
        """Start everything, or what can be until ``stop``: a platform may be long in coming."""
        starting = asyncio.ensure_future(self._start_parts())
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                return starting.result()
            log.info("stopped_while_starting")
        finally:
            for task in (starting, stopping):
                task.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)

    async def _start_parts(self) -> None:
        await self.courier.recover()
        for platform in self.platforms.values():
            await platform.start(self.inbox)
            log.info("platform_started", platform=platform.name)
        if self.watching is not None:
            await self.watching.start()

    async def __aexit__(self, *error: object) -> None:
        self.courier.stop()
        posts = [task for name, task in self._tasks.items() if name == "deliver"]
        others = [task for name, task in self._tasks.items() if name != "deliver"]
        for task in others:
            task.cancel()
        if posts:
            _, late = await asyncio.wait(posts, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
        await asyncio.gather(*posts, *others, return_exceptions=True)
        await asyncio.gather(*(_stop(platform) for platform in self.platforms.values()))
        if self.watching is not None:
            await self.watching.stop()
        await self.fetcher.close()
        # What was cancelled may be at work in its thread, on a connection that is to be closed.
        self.inbox.close()
        await asyncio.get_running_loop().shutdown_default_executor()
        self.store.close()
        pulse.end(self.settings.home)
        self._lock.release()
        log.info("stopped")

    def stop(self) -> None:
        """Ask the running service to end; the post in hand is finished."""
        self._stop.set()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers here
                loop.add_signal_handler(number, self.stop)

    async def serve(self) -> None:
        """Run until a signal or ``stop``."""
        self._listen()
        if self._stop.is_set():
            return
        before = sys.getswitchinterval()
        sys.setswitchinterval(TURN)
        scheduler = self._schedule()
        scheduler.start()
        log.info("serving", home=str(self.settings.home), platforms=sorted(self.platforms))
        try:
            await self._stop.wait()
        finally:
            # Jobs only start our own tasks, so nothing of theirs is cut off here.
            scheduler.shutdown(wait=False)
            sys.setswitchinterval(before)

    async def once(self, *, fetch: bool = True) -> Once:
        """Do everything that is due a single time: fetch, look up, plan, deliver."""
        listings, troubles = 0, []
        if fetch:
            for polled in self.sources:
                days = polled.days(self.clock().date())
                for asked in await self.gatherer.poll(polled.source, days):
                    listings += asked.ingested is not None
                    if asked.trouble:
                        troubles.append(f"{polled.source.name}: {asked.trouble}")
            await self._find_wanted()
        digests = await asyncio.to_thread(
            lambda: plan_due(self.store, self.rankers.current(), self.clock())
        )
        settled = await self.courier.settle()
        await self.back_up()
        return Once(
            listings,
            tuple(troubles),
            len(digests),
            settled.sent,
            settled.waiting,
            settled.abandoned,
        )

    # --- what the scheduler drives --------------------------------------------------------------

    async def poll(self, polled: Polled) -> None:
        """Ask one source for what is due."""
        await self.gatherer.poll(polled.source, polled.days(self.clock().date()))

    async def index(self) -> None:
        """Bring the search index up where enough has come in, so that nobody's search has to."""
        await asyncio.to_thread(refresh_if_due, self.store, WORTH_WRITING, self._let_people_first)

    async def plan(self) -> None:
        """Plan what is due; each digest is on its way as soon as it is written."""
        polls = [task for name, task in self._tasks.items() if name.startswith("poll ")]
        if polls:
            await asyncio.wait(polls, timeout=POLLS_AWAITED.total_seconds())
        loop = asyncio.get_running_loop()

        def told(one: Planned) -> None:
            log.info(
                "planned",
                channel=one.proposal.channel.name,
                slot=one.digest.slot,
                kind=one.digest.kind,
                considered=one.digest.considered,
                chosen=one.digest.chosen,
            )
            loop.call_soon_threadsafe(self._kick, "deliver", self.deliver)

        await asyncio.to_thread(
            lambda: plan_due(
                self.store,
                self.rankers.current(),
                self.clock(),
                told=told,
                between=self._let_people_first,
            )
        )

    async def deliver(self) -> None:
        """Send and settle what is due."""
        await self.courier.settle()

    async def look_up(self) -> None:
        """Fetch papers that were named and are not known; post those that were submitted."""
        if await self._find_wanted():
            self._kick("deliver", self.deliver)

    async def _find_wanted(self) -> int:
        await look_up(self.store, self.gatherer, self.by_id, self.clock)
        # A listing may have brought what was submitted before it could be looked up.
        return await asyncio.to_thread(answer.share_found, self.store, self.rankers, self.clock())

    async def read_back(self, platform_name: str) -> None:
        """Bring a platform's votes up to the reactions that stand there now."""
        platform = self.platforms[platform_name]

        def here() -> tuple[Channel, ...]:
            with self.store.read() as connection:
                every = channels.every(connection, serving=True)
            return tuple(channel for channel in every if channel.platform == platform_name)

        for channel in await asyncio.to_thread(here):
            try:
                changed = await react.read_back(
                    self.store,
                    platform,
                    channel,
                    self.clock(),
                    unread=functools.partial(self.owed.note, channel.place),
                )
            except Exception:
                log.exception("read_back_failed", channel=channel.name)
                continue
            if changed:
                log.info("read_back", channel=channel.name, changed=changed)

    async def upkeep(self) -> None:
        """Tidy up, bring the search index up, fit the own word space where that is due."""
        await asyncio.to_thread(tidy, self.store, self.clock(), retention(self.settings))
        await asyncio.to_thread(refresh, self.store)
        fitted_on = await asyncio.to_thread(lambda: self.rankers.fitted_on)
        if await fit_if_due(self.store, self.settings.home, fitted_on):
            self.rankers.renew()
            log.info(
                "own_space_fitted", papers=await asyncio.to_thread(lambda: self.rankers.fitted_on)
            )
        await asyncio.to_thread(memory.give_back)

    async def back_up(self) -> None:
        """Make the next back-up of the rotation where it is due."""
        wanted = self.settings.backup
        if wanted.enabled:
            await asyncio.to_thread(
                backup.rotate,
                self.settings.database_path,
                self.settings.backup_folder,
                self.clock(),
                every=timedelta(hours=wanted.every_hours),
                keep=wanted.keep,
            )

    async def beat(self) -> None:
        """Show whoever watches the process that the loop turns: ``paperwire doctor --quick``."""
        pulse.beat(self.settings.home)

    async def alert(self) -> None:
        """Tell the operator's own channel what began to be wrong and what is over."""
        alerts = Alerts(self.store, self.tellers, self.settings.watch.alert_channel)
        await alerts.tell(self.clock())

    async def _measured(self) -> str:
        return await asyncio.to_thread(metrics.render, self.store, self.clock(), self.lag)

    async def _not_ready(self) -> str:
        if self._stop.is_set():
            return "it is stopping"
        return await asyncio.to_thread(metrics.not_ready, self.store)

    def _schedule(self) -> AsyncIOScheduler:
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        scheduler = AsyncIOScheduler(
            timezone=UTC,
            # Late is better than never, and once is enough: every job asks what is due by itself.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

        def every(
            span: timedelta, name: str, work: Callable[[], Coroutine[Any, Any, None]]
        ) -> None:
            async def kick() -> None:
                self._kick(name, work)

            scheduler.add_job(
                kick,
                "interval",
                seconds=span.total_seconds(),
                id=name,
                name=name,
                next_run_time=utc_now(),  # the scheduler goes by the machine's clock
            )

        for polled in self.sources:
            every(polled.every, f"poll {polled.source.name}", _bind(self.poll, polled))
        every(PLAN_EVERY, "plan", self.plan)
        every(DELIVER_EVERY, "deliver", self.deliver)
        every(OWED_EVERY, "owed votes", self.owed.settle)
        every(LOOK_UP_EVERY, "look up", self.look_up)
        every(UPKEEP_EVERY, "upkeep", self.upkeep)
        every(BACK_UP_EVERY, "back up", self.back_up)
        every(pulse.EVERY, "beat", self.beat)
        if self.settings.watch.alert_channel:
            every(ALERT_EVERY, "alert", self.alert)
        if self.watching is not None:
            self._kick("lag", self.lag.measure)
        return scheduler

    def _kick(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start a piece of work unless it runs; then once more after it, as news came in."""
        running = self._tasks.get(name)
        if running is not None and not running.done():
            self._again.add(name)
            return
        if self._stop.is_set():
            return

        async def supervise() -> None:
            while True:
                self._again.discard(name)
                try:
                    await work()
                except Exception:
                    # One job's trouble is logged and tried again at its next turn.
                    log.exception("job_failed", job=name)
                if name not in self._again:
                    return

        self._tasks[name] = asyncio.get_running_loop().create_task(supervise(), name=name)


async def _stop(platform: ChatPlatform) -> None:
    try:
        await asyncio.wait_for(platform.stop(), GRACE_SECONDS)
    except Exception:
        # Whatever one does not finish, the others and the store are still closed.
        log.exception("stop_failed", platform=platform.name)


def take_lock(settings: Settings) -> FileLock:
    """Make sure that no second copy serves the same home; raises PaperwireError."""
    from filelock import FileLock, Timeout

    path = settings.home / "paperwire.lock"
    owner = settings.home / "paperwire.pid"
    lock = FileLock(path)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        owner.write_text(str(os.getpid()))
    except Timeout as error:
        try:
            number = owner.read_text().strip() or "unknown"
        except OSError:
            number = "unknown"
        raise PaperwireError(
            f"Another Paperwire (process {number}) already serves {settings.home}. "
            "Stop it first, or give this copy a folder of its own with PAPERWIRE_HOME."
        ) from error
    except OSError as error:
        raise PaperwireError(
            f"The folder {settings.home} cannot be written ({error.strerror or error}). "
            "Make it writable, or set PAPERWIRE_HOME to another folder."
        ) from error
    return lock


def _bind(
    work: Callable[[Polled], Coroutine[Any, Any, None]], polled: Polled
) -> Callable[[], Coroutine[Any, Any, None]]:
    return lambda: work(polled)
