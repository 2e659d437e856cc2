"""What the statistics of a run read, one value a path; and what a statistic is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.metrics.estimate import INDEPENDENT, Estimate, SampleDesign

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOutcomes:
    """Outcomes of one strategy in one scenario; arrays have shape (n_paths,).

    Parameters
    ----------
    n_days : int
        Sessions of a path.
    initial_equity : float
        Equity before the first orders [USD].
    rate : float
        Short rate of the scenario [1/year].
    terminal_pnl : ndarray
        Equity at the end minus initial equity, net of costs [USD].
    max_drawdown : ndarray
        Largest fall from a running maximum [share].
    drawdown_duration : ndarray
        Longest time below a running maximum [sessions].
    time_under_water : ndarray
        Share of closes below the running maximum [-].
    ulcer_index : ndarray
        Root mean square of the drawdown [-].
    ruined : ndarray of bool
        Whether equity reached 0.
    margin_calls : ndarray
        Sessions on which equity fell below margin.
    worst_trade : ndarray
        Largest loss of a condor tranche with its part of the hedges over equity at entry [-].
    recovery_time : ndarray
        From the trough of the maximum drawdown to its end, or to the end of the path [sessions].
    recovered : ndarray of bool
        Whether the maximum drawdown ended.
    return_sum, return_square_sum, return_cube_sum, return_fourth_sum : ndarray
        Sums of daily returns and of their powers.
    shortfall_square_sum, excess_gain_sum : ndarray
        Sums of squared returns below the short rate, and of returns above it, both measured from it.
    recent_growth, recent_drawdown : ndarray
        Growth of equity as a factor, and maximum drawdown, over the last three years, or over the run if shorter.
    first_engine_pnl, hedge_pnl : ndarray
        P&L of the first engine and of all others together, net of their costs [USD].
    first_engine_cost, hedge_cost : ndarray
        Those costs [USD].
    pooled : mapping
        Estimates from histograms of daily and monthly P&L, by name; empty where none was asked for.
    design : SampleDesign
        How the paths were drawn.
    """

    n_days: int
    initial_equity: float
    rate: float
    terminal_pnl: FloatArray
    max_drawdown: FloatArray
    drawdown_duration: FloatArray
    time_under_water: FloatArray
    ulcer_index: FloatArray
    ruined: BoolArray
    margin_calls: FloatArray
    worst_trade: FloatArray
    recovery_time: FloatArray
    recovered: BoolArray
    return_sum: FloatArray
    return_square_sum: FloatArray
    return_cube_sum: FloatArray
    return_fourth_sum: FloatArray
    shortfall_square_sum: FloatArray
    excess_gain_sum: FloatArray
    recent_growth: FloatArray
    recent_drawdown: FloatArray
    first_engine_pnl: FloatArray
    hedge_pnl: FloatArray
    first_engine_cost: FloatArray
    hedge_cost: FloatArray
    pooled: Mapping[str, Estimate] = field(default_factory=dict)
    design: SampleDesign = INDEPENDENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One statistic.

    Parameters
    ----------
    label, unit, definition : str
        As printed. The unit ``share`` is a fraction, printed in percent.
    metric : str
        The metric of the experiment file that asks for it.
    compute : callable
        From ``PathOutcomes`` to ``Estimate``.
    better : str
        Which way is better, ``higher`` or ``lower``.
    """

    label: str
    unit: str
    definition: str
    metric: str
    compute: Callable[[PathOutcomes], Estimate]
    better: Literal["higher", "lower"] = "lower"
