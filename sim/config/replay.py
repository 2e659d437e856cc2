"""Real closes in the place of simulated ones."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from sim.config.section import ConfigSection, broken_rule

EMBEDDED = "embedded"
"""The history that is shipped inside the ``arch`` package: SPX from 1999 and VIX from 2014 to the end of 2018."""


class HistoryFilesConfig(ConfigSection):
    """Closes of SPX and VIX in two files of Cboe, Yahoo, Stooq or FRED."""

    spx: str = Field(description="CSV file with daily closes of the SPX")
    vix: str = Field(description="CSV file with daily closes of the VIX")


class ReplayConfig(ConfigSection):
    """A stretch of history: closes of SPX and VIX, and what else is known of its days."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    history: str | HistoryFilesConfig = Field(
        default=EMBEDDED,
        description="embedded, a CSV file with the columns date, spx, vix (and, where known, spx_open, vix_open), or"
        " {spx: FILE, vix: FILE}",
    )
    first: date | None = Field(
        default=None,
        alias="from",
        description="day 0 (the next session if closed); the first with enough history before it by default",
    )
    last: date | None = Field(
        default=None, alias="to", description="last close; sets `days` where a file leaves them out"
    )
    vix_futures: str | None = Field(
        default=None,
        description="CSV file of daily settlements of VIX futures: date, expiry, settlement; or date, VX1, VX2, ... of"
        " the nearest monthly contracts",
    )
    fit_curve: bool = Field(
        default=True,
        description="two-factor models: let the second factor follow the second VIX future where settlements are given",
    )
    future: Literal["history", "model"] = Field(
        default="history",
        description="closes after day 0: the real ones, or paths of the model that start from the real past",
    )

    @model_validator(mode="after")
    def _in_order(self) -> ReplayConfig:
        if self.first is not None and self.last is not None and self.last <= self.first:
            raise broken_rule("to", f"be later than from, {self.first}")
        return self
