"""A run of a strategy that is written down: its engines are watched, its ledger records."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.config import EngineConfig, StrategyConfig
from sim.evaluator import StrategyRun
from sim.execution import Placed, is_lapsed
from sim.experiment import signals_read
from sim.exposures import ExposurePlan, ExposureWatch
from sim.greeks import GREEKS
from sim.journal.entries import Day
from sim.journal.ledger import Note, RecordingLedger
from sim.journal.reasons import notes_of, trees_of
from sim.strategies.break_even import SIDES
from sim.strategies.protocols import DayView, Engine, Orders

FloatArray = NDArray[np.float64]
BOOK = "book"
BoolArray = NDArray[np.bool_]


class RecordedRun(StrategyRun):
    """Run of a strategy with a journal of one path; takes the arguments of ``StrategyRun``.

    Attributes
    ----------
    ledger : RecordingLedger
        Holds the entries.
    watched : dict of WatchedEngine
        The engines by name.
    days : list of Day
        The account after each session so far.
    """

    ledger: RecordingLedger

    def __init__(
        self, market: Any, quotes: Any, strategy: StrategyConfig, account: Any, costs: Any, *more: Any
    ) -> None:
        super().__init__(market, quotes, strategy, account, costs, *more)
        self.ledger = RecordingLedger(
            self.ledger.engines,
            market.n_paths,
            account.initial_equity,
            costs,
            dates=market.calendar.dates,
            day0=market.day0,
        )
        pairs = zip(strategy.engines, self.engines, strict=True)
        self.watched = {config.engine: WatchedEngine(engine, config) for config, (_, engine) in pairs}
        self.engines = list(self.watched.items())
        self.days: list[Day] = []
        self._watch = ExposureWatch(ExposurePlan(n_paths=1, every=1), quotes, {BOOK: self.ledger.engines})

    def step(self, t: int, *, decides: bool) -> None:
        """Move the book, and write down how it stands."""
        ledger, market = self.ledger, self.market
        ledger.t = t
        super().step(t, decides=decides)
        self._watch.note({BOOK: ledger}, t)
        net = ledger.gross_pnl[:, ledger.path] - ledger.cost[:, ledger.path]
        self.days.append(
            Day(
                session=t - market.day0,
                date=str(market.calendar.dates[t]),
                spot=float(market.spot(t)[ledger.path]),
                vix=float(market.vix(t)[ledger.path]),
                cash=float(ledger.cash[ledger.path]),
                equity=float(self.equity[t - market.day0, ledger.path]),
                engine_pnl=dict(zip(ledger.engines, map(float, net), strict=True)),
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

    def _fill(self, placed: Placed, t: int) -> None:
        orders = placed.orders
        lapsed = [False] * (len(orders.closes) + len(orders.trades)) + [is_lapsed(order, t) for order in orders.opens]
        told = self.watched[placed.engine].notes.pop(id(orders))
        notes = [note for note, is_gone in zip(told, lapsed, strict=True) if not is_gone]
        if placed.decided != t:
            day = f"decided on {self.market.calendar.dates[placed.decided]}"
            notes = [replace(note, reason=f"{note.reason} ({day})") for note in notes]
        self.ledger.notes = deque(notes)
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


class WatchedEngine:
    """Engine whose orders are given their reasons.

    Parameters
    ----------
    engine : Engine
        What decides.
    config : EngineConfig
        Its configuration.

    Attributes
    ----------
    notes : dict
        By identity of orders that are not filled yet: reasons of closes, trades, opens.
    held : dict
        Trees of conditions that held at the last decision: field -> formula.
    """

    config_type: ClassVar[type[EngineConfig]] = EngineConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, engine: Engine, config: EngineConfig) -> None:
        self.engine, self.config = engine, config
        self.trees = trees_of(config)
        book = {name for tree in self.trees.values() for name in tree.signals()} - set(signals_read(config))
        self.market_signals, self.book_signals = signals_read(config), tuple(sorted(book))
        self.notes: dict[int, list[Note]] = {}
        self.held: dict[str, str] = {}

    def decide(self, view: DayView) -> Orders:
        """Let the engine decide; what it read is noted before, since orders change what the book binds."""
        read = {name: float(view.signal(name)[0]) for name in self.market_signals}
        read |= {name: float(view.book_signal(name)[0]) for name in self.book_signals}
        self.held = {name: str(tree) for name, tree in self.trees.items() if bool(view.holds(tree)[0])}
        orders = self.engine.decide(view)
        self.notes[id(orders)] = notes_of(view, self.config, orders, self.held, read)
        return orders
