"""Layer 1 of the hedge, the protective base: an out-of-the-money VIX call spread on its trigger."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.config import EngineConfig, broken_rule
from sim.contracts import Product, listed_strike
from sim.strategies.protocols import CONDOR, Close, DayView, Open, Orders

BoolArray = NDArray[np.bool_]

NAME = "layer1_call_spread"
_IS_CALL = np.array([True, True])
_UNIT = np.array([[1.0], [-1.0]])


class Layer1CallSpreadConfig(EngineConfig):
    """VIX call spread, bought when contango has eroded and the SPX weakens, or when the curve inverts.

    Without market breadth, a falling RSI of the SPX stands in for a deteriorating advance-decline line.
    """

    sized_on: ClassVar[str | None] = CONDOR

    engine: Literal["layer1_call_spread"] = "layer1_call_spread"
    contango_z: float = Field(
        default=-1.5, description="on below this deviation of contango from its 30-day mean [standard deviations]"
    )
    rsi_level: float = Field(default=50.0, gt=0.0, lt=100.0, description="SPX weakens with its RSI(14) below this")
    rsi_fall_days: int = Field(default=5, ge=1, le=20, description="and falling over this many sessions")
    early: bool = Field(default=True, description="also on when VX1 > VX2 and the RSI falls, whatever the VIX level")
    exit_contango_z: float = Field(default=0.0, description="off above this deviation, if VX1 <= VX2")
    size: float = Field(default=0.10, gt=0.0, le=1.0, description="premium over the condor's open risk capital [-]")
    expiry_number: int = Field(
        default=2,
        ge=1,
        le=4,
        description="which monthly expiry, or the first after it that lives longer than roll_days",
    )
    long_offset: float = Field(default=2.0, description="long strike above the VIX future of that expiry [points]")
    short_offset: float = Field(default=12.0, description="short strike above that future [points]")
    roll_days: int = Field(default=10, ge=0, le=30, description="rolled with this long to expiry [calendar days]")

    @model_validator(mode="after")
    def _fields_fit(self) -> Layer1CallSpreadConfig:
        if self.short_offset <= self.long_offset:
            raise broken_rule("short_offset", f"be above long_offset, {self.long_offset}")
        if self.exit_contango_z <= self.contango_z:
            raise broken_rule("exit_contango_z", f"be above contango_z, {self.contango_z}")
        return self


@final
class Layer1CallSpread:
    """VIX call spread on the trigger of layer 1; see ``Layer1CallSpreadConfig``."""

    config_type: ClassVar[type[EngineConfig]] = Layer1CallSpreadConfig
    required_signals: ClassVar[tuple[str, ...]] = ("contango_z", "rsi_spx", "inverted")

    def __init__(self, config: Layer1CallSpreadConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Switch the layer on or off, and roll it before its expiry."""
        config, orders = self.config, Orders()
        is_on, is_rolled = self._closes(view, orders)
        wanted = (self._trigger(view) & ~is_on) | is_rolled
        capital = np.where(wanted, view.condor_risk_capital(), 0.0)
        if not capital.any():
            return orders
        number = config.expiry_number
        while view.days_to_expiry(view.vix_expiry(number)) <= config.roll_days:
            number += 1  # it would be rolled at once
        expiry = view.vix_expiry(number)
        future = view.vix_future(expiry)
        strike = np.stack(
            [listed_strike(Product.VIX_OPTION, future + offset) for offset in (config.long_offset, config.short_offset)]
        )
        key = (NAME, config.long_offset, config.short_offset, expiry)
        contracts = view.contracts(key, Product.VIX_OPTION, _IS_CALL, strike, expiry)
        mids = view.mids(contracts)
        debit = contracts.multiplier * (mids[0] - mids[1])
        is_sound = (debit > 0.0) & (strike[1] > strike[0])
        units = view.whole(np.where(is_sound, config.size * capital / np.where(is_sound, debit, 1.0), 0.0))
        if units.any():
            orders.opens.append(Open(contracts=contracts, quantity=_UNIT * units))
        return orders

    def _closes(self, view: DayView, orders: Orders) -> tuple[BoolArray, BoolArray]:
        """Close what has ended; return where the layer stays on, and where it is rolled."""
        is_over = self._is_over(view)
        is_on = np.zeros(view.n_paths, dtype=np.bool_)
        is_rolled = is_on.copy()
        for tranche in view.tranches(NAME):
            is_held = tranche.is_open
            if view.days_to_expiry(tranche.contracts.expiry) <= self.config.roll_days:
                mask = is_held
                is_rolled |= is_held & ~is_over
            else:
                mask = is_held & is_over
                is_on |= is_held & ~is_over
            if mask.any():
                orders.closes.append(Close(tranche=tranche, mask=mask))
        return is_on, is_rolled

    def _trigger(self, view: DayView) -> BoolArray:
        config = self.config
        rsi = view.signal("rsi_spx")
        is_falling = rsi < view.signal("rsi_spx", days_ago=config.rsi_fall_days)
        eroded = (view.signal("contango_z") < config.contango_z) & (rsi < config.rsi_level) & is_falling
        if not config.early:
            return np.asarray(eroded)
        return np.asarray(eroded | ((view.signal("inverted") > 0.5) & is_falling))

    def _is_over(self, view: DayView) -> BoolArray:
        recovered = view.signal("contango_z") > self.config.exit_contango_z
        return np.asarray(recovered & (view.signal("inverted") < 0.5))
