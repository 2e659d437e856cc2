"""Compiled statistics over the recent past of a signal, the same for every row of a table of sessions by paths."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_TILE = 256
"""Paths handled together, so that a window of them stays in the second-level cache."""


def percentile_rows(series: FloatArray, window: int, least: int) -> FloatArray:
    """Share of the known values of a window that are at most the latest one.

    Parameters
    ----------
    series : ndarray of shape (n_times, n_paths)
        The signal; not finite where it is not known.
    window : int
        Sessions, the row's own included.
    least : int
        Known values that are needed.

    Returns
    -------
    ndarray of shape (n_times, n_paths)
        In (0, 1]; NaN where too little is known.
    """
    result = np.empty(series.shape)
    _percentiles(np.ascontiguousarray(series), window, least, result)
    return result


def scaled_rows(series: FloatArray, window: int, least: int, *, is_centred: bool) -> FloatArray:
    """Latest value, or its distance from the mean of a window, over the window's standard deviation.

    Parameters
    ----------
    series, window, least
        As in ``percentile_rows``.
    is_centred : bool
        Take the mean off.

    Returns
    -------
    ndarray of shape (n_times, n_paths)
        NaN where too little is known, or nothing varies.
    """
    result = np.empty(series.shape)
    _scaled(np.ascontiguousarray(series), window, least, is_centred, result)
    return result


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _percentiles(series: FloatArray, window: int, least: int, result: FloatArray) -> None:
    n_times, n_paths = series.shape
    known, below = np.empty(_TILE, np.int64), np.empty(_TILE, np.int64)
    for start in range(0, n_paths, _TILE):
        n = min(_TILE, n_paths - start)
        for t in range(n_times):
            known[:n] = 0
            below[:n] = 0
            for s in range(max(t + 1 - window, 0), t + 1):
                for p in range(n):
                    value = series[s, start + p]
                    known[p] += np.isfinite(value)
                    below[p] += np.isfinite(value) and value <= series[t, start + p]
            for p in range(n):
                is_known = known[p] >= least and np.isfinite(series[t, start + p])
                result[t, start + p] = below[p] / max(known[p], 2) if is_known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _scaled(series: FloatArray, window: int, least: int, is_centred: bool, result: FloatArray) -> None:
    n_times, n_paths = series.shape
    known, mean, square = np.empty(_TILE, np.int64), np.empty(_TILE), np.empty(_TILE)
    for start in range(0, n_paths, _TILE):
        n = min(_TILE, n_paths - start)
        last_gap = -1  # latest row of the tile in which a value is not known
        for t in range(n_times):
            first = max(t + 1 - window, 0)
            today = series[t, start : start + n]
            if not np.isfinite(today).all():
                last_gap = t
            if last_gap < first:
                known[:n] = t + 1 - first
                _moments(series, (first, t + 1), start, n, mean, square)
            else:
                _known_moments(series, (first, t + 1), start, n, known, mean, square)
            for p in range(n):
                deviation = np.sqrt(square[p] / (max(known[p], 2) - 1))
                is_known = known[p] >= least and np.isfinite(today[p]) and deviation > 1e-12 * abs(mean[p])
                distance = today[p] - mean[p] if is_centred else today[p]
                result[t, start + p] = distance / deviation if is_known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _moments(
    series: FloatArray, rows: tuple[int, int], start: int, n: int, mean: FloatArray, square: FloatArray
) -> None:
    """Fill means and sums of squared deviations of ``n`` paths over rows in which every value is known.

    Rows are cut from the whole series, which is known to be contiguous: a loop over a cut of a cut is not vectorised.
    """
    first, last = rows
    whole = first + (last - first) // 4 * 4
    mean[:n] = 0.0
    square[:n] = 0.0
    for s in range(first, whole, 4):  # four rows at a time: sums are loaded and stored a quarter as often
        a, b = series[s, start : start + n], series[s + 1, start : start + n]
        c, d = series[s + 2, start : start + n], series[s + 3, start : start + n]
        for p in range(n):
            mean[p] = (((mean[p] + a[p]) + b[p]) + c[p]) + d[p]
    for s in range(whole, last):
        row = series[s, start : start + n]
        for p in range(n):
            mean[p] += row[p]
    for p in range(n):
        mean[p] /= max(last - first, 2)
    for s in range(first, whole, 4):
        a, b = series[s, start : start + n], series[s + 1, start : start + n]
        c, d = series[s + 2, start : start + n], series[s + 3, start : start + n]
        for p in range(n):
            m, total = mean[p], square[p]
            total += (a[p] - m) * (a[p] - m)
            total += (b[p] - m) * (b[p] - m)
            total += (c[p] - m) * (c[p] - m)
            square[p] = total + (d[p] - m) * (d[p] - m)
    for s in range(whole, last):
        row = series[s, start : start + n]
        for p in range(n):
            deviation = row[p] - mean[p]
            square[p] += deviation * deviation


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _known_moments(
    series: FloatArray,
    rows: tuple[int, int],
    start: int,
    n: int,
    known: NDArray[np.int64],
    mean: FloatArray,
    square: FloatArray,
) -> None:
    """Fill numbers, means and sums of squared deviations of the values that are known; see ``_moments``."""
    first, last = rows
    known[:n] = 0
    mean[:n] = 0.0
    square[:n] = 0.0
    for s in range(first, last):
        row = series[s, start : start + n]
        for p in range(n):
            value = row[p]
            known[p] += np.isfinite(value)
            mean[p] += value if np.isfinite(value) else 0.0
    for p in range(n):
        mean[p] /= max(known[p], 2)
    for s in range(first, last):
        row = series[s, start : start + n]
        for p in range(n):
            value = row[p]
            square[p] += (value - mean[p]) ** 2 if np.isfinite(value) else 0.0
