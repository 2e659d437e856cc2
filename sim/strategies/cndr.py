"""Baseline: the rules of the Cboe S&P 500 Iron Condor Index (CNDR).

On the third Friday of each month, after the old options have settled, one-month AM-settled SPX options are sold at 20
delta and bought at 5 delta on both sides; they are held to settlement. Treasury bills cover ten times the largest loss.

References
----------
.. [1] Cboe, "CNDR: Cboe S&P 500 Iron Condor Index", product page and dashboard.
"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.config import EngineConfig, broken_rule
from sim.contracts import Product
from sim.strategies.cycle import ROLL_PHASE_MEANING, ROLL_WEEK_MEANING, WEEKS, paths_of_week
from sim.strategies.protocols import DayView, Open, Orders

IntArray = NDArray[np.int64]

NAME = "cndr"
_IS_CALL = np.array([False, False, True, True])
_UNIT = np.array([[1.0], [-1.0], [-1.0], [1.0]])


class CndrConfig(EngineConfig):
    """Monthly condor of the Cboe CNDR index: 20 and 5 delta, held to settlement, tenfold collateral."""

    engine: Literal["cndr"] = "cndr"
    short_delta: float = Field(default=0.20, gt=0.0, lt=0.5, description="delta of the sold options [-] (Cboe)")
    long_delta: float = Field(default=0.05, gt=0.0, lt=0.5, description="delta of the bought options [-] (Cboe)")
    collateral: float = Field(default=10.0, ge=1.0, description="equity over the largest loss of a condor [-] (Cboe)")
    is_am: bool = Field(
        default=True, description="AM-settled series on third Fridays, as in the index; false: PM-settled"
    )
    roll_phase: Literal["fixed", "drawn"] = Field(default="fixed", description=ROLL_PHASE_MEANING)
    roll_week: int = Field(default=0, ge=0, lt=WEEKS, description=ROLL_WEEK_MEANING)

    @model_validator(mode="after")
    def _fields_fit(self) -> CndrConfig:
        if self.roll_week and self.roll_phase == "drawn":
            raise broken_rule("roll_week", "be 0 where roll_phase is drawn")
        if self.long_delta >= self.short_delta:
            raise broken_rule("long_delta", f"be below short_delta, {self.short_delta}")
        return self


@final
class Cndr:
    """Monthly condor; see ``CndrConfig``."""

    config_type: ClassVar[type[EngineConfig]] = CndrConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: CndrConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Sell the next month's condor on roll days."""
        orders = Orders()
        for week in range(WEEKS):
            rolls = listed_rolls(view, week)
            if view.t not in rolls:
                continue
            mask = paths_of_week(view, week, drawn=self.config.roll_phase == "drawn", fixed=self.config.roll_week)
            later = rolls[rolls > view.t]
            if mask.any() and later.size:
                entry = self._entry(view, mask, int(later[0]))
                orders.opens.extend([entry] if entry is not None else [])
        return orders

    def _entry(self, view: DayView, mask: np.ndarray, expiry: int) -> Open | None:
        config = self.config
        deltas = [-config.long_delta, -config.short_delta, config.short_delta, config.long_delta]
        strike = view.strike_for_delta(deltas, expiry)
        is_am = config.is_am and expiry in view.expiries.spx_monthly  # the only ones with an AM-settled series
        key = (NAME, config.short_delta, config.long_delta, is_am, expiry)
        contracts = view.contracts(key, Product.SPX_OPTION, _IS_CALL, strike, expiry, is_am=is_am)
        value = np.einsum("lp,lp->p", np.broadcast_to(_UNIT, strike.shape), view.mids(contracts))
        width = np.maximum(strike[1] - strike[0], strike[3] - strike[2])
        loss = contracts.multiplier * (width + value)
        is_sound = mask & (loss > 0.0) & (value < 0.0) & np.all(np.diff(strike, axis=0) > 0.0, axis=0)
        allowed = view.equity / (config.collateral * np.where(is_sound, loss, 1.0))
        units = view.whole(np.where(is_sound, allowed, 0.0))
        return Open(contracts=contracts, quantity=_UNIT * units) if units.any() else None


def listed_rolls(view: DayView, week: int) -> IntArray:
    """Sessions of the weekly expiries that lie ``week`` weeks after the monthly ones: there the cycle rolls."""
    weekly = view.expiries.spx_weekly
    rows = np.searchsorted(weekly, view.expiries.spx_monthly) + week
    return weekly[rows[rows < weekly.size]]
