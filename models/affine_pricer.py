"""The exact pricer of every affine model: Fourier for SPX options, Laplace for VIX futures and options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import elementwise

from models.affine import AffineModel
from models.black import black_vega, implied_volatility
from models.cos_pricing import relative_puts
from models.errors import PricingDomainError
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.vix_laplace import vix_calls, vix_futures

BoolArray = NDArray[np.bool_]

_SESSION = 1.0 / SESSIONS_PER_YEAR


@final
@dataclass(frozen=True, slots=True)
class AffinePricer:
    """Exact prices from the transforms of an affine model; see ``models.protocols.Pricer``.

    Parameters
    ----------
    model : AffineModel
        The model whose Q-law is priced.
    """

    model: AffineModel

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        constant, slope = self.model.vix_squared_coefficients()
        return np.asarray(100.0 * np.sqrt(constant + np.tensordot(slope, state, axes=1)))

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        states, shape, (time,) = _flatten(state, ttm)
        result = np.empty(time.shape)
        for value, part in _by_time(time):
            result[part] = vix_futures(self.model, states[:, part], value)
        return result.reshape(shape)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        states, shape, (k, time, call) = _flatten(state, strike, ttm, is_call)
        _check_positive("strike", k)
        result = np.empty(k.shape)
        for value, part in _by_time(time):
            group = states[:, part]
            if value == 0.0:
                calls, future = np.maximum(self.vix(group) - k[part], 0.0), self.vix(group)
            else:
                calls = vix_calls(self.model, group, k[part], value)
                future = vix_futures(self.model, group, value)
            puts = np.maximum(calls - future + k[part], 0.0)
            result[part] = np.exp(-self.model.rate * value) * np.where(call[part] != 0.0, calls, puts)
        return result.reshape(shape)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``; theta is the price one session later minus the price now."""
        states, shape, (s, k, time, call) = _flatten(state, spot, strike, ttm, is_call)
        _check_positive("spot", s)
        _check_positive("strike", k)
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
        states, shape, (s, target, time) = _flatten(state, spot, delta, ttm)
        limit = np.exp(-self.model.dividend_yield * time)
        bad = (np.abs(target) >= limit) | (target == 0.0) | (time <= 0.0)
        if bad.any():
            i = int(np.argmax(bad))
            raise PricingDomainError(
                f"delta must lie in (0, {limit[i]:g}) for a call or (-{limit[i]:g}, 0) for a put with ttm > 0, "
                f"got delta={target[i]:g}, ttm={time[i]:g}"
            )
        result = np.empty(s.shape)
        for value, part in _by_time(time):
            put_delta = np.where(target[part] > 0.0, target[part] - limit[part], target[part])
            result[part] = s[part] * self._growth(value) * np.exp(self._log_strike(states[:, part], put_delta, value))
        return result.reshape(shape)

    def _growth(self, ttm: float) -> float:
        return float(np.exp((self.model.rate - self.model.dividend_yield) * ttm))

    def _log_strike(self, states: FloatArray, put_delta: FloatArray, ttm: float) -> FloatArray:
        constant, slope = self.model.mean_variance_coefficients(ttm)
        deviation = np.sqrt((constant + slope @ states) * ttm)
        share = put_delta * np.exp(self.model.dividend_yield * ttm)

        def excess(k: FloatArray, wanted: FloatArray, index: FloatArray) -> FloatArray:
            put, below = relative_puts(self.model, states[:, index.astype(int).ravel()], k.ravel(), ttm)
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
        for value, part in _by_time(time):
            s, k, call = spot[part], strike[part], is_call[part]
            discount, carry = np.exp(-self.model.rate * value), np.exp(-self.model.dividend_yield * value)
            forward = s * self._growth(value)
            if value == 0.0:
                put, below = np.maximum(k / s - 1.0, 0.0), (s < k).astype(float)
            else:
                put, below = relative_puts(self.model, states[:, part], np.log(k / forward), value)
            put_price = discount * forward * np.maximum(put, np.maximum(k / forward - 1.0, 0.0))
            put_delta = carry * (put - k / forward * below) if value > 0.0 else -below
            call_price = np.maximum(put_price + discount * (forward - k), 0.0)
            price[part] = np.where(call, call_price, put_price)
            delta[part] = np.where(call, put_delta + carry, put_delta)
        return price, delta

    def _vega(
        self, price: FloatArray, spot: FloatArray, strike: FloatArray, time: FloatArray, is_call: BoolArray
    ) -> FloatArray:
        discount = np.exp(-self.model.rate * time)
        forward = spot * np.exp((self.model.rate - self.model.dividend_yield) * time)
        years = np.where(time > 0.0, time, 1.0)
        volatility = implied_volatility(price / discount, forward, strike, years, is_call=is_call)
        return 0.01 * discount * black_vega(forward, strike, time, volatility)


def _flatten(state: FloatArray, *others: ArrayLike) -> tuple[FloatArray, tuple[int, ...], list[FloatArray]]:
    """Broadcast the state's trailing shape with the other arguments, and flatten all of them."""
    factors = np.asarray(state, dtype=float)
    arrays = np.broadcast_arrays(factors[0], *(np.asarray(other, dtype=float) for other in others))
    shape = arrays[0].shape
    states = np.stack([np.broadcast_to(factor, shape).ravel() for factor in factors])
    return states, shape, [array.ravel() for array in arrays[1:]]


def _by_time(time: FloatArray) -> list[tuple[float, NDArray[np.intp]]]:
    """Indices of the options of each maturity."""
    values, inverse = np.unique(time, return_inverse=True)
    if values.size and values[0] < 0.0:
        raise PricingDomainError(f"ttm must be >= 0 [years], got {values[0]:g}")
    return [(float(value), np.flatnonzero(inverse == i)) for i, value in enumerate(values)]


def _check_positive(name: str, values: FloatArray) -> None:
    if not np.all(values > 0.0):
        raise PricingDomainError(f"{name} must be > 0, got {values[~(values > 0.0)][0]:g}")
