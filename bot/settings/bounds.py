"""How long what is kept, and how much anyone may ask for."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from bot.settings.section import Section

LEAST_DAYS = 90  # upvotes of a listing are read again for up to 60 days


def _check_days(days: int) -> int:
    if 0 < days < LEAST_DAYS:
        raise ValueError(f"it is at least {LEAST_DAYS} days, or 0 for ever")
    return days


LongDays = Annotated[int, Field(ge=0, le=36_500), AfterValidator(_check_days)]
Amount = Annotated[int, Field(ge=1, le=100_000)]


class Retention(Section):
    """For how many days what is kept; 0 is for ever. Posted papers and votes always stay."""

    events_days: int = Field(
        default=7,
        ge=1,
        le=365,
        description="How long it is known which events were dealt with, as platforms repeat them",
    )
    details_days: int = Field(
        default=90,
        ge=0,
        le=36_500,
        description="How long it is known why a paper was not posted; of a channel's last digest "
        "always",
    )
    listings_days: LongDays = Field(
        default=0,
        description="How long listings that brought no paper, and quarantined entries, are kept; "
        "at least 90 or 0",
    )
    papers_days: LongDays = Field(
        default=0,
        description="How long papers are kept that no channel posted, voted on, saved or named; "
        "at least 90 or 0. Some two thousand stay, as what is usual is measured against them",
    )


class Limits(Section):
    """How much one person, and one channel, may ask for. Votes are never held back."""

    person_commands: Amount = Field(
        default=20, description="How many commands a person may give at once"
    )
    person_commands_a_minute: Amount = Field(
        default=30, description="How many more a person may give every minute"
    )
    channel_commands: Amount = Field(
        default=120, description="How many commands a channel's people together may give at once"
    )
    channel_commands_a_minute: Amount = Field(
        default=240, description="How many more they may give every minute"
    )
    person_submissions: Amount = Field(
        default=10, description="How many papers a person may share at once"
    )
    person_submissions_an_hour: Amount = Field(
        default=10, description="How many more a person may share every hour"
    )
    channel_submissions: Amount = Field(
        default=40, description="How many papers may be shared in a channel at once"
    )
    channel_submissions_an_hour: Amount = Field(
        default=30, description="How many more may be shared there every hour"
    )
    profile_items: int = Field(
        default=200, ge=1, le=200, description="How many interests a channel's profile may have"
    )
