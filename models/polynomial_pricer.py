"""The tabulated pricer of path-dependent volatility: a polynomial of the state gives each path its smile."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.black import black_vega, implied_volatility
from models.errors import PricingDomainError
from models.kernels.leg import price_legs
from models.kernels.strike_search import log_strikes_for_delta, put_deltas
from models.notebook_view import PricerView
from models.path_dependent_curve import PathDependentCurve
from models.polynomial_table import AXIS
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.sessions import by_session, flattened, whole_sessions

if TYPE_CHECKING:
    from models.path_dependent import PathDependent

BoolArray = NDArray[np.bool_]
Smiles = tuple[NDArray[np.int64], FloatArray, tuple[np.uint64], FloatArray, tuple[int, int, int, int, float]]
"""Rows, weights and strides of the paths, the surfaces of puts and calls and their shape, as kernels take them."""

_SAME_ROW = (np.uint64(0),)
"""Strides of a table in which each path has one row: the kernels' four rows are that one, the first with weight 1."""

_CALL_AND_PUT = np.array([True, False])


@final
class PolynomialTablePricer(PricerView):
    """Prices by polynomials; see ``models.protocols.Pricer``. Tenors are whole sessions.

    States beyond the sample that the tables were regressed on are priced as at its edge and counted in
    ``clamp_count``.

    Parameters
    ----------
    model : PathDependent
        The model that the tables were built from.
    curve : PathDependentCurve
        Its futures and deviations.
    tables : dict of ndarray
        From the cache.
    key : str
        Hash that identifies the tables.
    """

    def __init__(
        self, model: PathDependent, curve: PathDependentCurve, tables: dict[str, FloatArray], *, key: str
    ) -> None:
        self.model = model
        self.curve = curve
        self.table_hash = key
        self.max_sessions = int(tables["spx"].shape[0])
        self.clamp_count = 0
        self._tables = tables

    def __repr__(self) -> str:
        return f"PolynomialTablePricer({self.model!r}, max_sessions={self.max_sessions})"

    def moved_state(self, state: FloatArray, size: float) -> FloatArray:
        """State in which variances stand higher by the share ``size``: the level, a log volatility, moves by half."""
        moved = np.array(state, dtype=np.float64)
        moved[4] += 0.5 * size
        return moved

    # rows: all legs of one expiry on all paths of a session

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """Present values of SPX options that expire after ``sessions``; see ``models.table_pricer.TablePricer``."""
        if sessions == 0:
            return _intrinsic(spot, strike, is_call)
        forward, deviation, smiles = self._spx(spot, state, sessions)
        return self._legs(forward, deviation, smiles, strike, sessions, is_call)

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """Present values of VIX options, in VIX points; arguments as above."""
        if sessions == 0:
            return _intrinsic(self.vix(state), strike, is_call)
        points = self._points(state)
        future = self.curve.futures(points, state[4], sessions)
        smiles = self._smiles("vix", points, sessions)
        return self._legs(future, self.curve.vix_deviations(points, sessions), smiles, strike, sessions, is_call)

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points] that settle after ``sessions``, shape (n_paths,)."""
        if sessions == 0:
            return self.vix(state)
        return self.curve.futures(self._points(state), state[4], sessions)

    def strikes_for_delta(self, spot: FloatArray, state: FloatArray, delta: FloatArray, sessions: int) -> FloatArray:
        """Strikes of the given spot deltas (n_legs,): calls if positive, puts if negative; (n_legs, n_paths)."""
        carry = float(np.exp(-self.model.dividend_yield * sessions / SESSIONS_PER_YEAR))
        wanted = np.asarray(delta, dtype=float)
        if sessions < 1 or np.any((np.abs(wanted) >= carry) | (wanted == 0.0)):
            raise PricingDomainError(
                f"delta must lie in (0, {carry:g}) for a call or (-{carry:g}, 0) for a put with at least one session "
                f"to expiry, got delta={wanted} and {sessions} sessions"
            )
        forward, deviation, smiles = self._spx(spot, state, sessions)
        put_delta = np.where(wanted > 0.0, wanted / carry - 1.0, wanted / carry)
        log_strike = np.empty((wanted.size, forward.size))
        log_strikes_for_delta(deviation, *smiles, put_delta, log_strike)
        return np.asarray(forward * np.exp(log_strike))

    # the general protocol

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        return self.curve.vix(state)

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        states, shape, (sessions,) = flattened(state, whole_sessions(ttm))
        result = np.empty(sessions.shape)
        for n, part in by_session(sessions):
            result[part] = self.vix_future_rows(states[:, part], n)
        return result.reshape(shape)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        states, shape, (k, sessions, call) = flattened(state, strike, whole_sessions(ttm), is_call)
        result = np.empty(k.shape)
        for n, part in by_session(sessions):
            both = self.price_vix_legs(states[:, part], np.stack([k[part]] * 2), n, _CALL_AND_PUT)
            result[part] = np.where(call[part] != 0.0, both[0], both[1])
        return result.reshape(shape)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``."""
        states, shape, (s, k, sessions, call) = flattened(state, spot, strike, whole_sessions(ttm), is_call)
        price, delta, vega, theta = np.empty((4, k.size))
        for n, part in by_session(sessions):
            args = s[part], states[:, part], np.stack([k[part]] * 2)
            is_call_part = call[part] != 0.0
            later = self.price_spx_legs(*args, max(n - 1, 0), _CALL_AND_PUT)
            price[part] = np.where(is_call_part, *self.price_spx_legs(*args, n, _CALL_AND_PUT))
            delta[part] = self._spx_deltas(s[part], states[:, part], k[part], n, is_call_part)
            theta[part] = np.where(is_call_part, *later) - price[part]
            vega[part] = self._vega(price[part], s[part], k[part], n, is_call_part)
        return OptionValue(
            price=price.reshape(shape), delta=delta.reshape(shape), vega=vega.reshape(shape), theta=theta.reshape(shape)
        )

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.strike_for_delta``."""
        states, shape, (s, wanted, sessions) = flattened(state, spot, delta, whole_sessions(ttm))
        result = np.empty(s.shape)
        for n, part in by_session(sessions):
            for value in np.unique(wanted[part]):
                chosen = part[wanted[part] == value]
                result[chosen] = self.strikes_for_delta(s[chosen], states[:, chosen], np.array([value]), n)[0]
        return result.reshape(shape)

    # internals

    def _points(self, state: FloatArray) -> FloatArray:
        before = self.curve.clamp_count
        points = self.curve.points(np.asarray(state))
        self.clamp_count += self.curve.clamp_count - before
        return points

    def _smiles(self, name: str, points: FloatArray, sessions: int) -> Smiles:
        """Each path's own surfaces of one row, as a table of as many rows as paths."""
        smiles = self.curve.vix.basis.features(points).T @ self._tables[name][sessions - 1]
        n_paths, width = smiles.shape
        weight = np.zeros((4, n_paths))
        weight[0] = 1.0
        shape = width // 2, width, width // 2, AXIS.n_past, AXIS.step
        return np.arange(n_paths), weight, _SAME_ROW, np.ascontiguousarray(smiles).ravel(), shape

    def _spx(self, spot: FloatArray, state: FloatArray, sessions: int) -> tuple[FloatArray, FloatArray, Smiles]:
        self.curve.check(sessions)
        points = self._points(state)
        growth = np.exp((self.model.rate - self.model.dividend_yield) * sessions / SESSIONS_PER_YEAR)
        deviation = self.curve.spx_deviations(points, state[4], sessions)
        return np.asarray(spot * growth), deviation, self._smiles("spx", points, sessions)

    def _legs(
        self,
        forward: FloatArray,
        deviation: FloatArray,
        smiles: Smiles,
        strike: FloatArray,
        sessions: int,
        is_call: BoolArray,
    ) -> FloatArray:
        price = np.empty(strike.shape)
        discount = np.exp(-self.model.rate * sessions / SESSIONS_PER_YEAR)
        price_legs(forward, deviation, *smiles, strike, is_call, discount, price)
        return price

    def _spx_deltas(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        if sessions == 0:
            sign = np.where(is_call, 1.0, -1.0)
            return np.where(sign * (spot - strike) > 0.0, sign, 0.0)
        forward, deviation, smiles = self._spx(spot, state, sessions)
        delta = np.empty(strike.shape)
        put_deltas(forward, deviation, *smiles, strike, delta)
        carry = np.exp(-self.model.dividend_yield * sessions / SESSIONS_PER_YEAR)
        return np.asarray(carry * np.where(is_call, delta + 1.0, delta))

    def _vega(
        self, price: FloatArray, spot: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        if sessions == 0:
            return np.zeros(price.shape)
        ttm = sessions / SESSIONS_PER_YEAR
        discount = np.exp(-self.model.rate * ttm)
        forward = spot * np.exp((self.model.rate - self.model.dividend_yield) * ttm)
        volatility = implied_volatility(price / discount, forward, strike, ttm, is_call=is_call)
        return np.asarray(0.01 * discount * black_vega(forward, strike, ttm, volatility))


def _intrinsic(underlying: FloatArray, strike: FloatArray, is_call: BoolArray) -> FloatArray:
    sign = np.where(is_call, 1.0, -1.0)[:, None]
    return np.asarray(np.maximum(sign * (underlying - strike), 0.0))
