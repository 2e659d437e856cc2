"""Statistics of costs: what trading cost, and how dear it could become before nothing is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.estimate import INDEPENDENT, Estimate, SampleDesign, mean, ratio
from sim.metrics.path_outcomes import PathOutcomes, Statistic

FloatArray = NDArray[np.float64]

BREAK_EVEN = "P&L at mid over costs, both summed over paths: the multiple of all costs at which nothing is left"


def break_even_cost(net: FloatArray, cost: FloatArray, design: SampleDesign = INDEPENDENT) -> Estimate:
    """Multiple of costs at which mean P&L would be 0, trades being what they were; undefined without costs.

    Parameters
    ----------
    net, cost : ndarray of shape (n_paths,)
        P&L net of costs, and the costs [USD].
    design : SampleDesign
        How the paths were drawn.
    """
    return ratio(net + cost, cost, design, note="no costs")


COSTS: dict[str, Statistic] = {
    "costs_per_year": Statistic(
        label="costs a year",
        unit="USD/year",
        definition="mean over paths of commission, fees and half-spreads of all engines, a year",
        metric="costs",
        compute=lambda outcomes: mean(SESSIONS_PER_YEAR / outcomes.n_days * _costs(outcomes), outcomes.design),
    ),
    "break_even_cost": Statistic(
        label="break-even cost",
        unit="1",
        definition=f"{BREAK_EVEN}, interest on cash left out; below 1 the engines lose net of costs, at 0 or below"
        " before any cost",
        metric="costs",
        compute=lambda outcomes: break_even_cost(
            outcomes.first_engine_pnl + outcomes.hedge_pnl, _costs(outcomes), outcomes.design
        ),
        better="higher",
    ),
    "hedge_break_even_cost": Statistic(
        label="break-even cost of hedges",
        unit="1",
        definition="the same of all engines but the first, their costs alone; at 0 or below they lose before any cost",
        metric="costs",
        compute=lambda outcomes: break_even_cost(outcomes.hedge_pnl, outcomes.hedge_cost, outcomes.design),
        better="higher",
    ),
}
"""Name -> statistic."""


def _costs(outcomes: PathOutcomes) -> FloatArray:
    return outcomes.first_engine_cost + outcomes.hedge_cost
