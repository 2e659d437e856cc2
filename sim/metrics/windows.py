"""Statistics of a window: what a strategy earned, risked and offset in the sessions that belong to it.

Rates and deviations pool the sessions of all paths: they are functions of means over paths, and their errors come from
the paths' first-order effects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.estimate import INDEPENDENT, Estimate, SampleDesign, mean, of_means, ratio, undefined
from sim.metrics.period_statistics import DAILY
from sim.metrics.return_statistics import STILL

FloatArray = NDArray[np.float64]

NEVER = "no session of any path belongs to the window"
NO_LOSS = "the first engine lost in no run of the window"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPaths:
    """What the statistics of one window read, one value a path.

    Parameters
    ----------
    n_days : int
        Sessions of a path.
    sessions, runs : ndarray of shape (n_paths,)
        Sessions that belong to the window, and contiguous runs of them.
    pnl : ndarray of shape (n_paths,)
        P&L of the strategy in the window, net of costs, interest included [USD].
    hedge_pnl : ndarray of shape (n_paths,)
        P&L of all engines but the first, net of their costs [USD].
    return_sum, return_square_sum : ndarray of shape (n_paths,)
        Sums of daily returns and of their squares.
    loss_first_engine, loss_hedges : ndarray of shape (n_paths,)
        P&L of the first engine and of the others over the runs in which the first engine lost [USD].
    pooled : mapping
        Estimates from the histogram of daily P&L in the window, by name; empty where none was asked for.
    design : SampleDesign
        How the paths were drawn.
    """

    n_days: int
    sessions: FloatArray
    runs: FloatArray
    pnl: FloatArray
    hedge_pnl: FloatArray
    return_sum: FloatArray
    return_square_sum: FloatArray
    loss_first_engine: FloatArray
    loss_hedges: FloatArray
    pooled: Mapping[str, Estimate] = field(default_factory=dict)
    design: SampleDesign = INDEPENDENT


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStatistic:
    """One statistic of a window.

    Parameters
    ----------
    label, unit, definition : str
        As printed.
    compute : callable
        From ``WindowPaths`` to ``Estimate``.
    better : str
        Which way is better, ``higher`` or ``lower``; ``neither`` where it says nothing about a strategy.
    """

    label: str
    unit: str
    definition: str
    compute: Callable[[WindowPaths], Estimate]
    better: Literal["higher", "lower", "neither"]


def yearly(pnl: FloatArray, sessions: FloatArray, design: SampleDesign = INDEPENDENT) -> Estimate:
    """P&L a year of sessions of the window [USD]: sum over paths of P&L over that of sessions, times 252."""
    return ratio(SESSIONS_PER_YEAR * pnl, sessions, design, note=NEVER)


def _volatility(paths: WindowPaths) -> Estimate:
    if not paths.sessions.any():
        return undefined(paths.sessions.size, NEVER, paths.design.cluster)
    columns = np.stack([paths.sessions, paths.return_sum, paths.return_square_sum])
    n, total, squares = (float(np.sum(paths.design.relative(row.size) * row)) for row in columns)
    if squares / n - (total / n) ** 2 <= STILL * squares / n:  # a constant; the root has no slope there
        return ratio(np.zeros(paths.sessions.size), paths.sessions, paths.design)
    return of_means(
        lambda n, total, squares: np.sqrt(SESSIONS_PER_YEAR * (squares / n - (total / n) ** 2)), columns, paths.design
    )


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
    "volatility": WindowStatistic(
        label="volatility",
        unit="1/year^0.5",
        definition="standard deviation of daily returns on the equity of the previous close in sessions of the window, "
        "all paths together, times the root of 252",
        compute=_volatility,
        better="lower",
    ),
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
}
"""The statistics of every window."""

DAILY_IN_WINDOW: dict[str, WindowStatistic] = {
    name: WindowStatistic(
        label=item.label,
        unit=item.unit,
        definition=f"{item.definition}; sessions of the window only",
        compute=_stored(name),
        better=item.better,
    )
    for name, item in DAILY.items()
}
"""The statistics of daily P&L in a window, where the experiment asks for the metric ``daily_risk``."""

PNL_BY_ENGINE = "P&L of the engine in sessions of the window, net of its costs, over their number, times 252"
CORRELATION = (
    "correlation of two engines' daily P&L, net of costs, in sessions of the window, all paths together; NaN where one "
    "of them neither gains nor loses in it"
)
