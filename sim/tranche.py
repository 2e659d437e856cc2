"""A tranche: contracts that one engine opened on one day, with its quantity and its own account on every path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.columns import copy_columns, true_places
from sim.contracts import ContractSet, Product
from sim.marking import change_columns, mark_legs, value_columns, value_legs

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, order=True)
class Pool:
    """Positions of an engine that may share a tranche: no path holds two of them in the same slot.

    Parameters
    ----------
    engine : int
        Number of the engine in its strategy.
    product : Product
        Kind of contract.
    expiry : int
        Session of the expiry.
    is_am : bool
        Whether the series settles on an opening.
    rights : bytes
        Right of each leg.
    slot : int
        0 for the first position that a path holds, 1 for a second one beside it, ...
    """

    engine: int
    product: Product
    expiry: int
    is_am: bool
    rights: bytes
    slot: int


@dataclass(slots=True, eq=False, kw_only=True)
class Tranche:
    """Positions in one contract set; only the ledger changes it.

    A tranche of a pool holds positions that were opened on different days, each path its own with its own strikes.

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
    pool : Pool, optional
        What it has in common with positions that may take its place on paths that hold it no longer.

    Attributes
    ----------
    opened : ndarray of int, shape (n_paths,)
        Number of the ledger's order that opened it on each path: older positions have smaller ones.
    traded : list of ndarray of int
        Paths, in rising order, of each order since the margin was worked out; ``MarginBook`` empties it.
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
    pool: Pool | None = None
    opened: NDArray[np.int64] = field(init=False, repr=False)
    traded: list[IndexArray] = field(default_factory=list, init=False, repr=False)
    _value: FloatArray | None = field(default=None, init=False, repr=False)
    _is_open: BoolArray | None = field(default=None, init=False, repr=False)
    _held: IndexArray | None = field(default=None, init=False, repr=False)
    _largest_loss: FloatArray | None = field(default=None, init=False, repr=False)
    _stale: list[IndexArray] = field(default_factory=list, init=False, repr=False)
    _entry_value: FloatArray | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.opened = np.zeros(self.contracts.n_paths, dtype=np.int64)

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
        """Paths that hold it, shape (n_paths,); another array after every order."""
        if self._is_open is None:
            self._is_open = np.asarray(self.quantity.any(axis=0))
        return self._is_open

    @property
    def held(self) -> IndexArray:
        """Numbers of the paths that hold it, shape (n_held,)."""
        if self._held is None:
            self._held = true_places(self.is_open)
        return self._held

    @property
    def has_value(self) -> bool:
        """Whether the contracts carry a value; a future does not, its variation is paid daily."""
        return self.contracts.product is not Product.VIX_FUTURE

    def value(self) -> FloatArray:
        """Value at the latest mids [USD], shape (n_paths,); it moves with the tranche."""
        if self._value is None:
            is_valued = self.has_value
            self._value = dollars(self.contracts, self.quantity, self.mid if is_valued else np.zeros(self.mid.shape))
        return self._value

    def largest_loss(self, compute: Callable[[IndexArray], FloatArray]) -> FloatArray:
        """Largest loss since entry of what is held [USD], shape (n_paths,); it moves with the tranche.

        ``compute`` gives it on some paths; it is asked for those on which contracts were traded since the last time.
        """
        if self._largest_loss is None:
            self._largest_loss, self._stale = np.zeros(self.contracts.n_paths), [self.held]
        if self._stale:
            index = self._stale[0] if len(self._stale) == 1 else np.unique(np.concatenate(self._stale))
            self._largest_loss[index], self._stale = compute(index), []
        return self._largest_loss

    def move(self, mid: FloatArray, engine_pnl: FloatArray, cash: FloatArray) -> None:
        """Take new mids; the change of value since the previous ones goes into the accounts [USD]."""
        accounts, multiplier = (self.gross_pnl, engine_pnl, self.flow, cash), self.contracts.multiplier
        mark_legs(self.held, self.quantity, self.mid, mid, multiplier, self.has_value, self.value(), accounts)
        self.mid = mid

    def trade(self, index: IndexArray, change: FloatArray) -> None:
        """Add signed contracts (n_legs, n_traded) on some paths."""
        value, entry_value, is_open = self.value(), self.entry_value(), self.is_open.copy()
        change_columns(index, change, self.quantity, is_open)
        multiplier = self.contracts.multiplier
        if self.has_value:
            value_columns(index, self.quantity, self.mid, multiplier, value)
        value_columns(index, self.quantity, self.entry_mid, multiplier, entry_value)
        self._is_open, self._held = is_open, None
        if self._largest_loss is not None:
            self._stale.append(index)
        self.traded.append(index)

    def join(self, contracts: ContractSet, index: IndexArray, mid: FloatArray) -> FloatArray:
        """Make room for a position on paths that hold none, and give what their accounts still held [USD].

        Parameters
        ----------
        contracts : ContractSet
            Of the pool of this tranche.
        index : ndarray of int, shape (n_joining,)
            Paths, none of which holds the tranche.
        mid : ndarray of shape (n_legs, n_paths)
            Mids of ``contracts`` [points].

        Returns
        -------
        ndarray of shape (n_joining,)
        """
        if contracts is not self.contracts:
            self.contracts = replace(contracts, strike=_joined(self.contracts.strike, contracts.strike, index))
        self.mid, self.entry_mid = _joined(self.mid, mid, index), _joined(self.entry_mid, mid, index)
        flow: FloatArray = self.flow[index]
        for account in (self.flow, self.gross_pnl, self.cost):
            account[index] = 0.0
        return flow

    def clear(self, index: IndexArray) -> None:
        """Hold nothing any more on some paths."""
        is_open = self.is_open.copy()
        for known in (self._value, self._entry_value, self._largest_loss):
            if known is not None:
                known[index] = 0.0
        self.quantity[:, index] = 0.0
        self.traded.append(index)
        is_open[index] = False
        self._is_open, self._held = is_open, None

    def entry_value(self) -> FloatArray:
        """Value at entry of what is still held [USD], negative for a net credit; it moves with the tranche."""
        if self._entry_value is None:
            self._entry_value = dollars(self.contracts, self.quantity, self.entry_mid)
        return self._entry_value

    def open_profit(self) -> FloatArray:
        """Profit at mid of what is still held, since entry [USD]."""
        if self.has_value:
            return self.value() - self.entry_value()
        return dollars(self.contracts, self.quantity, self.mid - self.entry_mid)


def _joined(values: FloatArray, joining: FloatArray, index: IndexArray) -> FloatArray:
    """Values with the columns of some paths from elsewhere; a copy, since others may hold the array."""
    together = values.copy()
    copy_columns(joining, index, together)
    together.setflags(write=False)
    return together


def dollars(contracts: ContractSet, quantity: FloatArray, points: FloatArray) -> FloatArray:
    """Sum over legs of quantity x points x multiplier [USD], shape (n_paths,)."""
    value = np.empty(quantity.shape[1])
    value_legs(quantity, points, contracts.multiplier, value)
    return value
