"""Statistics of growth and of daily returns, and the ratios of the two.

Moments of daily returns pool the sessions of all paths: a ratio such as Sharpe's is then one of two well-known numbers,
where a mean over paths of each path's own ratio would be ruled by paths that hardly vary. Ratios of growth to drawdown
are ratios of means over paths for the same reason: a path without drawdown has no ratio of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.estimate import Estimate, mean, of_means, quantile, ratio, undefined
from sim.metrics.path_outcomes import PathOutcomes, Statistic
from sim.metrics.returns import RECENT, annual_growth

FloatArray = NDArray[np.float64]

STILL = 1e-6
"""Variance of daily returns over their mean square, below which they count as constant: noise of single precision."""

NO_VARIATION = "daily returns do not vary"
NO_SHORTFALL = "no daily return lies below the short rate"
NO_DRAWDOWN = "no path has a drawdown"
ROOT_YEAR = float(np.sqrt(SESSIONS_PER_YEAR))


def _rate(outcomes: PathOutcomes) -> float:
    """Short rate of one session."""
    return float(np.expm1(outcomes.rate / SESSIONS_PER_YEAR))


def _growth(outcomes: PathOutcomes) -> FloatArray:
    """CAGR of each path."""
    return annual_growth(1.0 + outcomes.terminal_pnl / outcomes.initial_equity, outcomes.n_days)


def _undefined(outcomes: PathOutcomes, note: str) -> Estimate:
    return undefined(outcomes.terminal_pnl.size, note, outcomes.design.cluster)


def _is_still(outcomes: PathOutcomes) -> bool:
    """Whether daily returns are one constant."""
    weight = outcomes.design.relative(outcomes.return_sum.size)
    first, second = (
        float(np.mean(weight * sums)) / outcomes.n_days for sums in (outcomes.return_sum, outcomes.return_square_sum)
    )
    return second - first**2 <= STILL * second


def _moments(outcomes: PathOutcomes, function: Callable[..., Any], n_powers: int) -> Estimate:
    """Function of the raw moments of daily returns, pooled; undefined where they do not vary."""
    if _is_still(outcomes):
        return _undefined(outcomes, NO_VARIATION)
    names = ("return_sum", "return_square_sum", "return_cube_sum", "return_fourth_sum")[:n_powers]
    columns = np.stack([getattr(outcomes, name) / outcomes.n_days for name in names])
    return of_means(function, columns, outcomes.design)


def _volatility(outcomes: PathOutcomes) -> Estimate:
    if _is_still(outcomes):
        return mean(np.zeros(outcomes.return_sum.size), outcomes.design)
    return _moments(outcomes, lambda a, b: ROOT_YEAR * np.sqrt(b - a**2), 2)


def skewness_of(a: complex, b: complex, c: complex) -> Any:
    """Skewness from the first three raw moments."""
    return (c - 3 * a * b + 2 * a**3) / (b - a**2) ** 1.5


def kurtosis_of(a: complex, b: complex, c: complex, d: complex) -> Any:
    """Excess kurtosis from the first four raw moments."""
    return (d - 4 * a * c + 6 * a**2 * b - 3 * a**4) / (b - a**2) ** 2 - 3


def _sharpe(outcomes: PathOutcomes) -> Estimate:
    rate = _rate(outcomes)
    return _moments(outcomes, lambda a, b: ROOT_YEAR * (a - rate) / np.sqrt(b - a**2), 2)


def _sortino(outcomes: PathOutcomes) -> Estimate:
    if not outcomes.shortfall_square_sum.any():
        return _undefined(outcomes, NO_SHORTFALL)
    columns = np.stack([outcomes.return_sum, outcomes.shortfall_square_sum]) / outcomes.n_days
    rate = _rate(outcomes)
    return of_means(lambda a, b: ROOT_YEAR * (a - rate) / np.sqrt(b), columns, outcomes.design)


def _omega(outcomes: PathOutcomes) -> Estimate:
    loss = outcomes.excess_gain_sum - (outcomes.return_sum - _rate(outcomes) * outcomes.n_days)
    if not outcomes.shortfall_square_sum.any():
        return _undefined(outcomes, NO_SHORTFALL)
    return ratio(outcomes.excess_gain_sum, loss, outcomes.design)


def _irr(outcomes: PathOutcomes) -> Estimate:
    """Only the mean of terminal equity counts; below 0 no rate makes up for it."""
    factor = 1.0 + outcomes.terminal_pnl / outcomes.initial_equity
    if float(np.mean(outcomes.design.relative(factor.size) * factor)) <= 0.0:
        return _undefined(outcomes, "the paths together lose all of their equity")
    years = outcomes.n_days / SESSIONS_PER_YEAR
    return of_means(lambda a: a ** (1.0 / years) - 1.0, factor[None], outcomes.design)


RETURNS: dict[str, Statistic] = {
    "cagr_mean": Statistic(
        label="mean CAGR",
        unit="1/year",
        definition="mean over paths of the compound annual growth rate of equity, from before the first orders to the "
        "end; -100% where nothing is left",
        metric="returns",
        compute=lambda outcomes: mean(_growth(outcomes), outcomes.design),
        better="higher",
    ),
    "cagr_median": Statistic(
        label="median CAGR",
        unit="1/year",
        definition="median over paths of the compound annual growth rate of equity",
        metric="returns",
        compute=lambda outcomes: quantile(_growth(outcomes), 0.5, outcomes.design),
        better="higher",
    ),
    "irr": Statistic(
        label="IRR",
        unit="1/year",
        definition="internal rate of return of two cash flows, the initial equity of all paths out on day 0 and their "
        "terminal equity back at the end: the rate at which the mean account grew",
        metric="returns",
        compute=_irr,
        better="higher",
    ),
    "volatility": Statistic(
        label="volatility",
        unit="1/year^0.5",
        definition="standard deviation of daily returns on the equity of the previous close, all paths together, times "
        "the root of 252",
        metric="returns",
        compute=_volatility,
    ),
    "skewness": Statistic(
        label="skewness of daily returns",
        unit="1",
        definition="third central moment of daily returns over the cube of their standard deviation, all paths "
        "together",
        metric="returns",
        compute=lambda outcomes: _moments(outcomes, skewness_of, 3),
        better="higher",
    ),
    "kurtosis": Statistic(
        label="excess kurtosis of daily returns",
        unit="1",
        definition="fourth central moment of daily returns over their squared variance, less 3, all paths together",
        metric="returns",
        compute=lambda outcomes: _moments(outcomes, kurtosis_of, 4),
    ),
    "sharpe_ratio": Statistic(
        label="Sharpe ratio",
        unit="1/year^0.5",
        definition="mean of daily returns less the short rate, over their standard deviation, all paths together, "
        "times the root of 252",
        metric="ratios",
        compute=_sharpe,
        better="higher",
    ),
    "sortino_ratio": Statistic(
        label="Sortino ratio",
        unit="1/year^0.5",
        definition="mean of daily returns less the short rate, over the root mean square of their shortfalls below it "
        "(0 where there is none), all paths together, times the root of 252",
        metric="ratios",
        compute=_sortino,
        better="higher",
    ),
    "omega_ratio": Statistic(
        label="Omega ratio",
        unit="1",
        definition="sum of daily returns above the short rate over the sum of those below it, both measured from it, "
        "all paths together",
        metric="ratios",
        compute=_omega,
        better="higher",
    ),
    "calmar_ratio": Statistic(
        label="Calmar ratio",
        unit="1/year",
        definition=f"mean CAGR over mean maximum drawdown, both of the last {RECENT} sessions, or of the run "
        "if shorter",
        metric="ratios",
        compute=lambda outcomes: ratio(
            annual_growth(outcomes.recent_growth, min(RECENT, outcomes.n_days)),
            outcomes.recent_drawdown,
            outcomes.design,
            note=NO_DRAWDOWN,
        ),
        better="higher",
    ),
    "mar_ratio": Statistic(
        label="MAR ratio",
        unit="1/year",
        definition="mean CAGR over mean maximum drawdown, both of the whole run",
        metric="ratios",
        compute=lambda outcomes: ratio(_growth(outcomes), outcomes.max_drawdown, outcomes.design, note=NO_DRAWDOWN),
        better="higher",
    ),
}
"""Name -> statistic."""
