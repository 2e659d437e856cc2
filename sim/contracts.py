"""Listed contracts on SPX and VIX: what they are, how many dollars a point is worth, and which strikes exist."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Product(StrEnum):
    """Kind of contract."""

    SPX_OPTION = "spx_option"
    """European option on the SPX: PM-settled weekly, or AM-settled monthly (``ContractSet.is_am``)."""
    VIX_OPTION = "vix_option"
    """European option on the VIX, cash-settled on the morning of its expiry."""
    VIX_FUTURE = "vix_future"
    """VX future."""
    SPX_UNIT = "spx_unit"
    """One unit of an SPX fund that reinvests its dividends: SPX x exp(dividend yield x years since day 0)."""
    VIX_ETN = "vix_etn"
    """One note on the short-term VIX futures index, see ``sim.etn``; its yearly fee is a cost of holding it."""


MULTIPLIER: dict[Product, float] = {
    Product.SPX_OPTION: 100.0,
    Product.VIX_OPTION: 100.0,
    Product.VIX_FUTURE: 1000.0,
    Product.SPX_UNIT: 1.0,
    Product.VIX_ETN: 1.0,
}
"""Dollars per index point of one contract."""

OPTIONS = frozenset({Product.SPX_OPTION, Product.VIX_OPTION})
"""Products with a strike and a right."""

HOLDINGS = frozenset({Product.SPX_UNIT, Product.VIX_ETN})
"""Products that never expire; their contract sets carry the last session of the calendar."""

SPX_STRIKE_STEPS: tuple[tuple[float, float], ...] = ((0.20, 5.0), (0.40, 25.0), (np.inf, 100.0))
"""Listed SPX strikes: ``(up to this distance from the SPX as a share of it, distance of strikes)`` [-, index points].

Every step is a multiple of the one before, so that all strikes of a coarse part are listed in a fine one as well."""

SPX_FAR_SESSIONS, SPX_FAR_STEP = 126, 25.0
"""Time to expiry beyond which SPX strikes are at least so far apart [sessions, index points]."""

VIX_STRIKE_STEPS: tuple[tuple[float, float], ...] = ((20.0, 0.5), (30.0, 1.0), (50.0, 2.5), (np.inf, 5.0))
"""Listed VIX strikes: ``(up to this strike, distance)`` [VIX points]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class ContractSet:
    """Contracts of one product and one expiry, one strike a leg and a path.

    The set is compared and hashed by identity: two tranches that hold the same contracts hold the same object, which
    ``QuoteBook`` prices once a day. The arrays are shared, therefore read-only.

    Parameters
    ----------
    product : Product
        Kind of contract, the same for all legs.
    is_call : ndarray of bool, shape (n_legs,)
        Right of each leg; False where there is none.
    strike : ndarray of shape (n_legs, n_paths)
        Strikes [index points]; zeros where there is none.
    expiry : int
        Session index of the expiry on the market's calendar, the same for all paths.
    is_am : bool
        SPX options only: the series settles on the opening of its expiry and is last traded at the close before.
    """

    product: Product
    is_call: BoolArray
    strike: FloatArray
    expiry: int
    is_am: bool = False

    def __post_init__(self) -> None:
        if self.is_am and self.product is not Product.SPX_OPTION:
            raise ValueError(f"is_am must be False for {self.product}, it tells AM- from PM-settled SPX options")
        if self.strike.ndim != 2 or self.is_call.shape != self.strike.shape[:1]:
            raise ValueError(
                f"strike must have shape (n_legs, n_paths) and is_call (n_legs,), "
                f"got {self.strike.shape} and {self.is_call.shape}"
            )
        self.is_call.setflags(write=False)
        self.strike.setflags(write=False)

    @property
    def n_legs(self) -> int:
        """Number of legs."""
        return int(self.strike.shape[0])

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return int(self.strike.shape[1])

    @property
    def multiplier(self) -> float:
        """Dollars per index point of one contract."""
        return MULTIPLIER[self.product]


def listed_spx_strike(strike: ArrayLike, spot: ArrayLike, sessions: int) -> FloatArray:
    """Nearest listed SPX strike.

    Parameters
    ----------
    strike : array_like
        Wanted strikes [index points], > 0.
    spot : array_like
        SPX at the time of listing, broadcast against ``strike`` [index points].
    sessions : int
        Time to expiry.

    Returns
    -------
    ndarray
        Strikes on the listed grid, of the same shape, never below the first listed strike.

    Notes
    -----
    The exchange lists strikes 5, 10, 25, 50, 100 and 200 points apart, finest near expiry, and 25 apart in far months;
    where one distance ends and the next begins it does not say, and ``SPX_STRIKE_STEPS`` is an assumption.
    """
    wanted = np.asarray(strike, dtype=np.float64)
    return _listed(wanted, _spx_step(wanted, spot, sessions))


def listed_spx_wing(short: ArrayLike, width: ArrayLike, spot: ArrayLike, sessions: int) -> FloatArray:
    """Listed SPX strike nearest to ``width`` from a sold one and beyond it, unless that is the lowest of all.

    Parameters
    ----------
    short : array_like
        Sold strikes [index points].
    width : array_like
        Wanted distance [index points]: > 0 above the sold strike, < 0 below it.
    spot, sessions
        As of ``listed_spx_strike``.
    """
    sold, distance = np.asarray(short, dtype=np.float64), np.asarray(width, dtype=np.float64)
    wing = listed_spx_strike(sold + distance, spot, sessions)
    step, sign = _spx_step(sold + distance, spot, sessions), np.sign(distance)
    next_one = np.maximum(sign * (np.floor(sign * sold / step) + 1.0) * step, step)
    return np.asarray(np.where(sign * (wing - sold) > 0.0, wing, next_one))


def _spx_step(wanted: FloatArray, spot: ArrayLike, sessions: int) -> FloatArray:
    """Distance of the strikes around those that are wanted [index points]."""
    bounds = np.array([bound for bound, _ in SPX_STRIKE_STEPS[:-1]])
    steps = np.array([step for _, step in SPX_STRIKE_STEPS])
    if sessions > SPX_FAR_SESSIONS:
        steps = np.maximum(steps, SPX_FAR_STEP)
    distance = np.asarray(np.abs(wanted / np.asarray(spot, dtype=np.float64) - 1.0))
    step = np.empty(distance.shape)
    fill_steps(distance.ravel(), bounds, steps, False, step.ravel())
    return step


def listed_vix_strike(strike: ArrayLike) -> FloatArray:
    """Nearest listed VIX strike, never below the first one.

    Strikes are 0.5 apart up to 20, 1 up to 30, 2.5 up to 50 and 5 beyond, the pattern of the monthly series.

    Parameters
    ----------
    strike : array_like
        Wanted strikes [index points], > 0.
    """
    wanted = np.asarray(strike, dtype=np.float64)
    bounds = np.array([bound for bound, _ in VIX_STRIKE_STEPS[:-1]])
    steps = np.array([step for _, step in VIX_STRIKE_STEPS])
    step = np.empty(wanted.shape)
    fill_steps(wanted.ravel(), bounds, steps, True, step.ravel())
    return _listed(wanted, step)


def _listed(wanted: FloatArray, step: FloatArray) -> FloatArray:
    """Multiples of the steps nearest to what is wanted, at least one of them."""
    wanted, step = np.broadcast_arrays(wanted, step)
    listed = np.empty(step.shape)
    fill_multiples(wanted.ravel(), step.ravel(), listed.ravel())
    return listed


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill_multiples(wanted: FloatArray, step: FloatArray, listed: FloatArray) -> None:
    """Fill the multiples of steps nearest to what is wanted, at least the first; all of shape (n,)."""
    for i in range(wanted.size):
        listed[i] = max(np.rint(wanted[i] / step[i]), 1.0) * step[i]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill_steps(value: FloatArray, bounds: FloatArray, steps: FloatArray, has_bound: bool, step: FloatArray) -> None:
    """Fill the step of the interval in which each value lies.

    Parameters
    ----------
    value : ndarray of shape (n,)
        Values.
    bounds : ndarray of shape (n_steps - 1,)
        Where one interval ends and the next begins, rising.
    steps : ndarray of shape (n_steps,)
        Steps.
    has_bound : bool
        Whether a bound belongs to the interval above it.
    step : ndarray of shape (n,)
        Filled.
    """
    step[:] = steps[0]
    for number in range(bounds.size):
        bound, above = bounds[number], steps[number + 1]
        if has_bound:
            for i in range(value.size):
                step[i] = above if value[i] >= bound else step[i]
        else:
            for i in range(value.size):
                step[i] = above if value[i] > bound else step[i]


def payoff(contracts: ContractSet, settlement: FloatArray) -> FloatArray:
    """Value of the contracts at expiry.

    Parameters
    ----------
    contracts : ContractSet
        The contracts.
    settlement : ndarray of shape (n_paths,)
        Settlement value of the underlying index [points].

    Returns
    -------
    ndarray of shape (n_legs, n_paths)
        Intrinsic value of options, the settlement value itself for futures and holdings [points].
    """
    if contracts.product not in OPTIONS:
        return np.repeat(settlement[None, :], contracts.n_legs, axis=0)
    sign = np.where(contracts.is_call, 1.0, -1.0)[:, None]
    return np.maximum(sign * (settlement[None, :] - contracts.strike), 0.0)
