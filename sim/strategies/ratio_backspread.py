"""Second engine: VIX call ratio spreads beside the condor, entered in calm, steep contango."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.conditions import Condition, condition
from sim.config import EngineConfig, broken_rule
from sim.contracts import Product, listed_vix_strike
from sim.margin import option_margin
from sim.strategies.cycle import ROLL_PHASE_MEANING
from sim.strategies.gates import passes
from sim.strategies.hedging import HedgeConfig, budget
from sim.strategies.iron_condor import WEEKDAYS
from sim.strategies.protocols import CONDOR, Close, DayView, Open, Orders

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NAME = "ratio_backspread"
_IS_CALL = np.array([True, True])
_NEVER = -1_000_000


AGREEMENT = condition(
    {"all": [{"signal": "macd_ad", "op": ">", "value": 0.0}, {"signal": "macd_vx1", "op": "<", "value": 0.0}]}
)
"""MACD of the A/D line up and that of VIX futures down: both say calm."""


class RatioBackspreadConfig(HedgeConfig):
    """Short 1 near VIX call, long 2 or 3 further out; the opposite sign can be chosen (S1).

    The MACD on the A/D line and on VIX futures must agree; without ``breadth`` they are not asked.
    """

    engine: Literal["ratio_backspread"] = "ratio_backspread"
    sign: Literal[1, -1] = Field(default=1, description="1: short 1, long `ratio`; -1: long 1, short `ratio`")
    ratio: int = Field(default=2, ge=2, le=3, description="further calls per near call")
    entry_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = Field(
        default="monday", description="triggers are read on this day, or on the next session where it is a holiday"
    )
    roll_phase: Literal["fixed", "drawn"] = Field(default="fixed", description=ROLL_PHASE_MEANING)
    rsi_vx1: float = Field(
        default=30.0, gt=0.0, lt=100.0, description="RSI(14) of the front VIX future below this (S1)"
    )
    contango: float = Field(default=0.08, description="VX2 / VX1 - 1 above this [-] (S1)")
    near_max_profit: float = Field(
        default=0.60,
        gt=0.0,
        le=1.0,
        description="profit of a condor tranche over its credit, or its profit target if that is lower [-]",
    )
    memory_sessions: int = Field(
        default=5, ge=1, le=60, description="that profit counts for so long, as the tranche is closed on it [sessions]"
    )
    breadth: bool = Field(
        default=True, description="enter only where the MACD of the A/D line is up and that of VX1 down (S1)"
    )
    agreement: Condition | None = Field(default=None, description="another tree that must hold at entry; null: none")
    near_offset: float = Field(default=0.0, description="near strike above the VIX future [points]")
    break_even: float = Field(default=5.0, description="upper break-even above the VIX future, 4 to 6 [points] (S1)")
    size: float = Field(
        default=0.35,
        gt=0.0,
        le=1.0,
        description="largest loss of sign 1, or margin of sign -1, over the condor's capital, 0.30 to 0.40 [-] (S1)",
    )
    min_days: int = Field(default=14, ge=1, le=60, description="first monthly expiry with at least [calendar days]")
    roll_days: int = Field(default=5, ge=0, le=30, description="rolled with this long to expiry [calendar days]")

    @model_validator(mode="after")
    def _fields_fit(self) -> RatioBackspreadConfig:
        if self.break_even <= self.near_offset:
            raise broken_rule("break_even", f"be above near_offset, {self.near_offset}")
        if self.min_days <= self.roll_days:
            raise broken_rule("min_days", f"be above roll_days, {self.roll_days}")
        return self

    @property
    def reads(self) -> frozenset[str]:
        """Signals of the agreement, and those of a promoter."""
        tree = self.agreed()
        return super().reads | (tree.signals() if tree is not None else frozenset())

    def agreed(self) -> Condition | None:
        """Tree that must hold at entry, None where none must."""
        return self.agreement or (AGREEMENT if self.breadth else None)


@final
class RatioBackspread:
    """VIX call ratio spread; see ``RatioBackspreadConfig``."""

    config_type: ClassVar[type[EngineConfig]] = RatioBackspreadConfig
    required_signals: ClassVar[tuple[str, ...]] = ("rsi_vx1", "contango")

    def __init__(self, config: RatioBackspreadConfig, n_paths: int) -> None:
        self.config = config
        self.last_profit_day = np.full(n_paths, _NEVER)

    def decide(self, view: DayView) -> Orders:
        """Roll what nears its expiry, and enter on the triggers."""
        orders = Orders()
        self._remember_profit(view)
        is_held = np.zeros(view.n_paths, dtype=np.bool_)
        is_rolled = is_held.copy()
        for tranche in view.tranches(NAME):
            is_open = tranche.is_open
            if view.days_to_expiry(tranche.contracts.expiry) > self.config.roll_days:
                is_held |= is_open
            elif is_open.any():
                orders.closes.append(Close(tranche=tranche, mask=is_open))
                is_rolled |= is_open
        # a roll needs contango still, but not the entry's other triggers again
        wanted = is_rolled & (view.signal("contango") > 0.0)
        is_drawn = self.config.roll_phase == "drawn"
        is_due = view.weekly_entry(WEEKDAYS.index(self.config.entry_weekday), drawn=is_drawn)
        if is_due.any():
            wanted |= self._trigger(view) & ~is_held & is_due
        amount = budget(view, self.config, wanted, orders)
        if amount.any():
            entry = self._entry(view, amount)
            if entry is not None:
                orders.opens.append(entry)
        return orders

    def _remember_profit(self, view: DayView) -> None:
        """Note the paths on which a condor tranche stands near its largest profit at today's close."""
        target = view.condor_profit_target
        share = self.config.near_max_profit if target is None else min(self.config.near_max_profit, target)
        for tranche in view.tranches(CONDOR):
            is_near = tranche.is_open & (tranche.open_profit() >= -share * tranche.entry_value())
            self.last_profit_day[is_near] = view.t

    def _trigger(self, view: DayView) -> BoolArray:
        config = self.config
        is_near = view.t - self.last_profit_day < config.memory_sessions
        calm = view.signal("rsi_vx1") < config.rsi_vx1
        trigger = is_near & calm & (view.signal("contango") > config.contango)
        tree = config.agreed()
        return np.asarray(trigger if tree is None else trigger & view.holds(tree))

    def _entry(self, view: DayView, amount: FloatArray) -> Open | None:
        config = self.config
        number = 1
        while view.days_to_expiry(view.vix_expiry(number)) < config.min_days:
            number += 1
        expiry = view.vix_expiry(number)
        where = amount > 0.0
        near, far = self._strikes(view, expiry, where)
        key = (NAME, config.ratio, config.near_offset, config.break_even, expiry, where.tobytes())
        contracts = view.contracts(key, Product.VIX_OPTION, _IS_CALL, np.stack([near, far]), expiry)
        mids = view.mids(contracts, where)
        legs = config.sign * np.array([[-1.0], [config.ratio]])
        credit = mids[0] - config.ratio * mids[1]
        unit_loss = contracts.multiplier * (far - near - credit)
        if config.sign < 0:  # its loss has no bound: its margin stands for it
            quantity, future = np.broadcast_to(legs, contracts.strike.shape), view.vix_future(expiry)
            binds = option_margin(Product.VIX_OPTION, _IS_CALL, contracts.strike, quantity, mids, future)
            unit_loss = contracts.multiplier * binds
        is_sound = (unit_loss > 0.0) & (far > near) & passes(view, config.irr_gate, contracts, legs)
        units = view.whole(np.where(is_sound, amount / np.where(is_sound, unit_loss, 1.0), 0.0))
        if not units.any():
            return None
        view.memory.committed += units * np.where(is_sound, unit_loss, 0.0)
        outlay = np.where(is_sound, unit_loss, 0.0)
        return Open(contracts=contracts, quantity=legs * units, outlay_each=outlay, is_pooled=True)

    def _strikes(self, view: DayView, expiry: int, where: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Near strike, and the listed far strike whose upper break-even lies nearest to the target, on some paths.

        Short 1 at N and long r at F, entered for the credit c, break even at ``(r F - N - c) / (r - 1)`` above F.
        """
        config = self.config
        future, index = view.vix_future(expiry), np.flatnonzero(where)
        near = listed_vix_strike(future + config.near_offset)
        reach = np.arange(0.5, 2.0 * (config.break_even - config.near_offset) + 0.5, 0.5)
        far = listed_vix_strike(near[index] + reach[:, None])
        candidates = np.broadcast_to(near, (1 + reach.size, near.size)).copy()
        candidates[1:, index] = far
        key = (NAME, "candidates", config.near_offset, config.break_even, expiry, where.tobytes())
        is_call = np.ones(candidates.shape[0], dtype=np.bool_)
        mids = view.mids(view.contracts(key, Product.VIX_OPTION, is_call, candidates, expiry), where)[:, index]
        credit = mids[0] - config.ratio * mids[1:]
        break_even = (config.ratio * far - near[index] - credit) / (config.ratio - 1)
        distance = np.where(far > near[index], np.abs(break_even - future[index] - config.break_even), np.inf)
        chosen = near.copy()
        chosen[index] = np.take_along_axis(far, np.argmin(distance, axis=0)[None, :], axis=0)[0]
        return near, chosen
