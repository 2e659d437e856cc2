"""The tabulated pricer: the exact pricer's answers for whole sessions, as fast as a few taps a leg."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import asdict
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from models.black import black_vega, implied_volatility
from models.building import counted
from models.errors import PricingDomainError
from models.grid_table import StateGrid
from models.notebook_view import PricerView
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.slices import SliceSource, TableModel
from models.table_cache import load_or_build, table_hash
from models.table_layout import TableLayout, table_layout
from models.table_rows import TableRows

BoolArray = NDArray[np.bool_]
Arrays = dict[str, FloatArray]

TABLE_VERSION = 5
"""Raised whenever the content of the tables changes."""


def tabulated_pricer(model: TableModel, *, max_sessions: int = 90) -> TablePricer:
    """Build the tables of a model, or read them from the cache.

    Parameters
    ----------
    model : TableModel
        One or two continuous factors, and a discrete one if wanted.
    max_sessions : int
        Longest tenor. [sessions]
    """
    layout = table_layout(model)
    identity = {
        "model": model.pricing_key(),
        "version": TABLE_VERSION,
        "max_sessions": max_sessions,
        "layout": asdict(layout),
    }
    key = table_hash(identity)
    tables = load_or_build(
        key, lambda: build_tables(model.slice_source(), layout, max_sessions), of=f"the prices of {model!r}"
    )
    return TablePricer(model, layout, tables, key=key)


def build_tables(source: SliceSource, layout: TableLayout, max_sessions: int) -> Arrays:
    """Coefficients of all tables, session by session.

    Parameters
    ----------
    source : SliceSource
        Prices on the grid of states.
    layout : TableLayout
        Grids.
    max_sessions : int
        Longest tenor. [sessions]

    Returns
    -------
    dict of ndarray
        ``spx`` and ``vix`` of shape (max_sessions, 2, n_rows, n_strikes): puts and calls; ``spx_deviation``,
        ``vix_future`` and ``vix_deviation`` of shape (max_sessions, n_fine_rows) of their grids.
    """
    # products of small matrices on many threads only wait for one another
    with threadpool_limits(limits=1), ThreadPoolExecutor(max_workers=2) as pool:
        spx = pool.submit(_spx_tables, source, layout, max_sessions)
        tables = _vix_tables(source, layout, max_sessions)
        tables.update(spx.result())
    return tables


def _spx_tables(source: SliceSource, layout: TableLayout, max_sessions: int) -> Arrays:
    scaled, empty = layout.spx.scaled(), np.empty(0)
    options = [
        _surfaces(layout.state, puts, calls, layout.dtype)
        for _, puts, calls in source.spx_slices(layout.state.states(), scaled, max_sessions)
    ]
    fine = layout.fine
    deviations = [_line(fine, deviation) for deviation, _, _ in source.spx_slices(fine.states(), empty, max_sessions)]
    return {"spx": np.stack(options), "spx_deviation": np.stack(deviations)}


def _vix_tables(source: SliceSource, layout: TableLayout, max_sessions: int) -> Arrays:
    slices = source.vix_slices(layout.vix_state.states(), layout.vix.scaled(), max_sessions)
    options = [
        _surfaces(layout.vix_state, puts, calls, layout.dtype) for _, _, puts, calls in counted(slices, max_sessions)
    ]
    futures, deviations = _vix_lines(source, layout, max_sessions)
    return {"vix": np.stack(options), "vix_future": np.stack(futures), "vix_deviation": np.stack(deviations)}


def _vix_lines(source: SliceSource, layout: TableLayout, max_sessions: int) -> tuple[list[FloatArray], ...]:
    """Futures and deviations, session by session, each on its grid."""
    grids = layout.fine, layout.vix_fine
    lines = {grid: list(source.vix_slices(grid.states(), np.empty(0), max_sessions)) for grid in dict.fromkeys(grids)}
    return tuple([_line(grid, line[which]) for line in lines[grid]] for which, grid in enumerate(grids))


def _surfaces(grid: StateGrid, puts: FloatArray, calls: FloatArray, dtype: str) -> FloatArray:
    return np.stack([grid.coefficients(side).astype(dtype) for side in (puts, calls)])


def _line(grid: StateGrid, values: FloatArray) -> FloatArray:
    return grid.coefficients(values[:, None])[:, 0]


@final
class TablePricer(PricerView):
    """Prices by table lookup; see ``models.protocols.Pricer``. Tenors are whole sessions.

    States beyond the model's ``table_axes`` are priced at their ends and counted in ``clamp_count``. Legs that were
    priced, by index, are counted in ``leg_counts``, for the pricer and its copies together.

    Parameters
    ----------
    model : TableModel
        The model that the tables were built from.
    layout : TableLayout
        Their grids.
    tables : dict of ndarray
        From ``build_tables`` or the cache.
    key : str
        Hash that identifies the tables.
    """

    def __init__(self, model: TableModel, layout: TableLayout, tables: Arrays, *, key: str) -> None:
        self.model = model
        self.layout = layout
        self.table_hash = key
        self.max_sessions = int(tables["spx"].shape[0])
        self._tables = tables
        self._rows = TableRows(layout, tables, rate=model.rate, dividend_yield=model.dividend_yield)
        self._exact = model.exact_pricer()

    @property
    def clamp_count(self) -> int:
        """States priced so far beyond the tables."""
        return self._rows.clamp_count

    @property
    def leg_counts(self) -> Counter[str]:
        """Legs priced so far, by index."""
        return self._rows.leg_counts

    def __copy__(self) -> TablePricer:
        """The same tables and count of legs, with a count of clamped states of its own."""
        twin = object.__new__(TablePricer)
        twin.__dict__.update(self.__dict__)
        twin._rows = copy(self._rows)
        return twin

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
        state : ndarray of shape (n_factors, n_paths)
            State of the model.
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
        (price,) = self._rows.price_spx_tenors(spot, state, strike[None], (sessions,), is_call)
        return np.asarray(price)

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """Present values of VIX options, in VIX points; arguments as above."""
        if sessions == 0:
            return _intrinsic(self.vix(state), strike, is_call)
        (price,) = self._rows.price_vix_tenors(state, strike[None], (sessions,), is_call)
        return np.asarray(price)

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points] that settle after ``sessions``, shape (n_paths,)."""
        if sessions == 0:
            return self.vix(state)
        (future,) = self._rows.vix_future_tenors(state, (sessions,))
        return np.asarray(future)

    # rows of several tenors: the state is located once

    def price_spx_tenors(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: Sequence[int], is_call: BoolArray
    ) -> FloatArray:
        """See ``models.rows.price_spx_tenors``."""
        return self._rows.price_spx_tenors(spot, state, strike, sessions, is_call)

    def price_vix_tenors(
        self, state: FloatArray, strike: FloatArray, sessions: Sequence[int], is_call: BoolArray
    ) -> FloatArray:
        """See ``models.rows.price_vix_tenors``."""
        return self._rows.price_vix_tenors(state, strike, sessions, is_call)

    def vix_future_tenors(self, state: FloatArray, sessions: Sequence[int]) -> FloatArray:
        """See ``models.rows.vix_future_tenors``."""
        return self._rows.vix_future_tenors(state, sessions)

    def strikes_for_delta(self, spot: FloatArray, state: FloatArray, delta: FloatArray, sessions: int) -> FloatArray:
        """Strikes of the given spot deltas (n_legs,): calls if positive, puts if negative; (n_legs, n_paths)."""
        carry = float(np.exp(-self.model.dividend_yield * sessions / SESSIONS_PER_YEAR))
        wanted = np.asarray(delta, dtype=float)
        if sessions < 1 or np.any((np.abs(wanted) >= carry) | (wanted == 0.0)):
            raise PricingDomainError(
                f"delta must lie in (0, {carry:g}) for a call or (-{carry:g}, 0) for a put with at least one session "
                f"to expiry, got delta={wanted} and {sessions} sessions"
            )
        put_delta = np.where(wanted > 0.0, wanted / carry - 1.0, wanted / carry)
        log_strike = self._rows.log_strikes(state, put_delta, sessions)
        return np.asarray(self._rows.forwards(spot, sessions) * np.exp(log_strike))

    def moved_state(self, state: FloatArray, size: float) -> FloatArray:
        """State in which volatility stands a little higher or lower; see ``models.rows.moved_state``."""
        moved = np.array(state, dtype=np.float64)
        for axis, factor in zip(self.layout.state.axes, moved, strict=False):
            if axis.kind == "linear":
                factor += size
            elif axis.kind != "index":
                np.maximum(factor, _LEAST_LEVEL * axis.high, out=factor)  # a share of nothing would be no move
                factor *= 1.0 + size
        return moved

    # the general protocol

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        return self._exact.vix(state)

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        factors, (sessions,), shape = _flat(state, self._sessions(ttm))
        result = np.empty(sessions.shape)
        for n, part in _by_session(sessions):
            result[part] = self.vix_future_rows(factors[:, part], n)
        return result.reshape(shape)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        factors, (k, sessions, call), shape = _flat(state, strike, self._sessions(ttm), is_call)
        result = np.empty(sessions.shape)
        for n, part in _by_session(sessions):
            both = self.price_vix_legs(factors[:, part], np.stack([k[part]] * 2), n, _CALL_AND_PUT)
            result[part] = np.where(call[part] != 0.0, both[0], both[1])
        return result.reshape(shape)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``."""
        factors, (s, k, sessions, call), shape = _flat(state, spot, strike, self._sessions(ttm), is_call)
        price, delta, vega, theta = np.empty((4, sessions.size))
        for n, part in _by_session(sessions):
            args = s[part], factors[:, part], np.stack([k[part]] * 2)
            is_call_part = call[part] != 0.0
            later = self.price_spx_legs(*args, max(n - 1, 0), _CALL_AND_PUT)
            price[part] = np.where(is_call_part, *self.price_spx_legs(*args, n, _CALL_AND_PUT))
            delta[part] = self._spx_deltas(s[part], factors[:, part], k[part], n, is_call_part)
            theta[part] = np.where(is_call_part, *later) - price[part]
            vega[part] = self._vega(price[part], s[part], k[part], n, is_call_part)
        return OptionValue(
            price=price.reshape(shape), delta=delta.reshape(shape), vega=vega.reshape(shape), theta=theta.reshape(shape)
        )

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.strike_for_delta``."""
        if np.ndim(ttm) == 0 and np.shape(spot) == state.shape[1:] and np.shape(delta)[1:] == (1,):
            # legs of one expiry, on paths: what a simulation asks for
            return self.strikes_for_delta(np.asarray(spot), state, np.asarray(delta)[:, 0], int(self._sessions(ttm)))
        factors, (s, wanted, sessions), shape = _flat(state, spot, delta, self._sessions(ttm))
        result = np.empty(sessions.shape)
        for n, part in _by_session(sessions):
            for value in np.unique(wanted[part]):
                chosen = part[wanted[part] == value]
                result[chosen] = self.strikes_for_delta(s[chosen], factors[:, chosen], np.array([value]), n)[0]
        return result.reshape(shape)

    # internals

    def _spx_deltas(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        if sessions == 0:
            sign = np.where(is_call, 1.0, -1.0)
            return np.where(sign * (spot - strike) > 0.0, sign, 0.0)
        delta = self._rows.put_deltas(self._rows.forwards(spot, sessions), state, strike, sessions)
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
        # a spot of next to nothing: rounding leaves no room for a volatility, and there is no vega
        undiscounted = price / discount
        has_room = undiscounted < np.where(is_call, forward, strike) * (1.0 - 1e-12)
        volatility = implied_volatility(
            np.where(has_room, undiscounted, 0.0), forward, np.where(has_room, strike, forward), ttm, is_call=is_call
        )
        return np.asarray(0.01 * discount * black_vega(forward, strike, ttm, volatility))

    def _sessions(self, ttm: ArrayLike) -> FloatArray:
        exact = np.asarray(ttm, dtype=float) * SESSIONS_PER_YEAR
        sessions = np.rint(exact)
        if np.any(np.abs(exact - sessions) > 1e-6) or np.any(sessions < 0):
            raise PricingDomainError(
                f"ttm must be a whole number of sessions / {SESSIONS_PER_YEAR} here, got {ttm!r}; "
                "exact_pricer() takes any time"
            )
        return np.asarray(sessions)


def _flat(state: FloatArray, *others: ArrayLike) -> tuple[FloatArray, list[FloatArray], tuple[int, ...]]:
    factors = np.asarray(state, dtype=np.float64)
    arrays = np.broadcast_arrays(factors[0], *(np.asarray(item, float) for item in others))
    shape = arrays[0].shape
    flat = np.stack([np.broadcast_to(factor, shape).ravel() for factor in factors])
    return flat, [np.ascontiguousarray(array).ravel() for array in arrays[1:]], shape


_CALL_AND_PUT = np.array([True, False])

_LEAST_LEVEL = 1e-6
"""Level of a factor that is moved at least, over the end of its range."""


def _intrinsic(underlying: FloatArray, strike: FloatArray, is_call: BoolArray) -> FloatArray:
    sign = np.where(is_call, 1.0, -1.0)[:, None]
    return np.asarray(np.maximum(sign * (underlying - strike), 0.0))


def _by_session(sessions: FloatArray) -> list[tuple[int, NDArray[np.intp]]]:
    values, inverse = np.unique(sessions, return_inverse=True)
    return [(int(value), np.flatnonzero(inverse == i)) for i, value in enumerate(values)]
