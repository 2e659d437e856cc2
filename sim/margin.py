r"""Reg-T margin of option positions: the worst loss at expiry, and an add-on for naked tails.

At expiry the value of a mix of options of one expiry is piecewise linear in the underlying, so its minimum over the
strikes is its minimum between the outermost of them. Where it still falls beyond the last strike, contracts are
naked there and bind ``max(rate x underlying - out-of-the-money amount, floor x underlying)`` each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.contracts import Product
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NAKED_RATE: dict[Product, float] = {Product.SPX_OPTION: 0.15, Product.VIX_OPTION: 0.20}
"""Share of the underlying that a naked contract binds."""

NAKED_FLOOR = 0.10
"""Smallest share of the underlying (calls) or of the strike (puts) that a naked contract binds."""

FUTURE_MARGIN_RATE = 0.40
"""Share of a VIX future's value that it binds; exchange margins move with the level."""


def worst_expiry_loss(is_call: BoolArray, strike: FloatArray, quantity: FloatArray) -> FloatArray:
    """Largest loss at expiry over the strikes.

    Parameters
    ----------
    is_call : ndarray of bool, shape (n_legs,)
        Right of each leg.
    strike, quantity : ndarray of shape (n_legs, n_paths)
        Strikes [points] and signed contracts.

    Returns
    -------
    ndarray of shape (n_paths,)
        Minus the smallest payoff at any of the strikes, at least 0 [points x contracts].
    """
    sign = np.where(is_call, 1.0, -1.0)[:, None]
    worst = np.zeros(strike.shape[1])
    for settlement in strike:
        payoff = np.einsum("lp,lp->p", quantity, np.maximum(sign * (settlement - strike), 0.0))
        np.maximum(worst, -payoff, out=worst)
    return worst


def naked_add_on(
    product: Product, is_call: BoolArray, strike: FloatArray, quantity: FloatArray, underlying: FloatArray
) -> FloatArray:
    """Requirement of contracts that are short beyond the outermost strike.

    Parameters
    ----------
    product, is_call, strike, quantity
        As in ``worst_expiry_loss``.
    underlying : ndarray of shape (n_paths,)
        Index level, or the VIX future of the same expiry [points].

    Returns
    -------
    ndarray of shape (n_paths,)
        Requirement [points x contracts].
    """
    total = np.zeros(underlying.size)
    for right in (True, False):
        legs = is_call == right
        if not legs.any():
            continue
        net = -quantity[legs].sum(axis=0)
        if not (net > 0.0).any():
            continue
        is_short = quantity[legs] < 0.0
        edge = np.where(is_short, strike[legs], np.inf if right else 0.0)
        nearest = edge.min(axis=0) if right else edge.max(axis=0)
        out_of_money = np.maximum(nearest - underlying if right else underlying - nearest, 0.0)
        floor = NAKED_FLOOR * (underlying if right else nearest)
        each = np.maximum(NAKED_RATE[product] * underlying - out_of_money, floor)
        total += np.where(net > 0.0, net * np.where(np.isfinite(each), each, 0.0), 0.0)
    return total


def is_short_beyond(is_call: BoolArray, quantity: FloatArray) -> bool:
    """Whether on any path more calls or more puts are short than long."""
    return any(bool((quantity[is_call == right].sum(axis=0) < 0.0).any()) for right in (True, False))


def tranche_margin(tranche: Tranche, underlying: FloatArray) -> FloatArray:
    """Equity that a tranche binds [USD], shape (n_paths,).

    The value of the position is added to the worst loss: a credit already received is no equity at risk, and long
    options are paid in full. For a condor this is (wider wing x contracts) minus what closing it would cost now.
    """
    contracts = tranche.contracts
    if contracts.product is Product.VIX_FUTURE:
        points = FUTURE_MARGIN_RATE * np.abs(tranche.quantity * tranche.mid).sum(axis=0)
        return np.asarray(contracts.multiplier * points)
    is_call, strike, quantity = contracts.is_call, contracts.strike, tranche.quantity
    loss = tranche.worst_loss(lambda: worst_expiry_loss(is_call, strike, quantity))
    if tranche.is_naked(lambda: is_short_beyond(is_call, quantity)):
        loss = loss + naked_add_on(contracts.product, is_call, strike, quantity, underlying)
    return np.maximum(contracts.multiplier * loss + tranche.value(), 0.0)
