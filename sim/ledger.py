"""The ledger of one strategy: cash, costs and interest on every path, and P&L by engine, kept twice.

Once as stock, cash plus positions at mid; once as flow, the sum of daily changes of what was held. The two must agree
on every path and day:

* each tranche: cash received at mid + value = P&L from daily changes,
* the account: cash = initial equity + interest + cash of all tranches - costs,
* the strategy: equity = initial equity + interest + P&L of all engines - costs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.columns import filled_columns, take_columns, true_places
from sim.config import CostsConfig
from sim.contracts import HOLDINGS, ContractSet
from sim.costs import Tariffs, holding_cost
from sim.errors import LedgerError
from sim.frictions import NONE
from sim.marking import add_at, fill_imbalance, pay_columns
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
        self._equity: FloatArray | None = None

    def held_by(self, engine: str) -> list[Tranche]:
        """Open tranches of an engine, oldest first."""
        return [tranche for tranche in self.tranches if tranche.engine == engine]

    def sessions_to(self, contracts: ContractSet) -> int:
        """Sessions until contracts expire; 0 for products that never do."""
        return 0 if contracts.product in HOLDINGS else max(contracts.expiry - self.session, 0)

    def equity(self) -> FloatArray:
        """Cash plus positions at mid [USD], shape (n_paths,); read-only."""
        if self._equity is None:
            total = self.cash.copy()
            for tranche in self.tranches:
                total += tranche.value()
            total.setflags(write=False)
            self._equity = total
        return self._equity

    def accrue(self, rate: float, alive: BoolArray) -> None:
        """Pay one session of interest on cash."""
        interest = np.where(alive, self.cash * np.expm1(rate / SESSIONS_PER_YEAR), 0.0)
        self.interest += interest
        self.cash += interest
        self._equity = None

    def mark(self, tranche: Tranche, mid: FloatArray) -> None:
        """Move a tranche to new mids; a future's variation is paid in cash, a note takes its fee."""
        fee = holding_cost(self.costs, tranche.contracts, tranche.quantity, tranche.mid)
        if fee is not None:
            self._pay(tranche, fee)
        tranche.move(mid, self.gross_pnl[self.engines.index(tranche.engine)], self.cash)
        self._equity = None

    def settle(self, tranche: Tranche) -> None:
        """Exchange an expired tranche, marked at its settlement, for cash; settlement costs nothing."""
        index = tranche.held
        if tranche.has_value:
            amount = tranche.value()[index]
            for account in (tranche.flow, self.cash):
                add_at(index, amount, account)
        tranche.clear(index)
        self._equity = None

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
            self._begin(tranche, filled_columns(quantity), quantity, vix, outlay_each)
            return tranche
        left, slot = filled_columns(quantity), 0
        while True:
            tranche = self._slot(engine, contracts, day, mid, slot)
            is_taken = tranche.is_open[left]
            index, left = left[~is_taken], left[is_taken]
            if index.size:
                self._closed_flow[index] += tranche.join(contracts, index, mid)
                self._begin(tranche, index, quantity, vix, outlay_each)
            slot += 1
            if left.size == 0:
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

    def _begin(
        self,
        tranche: Tranche,
        index: IndexArray,
        quantity: FloatArray,
        vix: FloatArray,
        outlay_each: FloatArray | None,
    ) -> None:
        """Fill a tranche on paths that did not hold it."""
        tranche.opened[index] = self._n_orders
        if outlay_each is not None:
            known = np.zeros(vix.size) if tranche.outlay_each is None else tranche.outlay_each.copy()
            known[index] = outlay_each[index]
            tranche.outlay_each = known
        self.trade_columns(tranche, index, _columns(quantity, index), vix)

    def trade(self, tranche: Tranche, change: FloatArray, vix: FloatArray) -> None:
        """Buy ``change`` (signed) contracts of a tranche at its latest mids, and pay the costs."""
        index = filled_columns(change)
        self.trade_columns(tranche, index, _columns(change, index), vix)

    def trade_columns(self, tranche: Tranche, index: IndexArray, change: FloatArray, vix: FloatArray) -> None:
        """Buy ``change`` of a tranche, shape (n_legs, n_traded), on the paths of ``index``; those alone are touched."""
        self._pay_for(tranche, index, change, vix)
        tranche.trade(index, change)

    def close(self, tranche: Tranche, mask: BoolArray, vix: FloatArray) -> None:
        """Close a tranche at mid on the paths of ``mask``."""
        index = true_places(mask & tranche.is_open)
        if index.size == 0:
            return
        change = _columns(tranche.quantity, index)
        self._pay_for(tranche, index, np.negative(change, out=change), vix)
        tranche.clear(index)

    def _pay_for(self, tranche: Tranche, index: IndexArray, change: FloatArray, vix: FloatArray) -> None:
        """Pay for ``change`` on some paths, and what it costs."""
        contracts, mid = tranche.contracts, _columns(tranche.mid, index)
        cost = self._cost_of(contracts, change, mid, vix[index], index)
        multiplier = contracts.multiplier if tranche.has_value else 0.0
        accounts = tranche.flow, tranche.cost, self.cost[self.engines.index(tranche.engine)], self.cash
        pay_columns(index, change, mid, multiplier, cost, accounts, self.n_trades)
        self._equity = None

    def drop_closed(self) -> None:
        """Forget tranches that no path holds any more; their cash stays accounted for."""
        kept = []
        for tranche in self.tranches:
            if tranche.held.size:
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
        flows, share = self._closed_flow.copy(), np.empty(self.cash.size)
        for tranche in self.tranches:
            fill_imbalance(tranche.flow, tranche.value(), tranche.gross_pnl, self.initial_equity, share, flows)
            self._judge(share, day, partial(_describe, tranche))
        expected = self.initial_equity + self.interest + flows - self.cost.sum(axis=0)
        scale = np.maximum(np.abs(self.cash), self.initial_equity)
        self._judge(np.abs(self.cash - expected) / scale, day, lambda: "the cash account")
        by_flow = self.initial_equity + self.interest + self.gross_pnl.sum(axis=0) - self.cost.sum(axis=0)
        self._equity = None  # the identity is of what stands in the books
        self._judge(np.abs(self.equity() - by_flow) / scale, day, lambda: "P&L by engine against equity")

    def _judge(self, share: FloatArray, day: int, what: Callable[[], str]) -> None:
        """Refuse a difference, as a share of gross value, that is too large anywhere, or no number."""
        worst = float(share.max())
        if not worst <= TOLERANCE:
            raise _imbalance(int(np.argmax(~(share <= TOLERANCE))), day, what(), worst)
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


def _columns(values: FloatArray, index: IndexArray) -> FloatArray:
    """Columns of some paths."""
    taken = np.empty((values.shape[0], index.size))
    take_columns(values, index, 0, taken)
    return taken


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
