r"""Deltas of options from the tables of ``models.kernels.leg``, and strikes of given deltas.

With the table value :math:`V(y)`, :math:`y` uniform in :math:`\operatorname{asinh}|z|` and :math:`s = dy/d|z|`, the put
struck :math:`z` deviations :math:`D` from the forward has the forward delta :math:`D V + V' s` up to the forward and
:math:`D V - V' s - 1` beyond. A strike is found by Newton's method on all paths of a run side by side, from where a
normal law would have it; each path stops by itself, so that no strike depends on the paths beside it. Steps are those
of the logarithm of the smaller of the deltas of put and call, which is nearly a line far out; those that still move
after some are put together and go on, and what is left then is left to secants inside a bracket, one by one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from models.kernels.fastmath import log_positive
from models.kernels.inverse_normal import inverse_normal
from models.kernels.leg import CHUNK, padded, table_columns, table_taps
from models.kernels.spline import cubic_bends, cubic_slopes, cubic_weights
from models.kernels.state_rows import path_weights
from models.kernels.tap_sum import tap_sum, tap_sums

NEWTON_STEPS, FURTHER_STEPS = 4, 20
"""Steps on all paths of a run, and on those that still move then."""

_ROOT_1_2PI = 0.3989422804014327
_U1 = np.uint64(1)
_SETTLED = 1e-7
"""Last step, in deviations: what it leaves is far smaller than itself."""

_LEAST_SHARE = 1e-3
"""Of the wanted delta: with less the bracket is halved, as tables hold no logarithms of what is next to nothing."""

_NARROW = 1e-9
"""Width of a bracket, in deviations, that holds one strike."""


@njit(cache=True, nogil=True, error_model="numpy")
def put_delta_at(z, deviation, i, w, strides, surfaces, shape):  # type: ignore[no-untyped-def]
    """Forward delta of the put struck ``z`` deviations from the forward."""
    n_columns, width, to_calls, first, step = shape
    distance = abs(z)
    root = math.sqrt(distance * distance + 1.0)
    y = min(max(first + math.log(distance + root) / step, 1.0), n_columns - 2 - 1e-9)
    scale = 1.0 / (step * root)
    j = np.uint64(y)
    columns = cubic_weights(y - float(j)), cubic_slopes(y - float(j))
    k = np.uint64(i) * np.uint64(width) + j - _U1
    if z <= 0.0:
        value, change = tap_sum(surfaces, k, strides, w, columns)
        return deviation * value + change * scale
    value, change = tap_sum(surfaces, k + np.uint64(to_calls), strides, w, columns)
    return deviation * value - change * scale - 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def put_deltas(forward, deviation, row, weight, strides, surfaces, shape, strike, delta):  # type: ignore[no-untyped-def]
    """Forward deltas of the puts at the strikes of one leg; arguments as in ``price_legs``, arrays (n_paths,)."""
    for p in range(forward.size):
        z = math.log(strike[p] / forward[p]) / deviation[p]
        w = path_weights(weight, p, strides)
        delta[p] = put_delta_at(z, deviation[p], row[p], w, strides, surfaces, shape)


@njit(cache=True, nogil=True, error_model="numpy")
def deviations_for_delta(wanted, deviation, i, w, strides, surfaces, shape):  # type: ignore[no-untyped-def]
    """Strike, in deviations from the forward, at which the put's forward delta is ``wanted``.

    From where a normal law would have it by secants, kept inside a bracket that every miss narrows; where a secant
    leaves the bracket, or four in a row have not narrowed it to half, it is halved.
    """
    n_columns, _, _, first, step = shape
    reach = math.sinh((n_columns - 2 - 1e-9 - first) * step)
    low, high = -reach, reach
    quantile = inverse_normal(1.0 + wanted)
    z = min(max(0.5 * deviation - quantile, low), high)
    miss = put_delta_at(z, deviation, i, w, strides, surfaces, shape) - wanted
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
        if abs(z_next - z) < _SETTLED:
            return z_next
        miss_next = put_delta_at(z_next, deviation, i, w, strides, surfaces, shape) - wanted
        if miss_next != miss:
            slope = (miss_next - miss) / (z_next - z)
        z, miss = z_next, miss_next
    return z


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def column_slopes(column, slope, bend):  # type: ignore[no-untyped-def]
    """First and second derivatives of the weights of ``table_taps``, each (4, n), at columns (n,)."""
    slope0, slope1, slope2, slope3 = slope[0], slope[1], slope[2], slope[3]
    bend0, bend1, bend2, bend3 = bend[0], bend[1], bend[2], bend[3]
    for p in range(column.size):
        fraction = column[p] - float(np.uint64(column[p]))
        slope0[p], slope1[p], slope2[p], slope3[p] = cubic_slopes(fraction)
        bend0[p], bend1[p], bend2[p], bend3[p] = cubic_bends(fraction)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def newton_step(z, low, high, is_open, deviation, value, change, bend, step, wanted):  # type: ignore[no-untyped-def]
    """Move every open path by one step of Newton's method, halving the bracket where it would leave it.

    Parameters
    ----------
    z, low, high : ndarray of shape (n_paths,)
        Strikes and brackets in deviations, in place.
    is_open : ndarray of shape (n_paths,)
        1 where the strike still moves, else 0; in place.
    deviation, value, change, bend : ndarray of shape (n_paths,)
        Deviations, and table values with their two derivatives in columns.
    step : float
        Of the columns.
    wanted : float
        Forward delta of the put.

    Returns
    -------
    int
        Number of paths that still move.
    """
    n_open, is_put, over_step = 0, wanted > -0.5, 1.0 / step
    start, sign = (0.0, -1.0) if is_put else (1.0, 1.0)
    over_tail = 1.0 / (start + sign * wanted)
    for p in range(deviation.size):
        distance = abs(z[p])
        over_square = 1.0 / (distance * distance + 1.0)
        scale = math.sqrt(over_square) * over_step
        side, before = (1.0, 0.0) if z[p] <= 0.0 else (-1.0, 1.0)
        delta = deviation[p] * value[p] + side * change[p] * scale - before
        slope = -scale * (side * deviation[p] * change[p] + bend[p] * scale - change[p] * distance * over_square)
        above = z[p] if delta > wanted else low[p]
        below = high[p] if delta > wanted else z[p]
        share = max((start + sign * delta) * over_tail, _LEAST_SHARE)
        newton = z[p] - log_positive(share) * share / (sign * over_tail * slope)
        is_sound = (share > _LEAST_SHARE) & (newton >= above) & (newton <= below)
        moved = newton if is_sound else 0.5 * (above + below)
        settles = (is_sound & (abs(newton - z[p]) < _SETTLED)) | (below - above < _NARROW)
        was_open = is_open[p] > 0.0
        low[p], high[p] = above, below
        z[p] = moved if was_open else z[p]
        moves_on = was_open & (not settles)
        is_open[p] = 1.0 if moves_on else 0.0
        n_open += moves_on
    return n_open


@njit(cache=True, nogil=True, error_model="numpy")
def search_scratch(n_paths, n_weights):  # type: ignore[no-untyped-def]
    """Arrays that ``search_run`` works in: paths of a run, those of them that still move, and what steps need."""
    n = padded(n_paths)
    paths = np.empty((5, n)), np.empty(n, np.int64), np.empty((n_weights, n)), np.empty(n, np.int64)
    return paths, (np.empty((4, n)), np.empty((4, n)), np.empty((4, n)), np.empty((4, n)), np.empty(n, np.uint64))


@njit(cache=True, nogil=True, error_model="numpy")
def newton_steps(numbers, row, weight, strides, surfaces, shape, n, wanted, most, scratch):  # type: ignore[no-untyped-def]
    """Take steps until none of the first ``n`` paths moves, ``most`` at most.

    ``numbers`` holds strikes, lower and upper ends of brackets, who is open, and deviations. Returns how many are open.
    """
    found, columns, slopes, bends, start = scratch
    z, low, high, is_open, deviation = numbers[0, :n], numbers[1, :n], numbers[2, :n], numbers[3, :n], numbers[4, :n]
    column, value, change, bend = found[0, :n], found[1], found[2], found[3]
    n_columns, width, to_calls, first, step = shape
    whole, n_open = padded(n), n
    for _ in range(most):
        table_columns(z, first, step, n_columns - 2 - 1e-9, column)
        table_taps(z, column, row, np.uint64(width), np.uint64(to_calls), start[:whole], columns)
        column_slopes(column, slopes, bends)
        for p in range(0, whole, 4):
            tap_sums(surfaces, start, p, strides, weight, (columns, slopes, bends), (value, change, bend))
        n_open = newton_step(z, low, high, is_open, deviation, value, change, bend, step, wanted)
        if n_open == 0:
            break
    return n_open


@njit(cache=True, nogil=True, error_model="numpy")
def _pack_open(numbers, row, weight, n, few, few_row, few_weight, index):  # type: ignore[no-untyped-def]
    """Put the open paths next to one another; returns how many they are."""
    m = 0
    for p in range(n):
        if numbers[3, p] > 0.0:
            index[m], few_row[m] = p, row[p]
            few[:, m] = numbers[:, p]
            few_weight[:, m] = weight[:, p]
            m += 1
    return m


@njit(cache=True, nogil=True, error_model="numpy")
def search_run(  # type: ignore[no-untyped-def]
    numbers, row, weight, strides, surfaces, shape, low_path, n, put_delta, log_strike, scratch
):
    """Log-moneyness of given forward deltas of puts on a run of ``n`` paths; see ``log_strikes_for_delta``.

    ``numbers`` (5, n) holds deviations in its last row, the others are scratch; further arguments as in
    ``models.kernels.leg.price_run``.
    """
    (few, few_row, few_weight, index), steps = scratch
    n_columns, _, _, first, step = shape
    reach = math.sinh((n_columns - 2 - 1e-9 - first) * step)
    z, low, high, is_open, deviation = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    for leg in range(put_delta.size):
        wanted = put_delta[leg]
        quantile = inverse_normal(1.0 + wanted)
        low[:n], high[:n], is_open[:n] = -reach, reach, 1.0
        for p in range(n):
            z[p] = min(max(0.5 * deviation[p] - quantile, -reach), reach)
        if newton_steps(numbers, row, weight, strides, surfaces, shape, n, wanted, np.int64(NEWTON_STEPS), steps) > 0:
            m = _pack_open(numbers, row, weight, n, few, few_row, few_weight, index)
            newton_steps(few, few_row, few_weight, strides, surfaces, shape, m, wanted, np.int64(FURTHER_STEPS), steps)
            for q in range(m):
                if few[3, q] > 0.0:
                    w = path_weights(few_weight, q, strides)
                    few[0, q] = deviations_for_delta(wanted, few[4, q], few_row[q], w, strides, surfaces, shape)
                z[index[q]] = few[0, q]
        for p in range(n):
            log_strike[leg, low_path + p] = z[p] * deviation[p]


@njit(cache=True, nogil=True, error_model="numpy")
def log_strikes_for_delta(deviation, row, weight, strides, surfaces, shape, put_delta, log_strike):  # type: ignore[no-untyped-def]
    """Log-moneyness at which the put's forward delta is ``put_delta``.

    Parameters
    ----------
    deviation, row, weight, strides, surfaces, shape
        As in ``models.kernels.leg.price_legs``.
    put_delta : ndarray of shape (n_legs,)
        Wanted forward deltas of puts, in (-1, 0).
    log_strike : ndarray of shape (n_legs, n_paths)
        Receives ln(strike / forward).
    """
    n_paths = deviation.size
    scratch, some = search_scratch(n_paths, weight.shape[0]), np.empty((weight.shape[0], padded(n_paths)))
    numbers = np.empty((5, padded(n_paths)))
    for low in range(0, n_paths, CHUNK):
        n = min(CHUNK, n_paths - low)
        some[:, :n], numbers[4, :n] = weight[:, low : low + n], deviation[low : low + n]
        search_run(numbers, row[low : low + n], some, strides, surfaces, shape, low, n, put_delta, log_strike, scratch)
