"""Prices from one session on, with scheduled events ahead, from the prices of a base model without any.

SPX options are exact mixtures: the total jump to expiry is normal with variance ``v``, and the price is the base price
averaged over the spot times ``exp(J)``, by Gauss-Hermite nodes whose factors have mean one.

VIX contracts are on ``sqrt(V^2 + c)`` with the base model's VIX ``V`` and ``c`` known for each settlement. With
``f(x) = sqrt(x^2 + c)``, ``f'' = c / f^3`` and ``k = sqrt(K^2 - c)``, static replication [1]_ in base options gives ::

    future: f(F) + integral of f''(x) (out-of-the-money option struck at x)
    call:   (k / K) C(k) + integral from k to infinity of f''(x) C(x)
    put:    (k / K) P(k) - integral from 0 to k of f''(x) P(x)

with Gauss-Legendre nodes in log-strike over a few deviations of log V, taken from the base model's at-the-money call.

References
----------
.. [1] P. Carr, D. Madan (1998), "Towards a theory of volatility trading", in R. Jarrow (ed.), Volatility, eq. (2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from models.black import black_vega, implied_volatility
from models.errors import PricingDomainError
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.rows import SessionPricer

BoolArray = NDArray[np.bool_]

CALM_DEVIATION = 0.005
"""Deviation of a session's return at a VIX of 8 [log return]: what smooths a payoff around a jump, at the least."""

JUMP_NODES = ((0.35, 3), (0.7, 5), (1.0, 7), (np.inf, 9))
"""Gauss-Hermite nodes of the total jump by its deviation over the calm deviation of the option's life."""

STRIKE_NODES = 6
"""Gauss-Legendre nodes of a replication integral, on each side of the future."""

REACH = 5.0
"""Deviations of log VIX over which a replication integral runs."""

DELTA_BUMP = 0.02
"""Change of log-strike behind a delta, over the deviation of the option's life."""

DELTA_STEPS = 3
"""Secant steps of ``strike_for_delta``; the start is right to second order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventsAhead:
    """Event variance as it is known on one session; entry ``n`` is for the session ``n`` ahead, entry 0 for today.

    Parameters
    ----------
    to_close : ndarray of shape (n_ahead,)
        Q variance of the log jumps from today's close to the close of each session.
    to_open : ndarray of shape (n_ahead,)
        To its opening.
    vix_square : ndarray of shape (n_ahead,)
        What events add to the squared VIX [points^2] at today's close (entry 0) and at each later opening.
    """

    to_close: FloatArray
    to_open: FloatArray
    vix_square: FloatArray


@final
class EventPricer:
    """Prices of one session with events ahead; see the module.

    Parameters
    ----------
    base : SessionPricer
        Prices without events.
    ahead : EventsAhead
        The events.
    rate, dividend_yield : float
        Of the model [1/year, continuous].
    """

    def __init__(self, base: SessionPricer, ahead: EventsAhead, *, rate: float, dividend_yield: float) -> None:
        self.base, self.ahead, self.rate, self.dividend_yield = base, ahead, rate, dividend_yield

    def vix(self, state: FloatArray) -> FloatArray:
        """VIX at today's close [points]."""
        return np.asarray(np.sqrt(np.square(self.base.vix(state)) + self.ahead.vix_square[0]))

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """PM-settled SPX options [points], shape (n_legs, n_paths)."""
        total = np.zeros(strike.shape)
        for factor, weight in _jump_nodes(float(self.ahead.to_close[sessions]), sessions):
            total += weight * self.base.price_spx_legs(spot * factor, state, strike, sessions, is_call)
        return total

    def price_spx_open_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """AM-settled SPX options [points], shape (n_legs, n_paths)."""
        total = np.zeros(strike.shape)
        for factor, weight in _jump_nodes(float(self.ahead.to_open[sessions]), sessions):
            total += weight * self.base.price_spx_open_legs(spot * factor, state, strike, sessions, is_call)
        return total

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: float, is_call: ArrayLike
    ) -> OptionValue:
        """PM-settled SPX options with sensitivities; ``theta`` includes the variance of an event that passes."""
        sessions = _sessions(ttm)
        s, k, call = np.asarray(spot, float), np.asarray(strike, float), np.asarray(is_call, np.bool_)
        price, delta, later = (np.zeros(np.broadcast_shapes(s.shape, k.shape, call.shape)) for _ in range(3))
        for factor, weight in _jump_nodes(float(self.ahead.to_close[sessions]), sessions):
            value = self.base.spx_option(s * factor, state, strike=k, ttm=ttm, is_call=call)
            price += weight * value.price
            delta += weight * factor * value.delta
        # a session on, what jumps in it has happened: the variance left is that of the events after it
        left = float(self.ahead.to_close[sessions] - self.ahead.to_close[1])
        for factor, weight in _jump_nodes(left, sessions):
            value = self.base.spx_option(s * factor, state, strike=k, ttm=ttm, is_call=call)
            later += weight * (value.price + value.theta)
        discount = np.exp(-self.rate * ttm)
        forward = s * np.exp((self.rate - self.dividend_yield) * ttm)
        volatility = implied_volatility(price / discount, forward, k, ttm, is_call=call)
        vega = np.asarray(0.01 * discount * black_vega(forward, k, ttm, volatility))
        return OptionValue(price=price, delta=delta, vega=vega, theta=later - price)

    def strike_for_delta(self, spot: FloatArray, state: FloatArray, *, delta: FloatArray, ttm: float) -> FloatArray:
        """Strikes (n_legs, n_paths) of the deltas (n_legs, 1): in (0, 1) for calls, in (-1, 0) for puts."""
        base, sessions = self.base.strike_for_delta(spot, state, delta=delta, ttm=ttm), _sessions(ttm)
        variance = float(self.ahead.to_close[sessions])
        if variance == 0.0:
            return base
        wanted = np.broadcast_to(np.asarray(delta, float), base.shape)
        forward = np.asarray(spot, float) * np.exp((self.rate - self.dividend_yield) * ttm)
        carry = np.exp(-self.dividend_yield * ttm)
        d1 = ndtri(np.where(wanted > 0.0, wanted, wanted + carry) / carry)
        # log(K / F) = d^2 / 2 - d1 d in Black's world: the base strike tells its deviation d, events add theirs
        moneyness = np.log(base / forward)
        root = np.sqrt(np.maximum(np.square(d1) + 2.0 * moneyness, 0.0))
        deviation = np.where(d1 > 0.0, d1 - root, d1 + root)
        wider = np.sqrt(np.square(deviation) + variance)
        slope = np.minimum(-wider, -1e-6)  # of log K in d1
        log_strike = 0.5 * np.square(wider) - d1 * wider
        before, reached_before = log_strike, np.full(log_strike.shape, np.nan)
        for _ in range(DELTA_STEPS):
            strike = forward * np.exp(log_strike)
            value = self._delta(spot, state, strike, sessions, wanted[:, 0] > 0.0, DELTA_BUMP * wider)
            reached = ndtri(np.clip(np.where(wanted > 0.0, value, value + carry) / carry, 1e-12, 1.0 - 1e-12))
            change = reached - reached_before
            with np.errstate(divide="ignore", invalid="ignore"):
                secant = (log_strike - before) / change
            is_sound = (np.abs(change) > 1e-9) & (secant < -0.3 * wider) & (secant > -3.0 * wider)
            slope = np.where(is_sound, secant, slope)  # the first step keeps Black's slope
            before, reached_before = log_strike, reached
            log_strike = log_strike + slope * (d1 - reached)
        return np.asarray(forward * np.exp(log_strike))

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points], shape (n_paths,)."""
        future, c = self.base.vix_future_rows(state, sessions), float(self.ahead.vix_square[sessions])
        if c == 0.0 or sessions == 0:
            return np.asarray(np.sqrt(np.square(future) + c)) if c > 0.0 else future
        reach = REACH * self._deviation(state, future, sessions)
        total = np.sqrt(np.square(future) + c)
        for sign in (1.0, -1.0):
            strike, weight = _log_nodes(future, sign * reach)
            right = np.full(STRIKE_NODES, sign > 0.0)
            options = self.base.price_vix_legs(state, strike, sessions, right) / self._discount(sessions)
            total += np.sum(weight * _curvature(strike, c) * options, axis=0)
        return np.asarray(total)

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """VIX options [points], shape (n_legs, n_paths): out of the money by replication, in the money by parity."""
        c = float(self.ahead.vix_square[sessions])
        if c == 0.0:
            return self.base.price_vix_legs(state, strike, sessions, is_call)
        future = self.base.vix_future_rows(state, sessions)
        forward = self.vix_future_rows(state, sessions)
        reach = REACH * self._deviation(state, future, sessions)
        price = np.empty(strike.shape)
        for i, call in enumerate(is_call):
            has_call = strike[i] >= forward  # where a call is out of the money
            for right in (True, False):
                paths = np.flatnonzero(has_call == right)
                if paths.size == 0:
                    continue
                part = np.ascontiguousarray(state[:, paths])
                value = self._replicated(part, strike[i, paths], sessions, right, c, reach[paths])
                if right != call:
                    sign = 1.0 if call else -1.0
                    value = value + sign * self._discount(sessions) * (forward[paths] - strike[i, paths])
                price[i, paths] = value
        return price

    def _replicated(
        self, state: FloatArray, strike: FloatArray, sessions: int, call: bool, c: float, reach: FloatArray
    ) -> FloatArray:
        """Out-of-the-money options by the formulas of the module; puts under the least VIX are worth nothing."""
        k = np.sqrt(np.maximum(np.square(strike) - c, _LEAST**2))
        sign = 1.0 if call else -1.0
        nodes, weight = _log_nodes(k, sign * reach)
        rights = np.full(STRIKE_NODES + 1, call)
        options = self.base.price_vix_legs(state, np.concatenate([k[None], nodes]), sessions, rights)
        bend = np.sum(weight * _curvature(nodes, c) * options[1:], axis=0)
        value = np.maximum(k / strike * options[0] + sign * bend, 0.0)
        return np.where(np.square(strike) > c, value, 0.0)

    def _delta(
        self,
        spot: FloatArray,
        state: FloatArray,
        strike: FloatArray,
        sessions: int,
        is_call: BoolArray,
        bump: FloatArray,
    ) -> FloatArray:
        """Deltas from prices alone, which are homogeneous in spot and strike: S delta = C - K dC/dK."""
        strikes = np.concatenate([strike, strike * np.exp(bump), strike * np.exp(-bump)])
        price, above, below = np.split(self.price_spx_legs(spot, state, strikes, sessions, np.tile(is_call, 3)), 3)
        return np.asarray((price - (above - below) / (2.0 * np.sinh(bump))) / spot)

    def _discount(self, sessions: int) -> float:
        return float(np.exp(-self.rate * sessions / SESSIONS_PER_YEAR))

    def _deviation(self, state: FloatArray, future: FloatArray, sessions: int) -> FloatArray:
        """Deviation of log VIX at settlement, from the base model's at-the-money call: C / F = 2 N(d / 2) - 1."""
        call = self.base.price_vix_legs(state, future[None], sessions, np.array([True]))[0]
        share = np.clip(call / (self._discount(sessions) * future), 1e-6, 0.9)
        return np.asarray(2.0 * ndtri(0.5 * (1.0 + share)))


_LEAST = 1e-2
_HERMITE = {count: np.polynomial.hermite_e.hermegauss(count) for _, count in JUMP_NODES}
_LEGENDRE = np.polynomial.legendre.leggauss(STRIKE_NODES)


def _jump_nodes(variance: float, sessions: int) -> list[tuple[float, float]]:
    """Factors of the spot, whose mean is one, and their weights."""
    if variance <= 0.0:
        return [(1.0, 1.0)]
    size = np.sqrt(variance / sessions) / CALM_DEVIATION
    points, weights = _HERMITE[next(count for limit, count in JUMP_NODES if size <= limit)]
    weights = weights / weights.sum()
    factors = np.exp(np.sqrt(variance) * points)
    factors /= np.sum(weights * factors)
    return [(float(factor), float(weight)) for factor, weight in zip(factors, weights, strict=True)]


def _log_nodes(start: FloatArray, width: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Strikes between ``start`` and ``start * exp(width)`` and weights of an integral over the strike, (n, n_paths)."""
    points, weights = _LEGENDRE
    strike = start * np.exp(np.outer(0.5 * (points + 1.0), width))
    return strike, 0.5 * np.abs(np.outer(weights, width)) * strike


def _curvature(x: FloatArray, c: float) -> FloatArray:
    """Second derivative of ``sqrt(x^2 + c)``."""
    return np.asarray(c / (np.square(x) + c) ** 1.5)


def _sessions(ttm: float) -> int:
    sessions = round(float(ttm) * SESSIONS_PER_YEAR)
    if abs(sessions - float(ttm) * SESSIONS_PER_YEAR) > 1e-6 or sessions < 1:
        raise PricingDomainError(f"ttm must be a whole number of sessions / {SESSIONS_PER_YEAR}, >= 1, got {ttm!r}")
    return sessions
