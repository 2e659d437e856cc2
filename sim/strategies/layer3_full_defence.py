"""Layer 3 of the hedge, full defence: SPX put spreads and deep VIX calls in a concentrated or dear market (S3)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from pydantic import Field, model_validator

from sim.conditions import Condition, condition
from sim.config import EngineConfig, broken_rule
from sim.contracts import Product
from sim.strategies.hedging import HedgeConfig, budget, buy, close_ended
from sim.strategies.legs import VERTICAL, spx_put_spread, vix_calls, vix_expiry_number
from sim.strategies.protocols import DayView, Orders

NAME = "layer3_full_defence"
_LONG = np.array([[1.0]])

# macro factors are in standard deviations of their stationary law: 1.645 is the 95th percentile
ON = condition(
    {
        "any": [
            {"signal": "concentration", "op": ">", "value": 1.645},
            {"signal": "ddm_gap", "op": ">", "value": 1.645},
        ]
    }
)
OFF = condition(
    {"all": [{"signal": "concentration", "op": "<", "value": 1.0}, {"signal": "ddm_gap", "op": "<", "value": 1.0}]}
)


class Layer3FullDefenceConfig(HedgeConfig):
    """SPX put spreads and deeper out-of-the-money VIX calls on concentration or overvaluation (S3)."""

    engine: Literal["layer3_full_defence"] = "layer3_full_defence"
    size: float = Field(default=0.15, gt=0.0, le=1.0, description="outlay over the condor's capital, 0.10 to 0.20 [-]")
    on: Condition = Field(default=ON, description="goes on where this holds: a 95th percentile is passed (S3)")
    off: Condition = Field(default=OFF, description="comes off where this holds (documents name no exit)")
    put_share: float = Field(default=0.5, ge=0.0, le=1.0, description="share of the outlay in SPX put spreads [-]")
    long_put_delta: float = Field(default=0.25, gt=0.0, lt=0.5, description="delta of the bought put [-]")
    short_put_delta: float = Field(default=0.10, gt=0.0, lt=0.5, description="delta of the sold put [-]")
    put_days: int = Field(default=60, ge=20, le=100, description="expiry of the puts nearest to this [calendar days]")
    expiry_number: int = Field(default=2, ge=1, le=4, description="which monthly VIX expiry, beyond roll_days")
    call_offset: float = Field(default=8.0, description="call strike above the VIX future of that expiry [points]")
    roll_days: int = Field(default=10, ge=0, le=19, description="rolled with this long to expiry [calendar days]")

    @model_validator(mode="after")
    def _deltas_fit(self) -> Layer3FullDefenceConfig:
        if self.short_put_delta >= self.long_put_delta:
            raise broken_rule("short_put_delta", f"be below long_put_delta, {self.long_put_delta}")
        return self


@final
class Layer3FullDefence:
    """Put spreads and calls; see ``Layer3FullDefenceConfig``."""

    config_type: ClassVar[type[EngineConfig]] = Layer3FullDefenceConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: Layer3FullDefenceConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Switch both instruments on or off, and roll each before its expiry."""
        config, orders = self.config, Orders()
        is_over = view.holds(config.off)
        trigger = view.holds(config.on) & ~is_over
        wanted = {}
        for product in (Product.SPX_OPTION, Product.VIX_OPTION):
            is_on, is_rolled = close_ended(view, NAME, is_over, config.roll_days, orders, product)
            wanted[product] = (trigger & ~is_on) | is_rolled
        puts = config.put_share * budget(view, config, wanted[Product.SPX_OPTION], orders)
        if puts.any():
            expiry = view.spx_expiry(config.put_days, config.put_days - 10, config.put_days + 10)
            if expiry is not None:
                contracts = spx_put_spread(view, expiry, config.long_put_delta, config.short_put_delta, puts > 0.0)
                entry = buy(view, contracts, VERTICAL, puts, config.irr_gate)
                orders.opens.extend([entry] if entry is not None else [])
        calls = (1.0 - config.put_share) * budget(view, config, wanted[Product.VIX_OPTION], orders)
        if calls.any():
            expiry = vix_expiry_number(view, config.expiry_number, config.roll_days)
            entry = buy(view, vix_calls(view, expiry, config.call_offset), _LONG, calls, config.irr_gate)
            orders.opens.extend([entry] if entry is not None else [])
        return orders
