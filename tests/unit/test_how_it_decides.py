"""deploy/how-it-decides.md: every number in it is the code's, and so is every word for one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bot.domain import Channel, Profile, Signal
from bot.services.plan import FIRST_LOOK_DAYS, MISSED_SIZE, SEEN_PAPERS, SETTLED_DAYS, TRENDING_DAYS
from bot.services.ranker import BACKGROUND, VALUES
from bot.services.react import READ_BACK_DAYS
from bot.services.upkeep import DETAILS_KEPT, EVENTS_KEPT
from bot.services.window_operations import STEPS
from bot.settings import describe
from ranking.calibrate import USUAL, match
from ranking.document import Document
from ranking.evidence import HALF_LIFE_DAYS, Vote, weigh
from ranking.interest import AUTHOR_BONUS, CATEGORY_BONUS, UPVOTE_BONUS
from ranking.learned import ENOUGH
from ranking.select import EXPLORED_SHARE, SAME, VARIETY

PAGE = Path(__file__).resolve().parents[2] / "deploy" / "how-it-decides.md"
USUAL_CHANNEL = Channel(1, "terminal", "nlp", "nlp", Profile())
PAPER = Document("1", "Vowels", "Vowels in kitchens.")


def scored(deviations: float) -> int:
    """Return the match of a score, before any vote has moved the scale."""
    return int(match(np.array([deviations]))[0])


CLAIMS = (
    f"first digest looks {FIRST_LOOK_DAYS} days back",
    "from 0 to 100",
    f"up to {BACKGROUND:,} papers",
    f"has a match of {scored(0)}",
    f"by {USUAL.middle:g} standard deviations has {scored(USUAL.middle)}",
    f"by 4 it has {scored(4)}",
    f"A followed author lifts a paper by {AUTHOR_BONUS:g} such steps",
    f"a followed category by {CATEGORY_BONUS:g}",
    f"50 upvotes by {UPVOTE_BONUS * np.log1p(50):.1f}",
    f"Once a channel has {ENOUGH} liked and {ENOUGH} disliked papers",
    "with a match of 70, some seventy in a hundred",
    f"at most {USUAL_CHANNEL.size} papers a digest",
    f"a match of at least {USUAL_CHANNEL.threshold}",
    f"👍 like | {VALUES[Signal.LIKE]:g} towards",
    f"👎 dislike | {-VALUES[Signal.DISLIKE]:g} away from",
    f"🔖 save | {VALUES[Signal.SAVE]:g} towards",
    f"LINK` | {VALUES[Signal.SUBMIT]:g} towards",
    f"After {HALF_LIFE_DAYS:g} days a vote counts half",
    f"after {2 * HALF_LIFE_DAYS:g} days a quarter",
    f"posts of the last {READ_BACK_DAYS} days",
    f"a likeness of {100 * SAME:g} in 100, also with the last {SEEN_PAPERS} papers posted",
    f"cost up to {100 * VARIETY:g} in 100 of the choice",
    f"kept for {DETAILS_KEPT.days} days",
    "its match is nearest to 50",
    f"of the last {TRENDING_DAYS} days",
    f"the day they are {SETTLED_DAYS} days old",
    f"up to {MISSED_SIZE} papers that drew attention",
    f"go after {EVENTS_KEPT.days} days",
)


@pytest.fixture(scope="module")
def text() -> str:
    return " ".join(PAGE.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_the_page_says_in_numbers_is_what_the_code_does(text: str, claim: str) -> None:
    assert claim in text


def test_the_page_has_no_number_that_is_not_compared_with_the_code(text: str) -> None:
    for claim in CLAIMS:
        text = text.replace(claim, "")
    commands = re.findall(r"`[^`]*`", text)
    assert "`/papers why 3`" in commands
    left = re.sub(r"`[^`]*`", "", text)
    assert re.findall(r"[^.]*\d[^.]*", left) == []


def test_how_long_is_what_the_settings_say_unless_they_are_changed() -> None:
    defaults = {row.name: row.default for row in describe()}
    assert defaults["retention.details_days"] == str(DETAILS_KEPT.days)
    assert defaults["retention.events_days"] == str(EVENTS_KEPT.days)
    assert defaults["defaults.size"] == str(USUAL_CHANNEL.size)
    assert defaults["defaults.threshold"] == str(USUAL_CHANNEL.threshold)


def test_votes_do_what_the_words_say() -> None:
    one = Vote(PAPER, "ada", VALUES[Signal.LIKE])
    undone = Vote(PAPER, "ada", VALUES[Signal.DISLIKE])
    assert weigh([one, undone]) == ()  # "cancel out"
    [half] = weigh([Vote(PAPER, "ada", 1.0, HALF_LIFE_DAYS)])
    [quarter] = weigh([Vote(PAPER, "ada", 1.0, 2 * HALF_LIFE_DAYS)])
    assert (half.weight, quarter.weight) == (0.5, 0.25)
    assert EXPLORED_SHARE == 0.5  # "at least half of the threshold"


def test_one_voice_among_ten_is_a_tenth_however_often_it_votes() -> None:
    others = [Vote(Document(f"o{n}", "Echo", "Echo."), f"reader {n}", -1.0) for n in range(9)]
    mine = [Vote(Document(f"m{n}", "Vowel", "Vowel."), "ada", 1.0) for n in range(50)]
    weights = [evidence.weight for evidence in weigh([*others, *mine])]
    said_by_me = sum(weight for weight in weights if weight > 0)
    assert said_by_me / sum(map(abs, weights)) == pytest.approx(0.1)


def test_the_steps_are_told_in_their_order_and_none_is_left_out(text: str) -> None:
    told = re.findall(r"\| (muted|duplicate|threshold|diversity|size) \|", text)
    assert told == list(STEPS)


def test_the_files_that_it_names_and_that_name_it_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).is_file(), target
    for document in (PAGE.parent / "README.md", PAGE.parents[1] / "README.md"):
        assert "how-it-decides.md)" in document.read_text(encoding="utf-8")
