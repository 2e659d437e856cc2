r"""Reg-T margin of a book: the worst loss at expiry, and an add-on for naked tails.

Options of one product and expiry are margined together, whichever engines opened them: a hedge of the same expiry
offsets. Expiries do not offset each other, nor do products. VIX futures of one expiry net.

At expiry the value of a mix of options of one expiry is piecewise linear in the underlying, so its minimum over the
strikes is its minimum between the outermost of them. Where it still falls beyond the last strike, contracts are
naked there and bind ``max(rate x underlying - out-of-the-money amount, floor x underlying)`` each.

What is compared with this is equity, which holds every position at its mid. A naked contract must be covered by its
premium and the add-on (Reg-T); equity has borne the premium already, so that the add-on alone is left, at any mid. The
premium of a naked contract therefore offsets nothing, neither its add-on nor the value of other options.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config import MarginConfig
from sim.contracts import HOLDINGS, ContractSet, Product
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NAKED_RATE: dict[Product, float] = {Product.SPX_OPTION: 0.15, Product.VIX_OPTION: 0.20}
"""Share of the underlying that a naked contract binds."""

NAKED_FLOOR = 0.10
"""Smallest share of the underlying (calls) or of the strike (puts) that a naked contract binds."""

STANDARD = MarginConfig()
"""The rules with their default numbers."""


def future_margin(rules: MarginConfig, future: FloatArray) -> FloatArray:
    """Margin of one VIX future by its level [USD]: linear between the table's levels, in proportion above the last."""
    levels, amounts = (np.array(column) for column in zip(*rules.vix_future, strict=True))
    return np.asarray(np.interp(future, levels, amounts) * np.maximum(future / levels[-1], 1.0))


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
        net, nearest = _naked(is_call, strike, quantity, right=right)
        out_of_money = np.maximum(nearest - underlying if right else underlying - nearest, 0.0)
        floor = NAKED_FLOOR * (underlying if right else nearest)
        each = np.maximum(NAKED_RATE[product] * underlying - out_of_money, floor)
        total += np.where(net > 0.0, net * np.where(np.isfinite(each), each, 0.0), 0.0)
    return total


def naked_premium(is_call: BoolArray, strike: FloatArray, quantity: FloatArray, mid: FloatArray) -> FloatArray:
    """What buying the naked contracts back costs at mid [points x contracts], shape (n_paths,).

    Of several strikes that are short the one nearest to the money counts, as in ``naked_add_on``.
    """
    total = np.zeros(strike.shape[1])
    for right in (True, False):
        net, nearest = _naked(is_call, strike, quantity, right=right)
        is_nearest = (is_call == right)[:, None] & (quantity < 0.0) & (strike == nearest)
        total += net * np.where(is_nearest, mid, 0.0).max(axis=0)
    return total


def _naked(
    is_call: BoolArray, strike: FloatArray, quantity: FloatArray, *, right: bool
) -> tuple[FloatArray, FloatArray]:
    """Contracts of one right that are naked, and the strike that is short nearest to the money."""
    legs = is_call == right
    net = np.maximum(-quantity[legs].sum(axis=0), 0.0)
    edge = np.where(quantity[legs] < 0.0, strike[legs], np.inf if right else 0.0)
    return net, edge.min(axis=0, initial=np.inf) if right else edge.max(axis=0, initial=0.0)


def option_margin(
    product: Product,
    is_call: BoolArray,
    strike: FloatArray,
    quantity: FloatArray,
    mid: FloatArray,
    underlying: FloatArray,
    *,
    loss: FloatArray | None = None,
) -> FloatArray:
    """Equity that options of one expiry bind together.

    Parameters
    ----------
    product, is_call, strike, quantity, underlying
        As in ``naked_add_on``.
    mid : ndarray of shape (n_legs, n_paths)
        Mids [points].
    loss : ndarray of shape (n_paths,), optional
        Worst loss at expiry where it is known already [points x contracts].

    Returns
    -------
    ndarray of shape (n_paths,)
        Worst loss and value of all but the naked contracts, at least 0, and the add-on of the naked ones
        [points x contracts].
    """
    value = np.einsum("lp,lp->p", quantity, mid)
    covered = value + (worst_expiry_loss(is_call, strike, quantity) if loss is None else loss)
    if not is_short_beyond(is_call, quantity):
        return np.asarray(np.maximum(covered, 0.0))
    covered += naked_premium(is_call, strike, quantity, mid)
    return np.asarray(np.maximum(covered, 0.0) + naked_add_on(product, is_call, strike, quantity, underlying))


def is_short_beyond(is_call: BoolArray, quantity: FloatArray) -> bool:
    """Whether on any path more calls or more puts are short than long."""
    return any(bool((quantity[is_call == right].sum(axis=0) < 0.0).any()) for right in (True, False))


def tranche_margin(tranche: Tranche, underlying: FloatArray, rules: MarginConfig = STANDARD) -> FloatArray:
    """Equity that a tranche binds by itself [USD], shape (n_paths,).

    The value of the position is added to the worst loss: a credit already received is no equity at risk, and long
    options are paid in full. For a condor this is (wider wing x contracts) minus what closing it would cost now, for
    long 1 and short 2 calls the value of the spread and the add-on of one call.
    """
    contracts = tranche.contracts
    if contracts.product is Product.VIX_FUTURE:
        return np.asarray(np.abs(tranche.quantity.sum(axis=0)) * future_margin(rules, underlying))
    if contracts.product in HOLDINGS:
        return np.asarray(rules.holding * np.abs(tranche.value()))
    is_call, strike, quantity = contracts.is_call, contracts.strike, tranche.quantity
    loss = tranche.worst_loss(lambda: worst_expiry_loss(is_call, strike, quantity))
    if not tranche.is_naked(lambda: is_short_beyond(is_call, quantity)):
        return np.maximum(contracts.multiplier * loss + tranche.value(), 0.0)
    bound = option_margin(contracts.product, is_call, strike, quantity, tranche.mid, underlying, loss=loss)
    return contracts.multiplier * bound


def joint_margin(tranches: list[Tranche], underlying: FloatArray, rules: MarginConfig = STANDARD) -> FloatArray:
    """Equity that tranches of one product and expiry bind together [USD], shape (n_paths,)."""
    contracts = tranches[0].contracts
    quantity = np.concatenate([tranche.quantity for tranche in tranches])
    if contracts.product is Product.VIX_FUTURE:
        return np.asarray(np.abs(quantity.sum(axis=0)) * future_margin(rules, underlying))
    if contracts.product in HOLDINGS:
        return np.asarray(rules.holding * np.abs(np.sum([tranche.value() for tranche in tranches], axis=0)))
    is_call = np.concatenate([tranche.contracts.is_call for tranche in tranches])
    strike = np.concatenate([tranche.contracts.strike for tranche in tranches])
    mid = np.concatenate([tranche.mid for tranche in tranches])
    return contracts.multiplier * option_margin(contracts.product, is_call, strike, quantity, mid, underlying)


@dataclass(slots=True, kw_only=True)
class MarginPart:
    """Tranches that are margined together, and what they bind.

    Parameters
    ----------
    tranches : list of Tranche
        Of one product and expiry, oldest first.
    underlying : ndarray of shape (n_paths,)
        Index level, or the VIX future of the expiry [points].
    bound : ndarray of shape (n_paths,)
        Equity bound [USD].
    """

    tranches: list[Tranche]
    underlying: FloatArray
    bound: FloatArray

    def without(self, tranche: Tranche, rules: MarginConfig) -> FloatArray:
        """Equity that the others bind [USD], shape (n_paths,)."""
        others = [other for other in self.tranches if other is not tranche and other.is_open.any()]
        return joint_margin(others, self.underlying, rules) if others else np.zeros(self.bound.size)


def margin_parts(
    tranches: list[Tranche], underlying_of: Callable[[ContractSet], FloatArray], rules: MarginConfig = STANDARD
) -> list[MarginPart]:
    """Split a book into what is margined together, oldest tranche first.

    Tranches of one product and expiry that no path holds at the same time bind each by itself; it is the same sum.
    """
    groups: dict[tuple[Product, int, bool], list[Tranche]] = {}
    for tranche in tranches:
        groups.setdefault(_settlement(tranche.contracts), []).append(tranche)
    parts: list[MarginPart] = []
    for tranche in tranches:
        group = groups[_settlement(tranche.contracts)]
        underlying = underlying_of(tranche.contracts)
        if len(group) == 1 or not _overlap(group):
            bound = tranche_margin(tranche, underlying, rules)
            parts.append(MarginPart(tranches=[tranche], underlying=underlying, bound=bound))
        elif tranche is group[0]:
            bound = joint_margin(group, underlying, rules)
            parts.append(MarginPart(tranches=group, underlying=underlying, bound=bound))
    return parts


def _settlement(contracts: ContractSet) -> tuple[Product, int, bool]:
    """What contracts settle on: the same for all that may offset each other."""
    return contracts.product, contracts.expiry, contracts.is_am


def _overlap(group: list[Tranche]) -> bool:
    """Whether any path holds more than one of the tranches."""
    held = np.zeros(group[0].contracts.n_paths, dtype=np.int64)
    for tranche in group:
        held += tranche.is_open
    return bool((held > 1).any())
