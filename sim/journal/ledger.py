"""A ledger that writes down what it does on some paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config import CostsConfig
from sim.contracts import HOLDINGS, OPTIONS, ContractSet
from sim.costs import fee_per_contract, half_spread, holding_cost
from sim.journal.entries import Entry, Leg
from sim.ledger import Ledger
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

ACCOUNT = "account"
"""Stands for the engine in entries of interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Why an order was given.

    Parameters
    ----------
    action : str
        What kind of order it is.
    reason : str
        The rule behind it.
    signals : mapping
        Signals that the engine reads, by name.
    """

    action: str
    reason: str
    signals: Mapping[str, float] = field(default_factory=dict)


class RecordingLedger(Ledger):
    """Ledger that keeps an entry of every change of cash or contracts on the first paths of its block.

    Parameters
    ----------
    engines, n_paths, initial_equity, costs
        As of ``Ledger``.
    dates : ndarray of datetime64[D]
        Date of each session of the calendar.
    day0 : int
        Index of day 0 on it.
    n_recorded : int
        Number of paths that are written down.

    Attributes
    ----------
    accounts : list of PathAccount
        What is written down, path by path.
    t : int
        Session, to be set by the run.
    forced : Note, optional
        Stands for all orders where no engine gave them.
    """

    def __init__(
        self,
        engines: tuple[str, ...],
        n_paths: int,
        initial_equity: float,
        costs: CostsConfig,
        *,
        dates: NDArray[np.datetime64],
        day0: int,
        n_recorded: int = 1,
    ) -> None:
        super().__init__(engines, n_paths, initial_equity, costs)
        self.dates, self.day0, self.first_session = dates, day0, day0
        self.accounts = [PathAccount(self, path) for path in range(n_recorded)]
        self.t = day0
        self.forced: Note | None = None

    @property
    def entries(self) -> list[Entry]:
        """Entries of the first path."""
        return self.accounts[0].entries

    def accrue(self, rate: float, alive: BoolArray) -> None:
        """Pay interest, and write it down."""
        before = self.interest.copy()
        super().accrue(rate, alive)
        for account in self.accounts:
            account.note_interest(float(self.interest[account.path] - before[account.path]))

    def mark(self, tranche: Tranche, mid: FloatArray) -> None:
        """Mark, and write down variation and fees that were paid."""
        held, previous = tranche.quantity, tranche.mid
        fee = holding_cost(self.costs, tranche.contracts, held, previous)
        super().mark(tranche, mid)
        for account in self.accounts:
            account.note_payments(tranche, held, mid - previous, fee)

    def settle(self, tranche: Tranche) -> None:
        """Settle, and write it down."""
        for account in self.accounts:
            account.note_settlement(tranche)
        super().settle(tranche)

    def open(self, *arguments: Any, **options: Any) -> Tranche:
        """Open, and write it down: one order, though the tranches of a pool may fill it in parts."""
        for account in self.accounts:
            account.opening = self.forced or account.notes.popleft()
        tranche = super().open(*arguments, **options)
        for account in self.accounts:
            account.opening = None
        return tranche

    def trade_columns(self, tranche: Tranche, index: NDArray[np.intp], change: FloatArray, vix: FloatArray) -> None:
        """Trade, and write it down; opening a tranche is its first trade."""
        super().trade_columns(tranche, index, change, vix)
        for account in self.accounts:
            account.note_order(tranche, change[:, index == account.path].sum(axis=1), vix)

    def close(self, tranche: Tranche, mask: BoolArray, vix: FloatArray) -> None:
        """Close, and write it down."""
        change = np.where(mask, -tranche.quantity, 0.0)
        super().close(tranche, mask, vix)
        for account in self.accounts:
            account.note_order(tranche, change[:, account.path], vix)


class PathAccount:
    """What a ledger writes down of one path.

    Parameters
    ----------
    ledger : RecordingLedger
        The ledger.
    path : int
        Which path of its block.

    Attributes
    ----------
    entries : list of Entry
        So far.
    notes : deque of Note
        Why the orders that are filled next were given, one each.
    opening : Note, optional
        Why the order was given that is being filled by opening tranches.
    """

    def __init__(self, ledger: RecordingLedger, path: int) -> None:
        self.ledger, self.path = ledger, path
        self.entries: list[Entry] = []
        self.notes: deque[Note] = deque()
        self.opening: Note | None = None

    def note_interest(self, paid: float) -> None:
        """Write down interest on cash."""
        if paid != 0.0:
            self._write(ACCOUNT, Note(action="interest", reason="one session on cash"), (), paid)

    def note_payments(self, tranche: Tranche, quantity: FloatArray, move: FloatArray, fee: FloatArray | None) -> None:
        """Write down the daily payments on what was held."""
        held = quantity[:, self.path]
        if not held.any():
            return
        if fee is not None:
            self._pay_held(tranche, Note(action="fee", reason="fee of the note"), fees=float(fee[self.path]))
        if not tranche.has_value:
            change = tranche.contracts.multiplier * held * move[:, self.path]
            self._pay_held(tranche, Note(action="variation", reason="daily settlement of futures"), cash=change)

    def note_settlement(self, tranche: Tranche) -> None:
        """Write down what expires."""
        held = tranche.quantity[:, self.path].copy()
        if held.any():
            legs = self._legs(tranche.contracts, -held, tranche.mid[:, self.path], None)
            self._write(tranche.engine, Note(action="settle", reason="expiry"), legs)

    def note_order(self, tranche: Tranche, change: FloatArray, vix: FloatArray) -> None:
        """Write down an order of the next note, where the path takes part in it."""
        note = self.opening or self.ledger.forced or self.notes.popleft()
        if change.any():
            legs = self._legs(tranche.contracts, change, tranche.mid[:, self.path], float(vix[self.path]))
            self._write(tranche.engine, note, legs)

    def _legs(self, contracts: ContractSet, change: FloatArray, mid: FloatArray, vix: float | None) -> tuple[Leg, ...]:
        """Legs that change hands; without a VIX they settle, which costs nothing."""
        paid, fee = np.zeros(mid.shape), np.zeros(mid.shape)
        if vix is not None:
            ledger, product = self.ledger, contracts.product
            sessions, widening = ledger.sessions_to(contracts), ledger.friction.widening_of(product)
            spread = half_spread(
                ledger.costs, product, mid[:, None], np.array([vix]), sessions=sessions, widening=widening
            )
            paid = ledger.costs.crossing_fraction(int(np.count_nonzero(change))) * spread[:, 0]
            fee = fee_per_contract(ledger.costs, product, mid)
        has_value = contracts.product in OPTIONS or contracts.product in HOLDINGS
        legs = []
        for row in np.flatnonzero(change):
            number, slippage = float(change[row]), float(paid[row])
            fees, cost = abs(number) * float(fee[row]), abs(number) * contracts.multiplier * slippage
            value = contracts.multiplier * number * float(mid[row]) if has_value else 0.0
            price = float(mid[row]) + np.sign(number) * slippage
            legs.append(self._leg(contracts, int(row), number, (float(mid[row]), float(price)), fees, cost, -value))
        return tuple(legs)

    def _leg(
        self,
        contracts: ContractSet,
        row: int,
        quantity: float,
        prices: tuple[float, float],
        fees: float,
        cost: float,
        received: float,
    ) -> Leg:
        is_option = contracts.product in OPTIONS
        return Leg(
            product=contracts.product.value,
            right=("call" if contracts.is_call[row] else "put") if is_option else "",
            strike=float(contracts.strike[row, self.path]) if is_option else None,
            expiry=None if contracts.product in HOLDINGS else str(self.ledger.dates[contracts.expiry]),
            quantity=quantity,
            mid=prices[0],
            price=prices[1],
            fees=fees,
            half_spread=cost,
            cash=received - fees - cost,
        )

    def _pay_held(self, tranche: Tranche, note: Note, *, cash: FloatArray | None = None, fees: float = 0.0) -> None:
        """Write down what the legs that are held received, or cost."""
        contracts, legs = tranche.contracts, []
        for row in np.flatnonzero(tranche.quantity[:, self.path]):
            mid = float(tranche.mid[row, self.path])
            quantity, received = float(tranche.quantity[row, self.path]), 0.0 if cash is None else float(cash[row])
            legs.append(self._leg(contracts, int(row), quantity, (mid, mid), fees, 0.0, received))
        self._write(tranche.engine, note, tuple(legs))

    def _write(self, engine: str, note: Note, legs: tuple[Leg, ...], cash: float | None = None) -> None:
        self.entries.append(
            Entry(
                session=self.ledger.t - self.ledger.day0,
                date=str(self.ledger.dates[self.ledger.t]),
                engine=engine,
                action=note.action,
                reason=note.reason,
                legs=legs,
                cash=sum(leg.cash for leg in legs) if cash is None else cash,
                signals=note.signals,
            )
        )
