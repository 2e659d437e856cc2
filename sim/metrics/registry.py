"""The statistics of a run: name, label, unit, definition, and how each is computed from the outcomes of the paths."""

from __future__ import annotations

from sim.metrics.cost_statistics import COSTS
from sim.metrics.drawdown_statistics import DRAWDOWNS
from sim.metrics.hedge_statistics import HEDGES
from sim.metrics.path_outcomes import PathOutcomes, Statistic
from sim.metrics.period_statistics import DAILY, MONTHLY
from sim.metrics.return_statistics import RETURNS
from sim.metrics.terminal_statistics import TERMINAL

__all__ = ["REGISTRY", "PathOutcomes", "Statistic"]

REGISTRY: dict[str, Statistic] = {**TERMINAL, **DRAWDOWNS, **RETURNS, **COSTS, **HEDGES, **DAILY, **MONTHLY}
"""Name -> statistic, in the order in which tables show them."""
