"""Layer 1 of the hedge, the protective base: an out-of-the-money VIX call spread on its trigger (S3)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

from pydantic import Field, model_validator

from sim.conditions import Condition, condition
from sim.config import EngineConfig, broken_rule
from sim.strategies.hedging import CallSpreadConfig, switch_call_spread
from sim.strategies.protocols import DayView, Orders

NAME = "layer1_call_spread"


class Layer1CallSpreadConfig(CallSpreadConfig):
    """VIX call spread, bought when contango has eroded and the SPX weakens, or when the curve inverts (S3).

    The early trigger asks for a falling advance-decline line; without ``breadth`` a falling RSI of the SPX stands in.
    """

    engine: Literal["layer1_call_spread"] = "layer1_call_spread"
    contango_z: float = Field(
        default=-1.5, description="on below this deviation of contango from its 30-day mean [standard deviations] (S3)"
    )
    rsi_level: float = Field(default=50.0, gt=0.0, lt=100.0, description="SPX weakens with its RSI(14) below this")
    rsi_fall_days: int = Field(default=5, ge=1, le=20, description="and falling over this many sessions")
    early: bool = Field(default=True, description="also on when VX1 > VX2 and breadth falls, at any VIX level (S3)")
    breadth: bool = Field(
        default=True, description="early: the A/D line falls over those sessions (S3); false: the RSI of the SPX"
    )
    exit_contango_z: float = Field(default=0.0, description="off above this deviation, if VX1 <= VX2")
    on: Condition | None = Field(default=None, description="goes on where this holds; null: as the fields above say")
    off: Condition | None = Field(default=None, description="comes off where this holds; null: as the fields above say")

    @model_validator(mode="after")
    def _fields_fit(self) -> Layer1CallSpreadConfig:
        if self.exit_contango_z <= self.contango_z:
            raise broken_rule("exit_contango_z", f"be above contango_z, {self.contango_z}")
        return self

    @property
    def reads(self) -> frozenset[str]:
        """Signals of the trigger and of the exit, and those of a promoter."""
        return super().reads | self.trigger().signals() | self.exit().signals()

    def trigger(self) -> Condition:
        """Tree on which the layer goes on."""
        if self.on is not None:
            return self.on
        rsi = {"signal": "rsi_spx", "measure": "change", "window": self.rsi_fall_days, "op": "<", "value": 0.0}
        eroded = [
            {"signal": "contango_z", "op": "<", "value": self.contango_z},
            {"signal": "rsi_spx", "op": "<", "value": self.rsi_level},
            rsi,
        ]
        falling = {**rsi, "signal": "ad_line"} if self.breadth else rsi
        inverted = [{"signal": "inverted", "op": ">", "value": 0.5}, falling]
        branches = [{"all": eroded}, {"all": inverted}] if self.early else [{"all": eroded}]
        return condition({"any": branches})

    def exit(self) -> Condition:
        """Tree on which the layer comes off."""
        if self.off is not None:
            return self.off
        recovered = {"signal": "contango_z", "op": ">", "value": self.exit_contango_z}
        return condition({"all": [recovered, {"signal": "inverted", "op": "<", "value": 0.5}]})


@final
class Layer1CallSpread:
    """VIX call spread on the trigger of layer 1; see ``Layer1CallSpreadConfig``."""

    config_type: ClassVar[type[EngineConfig]] = Layer1CallSpreadConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: Layer1CallSpreadConfig, n_paths: int) -> None:
        self.config = config
        self.on, self.off = config.trigger(), config.exit()

    def decide(self, view: DayView) -> Orders:
        """Switch the layer on or off, and roll it before its expiry."""
        return switch_call_spread(view, NAME, self.config, view.holds(self.on), view.holds(self.off))
