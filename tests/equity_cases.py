"""Outcomes of equity paths that a test makes up, worked out as a run would."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.metrics.drawdown import drawdown_duration, max_drawdown, time_under_water, ulcer_index
from sim.metrics.estimate import INDEPENDENT, SampleDesign
from sim.metrics.path_groups import N_GROUPS, group_of
from sim.metrics.path_outcomes import PathOutcomes
from sim.metrics.period_statistics import NO_PERIOD, PERIODS
from sim.metrics.pooled import N_BINS, PooledPnl, count_pnl, pooled_estimates
from sim.metrics.returns import recovery, return_sums

FloatArray = NDArray[np.float64]


def histogram(equity: FloatArray, initial: float, step: int = 1, design: SampleDesign = INDEPENDENT) -> PooledPnl:
    """Histogram of the P&L of all periods of ``step`` sessions; equity has shape (n_days + 1, n_paths)."""
    n_paths = equity.shape[1]
    counts = np.zeros((1, N_GROUPS, 2 * N_BINS + 1))
    none = np.zeros((0, n_paths), dtype=np.uint32)
    group, weight = group_of(n_paths, design.cluster), design.relative(n_paths)
    count_pnl(np.asarray(equity, dtype=np.float32), initial, step, none, weight, group, counts)
    return PooledPnl(counts=counts[0], scale=initial)


def outcomes_of(
    equity: FloatArray,
    *,
    initial: float | None = None,
    rate: float = 0.0,
    design: SampleDesign = INDEPENDENT,
    with_periods: bool = True,
    **more: Any,
) -> PathOutcomes:
    """Outcomes of equity paths, shape (n_days + 1, n_paths), that begin with ``initial``, row 0 by default."""
    n_days, n_paths = equity.shape[0] - 1, equity.shape[1]
    start = float(equity[0, 0]) if initial is None else initial
    recovery_time, recovered = recovery(equity)
    pooled: dict[str, Any] = {}
    for prefix, (step, _, _) in PERIODS.items() if with_periods else ():
        pooled.update(pooled_estimates(histogram(equity, start, step, design), prefix, NO_PERIOD))
    values: dict[str, Any] = {
        "n_days": n_days,
        "initial_equity": start,
        "rate": rate,
        "terminal_pnl": equity[-1] - start,
        "max_drawdown": max_drawdown(equity),
        "drawdown_duration": drawdown_duration(equity),
        "time_under_water": time_under_water(equity),
        "ulcer_index": ulcer_index(equity),
        "ruined": (equity <= 0.0).any(axis=0),
        "margin_calls": np.zeros(n_paths),
        "worst_trade": np.zeros(n_paths),
        "recovery_time": recovery_time,
        "recovered": recovered,
        **asdict(return_sums(equity, start, rate)),
        "recent_growth": equity[-1] / start,
        "recent_drawdown": max_drawdown(equity),
        "first_engine_pnl": equity[-1] - start,
        "hedge_pnl": np.zeros(n_paths),
        "first_engine_cost": np.zeros(n_paths),
        "hedge_cost": np.zeros(n_paths),
        "pooled": pooled,
        "design": design,
    }
    return PathOutcomes(**{**values, **more})
