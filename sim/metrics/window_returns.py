"""Statistics of daily returns in a window, and of the drawdowns that fell into it.

The sessions of all paths are pooled: the statistics are functions of means over paths, and their errors come from the
paths' first-order effects. The mean drawdown alone counts paths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.estimate import Estimate, of_means, ratio, undefined
from sim.metrics.return_statistics import (
    NO_DRAWDOWN,
    NO_SHORTFALL,
    NO_VARIATION,
    ROOT_YEAR,
    STILL,
    kurtosis_of,
    skewness_of,
)
from sim.metrics.window_paths import NEVER, WindowPaths, WindowStatistic

FloatArray = NDArray[np.float64]


def _undefined(paths: WindowPaths, note: str) -> Estimate:
    return undefined(paths.sessions.size, note, paths.design.cluster)


def _rate(paths: WindowPaths) -> float:
    """Short rate of one session."""
    return float(np.expm1(paths.rate / SESSIONS_PER_YEAR))


def _is_still(paths: WindowPaths) -> bool:
    """Whether daily returns of the window are one constant, of which roots have no slope."""
    weight = paths.design.relative(paths.sessions.size)
    n, total, squares = (
        float(np.sum(weight * row)) for row in (paths.sessions, paths.return_sum, paths.return_square_sum)
    )
    return squares / n - (total / n) ** 2 <= STILL * squares / n


def _moments(paths: WindowPaths, function: Callable[..., Any], *higher: str) -> Estimate:
    """Function of the raw moments of daily returns of the window; undefined where they do not vary."""
    if not paths.sessions.any():
        return _undefined(paths, NEVER)
    if _is_still(paths):
        return _undefined(paths, NO_VARIATION)
    sums = [paths.return_sum, paths.return_square_sum, *(paths.courses[name] for name in higher)]
    return of_means(
        lambda n, *parts: function(*(part / n for part in parts)), np.stack([paths.sessions, *sums]), paths.design
    )


def _volatility(paths: WindowPaths) -> Estimate:
    if paths.sessions.any() and _is_still(paths):
        return ratio(np.zeros(paths.sessions.size), paths.sessions, paths.design)
    return _moments(paths, lambda a, b: ROOT_YEAR * np.sqrt(b - a**2))


def _sharpe(paths: WindowPaths) -> Estimate:
    rate = _rate(paths)
    return _moments(paths, lambda a, b: ROOT_YEAR * (a - rate) / np.sqrt(b - a**2))


def _sortino(paths: WindowPaths) -> Estimate:
    if not paths.sessions.any():
        return _undefined(paths, NEVER)
    shortfall = paths.courses["shortfall_square_sum"]
    if not shortfall.any():
        return _undefined(paths, NO_SHORTFALL)
    rate, columns = _rate(paths), np.stack([paths.sessions, paths.return_sum, shortfall])
    return of_means(lambda n, a, b: ROOT_YEAR * (a / n - rate) / np.sqrt(b / n), columns, paths.design)


def _omega(paths: WindowPaths) -> Estimate:
    if not paths.sessions.any():
        return _undefined(paths, NEVER)
    if not paths.courses["shortfall_square_sum"].any():
        return _undefined(paths, NO_SHORTFALL)
    gain = paths.courses["excess_gain_sum"]
    return ratio(gain, gain - (paths.return_sum - _rate(paths) * paths.sessions), paths.design)


def _max_drawdown(paths: WindowPaths) -> Estimate:
    reached = (paths.sessions > 0.0).astype(np.float64)
    return ratio(paths.courses["max_drawdown"], reached, paths.design, note=NEVER)


def _drawdown_share(paths: WindowPaths) -> Estimate:
    if not paths.sessions.any():
        return _undefined(paths, NEVER)
    return ratio(paths.courses["drawdown_part"], paths.path_drawdown, paths.design, note=NO_DRAWDOWN)


_IN_WINDOW = "of daily returns in sessions of the window"

VOLATILITY = WindowStatistic(
    label="volatility",
    unit="1/year^0.5",
    definition="standard deviation of daily returns on the equity of the previous close in sessions of the window, "
    "all paths together, times the root of 252",
    compute=_volatility,
    better="lower",
)
"""What every window has."""

RETURNS_IN_WINDOW: dict[str, WindowStatistic] = {
    "skewness": WindowStatistic(
        label="skewness of daily returns",
        unit="1",
        definition=f"third central moment {_IN_WINDOW} over the cube of their standard deviation, all paths together",
        compute=lambda paths: _moments(paths, skewness_of, "return_cube_sum"),
        better="higher",
        metric="returns",
    ),
    "kurtosis": WindowStatistic(
        label="excess kurtosis of daily returns",
        unit="1",
        definition=f"fourth central moment {_IN_WINDOW} over their squared variance, less 3, all paths together",
        compute=lambda paths: _moments(paths, kurtosis_of, "return_cube_sum", "return_fourth_sum"),
        better="lower",
        metric="returns",
    ),
    "sharpe_ratio": WindowStatistic(
        label="Sharpe ratio",
        unit="1/year^0.5",
        definition=f"mean {_IN_WINDOW} less the short rate, over their standard deviation, all paths together, times "
        "the root of 252",
        compute=_sharpe,
        better="higher",
        metric="ratios",
    ),
    "sortino_ratio": WindowStatistic(
        label="Sortino ratio",
        unit="1/year^0.5",
        definition=f"mean {_IN_WINDOW} less the short rate, over the root mean square of their shortfalls below it (0 "
        "where there is none), all paths together, times the root of 252",
        compute=_sortino,
        better="higher",
        metric="ratios",
    ),
    "omega_ratio": WindowStatistic(
        label="Omega ratio",
        unit="1",
        definition="sum of daily returns above the short rate over the sum of those below it, both measured from it, "
        "in sessions of the window, all paths together",
        compute=_omega,
        better="higher",
        metric="ratios",
    ),
    "max_drawdown_mean": WindowStatistic(
        label="mean max drawdown within",
        unit="share",
        definition="mean over the paths that reach the window of the maximum drawdown of an account that has the "
        "returns of the window's sessions one after another, and no others",
        compute=_max_drawdown,
        better="lower",
        metric="max_drawdown",
    ),
    "drawdown_share": WindowStatistic(
        label="share of the max drawdown",
        unit="share",
        definition="loss in sessions of the window between the latest peak and the trough of each path's maximum "
        "drawdown, over the peak, summed over paths, over the sum of the maximum drawdowns; windows that share out all "
        "sessions share it out, and a window that gained in between is below 0",
        compute=_drawdown_share,
        better="neither",
        metric="max_drawdown",
    ),
}
"""Name -> statistic; those whose metric the experiment asks for are in its results."""
