"""Black's formula on a forward: price, implied volatility, vega.

All functions broadcast; prices are undiscounted.

References
----------
.. [1] F. Black (1976), "The pricing of commodity contracts", Journal of Financial Economics 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr

from models.errors import PricingDomainError
from models.protocols import FloatArray

_MAX_ITERATIONS = 100

_LAST_STEP = 1e-8
"""Relative step after which Newton's error, its square, is below rounding."""


def black_price(
    forward: ArrayLike, strike: ArrayLike, ttm: ArrayLike, volatility: ArrayLike, *, is_call: ArrayLike
) -> FloatArray:
    """Undiscounted option price.

    Parameters
    ----------
    forward, strike : array_like
        > 0. [index points]
    ttm : array_like
        >= 0. [years]
    volatility : array_like
        >= 0. [annual, decimal]
    is_call : array_like of bool
        Call or put.

    Returns
    -------
    ndarray
        Of the broadcast shape. [index points]
    """
    forward, strike = np.asarray(forward, float), np.asarray(strike, float)
    deviation = np.asarray(volatility, float) * np.sqrt(np.asarray(ttm, float))
    sign = np.where(is_call, 1.0, -1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(forward / strike) / deviation + 0.5 * deviation
    value = sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation)))
    intrinsic = np.maximum(sign * (forward - strike), 0.0)
    return np.asarray(np.where(deviation > 0.0, np.maximum(value, intrinsic), intrinsic))


def black_vega(forward: ArrayLike, strike: ArrayLike, ttm: ArrayLike, volatility: ArrayLike) -> FloatArray:
    """Change of the undiscounted price per unit of volatility; 0 where no time or no volatility is left."""
    forward, strike = np.asarray(forward, float), np.asarray(strike, float)
    root = np.sqrt(np.asarray(ttm, float))
    deviation = np.asarray(volatility, float) * root
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(forward / strike) / deviation + 0.5 * deviation
    density = np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.where(deviation > 0.0, forward * root * density, 0.0))


def implied_volatility(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, ttm: ArrayLike, *, is_call: ArrayLike
) -> FloatArray:
    """Volatility at which Black's formula gives ``price``.

    Works on the out-of-the-money side by parity, with safeguarded Newton steps on the logarithm of the price, which
    is nearly linear in ``1 / volatility**2`` far from the money, so that wings of 1e-12 converge too.

    Parameters
    ----------
    price : array_like
        Undiscounted. [index points]
    forward, strike, ttm, is_call : array_like
        As in ``black_price``; ``ttm > 0``.

    Returns
    -------
    ndarray
        Volatility [annual, decimal]; 0 where the price is the intrinsic value.

    Raises
    ------
    PricingDomainError
        If a price lies below intrinsic value or above its upper bound; the message gives the first one.
    """
    price, forward, strike, ttm, call = np.broadcast_arrays(
        np.asarray(price, float), np.asarray(forward, float), np.asarray(strike, float), np.asarray(ttm, float), is_call
    )
    sign = np.where(call, 1.0, -1.0)
    intrinsic = np.maximum(sign * (forward - strike), 0.0)
    tolerance = 1e-12 * forward
    bound = np.where(call, forward, strike)
    bad = ~((price >= intrinsic - tolerance) & (price < bound))
    if bad.any():
        first = np.argwhere(bad)[0]
        where = tuple(first)
        raise PricingDomainError(
            f"an option price must lie between {intrinsic[where]:g} and {bound[where]:g}, got {float(price[where])!r}"
        )
    k = np.abs(np.log(strike / forward))
    otm = np.maximum(price - intrinsic, 0.0) / np.minimum(forward, strike)
    deviation = _deviation(otm, k)
    return np.asarray(np.where(otm > 0.0, deviation / np.sqrt(ttm), 0.0))


def _log_otm(k: FloatArray, deviation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log of the OTM price over min(forward, strike), and its derivative in the total deviation."""
    d1 = -k / deviation + 0.5 * deviation
    d2 = d1 - deviation
    log_first, log_second = log_ndtr(d1), k + log_ndtr(d2)
    log_price = log_first + np.log(-np.expm1(np.minimum(log_second - log_first, -1e-300)))
    slope = np.exp(-0.5 * d1 * d1 - log_price) / np.sqrt(2.0 * np.pi)
    return log_price, slope


def _deviation(otm: FloatArray, k: FloatArray) -> FloatArray:
    """Total deviation s (volatility times root of time) by bracketed Newton.

    The log of the price is concave in log s and convex in 1 / s^2: steps to the right are taken in the one, steps to
    the left in the other, so that neither passes the root. An element rests after its first step below ``_LAST_STEP``,
    so that its result does not depend on its neighbours.
    """
    done = ~(otm > 0.0)
    target = np.log(np.where(done, 0.5, otm))
    low = np.full(otm.shape, 1e-8)
    high = np.full(otm.shape, 60.0)
    guess = np.clip(np.sqrt(2.0 * k) + 1e-3, 1e-4, 10.0)
    for _ in range(_MAX_ITERATIONS):
        if bool(done.all()):
            break
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            value, slope = _log_otm(k, guess)
            value = np.where(np.isfinite(value), value, -np.inf)
            is_high = value > target
            distance = (target - value) / (slope * guess)
            step = guess * np.where(is_high, 1.0 / np.sqrt(1.0 - 2.0 * distance), np.exp(distance))
        high = np.where(is_high, guess, high)
        low = np.where(is_high, low, guess)
        is_last = np.abs(distance) <= _LAST_STEP
        inside = is_last | (np.isfinite(step) & (step > low) & (step < high))
        guess = np.where(done, guess, np.where(inside, step, np.sqrt(low * high)))
        done = done | is_last
    return guess
