"""Greeks of every engine and break-evens of the book through time, on the first paths of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ContractSet
from sim.greeks import GREEKS, GreekBook
from sim.ledger import Ledger
from sim.quotes import QuoteBook
from sim.strategies.break_even import SIDES, break_evens
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Position = tuple[ContractSet, Tranche]
"""Contracts on all paths of a block, and what is held of them on the measured ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposurePlan:
    """What is measured of a block.

    Parameters
    ----------
    n_paths : int
        Paths of the block, from the first on.
    every : int
        Sessions between two measurements; the first is day 0.
    jump_deviations : float, optional
        P&L is split by source, and a move of the SPX by more than so many daily deviations is a jump; None: no split.
    """

    n_paths: int
    every: int
    jump_deviations: float | None = None

    def days(self, n_days: int) -> range:
        """Sessions after day 0 that are measured, of ``n_days``."""
        return range(0, n_days + 1, self.every)


class ExposureWatch:
    """Measures all strategies of a block, each contract set once a session.

    Parameters
    ----------
    plan : ExposurePlan, optional
        What is measured; None: nothing.
    quotes : QuoteBook
        Quotes of the block.
    engines : mapping
        Strategy to the names of its engines.
    """

    def __init__(self, plan: ExposurePlan | None, quotes: QuoteBook, engines: Mapping[str, tuple[str, ...]]) -> None:
        self.of: dict[str, Exposures] = {}
        """Measurements by strategy; empty where nothing is measured."""
        self._days = range(0)
        if plan is not None and plan.n_paths > 0:
            market = quotes.market
            self._first, self._days = market.day0, plan.days(market.n_times - 1 - market.day0)
            self._book = GreekBook(quotes, plan.n_paths)
            self.of = {name: Exposures(own, len(self._days), plan.n_paths) for name, own in engines.items()}

    def note(self, ledgers: Mapping[str, Ledger], t: int) -> None:
        """Measure all strategies after their orders of session ``t``, where that is due."""
        if not self._days or t - self._first not in self._days:
            return
        books = {name: self._positions(ledger) for name, ledger in ledgers.items()}
        held: dict[ContractSet, BoolArray] = {}
        for book in books.values():
            for whole, mine in book:
                known = held.get(whole)
                held[whole] = mine.is_open if known is None else known | mine.is_open
        self._book.measure(held, t)
        for name, book in books.items():
            self.of[name].note(book, self._book, self._book.market.spot(t))

    def _positions(self, ledger: Ledger) -> list[Position]:
        positions = [(tranche.contracts, tranche.first_paths(self._book.n_paths)) for tranche in ledger.tranches]
        return [(whole, mine) for whole, mine in positions if mine.is_open.any()]


class Exposures:
    """Measurements of one strategy.

    Parameters
    ----------
    engines : tuple of str
        Names of the engines.
    n_times : int
        Number of measurements.
    n_paths : int
        Number of measured paths.

    Attributes
    ----------
    greeks : ndarray of shape (n_engines, n_greeks, n_times, n_paths)
        In the order and units of ``sim.greeks.GREEKS``, after the orders of the session.
    break_evens : ndarray of shape (n_sides, n_times, n_paths)
        In the order of ``sim.strategies.break_even.SIDES``, as a share of the SPX; NaN without a condor.
    """

    def __init__(self, engines: tuple[str, ...], n_times: int, n_paths: int) -> None:
        self.greeks = np.zeros((len(engines), len(GREEKS), n_times, n_paths))
        self.break_evens = np.full((len(SIDES), n_times, n_paths), np.nan)
        self._engines = engines
        self._row = 0

    def note(self, book: list[Position], greeks: GreekBook, spot: FloatArray) -> None:
        """Add a measurement of a book."""
        row = self._row
        for contracts, mine in book:
            each, total = greeks.each(contracts), self.greeks[self._engines.index(mine.engine), :, row]
            for leg, number in enumerate(mine.quantity):  # leg by leg: a sum whose order hangs on no array's shape
                total += np.where(number != 0.0, number * each[:, leg], 0.0)
        self.break_evens[:, row] = break_evens([mine for _, mine in book], spot)
        self._row += 1
