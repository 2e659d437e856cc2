"""Baseline: the rules of the Cboe VIX Tail Hedge Index (VXTH).

The S&P 500 with its dividends, and one-month 30-delta VIX calls bought on each monthly VIX expiry. Their weight hangs
on the VIX future that settles with them: nothing up to 15 points, 1% up to 30, 0.5% up to 50, nothing above.

References
----------
.. [1] Cboe, "VXTH: Cboe VIX Tail Hedge Index", dashboard.
"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from sim.config import EngineConfig, broken_rule
from sim.contracts import Product
from sim.strategies.cycle import ROLL_PHASE_MEANING, ROLL_WEEK_MEANING, WEEKS, paths_of_week, weeks_that_roll
from sim.strategies.legs import vix_calls_by_delta, vix_expiry_days
from sim.strategies.protocols import Close, DayView, Open, Orders, Trade

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NAME = "vxth"


class VxthConfig(EngineConfig):
    """S&P 500 with monthly 30-delta VIX calls, weighted by the VIX future (Cboe VXTH)."""

    engine: Literal["vxth"] = "vxth"
    delta: float = Field(default=0.30, gt=0.0, lt=1.0, description="Black delta of the calls [-] (Cboe)")
    levels: tuple[float, ...] = Field(default=(15.0, 30.0, 50.0), description="VIX futures [points], rising (Cboe)")
    weights: tuple[float, ...] = Field(
        default=(0.0, 0.01, 0.005, 0.0), description="share of equity in calls up to each level, and above [-] (Cboe)"
    )
    target_days: int = Field(default=30, ge=14, le=60, description="calls expire nearest to this [calendar days]")
    roll_phase: Literal["fixed", "drawn"] = Field(default="fixed", description=ROLL_PHASE_MEANING)
    roll_week: int = Field(default=0, ge=0, lt=WEEKS, description=ROLL_WEEK_MEANING)

    @field_validator("weights")
    @classmethod
    def _weights_are_shares(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0.0 <= weight <= 0.5 for weight in value):
            raise ValueError("must lie from 0 to 0.5")
        return value

    @field_validator("levels")
    @classmethod
    def _levels_rise(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("must rise")
        return value

    @model_validator(mode="after")
    def _week_is_of_a_fixed_phase(self) -> VxthConfig:
        if self.roll_week and self.roll_phase == "drawn":
            raise broken_rule("roll_week", "be 0 where roll_phase is drawn")
        return self


def call_weight(config: VxthConfig, future: FloatArray) -> FloatArray:
    """Share of equity in calls by the level of the VIX future; a level itself belongs to the weight below it."""
    weights = np.array(config.weights)
    return np.asarray(weights[np.searchsorted(np.array(config.levels), future, side="left")])


@final
class Vxth:
    """Index and calls; see ``VxthConfig``."""

    config_type: ClassVar[type[EngineConfig]] = VxthConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: VxthConfig, n_paths: int) -> None:
        self.config = config
        self.is_bought = False

    def decide(self, view: DayView) -> Orders:
        """Buy the index on day 0; on roll days buy calls, and put the rest of the equity into the index."""
        orders = Orders()
        unit = view.holding(Product.SPX_UNIT)
        price = view.mids(unit)[0]
        if not self.is_bought:
            self.is_bought = True
            units = view.whole(view.equity / price)
            orders.opens.append(Open(contracts=unit, quantity=units[None, :]))
            return orders
        rolls = np.zeros(view.n_paths, dtype=np.bool_)
        for week in weeks_that_roll(view, view.expiries.vix_monthly):
            rolls |= paths_of_week(view, week, drawn=self.config.roll_phase == "drawn", fixed=self.config.roll_week)
        if not rolls.any():
            return orders
        paid = self._roll_calls(view, rolls, orders)
        for tranche in view.tranches(NAME):
            if tranche.contracts.product is Product.SPX_UNIT:
                wanted = view.whole((view.equity - paid) / price)
                change = np.where(rolls & tranche.is_open & view.alive, wanted - tranche.quantity[0], 0.0)
                orders.trades.append(Trade(tranche=tranche, change=change[None, :]))
        return orders

    def _roll_calls(self, view: DayView, rolls: BoolArray, orders: Orders) -> FloatArray:
        """Sell calls that are left, buy new ones; return what they cost at mid [USD]."""
        config = self.config
        for tranche in view.tranches(NAME):
            mask = tranche.is_open & rolls
            if tranche.contracts.product is Product.VIX_OPTION and mask.any():
                orders.closes.append(Close(tranche=tranche, mask=mask))
        expiry = vix_expiry_days(view, config.target_days, max(config.target_days - 15, 7))
        amount = np.where(rolls, call_weight(config, view.vix_future(expiry)) * view.equity, 0.0)
        if not amount.any():
            return np.zeros(view.n_paths)
        contracts = vix_calls_by_delta(view, expiry, config.delta)
        each = contracts.multiplier * view.mids(contracts)[0]
        number = view.whole(np.where(each > 0.0, amount / np.where(each > 0.0, each, 1.0), 0.0))
        if number.any():
            orders.opens.append(Open(contracts=contracts, quantity=number[None, :]))
        return np.asarray(number * each)
