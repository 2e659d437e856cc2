"""SPX options from put prices relative to the forward: what all pricers by transforms do alike."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.black import black_vega, implied_volatility
from models.errors import PricingDomainError
from models.notebook_view import PricerView
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue

BoolArray = NDArray[np.bool_]

_SESSION = 1.0 / SESSIONS_PER_YEAR


class Rates(Protocol):
    """What discounting needs of a model."""

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        ...

    @property
    def dividend_yield(self) -> float:
        """Dividend yield [1/year, continuous]."""
        ...


class TransformPricer(PricerView):
    """Base of pricers that know undiscounted puts over the forward, and the chance of ending below the strike."""

    __slots__ = ()

    @property
    def rates(self) -> Rates:
        """The model's rates."""
        raise NotImplementedError

    def relative_puts(self, states: FloatArray, log_moneyness: FloatArray, ttm: float) -> tuple[FloatArray, FloatArray]:
        """Undiscounted puts over the forward, and Q-probabilities of ending below the strike.

        Parameters
        ----------
        states : ndarray of shape (n_factors, n)
            State of each option.
        log_moneyness : ndarray of shape (n,)
            ln(strike / forward).
        ttm : float
            Time to maturity, > 0. [years]
        """
        raise NotImplementedError

    def deviations(self, states: FloatArray, ttm: float) -> FloatArray:
        """Scale of the log return to ``ttm``, (n,), from which searches for strikes start."""
        raise NotImplementedError

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``; theta is the price one session later minus the price now."""
        states, shape, (s, k, time, call) = flatten(state, spot, strike, ttm, is_call)
        check_positive("spot", s)
        check_positive("strike", k)
        is_call_flat = call != 0.0
        price, delta = self._price_and_delta(s, states, k, time, is_call_flat)
        later, _ = self._price_and_delta(s, states, k, np.maximum(time - _SESSION, 0.0), is_call_flat)
        vega = self._vega(price, s, k, time, is_call_flat)
        return OptionValue(
            price=price.reshape(shape),
            delta=delta.reshape(shape),
            vega=vega.reshape(shape),
            theta=(later - price).reshape(shape),
        )

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.strike_for_delta``.

        Raises
        ------
        PricingDomainError
            If ``delta`` is not a delta of an option of that maturity.
        """
        states, shape, (s, target, time) = flatten(state, spot, delta, ttm)
        limit = np.exp(-self.rates.dividend_yield * time)
        bad = (np.abs(target) >= limit) | (target == 0.0) | (time <= 0.0)
        if bad.any():
            i = int(np.argmax(bad))
            raise PricingDomainError(
                f"delta must lie in (0, {limit[i]:g}) for a call or (-{limit[i]:g}, 0) for a put with ttm > 0, "
                f"got delta={target[i]:g}, ttm={time[i]:g}"
            )
        result = np.empty(s.shape)
        for value, part in by_time(time):
            put_delta = np.where(target[part] > 0.0, target[part] - limit[part], target[part])
            result[part] = s[part] * self._growth(value) * np.exp(self._log_strike(states[:, part], put_delta, value))
        return result.reshape(shape)

    def _growth(self, ttm: float) -> float:
        return float(np.exp((self.rates.rate - self.rates.dividend_yield) * ttm))

    def _log_strike(self, states: FloatArray, put_delta: FloatArray, ttm: float) -> FloatArray:
        from scipy.optimize import elementwise  # slow to import, and tables do without

        deviation = self.deviations(states, ttm)
        share = put_delta * np.exp(self.rates.dividend_yield * ttm)

        def excess(k: FloatArray, wanted: FloatArray, index: FloatArray) -> FloatArray:
            put, below = self.relative_puts(states[:, index.astype(int).ravel()], k.ravel(), ttm)
            return (put - np.exp(k.ravel()) * below).reshape(k.shape) - wanted

        index = np.arange(put_delta.size, dtype=float)
        bracket = elementwise.bracket_root(excess, -deviation, deviation, args=(share, index))
        root = elementwise.find_root(excess, bracket.bracket, args=(share, index), tolerances={"xatol": 1e-11})
        if not np.all(root.success):
            raise PricingDomainError(f"no strike found for put delta {put_delta[~root.success][0]:g} at ttm={ttm:g}")
        return np.asarray(root.x)

    def _price_and_delta(
        self, spot: FloatArray, states: FloatArray, strike: FloatArray, time: FloatArray, is_call: BoolArray
    ) -> tuple[FloatArray, FloatArray]:
        price, delta = np.empty(spot.shape), np.empty(spot.shape)
        for value, part in by_time(time):
            s, k, call = spot[part], strike[part], is_call[part]
            discount, carry = np.exp(-self.rates.rate * value), np.exp(-self.rates.dividend_yield * value)
            forward = s * self._growth(value)
            if value == 0.0:
                put, below = np.maximum(k / s - 1.0, 0.0), (s < k).astype(float)
            else:
                put, below = self.relative_puts(states[:, part], np.log(k / forward), value)
            put_price = discount * forward * np.maximum(put, np.maximum(k / forward - 1.0, 0.0))
            put_delta = carry * (put - k / forward * below) if value > 0.0 else -below
            call_price = np.maximum(put_price + discount * (forward - k), 0.0)
            price[part] = np.where(call, call_price, put_price)
            delta[part] = np.where(call, put_delta + carry, put_delta)
        return price, delta

    def _vega(
        self, price: FloatArray, spot: FloatArray, strike: FloatArray, time: FloatArray, is_call: BoolArray
    ) -> FloatArray:
        discount = np.exp(-self.rates.rate * time)
        forward = spot * np.exp((self.rates.rate - self.rates.dividend_yield) * time)
        years = np.where(time > 0.0, time, 1.0)
        volatility = implied_volatility(price / discount, forward, strike, years, is_call=is_call)
        return 0.01 * discount * black_vega(forward, strike, time, volatility)


def flatten(state: FloatArray, *others: ArrayLike) -> tuple[FloatArray, tuple[int, ...], list[FloatArray]]:
    """Broadcast the state's trailing shape with the other arguments, and flatten all of them."""
    factors = np.asarray(state, dtype=float)
    arrays = np.broadcast_arrays(factors[0], *(np.asarray(other, dtype=float) for other in others))
    shape = arrays[0].shape
    states = np.stack([np.broadcast_to(factor, shape).ravel() for factor in factors])
    return states, shape, [array.ravel() for array in arrays[1:]]


def by_time(time: FloatArray) -> list[tuple[float, NDArray[np.intp]]]:
    """Indices of the options of each maturity."""
    values, inverse = np.unique(time, return_inverse=True)
    if values.size and values[0] < 0.0:
        raise PricingDomainError(f"ttm must be >= 0 [years], got {values[0]:g}")
    return [(float(value), np.flatnonzero(inverse == i)) for i, value in enumerate(values)]


def check_positive(name: str, values: FloatArray) -> None:
    """Check that all values are > 0.

    Raises
    ------
    PricingDomainError
        Naming the first that is not.
    """
    if not np.all(values > 0.0):
        raise PricingDomainError(f"{name} must be > 0, got {values[~(values > 0.0)][0]:g}")
