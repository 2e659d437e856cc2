"""What is left of one strategy on one block of paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.exposures import Exposures
from sim.sources import Sources
from sim.windows.accumulate import WindowOutcomes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Results of one strategy, path by path.

    Parameters
    ----------
    engines : tuple of str
        Names of the engines, the rows of ``engine_pnl`` and ``engine_cost``.
    initial_equity : float
        Equity before the first orders [USD].
    equity : ndarray of shape (n_days + 1, n_paths)
        Equity at every close from day 0 on, after the orders of the day [USD].
    engine_pnl, engine_cost : ndarray of shape (n_engines, n_paths)
        P&L at mid, and costs [USD]. P&L minus costs plus interest is the terminal P&L.
    engine_active : ndarray of shape (n_engines, n_paths)
        Share of sessions on which the engine held a position [-].
    interest : ndarray of shape (n_paths,)
        Interest received [USD].
    max_margin : ndarray of shape (n_paths,)
        Largest equity bound by margin at a close, before or after its orders [USD].
    margin_calls : ndarray of int, shape (n_paths,)
        Sessions on which equity fell below margin.
    ruined : ndarray of bool, shape (n_paths,)
        Whether equity fell to 0 or below.
    n_trades : ndarray of int, shape (n_paths,)
        Orders filled.
    worst_trade : ndarray of shape (n_paths,)
        Largest loss of a condor tranche with its part of the hedges, net, over equity at its entry [-].
    largest_residual : float
        Largest residual of a ledger identity, as a share of gross value.
    windows : WindowOutcomes
        Sums over the sessions of each window.
    engine_open : ndarray of int, shape (n_engines, n_days + 1)
        Paths on which each engine holds a position at the close.
    margin_use : ndarray of int, shape (n_bins, n_days + 1)
        Paths by margin over equity, in the bins of ``usage.EDGES``.
    stress : mapping of str to ndarray
        What a stress script did, by name in ``stress_results.STRESS_VARIABLES``; empty without one.
    exposures : Exposures, optional
        Greeks and break-evens of the first paths, where they were measured.
    sources : Sources, optional
        P&L of the first paths by source, where it was split.
    """

    engines: tuple[str, ...]
    initial_equity: float
    equity: FloatArray
    engine_pnl: FloatArray
    engine_cost: FloatArray
    engine_active: FloatArray
    interest: FloatArray
    max_margin: FloatArray
    margin_calls: NDArray[np.int64]
    ruined: NDArray[np.bool_]
    n_trades: NDArray[np.int64]
    worst_trade: FloatArray
    largest_residual: float
    windows: WindowOutcomes
    engine_open: NDArray[np.int32]
    margin_use: NDArray[np.int32]
    stress: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    exposures: Exposures | None = None
    sources: Sources | None = None

    @property
    def terminal_pnl(self) -> FloatArray:
        """Equity at the end minus that before the first orders, whose costs are the strategy's [USD]."""
        return np.asarray(self.equity[-1] - self.initial_equity)
