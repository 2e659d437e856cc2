"""Where states lie on the grid of a table, and splines in the state alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

from models.kernels.fastmath import log_positive
from models.kernels.spline import cubic_weights

PLAIN, ROOT, INDEX = 0.0, 1.0, 2.0
"""Factors that are coordinates already, whose coordinate is the root, and that count rows without interpolation."""

_U1, _U2, _U3 = np.uint64(1), np.uint64(2), np.uint64(3)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})  # type: ignore[untyped-decorator]
def roots(values, out):  # type: ignore[no-untyped-def]
    """Root of each value, 0 of what is negative."""
    for p in range(values.size):
        out[p] = math.sqrt(max(values[p], 0.0))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})  # type: ignore[untyped-decorator]
def bent_roots(root, bend, out):  # type: ignore[no-untyped-def]
    """Inverse hyperbolic sine of roots over ``bend``."""
    over_bend = 1.0 / bend
    for p in range(root.size):
        ratio = root[p] * over_bend
        out[p] = log_positive(ratio + math.sqrt(ratio * ratio + 1.0))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})  # type: ignore[untyped-decorator]
def grid_places(coordinate, low, step, n_cells, place):  # type: ignore[no-untyped-def]
    """Fill where coordinates of a factor lie, in cells of its grid, and count those beyond its range.

    Parameters
    ----------
    coordinate : ndarray of shape (n_paths,)
        Coordinates.
    low, step, n_cells : float
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
    clamped = 0
    for p in range(coordinate.size):
        x = (coordinate[p] - low) * inverse
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
    weight : ndarray of shape (4 n_factors, n_paths)
        Receives the weights of four rows.
    """
    at = 4 * factor
    weight0, weight1, weight2, weight3 = weight[at], weight[at + 1], weight[at + 2], weight[at + 3]
    for p in range(place.size):
        i = int(place[p])
        weight0[p], weight1[p], weight2[p], weight3[p] = cubic_weights(place[p] - i)
        row[p] = row[p] * n_rows + first + i


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill_roots(state, low, cells, n, root):  # type: ignore[no-untyped-def]
    """Coordinates of the factors of ``n`` paths from ``low`` on before they are bent; arguments as in ``locate``.

    ``root`` (n_factors, n or more) receives roots of factors that move on them; values of the others as they are.
    """
    for factor in range(cells.shape[0]):
        if cells[factor, 0] == ROOT:
            roots(state[factor, low : low + n], root[factor, :n])
        else:
            root[factor, :n] = state[factor, low : low + n]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def bend_roots(root, cells, n, scratch):  # type: ignore[no-untyped-def]
    """Coordinates of the factors of ``n`` paths, from ``fill_roots``: ``root`` itself where the grid bends none."""
    is_bent = False
    for factor in range(cells.shape[0]):
        is_bent |= cells[factor, 1] > 0.0
    if not is_bent:
        return root
    for factor in range(cells.shape[0]):
        if cells[factor, 1] > 0.0:
            bent_roots(root[factor, :n], cells[factor, 1], scratch[factor, :n])
        else:
            scratch[factor, :n] = root[factor, :n]
    return scratch


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def locate(coordinate, cells, place, row, weight):  # type: ignore[no-untyped-def]
    """First row and weights of paths on one grid.

    Parameters
    ----------
    coordinate : ndarray of shape (n_factors, n_paths or more)
        Of the factors, from ``bend_roots``.
    cells : ndarray of shape (n_factors, 7)
        Of each factor of the grid: kind, bend, low end, step, number of cells, row of the first coefficient of the
        first cell, and rows of the table.
    place : ndarray of shape (n_paths or more,)
        Scratch.
    row : ndarray of int64, shape (n_paths,)
        Receives the row of the first coefficient.
    weight : ndarray of shape (4 n_continuous, n_paths or more)
        Receives weights of four rows along each continuous factor.

    Returns
    -------
    int
        Number of coordinates beyond the range.
    """
    n, number, clamped = row.size, 0, 0
    row[:] = 0
    for factor in range(cells.shape[0]):
        n_cells = cells[factor, 4]
        if cells[factor, 0] == INDEX:
            for p in range(n):
                row[p] += int(min(max(np.rint(coordinate[factor, p]), 0.0), n_cells))
        else:
            clamped += grid_places(coordinate[factor, :n], cells[factor, 2], cells[factor, 3], n_cells, place[:n])
            locate_rows(place[:n], int(cells[factor, 5]), int(cells[factor, 6]), number, row, weight)
            number += 1
    return clamped


def path_weights(weight: Any, p: Any, strides: Any) -> Any:
    """Weights of path ``p``: a tuple of four for each stride."""


@overload(path_weights, inline="always")
def _path_weights(weight, p, strides):  # type: ignore[no-untyped-def]
    def line(weight, p, strides):  # type: ignore[no-untyped-def]
        return ((weight[0, p], weight[1, p], weight[2, p], weight[3, p]),)

    def plane(weight, p, strides):  # type: ignore[no-untyped-def]
        return (
            (weight[0, p], weight[1, p], weight[2, p], weight[3, p]),
            (weight[4, p], weight[5, p], weight[6, p], weight[7, p]),
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
