"""A ledger that writes down what it does on one path."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """Ledger that keeps an entry of every change of cash or contracts on one path.

    Parameters
    ----------
    engines, n_paths, initial_equity, costs
        As of ``Ledger``.
    dates : ndarray of datetime64[D]
        Date of each session of the calendar.
    day0 : int
        Index of day 0 on it.
    path : int
        Which path of the block is written down.

    Attributes
    ----------
    entries : list of Entry
        So far.
    t : int
        Session, to be set by the run.
    notes : deque of Note
        Why the orders that are filled next were given, one each.
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
        path: int = 0,
    ) -> None:
        super().__init__(engines, n_paths, initial_equity, costs)
        self.dates, self.day0, self.path = dates, day0, path
        self.entries: list[Entry] = []
        self.t = day0
        self.notes: deque[Note] = deque()
        self.forced: Note | None = None

    def accrue(self, rate: float, alive: BoolArray) -> None:
        """Pay interest, and write it down."""
        before = self.interest[self.path]
        super().accrue(rate, alive)
        paid = float(self.interest[self.path] - before)
        if paid != 0.0:
            self._write(ACCOUNT, Note(action="interest", reason="one session on cash"), (), paid)

    def mark(self, tranche: Tranche, mid: FloatArray) -> None:
        """Mark, and write down variation and fees that were paid."""
        held, previous = tranche.quantity[:, self.path], tranche.mid[:, self.path]
        fee = holding_cost(self.costs, tranche.contracts, tranche.quantity, tranche.mid)
        super().mark(tranche, mid)
        if not held.any():
            return
        if fee is not None:
            self._pay_held(tranche, Note(action="fee", reason="fee of the note"), fees=float(fee[self.path]))
        if not tranche.has_value:
            change = tranche.contracts.multiplier * held * (mid[:, self.path] - previous)
            self._pay_held(tranche, Note(action="variation", reason="daily settlement of futures"), cash=change)

    def settle(self, tranche: Tranche) -> None:
        """Settle, and write it down."""
        held = tranche.quantity[:, self.path].copy()
        if held.any():
            legs = self._legs(tranche.contracts, -held, tranche.mid[:, self.path], None)
            self._write(tranche.engine, Note(action="settle", reason="expiry"), legs)
        super().settle(tranche)

    def trade(self, tranche: Tranche, change: FloatArray, vix: FloatArray) -> None:
        """Trade, and write it down; opening a tranche is its first trade."""
        note = self._note()
        super().trade(tranche, change, vix)
        self._order(tranche, change[:, self.path], vix, note)

    def close(self, tranche: Tranche, mask: BoolArray, vix: FloatArray) -> None:
        """Close, and write it down."""
        note = self._note()
        change = np.where(mask[self.path], -tranche.quantity[:, self.path], 0.0)
        super().close(tranche, mask, vix)
        self._order(tranche, change, vix, note)

    def _note(self) -> Note:
        return self.forced or self.notes.popleft()

    def _order(self, tranche: Tranche, change: FloatArray, vix: FloatArray, note: Note) -> None:
        if change.any():
            legs = self._legs(tranche.contracts, change, tranche.mid[:, self.path], float(vix[self.path]))
            self._write(tranche.engine, note, legs)

    def _legs(self, contracts: ContractSet, change: FloatArray, mid: FloatArray, vix: float | None) -> tuple[Leg, ...]:
        """Legs that change hands; without a VIX they settle, which costs nothing."""
        paid, fee = np.zeros(mid.shape), 0.0
        if vix is not None:
            widening = self.friction.widening_of(contracts.product)
            spread = half_spread(self.costs, contracts.product, mid[:, None], np.array([vix]), widening=widening)[:, 0]
            paid = self.costs.crossing_fraction(contracts.n_legs) * spread
            fee = fee_per_contract(self.costs, contracts.product)
        has_value = contracts.product in OPTIONS or contracts.product in HOLDINGS
        legs = []
        for row in np.flatnonzero(change):
            number, slippage = float(change[row]), float(paid[row])
            fees, cost = abs(number) * fee, abs(number) * contracts.multiplier * slippage
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
            expiry=None if contracts.product in HOLDINGS else str(self.dates[contracts.expiry]),
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
                session=self.t - self.day0,
                date=str(self.dates[self.t]),
                engine=engine,
                action=note.action,
                reason=note.reason,
                legs=legs,
                cash=sum(leg.cash for leg in legs) if cash is None else cash,
                signals=note.signals,
            )
        )
