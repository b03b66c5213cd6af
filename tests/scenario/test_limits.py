"""What one person may ask for in a while, and that who asked to be forgotten stays so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain import Layout, PaperwireError, Person, Place, Signal, Via
from bot.parts import build_limits, channel_defaults
from bot.ports import Standing
from bot.services.inbox import Inbox
from bot.services.limits import REMEMBERED, Limits, Rate, words
from bot.services.manage import Defaults
from bot.services.react import read_back
from bot.settings import load
from bot.store import feedback, outbox
from tests.scenario.scripted import Scripted, plan, serve, settle
from tests.scenario.wire import Wire

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)
ADA, BEN = Person("terminal", "ada"), Person("terminal", "ben")
DESK, LAB = Place("terminal", "desk"), Place("terminal", "lab")
TIGHT = (Rate(3, timedelta(seconds=10)), Rate(5, timedelta(seconds=1)))


def limit(wire: Wire, limits: Limits, defaults: Defaults | None = None) -> None:
    wire.inbox = Inbox(
        wire.store,
        wire.rankers,
        lambda: wire.now,
        defaults=defaults or Defaults(sources=("huggingface",)),
        layouts={"terminal": Layout.CARDS},
        limited=limits,
    )


# --- buckets ------------------------------------------------------------------------------------


def test_a_burst_passes_and_then_one_at_a_time() -> None:
    limits = Limits(commands=TIGHT)
    waits = [limits.command(DESK, ADA, NOW) for _ in range(4)]
    assert waits == [timedelta(0)] * 3 + [timedelta(seconds=10)]
    assert limits.command(DESK, ADA, NOW + timedelta(seconds=4)) == timedelta(seconds=6)
    assert limits.command(DESK, ADA, NOW + timedelta(seconds=10)) == timedelta(0)


def test_a_channel_has_a_share_of_its_own() -> None:
    limits = Limits(commands=TIGHT)
    people = [replace(ADA, id=f"person {number}") for number in range(6)]
    waits = [limits.command(DESK, person, NOW) for person in people]
    assert waits == [timedelta(0)] * 5 + [timedelta(seconds=1)]
    assert limits.command(LAB, people[5], NOW) == timedelta(0)


def test_a_clock_that_is_set_back_neither_fills_nor_empties() -> None:
    limits = Limits(commands=TIGHT)
    for _ in range(3):
        limits.command(DESK, ADA, NOW)
    back = NOW - timedelta(hours=1)
    assert limits.command(DESK, ADA, back) == timedelta(seconds=10)
    assert limits.command(DESK, ADA, back + timedelta(seconds=10)) == timedelta(0)


def test_what_is_remembered_is_bounded() -> None:
    limits = Limits()
    for number in range(REMEMBERED + 50):
        limits.command(DESK, replace(ADA, id=str(number)), NOW + timedelta(seconds=number))
    assert len(limits._buckets) == REMEMBERED


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 second"), (10, "10 seconds"), (200, "4 minutes")]
)
def test_waits_are_rounded_up(seconds: float, said: str) -> None:
    assert words(timedelta(seconds=seconds)) == said


# --- in a channel -------------------------------------------------------------------------------


async def test_too_many_commands_get_a_sentence_and_others_go_on(wire: Wire) -> None:
    limit(wire, Limits(commands=TIGHT))
    told = [await wire.say("desk", "help") for _ in range(4)]
    assert [reply.ok for reply in told] == [True, True, True, False]
    assert told[-1].headline == (
        "That were many commands in a short time. Try again in 10 seconds."
    )
    assert (await wire.say("desk", "help", person="ben")).ok
    wire.now += timedelta(seconds=10)
    assert (await wire.say("desk", "help")).ok


async def test_submissions_have_a_share_of_their_own_and_votes_none(wire: Wire) -> None:
    limit(wire, Limits(submissions=(Rate(2, timedelta(minutes=6)), Rate(9, timedelta(0.1)))))
    await wire.say("desk", "subscribe speech")
    told = [await wire.say("desk", f"submit 2607.0000{number}") for number in range(1, 4)]
    assert [reply.ok for reply in told] == [True, True, False]
    assert "many submissions" in told[2].headline
    with wire.store.read() as connection:
        wanted = connection.execute("SELECT count(*) FROM wanted").fetchone()[0]
    assert wanted == 2
    for _ in range(50):
        reply = await wire.vote("desk", "nothing", Signal.LIKE)
        assert "many" not in reply.headline


async def test_a_profile_does_not_grow_without_end(wire: Wire) -> None:
    await wire.say("desk", "subscribe speech")
    for batch in range(30):
        items = ", ".join(f"interest {batch} {number}" for number in range(20))
        reply = await wire.say("desk", f"profile add {items}")
        if not reply.ok:
            break
    assert "at most" in reply.headline


async def test_a_profile_grows_no_further_than_the_settings_let_it(
    wire: Wire, tmp_path: Path
) -> None:
    defaults = channel_defaults(load(tmp_path, {"PAPERWIRE_LIMITS__PROFILE_ITEMS": "5"}))
    limit(wire, Limits(), defaults)
    refused = await wire.say("desk", "subscribe a1, b2, c3, d4, e5, f6")
    assert not refused.ok
    assert "at most 5 items here, and this would be 6" in refused.headline
    assert (await wire.say("desk", "subscribe a1, b2, c3, d4")).ok
    assert not (await wire.say("desk", "subscribe e5, f6")).ok
    assert not (await wire.say("desk", "profile add e5, f6")).ok
    assert not (await wire.say("desk", "profile set a, b, c, d, e, f")).ok
    assert (await wire.say("desk", "profile add e5")).ok
    # Who has more since the bound was higher may write as much, and take away.
    limit(wire, Limits(), replace(defaults, profile_items=2))
    assert (await wire.say("desk", "profile set a, b, c, d, e")).ok
    assert (await wire.say("desk", "profile remove a")).ok
    assert not (await wire.say("desk", "profile add f")).ok


# --- in the settings ----------------------------------------------------------------------------


def test_without_settings_the_limits_are_those_of_the_code(tmp_path: Path) -> None:
    built, plain = build_limits(load(tmp_path, {})), Limits()
    assert (built._commands, built._submissions) == (plain._commands, plain._submissions)
    assert channel_defaults(load(tmp_path, {})).profile_items == Defaults().profile_items == 200


def test_the_limits_are_settings(tmp_path: Path) -> None:
    given = {
        "PERSON_COMMANDS": "2",
        "PERSON_COMMANDS_A_MINUTE": "6",
        "CHANNEL_COMMANDS": "3",
        "CHANNEL_COMMANDS_A_MINUTE": "60",
        "PERSON_SUBMISSIONS": "1",
        "PERSON_SUBMISSIONS_AN_HOUR": "4",
        "CHANNEL_SUBMISSIONS": "9",
        "CHANNEL_SUBMISSIONS_AN_HOUR": "60",
        "PROFILE_ITEMS": "12",
    }
    settings = load(tmp_path, {f"PAPERWIRE_LIMITS__{name}": n for name, n in given.items()})
    limits = build_limits(settings)
    waits = [limits.command(DESK, ADA, NOW) for _ in range(3)]
    assert waits == [timedelta(0), timedelta(0), timedelta(seconds=10)]
    assert limits.command(DESK, BEN, NOW) == timedelta(0)
    assert limits.command(DESK, BEN, NOW) == timedelta(seconds=1)
    waits = [limits.submission(DESK, ADA, NOW) for _ in range(2)]
    assert waits == [timedelta(0), timedelta(minutes=15)]
    assert channel_defaults(settings).profile_items == 12


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_limit_of_nothing_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(PaperwireError, match="PAPERWIRE_LIMITS__PERSON_COMMANDS"):
        load(tmp_path, {"PAPERWIRE_LIMITS__PERSON_COMMANDS": value})


# --- forgotten ----------------------------------------------------------------------------------


class Reacted(Scripted):
    """A platform on whose posts reactions stand."""

    def __init__(self) -> None:
        super().__init__()
        self.stands: dict[str, list[Standing]] = {}

    async def standing(self, address: str, remote_id: str) -> list[Standing]:
        return self.stands.get(remote_id, [])


async def test_reactions_of_a_forgotten_person_are_not_read_back(wire: Wire) -> None:
    platform = Reacted()
    [channel] = plan(wire, "desk")
    serve(wire, platform)
    await settle(wire)
    with wire.store.read() as connection:
        sent = outbox.recent_sent(connection, channel.id, NOW - timedelta(days=1))
    ids = [message.remote_id or "" for message in sent]
    platform.stands = {
        ids[0]: [Standing("ada", Signal.LIKE), Standing("ben", Signal.LIKE)],
        ids[1]: [Standing("ada", Signal.SAVE)],
    }

    async def stand() -> int:
        await read_back(wire.store, platform, channel, wire.now)
        with wire.store.read() as connection:
            return len(feedback.active(connection, channel.id))

    assert await stand() == 3
    wire.now += timedelta(hours=1)
    assert (await wire.say("desk", "forget-me yes")).ok
    assert await stand() == 1
    # A reaction that is given anew counts, and is not taken for one of the old ones.
    assert (await wire.vote("desk", ids[1], Signal.LIKE)).ok
    platform.stands[ids[1]].append(Standing("ada", Signal.LIKE))
    assert await stand() == 2
    platform.stands[ids[1]].clear()
    assert await stand() == 1
    with wire.store.read() as connection:
        [left] = feedback.active(connection, channel.id)
        assert left.person == feedback.person_key(connection, "terminal", "ben")
    assert left.via is Via.REACTION
