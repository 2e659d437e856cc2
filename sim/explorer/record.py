"""One path of a scenario, run again under every strategy and written down day by day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cell import Cell, cell_market
from sim.config import ExperimentConfig
from sim.evaluator import evaluate, required_signals
from sim.explorer.condors import Lives
from sim.journal.entries import Entry
from sim.journal.reasons import trees_of
from sim.journal.replay import REPLAY_PATHS
from sim.journal.run import RecordedRun
from sim.margin import MarginPart
from sim.market import MarketBlock
from sim.storage import TENORS

FloatArray = NDArray[np.float64]

LEG = ("product", "expiry", "right", "strike", "quantity", "price")
"""What is kept of the leg of an order."""

Rule = tuple[str, str, str]
"""Strategy, engine, field that holds the tree of conditions."""


class ExploredRun(RecordedRun):
    """Run of a strategy that keeps, of the first path of its block, what the explorer draws."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.bound: list[float] = []
        self.held_rules: list[dict[tuple[str, str], bool]] = []
        self.lives = Lives(self.ledger.path, self.market.day0)
        self._total = 0.0

    def step(self, t: int, *, decides: bool) -> None:
        """Move the book, and keep what is drawn."""
        super().step(t, decides=decides)
        self.bound.append(self._total)
        rules = {(name, key): True for name, engine in self.watched.items() for key in engine.held} if decides else {}
        self.held_rules.append(rules)
        self.lives.note(self.ledger.tranches, t)

    def _margins(self, t: int) -> tuple[list[MarginPart], FloatArray]:
        parts, total = super()._margins(t)
        self._total = float(total[self.ledger.path])
        return parts, total


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A path under every strategy.

    Parameters
    ----------
    market : mapping
        ``spot``, ``vix``, ``vx1``, ``vx2`` of shape (n_days + 1,), ``curve`` (n_tenors, n_days + 1), and ``signals``
        (n_signals, n_days + 1).
    equity, margin : ndarray of shape (n_strategies, n_days + 1)
        USD, after the orders of the day.
    engine_pnl : ndarray of shape (n_strategies, n_engines, n_days + 1)
        Net of costs since day 0 [USD]; NaN for engines that the strategy has not.
    rules : ndarray of int8, shape (n_rules, n_days + 1)
        1 where the tree of conditions held.
    trades : list of str
        Orders and lives of SPX positions of each strategy, as JSON.
    terminal_pnl : ndarray of shape (n_strategies,)
        USD.
    date : ndarray of int32, shape (n_days + 1,)
        Dates [days since 1970-01-01].
    """

    market: Mapping[str, FloatArray]
    equity: FloatArray
    margin: FloatArray
    engine_pnl: FloatArray
    rules: NDArray[np.int8]
    trades: list[str]
    terminal_pnl: FloatArray
    date: NDArray[np.int32]


def rules_of(config: ExperimentConfig) -> dict[Rule, str]:
    """Trees of conditions of all strategies: (strategy, engine, field) to the formula."""
    return {
        (name, engine.engine, field): str(tree)
        for name, strategy in config.strategies.items()
        for engine in strategy.engines
        for field, tree in trees_of(engine).items()
    }


def record(config: ExperimentConfig, scenario: str, path: int) -> Record:
    """Simulate a path again and evaluate every strategy on it."""
    runs: list[ExploredRun] = []

    def start(*arguments: Any) -> ExploredRun:
        runs.append(ExploredRun(*arguments))
        return runs[-1]

    market, stream, _ = cell_market(config, Cell(scenario=scenario, first_path=path, n_paths=REPLAY_PATHS))
    outcomes = evaluate(
        market,
        config.strategies,
        account=config.account,
        costs=config.costs,
        margin=config.margin,
        stream=stream,
        run_type=start,
    )
    engines = list(dict.fromkeys(name for run in runs for name in run.ledger.engines))
    rules = np.array(
        [
            [(engine, field) in held for held in runs[list(config.strategies).index(strategy)].held_rules]
            for strategy, engine, field in rules_of(config)
        ],
        dtype=np.int8,
    )
    n_days = market.n_times - market.day0
    return Record(
        market=_market(market, required_signals(config.strategies)),
        equity=np.array([[day.equity for day in run.days] for run in runs]),
        margin=np.array([run.bound for run in runs]),
        engine_pnl=np.array(
            [[[day.engine_pnl.get(name, np.nan) for day in run.days] for name in engines] for run in runs]
        ),
        rules=rules.reshape(-1, n_days),
        trades=[_trades(run) for run in runs],
        terminal_pnl=np.array([float(outcomes[name].terminal_pnl[0]) for name in config.strategies]),
        date=market.calendar.dates[market.day0 : market.n_times].astype("datetime64[D]").astype(np.int32),
    )


def _market(market: MarketBlock, signals: tuple[str, ...]) -> dict[str, FloatArray]:
    first = market.day0
    days = range(first, market.n_times)
    shape = (-1, market.n_times - first)
    return {
        "spot": market.spot_series[first:, 0],
        "vix": market.vix_series[first:, 0],
        "vx1": market.vx(1)[first:, 0],
        "vx2": market.vx(2)[first:, 0],
        "curve": np.array([[market.constant_maturity(t, tenor)[0] for t in days] for tenor in TENORS]),
        "signals": np.array([market.signal(name)[first:, 0] for name in signals]).reshape(shape),
    }


def _trades(run: ExploredRun) -> str:
    """Orders without daily payments, and lives of SPX positions."""
    orders = [
        _order(entry, {name for engine in run.watched.values() for name in engine.market_signals})
        for entry in run.ledger.entries
        if entry.is_order
    ]
    return json.dumps({"orders": orders, "lives": run.lives.rows()}, separators=(",", ":"), allow_nan=False)


def _order(entry: Entry, stored: set[str]) -> dict[str, Any]:
    """Order as plain values; of the signals those of the book, since those of the market are stored by day."""
    book = {name: value for name, value in entry.signals.items() if name not in stored and np.isfinite(value)}
    return {
        "session": entry.session,
        "engine": entry.engine,
        "action": entry.action,
        "reason": entry.reason,
        "cash": round(entry.cash, 2),
        "costs": round(entry.fees + entry.half_spread, 2),
        "legs": [[_plain(getattr(leg, name)) for name in LEG] for leg in entry.legs],
        "book": book,
    }


def _plain(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
