"""Legs of one expiry priced on many paths: staged, so that what one path's legs share is computed once.

A table slice holds the coefficients of two surfaces in (state, scaled strike): puts for strikes up to the forward and
calls beyond, each as price over (forward x deviation). ``coefficients[side]`` has one pad row before state 0, and
``first`` nodes before the forward.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from models.kernels.fastmath import log_positive
from models.kernels.inverse_normal import inverse_normal
from models.kernels.spline import cubic_slopes, cubic_weights
from models.kernels.state_rows import path_weights
from models.kernels.tap_sum import tap_sum

_ROOT_1_2PI = 0.3989422804014327
_U1 = np.uint64(1)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def table_coordinates(  # type: ignore[no-untyped-def]
    over_forward, over_deviation, strike, first, step, top, moneyness, column
):
    """Strikes in deviations from the forward, and where they lie between the columns of the table; one leg."""
    inverse = 1.0 / step
    for p in range(over_forward.size):
        z = log_positive(strike[p] * over_forward[p]) * over_deviation[p]
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
    top = puts.shape[1] - 2 - 1e-9
    moneyness, column = np.empty(forward.size), np.empty(forward.size)
    over_forward, over_deviation = 1.0 / forward, 1.0 / deviation  # once for all legs: divisions are slow
    for leg in range(strike.shape[0]):
        table_coordinates(over_forward, over_deviation, strike[leg], first, step, top, moneyness, column)
        _table_values(moneyness, column, row, weight, strides, puts, calls, price[leg])
        _prices_of_values(forward, deviation, moneyness, strike[leg], is_call[leg], price[leg])


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _table_values(moneyness, column, row, weight, strides, puts, calls, value):  # type: ignore[no-untyped-def]
    """The surface that is out of the money, at each path's row and column."""
    width = np.uint64(puts.shape[1])
    flat_puts, flat_calls = puts.ravel(), calls.ravel()
    for p in range(row.size):
        j = np.uint64(column[p])
        columns = (cubic_weights(column[p] - float(j)),)
        k = np.uint64(row[p]) * width + j - _U1
        rows = path_weights(weight, p, strides)
        if moneyness[p] <= 0.0:
            (value[p],) = tap_sum(flat_puts, k, strides, rows, columns)
        else:
            (value[p],) = tap_sum(flat_calls, k, strides, rows, columns)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _prices_of_values(forward, deviation, moneyness, strike, call, price):  # type: ignore[no-untyped-def]
    """Turn table values into prices in place; in the money by parity."""
    sign = 1.0 if call else -1.0
    for p in range(forward.size):
        is_inside = (moneyness[p] <= 0.0) == call
        parity = sign * (forward[p] - strike[p]) if is_inside else 0.0
        price[p] = forward[p] * deviation[p] * max(price[p], 0.0) + parity


@njit(cache=True, nogil=True, error_model="numpy")
def put_delta_at(z, deviation, i, w, strides, puts, calls, first, step, top):  # type: ignore[no-untyped-def]
    """Forward delta of the put struck ``z`` deviations from the forward."""
    distance = abs(z)
    root = math.sqrt(distance * distance + 1.0)
    y = min(max(first + math.log(distance + root) / step, 1.0), top)
    scale = 1.0 / (step * root)
    j = np.uint64(y)
    columns = cubic_weights(y - float(j)), cubic_slopes(y - float(j))
    k = np.uint64(i) * np.uint64(puts.shape[1]) + j - _U1
    if z <= 0.0:
        value, change = tap_sum(puts.ravel(), k, strides, w, columns)
        return deviation * value + change * scale
    value, change = tap_sum(calls.ravel(), k, strides, w, columns)
    return deviation * value - change * scale - 1.0


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
