"""Cubic B-splines over the states of simulated days: one quantity, or one for each of several contracts.

Coefficients have shape (n_tables, n_regimes, n_x, n_y): a model without regimes has one, a model with one factor has
``n_y`` = 1. Coordinates count grid steps from the second coefficient on, so that a coordinate in [0, n - 3) has its
four taps; what lies beyond is held at the end, and counted.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.kernels.spline import cubic_weights
from models.protocols import FloatArray

IntArray = NDArray[np.int64]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _held(place: float, low: float, high: float) -> tuple[float, int]:
    """The coordinate inside its range, and 1 if it had to be moved there."""
    inside = min(max(place, low), high)
    return inside, int(inside != place)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _tap_sum(table: FloatArray, i: int, j: int, wx: FloatArray, wy: FloatArray) -> float:
    total = 0.0
    for a in range(4):
        row = 0.0
        for b in range(wy.size):
            row += wy[b] * table[i + a, j + b]
        total += wx[a] * row
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def spline_day(
    out: FloatArray, x: FloatArray, y: FloatArray, regime: IntArray, coefficients: FloatArray, ends: FloatArray
) -> int:
    """Fill ``out`` (n_tables, n_paths) for the states of one day.

    Parameters
    ----------
    out : ndarray of shape (n_tables, n_paths)
    x, y : ndarray of shape (n_paths,)
        Coordinates in grid steps; y is not read where ``n_y`` is 1.
    regime : ndarray of shape (n_paths,)
        Regimes.
    coefficients : ndarray of shape (n_tables, n_regimes, n_x, n_y)
    ends : ndarray of shape (4,)
        Lowest and highest x, lowest and highest y.

    Returns
    -------
    int
        Number of coordinates that lay outside.
    """
    n_outside = 0
    wx = np.empty(4)
    wy = np.ones(1 if coefficients.shape[3] == 1 else 4)
    for p in range(x.size):
        place, moved = _held(x[p], ends[0], ends[1])
        n_outside += moved
        i = min(int(place), coefficients.shape[2] - 4)
        wx[0], wx[1], wx[2], wx[3] = cubic_weights(place - i)
        j = 0
        if wy.size == 4:
            place, moved = _held(y[p], ends[2], ends[3])
            n_outside += moved
            j = min(int(place), coefficients.shape[3] - 4)
            wy[0], wy[1], wy[2], wy[3] = cubic_weights(place - j)
        for k in range(out.shape[0]):
            out[k, p] = _tap_sum(coefficients[k, regime[p]], i, j, wx, wy)
    return n_outside
