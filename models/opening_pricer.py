"""Prices of contracts that settle on an opening: their life ends a part of a session before the close of its day.

A model prices contracts that live whole sessions ``n``. A contract that settles on the opening of its last session
lives ``n - 1 + w`` of them, ``w`` being the overnight share of a session's variance. A VIX contract moreover settles at
a distance from the index, a zero-mean normal with deviation ``s`` that the auction adds. Two expressions stand in, both
exact in the mean and accurate to a few thousandths of a VIX point:

- lives of ``FEW`` sessions and less: an option's price over its forward is a function of log-moneyness ``y`` and total
  deviation ``d`` which is nearly homogeneous of degree one on the out-of-the-money side, ``c(a y, a d) = a c(y, d)``
  with ``a = sqrt((n - 1 + w) / n)``, so the price for ``n`` sessions is rescaled;
- longer lives: interpolation between ``n - 1`` and ``n`` sessions with weights ``1 - w`` and ``w``, which is the price
  under a mixture of the two laws and therefore free of arbitrage.

The noise is a mixture over shifted strikes: three-point Gauss-Hermite in the first case, two points carried by the
longer life in the second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import PricingDomainError
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.rows import RowPricer

BoolArray = NDArray[np.bool_]
Legs = Callable[[FloatArray, int, BoolArray], FloatArray]
"""Strikes (n_legs, n_paths), sessions and rights (n_legs,) to present values."""

FEW = 4
"""Sessions up to which prices are rescaled instead of interpolated."""

LEAST_STRIKE = 1e-3
"""Smallest strike that a shift by the noise may lead to [points]."""

_THREE_POINTS = ((0.0, 2.0 / 3.0), (np.sqrt(3.0), 1.0 / 6.0), (-np.sqrt(3.0), 1.0 / 6.0))


@final
class OpeningPricer:
    """Prices of a session whose VIX contracts settle on the opening of their last session; see the module.

    SPX options are those of the base, settled on the close; ``price_spx_open_legs`` prices AM-settled ones.

    Parameters
    ----------
    base : RowPricer
        Prices of contracts that live whole sessions.
    rate, dividend_yield : float
        Of the model [1/year, continuous].
    overnight_share : float
        Share of a session's variance before its opening, in (0, 1]; 1 leaves lives as they are.
    vix_noise : float
        Standard deviation of the VIX settlement around the opening VIX [points], >= 0.

    Raises
    ------
    PricingDomainError
        If share or noise lie outside their domains.
    """

    def __init__(
        self, base: RowPricer, *, rate: float, dividend_yield: float, overnight_share: float, vix_noise: float
    ) -> None:
        if not 0.0 < overnight_share <= 1.0 or not vix_noise >= 0.0:
            raise PricingDomainError(
                f"overnight_share must lie in (0, 1] and vix_noise be >= 0, got {overnight_share!r} and {vix_noise!r}"
            )
        self.base, self.rate, self.dividend_yield = base, rate, dividend_yield
        self.overnight_share, self.vix_noise = overnight_share, vix_noise

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer``."""
        return self.base.vix(state)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer``."""
        return self.base.spx_option(spot, state, strike=strike, ttm=ttm, is_call=is_call)

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer``."""
        return self.base.strike_for_delta(spot, state, delta=delta, ttm=ttm)

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """PM-settled SPX options, see ``RowPricer``."""
        return self.base.price_spx_legs(spot, state, strike, sessions, is_call)

    def price_spx_open_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """AM-settled SPX options that settle on the opening of the session ``sessions`` ahead, >= 1."""

        def legs(k: FloatArray, n: int, right: BoolArray) -> FloatArray:
            return self.base.price_spx_legs(spot, state, k, n, right)

        if self.overnight_share == 1.0 or sessions == 0:
            return legs(strike, sessions, is_call)
        if sessions > FEW:
            return self._interpolated(legs, strike, sessions, is_call, noise=0.0)
        carry = (self.rate - self.dividend_yield) / SESSIONS_PER_YEAR
        forward = spot * np.exp(carry * np.array([sessions - 1.0 + self.overnight_share, float(sessions)]))[:, None]
        return self._rescaled(legs, strike, sessions, is_call, forward)

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """VIX options that settle on the opening of the session ``sessions`` ahead, noise included."""

        def legs(k: FloatArray, n: int, right: BoolArray) -> FloatArray:
            return self.base.price_vix_legs(state, k, n, right)

        noise = self.vix_noise
        if sessions == 0 or (self.overnight_share == 1.0 and noise == 0.0):
            return legs(strike, sessions, is_call)
        if sessions > FEW:
            return self._interpolated(legs, strike, sessions, is_call, noise=noise)
        forward = np.stack([self.vix_future_rows(state, sessions), self.base.vix_future_rows(state, sessions)])
        total = np.zeros(strike.shape)
        for point, weight in _THREE_POINTS if noise > 0.0 else ((0.0, 1.0),):
            shifted = np.maximum(strike - point * noise, LEAST_STRIKE)
            total += weight * self._rescaled(legs, shifted, sessions, is_call, forward)
        return total

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures that settle on the opening of the session ``sessions`` ahead."""
        w = self.overnight_share
        later = self.base.vix_future_rows(state, sessions)
        if sessions == 0 or w == 1.0:
            return later
        return (1.0 - w) * self.base.vix_future_rows(state, sessions - 1) + w * later

    def _interpolated(
        self, legs: Legs, strike: FloatArray, sessions: int, is_call: BoolArray, *, noise: float
    ) -> FloatArray:
        """Mixture of the laws after ``sessions - 1`` and after ``sessions``; the latter carries the noise."""
        w = self.overnight_share
        shift = noise / np.sqrt(w)
        if shift > 0.0:
            both = np.concatenate([np.maximum(strike - shift, LEAST_STRIKE), strike + shift])
            below, above = np.split(legs(both, sessions, np.tile(is_call, 2)), 2)
            price = 0.5 * w * (below + above)
        else:
            price = w * legs(strike, sessions, is_call)
        if w == 1.0:
            return price
        one_day = np.exp(-self.rate / SESSIONS_PER_YEAR)  # what settles in the morning is paid on the session's close
        return np.asarray(price + (1.0 - w) * one_day * legs(strike, sessions - 1, is_call))

    def _rescaled(
        self, legs: Legs, strike: FloatArray, sessions: int, is_call: BoolArray, forward: FloatArray
    ) -> FloatArray:
        """Price by homogeneity on the out-of-the-money side, the other side by parity.

        ``forward`` (2, n_paths): to the opening, and to the close of the last session.
        """
        ratio = np.sqrt((sessions - 1.0 + self.overnight_share) / sessions)
        opening, close = forward
        scaled = close * (strike / opening) ** (1.0 / ratio)
        n_legs = strike.shape[0]
        rights = np.repeat(np.array([True, False]), n_legs)
        both = legs(np.concatenate([scaled, scaled]), sessions, rights) * (ratio * opening / close)
        discount = np.exp(-self.rate * sessions / SESSIONS_PER_YEAR)
        intrinsic = discount * (opening - strike)
        value = np.where(strike >= opening, both[:n_legs], both[n_legs:])  # out of the money
        return np.asarray(value + np.maximum(np.where(is_call[:, None], intrinsic, -intrinsic), 0.0))
