"""Windows: sessions of a run that are measured apart, such as those after a close of the VIX above 30."""

from __future__ import annotations

from pydantic import Field

from sim.config.section import ConfigSection

MAX_WINDOWS = 32
"""Windows that an experiment may have; each one is stored for every path."""


class WindowConfig(ConfigSection):
    """Sessions that are measured apart: what every window says beside its condition ``when``, a tree of signals."""

    lag: int = Field(
        default=0,
        ge=0,
        le=20,
        description="sessions between the close at which the condition is read and the session that it selects",
    )
    before: int = Field(default=0, ge=0, le=60, description="sessions before each selected one that belong to it")
    after: int = Field(default=0, ge=0, le=60, description="sessions after each selected one that belong to it")
    description: str = Field(default="", description="what the window holds, as printed")
