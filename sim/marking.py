"""Compiled passes over one tranche: its daily mark, an order on some paths, and the check of its account."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def mark_legs(
    index: IndexArray,
    quantity: FloatArray,
    previous: FloatArray,
    mid: FloatArray,
    multiplier: float,
    has_value: bool,
    value: FloatArray,
    accounts: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
) -> None:
    """Book the change of a position's value since the previous mids, and fill its value at the new ones.

    Parameters
    ----------
    index : ndarray of int, shape (n_held,)
        Paths that hold it.
    quantity, previous, mid : ndarray of shape (n_legs, n_paths)
        Signed contracts, mids of the previous and of this close [points].
    multiplier : float
        Dollars a point.
    has_value : bool
        False for a future, whose value stays 0: its change is received in cash.
    value : ndarray of shape (n_paths,)
        Filled on those paths [USD].
    accounts : tuple of ndarray of shape (n_paths,)
        P&L of the tranche and of its engine, flow of the tranche, and cash, all changed [USD].
    """
    own_pnl, engine_pnl, flow, cash = accounts
    for i in index:
        change, worth = 0.0, 0.0
        for leg in range(quantity.shape[0]):
            dollars = multiplier * quantity[leg, i]
            change += dollars * (mid[leg, i] - previous[leg, i])
            worth += dollars * mid[leg, i]
        own_pnl[i] += change
        engine_pnl[i] += change
        if has_value:
            value[i] = worth
        else:
            flow[i] += change
            cash[i] += change


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def add_at(index: IndexArray, amount: FloatArray, account: FloatArray) -> None:
    """Add an amount to an account on some paths, each of them named once."""
    for k in range(index.size):
        account[index[k]] += amount[k]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def change_columns(index: IndexArray, change: FloatArray, quantity: FloatArray, is_open: BoolArray) -> None:
    """Change a position on some paths, and note where it is held then.

    Parameters
    ----------
    index : ndarray of int, shape (n_traded,)
        The paths.
    change : ndarray of shape (n_legs, n_traded)
        Signed contracts bought.
    quantity : ndarray of shape (n_legs, n_paths)
        Signed contracts held, changed.
    is_open : ndarray of bool, shape (n_paths,)
        Where it is held, noted on those paths.
    """
    for k in range(index.size):
        i, is_held = index[k], False
        for leg in range(quantity.shape[0]):
            quantity[leg, i] += change[leg, k]
            is_held |= quantity[leg, i] != 0.0
        is_open[i] = is_held


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def value_columns(
    index: IndexArray, quantity: FloatArray, points: FloatArray, multiplier: float, value: FloatArray
) -> None:
    """Fill the dollars of a position on some paths, rounded like ``value_legs``; arguments as there."""
    for k in range(index.size):
        i, worth = index[k], 0.0
        for leg in range(quantity.shape[0]):
            worth += multiplier * quantity[leg, i] * points[leg, i]
        value[i] = worth


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
def pay_columns(
    index: IndexArray,
    change: FloatArray,
    mid: FloatArray,
    multiplier: float,
    cost: FloatArray,
    accounts: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    n_trades: NDArray[np.int64],
) -> None:
    """Book what an order in a position brings and costs on some paths.

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
def fill_imbalance(
    flow: FloatArray, value: FloatArray, gross_pnl: FloatArray, floor: float, share: FloatArray, flows: FloatArray
) -> None:
    """Compare cash received at mid plus value with the P&L summed from daily changes, and add up what was received.

    Parameters
    ----------
    flow, value, gross_pnl : ndarray of shape (n_paths,)
        Account of a tranche [USD].
    floor : float
        Smallest gross value that a difference is compared with [USD].
    share : ndarray of shape (n_paths,)
        Filled with the difference as a share of gross value; NaN where anything is.
    flows : ndarray of shape (n_paths,)
        The flow is added to it [USD].
    """
    for i in range(flow.size):
        gross = abs(flow[i]) + abs(value[i])
        gross = floor if gross < floor else gross  # NaN stays what it is
        share[i] = abs(flow[i] + value[i] - gross_pnl[i]) / gross
    for i in range(flow.size):
        flows[i] += flow[i]
