"""Statistics of growth and of daily returns, and the ratios of the two.

Moments of daily returns pool the sessions of all paths: a ratio such as Sharpe's is then one of two well-known numbers,
where a mean over paths of each path's own ratio would be ruled by paths that hardly vary. Ratios of growth to drawdown
are ratios of means over paths for the same reason: a path without drawdown has no ratio of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics import pooled_returns
from sim.metrics.estimate import Estimate, mean, of_means, quantile, ratio, undefined
from sim.metrics.path_outcomes import PathOutcomes, Statistic
from sim.metrics.returns import RECENT, annual_growth

FloatArray = NDArray[np.float64]

NO_DRAWDOWN = "no path has a drawdown"


def _sums(outcomes: PathOutcomes) -> pooled_returns.ReturnSums:
    """Sums of daily returns over the whole run."""
    powers = (outcomes.return_sum, outcomes.return_square_sum, outcomes.return_cube_sum, outcomes.return_fourth_sum)
    return pooled_returns.ReturnSums(
        sessions=np.full(outcomes.return_sum.size, float(outcomes.n_days)),
        powers=powers,
        shortfall_square_sum=outcomes.shortfall_square_sum,
        excess_gain_sum=outcomes.excess_gain_sum,
        rate=outcomes.rate,
        design=outcomes.design,
    )


def _growth(outcomes: PathOutcomes) -> FloatArray:
    """CAGR of each path."""
    return annual_growth(1.0 + outcomes.terminal_pnl / outcomes.initial_equity, outcomes.n_days)


def _irr(outcomes: PathOutcomes) -> Estimate:
    """Only the mean of terminal equity counts; below 0 no rate makes up for it."""
    factor = 1.0 + outcomes.terminal_pnl / outcomes.initial_equity
    if float(np.mean(outcomes.design.relative(factor.size) * factor)) <= 0.0:
        return undefined(factor.size, "the paths together lose all of their equity", outcomes.design.cluster)
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
        compute=lambda outcomes: pooled_returns.volatility(_sums(outcomes)),
    ),
    "skewness": Statistic(
        label="skewness of daily returns",
        unit="1",
        definition="third central moment of daily returns over the cube of their standard deviation, all paths "
        "together",
        metric="returns",
        compute=lambda outcomes: pooled_returns.skewness(_sums(outcomes)),
        better="higher",
    ),
    "kurtosis": Statistic(
        label="excess kurtosis of daily returns",
        unit="1",
        definition="fourth central moment of daily returns over their squared variance, less 3, all paths together",
        metric="returns",
        compute=lambda outcomes: pooled_returns.kurtosis(_sums(outcomes)),
    ),
    "sharpe_ratio": Statistic(
        label="Sharpe ratio",
        unit="1/year^0.5",
        definition="mean of daily returns less the short rate, over their standard deviation, all paths together, "
        "times the root of 252",
        metric="ratios",
        compute=lambda outcomes: pooled_returns.sharpe_ratio(_sums(outcomes)),
        better="higher",
    ),
    "sortino_ratio": Statistic(
        label="Sortino ratio",
        unit="1/year^0.5",
        definition="mean of daily returns less the short rate, over the root mean square of their shortfalls below it "
        "(0 where there is none), all paths together, times the root of 252",
        metric="ratios",
        compute=lambda outcomes: pooled_returns.sortino_ratio(_sums(outcomes)),
        better="higher",
    ),
    "omega_ratio": Statistic(
        label="Omega ratio",
        unit="1",
        definition="sum of daily returns above the short rate over the sum of those below it, both measured from it, "
        "all paths together",
        metric="ratios",
        compute=lambda outcomes: pooled_returns.omega_ratio(_sums(outcomes)),
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
