"""Statistics of daily returns in a window, and of the drawdowns that fell into it.

The sessions of all paths are pooled: the statistics are functions of means over paths, and their errors come from the
paths' first-order effects. The mean drawdown alone counts paths.
"""

from __future__ import annotations

import numpy as np

from sim.metrics import pooled_returns
from sim.metrics.estimate import Estimate, ratio, undefined
from sim.metrics.pooled_returns import NEVER
from sim.metrics.return_statistics import NO_DRAWDOWN
from sim.metrics.window_paths import WindowPaths, WindowStatistic


def _sums(paths: WindowPaths) -> pooled_returns.ReturnSums:
    """Sums of daily returns over the sessions of the window, those of the course as far as they are kept."""
    higher = (paths.courses[name] for name in ("return_cube_sum", "return_fourth_sum") if name in paths.courses)
    return pooled_returns.ReturnSums(
        sessions=paths.sessions,
        powers=(paths.return_sum, paths.return_square_sum, *higher),
        shortfall_square_sum=paths.courses.get("shortfall_square_sum"),
        excess_gain_sum=paths.courses.get("excess_gain_sum"),
        rate=paths.rate,
        design=paths.design,
    )


def _max_drawdown(paths: WindowPaths) -> Estimate:
    reached = (paths.sessions > 0.0).astype(np.float64)
    return ratio(paths.courses["max_drawdown"], reached, paths.design, note=NEVER)


def _drawdown_share(paths: WindowPaths) -> Estimate:
    if not paths.sessions.any():
        return undefined(paths.sessions.size, NEVER, paths.design.cluster)
    return ratio(paths.courses["drawdown_part"], paths.path_drawdown, paths.design, note=NO_DRAWDOWN)


_IN_WINDOW = "of daily returns in sessions of the window"

VOLATILITY = WindowStatistic(
    label="volatility",
    unit="1/year^0.5",
    definition="standard deviation of daily returns on the equity of the previous close in sessions of the window, "
    "all paths together, times the root of 252",
    compute=lambda paths: pooled_returns.volatility(_sums(paths)),
    better="lower",
)
"""What every window has."""

RETURNS_IN_WINDOW: dict[str, WindowStatistic] = {
    "skewness": WindowStatistic(
        label="skewness of daily returns",
        unit="1",
        definition=f"third central moment {_IN_WINDOW} over the cube of their standard deviation, all paths together",
        compute=lambda paths: pooled_returns.skewness(_sums(paths)),
        better="higher",
        metric="returns",
    ),
    "kurtosis": WindowStatistic(
        label="excess kurtosis of daily returns",
        unit="1",
        definition=f"fourth central moment {_IN_WINDOW} over their squared variance, less 3, all paths together",
        compute=lambda paths: pooled_returns.kurtosis(_sums(paths)),
        better="lower",
        metric="returns",
    ),
    "sharpe_ratio": WindowStatistic(
        label="Sharpe ratio",
        unit="1/year^0.5",
        definition=f"mean {_IN_WINDOW} less the short rate, over their standard deviation, all paths together, times "
        "the root of 252",
        compute=lambda paths: pooled_returns.sharpe_ratio(_sums(paths)),
        better="higher",
        metric="ratios",
    ),
    "sortino_ratio": WindowStatistic(
        label="Sortino ratio",
        unit="1/year^0.5",
        definition=f"mean {_IN_WINDOW} less the short rate, over the root mean square of their shortfalls below it (0 "
        "where there is none), all paths together, times the root of 252",
        compute=lambda paths: pooled_returns.sortino_ratio(_sums(paths)),
        better="higher",
        metric="ratios",
    ),
    "omega_ratio": WindowStatistic(
        label="Omega ratio",
        unit="1",
        definition="sum of daily returns above the short rate over the sum of those below it, both measured from it, "
        "in sessions of the window, all paths together",
        compute=lambda paths: pooled_returns.omega_ratio(_sums(paths)),
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
