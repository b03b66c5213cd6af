"""Where every platform hands in what people do: rights, the grammar, and one place for errors."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import structlog

from bot import faults, profiles
from bot.commands import help_for, help_text, needs_management, parse
from bot.commands.model import (
    AddToProfile,
    ChangeSettings,
    Command,
    CommandError,
    Dislike,
    ForgetMe,
    Help,
    Like,
    More,
    Pause,
    Preview,
    RemoveFromProfile,
    Resume,
    Save,
    Search,
    SetProfile,
    ShowProfile,
    ShowSaved,
    ShowSchedule,
    ShowSettings,
    Status,
    Submit,
    Subscribe,
    Unsubscribe,
    Why,
)
from bot.domain import (
    Channel,
    ChannelState,
    CommandEvent,
    Layout,
    PaperwireError,
    Person,
    Place,
    Reply,
    Signal,
    VoteEvent,
)
from bot.ports import Clock, Suggest, Suggestion, nobody
from bot.services import answer, limits, manage, pictures, react
from bot.services.manage import Defaults
from bot.services.ranker import Rankers
from bot.services.suggest import suggest
from bot.store import Store, channels, feedback

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# People wait for these, so no plan and no post may take their turn. Threads share one interpreter:
# more than two at once answer fewer searches a second, and not more.
THREADS = 2
BOOTHS = 2
PATIENCE = 0.25  # seconds that long work lets people go first, again and again
# A vote may come before the post that it is for is recorded; seconds between looks.
LOOK_AGAIN = (0.1, 0.3, 1.0, 3.0)

SHOWS_PICTURES = frozenset({"discord", "slack"})

NOT_HERE = Reply(
    "This channel has no subscription yet.",
    lines=(
        "Begin with your interests: /papers subscribe low-resource translation, morphology",
        "All commands: /papers help",
    ),
    ok=False,
)
NOT_YOURS = Reply(
    "Only people who manage this channel may change that.",
    lines=("Reading, voting and saving are for everyone: /papers help",),
    ok=False,
)
ON_IT = Reply("I am on it already.")
ONLY_READS = (
    Help,
    Preview,
    Search,
    ShowProfile,
    ShowSaved,
    ShowSchedule,
    ShowSettings,
    Status,
    Why,
)
WENT_WRONG = Reply("That went wrong on my side; the operator's log says how.", ok=False)


class Inbox:
    """Implements ``bot.ports.Inbound`` over the services; work is done off the event loop.

    ``after`` is called when a command may have left messages to send, ``missed`` with the name of
    a platform whose events may have been lost for a while, ``owed`` with a message whose reactions
    could not be recorded.
    """

    def __init__(
        self,
        store: Store,
        rankers: Rankers,
        clock: Clock,
        *,
        defaults: Defaults,
        layouts: Mapping[str, Layout],
        limited: limits.Limits | None = None,
        after: Callable[[], None] = lambda: None,
        missed: Callable[[str], None] = nobody,
        owed: Callable[[Place, str], None] = nobody,
    ) -> None:
        self._store = store
        self._rankers = rankers
        self._clock = clock
        self._defaults = defaults
        self._layouts = layouts
        self._limited = limited
        self._after = after
        self._missed = missed
        self._owed = owed
        self._ours = threading.local()
        self._threads = ThreadPoolExecutor(THREADS, "people", self._for_people)
        # Votes wait for whoever writes; no search is to wait behind them.
        self._booth = ThreadPoolExecutor(BOOTHS, "votes", self._for_people)
        self._in_hand = 0
        self._idle = threading.Event()
        self._idle.set()

    def close(self) -> None:
        """Finish what is in hand; nothing can be handed in any more."""
        self._threads.shutdown()
        self._booth.shutdown()

    def let_people_first(self, seconds: float = PATIENCE) -> None:
        """Wait, in a thread, until nothing that people asked for is in hand, or so long.

        What is itself done for people waits for nobody.
        """
        if not getattr(self._ours, "people", False):
            self._idle.wait(seconds)

    def _for_people(self) -> None:
        self._ours.people = True

    async def _work(
        self, threads: ThreadPoolExecutor, deed: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        work = functools.partial(contextvars.copy_context().run, deed, *args, **kwargs)
        self._in_hand += 1
        self._idle.clear()
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()

    async def command(self, event: CommandEvent) -> Reply:
        """Carry out the text after /papers."""
        reply, changed = await self._work(self._threads, self._command, event)
        faults.reach("after_command")
        if changed:
            self._after()
        return reply

    async def vote(self, event: VoteEvent) -> Reply:
        """Record a reaction or a button."""
        reply = await self._work(self._booth, self._vote, event)
        for pause in LOOK_AGAIN:
            if reply is not react.NOT_YET:
                break
            await asyncio.sleep(pause)
            reply = await self._work(self._booth, self._vote, event)
        # Who pressed a button is told and can press again; nobody is told of a reaction.
        if event.on is not None and reply in (react.NOT_YET, WENT_WRONG):
            self._owed(event.place, event.remote_id)
        return reply

    async def suggest(
        self, place: Place, person: Person, what: Suggest, text: str
    ) -> tuple[Suggestion, ...]:
        """Return what a person may be about to type (bot.ports.Inbound)."""
        try:
            return await self._work(self._threads, suggest, self._store, place, person, what, text)
        except Exception:
            log.exception("suggest_failed", platform=place.platform)
            return ()

    async def channel(self, place: Place) -> Channel | None:
        """Return the subscription of a place (bot.ports.Inbound)."""

        def run() -> Channel | None:
            with self._store.read() as connection:
                return channels.at(connection, place)

        return await self._work(self._threads, run)

    async def moved(self, place: Place, state: ChannelState | None, reason: str) -> None:
        """Follow what a platform says of a place (bot.ports.Inbound)."""
        await self._work(
            self._threads, manage.move, self._store, place, state, reason, self._clock()
        )
        self._after()

    async def reconnected(self, platform: str) -> None:
        """Have the reactions of a platform read back (bot.ports.Inbound)."""
        self._missed(platform)

    def _vote(self, event: VoteEvent) -> Reply:
        try:
            return react.vote(self._store, event, self._clock())
        except Exception:
            log.exception("vote_failed", platform=event.place.platform)
            return WENT_WRONG

    def _command(self, event: CommandEvent) -> tuple[Reply, bool]:
        """Return the answer, and whether something may have changed."""
        try:
            command = parse(event.text)
            if (refused := self._refuse(command, event)) is not None:
                return refused, False
            return self._once(command, event), not isinstance(command, ONLY_READS)
        except CommandError as error:
            usage = (f"It is written: {error.usage}",) if error.usage else ()
            lines = (*usage, "All commands: /papers help")
            return Reply(error.reason, lines=lines, ok=False), False
        except PaperwireError as error:
            return Reply(str(error), ok=False), False
        except Exception:
            # A reader gets a sentence, the operator the trace; the bot goes on.
            log.exception("command_failed", platform=event.place.platform)
            return WENT_WRONG, False

    def _once(self, command: Command, event: CommandEvent) -> Reply:
        """Carry out a command that may be handed in again.

        What changes something and the mark that it was done are one transaction, so that no crash
        leaves the one without the other. What only reads is marked once its answer is there: a
        crash before that leaves it to be asked again.
        """
        if isinstance(command, ONLY_READS):
            with self._store.read() as connection:
                channel = channels.at(connection, event.place)
                person = feedback.key_of(connection, event.person)
            reply = self._carry_out(command, event, channel, person)
            faults.reach("in_command")
            return reply if self._claim(event) else ON_IT
        with self._store.write() as connection:
            if not self._claim(event):
                return ON_IT
            channel = channels.at(connection, event.place)
            person = feedback.key_of(connection, event.person)
            if needs_management(command) and not event.person.may_manage:
                return NOT_YOURS
            reply = self._carry_out(command, event, channel, person)
            faults.reach("in_command")
            return reply

    def _claim(self, event: CommandEvent) -> bool:
        if not event.event_id:
            return True
        with self._store.write() as connection:
            return feedback.first_seen(connection, event.event_id, self._clock())

    def _refuse(self, command: Command, event: CommandEvent) -> Reply | None:
        """Ask for patience where a person or a channel asks for more than its share."""
        if self._limited is None:
            return None
        now = self._clock()
        wait = self._limited.command(event.place, event.person, now)
        what = "commands"
        if not wait and isinstance(command, Submit):
            wait = self._limited.submission(event.place, event.person, now)
            what = "submissions"
        if not wait:
            return None
        log.warning("limited", platform=event.place.platform, what=what)
        return Reply(
            f"That were many {what} in a short time. Try again in {limits.words(wait)}.", ok=False
        )

    def _carry_out(  # noqa: PLR0911, PLR0912  one arm a command
        self, command: Command, event: CommandEvent, channel: Channel | None, person: str
    ) -> Reply:
        now = self._clock()
        store = self._store
        match command:
            case Help(topic):
                return _help(topic)
            case Subscribe():
                layout = self._layouts.get(event.place.platform, Layout.CARDS)
                return manage.subscribe(store, self._defaults, event.place, layout, command, now)
            case Search(query):
                return answer.search(store, self._rankers, channel, person, query, now)
            case ForgetMe(confirmed):
                return manage.forget(store, person, now, confirmed=confirmed)
            case _ if channel is None or channel.state is ChannelState.LEFT:
                return NOT_HERE
            case ShowSaved(page):
                return answer.saved(store, channel, person, page)
            case Like(paper):
                return answer.vote(store, channel, person, paper, Signal.LIKE, now)
            case Dislike(paper):
                return answer.vote(store, channel, person, paper, Signal.DISLIKE, now)
            case Save(paper):
                return answer.vote(store, channel, person, paper, Signal.SAVE, now)
            case Submit(paper):
                return answer.submit(store, self._rankers, channel, person, paper, now)
            case Why(paper):
                return answer.why(store, self._rankers, channel, paper, now)
            case Preview():
                return answer.preview(store, self._rankers, channel, now)
            case More(count):
                return answer.more(store, self._rankers, channel, count, now)
            case _:
                return self._illustrate(command, channel, self._manage(command, channel))

    def _illustrate(self, command: Command, channel: Channel, reply: Reply) -> Reply:
        if channel.platform not in SHOWS_PICTURES:
            return reply
        if isinstance(command, ShowProfile):
            now = self._clock()
            return pictures.add_profile_picture(self._store, self._rankers, channel, reply, now)
        if isinstance(command, Status):
            return pictures.add_status_picture(self._store, channel, reply)
        return reply

    def _manage(self, command: Command, channel: Channel) -> Reply:  # noqa: PLR0911  one arm a command
        now = self._clock()
        store = self._store
        match command:
            case ShowProfile():
                return manage.show_profile(store, self._rankers, channel, now)
            case AddToProfile(text):
                profile, changes = profiles.add(channel.profile, text)
                manage.check_size(self._defaults, profile, channel.profile)
                return manage.change_profile(store, channel, profile, changes.notes, now)
            case RemoveFromProfile(text):
                profile, changes = profiles.remove(channel.profile, text)
                return manage.change_profile(store, channel, profile, changes.notes, now)
            case SetProfile(profile):
                manage.check_size(self._defaults, profile, channel.profile)
                return manage.change_profile(store, channel, profile, (), now)
            case ShowSettings():
                return manage.show_settings(channel, now)
            case ChangeSettings(changes):
                return manage.change_settings(store, self._defaults, channel, changes, now)
            case ShowSchedule():
                return manage.show_schedule(channel, now)
            case Pause():
                return manage.pause(store, channel)
            case Resume():
                return manage.resume(store, channel, now)
            case Unsubscribe():
                return manage.unsubscribe(store, channel)
            case Status():
                return manage.status(store, channel, now)
            case _:
                raise PaperwireError(f"{type(command).__name__} cannot be carried out here.")


def _help(topic: str) -> Reply:
    told, end = (help_for(topic), "\n") if topic else (help_text(), "\n\n")
    opening, _, rest = told.partition(end)
    return Reply(" ".join(opening.split()), lines=tuple(rest.splitlines()))
