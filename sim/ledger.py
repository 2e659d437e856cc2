"""The ledger of one strategy: cash, costs and interest on every path, and P&L by engine, kept twice.

Once as stock, cash plus positions at mid; once as flow, the sum of daily changes of what was held. The two must agree
on every path and day:

* each tranche: cash received at mid + value = P&L from daily changes,
* the account: cash = initial equity + interest + cash of all tranches - costs,
* the strategy: equity = initial equity + interest + P&L of all engines - costs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.columns import copy_columns, take_columns
from sim.config import CostsConfig
from sim.contracts import HOLDINGS, ContractSet
from sim.costs import Tariffs, holding_cost
from sim.errors import LedgerError
from sim.frictions import NONE
from sim.marking import trade_columns, worst_imbalance
from sim.tranche import Pool, Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]

TOLERANCE = 1e-9
"""Largest allowed residual of an identity, as a share of gross value."""


class Ledger:
    """Book-keeping of one strategy on ``n_paths`` paths.

    Parameters
    ----------
    engines : sequence of str
        Names of the engines, the rows of P&L and costs.
    n_paths : int
        Number of paths.
    initial_equity : float
        Cash at the start [USD].
    costs : CostsConfig
        Commission, fees and spreads.

    Attributes
    ----------
    cash, interest : ndarray of shape (n_paths,)
        Cash now, and interest received so far [USD].
    gross_pnl, cost : ndarray of shape (n_engines, n_paths)
        P&L at mid and costs by engine so far [USD].
    tranches : list of Tranche
        Open tranches, oldest first.
    n_trades : ndarray of shape (n_paths,)
        Orders filled so far.
    largest_residual : float
        Largest residual of an identity so far, as a share of gross value.
    friction : Friction
        How trading goes today, to be set by the run.
    session : int
        Today, to be set by the run: spreads depend on the time to expiry.
    first_session : int
        Session of day 0, by which errors count days.
    """

    def __init__(self, engines: tuple[str, ...], n_paths: int, initial_equity: float, costs: CostsConfig) -> None:
        self.engines = engines
        self.initial_equity = initial_equity
        self.costs = costs
        self.cash = np.full(n_paths, float(initial_equity))
        self.interest = np.zeros(n_paths)
        self.gross_pnl = np.zeros((len(engines), n_paths))
        self.cost = np.zeros((len(engines), n_paths))
        self.n_trades = np.zeros(n_paths, dtype=np.int64)
        self.tranches: list[Tranche] = []
        self.largest_residual = 0.0
        self.friction = NONE
        self.session = self.first_session = 0
        self._tariffs = Tariffs(costs)
        self._closed_flow = np.zeros(n_paths)
        self._n_orders = 0

    def held_by(self, engine: str) -> list[Tranche]:
        """Open tranches of an engine, oldest first."""
        return [tranche for tranche in self.tranches if tranche.engine == engine]

    def sessions_to(self, contracts: ContractSet) -> int:
        """Sessions until contracts expire; 0 for products that never do."""
        return 0 if contracts.product in HOLDINGS else max(contracts.expiry - self.session, 0)

    def equity(self) -> FloatArray:
        """Cash plus positions at mid [USD], shape (n_paths,)."""
        total = self.cash.copy()
        for tranche in self.tranches:
            total += tranche.value()
        return total

    def accrue(self, rate: float, alive: BoolArray) -> None:
        """Pay one session of interest on cash."""
        interest = np.where(alive, self.cash * np.expm1(rate / SESSIONS_PER_YEAR), 0.0)
        self.interest += interest
        self.cash += interest

    def mark(self, tranche: Tranche, mid: FloatArray) -> None:
        """Move a tranche to new mids; a future's variation is paid in cash, a note takes its fee."""
        fee = holding_cost(self.costs, tranche.contracts, tranche.quantity, tranche.mid)
        if fee is not None:
            self._pay(tranche, fee)
        change = tranche.move(mid)
        self._book_pnl(tranche, change)
        if not tranche.has_value:
            self._receive(tranche, change)

    def settle(self, tranche: Tranche) -> None:
        """Exchange an expired tranche, marked at its settlement, for cash; settlement costs nothing."""
        if tranche.has_value:
            self._receive(tranche, tranche.value())
        tranche.trade(-tranche.quantity)

    def open(
        self,
        engine: str,
        contracts: ContractSet,
        quantity: FloatArray,
        day: int,
        mid: FloatArray,
        vix: FloatArray,
        outlay_each: FloatArray | None = None,
        *,
        is_pooled: bool = False,
    ) -> Tranche:
        """Buy ``quantity`` (signed) of new contracts at mid, and pay the costs.

        Parameters
        ----------
        engine : str
            Who opens them.
        contracts : ContractSet
            What is opened.
        quantity : ndarray of shape (n_legs, n_paths)
            Signed contracts; 0 on paths that open nothing.
        day : int
            Session.
        mid : ndarray of shape (n_legs, n_paths)
            Mids [points].
        vix : ndarray of shape (n_paths,)
            VIX, on which costs depend [points].
        outlay_each : ndarray of shape (n_paths,), optional
            See ``Tranche``.
        is_pooled : bool
            Let positions that differ only in strikes and in the day of their opening share tranches: far fewer of them
            are to be carried where each path opens on days of its own.

        Returns
        -------
        Tranche
            The last one that was opened, or joined.
        """
        self._n_orders += 1
        if not is_pooled:
            tranche = self._added(Tranche.empty(engine, contracts, day, mid))
            self._begin(tranche, quantity, vix, outlay_each)
            return tranche
        left, slot = np.asarray(quantity.any(axis=0)), 0
        while True:
            tranche = self._slot(engine, contracts, day, mid, slot)
            index = np.flatnonzero(left & ~tranche.is_open)
            self._closed_flow[index] += tranche.join(contracts, index, mid)
            left[index] = False
            is_last = not left.any()
            self._begin(tranche, quantity if is_last and slot == 0 else _only(quantity, index), vix, outlay_each)
            slot += 1
            if is_last:
                return tranche

    def _slot(self, engine: str, contracts: ContractSet, day: int, mid: FloatArray, number: int) -> Tranche:
        """Tranche of a pool, an empty one where there is none."""
        rights = contracts.is_call.tobytes()
        row = self.engines.index(engine)
        pool = Pool(row, contracts.product, contracts.expiry, contracts.is_am, rights, number)
        for tranche in self.tranches:
            if tranche.pool == pool:
                return tranche
        tranche = Tranche.empty(engine, contracts, day, mid)
        tranche.pool = pool
        return self._added(tranche)

    def _added(self, tranche: Tranche) -> Tranche:
        """Take a tranche in, at a place that no other path has a say in: sums over the book keep their bits."""
        self.tranches.append(tranche)
        self.tranches.sort(key=_place)
        return tranche

    def _begin(self, tranche: Tranche, quantity: FloatArray, vix: FloatArray, outlay_each: FloatArray | None) -> None:
        """Fill a tranche on paths that did not hold it."""
        mask = quantity.any(axis=0)
        tranche.opened[mask] = self._n_orders
        if outlay_each is not None:
            known = np.zeros(mask.size) if tranche.outlay_each is None else tranche.outlay_each
            tranche.outlay_each = np.where(mask, outlay_each, known)
        self.trade(tranche, quantity, vix)

    def trade(self, tranche: Tranche, change: FloatArray, vix: FloatArray) -> None:
        """Buy ``change`` (signed) contracts of a tranche at its latest mids, and pay the costs."""
        index = np.flatnonzero(change.any(axis=0))
        self._trade_on(tranche, index, _columns(change, index), vix)
        tranche.trade(change)

    def close(self, tranche: Tranche, mask: BoolArray, vix: FloatArray) -> None:
        """Close a tranche at mid on the paths of ``mask``."""
        index = np.flatnonzero(mask & tranche.is_open)
        if index.size == 0:
            return
        change = _columns(tranche.quantity, index)
        self._trade_on(tranche, index, np.negative(change, out=change), vix)
        tranche.clear(index)

    def _trade_on(self, tranche: Tranche, index: IndexArray, change: FloatArray, vix: FloatArray) -> None:
        """Pay for ``change`` on some paths: most days few of them trade, so only those are touched."""
        contracts, mid = tranche.contracts, _columns(tranche.mid, index)
        cost = self._cost_of(contracts, change, mid, vix[index], index)
        multiplier = contracts.multiplier if tranche.has_value else 0.0
        accounts = tranche.flow, tranche.cost, self.cost[self.engines.index(tranche.engine)], self.cash
        trade_columns(index, change, mid, multiplier, cost, accounts, self.n_trades)

    def drop_closed(self) -> None:
        """Forget tranches that no path holds any more; their cash stays accounted for."""
        kept = []
        for tranche in self.tranches:
            if tranche.is_open.any():
                kept.append(tranche)
            else:
                self._closed_flow += tranche.flow
        self.tranches = kept

    def verify(self, day: int) -> None:
        """Check the identities on every path.

        Raises
        ------
        LedgerError
            Naming path, day and contracts of the first violation.
        """
        flows = self._closed_flow.copy()
        for tranche in self.tranches:
            flows += tranche.flow
            share, path = worst_imbalance(tranche.flow, tranche.value(), tranche.gross_pnl, self.initial_equity)
            if not share <= TOLERANCE:
                raise _imbalance(path, day, _describe(tranche), share)
            self.largest_residual = max(self.largest_residual, share)
        expected = self.initial_equity + self.interest + flows - self.cost.sum(axis=0)
        scale = np.maximum(np.abs(self.cash), self.initial_equity)
        self._judge(np.abs(self.cash - expected), scale, day, "the cash account")
        by_flow = self.initial_equity + self.interest + self.gross_pnl.sum(axis=0) - self.cost.sum(axis=0)
        self._judge(np.abs(self.equity() - by_flow), scale, day, "P&L by engine against equity")

    def _judge(self, residual: FloatArray, gross: FloatArray, day: int, what: str) -> None:
        share = residual / gross
        worst = float(share.max())
        if not worst <= TOLERANCE:
            raise _imbalance(int(np.argmax(~(share <= TOLERANCE))), day, what, worst)
        self.largest_residual = max(self.largest_residual, worst)

    def _cost_of(
        self,
        contracts: ContractSet,
        change: FloatArray,
        mid: FloatArray,
        vix: FloatArray,
        paths: IndexArray,
    ) -> FloatArray:
        widening, sessions = self.friction.widening_of(contracts.product), self.sessions_to(contracts)
        cost = self._tariffs.trade_cost(contracts, change, mid, vix, sessions, widening)
        if np.isnan(cost).any():
            raise LedgerError(
                f"an order cannot be priced on path {paths[np.argmax(np.isnan(cost))]}, day"
                f" {self.session - self.first_session}: a mid of {contracts.product.value} of session"
                f" {contracts.expiry}, or the VIX, is not a number"
            )
        return cost

    def _pay(self, tranche: Tranche, cost: FloatArray) -> None:
        self.cost[self.engines.index(tranche.engine)] += cost
        tranche.cost += cost
        self.cash -= cost

    def _receive(self, tranche: Tranche, amount: FloatArray) -> None:
        tranche.flow += amount
        self.cash += amount

    def _book_pnl(self, tranche: Tranche, amount: FloatArray) -> None:
        tranche.gross_pnl += amount
        self.gross_pnl[self.engines.index(tranche.engine)] += amount


def _columns(values: FloatArray, index: IndexArray) -> FloatArray:
    """Columns of some paths."""
    taken = np.empty((values.shape[0], index.size))
    take_columns(values, index, 0, taken)
    return taken


def _only(values: FloatArray, index: IndexArray) -> FloatArray:
    """The columns of some paths in their place, nothing elsewhere."""
    chosen = np.zeros(values.shape)
    copy_columns(values, index, chosen)
    return chosen


def _place(tranche: Tranche) -> tuple[bool, tuple[Pool, ...]]:
    """Where a tranche stands among the others: those of pools behind the rest, which stay as they are."""
    return tranche.pool is not None, () if tranche.pool is None else (tranche.pool,)


def _imbalance(path: int, day: int, what: str, share: float) -> LedgerError:
    return LedgerError(
        f"the ledger does not balance on path {path}, day {day}: {what} is off by {share:.3g} of gross value, "
        f"allowed are {TOLERANCE:g}"
    )


def _describe(tranche: Tranche) -> str:
    contracts = tranche.contracts
    return f"{tranche.engine}'s {contracts.product.value} of session {contracts.expiry} (opened on {tranche.entry_day})"
