"""Partial layer: half of layer 1 while the VIX future is high around a scheduled event (S3)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

from pydantic import Field, model_validator

from sim.conditions import Condition, condition
from sim.config import EngineConfig, broken_rule
from sim.strategies.hedging import CallSpreadConfig, switch_call_spread
from sim.strategies.protocols import DayView, Orders

NAME = "partial_layer"

WHEN = condition(
    {
        "all": [
            {"signal": "days_to_event", "op": "<=", "value": 2.0},
            {"signal": "p_cf", "op": "<", "value": 1.0},
            {"signal": "equity_risk_premium", "op": ">", "value": 0.0},
        ]
    }
)


class PartialLayerConfig(CallSpreadConfig):
    """Half-size VIX call spread when VX1 is at 25 or more within 2 days of an event and reversion is probable (S3)."""

    engine: Literal["partial_layer"] = "partial_layer"
    size: float = Field(
        default=0.05, gt=0.0, le=1.0, description="premium over the condor's capital: half of layer 1 [-]"
    )
    level: float = Field(default=25.0, gt=0.0, description="front VIX future at or above this [points] (S3)")
    off_level: float = Field(default=22.0, gt=0.0, description="off with the front VIX future below this [points]")
    when: Condition = Field(
        default=WHEN,
        description="and this holds: an event within 2 sessions, price to cash flow not stretched, a premium asked for",
    )

    @model_validator(mode="after")
    def _levels_fit(self) -> PartialLayerConfig:
        if self.off_level > self.level:
            raise broken_rule("off_level", f"be at most level, {self.level}")
        return self


@final
class PartialLayer:
    """Half a call spread; see ``PartialLayerConfig``."""

    config_type: ClassVar[type[EngineConfig]] = PartialLayerConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: PartialLayerConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Switch the spread on or off, and roll it before its expiry."""
        front = view.vix_future(view.vix_expiry(1))
        trigger = (front >= self.config.level) & view.holds(self.config.when)
        return switch_call_spread(view, NAME, self.config, trigger, front < self.config.off_level)
