"""The statistics of a run: name, label, unit, definition, and how each is computed from the outcomes of the paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.metrics.estimate import Estimate, expected_shortfall, mean, quantile, share

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOutcomes:
    """What the statistics read, one value a path.

    Parameters
    ----------
    terminal_pnl : ndarray of shape (n_paths,)
        Equity at the end minus initial equity, net of costs [USD].
    max_drawdown : ndarray of shape (n_paths,)
        Largest fall from a running maximum [share].
    drawdown_duration : ndarray of shape (n_paths,)
        Longest time below a running maximum [sessions].
    time_under_water : ndarray of shape (n_paths,)
        Share of closes below the running maximum [-].
    ulcer_index : ndarray of shape (n_paths,)
        Root mean square of the drawdown [-].
    ruined : ndarray of bool, shape (n_paths,)
        Whether equity reached 0.
    """

    terminal_pnl: FloatArray
    max_drawdown: FloatArray
    drawdown_duration: FloatArray
    time_under_water: FloatArray
    ulcer_index: FloatArray
    ruined: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One statistic.

    Parameters
    ----------
    label, unit, definition : str
        As printed.
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


def _pnl(function: Callable[[FloatArray], Estimate], outcomes: PathOutcomes) -> Estimate:
    return function(outcomes.terminal_pnl)


def _drawdown(function: Callable[[FloatArray], Estimate], outcomes: PathOutcomes) -> Estimate:
    return function(outcomes.max_drawdown)


REGISTRY: dict[str, Statistic] = {
    "terminal_pnl_mean": Statistic(
        label="mean P&L",
        unit="USD",
        definition="mean over paths of equity at the end minus initial equity, net of costs, open positions at mid",
        metric="terminal_pnl",
        compute=partial(_pnl, mean),
        better="higher",
    ),
    "terminal_pnl_median": Statistic(
        label="median P&L",
        unit="USD",
        definition="median over paths of the terminal P&L",
        metric="terminal_pnl",
        compute=partial(_pnl, partial(quantile, probability=0.5)),
        better="higher",
    ),
    "terminal_pnl_q05": Statistic(
        label="5% quantile of P&L",
        unit="USD",
        definition="terminal P&L that one path in twenty falls below",
        metric="terminal_pnl",
        compute=partial(_pnl, partial(quantile, probability=0.05)),
        better="higher",
    ),
    "expected_shortfall_95": Statistic(
        label="expected shortfall 95%",
        unit="USD",
        definition="mean loss of the worst 5% of paths, terminal P&L, loss > 0",
        metric="expected_shortfall",
        compute=partial(_pnl, partial(expected_shortfall, confidence_level=0.95)),
    ),
    "expected_shortfall_99": Statistic(
        label="expected shortfall 99%",
        unit="USD",
        definition="mean loss of the worst 1% of paths, terminal P&L, loss > 0",
        metric="expected_shortfall",
        compute=partial(_pnl, partial(expected_shortfall, confidence_level=0.99)),
    ),
    "max_drawdown_mean": Statistic(
        label="mean max drawdown",
        unit="share",
        definition="mean over paths of the largest fall of daily equity from its running maximum, which starts at the "
        "initial equity",
        metric="max_drawdown",
        compute=partial(_drawdown, mean),
    ),
    "max_drawdown_q95": Statistic(
        label="95% quantile of max drawdown",
        unit="share",
        definition="maximum drawdown that one path in twenty exceeds",
        metric="max_drawdown",
        compute=partial(_drawdown, partial(quantile, probability=0.95)),
    ),
    "drawdown_duration_mean": Statistic(
        label="mean drawdown duration",
        unit="sessions",
        definition="mean over paths of the longest time from a running maximum of daily equity until it is reached "
        "again, or until the end",
        metric="drawdown_duration",
        compute=lambda outcomes: mean(outcomes.drawdown_duration),
    ),
    "drawdown_duration_q95": Statistic(
        label="95% quantile of drawdown duration",
        unit="sessions",
        definition="drawdown duration that one path in twenty exceeds",
        metric="drawdown_duration",
        compute=lambda outcomes: quantile(outcomes.drawdown_duration, 0.95),
    ),
    "time_under_water_mean": Statistic(
        label="mean time under water",
        unit="share",
        definition="mean over paths of the share of closes below the running maximum of equity",
        metric="time_under_water",
        compute=lambda outcomes: mean(outcomes.time_under_water),
    ),
    "ulcer_index_mean": Statistic(
        label="mean Ulcer index",
        unit="share",
        definition="mean over paths of the root mean square of the drawdown over all closes",
        metric="ulcer_index",
        compute=lambda outcomes: mean(outcomes.ulcer_index),
    ),
    "value_at_risk_95": Statistic(
        label="value at risk 95%",
        unit="USD",
        definition="terminal loss that one path in twenty exceeds, loss > 0",
        metric="value_at_risk",
        compute=lambda outcomes: quantile(-outcomes.terminal_pnl, 0.95),
    ),
    "value_at_risk_99": Statistic(
        label="value at risk 99%",
        unit="USD",
        definition="terminal loss that one path in a hundred exceeds, loss > 0",
        metric="value_at_risk",
        compute=lambda outcomes: quantile(-outcomes.terminal_pnl, 0.99),
    ),
    "probability_of_loss": Statistic(
        label="probability of loss",
        unit="share",
        definition="share of paths with a terminal P&L below 0",
        metric="terminal_pnl",
        compute=lambda outcomes: share(outcomes.terminal_pnl < 0.0),
    ),
    "probability_of_ruin": Statistic(
        label="probability of ruin",
        unit="share",
        definition="share of paths whose equity reached 0; such a path stops trading and stays in the sample",
        metric="max_drawdown",
        compute=lambda outcomes: share(outcomes.ruined),
    ),
}
