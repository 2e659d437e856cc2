"""A tranche: contracts that one engine opened on one day, with its quantity and its own account on every path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ContractSet, Product

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


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
    """

    engine: str
    contracts: ContractSet
    quantity: FloatArray
    entry_day: int
    entry_mid: FloatArray
    mid: FloatArray
    flow: FloatArray
    gross_pnl: FloatArray
    _value: FloatArray | None = field(default=None, init=False, repr=False)
    _worst_loss: FloatArray | None = field(default=None, init=False, repr=False)

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
        )

    @property
    def is_open(self) -> BoolArray:
        """Paths that hold it, shape (n_paths,)."""
        is_open: BoolArray = np.any(self.quantity != 0.0, axis=0)
        return is_open

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

    def clear(self, index: NDArray[np.intp]) -> None:
        """Hold nothing any more on some paths."""
        self.quantity[:, index] = 0.0
        self._value = None
        if self._worst_loss is not None:
            self._worst_loss[index] = 0.0

    def revalue(self, *, quantity_changed: bool) -> None:
        """Forget what follows from mids, and from quantities if they changed."""
        self._value = None
        if quantity_changed:
            self._worst_loss = None

    def entry_value(self) -> FloatArray:
        """Value at entry of what is still held [USD]: negative for a net credit."""
        return dollars(self.contracts, self.quantity, self.entry_mid)

    def open_profit(self) -> FloatArray:
        """Profit at mid of what is still held, since entry [USD]."""
        return dollars(self.contracts, self.quantity, self.mid - self.entry_mid)


def dollars(contracts: ContractSet, quantity: FloatArray, points: FloatArray) -> FloatArray:
    """Sum over legs of quantity x points x multiplier [USD], shape (n_paths,)."""
    return np.asarray(contracts.multiplier * np.einsum("lp,lp->p", quantity, points))
