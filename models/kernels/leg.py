"""Legs of one expiry priced on many paths: staged, so that what one path's legs share is computed once.

A table slice holds the coefficients of two surfaces in (state, scaled strike): puts for strikes up to the forward and
calls beyond, each as price over (forward x deviation). ``coefficients[side]`` has one pad row before state 0, and
``first`` nodes before the forward.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

from models.kernels.fastmath import log_positive
from models.kernels.inverse_normal import inverse_normal
from models.kernels.spline import cubic_slopes, cubic_weights

_ROOT_1_2PI = 0.3989422804014327
_U1, _U2, _U3 = np.uint64(1), np.uint64(2), np.uint64(3)


@njit(cache=True, nogil=True, error_model="numpy")
def locate_rows(  # type: ignore[no-untyped-def]
    coordinate, is_root, low, step, n_cells, first, n_rows, factor, row, weight
):
    """Add one factor to the row of each path, fill its weights, and count the paths beyond its range.

    Parameters
    ----------
    coordinate : ndarray of shape (n_paths,)
        Coordinates of the factor.
    is_root : bool
        Whether these are still to be made from what is given: its root, or 0 where it is negative.
    low, step, n_cells : float, float, int
        Where the range begins, its step and its cells.
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

    Returns
    -------
    int
        Number of paths clamped to an end.
    """
    clamped = 0
    inverse = 1.0 / step
    top = n_cells - 1e-9
    at = 4 * factor
    for p in range(coordinate.size):
        at_p = math.sqrt(max(coordinate[p], 0.0)) if is_root else coordinate[p]
        x = (at_p - low) * inverse
        if not 0.0 <= x <= top:
            clamped += 1
            x = top if x > top else 0.0
        i = int(x)
        w0, w1, w2, w3 = cubic_weights(x - i)
        row[p] = row[p] * n_rows + first + i
        weight[p, at] = w0
        weight[p, at + 1] = w1
        weight[p, at + 2] = w2
        weight[p, at + 3] = w3
    return clamped


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


@njit(cache=True, nogil=True, inline="always")
def line_taps(flat, k, stride, w):  # type: ignore[no-untyped-def]
    """Four columns from ``k`` on, each summed over four rows; unsigned indices need no check for negative ones."""
    k1 = k + stride
    k2 = k1 + stride
    k3 = k2 + stride
    w0, w1, w2, w3 = w
    return (
        w0 * flat[k] + w1 * flat[k1] + w2 * flat[k2] + w3 * flat[k3],
        w0 * flat[k + _U1] + w1 * flat[k1 + _U1] + w2 * flat[k2 + _U1] + w3 * flat[k3 + _U1],
        w0 * flat[k + _U2] + w1 * flat[k1 + _U2] + w2 * flat[k2 + _U2] + w3 * flat[k3 + _U2],
        w0 * flat[k + _U3] + w1 * flat[k1 + _U3] + w2 * flat[k2 + _U3] + w3 * flat[k3 + _U3],
    )


def taps(flat: Any, k: Any, strides: Any, w: Any) -> Any:
    """Four columns from ``k`` on, each summed over the four rows along every stride."""


@overload(taps, inline="always")
def _taps(flat, k, strides, w):  # type: ignore[no-untyped-def]
    def line(flat, k, strides, w):  # type: ignore[no-untyped-def]
        return line_taps(flat, k, strides[0], w[0])

    def plane(flat, k, strides, w):  # type: ignore[no-untyped-def]
        k1 = k + strides[0]
        k2 = k1 + strides[0]
        k3 = k2 + strides[0]
        a0, a1, a2, a3 = line_taps(flat, k, strides[1], w[1])
        b0, b1, b2, b3 = line_taps(flat, k1, strides[1], w[1])
        c0, c1, c2, c3 = line_taps(flat, k2, strides[1], w[1])
        d0, d1, d2, d3 = line_taps(flat, k3, strides[1], w[1])
        w0, w1, w2, w3 = w[0]
        return (
            w0 * a0 + w1 * b0 + w2 * c0 + w3 * d0,
            w0 * a1 + w1 * b1 + w2 * c1 + w3 * d1,
            w0 * a2 + w1 * b2 + w2 * c2 + w3 * d2,
            w0 * a3 + w1 * b3 + w2 * c3 + w3 * d3,
        )

    return line if len(strides) == 1 else plane


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def table_coordinates(forward, deviation, strike, first, step, top, moneyness, column):  # type: ignore[no-untyped-def]
    """Strikes in deviations from the forward, and where they lie between the columns of the table; one leg."""
    inverse = 1.0 / step
    for p in range(forward.size):
        z = log_positive(strike[p] / forward[p]) / deviation[p]
        distance = abs(z)
        y = first + log_positive(distance + math.sqrt(distance * distance + 1.0)) * inverse
        moneyness[p] = z
        column[p] = max(y, 1.0) if y < top else top  # also where y is no number: an index must be one


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def price_legs(  # type: ignore[no-untyped-def]
    forward, deviation, row, weight, strides, puts, calls, first, step, strike, is_call, price
):
    """Undiscounted prices of all legs of one expiry.

    Parameters
    ----------
    forward, deviation : ndarray of shape (n_paths,)
        Forward, and standard deviation of the log return (or log VIX) to expiry.
    row, weight : ndarray
        From ``locate_rows``.
    strides : tuple of uint64
        Distance of neighbouring rows along each continuous factor, in elements; one or two.
    puts, calls : ndarray of shape (n_rows, n_strike)
        Coefficients of the two surfaces.
    first : int
        Coefficient index at the forward.
    step : float
        Step of asinh(scaled strike).
    strike : ndarray of shape (n_legs, n_paths)
        Strikes, > 0.
    is_call : ndarray of bool, shape (n_legs,)
        Right of each leg.
    price : ndarray of shape (n_legs, n_paths)
        Receives the prices.
    """
    width = np.uint64(puts.shape[1])
    top = puts.shape[1] - 2 - 1e-9
    flat_puts, flat_calls = puts.ravel(), calls.ravel()
    moneyness, column = np.empty(forward.size), np.empty(forward.size)
    for leg in range(strike.shape[0]):
        call = is_call[leg]
        table_coordinates(forward, deviation, strike[leg], first, step, top, moneyness, column)
        for p in range(forward.size):
            j = np.uint64(column[p])
            u0, u1, u2, u3 = cubic_weights(column[p] - float(j))
            k = np.uint64(row[p]) * width + j - _U1
            w = path_weights(weight, p, strides)
            scale = forward[p] * deviation[p]
            if moneyness[p] <= 0.0:
                a, b, c, d = taps(flat_puts, k, strides, w)
                value = scale * max(u0 * a + u1 * b + u2 * c + u3 * d, 0.0)
                if call:
                    value += forward[p] - strike[leg, p]
            else:
                a, b, c, d = taps(flat_calls, k, strides, w)
                value = scale * max(u0 * a + u1 * b + u2 * c + u3 * d, 0.0)
                if not call:
                    value += strike[leg, p] - forward[p]
            price[leg, p] = value


@njit(cache=True, nogil=True, error_model="numpy")
def put_delta_at(z, deviation, i, w, strides, puts, calls, first, step, top):  # type: ignore[no-untyped-def]
    """Forward delta of the put struck ``z`` deviations from the forward."""
    distance = abs(z)
    root = math.sqrt(distance * distance + 1.0)
    y = min(max(first + math.log(distance + root) / step, 1.0), top)
    scale = 1.0 / (step * root)
    j = np.uint64(y)
    u0, u1, u2, u3 = cubic_weights(y - float(j))
    d0, d1, d2, d3 = cubic_slopes(y - float(j))
    width = np.uint64(puts.shape[1])
    k = np.uint64(i) * width + j - _U1
    if z <= 0.0:
        a, b, c, d = taps(puts.ravel(), k, strides, w)
        return deviation * (u0 * a + u1 * b + u2 * c + u3 * d) + (d0 * a + d1 * b + d2 * c + d3 * d) * scale
    a, b, c, d = taps(calls.ravel(), k, strides, w)
    return deviation * (u0 * a + u1 * b + u2 * c + u3 * d) - (d0 * a + d1 * b + d2 * c + d3 * d) * scale - 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def put_deltas(  # type: ignore[no-untyped-def]
    forward, deviation, row, weight, strides, puts, calls, first, step, strike, delta
):
    """Forward deltas of the puts at the strikes of one leg; arguments as in ``price_legs``, arrays (n_paths,)."""
    top = puts.shape[1] - 2 - 1e-9
    for p in range(forward.size):
        z = math.log(strike[p] / forward[p]) / deviation[p]
        w = path_weights(weight, p, strides)
        delta[p] = put_delta_at(z, deviation[p], row[p], w, strides, puts, calls, first, step, top)


@njit(cache=True, nogil=True, error_model="numpy")
def deviations_for_delta(wanted, deviation, i, w, strides, puts, calls, first, step, top):  # type: ignore[no-untyped-def]
    """Strike, in deviations from the forward, at which the put's forward delta is ``wanted``.

    From where a normal law would have it by secants, kept inside a bracket that every miss narrows; where a secant
    leaves the bracket, or four in a row have not narrowed it to half, it is halved.
    """
    reach = math.sinh((top - first) * step)
    low, high = -reach, reach
    quantile = inverse_normal(1.0 + wanted)
    z = min(max(0.5 * deviation - quantile, low), high)
    miss = put_delta_at(z, deviation, i, w, strides, puts, calls, first, step, top) - wanted
    slope = -_ROOT_1_2PI * math.exp(-0.5 * quantile * quantile)
    width, turns = high - low, 0
    for _ in range(100):
        if miss > 0.0:
            low = z
        else:
            high = z
        if abs(miss) < 1e-13 or high - low < 1e-9:
            break
        turns += 1
        if turns == 4:
            turns, is_slow = 0, high - low > 0.5 * width
            width = high - low
        else:
            is_slow = False
        z_next = z - miss / slope
        if is_slow or not low < z_next < high:
            z_next = 0.5 * (low + high)
        if abs(z_next - z) < 1e-7:  # what a step of a secant leaves is far smaller than the step
            return z_next
        miss_next = put_delta_at(z_next, deviation, i, w, strides, puts, calls, first, step, top) - wanted
        if miss_next != miss:
            slope = (miss_next - miss) / (z_next - z)
        z, miss = z_next, miss_next
    return z


@njit(cache=True, nogil=True, error_model="numpy")
def log_strikes_for_delta(  # type: ignore[no-untyped-def]
    deviation, row, weight, strides, puts, calls, first, step, put_delta, log_strike
):
    """Log-moneyness at which the put's forward delta is ``put_delta``.

    Parameters
    ----------
    deviation, row, weight, strides, puts, calls, first, step
        As in ``price_legs``.
    put_delta : ndarray of shape (n_legs, n_paths)
        Wanted forward deltas of puts, in (-1, 0).
    log_strike : ndarray of shape (n_legs, n_paths)
        Receives ln(strike / forward).
    """
    top = puts.shape[1] - 2 - 1e-9
    for leg in range(put_delta.shape[0]):
        for p in range(deviation.size):
            w = path_weights(weight, p, strides)
            z = deviations_for_delta(put_delta[leg, p], deviation[p], row[p], w, strides, puts, calls, first, step, top)
            log_strike[leg, p] = z * deviation[p]


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


@njit(cache=True, nogil=True, error_model="numpy")
def spline_line(coordinate, is_root, low, step, n_cells, first, tables, out):  # type: ignore[no-untyped-def]
    """``locate_rows`` and ``spline_rows`` of a single factor in one pass, for several tables; returns the clamped.

    Parameters
    ----------
    coordinate, is_root, low, step, n_cells, first
        As in ``locate_rows``.
    tables : tuple of ndarray of shape (n_rows,)
        Coefficients.
    out : ndarray of shape (n_tables, n_paths)
        Receives the values.
    """
    clamped = 0
    inverse = 1.0 / step
    top = n_cells - 1e-9
    for p in range(coordinate.size):
        at_p = math.sqrt(max(coordinate[p], 0.0)) if is_root else coordinate[p]
        x = (at_p - low) * inverse
        if not 0.0 <= x <= top:
            clamped += 1
            x = top if x > top else 0.0
        i = int(x)
        w0, w1, w2, w3 = cubic_weights(x - i)
        k = np.uint64(first + i)
        for n in range(len(tables)):
            flat = tables[n]
            out[n, p] = w0 * flat[k] + w1 * flat[k + _U1] + w2 * flat[k + _U2] + w3 * flat[k + _U3]
    return clamped
