"""Commands that change what a channel gets, or say how it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot import profiles
from bot.commands.model import SettingChanges, Subscribe
from bot.commands.table import SETTINGS
from bot.domain import (
    Channel,
    ChannelState,
    Layout,
    MessageState,
    Mode,
    PaperwireError,
    Place,
    Profile,
    Reply,
    Signal,
)
from bot.profiles import MAX_ITEMS
from bot.render import count_words, plain_text
from bot.schedule import check_timezone, next_slot
from bot.schedule import parse as parse_schedule
from bot.services.ranker import Rankers, interest
from bot.store import Store, channels, digests, feedback, listings, outbox
from bot.store import papers as paper_rows

TERMS_SHOWN = 8
UNSUBSCRIBED = "unsubscribed"
EMPTY = Profile()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a new channel starts with, and which sources there are to name."""

    timezone: str = "UTC"
    schedule: str = "weekdays 09:00"
    size: int = 5
    threshold: int = 50
    layout: Layout | None = None  # None: the platform's own
    sources: tuple[str, ...] = ()
    profile_items: int = MAX_ITEMS  # not given to a channel: what its people may write at most


def check_size(defaults: Defaults, profile: Profile, before: Profile = EMPTY) -> None:
    """Raise PaperwireError where a profile grows past what a channel may have."""
    count = len(profiles.items(profile))
    if count > defaults.profile_items and count > len(profiles.items(before)):
        raise PaperwireError(
            f"A profile holds at most {defaults.profile_items} items here, and this would be "
            f"{count}. Remove some first, for example with /papers profile remove and the item."
        )


def subscribe(
    store: Store,
    defaults: Defaults,
    place: Place,
    layout: Layout,
    command: Subscribe,
    now: datetime,
) -> Reply:
    """Begin digests in a place, or add interests where they come already."""
    with store.write() as connection:
        known = channels.at(connection, place)
        if known is None:
            check_size(defaults, command.profile)
            channel = Channel(
                id=0,
                platform=place.platform,
                address=place.address,
                name=place.name or place.address,
                profile=command.profile,
                timezone=check_timezone(place.timezone or defaults.timezone).key,
                schedule=defaults.schedule,
                size=defaults.size,
                threshold=defaults.threshold,
                layout=defaults.layout or layout,
                # With nothing to match, what everyone reads is the best there is to offer.
                mode=Mode.INTERESTS if command.profile != Profile() else Mode.TRENDING,
            )
            channel = _change(channel, command.changes, defaults, now)
            channel = channels.insert(connection, channel, private=place.private, now=now)
            headline = f"Subscribed. {_when(channel, now)}"
        else:
            profile, _ = profiles.add(known.profile, profiles.format(command.profile))
            check_size(defaults, profile, known.profile)
            channel = replace(known, profile=profile)
            channel = _change(channel, command.changes, defaults, now)
            if known.state is not ChannelState.ACTIVE:
                channel = replace(
                    channel, state=ChannelState.ACTIVE, state_reason="", scheduled_at=now
                )
            channels.update(connection, channel)
            back = known.state in {ChannelState.LEFT, ChannelState.PAUSED}
            words = "Subscribed again." if back else "Already subscribed; interests added."
            headline = f"{words} {_when(channel, now)}"
        _want_seeds(store, channel.profile, now)
    return Reply(
        headline,
        lines=(
            *_interest_lines(channel),
            *profiles.warn(channel.profile),
            "See what it would be now: /papers preview",
        ),
    )


def unsubscribe(store: Store, channel: Channel) -> Reply:
    """Stop for good; the history stays, so that subscribing again goes on where it was."""
    with store.write() as connection:
        channels.set_state(connection, channel.id, ChannelState.LEFT, UNSUBSCRIBED)
        dropped = outbox.abandon_channel(connection, channel.id, "the channel unsubscribed")
    lines = ["Interests and votes are kept. To come back: /papers subscribe"]
    if dropped:
        lines.insert(0, f"{count_words(dropped, 'message')} not sent yet will not be.")
    return Reply("Unsubscribed: no more digests here.", lines=tuple(lines))


def pause(store: Store, channel: Channel) -> Reply:
    """Hold digests back until resumed."""
    with store.write() as connection:
        channels.set_state(connection, channel.id, ChannelState.PAUSED, "paused by a member")
    return Reply("Paused: no digests until /papers resume.")


def resume(store: Store, channel: Channel, now: datetime) -> Reply:
    """Go on with the next slot; papers of the time between are considered then."""
    active = replace(channel, state=ChannelState.ACTIVE, state_reason="", scheduled_at=now)
    with store.write() as connection:
        channels.update(connection, active)
    return Reply(f"Resumed. {_when(active, now)}")


def change_profile(
    store: Store, channel: Channel, profile: Profile, notes: tuple[str, ...], now: datetime
) -> Reply:
    """Store a changed profile and show it."""
    channel = replace(channel, profile=profile)
    if channel.mode is Mode.TRENDING and profile.terms:
        notes = (*notes, "This channel posts trending papers only; to use these interests:")
        notes = (*notes, "/papers settings mode=interests")
    with store.write() as connection:
        channels.update(connection, channel)
    _want_seeds(store, profile, now)
    return Reply(
        "Interests updated." if not notes else notes[0],
        lines=(
            *notes[1:],
            *_interest_lines(channel),
            *(line for line in profiles.warn(profile) if line not in notes),
        ),
    )


def move(
    store: Store, place: Place, state: ChannelState | None, reason: str, now: datetime
) -> None:
    """Follow what a platform says of a place: renamed, unreachable, left, or back.

    A person's pause or farewell stands; only what the platform took does it give back.
    """
    with store.write() as connection:
        channel = channels.at(connection, place)
        if channel is None:
            return
        if place.name and place.name != channel.name:
            channel = replace(channel, name=place.name)
            channels.update(connection, channel)
        by_person = channel.state is ChannelState.PAUSED or channel.state_reason == UNSUBSCRIBED
        if state is None or state is channel.state or by_person:
            return
        back = state is ChannelState.ACTIVE and channel.state is ChannelState.LEFT
        channels.update(
            connection,
            replace(
                channel,
                state=state,
                state_reason=reason,
                scheduled_at=now if back else channel.scheduled_at,
            ),
        )


def show_profile(store: Store, rankers: Rankers, channel: Channel, now: datetime) -> Reply:
    """Show the written interests and what the votes have taught."""
    from ranking.explain import terms

    with store.read() as connection:
        wants = interest(connection, channel, now)
    lines = [*profiles.describe(channel.profile)]
    if channel.profile != Profile():
        lines.append(f"Written: {profiles.format(channel.profile)}")
    if wants.votes:
        weights = terms(rankers.current().model(wants), 4 * TERMS_SHOWN)
        liked = [name for name, _, learned in weights if learned > 0][:TERMS_SHOWN]
        disliked = [name for name, _, learned in weights if learned < 0][:TERMS_SHOWN]
        if liked:
            lines.append(f"Learned from votes: {', '.join(liked)}")
        if disliked:
            lines.append(f"Learned to avoid: {', '.join(disliked)}")
    else:
        lines.append("Nothing learned yet: vote 👍 or 👎 on papers and digests will follow.")
    return Reply(f"Interests of {channel.name}", lines=tuple(lines))


def change_settings(
    store: Store, defaults: Defaults, channel: Channel, changes: SettingChanges, now: datetime
) -> Reply:
    """Store changed settings and show them."""
    changed = _change(channel, changes, defaults, now)
    with store.write() as connection:
        channels.update(connection, changed)
    shown = show_settings(changed, now)
    return replace(shown, headline=f"Settings updated. {_when(changed, now)}")


def show_settings(channel: Channel, now: datetime) -> Reply:
    """List every setting as it is written in ``/papers settings``."""
    lines = []
    for setting in SETTINGS:
        value = getattr(channel, setting.field)
        written = f'"{value}"' if isinstance(value, str) and " " in value else _written(value)
        lines.append(f"{setting.key}={written}")
    return Reply(f"Settings of {channel.name}. {_when(channel, now)}", lines=tuple(lines))


def show_schedule(channel: Channel, now: datetime) -> Reply:
    """Say when digests come."""
    return Reply(
        _when(channel, now),
        lines=("To change it: /papers schedule weekdays 09:00 in Europe/Berlin",),
    )


def status(store: Store, channel: Channel, now: datetime) -> Reply:
    """Say how a channel stands: its state, its digests, its votes, what waits to be sent."""
    with store.read() as connection:
        last = digests.last(connection, channel.id, None)
        votes = feedback.active(connection, channel.id)
        waiting = outbox.waiting(connection, channel.id)
        total = paper_rows.count(connection)
    lines = [_when(channel, now)]
    if channel.state is not ChannelState.ACTIVE:
        lines.append(f"State: {channel.state} ({channel.state_reason or 'no reason given'})")
    if last is None:
        lines.append("No digest yet.")
    else:
        lines.append(
            f"Last digest {last.slot.replace('T', ' ')[:16]}: "
            f"{last.chosen} of {count_words(last.considered, 'paper')}"
        )
    people = len({row.person for row in votes})
    likes = sum(row.signal is Signal.LIKE for row in votes)
    dislikes = sum(row.signal is Signal.DISLIKE for row in votes)
    if votes:
        lines.append(
            f"Votes: 👍 {likes}  👎 {dislikes}, from {count_words(people, 'person', 'people')}"
        )
    if waiting:
        problem = next((m.error for m in waiting if m.error), "")
        unknown = sum(m.state is MessageState.UNKNOWN for m in waiting)
        words = f"{count_words(len(waiting), 'message')} waiting to be sent"
        words += f", {unknown} of them being looked up" if unknown else ""
        lines.append(f"{words}{f': {plain_text(problem, 160)}' if problem else ''}")
    lines.append(f"{count_words(total, 'paper')} known.")
    return Reply(f"Status of {channel.name}", lines=tuple(lines))


def forget(store: Store, person: str, now: datetime, *, confirmed: bool) -> Reply:
    """Delete a person's votes and saved papers in every channel; ``person`` is the keyed hash."""
    if not confirmed:
        return Reply(
            "This deletes your votes and saved papers in every channel.",
            lines=("To go on: /papers forget-me yes",),
        )
    with store.write() as connection:
        gone = feedback.forget(connection, person, now)
    words = ", ".join(f"{count} {signal}" for signal, count in gone.items()) or "nothing was stored"
    return Reply(
        f"Forgotten: {words}.",
        lines=(
            "What remains: the posts themselves, and counts that other people's votes made.",
            "Also a nameless mark, by which your reactions on older posts stay uncounted.",
            "Digests are ranked without your votes from now on.",
        ),
    )


def _change(
    channel: Channel, changes: SettingChanges, defaults: Defaults, now: datetime
) -> Channel:
    changed = changes.apply(channel)
    changed = replace(
        changed,
        schedule=parse_schedule(changed.schedule).text,
        timezone=check_timezone(changed.timezone).key,
    )
    known = set(defaults.sources)
    for name in changes.sources or ():
        if known and name.partition(":")[0] not in known:
            raise PaperwireError(
                f"There is no source {name!r} here. Known: {', '.join(sorted(known))}; "
                "a category of one is written arxiv:cs.CL. Or write sources=all."
            )
    if (changed.schedule, changed.timezone) != (channel.schedule, channel.timezone):
        # A new schedule begins now: its earlier slots of today are not owed.
        changed = replace(changed, scheduled_at=now)
    return changed


def _want_seeds(store: Store, profile: Profile, now: datetime) -> None:
    from bot.identify import arxiv_id

    with store.write() as connection:
        for seed in profile.seeds:
            found = arxiv_id(seed)
            if found and paper_rows.paper_by_handle(connection, found[0]) is None:
                listings.want(connection, found[0], now)


def _when(channel: Channel, now: datetime) -> str:
    schedule = parse_schedule(channel.schedule)
    zone = check_timezone(channel.timezone)
    if channel.state is ChannelState.PAUSED:
        return f"Paused; the schedule is {schedule.describe()} ({zone.key})."
    if channel.state is ChannelState.LEFT:
        return "Not subscribed."
    slot, _ = next_slot(schedule, zone, now)
    return (
        f"Up to {count_words(channel.size, 'paper')} {schedule.describe()} ({zone.key}); "
        f"next on {slot.replace('T', ' at ')}."
    )


def _interest_lines(channel: Channel) -> tuple[str, ...]:
    if channel.profile == Profile():
        return ("No interests written: the most upvoted papers are posted.",)
    return profiles.describe(channel.profile)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or "all"
    return str(value)
