"""Self-funding conversion: SPX put spreads paid from the roll-down of short VIX futures (S0)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.conditions import Condition, condition
from sim.config import EngineConfig, broken_rule
from sim.contracts import Product
from sim.strategies.hedging import HedgeConfig, budget, close_ended
from sim.strategies.legs import VERTICAL, premium, spx_put_spread, vix_expiry_number
from sim.strategies.protocols import FUTURE_OUTLAY, Close, DayView, Open, Orders

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

NAME = "self_funding"

ON = condition(
    {
        "all": [
            {"signal": "vix", "op": "<", "value": "vix_sma5"},
            {"signal": "ad_divergence", "op": ">", "value": 0.5},
            {"signal": "contango", "op": ">", "value": 0.0},
        ]
    }
)
OFF = condition(
    {
        "any": [
            {"signal": "inverted", "op": ">", "value": 0.5},
            {"signal": "vix_vs_sma5", "op": ">", "value": 0.15},
        ]
    }
)


class SelfFundingConfig(HedgeConfig):
    """SPX put spread whose debit equals the expected roll-down of a short VIX future; its tail risk is real (S0)."""

    asks_gate: ClassVar[bool] = False

    engine: Literal["self_funding"] = "self_funding"
    size: float = Field(
        default=0.10, gt=0.0, le=1.0, description="outlay of futures and puts over the condor's capital [-]"
    )
    on: Condition = Field(default=ON, description="goes on where this holds: as sub_sma5, in contango (S0)")
    off: Condition = Field(default=OFF, description="both legs come off where this holds")
    expiry_number: int = Field(default=1, ge=1, le=3, description="which monthly VIX future is sold, beyond roll_days")
    roll_days: int = Field(default=5, ge=0, le=15, description="closed with this long to expiry [calendar days]")
    long_put_delta: float = Field(default=0.25, gt=0.0, lt=0.5, description="delta of the bought put [-]")
    short_put_delta: float = Field(default=0.10, gt=0.0, lt=0.5, description="delta of the sold put [-]")
    put_days: int = Field(default=45, ge=30, le=90, description="expiry of the puts nearest to this [calendar days]")

    @model_validator(mode="after")
    def _deltas_fit(self) -> SelfFundingConfig:
        if self.short_put_delta >= self.long_put_delta:
            raise broken_rule("short_put_delta", f"be below long_put_delta, {self.long_put_delta}")
        return self


@final
class SelfFunding:
    """Short future, long put spread; see ``SelfFundingConfig``."""

    config_type: ClassVar[type[EngineConfig]] = SelfFundingConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: SelfFundingConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Enter both legs on the trigger; the puts leave with the future, and the future with the puts."""
        config, orders = self.config, Orders()
        is_over = view.holds(config.off)
        is_on, is_rolled = close_ended(view, NAME, is_over, config.roll_days, orders, Product.VIX_FUTURE)
        is_bare = is_on & ~self._has_puts(view)
        for tranche in view.tranches(NAME):
            mask = tranche.is_open & is_bare
            if tranche.contracts.product is Product.VIX_FUTURE and mask.any():
                orders.closes.append(Close(tranche=tranche, mask=mask))
        is_on, is_rolled = is_on & ~is_bare, is_rolled | is_bare
        for tranche in view.tranches(NAME):
            mask = tranche.is_open & ~is_on
            if tranche.contracts.product is Product.SPX_OPTION and mask.any():
                orders.closes.append(Close(tranche=tranche, mask=mask))
        trigger = ((view.holds(config.on) & ~is_on) | is_rolled) & ~is_over
        amount = budget(view, config, trigger, orders)
        if amount.any():
            orders.opens.extend(self._entry(view, amount))
        return orders

    def _has_puts(self, view: DayView) -> BoolArray:
        """Paths whose puts are left: they expire before a future of a later month, and a call for margin takes them."""
        has_puts = np.zeros(view.n_paths, dtype=np.bool_)
        for tranche in view.tranches(NAME):
            if tranche.contracts.product is Product.SPX_OPTION:
                has_puts |= tranche.is_open
        return has_puts

    def _entry(self, view: DayView, amount: FloatArray) -> list[Open]:
        """Short futures, and the put spreads that their roll-down is expected to pay, within one outlay.

        A future counts with the largest debit that it may pay for, so that both together keep size and cap.
        """
        config = self.config
        expiry = vix_expiry_number(view, config.expiry_number, config.roll_days)
        put_expiry = view.spx_expiry(config.put_days, config.put_days - 10, config.put_days + 10)
        if put_expiry is None:
            return []
        roll_down = self.roll_down(view, expiry)
        contracts = spx_put_spread(view, put_expiry, config.long_put_delta, config.short_put_delta)
        debit = premium(view, contracts, VERTICAL)
        is_sound = (roll_down > 0.0) & (debit > 0.0)
        binds = FUTURE_OUTLAY * 1000.0 * view.vix_future(expiry)
        futures = view.whole(np.where(is_sound, amount / (binds + np.maximum(roll_down, 0.0)), 0.0))
        spreads = view.whole(np.where(is_sound, futures * roll_down / np.where(is_sound, debit, 1.0), 0.0))
        futures = np.where(spreads > 0.0, futures, 0.0)  # a future that pays no spread is a bare short
        if not futures.any():
            return []
        view.memory.committed += futures * binds + spreads * debit
        return [
            Open(contracts=view.future(expiry), quantity=-futures[None, :]),
            Open(contracts=contracts, quantity=VERTICAL * spreads),
        ]

    def roll_down(self, view: DayView, expiry: int) -> FloatArray:
        """Expected gain of one short future until it is closed, were the VIX to stay [USD], shape (n_paths,).

        The future's distance to the VIX shrinks in proportion to the days left.
        """
        days = view.days_to_expiry(expiry)
        share = (days - self.config.roll_days) / days
        return np.asarray(1000.0 * (view.vix_future(expiry) - view.vix) * share)
