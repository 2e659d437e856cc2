"""Legs of one expiry priced on many paths: staged, so that each stage is a loop of one kind.

A table slice holds the coefficients of two surfaces in (state, scaled strike): puts for strikes up to the forward and
calls beyond, each as price over (forward x deviation). A row of coefficients runs from ``first`` nodes before the
forward outwards; there is one pad row before state 0.

Strikes become columns of the table in vectors, the coefficients around a point are summed four paths at a time, and
sums become prices in vectors again. No stage asks which side a strike lies on: the side is a distance in the table.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from models.kernels.fastmath import log_positive
from models.kernels.spline import cubic_weights
from models.kernels.tap_sum import tap_sums

CHUNK = 1024
"""Paths whose scratch stays in the caches: a multiple of the four that are summed together."""

_U0, _U1 = np.uint64(0), np.uint64(1)


@njit(cache=True, nogil=True)
def padded(n_paths):  # type: ignore[no-untyped-def]
    """Length of scratch for a run of paths: up to ``CHUNK``, whole fours."""
    return 4 * ((min(n_paths, CHUNK) + 3) // 4)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def table_columns(moneyness, first, step, top, column):  # type: ignore[no-untyped-def]
    """Where strikes, in deviations from the forward, lie between the columns of the table."""
    inverse = 1.0 / step
    for p in range(moneyness.size):
        distance = abs(moneyness[p])
        y = first + log_positive(distance + math.sqrt(distance * distance + 1.0)) * inverse
        column[p] = max(y, 1.0) if y < top else top  # also where y is no number: an index must be one


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def in_deviations(over_forward, over_deviation, strike, moneyness):  # type: ignore[no-untyped-def]
    """Strikes in deviations from the forward."""
    for p in range(strike.size):
        moneyness[p] = log_positive(strike[p] * over_forward[p]) * over_deviation[p]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def table_taps(moneyness, column, row, width, to_calls, start, weight):  # type: ignore[no-untyped-def]
    """Where the coefficients around each point begin, on the side out of the money, and weights of their columns.

    ``start`` and ``weight`` (4, n) are scratch in whole fours; what is beyond the paths is made an index too, and sums
    there are of no meaning.
    """
    weight0, weight1, weight2, weight3 = weight[0], weight[1], weight[2], weight[3]
    for p in range(column.size):
        j = np.uint64(column[p])
        weight0[p], weight1[p], weight2[p], weight3[p] = cubic_weights(column[p] - float(j))
        side = _U0 if moneyness[p] <= 0.0 else to_calls
        start[p] = np.uint64(row[p]) * width + side + j - _U1
    for p in range(column.size, start.size):
        start[p] = start[0]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _prices_of_values(forward, deviation, moneyness, value, strike, call, discount, price):  # type: ignore[no-untyped-def]
    """Turn table values into present values; in the money by parity."""
    sign = 1.0 if call else -1.0
    for p in range(strike.size):
        is_inside = (moneyness[p] <= 0.0) == call
        parity = sign * (forward[p] - strike[p]) if is_inside else 0.0
        price[p] = (forward[p] * deviation[p] * max(value[p], 0.0) + parity) * discount


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def reciprocals(values, out):  # type: ignore[no-untyped-def]
    """One over each value: divisions are slow, and all legs of an expiry share these."""
    for p in range(values.size):
        out[p] = 1.0 / values[p]


@njit(cache=True, nogil=True, error_model="numpy")
def leg_scratch(n_paths):  # type: ignore[no-untyped-def]
    """Arrays that ``price_run`` works in: five numbers a path, weights of columns, and indices."""
    n = padded(n_paths)
    return np.empty((5, n)), np.empty((4, n)), np.empty(n, np.uint64)


@njit(cache=True, nogil=True, error_model="numpy")
def price_run(  # type: ignore[no-untyped-def]
    forward, deviation, row, weight, strides, surfaces, shape, low, strike, is_call, discount, price, scratch
):
    """Prices of all legs of one expiry on a run of at most ``CHUNK`` paths from ``low`` on; see ``price_legs``.

    ``strike`` and ``price`` are those of all paths, ``weight`` is as long as the scratch, which is in whole fours; all
    else is as long as the run.
    """
    numbers, columns, start = scratch
    over_forward, over_deviation, moneyness, column, value = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    n, whole = forward.size, padded(forward.size)
    n_columns, width, to_calls, first, step = shape
    top = n_columns - 2 - 1e-9
    reciprocals(forward, over_forward)
    reciprocals(deviation, over_deviation)
    for leg in range(strike.shape[0]):
        strikes, prices = strike[leg, low : low + n], price[leg, low : low + n]
        in_deviations(over_forward, over_deviation, strikes, moneyness)
        table_columns(moneyness[:n], first, step, top, column)
        table_taps(moneyness, column[:n], row, np.uint64(width), np.uint64(to_calls), start[:whole], columns)
        for p in range(0, whole, 4):
            tap_sums(surfaces, start, p, strides, weight, (columns,), (value,))
        _prices_of_values(forward, deviation, moneyness, value, strikes, is_call[leg], discount, prices)


@njit(cache=True, nogil=True, error_model="numpy")
def price_legs(  # type: ignore[no-untyped-def]
    forward, deviation, row, weight, strides, surfaces, shape, strike, is_call, discount, price
):
    """Present values of all legs of one expiry.

    Parameters
    ----------
    forward, deviation : ndarray of shape (n_paths,)
        Forward, and standard deviation of the log return (or log VIX) to expiry.
    row, weight : ndarray
        From ``locate``.
    strides : tuple of uint64
        Distance of neighbouring rows along each continuous factor, in elements; one or two.
    surfaces : ndarray of shape (n,)
        Coefficients of the two surfaces.
    shape : tuple
        How they lie there: coefficients of a side in a row, elements from row to row, elements from a put to its call,
        coefficient at the forward, and step of asinh(scaled strike).
    strike : ndarray of shape (n_legs, n_paths)
        Strikes, > 0.
    is_call : ndarray of bool, shape (n_legs,)
        Right of each leg.
    discount : float
        Present value of one.
    price : ndarray of shape (n_legs, n_paths)
        Receives the prices.
    """
    n_paths = forward.size
    scratch, some = leg_scratch(n_paths), np.empty((weight.shape[0], padded(n_paths)))
    for low in range(0, n_paths, CHUNK):
        high = min(low + CHUNK, n_paths)
        run = slice(low, high)
        some[:, : high - low] = weight[:, run]
        price_run(
            forward[run],
            deviation[run],
            row[run],
            some,
            strides,
            surfaces,
            shape,
            low,
            strike,
            is_call,
            discount,
            price,
            scratch,
        )
