"""Chosen paths of a scenario, run again under every strategy and written down day by day."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cell import chosen_market
from sim.config import ExperimentConfig
from sim.evaluator import evaluate, required_signals
from sim.explorer.condors import Lives
from sim.exposures import ExposurePlan
from sim.journal.entries import Entry
from sim.journal.reasons import trees_of
from sim.journal.run import WatchedRun
from sim.market import MarketBlock
from sim.outcomes import Outcomes
from sim.sources import SOURCES
from sim.stored_variables import TENORS

FloatArray = NDArray[np.float64]

LEG = ("product", "expiry", "right", "strike", "quantity", "price")
"""What is kept of the leg of an order."""

Rule = tuple[str, str, str]
"""Strategy, engine, field that holds the tree of conditions."""

Held = tuple[str, str]
"""Engine, field of a tree that holds."""


class ExploredRun(WatchedRun):
    """Run of a strategy that keeps, of the first paths of its block, what the explorer draws."""

    def __init__(self, *arguments: Any, n_recorded: int) -> None:
        super().__init__(*arguments, n_recorded=n_recorded)
        self.margins: list[FloatArray] = []
        self.engine_pnl: list[FloatArray] = []
        self.held_rules: list[list[set[Held]]] = []
        self.lives = [Lives(path, self.market.day0) for path in range(n_recorded)]

    def step(self, t: int, *, decides: bool) -> None:
        """Move the book, and keep what is drawn."""
        super().step(t, decides=decides)
        ledger = self.ledger
        self.margins.append(self.bound)
        self.engine_pnl.append(ledger.gross_pnl - ledger.cost)
        rules = [
            {(name, key) for name, engine in self.watched.items() for key in engine.held[path] if decides}
            for path in range(len(self.lives))
        ]
        self.held_rules.append(rules)
        for lives in self.lives:
            lives.note(ledger.tranches, t)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A path under every strategy.

    Parameters
    ----------
    market : mapping
        ``spot``, ``vix``, ``vx1``, ``vx2`` of shape (n_days + 1,), ``curve`` (n_tenors, n_days + 1), and ``signals``
        (n_signals, n_days + 1).
    equity, margin : ndarray of shape (n_strategies, n_days + 1)
        Equity after the orders of the day, and the most that margin bound on it [USD].
    engine_pnl : ndarray of shape (n_strategies, n_engines, n_days + 1)
        Net of costs since day 0 [USD]; NaN for engines that the strategy has not.
    engine_source, book_source : ndarray, optional
        P&L since day 0 by source [USD], shape (n_strategies, n_engines, n_sources, n_days + 1) and without engines;
        None where it is not split.
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
    engine_source: FloatArray | None
    book_source: FloatArray | None
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


def record(config: ExperimentConfig, scenario: str, paths: Sequence[int]) -> list[Record]:
    """Simulate paths of a scenario again, and evaluate every strategy on all of them together."""
    runs: list[ExploredRun] = []

    def start(*arguments: Any) -> ExploredRun:
        runs.append(ExploredRun(*arguments, n_recorded=len(paths)))
        return runs[-1]

    market, stream = chosen_market(config, scenario, paths)
    jump = config.keep.jump_deviations if config.keep.sources else None
    plan = None if jump is None else ExposurePlan(n_paths=len(paths), every=1, jump_deviations=jump)
    outcomes = evaluate(
        market,
        config.strategies,
        account=config.account,
        costs=config.costs,
        margin=config.margin,
        stream=stream,
        run_type=start,
        exposures=plan,
    )
    found = [outcomes[name] for name in config.strategies]
    return [_record(config, market, runs, found, path) for path in range(len(paths))]


def _record(
    config: ExperimentConfig, market: MarketBlock, runs: Sequence[ExploredRun], outcomes: Sequence[Outcomes], path: int
) -> Record:
    """What is kept of a path of the block."""
    engines = list(dict.fromkeys(name for run in runs for name in run.ledger.engines))
    n_days = market.n_times - market.day0
    pnl = np.full((len(runs), len(engines), n_days), np.nan)
    by_engine = np.full((len(runs), len(engines), len(SOURCES), n_days), np.nan)
    for row, (run, outcome) in enumerate(zip(runs, outcomes, strict=True)):
        own = [engines.index(name) for name in run.ledger.engines]
        pnl[row, own] = np.array([day[:, path] for day in run.engine_pnl]).T
        if outcome.sources is not None:
            by_engine[row, own] = outcome.sources.course[:-1, ..., path]
    books = [item.sources.course[..., path].sum(axis=0) for item in outcomes if item.sources is not None]
    names = list(config.strategies)
    rules = np.array(
        [
            [(engine, field) in held[path] for held in runs[names.index(strategy)].held_rules]
            for strategy, engine, field in rules_of(config)
        ],
        dtype=np.int8,
    )
    return Record(
        market=_market(market, required_signals(config.strategies), path),
        equity=np.array([run.equity[:, path] for run in runs]),
        margin=np.array([[day[path] for day in run.margins] for run in runs]),
        engine_pnl=pnl,
        engine_source=by_engine if books else None,
        book_source=np.array(books) if books else None,
        rules=rules.reshape(-1, n_days),
        trades=[_trades(run, path) for run in runs],
        terminal_pnl=np.array([outcome.terminal_pnl[path] for outcome in outcomes]),
        date=market.calendar.dates[market.day0 : market.n_times].astype("datetime64[D]").astype(np.int32),
    )


def _market(market: MarketBlock, signals: tuple[str, ...], path: int) -> dict[str, FloatArray]:
    first = market.day0
    days = range(first, market.n_times)
    shape = (-1, market.n_times - first)
    return {
        "spot": market.spot_series[first:, path],
        "vix": market.vix_series[first:, path],
        "vx1": market.vx(1)[first:, path],
        "vx2": market.vx(2)[first:, path],
        "curve": np.array([[market.constant_maturity(t, tenor)[path] for t in days] for tenor in TENORS]),
        "signals": np.array([market.signal(name)[first:, path] for name in signals]).reshape(shape),
    }


def _trades(run: ExploredRun, path: int) -> str:
    """Orders without daily payments, and lives of SPX positions."""
    orders = [
        _order(entry, {name for engine in run.watched.values() for name in engine.market_signals})
        for entry in run.ledger.accounts[path].entries
        if entry.is_order
    ]
    return json.dumps({"orders": orders, "lives": run.lives[path].rows()}, separators=(",", ":"), allow_nan=False)


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
