"""What the statistics of a window read, one value a path; and what a statistic of a window is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.metrics.estimate import INDEPENDENT, Estimate, SampleDesign

FloatArray = NDArray[np.float64]


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
    courses : mapping
        What of the course of equity fell into the window, by name in ``windows.courses``, each of shape (n_paths,);
        those that the metrics of the experiment ask for.
    path_drawdown : ndarray of shape (n_paths,)
        Maximum drawdown of the whole path [share].
    rate : float
        Short rate [1/year].
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
    courses: Mapping[str, FloatArray]
    path_drawdown: FloatArray
    rate: float
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
    metric : str
        The metric of the experiment file that asks for it; empty where every experiment has it.
    """

    label: str
    unit: str
    definition: str
    compute: Callable[[WindowPaths], Estimate]
    better: Literal["higher", "lower", "neither"]
    metric: str = ""
