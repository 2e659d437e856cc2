"""Orders on their way: decided at one close, filled at a later one.

Quantities are those of the decision, prices those of the fill. A path that is ruined or called for margin meanwhile
loses what it was to buy or sell; closes stand, and close what is left. An engine that has orders under way on a path
gives no others there until they are filled: it would decide on a book that they are not in yet.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.contracts import HOLDINGS
from sim.strategies.protocols import Open, Orders

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Orders of one engine.

    Parameters
    ----------
    decided, due : int
        Sessions of the decision and of the fill.
    engine : str
        Who gave them.
    orders : Orders
        What is left of them.
    """

    decided: int
    due: int
    engine: str
    orders: Orders


class OrderQueue:
    """Orders of one strategy that are not filled yet.

    Parameters
    ----------
    lag : int
        Sessions from decision to fill.
    n_paths : int
        Number of paths.
    """

    def __init__(self, lag: int, n_paths: int) -> None:
        self.lag, self._n_paths = lag, n_paths
        self._placed: deque[Placed] = deque()
        self._committed: deque[tuple[int, FloatArray]] = deque()

    def place(self, engine: str, orders: Orders, t: int) -> None:
        """Take the orders of an engine on session ``t``."""
        if self.lag > 1:  # after one session they have been filled
            _keep(orders, ~self._under_way(engine), closes=True)
        self._placed.append(Placed(decided=t, due=t + self.lag, engine=engine, orders=orders))

    def cancel(self, mask: BoolArray) -> None:
        """Give up what was to be bought or sold on some paths."""
        if self._placed and mask.any():
            for item in self._placed:
                _keep(item.orders, ~mask, closes=False)

    def due(self, t: int) -> list[Placed]:
        """Take out what is to be filled on session ``t``, in the order in which it was decided."""
        taken = []
        while self._placed and self._placed[0].due <= t:
            taken.append(self._placed.popleft())
        return taken

    def commit(self, outlay: FloatArray, t: int) -> None:
        """Note the outlay of all hedges ordered on session ``t`` [USD]."""
        if self.lag > 1 and outlay.any():
            self._committed.append((t + self.lag, outlay))

    def committed(self, t: int) -> FloatArray:
        """Outlay of hedges that are ordered and not filled on session ``t`` [USD]; that of cancelled ones included."""
        while self._committed and self._committed[0][0] <= t:
            self._committed.popleft()
        return np.sum([outlay for _, outlay in self._committed], axis=0) if self._committed else np.zeros(self._n_paths)

    def _under_way(self, engine: str) -> BoolArray:
        """Paths on which an engine has orders that wait."""
        busy = np.zeros(self._n_paths, dtype=np.bool_)
        for item in self._placed:
            if item.engine == engine:
                for close in item.orders.closes:
                    busy |= close.mask & close.tranche.is_open
                for trade in item.orders.trades:
                    busy |= trade.change.any(axis=0)
                for order in item.orders.opens:
                    busy |= order.quantity.any(axis=0)
        return busy


def is_lapsed(order: Open, t: int) -> bool:
    """Whether the contracts to be opened have expired before the fill."""
    contracts = order.contracts
    return contracts.expiry <= t and contracts.product not in HOLDINGS


def _keep(orders: Orders, mask: BoolArray, *, closes: bool) -> None:
    """Leave orders only on the paths of ``mask``; each keeps its place among the others."""
    orders.trades[:] = [replace(trade, change=np.where(mask, trade.change, 0.0)) for trade in orders.trades]
    orders.opens[:] = [replace(order, quantity=np.where(mask, order.quantity, 0.0)) for order in orders.opens]
    if closes:
        orders.closes[:] = [replace(close, mask=close.mask & mask) for close in orders.closes]
