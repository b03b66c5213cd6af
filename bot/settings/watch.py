"""How the operator looks after it: a port for machines, a channel for troubles."""

from __future__ import annotations

from pydantic import Field

from bot.settings.section import Section


class Watch(Section):
    """How the one who runs it is kept informed. None of this goes to readers."""

    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="The port for /health, /ready and /metrics (Prometheus); without it, none",
        examples=[9108],
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="The address to listen on; what is told there is numbers, no papers or people",
    )
    alert_channel: str = Field(
        default="",
        pattern=r"^$|^(slack|discord|web|terminal):\S.*$|^email:[^\s@<>]+@[^\s@<>]+$",
        description="Where troubles are told, once when they begin and once when they are over: a "
        "channel that gets no digests, or by mail, as email:ops@example.org",
        examples=["slack:T012AB3CD/C045EF6GH"],
    )
