"""P&L by source on the first paths of a block: what time, index, volatility, jumps, costs and interest brought.

Every session is taken apart contract by contract (``sim.repricing``) and added up by engine. The sum over sources is
the change of equity; it is compared with the ledger's own on every path and session.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.contracts import ContractSet
from sim.errors import LedgerError
from sim.exposures import ExposurePlan, Position
from sim.ledger import TOLERANCE, Ledger
from sim.quotes import QuoteBook
from sim.repricing import LINEAR_IN_VOLATILITY, Repricing
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SOURCES: dict[str, str] = {
    "theta": "one session passes, SPX and volatility state as they are: decay, carry and roll-down",
    "delta": "the SPX moves, along the delta of the close before; not on jump days",
    "vega": "the volatility state moves to that of the day, nothing else; of VIX futures and notes all but theta; not"
    " on jump days",
    "gamma": "what the three leave: curvature and what they do to one another; not on jump days",
    "jump": "all but theta on days on which the SPX moves by more than `jump_deviations` daily deviations of the VIX of"
    " the close before",
    "cost": "commission, fees and half-spreads, as a loss",
    "interest": "on the cash of the account, of no engine",
}
"""Sources of P&L that add up to the change of equity, in the order in which they are stored."""

PREMIUM = ("theta", "gamma")
"""Sources whose sum is the premium: time value that decayed, less what moves of the SPX took through curvature."""

NAMES = tuple(SOURCES)
_TRADED = NAMES.index("cost")
"""Sources of marks; costs and interest come behind."""


class Sources:
    """P&L of one strategy by source.

    Parameters
    ----------
    engines : tuple of str
        Names of the engines.
    n_times : int
        Number of measurements.
    inside : ndarray of bool, shape (n_days + 1, n_windows, n_paths)
        Sessions of each window.
    initial_equity : float
        Equity before the first orders [USD].

    Attributes
    ----------
    total : ndarray of shape (n_engines + 1, n_sources, n_paths)
        P&L so far; the last row is the account's [USD].
    course : ndarray of shape (n_engines + 1, n_sources, n_times, n_paths)
        The same after each measurement.
    by_window : ndarray of shape (n_windows, n_engines + 1, n_sources, n_paths)
        The same over the sessions of each window; the first session also bears the costs of day 0.
    """

    def __init__(self, engines: tuple[str, ...], n_times: int, inside: BoolArray, initial_equity: float) -> None:
        n_windows, n_paths = inside.shape[1:]
        shape = (len(engines) + 1, len(NAMES))
        self.total = np.zeros((*shape, n_paths))
        self.course = np.zeros((*shape, n_times, n_paths))
        self.by_window = np.zeros((n_windows, *shape, n_paths))
        self._engines, self._inside, self._initial = engines, inside, initial_equity
        self._open = np.zeros(self.total.shape)
        self._row = 0

    def note(self, day: int, marks: FloatArray, ledger: Ledger, *, is_kept: bool) -> None:
        """Take a session.

        Parameters
        ----------
        day : int
            Sessions after day 0.
        marks : ndarray of shape (n_engines, n_sources of marks, n_paths)
            P&L of what was held since the close before, by source [USD].
        ledger : Ledger
            After the orders of the session.
        is_kept : bool
            Whether the course has a row for this session.

        Raises
        ------
        LedgerError
            If the sources do not add up, naming path and day.
        """
        n_paths = self.total.shape[-1]
        now = self.total.copy()
        now[:-1, :_TRADED] += marks
        now[:-1, _TRADED] = -ledger.cost[:, :n_paths]
        now[-1, -1] = ledger.interest[:n_paths]
        change, self.total = now - self.total + self._open, now
        self._check(day, ledger, n_paths)
        self._open = change if day == 0 else np.zeros(change.shape)
        self.by_window += np.where(self._inside[day][:, None, None], change, 0.0)
        if is_kept:
            self.course[:, :, self._row] = now
            self._row += 1

    def _check(self, day: int, ledger: Ledger, n_paths: int) -> None:
        """Compare with the ledger: by engine at mid, and all of it with equity."""
        gross = np.maximum(np.abs(ledger.cash[:n_paths]), self._initial)
        by_engine = np.abs(self.total[:-1, :_TRADED].sum(axis=1) - ledger.gross_pnl[:, :n_paths]) / gross
        whole = np.abs(self._initial + self.total.sum(axis=(0, 1)) - ledger.equity()[:n_paths]) / gross
        for name, share in [*zip(self._engines, by_engine, strict=True), ("the book", whole)]:
            if not share.max(initial=0.0) <= TOLERANCE:
                path = int(np.argmax(~(share <= TOLERANCE)))
                raise LedgerError(
                    f"the ledger does not balance on path {path}, day {day}: P&L by source of {name} is off by"
                    f" {share[path]:.3g} of gross value, allowed are {TOLERANCE:g}"
                )


class SourceWatch:
    """Takes the P&L of all strategies of a block apart, each contract set once a session.

    Parameters
    ----------
    plan : ExposurePlan, optional
        What is measured; None, or one without ``jump_deviations``: nothing.
    quotes : QuoteBook
        Quotes of the block.
    ledgers : mapping
        Strategy to its ledger.
    inside : ndarray of bool, shape (n_days + 1, n_windows, n_paths)
        Sessions of each window.
    """

    def __init__(
        self, plan: ExposurePlan | None, quotes: QuoteBook, ledgers: Mapping[str, Ledger], inside: BoolArray
    ) -> None:
        self.of: dict[str, Sources] = {}
        """Measurements by strategy; empty where nothing is measured."""
        if plan is None or plan.n_paths == 0 or plan.jump_deviations is None:
            return
        market = quotes.market
        self._first, self._last = market.day0, market.n_times - 1
        self._days = plan.days(self._last - self._first)
        self._jump, self._n_paths, self._quotes = plan.jump_deviations, plan.n_paths, quotes
        self._repricing = Repricing(quotes, plan.n_paths)
        self._books: dict[str, list[Position]] = {}
        self._parts: dict[ContractSet, FloatArray] = {}
        part = np.ascontiguousarray(inside[:, :, : plan.n_paths])
        self.of = {
            name: Sources(ledger.engines, len(self._days), part, ledger.initial_equity)
            for name, ledger in ledgers.items()
        }

    def note(self, ledgers: Mapping[str, Ledger], t: int) -> None:
        """Take all strategies after their orders of session ``t``."""
        if not self.of:
            return
        day = t - self._first
        is_jump = self._is_jump(t) if day else np.zeros(self._n_paths, dtype=np.bool_)
        for name, ledger in ledgers.items():
            marks = np.zeros((len(ledger.engines), _TRADED, self._n_paths))
            for contracts, mine in self._books.get(name, []):
                self._add(marks[ledger.engines.index(mine.engine)], contracts, mine, is_jump, t)
            self.of[name].note(day, marks, ledger, is_kept=day in self._days)
        self._books = {name: self._positions(ledger) for name, ledger in ledgers.items()}
        held: dict[ContractSet, BoolArray] = {}
        for whole, mine in (position for book in self._books.values() for position in book):
            known = held.get(whole)
            held[whole] = mine.is_open if known is None else known | mine.is_open
        self._parts = self._repricing.parts(held, t) if t < self._last else {}

    def _positions(self, ledger: Ledger) -> list[Position]:
        positions = [(tranche.contracts, tranche.first_paths(self._n_paths)) for tranche in ledger.tranches]
        return [(whole, mine) for whole, mine in positions if mine.is_open.any()]

    def _is_jump(self, t: int) -> BoolArray:
        """Paths on which the SPX moved further than by so many deviations that its options expected."""
        market = self._repricing.market
        deviation = 0.01 * market.vix(t - 1) / np.sqrt(SESSIONS_PER_YEAR)
        return np.asarray(np.abs(market.spot(t) / market.spot(t - 1) - 1.0) > self._jump * deviation)

    def _add(self, marks: FloatArray, contracts: ContractSet, mine: Tranche, is_jump: BoolArray, t: int) -> None:
        """Add what a position brought over the session that ended at ``t``."""
        now, parts = self._quotes.mids(contracts, t)[:, : self._n_paths], self._parts[contracts]
        for leg, number in enumerate(mine.quantity):  # leg by leg: a sum whose order hangs on no array's shape
            change = now[leg] - mine.mid[leg]
            theta, delta, vega = parts[:, leg]
            if contracts.product in LINEAR_IN_VOLATILITY:
                vega = change - theta
            rest = change - theta
            ordinary = np.array([delta, vega, rest - delta - vega])
            told = np.concatenate([theta[None], np.where(is_jump, 0.0, ordinary), np.where(is_jump, rest, 0.0)[None]])
            marks += np.where(number != 0.0, contracts.multiplier * number * told, 0.0)
