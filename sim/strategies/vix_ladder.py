"""Ladder of long VIX calls at several tenors, always on (public descriptions of the method, not S0-S4)."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.config import ConfigSection, EngineConfig, broken_rule
from sim.contracts import ContractSet
from sim.strategies.cycle import ROLL_PHASE_MEANING
from sim.strategies.gates import passes
from sim.strategies.hedging import HedgeConfig, budget
from sim.strategies.iron_condor import WEEKDAYS
from sim.strategies.legs import premium, vix_calls, vix_calls_by_delta, vix_expiry_days
from sim.strategies.protocols import CONDOR, Close, DayView, Open, Orders
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]

NAME = "vix_ladder"
_LONG = np.array([[1.0]])


class Rung(ConfigSection):
    """Calls of one tenor."""

    days: int = Field(ge=10, le=270, description="expiry nearest to this at entry [calendar days]")
    per_ten_condors: float = Field(gt=0.0, le=100.0, description="calls per 10 open condors")
    offset: float | None = Field(default=None, description="strike above the VIX future [points]; null: by delta")
    delta: float | None = Field(
        default=None, gt=0.0, lt=1.0, description="Black delta of the call; null: by offset [-]"
    )
    roll_days: int = Field(ge=1, le=200, description="rolled with this long to expiry [calendar days]")

    @model_validator(mode="after")
    def _one_way(self) -> Rung:
        if (self.offset is None) == (self.delta is None):
            raise broken_rule("delta", "be given if offset is null, and only then")
        if self.roll_days >= self.days - 5:
            raise broken_rule("roll_days", f"be below days - 5, {self.days - 5}")
        return self


RUNGS = (
    Rung(days=30, per_ten_condors=4.0, offset=3.0, roll_days=7),
    Rung(days=110, per_ten_condors=4.0, offset=6.0, roll_days=60),
    Rung(days=220, per_ten_condors=2.0, offset=8.0, roll_days=130),
)


class VixLadderConfig(HedgeConfig):
    """Long VIX calls at about 30, 110 and 220 days, 4/4/2 contracts per 10 condors (public variant of the layers)."""

    engine: Literal["vix_ladder"] = "vix_ladder"
    size: float = Field(default=1.0, gt=0.0, le=1.0, description="largest premium of a purchase over capital [-]")
    rungs: tuple[Rung, ...] = Field(default=RUNGS, min_length=1, description="tenors, counts, strikes; tenors rising")
    top_up_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = Field(
        default="monday", description="the number of calls grows with that of condors on this day of each week"
    )
    roll_phase: Literal["fixed", "drawn"] = Field(default="fixed", description=ROLL_PHASE_MEANING)

    @model_validator(mode="after")
    def _tenors_rise(self) -> VixLadderConfig:
        days = [rung.days for rung in self.rungs]
        if any(later < 1.5 * earlier for earlier, later in pairwise(days)):
            raise broken_rule("rungs", "have tenors that rise by half or more, so that each call has one rung")
        return self

    @property
    def longest_days(self) -> int:
        """Longest tenor, and half a month to the nearest monthly expiry."""
        return max(rung.days for rung in self.rungs) + 35


@final
class VixLadder:
    """Calls at several tenors; see ``VixLadderConfig``."""

    config_type: ClassVar[type[EngineConfig]] = VixLadderConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: VixLadderConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Roll each rung at its own tenor; fill every rung up once a week."""
        config, orders = self.config, Orders()
        held = [np.zeros(view.n_paths) for _ in config.rungs]
        is_rolled = [np.zeros(view.n_paths, dtype=np.bool_) for _ in config.rungs]
        for tranche in view.tranches(NAME):
            row = self.rung_of(view, tranche)
            if view.days_to_expiry(tranche.contracts.expiry) <= config.rungs[row].roll_days:
                orders.closes.append(Close(tranche=tranche, mask=tranche.is_open))
                is_rolled[row] |= tranche.is_open
            else:
                held[row] += tranche.quantity[0]
        is_due = view.weekly_entry(WEEKDAYS.index(config.top_up_weekday), drawn=config.roll_phase == "drawn")
        for row, rung in enumerate(config.rungs):
            wanted = is_due | is_rolled[row]
            if wanted.any():
                missing = np.where(wanted, rung.per_ten_condors / 10.0 * open_condors(view) - held[row], 0.0)
                entry = self._entry(view, rung, view.whole(missing), orders)
                orders.opens.extend([entry] if entry is not None else [])
        return orders

    def rung_of(self, view: DayView, tranche: Tranche) -> int:
        """Rung to which a tranche belongs: the tenor nearest to its life at entry, on a log scale."""
        life = int(view.calendar.days_between(tranche.entry_day, tranche.contracts.expiry))
        return int(np.argmin([abs(np.log(rung.days / life)) for rung in self.config.rungs]))

    def _entry(self, view: DayView, rung: Rung, number: FloatArray, orders: Orders) -> Open | None:
        if not number.any():
            return None
        contracts = self._contracts(view, rung)
        debit = premium(view, contracts, _LONG)
        allowed = budget(view, self.config, number > 0.0, orders)
        is_sound = (debit > 0.0) & passes(view, self.config.irr_gate, contracts, _LONG)
        affordable = view.whole(np.where(is_sound, allowed / np.where(is_sound, debit, 1.0), 0.0))
        number = np.minimum(number, affordable)
        if not number.any():
            return None
        view.memory.committed += number * debit
        return Open(contracts=contracts, quantity=number[None, :])

    def _contracts(self, view: DayView, rung: Rung) -> ContractSet:
        expiry = vix_expiry_days(view, rung.days, rung.roll_days + 1)
        if rung.offset is not None:
            return vix_calls(view, expiry, rung.offset)
        assert rung.delta is not None
        return vix_calls_by_delta(view, expiry, rung.delta)


def open_condors(view: DayView) -> FloatArray:
    """Number of open condors, counted by their short puts, shape (n_paths,)."""
    total = np.zeros(view.n_paths)
    for tranche in view.tranches(CONDOR):
        total += np.maximum(-tranche.quantity[~tranche.contracts.is_call], 0.0).sum(axis=0)
    return total
