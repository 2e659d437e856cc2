"""Signals of a strategy's own book, by the names of ``conditions.BOOK_SIGNALS``; each of shape (n_paths,).

What has no meaning without a condor, or without a hedge, is NaN there: a comparison with it is false.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sim.contracts import payoff
from sim.strategies.break_even import break_evens
from sim.strategies.gates import IrrGateConfig, bound_margin, expected_gain, funding_rate, yearly_rate
from sim.strategies.legs import premium
from sim.strategies.protocols import CONDOR, UNHEDGED, DayView
from sim.tranche import dollars

FloatArray = NDArray[np.float64]

GATE = IrrGateConfig()
"""Outcomes, horizon and opportunity rate by which hedges that are held are judged."""


def drawdown_nav(view: DayView) -> FloatArray:
    """Loss of equity from its running maximum."""
    return np.asarray(1.0 - view.equity / np.maximum(view.memory.peak, view.equity))


def condor_profit(view: DayView) -> FloatArray:
    """Open profit of the best condor tranche over its credit; -inf without one."""
    best = np.full(view.n_paths, -np.inf)
    for tranche in view.tranches(CONDOR):
        credit = -tranche.entry_value()
        has_credit = tranche.is_open & (credit > 0.0)
        share = tranche.open_profit() / np.where(has_credit, credit, 1.0)
        np.maximum(best, np.where(has_credit, share, -np.inf), out=best)
    return best


def hedge_share(view: DayView) -> FloatArray:
    """What hedges bind over the condor's risk capital."""
    capital, bound = view.condor_risk_capital(), view.bound_by_hedges()
    share = bound / np.where(capital > 0.0, capital, 1.0)
    return np.where(capital > 0.0, share, np.where(bound > 0.0, np.inf, 0.0))


def extrinsic(view: DayView) -> FloatArray:
    """Cost of closing all condors at mid, less what they would pay at today's SPX, over their credit."""
    left, credit = np.zeros(view.n_paths), np.zeros(view.n_paths)
    for tranche in view.tranches(CONDOR):
        intrinsic = dollars(tranche.contracts, tranche.quantity, payoff(tranche.contracts, view.spot))
        left += np.where(tranche.is_open, intrinsic - tranche.value(), 0.0)
        credit += np.where(tranche.is_open, -tranche.entry_value(), 0.0)
    return np.where(credit > 0.0, left / np.where(credit > 0.0, credit, 1.0), np.nan)


def breakeven_lo(view: DayView) -> FloatArray:
    """Distance to the nearest lower break-even."""
    return break_evens(view.book, view.spot).put


def breakeven_hi(view: DayView) -> FloatArray:
    """Distance to the nearest upper break-even."""
    return break_evens(view.book, view.spot).call


def hedge_irr(view: DayView) -> FloatArray:
    """Projected yearly rate of the hedges on what they bind at today's prices."""
    gain, paid, margin = _hedges(view)
    return np.where(paid + margin > 0.0, yearly_rate(gain, paid + margin, GATE.horizon(view)), np.nan)


def funding_cost(view: DayView) -> FloatArray:
    """Rate that funding the hedges costs."""
    _, paid, margin = _hedges(view)
    return np.where(paid + margin > 0.0, funding_rate(view, GATE, paid, margin), np.nan)


def _hedges(view: DayView) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Expected gain of all hedges held, what they are worth, and the margin that they bind beside it [USD]."""
    gain, paid, margin = (np.zeros(view.n_paths) for _ in range(3))
    for tranche in view.book:
        if tranche.engine in (CONDOR, *UNHEDGED):
            continue
        contracts, quantity = tranche.contracts, tranche.quantity
        gain += expected_gain(view, GATE, contracts, quantity)
        margin += bound_margin(view, contracts, quantity)
        if tranche.has_value:
            paid += np.maximum(premium(view, contracts, quantity), 0.0)
    return gain, paid, margin


FUNCTIONS: dict[str, Callable[[DayView], FloatArray]] = {
    "drawdown_nav": drawdown_nav,
    "condor_profit": condor_profit,
    "hedge_share": hedge_share,
    "extrinsic": extrinsic,
    "breakeven_lo": breakeven_lo,
    "breakeven_hi": breakeven_hi,
    "hedge_irr": hedge_irr,
    "funding_cost": funding_cost,
}
"""Book signal -> how it is computed."""
