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
    result = np.full(series.shape, np.nan)
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
    result = np.full(series.shape, np.nan)
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
                if known[p] >= least and np.isfinite(series[t, start + p]):
                    result[t, start + p] = below[p] / max(known[p], 2)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _scaled(series: FloatArray, window: int, least: int, is_centred: bool, result: FloatArray) -> None:
    n_times, n_paths = series.shape
    known, mean, square = np.empty(_TILE, np.int64), np.empty(_TILE), np.empty(_TILE)
    for start in range(0, n_paths, _TILE):
        n = min(_TILE, n_paths - start)
        for t in range(n_times):
            first = max(t + 1 - window, 0)
            known[:n] = 0
            mean[:n] = 0.0
            square[:n] = 0.0
            for s in range(first, t + 1):
                for p in range(n):
                    value = series[s, start + p]
                    known[p] += np.isfinite(value)
                    mean[p] += value if np.isfinite(value) else 0.0
            for p in range(n):
                mean[p] /= max(known[p], 2)
            for s in range(first, t + 1):
                for p in range(n):
                    value = series[s, start + p]
                    square[p] += (value - mean[p]) ** 2 if np.isfinite(value) else 0.0
            for p in range(n):
                last = series[t, start + p]
                deviation = np.sqrt(square[p] / (max(known[p], 2) - 1))
                if known[p] >= least and np.isfinite(last) and deviation > 1e-12 * abs(mean[p]):
                    result[t, start + p] = (last - mean[p] if is_centred else last) / deviation
