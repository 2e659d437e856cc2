r"""Reg-T margin of a book: the worst loss at expiry, and an add-on for naked tails.

Options of one product and expiry are margined together, whichever engines opened them: a hedge of the same expiry
offsets. Expiries do not offset each other, nor do products. VIX futures of one expiry net.

The value of the position is added to the worst loss between its strikes: a credit already received is no equity at
risk, and long options are paid in full. For a condor this is (wider wing x contracts) minus what closing it would cost
now. Contracts that are naked beyond the outermost strikes bind ``max(rate x underlying - out-of-the-money amount,
floor x underlying)`` each on top: what they have lost so far has left equity already and lessens nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim.columns import take_columns, true_places
from sim.config import MarginConfig
from sim.contracts import HOLDINGS, OPTIONS, ContractSet, Product
from sim.expiry_risk import ExpiryRisk
from sim.marking import value_legs
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]
UnderlyingOf = Callable[[ContractSet], FloatArray]
Settlement = tuple[Product, int, bool]

NAKED_RATE: dict[Product, float] = {Product.SPX_OPTION: 0.15, Product.VIX_OPTION: 0.20}
"""Share of the underlying that a naked contract binds."""

NAKED_FLOOR = 0.10
"""Smallest share of the underlying (calls) or of the strike (puts) that a naked contract binds."""

_NOWHERE: IndexArray = np.empty(0, dtype=np.intp)

STANDARD = MarginConfig()
"""The rules with their default numbers."""


def future_margin(rules: MarginConfig, future: FloatArray) -> FloatArray:
    """Margin of one VIX future by its level [USD]: linear between the table's levels, in proportion above the last."""
    levels, amounts = _columns(rules.vix_future)
    return np.asarray(np.interp(future, levels, amounts) * np.maximum(future / levels[-1], 1.0))


@lru_cache(maxsize=16)
def _columns(table: tuple[tuple[float, float], ...]) -> tuple[FloatArray, FloatArray]:
    levels, amounts = (np.array(column) for column in zip(*table, strict=True))
    return levels, amounts


def naked_add_on(product: Product, risk: ExpiryRisk, underlying: FloatArray) -> FloatArray:
    """Requirement of contracts that are short beyond the outermost strike.

    Parameters
    ----------
    product : Product
        ``SPX_OPTION`` or ``VIX_OPTION``.
    risk : ExpiryRisk
        What is short.
    underlying : ndarray of shape (n_paths,)
        Index level, or the VIX future of the same expiry [points].

    Returns
    -------
    ndarray of shape (n_paths,)
        Requirement [points x contracts].
    """
    total = np.zeros(underlying.size)
    full = NAKED_RATE[product] * underlying
    for net, nearest, is_call in (
        (risk.short_calls, risk.lowest_short_call, True),
        (risk.short_puts, risk.highest_short_put, False),
    ):
        is_naked = net > 0.0
        if not is_naked.any():
            continue
        strike = np.where(is_naked, nearest, 0.0)
        out_of_money = np.maximum(strike - underlying if is_call else underlying - strike, 0.0)
        each = np.maximum(full - out_of_money, NAKED_FLOOR * (underlying if is_call else strike))
        total += np.where(is_naked, net * each, 0.0)
    return total


def option_margin(
    product: Product,
    is_call: BoolArray,
    strike: FloatArray,
    quantity: FloatArray,
    mid: FloatArray,
    underlying: FloatArray,
) -> FloatArray:
    """Equity that options of one expiry bind together.

    Parameters
    ----------
    product : Product
        ``SPX_OPTION`` or ``VIX_OPTION``.
    is_call, strike, quantity
        As in ``ExpiryRisk.of``.
    mid : ndarray of shape (n_legs, n_paths)
        Mids [points].
    underlying : ndarray of shape (n_paths,)
        Index level, or the VIX future of the same expiry [points].

    Returns
    -------
    ndarray of shape (n_paths,)
        Worst loss and value of all but the naked contracts, at least 0, and the add-on of the naked ones
        [points x contracts].
    """
    risk = ExpiryRisk.of(is_call, strike, quantity)
    value = np.empty(underlying.size)
    value_legs(quantity, mid, 1.0, value)
    value += risk.naked_premium(is_call, strike, quantity, mid)
    return np.asarray(np.maximum(risk.loss + value, 0.0) + naked_add_on(product, risk, underlying))


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
        Equity bound [USD], kept by the book: not to be changed, and another day's after the next look at it.
    """

    tranches: list[Tranche]
    underlying: FloatArray
    bound: FloatArray

    def without(self, tranche: Tranche, rules: MarginConfig, index: IndexArray) -> FloatArray:
        """Equity that the others bind on some paths [USD], shape (index.size,)."""
        others = [other for other in self.tranches if other is not tranche and other.is_open[index].any()]
        if not others:
            return np.zeros(index.size)
        contracts, underlying = tranche.contracts, self.underlying[index]
        if contracts.product not in OPTIONS:
            return _bound_linear(others, underlying, index, rules)
        bound = option_margin(contracts.product, *_stacked(others, index), _mids(others, index), underlying)
        return contracts.multiplier * bound


class MarginBook:
    """What the tranches of a strategy bind, day after day: risks are worked out anew only where contracts were traded.

    Parameters
    ----------
    rules : MarginConfig
        Numbers of the rules.
    """

    def __init__(self, rules: MarginConfig = STANDARD) -> None:
        self.rules = rules
        self._groups: dict[Settlement, _Group] = {}

    def parts(
        self, tranches: Iterable[Tranche], underlying_of: UnderlyingOf, *, is_marked: bool = True
    ) -> list[MarginPart]:
        """Split a book into what is margined together.

        The parts stand in the order of product and expiry, so that their sum has the same bits in any block.

        Parameters
        ----------
        tranches : iterable of Tranche
            The book.
        underlying_of : callable
            Index level, or the VIX future of the same expiry, for contracts [points].
        is_marked : bool
            Whether mids have moved since the last time; where they have not, only what was traded is looked at.
        """
        members: dict[Settlement, list[Tranche]] = {}
        for tranche in tranches:
            members.setdefault(_settlement(tranche.contracts), []).append(tranche)
        self._groups = {key: self._groups.get(key) or _Group(group) for key, group in members.items()}
        return [self._part(self._groups[key], members[key], underlying_of, is_marked) for key in sorted(members)]

    def _part(self, known: _Group, tranches: list[Tranche], underlying_of: UnderlyingOf, is_marked: bool) -> MarginPart:
        contracts = tranches[0].contracts
        underlying = underlying_of(contracts)
        if contracts.product in OPTIONS:
            bound = known.bound(tranches, underlying, is_marked=is_marked)
        else:
            bound = _bound_linear(tranches, underlying, slice(None), self.rules)
        return MarginPart(tranches=tranches, underlying=underlying, bound=bound)


class _Group:
    """Options of one product and expiry, and their risk as far as it is known."""

    def __init__(self, tranches: list[Tranche]) -> None:
        self._members: list[Tranche] = []
        self._risk = ExpiryRisk.none(tranches[0].contracts.n_paths)
        self._naked: IndexArray = np.empty(0, dtype=np.intp)
        self._held: IndexArray = np.empty(0, dtype=np.intp)
        self._bound: FloatArray = np.zeros(tranches[0].contracts.n_paths)

    def bound(self, tranches: list[Tranche], underlying: FloatArray, *, is_marked: bool) -> FloatArray:
        """Equity that the options bind today [USD]: ``option_margin`` without looking at each leg again."""
        changed = self._refresh(tranches)
        if changed.size == 0 and not is_marked:
            return self._bound
        contracts, risk, naked = tranches[0].contracts, self._risk, self._naked
        value = tranches[0].value()
        for number, tranche in enumerate(tranches[1:]):
            value = np.add(value, tranche.value(), out=value if number else None)
        if naked.size:
            value = value.copy() if len(tranches) == 1 else value
            held = _holding(tranches, naked)
            premium = ExpiryRisk(risk.rows[:, naked]).naked_premium(*_stacked(held, naked), _mids(held, naked))
            value[naked] += contracts.multiplier * premium
        rate = NAKED_RATE[contracts.product] if naked.size else 0.0
        index = self._held if is_marked else changed
        fill_bound(index, risk.rows, value, underlying, contracts.multiplier, rate, self._bound)
        return self._bound

    def _refresh(self, tranches: list[Tranche]) -> IndexArray:
        """Work out the risk of what is held now, and tell on which paths it is not as it was.

        Tranches may have joined, and those that all paths have closed may be gone.
        """
        known = {id(tranche) for tranche in self._members}
        joined = [tranche for tranche in tranches if id(tranche) not in known]
        traded = [tranche for tranche in self._members if tranche.traded]
        self._members = list(tranches)
        if not joined and not traded:
            return _NOWHERE
        places = [*(tranche.held for tranche in joined), *(some for tranche in traded for some in tranche.traded)]
        index = _together(places, self._bound.size)
        for tranche in (*joined, *traded):
            tranche.traded = []
        if index.size:
            fresh = ExpiryRisk.of(*_stacked(_holding(tranches, index), index))
            self._risk.rows[:, index] = fresh.rows
            if self._naked.size or fresh.is_naked.any():
                self._naked = true_places(self._risk.is_naked)
            self._bound[index] = 0.0
            self._held = tranches[0].held if len(tranches) == 1 else true_places(_any_open(tranches))
        return index


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill_bound(
    index: IndexArray,
    rows: FloatArray,
    value: FloatArray,
    underlying: FloatArray,
    multiplier: float,
    rate: float,
    bound: FloatArray,
) -> None:
    """Fill the equity that options of one expiry bind [USD]: the worst loss with their value, and ``naked_add_on``.

    Parameters
    ----------
    index : ndarray of int, shape (n_held,)
        Paths that hold any of them.
    rows : ndarray of shape (5, n_paths)
        Of ``ExpiryRisk``.
    value : ndarray of shape (n_paths,)
        Value of all but the naked contracts [USD].
    underlying : ndarray of shape (n_paths,)
        Index level, or the VIX future of the same expiry [points].
    multiplier : float
        Dollars a point.
    rate : float
        Share of the underlying that a naked contract binds; 0 where nothing is naked.
    bound : ndarray of shape (n_paths,)
        Filled on those paths.
    """
    for i in index:
        bound[i] = max(multiplier * rows[0, i] + value[i], 0.0)
    if rate == 0.0:
        return
    for i in index:
        total, full = 0.0, rate * underlying[i]
        if rows[1, i] > 0.0:
            out_of_money = max(rows[2, i] - underlying[i], 0.0)
            total += rows[1, i] * max(full - out_of_money, NAKED_FLOOR * underlying[i])
        if rows[3, i] > 0.0:
            out_of_money = max(underlying[i] - rows[4, i], 0.0)
            total += rows[3, i] * max(full - out_of_money, NAKED_FLOOR * rows[4, i])
        bound[i] += multiplier * total


def _together(places: list[IndexArray], n_paths: int) -> IndexArray:
    """Paths that any of several lists names, in rising order."""
    if len(places) == 1:
        return places[0]
    is_named = np.zeros(n_paths, dtype=np.bool_)
    for some in places:
        is_named[some] = True
    together: IndexArray = true_places(is_named)
    return together


def _any_open(tranches: list[Tranche]) -> BoolArray:
    """Paths that hold any of some tranches."""
    is_open = tranches[0].is_open.copy()
    for tranche in tranches[1:]:
        is_open |= tranche.is_open
    return is_open


def _holding(tranches: list[Tranche], index: IndexArray) -> list[Tranche]:
    """Tranches that any of some paths holds; the first one where none does."""
    return [tranche for tranche in tranches if tranche.is_open[index].any()] or tranches[:1]


def _stacked(tranches: list[Tranche], index: IndexArray) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Rights, strikes and contracts of all legs on some paths."""
    return (
        np.concatenate([tranche.contracts.is_call for tranche in tranches]),
        _rows_on(index, [tranche.contracts.strike for tranche in tranches]),
        _rows_on(index, [tranche.quantity for tranche in tranches]),
    )


def _mids(tranches: list[Tranche], index: IndexArray) -> FloatArray:
    """Mids of all legs on some paths [points]."""
    return _rows_on(index, [tranche.mid for tranche in tranches])


def _rows_on(index: IndexArray, arrays: list[FloatArray]) -> FloatArray:
    """Rows of all arrays, at some of their columns."""
    taken = np.empty((sum(len(rows) for rows in arrays), index.size))
    start = 0
    for rows in arrays:
        take_columns(rows, index, 0, taken[start : start + len(rows)])
        start += len(rows)
    return taken


def _bound_linear(
    tranches: list[Tranche], underlying: FloatArray, index: IndexArray | slice, rules: MarginConfig
) -> FloatArray:
    """Equity that futures of one expiry, or units of a fund or note, bind [USD]."""
    if tranches[0].contracts.product in HOLDINGS:
        return np.asarray(rules.holding * np.abs(np.sum([tranche.value()[index] for tranche in tranches], axis=0)))
    net = np.sum([tranche.quantity[0, index] for tranche in tranches], axis=0)
    bound, held = np.zeros(net.size), np.flatnonzero(net)
    bound[held] = np.abs(net[held]) * future_margin(rules, underlying[held])
    return bound


def _settlement(contracts: ContractSet) -> Settlement:
    """What contracts settle on: the same for all that may offset each other."""
    return contracts.product, contracts.expiry, contracts.is_am
