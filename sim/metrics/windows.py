"""Statistics of a window: what a strategy earned, risked and offset in the sessions that belong to it.

Rates and deviations pool the sessions of all paths: they are functions of means over paths, and their errors come from
the paths' first-order effects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.estimate import INDEPENDENT, Estimate, SampleDesign, mean, ratio, share
from sim.metrics.period_statistics import DAILY
from sim.metrics.pooled_returns import NEVER
from sim.metrics.window_paths import WindowPaths, WindowStatistic
from sim.metrics.window_returns import RETURNS_IN_WINDOW, VOLATILITY

FloatArray = NDArray[np.float64]

NO_LOSS = "the first engine lost in no run of the window"


def yearly(pnl: FloatArray, sessions: FloatArray, design: SampleDesign = INDEPENDENT) -> Estimate:
    """P&L a year of sessions of the window [USD]: sum over paths of P&L over that of sessions, times 252."""
    return ratio(SESSIONS_PER_YEAR * pnl, sessions, design, note=NEVER)


def _stored(name: str) -> Callable[[WindowPaths], Estimate]:
    return lambda paths: paths.pooled[name]


REGISTRY: dict[str, WindowStatistic] = {
    "session_share": WindowStatistic(
        label="share of sessions",
        unit="share",
        definition="sessions that belong to the window over all sessions, over all paths",
        compute=lambda paths: mean(paths.sessions / paths.n_days, paths.design),
        better="neither",
    ),
    "path_share": WindowStatistic(
        label="share of paths",
        unit="share",
        definition="paths with a session that belongs to the window over all paths",
        compute=lambda paths: share(paths.sessions > 0.0, paths.design),
        better="neither",
    ),
    "runs_per_year": WindowStatistic(
        label="runs a year",
        unit="1/year",
        definition="contiguous runs of sessions of the window, a year of all sessions",
        compute=lambda paths: mean(SESSIONS_PER_YEAR / paths.n_days * paths.runs, paths.design),
        better="neither",
    ),
    "run_length": WindowStatistic(
        label="length of a run",
        unit="sessions",
        definition="sessions of the window over its contiguous runs, over all paths; runs are cut by the end of a path",
        compute=lambda paths: ratio(paths.sessions, paths.runs, paths.design, note=NEVER),
        better="neither",
    ),
    "pnl_per_year": WindowStatistic(
        label="P&L a year",
        unit="USD/year",
        definition="P&L of the strategy in sessions of the window, net of costs, over their number, times 252",
        compute=lambda paths: yearly(paths.pnl, paths.sessions, paths.design),
        better="higher",
    ),
    "volatility": VOLATILITY,
    "hedge_carry": WindowStatistic(
        label="hedge carry a year",
        unit="USD/year",
        definition="P&L of all engines but the first in sessions of the window, net of costs, over their number, times "
        "252",
        compute=lambda paths: yearly(paths.hedge_pnl, paths.sessions, paths.design),
        better="higher",
    ),
    "offset_ratio": WindowStatistic(
        label="offset ratio",
        unit="share",
        definition="minus the P&L of all engines but the first over the P&L of the first engine, each summed over the "
        "runs of the window in which the first engine lost, over all paths: 1 offsets the losses, below 0 adds to them",
        compute=lambda paths: ratio(paths.loss_hedges, -paths.loss_first_engine, paths.design, note=NO_LOSS),
        better="higher",
    ),
    **RETURNS_IN_WINDOW,
}
"""The statistics of a window, in the order in which tables show them."""

DAILY_IN_WINDOW: dict[str, WindowStatistic] = {
    name: WindowStatistic(
        label=item.label,
        unit=item.unit,
        definition=f"{item.definition}; sessions of the window only",
        compute=_stored(name),
        better=item.better,
        metric=item.metric,
    )
    for name, item in DAILY.items()
}
"""The statistics of daily P&L in a window, where the experiment asks for the metric ``daily_risk``."""


def statistics_of(metrics: Sequence[str]) -> dict[str, WindowStatistic]:
    """Statistics of the windows of an experiment with these metrics."""
    both = {**REGISTRY, **DAILY_IN_WINDOW}
    return {name: item for name, item in both.items() if not item.metric or item.metric in metrics}


PNL_BY_ENGINE = "P&L of the engine in sessions of the window, net of its costs, over their number, times 252"
CORRELATION = (
    "correlation of two engines' daily P&L, net of costs, in sessions of the window, all paths together; NaN where one "
    "of them neither gains nor loses in it"
)
