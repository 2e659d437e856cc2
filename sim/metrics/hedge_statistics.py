"""Statistics of the hedges: what all engines but the first cost, and what they paid when the first one did worst."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.estimate import (
    FEWEST_IN_TAIL,
    INDEPENDENT,
    Estimate,
    SampleDesign,
    degrees_of,
    from_influence,
    mean,
    student,
    undefined,
    without_error,
)
from sim.metrics.path_outcomes import PathOutcomes, Statistic

FloatArray = NDArray[np.float64]

WORST = 0.05
"""Share of paths in which the first engine did worst."""


def worst_mean(
    ranked: FloatArray, values: FloatArray, design: SampleDesign = INDEPENDENT, share: float = WORST
) -> Estimate:
    """Mean of ``values`` over the share of paths with the lowest ``ranked``; the path at the edge counts in part.

    Where several paths stand at the edge alike, they count in equal parts. A path that moves the edge lets in or shuts
    out what paths near it are worth: its effect needs the mean of ``values`` there, taken from the paths whose rank is
    nearest to the edge, a fifth of those below it.
    """
    n, weight = ranked.size, design.relative(ranked.size)
    order, tail = np.argsort(ranked, kind="stable"), share * ranked.size
    place = min(int(np.searchsorted(np.cumsum(weight[order]), tail * (1.0 - 1e-12))), n - 1)
    edge = ranked[order[place]]
    below, at = ranked < edge, ranked == edge
    part = (tail - float(weight[below].sum())) / float(weight[at].sum())
    inside = below + part * at
    estimate = float(np.mean(weight * inside * values)) / share
    reach = max(place // 10, 5)
    near = order[max(place - reach, 0) : place + reach + 1]
    there = float(weight[near] @ values[near]) / float(weight[near].sum()) if weight[near].any() else estimate
    influence = weight * (inside * (values - there) / share + there - estimate)
    degrees = share * n - 1.0 if design.is_plain else degrees_of(weight * inside, design.cluster)
    found = from_influence(estimate, influence, design.cluster, student(degrees))
    return found if _in_tail(weight * inside) > FEWEST_IN_TAIL - 1e-9 else without_error(found)


def _in_tail(counted: FloatArray) -> float:
    """Paths that make up a tail, by Kish's formula."""
    return float(counted.sum() ** 2 / np.sum(counted**2))


def _payoff(outcomes: PathOutcomes) -> Estimate:
    return worst_mean(outcomes.first_engine_pnl, outcomes.hedge_pnl, outcomes.design)


def _offset(outcomes: PathOutcomes) -> Estimate:
    paid = _payoff(outcomes)
    lost = worst_mean(outcomes.first_engine_pnl, -outcomes.first_engine_pnl, outcomes.design)
    if lost.estimate <= 0.0:
        note = "the first engine loses nothing where it does worst"
        return undefined(outcomes.hedge_pnl.size, note, outcomes.design.cluster)
    share = paid.estimate / lost.estimate
    influence = (paid.influence - share * lost.influence) / lost.estimate
    found = from_influence(share, influence, outcomes.design.cluster, paid.critical)
    return found if np.isfinite(paid.standard_error) else without_error(found)


HEDGES: dict[str, Statistic] = {
    "hedge_cost_per_year": Statistic(
        label="hedge cost a year",
        unit="USD/year",
        definition="minus the mean over paths of the P&L of all engines but the first, net of costs, a year; below 0 "
        "the hedges earned",
        metric="hedge",
        compute=lambda outcomes: mean(-SESSIONS_PER_YEAR / outcomes.n_days * outcomes.hedge_pnl, outcomes.design),
    ),
    "hedge_payoff_worst_5": Statistic(
        label="hedge payoff in the worst 5%",
        unit="USD",
        definition="mean P&L of all engines but the first, net of costs, over the 5% of paths in which the first "
        "engine's P&L is worst",
        metric="hedge",
        compute=_payoff,
        better="higher",
    ),
    "hedge_offset_worst_5": Statistic(
        label="hedge offset in the worst 5%",
        unit="share",
        definition="minus the P&L of all engines but the first over that of the first, net of costs, both summed over "
        "the 5% of paths in which the first engine's P&L is worst",
        metric="hedge",
        compute=_offset,
        better="higher",
    ),
}
"""Name -> statistic."""
