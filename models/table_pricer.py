"""The tabulated pricer: the exact pricer's answers for whole sessions, as fast as a few taps a leg."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.affine import AffineModel
from models.black import black_vega, implied_volatility
from models.errors import PricingDomainError
from models.kernels.leg import log_strikes_for_delta, price_legs, put_deltas, spline_rows, state_rows
from models.option_table import TableGrid, build_option_slices
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.table_cache import load_or_build, table_hash
from models.vix_table import build_vix_slices

BoolArray = NDArray[np.bool_]
Rows = tuple[NDArray[np.int64], FloatArray]

TABLE_VERSION = 1
"""Raised whenever the content of the tables changes."""

SPX_GRID = TableGrid()
VIX_GRID = TableGrid(n_state=33, pad_state=4, n_strike=41, pad_strike=5, reach=12.0)
VIX_FUTURE_GRID = TableGrid(n_state=193)


def tabulated_pricer(model: AffineModel, *, max_sessions: int = 90) -> TablePricer:
    """Build the tables of a one-factor affine model, or read them from the cache.

    Parameters
    ----------
    model : AffineModel
        Its state is an annual variance.
    max_sessions : int
        Longest tenor. [sessions]
    """
    grids = {"spx": SPX_GRID, "vix": VIX_GRID, "vix_future": VIX_FUTURE_GRID}
    identity = {
        "model": model.pricing_key(),
        "version": TABLE_VERSION,
        "max_sessions": max_sessions,
        **{name: asdict(grid) for name, grid in grids.items()},
    }
    key = table_hash(identity)
    return TablePricer(model, load_or_build(key, lambda: _build(model, max_sessions)), key=key)


def _build(model: AffineModel, max_sessions: int) -> dict[str, FloatArray]:
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        spx = pool.submit(build_option_slices, model, SPX_GRID, max_sessions)
        options, futures = build_vix_slices(model, VIX_GRID, VIX_FUTURE_GRID, max_sessions, pool.map)
        coefficients, deviations = spx.result()
    return {"spx": coefficients, "deviation": deviations, "vix": options, "vix_future": futures}


@final
class TablePricer:
    """Prices by table lookup; see ``models.protocols.Pricer``. Tenors are whole sessions.

    Variances above 1 (a VIX of about 100) are priced as 1 and counted in ``clamp_count``.

    Parameters
    ----------
    model : AffineModel
        The model that the tables were built from.
    tables : dict of ndarray
        From the cache.
    key : str
        Hash that identifies the tables.
    """

    def __init__(self, model: AffineModel, tables: dict[str, FloatArray], *, key: str) -> None:
        self.model = model
        self.table_hash = key
        self.max_sessions = int(tables["spx"].shape[0])
        self.clamp_count = 0
        self._tables = tables
        constant, slope = model.vix_squared_coefficients()
        self._vix_squared = constant, float(slope[0])

    def __repr__(self) -> str:
        return f"TablePricer({self.model!r}, max_sessions={self.max_sessions})"

    # rows: all legs of one expiry on all paths of a session

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """Present values of SPX options that expire after ``sessions``.

        Parameters
        ----------
        spot : ndarray of shape (n_paths,)
            SPX. [index points]
        state : ndarray of shape (1, n_paths)
            Variance. [1/year]
        strike : ndarray of shape (n_legs, n_paths)
            Strikes. [index points]
        sessions : int
            Sessions to expiry, 0 .. max_sessions.
        is_call : ndarray of bool, shape (n_legs,)
            Right of each leg.

        Returns
        -------
        ndarray of shape (n_legs, n_paths)
            Prices [index points].
        """
        if sessions == 0:
            return _intrinsic(spot, strike, is_call)
        price = _price(
            self._tables["spx"], SPX_GRID, *self._spx_scale(spot, state, sessions), strike, sessions, is_call
        )
        price *= np.exp(-self.model.rate * sessions / SESSIONS_PER_YEAR)
        return price

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """Present values of VIX options, in VIX points; arguments as above."""
        if sessions == 0:
            return _intrinsic(self.vix(state), strike, is_call)
        future, deviation = self._vix_future_rows(state, sessions)
        rows = self._state_rows(state[0], VIX_GRID)
        price = _price(self._tables["vix"], VIX_GRID, future, deviation, rows, strike, sessions, is_call)
        price *= np.exp(-self.model.rate * sessions / SESSIONS_PER_YEAR)
        return price

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points] that settle after ``sessions``, shape (n_paths,)."""
        return self.vix(state) if sessions == 0 else self._vix_future_rows(state, sessions)[0]

    def strikes_for_delta(self, spot: FloatArray, state: FloatArray, delta: FloatArray, sessions: int) -> FloatArray:
        """Strikes of the given spot deltas (n_legs,): calls if positive, puts if negative; (n_legs, n_paths)."""
        carry = float(np.exp(-self.model.dividend_yield * sessions / SESSIONS_PER_YEAR))
        wanted = np.asarray(delta, dtype=float)
        if sessions < 1 or np.any((np.abs(wanted) >= carry) | (wanted == 0.0)):
            raise PricingDomainError(
                f"delta must lie in (0, {carry:g}) for a call or (-{carry:g}, 0) for a put with at least one session "
                f"to expiry, got delta={wanted} and {sessions} sessions"
            )
        forward, deviation, rows = self._spx_scale(spot, state, sessions)
        put_delta = np.where(wanted > 0.0, wanted / carry - 1.0, wanted / carry)
        target = np.ascontiguousarray(np.broadcast_to(put_delta[:, None], (wanted.size, forward.size)))
        log_strike = np.empty(target.shape)
        puts, calls = self._tables["spx"][sessions - 1]
        log_strikes_for_delta(
            deviation, *rows, puts, calls, SPX_GRID.pad_strike, SPX_GRID.strike_step, target, log_strike
        )
        return np.asarray(forward * np.exp(log_strike))

    # the general protocol

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        constant, slope = self._vix_squared
        return np.asarray(100.0 * np.sqrt(constant + slope * np.asarray(state)[0]))

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        (variance, sessions), shape = self._flat(state, self._sessions(ttm))
        result = np.empty(variance.shape)
        for n, part in _by_session(sessions):
            result[part] = self.vix_future_rows(variance[None, part], n)
        return result.reshape(shape)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        (variance, k, sessions, call), shape = self._flat(state, strike, self._sessions(ttm), is_call)
        result = np.empty(variance.shape)
        for n, part in _by_session(sessions):
            both = self.price_vix_legs(variance[None, part], np.stack([k[part]] * 2), n, _CALL_AND_PUT)
            result[part] = np.where(call[part] != 0.0, both[0], both[1])
        return result.reshape(shape)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``."""
        (variance, s, k, sessions, call), shape = self._flat(state, spot, strike, self._sessions(ttm), is_call)
        price, delta, vega, theta = np.empty((4, variance.size))
        for n, part in _by_session(sessions):
            args = s[part], variance[None, part], np.stack([k[part]] * 2)
            is_call_part = call[part] != 0.0
            later = self.price_spx_legs(*args, max(n - 1, 0), _CALL_AND_PUT)
            price[part] = np.where(is_call_part, *self.price_spx_legs(*args, n, _CALL_AND_PUT))
            delta[part] = self._spx_deltas(s[part], variance[None, part], k[part], n, is_call_part)
            theta[part] = np.where(is_call_part, *later) - price[part]
            vega[part] = self._vega(price[part], s[part], k[part], n, is_call_part)
        return OptionValue(
            price=price.reshape(shape), delta=delta.reshape(shape), vega=vega.reshape(shape), theta=theta.reshape(shape)
        )

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.strike_for_delta``."""
        (variance, s, wanted, sessions), shape = self._flat(state, spot, delta, self._sessions(ttm))
        result = np.empty(variance.shape)
        for n, part in _by_session(sessions):
            for value in np.unique(wanted[part]):
                chosen = part[wanted[part] == value]
                result[chosen] = self.strikes_for_delta(s[chosen], variance[None, chosen], np.array([value]), n)[0]
        return result.reshape(shape)

    # internals

    def _spx_scale(self, spot: FloatArray, state: FloatArray, sessions: int) -> tuple[FloatArray, FloatArray, Rows]:
        self._check(sessions)
        ttm = sessions / SESSIONS_PER_YEAR
        forward = np.asarray(spot * np.exp((self.model.rate - self.model.dividend_yield) * ttm))
        constant, slope = self._tables["deviation"][sessions - 1]
        variance = np.minimum(np.maximum(state[0], _LOWEST), 1.0)
        return forward, np.sqrt((constant + slope * variance) * ttm), self._state_rows(state[0], SPX_GRID)

    def _spx_deltas(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        if sessions == 0:
            sign = np.where(is_call, 1.0, -1.0)
            return np.where(sign * (spot - strike) > 0.0, sign, 0.0)
        forward, deviation, rows = self._spx_scale(spot, state, sessions)
        delta = np.empty(strike.shape)
        puts, calls = self._tables["spx"][sessions - 1]
        put_deltas(forward, deviation, *rows, puts, calls, SPX_GRID.pad_strike, SPX_GRID.strike_step, strike, delta)
        carry = np.exp(-self.model.dividend_yield * sessions / SESSIONS_PER_YEAR)
        return np.asarray(carry * np.where(is_call, delta + 1.0, delta))

    def _vix_future_rows(self, state: FloatArray, sessions: int) -> tuple[FloatArray, FloatArray]:
        self._check(sessions)
        row, weight = self._state_rows(state[0], VIX_FUTURE_GRID)
        future, deviation = np.empty(row.shape), np.empty(row.shape)
        lines = self._tables["vix_future"][sessions - 1]
        spline_rows(row, weight, lines[0], future)
        spline_rows(row, weight, lines[1], deviation)
        return future, deviation

    def _state_rows(self, variance: FloatArray, grid: TableGrid) -> Rows:
        row, weight = np.empty(variance.shape, np.int64), np.empty((variance.size, 4))
        self.clamp_count += int(state_rows(np.ascontiguousarray(variance), grid.state_step, grid.n_state, row, weight))
        return row, weight

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

    def _check(self, sessions: int) -> None:
        if not 1 <= sessions <= self.max_sessions:
            raise PricingDomainError(
                f"the tables cover 1 to {self.max_sessions} sessions to expiry, got {sessions}; "
                "build them with a larger max_sessions"
            )

    def _sessions(self, ttm: ArrayLike) -> FloatArray:
        exact = np.asarray(ttm, dtype=float) * SESSIONS_PER_YEAR
        sessions = np.rint(exact)
        if np.any(np.abs(exact - sessions) > 1e-6) or np.any(sessions < 0):
            raise PricingDomainError(
                f"ttm must be a whole number of sessions / {SESSIONS_PER_YEAR} here, got {ttm!r}; "
                "exact_pricer() takes any time"
            )
        return np.asarray(sessions)

    @staticmethod
    def _flat(state: FloatArray, *others: ArrayLike) -> tuple[list[FloatArray], tuple[int, ...]]:
        arrays = np.broadcast_arrays(np.asarray(state, float)[0], *(np.asarray(item, float) for item in others))
        return [np.ascontiguousarray(array).ravel() for array in arrays], arrays[0].shape


_CALL_AND_PUT = np.array([True, False])
_LOWEST = float(SPX_GRID.variances()[0])


def _price(
    table: FloatArray,
    grid: TableGrid,
    forward: FloatArray,
    deviation: FloatArray,
    rows: Rows,
    strike: FloatArray,
    sessions: int,
    is_call: BoolArray,
) -> FloatArray:
    price = np.empty(strike.shape)
    puts, calls = table[sessions - 1]
    price_legs(forward, deviation, *rows, puts, calls, grid.pad_strike, grid.strike_step, strike, is_call, price)
    return price


def _intrinsic(underlying: FloatArray, strike: FloatArray, is_call: BoolArray) -> FloatArray:
    sign = np.where(is_call, 1.0, -1.0)[:, None]
    return np.asarray(np.maximum(sign * (underlying - strike), 0.0))


def _by_session(sessions: FloatArray) -> list[tuple[int, NDArray[np.intp]]]:
    values, inverse = np.unique(sessions, return_inverse=True)
    return [(int(value), np.flatnonzero(inverse == i)) for i, value in enumerate(values)]
