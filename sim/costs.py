"""What trades cost: commission and fees a contract, and the part of the half-spread that an order pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.config import CostsConfig
from sim.contracts import HOLDINGS, ContractSet, Product
from sim.marking import value_legs

FloatArray = NDArray[np.float64]

CALENDAR_DAYS_PER_SESSION = 365.0 / SESSIONS_PER_YEAR
"""By which tables over calendar days read a time in sessions."""

_FROM_ANY = np.array([-np.inf])


def fee_per_contract(costs: CostsConfig, product: Product, mid: FloatArray) -> FloatArray:
    """Commission and fees of one contract and side [USD], of the shape of the mids."""
    premiums, fees = _fee_table(costs, product)
    return np.asarray(fees[np.searchsorted(premiums, mid, side="right") - 1])


def _fee_table(costs: CostsConfig, product: Product) -> tuple[FloatArray, FloatArray]:
    """Premiums from which on fees hold [points], and commission and fees together [USD]."""
    if product is Product.VIX_FUTURE:
        return _FROM_ANY, np.array([costs.commission_per_future + costs.exchange_fee_vix_future])
    if product in HOLDINGS:
        return _FROM_ANY, np.array([costs.commission_per_share])
    exchange = costs.exchange_fee_spx if product is Product.SPX_OPTION else costs.exchange_fee_vix
    own = costs.commission_per_contract + costs.regulatory_fee
    if not isinstance(exchange, tuple):
        return _FROM_ANY, np.array([own + exchange])
    premiums, fees = (np.array(column) for column in zip(*exchange, strict=True))
    return premiums, own + fees


def half_spread(
    costs: CostsConfig,
    product: Product,
    mid: FloatArray,
    vix: FloatArray,
    *,
    sessions: int = 0,
    widening: float = 1.0,
) -> FloatArray:
    """Half of the quoted spread [points].

    Parameters
    ----------
    costs : CostsConfig
        The schedule.
    product : Product
        Kind of contract.
    mid : ndarray of shape (n_legs, n_paths)
        Mids [points].
    vix : ndarray of shape (n_paths,)
        VIX of the day [points]; spreads widen with it.
    sessions : int
        Sessions to expiry; 0 for what never expires.
    widening : float
        Factor on what the schedule says, >= 0 [-].

    Returns
    -------
    ndarray of shape (n_legs, n_paths)
        Half-spread [points]. For options it is at most the mid: a bid is never negative.
    """
    schedule, widening = getattr(costs.half_spread, product.value), _widening(costs, product, sessions, widening)
    stress = widening * (1.0 + schedule.stress_slope * np.maximum(vix / schedule.calm_vix - 1.0, 0.0))
    if product is Product.VIX_FUTURE:
        return np.asarray(np.broadcast_to(max(0.5 * schedule.tick, schedule.fixed) * stress, mid.shape))
    wide = np.maximum(0.5 * schedule.tick, schedule.fixed + schedule.proportional * mid) * stress
    return np.asarray(np.minimum(wide, mid))


def _crossing(costs: CostsConfig, n_legs: int) -> FloatArray:
    """Fraction of the half-spread by number of legs traded, 0 to all of them [-]."""
    return np.array([costs.crossing_fraction(max(n, 1)) for n in range(n_legs + 1)])


def _widening(costs: CostsConfig, product: Product, sessions: int, widening: float) -> float:
    """Factor on half-spreads of a time to expiry [-]."""
    days, factors = zip(*getattr(costs.half_spread, product.value).tenor, strict=True)
    return widening * float(np.interp(CALENDAR_DAYS_PER_SESSION * sessions, days, factors))


def holding_cost(
    costs: CostsConfig, contracts: ContractSet, quantity: FloatArray, mid: FloatArray
) -> FloatArray | None:
    """Fee of one session for what is held long [USD], shape (n_paths,); None where the product has none."""
    if contracts.product is not Product.VIX_ETN:
        return None
    value = np.empty(mid.shape[1])
    value_legs(np.maximum(quantity, 0.0), mid, contracts.multiplier, value)
    return value * costs.etn_fee / SESSIONS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a schedule says of orders in one product, ready for ``add_up_costs``: looked up once, not at every order.

    Parameters
    ----------
    stress, width, is_future, crossing, premiums, fees
        As in ``add_up_costs``.
    """

    stress: tuple[float, float]
    width: tuple[float, float, float]
    is_future: bool
    crossing: FloatArray
    premiums: FloatArray
    fees: FloatArray

    @classmethod
    def of(cls, costs: CostsConfig, product: Product, n_legs: int) -> Self:
        """Tariff of orders of ``n_legs`` legs at most."""
        schedule, is_future = getattr(costs.half_spread, product.value), product is Product.VIX_FUTURE
        return cls(
            (schedule.stress_slope, schedule.calm_vix),
            (0.5 * schedule.tick, schedule.fixed, 0.0 if is_future else schedule.proportional),
            is_future,
            _crossing(costs, n_legs),
            *_fee_table(costs, product),
        )

    def cost(
        self, change: FloatArray, mid: FloatArray, vix: FloatArray, multiplier: float, widening: float
    ) -> FloatArray:
        """Cost of an order [USD], shape (n_paths,); see ``Tariffs.trade_cost`` and ``add_up_costs``."""
        cost = np.empty(change.shape[1])
        add_up_costs(
            change,
            mid,
            vix,
            widening,
            self.stress,
            self.width,
            self.is_future,
            self.crossing,
            multiplier,
            self.premiums,
            self.fees,
            cost,
        )
        return cost


class Tariffs:
    """Costs of the orders of one strategy under one schedule.

    Parameters
    ----------
    costs : CostsConfig
        The schedule.
    """

    def __init__(self, costs: CostsConfig) -> None:
        self._costs = costs
        self._known: dict[tuple[Product, int], Tariff] = {}
        self._widenings: dict[tuple[Product, int], float] = {}

    def trade_cost(
        self,
        contracts: ContractSet,
        change: FloatArray,
        mid: FloatArray,
        vix: FloatArray,
        sessions: int = 0,
        friction: float = 1.0,
    ) -> FloatArray:
        """Cost of changing a position in one order.

        Parameters
        ----------
        contracts : ContractSet
            What is traded.
        change : ndarray of shape (n_legs, n_paths)
            Signed contracts bought; the number of legs that a path trades decides the fraction of the half-spread that
            it pays.
        mid : ndarray of shape (n_legs, n_paths)
            Mids [points].
        vix : ndarray of shape (n_paths,)
            VIX of the day [points].
        sessions : int
            Sessions to expiry; 0 for what never expires.
        friction : float
            Factor on half-spreads, >= 0 [-].

        Returns
        -------
        ndarray of shape (n_paths,)
            Cost, >= 0 [USD].
        """
        product, n_legs = contracts.product, contracts.n_legs
        tariff = self._known.get((product, n_legs))
        if tariff is None:
            tariff = self._known[product, n_legs] = Tariff.of(self._costs, product, n_legs)
        widening = self._widenings.get((product, sessions))
        if widening is None:
            widening = self._widenings[product, sessions] = _widening(self._costs, product, sessions, 1.0)
        return tariff.cost(change, mid, vix, contracts.multiplier, friction * widening)


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def add_up_costs(
    change: FloatArray,
    mid: FloatArray,
    vix: FloatArray,
    widening: float,
    stress: tuple[float, float],
    width: tuple[float, float, float],
    is_future: bool,
    crossing: FloatArray,
    multiplier: float,
    premiums: FloatArray,
    fees: FloatArray,
    cost: FloatArray,
) -> None:
    """Fill the cost of an order on every path [USD]: ``half_spread`` and ``fee_per_contract`` in one pass.

    Parameters
    ----------
    change, mid, vix
        As in ``Tariffs.trade_cost``.
    widening : float
        Factor on half-spreads [-].
    stress : tuple
        Slope, and VIX up to which spreads do not widen [points].
    width : tuple
        Smallest half-spread, that of a worthless contract [points], and what is added per point of premium.
    is_future : bool
        Whether the half-spread may exceed the mid.
    crossing : ndarray of shape (n_legs + 1,)
        Share of the half-spread that is paid, by number of legs traded [-].
    multiplier : float
        Dollars a point.
    premiums, fees : ndarray
        Premiums from which on fees hold [points], and the fees [USD].
    cost : ndarray of shape (n_paths,)
        Filled.
    """
    slope, calm = stress
    least, fixed, proportional = width
    legs = np.zeros(cost.size, np.int64)
    for leg in range(change.shape[0]):
        for i in range(change.shape[1]):
            if change[leg, i] != 0.0:
                legs[i] += 1
    cost[:] = 0.0
    for leg in range(change.shape[0]):
        for i in range(change.shape[1]):
            if change[leg, i] == 0.0:
                continue
            premium = mid[leg, i]
            if np.isnan(premium):  # comparisons below would pass it over
                cost[i] = np.nan
                continue
            wide = max(least, fixed + proportional * premium)
            wide *= widening * (1.0 + slope * max(vix[i] / calm - 1.0, 0.0))
            row = 0
            while row + 1 < premiums.size and premiums[row + 1] <= premium:
                row += 1
            half = wide if is_future else min(wide, premium)
            each = crossing[legs[i]] * half * multiplier + fees[row]
            cost[i] += abs(change[leg, i]) * each
