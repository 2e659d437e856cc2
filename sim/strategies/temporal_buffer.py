"""Temporal buffer: short-dated VIX calls rolled week by week while the VIX is high (S4)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim.conditions import Condition, condition
from sim.config import EngineConfig
from sim.contracts import ContractSet
from sim.strategies.cycle import ROLL_PHASE_MEANING
from sim.strategies.hedging import HedgeConfig, budget, buy
from sim.strategies.iron_condor import WEEKDAYS
from sim.strategies.legs import black_delta, premium, vix_calls, vix_expiry_days
from sim.strategies.memory import LEAST_SESSIONS
from sim.strategies.protocols import Close, DayView, Orders

FloatArray = NDArray[np.float64]

NAME = "temporal_buffer"
_LONG = np.array([[1.0]])

# the document times entries by the spread between front and second month, without saying which is above
ON = condition(
    {
        "all": [
            {
                "any": [
                    {"signal": "vix", "op": ">", "value": 30.0},
                    {"signal": "vix", "measure": "change", "window": 1, "op": ">", "value": 5.0},
                ]
            },
            {
                "any": [
                    {"signal": "vx_spread", "op": ">", "value": 1.5},
                    {"signal": "vx_spread", "op": "<", "value": -1.5},
                ]
            },
        ]
    }
)
# a shock below 30 points leaves the curve in contango: it holds the hedge on for the week of one roll
OFF = condition(
    {
        "all": [
            {"signal": "vix", "op": "<", "value": 30.0},
            {"signal": "contango", "op": ">", "value": 0.0},
            {"signal": "vix", "measure": "change", "window": 1, "op": "<=", "value": 5.0},
            {"signal": "vix", "measure": "change", "window": 5, "op": "<=", "value": 5.0},
        ]
    }
)


class TemporalBufferConfig(HedgeConfig):
    """Short-dated VIX calls, rolled weekly with VIX above 30; sized by the condor's beta on VIX futures (S4)."""

    engine: Literal["temporal_buffer"] = "temporal_buffer"
    size: float = Field(default=0.40, gt=0.0, le=1.0, description="largest outlay over the condor's capital [-] (S4)")
    on: Condition = Field(default=ON, description="on where this holds: VIX high, VX1 and VX2 1.5 points apart (S4)")
    off: Condition = Field(
        default=OFF, description="off where this holds: normal term structure, no shock in the week (S4)"
    )
    roll_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = Field(
        default="monday", description="calls are rolled and struck anew on this day of each week (S4)"
    )
    roll_phase: Literal["fixed", "drawn"] = Field(default="fixed", description=ROLL_PHASE_MEANING)
    call_offset: float = Field(default=2.0, description="call strike above the VIX future of its expiry [points]")
    min_days: int = Field(default=7, ge=1, le=45, description="first expiry with at least [calendar days]")
    weeklys: bool = Field(
        default=False, description="VIX options that expire in other weeks than the monthly ones, too"
    )
    use_beta: bool = Field(
        default=True, description="no more calls than offset the slope of the condor's P&L on VX1 (S4)"
    )
    beta_sessions: int = Field(
        default=60, ge=LEAST_SESSIONS, le=504, description="that slope looks back so far [sessions] (S4)"
    )

    @property
    def beta_window(self) -> int:
        """Sessions of the slope, 0 where it is not wanted."""
        return self.beta_sessions if self.use_beta else 0


@final
class TemporalBuffer:
    """Calls rolled by the week; see ``TemporalBufferConfig``."""

    config_type: ClassVar[type[EngineConfig]] = TemporalBufferConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: TemporalBufferConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Take profit as the curve normalises, roll weekly, enter on the trigger."""
        config, orders = self.config, Orders()
        is_over = view.holds(config.off)
        is_roll_day = view.weekly_entry(WEEKDAYS.index(config.roll_weekday), drawn=config.roll_phase == "drawn")
        is_on = np.zeros(view.n_paths, dtype=np.bool_)
        is_rolled = is_on.copy()
        for tranche in view.tranches(NAME):
            must_roll = is_roll_day | (view.days_to_expiry(tranche.contracts.expiry) <= 1)
            mask = tranche.is_open & (must_roll | is_over)
            is_rolled |= tranche.is_open & must_roll & ~is_over
            is_on |= tranche.is_open & ~must_roll & ~is_over
            if mask.any():
                orders.closes.append(Close(tranche=tranche, mask=mask))
        wanted = (view.holds(config.on) & ~is_on & ~is_over) | is_rolled
        amount = budget(view, config, wanted, orders)
        if amount.any():
            expiry = vix_expiry_days(view, config.min_days, config.min_days, weeklys=config.weeklys)
            contracts = vix_calls(view, expiry, config.call_offset)
            entry = buy(view, contracts, _LONG, np.minimum(amount, self._needed(view, contracts)), config.irr_gate)
            orders.opens.extend([entry] if entry is not None else [])
        return orders

    def _needed(self, view: DayView, contracts: ContractSet) -> FloatArray:
        """Premium of the calls that offset the condor's slope, scaled from the past's volatility to today's [USD]."""
        beta = view.memory.condor_beta() if self.config.use_beta else None
        if beta is None:
            return np.full(view.n_paths, np.inf)
        scale = view.vix / self.config.high_vix
        gain = contracts.multiplier * np.maximum(black_delta(view, contracts)[0], 0.01)
        return np.asarray(np.maximum(-beta, 0.0) * scale / gain * premium(view, contracts, _LONG))
