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

from collections.abc import Callable, Sequence
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import PricingDomainError
from models.frozen import frozen
from models.kernels.opening import mixed_prices, moved_strikes
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.rows import RowPricer, price_spx_tenors, price_vix_tenors, vix_future_tenors

BoolArray = NDArray[np.bool_]
Legs = Callable[[FloatArray, Sequence[int], BoolArray], FloatArray]
"""Strikes (n_tenors, n_legs, n_paths), sessions of each tenor and rights (n_legs,) to present values."""

FEW = 4
"""Sessions up to which prices are rescaled instead of interpolated."""

LEAST_STRIKE = 1e-3
"""Smallest strike that a shift by the noise may lead to [points]."""

_THREE_POINTS = ((0.0, 2.0 / 3.0), (np.sqrt(3.0), 1.0 / 6.0), (-np.sqrt(3.0), 1.0 / 6.0))
_ONE_POINT = ((0.0, 1.0),)


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
        if self.overnight_share == 1.0 or sessions == 0:
            return self.base.price_spx_legs(spot, state, strike, sessions, is_call)

        def legs(k: FloatArray, tenors: Sequence[int], right: BoolArray) -> FloatArray:
            return price_spx_tenors(self.base, spot, state, k, tenors, right)

        if sessions > FEW:
            return self._interpolated(legs, strike, sessions, is_call, noise=0.0)
        carry = (self.rate - self.dividend_yield) / SESSIONS_PER_YEAR
        forward = spot * np.exp(carry * np.array([sessions - 1.0 + self.overnight_share, float(sessions)]))[:, None]
        return self._rescaled(legs, strike, sessions, is_call, forward, noise=0.0)

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """VIX options that settle on the opening of the session ``sessions`` ahead, noise included."""
        noise = self.vix_noise
        if sessions == 0 or (self.overnight_share == 1.0 and noise == 0.0):
            return self.base.price_vix_legs(state, strike, sessions, is_call)

        def legs(k: FloatArray, tenors: Sequence[int], right: BoolArray) -> FloatArray:
            return price_vix_tenors(self.base, state, k, tenors, right)

        if sessions > FEW:
            return self._interpolated(legs, strike, sessions, is_call, noise=noise)
        return self._rescaled(legs, strike, sessions, is_call, np.stack(self._futures(state, sessions)), noise=noise)

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures that settle on the opening of the session ``sessions`` ahead."""
        return self._futures(state, sessions)[0]

    def _futures(self, state: FloatArray, sessions: int) -> tuple[FloatArray, FloatArray]:
        """Futures to the opening, and to the close of the last session."""
        w = self.overnight_share
        if sessions == 0 or w == 1.0:
            later = self.base.vix_future_rows(state, sessions)
            return later, later
        if sessions == 1:
            before, later = self.base.vix(state), self.base.vix_future_rows(state, 1)
        else:
            before, later = vix_future_tenors(self.base, state, (sessions - 1, sessions))
        return (1.0 - w) * before + w * later, later

    def _interpolated(
        self, legs: Legs, strike: FloatArray, sessions: int, is_call: BoolArray, *, noise: float
    ) -> FloatArray:
        """Mixture of the laws after ``sessions - 1`` and after ``sessions``; the latter carries the noise."""
        w = self.overnight_share
        shift = noise / np.sqrt(w)
        whole, shorter = (sessions,) * (2 if shift > 0.0 else 1), (sessions - 1,) * (w < 1.0)
        strikes, price = np.empty((len(whole + shorter), *strike.shape)), np.empty(strike.shape)
        moved_strikes(frozen(strike), shift, LEAST_STRIKE, strikes)
        one_day = np.exp(-self.rate / SESSIONS_PER_YEAR)  # what settles in the morning is paid on the session's close
        prices = legs(strikes, whole + shorter, is_call)
        mixed_prices(prices, shift > 0.0, w, (1.0 - w) * one_day, price)
        return price

    def _rescaled(
        self,
        legs: Legs,
        strike: FloatArray,
        sessions: int,
        is_call: BoolArray,
        forward: FloatArray,
        *,
        noise: float,
    ) -> FloatArray:
        """Mixture over the noise of prices by homogeneity on the out-of-the-money side, the other side by parity.

        ``forward`` (2, n_paths): to the opening, and to the close of the last session.
        """
        points = _THREE_POINTS if noise > 0.0 else _ONE_POINT
        strikes = np.stack([strike - point * noise for point, _ in points])
        if noise > 0.0:
            np.maximum(strikes, LEAST_STRIKE, out=strikes)
        ratio = np.sqrt((sessions - 1.0 + self.overnight_share) / sessions)
        opening, close = forward
        scaled = close * (strikes / opening) ** (1.0 / ratio)
        n_legs = strike.shape[0]
        rights = np.repeat(np.array([True, False]), n_legs)
        both = legs(np.concatenate([scaled, scaled], axis=1), (sessions,) * len(points), rights)
        both *= ratio * opening / close
        discount = np.exp(-self.rate * sessions / SESSIONS_PER_YEAR)
        intrinsic = discount * (opening - strikes)
        value = np.where(strikes >= opening, both[:, :n_legs], both[:, n_legs:])  # out of the money
        value += np.maximum(np.where(is_call[:, None], intrinsic, -intrinsic), 0.0)
        return np.asarray(sum(weight * part for (_, weight), part in zip(points, value, strict=True)))
