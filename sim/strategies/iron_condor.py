"""First engine: a weekly ladder of SPX iron condors."""

from __future__ import annotations

from typing import ClassVar, Literal, final
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.config import EngineConfig, broken_rule
from sim.contracts import ContractSet, Product, listed_spx_wing
from sim.strategies import condor_adjustments as adjust
from sim.strategies.cycle import ROLL_PHASE_MEANING
from sim.strategies.protocols import CONDOR, Close, DayView, Open, Orders, condor_risk
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_IS_CALL = np.array([False, False, True, True])
_UNIT = np.array([[1.0], [-1.0], [-1.0], [1.0]])  # long put, short put, short call, long call


class IronCondorConfig(EngineConfig):
    """Iron condor ladder: one tranche a week, 20-delta shorts, closed at a target, a stop or 21 days (S1)."""

    engine: Literal["iron_condor"] = "iron_condor"
    entry_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = Field(
        default="monday",
        description="a tranche is opened on this day, or on the next session where it is a holiday (S1)",
    )
    target_days: int = Field(
        default=52, ge=1, le=120, description="expiry: as near to this as possible, 7 to 90 [calendar days] (S1)"
    )
    min_days: int = Field(default=45, ge=1, le=120, description="expiry: at least [calendar days]")
    max_days: int = Field(default=60, ge=1, le=120, description="expiry: at most [calendar days]")
    short_delta: float = Field(
        default=0.20, gt=0.0, lt=0.5, description="delta of the short put and call, 0.15 to 0.30 [-] (S1)"
    )
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
    exit_days: int | None = Field(
        default=21, ge=0, description="close with this long to expiry [calendar days]; null: hold to expiry"
    )
    entry_every: int | None = Field(
        default=None, ge=1, le=63, description="a tranche every so many sessions from day 0; null: on entry_weekday"
    )
    roll_phase: Literal["fixed", "drawn"] = Field(default="fixed", description=ROLL_PHASE_MEANING)
    combined_cap: float | None = Field(
        default=0.06,
        gt=0.0,
        le=1.0,
        description="largest loss of a new tranche with its part of the hedges over equity [-] (S1); null: no cap",
    )
    time_shift: Literal["off", "side", "whole"] = Field(
        default="off",
        description="where the SPX reaches a sold strike, that side or the whole is rolled to a later expiry and"
        " struck anew at the same delta (S0-S4)",
    )
    widen_sigmas: float | None = Field(
        default=None,
        gt=0.0,
        description="the call side is rolled up after a rally of so many deviations since entry (S1); null: never",
    )
    tighten_sessions: int | None = Field(
        default=None, ge=1, le=10, description="wings are narrowed so close to a CPI, PPI or FOMC day (S1); null: never"
    )
    tighten_share: float = Field(default=0.5, gt=0.0, lt=1.0, description="width of narrowed wings over the old [-]")
    adjust_from_hedges: bool = Field(
        default=True, description="adjustments are paid from net profits of the hedges only (S1)"
    )

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
        if self.tighten_sessions is not None and self.wing_width is None:
            raise broken_rule("tighten_sessions", "be null where wing_width is null")
        if self.entry_every is not None and self.roll_phase == "drawn":
            raise broken_rule("roll_phase", "be fixed where entry_every is given")
        return self

    @property
    def reads(self) -> frozenset[str]:
        """Tightening reads the event calendar."""
        return frozenset({"days_to_event"} if self.tighten_sessions is not None else ())


@final
class IronCondor:
    """Weekly iron condor ladder; see ``IronCondorConfig``."""

    config_type: ClassVar[type[EngineConfig]] = IronCondorConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: IronCondorConfig, n_paths: int) -> None:
        self.config = config
        self.first_day: int | None = None
        self.spent = np.zeros(n_paths)
        self.open_risk = np.zeros(n_paths)  # of the tranches that stay open today, rolls of the day included
        self.narrowed: WeakSet[ContractSet] = WeakSet()
        config_adjusts = config.time_shift != "off" or config.widen_sigmas is not None
        self.adjusts = config_adjusts or config.tighten_sessions is not None

    def decide(self, view: DayView) -> Orders:
        """Close what has reached an exit, adjust the rest, then open this week's tranche."""
        orders = Orders()
        if self.adjusts:
            self.open_risk = self._open_risk(view)
        for tranche in view.tranches(CONDOR):
            mask = self._exits(view, tranche)
            if mask.any():
                orders.closes.append(Close(tranche=tranche, mask=mask))
            if self.adjusts:
                self._adjust(view, tranche, tranche.is_open & ~mask & view.may_enter, orders)
        enters = self._enters(view)
        if enters.any():
            entry = self._entry(view, enters)
            if entry is not None:
                orders.opens.append(entry)
        return orders

    def _enters(self, view: DayView) -> BoolArray:
        """Paths on which a tranche is due today."""
        config = self.config
        if self.first_day is None:
            self.first_day = view.t
        if config.entry_every is not None:
            is_due = np.full(view.n_paths, (view.t - self.first_day) % config.entry_every == 0)
        else:
            is_due = view.weekly_entry(WEEKDAYS.index(config.entry_weekday), drawn=config.roll_phase == "drawn")
        return np.asarray(is_due & view.may_enter)

    def _adjust(self, view: DayView, tranche: Tranche, mask: BoolArray, orders: Orders) -> None:
        """Roll, widen or tighten a tranche on the paths of ``mask``; at most one of them a day."""
        config = self.config
        if not mask.any():
            return
        if config.time_shift != "off":
            mask = mask & ~self._shift(view, tranche, mask, orders)
        if config.widen_sigmas is not None:
            mask = mask & ~self._widen(view, tranche, mask, orders)
        if config.tighten_sessions is not None:
            is_near = mask & (view.signal("days_to_event") <= config.tighten_sessions)
            if tranche.contracts not in self.narrowed:
                n_opens, allowed = len(orders.opens), self._purse(view)
                self.spent += adjust.tightened(view, tranche, config.tighten_share, is_near, orders, allowed)
                self.narrowed.update(order.contracts for order in orders.opens[n_opens:])

    def _purse(self, view: DayView) -> FloatArray:
        """What adjustments may still cost [USD], shape (n_paths,)."""
        if not self.config.adjust_from_hedges:
            return np.full(view.n_paths, np.inf)
        return np.asarray(np.maximum(view.hedge_profit() - self.spent, 0.0))

    def _shift(self, view: DayView, tranche: Tranche, mask: BoolArray, orders: Orders) -> BoolArray:
        """Roll what is tested to a later expiry; return where."""
        config = self.config
        expiry = view.spx_expiry(config.target_days, config.min_days, config.max_days)
        done = np.zeros(view.n_paths, dtype=np.bool_)
        if expiry is None or expiry <= tranche.contracts.expiry:
            return done
        for is_call in (False, True):
            hit = mask & ~done & adjust.tested(view, tranche, is_call=is_call)
            if not hit.any():
                continue
            if config.time_shift == "side":
                contracts = self._side(view, expiry, is_call=is_call)
                units, risk = self._sold_anew(view, tranche, contracts, hit, is_call=is_call)
                adjust.roll_side(tranche, contracts, units, orders, is_call=is_call)
                self.open_risk, rolled = risk, units > 0.0
            else:
                rolled = self._roll_whole(view, tranche, expiry, hit, orders)
            done |= rolled
        return done

    def _sold_anew(
        self, view: DayView, tranche: Tranche, contracts: ContractSet, mask: BoolArray, *, is_call: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Number of a new side: as many as were held, or as the caps leave; and the open risk that comes of it."""
        held = np.where(mask, adjust.side_units(tranche, is_call=is_call), 0.0)
        stays = self.open_risk - condor_risk(tranche) + adjust.risk_without(tranche, is_call=is_call)
        each = adjust.unit_risk(view, contracts, adjust.SHORT_FIRST)
        units = np.minimum(held, view.whole(self._allowed(view, stays) / each))
        added = units * np.where(units > 0.0, each, 0.0)
        return units, np.where(units > 0.0, stays + added, self.open_risk)

    def _roll_whole(self, view: DayView, tranche: Tranche, expiry: int, mask: BoolArray, orders: Orders) -> BoolArray:
        """Close a tranche and sell as many condors as the caps leave, single sides where sides differ; return where."""
        puts, calls = (np.where(mask, adjust.side_units(tranche, is_call=side), 0.0) for side in (False, True))
        both = np.minimum(puts, calls)
        stays = self.open_risk - condor_risk(tranche)
        left = self._allowed(view, stays)
        added, rolled = np.zeros(view.n_paths), np.zeros(view.n_paths, dtype=np.bool_)
        for wanted, side in ((both, None), (puts - both, False), (calls - both, True)):
            if not wanted.any():
                continue
            contracts = self._contracts(view, expiry) if side is None else self._side(view, expiry, is_call=side)
            unit = _UNIT if side is None else adjust.SHORT_FIRST
            each = adjust.unit_risk(view, contracts, unit)
            units = np.minimum(wanted, view.whole((left - added) / each))
            added += units * np.where(units > 0.0, each, 0.0)
            rolled |= units > 0.0
            if units.any():
                orders.opens.append(Open(contracts=contracts, quantity=unit * units, replaces=tranche))
        if rolled.any():
            orders.closes.append(Close(tranche=tranche, mask=rolled))
            self.open_risk = np.where(rolled, stays + added, self.open_risk)
        return rolled

    def _widen(self, view: DayView, tranche: Tranche, mask: BoolArray, orders: Orders) -> BoolArray:
        """Roll the call side up in the same expiry after a rally; return where."""
        assert self.config.widen_sigmas is not None
        mask = mask & adjust.rallied(view, tranche, self.config.widen_sigmas)
        if not mask.any() or tranche.contracts.expiry <= view.t:
            return np.zeros(view.n_paths, dtype=np.bool_)
        contracts = self._side(view, tranche.contracts.expiry, is_call=True)
        with np.errstate(invalid="ignore"):
            mask &= contracts.strike[0] > adjust.short_strike(tranche, is_call=True)
        units, risk = self._sold_anew(view, tranche, contracts, mask, is_call=True)
        debit = adjust.side_roll_debit(view, tranche, contracts, units, is_call=True)
        mask = (units > 0.0) & (debit <= self._purse(view))
        adjust.roll_side(tranche, contracts, np.where(mask, units, 0.0), orders, is_call=True)
        self.open_risk = np.where(mask, risk, self.open_risk)
        self.spent += np.where(mask, np.maximum(debit, 0.0), 0.0)
        return mask

    def _side(self, view: DayView, expiry: int, *, is_call: bool) -> ContractSet:
        config = self.config
        return adjust.credit_spread(
            view, expiry, config.short_delta, config.wing_width, config.wing_delta, is_call=is_call
        )

    def _exits(self, view: DayView, tranche: Tranche) -> BoolArray:
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

    def _entry(self, view: DayView, enters: BoolArray) -> Open | None:
        config = self.config
        expiry = view.spx_expiry(config.target_days, config.min_days, config.max_days)
        if expiry is None:
            return None
        contracts = self._contracts(view, expiry)
        budget = self._allowed(view, self.open_risk if self.adjusts else self._open_risk(view))
        units = view.whole(np.where(enters, budget / adjust.unit_risk(view, contracts, _UNIT), 0.0))
        if not units.any():
            return None
        return Open(contracts=contracts, quantity=_UNIT * units)

    def _allowed(self, view: DayView, open_risk: FloatArray) -> FloatArray:
        """Largest loss that the caps leave to a new tranche beside the open risk [USD]; may be negative."""
        config = self.config
        budget = np.minimum(config.risk_per_tranche * view.equity, config.max_open_risk * view.equity - open_risk)
        if config.combined_cap is None:
            return np.asarray(budget)
        return np.minimum(budget, self._under_cap(view, open_risk))

    def _under_cap(self, view: DayView, open_risk: FloatArray) -> FloatArray:
        """Risk r of a new tranche at which it and its part of the hedges lose the combined cap [USD].

        With hedges that can lose H beside open risk R: ``r + H r / (R + r) = cap x equity``.
        """
        assert self.config.combined_cap is not None
        cap = self.config.combined_cap * np.maximum(view.equity, 0.0)
        linear = open_risk + view.bound_by_hedges() - cap
        return np.asarray(0.5 * (np.sqrt(linear**2 + 4.0 * cap * open_risk) - linear))

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
            long_put, long_call = (
                listed_spx_wing(short, width, view.spot, expiry - view.t)
                for short, width in ((short_put, -config.wing_width), (short_call, config.wing_width))
            )
        else:
            assert config.wing_delta is not None
            long_put, long_call = view.strike_for_delta([-config.wing_delta, config.wing_delta], expiry)
        strike = np.stack([long_put, short_put, short_call, long_call])
        key = (CONDOR, config.short_delta, config.wing_width, config.wing_delta, expiry)
        return view.contracts(key, Product.SPX_OPTION, _IS_CALL, strike, expiry)
