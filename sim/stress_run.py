"""A strategy under a stress script: P&L by leg over the script, margin and equity day by day, and what broke when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config.stress import StressConfig
from sim.contracts import OPTIONS, ContractSet, Product
from sim.evaluator import StrategyRun
from sim.margin import MarginPart
from sim.market import MarketBlock
from sim.outcomes import Outcomes
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LEGS: tuple[str, ...] = tuple(
    f"{product.value}{right}_{side}"
    for product in Product
    for right in (("_put", "_call") if product in OPTIONS else ("",))
    for side in ("short", "long")
)
"""Kinds of legs: product, right and side."""

NEVER = -1
"""Session of what has not happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StressWindow:
    """Sessions of the calendar that are watched.

    Parameters
    ----------
    before : int
        Close before the script.
    last : int
        Last session of the script.
    until : int
        Last session that is watched: margin, equity, and what breaks.
    """

    before: int
    last: int
    until: int

    @classmethod
    def of(cls, stress: StressConfig, market: MarketBlock) -> StressWindow:
        """Window of a script in a market."""
        last = market.day0 + stress.last_session
        return cls(
            before=market.day0 + stress.first_session - 1,
            last=last,
            until=min(last + stress.aftermath, market.n_times - 1),
        )

    @property
    def n_days(self) -> int:
        """Closes that are kept, the one before the script included."""
        return self.until - self.before + 1


class StressRun(StrategyRun):
    """Run of a strategy that is watched over a script.

    Parameters
    ----------
    window : StressWindow
        What is watched.
    arguments
        Those of ``StrategyRun``.
    """

    def __init__(self, window: StressWindow, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.window, n_paths = window, self.market.n_paths
        self._margin_today = np.zeros(n_paths)
        self._margin, self._equity = (np.zeros((window.n_days, n_paths)) for _ in range(2))
        self._leg_pnl = np.zeros((len(self.engines), len(LEGS), n_paths))
        self._cost = np.zeros((len(self.engines), n_paths))
        self._interest = np.zeros(n_paths)
        self._first_call, self._ruin, self._worst_day = (np.full(n_paths, NEVER, dtype=np.int64) for _ in range(3))
        self._worst = np.zeros(n_paths)

    def step(self, t: int, *, decides: bool) -> None:
        """Move the book, and note what the script has done to it."""
        calls, alive, window = self.margin_calls.copy(), self.alive.copy(), self.window
        self._margin_today = np.zeros(self.market.n_paths)
        super().step(t, decides=decides)
        day, k = t - self.market.day0, t - window.before
        if 0 <= k < window.n_days:
            self._margin[k], self._equity[k] = self._margin_today, self.equity[day]
        for close, sign in ((window.before, -1.0), (window.last, 1.0)):
            if t == close:
                self._cost += sign * self.ledger.cost
                self._interest += sign * self.ledger.interest
        if 0 < k < window.n_days:
            self._first_call[(self._first_call == NEVER) & (self.margin_calls > calls)] = day
            self._ruin[alive & ~self.alive] = day
            change = self.equity[day] - self.equity[day - 1]
            is_worst = change < self._worst
            self._worst[is_worst], self._worst_day[is_worst] = change[is_worst], day

    def _mark(self, t: int) -> None:
        if self.window.before < t <= self.window.last:
            for tranche in self.ledger.tranches:
                self._note_legs(tranche, self.quotes.mids(tranche.contracts, t))
        super()._mark(t)

    def _note_legs(self, tranche: Tranche, mid: FloatArray) -> None:
        """Add the change of a tranche's value since the last close to the legs that it consists of."""
        contracts = tranche.contracts
        change = contracts.multiplier * tranche.quantity * (mid - tranche.mid)
        rows = self._leg_pnl[self.ledger.engines.index(tranche.engine)]
        for leg, row in enumerate(change):
            is_long = tranche.quantity[leg] > 0.0
            rows[_leg(contracts, leg, "long")] += np.where(is_long, row, 0.0)
            rows[_leg(contracts, leg, "short")] += np.where(is_long, 0.0, row)

    def _margins(self, t: int, *, is_marked: bool = True) -> tuple[list[MarginPart], FloatArray]:
        parts, total = super()._margins(t, is_marked=is_marked)
        np.maximum(self._margin_today, total, out=self._margin_today)
        return parts, total

    def outcomes(self) -> Outcomes:
        """What is kept of the run, with the arrays of ``stress_results.STRESS_VARIABLES``."""
        watched = {
            "leg_pnl": self._leg_pnl,
            "engine_cost": self._cost,
            "interest": self._interest,
            "margin": self._margin,
            "equity": self._equity,
            "first_margin_call": self._first_call,
            "ruin": self._ruin,
            "worst_session": self._worst_day,
            "worst_session_pnl": self._worst,
        }
        return replace(super().outcomes(), stress=watched)


def _leg(contracts: ContractSet, leg: int, side: str) -> int:
    """Place of a leg in ``LEGS``."""
    right = ""
    if contracts.product in OPTIONS:
        right = "_call" if contracts.is_call[leg] else "_put"
    return LEGS.index(f"{contracts.product.value}{right}_{side}")


def stress_market(market: MarketBlock, window: StressWindow, curve_sessions: int) -> dict[str, FloatArray]:
    """What the market did over a script.

    Returns
    -------
    dict of ndarray of shape (n_days, n_paths)
        ``spx_return``, simple return of each session; ``vix``; ``vx1``; ``curve_ratio``, future of ``curve_sessions``
        over the VIX.
    """
    days = range(window.before, window.until + 1)
    spot = market.spot_series[window.before : window.until + 1]
    first = np.zeros((1, market.n_paths))
    return {
        "spx_return": np.concatenate([first, spot[1:] / spot[:-1] - 1.0]),
        "vix": market.vix_series[window.before : window.until + 1],
        "vx1": market.vx(1)[window.before : window.until + 1],
        "curve_ratio": np.stack([market.constant_maturity(t, curve_sessions) / market.vix(t) for t in days]),
    }
