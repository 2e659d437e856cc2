"""Layer 2 of the hedge, acceleration: VIX futures and VIX calls when breadth breaks or VIX momentum turns (S3)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from pydantic import Field

from sim.conditions import Condition, condition
from sim.config import EngineConfig
from sim.contracts import Product
from sim.strategies.gates import passes
from sim.strategies.hedging import HedgeConfig, budget, buy, close_ended, futures_within
from sim.strategies.legs import vix_calls, vix_expiry_number
from sim.strategies.protocols import FUTURE_OUTLAY, DayView, Open, Orders

NAME = "layer2_acceleration"
_LONG = np.array([[1.0]])

ON = condition(
    {
        "any": [
            {"signal": "ad_break", "op": ">", "value": 0.5},
            {"signal": "macd_vx1", "measure": "over_std", "window": 60, "op": "<", "value": -0.5},
        ]
    }
)
OFF = condition(
    {
        "all": [
            {"signal": "ad_break", "op": "<", "value": 0.5},
            {"signal": "macd_vx1", "measure": "over_std", "window": 60, "op": ">=", "value": -0.5},
            {"signal": "contango_z", "op": ">", "value": 0.0},
        ]
    }
)
SPIKE = condition({"signal": "rate_diff", "measure": "zscore", "window": 60, "op": ">", "value": 2.0})


class Layer2AccelerationConfig(HedgeConfig):
    """Long VIX futures and VIX calls on a break of the A/D line or a decisive fall of the MACD of VX1 (S3)."""

    engine: Literal["layer2_acceleration"] = "layer2_acceleration"
    size: float = Field(default=0.15, gt=0.0, le=1.0, description="outlay over the condor's capital, 0.10 to 0.20 [-]")
    on: Condition = Field(default=ON, description="goes on where this holds (S3)")
    off: Condition = Field(default=OFF, description="comes off where this holds (documents name no exit)")
    strengthened_by: Condition | None = Field(
        default=SPIKE, description="size is raised where this holds (S3); null: no"
    )
    strength: float = Field(default=1.25, ge=1.0, le=4.0, description="size times this where it is raised [-]")
    futures_share: float = Field(default=0.5, ge=0.0, le=1.0, description="share of the outlay in VIX futures [-] (S3)")
    expiry_number: int = Field(default=2, ge=1, le=4, description="which monthly expiry, beyond roll_days")
    call_offset: float = Field(default=3.0, description="call strike above the VIX future of that expiry [points]")
    roll_days: int = Field(default=10, ge=0, le=30, description="rolled with this long to expiry [calendar days]")


@final
class Layer2Acceleration:
    """Futures and calls; see ``Layer2AccelerationConfig``."""

    config_type: ClassVar[type[EngineConfig]] = Layer2AccelerationConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: Layer2AccelerationConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Switch both instruments on or off, and roll each before its expiry."""
        config, orders = self.config, Orders()
        is_over = view.holds(config.off)
        trigger = view.holds(config.on) & ~is_over
        scale = np.ones(view.n_paths)
        if config.strengthened_by is not None:
            scale[view.holds(config.strengthened_by)] = config.strength
        wanted = {}
        for product in (Product.VIX_FUTURE, Product.VIX_OPTION):
            is_on, is_rolled = close_ended(view, NAME, is_over, config.roll_days, orders, product)
            wanted[product] = (trigger & ~is_on) | is_rolled
        shares = {Product.VIX_FUTURE: config.futures_share, Product.VIX_OPTION: 1.0 - config.futures_share}
        for product, mask in wanted.items():
            amount = shares[product] * budget(view, config, mask, orders, scale=scale)
            entry = self._entry(view, product, amount) if amount.any() else None
            if entry is not None:
                orders.opens.append(entry)
        return orders

    def _entry(self, view: DayView, product: Product, amount: np.ndarray) -> Open | None:
        config = self.config
        expiry = vix_expiry_number(view, config.expiry_number, config.roll_days)
        if product is Product.VIX_OPTION:
            return buy(view, vix_calls(view, expiry, config.call_offset), _LONG, amount, config.irr_gate)
        contracts = view.future(expiry)
        amount = np.where(passes(view, config.irr_gate, contracts, _LONG), amount, 0.0)
        number = futures_within(view, expiry, amount)
        if not number.any():
            return None
        view.memory.committed += number * FUTURE_OUTLAY * 1000.0 * view.vix_future(expiry)
        return Open(contracts=contracts, quantity=number[None, :], is_pooled=True)
