"""A tranche: contracts that one engine opened on one day, with its quantity and its own account on every path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ContractSet, Product
from sim.marking import mark_legs

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)


@dataclass(slots=True, eq=False, kw_only=True)
class Tranche:
    """Positions in one contract set; only the ledger changes it.

    Parameters
    ----------
    engine : str
        Engine that opened it.
    contracts : ContractSet
        What is held.
    quantity : ndarray of shape (n_legs, n_paths)
        Signed contracts: long > 0, short < 0, 0 where the path does not hold the tranche.
    entry_day : int
        Session index on which it was opened.
    entry_mid : ndarray of shape (n_legs, n_paths)
        Mids at entry [points].
    mid : ndarray of shape (n_legs, n_paths)
        Latest mids [points].
    flow : ndarray of shape (n_paths,)
        Cash received minus paid at mid since the opening [USD].
    gross_pnl : ndarray of shape (n_paths,)
        P&L at mid, summed from daily changes [USD].
    cost : ndarray of shape (n_paths,)
        Costs paid so far [USD].
    outlay_each : ndarray of shape (n_paths,), optional
        What it counts as a hedge for each contract of its first leg [USD], where entry prices do not tell.
    """

    engine: str
    contracts: ContractSet
    quantity: FloatArray
    entry_day: int
    entry_mid: FloatArray
    mid: FloatArray
    flow: FloatArray
    gross_pnl: FloatArray
    cost: FloatArray
    outlay_each: FloatArray | None = None
    _value: FloatArray | None = field(default=None, init=False, repr=False)
    _is_open: BoolArray | None = field(default=None, init=False, repr=False)
    _is_naked: bool | None = field(default=None, init=False, repr=False)
    _worst_loss: FloatArray | None = field(default=None, init=False, repr=False)
    _entry_value: FloatArray | None = field(default=None, init=False, repr=False)

    @classmethod
    def empty(cls, engine: str, contracts: ContractSet, day: int, mid: FloatArray) -> Self:
        """Tranche that holds nothing yet."""
        shape = contracts.strike.shape
        return cls(
            engine=engine,
            contracts=contracts,
            quantity=np.zeros(shape),
            entry_day=day,
            entry_mid=mid,
            mid=mid,
            flow=np.zeros(shape[1]),
            gross_pnl=np.zeros(shape[1]),
            cost=np.zeros(shape[1]),
        )

    def first_paths(self, n_paths: int) -> Self:
        """Copy of the position on the first paths alone; its account stays behind."""
        contracts, part = self.contracts, slice(n_paths)
        mine = self.empty(
            self.engine,
            replace(contracts, strike=contracts.strike[:, part].copy()),
            self.entry_day,
            self.entry_mid[:, part],
        )
        mine.quantity, mine.mid = self.quantity[:, part].copy(), self.mid[:, part]
        return mine

    @property
    def is_open(self) -> BoolArray:
        """Paths that hold it, shape (n_paths,)."""
        if self._is_open is None:
            self._is_open = np.asarray(self.quantity.any(axis=0))
        return self._is_open

    @property
    def has_value(self) -> bool:
        """Whether the contracts carry a value; a future does not, its variation is paid daily."""
        return self.contracts.product is not Product.VIX_FUTURE

    def value(self) -> FloatArray:
        """Value at the latest mids [USD], shape (n_paths,)."""
        if self._value is None:
            is_valued = self.has_value
            self._value = dollars(self.contracts, self.quantity, self.mid if is_valued else np.zeros(self.mid.shape))
        return self._value

    def worst_loss(self, compute: Callable[[], FloatArray]) -> FloatArray:
        """Loss at expiry per path, computed when the quantity has changed since the last time."""
        if self._worst_loss is None:
            self._worst_loss = compute()
        return self._worst_loss

    def is_naked(self, compute: Callable[[], bool]) -> bool:
        """Whether any path is short beyond the outermost strike, computed when contracts were traded."""
        if self._is_naked is None:
            self._is_naked = compute()
        return self._is_naked

    def move(self, mid: FloatArray) -> FloatArray:
        """Take new mids and give the change of value since the previous ones [USD], shape (n_paths,)."""
        change, value = np.empty(self.flow.size), np.empty(self.flow.size)
        mark_legs(self.quantity, self.mid, mid, self.contracts.multiplier, change, value)
        self.mid = mid
        self._value = value if self.has_value else np.zeros(value.size)
        return change

    def trade(self, change: FloatArray) -> None:
        """Add signed contracts."""
        self.quantity += change
        self._value = self._worst_loss = self._entry_value = None
        self._is_open = self._is_naked = None

    def clear(self, index: NDArray[np.intp]) -> None:
        """Hold nothing any more on some paths."""
        self.quantity[:, index] = 0.0
        self._value, self._is_open = _without(self._value, index), _without(self._is_open, index)
        self._worst_loss, self._entry_value = _without(self._worst_loss, index), _without(self._entry_value, index)

    def entry_value(self) -> FloatArray:
        """Value at entry of what is still held [USD]: negative for a net credit."""
        if self._entry_value is None:
            self._entry_value = dollars(self.contracts, self.quantity, self.entry_mid)
        return self._entry_value

    def open_profit(self) -> FloatArray:
        """Profit at mid of what is still held, since entry [USD]."""
        if self.has_value:
            return self.value() - self.entry_value()
        return dollars(self.contracts, self.quantity, self.mid - self.entry_mid)


def _without(known: NDArray[Number] | None, index: NDArray[np.intp]) -> NDArray[Number] | None:
    """What is known by path, with nothing on some paths; a copy, since others may hold the array."""
    if known is None:
        return None
    changed = known.copy()
    changed[index] = 0
    return changed


def dollars(contracts: ContractSet, quantity: FloatArray, points: FloatArray) -> FloatArray:
    """Sum over legs of quantity x points x multiplier [USD], shape (n_paths,)."""
    return np.asarray(contracts.multiplier * np.einsum("lp,lp->p", quantity, points))
