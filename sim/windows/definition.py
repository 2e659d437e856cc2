"""What a window is, and the windows that an experiment has unless it names its own."""

from __future__ import annotations

from pydantic import Field, field_validator

from sim.conditions import BOOK_SIGNALS, Condition, condition
from sim.config import WindowConfig


class Window(WindowConfig):
    """Sessions that are selected by a condition on signals of the market."""

    when: Condition = Field(
        description="condition at the close of a session, which then belongs to the window: a tree of comparisons of"
        " signals of the market"
    )

    @field_validator("when")
    @classmethod
    def _reads_the_market(cls, value: Condition) -> Condition:
        of_book = sorted(value.signals() & BOOK_SIGNALS.keys())
        if of_book:
            raise ValueError(
                f"must read signals of the market, {of_book[0]} is one of the book: a window is the same for all"
                " strategies"
            )
        return value


def _vix_between(low: float | None, high: float | None) -> Condition:
    parts = [{"signal": "vix", "op": ">=", "value": low}] if low is not None else []
    parts += [{"signal": "vix", "op": "<", "value": high}] if high is not None else []
    return condition(parts[0] if len(parts) == 1 else {"all": parts})


DEFAULT_WINDOWS: dict[str, Window] = {
    "vix_below_15": Window(when=_vix_between(None, 15.0), lag=1, description="VIX below 15 at the previous close"),
    "vix_15_20": Window(when=_vix_between(15.0, 20.0), lag=1, description="VIX from 15 to 20 at the previous close"),
    "vix_20_30": Window(when=_vix_between(20.0, 30.0), lag=1, description="VIX from 20 to 30 at the previous close"),
    "vix_above_30": Window(
        when=_vix_between(30.0, None), lag=1, description="VIX at 30 or above at the previous close"
    ),
    "vix_spike": Window(
        when=condition({"signal": "vix", "measure": "change", "window": 3, "op": ">", "value": 5.0}),
        before=2,
        description="sessions in which the VIX rose by more than 5 points within three sessions",
    ),
    "crash": Window(
        when=condition({"signal": "drawdown_spx", "measure": "change", "window": 5, "op": ">", "value": 0.07}),
        before=4,
        description="sessions in which the SPX's loss from its maximum grew by more than 7 percentage points within"
        " five sessions",
    ),
}
"""Windows of an experiment that names none: regimes of the VIX that share out all sessions, spikes and crashes."""
