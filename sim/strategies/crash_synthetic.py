"""Crash-activated second engine: long volatility against the condor's vega once a drawdown has begun (S2)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.conditions import Condition, condition
from sim.config import EngineConfig, broken_rule
from sim.contracts import ContractSet, Product
from sim.strategies.cycle import ROLL_PHASE_MEANING
from sim.strategies.hedging import HedgeConfig, budget
from sim.strategies.iron_condor import WEEKDAYS
from sim.strategies.legs import SYNTHETIC, vix_expiry_number, vix_synthetic
from sim.strategies.protocols import CONDOR, FUTURE_OUTLAY, Close, DayView, Open, Orders, Trade, entry_outlay
from sim.tranche import Tranche

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

NAME = "crash_synthetic"

ON = condition(
    {
        "any": [
            {"signal": "drawdown_spx", "op": ">", "value": 0.05},
            {"signal": "drawdown_nav", "op": ">", "value": 0.05},
        ]
    }
)
OFF = condition(
    {
        "all": [
            {"signal": "drawdown_spx", "op": "<", "value": 0.03},
            {"signal": "drawdown_nav", "op": "<", "value": 0.05},
        ]
    }
)
SCORES = (
    condition({"signal": "ad_line", "measure": "change", "window": 20, "op": "<", "value": 0.0}),
    condition({"signal": "rsi_spx", "op": "<", "value": 40.0}),
    condition({"signal": "macd_vix", "op": ">", "value": 0.0}),
)


class CrashSyntheticConfig(HedgeConfig):
    """Synthetic or listed VIX futures, or notes, against the condor's vega in a drawdown; ratio by scores (S2)."""

    asks_gate: ClassVar[bool] = False

    engine: Literal["crash_synthetic"] = "crash_synthetic"
    size: float = Field(default=0.40, gt=0.0, le=1.0, description="largest outlay over the condor's capital [-]")
    on: Condition = Field(default=ON, description="goes on where this holds: a drawdown beyond 5%, 3 to 10% (S2)")
    off: Condition = Field(default=OFF, description="comes off where this holds")
    instrument: Literal["synthetic", "future", "etn"] = Field(
        default="future", description="long call and short put on the VIX at one strike, VIX future, or VIX note (S2)"
    )
    scores: tuple[Condition, ...] = Field(
        default=SCORES, min_length=1, description="each that holds raises the ratio: A/D line, RSI and MACD (S2)"
    )
    least_ratio: float = Field(default=0.25, ge=0.0, le=1.0, description="share of vega hedged with no score [-]")
    most_ratio: float = Field(default=1.0, ge=0.0, le=1.0, description="share of vega hedged with all scores [-] (S2)")
    vega_response: float = Field(
        default=0.6,
        gt=0.0,
        le=2.0,
        description="points by which VIX futures move as implied volatilities of the condor move by one [-]",
    )
    rebalance_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = Field(
        default="monday", description="the size follows vega and scores on this day of each week"
    )
    roll_phase: Literal["fixed", "drawn"] = Field(default="fixed", description=ROLL_PHASE_MEANING)
    expiry_number: int = Field(default=1, ge=1, le=4, description="which monthly VIX expiry, beyond roll_days")
    roll_days: int = Field(default=5, ge=0, le=20, description="rolled with this long to expiry [calendar days]")

    @model_validator(mode="after")
    def _ratios_fit(self) -> CrashSyntheticConfig:
        if self.least_ratio > self.most_ratio:
            raise broken_rule("least_ratio", f"be at most most_ratio, {self.most_ratio}")
        return self


@final
class CrashSynthetic:
    """Long volatility in drawdowns; see ``CrashSyntheticConfig``."""

    config_type: ClassVar[type[EngineConfig]] = CrashSyntheticConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: CrashSyntheticConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Switch on or off, roll, and let the size follow vega and scores once a week."""
        config, orders = self.config, Orders()
        is_over = view.holds(config.off)
        is_on = np.zeros(view.n_paths, dtype=np.bool_)
        is_rolled = is_on.copy()
        kept = []
        for tranche in view.tranches(NAME):
            is_open = tranche.is_open
            nears = view.days_to_expiry(tranche.contracts.expiry) <= config.roll_days
            mask = is_open if nears else is_open & is_over
            is_rolled |= is_open & ~is_over if nears else False
            if mask.any():
                orders.closes.append(Close(tranche=tranche, mask=mask))
            if not nears:
                is_on |= is_open & ~is_over
                kept.append((tranche, is_open & ~is_over))
        trigger = (view.holds(config.on) & ~is_on & ~is_over) | is_rolled
        is_drawn = config.roll_phase == "drawn"
        is_due = is_on & view.weekly_entry(WEEKDAYS.index(config.rebalance_weekday), drawn=is_drawn)
        if not (trigger | is_due).any():
            return orders
        target = self._target(view)
        for tranche, held in kept:
            self._resize(view, tranche, held & is_due & view.alive, target, orders)
        limit = budget(view, config, trigger, orders)
        if limit.any():
            orders.opens.extend(self._entry(view, np.where(trigger, target, 0.0), limit))
        return orders

    def _resize(self, view: DayView, tranche: Tranche, mask: BoolArray, target: FloatArray, orders: Orders) -> None:
        """Bring what is held to ``target`` on the paths of ``mask``; what is added stays within size and cap."""
        held = tranche.quantity[0]
        change = np.where(mask, target - held, 0.0)
        if not change.any():
            return
        bound = entry_outlay(tranche)
        # added contracts count as those held, but no less than they bind now
        each = np.maximum(self._outlay(view, tranche.contracts), bound / np.where(held > 0.0, held, 1.0))
        allowed = view.whole(budget(view, self.config, change > 0.0, orders, held=bound) / each)
        change = np.minimum(change, allowed)
        if change.any():
            orders.trades.append(Trade(tranche=tranche, change=self._unit() * change))
            view.memory.committed += np.maximum(change, 0.0) * each

    def _entry(self, view: DayView, target: FloatArray, limit: FloatArray) -> list[Open]:
        contracts = self._contracts(view)
        outlay = self._outlay(view, contracts)
        number = np.minimum(target, view.whole(limit / outlay))
        if not number.any():
            return []
        view.memory.committed += number * outlay
        return [Open(contracts=contracts, quantity=self._unit() * number, outlay_each=outlay)]

    def _unit(self) -> FloatArray:
        return SYNTHETIC if self.config.instrument == "synthetic" else np.array([[1.0]])

    def _contracts(self, view: DayView) -> ContractSet:
        config = self.config
        if config.instrument == "etn":
            return view.holding(Product.VIX_ETN)
        expiry = vix_expiry_number(view, config.expiry_number, config.roll_days)
        return view.future(expiry) if config.instrument == "future" else vix_synthetic(view, expiry)

    def _outlay(self, view: DayView, contracts: ContractSet) -> FloatArray:
        """What one contract counts against the budget [USD], shape (n_paths,)."""
        if contracts.product is Product.VIX_ETN:
            return np.asarray(view.mids(contracts)[0])
        return np.asarray(FUTURE_OUTLAY * contracts.multiplier * view.vix_future(contracts.expiry))

    def _target(self, view: DayView) -> FloatArray:
        """Whole contracts whose gain per point of volatility offsets the wanted share of the condor's vega."""
        config = self.config
        share = np.mean([view.holds(score) for score in config.scores], axis=0)
        ratio = config.least_ratio + (config.most_ratio - config.least_ratio) * share
        contracts = self._contracts(view)
        if contracts.product is Product.VIX_ETN:  # a note moves with its futures in proportion
            each = view.mids(contracts)[0] / view.vix_future(view.vix_expiry(1))
        else:
            each = np.full(view.n_paths, contracts.multiplier)
        wanted = ratio * np.maximum(-condor_vega(view), 0.0) / (each * config.vega_response)
        return view.whole(wanted)


def condor_vega(view: DayView) -> FloatArray:
    """Vega of the open condors [USD per point of implied volatility], shape (n_paths,): negative for short options."""
    total = np.zeros(view.n_paths)
    for tranche in view.tranches(CONDOR):
        vega = np.where(tranche.is_open, view.greeks(tranche.contracts).vega, 0.0)
        total += tranche.contracts.multiplier * np.einsum("lp,lp->p", tranche.quantity, vega)
    return total
