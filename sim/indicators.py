"""Technical indicators on time-major arrays, all paths at once.

Every function takes ``series`` of shape (n_times, n_paths) and returns an array of the same shape whose row ``t`` is a
function of rows 0 .. t only. Rows before an indicator's window is full are NaN.

References
----------
.. [1] J. W. Wilder (1978), "New Concepts in Technical Trading Systems": relative strength index and his smoothing.
.. [2] G. Appel (2005), "Technical Analysis: Power Tools for Active Investors": MACD.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.frozen import frozen

FloatArray = NDArray[np.float64]

_TILE = 256
"""Paths handled together, so that a window of them stays in the second-level cache.

Rows of a tile are cut from the whole series, in one step: a loop over a cut of a cut is not vectorised.
"""


class Macd(NamedTuple):
    """Moving average convergence divergence, each of shape (n_times, n_paths), in the unit of the series.

    Parameters
    ----------
    line : ndarray
        Fast exponential average minus slow one.
    signal : ndarray
        Exponential average of ``line``.
    histogram : ndarray
        ``line - signal``.
    """

    line: FloatArray
    signal: FloatArray
    histogram: FloatArray


def sma(series: FloatArray, window: int) -> FloatArray:
    """Average, equally weighted, of the last ``window`` values."""
    return rolling_mean(series, window)


def ema(series: FloatArray, span: int) -> FloatArray:
    """Exponential moving average with weight ``2 / (span + 1)``, started at the mean of the first ``span`` values.

    Leading NaN rows of the series are skipped; the first value is in the row that completes the first window.
    """
    return _smoothed(series, span, 2.0 / (span + 1.0))


def rsi(series: FloatArray, window: int = 14) -> FloatArray:
    """Wilder's relative strength index, 0 .. 100; 50 where the series has not moved at all.

    Gains and losses are smoothed with weight ``1 / window``, started at their means over the first ``window`` changes;
    the first value is in row ``window``.
    """
    _check_window(window, 1)
    values: FloatArray = _wilder_rsi(frozen(series), window)
    return values


def macd(series: FloatArray, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """MACD line, its signal and the histogram; the histogram starts in row ``slow + signal - 2``.

    Both averages of the line are read from the row that completes the slow one.
    """
    line = ema(series, fast) - ema(series, slow)
    average = ema(line, signal)
    return Macd(line=line, signal=average, histogram=line - average)


def rolling_mean(series: FloatArray, window: int) -> FloatArray:
    """Mean of the last ``window`` values."""
    _check_window(window, 1)
    mean: FloatArray = _rolling_mean(frozen(series), window)
    return mean


def rolling_std(series: FloatArray, window: int) -> FloatArray:
    """Sample standard deviation (divisor ``window - 1``) of the last ``window`` values, around their own mean."""
    _check_window(window, 2)
    values = frozen(series)
    std: FloatArray = _rolling_std(values, _rolling_mean(values, window), window)
    return std


def rolling_min(series: FloatArray, window: int) -> FloatArray:
    """Smallest of the last ``window`` values."""
    _check_window(window, 1)
    low: FloatArray = _rolling_min(frozen(series), window)
    return low


def zscore(series: FloatArray, window: int) -> FloatArray:
    """Distance from the mean of the last ``window`` values in their standard deviations; 0 where these all agree."""
    mean, std = rolling_mean(series, window), rolling_std(series, window)
    # A constant window leaves a rounding error in the mean, which must not be measured in units of another one.
    constant = std <= 1e-12 * np.abs(mean)
    std[constant] = 1.0
    score = np.subtract(series, mean, out=mean)
    score /= std
    score[constant] = 0.0
    return score


def drawdown(series: FloatArray) -> FloatArray:
    """Loss from the running maximum as a fraction of it, >= 0."""
    loss = np.zeros_like(series)
    peak = series[0].copy()
    for t in range(1, series.shape[0]):
        np.maximum(peak, series[t], out=peak)
        np.subtract(1.0, series[t] / peak, out=loss[t])
    return loss


def _check_window(window: int, least: int) -> None:
    if window < least:
        raise ValueError(f"window must be >= {least} sessions, got {window}")


def _smoothed(series: FloatArray, window: int, weight: float) -> FloatArray:
    """Exponential smoothing from the first ``window`` rows without NaN on."""
    _check_window(window, 1)
    values = frozen(series)
    undefined = np.isnan(values[:, 0]) if values.shape[1] else np.zeros(len(values), dtype=np.bool_)
    start = int(np.argmin(undefined)) if not undefined.all() else len(values)
    smoothed: FloatArray = _smooth(values, start, window, weight)
    return smoothed


@njit(cache=True, nogil=True)
def _smooth(series: FloatArray, start: int, window: int, weight: float) -> FloatArray:
    n_times, n_paths = series.shape
    out = np.full((n_times, n_paths), np.nan)
    first = start + window - 1
    if first >= n_times:
        return out
    out[first] = 0.0
    for t in range(start, first + 1):
        for p in range(n_paths):
            out[first, p] += series[t, p]
    for p in range(n_paths):
        out[first, p] /= window
    for t in range(first + 1, n_times):
        for p in range(n_paths):
            out[t, p] = out[t - 1, p] + weight * (series[t, p] - out[t - 1, p])
    return out


@njit(cache=True, nogil=True)
def _wilder_rsi(series: FloatArray, window: int) -> FloatArray:
    n_times, n_paths = series.shape
    out = np.full((n_times, n_paths), np.nan)
    gain, loss = np.zeros(n_paths), np.zeros(n_paths)
    for t in range(1, n_times):
        # The first window is a plain mean: weights 1, 1/2, 1/3 .. make it one; Wilder's weight follows.
        weight = 1.0 / min(t, window)
        for p in range(n_paths):
            change = series[t, p] - series[t - 1, p]
            size = abs(change)  # gain and loss from it, so that a NaN reaches both
            gain[p] += weight * (0.5 * (size + change) - gain[p])
            loss[p] += weight * (0.5 * (size - change) - loss[p])
        if t >= window:
            for p in range(n_paths):
                moved = gain[p] + loss[p]
                out[t, p] = 50.0 if moved == 0.0 else 100.0 * gain[p] / moved
    return out


@njit(cache=True, nogil=True)
def _rolling_mean(series: FloatArray, window: int) -> FloatArray:
    n_times, n_paths = series.shape
    out = np.empty((n_times, n_paths))
    out[: window - 1] = np.nan
    total = np.empty(_TILE)
    for start in range(0, n_paths, _TILE):
        n = min(_TILE, n_paths - start)
        for t in range(window - 1, n_times):
            total[:n] = 0.0
            for k in range(t - window + 1, t + 1):
                row = series[k, start : start + n]
                for p in range(n):
                    total[p] += row[p]
            result = out[t, start : start + n]
            for p in range(n):
                result[p] = total[p] / window
    return out


@njit(cache=True, nogil=True)
def _rolling_std(series: FloatArray, mean: FloatArray, window: int) -> FloatArray:
    n_times, n_paths = series.shape
    out = np.empty((n_times, n_paths))
    out[: window - 1] = np.nan
    total = np.empty(_TILE)
    for start in range(0, n_paths, _TILE):
        n = min(_TILE, n_paths - start)
        for t in range(window - 1, n_times):
            total[:n] = 0.0
            centre, result = mean[t, start : start + n], out[t, start : start + n]
            for k in range(t - window + 1, t + 1):
                row = series[k, start : start + n]
                for p in range(n):
                    deviation = row[p] - centre[p]
                    total[p] += deviation * deviation
            for p in range(n):
                result[p] = np.sqrt(total[p] / (window - 1))
    return out


@njit(cache=True, nogil=True)
def _rolling_min(series: FloatArray, window: int) -> FloatArray:
    """Smallest value of each window; NaN where any is."""
    n_times, n_paths = series.shape
    out = np.empty((n_times, n_paths))
    out[: window - 1] = np.nan
    for start in range(0, n_paths, _TILE):
        n = min(_TILE, n_paths - start)
        for t in range(window - 1, n_times):
            best = out[t, start : start + n]
            best[:] = np.inf
            for k in range(t - window + 1, t + 1):
                row = series[k, start : start + n]
                for p in range(n):
                    value = row[p]
                    best[p] = value if (value < best[p]) | (value != value) else best[p]
    return out
