"""Legs of one expiry priced on many paths: staged, so that what one path's legs share is computed once.

A table slice holds the coefficients of two surfaces in (state, scaled strike): puts for strikes up to the forward and
calls beyond, each as price over (forward x deviation). ``coefficients[side]`` has one pad row before state 0, and
``first`` nodes before the forward.
"""

from __future__ import annotations

import math

from numba import njit

from models.kernels.spline import cubic_slopes, cubic_weights


@njit(cache=True, nogil=True)
def state_rows(variance, step, n_nodes, row, weight):  # type: ignore[no-untyped-def]
    """Grid row and weights of each path's state, and how many lay beyond the grid.

    Parameters
    ----------
    variance : ndarray of shape (n_paths,)
        Annual variance; the grid runs in its root.
    step : float
        Grid step in the root of variance.
    n_nodes : int
        Number of nodes with valid neighbours.
    row : ndarray of int64, shape (n_paths,)
        Receives the first coefficient's row.
    weight : ndarray of shape (n_paths, 4)
        Receives the weights.

    Returns
    -------
    int
        Number of paths clamped to the last node.
    """
    clamped = 0
    top = n_nodes - 1 - 1e-9
    for p in range(variance.size):
        x = math.sqrt(max(variance[p], 0.0)) / step
        if x > top:
            x = top
            clamped += 1
        i = int(x)
        w0, w1, w2, w3 = cubic_weights(x - i)
        row[p] = i
        weight[p, 0] = w0
        weight[p, 1] = w1
        weight[p, 2] = w2
        weight[p, 3] = w3
    return clamped


@njit(cache=True, nogil=True, inline="always")
def scaled_price(coefficients, i, w0, w1, w2, w3, y, top):  # type: ignore[no-untyped-def]
    """Price over (forward x deviation) at table coordinate ``y``, and its derivative in ``y``."""
    y = min(max(y, 1.0), top)
    j = int(y)
    f = y - j
    u0, u1, u2, u3 = cubic_weights(f)
    d0, d1, d2, d3 = cubic_slopes(f)
    j -= 1
    a = (
        w0 * coefficients[i, j]
        + w1 * coefficients[i + 1, j]
        + w2 * coefficients[i + 2, j]
        + w3 * coefficients[i + 3, j]
    )
    j += 1
    b = (
        w0 * coefficients[i, j]
        + w1 * coefficients[i + 1, j]
        + w2 * coefficients[i + 2, j]
        + w3 * coefficients[i + 3, j]
    )
    j += 1
    c = (
        w0 * coefficients[i, j]
        + w1 * coefficients[i + 1, j]
        + w2 * coefficients[i + 2, j]
        + w3 * coefficients[i + 3, j]
    )
    j += 1
    d = (
        w0 * coefficients[i, j]
        + w1 * coefficients[i + 1, j]
        + w2 * coefficients[i + 2, j]
        + w3 * coefficients[i + 3, j]
    )
    return u0 * a + u1 * b + u2 * c + u3 * d, d0 * a + d1 * b + d2 * c + d3 * d


@njit(cache=True, nogil=True, error_model="numpy")
def price_legs(  # type: ignore[no-untyped-def]
    forward, deviation, row, weight, puts, calls, first, step, strike, is_call, price, delta
):
    """Undiscounted prices and forward deltas of all legs of one expiry.

    Parameters
    ----------
    forward, deviation : ndarray of shape (n_paths,)
        Forward, and standard deviation of the log return (or log VIX) to expiry.
    row, weight : ndarray
        From ``state_rows``.
    puts, calls : ndarray of shape (n_state, n_strike)
        Coefficients of the two surfaces.
    first : int
        Coefficient index at the forward.
    step : float
        Step of asinh(scaled strike).
    strike : ndarray of shape (n_legs, n_paths)
        Strikes, > 0.
    is_call : ndarray of bool, shape (n_legs,)
        Right of each leg.
    price, delta : ndarray of shape (n_legs, n_paths)
        Receive the results.
    """
    top = puts.shape[1] - 2 - 1e-9
    for leg in range(strike.shape[0]):
        call = is_call[leg]
        for p in range(forward.size):
            z = math.log(strike[leg, p] / forward[p]) / deviation[p]
            i = row[p]
            w0, w1, w2, w3 = weight[p, 0], weight[p, 1], weight[p, 2], weight[p, 3]
            distance = abs(z)
            y = first + math.log(distance + math.sqrt(distance * distance + 1.0)) / step
            scale = 1.0 / (step * math.sqrt(distance * distance + 1.0))
            if z <= 0.0:
                g, slope = scaled_price(puts, i, w0, w1, w2, w3, y, top)
                d = deviation[p] * g + slope * scale
                value = forward[p] * deviation[p] * g
                if call:
                    value += forward[p] - strike[leg, p]
                    d += 1.0
            else:
                g, slope = scaled_price(calls, i, w0, w1, w2, w3, y, top)
                d = deviation[p] * g - slope * scale
                value = forward[p] * deviation[p] * g
                if not call:
                    value += strike[leg, p] - forward[p]
                    d -= 1.0
            price[leg, p] = max(value, 0.0)
            delta[leg, p] = d


@njit(cache=True, nogil=True, error_model="numpy")
def log_strikes_for_delta(  # type: ignore[no-untyped-def]
    deviation, row, weight, puts, calls, first, step, put_delta, log_strike
):
    """Log-moneyness at which the put's forward delta is ``put_delta``, by bisection on the table.

    Parameters
    ----------
    deviation, row, weight, puts, calls, first, step
        As in ``price_legs``.
    put_delta : ndarray of shape (n_legs, n_paths)
        Wanted forward deltas of puts, in (-1, 0).
    log_strike : ndarray of shape (n_legs, n_paths)
        Receives ln(strike / forward).
    """
    top = puts.shape[1] - 2 - 1e-9
    reach = math.sinh((top - first) * step)
    for leg in range(put_delta.shape[0]):
        for p in range(deviation.size):
            low, high = -reach, reach
            i = row[p]
            w0, w1, w2, w3 = weight[p, 0], weight[p, 1], weight[p, 2], weight[p, 3]
            for _ in range(60):
                z = 0.5 * (low + high)
                distance = abs(z)
                y = first + math.log(distance + math.sqrt(distance * distance + 1.0)) / step
                scale = 1.0 / (step * math.sqrt(distance * distance + 1.0))
                if z <= 0.0:
                    g, slope = scaled_price(puts, i, w0, w1, w2, w3, y, top)
                    d = deviation[p] * g + slope * scale
                else:
                    g, slope = scaled_price(calls, i, w0, w1, w2, w3, y, top)
                    d = deviation[p] * g - slope * scale - 1.0
                if d > put_delta[leg, p]:
                    low = z
                else:
                    high = z
                if high - low < 1e-9:
                    break
            log_strike[leg, p] = 0.5 * (low + high) * deviation[p]


@njit(cache=True, nogil=True)
def spline_rows(row, weight, coefficients, out):  # type: ignore[no-untyped-def]
    """One-dimensional spline in the state, one value a path."""
    for p in range(row.size):
        i = row[p]
        out[p] = (
            weight[p, 0] * coefficients[i]
            + weight[p, 1] * coefficients[i + 1]
            + weight[p, 2] * coefficients[i + 2]
            + weight[p, 3] * coefficients[i + 3]
        )
