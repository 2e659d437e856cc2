"""Trades of the first engine measured at their end: a condor tranche with its part of what the hedges made (S1).

While a tranche is open it takes part in the daily P&L of all hedges, net of costs, in proportion to its share of
the risk of all open tranches. What it made itself and what it was allotted is its result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim.columns import true_places
from sim.ledger import Ledger
from sim.strategies.protocols import CONDOR, condor_risk, hedge_pnl
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


@dataclass(slots=True, kw_only=True)
class _Trade:
    """A tranche, equity at its entry, its part of the hedges so far, and how it stood at the last close."""

    tranche: Tranche
    equity: FloatArray
    hedges: FloatArray
    risk: FloatArray
    is_open: BoolArray

    @classmethod
    def begun(cls, tranche: Tranche, equity: FloatArray) -> Self:
        """Trade whose orders have not been looked at yet."""
        n_paths = equity.size
        nothing, nowhere = np.zeros(n_paths), np.zeros(n_paths, dtype=np.bool_)
        return cls(tranche=tranche, equity=equity.copy(), hedges=np.zeros(n_paths), risk=nothing, is_open=nowhere)

    def result(self, index: IndexArray) -> FloatArray:
        """P&L net of costs, hedges included, over equity at entry [-], on some paths."""
        tranche = self.tranche
        net = tranche.gross_pnl[index] - tranche.cost[index] + self.hedges[index]
        return np.asarray(net / np.maximum(self.equity[index], 1.0))


class TradeResults:
    """Largest loss of a trade on each path.

    Parameters
    ----------
    n_paths : int
        Number of paths.

    Attributes
    ----------
    worst : ndarray of shape (n_paths,)
        Largest loss so far of a finished trade over equity at its entry [-], 0 where none lost.
    """

    def __init__(self, n_paths: int) -> None:
        self.worst = np.zeros(n_paths)
        self._trades: list[_Trade] = []
        self._hedged = np.zeros(n_paths)
        self._shared_by = np.ones(n_paths)  # risk of all open tranches [USD]

    def note(self, ledger: Ledger, equity: FloatArray) -> None:
        """Take up a close, after its orders; ``equity`` is that before them."""
        hedged = hedge_pnl(ledger)
        if self._trades:
            each = (hedged - self._hedged) / self._shared_by
            for trade in self._trades:
                take_part(trade.risk, each, trade.hedges)
                if trade.is_open is not trade.tranche.is_open:  # it is another array after every order
                    self._judge(trade, trade.is_open & ~trade.tranche.is_open)
        self._hedged = hedged
        known = {id(trade.tranche) for trade in self._trades}
        for tranche in ledger.held_by(CONDOR):
            if id(tranche) not in known:
                self._trades.append(_Trade.begun(tranche, equity))
        traded = [trade for trade in self._trades if trade.is_open is not trade.tranche.is_open]
        for trade in traded:
            trade.is_open, trade.risk = trade.tranche.is_open, condor_risk(trade.tranche).copy()
        self._trades = [trade for trade in self._trades if trade.tranche.held.size]
        if traded:
            total = np.zeros(equity.size)
            for trade in self._trades:
                total += trade.risk
            self._shared_by = np.where(total > 0.0, total, 1.0)

    def finish(self) -> FloatArray:
        """Measure what is still open at its last mids, and return the largest loss of each path [-]."""
        for trade in self._trades:
            self._judge(trade, trade.is_open)
        return self.worst

    def _judge(self, trade: _Trade, mask: BoolArray) -> None:
        index = true_places(mask)
        if index.size:
            self.worst[index] = np.maximum(self.worst[index], -trade.result(index))


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def take_part(risk: FloatArray, each: FloatArray, total: FloatArray) -> None:
    """Add to ``total`` what risk earns at ``each`` a dollar [USD], all of shape (n_paths,)."""
    for i in range(risk.size):
        total[i] += risk[i] * each[i]
