"""Prices of whole legs for all paths of one session at once, which a simulation asks for day by day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue, Pricer

BoolArray = NDArray[np.bool_]

LEAST_VARIANCE = 1e-8
"""Variance that is moved at least: a share of nothing would be no move."""


@runtime_checkable
class RowPricer(Pricer, Protocol):
    """A pricer that prices whole legs for all paths of one session at once, in model sessions.

    Tabulated pricers offer these; ``RowsFromPricer`` gives them to any other pricer.
    """

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """Present values [points], shape (n_legs, n_paths), of SPX options that expire after ``sessions``."""
        ...

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """Present values [points], shape (n_legs, n_paths), of VIX options that expire after ``sessions``."""
        ...

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points], shape (n_paths,), that settle after ``sessions``."""
        ...


@dataclass(frozen=True, slots=True)
class RowsFromPricer:
    """Row prices from a pricer that only answers the general protocol.

    Parameters
    ----------
    pricer : Pricer
        Exact pricer of a model, or that of a model without tables.
    """

    pricer: Pricer

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer``."""
        return self.pricer.vix(state)

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer``."""
        return self.pricer.vix_future(state, ttm)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer``."""
        return self.pricer.vix_option(state, strike=strike, ttm=ttm, is_call=is_call)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer``."""
        return self.pricer.spx_option(spot, state, strike=strike, ttm=ttm, is_call=is_call)

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer``."""
        return self.pricer.strike_for_delta(spot, state, delta=delta, ttm=ttm)

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """See ``RowPricer``."""
        ttm = sessions / SESSIONS_PER_YEAR
        return self.pricer.spx_option(spot, state, strike=strike, ttm=ttm, is_call=is_call[:, None]).price

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """See ``RowPricer``."""
        return self.pricer.vix_option(state, strike=strike, ttm=sessions / SESSIONS_PER_YEAR, is_call=is_call[:, None])

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """See ``RowPricer``."""
        return self.pricer.vix_future(state, sessions / SESSIONS_PER_YEAR)


def price_spx_tenors(
    pricer: RowPricer,
    spot: FloatArray,
    state: FloatArray,
    strike: FloatArray,
    sessions: Sequence[int],
    is_call: BoolArray,
) -> FloatArray:
    """SPX options of several tenors: in one pass where the pricer has a ``price_spx_tenors`` of its own.

    Parameters
    ----------
    pricer : RowPricer
        Its ``price_spx_tenors(spot, state, strike, sessions, is_call)`` works out once what tenors share.
    spot : ndarray of shape (n_paths,)
        SPX [points].
    state : ndarray of shape (n_factors, n_paths)
        States.
    strike : ndarray of shape (n_tenors, n_legs, n_paths)
        Strikes [points].
    sessions : sequence of int
        Sessions to expiry, one a tenor, each at least 1.
    is_call : ndarray of bool, shape (n_legs,)
        Right of each leg.

    Returns
    -------
    ndarray of shape (n_tenors, n_legs, n_paths)
        Present values [points].
    """
    own = getattr(pricer, "price_spx_tenors", None)
    if own is not None:
        return np.asarray(own(spot, state, strike, sessions, is_call))

    def legs(some: FloatArray, n: int, right: BoolArray) -> FloatArray:
        return pricer.price_spx_legs(spot, state, some, n, right)

    return _tenor_by_tenor(legs, strike, sessions, is_call)


def price_vix_tenors(
    pricer: RowPricer, state: FloatArray, strike: FloatArray, sessions: Sequence[int], is_call: BoolArray
) -> FloatArray:
    """VIX options of several tenors, as ``price_spx_tenors``."""
    own = getattr(pricer, "price_vix_tenors", None)
    if own is not None:
        return np.asarray(own(state, strike, sessions, is_call))

    def legs(some: FloatArray, n: int, right: BoolArray) -> FloatArray:
        return pricer.price_vix_legs(state, some, n, right)

    return _tenor_by_tenor(legs, strike, sessions, is_call)


def _tenor_by_tenor(
    legs: Callable[[FloatArray, int, BoolArray], FloatArray],
    strike: FloatArray,
    sessions: Sequence[int],
    is_call: BoolArray,
) -> FloatArray:
    """One call a tenor: neighbours of the same life are legs of one."""
    prices = []
    for n, some in groupby(range(len(sessions)), key=lambda k: sessions[k]):
        strikes = strike[list(some)]
        flat = legs(strikes.reshape(-1, strikes.shape[-1]), n, np.tile(is_call, len(strikes)))
        prices.append(flat.reshape(strikes.shape))
    return np.concatenate(prices)


def vix_future_tenors(pricer: RowPricer, state: FloatArray, sessions: Sequence[int]) -> FloatArray:
    """VIX futures [points] of several tenors, shape (n_tenors, n_paths), as ``price_spx_tenors``."""
    own = getattr(pricer, "vix_future_tenors", None)
    if own is not None:
        return np.asarray(own(state, sessions))
    return np.stack([pricer.vix_future_rows(state, n) for n in sessions])


class SessionPricer(Protocol):
    """What a market quotes from one session: lives are whole sessions, counted from it."""

    def vix(self, state: FloatArray) -> FloatArray:
        """VIX [points], shape (n_paths,)."""
        ...

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: float, is_call: ArrayLike
    ) -> OptionValue:
        """PM-settled SPX options with their sensitivities, one expiry ``ttm`` years away."""
        ...

    def strike_for_delta(self, spot: FloatArray, state: FloatArray, *, delta: FloatArray, ttm: float) -> FloatArray:
        """Strikes (n_legs, n_paths) of given deltas (n_legs, 1), one expiry ``ttm`` years away."""
        ...

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """PM-settled SPX options [points], shape (n_legs, n_paths)."""
        ...

    def price_spx_open_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """AM-settled SPX options [points], shape (n_legs, n_paths)."""
        ...

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """VIX options [points], shape (n_legs, n_paths)."""
        ...

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points], shape (n_paths,)."""
        ...


def moved_state(pricer: object, state: FloatArray, size: float) -> FloatArray:
    """State in which volatility stands a little higher or lower, for sensitivities to the level of the VIX.

    Parameters
    ----------
    pricer : object
        Its ``moved_state(state, size)`` knows the units of the factors; without one, all are variances.
    state : ndarray of shape (n_factors, n_paths)
        States.
    size : float
        Relative move of variances; logarithms of them move by as much.
    """
    own = getattr(pricer, "moved_state", None)
    return np.asarray(own(state, size) if own is not None else np.maximum(state, LEAST_VARIANCE) * (1.0 + size))
