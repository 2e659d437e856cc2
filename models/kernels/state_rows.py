"""Where states lie on the grid of a table, and splines in the state alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

from models.kernels.fastmath import log_positive
from models.kernels.spline import cubic_weights

_U1, _U2, _U3 = np.uint64(1), np.uint64(2), np.uint64(3)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})  # type: ignore[untyped-decorator]
def grid_places(values, is_root, bend, low, step, n_cells, place):  # type: ignore[no-untyped-def]
    """Fill where the coordinates of a factor lie, in cells of its grid, and count those beyond its range.

    Parameters
    ----------
    values : ndarray of shape (n_paths,)
        Values of a factor that moves on its root; of any other its coordinates.
    is_root : bool
        Whether the coordinate is the root, or 0 of what is negative.
    bend : float
        Where this is not 0, the coordinate is the inverse hyperbolic sine of the root over it.
    low, step, n_cells : float, float, int
        Where the range begins, its step and its cells.
    place : ndarray of shape (n_paths,)
        Receives places in [0, n_cells), those beyond at the ends.

    Returns
    -------
    int
        Number of paths clamped to an end.
    """
    inverse = 1.0 / step
    top = n_cells - 1e-9
    if is_root:
        for p in range(values.size):
            place[p] = math.sqrt(max(values[p], 0.0))
    else:
        place[:] = values
    if is_root and bend > 0.0:
        over_bend = 1.0 / bend
        for p in range(values.size):
            ratio = place[p] * over_bend
            place[p] = log_positive(ratio + math.sqrt(ratio * ratio + 1.0))
    clamped = 0
    for p in range(values.size):
        x = (place[p] - low) * inverse
        inside = max(x, 0.0) if x < top else top
        clamped += inside != x
        place[p] = inside
    return clamped


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})  # type: ignore[untyped-decorator]
def locate_rows(place, first, n_rows, factor, row, weight):  # type: ignore[no-untyped-def]
    """Add one factor to the row of each path, and fill its weights.

    Parameters
    ----------
    place : ndarray of shape (n_paths,)
        From ``grid_places``.
    first : int
        Row of the first coefficient of the first cell.
    n_rows : int
        Rows of the table along the factor.
    factor : int
        Number of the factor among the continuous ones.
    row : ndarray of int64, shape (n_paths,)
        Rows along the factors before; receives the row of the first coefficient.
    weight : ndarray of shape (n_paths, 4 n_factors)
        Receives the weights of four rows.
    """
    at = 4 * factor
    for p in range(place.size):
        i = int(place[p])
        w0, w1, w2, w3 = cubic_weights(place[p] - i)
        row[p] = row[p] * n_rows + first + i
        weight[p, at] = w0
        weight[p, at + 1] = w1
        weight[p, at + 2] = w2
        weight[p, at + 3] = w3


def path_weights(weight: Any, p: Any, strides: Any) -> Any:
    """Weights of path ``p``: a tuple of four for each stride."""


@overload(path_weights, inline="always")
def _path_weights(weight, p, strides):  # type: ignore[no-untyped-def]
    def line(weight, p, strides):  # type: ignore[no-untyped-def]
        return ((weight[p, 0], weight[p, 1], weight[p, 2], weight[p, 3]),)

    def plane(weight, p, strides):  # type: ignore[no-untyped-def]
        return (
            (weight[p, 0], weight[p, 1], weight[p, 2], weight[p, 3]),
            (weight[p, 4], weight[p, 5], weight[p, 6], weight[p, 7]),
        )

    return line if len(strides) == 1 else plane


def row_value(flat: Any, k: Any, strides: Any, w: Any) -> Any:
    """Sum over the four rows along every stride, of a table without strikes."""


@overload(row_value, inline="always")
def _row_value(flat, k, strides, w):  # type: ignore[no-untyped-def]
    def line(flat, k, strides, w):  # type: ignore[no-untyped-def]
        s = strides[0]
        v = w[0]
        return v[0] * flat[k] + v[1] * flat[k + s] + v[2] * flat[k + _U2 * s] + v[3] * flat[k + _U3 * s]

    def plane(flat, k, strides, w):  # type: ignore[no-untyped-def]
        s = strides[1]
        v = w[1]
        total = 0.0
        for a in range(4):
            at = k + np.uint64(a) * strides[0]
            total += w[0][a] * (
                v[0] * flat[at] + v[1] * flat[at + s] + v[2] * flat[at + _U2 * s] + v[3] * flat[at + _U3 * s]
            )
        return total

    return line if len(strides) == 1 else plane


@njit(cache=True, nogil=True)
def spline_rows(row, weight, strides, coefficients, out):  # type: ignore[no-untyped-def]
    """Spline in the state alone: one value a path; arguments as in ``price_legs``."""
    for p in range(row.size):
        out[p] = row_value(coefficients, np.uint64(row[p]), strides, path_weights(weight, p, strides))
