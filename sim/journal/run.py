"""Runs of a strategy that are written down: their engines are watched, their ledgers record."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.config import EngineConfig, StrategyConfig
from sim.evaluator import StrategyRun, deciding
from sim.execution import Placed, is_lapsed
from sim.experiment import signals_read
from sim.exposures import ExposurePlan, ExposureWatch
from sim.greeks import GREEKS
from sim.journal.entries import Day
from sim.journal.ledger import Note, RecordingLedger
from sim.journal.reasons import notes_of, trees_of
from sim.sources import SOURCES, SourceWatch
from sim.strategies.break_even import SIDES
from sim.strategies.protocols import DayView, Engine, Orders

FloatArray = NDArray[np.float64]
BOOK = "book"
BoolArray = NDArray[np.bool_]


class WatchedRun(StrategyRun):
    """Run of a strategy whose orders are written down on its first paths.

    Parameters
    ----------
    market, quotes, strategy, account, costs, more
        As of ``StrategyRun``.
    n_recorded : int
        Number of paths that are written down.

    Attributes
    ----------
    ledger : RecordingLedger
        Holds the entries.
    watched : dict of WatchedEngine
        The engines by name.
    """

    ledger: RecordingLedger

    def __init__(
        self,
        market: Any,
        quotes: Any,
        strategy: StrategyConfig,
        account: Any,
        costs: Any,
        *more: Any,
        n_recorded: int = 1,
    ) -> None:
        super().__init__(market, quotes, strategy, account, costs, *more)
        self.ledger = RecordingLedger(
            self.ledger.engines,
            market.n_paths,
            account.initial_equity,
            costs,
            dates=market.calendar.dates,
            day0=market.day0,
            n_recorded=n_recorded,
        )
        pairs = zip(deciding(strategy), self.engines, strict=True)
        self.watched = {config.engine: WatchedEngine(engine, config, n_recorded) for config, (_, engine) in pairs}
        self.engines = list(self.watched.items())

    def step(self, t: int, *, decides: bool) -> None:
        """Move the book, and write down why."""
        self.ledger.t = t
        super().step(t, decides=decides)

    def _fill(self, placed: Placed, t: int) -> None:
        orders = placed.orders
        lapsed = [False] * (len(orders.closes) + len(orders.trades)) + [is_lapsed(order, t) for order in orders.opens]
        for account, told in zip(self.ledger.accounts, self.watched[placed.engine].notes.pop(id(orders)), strict=True):
            notes = [note for note, is_gone in zip(told, lapsed, strict=True) if not is_gone]
            if placed.decided != t:
                day = f"decided on {self.market.calendar.dates[placed.decided]}"
                notes = [replace(note, reason=f"{note.reason} ({day})") for note in notes]
            account.notes = deque(notes)
        super()._fill(placed, t)

    def _stop_ruined(self, t: int) -> None:
        self.ledger.forced = Note(action="close", reason="ruin: equity is gone")
        super()._stop_ruined(t)
        self.ledger.forced = None

    def _meet_margin(self, t: int) -> BoolArray:
        self.ledger.forced = Note(action="close", reason="margin call: equity does not cover what positions bind")
        is_called = super()._meet_margin(t)
        self.ledger.forced = None
        return is_called


class RecordedRun(WatchedRun):
    """Run of a strategy with a journal of one path; takes the arguments of ``StrategyRun``.

    Attributes
    ----------
    days : list of Day
        The account after each session so far.
    jump_deviations : float
        Moves of the SPX beyond so many daily deviations are jumps.
    """

    def __init__(self, market: Any, quotes: Any, *more: Any, jump_deviations: float = 3.0) -> None:
        super().__init__(market, quotes, *more)
        self.days: list[Day] = []
        plan, books = ExposurePlan(n_paths=1, every=1, jump_deviations=jump_deviations), {BOOK: self.ledger}
        self._watch = ExposureWatch(plan, quotes, {BOOK: self.ledger.engines})
        no_windows = np.zeros((market.n_times - market.day0, 0, market.n_paths), dtype=np.bool_)
        self._sources = SourceWatch(plan, quotes, books, no_windows)

    def step(self, t: int, *, decides: bool) -> None:
        """Move the book, and write down how it stands."""
        super().step(t, decides=decides)
        ledger, market = self.ledger, self.market
        self._watch.note({BOOK: ledger}, t)
        self._sources.note({BOOK: ledger}, t)
        net = ledger.gross_pnl[:, 0] - ledger.cost[:, 0]
        self.days.append(
            Day(
                session=t - market.day0,
                date=str(market.calendar.dates[t]),
                spot=float(market.spot(t)[0]),
                vix=float(market.vix(t)[0]),
                cash=float(ledger.cash[0]),
                equity=float(self.equity[t - market.day0, 0]),
                engine_pnl=dict(zip(ledger.engines, map(float, net), strict=True)),
                sources=dict(zip(SOURCES, map(float, self._sources.of[BOOK].total.sum(axis=0)[:, 0]), strict=True)),
                **self._exposures(t - market.day0),
            )
        )

    def _exposures(self, row: int) -> dict[str, Any]:
        """Greeks of the book and break-evens after a session."""
        exposures = self._watch.of[BOOK]
        greeks = exposures.greeks[:, :, row, 0].sum(axis=0)
        distances = exposures.break_evens[:, row, 0]
        known = [float(distance) if np.isfinite(distance) else None for distance in distances]
        return {
            "greeks": dict(zip(GREEKS, map(float, greeks), strict=True)),
            "break_evens": dict(zip(SIDES, known, strict=True)),
        }


class WatchedEngine:
    """Engine whose orders are given their reasons.

    Parameters
    ----------
    engine : Engine
        What decides.
    config : EngineConfig
        Its configuration.
    n_recorded : int
        Number of paths that are told about.

    Attributes
    ----------
    notes : dict
        By identity of orders that are not filled yet: of each path, reasons of closes, trades, opens.
    held : list of dict
        Of each path, trees of conditions that held at the last decision: field -> formula.
    """

    config_type: ClassVar[type[EngineConfig]] = EngineConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, engine: Engine, config: EngineConfig, n_recorded: int = 1) -> None:
        self.engine, self.config, self.n_recorded = engine, config, n_recorded
        self.trees = trees_of(config)
        book = {name for tree in self.trees.values() for name in tree.signals()} - set(signals_read(config))
        self.market_signals, self.book_signals = signals_read(config), tuple(sorted(book))
        self.notes: dict[int, list[list[Note]]] = {}
        self.held: list[dict[str, str]] = [{} for _ in range(n_recorded)]

    def decide(self, view: DayView) -> Orders:
        """Let the engine decide; what it read is noted before, since orders change what the book binds."""
        read = {name: view.signal(name) for name in self.market_signals}
        read |= {name: view.book_signal(name) for name in self.book_signals}
        holds = {name: view.holds(tree) for name, tree in self.trees.items()}
        paths = range(self.n_recorded)
        self.held = [{name: str(self.trees[name]) for name, held in holds.items() if held[path]} for path in paths]
        told = [
            {name: float(values[path]) for name, values in read.items() if np.isfinite(values[path])} for path in paths
        ]
        orders = self.engine.decide(view)
        notes = [notes_of(view, self.config, orders, self.held[path], told[path], path) for path in paths]
        self.notes[id(orders)] = notes
        return orders
