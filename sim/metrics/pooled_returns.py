"""Statistics of daily returns, all sessions of all paths together: of whole runs, or of the sessions of a window.

They are functions of means over paths, and their errors come from the paths' first-order effects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.estimate import Estimate, SampleDesign, of_means, ratio, undefined

FloatArray = NDArray[np.float64]

STILL = 1e-6
"""Variance of daily returns over their mean square, below which they count as constant: noise of single precision."""

NEVER = "no session of any path belongs to the window"
NO_VARIATION = "daily returns do not vary"
NO_SHORTFALL = "no daily return lies below the short rate"
ROOT_YEAR = float(np.sqrt(SESSIONS_PER_YEAR))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnSums:
    """Sums over the sessions of each path, each of shape (n_paths,).

    Parameters
    ----------
    sessions : ndarray
        Number of sessions.
    powers : tuple of ndarray
        Sums of daily returns, of their squares, cubes and fourth powers, as far as they are known.
    shortfall_square_sum, excess_gain_sum : ndarray, optional
        Sums of squared shortfalls below the short rate, and of gains beyond it.
    rate : float
        Short rate [1/year].
    design : SampleDesign
        How the paths were drawn.
    """

    sessions: FloatArray
    powers: tuple[FloatArray, ...]
    shortfall_square_sum: FloatArray | None = None
    excess_gain_sum: FloatArray | None = None
    rate: float
    design: SampleDesign

    @property
    def daily_rate(self) -> float:
        """Short rate of one session."""
        return float(np.expm1(self.rate / SESSIONS_PER_YEAR))

    @property
    def is_still(self) -> bool:
        """Whether daily returns are one constant, of which roots have no slope."""
        weight = self.design.relative(self.sessions.size)
        n, total, squares = (float(np.sum(weight * row)) for row in (self.sessions, *self.powers[:2]))
        return squares / n - (total / n) ** 2 <= STILL * squares / n

    def undefined(self, note: str) -> Estimate:
        """Estimate that is none."""
        return undefined(self.sessions.size, note, self.design.cluster)

    def of(self, function: Callable[..., Any], *sums: FloatArray) -> Estimate:
        """Function of sums a session, which are ratios of means over paths."""
        columns = np.stack([self.sessions, *sums])
        return of_means(lambda n, *parts: function(*(part / n for part in parts)), columns, self.design)


def _of_moments(sums: ReturnSums, function: Callable[..., Any], n_powers: int) -> Estimate:
    """Function of raw moments of daily returns; undefined where they do not vary."""
    if not sums.sessions.any():
        return sums.undefined(NEVER)
    return sums.undefined(NO_VARIATION) if sums.is_still else sums.of(function, *sums.powers[:n_powers])


def volatility(sums: ReturnSums) -> Estimate:
    """Standard deviation of daily returns, a year [1/year^0.5]."""
    if sums.sessions.any() and sums.is_still:
        return ratio(np.zeros(sums.sessions.size), sums.sessions, sums.design)
    return _of_moments(sums, lambda a, b: ROOT_YEAR * np.sqrt(b - a**2), 2)


def skewness(sums: ReturnSums) -> Estimate:
    """Skewness of daily returns; reads three powers."""
    return _of_moments(sums, lambda a, b, c: (c - 3 * a * b + 2 * a**3) / (b - a**2) ** 1.5, 3)


def kurtosis(sums: ReturnSums) -> Estimate:
    """Excess kurtosis of daily returns; reads four powers."""
    return _of_moments(sums, lambda a, b, c, d: (d - 4 * a * c + 6 * a**2 * b - 3 * a**4) / (b - a**2) ** 2 - 3, 4)


def sharpe_ratio(sums: ReturnSums) -> Estimate:
    """Mean of daily returns less the short rate over their standard deviation, a year [1/year^0.5]."""
    rate = sums.daily_rate
    return _of_moments(sums, lambda a, b: ROOT_YEAR * (a - rate) / np.sqrt(b - a**2), 2)


def sortino_ratio(sums: ReturnSums) -> Estimate:
    """Mean of daily returns less the short rate over the root mean square of shortfalls, a year [1/year^0.5]."""
    shortfall, note = _shortfall(sums)
    if shortfall is None:
        return sums.undefined(note)
    rate = sums.daily_rate
    return sums.of(lambda a, b: ROOT_YEAR * (a - rate) / np.sqrt(b), sums.powers[0], shortfall)


def omega_ratio(sums: ReturnSums) -> Estimate:
    """Sum of daily returns above the short rate over the sum of those below it, both measured from it."""
    shortfall, note = _shortfall(sums)
    if shortfall is None:
        return sums.undefined(note)
    gain = sums.excess_gain_sum
    assert gain is not None
    return ratio(gain, gain - (sums.powers[0] - sums.daily_rate * sums.sessions), sums.design)


def _shortfall(sums: ReturnSums) -> tuple[FloatArray | None, str]:
    """Squared shortfalls, or None and why there are none."""
    if not sums.sessions.any():
        return None, NEVER
    assert sums.shortfall_square_sum is not None
    return (sums.shortfall_square_sum, "") if sums.shortfall_square_sum.any() else (None, NO_SHORTFALL)
