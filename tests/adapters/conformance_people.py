"""Conformance: what people do comes in, and what they are told goes out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import Reply, Signal
from tests.adapters.counterpart import (
    Scene,
    SceneConformance,
    make_card,
    needs,
    paper,
    single,
    until,
    words,
)


class PeopleConformance(SceneConformance):
    """What a platform does with reactions, buttons and commands."""

    # --- reactions

    async def test_a_reaction_is_a_vote_and_taking_it_back_takes_it_back(
        self, scene: Scene
    ) -> None:
        needs(scene.can.reactions, "reactions")
        remote_id = await scene.sent(paper(), "k1")
        assert await scene.standing(remote_id) == set()
        person = scene.people[0]
        for count, (signal, on) in enumerate(
            [(s, on) for s in (Signal.LIKE, Signal.DISLIKE, Signal.SAVE) for on in (True, False)]
        ):
            await scene.react(remote_id, person, signal, on=on)
            await scene.inbound.until_votes(count + 1)
            vote = scene.inbound.votes[-1]
            assert (vote.remote_id, vote.signal, vote.on) == (remote_id, signal, on)
            assert (vote.place.platform, vote.place.address) == (scene.platform.name, scene.address)
            assert (vote.person.platform, vote.person.id) == (scene.platform.name, person)
            expected = {(person, signal, None)} if on else set()
            assert await scene.standing(remote_id) == expected

    async def test_a_reaction_given_twice_stands_once(self, scene: Scene) -> None:
        needs(scene.can.reactions, "reactions")
        remote_id = await scene.sent(paper(), "k1")
        one, other = scene.people
        for person in (one, one, other):
            await scene.react(remote_id, person, Signal.LIKE, on=True)
        await until(
            lambda: other in [vote.person.id for vote in scene.inbound.votes], "the third reaction"
        )
        assert {vote.on for vote in scene.inbound.votes} == {True}
        likes = {(one, Signal.LIKE, None), (other, Signal.LIKE, None)}
        assert await scene.standing(remote_id) == likes
        await scene.react(remote_id, one, Signal.LIKE, on=False)
        await until(lambda: scene.inbound.votes[-1].on is False, "the reaction taken back")
        assert await scene.standing(remote_id) == {(other, Signal.LIKE, None)}

    async def test_a_number_reaction_means_one_paper_of_a_single(self, scene: Scene) -> None:
        needs(scene.can.reactions, "reactions")
        remote_id = await scene.sent(single(*(make_card(n) for n in (1, 2, 3))), "k1")
        assert await scene.standing(remote_id) == set()
        one, other = scene.people
        await scene.react(remote_id, one, Signal.LIKE, on=True, number=2)
        await scene.react(remote_id, other, Signal.LIKE, on=True, number=3)
        await scene.inbound.until_votes(2)
        assert {(v.person.id, v.signal, v.number, v.on) for v in scene.inbound.votes} == {
            (one, Signal.LIKE, 2, True),
            (other, Signal.LIKE, 3, True),
        }
        await scene.react(remote_id, one, Signal.LIKE, on=False, number=2)
        await scene.inbound.until_votes(3)
        assert await scene.standing(remote_id) == {(other, Signal.LIKE, 3)}

    async def test_reactions_made_while_away_are_read_back(self, scene: Scene) -> None:
        needs(scene.can.reactions, "reactions")
        remote_id = await scene.sent(paper(), "k1")
        one, other = scene.people
        await scene.react(remote_id, one, Signal.LIKE, on=True)
        await scene.inbound.until_votes(1)
        await scene.platform.stop()
        await scene.react(remote_id, one, Signal.LIKE, on=False)
        await scene.react(remote_id, other, Signal.SAVE, on=True)
        await scene.connect()
        assert await scene.standing(remote_id) == {(other, Signal.SAVE, None)}
        await scene.react(remote_id, one, Signal.DISLIKE, on=True)
        await until(
            lambda: scene.inbound.votes[-1].signal is Signal.DISLIKE, "a vote on an old post"
        )

    async def test_standing_of_an_unknown_message_cannot_be_read(self, scene: Scene) -> None:
        assert not await scene.platform.standing(scene.address, "no-such-message")

    async def test_a_button_switches_a_vote_and_says_so(self, scene: Scene) -> None:
        needs(scene.can.buttons, "buttons")
        person = scene.people[0]
        remote_id = await scene.sent(paper(4), "k1")
        for signal in (Signal.LIKE, Signal.DISLIKE, Signal.SAVE):
            for state in (True, False):
                scene.inbound.vote_reply = replace(
                    scene.inbound.vote_reply, signals=(signal,) if state else ()
                )
                answer = await scene.press(remote_id, person, signal, 4)
                assert answer.text.strip()
                vote = scene.inbound.votes[-1]
                assert (vote.remote_id, vote.signal) == (remote_id, signal)
                assert vote.on in {state, None}
                assert (vote.person.id, vote.place.address) == (person, scene.address)

    async def test_a_button_in_a_single_means_its_own_paper(self, scene: Scene) -> None:
        needs(scene.can.buttons, "buttons")
        remote_id = await scene.sent(single(make_card(1), make_card(2)), "k1")
        await scene.press(remote_id, scene.people[0], Signal.DISLIKE, 2)
        vote = scene.inbound.votes[-1]
        assert (vote.remote_id, vote.signal, vote.number) == (remote_id, Signal.DISLIKE, 2)

    # --- commands

    @pytest.mark.parametrize(
        "text", ["help", "search vowel harmony", 'profile add low-resource, -"image generation"']
    )
    async def test_a_command_comes_in_as_typed_and_its_reply_goes_out(
        self, scene: Scene, text: str
    ) -> None:
        needs(scene.can.commands, "commands")
        scene.inbound.reply = Reply(
            "Two papers match.", ("the first line", "the second"), (make_card(),)
        )
        answer = await scene.command(scene.people[0], text)
        (event,) = scene.inbound.commands
        assert event.text == text
        assert (event.place.platform, event.place.address) == (scene.platform.name, scene.address)
        assert (event.person.platform, event.person.id) == (scene.platform.name, scene.people[0])
        shown = words(answer.text)
        for part in ("Two papers match.", "the first line", "the second", make_card().title):
            assert part in shown

    async def test_an_error_reply_is_told_apart(self, scene: Scene) -> None:
        needs(scene.can.commands, "commands")
        lines = ("Did you mean “search”?",)
        scene.inbound.reply = Reply("No such thing.", lines, ok=True)
        fine = await scene.command(scene.people[0], "help")
        scene.inbound.reply = Reply("No such thing.", lines, ok=False)
        error = await scene.command(scene.people[0], "help")
        assert "No such thing." in words(error.text)
        assert "Did you mean “search”?" in words(error.text)
        assert words(error.text) != words(fine.text)  # in words or signs, not by colour alone

    async def test_an_ephemeral_reply_is_for_one_person_and_a_shared_one_for_all(
        self, scene: Scene
    ) -> None:
        needs(scene.can.commands, "commands")
        needs(scene.can.ephemeral, "ephemeral replies")
        scene.inbound.reply = Reply("Between us.", ephemeral=True)
        answer = await scene.command(scene.people[0], "saved")
        assert "Between us." in words(answer.text)
        assert not answer.everyone
        assert list(await scene.held()) == []
        scene.inbound.reply = Reply("For all.", ephemeral=False)
        answer = await scene.command(scene.people[0], "status")
        assert answer.everyone
        (held,) = await scene.held()
        assert "For all." in words(held.text)

    async def test_a_failing_core_leaves_the_platform_working(self, scene: Scene) -> None:
        remote_id = await scene.sent(paper(), "k1")
        scene.inbound.failure = RuntimeError("secret detail")
        if scene.can.commands:
            answer = await scene.command(scene.people[0], "help")
            assert "secret detail" not in answer.text
        if scene.can.reactions:
            await scene.react(remote_id, scene.people[0], Signal.LIKE, on=True)
            await scene.inbound.until_votes(1)
        scene.inbound.failure = None
        await scene.sent(paper(2), "k2")
        if scene.can.commands:
            answer = await scene.command(scene.people[0], "help")
            assert "Understood." in words(answer.text)
