"""What trades cost: commission and fees a contract, and the part of the half-spread that an order pays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.config import CostsConfig
from sim.contracts import HOLDINGS, ContractSet, Product
from sim.marking import value_legs

FloatArray = NDArray[np.float64]


CALENDAR_DAYS_PER_SESSION = 365.0 / SESSIONS_PER_YEAR
"""By which tables over calendar days read a time in sessions."""


def fee_per_contract(costs: CostsConfig, product: Product, mid: FloatArray) -> FloatArray:
    """Commission and fees of one contract and side [USD], of the shape of the mids."""
    if product is Product.VIX_FUTURE:
        return np.full(mid.shape, costs.commission_per_future + costs.exchange_fee_vix_future)
    if product in HOLDINGS:
        return np.full(mid.shape, costs.commission_per_share)
    exchange = costs.exchange_fee_spx if product is Product.SPX_OPTION else costs.exchange_fee_vix
    own = costs.commission_per_contract + costs.regulatory_fee
    if not isinstance(exchange, tuple):
        return np.full(mid.shape, own + exchange)
    premiums, fees = (np.array(column) for column in zip(*exchange, strict=True))
    return np.asarray(own + fees[np.searchsorted(premiums, mid, side="right") - 1])


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
    schedule = getattr(costs.half_spread, product.value)
    days, factors = zip(*schedule.tenor, strict=True)
    widening = widening * float(np.interp(CALENDAR_DAYS_PER_SESSION * sessions, days, factors))
    stress = widening * (1.0 + schedule.stress_slope * np.maximum(vix / schedule.calm_vix - 1.0, 0.0))
    if product is Product.VIX_FUTURE:
        return np.asarray(np.broadcast_to(max(0.5 * schedule.tick, schedule.fixed) * stress, mid.shape))
    wide = np.maximum(0.5 * schedule.tick, schedule.fixed + schedule.proportional * mid) * stress
    return np.asarray(np.minimum(wide, mid))


def holding_cost(
    costs: CostsConfig, contracts: ContractSet, quantity: FloatArray, mid: FloatArray
) -> FloatArray | None:
    """Fee of one session for what is held long [USD], shape (n_paths,); None where the product has none."""
    if contracts.product is not Product.VIX_ETN:
        return None
    value = np.empty(mid.shape[1])
    value_legs(np.maximum(quantity, 0.0), mid, contracts.multiplier, value)
    return value * costs.etn_fee / SESSIONS_PER_YEAR


def trade_cost(
    costs: CostsConfig,
    contracts: ContractSet,
    change: FloatArray,
    mid: FloatArray,
    vix: FloatArray,
    *,
    sessions: int = 0,
    widening: float = 1.0,
) -> FloatArray:
    """Cost of changing a position in one order.

    Parameters
    ----------
    costs : CostsConfig
        The schedule.
    contracts : ContractSet
        What is traded; its number of legs decides the fraction of the half-spread that is paid.
    change : ndarray of shape (n_legs, n_paths)
        Signed contracts bought.
    mid : ndarray of shape (n_legs, n_paths)
        Mids [points].
    vix : ndarray of shape (n_paths,)
        VIX of the day [points].
    sessions : int
        Sessions to expiry; 0 for what never expires.
    widening : float
        Factor on half-spreads, >= 0 [-].

    Returns
    -------
    ndarray of shape (n_paths,)
        Cost, >= 0 [USD].
    """
    crossing = costs.crossing_fraction(contracts.n_legs)
    spread = half_spread(costs, contracts.product, mid, vix, sessions=sessions, widening=widening)
    each = crossing * spread * contracts.multiplier + fee_per_contract(costs, contracts.product, mid)
    cost = np.empty(change.shape[1])
    value_legs(np.abs(change), each, 1.0, cost)  # the same bits for one path as for many
    return cost
