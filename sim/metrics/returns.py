"""Daily returns of equity paths: sums that make up their moments, and the time that recovery takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.drawdown import max_drawdown

FloatArray = NDArray[np.float64]

RECENT = 3 * int(SESSIONS_PER_YEAR)
"""Sessions of the Calmar ratio: three years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnSums:
    """Sums over the sessions of each path, each of shape (n_paths,).

    Parameters
    ----------
    return_sum, return_square_sum, return_cube_sum, return_fourth_sum : ndarray
        Sums of daily returns and of their powers; equity of the previous close is the base, 0 after ruin.
    shortfall_square_sum : ndarray
        Sum of squared returns below the short rate, measured from it.
    excess_gain_sum : ndarray
        Sum of returns above the short rate, measured from it.
    """

    return_sum: FloatArray
    return_square_sum: FloatArray
    return_cube_sum: FloatArray
    return_fourth_sum: FloatArray
    shortfall_square_sum: FloatArray
    excess_gain_sum: FloatArray


def return_sums(equity: FloatArray, initial: float, rate: float) -> ReturnSums:
    """Add up daily returns.

    Parameters
    ----------
    equity : ndarray of shape (n_days + 1, n_paths)
        Equity at every close from day 0 on, after the orders of the day [USD].
    initial : float
        Equity before the orders of day 0, on which the first session's return is measured [USD].
    rate : float
        Short rate [1/year], that of one session being ``expm1(rate / 252)``.
    """
    sums = np.zeros((6, equity.shape[1]))
    _add_returns(equity, initial, float(np.expm1(rate / SESSIONS_PER_YEAR)), sums)
    return ReturnSums(
        return_sum=sums[0],
        return_square_sum=sums[1],
        return_cube_sum=sums[2],
        return_fourth_sum=sums[3],
        shortfall_square_sum=sums[4],
        excess_gain_sum=sums[5],
    )


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _add_returns(equity: FloatArray, initial: float, rate: float, sums: FloatArray) -> None:
    """Add the daily returns of each path to ``sums``, whose rows are those of ``ReturnSums``."""
    n_times, n_paths = equity.shape
    for t in range(1, n_times):
        for i in range(n_paths):
            before = equity[t - 1, i] if t > 1 else initial
            change = equity[t, i] / before - 1.0 if before > 0.0 else 0.0
            square = change * change
            excess = change - rate if before > 0.0 else 0.0
            sums[0, i] += change
            sums[1, i] += square
            sums[2, i] += square * change
            sums[3, i] += square * square
            sums[4, i] += min(excess, 0.0) ** 2
            sums[5, i] += max(excess, 0.0)


def recovery(equity: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Time from the trough of the maximum drawdown until its peak is reached again.

    Parameters
    ----------
    equity : ndarray of shape (n_times, n_paths)
        As in ``max_drawdown``.

    Returns
    -------
    sessions : ndarray of shape (n_paths,)
        Sessions from the trough to the recovery, or to the end of the path; 0 without a drawdown.
    recovered : ndarray of bool, shape (n_paths,)
        Whether the peak was reached again; True without a drawdown.
    """
    peak = np.maximum.accumulate(equity, axis=0)
    trough = np.argmax(1.0 - equity / peak, axis=0)
    target = np.take_along_axis(peak, trough[None], axis=0)
    after = np.arange(equity.shape[0])[:, None] >= trough
    reached = after & (equity >= target)
    recovered = reached.any(axis=0)
    end = np.where(recovered, np.argmax(reached, axis=0), equity.shape[0] - 1)
    return (end - trough).astype(np.float64), recovered


def annual_growth(growth: FloatArray, n_sessions: int) -> FloatArray:
    """Compound annual growth rate of equity that grew by a factor over ``n_sessions``; -1 where nothing is left."""
    return np.asarray(np.maximum(growth, 0.0) ** (SESSIONS_PER_YEAR / n_sessions) - 1.0)


def is_long(equity: FloatArray) -> bool:
    """Whether paths are longer than three years, so that their last three are something else."""
    return len(equity) > RECENT + 1


def recent_outcomes(equity: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Growth and maximum drawdown over the last three years.

    Parameters
    ----------
    equity : ndarray of shape (n_times, n_paths)
        Equity at every close, more than three years of them.

    Returns
    -------
    growth, drawdown : ndarray of shape (n_paths,)
        Equity at the end over that three years before, and largest fall from the maximum since then; 0 and 1 where
        nothing was left to begin with.
    """
    is_left = equity[-RECENT - 1] > 0.0
    part = np.where(is_left, equity[-RECENT - 1 :], 1.0)
    return np.where(is_left, part[-1] / part[0], 0.0), np.where(is_left, max_drawdown(part), 1.0)
