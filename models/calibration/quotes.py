"""Quoted volatilities and mean futures curves that pin the jumps under Q; none is later than 2018.

SPX: Cboe option quotes of 2015-12-23, with the VIX at 15.6; strikes from the quoted deltas by Black's formula. VIX
calls: mean Black volatilities on the future of the same expiry, by VIX level. Curve: mean CFE settlements 2006-2018
relative to the front future, by VIX level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from models.affine_pricer import AffinePricer
from models.black import implied_volatility
from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.svcj import Svcj

SMILE_VIX = 15.6
# sessions to expiry, delta of the option (negative for puts, 0.5 for at the money), volatility
SMILE = (
    (16, 0.5, 0.136),
    (16, -0.10, 0.190),
    (16, 0.10, 0.107),
    (40, 0.5, 0.148),
    (40, -0.10, 0.233),
    (40, 0.25, 0.122),
    (40, 0.10, 0.106),
    (59, 0.5, 0.158),
    (59, -0.10, 0.265),
    (59, 0.25, 0.128),
    (59, 0.10, 0.111),
)
VIX_CALL_SESSIONS = 21
VIX_CALL_MONEYNESS = (0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
VIX_CALLS = {13.0: (0.64, 0.75, 0.87, 1.03, 1.23, 1.53), 17.5: (0.77, 0.89, 1.00, 1.18, 1.38, 1.66)}
CURVE_SESSIONS = (15, 36, 78, 141)  # mean life of VX1, VX2, VX4, VX7
CURVE = {13.0: (0.089, 0.19, 0.29), 17.5: (0.067, 0.14, 0.20), 25.0: (0.037, 0.057, 0.063)}
SMILE_SCALE, VIX_CALL_SCALE, CURVE_SCALE = 0.01, 0.10, 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteErrors:
    """Model minus market.

    Parameters
    ----------
    smile : ndarray
        SPX volatilities [decimal].
    vix_calls : ndarray
        Volatilities of VIX calls [decimal].
    curve : ndarray
        Futures relative to the front one [decimal].
    """

    smile: FloatArray
    vix_calls: FloatArray
    curve: FloatArray

    def scaled(self) -> FloatArray:
        """Errors over their scales, smaller weight where there are many quotes of a kind."""
        parts = ((self.smile, SMILE_SCALE), (self.vix_calls, VIX_CALL_SCALE), (self.curve, CURVE_SCALE))
        return np.concatenate([error / scale / np.sqrt(error.size / 3.0) for error, scale in parts])

    def root_mean_squares(self) -> dict[str, float]:
        """Root mean square by kind."""
        parts = {"smile": self.smile, "vix_calls": self.vix_calls, "curve": self.curve}
        return {name: float(np.sqrt(np.mean(error**2))) for name, error in parts.items()}


class _QuoteResiduals:
    """Prices of all quotes by the exact pricer."""

    size = len(SMILE) + sum(map(len, VIX_CALLS.values())) + sum(map(len, CURVE.values()))

    def __call__(self, model: Svcj) -> QuoteErrors:
        """Errors of a model.

        Parameters
        ----------
        model : Svcj
            The model.
        """
        pricer = AffinePricer(model)
        return QuoteErrors(
            smile=_smile_errors(model, pricer),
            vix_calls=np.concatenate([_vix_call_errors(model, pricer, vix) for vix in VIX_CALLS]),
            curve=np.concatenate([_curve_errors(model, pricer, vix) for vix in CURVE]),
        )


quote_residuals = _QuoteResiduals()


def _state(model: Svcj, vix: float) -> FloatArray:
    constant, slope = model.vix_squared_coefficients()
    return np.array([max((1e-4 * vix * vix - constant) / slope[0], 1e-5)])


def _smile_errors(model: Svcj, pricer: AffinePricer) -> FloatArray:
    sessions, delta, volatility = np.array(SMILE).T
    ttm = sessions / SESSIONS_PER_YEAR
    deviation = volatility * np.sqrt(ttm)
    call_delta = np.where(delta < 0.0, 1.0 + delta, delta)
    d1 = np.where(delta == 0.5, 0.5 * deviation, ndtri(call_delta))
    strike = np.exp(0.5 * deviation**2 - d1 * deviation)
    is_call = delta > 0.0
    carry = np.exp((model.rate - model.dividend_yield) * ttm)
    state = np.broadcast_to(_state(model, SMILE_VIX)[:, None], (1, strike.size))
    price = pricer.spx_option(1.0, state, strike=strike * carry, ttm=ttm, is_call=is_call).price
    price = price * np.exp(model.rate * ttm) / carry
    return np.asarray(implied_volatility(price, 1.0, strike, ttm, is_call=is_call) - volatility)


def _vix_call_errors(model: Svcj, pricer: AffinePricer, vix: float) -> FloatArray:
    ttm = VIX_CALL_SESSIONS / SESSIONS_PER_YEAR
    state = _state(model, vix)
    future = float(pricer.vix_future(state[:, None], ttm)[0])
    strike = future * np.array(VIX_CALL_MONEYNESS)
    states = np.broadcast_to(state[:, None], (1, strike.size))
    price = pricer.vix_option(states, strike=strike, ttm=ttm, is_call=True) * np.exp(model.rate * ttm)
    # a price below what any volatility gives is met where the floor of the VIX binds: count it as no volatility
    price = np.maximum(price, np.maximum(future - strike, 0.0))
    return np.asarray(implied_volatility(price, future, strike, ttm, is_call=True) - np.array(VIX_CALLS[vix]))


def _curve_errors(model: Svcj, pricer: AffinePricer, vix: float) -> FloatArray:
    state = np.broadcast_to(_state(model, vix)[:, None], (1, len(CURVE_SESSIONS)))
    futures = pricer.vix_future(state, np.array(CURVE_SESSIONS) / SESSIONS_PER_YEAR)
    return np.asarray(futures[1:] / futures[0] - 1.0 - np.array(CURVE[vix]))
