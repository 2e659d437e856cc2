"""Drawdown of equity paths: how deep, how long, how often, and how bad on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def max_drawdown(equity: FloatArray) -> FloatArray:
    """Largest fall from a running maximum, as a share of that maximum.

    Parameters
    ----------
    equity : ndarray of shape (n_times, n_paths)
        Equity at every close; row 0 is the initial equity, so that a loss on the first day is a drawdown. > 0 at row 0.

    Returns
    -------
    ndarray of shape (n_paths,)
        Maximum drawdown, >= 0 [-]; above 1 where equity became negative.
    """
    peak = np.maximum.accumulate(equity, axis=0)
    return np.asarray(np.max(1.0 - equity / peak, axis=0))


def drawdown_duration(equity: FloatArray) -> FloatArray:
    """Longest time from a running maximum until it is reached again, or until the end.

    Parameters
    ----------
    equity : ndarray of shape (n_times, n_paths)
        As in ``max_drawdown``.

    Returns
    -------
    ndarray of shape (n_paths,)
        Duration [sessions].
    """
    below = _sessions_under_water(equity)
    # the session on which the maximum is reached again belongs to the drawdown
    lasted = np.where((below[:-1] > 0) | (below[1:] > 0), below[:-1] + 1, 0)
    return np.asarray(np.max(lasted, axis=0, initial=0), dtype=np.float64)


def time_under_water(equity: FloatArray) -> FloatArray:
    """Share of the closes after the first at which equity stands below its running maximum, shape (n_paths,) [-]."""
    below = _sessions_under_water(equity)[1:] > 0
    return np.asarray(below.sum(axis=0) / max(below.shape[0], 1))


def ulcer_index(equity: FloatArray) -> FloatArray:
    """Root mean square of the drawdown over all closes, shape (n_paths,) [-].

    References
    ----------
    .. [1] P. Martin, B. McCann (1989), "The investor's guide to Fidelity funds", chapter 6.
    """
    drawdown = 1.0 - equity / np.maximum.accumulate(equity, axis=0)
    return np.asarray(np.sqrt(np.mean(drawdown**2, axis=0)))


def _sessions_under_water(equity: FloatArray) -> NDArray[np.int64]:
    """Sessions since equity last stood at its running maximum, shape (n_times, n_paths)."""
    day = np.arange(equity.shape[0])[:, None]
    is_peak = equity >= np.maximum.accumulate(equity, axis=0)
    return np.asarray(day - np.maximum.accumulate(np.where(is_peak, day, 0), axis=0))
