"""Second engine below the five-day average: short-dated VIX call spreads while breadth diverges (S0)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.conditions import Condition, condition
from sim.config import EngineConfig, broken_rule
from sim.contracts import ContractSet
from sim.strategies.gates import passes
from sim.strategies.hedging import HedgeConfig, budget, close_ended
from sim.strategies.legs import black_delta, premium, vix_call_spread, vix_expiry_days
from sim.strategies.protocols import DayView, Open, Orders

FloatArray = NDArray[np.float64]

NAME = "sub_sma5"
SPREAD = np.array([[1.0], [-1.0]])
RATIO = np.array([[-1.0], [2.0]])

ON = condition(
    {
        "all": [
            {"signal": "vix", "op": "<", "value": "vix_sma5"},
            {"signal": "ad_divergence", "op": ">", "value": 0.5},
            {"signal": "macd_vix", "op": "<", "value": 0.0},
            {"signal": "rsi_spx", "op": ">", "value": 50.0},
        ]
    }
)
VETO = condition(
    {
        "any": [
            {"signal": "rate_diff", "op": ">", "value": 2.0},
            {"signal": "reer", "op": ">", "value": 2.0},
            {"signal": "gdp_revision", "op": "<", "value": -2.0},
            {"signal": "concentration", "op": ">", "value": 2.0},
        ]
    }
)
OFF = condition({"signal": "vix_vs_sma5", "op": ">", "value": 0.15})


class SubSma5Config(HedgeConfig):
    """VIX call spread or ratio with VIX under its 5-day average and breadth diverging; delta change bounded (S0)."""

    engine: Literal["sub_sma5"] = "sub_sma5"
    size: float = Field(
        default=0.20, gt=0.0, le=1.0, description="outlay over the condor's capital, 0.15 to 0.25 [-] (S0)"
    )
    on: Condition = Field(default=ON, description="goes on where this holds: average, divergence, MACD and RSI (S0)")
    veto: Condition | None = Field(default=VETO, description="does not go on where this holds (S0); null: no veto")
    off: Condition = Field(default=OFF, description="comes off where this holds: profit is taken in a spike")
    shape: Literal["spread", "ratio"] = Field(
        default="spread", description="spread: long near, short far call; ratio: short 1 near, long 2 far (S0)"
    )
    near_offset: float = Field(default=1.0, description="near strike above the VIX future [points]")
    far_offset: float = Field(default=6.0, description="far strike above the VIX future [points]")
    target_days: int = Field(default=25, ge=7, le=60, description="expiry nearest to this [calendar days]")
    weeklys: bool = Field(
        default=False, description="VIX options that expire in other weeks than the monthly ones, too"
    )
    min_days: int = Field(default=10, ge=1, le=60, description="expiry: at least [calendar days]")
    roll_days: int = Field(default=3, ge=0, le=30, description="closed with this long to expiry [calendar days]")
    max_delta: float = Field(
        default=0.30, gt=0.0, description="largest change of the book's SPX exposure over equity, 0.1 to 0.5 [-] (S0)"
    )
    vix_response: float = Field(
        default=3.0, gt=0.0, description="per cent by which the front VIX future falls with a 1% rise of the SPX [-]"
    )

    @model_validator(mode="after")
    def _fields_fit(self) -> SubSma5Config:
        if self.far_offset <= self.near_offset:
            raise broken_rule("far_offset", f"be above near_offset, {self.near_offset}")
        if self.min_days <= self.roll_days:
            raise broken_rule("min_days", f"be above roll_days, {self.roll_days}")
        return self


@final
class SubSma5:
    """Call spread or ratio below the average; see ``SubSma5Config``."""

    config_type: ClassVar[type[EngineConfig]] = SubSma5Config
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: SubSma5Config, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Enter on the trigger, leave in a spike or before the expiry."""
        config, orders = self.config, Orders()
        is_over = view.holds(config.off)
        is_on, _ = close_ended(view, NAME, is_over, config.roll_days, orders)
        trigger = view.holds(config.on) & ~is_over
        if config.veto is not None:
            trigger = trigger & ~view.holds(config.veto)
        amount = budget(view, config, trigger & ~is_on, orders)
        if amount.any():
            expiry = vix_expiry_days(view, config.target_days, config.min_days, weeklys=config.weeklys)
            contracts = vix_call_spread(view, expiry, config.near_offset, config.far_offset)
            entry = self._entry(view, contracts, amount)
            orders.opens.extend([entry] if entry is not None else [])
        return orders

    def _entry(self, view: DayView, contracts: ContractSet, amount: FloatArray) -> Open | None:
        """As many units as the outlay and the bound on the change of delta allow; none where vega is not positive."""
        config = self.config
        unit = SPREAD if config.shape == "spread" else RATIO
        debit = premium(view, contracts, unit)
        width = contracts.multiplier * (contracts.strike[1] - contracts.strike[0])
        outlay = debit if config.shape == "spread" else width + debit  # a ratio loses most at the far strike
        exposure = spx_exposure(view, contracts, unit, config.vix_response)
        is_sound = (outlay > 0.0) & (width > 0.0) & (exposure < 0.0) & passes(view, config.irr_gate, contracts, unit)
        paid = np.where(is_sound, outlay, 1.0)
        bounded = config.max_delta * view.equity / np.where(is_sound, -exposure, 1.0)
        units = view.whole(np.where(is_sound, np.minimum(amount / paid, bounded), 0.0))
        if not units.any():
            return None
        view.memory.committed += units * np.maximum(outlay, 0.0)
        return Open(contracts=contracts, quantity=unit * units)


def spx_exposure(view: DayView, contracts: ContractSet, unit: FloatArray, response: float) -> FloatArray:
    """SPX exposure of one unit of VIX options [USD of SPX], shape (n_paths,): negative where it gains in a fall.

    The gain for a rise of the SPX by one per cent, times 100: Black delta on the future, which falls by ``response``
    per cent.
    """
    delta = np.einsum("lp,lp->p", np.broadcast_to(unit, contracts.strike.shape), black_delta(view, contracts))
    return np.asarray(-response * contracts.multiplier * delta * view.vix_future(contracts.expiry))
