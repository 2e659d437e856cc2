"""The exact pricer of path-dependent volatility: nested simulation under Q, with its standard errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.black import black_vega, implied_volatility
from models.errors import PricingDomainError
from models.kernels.nest import growth, log_vix_rows
from models.notebook_view import PricerView
from models.path_dependent_curve import path_dependent_curve
from models.path_dependent_nest import nested_sessions
from models.path_dependent_vix import vix_regression
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue, Stream
from models.sessions import by_session, flattened, whole_sessions

if TYPE_CHECKING:
    from models.path_dependent import PathDependent

CURVE_SESSIONS = 210
"""Sessions that ``vix_future_rows`` covers: ten months of futures."""

_STREAM = Stream(seed=20_240_406)


@final
@dataclass(frozen=True, slots=True)
class NestedPricer(PricerView):
    """Prices as means over nested paths; see ``models.protocols.Pricer``. Tenors are whole sessions.

    All states share their random numbers, and paths come in antithetic pairs. The simulated mean of the index is taken
    as its forward, so that parity holds to rounding.

    Parameters
    ----------
    model : PathDependent
        The model whose Q-law is priced.
    n_pairs : int
        Pairs of paths from each state.
    stream : Stream
        Address of the random numbers.
    """

    model: PathDependent
    n_pairs: int = 16384
    stream: Stream = _STREAM

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``; the regression that paths carry (``models.path_dependent_vix``)."""
        return vix_regression(self.model)(state)

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        states, shape, (sessions,) = flattened(state, whole_sessions(ttm))
        result = np.empty(sessions.shape)
        for index, _, vix in self._vix_ends(states, sessions):
            result[index] = vix.mean()
        return result.reshape(shape)

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points] of states (5, n_paths) by regression, shape (n_paths,): quick, for whole histories."""
        return path_dependent_curve(self.model, CURVE_SESSIONS).vix_future_rows(state, sessions)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        return self.vix_option_with_error(state, strike=strike, ttm=ttm, is_call=is_call)[0]

    def vix_option_with_error(
        self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Prices of VIX options and their standard errors [points]."""
        states, shape, (k, sessions, call) = flattened(state, strike, whole_sessions(ttm), is_call)
        price, error = np.empty(k.shape), np.empty(k.shape)
        for index, _, vix in self._vix_ends(states, sessions):
            for i in index:
                payoff = np.maximum(np.where(call[i], vix - k[i], k[i] - vix), 0.0)
                discount = np.exp(-self.model.rate * sessions[i] / SESSIONS_PER_YEAR)
                price[i], error[i] = discount * payoff.mean(), discount * self._standard_error(payoff)
        return price.reshape(shape), error.reshape(shape)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``; theta is the price one session later minus the price now."""
        states, shape, (s, k, sessions, call) = flattened(state, spot, strike, whole_sessions(ttm), is_call)
        price, delta, _ = self._spx(s, states, k, sessions, call != 0.0)
        later, _, _ = self._spx(s, states, k, np.maximum(sessions - 1.0, 0.0), call != 0.0)
        vega = self._vega(price, s, k, sessions, call != 0.0)
        return OptionValue(
            price=price.reshape(shape),
            delta=delta.reshape(shape),
            vega=vega.reshape(shape),
            theta=(later - price).reshape(shape),
        )

    def spx_option_with_error(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Prices of SPX options and their standard errors [index points]."""
        states, shape, (s, k, sessions, call) = flattened(state, spot, strike, whole_sessions(ttm), is_call)
        price, _, error = self._spx(s, states, k, sessions, call != 0.0)
        return price.reshape(shape), error.reshape(shape)

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.strike_for_delta``: by bisection, as the delta of a sample is a staircase.

        Raises
        ------
        PricingDomainError
            If ``delta`` is not a delta of an option of that maturity.
        """
        states, shape, (s, target, sessions) = flattened(state, spot, delta, whole_sessions(ttm))
        carry = np.exp(-self.model.dividend_yield * sessions / SESSIONS_PER_YEAR)
        bad = (np.abs(target) >= carry) | (target == 0.0) | (sessions < 1)
        if bad.any():
            i = int(np.argmax(bad))
            raise PricingDomainError(
                f"delta must lie in (0, {carry[i]:g}) for a call or (-{carry[i]:g}, 0) for a put with at least one "
                f"session to expiry, got delta={target[i]:g} and {sessions[i]:g} sessions"
            )
        share = np.where(target > 0.0, 1.0 - target / carry, -target / carry)
        result = np.empty(s.shape)
        for index, n, ratio in self._spx_ends(states, sessions):
            ordered = np.sort(ratio)
            weight = np.cumsum(ordered) / ratio.size
            forward = np.exp((self.model.rate - self.model.dividend_yield) * n / SESSIONS_PER_YEAR)
            result[index] = s[index] * forward * np.interp(share[index], weight, ordered)
        return result.reshape(shape)

    # internals

    def _ends(
        self, states: FloatArray, sessions: FloatArray, read: Callable[[FloatArray, FloatArray], FloatArray]
    ) -> Iterator[tuple[NDArray[np.intp], int, FloatArray]]:
        """Indices of the questions about each state and session, the session, and what its nested paths read there."""
        known, group = np.unique(states, axis=1, return_inverse=True)
        for number in range(known.shape[1]):
            mine = np.flatnonzero(group.ravel() == number)
            wanted = dict(by_session(sessions[mine]))
            start = np.repeat(known[:, number : number + 1], 2, axis=1)
            if 0 in wanted:
                yield mine[wanted[0]], 0, read(np.zeros(2), start)
            futures = nested_sessions(
                self.model.dynamics("q"), known[:, number], max(wanted), self.n_pairs, self.stream
            )
            for n, (log_return, moving, _) in enumerate(futures, start=1):
                if n in wanted:
                    yield mine[wanted[n]], n, read(log_return, moving)

    def _spx_ends(self, states: FloatArray, sessions: FloatArray) -> Iterator[tuple[NDArray[np.intp], int, FloatArray]]:
        """As ``_ends``: the index over its forward."""

        def read(log_return: FloatArray, _: FloatArray) -> FloatArray:
            grown = np.empty(log_return.size)
            return np.asarray(grown / growth(log_return, grown))

        return self._ends(states, sessions, read)

    def _vix_ends(self, states: FloatArray, sessions: FloatArray) -> Iterator[tuple[NDArray[np.intp], int, FloatArray]]:
        """As ``_ends``: the VIX [points]."""

        def read(log_return: FloatArray, moving: FloatArray) -> FloatArray:
            log_vix = np.empty(log_return.size)
            log_vix_rows(moving, vix_regression(self.model).polynomial(), log_vix)
            return np.asarray(100.0 * np.exp(log_vix))

        return self._ends(states, sessions, read)

    def _spx(
        self, spot: FloatArray, states: FloatArray, strike: FloatArray, sessions: FloatArray, call: NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Price, delta and standard error of each option."""
        price, delta, error = np.empty(spot.shape), np.empty(spot.shape), np.empty(spot.shape)
        for index, n, ratio in self._spx_ends(states, sessions):
            years = n / SESSIONS_PER_YEAR
            carry = float(np.exp(-self.model.dividend_yield * years))
            forward = spot * float(np.exp((self.model.rate - self.model.dividend_yield) * years))
            for i in index:
                k, sign = strike[i] / forward[i], 1.0 if call[i] else -1.0
                payoff = np.maximum(sign * (ratio - k), 0.0)
                price[i] = spot[i] * carry * payoff.mean()
                delta[i] = carry * sign * (ratio * (payoff > 0.0)).mean()
                error[i] = spot[i] * carry * self._standard_error(payoff - delta[i] / carry * (ratio - 1.0))
        return price, delta, error

    @staticmethod
    def _standard_error(values: FloatArray) -> float:
        """Of the mean of antithetic pairs, whose second halves follow the first."""
        pairs = 0.5 * (values[: values.size // 2] + values[values.size // 2 :])
        return float(pairs.std() / np.sqrt(pairs.size))

    def _vega(
        self, price: FloatArray, spot: FloatArray, strike: FloatArray, sessions: FloatArray, call: NDArray[np.bool_]
    ) -> FloatArray:
        ttm = sessions / SESSIONS_PER_YEAR
        discount = np.exp(-self.model.rate * ttm)
        forward = spot * np.exp((self.model.rate - self.model.dividend_yield) * ttm)
        years = np.where(ttm > 0.0, ttm, 1.0)
        volatility = implied_volatility(price / discount, forward, strike, years, is_call=call)
        return np.asarray(0.01 * discount * black_vega(forward, strike, ttm, volatility))
