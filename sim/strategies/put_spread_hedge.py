"""Baseline: SPX put spreads bought beside the condor at all times."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from pydantic import Field, model_validator

from sim.config import EngineConfig, broken_rule
from sim.strategies.cycle import WEEK
from sim.strategies.hedging import HedgeConfig, budget, buy, close_ended
from sim.strategies.legs import VERTICAL, spx_put_spread
from sim.strategies.protocols import DayView, Orders

NAME = "put_spread_hedge"


class PutSpreadHedgeConfig(HedgeConfig):
    """SPX put spread held at all times while condors are open, rolled before its expiry."""

    engine: Literal["put_spread_hedge"] = "put_spread_hedge"
    long_delta: float = Field(default=0.25, gt=0.0, lt=0.5, description="delta of the bought put [-]")
    short_delta: float = Field(default=0.10, gt=0.0, lt=0.5, description="delta of the sold put [-]")
    target_days: int = Field(default=60, ge=20, le=100, description="expiry nearest to this [calendar days]")
    roll_days: int = Field(default=20, ge=0, le=60, description="rolled with this long to expiry [calendar days]")
    roll_phase: Literal["fixed", "drawn"] = Field(
        default="fixed",
        description="fixed: bought at once; drawn: each path begins, and so rolls, 0 to 3 weeks later",
    )

    @model_validator(mode="after")
    def _fields_fit(self) -> PutSpreadHedgeConfig:
        if self.short_delta >= self.long_delta:
            raise broken_rule("short_delta", f"be below long_delta, {self.long_delta}")
        if self.roll_days >= self.target_days - 10:
            raise broken_rule("roll_days", f"be below target_days - 10, {self.target_days - 10}")
        return self


@final
class PutSpreadHedge:
    """Constant put spread; see ``PutSpreadHedgeConfig``."""

    config_type: ClassVar[type[EngineConfig]] = PutSpreadHedgeConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: PutSpreadHedgeConfig, n_paths: int) -> None:
        self.config = config
        self.never = np.zeros(n_paths, dtype=np.bool_)
        self.first_day: int | None = None

    def decide(self, view: DayView) -> Orders:
        """Hold one put spread, and roll it."""
        config, orders = self.config, Orders()
        is_on, _ = close_ended(view, NAME, self.never, config.roll_days, orders)
        if self.first_day is None:
            self.first_day = view.t
        wanted = ~is_on
        if config.roll_phase == "drawn":
            wanted &= view.t - self.first_day >= WEEK * view.memory.week
        amount = budget(view, config, wanted, orders)
        if not amount.any():
            return orders
        expiry = view.spx_expiry(config.target_days, config.target_days - 10, config.target_days + 10)
        if expiry is not None:
            contracts = spx_put_spread(view, expiry, config.long_delta, config.short_delta, amount > 0.0)
            entry = buy(view, contracts, VERTICAL, amount, config.irr_gate)
            orders.opens.extend([entry] if entry is not None else [])
        return orders
