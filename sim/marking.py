"""Compiled passes over one tranche: its daily mark, an order on some paths, and the check of its account."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def mark_legs(
    quantity: FloatArray,
    previous: FloatArray,
    mid: FloatArray,
    multiplier: float,
    change: FloatArray,
    value: FloatArray,
) -> None:
    """Fill the change of a position's value since the previous mids, and its value at the new ones.

    Parameters
    ----------
    quantity, previous, mid : ndarray of shape (n_legs, n_paths)
        Signed contracts, mids of the previous and of this close [points].
    multiplier : float
        Dollars a point.
    change, value : ndarray of shape (n_paths,)
        Filled [USD].
    """
    change[:] = 0.0
    value[:] = 0.0
    for leg in range(quantity.shape[0]):
        for i in range(quantity.shape[1]):
            dollars = multiplier * quantity[leg, i]
            change[i] += dollars * (mid[leg, i] - previous[leg, i])
            value[i] += dollars * mid[leg, i]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def value_legs(quantity: FloatArray, points: FloatArray, multiplier: float, value: FloatArray) -> None:
    """Fill the dollars of a position, rounded like those of ``mark_legs``: what a path holds hangs on nothing else.

    Parameters
    ----------
    quantity, points : ndarray of shape (n_legs, n_paths)
        Signed contracts, and points for each.
    multiplier : float
        Dollars a point.
    value : ndarray of shape (n_paths,)
        Filled [USD].
    """
    value[:] = 0.0
    for leg in range(quantity.shape[0]):
        for i in range(quantity.shape[1]):
            value[i] += multiplier * quantity[leg, i] * points[leg, i]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def trade_columns(
    index: IndexArray,
    change: FloatArray,
    mid: FloatArray,
    multiplier: float,
    cost: FloatArray,
    accounts: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    n_trades: NDArray[np.int64],
) -> None:
    """Book an order in a position on some paths.

    Parameters
    ----------
    index : ndarray of int, shape (n_traded,)
        The paths.
    change, mid : ndarray of shape (n_legs, n_traded)
        Signed contracts bought, and their mids [points].
    multiplier : float
        Dollars a point; 0 for a future, whose variation has been paid.
    cost : ndarray of shape (n_traded,)
        Cost of the order [USD].
    accounts : tuple of ndarray of shape (n_paths,)
        Flow and cost of the tranche, cost of its engine, and cash, all changed [USD].
    n_trades : ndarray of shape (n_paths,)
        Orders filled, counted up.
    """
    flow, own_cost, engine_cost, cash = accounts
    for k in range(index.size):
        i = index[k]
        if multiplier > 0.0:
            value = 0.0
            for leg in range(change.shape[0]):
                value += multiplier * change[leg, k] * mid[leg, k]
            flow[i] -= value
            cash[i] -= value
        engine_cost[i] += cost[k]
        own_cost[i] += cost[k]
        cash[i] -= cost[k]
        n_trades[i] += 1


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def worst_imbalance(flow: FloatArray, value: FloatArray, gross_pnl: FloatArray, floor: float) -> tuple[float, int]:
    """Find where cash received at mid plus value differs most from the P&L summed from daily changes.

    Parameters
    ----------
    flow, value, gross_pnl : ndarray of shape (n_paths,)
        Account of a tranche [USD].
    floor : float
        Smallest gross value that a difference is compared with [USD].

    Returns
    -------
    share : float
        Largest difference as a share of gross value; NaN where anything is.
    path : int
        Where it is.
    """
    worst, path = 0.0, 0
    for i in range(flow.size):
        share = abs(flow[i] + value[i] - gross_pnl[i]) / max(abs(flow[i]) + abs(value[i]), floor)
        if not share <= worst:
            worst, path = share, i
            if np.isnan(share):
                break
    return worst, path
