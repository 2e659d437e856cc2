"""Baseline: the hedge of layer 1 switched by the level of the front VIX future alone (S3 calls it rigid)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

from pydantic import Field, model_validator

from sim.config import EngineConfig, broken_rule
from sim.strategies.hedging import CallSpreadConfig, switch_call_spread
from sim.strategies.protocols import DayView, Orders

NAME = "rigid_vix"


class RigidVixConfig(CallSpreadConfig):
    """VIX call spread, on while the front VIX future is at or above a level: 18 or 22 (S3)."""

    engine: Literal["rigid_vix"] = "rigid_vix"
    level: float = Field(default=18.0, gt=0.0, description="on with VX1 at or above this, 18 or 22 [points] (S3)")
    off_level: float | None = Field(default=None, gt=0.0, description="off with VX1 below this [points]; null: level")

    @model_validator(mode="after")
    def _levels_fit(self) -> RigidVixConfig:
        if self.off_level is not None and self.off_level > self.level:
            raise broken_rule("off_level", f"be at most level, {self.level}")
        return self


@final
class RigidVix:
    """Call spread by level; see ``RigidVixConfig``."""

    config_type: ClassVar[type[EngineConfig]] = RigidVixConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: RigidVixConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Switch the spread on or off, and roll it before its expiry."""
        config = self.config
        front = view.vix_future(view.vix_expiry(1))
        off_level = config.level if config.off_level is None else config.off_level
        return switch_call_spread(view, NAME, config, front >= config.level, front < off_level)
