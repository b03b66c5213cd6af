"""What every table of the settings file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Values that cannot be changed, and no value that is not known."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        # A value may be a secret in the wrong place.
        hide_input_in_errors=True,
    )
