"""What a day did to the market, in units of what was expected: the shocks that carried factors answer to."""

from __future__ import annotations

import numpy as np

from models.protocols import SESSIONS_PER_YEAR, FloatArray, PathBlock

RETURN_SCALE = 0.84
"""Standard deviation of the SPX return over the daily deviation that the VIX of the day before implies [-].

The root of the ratio of realised to implied variance of the SPX, 1990 to 2018: 0.714.
"""

VIX_SCALE = 0.0695
"""Daily standard deviation of log VIX [-]; 0.065 in 1990 to 2018, 0.0695 in the SVCJ index preset."""


def half_life_decay(half_life: float) -> float:
    """Share of a deviation that is left after one session, for a half-life in sessions."""
    return float(0.5 ** (1.0 / half_life))


def equity_shocks(paths: PathBlock) -> FloatArray:
    """SPX log returns in units of their usual size, shape (n_times, n_paths); the first row is zero.

    A return is divided by the deviation that the VIX of the day before implies, times ``RETURN_SCALE``, so that shocks
    have about unit variance in calm and in stress. Row ``t`` depends on closes up to ``t`` only.
    """
    shock = _changes_of_log(paths.spot)
    shock[1:] /= paths.vix[:-1] * (RETURN_SCALE / (100.0 * np.sqrt(SESSIONS_PER_YEAR)))
    return shock


def variance_shocks(paths: PathBlock) -> FloatArray:
    """Changes of log VIX over ``VIX_SCALE``, shape (n_times, n_paths); the first row is zero."""
    shock = _changes_of_log(paths.vix)
    shock[1:] /= VIX_SCALE
    return shock


def _changes_of_log(closes: FloatArray) -> FloatArray:
    """Changes of the logarithm from row to row; the first row is zero."""
    log, change = np.log(closes), np.empty_like(closes)
    change[0] = 0.0
    np.subtract(log[1:], log[:-1], out=change[1:])
    return change
