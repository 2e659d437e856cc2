r"""Smiles of SPX and VIX options a month from expiry, and the VVIX, at given states of a model.

.. math::

    \mathrm{VVIX}^2 = \frac{2}{T}\left(\int_0^F \frac{P(K)}{K^2}\,\mathrm{d}K
        + \int_F^\infty \frac{C(K)}{K^2}\,\mathrm{d}K\right)

with undiscounted options on the VIX and their future F [1]_.

References
----------
.. [1] Cboe (2012), "Double the fun with Cboe's VVIX index", white paper.
"""

from __future__ import annotations

import numpy as np

from models.black import implied_volatility
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Model, Pricer

MONTH = 21
"""Sessions to expiry."""

TTM = MONTH / SESSIONS_PER_YEAR

DELTAS = {"put10": -0.10, "put25": -0.25, "call25": 0.25, "call10": 0.10}
"""Options of the SPX smile."""

MONEYNESS = {"100": 1.0, "125": 1.25, "150": 1.5}
"""Strikes of the VIX calls, over the future of their expiry."""

_STRIP = np.linspace(-1.2, 2.4, 121)  # log-moneyness of the strip of the VVIX: six deviations and more to either side


def vvix(model: Model, pricer: Pricer, state: FloatArray) -> FloatArray:
    """VVIX [points] of states (n_factors, n), shape (n,)."""
    from scipy.integrate import simpson  # slow to import, and reading stored scores does without

    future = pricer.vix_future(state, TTM)[:, None]
    strikes = future * np.exp(_STRIP)
    prices = pricer.vix_option(state[:, :, None], strike=strikes, ttm=TTM, is_call=_STRIP > 0.0)
    # dK / K^2 = dk / K
    otm = np.exp(model.rate * TTM) * prices / strikes
    below, above = otm[:, _STRIP <= 1e-12].copy(), otm[:, _STRIP >= -1e-12].copy()
    at_future = pricer.vix_option(state, strike=future[:, 0], ttm=TTM, is_call=True) / future[:, 0]
    below[:, -1] = above[:, 0] = np.exp(model.rate * TTM) * at_future
    strip = simpson(below, x=_STRIP[_STRIP <= 1e-12], axis=1) + simpson(above, x=_STRIP[_STRIP >= -1e-12], axis=1)
    return np.asarray(100.0 * np.sqrt(2.0 / TTM * strip))


def spx_smile(model: Model, pricer: Pricer, state: FloatArray) -> dict[str, FloatArray]:
    """Implied volatility [%] at the money forward (``atm``) and at ``DELTAS``, each of shape (n,)."""
    spot = 1000.0
    forward = spot * np.exp((model.rate - model.dividend_yield) * TTM)
    smile = {"atm": _spx_volatility(model, pricer, state, np.full(state.shape[1], forward), is_call=True)}
    for name, delta in DELTAS.items():
        strike = pricer.strike_for_delta(spot, state, delta=delta, ttm=TTM)
        smile[name] = _spx_volatility(model, pricer, state, strike, is_call=delta > 0.0)
    return smile


def vix_smile(model: Model, pricer: Pricer, state: FloatArray) -> dict[str, FloatArray]:
    """Black volatility [-] of VIX calls at ``MONEYNESS`` times the future, each of shape (n,)."""
    future = pricer.vix_future(state, TTM)
    growth = np.exp(model.rate * TTM)
    smile = {}
    for name, ratio in MONEYNESS.items():
        price = growth * pricer.vix_option(state, strike=ratio * future, ttm=TTM, is_call=True)
        smile[name] = implied_volatility(price, future, ratio * future, TTM, is_call=True)
    return smile


def _spx_volatility(
    model: Model, pricer: Pricer, state: FloatArray, strike: FloatArray, *, is_call: bool
) -> FloatArray:
    spot = 1000.0
    forward = spot * np.exp((model.rate - model.dividend_yield) * TTM)
    price = pricer.spx_option(spot, state, strike=strike, ttm=TTM, is_call=is_call).price
    undiscounted = price * np.exp(model.rate * TTM)
    return np.asarray(100.0 * implied_volatility(undiscounted, forward, strike, TTM, is_call=is_call))
