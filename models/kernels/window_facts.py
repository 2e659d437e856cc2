"""The facts of one history, and of many: compiled, one history after the other, without the interpreter's lock.

Row numbers are those of ``models.fidelity.facts.FACTS``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.series import (
    autocorrelation,
    changes,
    drawdown,
    forward_variance,
    mean_where,
    moments,
    quantile_sorted,
    slope_and_correlation,
)
from models.protocols import FloatArray

MIN_DAYS_OF_SLOPE = 100
"""Fewest days with the VIX low, or high, that give a regression slope."""

MIN_DAYS_OF_MEAN = 20
"""Fewest days with the VIX in a range that give a mean slope of the curve."""

AHEAD = 21
"""Sessions of realised variance that stand beside a VIX."""

PER_YEAR = 252.0
_PERCENT = 100.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def return_facts(r: FloatArray, out: FloatArray) -> None:
    """Rows 0 to 8: the SPX alone."""
    _, deviation, out[1], out[2] = moments(r)
    out[0] = _PERCENT * deviation * np.sqrt(PER_YEAR)
    size = np.abs(r)
    out[3] = autocorrelation(size, 1)
    out[4] = autocorrelation(size, 5)
    out[5] = autocorrelation(size, 20)
    out[6] = autocorrelation(size, 60)
    out[7] = _PERCENT * np.expm1(r.min())
    out[8] = _PERCENT * drawdown(r)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def vix_facts(r: FloatArray, vix: FloatArray, out: FloatArray) -> None:
    """Rows 9 to 22: the VIX, alone and with the SPX; ``vix`` has one close more than there are returns."""
    start, level = vix[:-1], vix[1:]
    log_change = changes(np.log(vix))
    every = start > 0.0
    _, out[9] = slope_and_correlation(r, changes(vix), every, 2)
    out[11], out[10] = slope_and_correlation(r, log_change, every, 2)
    out[12] = level.mean()
    ordered = np.sort(level)
    out[13] = quantile_sorted(ordered, 0.5)
    out[14] = quantile_sorted(ordered, 0.05)
    out[15] = quantile_sorted(ordered, 0.95)
    out[16] = quantile_sorted(ordered, 0.99)
    _, out[17], out[18], _ = moments(log_change)
    log_level = np.log(vix)
    out[19] = autocorrelation(log_level, 20)
    out[20] = autocorrelation(log_level, 60)
    out[21], _ = slope_and_correlation(r, log_change, start < 15.0, MIN_DAYS_OF_SLOPE)
    out[22], _ = slope_and_correlation(r, log_change, start > 30.0, MIN_DAYS_OF_SLOPE)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def premium_facts(r: FloatArray, vix: FloatArray, out: FloatArray) -> None:
    """Rows 23 to 25: the VIX against what came after it."""
    realised = forward_variance(r, AHEAD, PER_YEAR)
    implied = vix[: realised.size] / _PERCENT
    out[23] = realised.mean() / (implied * implied).mean()
    gap = implied - np.sqrt(realised)
    out[24] = _PERCENT * (gap > 0.0).mean()
    out[25] = _PERCENT * gap.mean()


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def curve_facts(vix: FloatArray, vx1: FloatArray, vx2: FloatArray, out: FloatArray) -> None:
    """Rows 26 to 33: the slope of the futures curve; days without a future are left out."""
    known = ~np.isnan(vx1) & ~np.isnan(vx2)
    level, front = vix[known], vx1[known]
    out[26:34] = np.nan
    if front.size == 0:
        return
    slope = _PERCENT * (vx2[known] / front - 1.0)
    out[26] = _PERCENT * (slope > 0.0).mean()
    out[27] = slope.mean()
    ordered = np.sort(slope)
    out[28] = quantile_sorted(ordered, 0.05)
    out[29] = quantile_sorted(ordered, 0.95)
    out[30] = _PERCENT * (front / level - 1.0).mean()
    out[31] = mean_where(slope, level < 15.0, MIN_DAYS_OF_MEAN)
    out[32] = mean_where(slope, (level >= 20.0) & (level < 30.0), MIN_DAYS_OF_MEAN)
    out[33] = mean_where(slope, level > 40.0, MIN_DAYS_OF_MEAN)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def facts_of_windows(r: FloatArray, vix: FloatArray, vx1: FloatArray, vx2: FloatArray, out: FloatArray) -> None:
    """Fill ``out`` (n_windows, n_facts) from returns (n_windows, n_days) and closes (n_windows, n_days + 1)."""
    for i in range(r.shape[0]):
        return_facts(r[i], out[i])
        vix_facts(r[i], vix[i], out[i])
        premium_facts(r[i], vix[i], out[i])
        curve_facts(vix[i], vx1[i], vx2[i], out[i])
