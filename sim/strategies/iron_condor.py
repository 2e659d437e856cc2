"""First engine: a weekly ladder of SPX iron condors."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.config import EngineConfig, broken_rule
from sim.contracts import ContractSet, Product, listed_strike
from sim.expiries import nearest_expiry
from sim.strategies.protocols import CONDOR, Close, DayView, Open, Orders, condor_risk
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_IS_CALL = np.array([False, False, True, True])
_UNIT = np.array([[1.0], [-1.0], [-1.0], [1.0]])  # long put, short put, short call, long call


class IronCondorConfig(EngineConfig):
    """Iron condor ladder: one tranche a week, 20-delta shorts, closed at a target, a stop or 21 days."""

    engine: Literal["iron_condor"] = "iron_condor"
    entry_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = Field(
        default="monday", description="a tranche is opened on this day, or on the next session where it is a holiday"
    )
    target_days: int = Field(
        default=52, ge=1, le=120, description="expiry: as near to this as possible [calendar days]"
    )
    min_days: int = Field(default=45, ge=1, le=120, description="expiry: at least [calendar days]")
    max_days: int = Field(default=60, ge=1, le=120, description="expiry: at most [calendar days]")
    short_delta: float = Field(default=0.20, gt=0.0, lt=0.5, description="delta of the short put and call [-]")
    wing_width: float | None = Field(default=50.0, gt=0.0, description="width of both wings [points]; null: wing_delta")
    wing_delta: float | None = Field(
        default=None, gt=0.0, lt=0.5, description="delta of the long put and call [-], where wing_width is null"
    )
    risk_per_tranche: float = Field(
        default=0.03, gt=0.0, le=1.0, description="largest loss of a new tranche over equity [-]"
    )
    max_open_risk: float = Field(
        default=0.20, gt=0.0, le=1.0, description="largest loss of all open tranches over equity [-]"
    )
    profit_target: float | None = Field(default=0.50, gt=0.0, le=1.0, description="close at this share of the credit")
    stop_loss_x_credit: float | None = Field(default=2.0, gt=0.0, description="close at this loss over the credit")
    exit_days: int | None = Field(default=21, ge=0, description="close with this long to expiry [calendar days]")

    @model_validator(mode="after")
    def _fields_fit(self) -> IronCondorConfig:
        if not self.min_days <= self.target_days <= self.max_days:
            raise broken_rule("target_days", f"lie between min_days, {self.min_days}, and max_days, {self.max_days}")
        if (self.wing_width is None) == (self.wing_delta is None):
            raise broken_rule("wing_delta", "be given if wing_width is null, and only then")
        if self.wing_delta is not None and self.wing_delta >= self.short_delta:
            raise broken_rule("wing_delta", f"be below short_delta, {self.short_delta}")
        if self.exit_days is not None and self.exit_days >= self.min_days:
            raise broken_rule("exit_days", f"be below min_days, {self.min_days}")
        return self


@final
class IronCondor:
    """Weekly iron condor ladder; see ``IronCondorConfig``."""

    config_type: ClassVar[type[EngineConfig]] = IronCondorConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: IronCondorConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Close what has reached an exit, then open this week's tranche."""
        orders = Orders()
        for tranche in view.tranches(CONDOR):
            mask = self._exits(view, tranche)
            if mask.any():
                orders.closes.append(Close(tranche=tranche, mask=mask))
        if view.is_weekly_entry(WEEKDAYS.index(self.config.entry_weekday)):
            entry = self._entry(view)
            if entry is not None:
                orders.opens.append(entry)
        return orders

    def _exits(self, view: DayView, tranche: Tranche) -> NDArray[np.bool_]:
        config, is_open = self.config, tranche.is_open
        exit_days = config.exit_days
        if exit_days is not None and view.days_to_expiry(tranche.contracts.expiry) <= exit_days:
            return is_open
        credit, profit = -tranche.entry_value(), tranche.open_profit()
        mask = np.zeros(view.n_paths, dtype=np.bool_)
        if config.profit_target is not None:
            mask |= profit >= config.profit_target * credit
        if config.stop_loss_x_credit is not None:
            mask |= -profit >= config.stop_loss_x_credit * credit
        return mask & is_open

    def _entry(self, view: DayView) -> Open | None:
        config = self.config
        expiry = nearest_expiry(
            view.calendar,
            view.t,
            target_days=config.target_days,
            min_days=config.min_days,
            max_days=config.max_days,
            expiries=view.expiries.spx_weekly,
        )
        if expiry is None:
            return None
        contracts = self._contracts(view, expiry)
        unit_value = np.einsum("lp,lp->p", np.broadcast_to(_UNIT, contracts.strike.shape), view.mids(contracts))
        strike = contracts.strike
        width = np.maximum(strike[1] - strike[0], strike[3] - strike[2])
        unit_risk = contracts.multiplier * (width + unit_value)
        # a credit that pays for the wing, or none at all, is no condor
        is_sound = (unit_risk > 0.0) & (unit_value < 0.0) & (strike[1] < strike[2])
        room = config.max_open_risk * view.equity - self._open_risk(view)
        budget = np.minimum(config.risk_per_tranche * view.equity, room)
        units = view.whole(np.where(is_sound, budget / np.where(is_sound, unit_risk, 1.0), 0.0))
        if not units.any():
            return None
        return Open(contracts=contracts, quantity=_UNIT * units)

    def _open_risk(self, view: DayView) -> FloatArray:
        """Risk of the tranches that stay open today."""
        total = np.zeros(view.n_paths)
        for tranche in view.tranches(CONDOR):
            total += np.where(self._exits(view, tranche), 0.0, condor_risk(tranche))
        return total

    def _contracts(self, view: DayView, expiry: int) -> ContractSet:
        config = self.config
        short_put, short_call = view.strike_for_delta([-config.short_delta, config.short_delta], expiry)
        if config.wing_width is not None:
            long_put = listed_strike(Product.SPX_OPTION, short_put - config.wing_width)
            long_call = listed_strike(Product.SPX_OPTION, short_call + config.wing_width)
        else:
            assert config.wing_delta is not None
            long_put, long_call = view.strike_for_delta([-config.wing_delta, config.wing_delta], expiry)
        strike = np.stack([long_put, short_put, short_call, long_call])
        key = (CONDOR, config.short_delta, config.wing_width, config.wing_delta, expiry)
        return view.contracts(key, Product.SPX_OPTION, _IS_CALL, strike, expiry)
